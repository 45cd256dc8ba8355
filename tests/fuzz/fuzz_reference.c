/* fuzz_reference.c - any bytes as a reference: .safetensors when the first byte is 's', else .npz, the rest being the file.
 * What opens must have arrays of the sizes it tells; a failure must leave a reason and nothing behind. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "inspect/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[256];

static void leave(void)
{
	char path[320];
	static const char *const names[] = {"r.npz", "r.safetensors"};
	for (size_t i = 0; i < FOX_COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void use(const struct fox_reference *r)
{
	double sum = 0;
	for (uint64_t i = 0; i < r->n; i++)
		sum += r->ids[i];
	for (uint64_t i = 0; i < r->n * r->n_vocab; i++)
		sum += (double)r->logits[i];
	for (uint64_t i = 0; i < r->n_layers * r->n * r->d_model; i++)
		sum += (double)r->hidden[i];
	if (!r->n || !r->n_vocab || !r->n_layers != !r->hidden || sum != sum)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_reference r;
	struct fox_err err = {0};
	char path[320];
	if (!dir[0]) {
		const char *base = getenv("TMPDIR");
		snprintf(dir, sizeof dir, "%s/fox-fuzz-XXXXXX", base ? base : "/tmp");
		if (!mkdtemp(dir) || atexit(leave))
			abort();
	}
	if (!size)
		return 0;
	snprintf(path, sizeof path, "%s/%s", dir, data[0] == 's' ? "r.safetensors" : "r.npz");
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(data + 1, 1, size - 1, f) != size - 1 || fclose(f))
		abort();
	if (!fox_reference_open(&r, path, &err))
		use(&r);
	else if (!err.code || !err.text[0] || r.ids || r.logits || r.hidden)
		abort();
	fox_reference_close(&r);
	return 0;
}
