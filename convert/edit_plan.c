/* edit_plan.c - which keys there will be, which may not be touched, and what is recorded of it. spec/edit.md 1 to 3 */
#include "convert/edit_plan.h"

#include "format/base/num.h"
#include "format/profile.h"

/* ---- what may be changed */

/* Values that follow from the file, and fox's records of where it came from. */
static bool is_fixed(struct fox_str key)
{
	return fox_str_starts(key, "fox.") || fox_str_starts(key, "split.") ||
	       fox_str_is(key, "general.alignment");
}

/* Numbers that shapes of tensors show too, and lists whose places are token ids. */
static bool is_breaking(struct fox_str key)
{
	static const char *const whole[] = {"general.architecture", "tokenizer.ggml.model",
	    "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type",
	    "tokenizer.ggml.merges"};
	static const char *const ends[] = {".block_count", ".embedding_length", ".feed_forward_length",
	    ".vocab_size", ".attention.head_count", ".attention.head_count_kv", ".attention.key_length",
	    ".attention.value_length", ".expert_count"};
	for (size_t i = 0; i < FOX_COUNT(whole); i++)
		if (fox_str_is(key, whole[i]))
			return true;
	for (size_t i = 0; i < FOX_COUNT(ends); i++)
		if (fox_str_ends(key, ends[i]))
			return true;
	return false;
}

static enum fox_status touch(
    struct fox_edit_plan *p, const struct fox_edit_options *o, struct fox_str key, struct fox_err *err)
{
	enum fox_status s = fox_edit_key_check(key, err);
	if (!s && is_fixed(key))
		s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%.*s' is not for users to change", FOX_STR_ARG(key));
	if (!s && is_breaking(key) && !o->breaking)
		s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "key '%.*s' must agree with the weights or the vocabulary: --allow-breaking changes it all the "
		    "same",
		    FOX_STR_ARG(key));
	for (size_t i = 0; !s && i < p->n_touched; i++)
		if (fox_str_eq(p->touched[i], key))
			s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%.*s' is named twice", FOX_STR_ARG(key));
	if (!s)
		p->touched[p->n_touched++] = key;
	return s;
}

/* ---- the edits */

static struct fox_edit_row *row_of(const struct fox_edit_plan *p, struct fox_str key)
{
	for (size_t i = 0; i < p->n_rows; i++)
		if (!p->rows[i].gone && fox_str_eq(p->rows[i].kv.key, key))
			return &p->rows[i];
	return NULL;
}

static enum fox_status no_key(struct fox_str key, struct fox_err *err)
{
	return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no key '%.*s'", FOX_STR_ARG(key));
}

static enum fox_status remove_key(
    struct fox_edit_plan *p, const struct fox_edit_options *o, struct fox_str key, struct fox_err *err)
{
	enum fox_status s = touch(p, o, key, err);
	struct fox_edit_row *row = s ? NULL : row_of(p, key);
	if (s || !row)
		return s ? s : no_key(key, err);
	row->gone = true;
	return FOX_OK;
}

static enum fox_status rename_key(
    struct fox_edit_plan *p, const struct fox_edit_options *o, const char *text, struct fox_err *err)
{
	const char *equal = strchr(text, '=');
	if (!equal)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%.100s' is no OLD=NEW", text);
	struct fox_str from = {text, (size_t)(equal - text)}, to = fox_str_of(equal + 1);
	enum fox_status s = touch(p, o, from, err);
	if (!s)
		s = touch(p, o, to, err);
	if (s)
		return s;
	struct fox_edit_row *row = row_of(p, from);
	if (!row)
		return no_key(from, err);
	if (row_of(p, to))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%.*s' is there already", FOX_STR_ARG(to));
	row->kv.key = to;
	return FOX_OK;
}

static enum fox_status set_key(
    struct fox_edit_plan *p, const struct fox_edit_options *o, const char *text, struct fox_err *err)
{
	struct fox_gguf_kv kv;
	enum fox_status s = fox_edit_value(&kv, text, p->g, p->arena, err);
	if (!s)
		s = touch(p, o, kv.key, err);
	if (s)
		return s;
	struct fox_edit_row *row = row_of(p, kv.key);
	if (!row)
		row = &p->rows[p->n_rows++];
	row->kv = kv;
	return FOX_OK;
}

static enum fox_status edit(struct fox_edit_plan *p, const struct fox_edit_options *o, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < o->n_edits; i++)
		if (o->edits[i].what == FOX_EDIT_REMOVE)
			s = remove_key(p, o, fox_str_of(o->edits[i].text), err);
	for (size_t i = 0; !s && i < o->n_edits; i++)
		if (o->edits[i].what == FOX_EDIT_RENAME)
			s = rename_key(p, o, o->edits[i].text, err);
	for (size_t i = 0; !s && i < o->n_edits; i++)
		if (o->edits[i].what == FOX_EDIT_SET)
			s = set_key(p, o, o->edits[i].text, err);
	return s;
}

/* ---- the record: keys that are no longer what they were when the file was made */

static bool same_value(const struct fox_gguf_kv *a, const struct fox_gguf_kv *b)
{
	return a->type == b->type && a->item == b->item && a->n_items == b->n_items && a->raw.n == b->raw.n &&
	       !memcmp(a->raw.p, b->raw.p, a->raw.n);
}

/* 32 digits that stand for type and value; nothing for a key that is not there. */
static enum fox_status digest(
    struct fox_str *out, const struct fox_gguf_kv *kv, struct fox_arena *arena, struct fox_err *err)
{
	uint8_t head[16];
	*out = (struct fox_str){"", 0};
	if (!kv)
		return FOX_OK;
	char *hex = fox_arena_alloc(arena, FOX_HASH128_HEX + 1, 1);
	struct fox_xxh3_state *x = fox_xxh3_open();
	if (!hex || !x) {
		fox_xxh3_close(x);
		return fox_fail_nomem(err);
	}
	fox_store32(head, kv->type);
	fox_store32(head + 4, kv->item);
	fox_store64(head + 8, kv->n_items);
	fox_xxh3_add(x, head, sizeof head);
	fox_xxh3_add(x, kv->raw.p, kv->raw.n);
	struct fox_hash128 h = fox_xxh3_final(x);
	fox_xxh3_close(x);
	fox_hex(hex, h.b, sizeof h.b);
	*out = (struct fox_str){hex, FOX_HASH128_HEX};
	return FOX_OK;
}

static const struct fox_gguf_kv *find(const struct fox_gguf *g, struct fox_str key)
{
	for (size_t i = 0; i < fox_gguf_keys(g); i++)
		if (fox_str_eq(fox_gguf_key(g, i)->key, key))
			return fox_gguf_key(g, i);
	return NULL;
}

/* What earlier runs recorded, if that is what it must be. */
static const struct fox_gguf_kv *earlier(const struct fox_gguf *g, const struct fox_gguf_kv **were)
{
	const struct fox_gguf_kv *keys = fox_gguf_find_key(g, FOX_KEY_EDIT_KEYS);
	*were = fox_gguf_find_key(g, FOX_KEY_EDIT_WAS);
	bool good = keys && *were && keys->type == FOX_GGUF_ARR && (*were)->type == FOX_GGUF_ARR &&
	            keys->item == FOX_GGUF_STR && (*were)->item == FOX_GGUF_STR &&
	            keys->n_items == (*were)->n_items;
	return good ? keys : NULL;
}

/* Keep a record only of what is no longer as it was. */
static enum fox_status drop_undone(struct fox_edit_plan *p, struct fox_err *err)
{
	size_t kept = 0;
	for (size_t i = 0; i < p->n_records; i++) {
		const struct fox_edit_row *row = row_of(p, p->keys[i]);
		struct fox_str now;
		enum fox_status s = digest(&now, row ? &row->kv : NULL, p->arena, err);
		if (s)
			return s;
		if (fox_str_eq(now, p->were[i]))
			continue;
		p->keys[kept] = p->keys[i];
		p->were[kept++] = p->were[i];
	}
	p->n_records = kept;
	return FOX_OK;
}

static enum fox_status record(struct fox_edit_plan *p, struct fox_err *err)
{
	const struct fox_gguf_kv *were, *keys = earlier(p->g, &were);
	size_t n = (keys ? (size_t)keys->n_items : 0) + p->n_touched;
	uint64_t a = 0, b = 0;
	p->keys = fox_arena_alloc(p->arena, n, sizeof *p->keys);
	p->were = fox_arena_alloc(p->arena, n, sizeof *p->were);
	if (!p->keys || !p->were)
		return fox_fail_nomem(err);
	while (keys && fox_gguf_next_str(p->g, keys, &a, &p->keys[p->n_records]) &&
	       fox_gguf_next_str(p->g, were, &b, &p->were[p->n_records]))
		p->n_records++;
	for (size_t i = 0, had = p->n_records; i < p->n_touched; i++) {
		size_t k = 0;
		while (k < had && !fox_str_eq(p->keys[k], p->touched[i]))
			k++;
		if (k < had)
			continue;
		p->keys[p->n_records] = p->touched[i];
		enum fox_status s = digest(&p->were[p->n_records++], find(p->g, p->touched[i]), p->arena, err);
		if (s)
			return s;
	}
	return drop_undone(p, err);
}

enum fox_status fox_edit_plan(struct fox_edit_plan *p, const struct fox_gguf *g,
    const struct fox_edit_options *o, struct fox_arena *arena, struct fox_err *err)
{
	size_t n = fox_gguf_keys(g);
	*p = (struct fox_edit_plan){.g = g, .n_rows = n, .arena = arena};
	p->rows = fox_arena_alloc(arena, n + o->n_edits, sizeof *p->rows);
	p->touched = fox_arena_alloc(arena, 2 * o->n_edits, sizeof *p->touched);
	if (!p->rows || !p->touched)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n; i++) {
		p->rows[i].was = fox_gguf_key(g, i);
		p->rows[i].kv = *p->rows[i].was;
	}
	enum fox_status s = edit(p, o, err);
	for (size_t i = 0; i < p->n_rows; i++) {
		const struct fox_edit_row *row = &p->rows[i];
		p->changed |= row->gone || !row->was || !same_value(row->was, &row->kv) ||
		              !fox_str_eq(row->was->key, row->kv.key);
	}
	return s ? s : record(p, err);
}

/* ---- telling, and declaring */

static void show_type(struct fox_buf *b, const struct fox_gguf_kv *kv)
{
	if (kv->type == FOX_GGUF_ARR)
		fox_buf_fmt(b, "arr[%s]", fox_gguf_type_name(kv->item));
	else
		fox_buf_str(b, fox_gguf_type_name(kv->type));
	fox_buf_char(b, ' ');
}

static void show_row(struct fox_buf *b, const struct fox_edit_plan *p, const struct fox_edit_row *row)
{
	const struct fox_gguf_kv *was = row->was;
	bool renamed = was && !row->gone && !fox_str_eq(was->key, row->kv.key);
	if (was && !row->gone && !renamed && same_value(was, &row->kv))
		return;
	fox_buf_escaped(b, was ? was->key : row->kv.key, SIZE_MAX);
	fox_buf_str(b, row->gone ? ": removed, " : renamed ? ": renamed to " : was ? ": " : ": added, ");
	if (renamed) {
		fox_buf_escaped(b, row->kv.key, SIZE_MAX);
	} else {
		show_type(b, was ? was : &row->kv);
		fox_edit_show(b, p->g, was ? was : &row->kv);
	}
	if (was && !row->gone && !renamed) {
		fox_buf_str(b, " -> ");
		if (was->type != row->kv.type || was->item != row->kv.item)
			show_type(b, &row->kv);
		fox_edit_show(b, p->g, &row->kv);
	}
	fox_buf_char(b, '\n');
}

void fox_edit_plan_show(struct fox_buf *b, const struct fox_edit_plan *p)
{
	for (size_t i = 0; i < p->n_rows; i++)
		show_row(b, p, &p->rows[i]);
}

/* Keys that the new file has its own of. */
static bool is_dropped(const struct fox_edit_plan *p, const struct fox_gguf_kv *kv, bool as_written)
{
	uint64_t align;
	if (fox_str_starts(kv->key, "fox.hash.") || fox_str_is(kv->key, FOX_KEY_PAD) ||
	    fox_str_is(kv->key, FOX_KEY_EDIT_KEYS) || fox_str_is(kv->key, FOX_KEY_EDIT_WAS))
		return true;
	if (fox_str_is(kv->key, FOX_KEY_PROFILE) || fox_str_is(kv->key, FOX_KEY_VERSION))
		return !as_written;
	/* GGUF asks for 8 at least, and so does the writer */
	return fox_str_is(kv->key, "general.alignment") && fox_gguf_item_u64(p->g, kv, 0, &align) && align < 8;
}

enum fox_status fox_edit_declare(
    struct fox_gguf_writer *w, const struct fox_edit_plan *p, bool as_written, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < p->n_rows; i++)
		if (!p->rows[i].gone && !is_dropped(p, &p->rows[i].kv, as_written))
			s = fox_gguf_put_copy(w, p->g, &p->rows[i].kv, err);
	if (!s && p->n_records)
		s = fox_gguf_put_strings(w, FOX_KEY_EDIT_KEYS, p->keys, p->n_records, err);
	if (!s && p->n_records)
		s = fox_gguf_put_strings(w, FOX_KEY_EDIT_WAS, p->were, p->n_records, err);
	for (size_t i = 0; !s && i < fox_gguf_tensors(p->g); i++) {
		const struct fox_tensor *t = fox_gguf_tensor(p->g, i);
		s = fox_gguf_put_tensor(w, t->name, t->type, t->n_dims, t->dim, err);
		if (!s && as_written && t->hash)
			fox_gguf_set_hash(w, i, *t->hash);
	}
	return s;
}
