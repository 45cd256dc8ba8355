/* t_convert - whole conversions of the demo checkpoint: keys, names, refusals, and equal bytes for equal inputs. */
#include "tests/test.h"

#include <dirent.h>
#include <sys/stat.h>

#include "convert/convert.h"
#include "format/base/num.h"
#include "format/profile.h"

#define DEMO "tests/demo"
enum { CONFIG = 1 }; /* where config.json stands in the list */
static const char *const demo_files[] = {"README.md", "config.json", "generation_config.json",
    "model.safetensors", "special_tokens_map.json", "tokenizer.model", "tokenizer_config.json"};

/* Notes of the last conversion, one per line. */
static struct fox_buf notes;

static void take_note(void *ctx, const char *line)
{
	(void)ctx;
	fox_buf_str(&notes, line);
	fox_buf_char(&notes, '\n');
}

static const struct fox_convert_options defaults = {
    .src = DEMO, .types.types = "auto", .threads = 2, .hash_sources = true, .note = take_note};

static enum fox_status convert(
    const struct fox_convert_options *o, struct fox_outcome *r, struct fox_err *err)
{
	*r = (struct fox_outcome){0};
	*err = (struct fox_err){0};
	fox_buf_clear(&notes);
	fox_buf_str(&notes, "");
	return fox_convert(o, r, err);
}

static void must_fail(const struct fox_convert_options *o, enum fox_status code, const char *text)
{
	struct fox_outcome r;
	struct fox_err err;
	assert_int_equal(convert(o, &r, &err), code);
	assert_string_equal(err.text, text);
	fox_outcome_free(&r);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static struct fox_hash128 hash_of(const char *path)
{
	char *p;
	size_t n;
	assert_int_equal(fox_path_slurp(path, 1u << 30, &p, &n, NULL), FOX_OK);
	struct fox_hash128 h = fox_xxh3(p, n);
	free(p);
	return h;
}

/* A copy of some files of the demo in test_dir()/name. */
static void copy_demo(const char *name, size_t first, size_t end)
{
	char from[600], to[1100];
	assert_int_equal(mkdir(test_path(name), 0777), 0);
	for (size_t i = first; i < end; i++) {
		char *p;
		size_t n;
		snprintf(from, sizeof from, DEMO "/%s", demo_files[i]);
		snprintf(to, sizeof to, "%s/%s", test_path(name), demo_files[i]);
		assert_int_equal(fox_path_slurp(from, 1u << 30, &p, &n, NULL), FOX_OK);
		test_write(to, p, n);
		free(p);
	}
}

static void equal_inputs_give_equal_bytes(void **state)
{
	(void)state;
	struct fox_outcome r;
	struct fox_err err;
	struct fox_hash128 first = {{0}};
	copy_demo("elsewhere", 0, FOX_COUNT(demo_files));
	static const unsigned threads[] = {1, 2, 5, 1};
	for (size_t i = 0; i < FOX_COUNT(threads); i++) {
		struct fox_convert_options o = defaults;
		char out[64];
		snprintf(out, sizeof out, "equal%zu.gguf", i);
		o.out = test_path(out);
		o.threads = threads[i];
		o.src = i == 3 ? test_path("elsewhere") : DEMO;
		assert_fox_ok(convert(&o, &r, &err), &err);
		assert_string_equal(r.outs.list[0].type, "bf16");
		assert_int_equal(r.n_tensors, 56);
		assert_int_equal(r.n_params, 3869952);
		struct fox_hash128 h = hash_of(o.out);
		if (!i)
			first = h;
		assert_true(fox_hash128_eq(&h, &first));
		struct stat st;
		assert_int_equal(stat(o.out, &st), 0);
		assert_int_equal(st.st_size, r.outs.list[0].bytes);
		fox_outcome_free(&r);
	}
}

static void want_str(const struct fox_gguf *g, const char *key, const char *want)
{
	struct fox_str s;
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_str(g, key, &s, &err), &err);
	if (!fox_str_is(s, want))
		fail_msg("%s is '%.*s', want '%s'", key, FOX_STR_ARG(s), want);
}

static void want_u32(const struct fox_gguf *g, const char *key, uint32_t want)
{
	uint32_t v;
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_u32(g, key, &v, &err), &err);
	assert_int_equal(v, want);
}

static void the_header_tells_where_it_came_from(void **state)
{
	(void)state;
	struct fox_outcome r;
	struct fox_err err;
	struct fox_convert_options o = defaults;
	struct fox_gguf *g;
	o.out = test_path("keys.gguf");
	assert_fox_ok(convert(&o, &r, &err), &err);
	assert_fox_ok(fox_gguf_open(&g, o.out, &err), &err);
	assert_int_equal(fox_profile_state(g), FOX_HASH_OK);
	assert_memory_equal(fox_gguf_find_key(g, FOX_KEY_HASH_ROOT)->raw.p, r.outs.list[0].root.b, 16);
	want_str(g, "general.architecture", "llama");
	want_str(g, "general.type", "model");
	want_str(g, "general.name", "Llama");
	want_str(g, "general.size_label", "3.9M");
	want_u32(g, "general.file_type", 32);
	want_u32(g, "general.quantization_version", 2);
	want_u32(g, "tokenizer.ggml.bos_token_id", 2);
	want_u32(g, "tokenizer.ggml.eos_token_id", 1);
	want_str(g, FOX_KEY_OPTIONS, "type=bf16");
	assert_null(fox_gguf_find_key(g, FOX_KEY_SRC_REVISION));

	const struct fox_gguf_kv *names = fox_gguf_find_key(g, FOX_KEY_SRC_NAMES),
	                         *sizes = fox_gguf_find_key(g, FOX_KEY_SRC_SIZES),
	                         *shas = fox_gguf_find_key(g, FOX_KEY_SRC_SHA256),
	                         *dtypes = fox_gguf_find_key(g, FOX_KEY_SRC_DTYPES);
	assert_int_equal(names->n_items, FOX_COUNT(demo_files));
	assert_int_equal(shas->n_items, FOX_COUNT(demo_files));
	uint64_t at_name = 0, at_sha = 0, at_dtype = 0;
	struct fox_str s;
	for (size_t i = 0; i < FOX_COUNT(demo_files); i++) {
		char path[300], hex[65], *p;
		size_t n;
		uint64_t bytes;
		struct fox_sha256 sha;
		struct fox_sha256_state *state256 = fox_sha256_open();
		assert_true(fox_gguf_next_str(g, names, &at_name, &s));
		assert_true(fox_str_is(s, demo_files[i])); /* in the order of bytes, as the list above */
		snprintf(path, sizeof path, DEMO "/%s", demo_files[i]);
		assert_int_equal(fox_path_slurp(path, 1u << 30, &p, &n, NULL), FOX_OK);
		assert_true(fox_gguf_item_u64(g, sizes, i, &bytes));
		assert_int_equal(bytes, n);
		assert_int_equal(fox_sha256_add(state256, p, n, NULL), FOX_OK);
		assert_int_equal(fox_sha256_final(state256, &sha, NULL), FOX_OK);
		fox_hex(hex, sha.b, 32);
		assert_true(fox_gguf_next_str(g, shas, &at_sha, &s));
		assert_true(fox_str_is(s, hex));
		if (i == CONFIG)
			want_str(g, "fox.hf.config", p);
		if (i == CONFIG + 1)
			want_str(g, "fox.hf.generation_config", p);
		if (i == CONFIG + 5)
			want_str(g, "fox.hf.tokenizer_config", p);
		fox_sha256_close(state256);
		free(p);
	}
	assert_int_equal(dtypes->n_items, fox_gguf_tensors(g));
	while (fox_gguf_next_str(g, dtypes, &at_dtype, &s))
		assert_true(fox_str_is(s, "BF16"));

	struct fox_span all = fox_gguf_bytes(g); /* nowhere the place that it was written to */
	assert_null(memmem(all.p, all.n, test_dir(), strlen(test_dir())));
	assert_null(memmem(all.p, all.n, "keys.gguf", 9));
	fox_gguf_close(g);
	fox_outcome_free(&r);
	assert_non_null(strstr(notes.p, "bos token '<bos>' is 2 in the vocabulary, 1 in config.json"));
	assert_non_null(strstr(notes.p, "general.name is 'Llama'"));
}

static void options_show_in_the_keys(void **state)
{
	(void)state;
	struct fox_outcome r;
	struct fox_err err;
	struct fox_convert_options o = defaults;
	struct fox_gguf *g;
	o.out = test_path("named-{type}-{TYPE}.gguf");
	o.name = "Fuchs \xc3\xa4";
	o.types.types = "q8_0";
	o.hash_sources = false;
	assert_fox_ok(convert(&o, &r, &err), &err);
	assert_string_equal(r.outs.list[0].path.p, test_path("named-q8_0-Q8_0.gguf"));
	assert_fox_ok(fox_gguf_open(&g, r.outs.list[0].path.p, &err), &err);
	want_str(g, "general.name", "Fuchs \xc3\xa4");
	want_str(g, FOX_KEY_OPTIONS, "type=q8_0");
	want_u32(g, "general.file_type", 7);
	assert_null(fox_gguf_find_key(g, FOX_KEY_SRC_SHA256));
	assert_non_null(fox_gguf_find_key(g, FOX_KEY_SRC_SIZES));
	assert_null(strstr(notes.p, "general.name"));
	fox_gguf_close(g);
	fox_outcome_free(&r);
}

/* _name_or_path of config.json, sampling of generation_config.json. */
static void config_may_name_the_model(void **state)
{
	(void)state;
	struct fox_outcome r;
	struct fox_err err;
	struct fox_convert_options o = defaults;
	struct fox_gguf *g;
	char *p, path[600];
	size_t n;
	float f;
	copy_demo("idname", 0, FOX_COUNT(demo_files));
	assert_int_equal(fox_path_slurp(DEMO "/config.json", 1u << 20, &p, &n, NULL), FOX_OK);
	struct fox_buf b = {0};
	fox_buf_fmt(&b, "{\"_name_or_path\": \"tensoropera/fox-3M-chat-v0.2\",%s", p + 1);
	snprintf(path, sizeof path, "%s/config.json", test_path("idname"));
	test_write(path, b.p, b.n);
	snprintf(path, sizeof path, "%s/generation_config.json", test_path("idname"));
	const char *gen = "{\"bos_token_id\":2,\"temperature\":0.5,\"top_k\":40,\"top_p\":null,\"min_p\":\"x\"}";
	test_write(path, gen, strlen(gen));
	o.src = test_path("idname");
	snprintf(path, sizeof path, "%s/", test_path("idname"));
	o.out = path;
	assert_fox_ok(convert(&o, &r, &err), &err);
	assert_true(fox_str_ends(fox_buf_view(&r.outs.list[0].path), "/idname/fox-3M-chat-v0.2-BF16.gguf"));
	assert_fox_ok(fox_gguf_open(&g, r.outs.list[0].path.p, &err), &err);
	want_str(g, "general.name", "Fox 3M Chat v0.2");
	want_str(g, "general.organization", "Tensoropera");
	want_str(g, "general.basename", "fox");
	want_str(g, "general.finetune", "chat");
	want_str(g, "general.version", "v0.2");
	want_str(g, "general.size_label", "3M");
	assert_fox_ok(fox_gguf_f32(g, "general.sampling.temp", &f, &err), &err);
	assert_true(f == 0.5f);
	want_u32(g, "general.sampling.top_k", 40);
	assert_null(fox_gguf_find_key(g, "general.sampling.top_p"));
	assert_null(fox_gguf_find_key(g, "general.sampling.min_p"));
	fox_gguf_close(g);
	fox_outcome_free(&r);
	fox_buf_free(&b);
	free(p);
}

static void inputs_are_never_written_over(void **state)
{
	(void)state;
	struct fox_convert_options o = defaults;
	char src[600];
	copy_demo("inputs", 0, FOX_COUNT(demo_files));
	snprintf(src, sizeof src, "%s", test_path("inputs"));
	o.src = src;
	o.replace = true;
	for (size_t i = 0; i < FOX_COUNT(demo_files); i++) {
		char out[1100], want[1300], demo[300];
		snprintf(out, sizeof out, "%s/%s", test_path("inputs"), demo_files[i]);
		snprintf(demo, sizeof demo, DEMO "/%s", demo_files[i]);
		snprintf(want, sizeof want, "output '%s' is the input '%s'", out, demo_files[i]);
		o.out = out;
		must_fail(&o, FOX_E_ARG, want);
		struct fox_hash128 a = hash_of(out), b = hash_of(demo);
		assert_true(fox_hash128_eq(&a, &b));
	}
	char weights[1100], want[1300];
	snprintf(weights, sizeof weights, "%s/model.safetensors", test_path("inputs"));
	assert_int_equal(link(weights, test_path("hard.gguf")), 0);
	snprintf(want, sizeof want, "output '%s' is the input 'model.safetensors'", test_path("hard.gguf"));
	o.out = test_path("hard.gguf");
	must_fail(&o, FOX_E_ARG, want);
	struct fox_hash128 a = hash_of(weights), b = hash_of(DEMO "/model.safetensors");
	assert_true(fox_hash128_eq(&a, &b));
}

static void an_output_needs_force_to_be_replaced(void **state)
{
	(void)state;
	struct fox_outcome r;
	struct fox_err err;
	struct fox_convert_options o = defaults;
	char want[700];
	test_write(test_path("there.gguf"), "old", 3);
	o.out = test_path("there.gguf");
	snprintf(want, sizeof want, "output '%s' exists already, --force replaces it", o.out);
	must_fail(&o, FOX_E_ARG, want);
	struct stat st;
	assert_int_equal(stat(o.out, &st), 0);
	assert_int_equal(st.st_size, 3);
	o.replace = true;
	assert_fox_ok(convert(&o, &r, &err), &err);
	assert_int_equal(stat(o.out, &st), 0);
	assert_int_equal(st.st_size, r.outs.list[0].bytes);
	fox_outcome_free(&r);
	o.out = "-";
	must_fail(&o, FOX_E_ARG, "a container cannot be written to standard output");
}

static void a_dry_run_writes_nothing_and_tells_the_size(void **state)
{
	(void)state;
	struct fox_outcome dry, real;
	struct fox_err err;
	struct fox_convert_options o = defaults;
	o.out = test_path("dry.gguf");
	o.dry_run = true;
	assert_fox_ok(convert(&o, &dry, &err), &err);
	assert_false(exists(o.out));
	assert_non_null(strstr(dry.outs.list[0].table.p, "blk.5.attn_k.weight"));
	o.dry_run = false;
	assert_fox_ok(convert(&o, &real, &err), &err);
	assert_int_equal(dry.outs.list[0].bytes, real.outs.list[0].bytes);
	assert_int_equal(dry.n_params, real.n_params);
	fox_outcome_free(&dry);
	fox_outcome_free(&real);
	/* config.json alone: the type is the one that it claims */
	copy_demo("bare", CONFIG, CONFIG + 1);
	o.src = test_path("bare");
	o.out = NULL;
	o.dry_run = true;
	assert_fox_ok(convert(&o, &dry, &err), &err);
	assert_int_equal(dry.n_params, 3869952);
	assert_string_equal(dry.outs.list[0].type, "bf16");
	assert_string_equal(dry.outs.list[0].path.p, "Llama-3.9M-BF16.gguf");
	assert_int_equal(dry.src_bytes, 2 * 3869952);
	assert_non_null(strstr(notes.p, "no weights here"));
	fox_outcome_free(&dry);
	/* but to convert, weights are wanted */
	o.dry_run = false;
	must_fail(&o, FOX_E_IO,
	    "neither model.safetensors nor pytorch_model.bin in this folder, nor an index of either");
	/* and a broken file is not an absent one */
	copy_demo("broken", CONFIG, CONFIG + 1);
	char path[600];
	snprintf(path, sizeof path, "%s/model.safetensors", test_path("broken"));
	test_write(path, "x", 1);
	o.src = test_path("broken");
	o.dry_run = true;
	assert_int_not_equal(convert(&o, &dry, &err), FOX_OK);
	fox_outcome_free(&dry);
}

static void lost_values_fail_unless_allowed(void **state)
{
	(void)state;
	struct fox_outcome r;
	struct fox_err err;
	struct fox_convert_options o = defaults;
	o.types.types = "f16";
	o.out = test_path("lossy.gguf");
	must_fail(&o, FOX_E_MISMATCH,
	    "values out of range of f16 in 2 tensors: 'model.layers.4.mlp.up_proj.weight': 1 too small; "
	    "'model.layers.5.mlp.gate_proj.weight': 1 too small (--allow-lossy converts all the same)");
	assert_false(exists(o.out));
	o.allow_lossy = true;
	assert_fox_ok(convert(&o, &r, &err), &err);
	assert_non_null(strstr(notes.p, "not finite, or out of range of f16: 2 too small\n"));
	fox_outcome_free(&r);

	/* a NaN and an Inf in the last tensor of the file, which is copied bit by bit */
	copy_demo("nonfinite", 0, FOX_COUNT(demo_files));
	char path[600];
	snprintf(path, sizeof path, "%s/model.safetensors", test_path("nonfinite"));
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, -4, SEEK_END), 0);
	assert_int_equal(fwrite("\xc0\x7f\x80\xff", 1, 4, f), 4);
	assert_int_equal(fclose(f), 0);
	o = defaults;
	o.src = test_path("nonfinite");
	o.out = test_path("nonfinite.gguf");
	o.allow_lossy = true; /* another matter */
	assert_int_equal(convert(&o, &r, &err), FOX_E_MISMATCH);
	assert_int_equal(strncmp(err.text, "NaN or Inf in 1 tensor: 'model.", 31), 0);
	assert_non_null(strstr(err.text, ": 1 NaN, 1 Inf (--allow-nonfinite converts all the same)"));
	fox_outcome_free(&r);
	assert_false(exists(o.out));
	o.allow_lossy = false;
	o.allow_nonfinite = true;
	assert_fox_ok(convert(&o, &r, &err), &err);
	assert_non_null(strstr(notes.p, "not finite, or out of range of bf16: 1 NaN, 1 Inf\n"));
	fox_outcome_free(&r);
}

static void bad_options_and_folders(void **state)
{
	(void)state;
	struct fox_convert_options o = defaults;
	struct fox_outcome r;
	struct fox_err err;
	o.out = test_path("bad.gguf");
	o.name = "";
	must_fail(&o, FOX_E_ARG, "name '' has not 1 to 1024 bytes");
	o.name = "a\x1b[2Jb";
	must_fail(&o, FOX_E_ARG, "name 'a\x1b[2Jb' has a control character");
	o.name = "\xff";
	must_fail(&o, FOX_E_ARG, "name '\xff' is not UTF-8");
	o.name = NULL;
	copy_demo("noconfig", CONFIG + 1, FOX_COUNT(demo_files));
	o.src = test_path("noconfig");
	char want[700];
	snprintf(want, sizeof want, "no 'config.json' in '%s'", o.src);
	must_fail(&o, FOX_E_IO, want);
	char path[600];
	snprintf(path, sizeof path, "%s/config.json", test_path("noconfig"));
	test_write(path, "{]", 2);
	assert_int_equal(convert(&o, &r, &err), FOX_E_FORMAT);
	assert_true(fox_str_ends(fox_str_of(err.file), "/noconfig/config.json"));
	fox_outcome_free(&r);
	assert_false(exists(test_path("bad.gguf")));
}

/* Whatever failed above: nothing half written lies about. */
static void no_temporary_file_is_left(void **state)
{
	(void)state;
	DIR *d = opendir(test_dir());
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		assert_null(strstr(e->d_name, ".part"));
	closedir(d);
	fox_buf_free(&notes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_inputs_give_equal_bytes),
	    cmocka_unit_test(the_header_tells_where_it_came_from),
	    cmocka_unit_test(options_show_in_the_keys),
	    cmocka_unit_test(config_may_name_the_model),
	    cmocka_unit_test(inputs_are_never_written_over),
	    cmocka_unit_test(an_output_needs_force_to_be_replaced),
	    cmocka_unit_test(a_dry_run_writes_nothing_and_tells_the_size),
	    cmocka_unit_test(lost_values_fail_unless_allowed),
	    cmocka_unit_test(bad_options_and_folders),
	    cmocka_unit_test(no_temporary_file_is_left),
	};
	return cmocka_run_group_tests_name("convert", tests, NULL, NULL);
}
