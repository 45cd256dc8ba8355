/* hfcache.c - finding a repository in the local cache, and opening its files without leaving it.
 *
 * Refuses commits and links of another form than the cache's own; reads the environment, and is the only
 * source file that does.  spec/sources.md section 3 */
#include "format/hfcache.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMIT_HEX 40
#define MODELS "models--"
#define STORE_MARKER ".huggingface-shared-blobs"

struct fox_hf_env fox_hf_env(void)
{
	return (struct fox_hf_env){
	    .hub_cache = getenv("HF_HUB_CACHE"),
	    .legacy_hub_cache = getenv("HUGGINGFACE_HUB_CACHE"),
	    .hf_home = getenv("HF_HOME"),
	    .xdg_cache_home = getenv("XDG_CACHE_HOME"),
	    .home = getenv("HOME"),
	};
}

/* The text of b in the arena, and b's memory freed; NULL when memory ran out. */
static const char *keep(struct fox_arena *a, struct fox_buf *b)
{
	const char *s = b->failed ? NULL : fox_arena_strdup(a, fox_buf_view(b));
	fox_buf_free(b);
	return s;
}

static const char *join(struct fox_arena *a, const char *x, const char *y)
{
	struct fox_buf b = {0};
	fox_buf_fmt(&b, "%s/%s", x, y);
	return keep(a, &b);
}

static bool is_hex(struct fox_str s, size_t n)
{
	uint8_t bytes[32];
	return n / 2 <= sizeof bytes && fox_unhex(bytes, s, n / 2);
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool contains(struct fox_str s, const char *two)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		if (s.p[i] == two[0] && s.p[i + 1] == two[1])
			return true;
	}
	return false;
}

bool fox_hf_is_id(struct fox_str id)
{
	size_t part = 0, parts = 0;
	if (!id.n || contains(id, "--") || contains(id, "..") || fox_str_ends(id, ".git"))
		return false;
	for (size_t i = 0; i <= id.n; i++) {
		if (i < id.n && id.p[i] != '/') {
			if (!is_word(id.p[i]) && id.p[i] != '-' && id.p[i] != '.')
				return false;
			continue;
		}
		if (i == part || i - part > 96 || !is_word(id.p[part]) || !is_word(id.p[i - 1]))
			return false;
		part = i + 1;
		parts++;
	}
	return parts <= 2;
}

static bool set(const char *s)
{
	return s && s[0];
}

enum fox_status fox_hf_hub(
    const char **out, struct fox_arena *a, const struct fox_hf_env *env, struct fox_err *err)
{
	const struct {
		const char *base, *below;
	} tries[] = {
	    {env->hub_cache, ""},
	    {env->legacy_hub_cache, ""},
	    {env->hf_home, "/hub"},
	    {env->xdg_cache_home, "/huggingface/hub"},
	    {env->home, "/.cache/huggingface/hub"},
	};
	*out = NULL;
	for (size_t i = 0; i < FOX_COUNT(tries); i++) {
		const char *base = tries[i].base;
		struct fox_buf b = {0};
		if (!set(base))
			continue;
		if (base[0] == '~' && (base[1] == '/' || !base[1]) && set(env->home)) {
			fox_buf_str(&b, env->home);
			base++;
		}
		fox_buf_str(&b, base);
		fox_buf_str(&b, tries[i].below);
		*out = keep(a, &b);
		return *out ? FOX_OK : fox_fail_nomem(err);
	}
	return FOX_OK;
}

/* "models--org--name" -> "org/name". *out stays NULL when the folder is called otherwise. */
static enum fox_status repo_of(
    const char **out, struct fox_arena *a, struct fox_str folder, struct fox_err *err)
{
	struct fox_buf b = {0};
	*out = NULL;
	if (!fox_str_starts(folder, MODELS))
		return FOX_OK;
	for (size_t i = strlen(MODELS); i < folder.n; i++) {
		bool mark = i + 1 < folder.n && folder.p[i] == '-' && folder.p[i + 1] == '-';
		fox_buf_char(&b, mark ? '/' : folder.p[i]);
		i += mark;
	}
	if (b.failed) {
		fox_buf_free(&b);
		return fox_fail_nomem(err);
	}
	if (!fox_hf_is_id(fox_buf_view(&b))) {
		fox_buf_free(&b);
		return FOX_OK;
	}
	*out = keep(a, &b);
	return *out ? FOX_OK : fox_fail_nomem(err);
}

static bool is_folder(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Read refs/main, and place dir there. out->root and out->repo are set. */
static enum fox_status take_main(struct fox_hf_place *out, struct fox_arena *a, struct fox_err *err)
{
	struct fox_file f = {0};
	char *text = NULL;
	size_t n;
	const char *ref = join(a, out->root, "refs/main");
	struct stat st;
	if (!ref)
		return fox_fail_nomem(err);
	if (lstat(ref, &st) && (errno == ENOENT || errno == ENOTDIR))
		return fox_fail(err, FOX_E_IO, FOX_NOWHERE,
		    "cached repository '%s' has no refs/main: name one of the folders in its snapshots/", out->root);
	enum fox_status s = fox_file_open_beneath(&f, out->root, out->root, fox_str_of("refs/main"), err);
	if (s)
		return s;
	s = fox_file_slurp(&f, 256, &text, &n, err);
	fox_file_close(&f);
	if (s)
		return s;
	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' '))
		n--;
	struct fox_str commit = {text, n};
	if (!is_hex(commit, COMMIT_HEX)) {
		s = fox_fail(err, FOX_E_FORMAT, 0, "'%.*s' is no commit, want 40 hex digits", FOX_STR_ARG(commit));
		fox_in_file(err, ref);
	} else if (!(out->revision = fox_arena_strdup(a, commit)) ||
	           !(out->dir = join(a, out->root, "snapshots")) ||
	           !(out->dir = join(a, out->dir, out->revision))) {
		s = fox_fail_nomem(err);
	} else if (!is_folder(out->dir)) {
		s = fox_fail(err, FOX_E_IO, FOX_NOWHERE, "refs/main names snapshot '%s', which is not in the cache",
		    out->revision);
		fox_in_file(err, ref);
	}
	free(text);
	return s;
}

enum fox_status fox_hf_find(struct fox_hf_place *out, struct fox_arena *a, const struct fox_hf_env *env,
    const char *id, struct fox_err *err)
{
	const char *hub;
	struct fox_buf b = {0};
	*out = (struct fox_hf_place){0};
	enum fox_status s = fox_hf_hub(&hub, a, env, err);
	if (s)
		return s;
	if (!hub)
		return fox_fail(err, FOX_E_IO, FOX_NOWHERE,
		    "'%s' does not exist, and neither HF_HUB_CACHE, HF_HOME nor HOME says where a cache is", id);
	fox_buf_fmt(&b, "%s/" MODELS, hub);
	for (const char *c = id; *c; c++)
		fox_buf_str(&b, *c == '/' ? "--" : (char[]){*c, 0});
	out->root = keep(a, &b);
	out->repo = fox_arena_strdup(a, fox_str_of(id));
	if (!out->root || !out->repo)
		return fox_fail_nomem(err);
	if (!is_folder(out->root))
		return fox_fail(err, FOX_E_IO, FOX_NOWHERE,
		    "'%s' does not exist, and the local cache '%s' does not hold such a repository", id, hub);
	return take_main(out, a, err);
}

/*
 * Split ".../models--x/snapshots/REV[/...]". Only texts that mean what they say: no "..", which a link may
 * turn elsewhere.
 */
static bool split_snapshot(
    struct fox_str path, struct fox_str *root, struct fox_str *folder, struct fox_str *rev)
{
	struct fox_str part[3] = {{"", 0}, {"", 0}, {"", 0}}; /* the last three components */
	bool found = false;
	for (size_t i = 0, begin = 0; i <= path.n; i++) {
		if (i < path.n && path.p[i] != '/')
			continue;
		struct fox_str c = {path.p + begin, i - begin};
		begin = i + 1;
		if (fox_str_is(c, ".."))
			return false;
		if (!c.n || fox_str_is(c, "."))
			continue;
		part[0] = part[1], part[1] = part[2], part[2] = c;
		if (fox_str_is(part[1], "snapshots") && fox_str_starts(part[0], MODELS)) {
			*root = (struct fox_str){path.p, (size_t)(part[0].p + part[0].n - path.p)};
			*folder = part[0];
			*rev = part[2];
			found = true;
		}
	}
	return found;
}

static enum fox_status locate(
    struct fox_hf_place *out, struct fox_arena *a, const char *path, bool *found, struct fox_err *err)
{
	struct fox_str text = fox_str_of(path), root, folder, rev;
	while (text.n > 1 && text.p[text.n - 1] == '/')
		text.n--;
	if (split_snapshot(text, &root, &folder, &rev)) {
		out->root = fox_arena_strdup(a, root);
		out->dir = fox_arena_strdup(a, text);
		out->revision = is_hex(rev, COMMIT_HEX) ? fox_arena_strdup(a, rev) : NULL;
		*found = true;
		if (!out->root || !out->dir || (is_hex(rev, COMMIT_HEX) && !out->revision))
			return fox_fail_nomem(err);
		return repo_of(&out->repo, a, folder, err);
	}
	size_t base = text.n;
	while (base && text.p[base - 1] != '/')
		base--;
	folder = (struct fox_str){text.p + base, text.n - base};
	const char *snapshots = join(a, path, "snapshots");
	if (!snapshots)
		return fox_fail_nomem(err);
	if (!fox_str_starts(folder, MODELS) || !is_folder(snapshots))
		return FOX_OK;
	*found = true;
	out->root = fox_arena_strdup(a, text);
	if (!out->root)
		return fox_fail_nomem(err);
	enum fox_status s = repo_of(&out->repo, a, folder, err);
	return s ? s : take_main(out, a, err);
}

enum fox_status fox_hf_locate(
    struct fox_hf_place *out, struct fox_arena *a, const char *path, bool *found, struct fox_err *err)
{
	*out = (struct fox_hf_place){0};
	*found = false;
	enum fox_status s = locate(out, a, path, found, err);
	if (s || *found)
		return s;
	char *real = realpath(path, NULL);
	if (!real)
		return fox_fail_errno(err, errno, "cannot open folder '%s'", path);
	s = locate(out, a, real, found, err);
	free(real);
	return s;
}

/* Where the link at path points, as a view of buf; empty when it is no link (or one too long for a cache). */
static struct fox_str link_text(const char *path, char *buf, size_t cap)
{
	ssize_t n = readlink(path, buf, cap);
	return (struct fox_str){buf, n < 0 || (size_t)n == cap ? 0 : (size_t)n};
}

/* The <id> of a link text that ends in "/blobs/<id>"; empty when it ends otherwise. */
static struct fox_str blob_of(struct fox_str text)
{
	static const char mark[] = "/blobs/";
	size_t at = text.n, m = sizeof mark - 1;
	while (at && text.p[at - 1] != '/')
		at--;
	if (at < m || memcmp(text.p + at - m, mark, m))
		return (struct fox_str){"", 0};
	return (struct fox_str){text.p + at, text.n - at};
}

/* Does hub/blobs say that it is huggingface_hub's store, of the layout known here? */
static bool is_store(const char *store)
{
	struct fox_file f = {0};
	char *text = NULL;
	size_t n;
	if (fox_file_open_beneath(&f, store, store, fox_str_of(STORE_MARKER), NULL))
		return false;
	bool ok = !fox_file_slurp(&f, 16, &text, &n, NULL) && fox_str_is((struct fox_str){text, n}, "1\n");
	fox_file_close(&f);
	free(text);
	return ok;
}

/*
 * Open the shared blob that blobs/<id> links to, when the link is "../../blobs/<xx>/<64 hex, xx first>" and
 * the hub's store is a marked one. *opened stays false when any of that is not so.
 */
static enum fox_status open_shared(struct fox_file *f, const struct fox_hf_place *place, struct fox_str id,
    bool *opened, struct fox_err *err)
{
	static const char head[] = "../../blobs/";
	char buf[PATH_MAX];
	struct fox_buf blob = {0}, store = {0};
	enum fox_status s = FOX_OK;
	*opened = false;
	fox_buf_fmt(&blob, "%s/blobs/%.*s", place->root, (int)id.n, id.p);
	fox_buf_fmt(&store, "%s/../blobs", place->root);
	if (blob.failed || store.failed) {
		s = fox_fail_nomem(err);
		goto out;
	}
	struct fox_str to = link_text(blob.p, buf, sizeof buf);
	if (!fox_str_starts(to, head))
		goto out;
	struct fox_str entry = {to.p + sizeof head - 1, to.n - (sizeof head - 1)};
	if (entry.n != 3 + FOX_SHA256_HEX || entry.p[2] != '/' || memcmp(entry.p, entry.p + 3, 2) ||
	    !is_hex((struct fox_str){entry.p + 3, FOX_SHA256_HEX}, FOX_SHA256_HEX) || !is_store(store.p))
		goto out;
	*opened = true;
	s = fox_file_open_beneath(f, store.p, store.p, entry, err);
out:
	fox_buf_free(&blob);
	fox_buf_free(&store);
	return s;
}

enum fox_status fox_hf_open(struct fox_file *f, const struct fox_hf_place *place, struct fox_str name,
    bool *has_expected, struct fox_sha256 *expected, struct fox_err *err)
{
	char buf[PATH_MAX];
	struct fox_err first = {0};
	struct fox_buf path = {0};
	*has_expected = false;
	enum fox_status s = fox_file_open_beneath(f, place->root, place->dir, name, &first);
	fox_buf_fmt(&path, "%s/%.*s", place->dir, (int)name.n, name.p);
	if (path.failed) {
		fox_buf_free(&path);
		fox_file_close(f);
		return fox_fail_nomem(err);
	}
	struct fox_str id =
	    s && s != FOX_E_BOUND ? (struct fox_str){"", 0} : blob_of(link_text(path.p, buf, sizeof buf));
	*has_expected = fox_unhex(expected->b, id, sizeof expected->b);
	fox_buf_free(&path);
	bool shared = false;
	if (s == FOX_E_BOUND && *has_expected) {
		enum fox_status t = open_shared(f, place, id, &shared, err);
		if (shared || t)
			return t;
	}
	if (s && err && !err->code)
		*err = first;
	return s;
}
