/* bench_model.h - private to fox-bench: the speed of a model: prompt and decoding at several depths, against the
 * bandwidth of this machine. */
#ifndef FOX_BENCH_MODEL_H
#define FOX_BENCH_MODEL_H

#include "runtime/bench_stat.h"
#include "runtime/session.h"

struct fox_kernels;

struct fox_bench_ask {
	struct fox_bench_list prompt, decode, depth, threads; /* tokens, tokens, positions, threads */
	uint32_t repeats;
	uint32_t batch; /* rows at once; 0: what suits the backend */
	enum fox_arith arith;
	enum fox_type kv;
	const struct fox_backend *backend; /* cuda: of threads the first number alone counts */
};

/* One line: a test at one number of threads. */
struct fox_bench_row {
	bool decode;                /* else a prompt */
	uint32_t n, depth, threads; /* tokens; positions before the first of them; workers */
	struct fox_bench_stat rate; /* tokens a second */
	uint64_t bytes;             /* decode: weights and key-value cache that one token reads */
	double read_bandwidth;      /* bytes a second that as many threads read of the same map at the best; cuda: that the
	                             * device's own copies read and write */
	double flops;               /* a prompt: additions and multiplications of its products */
};

/* Matrices of one type in the products, and who multiplies them. */
struct fox_bench_type {
	enum fox_type type;
	uint32_t matrices;
	uint64_t bytes;
	const char *gemv,
	    *gemm; /* instruction sets: one row of activations, or "dot"; several, or "one by one" */
};

struct fox_bench_model {
	const char *path; /* borrowed */
	char arch[64];
	bool cuda;
	char device[300];           /* fox_backend_describe */
	uint64_t taken_bytes, lost_bytes; /* cuda: of the device's memory: fox-bench's own allocations; what is no longer free */
	uint64_t weight_bytes; /* read by the products of one token */
	uint32_t n_layers, n_vocab;
	enum fox_arith arith;
	enum fox_type kv;
	double load_s;        /* open, bind, tokenizer */
	double first_token_s; /* load_s, a session, and the logits after a prompt of four tokens */
	double first_passes;  /* first_token_s in steps of warm decoding; 0 when decoding was not measured */
	uint64_t peak_bytes;  /* the process's largest resident set so far, mapped weights in it */
	struct fox_bench_type types[FOX_TYPE_LIMIT];
	size_t n_types;
	struct fox_bench_row *rows; /* fox_bench_model_free */
	size_t n_rows;
};

/* Told of each row as soon as it is measured; NULL: nobody. */
typedef void fox_bench_told_fn(void *ctx, const struct fox_bench_row *row);

/*
 * fox_bench_model_run - measure one container
 *
 * Tokens are drawn by a fixed generator. Each test has one run that is not counted (a prompt: its first 32 tokens; decoding:
 * one token), then ask->repeats that are. The first token comes first, with the file as the page cache has it.
 *
 * errors  those of fox_model_open, fox_tok_open, fox_session_open; FOX_E_ARG what does not fit the model's context;
 *         FOX_E_CANCELLED
 */
enum fox_status fox_bench_model_run(struct fox_bench_model *out, const char *path,
    const struct fox_bench_ask *ask, fox_bench_told_fn *told, void *ctx, struct fox_err *err) FOX_MUST_CHECK;
void fox_bench_model_free(struct fox_bench_model *m);

/* Bytes a second that the pool's workers read of bytes: the best of five passes with prefetches. 0 when there are none. */
double fox_bench_read(struct fox_pool *pool, struct fox_span bytes);

/* The matrices that the products of one token read: fills types, n_types and weight_bytes. */
void fox_bench_products(struct fox_bench_model *out, const struct fox_model *m, const struct fox_kernels *k);

#endif
