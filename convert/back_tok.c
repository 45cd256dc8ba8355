/* back_tok.c - which small files there are, from the keys; each proven by its SHA-256 where that is known. */
#include "convert/back_tok.h"

#include <stdio.h>

#include "format/profile.h"

struct work {
	struct back_files *f;
	const struct fox_gguf *g;
	fox_note_fn *note;
	void *note_ctx;
	struct fox_err *err;
};

struct back_source back_source_of(const struct fox_gguf *g, const char *name)
{
	const struct fox_gguf_kv *names = fox_gguf_find_key(g, FOX_KEY_SRC_NAMES),
	                         *bytes = fox_gguf_find_key(g, FOX_KEY_SRC_SIZES),
	                         *shas = fox_gguf_find_key(g, FOX_KEY_SRC_SHA256);
	struct back_source src = {0};
	struct fox_str file, sha = {NULL, 0};
	uint64_t at = 0, sha_at = 0;
	if (!names || names->item != FOX_GGUF_STR || names->type != FOX_GGUF_ARR)
		return src;
	bool sums =
	    shas && shas->type == FOX_GGUF_ARR && shas->item == FOX_GGUF_STR && shas->n_items == names->n_items;
	for (uint64_t i = 0; fox_gguf_next_str(g, names, &at, &file); i++) {
		if (sums && !fox_gguf_next_str(g, shas, &sha_at, &sha))
			sums = false;
		if (fox_str_starts(file, "tokenizer/"))
			file = (struct fox_str){file.p + 10, file.n - 10};
		if (!fox_str_is(file, name))
			continue;
		src.there = bytes && bytes->type == FOX_GGUF_ARR && i < bytes->n_items &&
		            fox_gguf_item_u64(g, bytes, i, &src.bytes);
		src.has_sha = sums && sha.n == FOX_SHA256_HEX;
		if (src.has_sha)
			memcpy(src.sha, sha.p, sha.n);
	}
	return src;
}

/* Room for one file more; NULL when there is none, or another has the name. */
static struct back_file *add_file(struct work *w, const char *name, size_t n)
{
	struct back_files *f = w->f;
	struct back_file *file = &f->list[f->n];
	if (f->n == BACK_FILES || n >= sizeof file->name)
		return NULL;
	memcpy(file->name, name, n);
	file->name[n] = 0;
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->list[i].name, file->name))
			return NULL;
	f->n++;
	return file;
}

/* config -> config.json, and its like; the name is a stranger's. */
static enum fox_status add_json(struct work *w, const struct fox_gguf_kv *kv)
{
	char name[80];
	struct fox_str stem = {kv->key.p + strlen(FOX_KEY_HF_PREFIX), kv->key.n - strlen(FOX_KEY_HF_PREFIX)},
	               text;
	bool plain = stem.n > 0 && stem.n < 64 && kv->type == FOX_GGUF_STR;
	for (size_t i = 0; i < stem.n && plain; i++)
		plain = (stem.p[i] >= 'a' && stem.p[i] <= 'z') || stem.p[i] == '_';
	if (!plain)
		return fox_fail(w->err, FOX_E_UNSUPPORTED, kv->at, "key '%.*s' is none that fox-convert writes",
		    FOX_STR_ARG(kv->key));
	int n = snprintf(name, sizeof name, "%.*s.json", FOX_STR_ARG(stem));
	char key[96];
	snprintf(key, sizeof key, "%.*s", FOX_STR_ARG(kv->key));
	enum fox_status s = fox_gguf_str(w->g, key, &text, w->err);
	struct back_file *file = s ? NULL : add_file(w, name, (size_t)n);
	if (!s && !file)
		s = fox_fail(
		    w->err, FOX_E_UNSUPPORTED, kv->at, "key '%.*s' is one file too many", FOX_STR_ARG(kv->key));
	if (file)
		file->fixed = text;
	return s;
}

/* Say when a file is not what its source was. */
static enum fox_status prove(struct work *w, const struct back_file *f, const struct back_source *src)
{
	struct fox_sha256 sha;
	char hex[FOX_SHA256_HEX + 1];
	struct fox_str text = back_file_text(f);
	struct fox_sha256_state *x = src->has_sha ? fox_sha256_open() : NULL;
	if (!src->has_sha)
		return FOX_OK;
	enum fox_status s = x ? fox_sha256_add(x, text.p, text.n, w->err) : fox_fail_nomem(w->err);
	if (!s)
		s = fox_sha256_final(x, &sha, w->err);
	fox_sha256_close(x);
	if (s)
		return s;
	fox_hex(hex, sha.b, sizeof sha.b);
	if (strcmp(hex, src->sha))
		fox_note(w->note, w->note_ctx, "%s is made anew: it is not the source's byte for byte", f->name);
	return FOX_OK;
}

typedef enum fox_status make_fn(
    struct fox_buf *out, const struct fox_tokdata *t, const struct back_source *src, struct fox_err *err);

/* What the source's file was called: name, unless --tokenizer named a file of its own, which is then the one under tokenizer/
 * that ends like it and is no other. */
static void source_name(const struct work *w, const char *name, char out[80])
{
	const struct fox_gguf_kv *names = fox_gguf_find_key(w->g, FOX_KEY_SRC_NAMES);
	struct fox_str file;
	uint64_t at = 0;
	snprintf(out, 80, "%s", name);
	if (back_source_of(w->g, name).there || !names || names->type != FOX_GGUF_ARR ||
	    names->item != FOX_GGUF_STR)
		return;
	while (fox_gguf_next_str(w->g, names, &at, &file)) {
		bool other =
		    !fox_str_starts(file, "tokenizer/") || !fox_str_ends(file, strrchr(name, '.')) || file.n > 80;
		file = other ? file : (struct fox_str){file.p + 10, file.n - 10};
		for (size_t i = 0; i < w->f->n && !other; i++)
			other = fox_str_is(file, w->f->list[i].name);
		if (!other)
			snprintf(out, 80, "%.*s", FOX_STR_ARG(file));
	}
}

static enum fox_status make(struct work *w, const char *name, make_fn *fn)
{
	char was[80];
	source_name(w, name, was);
	struct back_source src = back_source_of(w->g, was);
	struct back_file *file = add_file(w, name, strlen(name));
	if (!file)
		return fox_fail(
		    w->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "a key stands for '%s', which is made of others", name);
	memcpy(file->source, was, sizeof was);
	enum fox_status s = fn(&file->made, &w->f->tok, &src, w->err);
	return s ? s : prove(w, file, &src);
}

static enum fox_status add_template(struct work *w)
{
	const char *name = "chat_template.jinja";
	struct back_source src = back_source_of(w->g, name);
	if (!src.there || !w->f->tok.chat_template.p)
		return FOX_OK;
	struct back_file *file = add_file(w, name, strlen(name));
	if (!file)
		return fox_fail(w->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "too many files");
	file->fixed = w->f->tok.chat_template;
	return prove(w, file, &src);
}

static enum fox_status add_tokenizer(struct work *w)
{
	struct fox_tokdata *t = &w->f->tok;
	enum fox_status s = FOX_OK;
	bool flat = back_source_of(w->g, "vocab.json").there && back_source_of(w->g, "merges.txt").there &&
	            !back_source_of(w->g, "tokenizer.json").there;
	if (!fox_gguf_find_key(w->g, FOX_KEY_SPM_SPEC) && !fox_gguf_find_key(w->g, FOX_KEY_HF_SPEC)) {
		fox_note(w->note, w->note_ctx, "no key '%s' or '%s': no tokenizer is written", FOX_KEY_SPM_SPEC,
		    FOX_KEY_HF_SPEC);
		return FOX_OK;
	}
	if ((s = fox_tokdata_from_gguf(t, w->g, w->err)))
		return s;
	if (t->spm_spec.p)
		s = make(w, "tokenizer.model", back_spiece);
	else if (t->hf_spec.p && flat) {
		s = make(w, "vocab.json", back_vocabjson);
		s = s ? s : make(w, "merges.txt", back_merges);
	} else if (t->hf_spec.p)
		s = make(w, "tokenizer.json", back_tokjson);
	return s ? s : add_template(w);
}

/* By the name: what weights are called, which the tensors stand for. */
static bool is_weights(struct fox_str name)
{
	static const char *const ends[] = {".safetensors", ".bin", ".pt", ".pth", ".index.json"};
	for (size_t i = 0; i < FOX_COUNT(ends); i++)
		if (fox_str_ends(name, ends[i]))
			return true;
	return false;
}

/* Name the source's files that nothing is there of. */
static enum fox_status tell_absent(struct work *w)
{
	const struct fox_gguf_kv *names = fox_gguf_find_key(w->g, FOX_KEY_SRC_NAMES);
	struct fox_buf list = {0};
	struct fox_str file;
	uint64_t at = 0;
	if (!names || names->type != FOX_GGUF_ARR || names->item != FOX_GGUF_STR)
		return FOX_OK;
	while (fox_gguf_next_str(w->g, names, &at, &file)) {
		bool there = is_weights(file);
		if (fox_str_starts(file, "tokenizer/"))
			file = (struct fox_str){file.p + 10, file.n - 10};
		for (size_t i = 0; i < w->f->n && !there; i++)
			there = fox_str_is(file, w->f->list[i].name) || fox_str_is(file, w->f->list[i].source);
		if (!there && list.n < 512)
			fox_buf_fmt(&list, "%s%.*s", list.n ? ", " : "", FOX_STR_ARG(file));
	}
	if (list.n && !list.failed)
		fox_note(w->note, w->note_ctx, "not kept in the container, so not written: %s", list.p);
	enum fox_status s = list.failed ? fox_fail_nomem(w->err) : FOX_OK;
	fox_buf_free(&list);
	return s;
}

enum fox_status back_files_make(
    struct back_files *f, const struct fox_gguf *g, fox_note_fn *note, void *note_ctx, struct fox_err *err)
{
	struct work w = {f, g, note, note_ctx, err};
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < fox_gguf_keys(g) && !s; i++)
		if (fox_str_starts(fox_gguf_key(g, i)->key, FOX_KEY_HF_PREFIX))
			s = add_json(&w, fox_gguf_key(g, i));
	if (!s)
		s = add_tokenizer(&w);
	return s ? s : tell_absent(&w);
}

void back_files_free(struct back_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		fox_buf_free(&f->list[i].made);
	fox_tokdata_free(&f->tok);
	*f = (struct back_files){0};
}
