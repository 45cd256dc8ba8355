/* Any text under a small vocabulary with every kind of piece: whatever the bytes, encoding ends, ids lie in
 * the vocabulary, and decoding gives back the text with U+FFFD for its ill-formed bytes. First byte: flags of
 * the model and the call. */
#include <stdlib.h>

#include "runtime/tok.h"

static struct fox_str piece[280];
static float score[280];
static int32_t type[280];
static char names[256][8];

static void add(struct fox_tokdata *d, const char *s, float sc, int32_t ty)
{
	piece[d->n] = fox_str_of(s);
	score[d->n] = sc;
	type[d->n++] = ty;
}

static void vocabulary(struct fox_tokdata *d)
{
	fox_tokdata_init(d);
	d->n = 0;
	d->piece = piece;
	d->score = score;
	d->type = type;
	add(d, "<unk>", 0, FOX_TOK_UNKNOWN);
	add(d, "<s>", 0, FOX_TOK_CONTROL);
	add(d, "ab", -1, FOX_TOK_NORMAL);
	add(d, "bc", -1, FOX_TOK_NORMAL);
	add(d, "abc", -2, FOX_TOK_UNUSED);
	add(d,
	    "\xE2\x96\x81"
	    "a",
	    -1, FOX_TOK_NORMAL);
	add(d, "\xE2\x96\x81\xE2\x96\x81", -3, FOX_TOK_NORMAL);
	add(d, "a", -4, FOX_TOK_NORMAL);
	add(d, "b", -4, FOX_TOK_UNUSED);
	add(d, "\xC3\xA9", -4, FOX_TOK_NORMAL);
	add(d, "abcabc", -1.5f, FOX_TOK_NORMAL);
	add(d, "\xE2\x96\x81", -5,
	    FOX_TOK_NORMAL); /* without it a blank would come back as the bytes of U+2581 */
	add(d, "\n\n", 0, FOX_TOK_USER);
	add(d, "\n\n\n\n", 0, FOX_TOK_USER);
	add(d, "[PAD14]", -10000, FOX_TOK_UNUSED);
	for (unsigned i = 0; i < 256; i++) {
		static const char hex[] = "0123456789ABCDEF";
		const char text[8] = {'<', '0', 'x', hex[i / 16], hex[i % 16], '>'};
		memcpy(names[i], text, sizeof text);
		add(d, names[i], 0, FOX_TOK_BYTE);
	}
	d->unk = 0;
	d->bos = 1;
}

static void check_back(struct fox_str text, struct fox_str back)
{
	size_t at = 0;
	for (size_t i = 0; i < text.n;) {
		size_t from = i;
		bool bad = fox_utf8_next(text, &i) < 0;
		const char *want = bad ? "\xEF\xBF\xBD" : text.p + from;
		size_t n = bad ? 3 : i - from;
		bool mark = n == 3 && !memcmp(want, "\xE2\x96\x81", 3); /* U+2581 in a text comes back as a blank */
		if (mark)
			want = " ", n = 1;
		if (back.n - at < n || memcmp(back.p + at, want, n))
			abort();
		at += n;
	}
	if (at != back.n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_err err = {0};
	static struct fox_tokdata d;
	static struct fox_tok
	    *toks[2]; /* for all runs: their tables cost more than most texts. By merging, by Viterbi */
	struct fox_tok_ids ids = {0};
	struct fox_buf back = {0};
	if (!size)
		return 0;
	if (!toks[0]) {
		vocabulary(&d);
		if (fox_tok_open(&toks[0], &d, &err))
			abort();
		d.model = "t5";
		if (fox_tok_open(&toks[1], &d, &err))
			abort();
	}
	const struct fox_tok *tok = toks[data[0] >> 3 & 1];
	d.add_space_prefix = data[0] & 1;
	d.remove_extra_whitespaces = data[0] & 2;
	uint32_t flags = data[0] & 4 ? FOX_TOK_SPECIAL : 0;
	struct fox_str text = {(const char *)data + 1, size - 1};
	if (fox_tok_encode(tok, &ids, text, flags | FOX_TOK_NO_BOS, &err))
		abort();
	for (size_t i = 0; i < ids.n; i++)
		if (ids.ids[i] < 0 || (uint32_t)ids.ids[i] >= d.n || type[ids.ids[i]] == FOX_TOK_UNUSED)
			abort();
	fox_buf_str(&back, "");
	if (fox_tok_decode(tok, &back, ids.ids, ids.n, true, flags, &err))
		abort();
	/* blanks that the model removes do not come back; with control pieces a prefix may meet a written blank
	 */
	if (!d.remove_extra_whitespaces && !(flags && d.add_space_prefix))
		check_back(text, fox_buf_view(&back));
	fox_tok_ids_free(&ids);
	fox_buf_free(&back);
	return 0;
}
