/* chat.h - conversations as the text that a model was trained to see.
 *
 * A table of formats renders. A container's own template is never rendered from: it is evaluated on probe conversations, and a
 * format is taken only when it gives the same text for all of them; every later conversation is compared again before it is
 * used. A template that no format equals, or that the evaluator does not know exactly, is refused.  spec/runtime.md 8 */
#ifndef FOX_CHAT_H
#define FOX_CHAT_H

#include "runtime/tok.h"

enum fox_chat_role { FOX_CHAT_SYSTEM, FOX_CHAT_USER, FOX_CHAT_ASSISTANT };

struct fox_chat_turn {
	enum fox_chat_role role;
	struct fox_str text;
};

/* A rendered conversation, and which bytes of it came from the turns: control tokens are never recognised there. */
struct fox_chat_text {
	struct fox_buf text;
	struct fox_chat_span {
		size_t from, to;
	} * spans; /* [n_spans], rising */
	size_t n_spans, cap;
};
void fox_chat_text_free(struct fox_chat_text *t);

struct fox_chat; /* immutable after open */

/*
 * fox_chat_open - find the format that a template is
 *
 * template  the container's; outlives the chat, as the tokens do
 * bos, eos  their texts; p NULL where the model has none
 * date      today's, as in "26 Jul 2024": some templates write it
 * errors    FOX_E_UNSUPPORTED: a template that is none of the formats, or that the evaluator does not handle (named, with the
 *           byte); FOX_E_FORMAT, FOX_E_BOUND as fox_jinja_open; FOX_E_NOMEM
 */
enum fox_status fox_chat_open(struct fox_chat **out, struct fox_str template, struct fox_str bos,
    struct fox_str eos, const char *date, struct fox_err *err) FOX_MUST_CHECK;
void fox_chat_close(struct fox_chat *c); /* NULL is fine */

const char *fox_chat_name(const struct fox_chat *c); /* "chatml" */
struct fox_str fox_chat_system(
    const struct fox_chat *c); /* what stands for an absent system text; p NULL: nothing */

/* What ends the model's turn, as the format writes it; may be empty. */
struct fox_str fox_chat_end(const struct fox_chat *c);

/*
 * fox_chat_render - a conversation, and the beginning of the model's next turn
 *
 * turns   [n]: a system turn first if there is one, then user and assistant by turns, a user turn last
 * out     overwritten
 * errors  FOX_E_ARG: turns in another order; FOX_E_UNSUPPORTED: a system turn where the format has none, or a conversation that
 *         the template renders in another way than the format; FOX_E_NOMEM
 */
enum fox_status fox_chat_render(const struct fox_chat *c, struct fox_chat_text *out,
    const struct fox_chat_turn *turns, size_t n, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_chat_encode - the ids of a rendered conversation
 *
 * Control tokens that the format writes are recognised. Where the text of a turn would give one too, it is encoded apart, as
 * plain text: what is typed cannot end a turn or begin another.
 *
 * errors  as fox_tok_encode
 */
enum fox_status fox_chat_encode(struct fox_tok_ids *out, const struct fox_tok *tok,
    const struct fox_tokdata *data, const struct fox_chat_text *text, struct fox_err *err) FOX_MUST_CHECK;

/* The control token that ends the model's turn, beside the vocabulary's own eos and eot; FOX_TOK_NONE: there is none. */
enum fox_status fox_chat_stop(const struct fox_chat *c, const struct fox_tokdata *data, int32_t *id,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
