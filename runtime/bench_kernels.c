/* bench_kernels.c - see bench_kernels.h */
#include "runtime/bench_kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/io.h"
#include "runtime/bench_stat.h"

#define N 2048u  /* columns */
#define ROWS 16u /* of weights */
#define COLS 32u /* rows of activations that meet a panel */
#define ROUNDS 5 /* of which the best counts */
#define ROUND_S 1e-3
#define MOST_ROWS 64u /* of a panel */

enum op { DOT, DECODE, ENCODE, WEIGHTED, ACTS, GEMV, GEMM, PACK, VECTOR };
enum vector { RANGE, ERROR, RMSNORM, SILU, GELU, LAYERNORM, SOFTCAP, ROPE, VECTORS };

struct bench {
	const struct fox_kernels *k; /* the table that runs */
	enum op op;
	uint32_t type; /* of weights; or enum fox_acts_kind, or enum vector */
	enum fox_arith arith;
	uint8_t *weights, *encoded, *panel, *acts_block; /* carved out of one block */
	float *x, *y, *w, *logits;
	size_t row_bytes;
	struct fox_acts acts;
};

static const char *const vector_names[VECTORS] = {
    "range", "error", "rmsnorm", "silu_mul", "gelu_mul", "layernorm", "softcap", "rope"};
static const char *const acts_names[FOX_ACTS_COUNT] = {"f32", "bf16", "bf16x3", "q8", "q16", "u8"};

static void run_vector(struct bench *b)
{
	const struct fox_kernels *k = b->k;
	uint32_t lo, hi;
	struct fox_cast_error e = {0};
	switch ((enum vector)b->type) {
	case RANGE:
		k->range(b->x, N, &lo, &hi);
		break;
	case ERROR:
		k->error(b->x, b->w, N, &e);
		break;
	case RMSNORM:
		k->rmsnorm(b->y, b->x, b->w, N, 1e-5f);
		break;
	case SILU:
		k->silu_mul(b->y, b->x, b->w, N);
		break;
	case GELU:
		k->gelu_mul(b->y, b->x, b->w, N);
		break;
	case LAYERNORM:
		k->layernorm(b->y, b->x, b->w, NULL, N, 1e-5f);
		break;
	case SOFTCAP:
		memcpy(b->y, b->x, N * sizeof(float));
		k->softcap(b->y, N, 30);
		break;
	case ROPE:
		memcpy(b->y, b->x, N * sizeof(float));
		k->rope(b->y, b->w, b->w + N / 2, N / 2, false);
		break;
	case VECTORS:
		break;
	}
}

static void run_once(struct bench *b)
{
	const struct fox_kernels *k = b->k;
	const struct fox_gemm *g = &k->gemm[b->arith][b->type];
	switch (b->op) {
	case DOT:
		for (size_t r = 0; r < ROWS; r++)
			k->dot[b->type](b->y + r, 1, b->weights + r * b->row_bytes, b->x, N, N, 1);
		break;
	case DECODE:
		k->decode[b->type](b->y, b->weights, N);
		break;
	case ENCODE:
		k->encode[b->type](b->encoded, b->x, N);
		break;
	case WEIGHTED:
		k->encode_weighted[b->type](b->encoded, b->x, b->w, N);
		break;
	case ACTS:
		k->acts[b->type](&b->acts, 0, b->x, N);
		break;
	case GEMV:
		k->gemv[b->arith][b->type].fn(b->y, b->weights, b->row_bytes, ROWS, &b->acts, N);
		break;
	case GEMM:
		g->mul(b->logits, MOST_ROWS, b->panel, g->rows, &b->acts, N, COLS);
		break;
	case PACK:
		g->pack(b->panel, b->weights, b->row_bytes, g->rows, N);
		break;
	case VECTOR:
		run_vector(b);
		break;
	}
}

/* Values of one run. */
static double values_of(const struct bench *b)
{
	double rows = b->k->gemm[b->arith][b->type % FOX_TYPE_LIMIT].rows;
	switch (b->op) {
	case DOT:
	case GEMV:
		return (double)ROWS * N;
	case GEMM:
		return rows * N * COLS;
	case PACK:
		return rows * N;
	default:
		return N;
	}
}

/* Bytes of one value as it is stored. */
static double bytes_of(const struct bench *b)
{
	return b->op == ACTS || b->op == VECTOR ? sizeof(float) : (double)b->row_bytes / N;
}

static bool present(const struct bench *b)
{
	const struct fox_kernels *k = b->k;
	switch (b->op) {
	case DOT:
		return k->dot[b->type];
	case DECODE:
		return k->decode[b->type];
	case ENCODE:
		return k->encode[b->type];
	case WEIGHTED:
		return k->encode_weighted[b->type];
	case ACTS:
		return k->acts[b->type];
	case GEMV:
		return k->gemv[b->arith][b->type].fn;
	case GEMM:
	case PACK:
		return k->gemm[b->arith][b->type].pack;
	case VECTOR:
		return true;
	}
	return false;
}

static void fill(struct bench *b, uint64_t *seed, float *x, size_t n)
{
	(void)b;
	for (size_t i = 0; i < n; i++) {
		*seed = *seed * 6364136223846793005u + 1442695040888963407u;
		x[i] = (float)((int32_t)(*seed >> 33) - (1 << 30)) * 0x1p-30f;
	}
}

/* Weights of a type, activations of the kind that its kernel wants, and a panel. */
static void prepare(struct bench *b)
{
	const struct fox_kernels *k = b->k;
	uint64_t seed = 1, bytes = N * sizeof(float);
	enum fox_acts_kind kind = FOX_ACTS_F32;
	if (b->op != ACTS && b->op != VECTOR) {
		(void)fox_type_row_bytes((enum fox_type)b->type, N, &bytes);
		b->row_bytes = (size_t)bytes;
		for (size_t r = 0; r < MOST_ROWS; r++) {
			fill(b, &seed, b->y, N);
			if (k->encode[b->type])
				k->encode[b->type](b->weights + r * b->row_bytes, b->y, N);
			else /* small halves where a scale lies, and codes that are all valid */
				for (size_t i = 0; i < b->row_bytes; i++)
					b->weights[r * b->row_bytes + i] = ((const uint8_t *)b->y)[i] & 0x2d;
		}
	}
	fill(b, &seed, b->x, (size_t)COLS * N);
	fill(b, &seed, b->w, N);
	for (size_t i = 0; i < N; i++)
		b->w[i] = b->w[i] * b->w[i]; /* importance is not negative */
	if (b->op == GEMV)
		kind = k->gemv[b->arith][b->type].acts;
	else if (b->op == GEMM)
		kind = k->gemm[b->arith][b->type].acts;
	else if (b->op == ACTS)
		kind = (enum fox_acts_kind)b->type;
	(void)fox_acts_carve(&b->acts, kind, b->acts_block, COLS, N);
	if (kind == FOX_ACTS_F32)
		b->acts.q = b->x;
	for (size_t c = 0; c < COLS && kind != FOX_ACTS_F32; c++)
		k->acts[kind](&b->acts, c, b->x + c * N, N);
	if (b->op == GEMM)
		k->gemm[b->arith][b->type].pack(
		    b->panel, b->weights, b->row_bytes, k->gemm[b->arith][b->type].rows, N);
}

/* Values a second. */
static double measure(struct bench *b)
{
	double best = 0;
	prepare(b);
	run_once(b);
	for (int i = 0; i < ROUNDS; i++) {
		double start = fox_bench_now(), seconds;
		uint64_t runs = 0;
		do {
			for (int r = 0; r < 4; r++)
				run_once(b);
			runs += 4;
			seconds = fox_bench_now() - start;
		} while (seconds < ROUND_S);
		double rate = (double)runs * values_of(b) / seconds;
		best = rate > best ? rate : best;
	}
	return best;
}

static void name_of(const struct bench *b, char *out, size_t cap)
{
	static const char *const ops[] = {
	    "dot", "decode", "encode", "encode_weighted", "acts", "gemv", "gemm", "pack", ""};
	const struct fox_type_info *t = fox_type_info(b->type);
	const char *type = t && t->name ? t->name : "?";
	if (b->op == VECTOR)
		snprintf(out, cap, "%s", vector_names[b->type]);
	else if (b->op == ACTS)
		snprintf(out, cap, "acts %s", acts_names[b->type]);
	else if (b->op >= GEMV)
		snprintf(out, cap, "%s %s %s", ops[b->op], fox_arith_names[b->arith], type);
	else
		snprintf(out, cap, "%s %s", ops[b->op], type);
}

static const char *isa_of(const struct bench *b)
{
	const char *isa = NULL;
	if (b->op == DOT)
		isa = b->k->dot_isa[b->type];
	else if (b->op == GEMV)
		isa = b->k->gemv[b->arith][b->type].isa;
	else if (b->op == GEMM || b->op == PACK)
		isa = b->k->gemm[b->arith][b->type].isa;
	return isa ? isa : "table";
}

/* Every kernel that a table may have, one after the other; false: that was the last. */
static bool next_kernel(struct bench *b)
{
	uint32_t limit = b->op == ACTS ? FOX_ACTS_COUNT : b->op == VECTOR ? VECTORS : FOX_TYPE_LIMIT;
	if (++b->type < limit)
		return true;
	b->type = 0;
	if (b->op >= GEMV && b->op <= PACK && b->arith == FOX_ARITH_EXACT) {
		b->arith = FOX_ARITH_FAST;
		return true;
	}
	b->arith = FOX_ARITH_EXACT;
	return b->op++ < VECTOR;
}

static bool carve(struct bench *b)
{
	size_t panel = fox_panel_most(N), floats = (COLS + 4) * N + MOST_ROWS * COLS;
	size_t weights = MOST_ROWS * N * sizeof(float), acts = (size_t)COLS * (N + 1024) * 8;
	uint8_t *at = aligned_alloc(64, (panel + 2 * weights + acts + floats * sizeof(float) + 63) / 64 * 64);
	if (!at)
		return false;
	b->panel = at;
	b->weights = at + panel;
	b->encoded = b->weights + weights;
	b->acts_block = b->encoded + weights;
	b->x = (float *)(void *)(b->acts_block + acts);
	b->y = b->x + (size_t)COLS * N;
	b->w = b->y + N;
	b->logits = b->w + 2 * N;
	return true;
}

/* Products that scalar code leaves to dot are compared with it. */
static double scalar_of(struct bench b)
{
	if (!present(&b) && (b.op == GEMV || b.op == GEMM))
		b.op = DOT;
	return present(&b) ? measure(&b) : 0;
}

enum fox_status fox_bench_kernels_run(struct fox_bench_kernel **out, size_t *n, const struct fox_kernels *k,
    const char *filter, struct fox_err *err)
{
	size_t cap = 16 * FOX_TYPE_LIMIT;
	struct fox_kernels *scalar = malloc(sizeof *scalar);
	struct fox_bench_kernel *list = calloc(cap, sizeof *list);
	struct bench b = {.k = k};
	enum fox_status st = FOX_OK;
	*n = 0;
	if (!scalar || !list || !carve(&b)) {
		free(scalar);
		free(list);
		return fox_fail_nomem(err);
	}
	fox_kernels_init(scalar, 0);
	bool more = true;
	for (; more && !st; more = next_kernel(&b), st = fox_cancelled(err)) {
		struct fox_bench_kernel r = {.isa = isa_of(&b)};
		name_of(&b, r.name, sizeof r.name);
		if (!present(&b) || (filter && !strstr(r.name, filter)))
			continue;
		r.values = measure(&b);
		r.bytes = r.values * bytes_of(&b);
		b.k = scalar;
		r.scalar_values = scalar_of(b);
		b.k = k;
		list[(*n)++] = r;
	}
	free(b.panel);
	free(scalar);
	if (!st && *n == 0)
		st = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no kernel's name holds '%s'", filter ? filter : "");
	if (st) {
		free(list);
		list = NULL;
	}
	*out = list;
	return st;
}
