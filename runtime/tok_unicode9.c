/* tok_unicode9.c - what the normalizers of tokenizers do not know: their tables are those of Unicode 9.
 *
 * Code points that came (or got a combining class) later and that would change under a normal form or StripAccents.
 * Gaps between them hold only code points that nothing changes. Found by asking tokenizers 0.23.3 about every code
 * point that utf8proc 2.8.0 (Unicode 15) changes.   source: unicode-normalization-alignments 0.1.12, whose
 * UNICODE_VERSION is 9.0.0 */
#include "runtime/tok_norm.h"

static const uint32_t ranges[][2] = {{0x7fd, 0x7fd}, {0x898, 0x8d3}, {0x9fe, 0x9fe}, {0xafa, 0xaff}, {0xb55, 0xb55},
    {0xc04, 0xc3c}, {0xcf3, 0xd00}, {0xd3b, 0xd3c}, {0xd81, 0xd81}, {0xeba, 0xeba}, {0xece, 0xece}, {0x1715, 0x1715},
    {0x180f, 0x180f}, {0x1abf, 0x1ace}, {0x1cf7, 0x1cf7}, {0x1df6, 0x1dfa}, {0x32ff, 0x32ff}, {0xa7f2, 0xa7f4},
    {0xa82c, 0xa82c}, {0xa8ff, 0xa8ff}, {0xab69, 0xab69}, {0x10781, 0x107ba}, {0x10d24, 0x10f85}, {0x11070, 0x11074},
    {0x110c2, 0x110c2}, {0x11145, 0x11146}, {0x111c9, 0x111c9}, {0x111ce, 0x111cf}, {0x11241, 0x11241},
    {0x1133b, 0x1133b}, {0x1145e, 0x1145e}, {0x1182c, 0x11a99}, {0x11d31, 0x13455}, {0x16f4f, 0x16f4f},
    {0x16f7f, 0x16f87}, {0x16fe4, 0x16ff1}, {0x1cf00, 0x1cf46}, {0x1e030, 0x1e4ef}, {0x1f16c, 0x1f16c},
    {0x1fbf0, 0x1fbf9}};

bool tok_after_unicode9(int32_t code)
{
	size_t low = 0, high = FOX_COUNT(ranges);
	while (low < high) {
		size_t mid = (low + high) / 2;
		if ((uint32_t)code > ranges[mid][1])
			low = mid + 1;
		else
			high = mid;
	}
	return low < FOX_COUNT(ranges) && (uint32_t)code >= ranges[low][0];
}
