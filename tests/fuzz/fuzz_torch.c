/* fuzz_torch.c - any bytes as a file of torch.save: refused with a reason, or every tensor can be read. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/strided.h"
#include "format/torch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_arena a = {0};
	struct fox_err err = {0};
	struct fox_st_tensors ts;
	struct fox_file f = {.fd = memfd_create("torch", MFD_CLOEXEC), .open = true, .size = size};
	if (f.fd < 0 || write(f.fd, data, size) != (ssize_t)size)
		return 0;
	if (!fox_torch_read(&ts, &a, &f, 0, &err)) {
		for (size_t i = 0; i < ts.n && i < 16; i++) {
			const struct fox_src_tensor *t = &ts.list[i];
			if (t->bytes > size) /* no two elements share bytes */
				abort();
			void *p = malloc((size_t)t->bytes + !t->bytes);
			struct fox_err e = {0};
			if (p && (t->view ? fox_strided_read(t->view, &f, 0, t->n_elems, p, &e)
			                  : fox_file_read(&f, t->at, p, (size_t)t->bytes, &e)))
				abort();
			free(p);
		}
	} else if (!err.code || !err.text[0]) {
		abort();
	}
	fox_arena_free(&a);
	fox_file_close(&f);
	return 0;
}
