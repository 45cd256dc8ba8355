/* tokspec_frame.c - the parts of a tokenizer.json that speak of ids: added tokens, the model's options, and the
 * frame that post-processors put around a text.
 *
 * Refuses ids past the vocabulary, templates that are not "ids, the text, ids", and models that give different
 * ids from call to call (dropout). */
#include <stdio.h>

#include "format/tokspec_in.h"

#define MAX_FRAME 64u /* ids on one side of a text; the longest known has 1 */

/* ---- added tokens */

static enum fox_status read_id(
    struct tokspec_in *in, const struct fox_value *v, const char *path, const char *field, uint32_t *out)
{
	uint64_t id;
	if (!fox_json_u64(v, &id))
		return tokspec_wrong(in, v, path, field, "a token id");
	if (id >= in->n_tokens)
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE,
		    "'%s.%s' is %llu, outside the vocabulary of %u tokens", path, field, (unsigned long long)id,
		    in->n_tokens);
	*out = (uint32_t)id;
	return FOX_OK;
}

static enum fox_status read_added(
    struct tokspec_in *in, const struct fox_value *v, const char *path, struct fox_added *a)
{
	const struct {
		const char *name;
		bool *at;
	} flags[] = {{"single_word", &a->single_word}, {"lstrip", &a->lstrip}, {"rstrip", &a->rstrip},
	    {"normalized", &a->normalized}, {"special", &a->special}};
	void *it = NULL;
	struct fox_str key;
	const struct fox_value *value;
	while (fox_json_next(v, &it, &key, &value)) {
		bool known = fox_str_is(key, "id") || fox_str_is(key, "content");
		for (size_t i = 0; i < FOX_COUNT(flags); i++)
			known |= fox_str_is(key, flags[i].name);
		if (!known)
			return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "'%s.%.*s' is a field that is not handled", path, FOX_STR_ARG(key));
	}
	if (!tokspec_str(in, fox_json_get(v, "content"), &a->content))
		return tokspec_wrong(in, fox_json_get(v, "content"), path, "content", "a string");
	if (!a->content.n)
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "'%s.content' is empty", path);
	for (size_t i = 0; i < FOX_COUNT(flags); i++)
		if (!fox_json_bool(fox_json_get(v, flags[i].name), flags[i].at))
			return tokspec_wrong(in, fox_json_get(v, flags[i].name), path, flags[i].name, "a boolean");
	return read_id(in, fox_json_get(v, "id"), path, "id", &a->id);
}

enum fox_status tokspec_added(struct tokspec_in *in, const struct fox_value *list)
{
	struct fox_tokspec *t = in->out;
	char path[64];
	size_t n = fox_json_size(list);
	if (fox_json_is_null(list))
		return FOX_OK;
	if (fox_json_type(list) != FOX_JSON_ARRAY)
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "'added_tokens' is %s, want an array",
		    fox_json_type_name(fox_json_type(list)));
	if (n > in->n_tokens)
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "'added_tokens' has %zu elements for %u tokens",
		    n, in->n_tokens);
	t->added = fox_arena_alloc(&t->arena, n, sizeof *t->added);
	if (!t->added)
		return fox_fail_nomem(in->err);
	for (; t->n_added < n; t->n_added++) {
		snprintf(path, sizeof path, "added_tokens[%u]", t->n_added);
		enum fox_status s = read_added(in, fox_json_at(list, t->n_added), path, &t->added[t->n_added]);
		if (s)
			return s;
	}
	return FOX_OK;
}

/* ---- model */

static enum fox_status read_type(struct tokspec_in *in, const struct fox_value *v)
{
	struct fox_str type;
	const struct fox_value *given = fox_json_get(v, "type");
	bool unigram = fox_json_get(v, "unk_id") != NULL;
	/* files of 2020 have no type; only Unigram has an unk_id, only WordPiece a max_input_chars_per_word */
	if (!given && !unigram && fox_json_get(v, "max_input_chars_per_word"))
		return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "'model' has no type and looks like 'WordPiece', which is not handled");
	if (given && !fox_json_str(given, &type))
		return tokspec_wrong(in, given, "model", "type", "a string");
	if (given && !fox_str_is(type, "BPE") && !fox_str_is(type, "Unigram"))
		return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "'model.type' is '%.*s', which is not handled, want 'BPE' or 'Unigram'", FOX_STR_ARG(type));
	if (given)
		unigram = fox_str_is(type, "Unigram");
	in->out->model = unigram ? FOX_TOKMODEL_UNIGRAM : FOX_TOKMODEL_BPE;
	return FOX_OK;
}

static enum fox_status read_option(struct tokspec_in *in, struct fox_str key, const struct fox_value *v)
{
	struct fox_tokspec *t = in->out;
	bool bpe = t->model == FOX_TOKMODEL_BPE, *flag = NULL;
	double dropout = 0;
	char name[64];
	struct fox_str text = {"", 0};
	snprintf(name, sizeof name, "%.*s", FOX_STR_ARG(key));
	if (fox_str_is(key, "type") || fox_str_is(key, "vocab") || (bpe && fox_str_is(key, "merges")))
		return FOX_OK;
	if (fox_str_is(key, "byte_fallback"))
		flag = &t->byte_fallback;
	else if (bpe && fox_str_is(key, "ignore_merges"))
		flag = &t->ignore_merges;
	else if (bpe && fox_str_is(key, "fuse_unk"))
		flag = &t->fuse_unk;
	if (flag)
		return fox_json_is_null(v) || fox_json_bool(v, flag)
		           ? FOX_OK
		           : tokspec_wrong(in, v, "model", name, "a boolean");
	if (!bpe && fox_str_is(key, "unk_id")) {
		uint32_t id = 0;
		enum fox_status s = fox_json_is_null(v) ? FOX_OK : read_id(in, v, "model", name, &id);
		t->unk_id = fox_json_is_null(v) ? -1 : (int64_t)id;
		return s;
	}
	if (bpe && fox_str_is(key, "unk_token"))
		return fox_json_is_null(v) || tokspec_str(in, v, &t->unk_token)
		           ? FOX_OK
		           : tokspec_wrong(in, v, "model", name, "a string");
	if (bpe && fox_str_is(key, "dropout")) {
		if (!fox_json_is_null(v) && (!fox_json_f64(v, &dropout) || dropout != 0))
			return fox_fail(
			    in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'model.dropout' is not 0, so ids are random");
		return FOX_OK;
	}
	if (!bpe || (!fox_str_is(key, "continuing_subword_prefix") && !fox_str_is(key, "end_of_word_suffix")))
		return fox_fail(
		    in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'model.%s' is a field that is not handled", name);
	if (!fox_json_is_null(v) && !fox_json_str(v, &text))
		return tokspec_wrong(in, v, "model", name, "a string");
	if (text.n)
		return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'model.%s' is '%.*s', which is not handled",
		    name, FOX_STR_ARG(text));
	return FOX_OK;
}

enum fox_status tokspec_model(struct tokspec_in *in, const struct fox_value *v)
{
	void *it = NULL;
	struct fox_str key;
	const struct fox_value *value;
	if (!v || fox_json_type(v) != FOX_JSON_OBJECT)
		return v ? fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "'model' is %s, want an object",
		               fox_json_type_name(fox_json_type(v)))
		         : fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "no 'model'");
	enum fox_status s = read_type(in, v);
	while (!s && fox_json_next(v, &it, &key, &value))
		s = read_option(in, key, value);
	return s;
}

/* ---- the frame */

struct frame {
	uint32_t before[MAX_FRAME], after[MAX_FRAME];
	uint32_t n_before, n_after;
};

/* A post-processor in a Sequence frames what those before it made: its ids go outside. */
static enum fox_status wrap(struct tokspec_in *in, const struct frame *f, const char *path)
{
	struct fox_tokspec *t = in->out;
	t->has_template = true;
	if (f->n_before + t->n_before > MAX_FRAME || f->n_after + t->n_after > MAX_FRAME)
		return fox_fail(in->err, FOX_E_BOUND, FOX_NOWHERE, "'%s' puts more than %u ids on one side of a text",
		    path, MAX_FRAME);
	uint32_t *before = fox_arena_alloc(&t->arena, f->n_before + t->n_before, sizeof *before);
	uint32_t *after = fox_arena_alloc(&t->arena, f->n_after + t->n_after, sizeof *after);
	if (!before || !after)
		return fox_fail_nomem(in->err);
	for (uint32_t i = 0; i < f->n_before + t->n_before; i++)
		before[i] = i < f->n_before ? f->before[i] : t->before[i - f->n_before];
	for (uint32_t i = 0; i < f->n_after + t->n_after; i++)
		after[i] = i < t->n_after ? t->after[i] : f->after[i - t->n_after];
	t->before = before;
	t->after = after;
	t->n_before += f->n_before;
	t->n_after += f->n_after;
	return FOX_OK;
}

/* The ids that a special token of a template stands for. */
static enum fox_status special(struct tokspec_in *in, const struct fox_value *specials,
    const struct fox_value *step, const char *path, bool after, struct frame *f)
{
	struct fox_str id;
	void *it = NULL;
	struct fox_str key;
	const struct fox_value *value = NULL;
	if (!fox_json_str(fox_json_get(step, "id"), &id))
		return tokspec_wrong(in, fox_json_get(step, "id"), path, "id", "a string");
	while (fox_json_next(specials, &it, &key, &value) && !fox_str_eq(key, id))
		value = NULL;
	const struct fox_value *ids = it ? fox_json_get(value, "ids") : NULL;
	if (fox_json_type(ids) != FOX_JSON_ARRAY)
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE,
		    "'%s.id' is '%.*s', which has no ids in special_tokens", path, FOX_STR_ARG(id));
	for (size_t i = 0; i < fox_json_size(ids); i++) {
		uint32_t *n = after ? &f->n_after : &f->n_before;
		if (*n == MAX_FRAME)
			return fox_fail(in->err, FOX_E_BOUND, FOX_NOWHERE,
			    "'%s' puts more than %u ids on one side of a text", path, MAX_FRAME);
		enum fox_status s =
		    read_id(in, fox_json_at(ids, i), path, "id", &(after ? f->after : f->before)[(*n)++]);
		if (s)
			return s;
	}
	return FOX_OK;
}

static enum fox_status template(struct tokspec_in *in, const struct fox_value *v, const char *path) {
	struct frame f = {.n_before = 0};
	const struct fox_value *single = fox_json_get(v, "single"), *specials = fox_json_get(v, "special_tokens");
	struct fox_str id; bool after = false;
	if (fox_json_type(single) != FOX_JSON_ARRAY) return tokspec_wrong(in, single, path, "single", "an array");
	for (size_t i = 0; i < fox_json_size(single); i++){char sub[TOKSPEC_PATH];
	    const struct fox_value *step = fox_json_at(single, i), *text = fox_json_get(step, "Sequence");
	    const struct fox_value *token = fox_json_get(step, "SpecialToken");
	    snprintf(sub, sizeof sub, "%s.single[%zu]", path, i); if (token && !text){
	        enum fox_status s = special(in, specials, token, sub, after, &f); if (s) return s;}
else if (!after && fox_json_str(fox_json_get(text, "id"), &id) && fox_str_is(id, "A"))
{
	after = true;
}
else
{
	return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "'%s' is neither a special token nor the text for the first time, which is not handled", sub);
}
}
if (!after)
	return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "'%s.single' leaves the text out, which is not handled", path);
return wrap(in, &f, path);
}

/* {"cls": [text, id], "sep": [text, id]} */
static enum fox_status bert(struct tokspec_in *in, const struct fox_value *v, const char *path)
{
	struct frame f = {.n_before = 1, .n_after = 1};
	enum fox_status s = read_id(in, fox_json_at(fox_json_get(v, "cls"), 1), path, "cls[1]", f.before);
	if (!s)
		s = read_id(in, fox_json_at(fox_json_get(v, "sep"), 1), path, "sep[1]", f.after);
	return s ? s : wrap(in, &f, path);
}

static enum fox_status check_fields(
    struct tokspec_in *in, const struct fox_value *v, const char *path, const char *const *known)
{
	void *it = NULL;
	struct fox_str key;
	const struct fox_value *value;
	while (fox_json_next(v, &it, &key, &value)) {
		size_t i = 0;
		while (known[i] && !fox_str_is(key, known[i]))
			i++;
		if (!known[i])
			return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "'%s.%.*s' is a field that is not handled", path, FOX_STR_ARG(key));
	}
	return FOX_OK;
}

enum fox_status tokspec_frame(struct tokspec_in *in, const struct fox_value *v, const char *path)
{
	static const struct {
		const char *type;
		enum fox_status (*read)(struct tokspec_in *, const struct fox_value *, const char *);
		const char *fields[6];
	} kinds[] = {
	    {"TemplateProcessing", template, {"type", "single", "pair", "special_tokens", NULL}},
	    {"RobertaProcessing", bert, {"type", "cls", "sep", "trim_offsets", "add_prefix_space", NULL}},
	    {"BertProcessing", bert, {"type", "cls", "sep", NULL}},
	    {"ByteLevel", NULL,
	        {"type", "add_prefix_space", "trim_offsets", "use_regex", NULL}}, /* offsets only */
	};
	char sub[TOKSPEC_PATH];
	struct fox_str type;
	enum fox_status s = FOX_OK;
	if (fox_json_is_null(v))
		return FOX_OK;
	if (fox_json_type(v) != FOX_JSON_OBJECT)
		return fox_fail(in->err, FOX_E_FORMAT, FOX_NOWHERE, "'%s' is %s, want an object", path,
		    fox_json_type_name(fox_json_type(v)));
	if (!fox_json_str(fox_json_get(v, "type"), &type))
		return tokspec_wrong(in, fox_json_get(v, "type"), path, "type", "a string");
	if (fox_str_is(type, "Sequence")) {
		const struct fox_value *list;
		s = tokspec_sequence(in, v, path, "processors", &list);
		for (size_t i = 0; !s && i < fox_json_size(list); i++) {
			snprintf(sub, sizeof sub, "%s.processors[%zu]", path, i);
			s = tokspec_frame(in, fox_json_at(list, i), sub);
		}
		return s;
	}
	for (size_t i = 0; i < FOX_COUNT(kinds); i++)
		if (fox_str_is(type, kinds[i].type)) {
			s = check_fields(in, v, path, kinds[i].fields);
			return s || !kinds[i].read ? s : kinds[i].read(in, v, path);
		}
	return fox_fail(in->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'%s.type' is '%.*s', which is not handled",
	    path, FOX_STR_ARG(type));
}
