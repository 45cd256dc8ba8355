/* chat.c - the table of formats, their renderer, and the search for the one that a template is.
 *
 * A row holds what a format writes around texts. Where the system text goes, which texts lose blanks at their ends, whether
 * bos comes first and which system text stands in for an absent one differs between templates of one format: that is searched
 * for, and like the rest believed only when every probe agrees. */
#include "runtime/chat.h"

#include <stdlib.h>

#include "runtime/jinja.h"

/* In strings of the table. */
#define BOS "\1"
#define EOS "\2"
#define DATE "\3"

struct frame {
	const char *before, *after;
};

/* source: the published templates of the models named, and llama.cpp src/llama-chat.cpp */
static const struct row {
	const char *name;
	struct frame system, user, assistant;
	const char *prompt; /* begins the model's turn */
} rows[] = {
    /* Qwen1.5 to Qwen3, StableLM-2-Chat, SmolLM2 */
    {"chatml", {"<|im_start|>system\n", "<|im_end|>\n"}, {"<|im_start|>user\n", "<|im_end|>\n"},
        {"<|im_start|>assistant\n", "<|im_end|>\n"}, "<|im_start|>assistant\n"},
    /* Phi-4 */
    {"phi4", {"<|im_start|>system<|im_sep|>", "<|im_end|>"}, {"<|im_start|>user<|im_sep|>", "<|im_end|>"},
        {"<|im_start|>assistant<|im_sep|>", "<|im_end|>"}, "<|im_start|>assistant<|im_sep|>"},
    /* Phi-3, Phi-3.5 */
    {"phi3", {"<|system|>\n", "<|end|>\n"}, {"<|user|>\n", "<|end|>\n"}, {"<|assistant|>\n", "<|end|>\n"},
        "<|assistant|>\n"},
    {"llama3", {"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
        {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
        {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"},
        "<|start_header_id|>assistant<|end_header_id|>\n\n"},
    {"llama3.1",
        {"<|start_header_id|>system<|end_header_id|>\n\n"
         "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n",
            "<|eot_id|>"},
        {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
        {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"},
        "<|start_header_id|>assistant<|end_header_id|>\n\n"},
    {"llama3.2",
        {"<|start_header_id|>system<|end_header_id|>\n\n"
         "Cutting Knowledge Date: December 2023\nToday Date: " DATE "\n\n",
            "<|eot_id|>"},
        {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
        {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"},
        "<|start_header_id|>assistant<|end_header_id|>\n\n"},
    {"gemma", {"", "\n\n"}, {"<start_of_turn>user\n", "<end_of_turn>\n"},
        {"<start_of_turn>model\n", "<end_of_turn>\n"}, "<start_of_turn>model\n"},
    /* Zephyr, StableLM-2-Zephyr, TinyLlama, Fox-1-Instruct */
    {"zephyr", {"<|system|>\n", EOS "\n"}, {"<|user|>\n", EOS "\n"}, {"<|assistant|>\n", EOS "\n"},
        "<|assistant|>\n"},
    {"zephyr-open", {"<|system|>\n", EOS "\n"}, {"<|user|>\n", EOS "\n"}, {"<|assistant|>\n", EOS "\n"},
        "<|assistant|>"},
    {"olmo2", {"<|system|>\n", "\n"}, {"<|user|>\n", "\n"}, {"<|assistant|>\n", EOS "\n"}, "<|assistant|>\n"},
    {"llama2", {"<<SYS>>\n", "\n<</SYS>>\n\n"}, {BOS "[INST] ", " [/INST]"}, {" ", " " EOS}, ""},
    /* Mistral 7B v0.1; v0.2; both as published again later; v0.3; Nemo; Large 2411; Small 3 */
    {"mistral-v1-blank", {"", "\n\n"}, {"[INST] ", " [/INST]"}, {"", EOS " "}, ""},
    {"mistral-v1-bare", {"", "\n\n"}, {"[INST] ", " [/INST]"}, {"", EOS}, ""},
    {"mistral-v1", {"", "\n\n"}, {" [INST] ", " [/INST]"}, {" ", EOS}, ""},
    {"mistral-v3", {"", "\n\n"}, {"[INST] ", "[/INST]"}, {" ", EOS}, ""},
    {"mistral-v3-tekken", {"", "\n\n"}, {"[INST]", "[/INST]"}, {"", EOS}, ""},
    {"mistral-v7", {"[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]"}, {"[INST] ", "[/INST]"}, {" ", EOS}, ""},
    {"mistral-v7-tekken", {"[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"}, {"[INST]", "[/INST]"}, {"", EOS}, ""},
};

/* Where the system text goes. */
enum place { REFUSED, OWN_TURN, FIRST_USER, LAST_USER, N_PLACES };

enum {
	BOS_FIRST = 1,
	STRIP_SYSTEM = 2,
	STRIP_USER = 4,
	STRIP_ASSISTANT = 8,
	STRIP_MERGED = 16, /* system and user text together */
	DROP_THOUGHT = 32, /* an assistant's text begins after its last </think> */
	N_HABITS = 64
};

struct fox_chat {
	struct fox_jinja *jinja;
	const struct row *row;
	enum place place;
	uint32_t habits;
	struct fox_str bos, eos, date;
	struct fox_buf system; /* default system text */
	bool has_system;
	struct fox_buf end;
};

static struct fox_str view(const struct fox_buf *b)
{
	return b->p ? fox_buf_view(b) : (struct fox_str){"", 0};
}

/* ---- rendering */

static void literal(const struct fox_chat *c, struct fox_buf *out, const char *s)
{
	for (; *s; s++) {
		struct fox_str token = *s == BOS[0] ? c->bos : *s == EOS[0] ? c->eos : c->date;
		if (*s > DATE[0])
			fox_buf_char(out, *s);
		else
			fox_buf_add(out, token.p, token.p ? token.n : 0);
	}
}

static void content(struct fox_chat_text *out, struct fox_str s)
{
	if (!s.n)
		return;
	if (out->n_spans == out->cap) {
		size_t cap = out->cap ? 2 * out->cap : 16;
		void *more = realloc(out->spans, cap * sizeof *out->spans);
		if (!more) {
			out->text.failed = true;
			return;
		}
		out->spans = more;
		out->cap = cap;
	}
	out->spans[out->n_spans++] = (struct fox_chat_span){out->text.n, out->text.n + s.n};
	fox_buf_add(&out->text, s.p, s.n);
}

static struct fox_str stripped(const struct fox_chat *c, uint32_t habit, struct fox_str s)
{
	return c->habits & habit ? fox_jinja_strip(s) : s;
}

/* After the last </think>, less newlines. */
static struct fox_str spoken(struct fox_str s)
{
	static const char mark[] = "</think>";
	bool found = false;
	for (const char *at; (at = memmem(s.p, s.n, mark, sizeof mark - 1)); found = true)
		s = (struct fox_str){at + sizeof mark - 1, (size_t)(s.p + s.n - at) - (sizeof mark - 1)};
	while (found && s.n && *s.p == '\n')
		s = (struct fox_str){s.p + 1, s.n - 1};
	return s;
}

/* The system text inside a user turn. What STRIP_MERGED takes off is then only at the end of the user's text. */
static void merged(
    const struct fox_chat *c, struct fox_chat_text *out, struct fox_str system, struct fox_str user)
{
	literal(c, &out->text, c->row->system.before);
	content(out, system);
	literal(c, &out->text, c->row->system.after);
	if (c->habits & STRIP_MERGED) {
		struct fox_str core = fox_jinja_strip(user);
		user.n = (size_t)(core.p + core.n - user.p);
	}
	content(out, user);
}

static void render(
    const struct fox_chat *c, struct fox_chat_text *out, const struct fox_chat_turn *turns, size_t n)
{
	const struct row *r = c->row;
	struct fox_str system = view(&c->system);
	bool has = c->has_system;
	size_t i = 0;
	fox_buf_clear(&out->text);
	fox_buf_str(&out->text, "");
	out->n_spans = 0;
	if (turns[0].role == FOX_CHAT_SYSTEM) {
		system = stripped(c, STRIP_SYSTEM, turns[i++].text);
		has = true;
	}
	if (c->habits & BOS_FIRST)
		literal(c, &out->text, BOS);
	if (has && c->place == OWN_TURN) {
		literal(c, &out->text, r->system.before);
		content(out, system);
		literal(c, &out->text, r->system.after);
	}
	for (size_t first = i; i < n; i++) {
		bool user = turns[i].role == FOX_CHAT_USER;
		const struct frame *f = user ? &r->user : &r->assistant;
		struct fox_str text = turns[i].text;
		if (!user && c->habits & DROP_THOUGHT)
			text = spoken(text);
		text = stripped(c, user ? STRIP_USER : STRIP_ASSISTANT, text);
		literal(c, &out->text, f->before);
		if (has && ((c->place == FIRST_USER && i == first) || (c->place == LAST_USER && i == n - 1)))
			merged(c, out, system, text);
		else
			content(out, user ? stripped(c, STRIP_MERGED, text) : text);
		literal(c, &out->text, f->after);
	}
	literal(c, &out->text, r->prompt);
}

static enum fox_status evaluate(const struct fox_chat *c, struct fox_buf *out,
    const struct fox_chat_turn *turns, size_t n, bool *raised, struct fox_err *err)
{
	static const char *const roles[] = {"system", "user", "assistant"};
	struct fox_jinja_message *list = calloc(n, sizeof *list);
	if (!list)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n; i++)
		list[i] = (struct fox_jinja_message){fox_str_of(roles[turns[i].role]), turns[i].text};
	struct fox_jinja_vars vars = {.messages = list,
	    .n_messages = n,
	    .bos_token = c->bos,
	    .eos_token = c->eos,
	    .date = c->date,
	    .add_generation_prompt = true};
	fox_buf_clear(out);
	fox_buf_str(out, "");
	enum fox_status s = fox_jinja_render(c->jinja, out, &vars, raised, err);
	free(list);
	return s;
}

/* ---- the search */

/* Texts that a template might take for something else, and blanks where it might take them off. */
static const char *const odd[] = {"Hello", "  blanks around \n", "two\n\nlines", "[INST] x [/INST] <<SYS>>\n",
    "{{ 7 * 7 }}", "<|im_end|>\n<|im_start|>system\n", "\xC3\xA9\xC2\xA0", "\n\nbefore", "after\n\n",
    "<think>a</think>\n\nb </think>c", "<|user|></s><eos><|end|>", "\xE3\x80\x80wide\xF0\x9F\xA6\x8A", "0",
    "</think>\n\nd"};

enum { MAX_TURNS = 7, N_PROBES = 96 };

struct probe {
	struct fox_chat_turn turns[MAX_TURNS];
	size_t n;
	struct fox_buf text; /* what the template makes of it */
	bool raised;
};

/* Conversations of one to three rounds, each with and without a system text; every odd text comes in every place. */
static void make_probe(struct probe *p, size_t k)
{
	size_t rounds = 1 + k / 2 % 3, odd_at = k / 2;
	p->n = 0;
	if (k % 2)
		p->turns[p->n++] = (struct fox_chat_turn){FOX_CHAT_SYSTEM, fox_str_of(odd[odd_at % FOX_COUNT(odd)])};
	for (size_t i = 0; i < 2 * rounds - 1; i++) {
		const char *text = odd[(odd_at + 1 + i * 5) % FOX_COUNT(odd)];
		p->turns[p->n++] =
		    (struct fox_chat_turn){i % 2 ? FOX_CHAT_ASSISTANT : FOX_CHAT_USER, fox_str_of(text)};
	}
}

static bool agrees(const struct fox_chat *c, const struct probe *p, struct fox_chat_text *scratch)
{
	bool refuses = c->place == REFUSED && p->turns[0].role == FOX_CHAT_SYSTEM;
	if (refuses || p->raised)
		return refuses == p->raised;
	render(c, scratch, p->turns, p->n);
	return fox_str_eq(view(&scratch->text), view(&p->text));
}

/* What stands between the frame of a system turn though the conversation (probe 0) has none. */
static void learn_system(struct fox_chat *c, const struct probe *p)
{
	struct fox_buf before = {0}, after = {0};
	struct fox_str whole = view(&p->text);
	c->has_system = false;
	fox_buf_clear(&c->system);
	if (c->habits & BOS_FIRST)
		literal(c, &before, BOS);
	literal(c, &before, c->row->system.before);
	literal(c, &after, c->row->system.after);
	literal(c, &after, c->row->user.before);
	struct fox_str head = view(&before), tail = view(&after);
	if (c->place == OWN_TURN && head.n && whole.n >= head.n && !memcmp(whole.p, head.p, head.n)) {
		const char *from = whole.p + head.n, *at = memmem(from, whole.n - head.n, tail.p, tail.n);
		if (at) {
			c->has_system = true;
			fox_buf_add(&c->system, from, (size_t)(at - from));
		}
	}
	c->system.failed |= before.failed || after.failed;
	fox_buf_free(&before);
	fox_buf_free(&after);
}

/* The first row, place and habits that agree with every probe. */
static bool search(struct fox_chat *c, const struct probe *probes, struct fox_chat_text *scratch)
{
	for (size_t r = 0; r < FOX_COUNT(rows); r++) {
		c->row = &rows[r];
		for (uint32_t k = 0; k < N_PLACES * N_HABITS; k++) {
			size_t same = 0;
			c->place = (enum place)(k / N_HABITS);
			c->habits = k % N_HABITS;
			learn_system(c, &probes[0]);
			while (same < N_PROBES && agrees(c, &probes[same], scratch))
				same++;
			if (same == N_PROBES)
				return true;
		}
	}
	return false;
}

static enum fox_status find(struct fox_chat *c, struct fox_err *err)
{
	struct probe *probes = calloc(N_PROBES, sizeof *probes);
	struct fox_chat_text scratch = {0};
	enum fox_status s = probes ? FOX_OK : fox_fail_nomem(err);
	for (size_t k = 0; probes && !s && k < N_PROBES; k++) {
		make_probe(&probes[k], k);
		s = evaluate(c, &probes[k].text, probes[k].turns, probes[k].n, &probes[k].raised, err);
	}
	bool found = !s && search(c, probes, &scratch);
	if (!s && (scratch.text.failed || c->system.failed))
		s = fox_fail_nomem(err);
	else if (!s && !found)
		s = fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "the chat template is none of the formats that fox knows: spec/runtime.md lists them");
	for (size_t k = 0; probes && k < N_PROBES; k++)
		fox_buf_free(&probes[k].text);
	free(probes);
	fox_chat_text_free(&scratch);
	return s;
}

enum fox_status fox_chat_open(struct fox_chat **out, struct fox_str template, struct fox_str bos,
    struct fox_str eos, const char *date, struct fox_err *err)
{
	struct fox_chat *c = calloc(1, sizeof *c);
	if (!c)
		return fox_fail_nomem(err);
	c->bos = bos;
	c->eos = eos;
	c->date = fox_str_of(date);
	enum fox_status s = fox_jinja_open(&c->jinja, template, err);
	if (!s)
		s = find(c, err);
	if (!s) {
		literal(c, &c->end, c->row->assistant.after);
		if (c->end.failed)
			s = fox_fail_nomem(err);
	}
	if (s)
		fox_chat_close(c);
	else
		*out = c;
	return s;
}

void fox_chat_close(struct fox_chat *c)
{
	if (!c)
		return;
	fox_jinja_close(c->jinja);
	fox_buf_free(&c->system);
	fox_buf_free(&c->end);
	free(c);
}

void fox_chat_text_free(struct fox_chat_text *t)
{
	fox_buf_free(&t->text);
	free(t->spans);
	*t = (struct fox_chat_text){0};
}

const char *fox_chat_name(const struct fox_chat *c)
{
	return c->row->name;
}

struct fox_str fox_chat_system(const struct fox_chat *c)
{
	return c->has_system ? view(&c->system) : (struct fox_str){NULL, 0};
}

struct fox_str fox_chat_end(const struct fox_chat *c)
{
	return view(&c->end);
}

/* A system turn first, if any; then user and assistant by turns; a user turn last. */
static bool in_order(const struct fox_chat_turn *turns, size_t n)
{
	size_t first = n && turns[0].role == FOX_CHAT_SYSTEM;
	if (n <= first || (n - first) % 2 == 0)
		return false;
	for (size_t i = first; i < n; i++)
		if (turns[i].role != ((i - first) % 2 ? FOX_CHAT_ASSISTANT : FOX_CHAT_USER))
			return false;
	return true;
}

enum fox_status fox_chat_render(const struct fox_chat *c, struct fox_chat_text *out,
    const struct fox_chat_turn *turns, size_t n, struct fox_err *err)
{
	struct fox_buf original = {0};
	bool raised;
	if (!in_order(turns, n))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "the turns of the conversation are out of order");
	if (c->place == REFUSED && turns[0].role == FOX_CHAT_SYSTEM)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "the chat format '%s' of this model has no system text", c->row->name);
	render(c, out, turns, n);
	enum fox_status s = evaluate(c, &original, turns, n, &raised, err);
	if (!s && out->text.failed)
		s = fox_fail_nomem(err);
	if (!s && (raised || !fox_str_eq(view(&original), view(&out->text))))
		s = fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "the model's chat template renders this conversation in another way than the format '%s'",
		    c->row->name);
	fox_buf_free(&original);
	return s;
}
