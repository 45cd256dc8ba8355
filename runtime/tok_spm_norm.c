/* tok_spm_norm.c - a raw text as SentencePiece normalises it.
 *
 * A table made at open says for each character whether it stays or becomes a blank whatever the map holds, so that most
 * of a text is copied without a look into the map.   spec/tokenizer.md 3, source: sentencepiece src/normalizer.cc */
#include "runtime/tok_spm.h"

#define ROOM 1024u /* bytes of text that are put together before they are added */

static const char space[] = "\xE2\x96\x81";

/* ---- the table */

static enum tok_fate fate_of(struct fox_tok *t, struct fox_str c)
{
	struct fox_str to;
	bool begins = fox_charsmap_begins(&t->charsmap, c, &to, t->fates->follow);
	if (t->raw_user.root[(uint8_t)*c.p])
		return TOK_LOOK;
	if (!to.p)
		to = c;
	if (fox_str_is(to, " "))
		return TOK_BLANK_ALONE;
	return !begins ? TOK_STAYS : fox_str_eq(to, c) ? TOK_STAYS_ALONE : TOK_LOOK;
}

bool tok_spm_open_fates(struct fox_tok *t)
{
	t->fates = fox_arena_alloc(&t->arena, 1, sizeof *t->fates);
	if (!t->fates)
		return false;
	for (uint32_t c = 0; c < FOX_COUNT(t->fates->of); c++) {
		char text[4];
		t->fates->of[c] = (uint8_t)fate_of(t, (struct fox_str){text, fox_utf8_put(text, c)});
	}
	return true;
}

/* ---- one step */

/* What the text at i turns into; a USER piece stays as it is. */
static struct fox_str prefix(const struct fox_tok *t, struct fox_str s, size_t i, size_t *len)
{
	if (!t->plain && tok_trie_match(&t->raw_user, s, i, len) >= 0)
		return (struct fox_str){s.p + i, *len};
	return tok_charsmap_prefix(&t->charsmap, s, i, len);
}

/* Where the text after blanks at its front begins. */
static size_t skip_blanks(const struct fox_tok *t, struct fox_str s)
{
	size_t i = 0, len;
	for (; i < s.n; i += len) {
		struct fox_str to = prefix(t, s, i, &len);
		if (to.n != 1 || *to.p != ' ')
			break;
	}
	return i;
}

static void add_escaped(struct fox_buf *out, struct fox_str s)
{
	for (const char *blank; s.n && (blank = memchr(s.p, ' ', s.n));) {
		fox_buf_add(out, s.p, (size_t)(blank - s.p));
		fox_buf_add(out, space, 3);
		s.n -= (size_t)(blank + 1 - s.p);
		s.p = blank + 1;
	}
	fox_buf_add(out, s.p, s.n);
}

/* The fate of the character at *i, over which it steps: LOOK unless nothing after it matters. */
static enum tok_fate next_fate(const struct tok_fates *f, struct fox_str s, size_t *i)
{
	int32_t c = (uint8_t)s.p[*i];
	if (c < 0x80)
		++*i;
	else
		c = fox_utf8_next(s, i);
	enum tok_fate fate = (uint32_t)c < FOX_COUNT(f->of) ? (enum tok_fate)f->of[c] : TOK_LOOK; /* -1 too */
	if (fate > TOK_STAYS && *i < s.n && f->follow[(uint8_t)s.p[*i]])
		return TOK_LOOK;
	return fate;
}

/* Copy the ASCII characters that stay from the front of s; returns how many, at most `room`. */
static size_t copy_calm(const struct tok_fates *f, char *to, size_t room, struct fox_str s)
{
	size_t i = 0, end = room < s.n ? room : s.n;
	for (; i + 1 < end; i++) {
		uint8_t c = (uint8_t)s.p[i];
		if (c >= 0x80 ||
		    (f->of[c] != TOK_STAYS && (f->of[c] != TOK_STAYS_ALONE || f->follow[(uint8_t)s.p[i + 1]])))
			break;
		to[i] = (char)c;
	}
	return i;
}

/* Add what needs no look-up from i on; returns where that ends. */
static size_t add_known(
    const struct fox_tok *t, struct fox_buf *out, struct fox_str s, size_t i, bool *prev_space)
{
	char made[ROOM];
	size_t n = 0;
	bool squeeze = t->d->remove_extra_whitespaces;
	while (i < s.n) {
		size_t from = i;
		enum tok_fate fate = next_fate(t->fates, s, &i);
		if (fate == TOK_LOOK) {
			i = from;
			break;
		}
		if (n > ROOM - 4) {
			fox_buf_add(out, made, n);
			n = 0;
		}
		if (fate != TOK_BLANK_ALONE) {
			made[n++] = s.p[from];
			while (++from < i)
				made[n++] = s.p[from];
			size_t calm = copy_calm(t->fates, made + n, ROOM - n, (struct fox_str){s.p + i, s.n - i});
			i += calm;
			n += calm;
			*prev_space = false;
		} else if (!*prev_space) {
			memcpy(made + n, space, 3);
			n += 3;
			*prev_space = squeeze;
		}
	}
	fox_buf_add(out, made, n);
	return i;
}

void tok_spm_normalize(const struct fox_tok *t, struct fox_buf *out, struct fox_str s)
{
	bool squeeze = t->d->remove_extra_whitespaces, prev_space = squeeze;
	size_t start = out->n, i = squeeze ? skip_blanks(t, s) : 0, len;
	if (i == s.n)
		return;
	if (t->d->add_space_prefix)
		fox_buf_add(out, space, 3);
	while ((i = add_known(t, out, s, i, &prev_space)) < s.n) {
		struct fox_str to = prefix(t, s, i, &len);
		i += len;
		while (prev_space && to.n && *to.p == ' ')
			to.p++, to.n--;
		if (!to.n)
			continue; /* a blank too many, or a character that the map takes away */
		prev_space = squeeze && to.p[to.n - 1] == ' ';
		add_escaped(out, to);
	}
	while (squeeze && out->n >= start + 3 && !memcmp(out->p + out->n - 3, space, 3))
		out->n -= 3;
}
