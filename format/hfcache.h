/* hfcache.h - the layout of Hugging Face's local cache: repository ids, snapshots, blobs.
 *
 *   <hub>/models--<org>--<name>/refs/main               the commit that "main" was when it was fetched
 *   <hub>/models--<org>--<name>/snapshots/<commit>/...  links to blobs
 *   <hub>/models--<org>--<name>/blobs/<id>              the bytes; id is a SHA-256 (large files) or a git
 * SHA-1 <hub>/blobs/<xx>/<id>                               bytes that repositories share; blobs/<id> then
 * links here
 *
 * Reads only; names and links in it are a stranger's choice.  spec/sources.md section 3 */
#ifndef FOX_HFCACHE_H
#define FOX_HFCACHE_H

#include "format/base/arena.h"
#include "format/base/hash.h"
#include "format/base/io.h"
#include "format/base/str.h"

/* Where the cache may be: values of environment variables, NULL or "" when unset. */
struct fox_hf_env {
	const char *hub_cache;        /* HF_HUB_CACHE: the hub folder itself */
	const char *legacy_hub_cache; /* HUGGINGFACE_HUB_CACHE, likewise */
	const char *hf_home;          /* HF_HOME: holds hub/ */
	const char *xdg_cache_home;   /* XDG_CACHE_HOME: holds huggingface/hub/ */
	const char *home;             /* HOME: holds .cache/huggingface/hub/ */
};

/* The environment of this process: the one place where sources look at it. */
struct fox_hf_env fox_hf_env(void);

/* A folder of a cached repository. Strings live in the arena they were made in. */
struct fox_hf_place {
	const char *root;     /* repository folder, which bounds every link */
	const char *dir;      /* snapshot folder, or one inside it */
	const char *repo;     /* "org/name", or NULL when the folder's name gives none */
	const char *revision; /* snapshot's name when it is 40 hex digits, else NULL */
};

/* Is this text a repository id: "name" or "org/name"?  source: huggingface_hub validate_repo_id */
bool fox_hf_is_id(struct fox_str id);

/*
 * fox_hf_hub - the hub folder that the environment names, first of hub_cache, legacy_hub_cache, hf_home,
 * xdg_cache_home, home; a leading "~/" stands for home
 *
 * *out is NULL when none is set.
 * errors FOX_E_NOMEM
 */
enum fox_status fox_hf_hub(
    const char **out, struct fox_arena *a, const struct fox_hf_env *env, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_hf_find - the snapshot of a repository's "main"
 *
 * errors FOX_E_IO (not in the cache, no refs/main, its snapshot absent), FOX_E_FORMAT (refs/main is no
 * commit), FOX_E_BOUND (a link leaves the repository folder), FOX_E_NOMEM
 */
enum fox_status fox_hf_find(struct fox_hf_place *out, struct fox_arena *a, const struct fox_hf_env *env,
    const char *id, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_hf_locate - is this existing folder part of a cached repository?
 *
 * *found says so: a snapshot folder, a folder inside one, or the repository folder itself (its "main" is
 * taken then). The path's text decides, or what it resolves to when the text does not show it.
 * errors as fox_hf_find
 */
enum fox_status fox_hf_locate(struct fox_hf_place *out, struct fox_arena *a, const char *path, bool *found,
    struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_hf_open - open a file of a snapshot by name, following its links within the repository folder
 *
 * The only link that may lead outside is one from blobs/<SHA-256> to the hub's shared blobs, in exactly the
 * form that huggingface_hub writes. has_expected  the blob's name is a SHA-256, now in *expected errors
 * FOX_E_IO, FOX_E_BOUND, FOX_E_FORMAT (the name)
 */
enum fox_status fox_hf_open(struct fox_file *f, const struct fox_hf_place *place, struct fox_str name,
    bool *has_expected, struct fox_sha256 *expected, struct fox_err *err) FOX_MUST_CHECK;

#endif
