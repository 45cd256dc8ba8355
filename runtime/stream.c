/* stream.c - see stream.h. */
#include "runtime/stream.h"

/* Bytes of a character by its first byte; 1 for what starts none. */
static size_t utf8_bytes(uint8_t lead)
{
	return lead >= 0xf0 && lead <= 0xf4  ? 4
	       : lead >= 0xe0 && lead < 0xf0 ? 3
	       : lead >= 0xc2 && lead < 0xe0 ? 2
	                                     : 1;
}

/* How many bytes at the end may be the start of a character: 0 to 3. */
static size_t unfinished(struct fox_str s)
{
	for (size_t back = 1; back <= 3 && back <= s.n; back++) {
		uint8_t c = (uint8_t)s.p[s.n - back];
		if ((c & 0xc0) != 0x80)
			return utf8_bytes(c) > back ? back : 0;
	}
	return 0;
}

/* Newlines, tabs and backslashes are text here; the rest as for any name from a stranger. */
static void put(const struct fox_stream *s, struct fox_buf *out, struct fox_str text)
{
	if (!s->escape) {
		fox_buf_add(out, text.p, text.n);
		return;
	}
	for (size_t from = 0, i = 0; i <= text.n; i++) {
		bool plain = i < text.n && (text.p[i] == '\n' || text.p[i] == '\t' || text.p[i] == '\\');
		if (i < text.n && !plain)
			continue;
		fox_buf_escaped(out, (struct fox_str){text.p + from, i - from}, SIZE_MAX);
		if (plain)
			fox_buf_char(out, text.p[i]);
		from = i + 1;
	}
}

void fox_stream_add(struct fox_stream *s, struct fox_buf *out, struct fox_str bytes)
{
	/* Finish the held character byte by byte: it takes at most three. */
	while (s->n_held && bytes.n) {
		s->held[s->n_held++] = *bytes.p++;
		bytes.n--;
		struct fox_str held = {s->held, s->n_held};
		size_t tail = unfinished(held);
		put(s, out, (struct fox_str){s->held, held.n - tail});
		memmove(s->held, s->held + held.n - tail, tail);
		s->n_held = tail;
	}
	if (!bytes.n)
		return;
	size_t tail = unfinished(bytes);
	put(s, out, (struct fox_str){bytes.p, bytes.n - tail});
	memcpy(s->held, bytes.p + bytes.n - tail, tail);
	s->n_held = tail;
}

void fox_stream_end(struct fox_stream *s, struct fox_buf *out)
{
	put(s, out, (struct fox_str){s->held, s->n_held});
	s->n_held = 0;
}
