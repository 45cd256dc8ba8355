/* src_make.h - checkpoint folders for tests, beneath test_dir(); "@" stands for that folder in expected
 * texts. */
#ifndef FOX_SRC_MAKE_H
#define FOX_SRC_MAKE_H

#include <errno.h>
#include <sys/stat.h>

#include "tests/st_make.h"
#include "tests/test.h"

#define SRC_INDEX "model.safetensors.index.json"

static inline void src_folder(const char *name)
{
	if (mkdir(test_path(name), 0700) && errno != EEXIST)
		abort();
}

static inline void src_text(const char *name, const char *text)
{
	test_write(test_path(name), text, strlen(text));
}

static inline void src_st(const char *name, const char *header, size_t n_data)
{
	struct fox_buf b = {0};
	st_make(&b, header, n_data);
	test_write(test_path(name), b.p, b.n);
	fox_buf_free(&b);
}

static inline void src_link(const char *target, const char *name)
{
	if (symlink(target, test_path(name)))
		abort();
}

/* text with every "@" replaced by test_dir() */
static inline void src_expand(char *out, size_t cap, const char *text)
{
	size_t n = 0;
	out[0] = 0;
	for (; *text; text++) {
		if (*text == '@')
			n += (size_t)snprintf(out + n, cap - n, "%s", test_dir());
		else
			n += (size_t)snprintf(out + n, cap - n, "%c", *text);
		if (n >= cap)
			abort();
	}
}

/* The whole of an error: code, offset, text and file. */
static inline void src_check(
    const struct fox_err *err, enum fox_status code, uint64_t at, const char *text, const char *file)
{
	char want[2048];
	src_expand(want, sizeof want, text);
	assert_fox_err(err, code, at, want);
	src_expand(want, sizeof want, file);
	assert_string_equal(err->file, want);
}

#endif
