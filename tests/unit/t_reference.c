/* Reference files: what is read out of both kinds, and every way in which one can be no reference, by its message. */
#include "tests/npz_make.h"

#include <math.h>

#include "inspect/reference.h"
#include "tests/src_make.h"

static const int32_t ids4[] = {1, 2};
static const int64_t ids8[] = {1, 2};
static const float logits4[] = {0.5f, -1, 2, 3, 4, 5};
static const double logits8[] = {0.5, -1, 2, 3, 4, 5};
static const float hidden4[] = {1, 2, 3, 4, 5, 6, 7, 8};

static void check_good(const char *path, bool hidden)
{
	struct fox_reference r;
	struct fox_err e = {0};
	assert_fox_ok(fox_reference_open(&r, path, &e), &e);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.n_vocab, 3);
	assert_memory_equal(r.ids, ids4, sizeof ids4);
	assert_memory_equal(r.logits, logits4, sizeof logits4);
	assert_int_equal(r.n_layers, hidden ? 2 : 0);
	assert_int_equal(r.d_model, hidden ? 2 : 0);
	assert_true(hidden == (r.hidden != NULL));
	if (hidden)
		assert_memory_equal(r.hidden, hidden4, sizeof hidden4);
	fox_reference_close(&r);
	fox_reference_close(&r); /* zeroed: fine */
}

static void reads_npz(void **state)
{
	(void)state;
	struct npz z = {0};
	const char *p = test_path("good.npz");
	npz_add(&z, "logits", "<f4", "2, 3", logits4, sizeof logits4);
	npz_add(&z, "input_ids", "<i4", "2,", ids4, sizeof ids4);
	npz_add(&z, "something", "<f4", "2, 3", logits4, sizeof logits4);
	npz_save(&z, p);
	check_good(p, false);
	npz_add(&z, "input_ids", "<i8", "1, 2", ids8, sizeof ids8);
	npz_add(&z, "logits", "<f8", "1, 2, 3", logits8, sizeof logits8);
	npz_add(&z, "hidden_states", "<f4", "1, 2, 2, 2", hidden4, sizeof hidden4);
	npz_save(&z, p);
	check_good(p, true);
}

static void reads_safetensors(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	static const char head[] =
	    "{\"input_ids\":{\"dtype\":\"I64\",\"shape\":[1,2],\"data_offsets\":[0,16]},"
	    "\"logits\":{\"dtype\":\"F64\",\"shape\":[2,3],\"data_offsets\":[16,64]},"
	    "\"hidden_states\":{\"dtype\":\"F32\",\"shape\":[2,2,2],\"data_offsets\":[64,96]}}";
	st_make(&b, head, 0);
	fox_buf_add(&b, ids8, sizeof ids8);
	fox_buf_add(&b, logits8, sizeof logits8);
	fox_buf_add(&b, hidden4, sizeof hidden4);
	test_write(test_path("good.safetensors"), b.p, b.n);
	fox_buf_free(&b);
	check_good(test_path("good.safetensors"), true);
}

struct array {
	const char *name, *descr, *shape;
	const void *p;
	size_t n;
};

#define IDS                                                                                                  \
	{                                                                                                        \
		"input_ids", "<i4", "2,", ids4, sizeof ids4                                                          \
	}
#define LOGITS                                                                                               \
	{                                                                                                        \
		"logits", "<f4", "2, 3", logits4, sizeof logits4                                                     \
	}

static void refuses(void **state)
{
	(void)state;
	static const float nan4[] = {0, 1, NAN, 3, 4, 5}, inf4[] = {0, 1, 2, 3, 4, -INFINITY};
	static const double huge8[] = {0, 1e39, 2, 3, 4, 5};
	static const int32_t negative[] = {1, -2};
	static const int64_t large[] = {1, 2147483648};
	static const struct {
		struct array a[3];
		enum fox_status code;
		uint64_t at;
		const char *says;
	} cases[] = {
	    {{LOGITS}, FOX_E_FORMAT, FOX_NOWHERE, "no array 'input_ids'"},
	    {{IDS}, FOX_E_FORMAT, FOX_NOWHERE, "no array 'logits'"},
	    {{{"input_ids", "<f4", "2,", logits4, 8}, LOGITS}, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	        "'input_ids' are not integers"},
	    {{{"input_ids", "<i4", "2, 1", ids4, 8}, LOGITS}, FOX_E_MISMATCH, FOX_NOWHERE,
	        "'input_ids' has 2 dimensions, want 1"},
	    {{{"input_ids", "<i4", "", ids4, 4}, LOGITS}, FOX_E_MISMATCH, FOX_NOWHERE,
	        "'input_ids' has 0 dimensions, want 1"},
	    {{{"input_ids", "<i4", "0,", ids4, 0}, LOGITS}, FOX_E_BOUND, FOX_NOWHERE,
	        "'input_ids' has 0 elements, want 1 to 16777216"},
	    {{{"input_ids", "<i4", "2,", negative, 8}, LOGITS}, FOX_E_FORMAT, FOX_NOWHERE,
	        "'input_ids[1]' is -2"},
	    {{{"input_ids", "<i8", "2,", large, 16}, LOGITS}, FOX_E_FORMAT, FOX_NOWHERE,
	        "'input_ids[1]' is 2147483648"},
	    {{IDS, {"logits", "<i4", "2, 1", ids4, 8}}, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	        "'logits' are not floats"},
	    {{IDS, {"logits", "<f4", "6,", logits4, 24}}, FOX_E_MISMATCH, FOX_NOWHERE,
	        "'logits' has 1 dimensions, want 2"},
	    {{IDS, {"logits", "<f4", "3, 2", logits4, 24}}, FOX_E_MISMATCH, FOX_NOWHERE,
	        "'logits' is [3][2] for 2 ids"},
	    {{IDS, {"logits", "<f4", "2, 0", logits4, 0}}, FOX_E_MISMATCH, FOX_NOWHERE,
	        "'logits' is [2][0] for 2 ids"},
	    {{IDS, {"logits", "<f4", "2, 3", nan4, 24}}, FOX_E_FORMAT, FOX_NOWHERE,
	        "'logits' holds NaN or Inf at element 2"},
	    {{IDS, {"logits", "<f4", "2, 3", inf4, 24}}, FOX_E_FORMAT, FOX_NOWHERE,
	        "'logits' holds NaN or Inf at element 5"},
	    {{IDS, {"logits", "<f8", "2, 3", huge8, 48}}, FOX_E_FORMAT, FOX_NOWHERE,
	        "'logits' holds NaN or Inf at element 1"},
	    {{IDS, LOGITS, {"hidden_states", "<f4", "2, 2", hidden4, 16}}, FOX_E_MISMATCH, FOX_NOWHERE,
	        "'hidden_states' has 2 dimensions, want 3"},
	    {{IDS, LOGITS, {"hidden_states", "<f4", "2, 1, 2", hidden4, 16}}, FOX_E_MISMATCH, FOX_NOWHERE,
	        "'hidden_states' is [2][1][2] for 2 ids"},
	    {{IDS, LOGITS, {"hidden_states", "<f4", "0, 2, 2", hidden4, 0}}, FOX_E_MISMATCH, FOX_NOWHERE,
	        "'hidden_states' is [0][2][2] for 2 ids"},
	    {{IDS, LOGITS, {"hidden_states", "<f4", "2, 2, 0", hidden4, 0}}, FOX_E_MISMATCH, FOX_NOWHERE,
	        "'hidden_states' is [2][2][0] for 2 ids"},
	    {{IDS, LOGITS, {"hidden_states", "<i8", "1, 2, 1", hidden4, 16}}, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	        "'hidden_states' are not floats"},
	    {{IDS, {"logits", "|O", "2, 3", logits4, 24}}, FOX_E_UNSUPPORTED, 23,
	        "npy header: dtype '|O', want <f4, <f8, <i4 or <i8, in member 'logits.npy'"},
	    {{IDS, {"logits", "<f4", "4294967296, 4294967296", logits4, 24}}, FOX_E_BOUND, 10,
	        "npy shape does not fit 64 bits, in member 'logits.npy'"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct npz z = {0};
		struct fox_err e = {0};
		struct fox_reference r;
		const char *p = test_path("bad.npz");
		for (size_t k = 0; k < 3 && cases[i].a[k].name; k++)
			npz_add(&z, cases[i].a[k].name, cases[i].a[k].descr, cases[i].a[k].shape, cases[i].a[k].p,
			    cases[i].a[k].n);
		npz_save(&z, p);
		assert_int_equal(fox_reference_open(&r, p, &e), cases[i].code);
		assert_string_equal(e.text, cases[i].says);
		assert_int_equal(e.code, cases[i].code);
		if (cases[i].at == FOX_NOWHERE)
			assert_true(e.at == FOX_NOWHERE);
		assert_string_equal(e.file, p);
		assert_null(r.ids);
		assert_null(r.logits);
		assert_null(r.hidden);
	}
}

static void refuses_other_files(void **state)
{
	(void)state;
	struct fox_reference r;
	struct fox_err e = {0};
	assert_int_equal(fox_reference_open(&r, "outputs.pt", &e), FOX_E_ARG);
	assert_fox_err(&e, FOX_E_ARG, FOX_NOWHERE, "reference is neither .npz nor .safetensors");
	e = (struct fox_err){0};
	test_write(test_path("no.npz"), "GGUF and more than twenty-two bytes", 35);
	assert_int_equal(fox_reference_open(&r, test_path("no.npz"), &e), FOX_E_TRUNCATED);
	assert_string_equal(e.text, "zip: no end record: cut off, or no zip file");
	e = (struct fox_err){0};
	src_st("half.safetensors", "{\"input_ids\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4);
	assert_int_equal(fox_reference_open(&r, test_path("half.safetensors"), &e), FOX_E_UNSUPPORTED);
	assert_string_equal(e.text, "tensor 'input_ids' is F16, want F32, F64, I32 or I64");
}

/* A packed member that would unpack to more than the machine has is refused before it is unpacked. */
static void refuses_bombs(void **state)
{
	(void)state;
	struct npz z = {0};
	struct fox_err e = {0};
	struct fox_reference r;
	const char *p = test_path("bomb.npz");
	const uint64_t claim = UINT64_C(1) << 42;
	/* one deflated member, its true sizes in zip64 extra fields: the file must hold a 1032nd, so it is sparse */
	uint64_t room = claim / 1032 + 1;
	static const char name[] = "input_ids.npy";
	npz_u32(&z.file, 0x04034B50), npz_u16(&z.file, 45), npz_u16(&z.file, 0), npz_u16(&z.file, 8);
	npz_u32(&z.file, 0), npz_u32(&z.file, 0), npz_u32(&z.file, 0xFFFFFFFF), npz_u32(&z.file, 0xFFFFFFFF);
	npz_u16(&z.file, sizeof name - 1), npz_u16(&z.file, 20), fox_buf_str(&z.file, name);
	npz_u16(&z.file, 1), npz_u16(&z.file, 16);
	npz_u32(&z.file, claim & 0xFFFFFFFF), npz_u32(&z.file, claim >> 32);
	npz_u32(&z.file, room & 0xFFFFFFFF), npz_u32(&z.file, room >> 32);
	uint64_t at = z.file.n + room;
	npz_u32(&z.dir, 0x02014B50), npz_u16(&z.dir, 45), npz_u16(&z.dir, 45), npz_u16(&z.dir, 0);
	npz_u16(&z.dir, 8), npz_u32(&z.dir, 0), npz_u32(&z.dir, 0);
	npz_u32(&z.dir, 0xFFFFFFFF), npz_u32(&z.dir, 0xFFFFFFFF), npz_u16(&z.dir, sizeof name - 1);
	npz_u16(&z.dir, 20), npz_u16(&z.dir, 0), npz_u16(&z.dir, 0), npz_u16(&z.dir, 0), npz_u32(&z.dir, 0);
	npz_u32(&z.dir, 0), fox_buf_str(&z.dir, name);
	npz_u16(&z.dir, 1), npz_u16(&z.dir, 16);
	npz_u32(&z.dir, claim & 0xFFFFFFFF), npz_u32(&z.dir, claim >> 32);
	npz_u32(&z.dir, room & 0xFFFFFFFF), npz_u32(&z.dir, room >> 32);
	size_t dir_n = z.dir.n;
	uint64_t end64 = at + dir_n;
	npz_u32(&z.dir, 0x06064B50), npz_u32(&z.dir, 44), npz_u32(&z.dir, 0), npz_u16(&z.dir, 45);
	npz_u16(&z.dir, 45), npz_u32(&z.dir, 0), npz_u32(&z.dir, 0);
	npz_u32(&z.dir, 1), npz_u32(&z.dir, 0), npz_u32(&z.dir, 1), npz_u32(&z.dir, 0);
	npz_u32(&z.dir, dir_n), npz_u32(&z.dir, 0);
	npz_u32(&z.dir, at & 0xFFFFFFFF), npz_u32(&z.dir, at >> 32);
	npz_u32(&z.dir, 0x07064B50), npz_u32(&z.dir, 0);
	npz_u32(&z.dir, end64 & 0xFFFFFFFF), npz_u32(&z.dir, end64 >> 32), npz_u32(&z.dir, 1);
	npz_u32(&z.dir, 0x06054B50), npz_u16(&z.dir, 0), npz_u16(&z.dir, 0), npz_u16(&z.dir, 0xFFFF);
	npz_u16(&z.dir, 0xFFFF), npz_u32(&z.dir, 0xFFFFFFFF), npz_u32(&z.dir, 0xFFFFFFFF), npz_u16(&z.dir, 0);
	FILE *f = fopen(p, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(z.file.p, 1, z.file.n, f), z.file.n);
	if (fseeko(f, (off_t)at, SEEK_SET) || fwrite(z.dir.p, 1, z.dir.n, f) != z.dir.n || fclose(f))
		skip(); /* no sparse files here */
	fox_buf_free(&z.file);
	fox_buf_free(&z.dir);
	assert_int_equal(fox_reference_open(&r, p, &e), FOX_E_NOMEM);
	assert_string_equal(e.text, "no memory for an array of 4398046511104 bytes, in member 'input_ids.npy'");
	unlink(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_npz),
	    cmocka_unit_test(reads_safetensors),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(refuses_other_files),
	    cmocka_unit_test(refuses_bombs),
	};
	return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
