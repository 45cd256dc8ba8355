/* gguf_text.h - containers, right and wrong ones, written as words, so that a test's table shows every byte
 * it means.
 *
 * Words are separated by blanks; numbers are decimal, 0x.. or negative (wrapping); text is literal but for
 * %XX bytes and a lone "-", which is the empty text.
 *
 *   be                    from here on numbers are big-endian
 *   gguf V TENSORS KEYS   magic, version, counts
 *   raw T | u8 N | u16 N | u32 N | u64 N | f32 N | f64 N | str T
 *   kv KEY TYPE           a key and its type's number; the value is up to the next words
 *   arr KEY ITEM COUNT    a key of array type
 *   ti NAME N_DIMS DIM... TYPE OFFSET
 *   name N                a u64 N and then N bytes 'n'
 *   pad N                 zeros up to a multiple of N
 *   fill BYTE N           N bytes
 */
#ifndef FOX_TEST_GGUF_TEXT_H
#define FOX_TEST_GGUF_TEXT_H

#include "format/base/num.h"
#include "format/base/str.h"

struct gguf_text {
	struct fox_buf *out;
	const char *in;
	char word[4096];
	bool big;
};

static inline const char *gguf_word(struct gguf_text *t)
{
	size_t n = 0;
	while (*t->in == ' ')
		t->in++;
	while (*t->in && *t->in != ' ' && n + 1 < sizeof t->word)
		t->word[n++] = *t->in++;
	t->word[n] = 0;
	return t->word;
}

static inline uint64_t gguf_number(struct gguf_text *t)
{
	char *end;
	const char *w = gguf_word(t);
	uint64_t v = strtoull(w, &end, 0);
	if (!*w || *end)
		abort(); /* the test's own text is wrong */
	return v;
}

static inline void gguf_add(struct gguf_text *t, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fox_buf_char(t->out, (char)(v >> 8 * (t->big ? n - 1 - i : i)));
}

/* The next word's bytes; with `counted`, after their number. */
static inline void gguf_bytes(struct gguf_text *t, bool counted)
{
	struct fox_buf b = {0};
	for (const char *p = gguf_word(t); *p; p++) {
		if (*p == '%') {
			char hex[3] = {p[1], p[2], 0};
			fox_buf_char(&b, (char)strtoul(hex, NULL, 16));
			p += 2;
		} else if (strcmp(t->word, "-")) {
			fox_buf_char(&b, *p);
		}
	}
	if (counted)
		gguf_add(t, b.n, 8);
	fox_buf_add(t->out, b.p, b.n);
	fox_buf_free(&b);
}

static inline void gguf_tensor_row(struct gguf_text *t)
{
	gguf_bytes(t, true);
	uint64_t n = gguf_number(t);
	gguf_add(t, n, 4);
	for (uint64_t i = 0; i < n; i++)
		gguf_add(t, gguf_number(t), 8);
	gguf_add(t, gguf_number(t), 4);
	gguf_add(t, gguf_number(t), 8);
}

static inline void gguf_float(struct gguf_text *t, bool wide)
{
	double d = strtod(gguf_word(t), NULL);
	float f = (float)d;
	uint64_t bits = 0;
	uint32_t bits32;
	memcpy(&bits32, &f, sizeof bits32);
	memcpy(&bits, &d, sizeof bits);
	gguf_add(t, wide ? bits : bits32, wide ? 8 : 4);
}

static inline void gguf_one(struct gguf_text *t)
{
	char verb[16];
	snprintf(verb, sizeof verb, "%.15s", t->word);
	if (!strcmp(verb, "be")) {
		t->big = true;
	} else if (!strcmp(verb, "gguf")) {
		fox_buf_add(t->out, "GGUF", 4);
		gguf_add(t, gguf_number(t), 4);
		gguf_add(t, gguf_number(t), 8);
		gguf_add(t, gguf_number(t), 8);
	} else if (!strcmp(verb, "raw") || !strcmp(verb, "str")) {
		gguf_bytes(t, verb[0] == 's');
	} else if (verb[0] == 'u') {
		size_t bits = strtoul(verb + 1, NULL, 10);
		gguf_add(t, gguf_number(t), bits / 8);
	} else if (verb[0] == 'f' && verb[1] != 'i') {
		gguf_float(t, !strcmp(verb, "f64"));
	} else if (!strcmp(verb, "kv")) {
		gguf_bytes(t, true);
		gguf_add(t, gguf_number(t), 4);
	} else if (!strcmp(verb, "arr")) {
		gguf_bytes(t, true);
		gguf_add(t, 9, 4);
		gguf_add(t, gguf_number(t), 4);
		gguf_add(t, gguf_number(t), 8);
	} else if (!strcmp(verb, "ti")) {
		gguf_tensor_row(t);
	} else if (!strcmp(verb, "name")) {
		uint64_t n = gguf_number(t);
		gguf_add(t, n, 8);
		while (n--)
			fox_buf_char(t->out, 'n');
	} else if (!strcmp(verb, "pad")) {
		uint64_t to = gguf_number(t);
		while (t->out->n % to)
			fox_buf_char(t->out, 0);
	} else if (!strcmp(verb, "fill")) {
		uint64_t byte = gguf_number(t), n = gguf_number(t);
		while (n--)
			fox_buf_char(t->out, (char)byte);
	} else {
		abort();
	}
}

/* Append what the words say to *out. */
static inline void gguf_from_text(struct fox_buf *out, const char *words)
{
	struct gguf_text t = {.out = out, .in = words};
	while (*gguf_word(&t))
		gguf_one(&t);
}

#endif
