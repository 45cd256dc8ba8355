/* report_cell.c - single values of a report, and numbers as a person reads them. */
#include "inspect/report.h"

#include <math.h>
#include <stdlib.h>

struct fox_cell fox_cell_none(void)
{
	return (struct fox_cell){.kind = FOX_CELL_NONE};
}

/* Strings of containers end at 16 MiB (FOX_GGUF_MAX_STRING), so 32 bits hold any length; others are cut. */
static struct fox_cell string_cell(enum fox_cell_kind kind, struct fox_str s)
{
	return (struct fox_cell){.kind = kind, .n = s.n < UINT32_MAX ? (uint32_t)s.n : UINT32_MAX, .s = s.p};
}

struct fox_cell fox_cell_str(struct fox_str s)
{
	return string_cell(FOX_CELL_STR, s);
}

struct fox_cell fox_cell_cstr(const char *s)
{
	return s ? fox_cell_str(fox_str_of(s)) : fox_cell_none();
}

struct fox_cell fox_cell_quoted(struct fox_str s)
{
	return string_cell(FOX_CELL_QUOTED, s);
}

struct fox_cell fox_cell_u64(uint64_t v)
{
	return (struct fox_cell){.kind = FOX_CELL_U64, .u = v};
}

struct fox_cell fox_cell_count(uint64_t v)
{
	return (struct fox_cell){.kind = FOX_CELL_COUNT, .u = v};
}

struct fox_cell fox_cell_bytes(uint64_t v)
{
	return (struct fox_cell){.kind = FOX_CELL_BYTES, .u = v};
}

struct fox_cell fox_cell_i64(int64_t v)
{
	return (struct fox_cell){.kind = FOX_CELL_I64, .i = v};
}

struct fox_cell fox_cell_f32(float v)
{
	return (struct fox_cell){.kind = FOX_CELL_F32, .f = (double)v};
}

struct fox_cell fox_cell_f64(double v)
{
	return (struct fox_cell){.kind = FOX_CELL_F64, .f = v};
}

struct fox_cell fox_cell_exact(double v)
{
	return (struct fox_cell){.kind = FOX_CELL_EXACT, .f = v};
}

struct fox_cell fox_cell_bool(bool v)
{
	return (struct fox_cell){.kind = FOX_CELL_BOOL, .b = v};
}

char *fox_show_bytes(char out[32], uint64_t v)
{
	static const char *const unit[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	if (v < 1000) {
		snprintf(out, 32, "%u bytes", (unsigned)v);
		return out;
	}
	double x = (double)v / 1000;
	size_t u = 0;
	while (x >= 999.5 && u + 1 < FOX_COUNT(unit)) { /* what would be shown as 1000 goes to the next unit */
		x /= 1000;
		u++;
	}
	snprintf(out, 32, "%.*f %s", x < 9.995 ? 2 : x < 99.95 ? 1 : 0, x, unit[u]);
	return out;
}

/* NaN and infinities, or NULL for finite values. */
static const char *not_finite(double v)
{
	return isnan(v) ? "nan" : isinf(v) ? (v < 0 ? "-inf" : "inf") : NULL;
}

/* Whole numbers that need no exponent: 10000 rather than 1e+04. */
static bool small_integer(double v)
{
	return fabs(v) < 1e9 && v == floor(v);
}

char *fox_show_f32(char out[32], float v)
{
	const char *word = not_finite((double)v);
	if (word) {
		snprintf(out, 32, "%s", word);
		return out;
	}
	if (small_integer((double)v)) {
		snprintf(out, 32, "%.0f", (double)v);
		return out;
	}
	for (int digits = 1; digits <= 9; digits++) { /* 9 always suffice: IEEE 754 5.12.2 */
		snprintf(out, 32, "%.*g", digits, (double)v);
		if (strtof(out, NULL) == v)
			break;
	}
	return out;
}

char *fox_show_f64(char out[32], double v)
{
	const char *word = not_finite(v);
	if (word) {
		snprintf(out, 32, "%s", word);
		return out;
	}
	if (small_integer(v)) {
		snprintf(out, 32, "%.0f", v);
		return out;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(out, 32, "%.*g", digits, v);
		if (strtod(out, NULL) == v)
			break;
	}
	return out;
}
