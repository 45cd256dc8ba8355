/* source_home.c - what a path stands for: a folder, a part of the HF cache, a weight file, an archive, a repository id.
 * spec/sources.md */
#include "format/source_home.h"

#include <errno.h>
#include <sys/stat.h>

#include "format/source.h"
#include "format/stranger.h"

static enum fox_status place_folder(struct fox_source_home *s, const char *path, struct fox_err *err)
{
	enum fox_status st = fox_hf_locate(&s->hf, s->arena, path, &s->cached, err);
	if (st || s->cached)
		return st;
	struct fox_str dir = fox_str_of(path);
	while (dir.n > 1 && dir.p[dir.n - 1] == '/')
		dir.n--;
	s->hf.dir = s->hf.root = fox_arena_strdup(s->arena, dir);
	return s->hf.dir ? FOX_OK : fox_fail_nomem(err);
}

static bool is_torch(struct fox_str name)
{
	return fox_str_ends(name, ".bin") || fox_str_ends(name, ".pt") || fox_str_ends(name, ".pth");
}

static enum fox_status sniff(const char *path, enum fox_archive_kind *kind, struct fox_err *err)
{
	struct fox_file f;
	enum fox_status st = fox_file_open(&f, path, err);
	if (st)
		return st;
	st = fox_archive_sniff(&f, kind, err);
	fox_file_close(&f);
	return st;
}

bool fox_source_is_archive(const char *path)
{
	enum fox_archive_kind kind;
	struct fox_str name = fox_str_of(path);
	return !is_torch(name) && !fox_str_ends(name, ".safetensors") && !sniff(path, &kind, NULL) && kind;
}

/* A file whose name is no weight file's: an archive, if its bytes say so. */
static enum fox_status place_archive(struct fox_source_home *s, const char *path, struct fox_err *err)
{
	enum fox_archive_kind kind;
	enum fox_status st = sniff(path, &kind, err);
	if (!st && !kind)
		st = fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'%s' is %s", path, fox_stranger_kind(fox_str_of(path)));
	s->hf.dir = s->hf.root = fox_arena_strdup(s->arena, fox_str_of(path));
	if (!st && !s->hf.dir)
		st = fox_fail_nomem(err);
	return st ? st : fox_archive_files_open(&s->archive, path, err);
}

static enum fox_status place_file(struct fox_source_home *s, const char *path, struct fox_err *err)
{
	struct fox_str text = fox_str_of(path);
	size_t cut = text.n;
	s->torch = is_torch(text);
	if (!s->torch && !fox_str_ends(text, ".safetensors"))
		return place_archive(s, path, err);
	while (cut && path[cut - 1] != '/')
		cut--;
	const char *dir = cut ? fox_arena_strdup(s->arena, (struct fox_str){path, cut}) : ".";
	s->one_file = fox_arena_strdup(s->arena, text);
	if (!dir || !s->one_file)
		return fox_fail_nomem(err);
	return place_folder(s, dir, err);
}

enum fox_status fox_source_locate(
    struct fox_source_home *s, const char *path, struct fox_arena *arena, struct fox_err *err)
{
	struct stat st;
	*s = (struct fox_source_home){.arena = arena};
	if (stat(path, &st)) {
		if ((errno == ENOENT || errno == ENOTDIR) && fox_hf_is_id(fox_str_of(path))) {
			struct fox_hf_env env = fox_hf_env();
			s->cached = true;
			return fox_hf_find(&s->hf, s->arena, &env, path, err);
		}
		return fox_fail_errno(err, errno, "cannot open '%s'", path);
	}
	if (S_ISDIR(st.st_mode))
		return place_folder(s, path, err);
	if (S_ISREG(st.st_mode))
		return place_file(s, path, err);
	return fox_fail(err, FOX_E_IO, FOX_NOWHERE, "'%s' is a device, FIFO or socket", path);
}
