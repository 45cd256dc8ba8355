/* tok_bytes.c - ill-formed UTF-8; GPT-2's byte alphabet: printable Latin-1 stands for itself, the other 68 bytes for U+0100 and on.
 * source: openai/gpt-2 src/encoder.py bytes_to_unicode */
#include "runtime/tok_norm.h"

static bool is_plain(uint32_t b)
{
	return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xff && b != 0xad);
}

uint32_t tok_byte_char(uint8_t byte)
{
	if (is_plain(byte))
		return byte;
	if (byte <= 0x20)
		return 0x100u + byte;
	return byte == 0xad ? 0x143 : 0x121u + (byte - 0x7fu); /* 7f to a0, then ad */
}

int tok_char_byte(int32_t code)
{
	if (code < 0 || code > 0x143)
		return -1;
	if (code < 0x100)
		return is_plain((uint32_t)code) ? code : -1;
	if (code <= 0x120)
		return code - 0x100;
	return code == 0x143 ? 0xad : code - 0x121 + 0x7f;
}

void tok_bytes_as_chars(struct fox_buf *out, struct fox_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c[4];
		fox_buf_add(out, c, fox_utf8_put(c, tok_byte_char((uint8_t)s.p[i])));
	}
}

bool tok_chars_as_bytes(struct fox_buf *out, struct fox_str s)
{
	size_t n = out->n;
	for (size_t i = 0; i < s.n;) {
		int b = tok_char_byte(fox_utf8_next(s, &i));
		if (b < 0) {
			out->n = n;
			return false;
		}
		fox_buf_char(out, (char)b);
	}
	return true;
}

size_t tok_bad_part(struct fox_str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	uint8_t low = 0x80, high = 0xbf; /* of the second byte.   source: Unicode 15 table 3-7 */
	size_t want = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
	              : p[0] >= 0xe0 && p[0] <= 0xef ? 3
	              : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
	                                             : 1;
	if (p[0] == 0xe0)
		low = 0xa0;
	if (p[0] == 0xf0)
		low = 0x90;
	if (p[0] == 0xed)
		high = 0x9f;
	if (p[0] == 0xf4)
		high = 0x8f;
	size_t n = 1;
	for (; n < want && n < s.n; n++) {
		if (p[n] < low || p[n] > high)
			break;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}
