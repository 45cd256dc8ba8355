/* ver_carried.c - what the container says of its source and carries for the way back: JSON files word for word, the
 * files it was made from, each tensor's dtype there.  spec/verify.md 3.6 */
#include <stdio.h>
#include <stdlib.h>

#include "format/profile.h"
#include "inspect/ver_tensors.h"

enum { MAX_FILE = 256 << 20, MAX_TOLD = 32 };
#define TOKENIZER "tokenizer/"

static enum fox_status check_json(struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err)
{
	static const char *const files[] = {
	    "config", "generation_config", "tokenizer_config", "special_tokens_map", "added_tokens"};
	size_t good = 0, bad = 0;
	for (size_t i = 0; i < FOX_COUNT(files); i++) {
		char file[64], key[96];
		struct fox_str text, got;
		snprintf(file, sizeof file, "%s.json", files[i]);
		snprintf(key, sizeof key, FOX_KEY_HF_PREFIX "%s", files[i]);
		struct fox_source *src = i >= 2 && p->tokenizer ? p->tokenizer : p->src;
		enum fox_status s = fox_source_read_file(src, file, MAX_FILE, &text, err);
		if (s)
			return s;
		const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, key);
		if (!kv && (!text.p || !p->fox)) /* other tools carry nothing, and say nothing of it */
			continue;
		if (kv && text.p && !fox_gguf_str(v->g, key, &got, NULL) && fox_str_eq(got, text)) {
			good++;
			continue;
		}
		bad++;
		fox_find_add(&v->found, FOX_FAIL, "source.carried", key,
		    !kv       ? "absent, but the source has '%s'"
		    : !text.p ? "the source has no '%s'"
		              : "is not the text of '%s'",
		    file);
	}
	if (good && !bad)
		fox_find_add(
		    &v->found, FOX_PASS, "source.carried", "", "%zu JSON files are carried word for word", good);
	return FOX_OK;
}

/* fox.source.dtypes: one name for each tensor, in the order of the table. */
static void check_dtypes(struct fox_verify *v, const struct fox_ver_pair *p)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, FOX_KEY_SRC_DTYPES);
	size_t n = fox_gguf_tensors(v->g), bad = 0;
	uint64_t cursor = 0;
	struct fox_str said;
	if (!kv && !p->fox)
		return;
	if (!kv || kv->type != FOX_GGUF_ARR || kv->item != FOX_GGUF_STR || kv->n_items != n) {
		fox_find_add(&v->found, FOX_FAIL, "source.dtype", FOX_KEY_SRC_DTYPES,
		    kv ? "is not a string for each of %zu tensors" : "absent, must name the dtypes of %zu tensors",
		    n);
		return;
	}
	for (size_t i = 0; i < n && fox_gguf_next_str(v->g, kv, &cursor, &said); i++) {
		const struct fox_tensor *t = fox_gguf_tensor(v->g, i);
		uint32_t slot = fox_map_find(&p->by_name, t->name);
		const struct fox_src_tensor *s = slot == FOX_MAP_NONE ? NULL : fox_ver_source_of(p, &p->slots[slot]);
		if (!s || fox_str_is(said, fox_dtypes[s->dtype].name)) /* without a source: source.extra */
			continue;
		if (bad++ < MAX_TOLD)
			fox_find_add(&v->found, FOX_FAIL, "source.dtype", p->slots[slot].name,
			    "was '%.*s' by fox.source.dtypes, is %s in the source", FOX_STR_ARG(said),
			    fox_dtypes[s->dtype].name);
	}
	if (bad > MAX_TOLD)
		fox_find_add(&v->found, FOX_FAIL, "source.dtype", "", "%zu more tensors", bad - MAX_TOLD);
	if (!bad)
		fox_find_add(&v->found, FOX_PASS, "source.dtype", "", "%zu dtypes recorded are the source's", n);
}

/* ---- source files by name, size and SHA-256 */

static enum fox_status digest(struct fox_source *src, size_t i, struct fox_err *err)
{
	enum { CHUNK = 1 << 20 };
	struct fox_src_file *f = fox_source_file(src, i);
	if (f->has_sha256)
		return FOX_OK;
	struct fox_sha256_state *h = fox_sha256_open();
	struct fox_sha256 sha;
	uint8_t *buf = malloc(CHUNK);
	enum fox_status s = h && buf ? FOX_OK : fox_fail_nomem(err);
	for (uint64_t at = 0; at < f->bytes && !s; at += CHUNK) {
		size_t n = f->bytes - at < CHUNK ? (size_t)(f->bytes - at) : CHUNK;
		if (!(s = fox_cancelled(err)) && !(s = fox_file_read(&f->fd, at, buf, n, err)))
			s = fox_sha256_add(h, buf, n, err);
	}
	if (!s && !(s = fox_sha256_final(h, &sha, err)))
		s = fox_source_check_digest(src, i, &sha, err); /* also against the name of an HF blob */
	free(buf);
	fox_sha256_close(h);
	return s;
}

struct digesting {
	struct fox_source *src;
	struct fox_err *errors;
	size_t *order;
};

static void digest_one(void *ctx, size_t turn, unsigned worker)
{
	struct digesting *d = ctx;
	size_t i = d->order[turn];
	(void)worker;
	(void)!digest(d->src, i, &d->errors[i]);
}

static int by_base(const void *a, const void *b, void *ctx)
{
	uint64_t x = fox_source_file(ctx, *(const size_t *)a)->fd.base, y = fox_source_file(ctx, *(const size_t *)b)->fd.base;
	return (x > y) - (x < y);
}

/* Side by side; out of a stream, one after the other in its order. */
static enum fox_status digest_all(struct fox_verify *v, struct fox_source *src, struct fox_err *err)
{
	size_t n = fox_source_files(src);
	bool streamed = fox_source_streamed(src);
	struct digesting d = {src, calloc(n + 1, sizeof *d.errors), calloc(n + 1, sizeof *d.order)};
	enum fox_status s = d.errors && d.order ? FOX_OK : fox_fail_nomem(err);
	for (size_t i = 0; !s && i < n; i++)
		d.order[i] = i;
	if (!s && streamed)
		qsort_r(d.order, n, sizeof *d.order, by_base, src);
	if (!s)
		fox_pool_run(streamed ? NULL : v->pool, digest_one, &d, n);
	for (size_t i = 0; i < n && !s; i++)
		if ((s = d.errors[i].code) && err)
			*err = d.errors[i];
	free(d.errors);
	free(d.order);
	return s;
}

struct records {
	const struct fox_gguf_kv *names, *sizes, *shas; /* shas NULL: not recorded */
	size_t good, bad, n_weights;
};

static bool is_list(const struct fox_gguf_kv *kv, enum fox_gguf_type item, uint64_t n)
{
	return kv && kv->type == FOX_GGUF_ARR && kv->item == item && kv->n_items == n;
}

/* A folder's file of a name, opened now when nothing asked for it so far. NULL: none (or not readable). */
static struct fox_src_file *file_in(struct fox_source *src, struct fox_str name)
{
	char path[201];
	struct fox_str text;
	for (int turn = 0; turn < 2; turn++) {
		for (size_t k = 0; k < fox_source_files(src); k++)
			if (fox_str_eq(fox_source_file(src, k)->name, name))
				return fox_source_file(src, k);
		snprintf(path, sizeof path, "%.*s", FOX_STR_ARG(name));
		if (name.n >= sizeof path || strlen(path) != name.n ||
		    fox_source_read_file(src, path, MAX_FILE, &text, NULL))
			return NULL;
	}
	return NULL;
}

/* Files of a tokenizer that came from elsewhere are recorded beneath "tokenizer/". */
static struct fox_src_file *file_named(const struct fox_ver_pair *p, struct fox_str name)
{
	size_t n = strlen(TOKENIZER);
	if (p->tokenizer && fox_str_starts(name, TOKENIZER))
		return file_in(p->tokenizer, (struct fox_str){name.p + n, name.n - n});
	return file_in(p->src, name);
}

static void check_file(struct fox_verify *v, const struct fox_ver_pair *p, struct records *r, uint64_t i,
    struct fox_str name, struct fox_str sha)
{
	char file[201], hex[FOX_SHA256_HEX + 1];
	uint64_t bytes = 0;
	snprintf(file, sizeof file, "%.*s", FOX_STR_ARG(name));
	fox_gguf_item_u64(v->g, r->sizes, i, &bytes);
	struct fox_src_file *f = file_named(p, name);
	r->n_weights += f && f->weights;
	if (f && r->shas)
		fox_hex(hex, f->sha256.b, sizeof f->sha256.b);
	if (f && f->bytes == bytes && (!r->shas || (f->has_sha256 && fox_str_is(sha, hex)))) {
		r->good++;
		return;
	}
	r->bad++;
	if (!f)
		fox_find_add(
		    &v->found, FOX_FAIL, "source.file", file, "the container was made from it, the source has none");
	else if (f->bytes != bytes)
		fox_find_add(&v->found, FOX_FAIL, "source.file", file, "has %llu bytes, had %llu",
		    (unsigned long long)f->bytes, (unsigned long long)bytes);
	else
		fox_find_add(
		    &v->found, FOX_FAIL, "source.file", file, "SHA-256 is %s, was %.*s", hex, FOX_STR_ARG(sha));
}

static size_t count_weights(struct fox_source *src)
{
	size_t n = 0;
	for (size_t i = 0; i < fox_source_files(src); i++)
		n += fox_source_file(src, i)->weights;
	return n;
}

/* Names rise strictly, so a record of millions cannot hold more good ones than the source has files. */
static void check_records(struct fox_verify *v, const struct fox_ver_pair *p, struct records *r)
{
	uint64_t at = 0, sha_at = 0;
	struct fox_str name, sha = {"", 0}, before = {"", 0};
	for (uint64_t i = 0; i < r->names->n_items && fox_gguf_next_str(v->g, r->names, &at, &name); i++) {
		if (i && fox_str_cmp(before, name) >= 0) {
			r->bad++;
			fox_find_add(&v->found, FOX_FAIL, "source.file", FOX_KEY_SRC_NAMES, "names do not rise");
			break;
		}
		if (r->shas && !fox_gguf_next_str(v->g, r->shas, &sha_at, &sha))
			break;
		check_file(v, p, r, i, name, sha);
		if (r->bad >= MAX_TOLD)
			break;
		before = name;
	}
	if (!r->bad && r->n_weights != count_weights(p->src)) {
		r->bad++;
		fox_find_add(&v->found, FOX_FAIL, "source.file", FOX_KEY_SRC_NAMES,
		    "%zu of the source's %zu weight files are recorded", r->n_weights, count_weights(p->src));
	}
	if (!r->bad && r->good == r->names->n_items)
		fox_find_add(&v->found, FOX_PASS, "source.file", "", "%zu files have the %s recorded", r->good,
		    r->shas ? "SHA-256" : "size (no SHA-256)");
}

static enum fox_status check_files(struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err)
{
	struct records r = {.names = fox_gguf_find_key(v->g, FOX_KEY_SRC_NAMES),
	    .sizes = fox_gguf_find_key(v->g, FOX_KEY_SRC_SIZES),
	    .shas = fox_gguf_find_key(v->g, FOX_KEY_SRC_SHA256)};
	if (!r.names && !r.sizes && !r.shas) {
		fox_find_add(&v->found, FOX_NOTE, "source.file", "",
		    "the container does not say which files it was made from");
		return FOX_OK;
	}
	uint64_t n = r.names ? r.names->n_items : 0;
	if (!is_list(r.names, FOX_GGUF_STR, n) || !is_list(r.sizes, FOX_GGUF_U64, n) ||
	    (r.shas && !is_list(r.shas, FOX_GGUF_STR, n))) {
		fox_find_add(&v->found, FOX_FAIL, "source.file", FOX_KEY_SRC_NAMES,
		    "names, sizes and hashes are not lists of one length");
		return FOX_OK;
	}
	enum fox_status s = r.shas ? digest_all(v, p->src, err) : FOX_OK;
	if (!s)
		check_records(v, p, &r);
	return s;
}

enum fox_status fox_ver_carried(struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err)
{
	enum fox_status s = check_json(v, p, err);
	if (s)
		return s;
	check_dtypes(v, p);
	return check_files(v, p, err);
}
