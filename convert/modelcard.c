/* modelcard.c - which words of the front matter become which keys.
 *
 * source: gguf-py metadata.py apply_metadata_heuristic, set_gguf_meta_model; gguf_writer.py add_string
 * (an empty text is not written), add_array (nor an empty list) */
#include "convert/modelcard.h"

#include <stdarg.h>
#include <stdio.h>

#include "convert/frontmatter.h"
#include "convert/naming.h"

enum { MAX_ENTRIES = 1024, MAX_ID = 256, MAX_DASHES = 32 };

/* In order of precedence: the first key that is not null decides. */
static const struct {
	const char *key;
	enum fox_card_field field;
} fields[] = {
    {"name", FOX_CARD_NAME},
    {"author", FOX_CARD_AUTHOR},
    {"version", FOX_CARD_VERSION},
    {"organization", FOX_CARD_ORGANIZATION},
    {"description", FOX_CARD_DESCRIPTION},
    {"finetune", FOX_CARD_FINETUNE},
    {"basename", FOX_CARD_BASENAME},
    {"size_label", FOX_CARD_SIZE_LABEL},
    {"url", FOX_CARD_SOURCE_URL},
    {"doi", FOX_CARD_SOURCE_DOI},
    {"uuid", FOX_CARD_SOURCE_UUID},
    {"repo_url", FOX_CARD_SOURCE_REPO_URL},
    {"model_name", FOX_CARD_NAME},
    {"model_author", FOX_CARD_AUTHOR},
    {"model_version", FOX_CARD_VERSION},
    {"model_organization", FOX_CARD_ORGANIZATION},
    {"model_description", FOX_CARD_DESCRIPTION},
    {"model_finetune", FOX_CARD_FINETUNE},
    {"model_basename", FOX_CARD_BASENAME},
    {"model_size_label", FOX_CARD_SIZE_LABEL},
    {"model_url", FOX_CARD_SOURCE_URL},
    {"model_doi", FOX_CARD_SOURCE_DOI},
    {"model_uuid", FOX_CARD_SOURCE_UUID},
    {"model_repo_url", FOX_CARD_SOURCE_REPO_URL},
    {"model_creator", FOX_CARD_AUTHOR},
    {"model_type", FOX_CARD_BASENAME},
    {"license", FOX_CARD_LICENSE},
    {"license_name", FOX_CARD_LICENSE_NAME},
    {"license_link", FOX_CARD_LICENSE_LINK},
};

/* After the fields: lists. Of the two of tags and languages both count, of the three of the others the first
 * that is there, null or not. */
enum { LISTS = FOX_COUNT(fields), TAGS = LISTS, LANGUAGES = TAGS + 2, BASE = LANGUAGES + 2, DATA = BASE + 3 };
static const char *const lists[] = {"tags", "pipeline_tag", "languages", "language", "base_model",
    "base_models", "base_model_sources", "datasets", "dataset", "dataset_sources"};
enum { KEYS = LISTS + FOX_COUNT(lists) };

struct reading {
	struct fox_modelcard *card;
	struct fox_fm_value v[KEYS];
	struct fox_arena *arena;
	fox_note_fn *note;
	void *note_ctx;
	bool no_memory;
};

static void say(const struct reading *r, const char *fmt, ...) FOX_PRINTF(2, 3);
static void say(const struct reading *r, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	if (!r->note)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	r->note(r->note_ctx, line);
}

static void leave_out(const struct reading *r, const struct fox_fm_value *v, const char *why)
{
	say(r, "README.md: '%s' in line %u %s: left out", v->key, v->line, why);
}

/* ---- single values */

static struct fox_str join(struct reading *r, const struct fox_fm_value *v)
{
	struct fox_buf b = {0};
	for (size_t i = 0; i < v->n; i++) {
		if (i)
			fox_buf_char(&b, ',');
		fox_buf_add(&b, v->items[i].p, v->items[i].n);
	}
	char *p = b.failed ? NULL : fox_arena_strdup(r->arena, b.p ? fox_buf_view(&b) : (struct fox_str){"", 0});
	struct fox_str out = {p ? p : "", p ? b.n : 0};
	r->no_memory |= !p;
	fox_buf_free(&b);
	return out;
}

static void take_field(struct reading *r, const struct fox_fm_value *v, enum fox_card_field f)
{
	struct fox_str *out = &r->card->field[f];
	if (out->p || v->kind == FOX_FM_ABSENT || v->kind == FOX_FM_NULL)
		return;
	*out = (struct fox_str){"", 0};
	if (v->kind == FOX_FM_STR)
		*out = v->str;
	else if (v->kind == FOX_FM_LIST && f == FOX_CARD_LICENSE)
		*out = join(r, v);
	else
		leave_out(r, v, v->kind == FOX_FM_LIST ? "is a list" : v->why);
}

/* ---- lists */

/* A value that is one text or a list of them, at the end of out; anything else is left out whole. */
static void append(struct reading *r, struct fox_card_list *out, const struct fox_fm_value *v)
{
	if (v->kind == FOX_FM_UNSURE)
		leave_out(r, v, v->why);
	if (v->kind != FOX_FM_STR && v->kind != FOX_FM_LIST)
		return;
	size_t more = v->kind == FOX_FM_STR ? 1 : v->n;
	struct fox_str *items = fox_arena_alloc(r->arena, out->n + more, sizeof *items);
	if (!items) {
		r->no_memory = true;
		return;
	}
	if (out->n)
		memcpy(items, out->items, out->n * sizeof *items);
	if (more)
		memcpy(items + out->n, v->kind == FOX_FM_STR ? &v->str : v->items, more * sizeof *items);
	*out = (struct fox_card_list){items, out->n + more, true};
}

/* Ids are taken apart by rules that are certain for plain ASCII of a sane length only. */
static const char *why_no_id(struct fox_str id)
{
	size_t dashes = 0;
	for (size_t i = 0; i < id.n; i++) {
		if (id.p[i] < 0x20 || id.p[i] > 0x7e)
			return "has a name that is not plain ASCII";
		dashes += id.p[i] == '-';
	}
	return id.n > MAX_ID || dashes > MAX_DASHES ? "has a name that is too long" : NULL;
}

/* The first of three spellings. An entry that is left out would renumber the others, so it is all or none. */
static void take_entries(struct reading *r, struct fox_card_list *out, size_t first)
{
	size_t i = first;
	while (i < first + 2 && r->v[i].kind == FOX_FM_ABSENT)
		i++;
	const struct fox_fm_value *v = &r->v[i];
	const char *why = NULL;
	append(r, out, v);
	for (size_t k = 0; k < out->n && !why; k++)
		why = why_no_id(out->items[k]);
	if (out->n > MAX_ENTRIES)
		why = "has more than 1024 entries";
	if (why) {
		leave_out(r, v, why);
		*out = (struct fox_card_list){NULL, 0, false};
	}
	out->given |= v->kind == FOX_FM_NULL;
}

enum fox_status fox_modelcard_parse(struct fox_modelcard *card, struct fox_str readme,
    struct fox_arena *arena, fox_note_fn *note, void *note_ctx, struct fox_err *err)
{
	struct reading r = {.card = card, .arena = arena, .note = note, .note_ctx = note_ctx};
	const char *why;
	unsigned line = 0;
	*card = (struct fox_modelcard){.tags = {0}};
	for (size_t i = 0; i < KEYS; i++)
		r.v[i].key = i < LISTS ? fields[i].key : lists[i - LISTS];
	enum fox_status s = fox_frontmatter_read(r.v, KEYS, readme, arena, &why, &line, err);
	if (s)
		return s;
	if (why)
		say(&r, "README.md: line %u: %s: its front matter is left out", line, why);
	for (size_t i = 0; i < LISTS; i++)
		take_field(&r, &r.v[i], fields[i].field);
	take_entries(&r, &card->base_models, BASE);
	take_entries(&r, &card->datasets, DATA);
	for (size_t i = 0; i < 2; i++) {
		append(&r, &card->tags, &r.v[TAGS + i]);
		append(&r, &card->languages, &r.v[LANGUAGES + i]);
	}
	return r.no_memory ? fox_fail_nomem(err) : FOX_OK;
}

enum fox_status fox_modelcard_load(struct fox_modelcard *card, struct fox_source *src,
    struct fox_arena *arena, fox_note_fn *note, void *note_ctx, struct fox_err *err)
{
	struct fox_err local = {0};
	struct fox_str text;
	*card = (struct fox_modelcard){.tags = {0}};
	enum fox_status s = fox_source_read_file(src, "README.md", FOX_MODELCARD_MAX_BYTES, &text, &local);
	if (s == FOX_E_IO || s == FOX_E_MISMATCH || s == FOX_E_NOMEM || s == FOX_E_CANCELLED) {
		if (err && !err->code)
			*err = local;
		return s;
	}
	if (s) {
		struct reading r = {.note = note, .note_ctx = note_ctx};
		say(&r, "README.md is left out: %s", local.text);
		return FOX_OK;
	}
	return text.p ? fox_modelcard_parse(card, text, arena, note, note_ctx, err) : FOX_OK;
}

struct fox_str fox_modelcard_pick(
    const struct fox_modelcard *card, enum fox_card_field f, struct fox_str other)
{
	return card && card->field[f].p ? card->field[f] : other;
}

/* ---- the keys */

static const char *const field_keys[FOX_CARD_FIELDS] = {
    [FOX_CARD_AUTHOR] = "general.author",
    [FOX_CARD_DESCRIPTION] = "general.description",
    [FOX_CARD_LICENSE] = "general.license",
    [FOX_CARD_LICENSE_NAME] = "general.license.name",
    [FOX_CARD_LICENSE_LINK] = "general.license.link",
    [FOX_CARD_SOURCE_URL] = "general.source.url",
    [FOX_CARD_SOURCE_DOI] = "general.source.doi",
    [FOX_CARD_SOURCE_UUID] = "general.source.uuid",
    [FOX_CARD_SOURCE_REPO_URL] = "general.source.repo_url",
};

static enum fox_status put_part(struct fox_gguf_writer *w, const char *what, size_t i, const char *part,
    struct fox_str v, struct fox_err *err)
{
	char key[64];
	if (!v.n)
		return FOX_OK;
	snprintf(key, sizeof key, "general.%s.%zu.%s", what, i, part);
	return fox_gguf_put_str(w, key, v, err);
}

/* What follows https://huggingface.co/ when that is "org/name" and nothing more; empty otherwise. */
static struct fox_str hub_id(struct fox_str url)
{
	static const char *const hosts[] = {"https://huggingface.co/", "http://huggingface.co/"};
	const struct fox_str none = {"", 0};
	for (size_t i = 0; i < FOX_COUNT(hosts); i++) {
		size_t n = strlen(hosts[i]);
		if (!fox_str_starts(url, hosts[i]))
			continue;
		struct fox_str id = {url.p + n, url.n - n};
		const char *slash = memchr(id.p, '/', id.n);
		if (!slash || slash == id.p || slash + 1 == id.p + id.n ||
		    memchr(slash + 1, '/', id.n - (size_t)(slash + 1 - id.p)))
			return none;
		return id;
	}
	return none;
}

static enum fox_status put_entry(struct fox_gguf_writer *w, const char *what, size_t i, struct fox_str id,
    uint64_t n_params, struct fox_arena *arena, struct fox_err *err)
{
	bool url =
	    fox_str_starts(id, "http://") || fox_str_starts(id, "https://") || fox_str_starts(id, "ssh://");
	struct fox_str text = url ? hub_id(id) : id;
	struct fox_naming parts;
	struct fox_buf repo = {0};
	enum fox_status s = fox_naming_parse(&parts, text, n_params, arena, err);
	if (s)
		return s;
	struct fox_str name = fox_naming_title(parts.full, arena), org = fox_naming_title(parts.org, arena);
	if (!name.p || !org.p)
		return fox_fail_nomem(err);
	s = put_part(w, what, i, "name", name, err);
	if (!s)
		s = put_part(w, what, i, "version", parts.version, err);
	if (!s)
		s = put_part(w, what, i, "organization", org, err);
	bool whole = memchr(text.p, '/', text.n) && !memchr(text.p, ' ', text.n) && text.p[0] != '.';
	if (url)
		fox_buf_add(&repo, id.p, id.n);
	else if (whole)
		fox_buf_fmt(&repo, "https://huggingface.co/%.*s", (int)text.n, text.p);
	if (!s && repo.failed)
		s = fox_fail_nomem(err);
	if (!s && repo.n)
		s = put_part(w, what, i, "repo_url", fox_buf_view(&repo), err);
	fox_buf_free(&repo);
	return s;
}

static enum fox_status put_entries(struct fox_gguf_writer *w, const char *what,
    const struct fox_card_list *list, uint64_t n_params, struct fox_arena *arena, struct fox_err *err)
{
	char key[64];
	if (!list->given)
		return FOX_OK;
	snprintf(key, sizeof key, "general.%s.count", what);
	enum fox_status s = fox_gguf_put_u32(w, key, (uint32_t)list->n, err);
	for (size_t i = 0; !s && i < list->n; i++)
		s = put_entry(w, what, i, list->items[i], n_params, arena, err);
	return s;
}

enum fox_status fox_modelcard_put(const struct fox_modelcard *card, uint64_t n_params,
    struct fox_gguf_writer *w, struct fox_arena *arena, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = FOX_CARD_AUTHOR; !s && i < FOX_CARD_FIELDS; i++)
		if (card->field[i].n)
			s = fox_gguf_put_str(w, field_keys[i], card->field[i], err);
	if (!s)
		s = put_entries(w, "base_model", &card->base_models, n_params, arena, err);
	if (!s)
		s = put_entries(w, "dataset", &card->datasets, n_params, arena, err);
	if (!s && card->tags.n)
		s = fox_gguf_put_strings(w, "general.tags", card->tags.items, card->tags.n, err);
	if (!s && card->languages.n)
		s = fox_gguf_put_strings(w, "general.languages", card->languages.items, card->languages.n, err);
	return s;
}
