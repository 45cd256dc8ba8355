/* ver_tokjson.c - the vocabulary that a container must have, out of tokenizer.json, or vocab.json and merges.txt.
 *
 * Everything is read from the parsed document, by the definitions of tokenizers; nothing of the importer or of the
 * runtime's reading of pipelines is used.  spec/tokenizer.md 11, spec/verify.md 3.7 */
#include <stdio.h>

#include "format/tokdata.h"
#include "inspect/ver_tokwant.h"

#define MARK "\xE2\x96\x81"

static bool word_is(const struct fox_value *v, const char *key, const char *want)
{
	struct fox_str s;
	return fox_json_str(fox_json_get(v, key), &s) && fox_str_is(s, want);
}

static bool on(const struct fox_value *v, const char *key)
{
	bool flag = false;
	return fox_json_bool(fox_json_get(v, key), &flag) && flag;
}

static enum fox_status broken(struct fox_err *err, const char *what)
{
	return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "%s", what);
}

/* ---- steps of a pipeline, sequences flattened */

typedef void step_fn(struct fox_want *x, const struct fox_value *step);

static void each_step(
    struct fox_want *x, const struct fox_value *v, const char *list_name, step_fn *fn, int depth)
{
	const struct fox_value *list = fox_json_get(v, list_name);
	if (fox_json_is_null(v) || depth > 8)
		return;
	if (!word_is(v, "type", "Sequence")) {
		fn(x, v);
		return;
	}
	for (size_t i = 0; i < fox_json_size(list); i++)
		each_step(x, fox_json_at(list, i), list_name, fn, depth + 1);
}

static void see_normalizer(struct fox_want *x, const struct fox_value *v)
{
	struct fox_str s;
	x->byte_level |= word_is(v, "type", "ByteLevel");
	if (word_is(v, "type", "Prepend") && word_is(v, "prepend", MARK))
		x->dummy_prefix = true;
	if (word_is(v, "type", "Replace") &&
	    fox_json_str(fox_json_get(fox_json_get(v, "pattern"), "Regex"), &s) && fox_str_is(s, " {2,}"))
		x->extra_whitespaces = true;
	if (word_is(v, "type", "Precompiled"))
		(void)fox_json_str(fox_json_get(v, "precompiled_charsmap"), &x->charsmap_base64);
}

static void see_pretokenizer(struct fox_want *x, const struct fox_value *v)
{
	bool prefix;
	struct fox_str scheme;
	x->byte_level |= word_is(v, "type", "ByteLevel");
	if (word_is(v, "type", "WhitespaceSplit"))
		x->extra_whitespaces = true;
	if (!word_is(v, "type", "Metaspace") || !word_is(v, "replacement", MARK))
		return;
	if (fox_json_str(fox_json_get(v, "prepend_scheme"), &scheme))
		x->dummy_prefix = !fox_str_is(scheme, "never");
	else /* files of before there were schemes */
		x->dummy_prefix = !fox_json_bool(fox_json_get(v, "add_prefix_space"), &prefix) || prefix;
}

/* What a post-processor puts around a text: a later one stands outside an earlier one. */
static void frame(struct fox_want *x, bool after, uint64_t id)
{
	struct fox_want_side *side = after ? &x->after : &x->before;
	side->id = (uint32_t)id;
	side->n++;
}

static void frame_token(
    struct fox_want *x, const struct fox_value *processor, const struct fox_value *piece, bool after)
{
	struct fox_str name;
	uint64_t id;
	char key[256];
	if (!fox_json_str(fox_json_get(piece, "id"), &name) || name.n >= sizeof key)
		return;
	memcpy(key, name.p, name.n);
	key[name.n] = 0;
	const struct fox_value *ids =
	    fox_json_get(fox_json_get(fox_json_get(processor, "special_tokens"), key), "ids");
	for (size_t i = 0; i < fox_json_size(ids); i++)
		if (fox_json_u64(fox_json_at(ids, i), &id))
			frame(x, after, id);
}

static void see_processor(struct fox_want *x, const struct fox_value *v)
{
	const struct fox_value *single = fox_json_get(v, "single");
	bool after = false,
	     bert = word_is(v, "type", "BertProcessing") || word_is(v, "type", "RobertaProcessing");
	uint64_t id;
	for (size_t i = 0; i < fox_json_size(single) && word_is(v, "type", "TemplateProcessing"); i++) {
		const struct fox_value *piece = fox_json_get(fox_json_at(single, i), "SpecialToken");
		if (piece)
			frame_token(x, v, piece, after);
		else
			after = true;
	}
	if (bert && fox_json_u64(fox_json_at(fox_json_get(v, "cls"), 1), &id))
		frame(x, false, id);
	if (bert && fox_json_u64(fox_json_at(fox_json_get(v, "sep"), 1), &id))
		frame(x, true, id);
}

/* ---- rows */

/* One past the largest id of {"piece": id} or of [["piece", score]]; 0: no such vocabulary. */
static uint64_t end_of(const struct fox_value *vocab)
{
	uint64_t end = 0, id;
	struct fox_str key;
	const struct fox_value *v;
	if (fox_json_type(vocab) == FOX_JSON_ARRAY)
		return fox_json_size(vocab);
	for (void *it = NULL; fox_json_next(vocab, &it, &key, &v);)
		if (fox_json_u64(v, &id) && id < UINT32_MAX && id >= end)
			end = id + 1;
	return end;
}

uint64_t fox_want_json_rows(const struct fox_value *vocab, const struct fox_value *added)
{
	uint64_t end = end_of(vocab), id;
	for (size_t i = 0; end && i < fox_json_size(added); i++)
		if (fox_json_u64(fox_json_get(fox_json_at(added, i), "id"), &id) && id < UINT32_MAX && id >= end)
			end = id + 1;
	return end;
}

static enum fox_status fill_vocab(
    struct fox_want *x, const struct fox_value *vocab, size_t n_added, struct fox_err *err)
{
	struct fox_str text;
	const struct fox_value *v;
	uint64_t id;
	double score;
	if (!fox_map_init(&x->by_source, &x->arena, fox_json_size(vocab) + n_added) ||
	    !(x->exact = fox_arena_alloc(&x->arena, x->n, sizeof *x->exact)))
		return fox_fail_nomem(err);
	for (size_t i = 0; fox_json_type(vocab) == FOX_JSON_ARRAY && i < fox_json_size(vocab); i++) {
		v = fox_json_at(vocab, i);
		if (!fox_json_str(fox_json_at(v, 0), &text) || !fox_json_f64(fox_json_at(v, 1), &score))
			return broken(err, "an element of 'model.vocab' is no pair of a text and a score");
		x->piece[i] = text;
		x->exact[i] = score;
		x->score[i] = (float)score;
		x->type[i] = FOX_TOK_NORMAL;
		fox_map_put(&x->by_source, text, (uint32_t)i);
	}
	for (void *it = NULL; fox_json_next(vocab, &it, &text, &v);) {
		if (!fox_json_u64(v, &id) || id >= x->n)
			return broken(err, "a value of 'model.vocab' is no id of a row");
		x->piece[id] = text;
		x->type[id] = FOX_TOK_NORMAL;
		fox_map_put(&x->by_source, text, (uint32_t)id);
	}
	return FOX_OK;
}

/* Added tokens, then what is left empty. */
static enum fox_status fill_rest(struct fox_want *x, const struct fox_value *added, struct fox_err *err)
{
	for (size_t i = 0; i < fox_json_size(added); i++) {
		const struct fox_value *v = fox_json_at(added, i);
		struct fox_str text;
		uint64_t id;
		if (!fox_json_u64(fox_json_get(v, "id"), &id) || !fox_json_str(fox_json_get(v, "content"), &text) ||
		    id >= x->n)
			return broken(err, "an element of 'added_tokens' is no token with the id of a row");
		float score = x->score[id]; /* kept: only a piece of a SentencePiece model gets one for being added */
		if (!fox_want_put(
		        x, id, text, on(v, "special") || fox_want_control(text) ? FOX_TOK_CONTROL : FOX_TOK_USER))
			return fox_fail_nomem(err);
		x->score[id] = score;
		fox_map_put(&x->by_source, text, (uint32_t)id);
	}
	return fox_want_fill(x) ? FOX_OK : fox_fail_nomem(err);
}

/* ---- merges */

static bool join(struct fox_want *x, struct fox_str *out, struct fox_str a, struct fox_str b, bool blank)
{
	char *p = fox_arena_alloc(&x->arena, a.n + b.n + 2, 1);
	if (!p)
		return false;
	memcpy(p, a.p, a.n);
	if (blank)
		p[a.n] = ' ';
	memcpy(p + a.n + blank, b.p, b.n);
	*out = (struct fox_str){p, a.n + b.n + blank};
	return true;
}

/* Of equal merges the last counts: tokenizers reads them into a map. */
static enum fox_status keep_last(struct fox_want *x, struct fox_err *err)
{
	struct fox_map seen = {0};
	size_t n = x->n_merges, kept = n;
	if (!fox_map_init(&seen, &x->arena, n))
		return fox_fail_nomem(err);
	while (n--)
		if (fox_map_put(&seen, x->merge[n], (uint32_t)n) == FOX_MAP_NONE)
			x->merge[--kept] = x->merge[n];
	x->merge += kept;
	x->n_merges -= kept;
	return FOX_OK;
}

/* Elements are "left right" or ["left", "right"]. */
static enum fox_status read_merges(struct fox_want *x, const struct fox_value *list, struct fox_err *err)
{
	size_t n = fox_json_size(list);
	if (fox_json_type(list) != FOX_JSON_ARRAY)
		return broken(err, "no 'model.merges'");
	if (!(x->merge = fox_arena_alloc(&x->arena, n, sizeof *x->merge)))
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n; i++) {
		const struct fox_value *v = fox_json_at(list, i);
		struct fox_str whole, left, right;
		if (fox_json_str(v, &whole)) {
			if (!fox_str_starts(whole, "#version"))
				x->merge[x->n_merges++] = whole;
		} else if (!fox_json_str(fox_json_at(v, 0), &left) || !fox_json_str(fox_json_at(v, 1), &right)) {
			return broken(err, "an element of 'model.merges' is no pair of texts");
		} else if (!join(x, &x->merge[x->n_merges++], left, right, true)) {
			return fox_fail_nomem(err);
		}
	}
	return keep_last(x, err);
}

static enum fox_status read_merges_txt(struct fox_want *x, struct fox_str text, struct fox_err *err)
{
	size_t n = 1;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	if (!(x->merge = fox_arena_alloc(&x->arena, n, sizeof *x->merge)))
		return fox_fail_nomem(err);
	for (const char *p = text.p, *end = text.p + text.n; p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		struct fox_str line = {p, (size_t)((stop ? stop : end) - p)};
		p += line.n + 1;
		while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' '))
			line.n--;
		if (line.n && !fox_str_starts(line, "#version"))
			x->merge[x->n_merges++] = line;
	}
	return keep_last(x, err);
}

/* ---- kinds */

/* BPE over characters: llama.cpp merges by score, so the earliest merge that makes a piece is its score, negated; every
 * other piece of the vocabulary is below all of these. */
static enum fox_status score_by_merges(struct fox_want *x, const bool *plain, struct fox_err *err)
{
	for (uint32_t i = 0; i < x->n; i++)
		if (plain[i])
			x->score[i] = -(float)x->n_merges - 1;
	for (size_t i = x->n_merges; i-- > 0;) {
		const char *blank = memchr(x->merge[i].p, ' ', x->merge[i].n);
		struct fox_str whole, left, right;
		if (!blank)
			return broken(err, "an element of 'model.merges' has no blank");
		left = (struct fox_str){x->merge[i].p, (size_t)(blank - x->merge[i].p)};
		right = (struct fox_str){blank + 1, x->merge[i].n - left.n - 1};
		if (!join(x, &whole, left, right, false))
			return fox_fail_nomem(err);
		uint32_t id = fox_map_find(&x->by_source, whole);
		if (id == FOX_MAP_NONE)
			return broken(err, "an element of 'model.merges' makes what is not in 'model.vocab'");
		x->score[id] = -(float)i;
	}
	return FOX_OK;
}

static enum fox_status settle_bpe(struct fox_want *x, const struct fox_value *model, struct fox_err *err)
{
	struct fox_str unk;
	bool fallback = on(model, "byte_fallback");
	if (fallback == x->byte_level)
		return fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'model' is neither byte-level nor with byte_fallback");
	x->model = fallback ? "llama" : "gpt2";
	x->scores = fallback;
	x->exact = NULL;
	if (!fallback)
		return FOX_OK;
	bool *plain = fox_arena_alloc(&x->arena, x->n, sizeof *plain);
	if (!plain)
		return fox_fail_nomem(err);
	for (uint32_t i = 0; i < x->n; i++) {
		plain[i] = x->type[i] == FOX_TOK_NORMAL;
		if (plain[i] && fox_tokdata_byte(x->piece[i]) >= 0)
			x->type[i] = FOX_TOK_BYTE;
	}
	if (fox_json_str(fox_json_get(model, "unk_token"), &unk) && unk.n)
		x->unk = fox_map_find(&x->by_source, unk);
	return score_by_merges(x, plain, err);
}

/* Files of 2020 do not say their model's type, but only one kind has a list of pieces and scores. */
static bool is_unigram(const struct fox_value *model)
{
	bool list = fox_json_type(fox_json_get(model, "vocab")) == FOX_JSON_ARRAY;
	return list && (word_is(model, "type", "Unigram") || fox_json_is_null(fox_json_get(model, "type")));
}

static void settle_unigram(struct fox_want *x, const struct fox_value *model)
{
	uint64_t id;
	bool all = true;
	x->model = "t5";
	x->scores = true;
	for (uint32_t i = 0; i < x->n; i++) {
		if (i >= fox_json_size(fox_json_get(model, "vocab"))) /* no piece of the model */
			x->exact[i] = x->score[i];
		all = all && x->exact[i] == x->score[i];
	}
	if (all)
		x->exact = NULL;
	for (uint32_t i = 0; i < x->n && on(model, "byte_fallback"); i++)
		if (x->type[i] == FOX_TOK_NORMAL && fox_tokdata_byte(x->piece[i]) >= 0)
			x->type[i] = FOX_TOK_BYTE;
	if (fox_json_u64(fox_json_get(model, "unk_id"), &id) && id < x->n)
		x->unk = (uint32_t)id;
}

static enum fox_status settle(struct fox_want *x, const struct fox_value *root, struct fox_err *err)
{
	const struct fox_value *model = fox_json_get(root, "model");
	enum fox_status s = FOX_OK;
	x->from_json = true;
	x->unk = FOX_MAP_NONE;
	each_step(x, fox_json_get(root, "normalizer"), "normalizers", see_normalizer, 0);
	each_step(x, fox_json_get(root, "pre_tokenizer"), "pretokenizers", see_pretokenizer, 0);
	each_step(x, fox_json_get(root, "post_processor"), "processors", see_processor, 0);
	if (!fox_want_index(x))
		return fox_fail_nomem(err);
	if (is_unigram(model))
		settle_unigram(x, model);
	else
		s = settle_bpe(x, model, err);
	if (!s && x->unk != FOX_MAP_NONE)
		x->type[x->unk] = FOX_TOK_UNKNOWN;
	return s;
}

enum fox_status fox_want_json(struct fox_want *x, const struct fox_value *root, const struct fox_value *vocab,
    struct fox_str merges_txt, struct fox_err *err)
{
	const struct fox_value *model = fox_json_get(root, "model");
	enum fox_status s;
	if (!fox_want_room(x))
		return fox_fail_nomem(err);
	const struct fox_value *added = fox_json_get(root, "added_tokens");
	if ((s = fill_vocab(x, vocab, fox_json_size(added), err)) || (s = fill_rest(x, added, err)))
		return s;
	if (merges_txt.p)
		s = read_merges_txt(x, merges_txt, err);
	else if (!is_unigram(model))
		s = read_merges(x, fox_json_get(model, "merges"), err);
	return s ? s : settle(x, root, err);
}

/* ---- the pipeline itself */

static bool left_out(struct fox_str key, bool model)
{
	return model && (fox_str_is(key, "vocab") || fox_str_is(key, "merges"));
}

/* Members that both must have, in one order. */
static bool same_members(
    const struct fox_value *a, const struct fox_value *b, int depth, struct fox_buf *where)
{
	void *i = NULL, *k = NULL;
	struct fox_str ka, kb;
	const struct fox_value *va, *vb;
	bool model = depth == 1 && where->n == 6 && !memcmp(where->p, ".model", 6);
	for (;;) {
		bool more_a = fox_json_next(a, &i, &ka, &va), more_b;
		while (more_a && left_out(ka, model))
			more_a = fox_json_next(a, &i, &ka, &va);
		more_b = fox_json_next(b, &k, &kb, &vb);
		if (!more_a && !more_b)
			return true;
		size_t n = where->n;
		fox_buf_fmt(where, ".%.*s", FOX_STR_ARG(more_a ? ka : kb));
		if (more_a != more_b || !fox_str_eq(ka, kb) || !fox_want_same(va, vb, depth + 1, where))
			return false;
		where->n = n;
		where->p[n] = 0;
	}
}

bool fox_want_same(const struct fox_value *a, const struct fox_value *b, int depth, struct fox_buf *where)
{
	enum fox_json_type t = fox_json_type(a);
	struct fox_str sa, sb;
	int64_t ia, ib;
	double fa, fb;
	bool ba, bb;
	if (t != fox_json_type(b))
		return false;
	switch (t) {
	case FOX_JSON_NULL:
		return true;
	case FOX_JSON_BOOL:
		return fox_json_bool(a, &ba) && fox_json_bool(b, &bb) && ba == bb;
	case FOX_JSON_INT:
		return fox_json_i64(a, &ia) && fox_json_i64(b, &ib) && ia == ib;
	case FOX_JSON_REAL:
		return fox_json_f64(a, &fa) && fox_json_f64(b, &fb) && fa == fb;
	case FOX_JSON_STRING:
		return fox_json_str(a, &sa) && fox_json_str(b, &sb) && fox_str_eq(sa, sb);
	case FOX_JSON_OBJECT:
		return same_members(a, b, depth, where);
	case FOX_JSON_ARRAY:
		break;
	}
	for (size_t i = 0; i < fox_json_size(a); i++) {
		size_t n = where->n;
		fox_buf_fmt(where, "[%zu]", i);
		if (i >= fox_json_size(b) || !fox_want_same(fox_json_at(a, i), fox_json_at(b, i), depth + 1, where))
			return false;
		where->n = n;
		where->p[n] = 0;
	}
	return fox_json_size(a) == fox_json_size(b);
}
