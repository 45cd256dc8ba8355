/* mkfault - makes faulty variants of good files, so that the verifier can be shown to find each fault.
 *
 *   mkfault IN OUT FAULT           a container rewritten through the library's writer: its hashes are valid
 *       qk-unpermuted              rows of Q and K in the source's order
 *       eps theta bos add-space-prefix context pre sampling logit-scale file-type    that key wrong (or one too many)
 *       head-count                 half the heads of twice the size: every shape stays as it is
 *       swapped                    the data of two tensors of one shape exchanged
 *       rounding zeroed            the lowest bit of one value turned round; a tensor of zeros
 *       missing                    a tensor left out
 *       extra extra-bias           one too many: of no model, of models with such biases
 *       spm user-defined carried dtype sha-record size-record              that record wrong
 *       merges token-type hf       first merge another, first type another, one bit of fox.tokenizer.hf
 *       revision                   a revision recorded that the source does not have
 *       profile                    a profile from the future
 *   mkfault IN OUT bit-data|bit-key|bit-tensor-hash|bit-root-hash|bit-padding          one bit of a copy flipped
 *   mkfault IN OUT foreign-add|foreign-drop|strip    as another tool writes it: fox.* copied, hashes as they were; all of
 *                                  fox.* gone
 *   mkfault IN.npz OUT.safetensors reference         the same arrays in the other kind of file
 *   mkfault IN.safetensors OUT value                 a checkpoint with one value changed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/num.h"
#include "format/base/str.h"
#include "format/profile.h"
#include "format/source.h"
#include "inspect/reference.h"

static struct fox_err err;

static void die(const char *what)
{
	fprintf(stderr, "mkfault: %s\n", what);
	exit(3);
}

static void check(enum fox_status s)
{
	if (s)
		die(err.text);
}

static void save(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f))
		die("cannot write");
}

/* ---- through the writer */

struct job {
	const struct fox_gguf *in;
	struct fox_gguf_writer *w;
	const char *fault;
};

static bool is(const struct job *j, const char *fault)
{
	return !strcmp(j->fault, fault);
}

/* The tensor that the fault adds; NULL: none. */
static const char *extra_name(const struct job *j)
{
	return is(j, "extra") ? "blk.0.attn_extra.weight" : is(j, "extra-bias") ? "blk.0.attn_q.bias" : NULL;
}

static uint32_t number(const struct fox_gguf *g, const char *key)
{
	uint32_t v;
	check(fox_gguf_u32(g, key, &v, &err));
	return v;
}

/* Keys of one number that a fault sets. mul and add act on what is there: v * mul / 2 + add. */
static const struct change {
	const char *fault, *key;
	uint32_t mul, add;
} changes[] = {
    {"bos", "tokenizer.ggml.bos_token_id", 2, 1},
    {"context", "llama.context_length", 4, 0},
    {"file-type", "general.file_type", 0, 1},
    {"profile", FOX_KEY_PROFILE, 2, 1},
    {"head-count", "llama.attention.head_count", 1, 0},
    {"head-count", "llama.attention.head_count_kv", 1, 0},
    {"head-count", "llama.attention.key_length", 4, 0},
    {"head-count", "llama.attention.value_length", 4, 0},
    {"head-count", "llama.rope.dimension_count", 4, 0},
};

/* A string array with its first element replaced (with NULL: without it), and `more` behind it (NULL: nothing). */
static void put_list(
    struct job *j, const struct fox_gguf_kv *kv, const char *key, const char *with, const char *more)
{
	struct fox_str *list = calloc((size_t)kv->n_items + 1, sizeof *list);
	uint64_t cursor = 0, n = kv->n_items;
	if (!list)
		die("out of memory");
	for (uint64_t i = 0; i < n; i++)
		fox_gguf_next_str(j->in, kv, &cursor, &list[i]);
	if (with)
		list[0] = fox_str_of(with);
	else
		memmove(list, list + 1, --n * sizeof *list);
	if (more)
		list[n++] = fox_str_of(more);
	check(fox_gguf_put_strings(j->w, key, list, n, &err));
	free(list);
}

/* A value with one bit of its last byte flipped. */
static void put_flipped(struct job *j, const struct fox_gguf_kv *kv, const char *key, bool string)
{
	size_t skip = string ? 8 : 0, n = kv->raw.n - skip;
	char *copy = malloc(n);
	if (!copy)
		die("out of memory");
	memcpy(copy, kv->raw.p + skip, n);
	copy[n - 1] ^= 1;
	check(string ? fox_gguf_put_str(j->w, key, (struct fox_str){copy, n}, &err)
	             : fox_gguf_put_array(j->w, key, kv->item, copy, kv->n_items, &err));
	free(copy);
}

/* A text with its first "true" made another JSON value of the same length. */
static void put_text(struct job *j, const struct fox_gguf_kv *kv, const char *key)
{
	size_t n = kv->raw.n - 8;
	char *copy = malloc(n);
	char *at = copy ? memcpy(copy, kv->raw.p + 8, n), memmem(copy, n, "true", 4) : NULL;
	if (!at)
		die("nothing to change");
	memcpy(at, "null", 4);
	check(fox_gguf_put_str(j->w, key, (struct fox_str){copy, n}, &err));
	free(copy);
}

/* True when the fault is about this key, which is then put. */
static bool put_faulty(struct job *j, const struct fox_gguf_kv *kv, const char *key)
{
	for (size_t i = 0; i < FOX_COUNT(changes); i++)
		if (is(j, changes[i].fault) && !strcmp(key, changes[i].key)) {
			uint32_t v = number(j->in, key);
			check(fox_gguf_put_u32(j->w, key, v * changes[i].mul / 2 + changes[i].add, &err));
			return true;
		}
	if (is(j, "eps") && !strcmp(key, "llama.attention.layer_norm_rms_epsilon"))
		check(fox_gguf_put_f32(j->w, key, 1e-6f, &err));
	else if (is(j, "theta") && !strcmp(key, "llama.rope.freq_base"))
		check(fox_gguf_put_f32(j->w, key, 20000, &err));
	else if (is(j, "add-space-prefix") && !strcmp(key, "tokenizer.ggml.add_space_prefix"))
		check(fox_gguf_put_bool(j->w, key, !kv->raw.p[0], &err));
	else if (is(j, "pre") && !strcmp(key, "tokenizer.ggml.pre"))
		check(fox_gguf_put_str(j->w, key, fox_str_of("gpt-2"), &err));
	else if (is(j, "dtype") && !strcmp(key, FOX_KEY_SRC_DTYPES))
		put_list(j, kv, key, "F16", NULL);
	else if (is(j, "merges") && !strcmp(key, "tokenizer.ggml.merges"))
		put_list(j, kv, key, "b a", NULL);
	else if (is(j, "token-type") && !strcmp(key, "tokenizer.ggml.token_type"))
		put_flipped(j, kv, key, false);
	else if (is(j, "hf") && !strcmp(key, FOX_KEY_HF_SPEC))
		put_text(j, kv, key);
	else if (is(j, "missing") && !strcmp(key, FOX_KEY_SRC_DTYPES))
		put_list(j, kv, key, NULL, NULL); /* they are all alike */
	else if (extra_name(j) && !strcmp(key, FOX_KEY_SRC_DTYPES))
		put_list(j, kv, key, "BF16", "F32");
	else if (is(j, "sha-record") && !strcmp(key, FOX_KEY_SRC_SHA256))
		put_list(j, kv, key, "0000000000000000000000000000000000000000000000000000000000000000", NULL);
	else if ((is(j, "spm") && !strcmp(key, FOX_KEY_SPM_SPEC)) ||
	         (is(j, "size-record") && !strcmp(key, FOX_KEY_SRC_SIZES)))
		put_flipped(j, kv, key, false);
	else if (is(j, "carried") && !strcmp(key, FOX_KEY_HF_PREFIX "config"))
		put_flipped(j, kv, key, true);
	else if (!(is(j, "user-defined") && !strcmp(key, "fox.tokenizer.user_defined")))
		return false;
	return true;
}

static void put_keys(struct job *j)
{
	for (size_t i = 0; i < fox_gguf_keys(j->in); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(j->in, i);
		char key[256];
		if (fox_str_starts(kv->key, "fox.hash.") || fox_str_is(kv->key, FOX_KEY_PAD))
			continue;
		snprintf(key, sizeof key, "%.*s", FOX_STR_ARG(kv->key));
		if (!put_faulty(j, kv, key))
			check(fox_gguf_put_copy(j->w, j->in, kv, &err));
	}
	if (is(j, "logit-scale"))
		check(fox_gguf_put_f32(j->w, "llama.logit_scale", 0.5f, &err));
	if (is(j, "sampling"))
		check(fox_gguf_put_f32(j->w, "general.sampling.temp", 0.5f, &err));
	if (is(j, "revision"))
		check(fox_gguf_put_str(
		    j->w, FOX_KEY_SRC_REVISION, fox_str_of("0123456789abcdef0123456789abcdef01234567"), &err));
}

/* Rows of each head from adjacent pairs back to halves: as if the converter had left its permutation out. */
static void unpermute(uint8_t *out, const struct fox_tensor *t, uint32_t head)
{
	size_t row = t->data.n / t->dim[1];
	for (uint64_t r = 0; r < t->dim[1]; r++) {
		uint64_t in = r % head, to = r - in + in / 2 + in % 2 * (head / 2);
		memcpy(out + to * row, t->data.p + r * row, row);
	}
}

static struct fox_span faulty_data(struct job *j, const struct fox_tensor *t, uint8_t **own)
{
	static const char *const pair[] = {"blk.3.ffn_gate.weight", "blk.3.ffn_up.weight"};
	struct fox_span d = t->data;
	if (is(j, "swapped"))
		for (int k = 0; k < 2; k++)
			if (fox_str_is(t->name, pair[k]))
				d = fox_gguf_find(j->in, fox_str_of(pair[!k]))->data;
	bool rounding = is(j, "rounding"), here = fox_str_is(t->name, "blk.5.ffn_gate.weight");
	if (here && (rounding || is(j, "zeroed"))) {
		if (!(*own = calloc(1, t->data.n)))
			die("out of memory");
		if (rounding) {
			memcpy(*own, t->data.p, t->data.n);
			const struct fox_type_info *info = fox_type_info(t->type);
			/* of floats a value, of q8_0 a scale, of other blocks a weight: their middle */
			size_t in = info->elems == 1 || t->type == FOX_Q8_0 ? 0 : info->bytes / 2;
			(*own)[t->data.n / 2 + in] ^= 1;
		}
		d.p = *own;
	}
	if (is(j, "qk-unpermuted") &&
	    (fox_str_ends(t->name, ".attn_q.weight") || fox_str_ends(t->name, ".attn_k.weight"))) {
		if (!(*own = malloc(t->data.n)))
			die("out of memory");
		unpermute(*own, t, number(j->in, "llama.attention.key_length"));
		d.p = *own;
	}
	return d;
}

static bool left_out(const struct job *j, const struct fox_tensor *t)
{
	return is(j, "missing") && fox_str_is(t->name, "blk.1.ffn_down.weight");
}

static void rewrite(const struct fox_gguf *in, const char *path, const char *fault)
{
	struct job j = {.in = in, .fault = fault};
	size_t n = fox_gguf_tensors(in), at = 0;
	static const float extra[32];
	const uint64_t dim[1] = {32};
	check(fox_gguf_writer_open(&j.w, &err));
	put_keys(&j);
	for (size_t i = 0; i < n; i++) {
		const struct fox_tensor *t = fox_gguf_tensor(in, i);
		if (!left_out(&j, t))
			check(fox_gguf_put_tensor(j.w, t->name, t->type, t->n_dims, t->dim, &err));
	}
	if (extra_name(&j))
		check(fox_gguf_put_tensor(j.w, fox_str_of(extra_name(&j)), FOX_F32, 1, dim, &err));
	check(fox_gguf_freeze(j.w, &err));
	check(fox_gguf_create(j.w, path, true, &err));
	for (size_t i = 0; i < n; i++) {
		const struct fox_tensor *t = fox_gguf_tensor(in, i);
		uint8_t *own = NULL;
		if (left_out(&j, t))
			continue;
		struct fox_span d = faulty_data(&j, t, &own);
		check(fox_gguf_write_data(j.w, at, 0, d.p, d.n, &err));
		fox_gguf_set_hash(j.w, at++, fox_xxh3(d.p, d.n));
		free(own);
	}
	if (extra_name(&j)) {
		check(fox_gguf_write_data(j.w, at, 0, extra, sizeof extra, &err));
		fox_gguf_set_hash(j.w, at, fox_xxh3(extra, sizeof extra));
	}
	check(fox_gguf_finish(j.w, &err));
	fox_gguf_writer_close(j.w);
}

/* ---- bytes of a copy */

/* Where the fault's bit is; 0: no such fault. */
static uint64_t bit_place(const struct fox_gguf *g, const char *fault)
{
	const struct fox_tensor *t = fox_gguf_find(g, fox_str_of("blk.2.ffn_down.weight"));
	const struct fox_tensor *norm = fox_gguf_find(g, fox_str_of("blk.0.attn_norm.weight"));
	if (!strcmp(fault, "bit-data"))
		return t->at + t->data.n / 2;
	if (!strcmp(fault, "bit-key"))
		return fox_gguf_find_key(g, "general.name")->at + 8;
	if (!strcmp(fault, "bit-tensor-hash"))
		return fox_gguf_find_key(g, FOX_KEY_HASH_TENSORS)->at + 16 * 7 + 3;
	if (!strcmp(fault, "bit-root-hash"))
		return fox_gguf_find_key(g, FOX_KEY_HASH_ROOT)->at + 5;
	if (!strcmp(fault, "bit-padding") && norm->data.n % fox_gguf_header(g)->alignment)
		return norm->at + norm->data.n;
	return 0;
}

static bool flip(const struct fox_gguf *g, const char *path, const char *fault)
{
	struct fox_span all = fox_gguf_bytes(g);
	uint64_t at = bit_place(g, fault);
	uint8_t *copy = malloc(all.n);
	if (!at || !copy) {
		free(copy);
		return false;
	}
	memcpy(copy, all.p, all.n);
	copy[at] ^= 0x10;
	save(path, copy, all.n);
	free(copy);
	return true;
}

/* ---- as another tool writes */

static void add_u64(struct fox_buf *b, uint64_t v)
{
	uint8_t p[8];
	fox_store64(p, v);
	fox_buf_add(b, p, 8);
}

static void add_u32(struct fox_buf *b, uint32_t v)
{
	uint8_t p[4];
	fox_store32(p, v);
	fox_buf_add(b, p, 4);
}

static void add_name(struct fox_buf *b, struct fox_str s)
{
	add_u64(b, s.n);
	fox_buf_add(b, s.p, s.n);
}

static bool dropped(struct fox_str key, const char *fault)
{
	if (!strcmp(fault, "strip"))
		return fox_str_starts(key, "fox.");
	return !strcmp(fault, "foreign-drop") && fox_str_is(key, "tokenizer.chat_template");
}

static uint64_t copy_keys(struct fox_buf *b, const struct fox_gguf *g, const char *fault)
{
	uint64_t n = 0;
	for (size_t i = 0; i < fox_gguf_keys(g); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(g, i);
		if (dropped(kv->key, fault))
			continue;
		add_name(b, kv->key);
		add_u32(b, kv->type);
		if (kv->type == FOX_GGUF_ARR) {
			add_u32(b, kv->item);
			add_u64(b, kv->n_items);
		}
		fox_buf_add(b, kv->raw.p, kv->raw.n);
		n++;
	}
	if (strcmp(fault, "foreign-add"))
		return n;
	add_name(b, fox_str_of("quantize.imatrix.chunks_count"));
	add_u32(b, FOX_GGUF_U32);
	add_u32(b, 125);
	return n + 1;
}

static void pad(struct fox_buf *b, size_t to)
{
	while (b->n % to)
		fox_buf_char(b, 0);
}

static void foreign(const struct fox_gguf *g, const char *path, const char *fault)
{
	struct fox_buf b = {0}, keys = {0};
	uint64_t n_keys = copy_keys(&keys, g, fault), at = 0, align = fox_gguf_header(g)->alignment;
	fox_buf_str(&b, "GGUF");
	add_u32(&b, 3);
	add_u64(&b, fox_gguf_tensors(g));
	add_u64(&b, n_keys);
	fox_buf_add(&b, keys.p, keys.n);
	for (size_t i = 0; i < fox_gguf_tensors(g); i++) {
		const struct fox_tensor *t = fox_gguf_tensor(g, i);
		add_name(&b, t->name);
		add_u32(&b, t->n_dims);
		for (uint32_t d = 0; d < t->n_dims; d++)
			add_u64(&b, t->dim[d]);
		add_u32(&b, t->type);
		add_u64(&b, at);
		at += (t->data.n + align - 1) / align * align;
	}
	for (size_t i = 0; i < fox_gguf_tensors(g); i++) {
		pad(&b, align);
		fox_buf_add(&b, fox_gguf_tensor(g, i)->data.p, fox_gguf_tensor(g, i)->data.n);
	}
	pad(&b, align);
	if (b.failed || keys.failed)
		die("out of memory");
	save(path, b.p, b.n);
	fox_buf_free(&b);
	fox_buf_free(&keys);
}

/* ---- references and checkpoints */

static void add_array(struct fox_buf *head, struct fox_buf *data, const char *name, const char *dtype,
    const char *shape, const void *p, uint64_t n)
{
	fox_buf_fmt(head, "%c\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
	    head->n ? ',' : '{', name, dtype, shape, data->n, data->n + (size_t)n);
	fox_buf_add(data, p, (size_t)n);
}

static void reference(const char *in, const char *out)
{
	struct fox_reference r;
	struct fox_buf head = {0}, data = {0}, all = {0};
	char shape[96];
	check(fox_reference_open(&r, in, &err));
	unsigned long long n = r.n, vocab = r.n_vocab, layers = r.n_layers, width = r.d_model;
	snprintf(shape, sizeof shape, "1,%llu", n);
	add_array(&head, &data, "input_ids", "I32", shape, r.ids, r.n * 4);
	snprintf(shape, sizeof shape, "1,%llu,%llu", n, vocab);
	add_array(&head, &data, "logits", "F32", shape, r.logits, n * vocab * 4);
	snprintf(shape, sizeof shape, "%llu,%llu,%llu", layers, n, width);
	if (layers)
		add_array(&head, &data, "hidden_states", "F32", shape, r.hidden, layers * n * width * 4);
	fox_buf_char(&head, '}');
	add_u64(&all, head.n);
	fox_buf_add(&all, head.p, head.n);
	fox_buf_add(&all, data.p, data.n);
	if (head.failed || data.failed || all.failed)
		die("out of memory");
	save(out, all.p, all.n);
	fox_buf_free(&head);
	fox_buf_free(&data);
	fox_buf_free(&all);
	fox_reference_close(&r);
}

/* The lowest bit of one value in the middle of the last layer's gate. */
static void checkpoint(const char *in, const char *out)
{
	struct fox_source *src;
	char *bytes;
	size_t n;
	check(fox_source_open(&src, in, true, &err));
	const struct fox_src_tensor *t = fox_source_find(src, fox_str_of("model.layers.5.mlp.gate_proj.weight"));
	check(fox_path_slurp(in, 1u << 30, &bytes, &n, &err));
	if (!t)
		die("no such tensor");
	bytes[t->at + t->bytes / 2] ^= 1;
	save(out, bytes, n);
	free(bytes);
	fox_source_close(src);
}

int main(int argc, char **argv)
{
	static const char *const rewrites[] = {"qk-unpermuted", "eps", "theta", "bos", "add-space-prefix",
	    "context", "pre", "sampling", "logit-scale", "head-count", "swapped", "rounding", "zeroed", "missing",
	    "extra", "extra-bias", "spm", "user-defined", "merges", "token-type", "hf", "carried", "dtype",
	    "sha-record", "size-record", "revision", "profile", "file-type"};
	struct fox_gguf *g;
	bool done = false;
	if (argc != 4)
		die("usage: mkfault IN OUT FAULT");
	if (!strcmp(argv[3], "reference"))
		return reference(argv[1], argv[2]), 0;
	if (!strcmp(argv[3], "value"))
		return checkpoint(argv[1], argv[2]), 0;
	check(fox_gguf_open(&g, argv[1], &err));
	for (size_t i = 0; i < FOX_COUNT(rewrites) && !done; i++)
		if ((done = !strcmp(argv[3], rewrites[i])))
			rewrite(g, argv[2], argv[3]);
	if (!done && (!strncmp(argv[3], "foreign-", 8) || !strcmp(argv[3], "strip"))) {
		foreign(g, argv[2], argv[3]);
		done = true;
	}
	if (!done && !flip(g, argv[2], argv[3]))
		die("no such fault");
	fox_gguf_close(g);
	return 0;
}
