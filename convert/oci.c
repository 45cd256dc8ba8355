/* oci.c - blobs by their digests, a config, a manifest, an index. Nothing in it depends on a clock. */
#include "convert/oci.h"

#include <stdio.h>

#include "convert/outdir.h"
#include "format/arch.h"
#include "format/base/json.h"

#define MODEL "application/vnd.cncf.model."
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define BLOBS "blobs/sha256/"
#define INCOMING BLOBS "incoming" /* a blob's name until its digest is known */

enum { DIGEST = 7 + FOX_SHA256_HEX + 1, BLOB = sizeof BLOBS + FOX_SHA256_HEX };

static const char how_to_check[] =
    "```\n"
    "fox-verify FILE.gguf             # a model's file against the hashes that it carries\n"
    "```\n"
    "\n"
    "Registries and the tools for them check every file by the SHA-256 in the manifest.\n";

struct writing {
	struct fox_payload *p;
	struct fox_outdir *dir;
	struct fox_pump *pump;
	const struct fox_oci_options *o;
};

static void digest_of(char out[DIGEST], const struct fox_sha256 *s)
{
	snprintf(out, 8, "sha256:");
	fox_hex(out + 7, s->b, sizeof s->b);
}

static void put_list(struct fox_json_writer *w, const char *key, struct fox_str s)
{
	if (!s.n)
		return;
	fox_jw_key(w, key);
	fox_jw_array(w);
	fox_jw_str(w, s);
	fox_jw_end_array(w);
}

/* mediaType, digest and size of a blob, inside an open object. */
static void put_descriptor(
    struct fox_json_writer *w, const char *type, const struct fox_sha256 *sha, uint64_t bytes)
{
	char digest[DIGEST];
	digest_of(digest, sha);
	fox_jw_member(w, "mediaType", type);
	fox_jw_member(w, "digest", digest);
	fox_jw_key(w, "size");
	fox_jw_u64(w, bytes);
}

/* ---- blobs */

static enum fox_status give(void *ctx, const void *p, size_t n, struct fox_err *err)
{
	return fox_outfile_write(ctx, p, n, err);
}

static enum fox_status name_blob(struct writing *w, const struct fox_sha256 *sha, struct fox_err *err)
{
	char name[BLOB] = BLOBS;
	fox_hex(name + sizeof BLOBS - 1, sha->b, sizeof sha->b);
	return fox_outdir_rename(w->dir, INCOMING, name, err);
}

static enum fox_status copy_item(struct writing *w, size_t i, struct fox_err *err)
{
	struct fox_payload_item *it = &w->p->list[i];
	struct fox_outfile f;
	enum fox_status s = fox_outdir_create(w->dir, &f, fox_str_of(INCOMING), it->bytes, err);
	if (!s)
		s = fox_payload_send(w->p, i, w->pump, give, &f, err);
	if (!s)
		s = fox_outfile_finish(&f, err);
	fox_outfile_abort(&f);
	return s ? s : name_blob(w, &it->sha256, err);
}

static enum fox_status link_item(struct writing *w, size_t i, struct fox_err *err)
{
	struct fox_payload_item *it = &w->p->list[i];
	char name[BLOB] = BLOBS;
	enum fox_status s = fox_payload_send(w->p, i, w->pump, NULL, NULL, err);
	fox_hex(name + sizeof BLOBS - 1, it->sha256.b, sizeof it->sha256.b);
	return s ? s : fox_outdir_link(w->dir, &it->file, name, err);
}

static enum fox_status put_blob(
    struct writing *w, const struct fox_buf *text, struct fox_sha256 *sha256, struct fox_err *err)
{
	struct fox_sha256_state *sha = fox_sha256_open();
	enum fox_status s =
	    text->failed || !sha ? fox_fail_nomem(err) : fox_sha256_add(sha, text->p, text->n, err);
	if (!s)
		s = fox_sha256_final(sha, sha256, err);
	if (!s)
		s = fox_outdir_put(w->dir, fox_str_of(INCOMING), fox_buf_view(text), err);
	fox_sha256_close(sha);
	return s ? s : name_blob(w, sha256, err);
}

/* ---- the config */

/* "1.7B": one decimal, rounded down, as ModelPack writes sizes. */
static void param_size(char out[32], uint64_t n)
{
	static const struct {
		uint64_t unit;
		char letter;
	} rows[] = {
	    {1000000000000000, 'Q'}, {1000000000000, 'T'}, {1000000000, 'B'}, {1000000, 'M'}, {1000, 'K'}};
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		if (n >= rows[i].unit || i + 1 == FOX_COUNT(rows)) {
			unsigned long long tenths = n / (rows[i].unit / 10);
			if (tenths % 10)
				snprintf(out, 32, "%llu.%llu%c", tenths / 10, tenths % 10, rows[i].letter);
			else
				snprintf(out, 32, "%llu%c", tenths / 10, rows[i].letter);
			return;
		}
}

/* The type that most weights have: a precision where ModelPack has a word for it, else a quantization. */
static void put_precision(struct fox_json_writer *w, const struct fox_facts *f)
{
	static const struct {
		enum fox_type type;
		const char *word;
	} words[] = {{FOX_F32, "float32"}, {FOX_F16, "float16"}, {FOX_BF16, "bfloat16"}, {FOX_F64, "float64"},
	    {FOX_I8, "int8"}, {FOX_I16, "int16"}, {FOX_I32, "int32"}, {FOX_I64, "int64"}};
	uint32_t most = 0;
	for (uint32_t t = 1; t < FOX_TYPE_LIMIT; t++)
		if (f->types[t].n_params > f->types[most].n_params)
			most = t;
	if (!f->types[most].n_params)
		return;
	for (size_t i = 0; i < FOX_COUNT(words); i++)
		if (words[i].type == most) {
			fox_jw_member(w, "precision", words[i].word);
			return;
		}
	const struct fox_type_info *info = fox_type_info(most);
	fox_jw_member(w, "quantization", f->has_ftype ? f->ftype : info ? info->name : "unknown");
}

static void write_config(struct fox_buf *out, const struct fox_payload *p)
{
	struct fox_json_writer w = {.out = out};
	const struct fox_facts *f = &p->facts;
	const struct fox_str *text = f->text;
	char size[32], digest[DIGEST];
	fox_jw_object(&w);
	fox_jw_key(&w, "descriptor");
	fox_jw_object(&w);
	put_list(&w, "authors", text[FOX_FACT_AUTHOR]);
	fox_jw_member_str(&w, "vendor", text[FOX_FACT_ORGANIZATION]);
	fox_jw_member_str(&w, "family", f->arch);
	fox_jw_member_str(&w, "name", text[FOX_FACT_BASENAME].n ? text[FOX_FACT_BASENAME] : text[FOX_FACT_NAME]);
	fox_jw_member_str(&w, "version", text[FOX_FACT_VERSION]);
	fox_jw_member_str(&w, "title", text[FOX_FACT_NAME]);
	fox_jw_member_str(&w, "description", text[FOX_FACT_DESCRIPTION]);
	fox_jw_member_str(&w, "docURL", text[FOX_FACT_URL]);
	fox_jw_member_str(&w, "sourceURL",
	    text[FOX_FACT_SOURCE_REPO_URL].n ? text[FOX_FACT_SOURCE_REPO_URL] : text[FOX_FACT_SOURCE_URL]);
	put_list(&w, "licenses", text[FOX_FACT_LICENSE]);
	fox_jw_end_object(&w);
	fox_jw_key(&w, "config");
	fox_jw_object(&w);
	if (fox_arch_by_name(f->arch)) /* each row of fox's table is one */
		fox_jw_member(&w, "architecture", "transformer");
	fox_jw_member(&w, "format", "gguf");
	param_size(size, f->n_params);
	fox_jw_member(&w, "paramSize", size);
	put_precision(&w, f);
	fox_jw_end_object(&w);
	fox_jw_key(&w, "modelfs");
	fox_jw_object(&w);
	fox_jw_member(&w, "type", "layers");
	fox_jw_key(&w, "diffIds");
	fox_jw_array(&w);
	for (size_t i = 0; i < p->n; i++) {
		digest_of(digest, &p->list[i].sha256);
		fox_jw_cstr(&w, digest);
	}
	fox_jw_end_array(&w);
	fox_jw_end_object(&w);
	fox_jw_end_object(&w);
}

/* ---- manifest and index */

static const char *layer_type(const struct fox_payload_item *it)
{
	static const char *const docs[] = {".md", ".txt", ".pdf", ".html"}, *const code[] = {
	                                                                        ".py", ".sh", ".c", ".h"};
	if (it->role == FOX_PAYLOAD_MODEL)
		return MODEL "weight.v1.raw";
	for (size_t i = 0; i < FOX_COUNT(docs); i++)
		if (it->role != FOX_PAYLOAD_EXTRA || fox_str_ends(it->name, docs[i]))
			return MODEL "doc.v1.raw";
	for (size_t i = 0; i < FOX_COUNT(code); i++)
		if (fox_str_ends(it->name, code[i]))
			return MODEL "code.v1.raw";
	return MODEL "weight.config.v1.raw";
}

/* What the file is when it is unpacked: the same for everybody. */
static enum fox_status put_annotations(
    struct fox_json_writer *w, const struct fox_payload_item *it, struct fox_err *err)
{
	struct fox_buf text = {0};
	struct fox_json_writer inner = {.out = &text, .compact = true};
	fox_jw_object(&inner);
	fox_jw_key(&inner, "name");
	fox_jw_str(&inner, it->name);
	fox_jw_key(&inner, "mode");
	fox_jw_u64(&inner, 0644);
	fox_jw_key(&inner, "uid");
	fox_jw_u64(&inner, 0);
	fox_jw_key(&inner, "gid");
	fox_jw_u64(&inner, 0);
	fox_jw_key(&inner, "size");
	fox_jw_u64(&inner, it->bytes);
	fox_jw_member(&inner, "mtime", "1970-01-01T00:00:00Z");
	fox_jw_key(&inner, "typeflag");
	fox_jw_u64(&inner, '0');
	fox_jw_end_object(&inner);
	struct fox_str line = text.failed ? fox_str_of("") : fox_buf_view(&text);
	if (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	fox_jw_key(w, "annotations");
	fox_jw_object(w);
	fox_jw_member_str(w, "org.cncf.model.filepath", it->name);
	fox_jw_member_str(w, "org.cncf.model.file.metadata+json", line);
	fox_jw_member_str(w, "org.opencontainers.image.title", it->name);
	fox_jw_end_object(w);
	enum fox_status s = text.failed ? fox_fail_nomem(err) : FOX_OK;
	fox_buf_free(&text);
	return s;
}

static enum fox_status write_manifest(struct fox_buf *out, const struct fox_payload *p,
    const struct fox_sha256 *config, uint64_t config_bytes, struct fox_err *err)
{
	struct fox_json_writer w = {.out = out};
	enum fox_status s = FOX_OK;
	fox_jw_object(&w);
	fox_jw_key(&w, "schemaVersion");
	fox_jw_u64(&w, 2);
	fox_jw_member(&w, "mediaType", MANIFEST_TYPE);
	fox_jw_member(&w, "artifactType", MODEL "manifest.v1+json");
	fox_jw_key(&w, "config");
	fox_jw_object(&w);
	put_descriptor(&w, MODEL "config.v1+json", config, config_bytes);
	fox_jw_end_object(&w);
	fox_jw_key(&w, "layers");
	fox_jw_array(&w);
	for (size_t i = 0; i < p->n && !s; i++) {
		fox_jw_object(&w);
		put_descriptor(&w, layer_type(&p->list[i]), &p->list[i].sha256, p->list[i].bytes);
		s = put_annotations(&w, &p->list[i], err);
		fox_jw_end_object(&w);
	}
	fox_jw_end_array(&w);
	fox_jw_end_object(&w);
	return s;
}

static void write_index(
    struct fox_buf *out, const struct fox_sha256 *manifest, uint64_t bytes, const char *tag)
{
	struct fox_json_writer w = {.out = out};
	fox_jw_object(&w);
	fox_jw_key(&w, "schemaVersion");
	fox_jw_u64(&w, 2);
	fox_jw_member(&w, "mediaType", INDEX_TYPE);
	fox_jw_key(&w, "manifests");
	fox_jw_array(&w);
	fox_jw_object(&w);
	put_descriptor(&w, MANIFEST_TYPE, manifest, bytes);
	fox_jw_member(&w, "artifactType", MODEL "manifest.v1+json");
	fox_jw_key(&w, "annotations");
	fox_jw_object(&w);
	fox_jw_member(&w, "org.opencontainers.image.ref.name", tag);
	fox_jw_end_object(&w);
	fox_jw_end_object(&w);
	fox_jw_end_array(&w);
	fox_jw_end_object(&w);
}

static enum fox_status put_index(
    struct writing *w, const struct fox_sha256 *manifest, uint64_t bytes, struct fox_err *err)
{
	struct fox_buf index = {0};
	write_index(&index, manifest, bytes, w->o->tag);
	enum fox_status s = index.failed
	                        ? fox_fail_nomem(err)
	                        : fox_outdir_put(w->dir, fox_str_of("index.json"), fox_buf_view(&index), err);
	fox_buf_free(&index);
	return s ? s
	         : fox_outdir_put(w->dir, fox_str_of("oci-layout"),
	               fox_str_of("{\"imageLayoutVersion\": \"1.0.0\"}\n"), err);
}

static enum fox_status put_all(struct writing *w, struct fox_oci_done *done, struct fox_err *err)
{
	struct fox_buf config = {0}, manifest = {0};
	struct fox_sha256 config_sha;
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < w->p->n && !s; i++)
		s = w->o->link && w->p->list[i].file.open ? link_item(w, i, err) : copy_item(w, i, err);
	if (!s) {
		write_config(&config, w->p);
		s = put_blob(w, &config, &config_sha, err);
	}
	if (!s)
		s = write_manifest(&manifest, w->p, &config_sha, config.n, err);
	if (!s)
		s = put_blob(w, &manifest, &done->manifest, err);
	if (!s)
		s = put_index(w, &done->manifest, manifest.n, err);
	fox_buf_free(&config);
	fox_buf_free(&manifest);
	return s;
}

static enum fox_status check_tag(const char *tag, struct fox_err *err)
{
	size_t n = strlen(tag);
	static const char most[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	if (n && n <= 128 && strspn(tag, most) == n && tag[0] != '.' && tag[0] != '-')
		return FOX_OK;
	return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
	    "tag '%s' is not 1 to 128 of letters, digits, '_', '.' and '-', beginning with none of the last two",
	    tag);
}

enum fox_status fox_oci(const struct fox_oci_options *o, struct fox_oci_done *done, struct fox_err *err)
{
	struct fox_payload p;
	const char *slash = strrchr(o->model, '/');
	struct fox_payload_options what = {.model = o->model,
	    .license = o->license,
	    .extra = o->extra,
	    .n_extra = o->n_extra,
	    .name = fox_str_of(slash ? slash + 1 : o->model),
	    .how_to_check = how_to_check};
	*done = (struct fox_oci_done){0};
	enum fox_status s = check_tag(o->tag, err);
	if (!s)
		s = fox_payload_open(&p, &what, err);
	if (s)
		return s;
	struct writing w = {.p = &p, .o = o};
	done->bytes_in = fox_payload_bytes(&p);
	done->n_layers = p.n;
	done->license = p.license_from != NULL;
	s = fox_outdir_open(&w.dir, o->out, err);
	if (!s && !o->link && done->bytes_in > fox_disk_free(o->out))
		s = fox_fail(err, FOX_E_IO, FOX_NOWHERE, "no space for '%s': %llu bytes needed, %llu free", o->out,
		    (unsigned long long)done->bytes_in, (unsigned long long)fox_disk_free(o->out));
	if (!s)
		s = fox_pump_open(&w.pump, o->threads, err);
	if (!s) {
		fox_pump_tell(w.pump, o->progress, o->progress_ctx);
		s = put_all(&w, done, err);
	}
	fox_pump_close(w.pump);
	fox_payload_close(&p);
	if (s) {
		fox_outdir_abort(w.dir);
		return s;
	}
	return fox_outdir_commit(w.dir, err);
}
