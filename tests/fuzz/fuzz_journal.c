/* fuzz_journal.c - any bytes as a journal beside a container: it is refused, or its headers lie inside it and every question
 * about a file is answered. The first byte says how many of the bytes are the file. */
#include <stdlib.h>

#include "format/head_journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_head_journal j = {0};
	struct fox_err err = {0};
	if (!size)
		return 0;
	size_t file = data[0] < size ? data[0] : size - 1; /* at the end */
	struct fox_span bytes = {data + 1, size - 1 - file};
	enum fox_status s = fox_head_journal_parse(&j, bytes, &err);
	if (s != err.code || (s && !err.text[0]))
		abort();
	if (s)
		return 0;
	if (j.was.n != j.is.n || j.was.p < bytes.p || j.is.p + j.is.n != bytes.p + bytes.n ||
	    j.was.p + j.was.n != j.is.p)
		abort();
	enum fox_head_fit fit = fox_head_journal_fit(&j, (struct fox_span){data + size - file, file});
	if (fit == FOX_HEAD_TORN && file < j.is.n)
		abort();
	return 0;
}
