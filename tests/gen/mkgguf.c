/* mkgguf - writes small deterministic containers for tests: a two-layer llama with a 300-piece SentencePiece vocabulary.
 *
 *   mkgguf OUT [TYPE [CHANGE...]]     as fox writes it, through the library's writer; TYPE f32 (default), f16, bf16, q8_0
 *       CHANGE  name    another general.name             value  one value of blk.1.ffn_down.weight, 0.5 larger
 *               key     an additional key                drop   without blk.1.attn_v.weight
 *               shape   output_norm.weight one longer    nan    blk.0.ffn_norm.weight with NaN, Inf and -0 (f32)
 *   mkgguf -raw OUT [be] [v2] [vocab] the f32 model as another tool would, in either byte order and version, or no tensors
 *   mkgguf -evil OUT                  names and values that try to steer a terminal
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/num.h"
#include "format/base/str.h"
#include "format/gguf.h"
#include "format/profile.h"
#include "kernels/kernels.h"

enum { D = 64, FF = 96, HEADS = 4, KV = 2, LAYERS = 2, CTX = 128, VOCAB = 300 };

static void die(const char *what)
{
	fprintf(stderr, "mkgguf: %s\n", what);
	exit(3);
}

struct shape {
	const char *name;
	uint64_t cols, rows; /* rows 0: a vector */
};

static const struct shape globals[] = {{"token_embd.weight", D, VOCAB}, {"output_norm.weight", D, 0}};
static const struct shape layer[] = {
    {"attn_norm", D, 0},
    {"attn_q", D, D},
    {"attn_k", D, D / HEADS *KV},
    {"attn_v", D, D / HEADS *KV},
    {"attn_output", D, D},
    {"ffn_norm", D, 0},
    {"ffn_gate", D, FF},
    {"ffn_up", D, FF},
    {"ffn_down", FF, D},
};

struct tensor {
	char name[64];
	uint64_t cols, rows;
	float *v;
	size_t n;
};

/* Multiples of 1/64 in [-1, 1): exact in f16 and bf16. */
static float value(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return (float)((int)(*s >> 57) - 64) / 64;
}

static size_t make_tensors(struct tensor *out)
{
	size_t n = 0;
	uint64_t seed = 1;
	for (size_t g = 0; g < 2; g++, n++) {
		snprintf(out[n].name, sizeof out[n].name, "%s", globals[g].name);
		out[n].cols = globals[g].cols;
		out[n].rows = globals[g].rows;
	}
	for (int l = 0; l < LAYERS; l++)
		for (size_t i = 0; i < FOX_COUNT(layer); i++, n++) {
			snprintf(out[n].name, sizeof out[n].name, "blk.%d.%s.weight", l, layer[i].name);
			out[n].cols = layer[i].cols;
			out[n].rows = layer[i].rows;
		}
	for (size_t i = 0; i < n; i++) {
		out[i].n = out[i].cols * (out[i].rows ? out[i].rows : 1);
		out[i].v = calloc(out[i].n + 1, sizeof(float));
		if (!out[i].v)
			die("out of memory");
		for (size_t k = 0; k < out[i].n; k++)
			out[i].v[k] = out[i].rows ? value(&seed) : 1 + value(&seed) / 8;
	}
	return n;
}

static struct fox_str pieces[VOCAB];
static char piece_text[VOCAB][16];
static float scores[VOCAB];
static int32_t kinds[VOCAB];

static void make_vocab(void)
{
	static const char *const words[] = {
	    "\u2581", "\u2581t", "th", "\u2581th", "\u2581the", "he", "in", "er", "\u2581fo", "\u2581fox"};
	for (int i = 0; i < VOCAB; i++) {
		char *p = piece_text[i];
		kinds[i] = i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1;
		if (i < 3)
			snprintf(p, 16, "%s", i == 0 ? "<unk>" : i == 1 ? "<s>" : "</s>");
		else if (i < 259)
			snprintf(p, 16, "<0x%02X>", (unsigned)i - 3);
		else if (i < 259 + (int)FOX_COUNT(words))
			snprintf(p, 16, "%s", words[i - 259]);
		else if (i < 269 + 26)
			snprintf(p, 16, "%c", 'a' + i - 269);
		else
			snprintf(p, 16, "%c", "AFT.,"[i - 295]);
		scores[i] = i < 259 ? 0 : (float)(259 - i);
		pieces[i] = fox_str_of(p);
	}
}

static bool asked(char **change, const char *what)
{
	for (; *change; change++)
		if (!strcmp(*change, what))
			return true;
	return false;
}

#define CHECK(call)                                                                                          \
	do {                                                                                                     \
		if (call)                                                                                            \
			die(err.text);                                                                                   \
	} while (0)

static void put_keys(struct fox_gguf_writer *w, char **change)
{
	static const struct {
		const char *key;
		uint32_t v;
	} numbers[] = {
	    {"llama.block_count", LAYERS},
	    {"llama.context_length", CTX},
	    {"llama.embedding_length", D},
	    {"llama.feed_forward_length", FF},
	    {"llama.attention.head_count", HEADS},
	    {"llama.attention.head_count_kv", KV},
	    {"llama.vocab_size", VOCAB},
	    {"llama.rope.dimension_count", D / HEADS},
	};
	static const char template[] =
	    "{% for m in messages %}\n<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}";
	struct fox_err err = {0};
	CHECK(fox_gguf_put_str(w, "general.architecture", fox_str_of("llama"), &err));
	CHECK(fox_gguf_put_str(w, "general.type", fox_str_of("model"), &err));
	CHECK(fox_gguf_put_str(w, "general.name", fox_str_of(asked(change, "name") ? "Wolf" : "Tiny Fox"), &err));
	for (size_t i = 0; i < FOX_COUNT(numbers); i++)
		CHECK(fox_gguf_put_u32(w, numbers[i].key, numbers[i].v, &err));
	CHECK(fox_gguf_put_f32(w, "llama.rope.freq_base", 10000.0f, &err));
	CHECK(fox_gguf_put_f32(w, "llama.attention.layer_norm_rms_epsilon", 1e-5f, &err));
	CHECK(fox_gguf_put_str(w, "tokenizer.ggml.model", fox_str_of("llama"), &err));
	CHECK(fox_gguf_put_str(w, "tokenizer.ggml.pre", fox_str_of("default"), &err));
	CHECK(fox_gguf_put_strings(w, "tokenizer.ggml.tokens", pieces, VOCAB, &err));
	CHECK(fox_gguf_put_array(w, "tokenizer.ggml.scores", FOX_GGUF_F32, scores, VOCAB, &err));
	CHECK(fox_gguf_put_array(w, "tokenizer.ggml.token_type", FOX_GGUF_I32, kinds, VOCAB, &err));
	CHECK(fox_gguf_put_u32(w, "tokenizer.ggml.bos_token_id", 1, &err));
	CHECK(fox_gguf_put_u32(w, "tokenizer.ggml.eos_token_id", 2, &err));
	CHECK(fox_gguf_put_bool(w, "tokenizer.ggml.add_bos_token", true, &err));
	CHECK(fox_gguf_put_bool(w, "tokenizer.ggml.add_eos_token", false, &err));
	CHECK(fox_gguf_put_bool(w, "tokenizer.ggml.add_space_prefix", true, &err));
	CHECK(fox_gguf_put_str(w, "tokenizer.chat_template", fox_str_of(template), &err));
	const struct fox_str sources[] = {fox_str_of("config.json"), fox_str_of("model.safetensors")};
	const struct fox_str digests[] = {
	    fox_str_of("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
	    fox_str_of("ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100")};
	const uint64_t sizes[] = {614, 3330543616};
	CHECK(fox_gguf_put_strings(w, FOX_KEY_SRC_NAMES, sources, 2, &err));
	CHECK(fox_gguf_put_array(w, FOX_KEY_SRC_SIZES, FOX_GGUF_U64, sizes, 2, &err));
	CHECK(fox_gguf_put_strings(w, FOX_KEY_SRC_SHA256, digests, 2, &err));
	CHECK(fox_gguf_put_str(w, FOX_KEY_SRC_REVISION, fox_str_of("f4b34941a5c0"), &err));
	CHECK(fox_gguf_put_str(w, FOX_KEY_OPTIONS, fox_str_of("type=auto"), &err));
	if (asked(change, "key"))
		CHECK(fox_gguf_put_u64(w, "general.quantity", UINT64_MAX, &err));
}

static void change_values(struct tensor *t, size_t n, char **change)
{
	for (size_t i = 0; i < n; i++) {
		if (asked(change, "value") && !strcmp(t[i].name, "blk.1.ffn_down.weight"))
			t[i].v[100] += 0.5f;
		if (asked(change, "nan") && !strcmp(t[i].name, "blk.0.ffn_norm.weight")) {
			t[i].v[0] = -0.0f;
			t[i].v[1] = strtof("nan", NULL);
			t[i].v[2] = strtof("inf", NULL);
		}
		if (asked(change, "shape") && !strcmp(t[i].name, "output_norm.weight"))
			t[i].cols = ++t[i].n;
		if (asked(change, "drop") && !strcmp(t[i].name, "blk.1.attn_v.weight"))
			t[i].n = 0;
	}
}

static void write_fox(const char *path, const char *type_name, char **change)
{
	struct tensor t[2 + LAYERS * FOX_COUNT(layer)];
	struct fox_gguf_writer *w;
	struct fox_err err = {0};
	enum fox_type type;
	size_t all = make_tensors(t), n = 0;
	CHECK(fox_type_parse(fox_str_of(type_name), &type, &err));
	CHECK(fox_gguf_writer_open(&w, &err));
	put_keys(w, change);
	change_values(t, all, change);
	for (size_t i = 0; i < all; i++)
		if (t[i].n)
			t[n++] = t[i];
		else
			free(t[i].v);
	for (size_t i = 0; i < n; i++) {
		const uint64_t dim[] = {t[i].cols, t[i].rows};
		CHECK(fox_gguf_put_tensor(
		    w, fox_str_of(t[i].name), t[i].rows ? type : FOX_F32, t[i].rows ? 2 : 1, dim, &err));
	}
	CHECK(fox_gguf_freeze(w, &err));
	CHECK(fox_gguf_create(w, path, true, &err));
	for (size_t i = 0; i < n; i++) {
		size_t bytes = fox_gguf_writer_tensor_bytes(w, i);
		uint8_t *data = calloc(bytes + 1, 1);
		if (!data)
			die("out of memory");
		fox_kernels()->encode[t[i].rows ? type : FOX_F32](data, t[i].v, t[i].n);
		CHECK(fox_gguf_write_data(w, i, 0, data, bytes, &err));
		fox_gguf_set_hash(w, i, fox_xxh3(data, bytes));
		free(data);
		free(t[i].v);
	}
	CHECK(fox_gguf_finish(w, &err));
	fox_gguf_writer_close(w);
}

/* ---- containers that the library's writer does not write: either byte order, version 2, hostile names */

struct raw {
	struct fox_buf b;
	bool big;
	uint32_t n_keys;
};

static void put(struct raw *r, uint64_t v, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		fox_buf_char(&r->b, (char)(v >> 8 * (r->big ? bytes - 1 - i : i)));
}

static void put_text(struct raw *r, const char *s)
{
	put(r, strlen(s), 8);
	fox_buf_str(&r->b, s);
}

static void raw_u32(struct raw *r, const char *key, uint32_t v)
{
	put_text(r, key);
	put(r, FOX_GGUF_U32, 4);
	put(r, v, 4);
	r->n_keys++;
}

static void raw_f32(struct raw *r, const char *key, float v)
{
	uint32_t bits;
	memcpy(&bits, &v, sizeof bits);
	put_text(r, key);
	put(r, FOX_GGUF_F32, 4);
	put(r, bits, 4);
	r->n_keys++;
}

static void raw_str(struct raw *r, const char *key, const char *v)
{
	put_text(r, key);
	put(r, FOX_GGUF_STR, 4);
	put_text(r, v);
	r->n_keys++;
}

static void raw_tokens(struct raw *r)
{
	put_text(r, "tokenizer.ggml.tokens");
	put(r, FOX_GGUF_ARR, 4);
	put(r, FOX_GGUF_STR, 4);
	put(r, VOCAB, 8);
	for (int i = 0; i < VOCAB; i++)
		put_text(r, piece_text[i]);
	put_text(r, "tokenizer.ggml.token_type");
	put(r, FOX_GGUF_ARR, 4);
	put(r, FOX_GGUF_I32, 4);
	put(r, VOCAB, 8);
	for (int i = 0; i < VOCAB; i++)
		put(r, (uint32_t)kinds[i], 4);
	r->n_keys += 2;
}

static void raw_tensor(struct raw *r, const char *name, uint64_t cols, uint64_t rows, uint64_t *at)
{
	put_text(r, name);
	put(r, rows ? 2 : 1, 4);
	put(r, cols, 8);
	if (rows)
		put(r, rows, 8);
	put(r, FOX_F32, 4);
	put(r, *at, 8);
	*at += (cols * (rows ? rows : 1) * sizeof(float) + 31) / 32 * 32;
}

static void raw_data(struct raw *r, const float *v, size_t n)
{
	while (r->b.n % 32)
		fox_buf_char(&r->b, 0);
	for (size_t i = 0; i < n; i++) {
		uint32_t bits;
		memcpy(&bits, &v[i], sizeof bits);
		put(r, bits, 4);
	}
}

/* Header, then what `body` holds, to a file. */
static void raw_finish(struct raw *r, const char *path, uint32_t version, uint64_t n_tensors)
{
	struct raw head = {.big = r->big};
	fox_buf_str(&head.b, "GGUF");
	put(&head, version, 4);
	put(&head, n_tensors, 8);
	put(&head, r->n_keys, 8);
	FILE *f = fopen(path, "wb");
	if (!f || r->b.failed || head.b.failed || r->b.n < 24)
		die("cannot write");
	memcpy(r->b.p, head.b.p, 24);
	if (fwrite(r->b.p, 1, r->b.n, f) != r->b.n || fclose(f))
		die("cannot write");
	fox_buf_free(&r->b);
	fox_buf_free(&head.b);
}

static void write_raw(const char *path, char **change)
{
	struct tensor t[2 + LAYERS * FOX_COUNT(layer)];
	struct raw r = {.big = asked(change, "be")};
	size_t all = make_tensors(t), n = asked(change, "vocab") ? 0 : all;
	uint64_t at = 0;
	put(&r, 0, 8);
	put(&r, 0, 8);
	put(&r, 0, 8); /* the header's room */
	raw_str(&r, "general.architecture", "llama");
	raw_str(&r, "general.name", "Tiny Fox");
	raw_u32(&r, "llama.block_count", LAYERS);
	raw_u32(&r, "llama.context_length", CTX);
	raw_u32(&r, "llama.embedding_length", D);
	raw_u32(&r, "llama.feed_forward_length", FF);
	raw_u32(&r, "llama.attention.head_count", HEADS);
	raw_u32(&r, "llama.attention.head_count_kv", KV);
	raw_f32(&r, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
	raw_str(&r, "tokenizer.ggml.model", "llama");
	raw_tokens(&r);
	raw_u32(&r, "tokenizer.ggml.bos_token_id", 1);
	for (size_t i = 0; i < n; i++)
		raw_tensor(&r, t[i].name, t[i].cols, t[i].rows, &at);
	for (size_t i = 0; i < all; i++) {
		if (i < n)
			raw_data(&r, t[i].v, t[i].n);
		free(t[i].v);
	}
	raw_finish(&r, path, asked(change, "v2") ? 2 : 3, n);
}

/* ESC sequences that set a title and colours, C1 controls, bidirectional overrides, newlines; in keys, values, names. */
static void write_evil(const char *path)
{
	static const float v[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct raw r = {0};
	uint64_t at = 0;
	put(&r, 0, 8);
	put(&r, 0, 8);
	put(&r, 0, 8);
	raw_str(&r, "general.architecture", "lla\033[31mma");
	raw_str(&r, "general.name", "\033]0;owned\007\u202Egpj.exe\u2066\r\nfile  x");
	raw_str(&r, "general.\033[2Jkey",
	    "\xC2\x9B"
	    "31m\\");
	raw_u32(&r, "tokenizer.ggml.\033[5m\u202E_token_id", 0);
	raw_str(&r, "tokenizer.ggml.model", "\033c");
	raw_str(&r, "tokenizer.chat_template", "\033[1A\033[2Kline\u202E\nnext");
	put_text(&r, "tokenizer.ggml.tokens");
	put(&r, FOX_GGUF_ARR, 4);
	put(&r, FOX_GGUF_STR, 4);
	put(&r, 1, 8);
	put_text(&r, "\033[7m\u2067x");
	r.n_keys++;
	raw_tensor(&r, "w\033[8m\u202E\u200Fx", 8, 0, &at);
	raw_data(&r, v, 8);
	raw_finish(&r, path, 3, 1);
}

int main(int argc, char **argv)
{
	make_vocab();
	if (argc >= 3 && !strcmp(argv[1], "-raw"))
		write_raw(argv[2], argv + 3);
	else if (argc == 3 && !strcmp(argv[1], "-evil"))
		write_evil(argv[2]);
	else if (argc >= 2 && argv[1][0] != '-')
		write_fox(argv[1], argc > 2 ? argv[2] : "f32", argc > 3 ? argv + 3 : argv + argc);
	else
		die("usage: mkgguf OUT [TYPE [CHANGE...]] | -raw OUT [be] [v2] [vocab] | -evil OUT");
	return 0;
}
