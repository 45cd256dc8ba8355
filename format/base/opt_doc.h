/* opt_doc.h - a tool's man page and shell completions, out of the table that its options are parsed by. Private to opt.c,
 * opt_man.c and opt_shell.c; a program reaches it by `TOOL --generate man|bash|zsh|fish` (spec/cli.md 6).
 *
 * A tool with verbs is written in three steps: what comes before its verbs, each verb (by its own run(), which alone knows
 * its table), what comes after them. So no verb is named twice. */
#ifndef FOX_OPT_DOC_H
#define FOX_OPT_DOC_H

#include "format/base/opt.h"
#include "format/base/str.h"

/* One kind of document. Texts are appended to b; memory that runs out shows as b->failed. */
struct fox_doc_kind {
	const char *name; /* "man" */
	void (*head)(struct fox_buf *b, const struct fox_tool *tool);
	/* The options of one verb: tool is the verb's, "fox-pack split". */
	void (*verb)(struct fox_buf *b, const struct fox_tool *tool);
	/* also: names of other tools to refer to, NULL behind the last; the tool's own is passed over */
	void (*tail)(struct fox_buf *b, const struct fox_tool *tool, const char *const *also);
	bool whole_only; /* it makes no sense for a verb alone */
};

extern const struct fox_doc_kind fox_doc_man;  /* man(7), as groff and mandoc read it */
extern const struct fox_doc_kind fox_doc_bash; /* for bash-completion/completions/TOOL */
extern const struct fox_doc_kind fox_doc_zsh;  /* for site-functions/_TOOL */
extern const struct fox_doc_kind fox_doc_fish; /* for vendor_completions.d/TOOL.fish */

/* Is this command line `TOOL --generate ...`? Only as the first argument, so that no table of options knows it. */
bool fox_doc_asked(int argc, char **argv);

/*
 * fox_doc_run - print the document that argv[2] asks for
 *
 * "man", "bash", "zsh", "fish" print it whole, the tools named in argv[3..] under "see also"; "man-verb" and so on print the
 * part of a verb, for the tool that it belongs to. Verbs that fail have said why themselves.
 * errors FOX_E_ARG: another word; FOX_E_IO: stdout; FOX_E_NOMEM
 */
enum fox_status fox_doc_run(
    const struct fox_tool *tool, int argc, char **argv, struct fox_err *err) FOX_MUST_CHECK;

/* Rows of two texts, closed by one without a name. */
struct fox_doc_row {
	const char *name, *text;
};

extern const struct fox_doc_row fox_doc_statuses[]; /* exit statuses, as --help has them */
extern const struct fox_doc_row fox_doc_environment[];
extern const struct fox_opt
    fox_doc_common[]; /* --help and --version, which every tool has; their `to` is NULL */

/* Does this tool do anything beside its verbs? Then it has options of its own. */
static inline bool fox_doc_own(const struct fox_tool *tool)
{
	return tool->options != NULL;
}

/* The rows of a tool's options, never NULL. */
const struct fox_opt *fox_doc_options(const struct fox_tool *tool);

/*
 * fox_doc_next_verb - step through the verbs of a tool: first the rows of tool->verbs, then those that stand in its usage
 *
 * at       zero-initialised by the caller; private otherwise
 * returns  false after the last; name and summary (may be empty) are filled otherwise, and stay valid with the tool
 */
struct fox_doc_verbs {
	size_t row;
	const char *line;
	struct fox_str name, summary;
};
bool fox_doc_next_verb(struct fox_doc_verbs *at, const struct fox_tool *tool);

/* Step through the lines of tool->usage: the form, and what stands two blanks or more behind it (may be empty). *line is
 * NULL at first. False after the last. */
bool fox_doc_next_use(
    const char **line, const struct fox_tool *tool, struct fox_str *form, struct fox_str *text);

#endif
