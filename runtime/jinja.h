/* jinja.h - a strict evaluator of that part of Jinja which chat templates use, so that a template can be tried out.
 *
 * It proves, and never writes a prompt: runtime/chat.c compares what it gives with what a table of formats gives. Rules are
 * those of transformers (trim_blocks, lstrip_blocks, `tools` and `documents` none); what it does not know exactly it refuses.
 * No files, no clock, no recursion in templates: work, depth and output are bounded.  spec/runtime.md 8
 * source: Jinja 3.1 documentation (template designer), transformers 5 utils/chat_template_utils.py */
#ifndef FOX_JINJA_H
#define FOX_JINJA_H

#include "format/base/arena.h"
#include "format/base/str.h"

struct fox_jinja; /* immutable after open */

/*
 * fox_jinja_open - parse a template
 *
 * text    UTF-8; outlives the template
 * errors  FOX_E_UNSUPPORTED: a tag, an operator or a spelling outside the subset, with the byte where it stands;
 *         FOX_E_FORMAT: no template; FOX_E_BOUND: more than 1 MiB, or nested past 64 levels; FOX_E_NOMEM
 */
enum fox_status fox_jinja_open(
    struct fox_jinja **out, struct fox_str text, struct fox_err *err) FOX_MUST_CHECK;
void fox_jinja_close(struct fox_jinja *j); /* NULL is fine */

struct fox_jinja_message {
	struct fox_str role, content;
};

/* What a template sees. */
struct fox_jinja_vars {
	const struct fox_jinja_message *messages;
	size_t n_messages;
	struct fox_str bos_token, eos_token; /* p NULL: undefined */
	struct fox_str date;                 /* what strftime_now("%d %b %Y") gives */
	bool add_generation_prompt;
};

/*
 * fox_jinja_render - append what a template makes of a conversation
 *
 * raised  true when the template called raise_exception: out then holds what came before, and FOX_OK is returned
 * errors  FOX_E_UNSUPPORTED: something that ran is outside the subset (a filter, a test, a method, a mixture of types), with
 *         the byte where it stands; FOX_E_BOUND: 2^20 steps, or 64 MiB of output; FOX_E_NOMEM
 */
enum fox_status fox_jinja_render(const struct fox_jinja *j, struct fox_buf *out,
    const struct fox_jinja_vars *vars, bool *raised, struct fox_err *err) FOX_MUST_CHECK;

/* What Python's str.strip() leaves: Unicode white space at both ends gone.  source: Python 3 str.isspace */
struct fox_str fox_jinja_strip(struct fox_str s);

#endif
