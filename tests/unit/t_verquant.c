/* t_verquant.c - quantized tensors against their source: blocks taken apart as kernels read them; what every quantizer makes
 * of all kinds of rows is within the limits; what is no rounding of the source is not. */
#include "tests/test.h"

#include <math.h>

#include "format/base/num.h"
#include "inspect/ver_block.h"
#include "inspect/ver_quant.h"
#include "kernels/kernels.h"

enum { COLS = 1024, ROWS = 24 };

static double uniform(uint64_t *seed)
{
	return ((double)test_rand(seed) + 0.5) / 2147483648.0;
}

static double normal(uint64_t *seed)
{
	return sqrt(-2 * log(uniform(seed))) * cos(6.283185307179586 * uniform(seed));
}

static bool is_tried(int type)
{
	return fox_ver_block_known((enum fox_type)type) && fox_kernels()->encode[type];
}

/* ---- taken apart */

/* Any bytes: what groups say is what decode gives, but for its rounding to f32. */
static void decoders(void **state)
{
	(void)state;
	uint64_t seed = 9;
	size_t known = 0, compared = 0;
	for (int type = 0; type < FOX_TYPE_LIMIT; type++) {
		if (!fox_ver_block_known((enum fox_type)type) || !fox_kernels()->decode[type])
			continue;
		const struct fox_type_info *info = fox_type_info((uint32_t)type);
		known++;
		for (int turn = 0; turn < 200; turn++) {
			struct fox_ver_group g[FOX_VER_BLOCK_GROUPS];
			uint8_t block[256];
			float want[256];
			uint32_t at = 0;
			for (uint32_t i = 0; i < info->bytes; i++)
				block[i] = (uint8_t)test_rand(&seed);
			if (type == FOX_MXFP4)
				block[0] = (uint8_t)(64 + block[0] % 128); /* within f32 */
			fox_kernels()->decode[type](want, block, info->elems);
			uint32_t n = fox_ver_block((enum fox_type)type, block, g);
			for (uint32_t k = 0; k < n; at += g[k++].n)
				for (uint32_t i = 0; i < g[k].n; i++) {
					double y = g[k].a * g[k].value[g[k].rank[i]] + g[k].b, x = (double)want[at + i];
					assert_true(g[k].rank[i] < g[k].n_values);
					if (isfinite(x) && !(fabs(x - y) <= 1e-6 * (fabs(g[k].a) * 128 + fabs(g[k].b))))
						fail_msg("%s: weight %u: %.9g, want %.9g", info->name, at + i, y, x);
					compared += isfinite(x);
				}
			assert_int_equal(at, info->elems);
		}
	}
	assert_int_equal(known, 14);
	assert_true(compared > 200000);
}

/* ---- honest quantizers */

enum rows { NORMAL, HEAVY, EVEN, POSITIVE, AROUND_ONE, SPARSE, MILLIONTH, SMALL, LARGE, ZEROS, N_ROWS };

static double value(enum rows kind, uint64_t *seed)
{
	double z = normal(seed);
	switch (kind) {
	case NORMAL:
		return 0.02 * z;
	case HEAVY: /* Student's t with 3 degrees of freedom */
		return 0.02 * z / sqrt((pow(normal(seed), 2) + pow(normal(seed), 2) + pow(normal(seed), 2)) / 3);
	case EVEN:
		return 0.04 * uniform(seed) - 0.02;
	case POSITIVE:
		return 0.02 * fabs(z);
	case AROUND_ONE:
		return 1 + 0.05 * z;
	case SPARSE:
		return uniform(seed) < 0.03 ? 0.02 * z : 0.00002 * z;
	case MILLIONTH: /* below what f16 scales reach */
		return 1e-8 * z;
	case SMALL:
		return 1e-4 * z;
	case LARGE:
		return 1e3 * z;
	default:
		return 0;
	}
}

struct tensor {
	double x[ROWS][COLS];
	uint8_t y[ROWS][COLS * 2];
	size_t row_bytes;
	enum fox_type type;
};

static struct tensor *made(int type, enum rows kind, const float *importance)
{
	static struct tensor t;
	static float row[COLS];
	uint64_t seed = 1 + kind, bytes = 0;
	t.type = (enum fox_type)type;
	assert_true(fox_type_row_bytes(t.type, COLS, &bytes));
	t.row_bytes = (size_t)bytes;
	for (int r = 0; r < ROWS; r++) {
		for (int i = 0; i < COLS; i++) {
			row[i] = (float)value(kind, &seed);
			t.x[r][i] = (double)row[i];
		}
		if (importance)
			fox_kernels()->encode_weighted[type](t.y[r], row, importance, COLS);
		else
			fox_kernels()->encode[type](t.y[r], row, COLS);
	}
	return &t;
}

static struct fox_ver_quant counted(const struct tensor *t, enum fox_ver_rounding how)
{
	struct fox_ver_quant q = {.how = how};
	for (uint64_t r = 0; r < ROWS; r++) { /* each row in two parts, as readers may */
		struct fox_ver_quant one = {.how = how};
		fox_ver_quant_blocks(&one, t->type, r, 0, t->y[r], t->x[r], COLS / 2);
		fox_ver_quant_blocks(
		    &one, t->type, r, COLS / 2, t->y[r] + t->row_bytes / 2, t->x[r] + COLS / 2, COLS / 2);
		fox_ver_quant_end_row(&one, r);
		fox_ver_quant_merge(&q, &one);
	}
	return q;
}

static void honest(void **state)
{
	(void)state;
	char text[320] = "";
	size_t tried = 0;
	for (int type = 0; type < FOX_TYPE_LIMIT; type++)
		for (int kind = 0; is_tried(type) && kind < N_ROWS; kind++, tried++) {
			struct fox_ver_quant q = counted(made(type, (enum rows)kind, NULL), FOX_VER_NEAREST);
			if (!fox_ver_quant_judge(&q, (enum fox_type)type, text))
				fail_msg("%s, rows %d: %s", fox_type_info((uint32_t)type)->name, kind, text);
			assert_int_equal(q.n, ROWS * COLS);
			assert_int_equal(q.farthest, 0);
		}
	assert_int_equal(tried, 14 * N_ROWS);
}

/* Importance of all kinds, with many columns that have none: weights are then within the limits, which are wider. */
static void weighted(void **state)
{
	(void)state;
	static float importance[COLS];
	char text[320] = "";
	size_t not_nearest = 0;
	for (int type = 0; type < FOX_TYPE_LIMIT; type++)
		for (int kind = 0; is_tried(type) && fox_kernels()->encode_weighted[type] && kind < N_ROWS; kind++)
			for (int dead = 0; dead < 2; dead++) {
				uint64_t seed = 77;
				for (int i = 0; i < COLS; i++)
					importance[i] =
					    dead && uniform(&seed) < 0.7 ? 0 : (float)exp((dead ? 3 : 1.5) * normal(&seed));
				struct fox_ver_quant q = counted(made(type, (enum rows)kind, importance), FOX_VER_WEIGHTED);
				if (!fox_ver_quant_judge(&q, (enum fox_type)type, text))
					fail_msg(
					    "%s, rows %d, dead %d: %s", fox_type_info((uint32_t)type)->name, kind, dead, text);
				not_nearest += q.n_off[0] + q.n_off[1] + q.n_off[2];
				q.how = FOX_VER_NEAREST;
				if (q.farthest)
					assert_false(fox_ver_quant_judge(&q, (enum fox_type)type, text));
			}
	assert_true(not_nearest > 1000);
}

/* ---- faults */

static void swap_bytes(uint8_t *a, uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = a[i];
		a[i] = b[i], b[i] = c;
	}
}

static void rows_exchanged(struct tensor *t)
{
	swap_bytes(t->y[3], t->y[17], t->row_bytes);
}

static void all_rows_turned(struct tensor *t)
{
	for (int r = 0; r + 1 < ROWS; r++)
		swap_bytes(t->y[r], t->y[r + 1], t->row_bytes);
}

/* As if a head's halves of a permuted matrix stood in the source's order: here by columns. */
static void halves_exchanged(struct tensor *t)
{
	for (int r = 0; r < ROWS; r++)
		swap_bytes(t->y[r], t->y[r] + t->row_bytes / 2, t->row_bytes / 2);
}

/* 256 columns with their neighbours, in one row: one block of the K types, several of the others. */
static void blocks_exchanged(struct tensor *t)
{
	swap_bytes(t->y[5], t->y[5] + t->row_bytes / 4, t->row_bytes / 4);
}

static void zeroed(struct tensor *t)
{
	memset(t->y, 0, sizeof t->y);
}

static void negated(struct tensor *t)
{
	for (int r = 0; r < ROWS; r++)
		for (int i = 0; i < COLS; i++)
			t->x[r][i] = -t->x[r][i];
}

static void tenth_larger(struct tensor *t)
{
	for (int r = 0; r < ROWS; r++)
		for (int i = 0; i < COLS; i++)
			t->x[r][i] *= t->type == FOX_Q2_K || t->type == FOX_MXFP4 || t->type == FOX_NVFP4 ? 1.3 : 1.1;
}

static void transposed(struct tensor *t)
{
	for (int r = 0; r < ROWS; r++)
		for (int i = 0; i < r; i++) {
			double c = t->x[r][i];
			t->x[r][i] = t->x[i][r], t->x[i][r] = c;
		}
}

static void source_nan(struct tensor *t)
{
	t->x[2][100] = (double)NAN;
}

static const struct {
	const char *name;
	void (*put)(struct tensor *t);
	bool always; /* found whatever the rounding; else what it excuses may hide it */
} faults[] = {
    {"rows exchanged", rows_exchanged, true},
    {"all rows moved", all_rows_turned, true},
    {"halves of rows exchanged", halves_exchanged, true},
    {"two blocks exchanged", blocks_exchanged, false},
    {"zeros", zeroed, true},
    {"negated", negated, true},
    {"a tenth larger", tenth_larger, false},
    {"a corner transposed", transposed, false},
    {"NaN in the source", source_nan, true},
};

static void found(void **state)
{
	(void)state;
	for (int type = 0; type < FOX_TYPE_LIMIT; type++)
		for (size_t f = 0; is_tried(type) && f < FOX_COUNT(faults); f++)
			for (int how = FOX_VER_NEAREST; how <= FOX_VER_FED_BACK; how++) {
				char text[320] = "";
				struct tensor *t = made(type, NORMAL, NULL);
				faults[f].put(t);
				struct fox_ver_quant q = counted(t, (enum fox_ver_rounding)how);
				bool right = fox_ver_quant_judge(&q, t->type, text);
				if (right && (how == FOX_VER_NEAREST || faults[f].always))
					fail_msg("%s: not found: %s, rounding %d", fox_type_info((uint32_t)type)->name,
					    faults[f].name, how);
			}
}

/* One weight off by one value, in each place of a block. */
static void one_weight(void **state)
{
	(void)state;
	for (int type = 0; type < FOX_TYPE_LIMIT; type++) {
		if (!is_tried(type))
			continue;
		const struct fox_type_info *info = fox_type_info((uint32_t)type);
		struct tensor *t = made(type, NORMAL, NULL);
		struct fox_ver_group g[FOX_VER_BLOCK_GROUPS];
		uint32_t n = fox_ver_block(t->type, t->y[4], g), at = 0;
		for (uint32_t k = 0; k < n; at += g[k++].n)
			for (uint32_t i = 0; i < g[k].n; i++) {
				char text[320] = "", want[320];
				uint32_t to = g[k].rank[i] ? g[k].rank[i] - 1u : 1u;
				double was = t->x[4][at + i];
				if (!(g[k].a < 0) && !(g[k].a > 0))
					continue;
				/* the source is moved, not the block: there the weight's bits are */
				t->x[4][at + i] = g[k].a * g[k].value[to] + g[k].b;
				struct fox_ver_quant q = counted(t, FOX_VER_NEAREST);
				assert_false(fox_ver_quant_judge(&q, t->type, text));
				snprintf(want, sizeof want,
				    "1 of %d weights are not the nearest that their scales give, the farthest by 1; first "
				    "at row 4, "
				    "column %u",
				    ROWS * COLS, at + i);
				assert_string_equal(text, want);
				t->x[4][at + i] = was;
			}
		assert_int_equal(at, info->elems);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decoders),
	    cmocka_unit_test(honest),
	    cmocka_unit_test(weighted),
	    cmocka_unit_test(found),
	    cmocka_unit_test(one_weight),
	};
	return cmocka_run_group_tests_name("verquant", tests, NULL, NULL);
}
