/* chat_ids.c - a rendered conversation to ids, so that what a turn says stays text.
 *
 * As a rule the whole is encoded at once, as the original does it. Only where the text of a turn holds, or helps to make, a
 * control token's text, the control tokens of the format are put by hand and all that lies between is encoded as plain text. */
#include "runtime/chat.h"

#include "format/base/map.h"

/* Texts that FOX_TOK_SPECIAL recognises. */
struct control {
	struct fox_arena arena;
	struct fox_map by_text;
	bool first[256];                    /* bytes that one begins with */
	bool length[FOX_TOK_MAX_PIECE + 1]; /* lengths there are */
	size_t longest;
};

static bool is_control(const struct fox_tokdata *d, uint32_t id)
{
	return d->piece[id].n && d->piece[id].n <= FOX_TOK_MAX_PIECE &&
	       (d->type[id] == FOX_TOK_CONTROL || d->type[id] == FOX_TOK_UNKNOWN);
}

static enum fox_status index_control(struct control *c, const struct fox_tokdata *d, struct fox_err *err)
{
	size_t n = 0;
	for (uint32_t id = 0; id < d->n; id++)
		n += is_control(d, id);
	if (!fox_map_init(&c->by_text, &c->arena, n))
		return fox_fail_nomem(err);
	for (uint32_t id = 0; id < d->n; id++) {
		if (!is_control(d, id))
			continue;
		struct fox_str s = d->piece[id];
		fox_map_put(&c->by_text, s, id);
		c->first[(uint8_t)s.p[0]] = c->length[s.n] = true;
		c->longest = s.n > c->longest ? s.n : c->longest;
	}
	return FOX_OK;
}

/* The longest control token at `at` that ends by `end`; *n is its length, 0 when there is none. */
static uint32_t control_at(const struct control *c, struct fox_str s, size_t at, size_t end, size_t *n)
{
	size_t most = end - at < c->longest ? end - at : c->longest;
	for (*n = c->first[(uint8_t)s.p[at]] ? most : 0; *n; --*n) {
		uint32_t id =
		    c->length[*n] ? fox_map_find(&c->by_text, (struct fox_str){s.p + at, *n}) : FOX_MAP_NONE;
		if (id != FOX_MAP_NONE)
			return id;
	}
	return FOX_MAP_NONE;
}

/* Does a control token's text lie, wholly or in part, in the text of a turn? */
static bool forged(const struct control *c, const struct fox_chat_text *t, struct fox_str s)
{
	size_t k = 0, n;
	for (size_t at = 0; at < s.n; at++) {
		while (k < t->n_spans && t->spans[k].to <= at)
			k++;
		if (k == t->n_spans)
			return false;
		control_at(
		    c, s, at, s.n, &n); /* the longest: a shorter one inside a span is found here or further on */
		if (n && at + n > t->spans[k].from)
			return true;
	}
	return false;
}

static enum fox_status plain(struct fox_tok_ids *out, const struct fox_tok *tok, struct fox_str s,
    size_t from, size_t to, struct fox_err *err)
{
	if (from == to)
		return FOX_OK;
	return fox_tok_encode(tok, out, (struct fox_str){s.p + from, to - from}, FOX_TOK_NO_BOS, err);
}

/* The control tokens that lie outside every span as ids, the rest as text. */
static enum fox_status apart(struct fox_tok_ids *out, const struct control *c, const struct fox_tok *tok,
    const struct fox_chat_text *t, struct fox_str s, struct fox_err *err)
{
	enum fox_status st = FOX_OK;
	size_t from = 0, k = 0, n;
	for (size_t at = 0; at < s.n && !st;) {
		while (k < t->n_spans && t->spans[k].to <= at)
			k++;
		size_t end = k < t->n_spans ? t->spans[k].from : s.n;
		if (at >= end) {
			at = t->spans[k].to;
			continue;
		}
		control_at(c, s, at, end, &n);
		if (!n) {
			at++;
			continue;
		}
		/* an id is put by encoding its own text, where nothing else can be meant */
		if (!(st = plain(out, tok, s, from, at, err)))
			st = fox_tok_encode(
			    tok, out, (struct fox_str){s.p + at, n}, FOX_TOK_SPECIAL | FOX_TOK_NO_BOS, err);
		from = at += n;
	}
	return st ? st : plain(out, tok, s, from, s.n, err);
}

enum fox_status fox_chat_encode(struct fox_tok_ids *out, const struct fox_tok *tok,
    const struct fox_tokdata *data, const struct fox_chat_text *text, struct fox_err *err)
{
	struct control c = {0};
	struct fox_str s = fox_buf_view(&text->text);
	enum fox_status st = index_control(&c, data, err);
	if (!st)
		st = forged(&c, text, s) ? apart(out, &c, tok, text, s, err)
		                         : fox_tok_encode(tok, out, s, FOX_TOK_SPECIAL | FOX_TOK_NO_BOS, err);
	fox_arena_free(&c.arena);
	return st;
}

enum fox_status fox_chat_stop(
    const struct fox_chat *chat, const struct fox_tokdata *data, int32_t *id, struct fox_err *err)
{
	struct control c = {0};
	struct fox_str end = fox_chat_end(chat);
	enum fox_status st = index_control(&c, data, err);
	size_t n = 0;
	*id = FOX_TOK_NONE;
	for (size_t at = 0; !st && at < end.n && !n; at++) {
		uint32_t found = control_at(&c, end, at, end.n, &n);
		if (n)
			*id = (int32_t)found;
	}
	fox_arena_free(&c.arena);
	return st;
}
