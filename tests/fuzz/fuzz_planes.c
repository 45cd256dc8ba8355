/* Any bytes as a compressed container: refused, or what comes out compresses to a container that expands to the same. Hashes
 * are made right first, for no mutation would get past them; the stream decoder must take nothing that zlib does not. */
#include "format/deflate.h"
#include "kernels/huffman.h"
#include "tests/planes_make.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

/* The same bytes as one stream. */
static void check_stream(const uint8_t *data, size_t size)
{
	static struct fox_inflate *z;
	uint8_t a[600], b[600];
	if (!z)
		must((z = fox_inflate_open()) != NULL);
	if (size < 2)
		return;
	size_t n = fox_load16(data) % sizeof a + 1;
	if (fox_huffman_inflate(a, n, data + 2, size - 2))
		must(fox_inflate_run(z, b, n, data + 2, size - 2) && !memcmp(a, b, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *dir = getenv("TMPDIR");
	struct planes_bytes in = {malloc(size + 1), size}, out, again, back;
	struct fox_err err = {0};
	memcpy(in.p, data, size);
	check_stream(data, size);
	/* space is only asked for, but a sanitizer's machine is small */
	if (size >= 16 && fox_load64(data + 8) <= 1 << 26)
		planes_rehash(in);
	dir = dir ? dir : "/tmp";
	enum fox_status s = planes_run(&out, in, true, 0, 1, dir, &err);
	if (s && planes_adopt_hash(in, &err)) {
		err = (struct fox_err){0};
		s = planes_run(&out, in, true, 0, 1, dir, &err);
		must(!s);
	}
	must(s == err.code && !s == (out.p != NULL));
	if (!s) {
		uint32_t chunk_bytes = fox_load32(in.p + 24);
		s = planes_run(&again, out, false, chunk_bytes, 2, dir, &err);
		/* its own hashes may be wrong where no chunk told: the header's root alone */
		if (s)
			must(s == FOX_E_MISMATCH);
		else
			must(!planes_run(&back, again, true, 0, 1, dir, &err) && back.n == out.n && !memcmp(back.p, out.p, out.n));
		if (!s)
			free(back.p);
		free(again.p);
	}
	free(out.p);
	free(in.p);
	return 0;
}
