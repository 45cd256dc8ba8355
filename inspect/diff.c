/* diff.c - what differs between two containers: keys, tensors, values. Order, padding (and fox.pad, which is padding),
 * alignment, version and byte order are the container's business, not the model's: they do not count. */
#include "inspect/inspect.h"

#include "format/profile.h"
#include "inspect/values.h"

#define ITEMS_SHOWN 4u /* of an array that differs */

struct diff {
	struct fox_report *r;
	const struct fox_gguf *a, *b;
	struct fox_table *json, *text; /* where the current half goes */
	uint64_t n_keys, n_tensors;    /* that differ */
};

/* Do two keys hold the same type and values, whatever the byte order of their files? */
static bool same_value(const struct diff *d, const struct fox_gguf_kv *x, const struct fox_gguf_kv *y)
{
	if (x->type != y->type || x->item != y->item || x->n_items != y->n_items)
		return false;
	if (fox_gguf_header(d->a)->big_endian == fox_gguf_header(d->b)->big_endian)
		return x->raw.n == y->raw.n && !memcmp(x->raw.p, y->raw.p, x->raw.n);
	if (x->item == FOX_GGUF_STR) {
		struct fox_str s, t;
		uint64_t i = 0, k = 0;
		while (fox_gguf_next_str(d->a, x, &i, &s))
			if (!fox_gguf_next_str(d->b, y, &k, &t) || !fox_str_eq(s, t))
				return false;
		return true;
	}
	uint32_t size = fox_gguf_type_bytes(x->item);
	for (uint64_t i = 0; i < x->n_items; i++)
		for (uint32_t k = 0; k < size; k++)
			if (x->raw.p[i * size + k] != y->raw.p[i * size + size - 1 - k])
				return false;
	return true;
}

static struct fox_cell key_text(struct diff *d, const struct fox_gguf *g, const struct fox_gguf_kv *kv)
{
	return kv ? fox_look_value(d->r, g, kv, ITEMS_SHOWN) : fox_cell_cstr("(absent)");
}

/* One key that differs; x or y is NULL when the key is absent there. */
static void key_row(struct diff *d, const struct fox_gguf_kv *x, const struct fox_gguf_kv *y)
{
	const struct fox_gguf_kv *any = x ? x : y;
	const struct fox_cell none = fox_cell_none();
	const struct fox_cell types[2] = {
	    x ? fox_look_value_type(d->r, x) : none, y ? fox_look_value_type(d->r, y) : none};
	const struct fox_cell json[] = {fox_cell_str(any->key), fox_cell_cstr(x ? y ? "both" : "a" : "b"),
	    types[0], types[1], x ? fox_look_value(d->r, d->a, x, ITEMS_SHOWN) : none,
	    y ? fox_look_value(d->r, d->b, y, ITEMS_SHOWN) : none};
	const struct fox_cell first[] = {
	    fox_cell_str(any->key), fox_cell_cstr("a"), x ? types[0] : fox_cell_cstr(""), key_text(d, d->a, x)};
	const struct fox_cell second[] = {
	    fox_cell_cstr(""), fox_cell_cstr("b"), y ? types[1] : fox_cell_cstr(""), key_text(d, d->b, y)};
	fox_report_row(d->r, d->json, json);
	fox_report_row(d->r, d->text, first);
	fox_report_row(d->r, d->text, second);
	d->n_keys++;
}

/* The key of that name; NULL when absent. Names in a container are not NUL-terminated, hence the copy. */
static const struct fox_gguf_kv *find_key(struct diff *d, const struct fox_gguf *in, struct fox_str key)
{
	struct fox_cell copy = fox_cell_copy(d->r, key);
	return copy.kind == FOX_CELL_STR ? fox_gguf_find_key(in, copy.s) : NULL;
}

/* Keys about the files and not about the model: how they are padded, and where one model stands in several of them, how it is
 * cut and what their headers' hashes are. */
static bool is_of_files(const struct diff *d, struct fox_str key)
{
	bool set = fox_gguf_parts(d->a) > 1 || fox_gguf_parts(d->b) > 1;
	return fox_str_is(key, FOX_KEY_PAD) || (set && (fox_str_starts(key, "split.") || fox_str_starts(key, "fox.hash.")));
}

static void diff_keys(struct diff *d)
{
	static const struct fox_column json[] = {{"key", NULL, false, false}, {"in", NULL, false, false},
	    {"a_type", NULL, false, false}, {"b_type", NULL, false, false}, {"a", NULL, false, false},
	    {"b", NULL, false, false}};
	static const struct fox_column text[] = {{NULL, "key", false, false}, {NULL, "", false, false},
	    {NULL, "type", false, false}, {NULL, "value", false, true}};
	d->json = fox_report_table(d->r, "keys", json, FOX_COUNT(json));
	d->text = fox_report_table(d->r, NULL, text, FOX_COUNT(text));
	for (size_t i = 0; i < fox_gguf_keys(d->a); i++) {
		const struct fox_gguf_kv *x = fox_gguf_key(d->a, i), *y = find_key(d, d->b, x->key);
		if ((!y || !same_value(d, x, y)) && !is_of_files(d, x->key))
			key_row(d, x, y);
	}
	for (size_t i = 0; i < fox_gguf_keys(d->b); i++) {
		const struct fox_gguf_kv *y = fox_gguf_key(d->b, i);
		if (!find_key(d, d->a, y->key) && !is_of_files(d, y->key))
			key_row(d, NULL, y);
	}
}

static const char *type_name(const struct fox_tensor *t)
{
	const struct fox_type_info *info = fox_type_info(t->type);
	return info ? info->name : "unknown";
}

static bool same_shape(const struct fox_tensor *x, const struct fox_tensor *y)
{
	return x->n_dims == y->n_dims && !memcmp(x->dim, y->dim, sizeof x->dim);
}

/* "bf16", or "bf16 256 x 2048" where the shape matters; NULL: "-". */
static struct fox_cell tensor_text(struct diff *d, const struct fox_tensor *t, bool shape)
{
	if (!t)
		return fox_cell_none();
	struct fox_buf b = {0};
	fox_buf_str(&b, type_name(t));
	for (uint32_t i = 0; i < t->n_dims && shape; i++)
		fox_buf_fmt(&b, "%s%llu", i ? " x " : " ", (unsigned long long)t->dim[i]);
	if (b.failed)
		d->r->failed = true;
	struct fox_cell cell = fox_cell_copy(d->r, b.p ? fox_buf_view(&b) : fox_str_of(""));
	fox_buf_free(&b);
	return cell;
}

/* One tensor that differs; x or y is NULL when it is absent there; far is NULL when values were not compared. */
static void tensor_row(
    struct diff *d, const struct fox_tensor *x, const struct fox_tensor *y, const struct fox_distance *far)
{
	const struct fox_tensor *any = x ? x : y;
	const struct fox_cell none = fox_cell_none(), name = fox_cell_str(any->name);
	bool shape = !x || !y || !same_shape(x, y);
	const struct fox_cell json[] = {name, fox_cell_cstr(x ? y ? "both" : "a" : "b"),
	    x ? fox_cell_cstr(type_name(x)) : none, y ? fox_cell_cstr(type_name(y)) : none,
	    x ? fox_cell_shape(d->r, x->dim, x->n_dims) : none,
	    y ? fox_cell_shape(d->r, y->dim, y->n_dims) : none, far ? fox_cell_u64(far->n) : none,
	    far ? fox_cell_exact(far->max_abs) : none, far && far->max_abs > 0 ? fox_cell_u64(far->max_at) : none,
	    far ? fox_cell_u64(far->n_alien) : none, far ? fox_cell_exact(far->nmse) : none};
	bool bytes_only = !far && !shape; /* same type and shape, values that this build cannot read */
	const struct fox_cell text[] = {name, tensor_text(d, x, shape), tensor_text(d, y, shape),
	    far ? fox_cell_count(far->n) : fox_cell_cstr(bytes_only ? "bytes" : "-"),
	    far ? fox_cell_f64(far->max_abs) : none, far ? fox_cell_f64(far->nmse) : none};
	fox_report_row(d->r, d->json, json);
	fox_report_row(d->r, d->text, text);
	d->n_tensors++;
}

static void diff_tensor(struct diff *d, const struct fox_tensor *x, const struct fox_tensor *y)
{
	bool a_big = fox_gguf_header(d->a)->big_endian, b_big = fox_gguf_header(d->b)->big_endian;
	struct fox_distance far;
	if (!same_shape(x, y)) {
		tensor_row(d, x, y, NULL);
		return;
	}
	if (x->type == y->type && a_big == b_big && x->data.n == y->data.n &&
	    !memcmp(x->data.p, y->data.p, x->data.n))
		return;
	if (fox_values_readable(x, a_big, NULL) || fox_values_readable(y, b_big, NULL)) {
		tensor_row(d, x, y, NULL);
		return;
	}
	fox_values_distance(x, a_big, y, b_big, &far);
	if (x->type != y->type || far.n || a_big == b_big)
		tensor_row(d, x, y, &far); /* bytes that differ without a value: -0 for 0, another NaN */
}

static void diff_tensors(struct diff *d)
{
	static const struct fox_column json[] = {{"name", NULL, false, false}, {"in", NULL, false, false},
	    {"a_type", NULL, false, false}, {"b_type", NULL, false, false}, {"a_shape", NULL, false, false},
	    {"b_shape", NULL, false, false}, {"n_differ", NULL, false, false}, {"max_abs", NULL, false, false},
	    {"max_at", NULL, false, false}, {"n_not_finite", NULL, false, false}, {"nmse", NULL, false, false}};
	static const struct fox_column text[] = {{NULL, "tensor", false, false}, {NULL, "a", false, false},
	    {NULL, "b", false, false}, {NULL, "differ", true, false}, {NULL, "max abs", true, false},
	    {NULL, "nmse", true, false}};
	d->json = fox_report_table(d->r, "tensors", json, FOX_COUNT(json));
	d->text = fox_report_table(d->r, NULL, text, FOX_COUNT(text));
	for (size_t i = 0; i < fox_gguf_tensors(d->a); i++) {
		const struct fox_tensor *x = fox_gguf_tensor(d->a, i), *y = fox_gguf_find(d->b, x->name);
		if (y) {
			diff_tensor(d, x, y);
			fox_gguf_done_with(d->a, x->data); /* two mapped models need not become resident */
			fox_gguf_done_with(d->b, y->data);
		} else
			tensor_row(d, x, NULL, NULL);
	}
	for (size_t i = 0; i < fox_gguf_tensors(d->b); i++) {
		const struct fox_tensor *y = fox_gguf_tensor(d->b, i);
		if (!fox_gguf_find(d->a, y->name))
			tensor_row(d, NULL, y, NULL);
	}
}

enum fox_status fox_look_diff(struct fox_report *r, struct fox_look *look, struct fox_err *err)
{
	struct diff d = {.r = r, .a = look->g, .b = look->other};
	char keys[32], tensors[32];
	fox_report_field(r, "a", "a", fox_cell_cstr(look->path));
	fox_report_field(r, "b", "b", fox_cell_cstr(look->other_path));
	diff_keys(&d);
	diff_tensors(&d);
	look->bad = d.n_keys || d.n_tensors;
	fox_report_root(r);
	fox_report_field(r, "n_keys", NULL, fox_cell_u64(d.n_keys));
	fox_report_field(r, "n_tensors", NULL, fox_cell_u64(d.n_tensors));
	fox_report_field(r, "equal", NULL, fox_cell_bool(!look->bad));
	if (look->bad)
		fox_report_line(r, "keys that differ: %s, tensors: %s", fox_count_text(keys, d.n_keys),
		    fox_count_text(tensors, d.n_tensors));
	else
		fox_report_line(r, "equal in every key (%s) and every tensor (%s)",
		    fox_count_text(keys, fox_gguf_keys(d.a)), fox_count_text(tensors, fox_gguf_tensors(d.a)));
	return r->failed ? fox_fail_nomem(err) : FOX_OK;
}
