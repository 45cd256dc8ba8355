/* huffman_read.c - the decoder: a table gives all the literals whose codes fit the next 11 bits, up to six at a time.
 *
 * Exponents of weights take under three bits each, so that one look-up makes three or four bytes. Refuses whatever
 * fox_huffman_deflate would not write: other blocks, lengths of matches, distances, codes with bits to spare. */
#include <string.h>

#include "format/base/num.h"
#include "kernels/huffman.h"

enum {
	END = 256,
	SYMBOLS = 257,
	LENGTHS = SYMBOLS + 1, /* and that of one distance, 0 */
	CODE_SYMBOLS = 19,
	MAX_BITS = 15,
	LOOK = 11, /* bits of a look-up: a table of 16 KiB stays in the first-level cache */
	LOOKS = 5, /* between two refills, which leave 56 bits and up */
	HELD = 6   /* literals of an entry */
};

struct bits {
	const uint8_t *at, *end;
	uint64_t held;
	unsigned n;
};

/* A code by lengths, as "puff" of zlib's contributions has it: enough to read one symbol after the other. */
struct slow {
	uint16_t count[MAX_BITS + 1];
	uint16_t symbol[SYMBOLS]; /* in the order of codes */
};

/* ---- reading bit by bit: the head, rare symbols, the end */

/* Bytes in, to 56 bits and up, while there are any. */
static void refill(struct bits *b)
{
	while (b->n < 56 && b->at < b->end) {
		b->held |= (uint64_t)*b->at++ << b->n;
		b->n += 8;
	}
}

/* The next n bits, at most 8; -1 at the end. */
static int take(struct bits *b, unsigned n)
{
	refill(b);
	if (b->n < n)
		return -1;
	int v = (int)(b->held & ((1u << n) - 1));
	b->held >>= n;
	b->n -= n;
	return v;
}

/* False unless the code has no bits to spare and none too few. */
static bool slow_make(struct slow *s, const uint8_t *len, unsigned n)
{
	uint16_t next[MAX_BITS + 2] = {0};
	int left = 1;
	memset(s->count, 0, sizeof s->count);
	for (unsigned i = 0; i < n; i++)
		s->count[len[i]]++;
	for (unsigned b = 1; b <= MAX_BITS; b++) {
		left = 2 * left - s->count[b];
		if (left < 0)
			return false;
		next[b + 1] = (uint16_t)(next[b] + s->count[b]);
	}
	for (unsigned i = 0; i < n; i++)
		if (len[i])
			s->symbol[next[len[i]]++] = (uint16_t)i;
	return !left;
}

/* -1 at the end of the stream. */
static int slow_symbol(const struct slow *s, struct bits *b)
{
	int code = 0, first = 0, index = 0;
	refill(b);
	for (unsigned n = 1; n <= MAX_BITS && n <= b->n; n++) {
		int count = s->count[n];
		code |= (int)(b->held >> (n - 1) & 1);
		if (code - count < first) {
			b->held >>= n;
			b->n -= n;
			return s->symbol[index + code - first];
		}
		index += count;
		first = (first + count) << 1;
		code <<= 1;
	}
	return -1;
}

static bool read_lengths(struct bits *b, uint8_t *len)
{
	static const uint8_t order[CODE_SYMBOLS] = {
	    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	uint8_t told[CODE_SYMBOLS] = {0};
	struct slow code;
	if (take(b, 3) != (1 | 2 << 1) || take(b, 5) ||
	    take(b, 5)) /* last, its own codes; 257 symbols, one distance */
		return false;
	int n_told = take(b, 4) + 4;
	for (int i = 0, v; i < n_told; i++) {
		if ((v = take(b, 3)) < 0)
			return false;
		told[order[i]] = (uint8_t)v;
	}
	if (!slow_make(&code, told, CODE_SYMBOLS))
		return false;
	for (unsigned i = 0; i < LENGTHS;) {
		int s = slow_symbol(&code, b), more = s < 16 ? 0 : take(b, s == 16 ? 2 : s == 17 ? 3 : 7);
		if (s < 0 || more < 0 || (s == 16 && !i))
			return false;
		unsigned times = (unsigned)more + (s < 16 ? 1 : s < 18 ? 3 : 11);
		if (times > LENGTHS - i)
			return false;
		memset(len + i, s < 16 ? s : s == 16 ? len[i - 1] : 0, times);
		i += times;
	}
	return len[END] && !len[SYMBOLS];
}

/* ---- the table */

/* entry: literals in bytes 0 to 5, their number in byte 6, the bits of their codes in byte 7. Number 0: none fits, or END. */
static void table_make(uint64_t *table, const uint8_t *len, const struct slow *s)
{
	uint16_t
	    one[1 << LOOK]; /* the first symbol of the bits, and its length above; 0: longer than LOOK, or END */
	memset(one, 0, sizeof one);
	unsigned code = 0, index = 0;
	for (unsigned n = 1; n <= LOOK; n++, code <<= 1)
		for (unsigned k = 0; k < s->count[n]; k++, code++) {
			unsigned symbol = s->symbol[index++], r = 0;
			if (symbol == END)
				continue;
			for (unsigned i = 0; i < n; i++)
				r |= (code >> i & 1) << (n - 1 - i);
			for (; r < 1 << LOOK; r += 1u << n)
				one[r] = (uint16_t)(symbol | (unsigned)len[symbol] << 8);
		}
	for (unsigned i = 0; i < 1 << LOOK; i++) {
		uint64_t e = 0;
		unsigned used = 0, n = 0;
		while (n < HELD) {
			unsigned v = one[i >> used], l = v >> 8;
			if (!l || used + l > LOOK)
				break;
			e |= (uint64_t)(v & 255) << (8 * n++);
			used += l;
		}
		table[i] = e | (uint64_t)n << 48 | (uint64_t)used << 56;
	}
}

/* Whole look-ups, while 8 bytes can be read and LOOKS entries written; returns where dst is then. */
static uint8_t *look_up(struct bits *to, const uint64_t *table, uint8_t *dst, const uint8_t *end)
{
	struct bits b = *to; /* in registers */
	while (end - dst >= LOOKS * 8 && b.end - b.at >= 8) {
		uint64_t e = 0;
		b.held |= fox_load64(b.at) << b.n;
		b.at += (63 - b.n) >> 3;
		b.n |= 56;
		for (unsigned k = 0; k < LOOKS; k++) {
			e = table[b.held & ((1 << LOOK) - 1)];
			fox_store64(dst, e);
			dst += e >> 48 & 255;
			b.held >>= e >> 56;
			b.n -= (unsigned)(e >> 56);
		}
		if (!(e >> 48 & 255)) /* stuck: a symbol for the slow way */
			break;
	}
	b.held &= ((uint64_t)1 << b.n) - 1; /* above stand bits of bytes that were not stepped over */
	*to = b;
	return dst;
}

bool fox_huffman_inflate(uint8_t *dst, size_t n, const uint8_t *src, size_t n_src)
{
	struct bits b = {.at = src, .end = src + n_src};
	uint8_t len[LENGTHS], *end = dst + n;
	uint64_t table[1 << LOOK];
	struct slow s;
	if (!read_lengths(&b, len) || !slow_make(&s, len, SYMBOLS))
		return false;
	table_make(table, len, &s);
	for (;;) {
		dst = look_up(&b, table, dst, end);
		int symbol = slow_symbol(&s, &b);
		if (symbol == END)
			break;
		if (symbol < 0 || dst == end)
			return false;
		*dst++ = (uint8_t)symbol;
	}
	return dst == end && b.at - b.n / 8 == b.end;
}
