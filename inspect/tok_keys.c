/* tok_keys.c - the tokenizer as its keys describe it. Reads no more than the keys, so it works for every kind. */
#include "inspect/inspect.h"

#define MAX_SPECIAL 24u  /* "*_token_id" keys that are shown */
#define MAX_TEMPLATE 40u /* bytes of a chat template's first line */

struct special {
	struct fox_str key, role; /* "tokenizer.ggml.bos_token_id", "bos" */
	uint64_t id;
	struct fox_str piece;
	bool found;
};

/* What tokenizer.ggml.model names.  source: llama.cpp src/llama-vocab.cpp, tokenizer model names */
static const char *model_text(struct fox_str model)
{
	static const char *const rows[][2] = {
	    {"llama", "SentencePiece BPE"},
	    {"gpt2", "byte-level BPE"},
	    {"bert", "WordPiece"},
	    {"t5", "SentencePiece Unigram"},
	    {"rwkv", "RWKV trie"},
	    {"no_vocab", "no vocabulary"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		if (fox_str_is(model, rows[i][0]))
			return rows[i][1];
	return NULL;
}

/* The dialogue format of a template, by the markers that only it has. */
static const char *template_text(struct fox_str s)
{
	static const char *const rows[][2] = {
	    {"<|start_header_id|>", "Llama 3"},
	    {"<start_of_turn>", "Gemma"},
	    {"<|im_start|>", "ChatML"},
	    {"[INST]", "Llama 2 or Mistral"},
	    {"<|user|>", "Zephyr or Phi-3"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		if (s.n && memmem(s.p, s.n, rows[i][0], strlen(rows[i][0])))
			return rows[i][1];
	return NULL;
}

/* At most max bytes of s, cut between code points. */
static struct fox_str cut(struct fox_str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max && ((unsigned char)s.p[max] & 0xc0) == 0x80)
		max--;
	return (struct fox_str){s.p, max};
}

static size_t find_specials(const struct fox_gguf *g, struct special *out)
{
	static const char head[] = "tokenizer.ggml.", tail[] = "_token_id";
	size_t n = 0;
	for (size_t i = 0; i < fox_gguf_keys(g) && n < MAX_SPECIAL; i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(g, i);
		struct special s = {.key = kv->key};
		if (kv->key.n < sizeof head + sizeof tail - 1 || !fox_str_starts(kv->key, head) ||
		    !fox_str_ends(kv->key, tail) || kv->type == FOX_GGUF_ARR || !fox_gguf_item_u64(g, kv, 0, &s.id))
			continue;
		s.role =
		    (struct fox_str){kv->key.p + sizeof head - 1, kv->key.n - (sizeof head - 1) - (sizeof tail - 1)};
		if (fox_str_is(s.role, "seperator")) /* spelt so in the format */
			s.role = fox_str_of("separator");
		out[n++] = s;
	}
	return n;
}

/* One walk over the pieces finds those of all special ids. */
static void find_pieces(
    const struct fox_gguf *g, const struct fox_gguf_kv *tokens, struct special *list, size_t n)
{
	struct fox_str piece;
	uint64_t cursor = 0;
	for (uint64_t id = 0; fox_gguf_next_str(g, tokens, &cursor, &piece); id++)
		for (size_t i = 0; i < n; i++)
			if (list[i].id == id) {
				list[i].piece = piece;
				list[i].found = true;
			}
}

static void look_specials(struct fox_report *r, const struct fox_gguf *g, const struct fox_gguf_kv *tokens)
{
	/* One table, so that JSON has an array; in text each is a field. */
	static const struct fox_column columns[] = {
	    {"role", NULL, false, false},
	    {"id", NULL, false, false},
	    {"piece", NULL, false, false},
	};
	struct special list[MAX_SPECIAL];
	struct fox_buf shown = {0};
	size_t n = find_specials(g, list);
	if (!n)
		return;
	if (tokens && tokens->item == FOX_GGUF_STR)
		find_pieces(g, tokens, list, n);
	struct fox_table *table = fox_report_table(r, "special", columns, FOX_COUNT(columns));
	for (size_t i = 0; i < n; i++) {
		const struct special *s = &list[i];
		const struct fox_cell row[] = {
		    fox_cell_str(s->role), fox_cell_u64(s->id), s->found ? fox_cell_str(s->piece) : fox_cell_none()};
		fox_report_row(r, table, row);
		fox_buf_clear(&shown);
		fox_buf_fmt(&shown, "%llu ", (unsigned long long)s->id);
		if (s->found) {
			const struct fox_str piece = cut(s->piece, 80);
			fox_buf_fmt(&shown, "'%.*s'%s", (int)piece.n, piece.p, piece.n < s->piece.n ? "..." : "");
		} else {
			fox_buf_str(&shown, "(no such token)");
		}
		const struct fox_cell label = fox_cell_copy(r, s->role); /* NUL-terminated */
		fox_report_field(r, NULL, label.kind ? label.s : "special", fox_cell_copy(r, fox_buf_view(&shown)));
	}
	if (shown.failed)
		r->failed = true;
	fox_buf_free(&shown);
}

static void look_template(struct fox_report *r, struct fox_str s)
{
	const char *which = template_text(s);
	const char *end = s.n ? memchr(s.p, '\n', s.n) : NULL;
	const struct fox_str line = {s.p, end ? (size_t)(end - s.p) : s.n}, head = cut(line, MAX_TEMPLATE);
	char bytes[32];
	fox_report_field(r, "chat_template", NULL, fox_cell_str(s));
	fox_report_field(r, "chat_format", NULL, fox_cell_cstr(which));
	struct fox_buf b = {0};
	fox_buf_fmt(&b, "%s%s%s bytes: ", which ? which : "", which ? ", " : "", fox_count_text(bytes, s.n));
	fox_buf_add(&b, head.p, head.n);
	fox_buf_str(&b, head.n < s.n ? " ..." : "");
	if (b.failed)
		r->failed = true;
	else
		fox_report_field(r, NULL, "chat template", fox_cell_copy(r, fox_buf_view(&b)));
	fox_buf_free(&b);
}

void fox_look_tokenizer(struct fox_report *r, const struct fox_gguf *g)
{
	static const struct {
		const char *key, *json, *label;
	} flags[] = {
	    {"tokenizer.ggml.add_bos_token", "add_bos", "add bos"},
	    {"tokenizer.ggml.add_eos_token", "add_eos", "add eos"},
	    {"tokenizer.ggml.add_space_prefix", "add_space_prefix", "add space"},
	};
	const struct fox_gguf_kv *tokens = fox_gguf_find_key(g, "tokenizer.ggml.tokens");
	struct fox_str model, pre, template;
	bool named = fox_look_str(g, "tokenizer.ggml.model", &model);
	if (!named && !tokens)
		return;
	fox_report_section(r, "tokenizer", "tokenizer");
	if (named) {
		const char *what = model_text(model);
		fox_report_field(r, "model", NULL, fox_cell_str(model));
		fox_report_field(r, NULL, "kind",
		    what ? fox_cell_fmt(r, "%s (%.*s)", what, FOX_STR_ARG(model)) : fox_cell_str(model));
	}
	if (fox_look_str(g, "tokenizer.ggml.pre", &pre))
		fox_report_field(r, "pre", "pre-tokenizer", fox_cell_str(pre));
	if (tokens && tokens->type == FOX_GGUF_ARR)
		fox_report_field(r, "tokens", "tokens", fox_cell_count(tokens->n_items));
	const struct fox_gguf_kv *merges = fox_gguf_find_key(g, "tokenizer.ggml.merges");
	if (merges && merges->type == FOX_GGUF_ARR)
		fox_report_field(r, "merges", "merges", fox_cell_count(merges->n_items));
	look_specials(r, g, tokens);
	for (size_t i = 0; i < FOX_COUNT(flags); i++) {
		bool on;
		if (fox_gguf_bool(g, flags[i].key, &on, NULL) == FOX_OK)
			fox_report_field(r, flags[i].json, flags[i].label, fox_cell_bool(on));
	}
	if (fox_look_str(g, "tokenizer.chat_template", &template))
		look_template(r, template);
	else
		fox_report_field(r, "chat_template", "chat template", fox_cell_cstr(NULL));
}
