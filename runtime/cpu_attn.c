/* cpu_attn.c - causal attention over the blocks of the cache.
 *
 * Scores exist for one block of positions at a time. A row's result is put together from chunks of positions, fixed by their
 * absolute number; within a chunk block follows block with a running maximum. Whoever computes a chunk does it alone, so a
 * long cache can be shared out between workers even for one row, and nothing depends on who did what.  spec/runtime.md 4 */
#include "runtime/cpu_exec.h"

#include <math.h>
#include <string.h>

#include "format/base/num.h"
#include "runtime/rope.h"

enum { BLOCK = FOX_ATTN_BLOCK, PANEL = FOX_ATTN_PANEL };
#define CHUNK 256u /* positions; part of the result's meaning */
#define TILE_FLOATS                                                                                          \
	16384u /* of queries that one item takes: with a block's keys and values they stay in an L2 cache */
#define TILE_MIN 12u    /* query vectors of an item: below, reading the cache costs as much as the products */
#define FEW 12u         /* so many read a block as it is stored; more, and it is decoded once before */
#define SHARED_ROWS 64u /* rows times chunks that can be under way at once when chunks are shared out */

/* Rows of a result that is not divided yet. */
struct state {
	float *o; /* [m][wide]: sums of weight times value */
	struct fox_attn_seen *seen;
};

/* What one worker has for itself. */
struct scratch {
	float *q, *s, *keep, *slope, *keys, *values;
	struct state part, all;
};

static size_t up(size_t n)
{
	return (n + PANEL - 1) / PANEL * PANEL;
}

static uint32_t share_of(const struct fox_hparams *h, uint32_t l)
{
	return h->n_heads[l] / h->n_kv_heads[l];
}

/* Query vectors that one item takes at most where `share` heads read one key head: whole rows. */
static uint32_t tile_limit(const struct fox_hparams *h, uint32_t share)
{
	uint32_t m = TILE_FLOATS / h->head_dim;
	m = m < TILE_MIN ? TILE_MIN : m > 128 ? 128 : m;
	return m < share ? share : m / share * share;
}

static size_t state_floats(size_t m, size_t wide)
{
	return m * (wide + PANEL); /* one panel's width for what was seen, so that states of all sizes add up */
}

static struct state state_at(float *p, size_t m, size_t wide)
{
	return (struct state){p, (struct fox_attn_seen *)(void *)(p + m * wide)};
}

/* Carve a worker's scratch at p, or measure it in floats. */
static size_t carve_scratch(struct scratch *w, float *p, size_t m, size_t dim)
{
	size_t wide = up(dim), at = 0;
	const size_t sizes[] = {up(m * dim), m * BLOCK, up(m), up(m), dim * BLOCK, wide * BLOCK,
	    state_floats(m, wide), state_floats(m, wide)};
	size_t start[FOX_COUNT(sizes)];
	for (size_t i = 0; i < FOX_COUNT(sizes); i++) {
		start[i] = at;
		at += sizes[i];
	}
	if (w)
		*w = (struct scratch){p + start[0], p + start[1], p + start[2], p + start[3], p + start[4],
		    p + start[5], state_at(p + start[6], m, wide), state_at(p + start[7], m, wide)};
	return at;
}

void fox_cpu_attn_sizes(struct fox_cpu_attn_sizes *out, const struct fox_hparams *h)
{
	uint32_t heads = 0;
	*out = (struct fox_cpu_attn_sizes){0};
	for (uint32_t l = 0; l < h->n_layers; l++) {
		uint32_t m = tile_limit(h, share_of(h, l));
		out->vectors = m > out->vectors ? m : out->vectors;
		heads = h->n_heads[l] > heads ? h->n_heads[l] : heads;
	}
	out->worker_floats = carve_scratch(NULL, NULL, out->vectors, h->head_dim);
	out->shared_floats = (uint64_t)SHARED_ROWS * state_floats(heads, up(h->head_dim));
}

struct job {
	struct fox_dev *d;
	const struct fox_op *op;
	const struct fox_attn_cache *cache;
	size_t dim, wide;
	uint32_t share;                 /* query heads that read one key head */
	uint32_t kv_heads, window;      /* window 0: all positions */
	uint32_t tile_rows, n_tiles;    /* rows of the batch that one item takes */
	uint32_t first_chunk, n_chunks; /* where chunks are shared out: those under way */
	uint32_t places;                /* for a tile: one for its sum, the others for chunks */
	bool first, last;               /* are they the first, the last? */
};

struct tile {
	uint32_t kv_head, row, n_rows, first_chunk, end_chunk;
};

/* Positions that a row of the batch sees: from .. to - 1. */
static void visible(const struct job *j, uint32_t row, uint32_t *from, uint32_t *to)
{
	*to = j->d->s->pos + row + 1;
	*from = j->window && *to > j->window ? *to - j->window : 0;
}

static struct tile tile_of(const struct job *j, size_t i)
{
	uint32_t from, to, row = (uint32_t)(i % j->n_tiles) * j->tile_rows;
	struct tile t = {.kv_head = (uint32_t)(i / j->n_tiles), .row = row};
	t.n_rows = j->d->rows - row < j->tile_rows ? j->d->rows - row : j->tile_rows;
	visible(j, row, &from, &to);
	t.first_chunk = from / CHUNK;
	visible(j, row + t.n_rows - 1, &from, &to);
	t.end_chunk = (to - 1) / CHUNK + 1;
	return t;
}

static float *rows_at(const struct job *j, int slot, const struct tile *t, uint32_t r)
{
	return j->d->slot[slot] + (((size_t)t->row + r) * j->op->n + (size_t)t->kv_head * j->share) * j->dim;
}

static void take_queries(const struct job *j, const struct tile *t, struct scratch *w)
{
	size_t n = j->share * j->dim;
	for (uint32_t r = 0; r < t->n_rows; r++)
		memcpy(w->q + r * n, rows_at(j, j->op->a, t, r), n * sizeof *w->q);
	for (uint32_t g = 0; g < j->share; g++)
		w->slope[g] =
		    j->d->ask.graph->traits.alibi ? (float)fox_alibi_slope(t->kv_head * j->share + g, j->op->n) : 0;
}

static void begin(struct state *st, size_t m, size_t wide)
{
	memset(st->o, 0, m * wide * sizeof *st->o);
	for (size_t i = 0; i < m; i++)
		st->seen[i] = (struct fox_attn_seen){-INFINITY, 0};
}

/* Rows [r, end) of the tile see positions [lo, hi) of the block that begins at position `base`. */
static void attend(const struct job *j, const struct tile *t, struct scratch *w, struct state *st,
    uint32_t base, const uint8_t *keys, const uint8_t *values, fox_attn_mul_fn *const mul[2], uint32_t r,
    uint32_t end, uint32_t lo, uint32_t hi)
{
	size_t at = (size_t)r * j->share, n = (size_t)(end - r) * j->share, panel = lo / PANEL;
	const struct fox_kv *kv = &j->d->kv;
	struct fox_attn_shape shape = {.scale = j->op->f, .cap = j->d->ask.hparams->attn_softcap};
	uint64_t panel_bytes =
	    mul[0] == j->cache->keys ? kv->key_bytes / (BLOCK / PANEL) : j->dim * PANEL * sizeof(float);
	mul[0](w->s + at * BLOCK + panel * PANEL, BLOCK, NULL, w->q + at * j->dim, j->dim, n,
	    keys + panel * panel_bytes, j->dim, 0, j->dim, (hi + PANEL - 1) / PANEL - panel);
	for (size_t i = at; i < at + n; i++) {
		uint32_t here = j->d->s->pos + t->row + (uint32_t)(i / j->share);
		shape.slope = w->slope[i % j->share];
		w->keep[i] =
		    j->d->k->attn.weigh(w->s + i * BLOCK + lo, hi - lo, &shape, here - (base + lo), &st->seen[i]);
	}
	mul[1](st->o + at * j->wide, j->wide, w->keep + at, w->s + at * BLOCK + lo, BLOCK, n, values, BLOCK, lo,
	    hi - lo, j->wide / PANEL);
}

static void block(const struct job *j, const struct tile *t, struct scratch *w, struct state *st, uint32_t b)
{
	const struct fox_kv *kv = &j->d->kv;
	const uint8_t *keys = fox_kv_block(kv, j->op->layer, t->kv_head, b), *values = keys + kv->key_bytes;
	fox_attn_mul_fn *mul[2] = {j->cache->keys, j->cache->values};
	if (t->n_rows * j->share > FEW && kv->type != FOX_F32) {
		j->cache->open_keys(w->keys, keys, j->dim * BLOCK);
		j->cache->open_values(w->values, values, j->wide * BLOCK);
		keys = (const uint8_t *)w->keys, values = (const uint8_t *)w->values;
		mul[0] = j->d->k->attn.cache[FOX_F32].keys, mul[1] = j->d->k->attn.cache[FOX_F32].values;
	}
	uint32_t base = b * BLOCK, end;
	for (uint32_t r = 0; r < t->n_rows; r = end) {
		uint32_t lo = 0, hi = 0;
		for (end = r; end < t->n_rows; end++) { /* rows that see the same part go together */
			uint32_t from, to;
			visible(j, t->row + end, &from, &to);
			from = from < base ? 0 : from - base < BLOCK ? from - base : BLOCK;
			to = to < base ? 0 : to - base < BLOCK ? to - base : BLOCK;
			if (end > r && (from != lo || to != hi))
				break;
			lo = from, hi = to;
		}
		if (lo < hi)
			attend(j, t, w, st, base, keys, values, mul, r, end, lo, hi);
	}
}

/* What the tile's rows see of chunk c. */
static void chunk(const struct job *j, const struct tile *t, struct scratch *w, struct state *st, uint32_t c)
{
	uint32_t from, to, unused, b = c * (CHUNK / BLOCK), end = b + CHUNK / BLOCK;
	begin(st, (size_t)t->n_rows * j->share, j->wide);
	visible(j, t->row, &from, &unused);
	visible(j, t->row + t->n_rows - 1, &unused, &to);
	b = from / BLOCK > b ? from / BLOCK : b;
	end = (to - 1) / BLOCK + 1 < end ? (to - 1) / BLOCK + 1 : end;
	for (; b < end; b++)
		block(j, t, w, st, b);
}

/* Add a chunk to those before it. */
static void merge(struct state *all, const struct state *part, size_t m, size_t wide)
{
	for (size_t i = 0; i < m; i++) {
		struct fox_attn_seen *a = &all->seen[i], p = part->seen[i];
		if (p.sum == 0)
			continue; /* the row sees nothing of it */
		float max = p.max > a->max ? p.max : a->max, base = max == -INFINITY ? 0 : max;
		float keep = expf(a->max - base), take = expf(p.max - base);
		float *o = all->o + i * wide;
		const float *from = part->o + i * wide;
		for (size_t k = 0; k < wide; k++)
			o[k] = keep * o[k] + take * from[k];
		a->sum = (double)keep * a->sum + (double)take * p.sum;
		a->max = max;
	}
}

static void give_results(const struct job *j, const struct tile *t, const struct state *all)
{
	for (uint32_t r = 0; r < t->n_rows; r++) {
		float *y = rows_at(j, j->op->dst, t, r);
		for (uint32_t g = 0; g < j->share; g++, y += j->dim) {
			size_t i = (size_t)r * j->share + g;
			float scale = (float)(1 / all->seen[i].sum);
			for (size_t k = 0; k < j->dim; k++)
				y[k] = all->o[i * j->wide + k] * scale;
		}
	}
}

static struct scratch scratch_of(const struct job *j, unsigned worker)
{
	struct scratch w;
	const struct fox_cpu_attn_sizes *sizes = &j->d->attn_sizes;
	carve_scratch(&w, j->d->attn_worker + worker * (size_t)sizes->worker_floats, sizes->vectors, j->dim);
	return w;
}

/* All chunks of a tile, one after the other. */
static void whole_item(void *ctx, size_t i, unsigned worker)
{
	const struct job *j = ctx;
	struct scratch w = scratch_of(j, worker);
	struct tile t = tile_of(j, i);
	size_t m = (size_t)t.n_rows * j->share;
	take_queries(j, &t, &w);
	begin(&w.all, m, j->wide);
	for (uint32_t c = t.first_chunk; c < t.end_chunk; c++) {
		chunk(j, &t, &w, &w.part, c);
		merge(&w.all, &w.part, m, j->wide);
	}
	give_results(j, &t, &w.all);
}

/* Place c of tile i. Place 0 is for the sum of its chunks so far. */
static struct state shared_state(const struct job *j, size_t i, uint32_t c)
{
	size_t m = (size_t)j->tile_rows * j->share;
	float *p = j->d->attn_shared + (i * j->places + c) * state_floats(m, j->wide);
	return state_at(p, m, j->wide);
}

static void chunk_item(void *ctx, size_t i, unsigned worker)
{
	const struct job *j = ctx;
	struct tile t = tile_of(j, i / j->n_chunks);
	uint32_t k = (uint32_t)(i % j->n_chunks), c = j->first_chunk + k;
	if (c < t.first_chunk || c >= t.end_chunk)
		return;
	struct scratch w = scratch_of(j, worker);
	struct state st = shared_state(j, i / j->n_chunks, k + 1);
	take_queries(j, &t, &w);
	chunk(j, &t, &w, &st, c);
}

static void merge_item(void *ctx, size_t i, unsigned worker)
{
	const struct job *j = ctx;
	(void)worker;
	struct tile t = tile_of(j, i);
	size_t m = (size_t)t.n_rows * j->share;
	struct state all = shared_state(j, i, 0);
	if (j->first)
		begin(&all, m, j->wide);
	for (uint32_t k = 0; k < j->n_chunks; k++) {
		uint32_t c = j->first_chunk + k;
		struct state part = shared_state(j, i, k + 1);
		if (c >= t.first_chunk && c < t.end_chunk)
			merge(&all, &part, m, j->wide);
	}
	if (j->last)
		give_results(j, &t, &all);
}

/* Too few tiles for the workers: their chunks are shared out too, as many at a time as there is room for. */
static void run_shared(struct job *j, struct fox_pool *pool, uint32_t first, uint32_t end)
{
	size_t tiles = (size_t)j->n_tiles * j->kv_heads;
	uint32_t at_once = j->places - 1;
	for (j->first_chunk = first; j->first_chunk < end; j->first_chunk += j->n_chunks) {
		uint32_t left = end - j->first_chunk;
		j->n_chunks = left < at_once ? left : at_once;
		j->first = j->first_chunk == first;
		j->last = j->first_chunk + j->n_chunks == end;
		fox_pool_run(pool, chunk_item, j, tiles * j->n_chunks);
		uint64_t work = (uint64_t)j->d->rows * j->op->n * j->wide * 2 * j->n_chunks;
		fox_pool_run(fox_cpu_pool(j->d, work), merge_item, j, tiles);
	}
}

/* Do `items` of equal size leave workers idle for more than a tenth of the time? */
static bool uneven(uint64_t items, uint64_t workers)
{
	uint64_t turns = (items + workers - 1) / workers;
	return 10 * items < 9 * turns * workers;
}

void fox_cpu_attn(struct fox_dev *d, const struct fox_op *op)
{
	const struct fox_hparams *h = d->ask.hparams;
	uint32_t share = share_of(h, op->layer), window = fox_hparams_window(h, op->layer),
	         end = d->s->pos + d->rows;
	uint32_t seen = window && end > window ? window : end;
	struct fox_pool *pool = fox_cpu_pool(d, 2ull * d->rows * op->n * h->head_dim * seen);
	uint32_t workers = fox_pool_workers(pool);
	struct job j = {.d = d,
	    .op = op,
	    .cache = &d->k->attn.cache[d->kv.type],
	    .dim = h->head_dim,
	    .wide = up(h->head_dim),
	    .share = share,
	    .kv_heads = h->n_kv_heads[op->layer],
	    .window = window,
	    .tile_rows = tile_limit(h, share) / share};
	if (d->rows == 0)
		return;
	j.tile_rows = j.tile_rows < d->rows ? j.tile_rows : d->rows;
	for (;; j.tile_rows = (j.tile_rows + 1) / 2) {
		j.n_tiles = (d->rows + j.tile_rows - 1) / j.tile_rows;
		if (j.tile_rows * share <= 2 * TILE_MIN || j.tile_rows == 1 ||
		    !uneven((uint64_t)j.n_tiles * j.kv_heads, workers))
			break;
	}
	uint32_t first = tile_of(&j, 0).first_chunk, end_chunk = (end - 1) / CHUNK + 1;
	j.places = SHARED_ROWS / (j.n_tiles * j.tile_rows);
	if (uneven((uint64_t)j.n_tiles * j.kv_heads, workers) && end_chunk - first > 1 && j.places > 2)
		run_shared(&j, pool, first, end_chunk);
	else
		fox_pool_run(pool, whole_item, &j, (size_t)j.n_tiles * j.kv_heads);
}
