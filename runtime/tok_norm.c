/* tok_norm.c - normalizers over whole texts. See tok_norm.h.
 *
 * Unicode forms cost only where they change something: a table says for each code point whether it can be part of a
 * change, and only the stretches around such characters go through utf8proc. spec/tokenizer.md 14 */
#include "runtime/tok_norm.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "runtime/tok_charsmap.h"

/* No code point from here on decomposes, or combines with what is before it, up to Unicode 16, save for marks of
 * class 0: the table ends here. */
#define TABLE_END 0x30000u

struct step {
	const struct fox_norm *spec;
	struct fox_regex *re;     /* REPLACE */
	uint64_t *moves;          /* [TABLE_END / 64] the forms: bit set: the character may change or move */
	struct fox_charsmap *map; /* PRECOMPILED; NULL: empty */
};

struct tok_norm {
	struct step *step;
	uint32_t n;
};

/* ---- Unicode forms */

static unsigned form_flags(enum fox_normalizer_kind kind)
{
	unsigned flags = kind == FOX_NORM_NFC || kind == FOX_NORM_NFKC ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
	return flags | (kind == FOX_NORM_NFKC || kind == FOX_NORM_NFKD ? UTF8PROC_COMPAT : 0);
}

static void set_bit(uint64_t *bits, uint32_t i)
{
	bits[i / 64] |= (uint64_t)1 << i % 64;
}

static bool moves(const uint64_t *bits, int32_t c)
{
	return (uint32_t)c < TABLE_END && (bits[(uint32_t)c / 64] >> (uint32_t)c % 64 & 1);
}

/* A character stays, and what is before it has nothing to do with it, when it is a starter, is its own form, and no
 * composition ends in it. */
static uint64_t *form_table(enum fox_normalizer_kind kind)
{
	uint64_t *bits = calloc(TABLE_END / 64, sizeof *bits);
	unsigned compat = form_flags(kind) & UTF8PROC_COMPAT ? UTF8PROC_COMPAT : 0;
	bool composes = form_flags(kind) & UTF8PROC_COMPOSE;
	if (!bits)
		return NULL;
	for (uint32_t c = 0xa0; c < TABLE_END; c++) {
		utf8proc_int32_t part[32], whole[32];
		int last = 0;
		if ((c >= 0xd800 && c < 0xe000) || tok_after_unicode9((int32_t)c))
			continue;
		if (utf8proc_get_property((int32_t)c)->combining_class)
			set_bit(bits, c);
		utf8proc_ssize_t n = utf8proc_decompose_char(
		    (int32_t)c, part, 32, (utf8proc_option_t)(UTF8PROC_DECOMPOSE | compat), &last);
		if (n == 1 && part[0] == (int32_t)c)
			continue;
		if (!composes || n < 1 || n > 32) {
			set_bit(bits, c);
			continue;
		}
		memcpy(whole, part, (size_t)n * sizeof *whole);
		n = utf8proc_normalize_utf32(whole, n,
		    (utf8proc_option_t)(UTF8PROC_COMPOSE | UTF8PROC_STABLE)); /* STABLE: composition exclusions */
		if (n != 1 || whole[0] != (int32_t)c) {
			set_bit(bits, c);
			continue;
		}
		utf8proc_ssize_t parts = utf8proc_decompose_char(
		    (int32_t)c, part, 32, (utf8proc_option_t)(UTF8PROC_DECOMPOSE | compat), &last);
		for (utf8proc_ssize_t k = 1; k < parts; k++)
			if ((uint32_t)part[k] < TABLE_END)
				set_bit(bits, (uint32_t)part[k]);
	}
	return bits;
}

static bool put_form(struct fox_buf *out, struct fox_str s, enum fox_normalizer_kind kind)
{
	utf8proc_int32_t few[256], *code = few;
	utf8proc_option_t flags = (utf8proc_option_t)(form_flags(kind) | UTF8PROC_STABLE);
	utf8proc_ssize_t n =
	    utf8proc_decompose((const uint8_t *)s.p, (utf8proc_ssize_t)s.n, few, FOX_COUNT(few), flags);
	bool good = n >= 0;
	if (n > (utf8proc_ssize_t)FOX_COUNT(few)) {
		code = malloc((size_t)n * sizeof *code);
		good = code && utf8proc_decompose((const uint8_t *)s.p, (utf8proc_ssize_t)s.n, code, n, flags) == n;
	}
	if (good && flags & UTF8PROC_COMPOSE)
		n = utf8proc_normalize_utf32(code, n, flags);
	for (utf8proc_ssize_t i = 0; good && i < n; i++) {
		char c[4];
		fox_buf_add(out, c, fox_utf8_put(c, (uint32_t)code[i]));
	}
	if (code != few)
		free(code);
	return good && n >= 0;
}

/* From `from`, the first byte whose character may change, or s.n; *start: where its stretch begins, which takes in
 * the character before it. */
static size_t find_moving(const uint64_t *bits, struct fox_str s, size_t from, size_t *start)
{
	size_t before = from;
	for (size_t i = from; i < s.n;) {
		if (!(s.p[i] & 0x80)) {
			before = i++;
			continue;
		}
		size_t at = i;
		int32_t c = fox_utf8_next(s, &i);
		if (moves(bits, c)) {
			*start = before;
			return at;
		}
		before = tok_after_unicode9(c) ? i : at; /* utf8proc would move what the tables do not know */
	}
	return s.n;
}

static bool run_form(const struct step *t, struct fox_buf *out, struct fox_str *text)
{
	struct fox_str s = *text;
	size_t done = 0, start = 0, i = find_moving(t->moves, s, 0, &start);
	if (i == s.n)
		return true;
	fox_buf_clear(out);
	fox_buf_str(out, "");
	while (i < s.n) {
		size_t end = i;
		while (end < s.n) {
			size_t next = end;
			if (!moves(t->moves, fox_utf8_next(s, &next)))
				break;
			end = next;
		}
		if (start < done)
			start = done;
		fox_buf_add(out, s.p + done, start - done);
		if (!put_form(out, (struct fox_str){s.p + start, end - start}, t->spec->kind))
			return false;
		done = end;
		i = find_moving(t->moves, s, end, &start);
	}
	fox_buf_add(out, s.p + done, s.n - done);
	*text = fox_buf_view(out);
	return true;
}

/* ---- character by character */

bool tok_is_space(int32_t c)
{
	return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
	       c == 0x3000;
}

/* Alphabetic is taken as letters, letter numbers and circled letters: what else it has are marks. */
bool tok_is_word(int32_t c)
{
	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
	if (c == 0x200c || c == 0x200d || (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) ||
	    (c >= 0x1f150 && c <= 0x1f169) || (c >= 0x1f170 && c <= 0x1f189))
		return true;
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_ME:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_PC:
		return true;
	default:
		return false;
	}
}

static void put_code(struct fox_buf *out, int32_t c)
{
	char u[4];
	fox_buf_add(out, u, fox_utf8_put(u, (uint32_t)c));
}

/* source: Rust's char::to_lowercase: the simple mapping, but for U+0130, the one with two characters */
static void put_lower(struct fox_buf *out, int32_t c)
{
	if (c == 0x130)
		fox_buf_str(out, "i\xCC\x87");
	else
		put_code(out, c >= 'A' && c <= 'Z' ? c + 32 : c < 0x80 ? c : utf8proc_tolower(c));
}

static void put_unaccented(struct fox_buf *out, int32_t c)
{
	utf8proc_category_t k = c < 0x300 ? UTF8PROC_CATEGORY_CN : utf8proc_category(c);
	if (c == 0x1cf2 || c == 0x1cf3) /* were marks in Unicode 9 */
		return;
	if (tok_after_unicode9(c))
		k = UTF8PROC_CATEGORY_CN;
	if (k != UTF8PROC_CATEGORY_MN && k != UTF8PROC_CATEGORY_MC && k != UTF8PROC_CATEGORY_ME)
		put_code(out, c);
}

/* source: tokenizers src/normalizers/unicode.rs do_nmt */
static void put_nmt(struct fox_buf *out, int32_t c)
{
	if ((c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f)
		return;
	bool blank = c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
	             c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
	put_code(out, blank ? ' ' : c);
}

static void run_chars(void (*put)(struct fox_buf *, int32_t), struct fox_buf *out, struct fox_str *text)
{
	fox_buf_clear(out);
	fox_buf_str(out, "");
	for (size_t i = 0; i < text->n;)
		put(out, fox_utf8_next(*text, &i));
	*text = fox_buf_view(out);
}

static void strip(struct fox_str *s, bool left, bool right)
{
	for (size_t i = 0; left && s->n; i = 0) {
		if (!tok_is_space(fox_utf8_next(*s, &i)))
			break;
		s->p += i;
		s->n -= i;
	}
	while (right && s->n) {
		size_t at = s->n - 1, i;
		while (at && (s->p[at] & 0xc0) == 0x80)
			at--;
		i = at;
		if (!tok_is_space(fox_utf8_next(*s, &i)))
			break;
		s->n = at;
	}
}

/* ---- replacing */

static enum fox_status run_replace(const struct step *t, struct fox_matcher *m, struct fox_buf *out,
    struct fox_str *text, struct fox_err *err)
{
	struct tok_find f = {0};
	size_t done = 0;
	fox_buf_clear(out);
	fox_buf_str(out, "");
	while (text->n) {
		enum fox_status s = tok_regex_next(t->re, m, *text, &f, err);
		if (s)
			return s;
		if (f.over)
			break;
		fox_buf_add(out, text->p + done, f.from - done);
		fox_buf_add(out, t->spec->content.p, t->spec->content.n);
		done = f.to;
	}
	if (f.had) {
		fox_buf_add(out, text->p + done, text->n - done);
		*text = fox_buf_view(out);
	}
	return FOX_OK;
}

/* One byte for something, as in Llama's ' ' -> U+2581: memchr finds it faster than anything. */
static void run_replace_byte(const struct step *t, struct fox_buf *out, struct fox_str *text)
{
	const char *p = text->p, *end = p + text->n,
	           *hit = text->n ? memchr(p, t->spec->pattern.text.p[0], text->n) : NULL;
	if (!hit)
		return;
	fox_buf_clear(out);
	for (; hit; hit = p < end ? memchr(p, t->spec->pattern.text.p[0], (size_t)(end - p)) : NULL) {
		fox_buf_add(out, p, (size_t)(hit - p));
		fox_buf_add(out, t->spec->content.p, t->spec->content.n);
		p = hit + 1;
	}
	fox_buf_add(out, p, (size_t)(end - p));
	*text = (struct fox_str){out->p ? out->p : "", out->n};
}

/* tokenizers cuts into grapheme clusters before it looks into the map. */
static void run_charsmap(const struct fox_charsmap *map, struct fox_buf *out, struct fox_str *text)
{
	utf8proc_int32_t state = 0;
	struct fox_str s = *text;
	fox_buf_clear(out);
	fox_buf_str(out, "");
	for (size_t i = 0, from = 0; from < s.n;) {
		int32_t before = -1, c = -1;
		state = 0;
		while (i < s.n) {
			size_t next = i;
			c = fox_utf8_next(s, &next);
			if (before >= 0 && utf8proc_grapheme_break_stateful(before, c, &state))
				break;
			before = c;
			i = next;
		}
		tok_charsmap_grapheme(map, out, (struct fox_str){s.p + from, i - from});
		from = i;
	}
	*text = fox_buf_view(out);
}

/* ---- the steps */

static enum fox_status run_step(const struct step *t, struct fox_matcher *m, struct fox_buf *out,
    struct fox_str *text, struct fox_err *err)
{
	const struct fox_norm *n = t->spec;
	switch (n->kind) {
	case FOX_NORM_NFC:
	case FOX_NORM_NFD:
	case FOX_NORM_NFKC:
	case FOX_NORM_NFKD:
		return run_form(t, out, text) ? FOX_OK : fox_fail_nomem(err);
	case FOX_NORM_LOWERCASE:
		run_chars(put_lower, out, text);
		break;
	case FOX_NORM_STRIP_ACCENTS:
		run_chars(put_unaccented, out, text);
		break;
	case FOX_NORM_NMT:
		run_chars(put_nmt, out, text);
		break;
	case FOX_NORM_STRIP:
		strip(text, n->left, n->right);
		return FOX_OK;
	case FOX_NORM_PREPEND:
		if (!text->n)
			return FOX_OK;
		fox_buf_clear(out);
		fox_buf_add(out, n->content.p, n->content.n);
		fox_buf_add(out, text->p, text->n);
		*text = fox_buf_view(out);
		break;
	case FOX_NORM_REPLACE:
		if (t->re)
			return run_replace(t, m, out, text, err);
		run_replace_byte(t, out, text);
		break;
	case FOX_NORM_PRECOMPILED:
		if (t->map)
			run_charsmap(t->map, out, text);
		break;
	case FOX_NORM_BYTE_LEVEL:
		fox_buf_clear(out);
		fox_buf_str(out, "");
		tok_bytes_as_chars(out, *text);
		*text = fox_buf_view(out);
		break;
	}
	return FOX_OK;
}

enum fox_status tok_norm_run(const struct tok_norm *t, struct fox_matcher *m, struct fox_buf buf[2],
    struct fox_str *text, struct fox_err *err)
{
	for (uint32_t i = 0, to = 0; i < t->n; i++) {
		struct fox_buf *out = &buf[to];
		enum fox_status s = run_step(&t->step[i], m, out, text, err);
		if (s)
			return s;
		if (out->failed)
			return fox_fail_nomem(err);
		/* the next step must not write where the text now lies */
		if (text->p >= out->p && out->p && text->p <= out->p + out->n)
			to = !to;
	}
	return FOX_OK;
}

static enum fox_status open_step(struct step *t, struct fox_err *err)
{
	const struct fox_norm *n = t->spec;
	switch (n->kind) {
	case FOX_NORM_NFC:
	case FOX_NORM_NFD:
	case FOX_NORM_NFKC:
	case FOX_NORM_NFKD:
		t->moves = form_table(n->kind);
		return t->moves ? FOX_OK : fox_fail_nomem(err);
	case FOX_NORM_REPLACE:
		if (!n->pattern.regex && n->pattern.text.n == 1)
			return FOX_OK;
		return tok_regex_open(&t->re, &n->pattern, err);
	case FOX_NORM_PRECOMPILED:
		if (!n->charsmap.n)
			return FOX_OK;
		t->map = calloc(1, sizeof *t->map);
		if (!t->map)
			return fox_fail_nomem(err);
		return fox_charsmap_parse(t->map, n->charsmap, err);
	default:
		return FOX_OK;
	}
}

enum fox_status tok_norm_open(
    struct tok_norm **out, const struct fox_norm *steps, uint32_t n, struct fox_err *err)
{
	struct tok_norm *t = calloc(1, sizeof *t);
	*out = NULL;
	if (!t || !(t->step = calloc(n ? n : 1, sizeof *t->step))) {
		free(t);
		return fox_fail_nomem(err);
	}
	enum fox_status s = FOX_OK;
	for (t->n = 0; !s && t->n < n; t->n++) {
		t->step[t->n].spec = &steps[t->n];
		s = open_step(&t->step[t->n], err);
	}
	if (s) {
		tok_norm_close(t);
		return s;
	}
	*out = t;
	return FOX_OK;
}

void tok_norm_close(struct tok_norm *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n; i++) {
		fox_regex_close(t->step[i].re);
		free(t->step[i].moves);
		free(t->step[i].map);
	}
	free(t->step);
	free(t);
}

const char *tok_norm_version(void)
{
	static char text[64];
	struct fox_buf b = {0};
	fox_buf_fmt(&b, "utf8proc: %s (Unicode %s)", utf8proc_version(), utf8proc_unicode_version());
	if (!b.failed && b.n < sizeof text)
		memcpy(text, b.p, b.n + 1);
	fox_buf_free(&b);
	return text;
}
