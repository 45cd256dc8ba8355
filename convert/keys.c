/* keys.c - general.* as other converters write it, fox.* as spec/container.md says. */
#include "convert/keys.h"

#include <stdio.h>
#include <stdlib.h>

#include "convert/naming.h"
#include "format/profile.h"

static struct fox_str as_str(const char *p)
{
	return p ? fox_str_of(p) : (struct fox_str){"", 0};
}

static enum fox_status check_given(const char *given, struct fox_err *err)
{
	struct fox_str s = fox_str_of(given);
	const char *why = NULL;
	if (!s.n || s.n > 1024)
		why = "has not 1 to 1024 bytes";
	else if (fox_utf8_bad(s) != s.n)
		why = "is not UTF-8";
	for (size_t i = 0; i < s.n && !why; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			why = "has a control character";
	return why ? fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "name '%.*s' %s", FOX_STR_ARG(s), why) : FOX_OK;
}

/* "LlamaForCausalLM" -> "Llama"; without a class the architecture's own name. */
static struct fox_str of_class(const struct fox_hfconfig *config, const struct fox_value *root)
{
	struct fox_str class;
	if (!fox_json_str(fox_json_at(fox_json_get(root, "architectures"), 0), &class) || !class.n)
		return fox_str_of(config->arch->name);
	static const char *const tails[] = {"ForCausalLM", "LMHeadModel", "Model"};
	for (size_t i = 0; i < FOX_COUNT(tails); i++)
		if (fox_str_ends(class, tails[i]) && class.n > strlen(tails[i]))
			return (struct fox_str){class.p, class.n - strlen(tails[i])};
	return class;
}

static bool keep(struct fox_str *s, struct fox_arena *a)
{
	s->p = fox_arena_strdup(a, (struct fox_str){s->p ? s->p : "", s->n});
	return s->p != NULL;
}

enum fox_status fox_keys_find_name(struct fox_keys_name *out, const char *given,
    const struct fox_hfconfig *config, const struct fox_value *root, const struct fox_source *src,
    struct fox_arena *arena, struct fox_err *err)
{
	struct fox_naming parts;
	struct fox_str repo = as_str(src ? fox_source_repo(src) : NULL);
	*out = (struct fox_keys_name){.id = config->name};
	if (given && check_given(given, err))
		return FOX_E_ARG;
	if (!keep(&out->id, arena))
		return fox_fail_nomem(err);
	if (fox_naming_parse(&parts, out->id, 0, arena, err))
		return FOX_E_NOMEM;
	out->guessed = !given && !parts.full.n;
	if (given)
		out->general = fox_str_of(given);
	else if (parts.full.n)
		out->general = fox_naming_title(parts.full, arena);
	else
		out->general = of_class(config, root);
	out->file = given ? out->general : parts.full.n ? parts.full : repo.n ? repo : out->general;
	if (!out->general.p || !keep(&out->general, arena) || !keep(&out->file, arena))
		return fox_fail_nomem(err);
	return FOX_OK;
}

static enum fox_status put_some(
    struct fox_gguf_writer *w, const char *key, struct fox_str v, struct fox_err *err)
{
	return v.n ? fox_gguf_put_str(w, key, v, err) : FOX_OK;
}

enum fox_status fox_keys_put_general(struct fox_gguf_writer *w, const struct fox_keys_name *name,
    const struct fox_job *job, uint32_t file_type, struct fox_arena *arena, struct fox_err *err)
{
	struct fox_naming id;
	char size[32];
	fox_naming_size(size, job->n_params);
	enum fox_status s = fox_naming_parse(&id, name->id, job->n_params, arena, err);
	struct fox_str org = s ? id.org : fox_naming_title(id.org, arena);
	if (!s && !org.p)
		s = fox_fail_nomem(err);
	if (!s)
		s = fox_gguf_put_str(w, "general.type", fox_str_of("model"), err);
	if (!s)
		s = fox_gguf_put_str(w, "general.name", name->general, err);
	if (!s)
		s = put_some(w, "general.version", fox_modelcard_pick(name->card, FOX_CARD_VERSION, id.version), err);
	if (!s)
		s = put_some(
		    w, "general.organization", fox_modelcard_pick(name->card, FOX_CARD_ORGANIZATION, org), err);
	if (!s)
		s = put_some(
		    w, "general.finetune", fox_modelcard_pick(name->card, FOX_CARD_FINETUNE, id.finetune), err);
	if (!s)
		s = put_some(
		    w, "general.basename", fox_modelcard_pick(name->card, FOX_CARD_BASENAME, id.basename), err);
	if (!s)
		s = put_some(w, "general.size_label",
		    fox_modelcard_pick(name->card, FOX_CARD_SIZE_LABEL, id.size.n ? id.size : fox_str_of(size)), err);
	if (!s)
		s = fox_gguf_put_u32(w, "general.quantization_version", FOX_QUANTIZATION_VERSION, err);
	if (!s)
		s = fox_gguf_put_u32(w, "general.file_type", file_type, err);
	return s;
}

/* ---- sampling */

static const struct {
	const char *config, *key;
	enum fox_gguf_type type;
} sampling[] = {
    {"sequence", "sequence", FOX_GGUF_STR},
    {"top_k", "top_k", FOX_GGUF_I32},
    {"top_p", "top_p", FOX_GGUF_F32},
    {"min_p", "min_p", FOX_GGUF_F32},
    {"xtc_probability", "xtc_probability", FOX_GGUF_F32},
    {"xtc_threshold", "xtc_threshold", FOX_GGUF_F32},
    {"temperature", "temp", FOX_GGUF_F32},
    {"penalty_last_n", "penalty_last_n", FOX_GGUF_I32},
    {"penalty_repeat", "penalty_repeat", FOX_GGUF_F32},
    {"mirostat", "mirostat", FOX_GGUF_I32},
    {"mirostat_tau", "mirostat_tau", FOX_GGUF_F32},
    {"mirostat_eta", "mirostat_eta", FOX_GGUF_F32},
};

static enum fox_status put_sampling(
    struct fox_gguf_writer *w, size_t row, const struct fox_value *v, struct fox_err *err)
{
	char key[64];
	struct fox_str text;
	int64_t i;
	double d;
	snprintf(key, sizeof key, "general.sampling.%s", sampling[row].key);
	if (sampling[row].type == FOX_GGUF_STR && fox_json_str(v, &text))
		return fox_gguf_put_str(w, key, text, err);
	if (sampling[row].type == FOX_GGUF_I32 && fox_json_i64(v, &i) && i >= INT32_MIN && i <= INT32_MAX)
		return fox_gguf_put_i32(w, key, (int32_t)i, err);
	if (sampling[row].type == FOX_GGUF_F32 && fox_json_f64(v, &d))
		return fox_gguf_put_f32(w, key, (float)d, err);
	return FOX_OK;
}

enum fox_status fox_keys_put_sampling(struct fox_gguf_writer *w, struct fox_source *src, struct fox_err *err)
{
	struct fox_json *json = NULL;
	struct fox_str text;
	enum fox_status s = fox_source_read_file(src, "generation_config.json", FOX_GGUF_MAX_STRING, &text, err);
	if (s || !text.p)
		return s;
	s = fox_json_parse(&json, text, err);
	for (size_t i = 0; !s && i < FOX_COUNT(sampling); i++)
		s = put_sampling(w, i, fox_json_get(fox_json_root(json), sampling[i].config), err);
	if (s)
		fox_in_file(err, "generation_config.json");
	fox_json_close(json);
	return s;
}

/* ---- provenance */

static int by_name(const void *a, const void *b, void *src)
{
	return fox_str_cmp(
	    fox_source_file(src, *(const size_t *)a)->name, fox_source_file(src, *(const size_t *)b)->name);
}

/* Indices of the source's files in the order of their names; NULL when out of memory. */
static size_t *sorted_files(struct fox_source *src, struct fox_arena *arena)
{
	size_t n = fox_source_files(src), *order = fox_arena_alloc(arena, n, sizeof *order);
	for (size_t i = 0; order && i < n; i++)
		order[i] = i;
	if (order)
		qsort_r(order, n, sizeof *order, by_name, src);
	return order;
}

/* 64 digits, in the arena. */
static struct fox_str sha_text(const struct fox_src_file *f, struct fox_arena *arena)
{
	char *hex = fox_arena_alloc(arena, FOX_SHA256_HEX + 1, 1);
	if (hex && f->has_sha256)
		fox_hex(hex, f->sha256.b, sizeof f->sha256.b);
	else if (hex)
		memset(hex, '0', FOX_SHA256_HEX);
	return (struct fox_str){hex, hex ? FOX_SHA256_HEX : 0};
}

static enum fox_status put_files(struct fox_gguf_writer *w, struct fox_source *src, bool hashes,
    struct fox_arena *arena, struct fox_err *err)
{
	size_t n = fox_source_files(src), *order = sorted_files(src, arena);
	struct fox_str *names = fox_arena_alloc(arena, n, sizeof *names),
	               *shas = fox_arena_alloc(arena, n, sizeof *shas);
	uint64_t *bytes = fox_arena_alloc(arena, n, sizeof *bytes);
	if (!order || !names || !shas || !bytes)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n; i++) {
		const struct fox_src_file *f = fox_source_file(src, order[i]);
		names[i] = f->name;
		bytes[i] = f->bytes;
		shas[i] = sha_text(f, arena);
		if (!shas[i].p)
			return fox_fail_nomem(err);
	}
	enum fox_status s = fox_gguf_put_strings(w, FOX_KEY_SRC_NAMES, names, n, err);
	if (!s)
		s = fox_gguf_put_array(w, FOX_KEY_SRC_SIZES, FOX_GGUF_U64, bytes, n, err);
	if (!s && hashes)
		s = fox_gguf_put_strings(w, FOX_KEY_SRC_SHA256, shas, n, err);
	return s;
}

enum fox_status fox_keys_patch_source(
    struct fox_gguf_writer *w, struct fox_source *src, struct fox_arena *arena, struct fox_err *err)
{
	size_t n = fox_source_files(src), *order = sorted_files(src, arena);
	enum fox_status s = order ? FOX_OK : fox_fail_nomem(err);
	for (size_t i = 0; !s && i < n; i++) {
		const struct fox_src_file *f = fox_source_file(src, order[i]);
		struct fox_str sha = sha_text(f, arena);
		if (!f->weights)
			continue;
		s = sha.p ? fox_gguf_patch_str(w, FOX_KEY_SRC_SHA256, i, sha, err) : fox_fail_nomem(err);
	}
	return s;
}

/* A JSON file of the checkpoint, as it stands. */
static enum fox_status put_json(
    struct fox_gguf_writer *w, struct fox_source *src, const char *stem, struct fox_err *err)
{
	char file[64], key[64];
	struct fox_str text;
	snprintf(file, sizeof file, "%s.json", stem);
	snprintf(key, sizeof key, FOX_KEY_HF_PREFIX "%s", stem);
	enum fox_status s = fox_source_read_file(src, file, FOX_GGUF_MAX_STRING, &text, err);
	if (s || !text.p)
		return s;
	size_t bad = fox_utf8_bad(text);
	if (bad != text.n) {
		fox_fail(err, FOX_E_FORMAT, bad, "not UTF-8");
		return fox_in_file(err, file), FOX_E_FORMAT;
	}
	return fox_gguf_put_str(w, key, text, err);
}

static const char *const stems[] = {
    "config", "generation_config", "tokenizer_config", "special_tokens_map", "added_tokens"};

/* The first two belong to the model, the others to its tokenizer. */
static struct fox_source *source_of(size_t stem, struct fox_source *src, struct fox_source *tok)
{
	return stem < 2 ? src : tok;
}

enum fox_status fox_keys_gather(struct fox_source *src, struct fox_source *tok, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < FOX_COUNT(stems); i++) {
		char file[64];
		struct fox_str text;
		snprintf(file, sizeof file, "%s.json", stems[i]);
		s = fox_source_read_file(source_of(i, src, tok), file, FOX_GGUF_MAX_STRING, &text, err);
	}
	return !s && tok != src ? fox_source_adopt(src, tok, "tokenizer", err) : s;
}

enum fox_status fox_keys_put_source(struct fox_gguf_writer *w, struct fox_source *src, struct fox_source *tok,
    const struct fox_job *job, const char *options, bool hashes, struct fox_arena *arena, struct fox_err *err)
{
	const char *revision = fox_source_revision(src);
	struct fox_str *dtypes = fox_arena_alloc(arena, job->n_out, sizeof *dtypes);
	if (!dtypes)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < job->n_out; i++)
		dtypes[i] = fox_str_of(job->steps[i].src.type_name);
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < FOX_COUNT(stems); i++)
		s = put_json(w, source_of(i, src, tok), stems[i], err);
	if (!s)
		s = fox_gguf_put_str(w, FOX_KEY_OPTIONS, fox_str_of(options), err);
	if (!s)
		s = put_files(w, src, hashes, arena, err);
	if (!s && revision)
		s = fox_gguf_put_str(w, FOX_KEY_SRC_REVISION, fox_str_of(revision), err);
	if (!s)
		s = fox_gguf_put_strings(w, FOX_KEY_SRC_DTYPES, dtypes, job->n_out, err);
	return s;
}
