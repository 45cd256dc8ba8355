/* t_gguf_refuse.c - containers that open must refuse, each with its exact message, code and offset.
 *
 * A row is a name, the file in the words of tests/gguf_text.h, and what open says. `--corpus DIR` writes the
 * files of both tables instead, as seeds for fuzz_gguf. Offsets: the header has 24 bytes, so key 'k' begins
 * at 24, its type at 33, a scalar value at 37, an array's element type at 37, its count at 41 and its
 * elements at 49; a table that begins at 24 with tensor 't' has n_dims at 33, the first dimension at 37. */
#include "tests/test.h"

#include "tests/gguf_text.h"
#include "tests/gguf_walk.h"

struct refusal {
	const char *name, *file;
	enum fox_status code;
	uint64_t at;
	const char *text;
};

static const struct refusal header_rows[] = {
    {"empty", "", FOX_E_FORMAT, 0, "file is empty"},
    {"one_byte", "raw G", FOX_E_BOUND, 0, "file ends inside the magic"},
    {"three_bytes", "raw GGU", FOX_E_BOUND, 0, "file ends inside the magic"},
    {"magic_other", "raw FUGG u32 3 u64 0 u64 0", FOX_E_FORMAT, 0, "magic is not 'GGUF'"},
    {"magic_prefix_other", "raw GX", FOX_E_FORMAT, 0, "magic is not 'GGUF'"},
    {"lfs_pointer", "raw version%20https://git-lfs.github.com/spec/v1%0Aoid%20sha256:00", FOX_E_FORMAT, 0,
        "this is a Git-LFS pointer, not the file it stands for"},
    {"magic_only", "raw GGUF", FOX_E_BOUND, 4, "file ends inside the version"},
    {"header_8", "raw GGUF u32 3", FOX_E_BOUND, 8, "file ends inside the tensor count"},
    {"header_23", "raw GGUF u32 3 u64 0 fill 0 7", FOX_E_BOUND, 16, "file ends inside the key count"},
    {"version_0", "gguf 0 0 0", FOX_E_UNSUPPORTED, 4, "version 0 is not supported, want 2 or 3"},
    {"version_1", "gguf 1 0 0", FOX_E_UNSUPPORTED, 4, "version 1 is not supported, want 2 or 3"},
    {"version_4", "gguf 4 0 0 pad 32", FOX_E_UNSUPPORTED, 4, "version 4 is not supported, want 2 or 3"},
    {"version_4_be", "be gguf 4 0 0", FOX_E_UNSUPPORTED, 4, "version 4 is not supported, want 2 or 3"},
    {"version_neg", "gguf -1 0 0", FOX_E_UNSUPPORTED, 4, "version 4294967295 is not supported, want 2 or 3"},
    {"tensors_neg", "gguf 3 -1 0", FOX_E_BOUND, 8,
        "18446744073709551615 tensors do not fit a file of 24 bytes"},
    {"tensors_2_40", "gguf 3 0x10000000000 0", FOX_E_BOUND, 8,
        "1099511627776 tensors do not fit a file of 24 bytes"},
    {"tensors_2_61", "gguf 3 0x2000000000000000 0", FOX_E_BOUND, 8,
        "2305843009213693952 tensors do not fit a file of 24 bytes"},
    {"tensors_1_of_0", "gguf 3 1 0", FOX_E_BOUND, 8, "1 tensors do not fit a file of 24 bytes"},
    {"keys_neg", "gguf 3 0 -1", FOX_E_BOUND, 16, "18446744073709551615 keys do not fit a file of 24 bytes"},
    {"keys_max_i64", "gguf 3 0 0x7fffffffffffffff", FOX_E_BOUND, 16,
        "9223372036854775807 keys do not fit a file of 24 bytes"},
    {"keys_wrap_24", "gguf 3 0 0xaaaaaaaaaaaaaab", FOX_E_BOUND, 16,
        "768614336404564651 keys do not fit a file of 24 bytes"},
    {"keys_2_40", "gguf 3 0 0x10000000000 fill 0 100", FOX_E_BOUND, 16,
        "1099511627776 keys do not fit a file of 124 bytes"},
    {"keys_more_than_are", "gguf 3 0 2 kv k 4 u32 1 fill 0 3 fill 0 8", FOX_E_FORMAT, 41,
        "key is empty, in key 1"},
};

static const struct refusal key_rows[] = {
    {"key_empty", "gguf 3 0 1 kv - 4 u32 1", FOX_E_FORMAT, 24, "key is empty, in key 0"},
    {"key_len_2_64", "gguf 3 0 1 u64 -1 fill 0 16", FOX_E_BOUND, 24,
        "key of 18446744073709551615 bytes ends past the file, in key 0"},
    {"key_len_2_63", "gguf 3 0 1 u64 0x8000000000000000 fill 0 16", FOX_E_BOUND, 24,
        "key of 9223372036854775808 bytes ends past the file, in key 0"},
    {"key_len_one_more", "gguf 3 0 1 u64 17 fill 0x61 16", FOX_E_BOUND, 24,
        "key of 17 bytes ends past the file, in key 0"},
    {"key_len_65536", "gguf 3 0 1 name 65536 u32 0 u8 0", FOX_E_BOUND, 24,
        "key of 65536 bytes is over the limit of 65535, in key 0"},
    {"key_nul", "gguf 3 0 2 kv a%00b 4 u32 1 kv a 4 u32 1", FOX_E_FORMAT, 33,
        "key holds a NUL byte, in key 0"},
    {"key_utf8", "gguf 3 0 1 kv %FF%FE 8 str %C3%28", FOX_E_FORMAT, 32,
        "key is not well-formed UTF-8, in key 0"},
    {"key_utf8_later", "gguf 3 0 1 kv ab%C3%28 8 str x", FOX_E_FORMAT, 34,
        "key is not well-formed UTF-8, in key 0"},
    {"key_utf8_surrogate", "gguf 3 0 1 kv %ED%A0%80 8 str x", FOX_E_FORMAT, 32,
        "key is not well-formed UTF-8, in key 0"},
    {"key_utf8_overlong", "gguf 3 0 1 kv %C0%80x 8 str x", FOX_E_FORMAT, 32,
        "key is not well-formed UTF-8, in key 0"},
    {"key_repeats", "gguf 3 0 3 kv a 4 u32 1 kv b 4 u32 1 kv a 7 u8 1 fill 0 9", FOX_E_FORMAT, 58,
        "key 2 repeats key 0, 'a'"},
    {"key_no_value", "gguf 3 0 1 kv k 4 u8 1", FOX_E_BOUND, 37, "file ends inside the value, in key 'k'"},
    {"key_half_a_type", "gguf 3 0 1 str abcd u16 0", FOX_E_BOUND, 36,
        "file ends inside the value type, in key 'abcd'"},
    {"type_13", "gguf 3 0 1 kv k 13 u32 0", FOX_E_FORMAT, 33, "value type 13 is unknown, in key 'k'"},
    {"type_255", "gguf 3 0 1 kv k 255 u32 0", FOX_E_FORMAT, 33, "value type 255 is unknown, in key 'k'"},
    {"type_neg", "gguf 3 0 1 kv k -1 u32 0", FOX_E_FORMAT, 33,
        "value type 4294967295 is unknown, in key 'k'"},
    {"bool_2", "gguf 3 0 1 kv b 7 u8 2", FOX_E_FORMAT, 37, "bool is 2, want 0 or 1, in key 'b'"},
    {"bool_255_in_array", "gguf 3 0 1 arr k 7 3 u8 1 u8 0 u8 255", FOX_E_FORMAT, 51,
        "bool is 255, want 0 or 1, in key 'k'"},
    {"value_short", "gguf 3 0 1 kv k 10 u32 1", FOX_E_BOUND, 37, "file ends inside the value, in key 'k'"},
    {"str_2_64", "gguf 3 0 1 kv k 8 u64 -1", FOX_E_BOUND, 37,
        "string of 18446744073709551615 bytes ends past the file, in key 'k'"},
    {"str_2_32", "gguf 3 0 1 kv k 8 u64 0x100000000 fill 97 4", FOX_E_BOUND, 37,
        "string of 4294967296 bytes ends past the file, in key 'k'"},
    {"str_one_more", "gguf 3 0 1 kv k 8 u64 5 fill 97 4", FOX_E_BOUND, 37,
        "string of 5 bytes ends past the file, in key 'k'"},
    {"str_no_length", "gguf 3 0 1 kv k 8 u32 0", FOX_E_BOUND, 37, "file ends inside the string, in key 'k'"},
    {"arr_nested", "gguf 3 0 1 arr k 9 1 u32 4 u64 0", FOX_E_UNSUPPORTED, 37,
        "array of arrays is not supported, in key 'k'"},
    {"arr_item_13", "gguf 3 0 1 arr k 13 1 u32 0", FOX_E_FORMAT, 37,
        "element type 13 is unknown, in key 'k'"},
    {"arr_item_neg", "gguf 3 0 1 arr k -1 1 u32 0", FOX_E_FORMAT, 37,
        "element type 4294967295 is unknown, in key 'k'"},
    {"arr_no_count", "gguf 3 0 1 kv k 9 u32 4 u32 0", FOX_E_BOUND, 41,
        "file ends inside the element count, in key 'k'"},
    {"arr_u8_2_62", "gguf 3 0 1 arr k 0 0x4000000000000000 pad 32", FOX_E_BOUND, 41,
        "array of 4611686018427387904 u8 ends past the file, in key 'k'"},
    {"arr_u8_2_64", "gguf 3 0 1 arr k 0 -1", FOX_E_BOUND, 41,
        "array of 18446744073709551615 u8 ends past the file, in key 'k'"},
    {"arr_u8_one_more", "gguf 3 0 1 arr k 0 5 fill 0 4", FOX_E_BOUND, 41,
        "array of 5 u8 ends past the file, in key 'k'"},
    {"arr_u64_wraps", "gguf 3 0 1 arr k 10 0x2000000000000001 fill 0 16", FOX_E_BOUND, 41,
        "array of 2305843009213693953 u64 ends past the file, in key 'k'"},
    {"arr_f32_2_63", "gguf 3 0 1 arr k 6 0x8000000000000000 fill 0 16", FOX_E_BOUND, 41,
        "array of 9223372036854775808 f32 ends past the file, in key 'k'"},
    {"arr_str_2_61", "gguf 3 0 1 arr k 8 0x2000000000000000 pad 32", FOX_E_BOUND, 41,
        "array of 2305843009213693952 str ends past the file, in key 'k'"},
    {"arr_str_2_60", "gguf 3 0 1 arr k 8 0x1000000000000000 fill 0 64", FOX_E_BOUND, 41,
        "array of 1152921504606846976 str ends past the file, in key 'k'"},
    {"arr_str_element", "gguf 3 0 1 arr k 8 3 str ab u64 99 fill 0 8", FOX_E_BOUND, 59,
        "string of 99 bytes ends past the file, in element 1, in key 'k'"},
    {"arr_str_cut", "gguf 3 0 1 arr k 8 2 str abc u32 0 raw xyz", FOX_E_BOUND, 60,
        "file ends inside the string, in element 1, in key 'k'"},
    {"align_0", "gguf 3 0 1 kv general.alignment 4 u32 0 pad 32", FOX_E_FORMAT, 53,
        "alignment 0 is no power of two"},
    {"align_3", "gguf 3 0 1 kv general.alignment 4 u32 3 pad 32", FOX_E_FORMAT, 53,
        "alignment 3 is no power of two"},
    {"align_13", "gguf 3 0 1 kv general.alignment 4 u32 13", FOX_E_FORMAT, 53,
        "alignment 13 is no power of two"},
    {"align_2_31", "gguf 3 1 1 kv general.alignment 4 u32 0x80000000 ti t 1 8 0 0 pad 32 fill 0 32",
        FOX_E_BOUND, 53, "alignment 2147483648 is over the limit of 65536"},
    {"align_2_17", "gguf 3 0 1 kv general.alignment 4 u32 131072", FOX_E_BOUND, 53,
        "alignment 131072 is over the limit of 65536"},
    {"align_str", "gguf 3 0 1 kv general.alignment 8 str 32 pad 32", FOX_E_FORMAT, 53,
        "'general.alignment' is str, want u32"},
    {"align_u64", "gguf 3 0 1 kv general.alignment 10 u64 32 pad 32", FOX_E_FORMAT, 53,
        "'general.alignment' is u64, want u32"},
    {"align_i32", "gguf 3 0 1 kv general.alignment 5 u32 32 pad 32", FOX_E_FORMAT, 53,
        "'general.alignment' is i32, want u32"},
    {"align_arr", "gguf 3 0 1 arr general.alignment 4 0 pad 32", FOX_E_FORMAT, 65,
        "'general.alignment' is arr, want u32"},
    {"align_arr2", "gguf 3 0 1 arr general.alignment 4 2 u32 32 u32 64 pad 32", FOX_E_FORMAT, 65,
        "'general.alignment' is arr, want u32"},
};

static const struct refusal tensor_rows[] = {
    {"name_empty", "gguf 3 1 0 ti - 1 8 0 0 pad 32 fill 0 32", FOX_E_FORMAT, 24,
        "name is empty, in tensor 0"},
    {"name_64", "gguf 3 1 0 name 64 u32 1 u64 8 u32 0 u64 0 pad 32 fill 0 32", FOX_E_BOUND, 24,
        "name of 64 bytes is over the limit of 63, in tensor 0"},
    {"name_2_64", "gguf 3 1 0 u64 -1 fill 0 40", FOX_E_BOUND, 24,
        "name of 18446744073709551615 bytes ends past the file, in tensor 0"},
    {"name_nul", "gguf 3 2 0 ti a%00x 1 8 0 0 ti b 1 8 0 32 pad 32 fill 0 64", FOX_E_FORMAT, 33,
        "name holds a NUL byte, in tensor 0"},
    {"name_nul_dup", "gguf 3 2 0 ti a 1 8 0 0 ti a%00x 1 8 0 32 pad 32 fill 0 64", FOX_E_FORMAT, 66,
        "name holds a NUL byte, in tensor 1"},
    {"name_utf8", "gguf 3 1 0 ti a%80 1 8 0 0 pad 32 fill 0 32", FOX_E_FORMAT, 33,
        "name is not well-formed UTF-8, in tensor 0"},
    {"name_repeats", "gguf 3 2 0 ti t 1 8 0 0 ti t 1 8 0 32 pad 32 fill 0 64", FOX_E_FORMAT, 57,
        "tensor 1 repeats tensor 0, 't'"},
    {"dims_0", "gguf 3 1 0 ti t 0 0 0 pad 32 fill 0 32", FOX_E_BOUND, 33,
        "0 dimensions, want 1 to 4, in tensor 't'"},
    {"dims_5", "gguf 3 1 0 ti t 5 1 1 1 1 1 0 0 pad 32 fill 0 32", FOX_E_BOUND, 33,
        "5 dimensions, want 1 to 4, in tensor 't'"},
    {"dims_9", "gguf 3 1 0 ti t 9 1 1 1 1 1 1 1 1 1 0 0 pad 32 fill 0 32", FOX_E_BOUND, 33,
        "9 dimensions, want 1 to 4, in tensor 't'"},
    {"dims_1000000", "gguf 3 1 0 str t u32 1000000 fill 0 32", FOX_E_BOUND, 33,
        "1000000 dimensions, want 1 to 4, in tensor 't'"},
    {"dims_2_32", "gguf 3 1 0 str t u32 -1 fill 0 32", FOX_E_BOUND, 33,
        "4294967295 dimensions, want 1 to 4, in tensor 't'"},
    {"dim0_zero", "gguf 3 1 0 ti t 1 0 0 0 pad 32", FOX_E_FORMAT, 37, "dimension 0 is 0, in tensor 't'"},
    {"dim1_zero", "gguf 3 1 0 ti t 2 4 0 0 0 pad 32", FOX_E_FORMAT, 45, "dimension 1 is 0, in tensor 't'"},
    {"dim2_zero", "gguf 3 1 0 ti t 3 4 1 0 0 0 pad 32", FOX_E_FORMAT, 53, "dimension 2 is 0, in tensor 't'"},
    {"dim3_zero", "gguf 3 1 0 ti t 4 4 1 1 0 0 0 pad 32", FOX_E_FORMAT, 61,
        "dimension 3 is 0, in tensor 't'"},
    {"dim_neg", "gguf 3 1 0 ti t 1 -1 24 0 pad 32", FOX_E_BOUND, 37,
        "number of elements does not fit 63 bits, in tensor 't'"},
    {"dim_max_i64", "gguf 3 1 0 ti t 2 0x7fffffffffffffff 2 0 0 pad 32", FOX_E_BOUND, 45,
        "number of elements does not fit 63 bits, in tensor 't'"},
    {"wrap_2_32", "gguf 3 1 0 ti t 2 0x100000000 0x100000000 0 0 pad 32", FOX_E_BOUND, 45,
        "number of elements does not fit 63 bits, in tensor 't'"},
    {"wrap_4dims", "gguf 3 1 0 ti t 4 65536 65536 65536 65536 0 0 pad 32", FOX_E_BOUND, 61,
        "number of elements does not fit 63 bits, in tensor 't'"},
    {"wrap_to_4", "gguf 3 1 0 ti t 3 4194305 4194305 211106198978564 0 0 pad 32", FOX_E_BOUND, 53,
        "number of elements does not fit 63 bits, in tensor 't'"},
    {"dim1_2_42", "gguf 3 1 0 ti t 2 1024 0x40000000001 0 0 pad 32 fill 0 4096", FOX_E_TRUNCATED, 96,
        "data of tensor 't' ends 18014398509481984 bytes past the file"},
    {"q4_0_wraps", "gguf 3 1 0 ti t 1 1024819115206086208 2 0 pad 32 fill 0 32", FOX_E_TRUNCATED, 64,
        "data of tensor 't' ends 576460752303423460 bytes past the file"},
    {"q8_0_wraps", "gguf 3 1 0 ti t 1 542551296285575072 8 0 pad 32 fill 0 32", FOX_E_TRUNCATED, 64,
        "data of tensor 't' ends 576460752303423482 bytes past the file"},
    {"f16_pad_wraps", "gguf 3 1 0 ti t 1 9223372036854775806 1 0 pad 32", FOX_E_BOUND, 45,
        "number of bytes does not fit 63 bits, in tensor 't'"},
    {"f16_pad_wraps_2", "gguf 3 2 0 ti t 1 9223372036854775806 1 0 ti u 1 8 0 0 pad 32 fill 1 32",
        FOX_E_BOUND, 45, "number of bytes does not fit 63 bits, in tensor 't'"},
    {"two_i8_2_63",
        "gguf 3 2 0 ti t 1 0x7fffffffffffffc0 24 0 ti u 1 0x7fffffffffffffc0 24 0x7fffffffffffffc0 pad 32",
        FOX_E_BOUND, 82, "end of the data does not fit 63 bits, in tensor 'u'"},
    {"i8_pad_wraps", "gguf 3 1 0 ti t 1 0x7fffffffffffffff 24 0 pad 32", FOX_E_BOUND, 49,
        "end of the data does not fit 63 bits, in tensor 't'"},
    {"three_sum_2_64",
        "gguf 3 3 0 ti t 1 0x4000000000000000 24 0 ti u 1 0x3fffffffffffffe0 24 0x4000000000000000 "
        "ti v 1 0x40 24 0x7fffffffffffffe0 pad 32",
        FOX_E_BOUND, 115, "end of the data does not fit 63 bits, in tensor 'v'"},
    {"row_33_q8_0", "gguf 3 1 0 ti t 1 33 8 0 pad 32 fill 0 64", FOX_E_FORMAT, 45,
        "row of 33 elements is no multiple of the q8_0 block of 32, in tensor 't'"},
    {"row_32_q4_k", "gguf 3 1 0 ti t 2 32 8 12 0 pad 32 fill 0 144", FOX_E_FORMAT, 53,
        "row of 32 elements is no multiple of the q4_k block of 256, in tensor 't'"},
    {"row_32_q6_k", "gguf 3 1 0 ti t 2 32 8 14 0 pad 32 fill 0 210", FOX_E_FORMAT, 53,
        "row of 32 elements is no multiple of the q6_k block of 256, in tensor 't'"},
    {"type_removed_4", "gguf 3 1 0 ti t 1 32 4 0 pad 32 fill 0 64", FOX_E_UNSUPPORTED, 45,
        "tensor type 4 is not supported (q4_2, removed from the format), in tensor 't'"},
    {"type_removed_5", "gguf 3 1 0 ti t 1 32 5 0 pad 32 fill 0 64", FOX_E_UNSUPPORTED, 45,
        "tensor type 5 is not supported (q4_3, removed from the format), in tensor 't'"},
    {"type_removed_32", "gguf 3 1 0 ti t 1 32 32 0 pad 32 fill 0 64", FOX_E_UNSUPPORTED, 45,
        "tensor type 32 is not supported (q4_0_4_8, removed from the format), in tensor 't'"},
    {"type_43", "gguf 3 1 0 ti t 1 32 43 0 pad 32 fill 0 64", FOX_E_UNSUPPORTED, 45,
        "tensor type 43 is not supported (unknown), in tensor 't'"},
    {"ttype_neg", "gguf 3 1 0 ti t 1 32 -1 0 pad 32 fill 0 64", FOX_E_UNSUPPORTED, 45,
        "tensor type 4294967295 is not supported (unknown), in tensor 't'"},
    {"type_10_6", "gguf 3 1 0 ti t 1 32 1000000 0 pad 32 fill 0 64", FOX_E_UNSUPPORTED, 45,
        "tensor type 1000000 is not supported (unknown), in tensor 't'"},
    {"off_neg", "gguf 3 1 0 ti t 1 8 0 -1 pad 32 fill 0 32", FOX_E_FORMAT, 49,
        "data offset 18446744073709551615 is no multiple of the alignment 32, in tensor 't'"},
    {"off_unaligned", "gguf 3 2 0 ti a 1 5 0 0 ti b 1 8 0 20 pad 32 fill 0 64", FOX_E_FORMAT, 82,
        "data offset 20 is no multiple of the alignment 32, in tensor 'b'"},
    {"off_overlap", "gguf 3 2 0 ti a 1 8 0 0 ti b 1 8 0 0 pad 32 fill 0 64", FOX_E_FORMAT, 82,
        "data offset 0 overlaps, want 32, in tensor 'b'"},
    {"off_overlap_by_1", "gguf 3 2 0 ti a 1 33 24 0 ti b 1 8 0 32 pad 32 fill 0 96", FOX_E_FORMAT, 82,
        "data offset 32 overlaps, want 64, in tensor 'b'"},
    {"off_decreasing", "gguf 3 2 0 ti a 1 8 0 32 ti b 1 8 0 0 pad 32 fill 0 64", FOX_E_FORMAT, 49,
        "data offset 32 leaves a gap, want 0, in tensor 'a'"},
    {"off_gap", "gguf 3 2 0 ti a 1 8 0 0 ti b 1 8 0 64 pad 32 fill 0 96", FOX_E_FORMAT, 82,
        "data offset 64 leaves a gap, want 32, in tensor 'b'"},
    {"off_2_32", "gguf 3 1 0 ti t 1 8 0 0x100000000 pad 32 fill 0 32", FOX_E_FORMAT, 49,
        "data offset 4294967296 leaves a gap, want 0, in tensor 't'"},
    {"off_past_end", "gguf 3 1 0 ti t 1 8 0 0xffffffffffffffe0 pad 32 fill 0 32", FOX_E_FORMAT, 49,
        "data offset 18446744073709551584 leaves a gap, want 0, in tensor 't'"},
    {"data_short_1", "gguf 3 1 0 ti t 1 8 0 0 pad 32 fill 0 31", FOX_E_TRUNCATED, 64,
        "data of tensor 't' ends 1 bytes past the file"},
    {"data_none", "gguf 3 1 0 ti t 1 8 0 0 pad 32", FOX_E_TRUNCATED, 64,
        "data of tensor 't' ends 32 bytes past the file"},
    {"data_none_no_padding", "gguf 3 1 0 ti t 1 8 0 0", FOX_E_TRUNCATED, 64,
        "data of tensor 't' ends 39 bytes past the file"},
    {"data_second_short", "gguf 3 2 0 ti a 1 8 0 0 ti b 1 8 0 32 pad 32 fill 0 33", FOX_E_TRUNCATED, 128,
        "data of tensor 'b' ends 31 bytes past the file"},
    {"table_cut", "gguf 3 1 0 str t u32 2 u64 4 u64 4 u32 0 u32 0", FOX_E_BOUND, 57,
        "file ends inside the tensor offset, in tensor 't'"},
    {"table_second_missing", "gguf 3 2 0 ti t 1 8 0 0 u64 100 fill 97 27", FOX_E_BOUND, 57,
        "name of 100 bytes ends past the file, in tensor 1"},
};

/* Files that must open: what GGUF allows and what is accepted beyond it. Also seeds. */
static const struct {
	const char *name, *file;
} accepted[] = {
    {"ok_empty", "gguf 3 0 0"},
    {"ok_v2", "gguf 2 1 1 kv k 4 u32 7 ti t 1 8 0 0 pad 32 fill 0 32"},
    {"ok_be", "be gguf 3 1 1 kv k 5 u32 -7 ti t 2 2 4 0 0 pad 32 fill 0 32"},
    {"ok_be_v2", "be gguf 2 0 1 arr k 8 2 str ab str -"},
    {"ok_align_1", "gguf 3 1 1 kv general.alignment 4 u32 1 ti t 1 8 0 0 fill 0 32"},
    {"ok_align_65536", "gguf 3 0 1 kv general.alignment 4 u32 65536"},
    {"ok_trailing", "gguf 3 1 0 ti t 1 8 0 0 pad 32 fill 0 32 raw PK%03%04 fill 0x78 100"},
    {"ok_escape_in_names", "gguf 3 1 1 kv a%1B]52;c;ZXZpbA==%07 4 u32 1 ti x%1B[2J 1 8 0 0 pad 32 fill 0 32"},
    {"ok_value_utf8", "gguf 3 0 1 kv k 8 str %C3%28%00"},
    {"ok_no_last_padding", "gguf 3 1 0 ti t 1 1 0 0 pad 32 fill 0 4"},
    {"ok_types",
        "gguf 3 0 13 kv a 0 u8 255 kv b 1 u8 -1 kv c 2 u16 -1 kv d 3 u16 -1 kv e 4 u32 -1 kv f 5 u32 -1 kv g "
        "6 f32 0.5 "
        "kv h 7 u8 1 kv i 8 str x kv j 10 u64 -1 kv k 11 u64 -1 kv l 12 f64 0.1 arr m 7 2 u8 0 u8 1"},
    {"ok_hashes", "gguf 3 1 1 arr fox.hash.tensors 0 16 fill 7 16 ti t 1 8 0 0 pad 32 fill 0 32"},
    {"ok_name_63", "gguf 3 1 0 name 63 u32 1 u64 8 u32 0 u64 0 pad 32 fill 0 32"},
};

static void check_rows(const struct refusal *rows, size_t n)
{
	size_t bad = 0;
	for (size_t i = 0; i < n; i++) {
		struct fox_buf b = {0};
		struct fox_err err = {0};
		struct fox_gguf *g = (struct fox_gguf *)&b; /* anything but NULL */
		gguf_from_text(&b, rows[i].file);
		uint8_t *exact = malloc(b.n + !b.n); /* no spare byte behind the end */
		memcpy(exact, b.n ? b.p : "", b.n);
		enum fox_status st = fox_gguf_open_bytes(&g, (struct fox_span){exact, b.n}, "f.gguf", &err);
		if (st != rows[i].code || g || err.code != st || err.at != rows[i].at ||
		    strcmp(err.text, rows[i].text) || strcmp(err.file, "f.gguf")) {
			print_error("%s: %s (%s) at %llu\n", rows[i].name, err.text, fox_status_name(st),
			    (unsigned long long)err.at);
			bad++;
		}
		fox_gguf_close(g);
		free(exact);
		fox_buf_free(&b);
	}
	assert_int_equal(bad, 0);
}

static void header(void **state)
{
	(void)state;
	check_rows(header_rows, FOX_COUNT(header_rows));
}

static void keys(void **state)
{
	(void)state;
	check_rows(key_rows, FOX_COUNT(key_rows));
}

static void tensors(void **state)
{
	(void)state;
	check_rows(tensor_rows, FOX_COUNT(tensor_rows));
}

static void accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(accepted); i++) {
		struct fox_buf b = {0};
		struct fox_err err = {0};
		struct fox_gguf *g;
		gguf_from_text(&b, accepted[i].file);
		if (fox_gguf_open_bytes(&g, (struct fox_span){(const uint8_t *)b.p, b.n}, "f.gguf", &err))
			fail_msg("%s: %s", accepted[i].name, err.text);
		gguf_walk(g);
		fox_gguf_close(g);
		fox_buf_free(&b);
	}
}

/* Limits that need a large file: built by hand. */
static void limits(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	struct fox_err err = {0};
	struct fox_gguf *g;
	gguf_from_text(&b, "gguf 3 0 1 kv k 8 u64 16777217 fill 97 16777217");
	struct fox_span all = {(const uint8_t *)b.p, b.n};
	assert_int_equal(fox_gguf_open_bytes(&g, all, "f", &err), FOX_E_BOUND);
	assert_fox_err(
	    &err, FOX_E_BOUND, 37, "string of 16777217 bytes is over the limit of 16777216, in key 'k'");
	b.p[37] = 0; /* 16777216: at the limit; the byte too many becomes what follows the header */
	err = (struct fox_err){0};
	assert_fox_ok(fox_gguf_open_bytes(&g, all, "f", &err), &err);
	assert_int_equal(fox_gguf_key(g, 0)->raw.n, 16777224);
	fox_gguf_close(g);
	fox_buf_clear(&b);
	gguf_from_text(&b, "gguf 3 0 1 arr k 0 67108865 fill 1 67108865");
	all = (struct fox_span){(const uint8_t *)b.p, b.n};
	assert_int_equal(fox_gguf_open_bytes(&g, all, "f", &err), FOX_E_BOUND);
	assert_fox_err(
	    &err, FOX_E_BOUND, 41, "array of 67108865 elements is over the limit of 67108864, in key 'k'");
	fox_buf_clear(&b);
	gguf_from_text(&b, "gguf 3 0 1048577 fill 0 14680100");
	all = (struct fox_span){(const uint8_t *)b.p, b.n};
	err = (struct fox_err){0};
	assert_int_equal(fox_gguf_open_bytes(&g, all, "f", &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, 16, "1048577 keys are over the limit of 1048576");
	fox_buf_clear(&b);
	gguf_from_text(&b, "gguf 3 1048577 0 fill 0 34603100");
	all = (struct fox_span){(const uint8_t *)b.p, b.n};
	err = (struct fox_err){0};
	assert_int_equal(fox_gguf_open_bytes(&g, all, "f", &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, 8, "1048577 tensors are over the limit of 1048576");
	fox_buf_free(&b);
}

/* Keys in numbers where comparing each with each takes a minute, distinct and with the last one repeating. */
static void many_keys(void **state)
{
	(void)state;
	enum { N = 200000 };
	struct fox_buf b = {0};
	struct fox_err err = {0};
	struct fox_gguf *g;
	struct gguf_text t = {.out = &b};
	fox_buf_add(&b, "GGUF\3\0\0\0\0\0\0\0\0\0\0\0", 16);
	gguf_add(&t, N, 8);
	for (uint32_t i = 0; i < N; i++) {
		gguf_add(&t, 6, 8);
		fox_buf_fmt(&b, "%06u", i);
		gguf_add(&t, FOX_GGUF_U8, 4);
		fox_buf_char(&b, 1);
	}
	struct fox_span all = {(const uint8_t *)b.p, b.n};
	assert_fox_ok(fox_gguf_open_bytes(&g, all, "f", &err), &err);
	assert_int_equal(fox_gguf_keys(g), N);
	assert_ptr_equal(fox_gguf_find_key(g, "123456"), fox_gguf_key(g, 123456));
	fox_gguf_close(g);
	memcpy(b.p + b.n - 11, "000000", 6);
	assert_int_equal(fox_gguf_open_bytes(&g, all, "f", &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, b.n - 19, "key 199999 repeats key 0, '000000'");
	fox_buf_free(&b);
}

static void by_path(void **state)
{
	(void)state;
	struct fox_gguf *g;
	struct fox_err err = {0};
	const char *path = test_path("short.gguf");
	test_write(path, "GGUF\3\0\0", 7);
	assert_int_equal(fox_gguf_open(&g, path, &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, 4, "file ends inside the version");
	assert_string_equal(err.file, path);
	assert_null(g);
	assert_int_equal(fox_gguf_open(&g, path, NULL), FOX_E_BOUND); /* without a place for the message */
	test_write(path, "", 0);
	err = (struct fox_err){0};
	assert_int_equal(fox_gguf_open(&g, path, &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, 0, "file is empty");
	err = (struct fox_err){0};
	assert_int_equal(fox_gguf_open(&g, test_path("absent.gguf"), &err), FOX_E_IO);
	assert_int_equal(fox_gguf_open(&g, test_dir(), &err), FOX_E_IO);
}

static void write_seed(const char *dir, const char *name, const char *file)
{
	char path[512];
	struct fox_buf b = {0};
	gguf_from_text(&b, file);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (b.n <= 4096)
		test_write(path, b.n ? b.p : "", b.n);
	fox_buf_free(&b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(header),
	    cmocka_unit_test(keys),
	    cmocka_unit_test(tensors),
	    cmocka_unit_test(accepts),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(many_keys),
	    cmocka_unit_test(by_path),
	};
	if (argc == 3 && !strcmp(argv[1], "--corpus")) {
		for (size_t i = 0; i < FOX_COUNT(accepted); i++)
			write_seed(argv[2], accepted[i].name, accepted[i].file);
		for (size_t i = 0; i < FOX_COUNT(key_rows); i += 2)
			write_seed(argv[2], key_rows[i].name, key_rows[i].file);
		for (size_t i = 0; i < FOX_COUNT(tensor_rows); i += 2)
			write_seed(argv[2], tensor_rows[i].name, tensor_rows[i].file);
		return 0;
	}
	return cmocka_run_group_tests_name("gguf_refuse", tests, NULL, NULL);
}
