/* t_source.c - checkpoints as they lie on disk: plain, sharded, one file, broken, and hostile. The HF cache:
 * t_hfcache.c */
#include "tests/test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "format/source.h"
#include "tests/src_make.h"

#define U8(name, begin, end)                                                                                 \
	"\"" name "\":{\"dtype\":\"U8\",\"shape\":[" #end "],\"data_offsets\":[" #begin "," #end "]}"
#define ST_AB "{" U8("a", 0, 4) ",\"b\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[4,12]}}"
#define ST_C "{" U8("c", 0, 3) "}"

static void test_plain_folder(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *s;
	struct fox_str text;
	uint8_t bytes[8];
	src_folder("plain");
	src_st("plain/model.safetensors", ST_AB, 12);
	src_text("plain/config.json", "{\"a\": 1}\n");
	assert_fox_ok(fox_source_open(&s, test_path("plain"), true, &err), &err);
	assert_string_equal(fox_source_kind(s), "safetensors");
	assert_null(fox_source_revision(s));
	assert_null(fox_source_repo(s));
	assert_string_equal(fox_source_dir(s), test_path("plain"));
	assert_int_equal(fox_source_tensors(s), 2);
	const struct fox_src_tensor *b = fox_source_find(s, fox_str_of("b"));
	assert_non_null(b);
	assert_true(b == fox_source_tensor(s, 1));
	assert_null(fox_source_find(s, fox_str_of("B")));
	assert_null(fox_source_find(s, fox_str_of("")));
	assert_fox_ok(fox_source_read(s, b, 3, bytes, 5, &err), &err);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(bytes[i], ST_MAKE_DATA_BYTE(4 + 3 + i));
	assert_int_equal(fox_source_files(s), 1);
	assert_true(fox_source_file(s, 0)->weights);
	assert_true(fox_str_is(fox_source_file(s, 0)->name, "model.safetensors"));
	assert_false(fox_source_file(s, 0)->has_sha256);
	assert_fox_ok(fox_source_read_file(s, "config.json", 100, &text, &err), &err);
	assert_true(fox_str_is(text, "{\"a\": 1}\n"));
	assert_int_equal(text.p[text.n], 0);
	assert_int_equal(fox_source_files(s), 2);
	const struct fox_src_file *f = fox_source_file(s, 1);
	char hex[FOX_SHA256_HEX + 1];
	fox_hex(hex, f->sha256.b, 32);
	assert_true(f->has_sha256 && !f->weights && !f->has_expected && f->bytes == 9);
	assert_string_equal(hex, "e8c628edc9968ef0c668f54e0ba2636b35503357eb1aca0ddc828aeace432f67");
	fox_source_close(s);
}

/* Reading outside a tensor is refused, never turned into a read of its neighbour. */
static void test_read_bounds(void **state)
{
	(void)state;
	struct fox_source *s;
	struct fox_err ok = {0};
	uint8_t bytes[16];
	static const struct {
		uint64_t at;
		size_t n;
		const char *text;
	} cases[] = {
	    {0, 5, "5 bytes at 0 are not part of tensor 'a'"},
	    {4, 1, "1 bytes at 4 are not part of tensor 'a'"},
	    {UINT64_MAX, 2, "2 bytes at 18446744073709551615 are not part of tensor 'a'"},
	    {1, SIZE_MAX, "18446744073709551615 bytes at 1 are not part of tensor 'a'"},
	};
	src_folder("bounds");
	src_st("bounds/model.safetensors", ST_AB, 12);
	assert_fox_ok(fox_source_open(&s, test_path("bounds"), true, &ok), &ok);
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_err err = {0};
		assert_int_equal(
		    fox_source_read(s, fox_source_tensor(s, 0), cases[i].at, bytes, cases[i].n, &err), FOX_E_ARG);
		assert_fox_err(&err, FOX_E_ARG, FOX_NOWHERE, cases[i].text);
	}
	assert_fox_ok(fox_source_read(s, fox_source_tensor(s, 0), 4, bytes, 0, &ok), &ok);
	fox_source_close(s);
}

static void test_small_files(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *s;
	struct fox_str text, again;
	src_folder("small");
	src_text("small/config.json", "{}");
	src_text("small/empty.json", "");
	/* no weights, and none asked for */
	assert_fox_ok(fox_source_open(&s, test_path("small"), false, &err), &err);
	assert_int_equal(fox_source_tensors(s), 0);
	assert_null(fox_source_find(s, fox_str_of("a")));
	assert_int_equal(fox_source_files(s), 0);
	assert_fox_ok(fox_source_read_file(s, "absent.json", 100, &text, &err), &err);
	assert_null(text.p);
	assert_int_equal(fox_source_files(s), 0);
	assert_fox_ok(fox_source_read_file(s, "config.json", 2, &text, &err), &err);
	assert_fox_ok(fox_source_read_file(s, "config.json", 2, &again, &err), &err);
	assert_true(text.p == again.p);
	assert_int_equal(fox_source_files(s), 1); /* read twice, counted once */
	assert_fox_ok(fox_source_read_file(s, "empty.json", 2, &text, &err), &err);
	assert_true(text.p && text.n == 0);
	assert_int_equal(fox_source_files(s), 2);
	assert_true(fox_str_is(fox_source_file(s, 1)->name, "empty.json"));
	assert_int_equal(fox_source_read_file(s, "config.json", 1, &text, &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, FOX_NOWHERE, "file 'config.json' of 2 bytes, more than 1");
	err = (struct fox_err){0};
	src_text("small/large.json", "12345");
	assert_int_equal(fox_source_read_file(s, "large.json", 4, &text, &err), FOX_E_BOUND);
	src_check(&err, FOX_E_BOUND, FOX_NOWHERE, "file of 5 bytes, more than 4", "@/small/large.json");
	assert_null(text.p);
	assert_int_equal(fox_source_files(s), 2);
	fox_source_close(s);
}

static void test_one_file(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *s;
	struct fox_str text;
	src_folder("one");
	src_folder("one/elsewhere");
	src_st("one/elsewhere/w.safetensors", ST_AB, 12);
	src_text("one/config.json", "{}");
	src_link("elsewhere/w.safetensors", "one/mine.safetensors"); /* the caller's own link */
	assert_fox_ok(fox_source_open(&s, test_path("one/mine.safetensors"), true, &err), &err);
	assert_int_equal(fox_source_tensors(s), 2);
	assert_true(fox_str_is(fox_source_file(s, 0)->name, "mine.safetensors"));
	assert_fox_ok(fox_source_read_file(s, "config.json", 100, &text, &err), &err);
	assert_true(fox_str_is(text, "{}"));
	fox_source_close(s);
	/* a single file goes before an index, as in transformers */
	src_st("one/model.safetensors", ST_C, 3);
	src_text("one/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"elsewhere/w.safetensors\"}}");
	assert_fox_ok(fox_source_open(&s, test_path("one"), true, &err), &err);
	assert_int_equal(fox_source_tensors(s), 1);
	assert_non_null(fox_source_find(s, fox_str_of("c")));
	fox_source_close(s);
}

static void test_shards(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *s;
	uint8_t byte;
	src_folder("shards");
	src_st("shards/model-00001-of-00002.safetensors", ST_C, 3);
	src_st("shards/model-00002-of-00002.safetensors", ST_AB, 12);
	src_text("shards/model.safetensors.index.json",
	    "{\"metadata\":{\"total_size\":1},\"weight_map\":{\"b\":\"model-00002-of-00002.safetensors\","
	    "\"c\":\"model-00001-of-00002.safetensors\",\"a\":\"model-00002-of-00002.safetensors\"}}");
	assert_fox_ok(fox_source_open(&s, test_path("shards"), true, &err), &err);
	assert_int_equal(fox_source_tensors(s), 3);
	assert_true(fox_str_is(fox_source_tensor(s, 0)->name, "c"));
	assert_true(fox_str_is(fox_source_tensor(s, 1)->name, "a"));
	assert_true(fox_str_is(fox_source_tensor(s, 2)->name, "b"));
	assert_int_equal(fox_source_find(s, fox_str_of("b"))->file, 1);
	assert_fox_ok(fox_source_read(s, fox_source_find(s, fox_str_of("b")), 0, &byte, 1, &err), &err);
	assert_int_equal(byte, ST_MAKE_DATA_BYTE(4));
	assert_int_equal(fox_source_files(s), 3);
	assert_true(fox_str_is(fox_source_file(s, 0)->name, "model-00001-of-00002.safetensors"));
	assert_true(fox_str_is(fox_source_file(s, 1)->name, "model-00002-of-00002.safetensors"));
	assert_true(fox_str_is(fox_source_file(s, 2)->name, "model.safetensors.index.json"));
	assert_true(fox_source_file(s, 2)->has_sha256 && !fox_source_file(s, 2)->weights);
	fox_source_close(s);
}

#define MAP(x) "{\"weight_map\":{" x "}}"
#define FILE_NAME "file name '"

/* The folder holds x.safetensors (a, b), y.safetensors (c), y2.safetensors (c again), sub/z.safetensors (c),
 * a folder d.safetensors, a FIFO f.safetensors, links in.safetensors -> y, out.safetensors -> ../target,
 * loop.safetensors. */
static const struct {
	const char *index;
	enum fox_status code;
	uint64_t at;
	const char *text, *file;
} index_cases[] = {
    {MAP("\"a\":\"x.safetensors\",\"b\":\"x.safetensors\""), FOX_OK, 0, NULL, NULL},
    {MAP("\"a\":\"x.safetensors\",\"b\":\"x.safetensors\",\"c\":\"in.safetensors\""), FOX_OK, 0, NULL, NULL},
    {MAP("\"c\":\"sub/z.safetensors\""), FOX_OK, 0, NULL, NULL},
    {"{\"metadata\":null,\"weight_map\":{\"c\":\"y.safetensors\"}}", FOX_OK, 0, NULL, NULL},
    {"{\"metadata\":{\"total_size\":1e10},\"weight_map\":{\"c\":\"y.safetensors\"}}", FOX_OK, 0, NULL, NULL},
    /* the text itself */
    {"", FOX_E_FORMAT, 0, "not valid JSON: unexpected token near end of file", "@/index/" SRC_INDEX},
    {"[]", FOX_E_FORMAT, FOX_NOWHERE, "no 'weight_map'", "@/index/" SRC_INDEX},
    {"{}", FOX_E_FORMAT, FOX_NOWHERE, "no 'weight_map'", "@/index/" SRC_INDEX},
    {"{\"weight_map\":[]}", FOX_E_FORMAT, FOX_NOWHERE, "'weight_map' is an array, want an object",
        "@/index/" SRC_INDEX},
    {MAP(""), FOX_E_FORMAT, FOX_NOWHERE, "'weight_map' is empty", "@/index/" SRC_INDEX},
    {MAP("\"a\":1"), FOX_E_FORMAT, FOX_NOWHERE, "'weight_map.a' is an integer, want a string",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"x.safetensors\",\"a\":\"x.safetensors\""), FOX_E_FORMAT, 38,
        "not valid JSON: duplicate object key near '\"a\"'", "@/index/" SRC_INDEX},
    {"{\"metadata\":[],\"weight_map\":{}}", FOX_E_FORMAT, FOX_NOWHERE,
        "'metadata' is an array, want an object", "@/index/" SRC_INDEX},
    {"{\"metadata\":{\"total_size\":\"9\"}}", FOX_E_FORMAT, FOX_NOWHERE,
        "'metadata.total_size' is a string, want a number", "@/index/" SRC_INDEX},
    {"{\"metadata\":{\"total_size\":-1}}", FOX_E_FORMAT, FOX_NOWHERE, "'metadata.total_size' is negative",
        "@/index/" SRC_INDEX},
    /* names that no file beneath the folder can have */
    {MAP("\"a\":\"\""), FOX_E_FORMAT, FOX_NOWHERE,
        "'weight_map.a' is '', want a name that ends in '.safetensors'", "@/index/" SRC_INDEX},
    {MAP("\"a\":\".\""), FOX_E_FORMAT, FOX_NOWHERE,
        "'weight_map.a' is '.', want a name that ends in '.safetensors'", "@/index/" SRC_INDEX},
    {MAP("\"a\":\"x.bin\""), FOX_E_FORMAT, FOX_NOWHERE,
        "'weight_map.a' is 'x.bin', want a name that ends in '.safetensors'", "@/index/" SRC_INDEX},
    {MAP("\"a\":\"x.safetensors\\u0000\""), FOX_E_FORMAT, 40,
        "not valid JSON: \\u0000 is not allowed without JSON_ALLOW_NUL", "@/index/" SRC_INDEX},
    {MAP("\"a\":\"../x.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        FILE_NAME "../x.safetensors' has an empty, '.' or '..' component, named in 'weight_map'",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"sub/../x.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        FILE_NAME "sub/../x.safetensors' has an empty, '.' or '..' component, named in 'weight_map'",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"./x.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        FILE_NAME "./x.safetensors' has an empty, '.' or '..' component, named in 'weight_map'",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"sub//z.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        FILE_NAME "sub//z.safetensors' has an empty, '.' or '..' component, named in 'weight_map'",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"/etc/x.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        FILE_NAME "/etc/x.safetensors' is absolute, named in 'weight_map'", "@/index/" SRC_INDEX},
    {MAP("\"a\":\"sub\\\\z.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        FILE_NAME "sub\\z.safetensors' has a backslash, named in 'weight_map'", "@/index/" SRC_INDEX},
    {MAP("\"a\":\"\\u001b[2J.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        FILE_NAME "\x1b[2J.safetensors' has a control character, named in 'weight_map'",
        "@/index/" SRC_INDEX},
    /* names of what is there, but is no shard */
    {MAP("\"a\":\"no.safetensors\""), FOX_E_IO, FOX_NOWHERE,
        "cannot open '@/index/no.safetensors': No such file or directory, named in 'weight_map'",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"d.safetensors\""), FOX_E_IO, FOX_NOWHERE,
        "'@/index/d.safetensors' is a folder, not a regular file, named in 'weight_map'",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"f.safetensors\""), FOX_E_IO, FOX_NOWHERE,
        "'@/index/f.safetensors' is a device, FIFO or socket, not a regular file, named in 'weight_map'",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"out.safetensors\""), FOX_E_BOUND, FOX_NOWHERE,
        "'@/index/out.safetensors' is a link that leaves '@/index', named in 'weight_map'",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"abs.safetensors\""), FOX_E_BOUND, FOX_NOWHERE,
        "'@/index/abs.safetensors' is a link that leaves '@/index', named in 'weight_map'",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"away/target.safetensors\""), FOX_E_BOUND, FOX_NOWHERE,
        "'@/index/away/target.safetensors' is a link that leaves '@/index', named in 'weight_map'",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"loop.safetensors\""), FOX_E_IO, FOX_NOWHERE,
        "cannot open '@/index/loop.safetensors': Too many levels of symbolic links, named in 'weight_map'",
        "@/index/" SRC_INDEX},
    /* map and shards differ */
    {MAP("\"a\":\"x.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        "tensor 'b' of 'x.safetensors' is not in 'weight_map'", "@/index/" SRC_INDEX},
    {MAP("\"a\":\"x.safetensors\",\"b\":\"x.safetensors\",\"q\":\"x.safetensors\""), FOX_E_FORMAT,
        FOX_NOWHERE, "tensor 'q' is not in 'x.safetensors', where 'weight_map' puts it",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"x.safetensors\",\"b\":\"y.safetensors\",\"c\":\"y.safetensors\""), FOX_E_FORMAT,
        FOX_NOWHERE, "tensor 'b' is in 'x.safetensors', 'weight_map' puts it in 'y.safetensors'",
        "@/index/" SRC_INDEX},
    {MAP("\"c\":\"y.safetensors\",\"a\":\"y2.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        "tensor 'c' is in 'y.safetensors' and in 'y2.safetensors'", "@/index/" SRC_INDEX},
    /* sets that are not whole */
    {MAP("\"a\":\"m-00001-of-00002.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        "shard 'm-00001-of-00002.safetensors' is number 1 of 2, 'weight_map' names 1 such files",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"m-2-of-1.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        "shard 'm-2-of-1.safetensors' is number 2 of 1, 'weight_map' names 1 such files",
        "@/index/" SRC_INDEX},
    {MAP("\"a\":\"m-1-of-2.safetensors\",\"b\":\"m-2-of-3.safetensors\""), FOX_E_FORMAT, FOX_NOWHERE,
        "shard 'm-2-of-3.safetensors' is number 2 of 3, 'weight_map' names 2 such files",
        "@/index/" SRC_INDEX},
};

static void test_index(void **state)
{
	(void)state;
	src_folder("index");
	src_folder("index/sub");
	src_folder("index/d.safetensors");
	src_folder("outside");
	src_st("outside/target.safetensors", ST_C, 3);
	src_st("index/x.safetensors", ST_AB, 12);
	src_st("index/y.safetensors", ST_C, 3);
	src_st("index/y2.safetensors", ST_C, 3);
	src_st("index/sub/z.safetensors", ST_C, 3);
	src_link("y.safetensors", "index/in.safetensors");
	src_link("../outside/target.safetensors", "index/out.safetensors");
	src_link(test_path("outside/target.safetensors"), "index/abs.safetensors");
	src_link("../outside", "index/away");
	src_link("loop.safetensors", "index/loop.safetensors");
	assert_int_equal(mkfifo(test_path("index/f.safetensors"), 0600), 0);
	for (size_t i = 0; i < FOX_COUNT(index_cases); i++) {
		struct fox_err err = {0};
		struct fox_source *s;
		src_text("index/" SRC_INDEX, index_cases[i].index);
		enum fox_status st = fox_source_open(&s, test_path("index"), true, &err);
		if (index_cases[i].code)
			src_check(&err, index_cases[i].code, index_cases[i].at, index_cases[i].text, index_cases[i].file);
		else
			assert_fox_ok(st, &err);
		assert_true(!s == !!st);
		fox_source_close(s);
	}
}

static void test_long_shard_name(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *s;
	struct fox_buf index = {0}, want = {0};
	fox_buf_str(&index, "{\"weight_map\":{\"a\":\"");
	for (int i = 0; i < 5000; i++)
		fox_buf_char(&index, 'n');
	fox_buf_str(&index, ".safetensors\"}}");
	src_folder("long");
	src_text("long/" SRC_INDEX, index.p);
	fox_buf_str(&want, "file name '");
	for (int i = 0; i < 200; i++)
		fox_buf_char(&want, 'n');
	fox_buf_str(&want, "' is longer than 1024 bytes, named in 'weight_map'");
	assert_int_equal(fox_source_open(&s, test_path("long"), true, &err), FOX_E_FORMAT);
	src_check(&err, FOX_E_FORMAT, FOX_NOWHERE, want.p, "@/long/" SRC_INDEX);
	fox_buf_free(&index);
	fox_buf_free(&want);
}

/* An index in which comparing each name with each takes minutes: right, and with one name that no shard holds. */
static void test_large_index(void **state)
{
	(void)state;
	enum { MANY = 100000 };
	struct fox_err err = {0};
	struct fox_source *s;
	struct fox_buf header = {0}, index = {0};
	fox_buf_str(&index, "{\"weight_map\":{");
	for (unsigned i = 0; i < MANY; i++) {
		fox_buf_fmt(&header, "%c\"%u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%u,%u]}",
		    i ? ',' : '{', i, i, i + 1);
		fox_buf_fmt(&index, "\"%u\":\"x.safetensors\",", MANY - 1 - i);
	}
	fox_buf_char(&header, '}');
	size_t n = index.n;
	index.p[n - 1] = ' ';
	fox_buf_str(&index, "}}");
	src_folder("large");
	src_st("large/x.safetensors", header.p, MANY);
	src_text("large/" SRC_INDEX, index.p);
	assert_fox_ok(fox_source_open(&s, test_path("large"), true, &err), &err);
	assert_int_equal(fox_source_tensors(s), MANY);
	fox_source_close(s);
	index.n = n - 1;
	fox_buf_str(&index, ",\"none\":\"x.safetensors\"}}");
	src_text("large/" SRC_INDEX, index.p);
	assert_int_equal(fox_source_open(&s, test_path("large"), true, &err), FOX_E_FORMAT);
	src_check(&err, FOX_E_FORMAT, FOX_NOWHERE,
	    "tensor 'none' is not in 'x.safetensors', where 'weight_map' puts it", "@/large/" SRC_INDEX);
	fox_buf_free(&header);
	fox_buf_free(&index);
}

/* A broken shard is named itself, not the index. */
static void test_broken_shard(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *s;
	src_folder("broken");
	src_st("broken/x.safetensors", ST_AB, 11);
	src_text("broken/" SRC_INDEX, "{\"weight_map\":{\"a\":\"x.safetensors\"}}");
	assert_int_equal(fox_source_open(&s, test_path("broken"), true, &err), FOX_E_TRUNCATED);
	src_check(&err, FOX_E_TRUNCATED, 8 + strlen(ST_AB) + 11, "file ends 1 bytes before the end of tensor 'b'",
	    "@/broken/x.safetensors");
}

#define NO_WEIGHTS "neither model.safetensors nor pytorch_model.bin in this folder, nor an index of either"

/* What lies at the path is no checkpoint. name: the one file in the folder, NULL for none. */
static const struct {
	const char *name;
	enum fox_status code;
	const char *text;
} stranger_cases[] = {
    {NULL, FOX_E_IO, NO_WEIGHTS},
    {"config.json", FOX_E_IO, NO_WEIGHTS},
    {"adapter_model.bin", FOX_E_UNSUPPORTED,
        NO_WEIGHTS
        ", but 'adapter_model.bin': PyTorch weights of another name: give that file's path, or an index"},
    {"consolidated.00.pth", FOX_E_UNSUPPORTED,
        NO_WEIGHTS ", but 'consolidated.00.pth': PyTorch weights of another name: give that file's path"},
    {"m.pt", FOX_E_UNSUPPORTED,
        NO_WEIGHTS ", but 'm.pt': PyTorch weights of another name: give that file's path"},
    {"m.ckpt", FOX_E_UNSUPPORTED,
        NO_WEIGHTS
        ", but 'm.ckpt': a training checkpoint, which is not read: save its weights as safetensors first"},
    {"m-q8_0.gguf", FOX_E_UNSUPPORTED, NO_WEIGHTS ", but 'm-q8_0.gguf': a container already"},
    {"adapter_model.safetensors", FOX_E_UNSUPPORTED,
        NO_WEIGHTS
        ", but 'adapter_model.safetensors': safetensors of another name: give that file's path, or an index"},
};

static void test_strangers(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(stranger_cases); i++) {
		struct fox_err err = {0};
		struct fox_source *s;
		char name[100];
		src_folder("strange");
		snprintf(name, sizeof name, "strange/%s", stranger_cases[i].name ? stranger_cases[i].name : "");
		if (stranger_cases[i].name)
			src_text(name, "x");
		assert_int_equal(fox_source_open(&s, test_path("strange"), true, &err), stranger_cases[i].code);
		src_check(&err, stranger_cases[i].code, FOX_NOWHERE, stranger_cases[i].text, "@/strange");
		assert_null(s);
		if (stranger_cases[i].name)
			unlink(test_path(name));
	}
	/* of several, the most telling one, whatever order the folder lists them in */
	struct fox_err err = {0};
	struct fox_source *s;
	src_text("strange/training_args.bin", "x");
	src_text("strange/pytorch_model-00002-of-00002.bin", "x");
	src_text("strange/pytorch_model-00001-of-00002.bin", "x");
	src_text("strange/optimizer.pt", "x");
	assert_int_equal(fox_source_open(&s, test_path("strange"), true, &err), FOX_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "'pytorch_model-00001-of-00002.bin'"));
}

static void test_bad_paths(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		enum fox_status code;
		const char *text;
	} cases[] = {
	    {"@/bad/none", FOX_E_IO, "cannot open '@/bad/none': No such file or directory"},
	    {"", FOX_E_IO, "cannot open '': No such file or directory"},
	    {"@/bad/fifo", FOX_E_IO, "'@/bad/fifo' is a device, FIFO or socket"},
	    {"@/bad/m.gguf", FOX_E_UNSUPPORTED, "'@/bad/m.gguf' is a container already"},
	    {"@/bad/m.ckpt", FOX_E_UNSUPPORTED,
	        "'@/bad/m.ckpt' is a training checkpoint, which is not read: save its weights as safetensors "
	        "first"},
	    {"@/bad/m.txt", FOX_E_UNSUPPORTED,
	        "'@/bad/m.txt' is neither a folder nor a weight file (.safetensors, .bin, .pt, .pth)"},
	    {"@/bad/m.txt/x", FOX_E_IO, "cannot open '@/bad/m.txt/x': Not a directory"},
	};
	src_folder("bad");
	src_text("bad/m.gguf", "GGUF");
	src_text("bad/m.ckpt", "x");
	src_text("bad/m.txt", "x");
	assert_int_equal(mkfifo(test_path("bad/fifo"), 0600), 0);
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_err err = {0};
		struct fox_source *s;
		char path[600];
		src_expand(path, sizeof path, cases[i].path);
		assert_int_equal(fox_source_open(&s, path, true, &err), cases[i].code);
		src_check(&err, cases[i].code, FOX_NOWHERE, cases[i].text, "");
		assert_null(s);
	}
}

/* In a plain folder the folder itself bounds every link. */
static void test_plain_links(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *s;
	struct fox_str text;
	src_folder("links");
	src_folder("links/real");
	src_folder("beyond");
	src_st("links/real/w.safetensors", ST_C, 3);
	src_text("beyond/secret.json", "{}");
	src_link("real/w.safetensors", "links/model.safetensors");
	src_link("../beyond/secret.json", "links/config.json");
	src_link("nothing", "links/dangling.json");
	assert_fox_ok(fox_source_open(&s, test_path("links"), true, &err), &err);
	assert_int_equal(fox_source_read_file(s, "config.json", 100, &text, &err), FOX_E_BOUND);
	src_check(&err, FOX_E_BOUND, FOX_NOWHERE, "'@/links/config.json' is a link that leaves '@/links'", "");
	err = (struct fox_err){0};
	assert_int_equal(fox_source_read_file(s, "dangling.json", 100, &text, &err), FOX_E_IO);
	src_check(
	    &err, FOX_E_IO, FOX_NOWHERE, "cannot open '@/links/dangling.json': No such file or directory", "");
	fox_source_close(s);
}

#define OID "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
#define POINTER(size) "version https://git-lfs.github.com/spec/v1\noid sha256:" OID "\nsize " size "\n"
#define POINTER_TEXT(size)                                                                                   \
	"a Git LFS pointer, not the file: oid 'sha256:" OID "', size '" size "': run 'git lfs pull' in its "     \
	"folder"

static void test_lfs_pointer(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *s;
	struct fox_str text;
	src_folder("lfs");
	src_text("lfs/model.safetensors", POINTER("3330543616"));
	assert_int_equal(fox_source_open(&s, test_path("lfs"), true, &err), FOX_E_UNSUPPORTED);
	src_check(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE, POINTER_TEXT("3330543616"), "@/lfs/model.safetensors");
	err = (struct fox_err){0};
	assert_int_equal(fox_source_open(&s, test_path("lfs/model.safetensors"), true, &err), FOX_E_UNSUPPORTED);
	src_check(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE, POINTER_TEXT("3330543616"), "@/lfs/model.safetensors");
	err = (struct fox_err){0};
	src_text("lfs/tokenizer.model", POINTER("17"));
	assert_fox_ok(fox_source_open(&s, test_path("lfs"), false, &err), &err);
	assert_int_equal(fox_source_read_file(s, "tokenizer.model", 100, &text, &err), FOX_E_UNSUPPORTED);
	src_check(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE, POINTER_TEXT("17"), "@/lfs/tokenizer.model");
	/* cut and odd pointers are pointers still */
	err = (struct fox_err){0};
	src_text("lfs/tokenizer.model", "version https://git-lfs.github.com/spec/v1");
	assert_int_equal(fox_source_read_file(s, "tokenizer.model", 100, &text, &err), FOX_E_UNSUPPORTED);
	src_check(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "a Git LFS pointer, not the file: oid '', size '': run 'git lfs pull' in its folder",
	    "@/lfs/tokenizer.model");
	fox_source_close(s);
}

/* The file is written to, cut, or replaced by name while it is open. */
static void test_changes(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *s;
	struct fox_sha256 sha = {{1}};
	uint8_t bytes[8];
	src_folder("change");
	src_st("change/model.safetensors", ST_AB, 12);
	src_text("change/config.json", "{}");
	char path[512];
	snprintf(path, sizeof path, "%s", test_path("change/model.safetensors"));
	assert_fox_ok(fox_source_open(&s, test_path("change"), true, &err), &err);
	assert_fox_ok(fox_source_check_digest(s, 0, &sha, &err), &err);
	assert_true(fox_source_file(s, 0)->has_sha256);
	assert_memory_equal(fox_source_file(s, 0)->sha256.b, sha.b, 32);
	assert_int_equal(fox_source_check_digest(s, 1, &sha, &err), FOX_E_ARG);
	err = (struct fox_err){0};
	assert_int_equal(truncate(path, (off_t)(8 + strlen(ST_AB) + 10)), 0);
	assert_int_equal(
	    fox_source_read(s, fox_source_find(s, fox_str_of("b")), 0, bytes, 8, &err), FOX_E_TRUNCATED);
	src_check(&err, FOX_E_TRUNCATED, 8 + strlen(ST_AB) + 10, "file ends where 2 more bytes were expected",
	    "@/change/model.safetensors");
	err = (struct fox_err){0};
	assert_int_equal(fox_source_check_digest(s, 0, &sha, &err), FOX_E_IO);
	src_check(&err, FOX_E_IO, FOX_NOWHERE, "file changed while it was read", "@/change/model.safetensors");
	err = (struct fox_err){0};
	/* a new file of the same name is another file: the open one is still whole */
	src_st("change/model.safetensors", ST_AB, 12);
	fox_source_close(s);
	assert_fox_ok(fox_source_open(&s, test_path("change"), true, &err), &err);
	src_st("change/new", ST_C, 3);
	assert_int_equal(rename(test_path("change/new"), path), 0);
	assert_fox_ok(fox_source_read(s, fox_source_find(s, fox_str_of("b")), 0, bytes, 8, &err), &err);
	assert_int_equal(bytes[7], ST_MAKE_DATA_BYTE(11));
	fox_source_close(s);
	/* same size, other time: noticed as well */
	assert_fox_ok(fox_source_open(&s, test_path("change"), true, &err), &err);
	const struct timespec times[2] = {{1000, 0}, {1000, 0}};
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_int_equal(fox_source_check_digest(s, 0, &sha, &err), FOX_E_IO);
	fox_source_close(s);
}

/* The caller may not care why. */
static void test_null_err(void **state)
{
	(void)state;
	struct fox_source *s;
	src_folder("null");
	src_text("null/" SRC_INDEX, "{\"weight_map\":{\"a\":\"../x.safetensors\"}}");
	assert_int_equal(fox_source_open(&s, test_path("null"), true, NULL), FOX_E_FORMAT);
	assert_null(s);
	src_text("null/model.safetensors", POINTER("1"));
	assert_int_equal(fox_source_open(&s, test_path("null"), true, NULL), FOX_E_UNSUPPORTED);
	src_st("null/model.safetensors", "{\"a\":{}}", 0);
	assert_int_equal(fox_source_open(&s, test_path("null"), true, NULL), FOX_E_FORMAT);
	src_st("null/model.safetensors", "{\"a\":{}", 0);
	assert_int_equal(fox_source_open(&s, test_path("null"), true, NULL), FOX_E_FORMAT);
	fox_source_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain_folder),
	    cmocka_unit_test(test_read_bounds),
	    cmocka_unit_test(test_small_files),
	    cmocka_unit_test(test_one_file),
	    cmocka_unit_test(test_shards),
	    cmocka_unit_test(test_index),
	    cmocka_unit_test(test_long_shard_name),
	    cmocka_unit_test(test_large_index),
	    cmocka_unit_test(test_broken_shard),
	    cmocka_unit_test(test_strangers),
	    cmocka_unit_test(test_bad_paths),
	    cmocka_unit_test(test_plain_links),
	    cmocka_unit_test(test_lfs_pointer),
	    cmocka_unit_test(test_changes),
	    cmocka_unit_test(test_null_err),
	};
	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
