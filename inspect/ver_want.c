/* ver_want.c - what config.json makes each field of the key table, in the verifier's own reading.
 *
 * By its own words, in any spelling; else by the family's default; else by the family's rule (heads divide the width).
 * Sizes that config.json has only as multiples of the width are worked out here.  spec/verify.md 3.5 */
#include <math.h>
#include <stdint.h>

#include "inspect/verify.h"

#define FIELD(f) offsetof(struct fox_hparams, f)

const struct fox_value *fox_ver_spelled(
    const struct fox_value *config, const char *list, struct fox_str *spelling)
{
	while (fox_arch_next(&list, spelling)) {
		const struct fox_value *v = fox_ver_dig(config, *spelling);
		if (v)
			return v;
	}
	*spelling = fox_str_of("default");
	return NULL;
}

/*
 * A width from a multiple of the model's: the multiple of `divisor` below or at half a divisor more, at least one; and one
 * more when that lost over a tenth.  source: corenet, utils/math_utils.py make_divisible
 */
static double made_divisible(double v, double divisor)
{
	double n = floor(floor(v + divisor / 2) / divisor) * divisor;
	n = n > divisor ? n : divisor;
	return n < 0.9 * v ? n + divisor : n;
}

static double multiplied(const struct fox_ver_pair *p, double times)
{
	return made_divisible(
	    times * fox_ver_field(p, FIELD(d_model), 0), fox_ver_field(p, FIELD(ff_divisor), 0));
}

/* What config.json implies for rows that it does not spell out; 0: nothing. */
static double implied(const struct fox_arch_key *row, const struct fox_ver_pair *p, uint64_t layer)
{
	if (row->field == FIELD(n_kv_heads))
		return fox_ver_field(p, FIELD(n_heads), layer);
	if (row->field == FIELD(rope_dims))
		return (double)p->rope.dims;
	if (row->preset != 0)
		return row->preset;
	if (row->field == FIELD(d_ff))
		return p->arch->traits.ff_multiple * fox_ver_field(p, FIELD(d_model), 0);
	return row->field == FIELD(head_dim) ? (double)p->head_dim : 0;
}

bool fox_ver_want(const struct fox_ver_pair *p, const struct fox_arch_key *row, uint64_t layer, double *out,
    struct fox_str *by)
{
	const struct fox_value *v = row->config ? fox_ver_spelled(p->config, row->config, by) : NULL;
	bool flag, multiples = row->type == FOX_K_MULTIPLES;
	if (!row->config)
		*by = fox_str_of("the family's rule");
	if (!v)
		return (*out = implied(row, p, layer)) > 0;
	if (fox_json_bool(v, &flag)) {
		*out = flag;
		return row->type == FOX_K_BOOL;
	}
	if (fox_json_type(v) == FOX_JSON_ARRAY) {
		if (!fox_arch_per_layer(row) || fox_json_size(v) != p->h->n_layers ||
		    !fox_json_f64(fox_json_at(v, layer), out))
			return false;
	} else if (!fox_json_f64(v, out)) {
		return false;
	}
	if (multiples)
		*out = multiplied(p, *out);
	return true;
}

/* The width over the number of heads, where each layer has the same. */
static double shared_out(const struct fox_ver_pair *p)
{
	double width = fox_ver_field(p, FIELD(d_model), 0), heads = fox_ver_field(p, FIELD(n_heads), 0);
	double head = heads > 0 ? width / heads : 0;
	return head == floor(head) ? head : 0;
}

double fox_ver_field(const struct fox_ver_pair *p, size_t field, uint64_t layer)
{
	struct fox_str by;
	double out;
	for (size_t i = 0; i < p->arch->n_keys; i++)
		if (p->arch->keys[i].field == field && fox_ver_want(p, &p->arch->keys[i], layer, &out, &by))
			return out;
	return field == FIELD(head_dim) ? shared_out(p) : 0;
}

const struct fox_arch_key *fox_ver_row_of(const struct fox_verify *v, const struct fox_ver_pair *p,
    size_t field, char key[96], const struct fox_gguf_kv **kv)
{
	for (size_t i = 0; i < p->arch->n_keys; i++) {
		const struct fox_arch_key *row = &p->arch->keys[i];
		if (row->field != field || !row->key || !fox_arch_expand(key, 96, row->key, p->arch, 0))
			continue;
		*kv = fox_gguf_find_key(v->g, key);
		return row;
	}
	return NULL;
}

bool fox_ver_item(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, double *out)
{
	uint64_t u;
	bool b;
	if (fox_gguf_item_u64(g, kv, i, &u)) {
		*out = (double)u;
		return true;
	}
	if (fox_gguf_item_bool(g, kv, i, &b)) {
		*out = b;
		return true;
	}
	return fox_gguf_item_f64(g, kv, i, out);
}

/* The points half-way to the neighbours are exact in doubles; `want` may be off by a few of its own last bits, so a
 * number that lies on such a point has two answers. */
bool fox_ver_is_f32(double want, double got)
{
	float f = (float)got;
	if ((double)f != got || !(want > 0))
		return false;
	double low = ((double)f + (double)nextafterf(f, -INFINITY)) / 2,
	       high = ((double)f + (double)nextafterf(f, INFINITY)) / 2;
	return want >= low - fabs(low) * 0x1p-50 && want <= high + fabs(high) * 0x1p-50;
}
