/* dump.c - what a container lists: its keys with their values, its tensors. */
#include "inspect/inspect.h"

#define KEYS_SHOWN 8u /* elements of an array in the list of keys */
#define KEY_SHOWN 40u /* and of an array that was asked for by name */
#define HEX_LINE 32u  /* bytes of an array of u8 on a line: those are hashes or opaque data, not numbers */

/* What the list function of a key needs. */
struct kv_list {
	const struct fox_gguf *g;
	const struct fox_gguf_kv *kv;
};

static bool next_value(const void *ctx, uint64_t *cursor, struct fox_cell *out)
{
	const struct kv_list *x = ctx;
	struct fox_str s;
	uint64_t u;
	int64_t i;
	double f;
	bool b;
	if (x->kv->item == FOX_GGUF_STR) {
		if (!fox_gguf_next_str(x->g, x->kv, cursor, &s))
			return false;
		*out = fox_cell_quoted(s);
		return true;
	}
	if (*cursor >= x->kv->n_items)
		return false;
	if (fox_gguf_item_u64(x->g, x->kv, *cursor, &u))
		*out = fox_cell_u64(u);
	else if (fox_gguf_item_i64(x->g, x->kv, *cursor, &i))
		*out = fox_cell_i64(i);
	else if (fox_gguf_item_f64(x->g, x->kv, *cursor, &f))
		*out = x->kv->item == FOX_GGUF_F32 ? fox_cell_f32((float)f) : fox_cell_exact(f);
	else if (fox_gguf_item_bool(x->g, x->kv, *cursor, &b))
		*out = fox_cell_bool(b);
	else
		return false;
	++*cursor;
	return true;
}

static bool is_bytes(const struct fox_gguf_kv *kv)
{
	return kv->type == FOX_GGUF_ARR && kv->item == FOX_GGUF_U8;
}

/* The first `n` bytes of an array of u8, which have no byte order. */
static struct fox_cell bytes_cell(const struct fox_gguf_kv *kv, uint64_t n)
{
	n = n < kv->n_items ? n : kv->n_items; /* at most FOX_GGUF_MAX_ITEMS */
	return (struct fox_cell){
	    .kind = n < kv->n_items ? FOX_CELL_BEGIN : FOX_CELL_HEX, .n = (uint32_t)n, .hex = kv->raw.p};
}

/* An array of u8 a line at a time. */
static bool next_line(const void *ctx, uint64_t *cursor, struct fox_cell *out)
{
	const struct kv_list *x = ctx;
	uint64_t left = x->kv->n_items - *cursor;
	if (!left)
		return false;
	uint32_t n = left < HEX_LINE ? (uint32_t)left : HEX_LINE;
	*out = (struct fox_cell){.kind = FOX_CELL_HEX, .n = n, .hex = x->kv->raw.p + *cursor};
	*cursor += n;
	return true;
}

/* The elements of a key as a list; its context lives in the report. */
static bool value_list(struct fox_report *r, const struct fox_gguf *g, const struct fox_gguf_kv *kv,
    uint64_t shown, struct fox_list *out)
{
	struct kv_list *ctx = fox_arena_alloc(&r->arena, 1, sizeof *ctx);
	if (!ctx) {
		r->failed = true;
		return false;
	}
	*ctx = (struct kv_list){g, kv};
	*out = (struct fox_list){next_value, ctx, kv->n_items, shown < kv->n_items ? shown : kv->n_items};
	return true;
}

struct fox_cell fox_look_value(
    struct fox_report *r, const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t shown)
{
	struct kv_list one = {g, kv};
	struct fox_cell cell = fox_cell_none();
	struct fox_list list;
	uint64_t cursor = 0;
	if (kv->type != FOX_GGUF_ARR) {
		next_value(&one, &cursor, &cell);
		return cell;
	}
	if (is_bytes(kv))
		return bytes_cell(kv, shown > HEX_LINE ? shown : HEX_LINE);
	return value_list(r, g, kv, shown, &list) ? fox_cell_list(r, &list) : cell;
}

struct fox_cell fox_look_value_type(struct fox_report *r, const struct fox_gguf_kv *kv)
{
	const char *name = fox_gguf_type_name(kv->item);
	if (kv->type != FOX_GGUF_ARR)
		return fox_cell_cstr(name);
	return fox_cell_fmt(r, "%s[%llu]", name, (unsigned long long)kv->n_items);
}

/* One key on its own: strings with their lines, arrays one element a line. */
static enum fox_status look_key(struct fox_report *r, const struct fox_look *look, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(look->g, look->name);
	struct fox_list list;
	struct fox_str s;
	uint64_t cursor = 0;
	if (!kv)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no key '%s'", look->name);
	r->whole = true;
	fox_report_field(r, "key", NULL, fox_cell_str(kv->key));
	fox_report_field(r, "type", NULL, fox_cell_cstr(fox_gguf_type_name(kv->item)));
	fox_report_field(r, "array", NULL, fox_cell_bool(kv->type == FOX_GGUF_ARR));
	fox_report_field(r, "n", NULL, fox_cell_u64(kv->n_items));
	uint64_t shown = look->all ? UINT64_MAX : look->count == FOX_LOOK_UNSET ? KEY_SHOWN : look->count;
	if (is_bytes(kv)) {
		fox_report_field(
		    r, "value", NULL, bytes_cell(kv, look->count == FOX_LOOK_UNSET ? UINT64_MAX : look->count));
		if (value_list(r, look->g, kv, shown, &list)) {
			list.next = next_line;
			list.n = (kv->n_items + HEX_LINE - 1) / HEX_LINE;
			list.shown = shown < list.n ? shown : list.n;
			fox_report_list(r, NULL, &list, true);
		}
	} else if (kv->type == FOX_GGUF_ARR) {
		if (value_list(r, look->g, kv, shown, &list))
			fox_report_list(r, "value", &list, true);
	} else if (kv->type == FOX_GGUF_STR && fox_gguf_next_str(look->g, kv, &cursor, &s)) {
		fox_report_block(r, "value", s);
	} else if (value_list(r, look->g, kv, 1, &list)) {
		fox_report_field(r, "value", NULL, fox_look_value(r, look->g, kv, 1));
		fox_report_list(r, NULL, &list, true);
	}
	return FOX_OK;
}

enum fox_status fox_look_keys(struct fox_report *r, struct fox_look *look, struct fox_err *err)
{
	static const struct fox_column columns[] = {
	    {"key", "key", false, false},
	    {NULL, "type", false, false},
	    {"type", NULL, false, false},
	    {"n", NULL, false, false},
	    {"value", "value", false, true},
	};
	if (look->name)
		return look_key(r, look, err);
	uint64_t shown = look->all ? UINT64_MAX : look->count == FOX_LOOK_UNSET ? KEYS_SHOWN : look->count;
	r->whole = look->all;
	struct fox_table *table = fox_report_table(r, "keys", columns, FOX_COUNT(columns));
	for (size_t i = 0; i < fox_gguf_keys(look->g); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(look->g, i);
		const struct fox_cell row[] = {fox_cell_str(kv->key), fox_look_value_type(r, kv),
		    fox_cell_cstr(fox_gguf_type_name(kv->item)),
		    kv->type == FOX_GGUF_ARR ? fox_cell_u64(kv->n_items) : fox_cell_none(),
		    fox_look_value(r, look->g, kv, shown)};
		fox_report_row(r, table, row);
	}
	return FOX_OK;
}

enum fox_status fox_look_tensors(struct fox_report *r, struct fox_look *look, struct fox_err *err)
{
	static const struct fox_column columns[] = {
	    {"name", "tensor", false, false},
	    {"type", "type", false, false},
	    {"shape", "shape", false, false},
	    {"parameters", NULL, false, false},
	    {"bytes", "bytes", true, false},
	    {"offset", "offset", true, false},
	    {"xxh3", NULL, false, false},
	    {"file", "file", true, false}, /* of a set, counted from 1; the offset is in it */
	};
	(void)err;
	char count[32], parameters[32], size[32];
	uint64_t bytes, weights;
	struct fox_table *table = fox_report_table(
	    r, "tensors", columns, FOX_COUNT(columns) - (fox_gguf_parts(look->g) == 1));
	for (size_t i = 0; i < fox_gguf_tensors(look->g); i++) {
		const struct fox_tensor *t = fox_gguf_tensor(look->g, i);
		const struct fox_type_info *info = fox_type_info(t->type);
		const struct fox_cell row[] = {fox_cell_str(t->name), fox_cell_cstr(info ? info->name : NULL),
		    fox_cell_shape(r, t->dim, t->n_dims), fox_cell_u64(t->n_elems), fox_cell_bytes(t->data.n),
		    fox_cell_u64(t->at), t->hash ? fox_cell_hex(r, t->hash->b, sizeof t->hash->b) : fox_cell_none(),
		    fox_cell_u64((uint64_t)t->part + 1)};
		fox_report_row(r, table, row);
	}
	fox_look_totals(look->g, &bytes, &weights);
	fox_report_root(r);
	fox_report_field(r, "parameters", NULL, fox_cell_u64(weights));
	fox_report_field(r, "bytes", NULL, fox_cell_u64(bytes));
	fox_report_line(r, "%s tensor%s, %s parameters, %s", fox_count_text(count, fox_gguf_tensors(look->g)),
	    fox_gguf_tensors(look->g) == 1 ? "" : "s", fox_count_text(parameters, weights),
	    fox_show_bytes(size, bytes));
	return FOX_OK;
}
