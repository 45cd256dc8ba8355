/* misfit.c - names taken apart against the rows, and rows traced to the fields that rule them. */
#include "convert/misfit.h"

#include <stddef.h>
#include <string.h>

static struct fox_str first_name(const char *list)
{
	struct fox_str item = {0};
	if (list)
		fox_arch_next(&list, &item);
	return item;
}

/* What config.json calls a field of hparams; empty: it has no such field. */
static struct fox_str field_name(const struct fox_arch *arch, size_t field)
{
	for (size_t i = 0; i < arch->n_keys; i++)
		if (arch->keys[i].field == field && arch->keys[i].config)
			return first_name(arch->keys[i].config);
	return (struct fox_str){0};
}

/* The flag that decides whether a row is there, and what it says; empty: none does. */
static struct fox_str flag_of(const struct fox_misfit *m, const struct fox_arch_tensor *row, bool *value)
{
	const struct fox_arch *a = m->arch;
	const struct fox_hparams *h = m->hp;
	const struct {
		uint32_t how;
		struct fox_str name;
		bool value;
	} flags[] = {
	    {FOX_T_BIAS, first_name(a->bias_qkv), h->bias_qkv},
	    {FOX_T_BIAS_OUT, first_name(a->bias_out), h->bias_out},
	    {FOX_T_BIAS_FFN, first_name(a->bias_ffn), h->bias_ffn},
	    {FOX_T_SERIAL, field_name(a, offsetof(struct fox_hparams, parallel)), h->parallel},
	    {FOX_T_TIED_EMBED, first_name(a->tied), h->tied},
	};
	for (size_t i = 0; i < FOX_COUNT(flags); i++)
		if (row->how & flags[i].how) {
			*value = flags[i].value;
			return flags[i].name;
		}
	return (struct fox_str){0};
}

static bool begins(struct fox_str s, const char *p, size_t n)
{
	return s.n >= n && !memcmp(s.p, p, n);
}

/* Does the name stand for the pattern, in any layer? layer is UINT64_MAX for patterns without one. */
static bool matches(struct fox_str name, const char *pattern, uint64_t *layer)
{
	const char *l = strstr(pattern, "{l}");
	size_t before = l ? (size_t)(l - pattern) : strlen(pattern), i = before;
	*layer = UINT64_MAX;
	if (!begins(name, pattern, before))
		return false;
	if (!l)
		return name.n == before;
	for (*layer = 0; i < name.n && name.p[i] >= '0' && name.p[i] <= '9' && i < before + 9; i++)
		*layer = *layer * 10 + (uint64_t)(name.p[i] - '0');
	size_t rest = strlen(l + 3);
	return i > before && name.n - i == rest && !memcmp(name.p + i, l + 3, rest);
}

static const struct fox_arch_tensor *row_of(const struct fox_arch *a, struct fox_str name, uint64_t *layer)
{
	size_t prefix = a->prefix ? strlen(a->prefix) : 0;
	struct fox_str inner = name;
	if (prefix && begins(name, a->prefix, prefix))
		inner = (struct fox_str){name.p + prefix, name.n - prefix};
	for (size_t i = 0; i < a->n_tensors; i++)
		if (a->tensors[i].hf &&
		    (matches(name, a->tensors[i].hf, layer) || matches(inner, a->tensors[i].hf, layer)))
			return &a->tensors[i];
	return NULL;
}

uint64_t fox_misfit_layer(const struct fox_arch *arch, struct fox_str name)
{
	uint64_t layer;
	return row_of(arch, name, &layer) ? layer : UINT64_MAX;
}

void fox_misfit_missing(
    struct fox_buf *b, const struct fox_misfit *m, const struct fox_slot *slot, uint64_t layers)
{
	bool value = false, per_layer = slot->row->role >= FOX_R_PER_LAYER;
	struct fox_str flag = flag_of(m, slot->row, &value);
	struct fox_str count = field_name(m->arch, offsetof(struct fox_hparams, n_layers));
	fox_buf_fmt(b, "tensor '%s' is missing", slot->hf);
	if (per_layer && layers && slot->layer >= layers && count.n)
		fox_buf_fmt(b, ", which '%.*s' (%u) asks for", FOX_STR_ARG(count), m->hp->n_layers);
	else if (flag.n)
		fox_buf_fmt(b, ", which '%.*s' (%s) asks for", FOX_STR_ARG(flag), value ? "true" : "false");
}

void fox_misfit_extra(struct fox_buf *b, const struct fox_misfit *m, struct fox_str name)
{
	uint64_t layer;
	bool value = false;
	const struct fox_arch_tensor *row = row_of(m->arch, name, &layer);
	fox_buf_fmt(b, "tensor '%.*s' has no place in architecture '%s'", FOX_STR_ARG(name), m->arch->name);
	if (!row)
		return;
	struct fox_str flag = flag_of(m, row, &value);
	struct fox_str count = field_name(m->arch, offsetof(struct fox_hparams, n_layers));
	if (layer != UINT64_MAX && layer >= m->hp->n_layers && count.n)
		fox_buf_fmt(b, " with '%.*s' %u", FOX_STR_ARG(count), m->hp->n_layers);
	else if (flag.n && !(row->how & FOX_T_TIED_EMBED))
		fox_buf_fmt(b, " with '%.*s' %s", FOX_STR_ARG(flag), value ? "true" : "false");
}

/* ---- sizes */

static void add_shape(struct fox_buf *b, const uint64_t *dim, uint32_t n)
{
	fox_buf_char(b, '[');
	for (uint32_t i = 0; i < n; i++)
		fox_buf_fmt(b, "%s%llu", i ? ", " : "", (unsigned long long)dim[i]);
	fox_buf_char(b, ']');
}

/* The fields that a size is made of, each once over all sizes: seen is by position in the table. */
static void add_fields(struct fox_buf *b, const struct fox_arch *a, enum fox_dim d, bool seen[7])
{
#define F(f) offsetof(struct fox_hparams, f)
	static const struct {
		size_t field;
		uint32_t dims; /* bits 1 << enum fox_dim */
	} fields[] = {
	    {F(d_model), 1u << FOX_D_MODEL},
	    {F(n_vocab), 1u << FOX_D_VOCAB},
	    {F(n_heads), 1u << FOX_D_Q | 1u << FOX_D_QKV},
	    {F(n_kv_heads), 1u << FOX_D_KV | 1u << FOX_D_QKV},
	    {F(head_dim), 1u << FOX_D_Q | 1u << FOX_D_KV | 1u << FOX_D_QKV | 1u << FOX_D_HEAD},
	    {F(d_ff), 1u << FOX_D_FF | 1u << FOX_D_FF2},
	    {F(n_ctx), 1u << FOX_D_CTX},
	};
#undef F
	bool any = false;
	for (size_t i = 0; i < FOX_COUNT(fields); i++)
		any |= seen[i];
	for (size_t i = 0; i < FOX_COUNT(fields); i++) {
		struct fox_str name = field_name(a, fields[i].field);
		if (seen[i] || !name.n || !(fields[i].dims & 1u << d))
			continue;
		fox_buf_fmt(b, "%s'%.*s'", any ? ", " : " by ", FOX_STR_ARG(name));
		seen[i] = any = true;
	}
}

void fox_misfit_shape(struct fox_buf *b, const struct fox_misfit *m, const struct fox_slot *slot,
    const struct fox_src_tensor *t, const uint64_t *want, uint32_t n)
{
	const struct fox_arch_tensor *row = slot->row;
	bool turned = row->how & FOX_T_TRANSPOSE, seen[7] = {false};
	fox_buf_fmt(b, "tensor '%.*s' has shape ", FOX_STR_ARG(t->name));
	add_shape(b, t->shape, t->n_dims);
	fox_buf_str(b, ", want ");
	add_shape(b, want, n);
	for (uint32_t i = 0; i < n && t->n_dims == n; i++) {
		bool last = i == n - 1;
		if (t->shape[i] != want[i])
			add_fields(b, m->arch, last != (turned && n == 2) ? row->cols : row->rows, seen);
	}
}
