/* tok_hf.c - the pipeline around the model. See tok_hf.h.
 *
 * A piece of text goes down through the pre-tokenizers depth first: each hands its pieces on as it finds them, so no
 * list of pieces is ever made. Byte-level vocabularies work on bytes; their alphabet of characters appears only
 * where a pre-tokenizer behind ByteLevel looks at it. */
#include "runtime/tok_hf_in.h"

#include <stdlib.h>

/* ---- working memory */

static void work_close(struct tok_hf_work *w)
{
	if (!w)
		return;
	fox_matcher_close(w->matcher);
	tok_bpe_work_close(w->bpe);
	tok_unigram_work_free(&w->unigram);
	fox_buf_free(&w->valid);
	fox_buf_free(&w->bytes);
	for (int k = 0; k < 2; k++) {
		fox_buf_free(&w->norm[k]);
		for (uint32_t i = 0; i < FOX_TOKSPEC_MAX_STEPS; i++)
			fox_buf_free(&w->stage[i][k]);
	}
	free(w);
}

struct tok_hf_work *tok_hf_take(const struct tok_hf *h)
{
	struct tok_hf *own = (struct tok_hf *)(uintptr_t)h; /* `idle` alone changes, and atomically */
	struct tok_hf_work *w = atomic_exchange(&own->idle, NULL);
	if (w)
		return w;
	w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->matcher = fox_matcher_open();
	w->bpe = h->bpe ? tok_bpe_work_open(h->bpe) : NULL;
	if (w->matcher && (w->bpe || !h->bpe))
		return w;
	work_close(w);
	return NULL;
}

void tok_hf_give(const struct tok_hf *h, struct tok_hf_work *w)
{
	struct tok_hf *own = (struct tok_hf *)(uintptr_t)h;
	work_close(atomic_exchange(&own->idle, w));
}

/* ---- open */

static enum fox_status open_pretok(struct tok_hf *h, uint32_t i, struct fox_err *err)
{
	const struct fox_pretok *p = &h->spec.pretok[i];
	static const struct fox_tokpat gpt2 = {true, {FOX_GPT2_REGEX, sizeof FOX_GPT2_REGEX - 1}};
	struct fox_tokpat mark = {false, p->replacement};
	switch (p->kind) {
	case FOX_PRETOK_SPLIT:
		return tok_regex_open(&h->re[i], &p->pattern, err);
	case FOX_PRETOK_BYTE_LEVEL:
		if (h->mapped_at_start || h->n_raw < i)
			return fox_fail(
			    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "ByteLevel twice in a tokenizer is not handled");
		h->n_raw = i;
		return p->use_regex ? tok_regex_open(&h->re[i], &gpt2, err) : FOX_OK;
	case FOX_PRETOK_METASPACE:
		if (h->mapped_at_start || h->n_raw < i)
			return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "Metaspace behind ByteLevel is not handled");
		return p->split ? tok_regex_open(&h->re[i], &mark, err) : FOX_OK;
	case FOX_PRETOK_DIGITS:
		return tok_regex_open_set(&h->re[i], TOK_CS_NUMERIC, err);
	case FOX_PRETOK_PUNCTUATION:
		return tok_regex_open_set(&h->re[i], TOK_CS_PUNCTUATION, err);
	case FOX_PRETOK_WHITESPACE:
		return tok_regex_open_set(&h->re[i], TOK_CS_WHITESPACE_WORDS, err);
	case FOX_PRETOK_WHITESPACE_SPLIT:
		return tok_regex_open_set(&h->re[i], TOK_CS_SPACE, err);
	}
	return FOX_OK;
}

/* model.vocab is a list, so its ids come first: behind them are added tokens and rows without a token. An added token
 * amid them is in the list too. */
static enum fox_status open_unigram(struct tok_hf *h, struct fox_err *err)
{
	const struct fox_tokdata *d = h->d;
	uint32_t n = d->n;
	while (
	    n && (d->type[n - 1] == FOX_TOK_CONTROL || d->type[n - 1] == FOX_TOK_USER || tok_is_filler(d, n - 1)))
		n--;
	if (h->spec.unk_id >= n)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "model.unk_id is %lld, outside the vocabulary of %u tokens", (long long)h->spec.unk_id, n);
	struct tok_unigram_options o = {.kind = TOK_UNIGRAM_HF,
	    .n_vocab = n,
	    .unk = (int32_t)h->spec.unk_id,
	    .byte_fallback = h->spec.byte_fallback};
	return tok_unigram_open(&h->unigram, d, &o, err);
}

static enum fox_status open_pipeline(struct tok_hf *h, struct fox_err *err)
{
	const struct fox_tokspec *spec = &h->spec;
	enum fox_status s = tok_norm_open(&h->norm, spec->norm, spec->n_norm, err);
	for (uint32_t i = 0; i < spec->n_norm; i++) {
		if (h->mapped_at_start)
			return fox_fail(
			    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "a normalizer behind ByteLevel is not handled");
		h->mapped_at_start = spec->norm[i].kind == FOX_NORM_BYTE_LEVEL;
	}
	h->n_raw = UINT32_MAX;
	for (uint32_t i = 0; i < spec->n_pretok && !s; i++)
		s = open_pretok(h, i, err);
	if (s)
		return s;
	struct fox_matcher *m = fox_matcher_open();
	if (!m)
		return fox_fail_nomem(err);
	s = tok_added_init(&h->raw, &h->arena, spec, false, h->norm, m, err);
	if (!s)
		s = tok_added_init(&h->normalized, &h->arena, spec, true, h->norm, m, err);
	fox_matcher_close(m);
	if (s)
		return s;
	return spec->model == FOX_TOKMODEL_BPE ? tok_bpe_open(&h->bpe, h->d, spec, err) : open_unigram(h, err);
}

enum fox_status tok_hf_open(
    struct tok_hf **out, const struct fox_tokdata *d, struct fox_str json, struct fox_err *err)
{
	struct tok_hf *h = calloc(1, sizeof *h);
	*out = NULL;
	if (!h)
		return fox_fail_nomem(err);
	h->d = d;
	enum fox_status s = fox_tokspec_parse(&h->spec, json, d->n, err);
	if (!s)
		s = open_pipeline(h, err);
	if (!s)
		s = tok_hf_open_text(h, err);
	if (s) {
		tok_hf_close(h);
		return s;
	}
	*out = h;
	return FOX_OK;
}

void tok_hf_close(struct tok_hf *h)
{
	if (!h)
		return;
	work_close(atomic_load(&h->idle));
	for (uint32_t i = 0; i < FOX_TOKSPEC_MAX_STEPS; i++) {
		fox_regex_close(h->re[i]);
		fox_regex_close(h->decode_re[i]);
	}
	tok_norm_close(h->norm);
	tok_bpe_close(h->bpe);
	tok_unigram_close(h->unigram);
	fox_tokspec_free(&h->spec);
	fox_arena_free(&h->arena);
	free(h);
}

/* ---- one call */

struct run {
	const struct tok_hf *h;
	struct tok_hf_work *w;
	struct fox_tok_ids *out;
};

/* A piece on its way: the pre-tokenizer it comes to next, and whether it begins where the text does. */
struct level {
	struct run *r;
	uint32_t step;
	bool first;
	bool mapped; /* ByteLevel: the pieces of this step still have to be mapped */
};

static enum fox_status pretok(
    struct run *r, uint32_t step, struct fox_str piece, bool first, struct fox_err *err);

static enum fox_status model(struct run *r, struct fox_str piece, struct fox_err *err)
{
	const struct tok_hf *h = r->h;
	/* behind ByteLevel and another pre-tokenizer, or a normalizer ByteLevel: characters to bytes again */
	if (h->bpe && (h->mapped_at_start || (h->spec.n_pretok && h->n_raw < h->spec.n_pretok - 1))) {
		fox_buf_clear(&r->w->bytes);
		fox_buf_str(&r->w->bytes, "");
		if (!tok_chars_as_bytes(&r->w->bytes, piece))
			return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "text behind ByteLevel is not in its alphabet, which is not handled");
		if (r->w->bytes.failed)
			return fox_fail_nomem(err);
		piece = fox_buf_view(&r->w->bytes);
	}
	return h->bpe ? tok_bpe_word(h->bpe, r->w->bpe, r->out, piece, err)
	              : tok_unigram_encode(h->unigram, &r->w->unigram, r->out, piece, err);
}

static enum fox_status hand_on(void *ctx, struct fox_str piece, size_t at, struct fox_err *err)
{
	struct level *l = ctx;
	if (l->mapped) {
		struct fox_buf *b = &l->r->w->stage[l->step][1];
		fox_buf_clear(b);
		tok_bytes_as_chars(b, piece);
		if (b->failed)
			return fox_fail_nomem(err);
		piece = fox_buf_view(b);
	}
	return pretok(l->r, l->step + 1, piece, l->first && !at, err);
}

static bool starts_with(struct fox_str s, struct fox_str start)
{
	return s.n >= start.n && !memcmp(s.p, start.p, start.n);
}

static enum fox_status metaspace(
    struct run *r, const struct fox_pretok *p, struct level *l, struct fox_str piece, struct fox_err *err)
{
	struct fox_buf *b = &r->w->stage[l->step][0];
	struct fox_str mark = p->replacement;
	bool prefix = p->prepend == FOX_PREPEND_ALWAYS || (p->prepend == FOX_PREPEND_FIRST && l->first);
	fox_buf_clear(b);
	fox_buf_str(b, "");
	if (prefix && piece.n && piece.p[0] != ' ' && !starts_with(piece, mark))
		fox_buf_add(b, mark.p, mark.n);
	for (size_t i = 0; i < piece.n;) {
		const char *blank = memchr(piece.p + i, ' ', piece.n - i);
		size_t to = blank ? (size_t)(blank - piece.p) : piece.n;
		fox_buf_add(b, piece.p + i, to - i);
		if (blank)
			fox_buf_add(b, mark.p, mark.n);
		i = to + (blank != NULL);
	}
	if (b->failed)
		return fox_fail_nomem(err);
	if (!p->split)
		return hand_on(l, fox_buf_view(b), 0, err);
	return tok_split(r->h->re[l->step], r->w->matcher, FOX_SPLIT_MERGED_WITH_NEXT, false, fox_buf_view(b),
	    hand_on, l, err);
}

static enum fox_status byte_level(
    struct run *r, const struct fox_pretok *p, struct level *l, struct fox_str piece, struct fox_err *err)
{
	if (p->add_prefix_space && piece.n && piece.p[0] != ' ') {
		struct fox_buf *b = &r->w->stage[l->step][0];
		fox_buf_clear(b);
		fox_buf_char(b, ' ');
		fox_buf_add(b, piece.p, piece.n);
		if (b->failed)
			return fox_fail_nomem(err);
		piece = fox_buf_view(b);
	}
	l->mapped = l->step + 1 < r->h->spec.n_pretok || !r->h->bpe;
	if (!p->use_regex)
		return hand_on(l, piece, 0, err);
	return tok_split(r->h->re[l->step], r->w->matcher, FOX_SPLIT_ISOLATED, false, piece, hand_on, l, err);
}

static enum fox_status pretok(
    struct run *r, uint32_t step, struct fox_str piece, bool first, struct fox_err *err)
{
	const struct tok_hf *h = r->h;
	if (step == h->spec.n_pretok)
		return model(r, piece, err);
	const struct fox_pretok *p = &h->spec.pretok[step];
	struct level l = {.r = r, .step = step, .first = first};
	enum fox_split_behavior behavior = p->behavior;
	bool invert = false;
	switch (p->kind) {
	case FOX_PRETOK_METASPACE:
		return metaspace(r, p, &l, piece, err);
	case FOX_PRETOK_BYTE_LEVEL:
		return byte_level(r, p, &l, piece, err);
	case FOX_PRETOK_SPLIT:
		invert = p->invert;
		break;
	case FOX_PRETOK_DIGITS:
		behavior = p->individual_digits ? FOX_SPLIT_ISOLATED : FOX_SPLIT_CONTIGUOUS;
		break;
	case FOX_PRETOK_PUNCTUATION:
		break;
	case FOX_PRETOK_WHITESPACE:
		behavior = FOX_SPLIT_REMOVED;
		invert = true;
		break;
	case FOX_PRETOK_WHITESPACE_SPLIT:
		behavior = FOX_SPLIT_REMOVED;
		break;
	}
	return tok_split(h->re[step], r->w->matcher, behavior, invert, piece, hand_on, &l, err);
}

static enum fox_status add_id(struct fox_tok_ids *out, int32_t id, struct fox_err *err)
{
	if (tok_ids_add(out, id))
		return FOX_OK;
	if (out->n >= INT32_MAX)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "text of more than %d tokens", INT32_MAX);
	return fox_fail_nomem(err);
}

/* A stretch between raw added tokens. */
static enum fox_status stretch(
    struct run *r, struct fox_str text, bool first, bool special, struct fox_err *err)
{
	struct tok_added_find f = {.special = special};
	struct tok_found t;
	enum fox_status s = tok_norm_run(r->h->norm, r->w->matcher, r->w->norm, &text, err);
	while (!s && tok_added_next(&r->h->normalized, &f, text, &t))
		s = t.id >= 0 ? add_id(r->out, t.id, err)
		              : pretok(r, 0, (struct fox_str){text.p + t.from, t.to - t.from}, first && !t.from, err);
	return s;
}

/* Each maximal part of an ill-formed sequence becomes one U+FFFD.   source: Unicode 15 section 3.9, "best practice" */
static bool make_valid(struct fox_buf *out, struct fox_str s, size_t bad)
{
	fox_buf_clear(out);
	for (size_t i = 0; i < s.n; bad = fox_utf8_bad((struct fox_str){s.p + i, s.n - i}) + i) {
		fox_buf_add(out, s.p + i, bad - i);
		if (bad == s.n)
			break;
		i = bad + tok_bad_part((struct fox_str){s.p + bad, s.n - bad});
		fox_buf_add(out, "\xEF\xBF\xBD", 3);
	}
	return !out->failed;
}

static enum fox_status frame(
    const struct tok_hf *h, struct fox_tok_ids *out, bool before, struct fox_err *err)
{
	const struct fox_tokspec *spec = &h->spec;
	const uint32_t *ids = before ? spec->before : spec->after;
	enum fox_status s = FOX_OK;
	if (!spec->has_template) {
		bool given = before ? h->d->add_bos_given && h->d->add_bos : h->d->add_eos_given && h->d->add_eos;
		int32_t id = before ? h->d->bos : h->d->eos;
		return given && id >= 0 ? add_id(out, id, err) : FOX_OK;
	}
	for (uint32_t i = 0; i < (before ? spec->n_before : spec->n_after) && !s; i++)
		s = add_id(out, (int32_t)ids[i], err);
	return s;
}

static enum fox_status encode(struct run *r, struct fox_str text, uint32_t flags, struct fox_err *err)
{
	struct tok_added_find f = {.special = flags & FOX_TOK_SPECIAL};
	struct tok_found t;
	size_t bad = fox_utf8_bad(text);
	enum fox_status s = FOX_OK;
	if (bad < text.n) {
		if (!make_valid(&r->w->valid, text, bad))
			return fox_fail_nomem(err);
		text = fox_buf_view(&r->w->valid);
	}
	if (!(flags & FOX_TOK_NO_BOS))
		s = frame(r->h, r->out, true, err);
	while (!s && tok_added_next(&r->h->raw, &f, text, &t))
		s = t.id >= 0 ? add_id(r->out, t.id, err)
		              : stretch(r, (struct fox_str){text.p + t.from, t.to - t.from}, !t.from, f.special, err);
	if (!s && !(flags & FOX_TOK_NO_BOS))
		s = frame(r->h, r->out, false, err);
	return s;
}

enum fox_status tok_hf_encode(
    const struct tok_hf *h, struct fox_tok_ids *out, struct fox_str text, uint32_t flags, struct fox_err *err)
{
	struct run r = {h, tok_hf_take(h), out};
	size_t n = out->n;
	if (!r.w)
		return fox_fail_nomem(err);
	enum fox_status s = encode(&r, text, flags, err);
	if (s)
		out->n = n;
	tok_hf_give(h, r.w);
	return s;
}
