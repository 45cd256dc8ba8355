/* mkfox1.c - writes a random Hugging Face checkpoint with Fox-1-1.6B's exact shape, for measuring speed and memory.
 *
 *   mkfox1 OUT_DIR TOKENIZER_MODEL [LAYERS]
 *
 * Weights are bf16, normal with standard deviation 0.02, in two shards with an index: 3.3 GB at 32 layers. The vocabulary is
 * the given SentencePiece model, padded with UNUSED pieces to 256,000. Equal arguments give equal bytes. Values come from one
 * pool, read from random places: conversion and hashing cost what they cost for real weights, making them costs nothing.
 * Prints the number of parameters. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/io.h"
#include "format/base/num.h"
#include "format/base/str.h"

enum {
	HIDDEN = 2048,
	FF = 4096,
	VOCAB = 256000,
	HEADS = 16,
	KV_HEADS = 4,
	HEAD = 128,
	LAYERS = 32,
	MAX_LAYERS = 64
};
enum { POOL = 1 << 22, MAX_TENSORS = 2 + 9 * MAX_LAYERS };

static void die(const char *what, const char *name)
{
	fprintf(stderr, "mkfox1: %s '%s': %s\n", what, name, strerror(errno));
	exit(3);
}

/* ---- random numbers */

static uint64_t state = 3;

/* source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014 (SplitMix64) */
static uint64_t next_random(void)
{
	uint64_t z = state += 0x9E3779B97F4A7C15u;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

static uint16_t bf16_of(double v)
{
	float f = (float)v;
	uint32_t bits;
	memcpy(&bits, &f, sizeof bits);
	return (uint16_t)((bits + 0x8000u) >> 16); /* near enough to nearest: the values are random */
}

/* Box and Muller's pairs. */
static uint16_t *make_pool(void)
{
	uint16_t *pool = malloc(POOL * sizeof *pool);
	if (!pool)
		die("out of memory for", "values");
	for (size_t i = 0; i < POOL; i += 2) {
		double u = ((double)(next_random() >> 11) + 1) * 0x1p-53, v = (double)(next_random() >> 11) * 0x1p-53;
		double r = 0.02 * sqrt(-2 * log(u)), turn = 6.283185307179586 * v;
		pool[i] = bf16_of(r * cos(turn));
		pool[i + 1] = bf16_of(r * sin(turn));
	}
	return pool;
}

/* ---- tensors */

struct tensor {
	char name[80];
	uint64_t rows, cols; /* rows 0: a vector, all ones */
};

static struct tensor tensors[MAX_TENSORS];
static size_t n_tensors;

static void add(uint64_t rows, uint64_t cols, const char *name)
{
	struct tensor *t = &tensors[n_tensors++];
	snprintf(t->name, sizeof t->name, "%s", name);
	t->rows = rows;
	t->cols = cols;
}

static uint64_t elems(const struct tensor *t)
{
	return (t->rows ? t->rows : 1) * t->cols;
}

static void list_tensors(unsigned layers)
{
	static const struct {
		const char *name;
		uint64_t rows, cols;
	} layer[] = {
	    {"input_layernorm", 0, HIDDEN},
	    {"self_attn.q_proj", HEADS * HEAD, HIDDEN},
	    {"self_attn.k_proj", KV_HEADS * HEAD, HIDDEN},
	    {"self_attn.v_proj", KV_HEADS * HEAD, HIDDEN},
	    {"self_attn.o_proj", HIDDEN, HEADS * HEAD},
	    {"post_attention_layernorm", 0, HIDDEN},
	    {"mlp.gate_proj", FF, HIDDEN},
	    {"mlp.up_proj", FF, HIDDEN},
	    {"mlp.down_proj", HIDDEN, FF},
	};
	add(VOCAB, HIDDEN, "model.embed_tokens.weight");
	for (unsigned l = 0; l < layers; l++)
		for (size_t i = 0; i < FOX_COUNT(layer); i++) {
			char name[80];
			snprintf(name, sizeof name, "model.layers.%u.%s.weight", l, layer[i].name);
			add(layer[i].rows, layer[i].cols, name);
		}
	add(0, HIDDEN, "model.norm.weight");
}

/* ---- files */

struct file {
	int fd;
	const char *name;
};

static struct file create(int dir, const char *name)
{
	struct file f = {openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), name};
	if (f.fd < 0)
		die("cannot create", name);
	return f;
}

static void put(const struct file *f, const void *bytes, size_t n)
{
	const char *p = bytes;
	while (n) {
		ssize_t put = write(f->fd, p, n);
		if (put < 0 && errno != EINTR)
			die("cannot write", f->name);
		if (put > 0)
			p += put, n -= (size_t)put;
	}
}

static void finish(const struct file *f, const struct fox_buf *text)
{
	if (text && text->failed)
		die("out of memory for", f->name);
	if (text)
		put(f, text->p, text->n);
	if (close(f->fd))
		die("cannot write", f->name);
}

static void put_values(const struct file *f, const uint16_t *pool, const struct tensor *t)
{
	if (!t->rows) {
		uint16_t ones[HIDDEN];
		for (size_t i = 0; i < HIDDEN; i++)
			ones[i] = 0x3F80;
		put(f, ones, t->cols * sizeof *ones);
		return;
	}
	for (uint64_t left = elems(t), n; left; left -= n) {
		uint64_t from = next_random() % POOL;
		n = left < POOL - from ? left : POOL - from;
		put(f, pool + from, (size_t)n * sizeof *pool);
	}
}

static void shard_name(char out[64], unsigned shard)
{
	snprintf(out, 64, "model-%05u-of-00002.safetensors", shard + 1);
}

/* Tensors [from, to) as one safetensors file; returns the bytes of data. */
static uint64_t write_shard(int dir, unsigned shard, size_t from, size_t to, const uint16_t *pool)
{
	struct fox_buf json = {0};
	uint64_t at = 0;
	char name[64];
	uint8_t length[8];
	shard_name(name, shard);
	fox_buf_str(&json, "{\"__metadata__\": {\"format\": \"pt\"}");
	for (size_t i = from; i < to; i++) {
		const struct tensor *t = &tensors[i];
		uint64_t end = at + 2 * elems(t);
		fox_buf_fmt(&json, ", \"%s\": {\"dtype\": \"BF16\", \"shape\": [", t->name);
		if (t->rows)
			fox_buf_fmt(&json, "%llu, ", (unsigned long long)t->rows);
		fox_buf_fmt(&json, "%llu], \"data_offsets\": [%llu, %llu]}", (unsigned long long)t->cols,
		    (unsigned long long)at, (unsigned long long)end);
		at = end;
	}
	fox_buf_char(&json, '}');
	while (json.n % 8)
		fox_buf_char(&json, ' ');
	struct file f = create(dir, name);
	fox_store64(length, json.n);
	put(&f, length, sizeof length);
	put(&f, json.p, json.n);
	for (size_t i = from; i < to; i++)
		put_values(&f, pool, &tensors[i]);
	finish(&f, NULL);
	fox_buf_free(&json);
	return at;
}

static void write_index(int dir, uint64_t total, size_t half)
{
	struct fox_buf json = {0};
	fox_buf_fmt(
	    &json, "{\n \"metadata\": {\"total_size\": %llu},\n \"weight_map\": {", (unsigned long long)total);
	for (size_t i = 0; i < n_tensors; i++) {
		char name[64];
		shard_name(name, i >= half);
		fox_buf_fmt(&json, "%s\n  \"%s\": \"%s\"", i ? "," : "", tensors[i].name, name);
	}
	fox_buf_str(&json, "\n }\n}\n");
	struct file f = create(dir, "model.safetensors.index.json");
	finish(&f, &json);
	fox_buf_free(&json);
}

static void write_config(int dir, unsigned layers)
{
	struct fox_buf json = {0};
	fox_buf_fmt(&json,
	    "{\n \"architectures\": [\"LlamaForCausalLM\"],\n \"model_type\": \"llama\",\n \"hidden_size\": %d,\n"
	    " \"intermediate_size\": %d,\n \"num_hidden_layers\": %u,\n \"num_attention_heads\": %d,\n"
	    " \"num_key_value_heads\": %d,\n \"vocab_size\": %d,\n \"max_position_embeddings\": 8192,\n"
	    " \"rms_norm_eps\": 1e-05,\n \"rope_theta\": 10000.0,\n \"hidden_act\": \"silu\",\n"
	    " \"tie_word_embeddings\": true,\n \"bos_token_id\": 2,\n \"eos_token_id\": 1,\n \"pad_token_id\": "
	    "0,\n"
	    " \"torch_dtype\": \"bfloat16\"\n}\n",
	    HIDDEN, FF, layers, HEADS, KV_HEADS, VOCAB);
	struct file f = create(dir, "config.json");
	finish(&f, &json);
	fox_buf_free(&json);
}

/* ---- the vocabulary: protobuf, of which only the outermost lengths matter here */

static bool varint(const uint8_t **p, const uint8_t *end, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; *p < end && shift < 63; shift += 7) {
		uint8_t b = *(*p)++;
		*out |= (uint64_t)(b & 127) << shift;
		if (!(b & 128))
			return true;
	}
	return false;
}

/* Pieces are field 1 of ModelProto; every outermost field of a SentencePiece model is a message. */
static size_t count_pieces(const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	size_t pieces = 0;
	for (uint64_t tag, len; p < end; p += len) {
		if (!varint(&p, end, &tag) || tag % 8 != 2 || !varint(&p, end, &len) || len > (size_t)(end - p)) {
			fprintf(stderr, "mkfox1: not a SentencePiece model\n");
			exit(3);
		}
		pieces += tag == 10;
	}
	return pieces;
}

/* score -1000000, type UNUSED (5) */
static void add_unused(struct fox_buf *b, size_t i)
{
	char text[32];
	float score = -1e6f;
	uint8_t bytes[4];
	uint32_t bits;
	int n = snprintf(text, sizeof text, "<unused%zu>", i);
	memcpy(&bits, &score, sizeof bits);
	fox_store32(bytes, bits);
	fox_buf_char(b, 10);
	fox_buf_char(b, (char)(n + 9));
	fox_buf_char(b, 10);
	fox_buf_char(b, (char)n);
	fox_buf_str(b, text);
	fox_buf_char(b, 0x15);
	fox_buf_add(b, bytes, sizeof bytes);
	fox_buf_add(b, "\x18\x05", 2);
}

static void write_tokenizer(int dir, const char *from)
{
	struct fox_buf b = {0};
	struct fox_err err = {0};
	char *model;
	size_t n;
	if (fox_path_slurp(from, 64u << 20, &model, &n, &err)) {
		fprintf(stderr, "mkfox1: %s\n", err.text);
		exit(3);
	}
	fox_buf_add(&b, model, n);
	size_t have = count_pieces((const uint8_t *)model, n);
	for (size_t i = 0; have + i < VOCAB; i++)
		add_unused(&b, i);
	struct file f = create(dir, "tokenizer.model");
	finish(&f, &b);
	fox_buf_free(&b);
	free(model);
}

int main(int argc, char **argv)
{
	char *end = NULL;
	unsigned long layers = argc > 3 ? strtoul(argv[3], &end, 10) : LAYERS;
	if (argc < 3 || argc > 4 || (end && *end) || layers < 1 || layers > MAX_LAYERS) {
		fprintf(stderr, "usage: mkfox1 OUT_DIR TOKENIZER_MODEL [LAYERS], 1 to %d layers\n", MAX_LAYERS);
		return 2;
	}
	if (mkdir(argv[1], 0777) && errno != EEXIST)
		die("cannot make folder", argv[1]);
	int dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		die("cannot open folder", argv[1]);
	uint16_t *pool = make_pool();
	list_tensors((unsigned)layers);
	size_t half = n_tensors / 2;
	uint64_t total = write_shard(dir, 0, 0, half, pool);
	total += write_shard(dir, 1, half, n_tensors, pool);
	write_index(dir, total, half);
	write_config(dir, (unsigned)layers);
	write_tokenizer(dir, argv[2]);
	free(pool);
	close(dir);
	printf("%llu\n", (unsigned long long)(total / 2));
	return 0;
}
