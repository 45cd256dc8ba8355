/* bundle.c - one reading: files are hashed while they are written, so what names the hashes comes last. */
#include "convert/bundle.h"

#include "format/base/json.h"
#include "format/profile.h"
#include "format/signature.h"
#include "format/sshsig.h"
#include "format/sums.h"

static const char how_to_check[] =
    "```\n"
    "sha256sum -c SHA256SUMS          # in the folder that the archive unpacks to\n"
    "fox-pack unpack ARCHIVE          # unpacks, and checks everything before the folder appears\n"
    "fox-verify FILE.gguf             # a model's file against the hashes that it carries\n"
    "```\n";

static void put_hash(struct fox_json_writer *w, const char *key, const uint8_t *p, size_t n)
{
	char hex[FOX_SHA256_HEX + 1];
	fox_hex(hex, p, n);
	fox_jw_key(w, key);
	fox_jw_cstr(w, hex);
}

static void put_file(struct fox_json_writer *w, const struct fox_payload_item *it)
{
	struct fox_hash128 root;
	fox_jw_object(w);
	fox_jw_key(w, "name");
	fox_jw_str(w, it->name);
	fox_jw_key(w, "role");
	fox_jw_cstr(w, fox_payload_role_name(it->role));
	fox_jw_key(w, "bytes");
	fox_jw_u64(w, it->bytes);
	put_hash(w, "sha256", it->sha256.b, sizeof it->sha256.b);
	if (it->part && fox_profile_state(it->part) == FOX_HASH_OK && !fox_profile_root(it->part, &root, NULL))
		put_hash(w, "root", root.b, sizeof root.b);
	fox_jw_end_object(w);
}

void fox_bundle_manifest(struct fox_buf *out, const struct fox_payload *p)
{
	struct fox_json_writer w = {.out = out};
	const struct fox_facts *f = &p->facts;
	const struct fox_gguf *first = p->list[p->first_model].part;
	fox_jw_object(&w);
	fox_jw_key(&w, "format");
	fox_jw_cstr(&w, FOX_BUNDLE_FORMAT);
	fox_jw_key(&w, "version");
	fox_jw_u64(&w, FOX_BUNDLE_VERSION);
	fox_jw_key(&w, "fox");
	fox_jw_cstr(&w, FOX_VERSION);
	fox_jw_key(&w, "name");
	fox_jw_str(&w, p->name);
	fox_jw_key(&w, "model");
	fox_jw_object(&w);
	fox_jw_key(&w, "file");
	fox_jw_str(&w, p->list[p->first_model].name);
	fox_jw_member_str(&w, "architecture", f->arch);
	fox_jw_key(&w, "parameters");
	fox_jw_u64(&w, f->n_params);
	if (f->has_ftype)
		fox_jw_member_str(&w, "file_type", fox_str_of(f->ftype));
	fox_jw_member_str(&w, "license", f->text[FOX_FACT_LICENSE]);
	if (fox_profile_state(first) == FOX_HASH_OK)
		put_hash(&w, "set", fox_gguf_find_key(first, FOX_KEY_HASH_SET)->raw.p, 16);
	fox_jw_end_object(&w);
	fox_jw_key(&w, "files");
	fox_jw_array(&w);
	for (size_t i = 0; i < p->n; i++)
		put_file(&w, &p->list[i]);
	fox_jw_end_array(&w);
	fox_jw_end_object(&w);
}

/* ---- the archive */

struct writing {
	struct fox_payload *p;
	struct fox_arc *arc;
	struct fox_buf sums, path;
	const struct fox_ssh_private *key; /* NULL: not signed */
	uint64_t bytes;                    /* of what it makes itself */
};

static enum fox_status give(void *ctx, const void *p, size_t n, struct fox_err *err)
{
	return fox_arc_data(ctx, p, n, err);
}

/* A member NAME/name. */
static enum fox_status begin(
    struct writing *w, struct fox_str name, uint64_t bytes, bool aligned, struct fox_err *err)
{
	fox_buf_clear(&w->path);
	fox_buf_add(&w->path, w->p->name.p, w->p->name.n);
	fox_buf_char(&w->path, '/');
	fox_buf_add(&w->path, name.p, name.n);
	return w->path.failed ? fox_fail_nomem(err)
	                      : fox_arc_begin(w->arc, fox_buf_view(&w->path), bytes, aligned, err);
}

static enum fox_status add_text(struct writing *w, const char *name, const struct fox_buf *text,
    struct fox_sha256 *sha256, struct fox_err *err)
{
	struct fox_sha256_state *sha = fox_sha256_open();
	enum fox_status s =
	    text->failed || !sha ? fox_fail_nomem(err) : fox_sha256_add(sha, text->p, text->n, err);
	if (!s)
		s = fox_sha256_final(sha, sha256, err);
	if (!s)
		s = begin(w, fox_str_of(name), text->n, false, err);
	if (!s)
		s = fox_arc_data(w->arc, text->p, text->n, err);
	if (!s)
		s = fox_arc_end(w->arc, err);
	fox_sha256_close(sha);
	w->bytes += text->n;
	return s;
}

static enum fox_status add_signature(struct writing *w, struct fox_err *err)
{
	struct fox_buf sig = {0};
	struct fox_sha256 sha256;
	const struct fox_span message = {(const uint8_t *)w->sums.p, w->sums.n};
	enum fox_status s = fox_sshsig_sign(&sig, w->key, message, FOX_SIGNATURE_SPACE, err);
	if (!s)
		s = add_text(w, FOX_SUMS_FILE ".sig", &sig, &sha256, err);
	fox_buf_free(&sig);
	return s;
}

static enum fox_status add_all(
    struct writing *w, struct fox_pump *pump, struct fox_bundle_done *done, struct fox_err *err)
{
	struct fox_payload *p = w->p;
	struct fox_buf manifest = {0};
	struct fox_sha256 sha256;
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < p->n && !s; i++) {
		s = begin(w, p->list[i].name, p->list[i].bytes, p->list[i].role == FOX_PAYLOAD_MODEL, err);
		if (!s)
			s = fox_payload_send(p, i, pump, give, w->arc, err);
		if (!s)
			s = fox_arc_end(w->arc, err);
		if (!s)
			fox_sums_put(&w->sums, p->list[i].name, &p->list[i].sha256);
	}
	if (!s) {
		fox_bundle_manifest(&manifest, p);
		s = add_text(w, FOX_PAYLOAD_MANIFEST, &manifest, &sha256, err);
	}
	if (!s) {
		fox_sums_put(&w->sums, fox_str_of(FOX_PAYLOAD_MANIFEST), &sha256);
		s = add_text(w, FOX_SUMS_FILE, &w->sums, &done->sums, err);
	}
	if (!s && w->key)
		s = add_signature(w, err);
	if (!s)
		s = fox_arc_finish(w->arc, &done->bytes, err);
	done->n_files = p->n + 2 + (w->key != NULL);
	fox_buf_free(&manifest);
	return s;
}

/* Before minutes of work: what is only stored is not smaller than its files. */
static enum fox_status check_space(const struct fox_payload *p, const struct fox_bundle_options *o,
    enum fox_arc_kind kind, struct fox_err *err)
{
	uint64_t need = fox_payload_bytes(p), have = fox_disk_free(o->out);
	if ((kind != FOX_ARC_TAR && kind != FOX_ARC_ZIP) || need <= have)
		return FOX_OK;
	return fox_fail(err, FOX_E_IO, FOX_NOWHERE, "no space for '%s': %llu bytes needed, %llu free", o->out,
	    (unsigned long long)need, (unsigned long long)have);
}

static enum fox_status write_archive(const struct fox_bundle_options *o, struct fox_payload *p,
    const struct fox_ssh_private *key, enum fox_arc_kind kind, struct fox_bundle_done *done,
    struct fox_err *err)
{
	struct writing w = {.p = p, .key = key};
	struct fox_out *out = NULL;
	struct fox_pump *pump = NULL;
	enum fox_status s = fox_out_open(&out, o->out, o->replace, err);
	if (!s)
		s = fox_payload_spare(p, out, err);
	if (!s)
		s = check_space(p, o, kind, err);
	if (!s)
		s = fox_pump_open(&pump, o->threads, err);
	if (!s)
		s = fox_arc_open(&w.arc, out, kind, o->mtime, err);
	if (!s) {
		fox_pump_tell(pump, o->progress, o->progress_ctx);
		s = add_all(&w, pump, done, err);
	}
	fox_arc_close(w.arc);
	fox_pump_close(pump);
	fox_buf_free(&w.sums);
	fox_buf_free(&w.path);
	done->bytes_in += w.bytes;
	if (s) {
		fox_out_abort(out);
		return s;
	}
	return fox_out_commit(out, err);
}

enum fox_status fox_bundle(
    const struct fox_bundle_options *o, struct fox_bundle_done *done, struct fox_err *err)
{
	enum fox_arc_kind kind;
	struct fox_payload p;
	struct fox_payload_options what = {.model = o->model,
	    .license = o->license,
	    .extra = o->extra,
	    .n_extra = o->n_extra,
	    .how_to_check = how_to_check};
	*done = (struct fox_bundle_done){0};
	if (!fox_arc_kind_of(fox_str_of(o->out), &kind, &what.name))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "output '%s' does not end in .tar, .tar.gz, .tar.zst or .zip", o->out);
	enum fox_status s = fox_payload_open(&p, &what, err);
	if (s)
		return s;
	done->bytes_in = fox_payload_bytes(&p);
	done->license = p.license_from != NULL;
	done->hashes = true;
	for (size_t i = 0; i < p.n_model; i++)
		done->hashes &= fox_profile_state(p.list[p.first_model + i].part) == FOX_HASH_OK;
	struct fox_ssh_private key = {0};
	if (o->key)
		s = fox_ssh_private_load(&key, o->key, err);
	if (!s)
		s = write_archive(o, &p, o->key ? &key : NULL, kind, done, err);
	fox_ssh_forget(&key);
	fox_payload_close(&p);
	return s;
}
