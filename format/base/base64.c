/* base64.c - base64, strictly. */
#include "format/base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool fox_base64_decode(uint8_t *out, size_t *n, struct fox_str text, size_t *bad)
{
	size_t end = text.n, ignored;
	uint32_t bits = 0;
	*n = 0;
	if (!bad)
		bad = &ignored;
	for (int pad = 0; pad < 2 && text.n % 4 == 0 && end && text.p[end - 1] == '='; pad++)
		end--;
	for (*bad = 0; *bad < end; ++*bad) {
		int v = value_of(text.p[*bad]);
		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		if (*bad % 4) /* the second, third and fourth digit each complete a byte */
			out[(*n)++] = (uint8_t)(bits >> (6 - 2 * (*bad % 4)));
	}
	if (text.n % 4)
		return *bad = text.n, false;
	/* what the last digit says beyond the last byte: 4 bits before two pads, 2 before one */
	uint32_t left = end % 4 == 2 ? bits & 15 : end % 4 == 3 ? bits & 3 : 0;
	if (left)
		return *bad = end - 1, false;
	return *bad = text.n, true;
}

void fox_base64_encode(struct fox_buf *out, const void *p, size_t n)
{
	const uint8_t *b = p;
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v =
		    (uint32_t)b[i] << 16 | (left > 1 ? (uint32_t)b[i + 1] << 8 : 0) | (left > 2 ? b[i + 2] : 0);
		char quad[4] = {digits[v >> 18], digits[v >> 12 & 63], left > 1 ? digits[v >> 6 & 63] : '=',
		    left > 2 ? digits[v & 63] : '='};
		fox_buf_add(out, quad, sizeof quad);
	}
}
