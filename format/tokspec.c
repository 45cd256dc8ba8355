/* tokspec.c - a tokenizer.json's pipeline to structs: one table of fields, one of components per place.
 *
 * Refuses every type, field and value that is not in the tables, with its path: a component that is stepped over
 * would give other ids than the model was trained with. The frame (post_processor) is tokspec_frame.c's. */
#include "format/tokspec.h"

#include <stdio.h>

#include "format/base/base64.h"
#include "format/tokspec_in.h"

/* ---- fields: every component's, read into one struct */

struct args {
	bool flag[8];
	struct fox_tokpat pattern;
	struct fox_str content, prepend, charsmap, replacement;
	int behavior, scheme;
	uint32_t start, stop;
	uint32_t seen; /* bits of enum field */
};

enum field {
	F_STRIP_LEFT, /* the first eight are flags, in args.flag */
	F_STRIP_RIGHT,
	F_INVERT,
	F_PREFIX_SPACE,
	F_TRIM_OFFSETS,
	F_USE_REGEX,
	F_SPLIT,
	F_INDIVIDUAL,
	F_PATTERN,
	F_CONTENT,
	F_PREPEND,
	F_CHARSMAP,
	F_REPLACEMENT,
	F_BEHAVIOR,
	F_SCHEME,
	F_STR_REP, /* how older versions repeat the replacement */
	F_START,
	F_STOP,
	FIELDS
};
#define BIT(f) (1u << (f))

static const char *const field_name[FIELDS] = {"strip_left", "strip_right", "invert", "add_prefix_space",
    "trim_offsets", "use_regex", "split", "individual_digits", "pattern", "content", "prepend",
    "precompiled_charsmap", "replacement", "behavior", "prepend_scheme", "str_rep", "start", "stop"};

static const char *const behaviors[] = {
    "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous", NULL};
static const char *const schemes[] = {"always", "never", "first", NULL};

/* ---- components */

struct component {
	const char *type;
	int kind;
	uint32_t must, may; /* bits of enum field */
};

#define BYTE_LEVEL BIT(F_PREFIX_SPACE) | BIT(F_TRIM_OFFSETS), BIT(F_USE_REGEX)
#define METASPACE BIT(F_REPLACEMENT), BIT(F_PREFIX_SPACE) | BIT(F_SCHEME) | BIT(F_SPLIT) | BIT(F_STR_REP)
#define REPLACE BIT(F_PATTERN) | BIT(F_CONTENT), 0

static const struct component norms[] = {
    {"NFC", FOX_NORM_NFC, 0, 0},
    {"NFD", FOX_NORM_NFD, 0, 0},
    {"NFKC", FOX_NORM_NFKC, 0, 0},
    {"NFKD", FOX_NORM_NFKD, 0, 0},
    {"Lowercase", FOX_NORM_LOWERCASE, 0, 0},
    {"Strip", FOX_NORM_STRIP, BIT(F_STRIP_LEFT) | BIT(F_STRIP_RIGHT), 0},
    {"StripAccents", FOX_NORM_STRIP_ACCENTS, 0, 0},
    {"Prepend", FOX_NORM_PREPEND, BIT(F_PREPEND), 0},
    {"Replace", FOX_NORM_REPLACE, REPLACE},
    {"Precompiled", FOX_NORM_PRECOMPILED, BIT(F_CHARSMAP), 0},
    {"Nmt", FOX_NORM_NMT, 0, 0},
    {"ByteLevel", FOX_NORM_BYTE_LEVEL, 0, 0},
};

static const struct component pretoks[] = {
    {"Split", FOX_PRETOK_SPLIT, BIT(F_PATTERN) | BIT(F_BEHAVIOR) | BIT(F_INVERT), 0},
    {"ByteLevel", FOX_PRETOK_BYTE_LEVEL, BYTE_LEVEL},
    {"Metaspace", FOX_PRETOK_METASPACE, METASPACE},
    {"Digits", FOX_PRETOK_DIGITS, BIT(F_INDIVIDUAL), 0},
    {"Punctuation", FOX_PRETOK_PUNCTUATION, 0, BIT(F_BEHAVIOR)},
    {"Whitespace", FOX_PRETOK_WHITESPACE, 0, 0},
    {"WhitespaceSplit", FOX_PRETOK_WHITESPACE_SPLIT, 0, 0},
};

static const struct component decodes[] = {
    {"ByteLevel", FOX_DECODE_BYTE_LEVEL, BYTE_LEVEL},
    {"Metaspace", FOX_DECODE_METASPACE, METASPACE},
    {"Replace", FOX_DECODE_REPLACE, REPLACE},
    {"ByteFallback", FOX_DECODE_BYTE_FALLBACK, 0, 0},
    {"Fuse", FOX_DECODE_FUSE, 0, 0},
    {"Strip", FOX_DECODE_STRIP, BIT(F_CONTENT) | BIT(F_START) | BIT(F_STOP), 0},
};

/* A place in tokenizer.json that holds one component, or a Sequence of them under `list`. */
struct place {
	const char *name, *list;
	const struct component *table;
	size_t n;
	enum fox_status (*add)(struct tokspec_in *in, int kind, const struct args *a, const char *path);
};

/* ---- tokspec_in.h */

bool tokspec_str(struct tokspec_in *in, const struct fox_value *v, struct fox_str *out)
{
	if (!fox_json_str(v, out))
		return false;
	const char *p = fox_arena_strdup(&in->out->arena, *out);
	out->p = p ? p : "";
	in->nomem |= !p;
	return true;
}

enum fox_status tokspec_wrong(
    struct tokspec_in *in, const struct fox_value *v, const char *path, const char *field, const char *want)
{
	if (!v)
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "no '%s.%s'", path, field);
	return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "'%s.%s' is %s, want %s", path, field,
	    fox_json_type_name(fox_json_type(v)), want);
}

enum fox_status tokspec_sequence(struct tokspec_in *in, const struct fox_value *v, const char *path,
    const char *list, const struct fox_value **out)
{
	void *it = NULL;
	struct fox_str key;
	const struct fox_value *value;
	*out = fox_json_get(v, list);
	while (fox_json_next(v, &it, &key, &value))
		if (!fox_str_is(key, "type") && !fox_str_is(key, list))
			return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "'%s.%.*s' is a field that is not handled", path, FOX_STR_ARG(key));
	return fox_json_type(*out) == FOX_JSON_ARRAY ? FOX_OK : tokspec_wrong(in, *out, path, list, "an array");
}

/* ---- reading a component */

static enum fox_status read_pattern(
    struct tokspec_in *in, const struct fox_value *v, const char *path, struct fox_tokpat *out)
{
	const struct fox_value *regex = fox_json_get(v, "Regex"), *text = fox_json_get(v, "String");
	out->regex = regex != NULL;
	if (fox_json_size(v) != 1 || !tokspec_str(in, regex ? regex : text, &out->text))
		return tokspec_wrong(in, v, path, "pattern", "{\"String\": text} or {\"Regex\": text}");
	if (!out->text.n)
		return fox_fail(
		    in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'%s.pattern' is empty, which is not handled", path);
	return FOX_OK;
}

static enum fox_status read_word(struct tokspec_in *in, const struct fox_value *v, const char *path,
    enum field f, const char *const *words, int *out)
{
	struct fox_str s;
	if (!fox_json_str(v, &s))
		return tokspec_wrong(in, v, path, field_name[f], "a string");
	for (*out = 0; words[*out]; ++*out)
		if (fox_str_is(s, words[*out]))
			return FOX_OK;
	return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'%s.%s' is '%.*s', which is not handled", path,
	    field_name[f], FOX_STR_ARG(s));
}

static enum fox_status read_text(
    struct tokspec_in *in, const struct fox_value *v, const char *path, enum field f, struct args *a)
{
	struct fox_str *const out = f == F_CONTENT    ? &a->content
	                            : f == F_PREPEND  ? &a->prepend
	                            : f == F_CHARSMAP ? &a->charsmap
	                                              : &a->replacement;
	size_t end = 0;
	if (!tokspec_str(in, v, out))
		return tokspec_wrong(in, v, path, field_name[f], "a string");
	if (f == F_REPLACEMENT && (!out->n || fox_utf8_next(*out, &end) < 0 || end != out->n))
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "'%s.replacement' is '%.*s', want one character",
		    path, FOX_STR_ARG(*out));
	return FOX_OK;
}

static enum fox_status read_field(
    struct tokspec_in *in, const struct fox_value *v, const char *path, enum field f, struct args *a)
{
	uint64_t n;
	switch (f) {
	case F_PATTERN:
		return read_pattern(in, v, path, &a->pattern);
	case F_BEHAVIOR:
		return read_word(in, v, path, f, behaviors, &a->behavior);
	case F_SCHEME:
		return read_word(in, v, path, f, schemes, &a->scheme);
	case F_CONTENT:
	case F_PREPEND:
	case F_CHARSMAP:
	case F_REPLACEMENT:
		return read_text(in, v, path, f, a);
	case F_START:
	case F_STOP:
		if (!fox_json_u64(v, &n) || n > UINT32_MAX)
			return tokspec_wrong(in, v, path, field_name[f], "a count");
		*(f == F_START ? &a->start : &a->stop) = (uint32_t)n;
		return FOX_OK;
	case F_STR_REP:
		return FOX_OK;
	default:
		return fox_json_bool(v, &a->flag[f]) ? FOX_OK
		                                     : tokspec_wrong(in, v, path, field_name[f], "a boolean");
	}
}

static enum fox_status read_args(struct tokspec_in *in, const struct fox_value *v, const char *path,
    const struct component *c, struct args *a)
{
	void *it = NULL;
	struct fox_str key;
	const struct fox_value *value;
	*a = (struct args){.flag[F_USE_REGEX] = true, .flag[F_SPLIT] = true, .behavior = FOX_SPLIT_ISOLATED};
	while (fox_json_next(v, &it, &key, &value)) {
		int f = 0;
		while (f < FIELDS && !fox_str_is(key, field_name[f]))
			f++;
		if (fox_str_is(key, "type"))
			continue;
		if (f == FIELDS || !((c->must | c->may) & BIT(f)))
			return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "'%s.%.*s' is a field that is not handled", path, FOX_STR_ARG(key));
		if (fox_json_is_null(value) && (c->may & BIT(f)))
			continue; /* as absent */
		enum fox_status s = read_field(in, value, path, (enum field)f, a);
		if (s)
			return s;
		a->seen |= BIT(f);
	}
	for (int f = 0; f < FIELDS; f++)
		if ((c->must & ~a->seen) & BIT(f))
			return tokspec_wrong(in, NULL, path, field_name[f], "");
	return FOX_OK;
}

static enum fox_status read_place(
    struct tokspec_in *in, const struct place *p, const struct fox_value *v, const char *path)
{
	char sub[TOKSPEC_PATH];
	struct fox_str type;
	if (fox_json_is_null(v))
		return FOX_OK;
	if (fox_json_type(v) != FOX_JSON_OBJECT)
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "'%s' is %s, want an object", path,
		    fox_json_type_name(fox_json_type(v)));
	if (!fox_json_str(fox_json_get(v, "type"), &type))
		return tokspec_wrong(in, fox_json_get(v, "type"), path, "type", "a string");
	if (fox_str_is(type, "Sequence")) {
		const struct fox_value *list;
		enum fox_status s = tokspec_sequence(in, v, path, p->list, &list);
		for (size_t i = 0; !s && i < fox_json_size(list); i++) {
			snprintf(sub, sizeof sub, "%s.%s[%zu]", path, p->list, i);
			s = read_place(in, p, fox_json_at(list, i), sub);
		}
		return s;
	}
	for (size_t i = 0; i < p->n; i++) {
		struct args a;
		if (!fox_str_is(type, p->table[i].type))
			continue;
		enum fox_status s = read_args(in, v, path, &p->table[i], &a);
		return s ? s : p->add(in, p->table[i].kind, &a, path);
	}
	return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'%s.type' is '%.*s', which is not handled",
	    path, FOX_STR_ARG(type));
}

/* ---- adding one */

static enum fox_status too_many(struct tokspec_in *in, const char *path)
{
	return fox_fail(in->err, FOX_E_BOUND, FOX_NOWHERE, "'%s' is one component more than the %u that fit",
	    path, FOX_TOKSPEC_MAX_STEPS);
}

static bool from_base64(struct fox_arena *arena, struct fox_str s, struct fox_span *out)
{
	uint8_t *p = fox_arena_alloc(arena, FOX_BASE64_ROOM(s.n), 1);
	out->p = p;
	return p && fox_base64_decode(p, &out->n, s, NULL);
}

static enum fox_status add_norm(struct tokspec_in *in, int kind, const struct args *a, const char *path)
{
	struct fox_tokspec *t = in->out;
	if (t->n_norm == FOX_TOKSPEC_MAX_STEPS)
		return too_many(in, path);
	struct fox_norm *n = &t->norm[t->n_norm++];
	*n = (struct fox_norm){
	    .kind = (enum fox_normalizer_kind)kind,
	    .left = a->flag[F_STRIP_LEFT],
	    .right = a->flag[F_STRIP_RIGHT],
	    .pattern = a->pattern,
	    .content = kind == FOX_NORM_PREPEND ? a->prepend : a->content,
	};
	t->byte_level |= kind == FOX_NORM_BYTE_LEVEL;
	if (kind == FOX_NORM_PRECOMPILED && !from_base64(&t->arena, a->charsmap, &n->charsmap))
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "'%s.precompiled_charsmap' is not base64", path);
	return FOX_OK;
}

/* Older files say add_prefix_space beside or instead of prepend_scheme; tokenizers refuses a contradiction. */
static enum fox_status check_scheme(struct tokspec_in *in, const struct args *a, const char *path)
{
	if ((a->seen & BIT(F_PREFIX_SPACE)) && !a->flag[F_PREFIX_SPACE] && a->scheme != FOX_PREPEND_NEVER)
		return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "'%s.add_prefix_space' is false, which contradicts the prepend_scheme '%s'", path,
		    schemes[a->scheme]);
	return FOX_OK;
}

static enum fox_status add_pretok(struct tokspec_in *in, int kind, const struct args *a, const char *path)
{
	struct fox_tokspec *t = in->out;
	if (t->n_pretok == FOX_TOKSPEC_MAX_STEPS)
		return too_many(in, path);
	t->pretok[t->n_pretok++] = (struct fox_pretok){
	    .kind = (enum fox_pretok_kind)kind,
	    .pattern = a->pattern,
	    .behavior = (enum fox_split_behavior)a->behavior,
	    .invert = a->flag[F_INVERT],
	    .add_prefix_space = a->flag[F_PREFIX_SPACE],
	    .use_regex = a->flag[F_USE_REGEX],
	    .replacement = a->replacement,
	    .prepend = (enum fox_prepend)a->scheme,
	    .split = a->flag[F_SPLIT],
	    .individual_digits = a->flag[F_INDIVIDUAL],
	};
	t->byte_level |= kind == FOX_PRETOK_BYTE_LEVEL;
	return kind == FOX_PRETOK_METASPACE ? check_scheme(in, a, path) : FOX_OK;
}

static enum fox_status add_decode(struct tokspec_in *in, int kind, const struct args *a, const char *path)
{
	struct fox_tokspec *t = in->out;
	size_t end = 0;
	if (t->n_decode == FOX_TOKSPEC_MAX_STEPS)
		return too_many(in, path);
	t->decode[t->n_decode++] = (struct fox_decode){
	    .kind = (enum fox_decode_kind)kind,
	    .pattern = a->pattern,
	    .content = a->content,
	    .replacement = a->replacement,
	    .prepend = (enum fox_prepend)a->scheme,
	    .start = a->start,
	    .stop = a->stop,
	};
	if (kind == FOX_DECODE_STRIP &&
	    (!a->content.n || fox_utf8_next(a->content, &end) < 0 || end != a->content.n))
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "'%s.content' is '%.*s', want one character",
		    path, FOX_STR_ARG(a->content));
	return kind == FOX_DECODE_METASPACE ? check_scheme(in, a, path) : FOX_OK;
}

/* ---- the whole */

static const struct place normalizer = {"normalizer", "normalizers", norms, FOX_COUNT(norms), add_norm};
static const struct place pre_tokenizer = {
    "pre_tokenizer", "pretokenizers", pretoks, FOX_COUNT(pretoks), add_pretok};
static const struct place decoder = {"decoder", "decoders", decodes, FOX_COUNT(decodes), add_decode};

static enum fox_status read_all(struct tokspec_in *in, const struct fox_value *root)
{
	static const struct place *const places[] = {&normalizer, &pre_tokenizer, &decoder};
	static const char *const known[] = {"version", "truncation", "padding", "added_tokens", "normalizer",
	    "pre_tokenizer", "post_processor", "decoder", "model"};
	void *it = NULL;
	struct fox_str key;
	const struct fox_value *value;
	if (fox_json_type(root) != FOX_JSON_OBJECT)
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "%s at the top, want an object",
		    fox_json_type_name(fox_json_type(root)));
	while (fox_json_next(root, &it, &key, &value)) {
		size_t i = 0;
		while (i < FOX_COUNT(known) && !fox_str_is(key, known[i]))
			i++;
		if (i == FOX_COUNT(known))
			return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'%.*s' is a field that is not handled",
			    FOX_STR_ARG(key));
	}
	if (fox_json_str(fox_json_get(root, "version"), &key) && !fox_str_is(key, "1.0"))
		return fox_fail(
		    in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'version' is '%.*s', want '1.0'", FOX_STR_ARG(key));
	for (size_t i = 0; i < FOX_COUNT(places); i++) {
		enum fox_status s = read_place(in, places[i], fox_json_get(root, places[i]->name), places[i]->name);
		if (s)
			return s;
	}
	enum fox_status s = tokspec_added(in, fox_json_get(root, "added_tokens"));
	if (!s)
		s = tokspec_model(in, fox_json_get(root, "model"));
	return s ? s : tokspec_frame(in, fox_json_get(root, "post_processor"), "post_processor");
}

enum fox_status fox_tokspec_parse(
    struct fox_tokspec *out, struct fox_str json, uint32_t n_tokens, struct fox_err *err)
{
	struct fox_err own = {0};
	struct tokspec_in in = {.out = out, .n_tokens = n_tokens, .err = err ? err : &own};
	struct fox_json *doc;
	*out = (struct fox_tokspec){.unk_id = -1, .unk_token = {"", 0}};
	out->norm = fox_arena_alloc(&out->arena, FOX_TOKSPEC_MAX_STEPS, sizeof *out->norm);
	out->pretok = fox_arena_alloc(&out->arena, FOX_TOKSPEC_MAX_STEPS, sizeof *out->pretok);
	out->decode = fox_arena_alloc(&out->arena, FOX_TOKSPEC_MAX_STEPS, sizeof *out->decode);
	if (!out->norm || !out->pretok || !out->decode)
		return fox_fail_nomem(in.err);
	enum fox_status s = fox_json_parse(&doc, json, in.err);
	if (s)
		return s;
	s = read_all(&in, fox_json_root(doc));
	fox_json_close(doc);
	return !s && in.nomem ? fox_fail_nomem(in.err) : s;
}

void fox_tokspec_free(struct fox_tokspec *s)
{
	if (!s)
		return;
	fox_arena_free(&s->arena);
	*s = (struct fox_tokspec){0};
}
