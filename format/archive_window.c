/* archive_window.c - the first headers of xz and zstd. */
#include "format/archive_window.h"

#include "format/archive.h"
#include "format/base/num.h"

/* Bytes that the first block of xz looks back over; 0 where this cannot be told.  source: xz format 1.2, 3.1 and 5.3.1 */
static uint64_t xz_window(const uint8_t *b, size_t n)
{
	size_t i = 14, end = 12 + ((size_t)b[12] + 1) * 4;
	if (n < 12 + 8 || end > n)
		return 0;
	for (int sizes = !!(b[13] & 0x40) + !!(b[13] & 0x80); sizes; sizes--) {
		while (i < end && b[i] & 0x80)
			i++;
		i++;
	}
	for (int filters = (b[13] & 3) + 1; filters && i + 2 < end; filters--) {
		if (b[i] == 0x21 && b[i + 1] == 1)
			return b[i + 2] > 40    ? 0
			       : b[i + 2] == 40 ? UINT32_MAX
			                        : (2ull | (b[i + 2] & 1)) << (b[i + 2] / 2 + 11);
		i += 2 + b[i + 1];
	}
	return 0;
}

/* Likewise the first frame of zstd.  source: RFC 8878 3.1.1.1 */
static uint64_t zstd_window(const uint8_t *b)
{
	if (!(b[4] & 0x20))
		return ((8ull + (b[5] & 7)) << 10 << (b[5] >> 3)) / 8;
	static const size_t dictionary[] = {0, 1, 2, 4};
	const uint8_t *size = b + 5 + dictionary[b[4] & 3];
	switch (b[4] >> 6) {
	case 0:
		return size[0];
	case 1:
		return fox_load16(size) + 256u;
	case 2:
		return fox_load32(size);
	default:
		return fox_load64(size);
	}
}

enum fox_status fox_archive_check_window(const struct fox_file *f, struct fox_err *err)
{
	uint8_t b[12 + 1024] = {0}; /* the longest header of a block */
	size_t n = f->size < sizeof b ? (size_t)f->size : sizeof b;
	uint64_t window = 0;
	enum fox_archive_kind kind;
	enum fox_status s = fox_archive_sniff(f, &kind, err);
	if (!s)
		s = fox_file_read(f, 0, b, n, err);
	if (s)
		return s;
	if (kind == FOX_ARCHIVE_XZ)
		window = xz_window(b, n);
	else if (kind == FOX_ARCHIVE_ZSTD)
		window = zstd_window(b);
	if (window > FOX_ARCHIVE_MAX_WINDOW)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "to unpack it takes a window of %llu bytes, more than %llu", (unsigned long long)window,
		    FOX_ARCHIVE_MAX_WINDOW);
	return FOX_OK;
}
