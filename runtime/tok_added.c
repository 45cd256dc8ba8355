/* tok_added.c - leftmost, longest matches, then their conditions. See tok_added.h.
 *
 * A match that fails a condition is stepped over whole: a shorter or later one inside it is not tried, as in
 * tokenizers.   source: tokenizers src/tokenizer/added_vocabulary.rs find_matches */
#include "runtime/tok_added.h"

enum fox_status tok_added_init(struct tok_added *t, struct fox_arena *arena, const struct fox_tokspec *spec,
    bool normalized, const struct tok_norm *norm, struct fox_matcher *m, struct fox_err *err)
{
	struct fox_buf buf[2] = {{0}};
	uint64_t bytes = 0;
	enum fox_status s = FOX_OK;
	*t = (struct tok_added){.list = spec->added, .all_special = true};
	for (int put = 0; put < 2 && !s; put++) {
		for (uint32_t i = 0; i < spec->n_added && !s; i++) {
			const struct fox_added *a = &spec->added[i];
			struct fox_str key = a->content;
			size_t len;
			if (a->normalized != normalized)
				continue;
			if (normalized && (s = tok_norm_run(norm, m, buf, &key, err)))
				break;
			if (!put) {
				bytes += key.n;
				continue;
			}
			if (!key.n || (t->n && tok_trie_match(&t->trie, key, 0, &len) >= 0 && len == key.n))
				s = fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "added token %u is %s when normalized",
				    a->id, key.n ? "the same as another" : "empty");
			tok_trie_put(&t->trie, key, (int32_t)i);
			t->starts[(uint8_t)key.p[0]] |= key.n > 0;
			t->all_special &= a->special;
			t->n++;
		}
		if (!s && !put && !tok_trie_init(&t->trie, arena, bytes))
			s = fox_fail_nomem(err);
	}
	fox_buf_free(&buf[0]);
	fox_buf_free(&buf[1]);
	return s;
}

bool tok_added_list(struct tok_added *t, struct fox_arena *arena, const struct fox_added *list, uint32_t n)
{
	uint64_t bytes = 0;
	*t = (struct tok_added){.list = list, .all_special = true, .n = n};
	for (uint32_t i = 0; i < n; i++)
		bytes += list[i].content.n;
	if (!tok_trie_init(&t->trie, arena, bytes))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct fox_str key = list[i].content;
		tok_trie_put(&t->trie, key, (int32_t)i);
		if (key.n)
			t->starts[(uint8_t)key.p[0]] = true;
		t->all_special &= list[i].special;
	}
	return true;
}

/* Rust's \w and \s, the ones in added_vocabulary.rs, by tok_norm's tables. */
static bool word_before(struct fox_str text, size_t at)
{
	size_t i = at;
	if (!i)
		return false;
	do
		i--;
	while (i && (text.p[i] & 0xc0) == 0x80);
	return tok_is_word(fox_utf8_next(text, &i));
}

static bool word_at(struct fox_str text, size_t at)
{
	return at < text.n && tok_is_word(fox_utf8_next(text, &at));
}

static size_t spaces_before(struct fox_str text, size_t at)
{
	while (at) {
		size_t i = at - 1, start;
		while (i && (text.p[i] & 0xc0) == 0x80)
			i--;
		start = i;
		if (!tok_is_space(fox_utf8_next(text, &i)) || i != at)
			break; /* the second: stray bytes of an ill-formed text */
		at = start;
	}
	return at;
}

static size_t spaces_after(struct fox_str text, size_t at)
{
	while (at < text.n) {
		size_t i = at;
		if (!tok_is_space(fox_utf8_next(text, &i)))
			break;
		at = i;
	}
	return at;
}

/* The next token that passes its conditions. */
static bool next_token(
    const struct tok_added *t, struct tok_added_find *f, struct fox_str text, struct tok_found *out)
{
	while (f->at < text.n) {
		size_t len, i = f->at;
		while (i < text.n && !t->starts[(uint8_t)text.p[i]])
			i++;
		f->at = i;
		if (i == text.n)
			break;
		int32_t k = tok_trie_match(&t->trie, text, i, &len);
		if (k < 0) {
			f->at++;
			continue;
		}
		const struct fox_added *a = &t->list[k];
		size_t from = i, to = i + len;
		f->at = to;
		if (a->special && !f->special)
			continue;
		if (a->single_word && (word_before(text, from) || word_at(text, to)))
			continue;
		if (a->lstrip) {
			from = spaces_before(text, from);
			if (from < f->done)
				from = f->done;
		}
		if (a->rstrip)
			to = spaces_after(text, to);
		*out = (struct tok_found){from, to, (int32_t)a->id};
		return true;
	}
	return false;
}

bool tok_added_next(
    const struct tok_added *t, struct tok_added_find *f, struct fox_str text, struct tok_found *out)
{
	struct tok_found token;
	if (f->has_waiting) {
		f->has_waiting = false;
		*out = f->waiting;
		return true;
	}
	bool any = t->n && (f->special || !t->all_special);
	if (any && next_token(t, f, text, &token)) {
		size_t from = f->done;
		f->done = token.to;
		if (from >= token.from) {
			*out = token;
			return true;
		}
		f->waiting = token;
		f->has_waiting = true;
		*out = (struct tok_found){from, token.from, -1};
		return true;
	}
	if (f->done >= text.n)
		return false;
	*out = (struct tok_found){f->done, text.n, -1};
	f->done = f->at = text.n;
	return true;
}
