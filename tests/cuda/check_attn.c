/* check_attn.c - attention on the device against double precision over a cache that the test lays out itself, positions nobody
 * wrote being NaN.
 *
 * bound  |y - y_real| <= (2 E + V) sum of weight |v|, where the weights sum to 1 and E bounds the error of a score:
 *        E = e (1 + max over t of (scale sum |q k_t| + slope distance) + cap), V what weights and values are rounded by
 *        exact: e = 2^-19, V = 2^-14.   a fast step: e = 2^-16, V = 2^-14.   fast: e = V = 2^-7, of an f16 cache 2^-10
 *        (prompts of heads that are no multiple of 8: as exact)
 *        and as sum (y - y_real)^2 / sum y_real^2: 1e-10, 1e-9, 1e-4, 1e-6 */
#include "tests/test.h"

#include "kernels/cuda/ops.h"
#include "kernels/quant.h"
#include "tests/cuda/cuda_test.h"
#include "tests/kernels/slow.h"

static struct fox_cuda *cuda;
static struct fox_err err;

struct shape {
	enum fox_type type;
	uint32_t kv_heads, share, dim;
	uint32_t pos, rows;
	uint32_t window, n_pages; /* 0: none; as many as positions need */
	float cap;
	bool alibi;
	enum fox_arith arith;
};

/* A cache on the device and what it holds in double. */
struct made {
	struct shape s;
	uint32_t end;  /* positions */
	double *k, *v; /* [end][kv_heads][dim] */
	float *q, *slopes;
	float *dq, *dslopes;
	struct fox_cuda_cache cache;
	void *pages[16];
};

static float uniform(uint64_t *seed)
{
	return ((float)test_rand(seed) - 0x1p30f) * 0x1p-30f;
}

/* One head's elements at a position of one side, as ops.h lays them; what they are in double comes back. */
static void put(uint8_t *side, const struct shape *s, size_t head, size_t at, const float *x, double *real)
{
	size_t dim = s->dim;
	if (s->type == FOX_Q8_0) {
		uint8_t *q = side + head * FOX_CUDA_PAGE * dim / 32 * 34, block[34];
		for (size_t g = 0; g < dim / 32; g++) {
			uint16_t d;
			fox_quant_q8_0(block, x + g * 32, 32);
			memcpy(&d, block, 2);
			memcpy(q + FOX_CUDA_PAGE * dim + (at * (dim / 32) + g) * 2, block, 2);
			memcpy(q + at * dim + g * 32, block + 2, 32);
			for (size_t i = 0; i < 32; i++)
				real[g * 32 + i] = (double)slow_float(slow_f16_to_f32(d)) * (int8_t)block[2 + i];
		}
		return;
	}
	size_t from = (head * FOX_CUDA_PAGE + at) * dim;
	for (size_t i = 0; i < dim; i++) {
		uint16_t h = s->type == FOX_F16 ? slow_f32_to_f16(x[i]) : slow_f32_to_bf16(x[i]);
		if (s->type == FOX_F32)
			memcpy(side + (from + i) * 4, &x[i], 4);
		else
			memcpy(side + (from + i) * 2, &h, 2);
		real[i] = s->type == FOX_F32   ? (double)x[i]
		          : s->type == FOX_F16 ? (double)slow_float(slow_f16_to_f32(h))
		                               : (double)slow_float(slow_bf16_to_f32(h));
	}
}

static void make(struct made *m, const struct shape *s, uint64_t seed)
{
	enum { AT = 768 };
	*m = (struct made){.s = *s, .end = s->pos + s->rows};
	uint32_t n = s->n_pages ? s->n_pages : (m->end + FOX_CUDA_PAGE - 1) / FOX_CUDA_PAGE,
	         heads = s->kv_heads * s->share;
	uint64_t side = fox_cuda_side_bytes(s->type, s->kv_heads, s->dim), bytes = AT + 2 * side;
	uint8_t *page[16];
	size_t per = (size_t)s->kv_heads * s->dim;
	m->k = malloc(m->end * per * sizeof(double));
	m->v = malloc(m->end * per * sizeof(double));
	m->q = malloc((size_t)s->rows * heads * s->dim * sizeof(float));
	m->slopes = malloc(heads * sizeof(float));
	float *x = malloc(s->dim * sizeof *x);
	for (uint32_t i = 0; i < n; i++) {
		page[i] = malloc(bytes);
		memset(page[i], 0xff, bytes);
	}
	for (uint32_t p = 0; p < m->end; p++)
		for (uint32_t h = 0; h < s->kv_heads; h++)
			for (int v = 0; v < 2; v++) {
				for (uint32_t i = 0; i < s->dim; i++)
					x[i] = (v ? 1 : 1.5f) * uniform(&seed) + (i == 3 && !v ? 6 : 0);
				put(page[p / FOX_CUDA_PAGE % n] + AT + (v ? side : 0), s, h, p % FOX_CUDA_PAGE, x,
				    (v ? m->v : m->k) + p * per + h * s->dim);
			}
	for (size_t i = 0; i < (size_t)s->rows * heads * s->dim; i++)
		m->q[i] = 3 * uniform(&seed);
	for (uint32_t h = 0; h < heads; h++)
		m->slopes[h] = exp2f(-8 * (float)(h + 1) / (float)heads);
	for (uint32_t i = 0; i < n; i++) {
		m->pages[i] = cuda_test_room(cuda, bytes); /* nothing behind a page can be read */
		struct fox_err e = {0};
		assert_fox_ok(fox_cuda_upload(cuda, m->pages[i], page[i], bytes, &e), &e);
		free(page[i]);
	}
	m->cache = (struct fox_cuda_cache){
	    cuda_test_put(cuda, m->pages, n * sizeof *m->pages), n, AT, AT + side, s->type, s->kv_heads, s->dim};
	m->dq = cuda_test_put(cuda, m->q, (size_t)s->rows * heads * s->dim * sizeof(float));
	m->dslopes = cuda_test_put(cuda, m->slopes, heads * sizeof(float));
	free(x);
}

static void forget(struct made *m)
{
	for (uint32_t i = 0; i < m->cache.n_pages; i++)
		fox_cuda_free(cuda, m->pages[i]);
	fox_cuda_free(cuda, (void *)(uintptr_t)m->cache.pages);
	fox_cuda_free(cuda, m->dq), fox_cuda_free(cuda, m->dslopes);
	free(m->k), free(m->v), free(m->q), free(m->slopes);
}

/* Rows first .. first + rows - 1; the caller frees what comes back. */
static float *attend(const struct made *m, uint32_t first, uint32_t rows, uint32_t more_pages)
{
	const struct shape *s = &m->s;
	uint32_t heads = s->kv_heads * s->share, pos = s->pos + first,
	         pages = (pos + rows + FOX_CUDA_PAGE - 1) / FOX_CUDA_PAGE + more_pages;
	size_t n = (size_t)rows * heads * s->dim * sizeof(float), skip = (size_t)first * heads * s->dim;
	uint32_t *dpos = cuda_test_put(cuda, &pos, sizeof pos);
	float *dy = cuda_test_room(cuda, n);
	void *scratch = cuda_test_room(cuda, fox_cuda_attn_scratch(rows, heads, s->kv_heads, s->dim, pages));
	struct fox_cuda_attn a = {.cache = &m->cache,
	    .q = m->dq + skip,
	    .y = dy,
	    .pos = dpos,
	    .rows = rows,
	    .heads = heads,
	    .pages = pages,
	    .window = s->window,
	    .scale = 1 / sqrtf((float)s->dim),
	    .cap = s->cap,
	    .slopes = s->alibi ? m->dslopes : NULL,
	    .scratch = scratch,
	    .arith = s->arith};
	assert_fox_ok(fox_cuda_attn(cuda, &a, &err), &err);
	float *y = cuda_test_get(cuda, dy, n);
	fox_cuda_free(cuda, dpos), fox_cuda_free(cuda, dy), fox_cuda_free(cuda, scratch);
	return y;
}

/* One query vector in double. Returns the largest size of a score's terms; size[i]: sum of weight |v|. */
static double real(double *y, double *size, const struct made *m, uint32_t row, uint32_t head)
{
	const struct shape *s = &m->s;
	size_t heads = (size_t)s->kv_heads * s->share, per = (size_t)s->kv_heads * s->dim,
	       kv = head / s->share * s->dim;
	uint32_t p = s->pos + row, from = s->window && p + 1 > s->window ? p + 1 - s->window : 0;
	double scale = (double)(1 / sqrtf((float)s->dim)), most = 0, max = -INFINITY, sum = 0,
	       *x = malloc((p + 1) * sizeof *x);
	const float *q = m->q + (row * heads + head) * s->dim;
	for (uint32_t t = from; t <= p; t++) {
		double dot = 0, terms = 0, slope = s->alibi ? (double)m->slopes[head] * (p - t) : 0;
		for (uint32_t i = 0; i < s->dim; i++) {
			dot += (double)q[i] * m->k[t * per + kv + i];
			terms += fabs((double)q[i] * m->k[t * per + kv + i]);
		}
		x[t] = (s->cap != 0 ? (double)s->cap * tanh(dot * scale / (double)s->cap) : dot * scale) - slope;
		most = terms * scale + slope > most ? terms * scale + slope : most;
		max = x[t] > max ? x[t] : max;
	}
	memset(y, 0, s->dim * sizeof *y);
	memset(size, 0, s->dim * sizeof *size);
	for (uint32_t t = from; t <= p; t++)
		sum += x[t] = exp(x[t] - max);
	for (uint32_t t = from; t <= p; t++)
		for (uint32_t i = 0; i < s->dim; i++) {
			y[i] += x[t] / sum * m->v[t * per + kv + i];
			size[i] += x[t] / sum * fabs(m->v[t * per + kv + i]);
		}
	free(x);
	return most + (double)s->cap;
}

static void check(const struct shape *s)
{
	struct made m;
	make(&m, s, s->pos * 131 + s->dim + s->rows);
	bool step = s->rows <= FOX_CUDA_FEW, exact = s->arith == FOX_ARITH_EXACT || (!step && s->dim % 8);
	bool half = s->type == FOX_F16;
	double e = exact ? 0x1p-19 : step ? 0x1p-16 : half ? 0x1p-10 : 0x1p-7;
	double ev = exact || step ? 0x1p-14 : half ? 0x1p-10 : 0x1p-7;
	double off = 0, all = 0, want[1024], size[1024];
	uint32_t heads = s->kv_heads * s->share;
	float *y = attend(&m, 0, s->rows, 0);
	for (uint32_t r = 0; r < s->rows; r++)
		for (uint32_t h = 0; h < heads; h++) {
			double bound = 2 * e * (1 + real(want, size, &m, r, h)) + ev;
			const float *got = y + ((size_t)r * heads + h) * s->dim;
			for (uint32_t i = 0; i < s->dim; i++) {
				double d = (double)got[i] - want[i];
				if (!(fabs(d) <= bound * size[i]))
					fail_msg("type %d, dim %u, pos %u, row %u of %u, head %u: element %u is %.9g, want %.9g",
					    s->type, s->dim, s->pos, r, s->rows, h, i, (double)got[i], want[i]);
				off += d * d, all += want[i] * want[i];
			}
		}
	if (!(off / all <= (exact ? 1e-10 : step ? 1e-9 : half ? 1e-6 : 1e-4)))
		fail_msg("type %d, dim %u, pos %u, %u rows: NMSE %.3g", s->type, s->dim, s->pos, s->rows, off / all);
	if (getenv("FOX_TEST_VERBOSE"))
		printf("type %2d dim %3u share %u pos %3u rows %2u arith %d: NMSE %.2g\n", s->type, s->dim, s->share,
		    s->pos, s->rows, s->arith, off / all);
	/* the same bits again, with blocks in another order and whatever the launch could reach */
	float *again = attend(&m, 0, s->rows, 3);
	assert_memory_equal(again, y, (size_t)s->rows * heads * s->dim * sizeof *y);
	free(again);
	if (s->rows > 1 && s->rows <= FOX_CUDA_FEW) { /* and alone */
		float *alone = attend(&m, s->rows - 1, 1, 0);
		assert_memory_equal(
		    alone, y + (size_t)(s->rows - 1) * heads * s->dim, (size_t)heads * s->dim * sizeof *y);
		free(alone);
	}
	if (s->rows > 2 * FOX_CUDA_FEW + 2) { /* and in another batch */
		uint32_t first = s->rows - FOX_CUDA_FEW - 2;
		float *some = attend(&m, first, s->rows - first, 0);
		assert_memory_equal(
		    some, y + (size_t)first * heads * s->dim, (size_t)(s->rows - first) * heads * s->dim * sizeof *y);
		free(some);
	}
	free(y);
	forget(&m);
}

static const enum fox_type types[] = {FOX_F32, FOX_F16, FOX_BF16, FOX_Q8_0};
static const uint32_t edges[] = {0, 1, 255, 256, 257, 600};

static void each_arith(size_t type, uint32_t kv_heads, uint32_t share, uint32_t dim, uint32_t pos,
    uint32_t rows, uint32_t window, uint32_t n_pages, float cap, bool alibi)
{
	bool differ = rows > FOX_CUDA_FEW || types[type] == FOX_F16 || types[type] == FOX_BF16;
	for (int arith = 0; arith < (differ ? 2 : 1); arith++)
		if (types[type] != FOX_Q8_0 || dim % 32 == 0)
			check(&(struct shape){types[type], kv_heads, share, dim, pos, rows, window, n_pages, cap, alibi,
			    arith ? FOX_ARITH_FAST : FOX_ARITH_EXACT});
}

static void each(uint32_t kv_heads, uint32_t share, uint32_t dim, uint32_t pos, uint32_t rows,
    uint32_t window, uint32_t n_pages, float cap, bool alibi)
{
	for (size_t t = 0; t < FOX_COUNT(types); t++)
		each_arith(t, kv_heads, share, dim, pos, rows, window, n_pages, cap, alibi);
}

/* The next type by turns, where the case is about something that does not depend on it. */
static void one(uint32_t kv_heads, uint32_t share, uint32_t dim, uint32_t pos, uint32_t rows, uint32_t window,
    uint32_t n_pages, float cap, bool alibi)
{
	static size_t turn;
	each_arith(turn++ % FOX_COUNT(types), kv_heads, share, dim, pos, rows, window, n_pages, cap, alibi);
}

/* Heads of every size and share, first of one row. */
static void steps(void **state)
{
	(void)state;
	static const uint32_t dims[] = {8, 16, 32, 64, 80, 96, 128, 256}, shares[] = {1, 2, 3, 4, 7, 8, 9};
	for (size_t d = 0; d < FOX_COUNT(dims); d++)
		each(2, 1 + (uint32_t)d % 4, dims[d], 300, 1, 0, 0, 0, false);
	for (size_t s = 0; s < FOX_COUNT(shares); s++)
		each(2, shares[s], 32, 270, 1, 0, 0, 0, false);
	for (size_t p = 0; p < FOX_COUNT(edges); p++)
		for (uint32_t rows = 1; rows <= 8; rows += rows == 1 ? 1 : 3)
			one(3, 2, 64, edges[p], rows, 0, 0, 0, false);
	one(1, 4, 32, 3000, 2, 0, 0, 0, false); /* more pieces than there are runs */
	one(40, 1, 32, 2100, 1, 0, 0, 0, false);
}

static void steps_of_odd_heads(void **state)
{
	(void)state;
	static const uint32_t dims[] = {1, 5, 20, 33, 264, 512};
	for (size_t d = 0; d < FOX_COUNT(dims); d++) {
		each(2, 2, dims[d], 260, 2, 0, 0, 0, false);
		one(1, 3, dims[d], 70, 1, 50, 0, 20, true);
	}
	one(1, 2, 264, 250, 19, 0, 0, 0, false); /* too wide for the kernels of prompts */
	one(2, 1, 320, 5, 17, 9, 0, 0, true);
}

static void steps_with_windows_caps_and_slopes(void **state)
{
	(void)state;
	static const uint32_t windows[] = {1, 2, 31, 32, 33, 255, 256, 300, 600, 601, 4096};
	for (size_t w = 0; w < FOX_COUNT(windows); w++)
		one(2, 4, 32, 600, 2, windows[w], 0, 0, false);
	each(2, 4, 64, 900, 3, 300, 3, 0, false); /* a ring: the pages before hold positions of now */
	each(2, 2, 64, 777, 8, 128, 2, 0, false);
	each(2, 3, 64, 500, 2, 0, 0, 30, false);
	each(2, 4, 32, 500, 2, 0, 0, 0, true);
	each(1, 8, 32, 500, 2, 200, 0, 50, true);
}

static void prompts(void **state)
{
	(void)state;
	static const uint32_t dims[] = {8, 16, 32, 64, 80, 96, 100, 128, 256};
	static const uint32_t rows[] = {9, 15, 16, 17, 33, 64, 70};
	for (size_t d = 0; d < FOX_COUNT(dims); d++)
		each(1, 2, dims[d], 60, 12, 0, 0, 0, false);
	for (size_t r = 0; r < FOX_COUNT(rows); r++)
		one(1, 3, 32, 40, rows[r], 0, 0, 0, false);
	for (size_t p = 0; p < FOX_COUNT(edges); p++)
		one(1, 2, 64, edges[p], 12, 0, 0, 0, false);
	each(1, 2, 20, 100, 12, 0, 0, 0, false);
	each(1, 2, 5, 100, 12, 0, 0, 0, false);
	for (size_t t = 1; t < 3; t++) { /* blocks enough for tiles of 128 */
		check(&(struct shape){types[t], 5, 4, 64, 20, 40, 0, 0, 0, false, FOX_ARITH_FAST});
		check(&(struct shape){types[t], 4, 5, 96, 30, 20, 0, 0, 0, false, FOX_ARITH_FAST});
		check(&(struct shape){types[t], 5, 4, 128, 30, 20, 25, 0, 20, true, FOX_ARITH_FAST});
	}
}

static void prompts_with_windows_caps_and_slopes(void **state)
{
	(void)state;
	static const uint32_t windows[] = {1, 15, 16, 17, 64, 100, 256, 300};
	for (size_t w = 0; w < FOX_COUNT(windows); w++)
		one(1, 2, 32, 300, 40, windows[w], 0, 0, false);
	each(1, 1, 64, 900, 30, 300, 3, 0, false);
	one(2, 2, 64, 777, 20, 128, 2, 0, false);
	each(1, 3, 64, 100, 20, 0, 0, 30, false);
	each(1, 4, 32, 100, 12, 0, 0, 0, true);
	each(1, 8, 32, 200, 12, 100, 0, 50, true);
}

/* One program serves all positions of its pages. */
static void a_program_follows_the_position(void **state)
{
	(void)state;
	struct shape s = {FOX_BF16, 2, 2, 64, 700, 1, 0, 0, 0, false, FOX_ARITH_FAST};
	struct made m;
	make(&m, &s, 5);
	uint32_t heads = 4, pos = 0;
	size_t n = (size_t)heads * s.dim * sizeof(float);
	uint32_t *dpos = cuda_test_put(cuda, &pos, sizeof pos);
	float *dy = cuda_test_room(cuda, n);
	void *scratch = cuda_test_room(cuda, fox_cuda_attn_scratch(1, heads, s.kv_heads, s.dim, 3));
	struct fox_cuda_attn a = {.cache = &m.cache,
	    .q = m.dq,
	    .y = dy,
	    .pos = dpos,
	    .rows = 1,
	    .heads = heads,
	    .pages = 3,
	    .scale = 1 / sqrtf((float)s.dim),
	    .scratch = scratch,
	    .arith = s.arith};
	struct fox_cuda_program *program;
	assert_fox_ok(fox_cuda_record_begin(cuda, &err), &err);
	assert_fox_ok(fox_cuda_attn(cuda, &a, &err), &err);
	assert_fox_ok(fox_cuda_record_end(cuda, &program, &err), &err);
	for (size_t i = 0; i < FOX_COUNT(edges); i++) {
		m.s.pos = edges[i];
		assert_fox_ok(fox_cuda_upload(cuda, dpos, &edges[i], sizeof pos, &err), &err);
		assert_fox_ok(fox_cuda_play(cuda, program, &err), &err);
		float *got = cuda_test_get(cuda, dy, n), *want = attend(&m, 0, 1, 0);
		assert_memory_equal(got, want, n);
		free(got), free(want);
	}
	fox_cuda_program_free(cuda, program);
	fox_cuda_free(cuda, dpos), fox_cuda_free(cuda, dy), fox_cuda_free(cuda, scratch);
	forget(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(steps),
	    cmocka_unit_test(steps_of_odd_heads),
	    cmocka_unit_test(steps_with_windows_caps_and_slopes),
	    cmocka_unit_test(prompts),
	    cmocka_unit_test(prompts_with_windows_caps_and_slopes),
	    cmocka_unit_test(a_program_follows_the_position),
	};
	cuda = cuda_test_open();
	int failed = cmocka_run_group_tests_name("cuda attn", tests, NULL, NULL);
	fox_cuda_close(cuda);
	return failed;
}
