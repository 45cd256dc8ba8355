/* huffman.c - counts, code lengths, the block's head, and four codes between two stores.
 *
 * Codes of at most 14 bits: four of them and what is left of a byte fit 64 bits. What the limit costs shows only in symbols
 * rarer than one in 2^13. */
#include "kernels/huffman.h"

#include <string.h>

#include "format/base/num.h"

enum {
	LITERALS = 256,
	END = 256,             /* the symbol that closes a block */
	SYMBOLS = 257,         /* no lengths of matches */
	LENGTHS = SYMBOLS + 1, /* and one distance code, of 0 bits: none is used */
	LIMIT = 14,
	CODE_SYMBOLS = 19, /* of the code for the lengths: 0 to 15, and three kinds of runs */
	CODE_LIMIT = 7
};

struct code {
	uint16_t bits; /* the first one lowest */
	uint16_t n;
};

/* ---- code lengths */

/* Symbols with a count, rarest first; of equals the smaller first. */
static unsigned sorted(uint16_t *order, const uint32_t *count, unsigned n)
{
	unsigned used = 0;
	for (unsigned s = 0; s < n; s++) {
		if (!count[s])
			continue;
		unsigned k = used++;
		for (; k && count[order[k - 1]] > count[s]; k--)
			order[k] = order[k - 1];
		order[k] = (uint16_t)s;
	}
	return used;
}

/* Huffman's lengths; returns the largest. Leaves, in the order given, are nodes 0 to used - 1; those above join two each, and
 * are made in the order of their weight, so that the two lightest stand at the heads of two queues. used >= 2. */
static unsigned huffman(uint8_t *len, const uint32_t *count, const uint16_t *order, unsigned used)
{
	uint64_t weight[2 * SYMBOLS];
	uint16_t parent[2 * SYMBOLS];
	uint8_t depth[2 * SYMBOLS];
	unsigned leaf = 0, inner = used, next = used, most = 0, root = 2 * used - 2;
	for (unsigned i = 0; i < used; i++)
		weight[i] = count[order[i]];
	for (; next <= root; next++) {
		weight[next] = 0;
		for (unsigned k = 0; k < 2; k++) {
			bool is_leaf = leaf < used && (inner == next || weight[leaf] <= weight[inner]);
			unsigned child = is_leaf ? leaf++ : inner++;
			weight[next] += weight[child];
			parent[child] = (uint16_t)next;
		}
	}
	depth[root] = 0;
	for (unsigned i = root; i-- > 0;) {
		depth[i] = (uint8_t)(depth[parent[i]] + 1);
		if (i < used)
			len[order[i]] = depth[i];
		most = depth[i] > most ? depth[i] : most;
	}
	return most;
}

/* Lengths of at most `limit`, 0 where there is no count: counts are made alike until they are. At least two must have one. */
static void choose_lengths(uint8_t *len, const uint32_t *count, unsigned n, unsigned limit)
{
	uint32_t c[SYMBOLS];
	uint16_t order[SYMBOLS];
	memcpy(c, count, n * sizeof *c);
	memset(len, 0, n);
	unsigned used = sorted(order, c, n);
	while (huffman(len, c, order, used) > limit)
		for (unsigned s = 0; s < n; s++)
			c[s] = c[s] ? c[s] / 2 + 1 : 0; /* keeps the order */
}

/* Codes in the order of length, then of symbol.  source: RFC 1951 3.2.2 */
static void assign_codes(struct code *code, const uint8_t *len, unsigned n)
{
	unsigned count[16] = {0}, next[16] = {0};
	for (unsigned s = 0; s < n; s++)
		count[len[s]]++;
	count[0] = 0;
	for (unsigned b = 1; b < 16; b++)
		next[b] = (next[b - 1] + count[b - 1]) << 1;
	for (unsigned s = 0; s < n; s++) {
		unsigned v = len[s] ? next[len[s]]++ : 0, r = 0;
		for (unsigned b = 0; b < len[s]; b++)
			r |= (v >> b & 1) << (len[s] - 1 - b);
		code[s] = (struct code){(uint16_t)r, len[s]};
	}
}

/* ---- bits */

struct bits {
	uint8_t *at;
	uint64_t held;
	unsigned n; /* held, under 8 after a flush */
};

static inline void put(struct bits *b, uint64_t v, unsigned n)
{
	b->held |= v << b->n;
	b->n += n;
}

/* Whole bytes out: stores 8, keeps what is not whole. */
static inline void flush(struct bits *b)
{
	fox_store64(b->at, b->held);
	b->at += b->n >> 3;
	b->held >>= b->n & ~7u;
	b->n &= 7;
}

/* ---- the head: the lengths, as runs, in a code of their own */

struct run {
	uint8_t symbol, extra, n_extra;
};

struct head {
	struct run runs[LENGTHS];
	unsigned n_runs, n_codes; /* n_codes: of the lengths of the code for lengths, those that are told */
	uint8_t len[CODE_SYMBOLS];
	uint64_t n_bits;
};

static const uint8_t told_order[CODE_SYMBOLS] = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

static void add_run(struct head *h, unsigned symbol, unsigned extra, unsigned n_extra)
{
	h->runs[h->n_runs++] = (struct run){(uint8_t)symbol, (uint8_t)extra, (uint8_t)n_extra};
}

/* 17: 3 to 10 zeros, 18: 11 to 138; 16: the last length 3 to 6 times more. */
static void find_runs(struct head *h, const uint8_t *len)
{
	for (unsigned i = 0, n; i < LENGTHS; i += n) {
		for (n = 1; i + n < LENGTHS && len[i + n] == len[i];)
			n++;
		unsigned again = n;
		if (len[i])
			add_run(h, len[i], 0, 0), again--;
		while (again) {
			unsigned most = len[i] ? 6 : 138, k = again < most ? again : most;
			if (k < 3)
				k = 1, add_run(h, len[i], 0, 0);
			else if (len[i])
				add_run(h, 16, k - 3, 2);
			else if (k < 11)
				add_run(h, 17, k - 3, 3);
			else
				add_run(h, 18, k - 11, 7);
			again -= k;
		}
	}
}

static void plan_head(struct head *h, const uint8_t *len)
{
	uint32_t count[CODE_SYMBOLS] = {0};
	*h = (struct head){0};
	find_runs(h, len);
	for (unsigned i = 0; i < h->n_runs; i++)
		count[h->runs[i].symbol]++;
	/* the distance code has no bits and END has some: two symbols at least */
	choose_lengths(h->len, count, CODE_SYMBOLS, CODE_LIMIT);
	for (h->n_codes = CODE_SYMBOLS; h->n_codes > 4 && !h->len[told_order[h->n_codes - 1]];)
		h->n_codes--;
	h->n_bits = 3 + 5 + 5 + 4 + 3 * h->n_codes;
	for (unsigned i = 0; i < h->n_runs; i++)
		h->n_bits += h->len[h->runs[i].symbol] + h->runs[i].n_extra;
}

static void put_head(struct bits *b, const struct head *h)
{
	struct code code[CODE_SYMBOLS];
	assign_codes(code, h->len, CODE_SYMBOLS);
	put(b, 1, 1); /* the last block */
	put(b, 2, 2); /* codes of its own */
	put(b, 0, 5); /* 257 literals and lengths */
	put(b, 0, 5); /* 1 distance */
	put(b, h->n_codes - 4, 4);
	flush(b);
	for (unsigned i = 0; i < h->n_codes; i++) {
		put(b, h->len[told_order[i]], 3);
		flush(b);
	}
	for (unsigned i = 0; i < h->n_runs; i++) {
		const struct run *r = &h->runs[i];
		put(b, code[r->symbol].bits, code[r->symbol].n);
		put(b, r->extra, r->n_extra);
		flush(b);
	}
}

/* ---- the whole */

/* Four tables, because one and the same counter twice in a row would wait for itself. */
static void count_bytes(uint32_t *count, const uint8_t *src, size_t n)
{
	uint32_t c[4][LITERALS];
	memset(c, 0, sizeof c);
	size_t i = 0;
	for (; n - i >= 8; i += 8) {
		uint64_t v = fox_load64(src + i);
		for (unsigned k = 0; k < 8; k++)
			c[k & 3][v >> (8 * k) & 255]++;
	}
	for (; i < n; i++)
		c[0][src[i]]++;
	for (unsigned s = 0; s < LITERALS; s++)
		count[s] = c[0][s] + c[1][s] + c[2][s] + c[3][s];
}

static void put_literals(struct bits *to, const struct code *code, const uint8_t *src, size_t n)
{
	struct bits b = *to; /* in registers: stores of bytes could change *to */
	size_t i = 0;
	for (; n - i >= 4; i += 4) {
		struct code c0 = code[src[i]], c1 = code[src[i + 1]], c2 = code[src[i + 2]], c3 = code[src[i + 3]];
		uint64_t lo = c0.bits | (uint64_t)c1.bits << c0.n, hi = c2.bits | (uint64_t)c3.bits << c2.n;
		unsigned n_lo = c0.n + c1.n;
		put(&b, lo | hi << n_lo, n_lo + c2.n + c3.n);
		flush(&b);
	}
	for (; i < n; i++) {
		put(&b, code[src[i]].bits, code[src[i]].n);
		flush(&b);
	}
	*to = b;
}

size_t fox_huffman_deflate(uint8_t *dst, size_t room, const uint8_t *src, size_t n)
{
	uint32_t count[SYMBOLS];
	uint8_t len[LENGTHS];
	struct code code[SYMBOLS];
	struct head head;
	count_bytes(count, src, n);
	count[END] = 1;
	choose_lengths(len, count, SYMBOLS, LIMIT);
	len[SYMBOLS] = 0;
	plan_head(&head, len);
	uint64_t n_bits = head.n_bits;
	for (unsigned s = 0; s < SYMBOLS; s++)
		n_bits += (uint64_t)count[s] * len[s];
	if ((n_bits + 7) / 8 > room)
		return 0;
	assign_codes(code, len, SYMBOLS);
	struct bits b = {.at = dst};
	put_head(&b, &head);
	put_literals(&b, code, src, n);
	put(&b, code[END].bits, code[END].n);
	flush(&b);
	if (b.n)
		flush(&(struct bits){.at = b.at, .held = b.held, .n = b.n});
	return (size_t)((n_bits + 7) / 8);
}
