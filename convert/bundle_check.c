/* bundle_check.c - every list against the files, and the files against every list. */
#include "convert/bundle_check.h"

#include <stdlib.h>

#include "convert/bundle.h"
#include "format/base/io.h"
#include "format/base/json.h"
#include "format/base/map.h"
#include "format/selfcheck.h"
#include "format/sums.h"

enum { MAX_MANIFEST = 64 << 20, PIECE = 4 << 20 };

struct checking {
	const struct fox_unpacked *u;
	struct fox_arena arena;
	struct fox_map by_name; /* of u->list */
	struct fox_buf path;
	struct fox_bundle_checked *out;
};

/* Signatures are over SHA256SUMS, so it cannot list them. */
static bool stands_alone(struct fox_str name)
{
	return fox_str_is(name, FOX_SUMS_FILE) || fox_str_is(name, FOX_SUMS_FILE ".sig") ||
	       fox_str_is(name, FOX_SUMS_FILE ".minisig");
}

static struct fox_unpacked_file *find(struct checking *c, struct fox_str name)
{
	uint32_t i = fox_map_find(&c->by_name, name);
	return i == FOX_MAP_NONE ? NULL : &c->u->list[i];
}

static const char *path_of(struct checking *c, struct fox_str name)
{
	fox_buf_clear(&c->path);
	fox_buf_fmt(&c->path, "%s/", c->u->folder);
	fox_buf_add(&c->path, name.p, name.n);
	return c->path.failed ? NULL : c->path.p;
}

static enum fox_status slurp(
    struct checking *c, const char *name, uint64_t limit, struct fox_str *out, struct fox_err *err)
{
	const char *path = path_of(c, fox_str_of(name));
	char *text;
	size_t n;
	enum fox_status s = path ? fox_path_slurp(path, limit, &text, &n, err) : fox_fail_nomem(err);
	if (s)
		return s;
	char *copy = fox_arena_strdup(&c->arena, (struct fox_str){text, n});
	free(text);
	*out = (struct fox_str){copy, n};
	return copy ? FOX_OK : fox_fail_nomem(err);
}

static enum fox_status other_hash(
    struct fox_str name, const struct fox_sha256 *is, const struct fox_sha256 *want, struct fox_err *err)
{
	char a[FOX_SHA256_HEX + 1], b[FOX_SHA256_HEX + 1];
	fox_hex(a, is->b, sizeof is->b);
	fox_hex(b, want->b, sizeof want->b);
	return fox_fail(
	    err, FOX_E_MISMATCH, FOX_NOWHERE, "file '%.*s' has SHA-256 %s, not %s", FOX_STR_ARG(name), a, b);
}

/* ---- SHA256SUMS */

static enum fox_status check_sums(struct checking *c, struct fox_err *err)
{
	struct fox_sums sums;
	struct fox_str text;
	const struct fox_unpacked_file *own = find(c, fox_str_of(FOX_SUMS_FILE));
	if (!own)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "no " FOX_SUMS_FILE " in it: nothing says what its files should be");
	c->out->sums = own->sha256;
	enum fox_status s = slurp(c, FOX_SUMS_FILE, FOX_SUMS_MAX_BYTES, &text, err);
	if (!s && (s = fox_sums_parse(&sums, text, &c->arena, err)))
		fox_in(err, "in " FOX_SUMS_FILE);
	bool *listed = s ? NULL : fox_arena_alloc(&c->arena, c->u->n, sizeof *listed);
	if (!s && !listed)
		s = fox_fail_nomem(err);
	for (size_t i = 0; !s && i < sums.n; i++) {
		const struct fox_unpacked_file *f = find(c, sums.list[i].name);
		if (!f)
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "file '%.*s' is in " FOX_SUMS_FILE ", but not in the archive",
			    FOX_STR_ARG(sums.list[i].name));
		if (memcmp(f->sha256.b, sums.list[i].sha256.b, sizeof f->sha256.b))
			return other_hash(f->name, &f->sha256, &sums.list[i].sha256, err);
		listed[f - c->u->list] = true;
	}
	for (size_t i = 0; !s && i < c->u->n; i++)
		if (!listed[i] && !stands_alone(c->u->list[i].name))
			s = fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "file '%.*s' is in the archive, but not in " FOX_SUMS_FILE, FOX_STR_ARG(c->u->list[i].name));
	return s;
}

/* The signature that lies beside the list, in the archive. */
static enum fox_status check_signature(
    struct checking *c, const struct fox_bundle_signer *who, struct fox_err *err)
{
	struct fox_str text;
	struct fox_buf sig = {0};
	struct fox_signature_ask ask = {.key = who->key, .signer = who->signer, .now = who->now};
	const char *sums = path_of(c, fox_str_of(FOX_SUMS_FILE));
	if (!find(c, fox_str_of(FOX_SUMS_FILE ".sig")) && !find(c, fox_str_of(FOX_SUMS_FILE ".minisig")))
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "it is not signed: no " FOX_SUMS_FILE ".sig or " FOX_SUMS_FILE ".minisig in it");
	enum fox_status s = sums ? fox_signature_beside(&sig, sums, who->key, err) : fox_fail_nomem(err);
	ask.signature = sig.p;
	if (!s)
		s = slurp(c, FOX_SUMS_FILE, FOX_SUMS_MAX_BYTES, &text, err);
	if (!s)
		s = fox_signature_verify(
		    &c->out->signature, &ask, (struct fox_span){(const uint8_t *)text.p, text.n}, err);
	c->out->signed_by = !s;
	fox_buf_free(&sig);
	return s;
}

/* ---- manifest.json */

static enum fox_status check_entry(
    struct checking *c, const struct fox_value *v, bool *listed, struct fox_err *err)
{
	struct fox_str name, hex, role;
	uint64_t bytes;
	struct fox_sha256 want;
	enum fox_status s = fox_json_want_str(v, "name", &name, err);
	if (!s)
		s = fox_json_want_u64(v, "bytes", &bytes, err);
	if (!s)
		s = fox_json_want_str(v, "sha256", &hex, err);
	if (!s)
		s = fox_json_want_str(v, "role", &role, err);
	if (!s && !fox_unhex(want.b, hex, sizeof want.b))
		s = fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "'sha256' of '%.*s' is not 64 hex digits", FOX_STR_ARG(name));
	if (s)
		return s;
	struct fox_unpacked_file *f = find(c, name);
	if (!f)
		return fox_fail(
		    err, FOX_E_MISMATCH, FOX_NOWHERE, "file '%.*s' is not in the archive", FOX_STR_ARG(name));
	if (listed[f - c->u->list])
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "file '%.*s' stands twice", FOX_STR_ARG(name));
	if (f->bytes != bytes)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "file '%.*s' has %llu bytes, not %llu",
		    FOX_STR_ARG(name), (unsigned long long)f->bytes, (unsigned long long)bytes);
	if (memcmp(f->sha256.b, want.b, sizeof want.b))
		return other_hash(name, &f->sha256, &want, err);
	f->is_model = fox_str_is(role, fox_payload_role_name(FOX_PAYLOAD_MODEL));
	f->has_root = fox_json_get(v, "root") != NULL;
	if (f->has_root &&
	    (!fox_json_str(fox_json_get(v, "root"), &hex) || !fox_unhex(f->root.b, hex, sizeof f->root.b)))
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "'root' of '%.*s' is not 32 hex digits", FOX_STR_ARG(name));
	listed[f - c->u->list] = true;
	return FOX_OK;
}

static enum fox_status check_entries(struct checking *c, const struct fox_value *root, struct fox_err *err)
{
	const struct fox_value *files = fox_json_get(root, "files");
	bool *listed = fox_arena_alloc(&c->arena, c->u->n, sizeof *listed);
	enum fox_status s = listed ? FOX_OK : fox_fail_nomem(err);
	if (!s && fox_json_type(files) != FOX_JSON_ARRAY)
		s = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'files' is no array");
	for (size_t i = 0; !s && i < fox_json_size(files); i++)
		s = check_entry(c, fox_json_at(files, i), listed, err);
	for (size_t i = 0; !s && i < c->u->n; i++)
		if (!listed[i] && !stands_alone(c->u->list[i].name) &&
		    !fox_str_is(c->u->list[i].name, FOX_PAYLOAD_MANIFEST))
			s = fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "file '%.*s' of the archive is not listed",
			    FOX_STR_ARG(c->u->list[i].name));
	return s;
}

/* The model whose first file this is, opened as one: no shard is missing, or of another model. *n_parts: its files. */
static enum fox_status check_set(
    struct checking *c, struct fox_str first, size_t *n_parts, struct fox_err *err)
{
	struct fox_gguf *g = NULL;
	const char *path = path_of(c, first);
	enum fox_status s = path ? fox_gguf_open_set(&g, path, err) : fox_fail_nomem(err);
	if (s == FOX_E_IO) { /* a shard is not there */
		s = FOX_E_MISMATCH;
		if (err)
			err->code = s;
	}
	if (!s)
		s = fox_selfcheck_set(g, err);
	if (!s)
		*n_parts = fox_gguf_parts(g);
	fox_gguf_close(g);
	return s;
}

static enum fox_status check_model(struct checking *c, const struct fox_value *root, struct fox_err *err)
{
	struct fox_str file;
	size_t n = 0, n_parts = 0;
	enum fox_status s = fox_json_want_str(fox_json_get(root, "model"), "file", &file, err);
	if (s)
		return s;
	const struct fox_unpacked_file *first = find(c, file);
	if (!first || !first->is_model)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "'model.file' is '%.*s', which is no file of the model", FOX_STR_ARG(file));
	for (size_t i = 0; i < c->u->n; i++)
		n += c->u->list[i].is_model;
	s = check_set(c, file, &n_parts, err);
	if (s == FOX_E_ARG) { /* a later shard: not the caller's mistake */
		s = FOX_E_MISMATCH;
		if (err)
			err->code = s;
	}
	if (!s && n_parts != n)
		s = fox_fail(
		    err, FOX_E_MISMATCH, FOX_NOWHERE, "the model has %zu files, and %zu are listed", n_parts, n);
	return s;
}

static enum fox_status read_manifest(struct checking *c, const struct fox_value *root, struct fox_err *err)
{
	struct fox_str format;
	uint64_t version;
	if (!fox_json_str(fox_json_get(root, "format"), &format) || !fox_str_is(format, FOX_BUNDLE_FORMAT))
		return FOX_OK; /* a file of somebody else's by that name */
	enum fox_status s = fox_json_want_u64(root, "version", &version, err);
	if (!s && version != FOX_BUNDLE_VERSION)
		s = fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "version %llu is not known here",
		    (unsigned long long)version);
	if (!s)
		s = check_entries(c, root, err);
	if (!s)
		s = check_model(c, root, err);
	c->out->manifest = !s;
	return s;
}

static enum fox_status check_manifest(struct checking *c, struct fox_err *err)
{
	struct fox_str text;
	struct fox_json *j = NULL;
	if (!find(c, fox_str_of(FOX_PAYLOAD_MANIFEST)))
		return FOX_OK;
	enum fox_status s = slurp(c, FOX_PAYLOAD_MANIFEST, MAX_MANIFEST, &text, err);
	if (!s)
		s = fox_json_parse(&j, text, err);
	if (!s)
		s = read_manifest(c, fox_json_root(j), err);
	if (s)
		fox_in(err, "in " FOX_PAYLOAD_MANIFEST);
	fox_json_close(j);
	return s;
}

/* ---- the containers */

static enum fox_status check_container(
    struct checking *c, const struct fox_unpacked_file *f, struct fox_err *err)
{
	struct fox_gguf *g = NULL;
	struct fox_selfcheck *check = NULL;
	enum fox_hash_state state;
	const char *path = path_of(c, f->name);
	struct fox_hash128 root;
	enum fox_status s = path ? fox_gguf_open(&g, path, err) : fox_fail_nomem(err);
	if (!s)
		s = fox_selfcheck_open(&check, g, err);
	if (!s && f->has_root && (fox_profile_root(g, &root, NULL) || !fox_hash128_eq(&root, &f->root)))
		s = fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "file '%.*s' has another root hash than " FOX_PAYLOAD_MANIFEST " says", FOX_STR_ARG(f->name));
	for (size_t at = 0; !s && at < fox_gguf_bytes(g).n; at += PIECE) {
		size_t left = fox_gguf_bytes(g).n - at, n = left < PIECE ? left : PIECE;
		struct fox_span part = {fox_gguf_bytes(g).p + at, n};
		s = fox_cancelled(err);
		if (!s)
			s = fox_selfcheck_feed(check, part.p, part.n, err);
		fox_gguf_done_with(g, part);
	}
	if (!s)
		s = fox_selfcheck_end(check, &state, err);
	if (!s) {
		c->out->n_models++;
		c->out->n_hashed += state == FOX_HASH_OK;
	}
	fox_selfcheck_close(check);
	fox_gguf_close(g);
	return s;
}

/* Without a manifest any file may be the first of a set; of a later one the first is asked. */
static enum fox_status check_first(struct checking *c, struct fox_str name, struct fox_err *err)
{
	struct fox_err why = {0};
	size_t n_parts;
	enum fox_status s = check_set(c, name, &n_parts, &why);
	if (!s || s == FOX_E_ARG)
		return FOX_OK;
	if (err && !err->code)
		*err = why;
	return s;
}

static enum fox_status check_containers(struct checking *c, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < c->u->n && !s; i++) {
		struct fox_unpacked_file *f = &c->u->list[i];
		if (!c->out->manifest)
			f->is_model = fox_str_ends(f->name, ".gguf");
		if (f->is_model)
			s = check_container(c, f, err);
		if (!s && f->is_model && !c->out->manifest)
			s = check_first(c, f->name, err);
	}
	return s;
}

/* Cut every "FOLDER/" out of a text: what is in the folder is known by its name in the archive. */
static void cut_folder(char *text, const char *folder)
{
	size_t n = strlen(folder);
	for (char *p = text; n && (p = strstr(p, folder));)
		if (p[n] == '/')
			memmove(p, p + n + 1, strlen(p + n + 1) + 1);
		else
			p += n;
}

enum fox_status fox_bundle_check(struct fox_bundle_checked *out, const struct fox_unpacked *u,
    const struct fox_bundle_signer *who, struct fox_err *err)
{
	struct checking c = {.u = u, .out = out};
	*out = (struct fox_bundle_checked){0};
	enum fox_status s = fox_map_init(&c.by_name, &c.arena, u->n + 1) ? FOX_OK : fox_fail_nomem(err);
	for (size_t i = 0; i < u->n && !s; i++)
		fox_map_put(&c.by_name, u->list[i].name, (uint32_t)i);
	if (!s)
		s = check_sums(&c, err);
	if (!s && who && who->key) /* before anything that the list vouches for is looked into */
		s = check_signature(&c, who, err);
	if (!s)
		s = check_manifest(&c, err);
	if (!s)
		s = check_containers(&c, err);
	if (s && err) {
		cut_folder(err->text, u->folder);
		cut_folder(err->file, u->folder);
		if (err->file[0]) {
			char name[sizeof err->file];
			memcpy(name, err->file, sizeof name);
			err->file[0] = 0;
			fox_in(err, "in '%s'", name);
		}
	}
	fox_buf_free(&c.path);
	fox_arena_free(&c.arena);
	return s;
}
