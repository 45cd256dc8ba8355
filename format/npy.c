/* npy.c - magic, version, and the Python literal {'descr': ..., 'fortran_order': ..., 'shape': (...)}. */
#include "format/npy.h"

#include "format/base/num.h"
#include "format/base/str.h"

static const struct {
	const char *descr;
	enum fox_npy_kind kind;
	uint32_t bytes;
} kinds[] = {
    {"<f4", FOX_NPY_F32, 4},
    {"<f8", FOX_NPY_F64, 8},
    {"<i4", FOX_NPY_I32, 4},
    {"<i8", FOX_NPY_I64, 8},
};

/* A cursor over the literal; at is its offset in the file. */
struct cursor {
	const char *p, *end;
	uint64_t at;
	struct fox_err *err;
};

static enum fox_status bad(struct cursor *c, const char *what)
{
	return fox_fail(c->err, FOX_E_FORMAT, c->at, "npy header: %s", what);
}

static void step(struct cursor *c, size_t n)
{
	c->p += n;
	c->at += n;
}

static void blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\n'))
		step(c, 1);
}

static bool take(struct cursor *c, const char *word)
{
	size_t n = strlen(word);
	blanks(c);
	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n))
		return false;
	step(c, n);
	return true;
}

static enum fox_status quoted(struct cursor *c, struct fox_str *out)
{
	blanks(c);
	if (c->p == c->end || (*c->p != '\'' && *c->p != '"'))
		return bad(c, "expected a quoted string");
	const char *q = memchr(c->p + 1, *c->p, (size_t)(c->end - c->p - 1));
	if (!q)
		return bad(c, "string has no end");
	*out = (struct fox_str){c->p + 1, (size_t)(q - c->p - 1)};
	step(c, out->n + 2);
	return FOX_OK;
}

static enum fox_status read_descr(struct cursor *c, struct fox_npy *out)
{
	struct fox_str text;
	blanks(c);
	if (c->p < c->end && *c->p == '[')
		return fox_fail(c->err, FOX_E_UNSUPPORTED, c->at, "npy header: structured dtype");
	enum fox_status s = quoted(c, &text);
	if (s)
		return s;
	for (size_t i = 0; i < FOX_COUNT(kinds); i++) {
		if (fox_str_is(text, kinds[i].descr)) {
			out->kind = kinds[i].kind;
			out->item_bytes = kinds[i].bytes;
			return FOX_OK;
		}
	}
	return fox_fail(c->err, FOX_E_UNSUPPORTED, c->at, "npy header: dtype '%.*s', want <f4, <f8, <i4 or <i8",
	    FOX_STR_ARG(text));
}

static enum fox_status read_shape(struct cursor *c, struct fox_npy *out)
{
	bool comma = true;
	if (!take(c, "("))
		return bad(c, "shape is no tuple");
	out->n_dims = 0;
	for (; !take(c, ")"); comma = take(c, ",")) {
		const char *from = (blanks(c), c->p);
		while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
			step(c, 1);
		struct fox_str digits = {from, (size_t)(c->p - from)};
		if (!comma || !digits.n)
			return bad(c, "shape is not a tuple of whole numbers");
		if (out->n_dims == FOX_COUNT(out->dim))
			return bad(c, "shape has more than 8 dimensions");
		if (!fox_str_u64(digits, &out->dim[out->n_dims++]))
			return fox_fail(c->err, FOX_E_BOUND, c->at, "npy header: dimension does not fit 64 bits");
	}
	return FOX_OK;
}

static enum fox_status read_literal(struct cursor *c, struct fox_npy *out)
{
	enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
	unsigned seen = 0, this;
	bool comma = true;
	if (!take(c, "{"))
		return bad(c, "expected '{'");
	for (; !take(c, "}"); comma = take(c, ",")) {
		struct fox_str key;
		enum fox_status s = comma ? quoted(c, &key) : bad(c, "expected ','");
		if (s)
			return s;
		this = fox_str_is(key, "descr")           ? DESCR
		       : fox_str_is(key, "fortran_order") ? ORDER
		       : fox_str_is(key, "shape")         ? SHAPE
		                                          : 0;
		if (!this || seen & this)
			return bad(c, this ? "a key repeats" : "unknown key");
		seen |= this;
		if (!take(c, ":"))
			return bad(c, "expected ':'");
		if (this == ORDER && take(c, "True"))
			return fox_fail(c->err, FOX_E_UNSUPPORTED, c->at, "npy header: Fortran order");
		if (this == ORDER && !take(c, "False"))
			return bad(c, "fortran_order is neither True nor False");
		s = this == DESCR ? read_descr(c, out) : this == SHAPE ? read_shape(c, out) : FOX_OK;
		if (s)
			return s;
	}
	blanks(c);
	if (c->p != c->end)
		return bad(c, "text after the dictionary");
	return seen == (DESCR | ORDER | SHAPE) ? FOX_OK : bad(c, "descr, fortran_order or shape is missing");
}

enum fox_status fox_npy_parse(struct fox_npy *out, struct fox_span b, struct fox_err *err)
{
	*out = (struct fox_npy){0};
	if (b.n < 10)
		return fox_fail(err, FOX_E_TRUNCATED, b.n, "npy file ends inside its magic");
	if (memcmp(b.p, "\x93NUMPY", 6))
		return fox_fail(err, FOX_E_FORMAT, 0, "no npy magic");
	if (b.p[6] < 1 || b.p[6] > 3 || b.p[7])
		return fox_fail(err, FOX_E_UNSUPPORTED, 6, "npy version %u.%u", b.p[6], b.p[7]);
	size_t head = b.p[6] == 1 ? 10 : 12;
	if (b.n < head)
		return fox_fail(err, FOX_E_TRUNCATED, b.n, "npy file ends inside its header length");
	uint64_t n = b.p[6] == 1 ? fox_load16(b.p + 8) : fox_load32(b.p + 8);
	if (n > FOX_NPY_MAX_HEADER)
		return fox_fail(err, FOX_E_BOUND, 8, "npy header of %llu bytes, more than %u", (unsigned long long)n,
		    FOX_NPY_MAX_HEADER);
	if (n > b.n - head)
		return fox_fail(
		    err, FOX_E_TRUNCATED, 8, "npy header of %llu bytes ends past the file", (unsigned long long)n);
	struct cursor c = {(const char *)b.p + head, (const char *)b.p + head + n, head, err};
	enum fox_status s = read_literal(&c, out);
	if (s)
		return s;
	uint64_t bytes = out->item_bytes;
	out->n_items = 1;
	for (uint32_t i = 0; i < out->n_dims; i++)
		if (!fox_mul(&out->n_items, out->n_items, out->dim[i]) || !fox_mul(&bytes, bytes, out->dim[i]))
			return fox_fail(err, FOX_E_BOUND, head, "npy shape does not fit 64 bits");
	uint64_t left = b.n - head - n;
	if (left < bytes)
		return fox_fail(err, FOX_E_TRUNCATED, head + n, "npy data of %llu bytes, %llu are there",
		    (unsigned long long)bytes, (unsigned long long)left);
	if (left > bytes)
		return fox_fail(err, FOX_E_FORMAT, head + n + bytes, "%llu bytes after the npy data",
		    (unsigned long long)(left - bytes));
	out->data = (struct fox_span){b.p + head + n, (size_t)bytes};
	return FOX_OK;
}

int64_t fox_npy_i64(const struct fox_npy *a, uint64_t i)
{
	if (a->kind == FOX_NPY_I32)
		return (int32_t)fox_load32(a->data.p + 4 * i);
	return (int64_t)fox_load64(a->data.p + 8 * i);
}

double fox_npy_f64(const struct fox_npy *a, uint64_t i)
{
	if (a->kind == FOX_NPY_F32)
		return (double)fox_load_f32(a->data.p + 4 * i);
	if (a->kind == FOX_NPY_F64)
		return fox_load_f64(a->data.p + 8 * i);
	return (double)fox_npy_i64(a, i);
}
