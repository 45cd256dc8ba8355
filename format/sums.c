/* sums.c - SHA256SUMS. Refuses escaped names, names that leave the folder, and names that stand twice. */
#include "format/sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/io.h"
#include "format/base/map.h"

enum { PIECE = 1 << 20 };

static enum fox_status take_line(struct fox_sum *out, struct fox_str line, uint64_t at, struct fox_err *err)
{
	const size_t mark = FOX_SHA256_HEX;
	if (line.n < mark + 3 || line.p[mark] != ' ' || (line.p[mark + 1] != ' ' && line.p[mark + 1] != '*') ||
	    !fox_unhex(out->sha256.b, (struct fox_str){line.p, mark}, sizeof out->sha256.b))
		return fox_fail(err, FOX_E_FORMAT, at, "line is not 64 hex digits, two blanks and a file name");
	out->name = (struct fox_str){line.p + mark + 2, line.n - mark - 2};
	if (fox_name_check(out->name, err)) {
		if (err)
			err->at = at + mark + 2;
		return FOX_E_FORMAT;
	}
	return FOX_OK;
}

enum fox_status fox_sums_parse(
    struct fox_sums *out, struct fox_str text, struct fox_arena *arena, struct fox_err *err)
{
	struct fox_map names;
	size_t n = 0;
	*out = (struct fox_sums){0};
	if (text.n > FOX_SUMS_MAX_BYTES)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "%zu bytes are over the limit of %u", text.n, FOX_SUMS_MAX_BYTES);
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n' || i + 1 == text.n;
	if (!n)
		return fox_fail(err, FOX_E_FORMAT, 0, "there is no line in it");
	if (n > FOX_SUMS_MAX_FILES)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "%zu files are over the limit of %u", n, FOX_SUMS_MAX_FILES);
	char *copy = fox_arena_strdup(arena, text);
	struct fox_sum *list = fox_arena_alloc(arena, n, sizeof *list);
	if (!copy || !list || !fox_map_init(&names, arena, n))
		return fox_fail_nomem(err);
	size_t begin = 0;
	for (size_t i = 0; i < n; i++) {
		const char *end = memchr(copy + begin, '\n', text.n - begin);
		size_t len = end ? (size_t)(end - copy) - begin : text.n - begin;
		enum fox_status s = take_line(&list[i], (struct fox_str){copy + begin, len}, begin, err);
		if (s)
			return s;
		if (fox_map_put(&names, list[i].name, (uint32_t)i) != FOX_MAP_NONE)
			return fox_fail(err, FOX_E_FORMAT, begin, "file name '%.*s' stands twice", FOX_STR_ARG(list[i].name));
		begin += len + 1;
	}
	*out = (struct fox_sums){list, n};
	return FOX_OK;
}

void fox_sums_put(struct fox_buf *out, struct fox_str name, const struct fox_sha256 *sha256)
{
	char hex[FOX_SHA256_HEX + 1];
	fox_hex(hex, sha256->b, sizeof sha256->b);
	fox_buf_fmt(out, "%s  ", hex);
	fox_buf_add(out, name.p, name.n);
	fox_buf_char(out, '\n');
}

void fox_sums_folder(struct fox_buf *out, const char *path)
{
	const char *slash = strrchr(path, '/');
	fox_buf_clear(out);
	if (!slash)
		fox_buf_char(out, '.');
	else
		fox_buf_add(out, path, slash == path ? 1 : (size_t)(slash - path));
}

void fox_sums_beside(struct fox_buf *out, const char *path)
{
	const char *slash = strrchr(path, '/');
	fox_buf_clear(out);
	fox_buf_add(out, path, slash ? (size_t)(slash - path) + 1 : 0);
	fox_buf_str(out, FOX_SUMS_FILE);
}

/* Where a folder really is: malloc'd. */
static enum fox_status real_folder(char **out, const char *path, struct fox_err *err)
{
	*out = realpath(path, NULL);
	return *out ? FOX_OK : fox_fail_errno(err, errno, "cannot find the folder '%s'", path);
}

enum fox_status fox_sums_name(struct fox_buf *out, const char *folder, const char *path, struct fox_err *err)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char *root = NULL, *place = NULL;
	fox_sums_folder(out, path);
	if (out->failed)
		return fox_fail_nomem(err);
	enum fox_status s = real_folder(&root, folder, err);
	if (!s)
		s = real_folder(&place, out->p, err);
	if (!s) {
		size_t n = strcmp(root, "/") ? strlen(root) : 0; /* of "/" all paths are below */
		bool below = !strncmp(place, root, n) && (!place[n] || place[n] == '/');
		fox_buf_clear(out);
		if (!below)
			s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%s' lies neither in '%s' nor below it", path, folder);
		else if (place[n] && place[n + 1])
			fox_buf_fmt(out, "%s/", place + n + 1);
		fox_buf_str(out, base);
		if (!s)
			s = out->failed ? fox_fail_nomem(err) : fox_name_check(fox_buf_view(out), err);
	}
	free(root);
	free(place);
	return s;
}

enum fox_status fox_sums_file(struct fox_sha256 *out, const struct fox_file *f, struct fox_err *err)
{
	struct fox_sha256_state *sha = fox_sha256_open();
	uint8_t *buf = malloc(PIECE);
	enum fox_status s = sha && buf ? FOX_OK : fox_fail_nomem(err);
	for (uint64_t at = 0; at < f->size && !s; at += PIECE) {
		size_t n = f->size - at < PIECE ? (size_t)(f->size - at) : PIECE;
		s = fox_cancelled(err);
		if (!s)
			s = fox_file_read(f, at, buf, n, err);
		if (!s)
			s = fox_sha256_add(sha, buf, n, err);
	}
	if (!s)
		s = fox_file_unchanged(f, err);
	if (!s)
		s = fox_sha256_final(sha, out, err);
	free(buf);
	fox_sha256_close(sha);
	return s;
}
