/* Any bytes as a zip file: every member that opens is unpacked into a block of exactly its size. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_err err = {0};
	struct fox_zip *z;
	struct fox_file f = {.fd = memfd_create("zip", MFD_CLOEXEC), .open = true, .size = size};
	if (f.fd < 0 || write(f.fd, data, size) != (ssize_t)size)
		return 0;
	if (fox_zip_open(&z, &f, &err) == FOX_OK) {
		for (size_t i = 0; i < fox_zip_members(z); i++) {
			const struct fox_zip_member *m = fox_zip_member(z, i);
			struct fox_err e = {0};
			void *p = m->bytes <= 1 << 24 ? malloc((size_t)m->bytes + !m->bytes) : NULL;
			if (p && fox_zip_read(z, m, p, &e) != FOX_OK && e.code == FOX_OK)
				__builtin_trap();
			free(p);
		}
		fox_zip_close(z);
	} else if (err.code == FOX_OK) {
		__builtin_trap();
	}
	fox_file_close(&f);
	return 0;
}
