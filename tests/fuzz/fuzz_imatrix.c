/* fuzz_imatrix.c - any bytes as an importance matrix, of either form: refused with a reason, or all that is offered is what
 * imatrix.h promises. */
#include <math.h>
#include <stdlib.h>

#include "format/imatrix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct fox_imatrix *im, size_t i)
{
	const struct fox_imatrix_entry *e = &im->entries[i];
	if (!e->name.n || !e->n_values || (e->n_mats && e->n_values % e->n_mats) || e->n_unseen > e->n_values)
		abort();
	if (i && fox_str_cmp(im->entries[i - 1].name, e->name) >= 0)
		abort();
	for (uint64_t k = 0; k < e->n_values; k++)
		if (!(e->means[k] >= 0) || isinf(e->means[k]))
			abort();
	for (uint64_t k = 0; k < e->n_mats; k++)
		if (!(e->counts[k] >= 0))
			abort();
	if (fox_imatrix_find(im, e->name) != e)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_imatrix *im;
	struct fox_err err = {0};
	enum fox_status s = fox_imatrix_open_bytes(&im, (struct fox_span){data, size}, "fuzz", &err);
	if ((s == FOX_OK) != (im != NULL) || s != err.code || (s && !err.text[0]))
		abort();
	for (size_t i = 0; im && i < im->n_entries; i++)
		check(im, i);
	volatile unsigned sum = 0;
	for (size_t i = 0; im && i < im->n_datasets; i++)
		for (size_t k = 0; k < im->datasets[i].n; k++)
			sum += (unsigned char)im->datasets[i].p[k]; /* asan: all of it is there */
	(void)sum;
	if (im) {
		const float *p;
		const struct fox_imatrix_entry *e = &im->entries[im->n_entries / 2];
		if (fox_imatrix_for(im, &p, e->name, e->n_values, 1, NULL) == FOX_OK && p && !e->used)
			abort();
		size_t n = 0;
		while (fox_imatrix_unused(im, n))
			n++;
		if (n + e->used != im->n_entries)
			abort();
	}
	fox_imatrix_close(im);
	return 0;
}
