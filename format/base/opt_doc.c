/* opt_doc.c - `TOOL --generate`: which document, in which order; and what all documents say of every tool. */
#include "format/base/opt_doc.h"

#include <stdio.h>

#include "format/base/io.h"
#include "format/base/log.h"

const struct fox_doc_row fox_doc_statuses[] = {
    {"0", "ok or proven"},
    {"1", "a check failed or data is cut"},
    {"2", "usage"},
    {"3", "unreadable input or i/o"},
    {"4", "unsupported"},
    {NULL, NULL},
};

const struct fox_doc_row fox_doc_environment[] = {
    {"CUDA_VISIBLE_DEVICES", "CUDA's own: which devices there are, and which is the first; empty: none"},
    {"FOX_CPU_DISABLE", "instruction sets not to use, separated by commas: avx2,avx512; all"},
    {"HF_HUB_CACHE, HF_HOME",
        "where repository ids are looked up; then HUGGINGFACE_HUB_CACHE, XDG_CACHE_HOME and HOME, as "
        "Hugging Face's own programs have it"},
    {"NO_COLOR, TERM", "no colour if the first is set, or the second is dumb"},
    {"SOURCE_DATE_EPOCH", "the time that archives give their members, in seconds since 1970; 0 without it"},
    {"TMPDIR", "where fox-quantize puts the importance that it measures, while it works"},
    {NULL, NULL},
};

const struct fox_opt fox_doc_common[] = {
    {.type = FOX_OPT_FLAG, .short_name = 'h', .long_name = "help", .help = "show this text"},
    {.type = FOX_OPT_FLAG,
        .long_name = "version",
        .help = "show versions of this tool and what it is built with"},
    {.type = FOX_OPT_END},
};

static const struct fox_doc_kind *const kinds[] = {&fox_doc_man, &fox_doc_bash, &fox_doc_zsh, &fox_doc_fish};

static const char part_suffix[] = "-verb";

const struct fox_opt *fox_doc_options(const struct fox_tool *tool)
{
	static const struct fox_opt none[] = {{.type = FOX_OPT_END}};
	return tool->options ? tool->options : none;
}

bool fox_doc_next_use(
    const char **line, const struct fox_tool *tool, struct fox_str *form, struct fox_str *text)
{
	const char *p = tool->usage;
	if (*line) {
		p = *line + strcspn(*line, "\n");
		p += *p == '\n';
	}
	if (!*p)
		return false;
	*line = p;
	size_t n = strcspn(p, "\n"), cut = 0;
	while (cut < n && !(p[cut] == ' ' && p[cut + 1] == ' '))
		cut++;
	*form = (struct fox_str){p, cut};
	while (cut < n && p[cut] == ' ')
		cut++;
	*text = (struct fox_str){p + cut, n - cut};
	return true;
}

/* The verb of a line of usage, "fox-inspect keys FILE": the word behind the tool's name, if it is all lower case. */
static bool verb_of(const struct fox_tool *tool, struct fox_str form, struct fox_str *verb)
{
	size_t n = strlen(tool->name);
	if (!fox_str_starts(form, tool->name) || form.n <= n || form.p[n] != ' ')
		return false;
	const char *p = form.p + ++n;
	size_t len = 0;
	while (n + len < form.n && p[len] != ' ') {
		bool low = p[len] >= 'a' && p[len] <= 'z';
		if (!low && !(len && (p[len] == '-' || (p[len] >= '0' && p[len] <= '9'))))
			return false;
		len++;
	}
	*verb = (struct fox_str){p, len};
	return len > 0;
}

static bool is_row(const struct fox_tool *tool, struct fox_str name)
{
	for (const struct fox_verb *v = tool->verbs; v && v->name; v++)
		if (fox_str_is(name, v->name))
			return true;
	return false;
}

bool fox_doc_next_verb(struct fox_doc_verbs *at, const struct fox_tool *tool)
{
	if (tool->verbs && tool->verbs[at->row].name) {
		const struct fox_verb *v = &tool->verbs[at->row++];
		at->name = fox_str_of(v->name);
		at->summary = fox_str_of(v->summary);
		return true;
	}
	for (struct fox_str form; fox_doc_next_use(&at->line, tool, &form, &at->summary);)
		if (verb_of(tool, form, &at->name) && !is_row(tool, at->name))
			return true;
	return false;
}

bool fox_doc_asked(int argc, char **argv)
{
	return argc > 1 && !strcmp(argv[1], "--generate");
}

static enum fox_status put(struct fox_buf *b, struct fox_err *err)
{
	enum fox_status s = b->failed ? fox_fail(err, FOX_E_NOMEM, FOX_NOWHERE, "out of memory")
	                              : fox_stdout_put(fox_buf_view(b), err);
	fox_buf_free(b);
	return s;
}

/* Every verb prints its part: it is given the words that lead to fox_doc_run with its own table. */
static enum fox_status put_verbs(const struct fox_tool *tool, const char *kind, struct fox_err *err)
{
	char word[32], generate[] = "--generate";
	snprintf(word, sizeof word, "%s%s", kind, part_suffix);
	for (const struct fox_verb *v = tool->verbs; v && v->name; v++) {
		char name[64];
		snprintf(name, sizeof name, "%s", v->name);
		char *argv[] = {name, generate, word, NULL};
		int code = v->run ? v->run(3, argv) : 0;
		if (code)
			return fox_fail(err, code == 2 ? FOX_E_ARG : FOX_E_IO, FOX_NOWHERE,
			    "verb '%s' could not say what its options are", v->name);
	}
	fox_log_init(tool->name); /* a verb has called itself by its own */
	return FOX_OK;
}

static enum fox_status run_kind(
    const struct fox_tool *tool, const struct fox_doc_kind *k, const char *const *also, struct fox_err *err)
{
	struct fox_buf b = {0};
	k->head(&b, tool);
	enum fox_status s = put(&b, err);
	if (!s)
		s = put_verbs(tool, k->name, err);
	if (s)
		return s;
	k->tail(&b, tool, also);
	return put(&b, err);
}

enum fox_status fox_doc_run(const struct fox_tool *tool, int argc, char **argv, struct fox_err *err)
{
	const char *word = argc > 2 ? argv[2] : "";
	for (size_t i = 0; i < FOX_COUNT(kinds); i++) {
		const struct fox_doc_kind *k = kinds[i];
		size_t n = strlen(k->name);
		if (strncmp(word, k->name, n))
			continue;
		if (!word[n] && k->whole_only && strchr(tool->name, ' '))
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "completions are made for all verbs at once");
		if (!word[n])
			return run_kind(tool, k, (const char *const *)argv + 3, err);
		if (strcmp(word + n, part_suffix))
			continue;
		struct fox_buf b = {0};
		k->verb(&b, tool);
		return put(&b, err);
	}
	return fox_fail(
	    err, FOX_E_ARG, FOX_NOWHERE, "option '--generate' wants one of man, bash, zsh, fish, not '%s'", word);
}
