/* search.c - rows through the searches: every block by itself, or column by column with feedback. */
#include "kernels/search.h"

#include <assert.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/search_block.h"

bool fox_search_has(enum fox_type type)
{
	return fox_scheme_of(type) != NULL;
}

static float error_of(enum fox_type type, const void *block, const float *x, const float *w, size_t n)
{
	float y[FOX_SEARCH_LEN], sum = 0;
	fox_kernels()->decode[type](y, block, n);
	for (size_t i = 0; i < n; i++)
		sum += w[i] * (y[i] - x[i]) * (y[i] - x[i]);
	return sum;
}

/* The search may miss what the plain encoder hits (a block of few values, say): the better of the two stays. */
static void encode_block(uint8_t *out, const struct fox_scheme *c, const float *x, const float *w,
    const struct fox_type_info *info)
{
	struct fox_search_block b;
	uint8_t found[sizeof(struct fox_q6_k)];
	fox_kernels()->encode[c->type](out, x, info->elems);
	if (!fox_all_finite(x, info->elems))
		return;
	fox_search_block(&b, c, x, w);
	fox_search_store(found, c, &b);
	if (!(error_of(c->type, out, x, w, info->elems) <= error_of(c->type, found, x, w, info->elems)))
		memcpy(out, found, info->bytes);
}

void fox_search_wide(enum fox_type type, void *dst, const float *src, const float *importance, size_t n)
{
	const struct fox_scheme *c = fox_scheme_of(type);
	const struct fox_type_info *info = fox_type_info(type);
	assert(c && n % info->elems == 0);
	float same[FOX_SEARCH_LEN];
	for (int i = 0; i < FOX_SEARCH_LEN; i++)
		same[i] = 1;
	uint8_t *out = dst;
	for (size_t i = 0; i < n; i += info->elems, out += info->bytes)
		encode_block(out, c, src + i, importance ? importance + i : same, info);
}

/* ---- with feedback */

/* The rows that go through the factor together: each of its rows is then read once for all of them. */
struct panel {
	const struct fox_scheme *c;
	size_t n_rows, cols;
	const float *factor;
	float *x; /* [n_rows][cols]: weights with all errors so far taken back */
	struct fox_search_block block[FOX_SEARCH_ROWS];
};

/* Column k of all rows: round, and hand the error on. */
static void round_column(struct panel *p, size_t k, int i)
{
	const float *row = p->factor + k * p->cols;
	for (size_t r = 0; r < p->n_rows; r++) {
		struct fox_search_block *b = &p->block[r];
		float *x = p->x + r * p->cols;
		int j = i / p->c->len;
		float s = b->d * (float)b->scale[j], m = b->dmin * (float)b->min[j];
		b->v[i] = fox_search_nearest(p->c, s != 0 ? (x[k] + m) / s : 0);
		float e = (x[k] - fox_search_value(b, p->c, i)) / row[k];
		fox_kernels()->axpy(x + k + 1, -e, row + k + 1, p->cols - k - 1);
	}
}

/* The error that stays when the later columns have made up for this one's. */
static void importance_at(float *w, const struct panel *p, size_t k, int n)
{
	for (int i = 0; i < n; i++) {
		float f = p->factor[(k + (size_t)i) * (p->cols + 1)];
		w[i] = 1 / (f * f);
	}
}

static void encode_panel(struct panel *p, uint8_t *dst)
{
	const struct fox_type_info *info = fox_type_info(p->c->type);
	size_t row_bytes = p->cols / info->elems * info->bytes;
	float w[FOX_SEARCH_LEN];
	for (size_t at = 0; at < p->cols; at += info->elems, dst += info->bytes) {
		importance_at(w, p, at, p->c->n * p->c->len);
		for (size_t r = 0; r < p->n_rows; r++)
			fox_search_block(&p->block[r], p->c, p->x + r * p->cols + at, w);
		for (int i = 0; i < p->c->n * p->c->len; i++) {
			int j = i / p->c->len;
			for (size_t r = 0; i % p->c->len == 0 && i > 0 && r < p->n_rows; r++)
				fox_search_sub(&p->block[r], p->c, j, p->x + r * p->cols + at + i, w + i);
			round_column(p, at + (size_t)i, i);
		}
		for (size_t r = 0; r < p->n_rows; r++)
			fox_search_store(dst + r * row_bytes, p->c, &p->block[r]);
	}
}

void fox_search_feedback(enum fox_type type, void *dst, const float *src, size_t n_rows, size_t cols,
    const float *factor, float *work)
{
	const struct fox_type_info *info = fox_type_info(type);
	struct panel p = {.c = fox_scheme_of(type), .cols = cols, .factor = factor, .x = work};
	assert(p.c && cols % info->elems == 0);
	uint8_t *out = dst;
	for (size_t r = 0; r < n_rows; r += p.n_rows) {
		p.n_rows = n_rows - r < FOX_SEARCH_ROWS ? n_rows - r : FOX_SEARCH_ROWS;
		memcpy(work, src + r * cols, p.n_rows * cols * sizeof *work);
		encode_panel(&p, out + r * (cols / info->elems * info->bytes));
	}
}
