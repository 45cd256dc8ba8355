/* ver_tokwant.c - walks the SentencePiece protobuf in its own way, only the fields that a container shows, and lays the
 * JSON files over it.
 *
 * What llama.cpp's files look like is the expectation: USER_DEFINED pieces stand as NORMAL unless a JSON file adds
 * them, added pieces score -1000, rows without a piece are "[PAD{i}]".  spec/tokenizer.md 2 */
#include "inspect/ver_tokwant.h"

#include <stdarg.h>
#include <stdio.h>

#include "format/base/num.h"
#include "format/tokdata.h"

enum { MAX_FILE = 64 << 20, MAX_TOKENIZER_JSON = 256 << 20 };

/* ---- protobuf, as far as it is needed here */

static bool varint(struct fox_wire *w, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; shift < 64 && w->p < w->end; shift += 7) {
		uint8_t b = *w->p++;
		*out |= (uint64_t)(b & 127) << shift;
		if (b < 128)
			return true;
	}
	return false;
}

/* Step to the next field. 1: there is one; 0: the end; -1: no protobuf. */
int fox_wire_next(struct fox_wire *w)
{
	uint64_t tag, n;
	if (w->p == w->end)
		return 0;
	if (!varint(w, &tag))
		return -1;
	w->field = (uint32_t)(tag >> 3);
	w->kind = tag & 7;
	if (w->kind == 0)
		return varint(w, &w->number) ? 1 : -1;
	n = w->kind == 1 ? 8 : w->kind == 5 ? 4 : 0;
	if (w->kind == 2 ? !varint(w, &n) : !n)
		return -1;
	if (n > (uint64_t)(w->end - w->p))
		return -1;
	w->bytes = (struct fox_str){(const char *)w->p, (size_t)n};
	w->p += n;
	return 1;
}

struct fox_wire fox_wire_of(struct fox_str s)
{
	return (struct fox_wire){.p = (const uint8_t *)s.p, .end = (const uint8_t *)s.p + s.n};
}

static bool read_piece(struct fox_want *x, struct fox_str message)
{
	struct fox_wire w = fox_wire_of(message);
	uint32_t i = x->n_pieces;
	int more;
	x->piece[i] = (struct fox_str){"", 0};
	x->type[i] = FOX_TOK_NORMAL;
	while ((more = fox_wire_next(&w)) == 1) {
		if (w.field == 1 && w.kind == 2)
			x->piece[i] = w.bytes;
		else if (w.field == 2 && w.kind == 5)
			x->score[i] = fox_load_f32(w.bytes.p);
		else if (w.field == 3 && w.kind == 0) {
			x->user[i] = w.number == FOX_TOK_USER;
			x->type[i] = x->user[i] ? FOX_TOK_NORMAL : (int32_t)(w.number & 255);
		}
	}
	if (x->type[i] == FOX_TOK_UNKNOWN && x->unk == FOX_MAP_NONE)
		x->unk = i;
	x->n_pieces++;
	return more == 0;
}

/* normalizer_spec: field 2 is precompiled_charsmap, field 3 add_dummy_prefix, field 4 remove_extra_whitespaces; both of these
 * are true unless said. */
static bool read_normalizer(struct fox_want *x, struct fox_str message)
{
	struct fox_wire w = fox_wire_of(message);
	int more;
	while ((more = fox_wire_next(&w)) == 1) {
		if (w.field == 3 && w.kind == 0)
			x->dummy_prefix = w.number;
		else if (w.field == 4 && w.kind == 0)
			x->extra_whitespaces = w.number;
		else if (w.field == 2 && w.kind == 2)
			x->charsmap = w.bytes;
	}
	return more == 0;
}

/* trainer_spec: field 3 is model_type, 1 (Unigram) unless said, 2 BPE; there are kinds that no container can hold. */
static bool read_trainer(struct fox_want *x, struct fox_str message)
{
	struct fox_wire w = fox_wire_of(message);
	int more;
	while ((more = fox_wire_next(&w)) == 1)
		if (w.field == 3 && w.kind == 0)
			x->model = w.number == 1 ? "t5" : w.number == 2 ? "llama" : NULL;
	return more == 0;
}

/* How many pieces; -1: no protobuf. */
int64_t fox_want_count(struct fox_str text)
{
	struct fox_wire w = fox_wire_of(text);
	int64_t n = 0;
	int more;
	while ((more = fox_wire_next(&w)) == 1)
		n += w.field == 1 && w.kind == 2;
	return more ? -1 : n;
}

/* Room for all pieces has been made. */
static bool read_model(struct fox_want *x, struct fox_str text)
{
	struct fox_wire w = fox_wire_of(text);
	int more;
	x->dummy_prefix = x->extra_whitespaces = true;
	x->unk = FOX_MAP_NONE;
	x->model = "t5";
	x->scores = true;
	while ((more = fox_wire_next(&w)) == 1) {
		if (w.field == 1 && w.kind == 2 && !read_piece(x, w.bytes))
			return false;
		if (w.field == 2 && w.kind == 2 && !read_trainer(x, w.bytes))
			return false;
		if (w.field == 3 && w.kind == 2 && !read_normalizer(x, w.bytes))
			return false;
	}
	return more == 0;
}

/* ---- the JSON files */

const struct fox_value *fox_want_root(const struct fox_json *j)
{
	return j ? fox_json_root(j) : NULL;
}

static enum fox_status load(
    struct fox_json **out, struct fox_source *src, const char *name, uint64_t limit, struct fox_err *err)
{
	struct fox_str text;
	enum fox_status s = fox_source_read_file(src, name, limit, &text, err);
	if (!s && text.p && (s = fox_json_parse(out, text, err)))
		fox_in_file(err, name);
	return s;
}

enum fox_status fox_want_open(struct fox_want_docs *d, struct fox_source *src, struct fox_err *err)
{
	enum fox_status s;
	bool flag;
	const char *fast = d->fast_name ? d->fast_name : "tokenizer.json";
	if ((s = load(&d->tokenizer, src, "tokenizer_config.json", MAX_FILE, err)) ||
	    (s = load(&d->special, src, "special_tokens_map.json", MAX_FILE, err)) ||
	    (s = load(&d->added, src, "added_tokens.json", MAX_FILE, err)) ||
	    (s = load(&d->template, src, "chat_template.json", MAX_FILE, err)))
		return s;
	if (!d->whole && fox_json_bool(fox_json_get(fox_want_root(d->tokenizer), "add_bos_token"), &flag) &&
	    fox_json_bool(fox_json_get(fox_want_root(d->tokenizer), "add_eos_token"), &flag))
		return FOX_OK;
	return load(
	    &d->fast, src, fast, MAX_TOKENIZER_JSON, err); /* large, so only where something asks for it */
}

void fox_want_close(struct fox_want_docs *d)
{
	fox_json_close(d->tokenizer);
	fox_json_close(d->special);
	fox_json_close(d->added);
	fox_json_close(d->template);
	fox_json_close(d->fast);
}

/* Tokens whose writers forgot to mark them special; llama.cpp calls them CONTROL by their look. */
bool fox_want_control(struct fox_str s)
{
	if (fox_str_is(s, "<pad>") || fox_str_is(s, "<mask>") || fox_str_is(s, "<2mass>") ||
	    fox_str_is(s, "[@BOS@]"))
		return true;
	return (fox_str_starts(s, "<|") && fox_str_ends(s, "|>")) ||
	       (fox_str_starts(s, "<unused") && fox_str_ends(s, ">")) ||
	       (fox_str_starts(s, "<\xEF\xBD\x9C") && fox_str_ends(s, "\xEF\xBD\x9C>"));
}

bool fox_want_put(struct fox_want *x, uint64_t id, struct fox_str text, int32_t type)
{
	char *copy;
	if (id >= x->n)
		return true;
	if (!(copy = fox_arena_strdup(&x->arena, text)))
		return false;
	if (type == FOX_TOK_USER) { /* blanks stand as blanks in what is matched before the model runs */
		size_t n = 0;
		for (size_t i = 0; i < text.n; n++) {
			bool blank = text.n - i >= 3 && !memcmp(text.p + i, "\xE2\x96\x81", 3);
			copy[n] = blank ? ' ' : text.p[i];
			i += blank ? 3 : 1;
		}
		text.n = n;
	}
	x->piece[id] = (struct fox_str){copy, text.n};
	x->score[id] = -1000;
	x->type[id] = type;
	x->user[id] = false;
	return true;
}

/* Does an added token take the whitespace on this side with it? What is looked for in normalised text does not here,
 * nor what must be a whole word. */
static bool takes(const struct fox_value *token, const char *side, bool special)
{
	bool on = false, whole_word = false, normalized;
	if (!fox_json_bool(fox_json_get(token, "normalized"), &normalized))
		normalized = !special;
	fox_json_bool(fox_json_get(token, "single_word"), &whole_word);
	return fox_json_bool(fox_json_get(token, side), &on) && on && !whole_word && !normalized;
}

static bool apply_added(struct fox_want *x, const struct fox_want_docs *d)
{
	struct fox_str key, text;
	const struct fox_value *v;
	uint64_t id;
	bool ok = true, special;
	for (void *it = NULL; ok && fox_json_next(fox_want_root(d->added), &it, &key, &v);)
		if (fox_json_u64(v, &id) && id < x->n) {
			char *copy = fox_arena_strdup(&x->arena, key);
			ok = copy != NULL;
			x->piece[id] = (struct fox_str){copy ? copy : "", key.n};
			x->score[id] = -1000;
			x->type[id] = FOX_TOK_USER;
			x->user[id] = false;
		}
	const struct fox_value *decoder = fox_json_get(fox_want_root(d->tokenizer), "added_tokens_decoder");
	for (void *it = NULL; ok && fox_json_next(decoder, &it, &key, &v);) {
		special = false;
		if (!fox_str_u64(key, &id) || !fox_json_str(fox_json_get(v, "content"), &text))
			continue;
		fox_json_bool(fox_json_get(v, "special"), &special);
		if (id < x->n) {
			x->lstrip[id] = takes(v, "lstrip", special);
			x->rstrip[id] = takes(v, "rstrip", special);
		}
		ok = fox_want_put(x, id, text, special || fox_want_control(text) ? FOX_TOK_CONTROL : FOX_TOK_USER);
	}
	return ok;
}

/* Rows of the embedding that the vocabulary has no piece for. */
bool fox_want_fill(struct fox_want *x)
{
	for (uint32_t i = 0; i < x->n; i++) {
		char filler[24];
		if (x->piece[i].p)
			continue;
		snprintf(filler, sizeof filler, "[PAD%u]", i);
		x->piece[i] = (struct fox_str){fox_arena_strdup(&x->arena, fox_str_of(filler)), strlen(filler)};
		x->score[i] = FOX_TOK_FILL_SCORE;
		x->type[i] = FOX_TOK_UNUSED;
		if (!x->piece[i].p)
			return false;
	}
	return true;
}

bool fox_want_room(struct fox_want *x)
{
	x->piece = fox_arena_alloc(&x->arena, x->n, sizeof *x->piece);
	x->score = fox_arena_alloc(&x->arena, x->n, sizeof *x->score);
	x->type = fox_arena_alloc(&x->arena, x->n, sizeof *x->type);
	x->user = fox_arena_alloc(&x->arena, x->n, sizeof *x->user);
	x->lstrip = fox_arena_alloc(&x->arena, x->n, sizeof *x->lstrip);
	x->rstrip = fox_arena_alloc(&x->arena, x->n, sizeof *x->rstrip);
	return x->piece && x->score && x->type && x->user && x->lstrip && x->rstrip;
}

/* Of rows with one text the first counts. */
bool fox_want_index(struct fox_want *x)
{
	if (!fox_map_init(&x->by_text, &x->arena, x->n))
		return false;
	for (uint32_t i = 0; i < x->n; i++)
		fox_map_put(&x->by_text, x->piece[i], i);
	return true;
}

bool fox_want_special(const struct fox_want_docs *d, const char *token, struct fox_str *out)
{
	const struct fox_value *const from[] = {fox_want_root(d->tokenizer), fox_want_root(d->special)};
	for (int i = 0; i < 2; i++) {
		const struct fox_value *v = fox_json_get(from[i], token); /* string or object */
		if (fox_json_str(v, out) || fox_json_str(fox_json_get(v, "content"), out))
			return true;
	}
	return false;
}

void fox_want_fail(struct fox_verify *v, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fox_find_add(&v->found, FOX_FAIL, "source.tokenizer", key, "%s", text);
}

enum fox_status fox_want_build(
    struct fox_want *x, struct fox_str model, const struct fox_want_docs *d, struct fox_err *err)
{
	if (!fox_want_room(x))
		return fox_fail_nomem(err);
	if (!read_model(x, model)) {
		fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "not a SentencePiece model");
		return fox_in_file(err, "tokenizer.model"), FOX_E_FORMAT;
	}
	if (!x->model)
		return fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "a SentencePiece model that is neither Unigram nor BPE");
	return fox_want_fill(x) && apply_added(x, d) && fox_want_index(x) ? FOX_OK : fox_fail_nomem(err);
}
