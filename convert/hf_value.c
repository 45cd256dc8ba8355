/* hf_value.c - paths into config.json and the words for what stands there. */
#include "convert/hf_value.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The value at a dotted path; NULL when any part is absent. */
const struct fox_value *fox_hf_at(const struct fox_value *v, struct fox_str path)
{
	while (v && path.n) {
		char name[64];
		const char *dot = memchr(path.p, '.', path.n);
		size_t n = dot ? (size_t)(dot - path.p) : path.n;
		assert(n < sizeof name); /* paths come from our tables */
		memcpy(name, path.p, n);
		name[n] = 0;
		v = fox_json_type(v) == FOX_JSON_OBJECT ? fox_json_get(v, name) : NULL;
		n += dot != NULL;
		path = (struct fox_str){path.p + n, path.n - n};
	}
	return v;
}

/* Digits enough to read back equal, and no exponent where people would not write one. */
static void real_text(char *out, size_t cap, double v)
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(out, cap, "%.*g", digits, v);
		if (strtod(out, NULL) == v)
			break;
	}
}

/* A value as a message shows it: 'text', number, true, false, null, "an array", "an object". */
const char *fox_hf_show(char out[256], const struct fox_value *v)
{
	struct fox_str s;
	int64_t i;
	double d;
	bool b;
	if (fox_json_str(v, &s))
		snprintf(out, 256, "'%.*s'", FOX_STR_ARG(s));
	else if (fox_json_i64(v, &i))
		snprintf(out, 256, "%" PRId64, i);
	else if (fox_json_f64(v, &d))
		real_text(out, 256, d);
	else if (fox_json_bool(v, &b))
		snprintf(out, 256, "%s", b ? "true" : "false");
	else
		snprintf(out, 256, "%s", fox_json_type_name(fox_json_type(v)));
	return out;
}

enum fox_status fox_hf_ill_typed(
    struct fox_str path, const struct fox_value *v, const char *want, struct fox_err *err)
{
	return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' is %s, want %s", FOX_STR_ARG(path),
	    fox_json_type_name(fox_json_type(v)), want);
}

enum fox_status fox_hf_unhandled(struct fox_str path, const struct fox_value *v, struct fox_err *err)
{
	char value[256];
	return fox_fail(
	    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'%.*s' is %s, which is not handled",
	    FOX_STR_ARG(path), fox_hf_show(value, v));
}

enum fox_status fox_hf_u32(
    struct fox_str path, const struct fox_value *v, uint32_t *out, struct fox_err *err)
{
	int64_t i;
	if (!fox_json_i64(v, &i))
		return fox_hf_ill_typed(path, v, "an integer", err);
	if (i < 1 || i > UINT32_MAX)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' is %" PRId64 ", want 1 to 4294967295",
		    FOX_STR_ARG(path), i);
	*out = (uint32_t)i;
	return FOX_OK;
}

enum fox_status fox_hf_positive(
    struct fox_str path, const struct fox_value *v, double *out, struct fox_err *err)
{
	char value[256];
	if (!fox_json_f64(v, out))
		return fox_hf_ill_typed(path, v, "a number", err);
	if ((float)*out > 0 && *out <= (double)FLT_MAX) /* what f32 rounds to 0 would count as not given */
		return FOX_OK;
	return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' is %s, want a number above 0", FOX_STR_ARG(path),
	    fox_hf_show(value, v));
}
