/* t_torch.c - files that torch.save wrote (tests/torch), against the values that torch read of them, and archives that lie. */
#include "tests/test.h"

#include <math.h>

#include "format/strided.h"
#include "format/torch.h"
#include "tests/pickle_make.h"
#include "tests/src_make.h"

/* ---- what torch wrote */

static double value_of(enum fox_dtype d, const uint8_t *p)
{
	if (d == FOX_DT_F32)
		return (double)fox_load_f32(p);
	if (d == FOX_DT_I64)
		return (double)(int64_t)fox_load64(p);
	uint8_t f32[4] = {0, 0, p[0], p[1]};
	assert_int_equal(d, FOX_DT_BF16);
	return (double)fox_load_f32(f32);
}

/* One line of values.txt: "name 4x6 0 1 2 ...", read at once and in parts of k bytes. */
static void check_line(const struct fox_source *s, char *line)
{
	struct fox_err e = {0};
	char *save, *name = strtok_r(line, " \n", &save), *shape = strtok_r(NULL, " \n", &save), *dim, *more;
	const struct fox_src_tensor *t = fox_source_find(s, fox_str_of(name));
	assert_non_null(t);
	uint32_t n = 0;
	for (dim = strcmp(shape, "-") ? strtok_r(shape, "x", &more) : NULL; dim;
	     dim = strtok_r(NULL, "x", &more), n++)
		assert_true(n < t->n_dims && t->shape[n] == strtoull(dim, NULL, 10));
	assert_int_equal(n, t->n_dims);
	size_t bytes = (size_t)t->bytes, item = fox_dtypes[t->dtype].bits / 8;
	uint8_t *whole = malloc(bytes + 1), *parts = malloc(bytes + 1);
	assert_fox_ok(fox_source_read(s, t, 0, whole, bytes, &e), &e);
	for (size_t i = 0; i < t->n_elems; i++) {
		char *text = strtok_r(NULL, " \n", &save);
		assert_non_null(text);
		double want = strtod(text, NULL), got = value_of(t->dtype, whole + i * item);
		assert_true(fabs(got - want) <= fabs(want) * 1e-5); /* %g has six digits */
	}
	assert_null(strtok_r(NULL, " \n", &save));
	for (size_t k = 1; k <= bytes; k++) {
		memset(parts, 0xEE, bytes);
		for (size_t at = 0; at < bytes; at += k)
			assert_fox_ok(fox_source_read(s, t, at, parts + at, bytes - at < k ? bytes - at : k, &e), &e);
		assert_memory_equal(parts, whole, bytes);
	}
	free(whole);
	free(parts);
}

static void reads_views(void **state)
{
	(void)state;
	static const char *const files[] = {"views", "protocol3", "protocol4"};
	for (size_t i = 0; i < FOX_COUNT(files); i++) {
		struct fox_err e = {0};
		struct fox_source *s;
		char path[64], line[4096];
		snprintf(path, sizeof path, "tests/torch/%s.bin", files[i]);
		assert_fox_ok(fox_source_open(&s, path, true, &e), &e);
		assert_string_equal(fox_source_kind(s), "pytorch");
		FILE *f = fopen("tests/torch/values.txt", "r");
		size_t n = 0;
		assert_non_null(f);
		for (; fgets(line, sizeof line, f); n++)
			check_line(s, line);
		fclose(f);
		assert_int_equal(fox_source_tensors(s), n);
		assert_null(fox_source_find(s, fox_str_of("tied"))->view);
		assert_true(fox_source_find(s, fox_str_of("tied"))->at == fox_source_find(s, fox_str_of("base"))->at);
		assert_non_null(fox_source_find(s, fox_str_of("turned"))->view);
		assert_null(fox_source_find(s, fox_str_of("flat"))->view);
		for (size_t k = 1; k < n; k++)
			assert_true(fox_source_tensor(s, k - 1)->at <= fox_source_tensor(s, k)->at);
		fox_source_close(s);
	}
}

static void reads_dtypes(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum fox_dtype dtype;
	} want[] = {{"float64", FOX_DT_F64}, {"float32", FOX_DT_F32}, {"float16", FOX_DT_F16},
	    {"bfloat16", FOX_DT_BF16}, {"int64", FOX_DT_I64}, {"int32", FOX_DT_I32}, {"int16", FOX_DT_I16},
	    {"int8", FOX_DT_I8}, {"uint64", FOX_DT_U64}, {"uint32", FOX_DT_U32}, {"uint16", FOX_DT_U16},
	    {"uint8", FOX_DT_U8}, {"bool", FOX_DT_BOOL}, {"complex64", FOX_DT_C64},
	    {"float8_e4m3fn", FOX_DT_F8_E4M3}, {"float8_e5m2", FOX_DT_F8_E5M2},
	    {"float8_e8m0fnu", FOX_DT_F8_E8M0}, {"float8_e4m3fnuz", FOX_DT_F8_E4M3FNUZ},
	    {"float8_e5m2fnuz", FOX_DT_F8_E5M2FNUZ}};
	struct fox_err e = {0};
	struct fox_source *s;
	assert_fox_ok(fox_source_open(&s, "tests/torch/dtypes.bin", true, &e), &e);
	assert_int_equal(fox_source_tensors(s), FOX_COUNT(want));
	for (size_t i = 0; i < FOX_COUNT(want); i++) {
		const struct fox_src_tensor *t = fox_source_find(s, fox_str_of(want[i].name));
		assert_true(t && t->dtype == want[i].dtype && t->n_elems == 3 && !t->view);
		assert_true(t->bytes == 3 * fox_dtypes[t->dtype].bits / 8);
	}
	uint8_t one[8];
	assert_fox_ok(fox_source_read(s, fox_source_find(s, fox_str_of("float64")), 8, one, 8, &e), &e);
	assert_true(fox_load_f64(one) == 2);
	fox_source_close(s);
}

/* Other roots: a dict, a dict around it, a module's OrderedDict with attributes. */
static void reads_roots(void **state)
{
	(void)state;
	static const struct {
		const char *file, *tensor;
		size_t n;
	} cases[] = {{"plain", "a", 1}, {"wrapped", "a", 1}, {"module", "weight", 2}};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_err e = {0};
		struct fox_source *s;
		char path[64];
		snprintf(path, sizeof path, "tests/torch/%s.bin", cases[i].file);
		assert_fox_ok(fox_source_open(&s, path, true, &e), &e);
		assert_int_equal(fox_source_tensors(s), cases[i].n);
		assert_non_null(fox_source_find(s, fox_str_of(cases[i].tensor)));
		fox_source_close(s);
	}
}

static void refuses_old_files(void **state)
{
	(void)state;
	static const char *const files[] = {"legacy", "tar"};
	for (size_t i = 0; i < FOX_COUNT(files); i++) {
		struct fox_err e = {0};
		struct fox_source *s;
		char path[64];
		snprintf(path, sizeof path, "tests/torch/%s.bin", files[i]);
		assert_int_equal(fox_source_open(&s, path, true, &e), FOX_E_UNSUPPORTED);
		src_check(&e, FOX_E_UNSUPPORTED, 0,
		    "written by PyTorch before 1.6, or in its old format: load it and save it again", path);
	}
}

/* ---- archives that lie */

static const uint8_t data[24] = {1, 2, 3};

static enum fox_status open_file(const char *name, struct fox_err *e)
{
	struct fox_source *s;
	*e = (struct fox_err){0};
	enum fox_status st = fox_source_open(&s, test_path(name), true, e);
	fox_source_close(s);
	return st;
}

struct part {
	const char *name, *text; /* text NULL: the pickle */
	size_t n;                /* of text, when it has NULs */
};

/* The good archive has a/data.pkl, a/byteorder, a/data/0, a/version; each case puts one part in the place of another. */
static const struct {
	struct part parts[5];
	enum fox_status code;
	const char *text;
} archive_cases[] = {
#define PICKLE                                                                                               \
	{                                                                                                        \
		"a/data.pkl", NULL, 0                                                                                \
	}
#define DATA                                                                                                 \
	{                                                                                                        \
		"a/data/0", (const char *)data, sizeof data                                                          \
	}
#define VERSION                                                                                              \
	{                                                                                                        \
		"a/version", "3\n", 2                                                                                \
	}
    {{PICKLE, DATA, VERSION}, FOX_OK, NULL},
    {{PICKLE, {"a/byteorder", "little", 6}, DATA, VERSION, {"a/.data/serialization_id", "1", 1}}, FOX_OK,
        NULL},
    {{PICKLE, {"a/byteorder", "big", 3}, DATA, VERSION}, FOX_E_UNSUPPORTED,
        "byteorder is 'big', want 'little'"},
    {{PICKLE, {"a/byteorder", "little, or so it seems to be, 33 b", 33}, DATA, VERSION}, FOX_E_BOUND,
        "zip: member 'a/byteorder' has 33 bytes, more than 32"},
    {{PICKLE, DATA}, FOX_E_UNSUPPORTED, "archive of version '', want 1 to 10"},
    {{PICKLE, DATA, {"a/version", "11\n", 3}}, FOX_E_UNSUPPORTED, "archive of version '11', want 1 to 10"},
    {{PICKLE, DATA, {"a/version", "0", 1}}, FOX_E_UNSUPPORTED, "archive of version '0', want 1 to 10"},
    {{PICKLE, DATA, {"a/version", "x", 1}}, FOX_E_UNSUPPORTED, "archive of version 'x', want 1 to 10"},
    {{DATA, VERSION}, FOX_E_FORMAT, "no archive of PyTorch's: no member 'data.pkl'"},
    {{PICKLE, VERSION}, FOX_E_FORMAT, "no member 'data/0' in the archive, in tensor 'w'"},
    {{PICKLE, {"a/data/0", (const char *)data, 23}, VERSION}, FOX_E_FORMAT,
        "storage '0' has 23 bytes, and 24 by the pickle, in tensor 'w'"},
    {{PICKLE, {"b/data/0", (const char *)data, 24}, VERSION}, FOX_E_FORMAT,
        "zip: member 'b/data/0' is not in the folder 'a/'"},
    {{PICKLE, DATA, VERSION, {"a/../../etc/passwd", "x", 1}}, FOX_E_FORMAT,
        "zip: member name 'a/../../etc/passwd' is no plain path"},
    {{PICKLE, DATA, VERSION, {"a//x", "x", 1}}, FOX_E_FORMAT, "zip: member name 'a//x' is no plain path"},
    {{PICKLE, DATA, VERSION, {"/a/x", "x", 1}}, FOX_E_FORMAT, "zip: member name '/a/x' is no plain path"},
    {{PICKLE, DATA, VERSION, {"a\\x", "x", 1}}, FOX_E_FORMAT, "zip: member name 'a\\x' is no plain path"},
    {{PICKLE, DATA, VERSION, {"a/\x1b[2J", "x", 1}}, FOX_E_FORMAT,
        "zip: member name 'a/\x1b[2J' is no plain path"},
    {{PICKLE, DATA, VERSION, {"x", "x", 1}}, FOX_E_FORMAT, "zip: member 'x' is not in the folder 'a/'"},
    {{PICKLE, DATA, VERSION, {"a/data/0", "x", 1}}, FOX_E_FORMAT, "zip: member 'a/data/0' repeats"},
    {{PICKLE, DATA, VERSION, {"a/constants.pkl", "x", 1}}, FOX_E_UNSUPPORTED,
        "a TorchScript program, whose weights are not read: save its state_dict() instead"},
};

static void checks_archives(void **state)
{
	(void)state;
	static const struct pk_view v = {"0", "FloatStorage", 6, 0, 2, {2, 3}, {3, 1}};
	struct fox_buf pickle = {0};
	pk_state(&pickle, "w", &v);
	for (size_t i = 0; i < FOX_COUNT(archive_cases); i++) {
		struct npz z = {0};
		struct fox_err e;
		for (size_t k = 0; k < 5 && archive_cases[i].parts[k].name; k++) {
			const struct part *p = &archive_cases[i].parts[k];
			npz_member(&z, p->name, p->text ? p->text : pickle.p, p->text ? p->n : pickle.n);
		}
		npz_save(&z, test_path("lies.pt"));
		enum fox_status s = open_file("lies.pt", &e);
		if (archive_cases[i].code) {
			assert_string_equal(e.text, archive_cases[i].text);
			assert_int_equal(s, archive_cases[i].code);
			assert_string_equal(e.file, test_path("lies.pt"));
		} else {
			assert_fox_ok(s, &e);
		}
	}
	fox_buf_free(&pickle);
}

/* One storage as two dtypes, and a storage key that is a path. */
static void refuses_odd_storages(void **state)
{
	(void)state;
	struct pk_view v = {"0", "FloatStorage", 6, 0, 2, {2, 3}, {3, 1}},
	               w = {"0", "IntStorage", 6, 0, 2, {2, 3}, {3, 1}};
	struct fox_buf b = {0};
	struct npz z = {0};
	struct fox_err e;
	PK_BYTES(&b, "\x80\x02}(");
	pk_str(&b, "v"), pk_tensor(&b, &v), pk_str(&b, "w"), pk_tensor(&b, &w);
	PK_BYTES(&b, "u.");
	pk_archive(&z, &b, data, sizeof data);
	npz_save(&z, test_path("two.bin"));
	assert_int_equal(open_file("two.bin", &e), FOX_E_FORMAT);
	assert_string_equal(e.text, "storage '0' is F32 to 'v' and I32 to 'w'");
	fox_buf_clear(&b);
	v.key = "../data.pkl";
	pk_state(&b, "v", &v);
	pk_archive(&z, &b, data, sizeof data);
	npz_save(&z, test_path("two.bin"));
	assert_int_equal(open_file("two.bin", &e), FOX_E_FORMAT);
	assert_string_equal(e.text, "no member 'data/../data.pkl' in the archive, in tensor 'v'");
	fox_buf_free(&b);
}

/* What is no archive at all. */
static void refuses_others(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
		const char *text;
	} cases[] = {
	    {"", 0, "no archive of PyTorch's: no zip file"},
	    {"x", 1, "no archive of PyTorch's: no zip file"},
	    {"PK\7\10PK\3\4", 8, "no archive of PyTorch's: no zip file"},
	    {"\x80\2}.", 4, "a pickle, but no archive of PyTorch's"},
	};
	struct fox_err e;
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		test_write(test_path("other.pth"), cases[i].bytes, cases[i].n);
		assert_int_equal(open_file("other.pth", &e), FOX_E_FORMAT);
		src_check(&e, FOX_E_FORMAT, 0, cases[i].text, "@/other.pth");
	}
	test_write(test_path("other.pth"), "PK\3\4", 4);
	assert_int_equal(open_file("other.pth", &e), FOX_E_TRUNCATED);
}

/* Every cut is refused; every changed byte is refused or read within bounds. */
static void survives_cuts_and_flips(void **state)
{
	(void)state;
	static const struct pk_view v = {"0", "HalfStorage", 12, 1, 2, {2, 3}, {5, 2}};
	struct fox_buf b = {0};
	struct npz z = {0};
	struct fox_err e = {0};
	char *bytes;
	size_t n;
	pk_state(&b, "w", &v);
	pk_archive(&z, &b, data, sizeof data);
	npz_save(&z, test_path("whole.bin"));
	fox_buf_free(&b);
	assert_fox_ok(open_file("whole.bin", &e), &e);
	assert_fox_ok(fox_path_slurp(test_path("whole.bin"), 1 << 20, &bytes, &n, &e), &e);
	for (size_t i = 0; i < n; i++) {
		static const uint8_t values[] = {0, 1, 0x7F, 0x80, 0xFF};
		char old = bytes[i];
		test_write(test_path("cut.bin"), bytes, i);
		assert_int_not_equal(open_file("cut.bin", &e), FOX_OK);
		for (size_t k = 0; k < sizeof values; k++) {
			bytes[i] = (char)values[k];
			test_write(test_path("cut.bin"), bytes, n);
			struct fox_source *s;
			uint8_t out[24];
			e = (struct fox_err){0};
			if (fox_source_open(&s, test_path("cut.bin"), true, &e))
				assert_true(e.code && e.text[0]);
			for (size_t t = 0; s && t < fox_source_tensors(s); t++)
				assert_fox_ok(fox_source_read(s, fox_source_tensor(s, t), 0, out,
				                  (size_t)fox_source_tensor(s, t)->bytes, &e),
				    &e);
			fox_source_close(s);
		}
		bytes[i] = old;
	}
	free(bytes);
}

/* ---- folders */

static void copy_to(const char *from, const char *to)
{
	struct fox_err e = {0};
	char *bytes;
	size_t n;
	assert_fox_ok(fox_path_slurp(from, 1 << 20, &bytes, &n, &e), &e);
	test_write(test_path(to), bytes, n);
	free(bytes);
}

/* safetensors go before .bin, and of each kind the single file before the index. */
static void takes_the_first_kind(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_source *s;
	static const char *const names[] = {
	    "pytorch_model.bin.index.json", "pytorch_model.bin", SRC_INDEX, "model.safetensors"};
	static const char *const first[] = {
	    "pytorch_model-00001-of-00002.bin", "pytorch_model.bin", "x.safetensors", "model.safetensors"};
	src_folder("kinds");
	copy_to("tests/torch/llama/pytorch_model-00001-of-00002.bin", "kinds/pytorch_model-00001-of-00002.bin");
	copy_to("tests/torch/llama/pytorch_model-00002-of-00002.bin", "kinds/pytorch_model-00002-of-00002.bin");
	src_st("kinds/x.safetensors", "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3);
	for (size_t i = 0; i < FOX_COUNT(names); i++) {
		char from[128], to[128];
		snprintf(from, sizeof from, "tests/torch/llama/%s", names[i]);
		snprintf(to, sizeof to, "kinds/%s", names[i]);
		if (i == 2)
			src_text(to, "{\"weight_map\":{\"a\":\"x.safetensors\"}}");
		else
			copy_to(from, to);
		assert_fox_ok(fox_source_open(&s, test_path("kinds"), true, &e), &e);
		assert_true(fox_str_is(fox_source_file(s, 0)->name, first[i]));
		assert_string_equal(fox_source_kind(s), i < 2 ? "pytorch" : "safetensors");
		fox_source_close(s);
	}
}

static void checks_index(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_source *s;
	src_folder("index");
	copy_to("tests/torch/plain.bin", "index/x.bin");
	src_text("index/pytorch_model.bin.index.json", "{\"weight_map\":{\"a\":\"x.bin\"}}");
	assert_fox_ok(fox_source_open(&s, test_path("index"), true, &e), &e);
	fox_source_close(s);
	src_text("index/pytorch_model.bin.index.json", "{\"weight_map\":{\"a\":\"x.safetensors\"}}");
	assert_int_equal(fox_source_open(&s, test_path("index"), true, &e), FOX_E_FORMAT);
	src_check(&e, FOX_E_FORMAT, FOX_NOWHERE,
	    "'weight_map.a' is 'x.safetensors', want a name that ends in '.bin'",
	    "@/index/pytorch_model.bin.index.json");
	e = (struct fox_err){0};
	src_text("index/pytorch_model.bin.index.json", "{\"weight_map\":{\"b\":\"x.bin\"}}");
	assert_int_equal(fox_source_open(&s, test_path("index"), true, &e), FOX_E_FORMAT);
	src_check(&e, FOX_E_FORMAT, FOX_NOWHERE, "tensor 'b' is not in 'x.bin', where 'weight_map' puts it",
	    "@/index/pytorch_model.bin.index.json");
	e = (struct fox_err){0};
	src_text("index/pytorch_model.bin.index.json", "{\"weight_map\":{\"a\":\"m-00001-of-00002.bin\"}}");
	assert_int_equal(fox_source_open(&s, test_path("index"), true, &e), FOX_E_FORMAT);
	src_check(&e, FOX_E_FORMAT, FOX_NOWHERE,
	    "shard 'm-00001-of-00002.bin' is number 1 of 2, 'weight_map' names 1 such files",
	    "@/index/pytorch_model.bin.index.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_views),
	    cmocka_unit_test(reads_dtypes),
	    cmocka_unit_test(reads_roots),
	    cmocka_unit_test(refuses_old_files),
	    cmocka_unit_test(checks_archives),
	    cmocka_unit_test(refuses_odd_storages),
	    cmocka_unit_test(refuses_others),
	    cmocka_unit_test(survives_cuts_and_flips),
	    cmocka_unit_test(takes_the_first_kind),
	    cmocka_unit_test(checks_index),
	};
	return cmocka_run_group_tests_name("torch", tests, NULL, NULL);
}
