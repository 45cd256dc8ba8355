/* bench_model.c - see bench_model.h */
#include "runtime/bench_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "format/base/io.h"
#include "kernels/kernels.h"
#include "runtime/bench_cuda.h"
#include "runtime/load.h"

#define READ_PIECE (1u << 18) /* bytes of one item: a sixteenth of it, or 64 times it, reads as fast */
#define READ_AHEAD 1024u
#define READ_PASSES 5
#define WARM_TOKENS 32u
#define FIRST_TOKENS 4u

/* ---- bandwidth */

struct reading {
	const uint8_t *p;
	size_t n;
	uint64_t *sums; /* by worker, a cache line apart: so that nobody can leave the reading out */
};

static void read_piece(void *ctx, size_t i, unsigned worker)
{
	struct reading *r = ctx;
	size_t from = i * (size_t)READ_PIECE, end = r->n - from < READ_PIECE ? r->n : from + READ_PIECE;
	uint64_t sum[8] = {0};
	for (size_t at = from; at + 64 <= end; at += 64) {
		uint64_t line[8];
		FOX_PREFETCH(r->p + (at + READ_AHEAD < r->n ? at + READ_AHEAD : at));
		memcpy(line, r->p + at, sizeof line);
		for (size_t k = 0; k < 8; k++)
			sum[k] ^= line[k];
	}
	for (size_t k = 0; k < 8; k++)
		r->sums[worker * 8] ^= sum[k];
}

double fox_bench_read(struct fox_pool *pool, struct fox_span bytes)
{
	struct reading r = {.p = bytes.p, .n = bytes.n, .sums = calloc(fox_pool_workers(pool), 64)};
	double best = 0;
	for (int i = 0; r.sums && bytes.n && i < READ_PASSES && !fox_signal_pending(); i++) {
		double start = fox_bench_now();
		fox_pool_run(pool, read_piece, &r, (bytes.n + READ_PIECE - 1) / READ_PIECE);
		double rate = (double)bytes.n / (fox_bench_now() - start);
		best = rate > best ? rate : best;
	}
	free(r.sums);
	return best;
}

/* ---- what a token reads */

void fox_bench_products(struct fox_bench_model *out, const struct fox_model *m, const struct fox_kernels *k)
{
	const struct fox_graph *g = fox_model_graph(m);
	static const char none[] = "dot";
	out->n_types = 0;
	out->weight_bytes = 0;
	for (size_t i = 0; i < g->n_ops; i++) {
		const struct fox_weight *w = g->ops[i].w;
		if (g->ops[i].code != FOX_OP_MATMUL)
			continue;
		size_t at = 0;
		while (at < out->n_types && out->types[at].type != w->type)
			at++;
		struct fox_bench_type *t = &out->types[at];
		if (at == out->n_types) {
			const struct fox_gemv *v = &k->gemv[out->arith][w->type];
			const struct fox_gemm *p = &k->gemm[out->arith][w->type];
			*t = (struct fox_bench_type){.type = w->type};
			t->gemv = v->fn ? v->isa : none;
			t->gemm = p->pack ? p->isa : "one by one";
			out->n_types++;
		}
		t->matrices++;
		t->bytes += w->rows * w->row_bytes;
		out->weight_bytes += w->rows * w->row_bytes;
	}
}

/* ---- tests */

struct bench {
	struct fox_bench_model *out;
	const struct fox_bench_ask *ask;
	struct fox_model *model;
	struct fox_pool *pool;
	struct fox_session *session;
	struct fox_bench_cuda *cuda; /* NULL: the CPU is measured */
	int32_t *ids; /* as many as the context */
	uint32_t n_ctx;
	double bandwidth;
};

static uint32_t largest(const struct fox_bench_list *l)
{
	uint32_t most = 0;
	for (uint32_t i = 0; i < l->n; i++)
		most = l->item[i] > most ? l->item[i] : most;
	return most;
}

static struct fox_session_options session_options(const struct bench *b)
{
	return (struct fox_session_options){
	    .n_ctx = b->n_ctx,
	    .batch = b->ask->batch,
	    .kv = b->ask->kv,
	    .arith = b->ask->arith,
	    .pool = b->pool,
	    .backend = b->ask->backend};
}

static enum fox_status size_context(struct bench *b, struct fox_err *err)
{
	const struct fox_hparams *h = fox_model_hparams(b->model);
	uint64_t prompt = largest(&b->ask->prompt), decode = largest(&b->ask->decode);
	uint64_t need = decode ? decode + largest(&b->ask->depth) : 0;
	need = prompt > need ? prompt : need;
	need = need < WARM_TOKENS ? WARM_TOKENS : need;
	if (need > h->n_ctx && need > WARM_TOKENS)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "the tests need %llu positions, and the model was trained for %u", (unsigned long long)need,
		    h->n_ctx);
	b->n_ctx = need < h->n_ctx ? (uint32_t)need : h->n_ctx;
	b->ids = malloc(b->n_ctx * sizeof *b->ids);
	if (!b->ids)
		return fox_fail_nomem(err);
	uint64_t seed = 1;
	for (uint32_t i = 0; i < b->n_ctx; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		b->ids[i] = (int32_t)((seed >> 33) % h->n_vocab);
	}
	return FOX_OK;
}

static enum fox_status step(struct bench *b, uint32_t from, uint32_t n, struct fox_err *err)
{
	enum fox_status st = fox_cancelled(err);
	return st ? st : fox_session_step(b->session, b->ids + from, n, NULL, err);
}

/* One token as a greedy run takes it: of a device's logits only the likeliest comes back. */
static enum fox_status decode_step(struct bench *b, uint32_t from, struct fox_err *err)
{
	int32_t best;
	enum fox_status st = fox_cancelled(err);
	return st ? st : fox_session_likeliest(b->session, b->ids + from, 1, b->out->n_vocab, &best, err);
}

/* n tokens at a depth: all at once, or one after the other; the seconds. The session stands at the depth again. */
static enum fox_status timed(
    struct bench *b, double *seconds, bool decode, uint32_t depth, uint32_t n, struct fox_err *err)
{
	enum fox_status st = FOX_OK;
	double start = fox_bench_now();
	for (uint32_t i = 0; i < n && !st; i += decode ? 1 : n)
		st = decode ? decode_step(b, depth + i, err) : step(b, depth + i, n, err);
	*seconds = fox_bench_now() - start;
	if (!st && !(st = fox_session_rewind(b->session, depth, err)) && fox_session_position(b->session) != depth)
		st = step(b, 0, depth, err); /* a layer's window has moved past the depth: fill it again */
	return st;
}

/* Of all products of a prompt; the output's only for the last token. */
static double products_flops(const struct fox_model *m, uint32_t tokens)
{
	const struct fox_graph *g = fox_model_graph(m);
	double flops = 0;
	for (size_t i = 0; i < g->n_ops; i++)
		if (g->ops[i].code == FOX_OP_MATMUL)
			flops += 2 * (double)g->ops[i].w->rows * (double)g->ops[i].w->cols *
			         (g->ops[i].dst == FOX_S_LOGITS ? 1 : tokens);
	return flops;
}

static enum fox_status test(
    struct bench *b, bool decode, uint32_t depth, uint32_t n, struct fox_bench_row *row, struct fox_err *err)
{
	double rate[FOX_BENCH_REPEATS], seconds;
	enum fox_status st = fox_session_rewind(b->session, 0, err);
	if (!st && depth)
		st = step(b, 0, depth, err);
	uint32_t warm = decode ? 1 : n < WARM_TOKENS ? n : WARM_TOKENS;
	if (!st)
		st = timed(b, &seconds, decode, depth, warm, err);
	for (uint32_t i = 0; i < b->ask->repeats && !st; i++) {
		st = timed(b, &seconds, decode, depth, n, err);
		rate[i] = seconds > 0 ? n / seconds : 0;
	}
	if (st)
		return st;
	*row = (struct fox_bench_row){.decode = decode,
	    .n = n,
	    .depth = depth,
	    .threads = fox_pool_workers(b->pool),
	    .rate = fox_bench_stat_of(rate, b->ask->repeats),
	    .read_bandwidth = b->bandwidth};
	if (!decode) {
		row->flops = products_flops(b->model, n);
		return FOX_OK;
	}
	/* The middle token sees the depth and half of those decoded here. */
	struct fox_session_options o = session_options(b);
	struct fox_memory mem;
	o.n_ctx = depth + (n + 1) / 2;
	if ((st = fox_session_memory(&mem, fox_model_hparams(b->model), 0, &o, err)))
		return st;
	row->bytes = b->out->weight_bytes + mem.kv;
	return FOX_OK;
}

static enum fox_status tests(struct bench *b, fox_bench_told_fn *told, void *ctx, struct fox_err *err)
{
	const struct fox_bench_ask *a = b->ask;
	struct fox_bench_model *out = b->out;
	enum fox_status st = FOX_OK;
	uint32_t depths = a->decode.n ? a->depth.n : 0;
	for (uint32_t i = 0; i < a->prompt.n + depths * a->decode.n && !st; i++) {
		uint32_t k = i - a->prompt.n;
		struct fox_bench_row *row = &out->rows[out->n_rows];
		if (i < a->prompt.n)
			st = a->prompt.item[i] ? test(b, false, 0, a->prompt.item[i], row, err) : FOX_OK;
		else
			st = a->decode.item[k % a->decode.n] ? test(b, true, a->depth.item[k / a->decode.n],
			                                           a->decode.item[k % a->decode.n], row, err)
			                                     : FOX_OK;
		if (st || !row->n)
			continue; /* a test of 0 tokens is left out */
		out->n_rows++;
		if (told)
			told(ctx, row);
	}
	return st;
}

static enum fox_status open_session(struct bench *b, struct fox_err *err)
{
	struct fox_session_options o = session_options(b);
	return fox_session_open(&b->session, b->model, &o, err);
}

static enum fox_status change_threads(struct bench *b, uint32_t threads, struct fox_err *err)
{
	fox_session_close(b->session);
	fox_pool_close(b->pool);
	b->session = NULL;
	b->pool = fox_pool_open(threads);
	return b->pool ? open_session(b, err) : fox_fail_nomem(err);
}

/* As fox-run does it: open, tokenizer, session, a short prompt. */
static enum fox_status first_token(struct bench *b, struct fox_err *err)
{
	struct fox_tokdata data = {0};
	struct fox_tok *tok = NULL;
	double start = fox_bench_now();
	b->pool = fox_pool_open(b->ask->threads.item[0]);
	if (!b->pool)
		return fox_fail_nomem(err);
	if (b->out->cuda && fox_bench_cuda_open(&b->cuda, err))
		return err ? err->code : FOX_E_UNSUPPORTED;
	enum fox_status st = fox_load(&b->model, &data, &tok, b->out->path, b->pool, err);
	b->out->load_s = fox_bench_now() - start;
	if (!st && !(st = size_context(b, err)) && !(st = open_session(b, err)))
		st = step(b, 0, b->n_ctx < FIRST_TOKENS ? b->n_ctx : FIRST_TOKENS, err);
	b->out->first_token_s = fox_bench_now() - start;
	fox_tok_close(tok);
	fox_tokdata_free(&data);
	return st;
}

static void finish(struct fox_bench_model *out)
{
	struct rusage usage;
	for (size_t i = 0; i < out->n_rows && !out->first_passes; i++)
		if (out->rows[i].decode)
			out->first_passes = out->first_token_s * out->rows[i].rate.median;
	if (!getrusage(RUSAGE_SELF, &usage))
		out->peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

/* The largest file of the model: what memory gives does not depend on which. */
static struct fox_span largest_file(const struct fox_gguf *g)
{
	struct fox_span most = fox_gguf_bytes(fox_gguf_part(g, 0));
	for (size_t i = 1; i < fox_gguf_parts(g); i++) {
		struct fox_span s = fox_gguf_bytes(fox_gguf_part(g, i));
		most = s.n > most.n ? s : most;
	}
	return most;
}

enum fox_status fox_bench_model_run(struct fox_bench_model *out, const char *path,
    const struct fox_bench_ask *ask, fox_bench_told_fn *told, void *ctx, struct fox_err *err)
{
	*out = (struct fox_bench_model){
	    .path = path, .arith = ask->arith, .kv = ask->kv, .cuda = ask->backend == &fox_cuda_backend};
	fox_backend_describe(ask->backend, out->device, sizeof out->device);
	struct bench b = {.out = out, .ask = ask};
	size_t most = (ask->prompt.n + (size_t)ask->decode.n * ask->depth.n) * ask->threads.n;
	out->rows = calloc(most ? most : 1, sizeof *out->rows);
	enum fox_status st = out->rows ? first_token(&b, err) : fox_fail_nomem(err);
	if (!st) {
		const struct fox_hparams *h = fox_model_hparams(b.model);
		snprintf(out->arch, sizeof out->arch, "%s", fox_model_arch(b.model)->name);
		out->n_layers = h->n_layers;
		out->n_vocab = h->n_vocab;
		fox_bench_products(out, b.model, fox_kernels());
	}
	for (uint32_t i = 0; i < (out->cuda ? 1 : ask->threads.n) && !st; i++) {
		if (i && (st = change_threads(&b, ask->threads.item[i], err)))
			break;
		if (!out->cuda)
			b.bandwidth = fox_bench_read(b.pool, largest_file(fox_model_gguf(b.model)));
		else if ((st = fox_bench_cuda_copy(b.cuda, &b.bandwidth, err)))
			break;
		st = tests(&b, told, ctx, err);
	}
	if (b.session && b.cuda) {
		out->taken_bytes = fox_session_taken(b.session);
		out->lost_bytes = fox_bench_cuda_lost(b.cuda);
	}
	finish(out);
	fox_session_close(b.session);
	fox_bench_cuda_close(b.cuda);
	fox_pool_close(b.pool);
	fox_model_close(b.model);
	free(b.ids);
	if (st) {
		fox_in_file(err, path);
		fox_bench_model_free(out);
	}
	return st;
}

void fox_bench_model_free(struct fox_bench_model *m)
{
	free(m->rows);
	m->rows = NULL;
	m->n_rows = 0;
}
