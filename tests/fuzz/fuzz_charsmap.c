/* Any bytes as a character map, their last bytes as a text too: what is accepted turns any text into well-formed UTF-8,
 * step by step to its end. The bytes as a SentencePiece model as well, of which the map is looked for. */
#include <stdlib.h>

#include "runtime/tok_charsmap.h"

/* The text by steps, then what has come of it by clusters of one and two characters. */
static void apply(const struct fox_charsmap *m, struct fox_str text)
{
	struct fox_buf out = {0}, again = {0};
	for (size_t i = 0, len; i < text.n; i += len) {
		struct fox_str to = tok_charsmap_prefix(m, text, i, &len);
		if (!len || len > text.n - i)
			abort();
		fox_buf_add(&out, to.p, to.n);
		if (out.n > 1u << 24)
			break; /* replacements may be as long as the map */
	}
	struct fox_str s = fox_buf_view(&out);
	if (fox_utf8_bad(s) < s.n)
		abort();
	for (size_t i = 0, from = 0; i < s.n && i < 64; from = i) {
		fox_utf8_next(s, &i);
		if (i < s.n && (uint8_t)s.p[i] & 1)
			fox_utf8_next(s, &i); /* a cluster of two */
		tok_charsmap_grapheme(m, &again, (struct fox_str){s.p + from, i - from});
	}
	s = fox_buf_view(&again);
	if (fox_utf8_bad(s) < s.n)
		abort();
	fox_buf_free(&out);
	fox_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_err err = {0};
	struct fox_charsmap m;
	struct fox_span in_spm;
	static const char fixed[] = "a b\xC3\xA9\xE3\x82\xAB\xE3\x82\x99\0ab\xFF";
	if (!fox_charsmap_parse(&m, (struct fox_span){data, size}, &err)) {
		size_t n = size < 96 ? size : 96;
		apply(&m, (struct fox_str){(const char *)data + size - n, n});
		apply(&m, (struct fox_str){fixed, sizeof fixed - 1});
	} else if (!err.text[0]) {
		abort();
	}
	err = (struct fox_err){0};
	if (fox_charsmap_in_spm(&in_spm, (struct fox_span){data, size}, &err) ? !err.text[0] : in_spm.n > size)
		abort();
	return 0;
}
