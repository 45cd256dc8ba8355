/* fuzz_tokfile.c - any bytes as recorded ids: every record is well-formed, a failure leaves a reason. */
#include <stdlib.h>

#include "inspect/tokfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_tokfile f;
	struct fox_tokfile_record r;
	struct fox_err err = {0};
	uint64_t line = 0, sum = 0;
	bool more = true;
	enum fox_status s = fox_tokfile_begin(&f, (struct fox_str){(const char *)data, size}, &err);
	while (!s && !(s = fox_tokfile_next(&f, &r, &more, &err)) && more) {
		if (r.line <= line || !r.text.p || (r.n_ids && !r.ids) || (r.has_decoded && !r.decoded.p))
			abort();
		line = r.line;
		for (size_t i = 0; i < r.n_ids; i++) {
			if (r.ids[i] < 0)
				abort();
			sum += (uint64_t)r.ids[i];
		}
		for (size_t i = 0; i < r.text.n; i++)
			sum += (uint8_t)r.text.p[i];
	}
	fox_tokfile_end(&f);
	if (s && (!err.code || !err.text[0]))
		abort();
	return sum == UINT64_MAX;
}
