/* tok_show.c - the tokenizer at work: text to ids, ids to text, and what the vocabulary is made of. */
#include "inspect/inspect.h"

#include <stdlib.h>

#include "runtime/tok.h"

/* How many tokens each tokenizer.ggml.token_type has. */
static void look_types(struct fox_report *r, const struct fox_gguf *g)
{
	static const char *const names[] = {[FOX_TOK_NORMAL] = "normal",
	    [FOX_TOK_UNKNOWN] = "unknown",
	    [FOX_TOK_CONTROL] = "control",
	    [FOX_TOK_USER] = "user defined",
	    [FOX_TOK_UNUSED] = "unused",
	    [FOX_TOK_BYTE] = "byte"};
	static const struct fox_column columns[] = {
	    {"type", "type", false, false}, {"tokens", "tokens", true, false}};
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, "tokenizer.ggml.token_type");
	uint64_t count[FOX_COUNT(names)] = {0}, other = 0;
	int64_t type;
	for (uint64_t i = 0; kv && i < kv->n_items && fox_gguf_item_i64(g, kv, i, &type); i++) {
		if (type >= FOX_TOK_NORMAL && type < (int64_t)FOX_COUNT(names))
			count[type]++;
		else
			other++;
	}
	struct fox_table *table = kv ? fox_report_table(r, "token_types", columns, FOX_COUNT(columns)) : NULL;
	for (size_t i = FOX_TOK_NORMAL; i < FOX_COUNT(names); i++) {
		const struct fox_cell row[] = {fox_cell_cstr(names[i]), fox_cell_count(count[i])};
		if (count[i])
			fox_report_row(r, table, row);
	}
	const struct fox_cell row[] = {fox_cell_cstr("other"), fox_cell_count(other)};
	if (other)
		fox_report_row(r, table, row);
}

static bool next_id(const void *ctx, uint64_t *cursor, struct fox_cell *out)
{
	const int32_t *ids = ctx;
	*out = fox_cell_i64(ids[(*cursor)++]);
	return true;
}

/* The ids, then each with its piece. */
static void look_ids(struct fox_report *r, const struct fox_tokdata *data, const struct fox_tok_ids *ids)
{
	static const struct fox_column columns[] = {{"id", "id", true, false}, {"piece", "piece", false, true}};
	int32_t *copy = fox_arena_alloc(&r->arena, ids->n, sizeof *copy);
	if (!copy) {
		r->failed = true;
		return;
	}
	if (ids->n)
		memcpy(copy, ids->ids, ids->n * sizeof *copy);
	const struct fox_list list = {next_id, copy, ids->n, ids->n};
	fox_report_list(r, "ids", &list, false);
	struct fox_table *table = fox_report_table(r, "tokens", columns, FOX_COUNT(columns));
	for (size_t i = 0; i < ids->n; i++) {
		struct fox_cell piece = fox_cell_copy(r, data->piece[ids->ids[i]]);
		piece.kind = piece.kind ? FOX_CELL_QUOTED : FOX_CELL_NONE;
		const struct fox_cell row[] = {fox_cell_i64(ids->ids[i]), piece};
		fox_report_row(r, table, row);
	}
}

/* "1,2 3" to ids within the vocabulary. */
static enum fox_status parse_ids(
    struct fox_tok_ids *ids, const char *text, uint32_t n_vocab, struct fox_err *err)
{
	size_t room = strlen(text) / 2 + 1;
	ids->ids = calloc(room, sizeof *ids->ids);
	if (!ids->ids)
		return fox_fail_nomem(err);
	ids->cap = room;
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, ", ");
		uint64_t id;
		if (n && (!fox_str_u64((struct fox_str){p, n}, &id) || id >= n_vocab))
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%.*s' is no token id: 0 to %u",
			    (int)(n < 40 ? n : 40), p, n_vocab - 1);
		if (n)
			ids->ids[ids->n++] = (int32_t)id;
		p += n + (p[n] != 0);
	}
	return FOX_OK;
}

static enum fox_status look_text(struct fox_report *r, const struct fox_look *look,
    const struct fox_tokdata *data, const struct fox_tok *tok, struct fox_err *err)
{
	uint32_t flags = (look->special ? FOX_TOK_SPECIAL : 0) | (look->plain ? FOX_TOK_NO_BOS : 0);
	struct fox_tok_ids ids = {0};
	struct fox_buf text = {0};
	enum fox_status st = look->text ? fox_tok_encode(tok, &ids, fox_str_of(look->text), flags, err)
	                                : parse_ids(&ids, look->ids, data->n, err);
	if (!st)
		st = fox_tok_decode(tok, &text, ids.ids, ids.n, true, look->special ? FOX_TOK_SPECIAL : 0, err);
	if (!st && text.failed)
		st = fox_fail_nomem(err);
	if (!st) {
		char count[32];
		struct fox_cell decoded = fox_cell_copy(r, text.p ? fox_buf_view(&text) : fox_str_of(""));
		if (decoded.kind)
			decoded.kind = FOX_CELL_QUOTED;
		if (look->text)
			fox_report_field(r, "text", NULL, fox_cell_cstr(look->text));
		fox_report_field(r, "decoded", look->text ? NULL : "text", decoded);
		fox_report_field(r, "n", NULL, fox_cell_u64(ids.n));
		look_ids(r, data, &ids);
		fox_report_root(r);
		fox_report_line(r, "%s token%s", fox_count_text(count, ids.n), ids.n == 1 ? "" : "s");
	}
	fox_tok_ids_free(&ids);
	fox_buf_free(&text);
	return st;
}

enum fox_status fox_look_tok(struct fox_report *r, struct fox_look *look, struct fox_err *err)
{
	if (look->text && look->ids)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "either -e or -d, not both");
	if (!look->text && !look->ids) {
		if (!fox_gguf_find_key(look->g, "tokenizer.ggml.model"))
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "the file has no tokenizer");
		fox_look_tokenizer(r, look->g);
		look_types(r, look->g);
		return FOX_OK;
	}
	struct fox_tokdata data = {0};
	struct fox_tok *tok = NULL;
	enum fox_status st = fox_tokdata_from_gguf(&data, look->g, err);
	if (!st)
		st = fox_tok_open(&tok, &data, err);
	if (!st)
		st = look_text(r, look, &data, tok, err);
	fox_tok_close(tok);
	fox_tokdata_free(&data);
	return st;
}
