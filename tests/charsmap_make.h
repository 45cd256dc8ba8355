/* charsmap_make.h - for tests: character maps made unit by unit. */
#ifndef FOX_TEST_CHARSMAP_MAKE_H
#define FOX_TEST_CHARSMAP_MAKE_H

#include "format/base/num.h"
#include "format/base/str.h"
#include "format/charsmap.h"

#define CHARSMAP_UNITS (48u * 256u)

struct test_charsmap {
	uint32_t unit[CHARSMAP_UNITS];
	uint32_t n; /* units */
	const char *text;
	size_t n_text;
};

/* The unit i: an edge of this label to children at `base`; ends: a key ends there, and unit `base` says its replacement. */
static inline void charsmap_edge(struct test_charsmap *m, uint32_t i, uint8_t label, bool ends, uint32_t base)
{
	m->unit[i] = label | (uint32_t)ends << 8 | (base ^ i) << 10;
}

static inline void charsmap_value(struct test_charsmap *m, uint32_t i, uint32_t at)
{
	m->unit[i] = 1u << 31 | at;
}

/* "a" -> "x", "ab" -> "", "\xC3\xA9" -> "e "; children of the root in block 1, of others in blocks of their own. */
static inline void charsmap_sample(struct test_charsmap *m)
{
	*m = (struct test_charsmap){.n = 6 * 256, .text = "x\0\0e \0\xC3\xA9", .n_text = 9};
	for (uint32_t i = 0; i < m->n; i++) /* units not in use: labels that lead from no base in use */
		charsmap_edge(m, i, (uint8_t)(i ^ 0xfe), false, i ^ 1);
	charsmap_edge(m, 0, 0, false, 256);
	charsmap_edge(m, 256 ^ 'a', 'a', true, 512);
	charsmap_value(m, 512, 0);
	charsmap_edge(m, 512 ^ 'b', 'b', true, 768);
	charsmap_value(m, 768, 2);
	charsmap_edge(m, 256 ^ 0xC3, 0xC3, false, 1024);
	charsmap_edge(m, 1024 ^ 0xA9, 0xA9, true, 1280);
	charsmap_value(m, 1280, 3);
}

static inline void charsmap_bytes(const struct test_charsmap *m, struct fox_buf *out)
{
	char word[4];
	fox_buf_clear(out);
	fox_store32(word, m->n * 4);
	fox_buf_add(out, word, 4);
	for (uint32_t i = 0; i < m->n; i++) {
		fox_store32(word, m->unit[i]);
		fox_buf_add(out, word, 4);
	}
	fox_buf_add(out, m->text, m->n_text);
}

#endif
