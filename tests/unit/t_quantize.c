/* t_quantize - containers as a source: experts, odd shapes and types, keys, hashes, what is refused, and every target of a
 * run as if it were alone. */
#include "tests/test.h"

#include <math.h>
#include <sys/stat.h>

#include "convert/quantize.h"
#include "format/base/num.h"
#include "format/profile.h"
#include "kernels/kernels.h"

static struct fox_buf notes;

static void take_note(void *ctx, const char *line)
{
	(void)ctx;
	fox_buf_str(&notes, line);
	fox_buf_char(&notes, '\n');
}

/* As test_path, for names that are held for long. */
static const char *at(const char *name)
{
	static char paths[128][512];
	static unsigned turn;
	return memcpy(paths[turn++ % 128], test_path(name), sizeof paths[0]);
}

/* One tensor of a made container; its data is the same for the same name and type. */
struct made {
	const char *name;
	enum fox_type type;
	uint32_t n_dims;
	uint64_t dim[4];
};

static const struct made model[] = {
    {"token_embd.weight", FOX_F32, 2, {256, 50}},
    {"blk.0.attn_norm.weight", FOX_F32, 1, {256}},
    {"blk.0.ffn_up_exps.weight", FOX_BF16, 3, {256, 8, 3}},
    {"blk.0.odd.weight", FOX_F16, 4, {96, 2, 2, 2}},
    {"blk.0.ids", FOX_I32, 1, {7}},
    {"output.weight", FOX_F32, 2, {256, 50}},
};

static void fill(uint8_t *p, const struct made *t, uint64_t n)
{
	const struct fox_type_info *info = fox_type_info(t->type);
	uint64_t seed = fox_xxh3_64(t->name, strlen(t->name), 0);
	float row[32];
	if (!fox_kernels()->encode[t->type]) {
		for (uint64_t i = 0; i < n / info->elems * info->bytes; i++)
			p[i] = (uint8_t)test_rand(&seed);
		return;
	}
	for (uint64_t i = 0; i < n; i += 32) {
		for (size_t k = 0; k < 32; k++)
			row[k] = (float)((double)test_rand(&seed) / 4294967296.0 - 0.5);
		fox_kernels()->encode[t->type](p + i / info->elems * info->bytes, row, n - i < 32 ? n - i : 32);
	}
}

/* An architecture that no table knows, with keys of its own. change: called before the file is finished. */
static void make(const char *path, const struct made *t, size_t n, uint32_t align)
{
	struct fox_gguf_writer *w;
	struct fox_err err = {0};
	const float list[3] = {1, 2, 3};
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "general.architecture", fox_str_of("strange"), &err), &err);
	assert_fox_ok(fox_gguf_put_u32(w, "general.file_type", 1, &err), &err);
	assert_fox_ok(fox_gguf_put_array(w, "strange.list", FOX_GGUF_F32, list, 3, &err), &err);
	if (align)
		assert_fox_ok(fox_gguf_put_u32(w, "general.alignment", align, &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "fox.source.revision", fox_str_of("abc"), &err), &err);
	for (size_t i = 0; i < n; i++)
		assert_fox_ok(
		    fox_gguf_put_tensor(w, fox_str_of(t[i].name), t[i].type, t[i].n_dims, t[i].dim, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	for (size_t i = 0; i < n; i++) {
		uint64_t bytes = fox_gguf_writer_tensor_bytes(w, i), elems = 1;
		uint8_t *data = malloc(bytes + 64 * 4);
		for (uint32_t k = 0; k < t[i].n_dims; k++)
			elems *= t[i].dim[k];
		fill(data, &t[i], elems);
		assert_fox_ok(fox_gguf_write_data(w, i, 0, data, bytes, &err), &err);
		fox_gguf_set_hash(w, i, fox_xxh3(data, bytes));
		free(data);
	}
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
}

static const char *make_model(void)
{
	make(at("in.gguf"), model, FOX_COUNT(model), 0);
	return at("in.gguf");
}

static enum fox_status quantize(
    struct fox_quantize_options o, struct fox_outcome *r, struct fox_err *err)
{
	*r = (struct fox_outcome){0};
	*err = (struct fox_err){0};
	fox_buf_clear(&notes);
	fox_buf_str(&notes, "");
	o.note = take_note;
	o.replace = true;
	return fox_quantize(&o, r, err);
}

static void must_fail(struct fox_quantize_options o, enum fox_status code, const char *text)
{
	struct fox_outcome r;
	struct fox_err err;
	assert_int_equal(quantize(o, &r, &err), code);
	if (strcmp(err.text, text))
		fail_msg("'%s', want '%s'", err.text, text);
	fox_outcome_free(&r);
	if (o.out)
		assert_int_not_equal(access(o.out, F_OK), 0);
}

/* Every tensor of the output by whole rows from the source's values. */
static void check_values(const char *in, const char *out)
{
	struct fox_gguf *a, *b;
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_open(&a, in, &err), &err);
	assert_fox_ok(fox_gguf_open(&b, out, &err), &err);
	assert_int_equal(fox_gguf_tensors(a), fox_gguf_tensors(b));
	assert_int_equal(fox_profile_state(b), FOX_HASH_OK);
	for (size_t i = 0; i < fox_gguf_tensors(a); i++) {
		const struct fox_tensor *s = fox_gguf_tensor(a, i), *t = fox_gguf_tensor(b, i);
		struct fox_hash128 h = fox_xxh3(t->data.p, t->data.n);
		assert_true(t->name.n == s->name.n && !memcmp(t->name.p, s->name.p, s->name.n));
		assert_memory_equal(s->dim, t->dim, sizeof s->dim);
		assert_true(fox_hash128_eq(&h, t->hash));
		if (s->type == t->type) {
			assert_memory_equal(s->data.p, t->data.p, s->data.n);
			continue;
		}
		float *wide = malloc(s->n_elems * sizeof *wide);
		uint8_t *want = malloc(t->data.n);
		fox_kernels()->decode[s->type](wide, s->data.p, s->n_elems);
		fox_cast_rows(t->type, want, wide, s->n_elems / s->dim[0], s->dim[0], NULL, NULL, NULL);
		assert_memory_equal(want, t->data.p, t->data.n);
		free(wide);
		free(want);
	}
	fox_gguf_close(a);
	fox_gguf_close(b);
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

static enum fox_type type_in(const char *path, const char *name)
{
	struct fox_gguf *g;
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	enum fox_type t = fox_gguf_find(g, fox_str_of(name))->type;
	fox_gguf_close(g);
	return t;
}

static void every_target_is_as_if_alone(void **state)
{
	(void)state;
	static const char *const types[] = {"q4_0", "q8_0", "f16", "q4_k_s", "copy"};
	const char *in = make_model();
	struct fox_hash128 alone[FOX_COUNT(types)];
	struct fox_outcome r;
	struct fox_err err;
	char one[64];
	for (size_t i = 0; i < FOX_COUNT(types); i++) {
		snprintf(one, sizeof one, "one-%s.gguf", types[i]);
		struct fox_quantize_options o = {
		    .src = in, .out = at(one), .types.types = types[i], .threads = 1, .allow_lossy = true};
		assert_fox_ok(quantize(o, &r, &err), &err);
		fox_outcome_free(&r);
		check_values(in, at(one));
		alone[i] = hash_of(at(one));
	}
	assert_int_equal(type_in(at("one-q8_0.gguf"), "blk.0.odd.weight"), FOX_Q8_0);
	assert_int_equal(type_in(at("one-q8_0.gguf"), "blk.0.attn_norm.weight"), FOX_F32);
	assert_int_equal(type_in(at("one-q4_k_s.gguf"), "blk.0.ffn_up_exps.weight"), FOX_Q4_K);
	assert_int_equal(type_in(at("one-q4_k_s.gguf"), "blk.0.ids"), FOX_I32);
	for (unsigned threads = 1; threads <= 4; threads++) {
		struct fox_quantize_options o = {.src = in,
		    .out = at("all-{type}.gguf"),
		    .types.types = "Q4_0,q8_0,F16,q4_k_S,COPY",
		    .threads = threads,
		    .allow_lossy = true};
		assert_fox_ok(quantize(o, &r, &err), &err);
		assert_int_equal(r.outs.n, FOX_COUNT(types));
		for (size_t i = 0; i < FOX_COUNT(types); i++) {
			struct fox_hash128 h = hash_of(r.outs.list[i].path.p);
			assert_true(fox_hash128_eq(&h, &alone[i]));
		}
		fox_outcome_free(&r);
	}
}

/* Rows that are longer than what is encoded at once, and that are no multiple of it: cut for plain types, whole for blocks. */
static void long_rows(void **state)
{
	(void)state;
	static const struct made wide[] = {{"blk.0.a.weight", FOX_F32, 2, {3 * 65536 + 96, 3}},
	    {"blk.0.b.weight", FOX_BF16, 2, {600000, 2}}, {"blk.0.c.bias", FOX_F32, 1, {300001}}};
	static const char *const types[] = {"bf16", "q8_0", "copy", "f32"};
	struct fox_outcome r;
	struct fox_err err;
	struct fox_cast_error first[FOX_COUNT(types)];
	make(at("wide.gguf"), wide, FOX_COUNT(wide), 0);
	for (unsigned threads = 1; threads <= 64; threads *= 8) {
		struct fox_quantize_options o = {.src = at("wide.gguf"),
		    .out = at("wide-{type}.gguf"),
		    .types.types = "bf16,q8_0,copy,f32",
		    .threads = threads};
		assert_fox_ok(quantize(o, &r, &err), &err);
		for (size_t i = 0; i < FOX_COUNT(types); i++) {
			check_values(o.src, r.outs.list[i].path.p);
			if (threads == 1)
				first[i] = r.outs.list[i].error;
			assert_memory_equal(&first[i], &r.outs.list[i].error, sizeof first[i]);
		}
		assert_int_equal(r.outs.list[0].error.n, 3 * (3 * 65536 + 96)); /* b and c have no other type */
		assert_int_equal(r.outs.list[1].error.n, 3 * (3 * 65536 + 96) + 2 * 600000);
		assert_int_equal(r.outs.list[3].error.n, 0); /* f32 holds all */
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

static void keys_are_carried_over(void **state)
{
	(void)state;
	const char *const rules[] = {"odd=F16", "ids=q8_0"};
	struct fox_outcome r;
	struct fox_err err;
	struct fox_gguf *g, *src;
	uint32_t v;
	char root[FOX_HASH128_HEX + 1];
	make(at("keys.gguf"), model, FOX_COUNT(model), 128);
	struct fox_quantize_options o = {.src = at("keys.gguf"),
	    .out = at("keys-out.gguf"),
	    .types = {.types = "q5_1", .output_type = "Q8_0", .rules = {rules, 2}, .leave_output = false}};
	assert_fox_ok(quantize(o, &r, &err), &err);
	fox_outcome_free(&r);
	check_values(o.src, o.out);
	assert_fox_ok(fox_gguf_open(&g, o.out, &err), &err);
	assert_fox_ok(fox_gguf_open(&src, o.src, &err), &err);
	want_str(g, "general.architecture", "strange");
	want_str(g, "fox.source.revision", "abc");
	want_str(g, "fox.quantize.options",
	    "type=q5_1,output-tensor-type=q8_0,tensor-type=odd=F16,tensor-type=ids=q8_0");
	fox_hex(root, fox_gguf_find_key(src, FOX_KEY_HASH_ROOT)->raw.p, 16);
	want_str(g, "fox.quantize.source.root", root);
	assert_null(fox_gguf_find_key(g, "fox.quantize.source.hash"));
	assert_null(fox_gguf_find_key(g, "fox.quantize.requantized"));
	assert_int_equal(fox_gguf_header(g)->alignment, 128);
	assert_fox_ok(fox_gguf_u32(g, "general.file_type", &v, &err), &err);
	assert_int_equal(v, 9);
	assert_fox_ok(fox_gguf_u32(g, "general.quantization_version", &v, &err), &err);
	assert_int_equal(v, 2);
	assert_int_equal(fox_gguf_find_key(g, "strange.list")->n_items, 3);
	assert_true(fox_str_is(fox_gguf_key(g, 1)->key, "general.file_type")); /* in its place */
	assert_int_equal(fox_gguf_find(g, fox_str_of("output.weight"))->type, FOX_Q8_0);
	assert_int_equal(fox_gguf_find(g, fox_str_of("blk.0.odd.weight"))->type, FOX_F16);
	fox_gguf_close(src);
	fox_gguf_close(g);
}

/* Twice quantized: only when asked for, and told in the file. What keeps its type is copied without asking. */
static void quantizing_again_is_asked_for(void **state)
{
	(void)state;
	static const struct made old[] = {{"blk.0.a.weight", FOX_Q8_0, 2, {256, 4}},
	    {"blk.0.b.weight", FOX_F32, 2, {256, 4}}, {"blk.0.c.weight", FOX_Q8_0, 2, {256, 4}}};
	struct fox_outcome r;
	struct fox_err err;
	struct fox_gguf *g;
	struct fox_str name;
	uint64_t cursor = 0;
	make(at("old.gguf"), old, FOX_COUNT(old), 0);
	struct fox_quantize_options o = {
	    .src = at("old.gguf"), .out = at("old-out.gguf"), .types = {.types = "q4_0", .pure = true}};
	must_fail(o, FOX_E_ARG,
	    "tensor 'blk.0.a.weight' is quantized already, q8_0 to q4_0 loses more: --allow-requantize does it "
	    "all the "
	    "same (tensors: 2)");
	o.types.types = "q8_0";
	assert_fox_ok(quantize(o, &r, &err), &err);
	fox_outcome_free(&r);
	check_values(o.src, o.out);
	o.types.types = "q4_0";
	o.types.allow_requantize = true;
	assert_fox_ok(quantize(o, &r, &err), &err);
	fox_outcome_free(&r);
	check_values(o.src, o.out);
	assert_fox_ok(fox_gguf_open(&g, o.out, &err), &err);
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, "fox.quantize.requantized");
	assert_int_equal(kv->n_items, 2);
	assert_true(fox_gguf_next_str(g, kv, &cursor, &name) && fox_str_is(name, "blk.0.a.weight"));
	assert_true(fox_gguf_next_str(g, kv, &cursor, &name) && fox_str_is(name, "blk.0.c.weight"));
	fox_gguf_close(g);
}

/* Change bytes of a file. */
static void poke(const char *path, uint64_t at, const void *bytes, size_t n)
{
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static uint64_t place_of(const char *path, const char *name)
{
	struct fox_gguf *g;
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	uint64_t at = fox_gguf_find(g, fox_str_of(name))->at;
	fox_gguf_close(g);
	return at;
}

static void damage_is_found_on_the_way(void **state)
{
	(void)state;
	const char *in = make_model();
	char *p;
	size_t n;
	struct fox_quantize_options o = {
	    .src = in, .out = at("damaged.gguf"), .types.types = "q8_0", .threads = 2};
	uint64_t ids = place_of(in, "blk.0.ids");
	poke(in, ids + 3, "?", 1); /* a tensor that is only copied */
	must_fail(o, FOX_E_MISMATCH, "data of tensor 'blk.0.ids' has not the hash that the file records");
	make_model();
	poke(in, place_of(in, "token_embd.weight") + 1000, "?", 1);
	must_fail(o, FOX_E_MISMATCH, "data of tensor 'token_embd.weight' has not the hash that the file records");
	make_model();
	assert_int_equal(fox_path_slurp(in, 1u << 24, &p, &n, NULL), FOX_OK);
	poke(in, (uint64_t)((char *)memmem(p, n, "strange", 7) - p), "S", 1);
	free(p);
	must_fail(o, FOX_E_MISMATCH, "the header has not the hash that it records: fox-verify tells more");
}

/* A file of another program: no hashes to check; its own stands in for a root hash. */
static void strangers_get_a_hash(void **state)
{
	(void)state;
	const char *in = make_model();
	struct fox_outcome r;
	struct fox_err err;
	struct fox_gguf *g;
	struct fox_str first, second;
	char copy[40];
	/* a name that no reader knows: fox.profile, hash.root and hash.layout gone */
	char *p;
	size_t n;
	assert_int_equal(fox_path_slurp(in, 1u << 24, &p, &n, NULL), FOX_OK);
	static const char *const names[] = {
	    "fox.profile", "fox.hash.root", "fox.hash.set", "fox.hash.layout", "fox.hash.tensors"};
	for (size_t i = 0; i < FOX_COUNT(names); i++) {
		char *key = memmem(p, n, names[i], strlen(names[i]));
		assert_non_null(key);
		memcpy(key, "pox", 3);
	}
	test_write(at("stranger.gguf"), p, n);
	struct fox_quantize_options o = {
	    .src = at("stranger.gguf"), .out = at("stranger-out.gguf"), .types.types = "q8_0", .threads = 2};
	assert_fox_ok(quantize(o, &r, &err), &err);
	fox_outcome_free(&r);
	check_values(o.src, o.out);
	assert_fox_ok(fox_gguf_open(&g, o.out, &err), &err);
	assert_null(fox_gguf_find_key(g, "fox.quantize.source.root"));
	assert_fox_ok(fox_gguf_str(g, "fox.quantize.source.hash", &first, &err), &err);
	assert_int_equal(first.n, 32);
	snprintf(copy, sizeof copy, "%.*s", FOX_STR_ARG(first));
	fox_gguf_close(g);
	/* another value, another hash */
	p[place_of(o.src, "output.weight")] ^= 1;
	test_write(o.src, p, n);
	assert_fox_ok(quantize(o, &r, &err), &err);
	fox_outcome_free(&r);
	assert_fox_ok(fox_gguf_open(&g, o.out, &err), &err);
	assert_fox_ok(fox_gguf_str(g, "fox.quantize.source.hash", &second, &err), &err);
	assert_string_not_equal(copy, "00000000000000000000000000000000");
	assert_false(fox_str_is(second, copy));
	fox_gguf_close(g);
	free(p);
}

static void what_is_refused(void **state)
{
	(void)state;
	const char *in = make_model();
	const float nan[2] = {NAN, INFINITY};
	struct fox_outcome r;
	struct fox_err err;
	struct fox_quantize_options o = {.src = in, .out = at("refused.gguf"), .types.types = "q4_9"};
	must_fail(o, FOX_E_ARG, "no file type 'q4_9'; near it: Q4_0, Q4_1, Q4_K, Q1_0");
	o.types.types = "q8_0,";
	must_fail(o, FOX_E_ARG, "an empty name among the types 'q8_0,'");
	o.types.types = "q8_0,Q8_0";
	must_fail(o, FOX_E_ARG, "type 'q8_0' is asked for twice");
	o.types.types = "auto"; /* which is fox-convert's */
	assert_int_equal(quantize(o, &r, &err), FOX_E_ARG);
	assert_int_equal(strncmp(err.text, "no file type 'auto'; ", 21), 0);
	fox_outcome_free(&r);
	o.types.types = "q8_0,q4_0";
	char want[1200];
	snprintf(
	    want, sizeof want, "output '%s' is that of both q8_0 and q4_0: {type} in it tells them apart", o.out);
	must_fail(o, FOX_E_ARG, want);
	o.types = (struct fox_mixture_options){.types = "q8_0", .output_type = "q8_9"};
	must_fail(o, FOX_E_ARG,
	    "no tensor type 'q8_9'; near it: q8_0, q4_0, q4_1, q5_0, in option '--output-tensor-type'");
	o.types = (struct fox_mixture_options){.types = "q8_0", .include = {(const char *const[]){"x"}, 1}};
	must_fail(o, FOX_E_ARG, "--include-weights chooses entries of an importance matrix, and there is none");
	/* NaN and Inf, by name: in what is cast and in what is copied */
	static const struct made plain[] = {
	    {"blk.0.a.weight", FOX_F32, 2, {64, 4}}, {"blk.0.b.bias", FOX_F32, 1, {64}}};
	make(at("nan.gguf"), plain, 2, 0);
	char *p;
	size_t n;
	assert_int_equal(fox_path_slurp(at("nan.gguf"), 1u << 24, &p, &n, NULL), FOX_OK);
	memcpy(p + place_of(at("nan.gguf"), "blk.0.a.weight") + 40, nan, sizeof nan);
	memcpy(p + place_of(at("nan.gguf"), "blk.0.b.bias") + 8, nan, 4);
	for (char *key; (key = memmem(p, n, "fox.hash", 8));)
		memcpy(key, "pox", 3);
	memcpy(memmem(p, n, "fox.profile", 8), "pox", 3);
	test_write(at("nan.gguf"), p, n);
	free(p);
	o = (struct fox_quantize_options){.src = at("nan.gguf"), .out = o.out, .types.types = "q8_0"};
	must_fail(o, FOX_E_MISMATCH,
	    "NaN or Inf, or values out of range of q8_0 in 2 tensors: 'blk.0.a.weight': 1 NaN, 1 Inf, 30 too "
	    "large; "
	    "'blk.0.b.bias': 1 NaN (--allow-lossy --allow-nonfinite converts all the same)");
	/* the input is never replaced */
	o = (struct fox_quantize_options){.src = in, .out = in, .types.types = "q8_0"};
	struct fox_hash128 before = hash_of(in);
	assert_int_equal(quantize(o, &r, &err), FOX_E_ARG);
	snprintf(want, sizeof want, "output '%s' is the input '%s'", in, in);
	assert_string_equal(err.text, want);
	fox_outcome_free(&r);
	struct fox_hash128 after = hash_of(in);
	assert_true(fox_hash128_eq(&before, &after));
}

static void a_dry_run_reads_no_data(void **state)
{
	(void)state;
	const char *in = make_model();
	struct fox_outcome dry, real;
	struct fox_err err;
	struct fox_quantize_options o = {
	    .src = in, .out = at("plan-{type}.gguf"), .types.types = "q4_0,q8_0", .dry_run = true};
	assert_fox_ok(quantize(o, &dry, &err), &err);
	assert_int_not_equal(access(at("plan-q4_0.gguf"), F_OK), 0);
	o.dry_run = false;
	assert_fox_ok(quantize(o, &real, &err), &err);
	for (size_t i = 0; i < 2; i++) {
		struct stat st;
		assert_int_equal(stat(real.outs.list[i].path.p, &st), 0);
		assert_int_equal(dry.outs.list[i].bytes, st.st_size);
		assert_true(dry.outs.list[i].bits_per_weight == real.outs.list[i].bits_per_weight);
		assert_true(real.outs.list[i].error.n == 50 * 256 * 2 + 256 * 24 + 96 * 8);
		assert_int_equal(dry.outs.list[i].error.n, 0);
	}
	assert_non_null(strstr(dry.outs.list[0].table.p, "blk.0.ffn_up_exps.weight      3 x 8 x 256"));
	fox_outcome_free(&dry);
	fox_outcome_free(&real);
}

/* Names without -o: the source's, with the type in place of its own. */
static void names_follow_the_source(void **state)
{
	(void)state;
	static const char *const names[][2] = {{"Model-1B-BF16.gguf", "Model-1B-Q4_0.gguf"},
	    {"m.f32.gguf", "m.q4_0.gguf"}, {"plain.gguf", "plain-Q4_0.gguf"}, {"x_q8_0", "x_q4_0.gguf"},
	    {"mf16.gguf", "mf16-Q4_0.gguf"}};
	make_model();
	for (size_t i = 0; i < FOX_COUNT(names); i++) {
		struct fox_outcome r;
		struct fox_err err;
		assert_int_equal(rename(at(i ? names[i - 1][0] : "in.gguf"), at(names[i][0])), 0);
		struct fox_quantize_options o = {.src = at(names[i][0]), .types.types = "q4_0", .dry_run = true};
		assert_fox_ok(quantize(o, &r, &err), &err);
		assert_string_equal(r.outs.list[0].path.p, names[i][1]);
		fox_outcome_free(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_target_is_as_if_alone),
	    cmocka_unit_test(long_rows),
	    cmocka_unit_test(keys_are_carried_over),
	    cmocka_unit_test(quantizing_again_is_asked_for),
	    cmocka_unit_test(damage_is_found_on_the_way),
	    cmocka_unit_test(strangers_get_a_hash),
	    cmocka_unit_test(what_is_refused),
	    cmocka_unit_test(a_dry_run_reads_no_data),
	    cmocka_unit_test(names_follow_the_source),
	};
	int failed = cmocka_run_group_tests_name("quantize", tests, NULL, NULL);
	fox_buf_free(&notes);
	return failed;
}
