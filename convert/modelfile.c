/* modelfile.c - texts in a Modelfile stand between triple quotes, which cannot be escaped in them; its reader drops what Go calls
 * unprintable. So a text is written exactly, or not at all. */
#include "convert/modelfile.h"

#include "convert/facts.h"
#include "format/base/io.h"

/* Characters that ollama's reader drops or changes (Go's unicode.IsPrint is false), as far as they are assigned: controls, blanks
 * other than the ASCII one, invisible and private ones. */
static bool is_dropped(int32_t c)
{
	static const struct {
		int32_t from, to;
	} rows[] = {{0, 8}, {0xB, 0xC}, {0xE, 0x1F}, {0x7F, 0xA0}, {0xAD, 0xAD}, {0x600, 0x605}, {0x61C, 0x61C},
	    {0x6DD, 0x6DD}, {0x70F, 0x70F}, {0x890, 0x891}, {0x8E2, 0x8E2}, {0x1680, 0x1680}, {0x180E, 0x180E},
	    {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x206F}, {0x3000, 0x3000}, {0xE000, 0xF8FF},
	    {0xFEFF, 0xFEFF}, {0xFFF0, 0xFFFB}, {0xFFFE, 0xFFFF}, {0x110BD, 0x110BD}, {0x110CD, 0x110CD},
	    {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0x10FFFF}};
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		if (c >= rows[i].from && c <= rows[i].to)
			return true;
	return c < 0; /* ill-formed */
}

/* Why a text cannot stand between triple quotes, or NULL. exact: every character must be kept. Three quotes with nothing between
 * them that is surely kept are three quotes in a row. */
static const char *unfit(struct fox_str s, bool exact)
{
	int quotes = 0;
	for (size_t i = 0; i < s.n;) {
		int32_t c = fox_utf8_next(s, &i);
		if (exact && is_dropped(c))
			return "has a character that the reader of a Modelfile drops";
		if (c == '"')
			quotes++;
		else if (c == '\n' || c == '\r' || c == '\t' || (c >= ' ' && c < 0x7F))
			quotes = 0;
		if (quotes == 3)
			return "has three quotes in a row";
	}
	return NULL;
}

static void add_quoted(struct fox_buf *out, const char *command, struct fox_str text)
{
	fox_buf_fmt(out, "%s \"\"\"", command);
	fox_buf_add(out, text.p, text.n);
	fox_buf_str(out, "\"\"\"\n");
}

static enum fox_status add_from(struct fox_buf *out, struct fox_str file, struct fox_err *err)
{
	bool blank = file.n && file.p[file.n - 1] == ' '; /* it would be trimmed */
	enum fox_status s = fox_name_check(file, err);
	const char *why = s ? NULL : unfit(file, true);
	if (why)
		s = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "file name '%.*s' %s", FOX_STR_ARG(file), why);
	if (s)
		return s;
	fox_buf_fmt(out, "FROM %s./", blank ? "\"\"\"" : "");
	fox_buf_add(out, file.p, file.n);
	fox_buf_str(out, blank ? "\"\"\"\n" : "\n");
	return FOX_OK;
}

/* The piece of a token; p NULL: there is none of that id. */
static struct fox_str piece_of(const struct fox_gguf *g, uint64_t id)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, "tokenizer.ggml.tokens");
	uint64_t cursor = 0;
	struct fox_str s = {NULL, 0};
	if (!kv || kv->type != FOX_GGUF_ARR || kv->item != FOX_GGUF_STR || id >= kv->n_items)
		return s;
	for (uint64_t i = 0; i <= id; i++)
		if (!fox_gguf_next_str(g, kv, &cursor, &s))
			return (struct fox_str){NULL, 0};
	return s;
}

static enum fox_status add_stops(
    struct fox_buf *out, const struct fox_gguf *g, fox_note_fn *note, void *note_ctx, struct fox_err *err)
{
	static const char *const keys[] = {
	    "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
	struct fox_str had[FOX_COUNT(keys)];
	size_t n = 0;
	for (size_t i = 0; i < FOX_COUNT(keys); i++) {
		uint64_t id;
		bool again = false;
		if (!fox_gguf_find_key(g, keys[i]))
			continue;
		enum fox_status s = fox_gguf_u64(g, keys[i], &id, err);
		if (s)
			return s;
		struct fox_str piece = piece_of(g, id);
		if (!piece.p)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "key '%s' is %llu, which is no token", keys[i],
			    (unsigned long long)id);
		for (size_t k = 0; k < n; k++)
			again |= fox_str_eq(had[k], piece);
		if (again || !piece.n)
			continue;
		had[n++] = piece;
		const char *why = unfit(piece, true);
		if (why)
			fox_note(note, note_ctx, "token %llu ('%s') %s: no PARAMETER stop for it", (unsigned long long)id,
			    keys[i], why);
		else
			add_quoted(out, "PARAMETER stop", piece);
	}
	return FOX_OK;
}

enum fox_status fox_modelfile_write(struct fox_buf *out, const struct fox_gguf *g, struct fox_str file,
    struct fox_str license, fox_note_fn *note, void *note_ctx, struct fox_err *err)
{
	if (fox_gguf_parts(g) > 1)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "ollama reads no model in shards: fox-pack merge makes one file of it");
	fox_buf_str(out, "# made by fox " FOX_VERSION ": ollama create NAME -f Modelfile\n");
	enum fox_status s = add_from(out, file, err);
	if (!s && fox_facts_str(g, "tokenizer.chat_template").n)
		fox_buf_str(out, "# no TEMPLATE: the file has the model's own chat template, and ollama takes its "
		                 "translation of it, if it knows one\n");
	if (!s)
		s = add_stops(out, g, note, note_ctx, err);
	if (s)
		return s;
	const char *why = license.p ? unfit(license, false) : NULL;
	if (why)
		fox_note(note, note_ctx, "the licence's text %s: left out", why);
	else if (license.p)
		add_quoted(out, "LICENSE", license);
	return out->failed ? fox_fail_nomem(err) : FOX_OK;
}
