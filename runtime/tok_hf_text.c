/* tok_hf_text.c - ids to text by a pipeline's decoders, a stream of tokens at a time. See tok_hf.h.
 *
 * Decoders in front of Fuse look at one token each. Those behind it look at the whole text, which a stream does not
 * have: only what concerns its beginning can be done there, the rest is refused when the tokenizer is opened. */
#include <stdlib.h>

#include "format/base/hash.h"
#include "runtime/tok_hf_in.h"

static enum fox_status not_handled(struct fox_err *err, const char *what)
{
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "decoder: %s is not handled", what);
}

/* Whether the decoders come in an order that a stream can follow. */
static enum fox_status check_order(const struct tok_hf *h, struct fox_err *err)
{
	const struct fox_tokspec *spec = &h->spec;
	bool bytes = false;
	for (uint32_t i = 0; i < spec->n_decode; i++) {
		const struct fox_decode *p = &spec->decode[i];
		if (p->kind == FOX_DECODE_BYTE_LEVEL && spec->n_decode > 1)
			return not_handled(err, "ByteLevel beside others");
		if (bytes && p->kind != FOX_DECODE_FUSE && p->kind != FOX_DECODE_STRIP)
			return not_handled(err, "a decoder behind ByteFallback that changes text");
		if (i >= h->fuse_at && p->kind == FOX_DECODE_STRIP && p->stop)
			return not_handled(err, "Strip at the end of a whole text");
		if (i >= h->fuse_at && p->kind != FOX_DECODE_STRIP && p->kind != FOX_DECODE_FUSE)
			return not_handled(err, "a decoder behind Fuse other than Strip");
		bytes |= p->kind == FOX_DECODE_BYTE_FALLBACK;
	}
	return FOX_OK;
}

/* A token whose characters are all of the byte alphabet is those bytes, another is its own text. */
static bool put_bytes(struct tok_hf *h)
{
	const struct fox_tokdata *d = h->d;
	struct fox_buf b = {0};
	h->decoded = fox_arena_alloc(&h->arena, d->n, sizeof *h->decoded);
	for (uint32_t i = 0; i < d->n && h->decoded; i++) {
		fox_buf_clear(&b);
		h->decoded[i] = d->piece[i];
		if (!tok_chars_as_bytes(&b, d->piece[i]) || !b.n)
			continue;
		char *copy = fox_arena_strdup(&h->arena, fox_buf_view(&b));
		if (!copy) {
			h->decoded = NULL;
			break;
		}
		h->decoded[i] = (struct fox_str){copy, b.n};
	}
	bool good = h->decoded && !b.failed;
	fox_buf_free(&b);
	return good;
}

enum fox_status tok_hf_open_text(struct tok_hf *h, struct fox_err *err)
{
	const struct fox_tokspec *spec = &h->spec;
	h->is_special = fox_arena_alloc(&h->arena, h->d->n, 1);
	h->is_token = fox_arena_alloc(&h->arena, h->d->n, 1);
	if (!h->is_special || !h->is_token)
		return fox_fail_nomem(err);
	for (uint32_t i = 0; i < h->d->n; i++)
		h->is_token[i] = !tok_is_filler(h->d, i);
	for (uint32_t i = 0; i < spec->n_added; i++) {
		h->is_token[spec->added[i].id] = 1;
		h->is_special[spec->added[i].id] = spec->added[i].special;
	}
	while (h->fuse_at < spec->n_decode && spec->decode[h->fuse_at].kind != FOX_DECODE_FUSE)
		h->fuse_at++;
	enum fox_status s = check_order(h, err);
	for (uint32_t i = 0; i < spec->n_decode && !s; i++) {
		if (spec->decode[i].kind == FOX_DECODE_BYTE_LEVEL && !put_bytes(h))
			s = fox_fail_nomem(err);
		if (spec->decode[i].kind == FOX_DECODE_REPLACE)
			s = tok_regex_open(&h->decode_re[i], &spec->decode[i].pattern, err);
	}
	return s;
}

/* ---- one token */

static void metaspace(struct fox_buf *out, struct fox_str s, const struct fox_decode *p, bool first)
{
	struct fox_str mark = p->replacement;
	bool drop = first && p->prepend != FOX_PREPEND_NEVER; /* all of them, not only the first one */
	for (size_t i = 0; i < s.n;) {
		if (s.n - i >= mark.n && !memcmp(s.p + i, mark.p, mark.n)) {
			if (!drop)
				fox_buf_char(out, ' ');
			i += mark.n;
		} else {
			fox_buf_char(out, s.p[i++]);
		}
	}
}

static enum fox_status replace(struct fox_buf *out, struct fox_str s, const struct fox_decode *p,
    const struct fox_regex *re, struct fox_matcher *m, struct fox_err *err)
{
	struct tok_find f = {0};
	size_t done = 0;
	while (s.n) {
		enum fox_status st = tok_regex_next(re, m, s, &f, err);
		if (st)
			return st;
		if (f.over)
			break;
		fox_buf_add(out, s.p + done, f.from - done);
		fox_buf_add(out, p->content.p, p->content.n);
		done = f.to;
	}
	fox_buf_add(out, s.p + done, s.n - done);
	return FOX_OK;
}

static struct fox_str strip(struct fox_str s, const struct fox_decode *p)
{
	struct fox_str c = p->content;
	for (uint32_t k = 0; k < p->start && s.n >= c.n && !memcmp(s.p, c.p, c.n); k++) {
		s.p += c.n;
		s.n -= c.n;
	}
	for (uint32_t k = 0; k < p->stop && s.n >= c.n && !memcmp(s.p + s.n - c.n, c.p, c.n); k++)
		s.n -= c.n;
	return s;
}

/* As tokenizers reads "<0xNN>": hexadecimal of either case, or a '+' and one digit, as Rust's from_str_radix. */
static int fallback_byte(struct fox_str s)
{
	uint8_t byte;
	if (s.n != 6 || memcmp(s.p, "<0x", 3) || s.p[5] != '>')
		return -1;
	char digits[2] = {s.p[3] == '+' ? '0' : s.p[3], s.p[4]};
	return fox_unhex(&byte, (struct fox_str){digits, 2}, 1) ? byte : -1;
}

/* The text of a token up to Fuse. */
static enum fox_status token_text(
    const struct tok_hf *h, struct tok_hf_work *w, struct fox_str *text, bool first, struct fox_err *err)
{
	const struct fox_tokspec *spec = &h->spec;
	for (uint32_t i = 0, to = 0; i < h->fuse_at; i++) {
		const struct fox_decode *p = &spec->decode[i];
		struct fox_buf *b = &w->norm[to];
		enum fox_status s = FOX_OK;
		int byte = -1;
		if (p->kind == FOX_DECODE_STRIP) {
			*text = strip(*text, p);
			continue;
		}
		if (p->kind == FOX_DECODE_BYTE_FALLBACK) {
			byte = fallback_byte(*text);
			if (byte < 0)
				continue;
		}
		fox_buf_clear(b);
		fox_buf_str(b, "");
		if (p->kind == FOX_DECODE_METASPACE)
			metaspace(b, *text, p, first);
		else if (p->kind == FOX_DECODE_REPLACE)
			s = replace(b, *text, p, h->decode_re[i], w->matcher, err);
		else if (p->kind == FOX_DECODE_BYTE_FALLBACK)
			fox_buf_char(b, (char)byte);
		if (s)
			return s;
		if (b->failed)
			return fox_fail_nomem(err);
		*text = fox_buf_view(b);
		to = !to;
	}
	return FOX_OK;
}

static enum fox_status decode(const struct tok_hf *h, struct tok_hf_work *w, struct fox_buf *out,
    const int32_t *ids, size_t n, bool first, uint32_t flags, struct fox_err *err)
{
	const struct fox_tokspec *spec = &h->spec;
	for (size_t i = 0; i < n; i++) {
		int32_t id = ids[i];
		if (id < 0 || (uint32_t)id >= h->d->n)
			return fox_fail(
			    err, FOX_E_BOUND, FOX_NOWHERE, "token %d is outside the vocabulary of %u", id, h->d->n);
		if (!h->is_token[id] || (h->is_special[id] && !(flags & FOX_TOK_SPECIAL)))
			continue;
		struct fox_str text = h->decoded ? h->decoded[id] : h->d->piece[id];
		enum fox_status s = h->decoded ? FOX_OK : token_text(h, w, &text, first, err);
		if (s)
			return s;
		if (!spec->n_decode && !first)
			fox_buf_char(out, ' ');
		fox_buf_add(out, text.p, text.n);
		first = false;
	}
	return FOX_OK;
}

enum fox_status tok_hf_decode(const struct tok_hf *h, struct fox_buf *out, const int32_t *ids, size_t n,
    bool first, uint32_t flags, struct fox_err *err)
{
	struct tok_hf_work *w = tok_hf_take(h);
	size_t start = out->n;
	if (!w)
		return fox_fail_nomem(err);
	enum fox_status s = decode(h, w, out, ids, n, first, flags, err);
	if (!s && first)
		for (uint32_t i = h->fuse_at; i < h->spec.n_decode; i++) {
			if (h->spec.decode[i].kind != FOX_DECODE_STRIP || out->n == start)
				continue; /* out->p may be NULL */
			struct fox_str all = {out->p + start, out->n - start}, rest = strip(all, &h->spec.decode[i]);
			if (rest.n < all.n)
				memmove(out->p + start, rest.p, rest.n + 1);
			out->n = start + rest.n;
		}
	if (!s && out->failed)
		s = fox_fail_nomem(err);
	if (s)
		out->n = start;
	tok_hf_give(h, w);
	return s;
}
