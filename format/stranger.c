/* stranger.c - naming what lies where weights should be.  spec/sources.md section 4 */
#include "format/stranger.h"

#include <dirent.h>
#include <errno.h>

#define LFS_MARK "version https://git-lfs.github.com/spec/v1"
#define LFS_MAX_BYTES 1023u /* source: git-lfs docs/spec.md, pointer files are less than 1024 bytes */

/* What lies in a folder without safetensors, told by the end of its name. In order of interest. */
static const struct {
	const char *suffix, *what;
} strangers[] = {
    {".safetensors", "safetensors of another name: give that file's path, or an index"},
    {".gguf", "a container already"},
    {".bin", "PyTorch weights of another name: give that file's path, or an index"},
    {".pth", "PyTorch weights of another name: give that file's path"},
    {".pt", "PyTorch weights of another name: give that file's path"},
    {".ckpt", "a training checkpoint, which is not read: save its weights as safetensors first"},
    {".h5", "TensorFlow weights, which are not read"},
    {".msgpack", "Flax weights, which are not read"},
    {".npz", "NumPy arrays, which are not read"},
    {".onnx", "an ONNX graph, which is not read"},
};

static size_t stranger_of(struct fox_str name)
{
	size_t i = 0;
	while (i < FOX_COUNT(strangers) && !fox_str_ends(name, strangers[i].suffix))
		i++;
	return i;
}

const char *fox_stranger_kind(struct fox_str name)
{
	size_t i = stranger_of(name);
	return i < FOX_COUNT(strangers) ? strangers[i].what
	                                : "neither a folder nor a weight file (.safetensors, .bin, .pt, .pth)";
}

bool fox_stranger_tells(struct fox_str name, struct fox_str best)
{
	size_t kind = stranger_of(name), old = best.p ? stranger_of(best) : FOX_COUNT(strangers);
	return kind < old || (kind == old && best.p && fox_str_cmp(name, best) < 0);
}

enum fox_status fox_stranger_fail(const char *where, struct fox_str best, struct fox_err *err)
{
	if (!best.p)
		return fox_fail(err, FOX_E_IO, FOX_NOWHERE,
		    "neither model.safetensors nor pytorch_model.bin in this %s, nor an index of either", where);
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "neither model.safetensors nor pytorch_model.bin in this %s, nor an index of either, but "
	    "'%.*s': %s",
	    where, FOX_STR_ARG(best), strangers[stranger_of(best)].what);
}

enum fox_status fox_stranger_name(const char *dir, struct fox_err *err)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	char name[sizeof e->d_name] = "";
	struct fox_str best = {NULL, 0};
	if (!d)
		return fox_fail_errno(err, errno, "cannot open folder '%s'", dir);
	while ((e = readdir(d)))
		if (fox_stranger_tells(fox_str_of(e->d_name), best)) {
			best = (struct fox_str){name, strlen(e->d_name)};
			memcpy(name, e->d_name, best.n + 1);
		}
	closedir(d);
	enum fox_status st = fox_stranger_fail("folder", best, err);
	fox_in_file(err, dir);
	return st;
}

/* The value of "key " at the start of a line of a pointer file; empty when absent. */
static struct fox_str lfs_field(struct fox_str text, const char *key)
{
	size_t k = strlen(key);
	for (size_t i = 0; i + k < text.n; i++) {
		if ((i && text.p[i - 1] != '\n') || memcmp(text.p + i, key, k))
			continue;
		const char *from = text.p + i + k, *end = memchr(from, '\n', text.n - i - k);
		return (struct fox_str){from, end ? (size_t)(end - from) : text.n - i - k};
	}
	return (struct fox_str){"", 0};
}

enum fox_status fox_stranger_refuse_lfs(const struct fox_file *f, struct fox_err *err)
{
	char text[LFS_MAX_BYTES];
	size_t n = (size_t)f->size;
	if (f->size < sizeof LFS_MARK - 1 || f->size > sizeof text)
		return FOX_OK;
	enum fox_status s = fox_file_read(f, 0, text, n, err);
	if (s || memcmp(text, LFS_MARK, sizeof LFS_MARK - 1))
		return s;
	struct fox_str oid = lfs_field((struct fox_str){text, n}, "oid "),
	               size = lfs_field((struct fox_str){text, n}, "size ");
	s = fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "a Git LFS pointer, not the file: oid '%.*s', size '%.*s': run 'git lfs pull' in its folder",
	    FOX_STR_ARG(oid), FOX_STR_ARG(size));
	fox_in_file(err, f->path);
	return s;
}
