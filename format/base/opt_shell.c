/* opt_shell.c - a tool's completions for bash, zsh and fish. Choices complete as such, strings as files (a shell's own
 * default), numbers not at all; the first word completes verbs, and files where the tool has uses without a verb. */
#include "format/base/opt_doc.h"

/* The program that a tool's name begins with: "fox-pack split" is a verb of fox-pack. */
static struct fox_str program(const struct fox_tool *t)
{
	return (struct fox_str){t->name, strcspn(t->name, " ")};
}

static struct fox_str verb_name(const struct fox_tool *t)
{
	const char *blank = strchr(t->name, ' ');
	return fox_str_of(blank ? blank + 1 : t->name);
}

/* A function's name: _fox_pack. */
static void function_add(struct fox_buf *b, const struct fox_tool *t)
{
	struct fox_str s = program(t);
	fox_buf_char(b, '_');
	for (size_t i = 0; i < s.n; i++)
		fox_buf_char(b, s.p[i] == '-' ? '_' : s.p[i]);
}

/* s with `with` before each of the bytes in `what`; a single quote as the shell has it inside of single quotes. */
static void escaped(struct fox_buf *b, struct fox_str s, const char *what, const char *quote)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'') {
			fox_buf_str(b, quote);
			continue;
		}
		if (strchr(what, s.p[i]))
			fox_buf_char(b, '\\');
		fox_buf_char(b, s.p[i]);
	}
}

static const char sh_quote[] = "'\\''";

static void words_add(struct fox_buf *b, const char *const *words)
{
	for (const char *const *w = words; *w; w++)
		fox_buf_fmt(b, "%s%s", w == words ? "" : " ", *w);
}

static bool is_text(const struct fox_opt *o)
{
	return o->type == FOX_OPT_STR || o->type == FOX_OPT_LIST;
}

/* ---- bash */

static void bash_options(struct fox_buf *b, const struct fox_opt *rows)
{
	for (; rows->type; rows++)
		if (rows->type != FOX_OPT_GROUP)
			fox_buf_fmt(b, " --%s", rows->long_name);
}

/* An arm of the case over the verb: what follows an option, then which options there are. */
static void bash_arm(struct fox_buf *b, struct fox_str pattern, const struct fox_tool *t)
{
	fox_buf_fmt(b, "\t%.*s)\n\t\tcase $prev in\n", FOX_STR_ARG(pattern));
	for (const struct fox_opt *o = fox_doc_options(t); o->type; o++) {
		if (o->type == FOX_OPT_GROUP || o->type == FOX_OPT_FLAG)
			continue;
		fox_buf_str(b, "\t\t");
		if (o->short_name)
			fox_buf_fmt(b, "-%c|", o->short_name);
		fox_buf_fmt(b, "--%s) ", o->long_name);
		if (o->choices) {
			fox_buf_str(b, "COMPREPLY=($(compgen -W '");
			words_add(b, o->choices);
			fox_buf_str(b, "' -- \"$cur\")); ");
		} else if (!is_text(o)) {
			fox_buf_str(b, "compopt +o default 2>/dev/null; ");
		}
		fox_buf_str(b, "return ;;\n");
	}
	fox_buf_str(b, "\t\tesac\n\t\topts='");
	bash_options(b, fox_doc_common);
	bash_options(b, fox_doc_options(t));
	fox_buf_str(b, "'\n\t\t;;\n");
}

static void bash_head(struct fox_buf *b, const struct fox_tool *t)
{
	fox_buf_fmt(b, "# bash completion of %s, made from its table of options by --generate bash\n", t->name);
	function_add(b, t);
	fox_buf_str(b,
	    "()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} opts=\n"
	    "\tCOMPREPLY=()\n"
	    "\t# the = of --option=value is a word of its own\n"
	    "\tif [[ $cur == = ]]; then\n\t\tcur=\n"
	    "\telif [[ $prev == = && $COMP_CWORD -gt 2 ]]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n\tfi\n"
	    "\tcase ${COMP_WORDS[1]} in\n");
}

static void bash_verb(struct fox_buf *b, const struct fox_tool *t)
{
	bash_arm(b, verb_name(t), t);
}

static void bash_tail(struct fox_buf *b, const struct fox_tool *t, const char *const *also)
{
	struct fox_doc_verbs v = {0};
	(void)also;
	bash_arm(b, fox_str_of("*"), t);
	fox_buf_str(
	    b, "\tesac\n\tif [[ $cur == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$opts\" -- \"$cur\"))\n");
	for (bool first = true; fox_doc_next_verb(&v, t); first = false)
		fox_buf_fmt(b, "%s%.*s",
		    first ? "\telif [[ $COMP_CWORD -eq 1 ]]; then\n\t\tCOMPREPLY=($(compgen -W '" : " ",
		    FOX_STR_ARG(v.name));
	if (v.name.p) {
		fox_buf_str(b, "' -- \"$cur\"))\n");
		if (fox_doc_own(t))
			fox_buf_str(b, "\t\tcompopt -o filenames 2>/dev/null\n"
			               "\t\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$cur\")\n");
		else
			fox_buf_str(b, "\t\tcompopt +o default 2>/dev/null\n");
	}
	fox_buf_str(b, "\tfi\n}\ncomplete -o default -F ");
	function_add(b, t);
	fox_buf_fmt(b, " %s\n", t->name);
}

const struct fox_doc_kind fox_doc_bash = {"bash", bash_head, bash_verb, bash_tail, true};

/* ---- zsh */

static void zsh_option(struct fox_buf *b, const struct fox_opt *o)
{
	bool value = o->type != FOX_OPT_FLAG;
	fox_buf_str(b, " \\\n\t\t\t");
	if (o->type == FOX_OPT_LIST)
		fox_buf_str(b, "'*'");
	else if (o->short_name)
		fox_buf_fmt(b, "'(-%c --%s)'", o->short_name, o->long_name);
	if (o->short_name)
		fox_buf_fmt(b, "{-%c%s,--%s%s}'[", o->short_name, value ? "+" : "", o->long_name, value ? "=" : "");
	else
		fox_buf_fmt(b, "'--%s%s[", o->long_name, value ? "=" : "");
	escaped(b, fox_str_of(o->help), "[]\\", sh_quote);
	fox_buf_char(b, ']');
	if (value) {
		fox_buf_char(b, ':');
		escaped(b, fox_str_of(o->arg ? o->arg : "value"), ":\\", sh_quote);
		fox_buf_char(b, ':');
		if (o->choices) {
			fox_buf_char(b, '(');
			words_add(b, o->choices);
			fox_buf_char(b, ')');
		} else {
			fox_buf_str(b, is_text(o) ? "_files" : " ");
		}
	}
	fox_buf_char(b, '\'');
}

static void zsh_arguments(struct fox_buf *b, const struct fox_tool *t, bool files)
{
	fox_buf_str(b, "\t\t_arguments -s -S");
	for (const struct fox_opt *o = fox_doc_options(t); o->type; o++)
		if (o->type != FOX_OPT_GROUP)
			zsh_option(b, o);
	for (const struct fox_opt *o = fox_doc_common; o->type; o++)
		zsh_option(b, o);
	fox_buf_str(b, files ? " \\\n\t\t\t'*:file:_files'\n\t\t;;\n" : "\n\t\t;;\n");
}

static void zsh_head(struct fox_buf *b, const struct fox_tool *t)
{
	struct fox_doc_verbs v = {0};
	fox_buf_fmt(b, "#compdef %s\n# made from its table of options by --generate zsh\n", t->name);
	function_add(b, t);
	fox_buf_str(b, "() {\n");
	for (bool first = true; fox_doc_next_verb(&v, t); first = false) {
		fox_buf_fmt(b, "%s\t\t'%.*s:", first ? "\tlocal -a verbs\n\tverbs=(\n" : "", FOX_STR_ARG(v.name));
		escaped(b, v.summary, ":\\", sh_quote);
		fox_buf_str(b, "'\n");
	}
	if (v.name.p)
		fox_buf_str(b, "\t)\n\t(( CURRENT == 2 )) && _describe verb verbs\n");
	fox_buf_str(b, "\tcase $words[2] in\n");
}

static void zsh_verb(struct fox_buf *b, const struct fox_tool *t)
{
	struct fox_str v = verb_name(t);
	fox_buf_fmt(b, "\t%.*s)\n\t\tshift words\n\t\t(( CURRENT-- ))\n", FOX_STR_ARG(v));
	zsh_arguments(b, t, true);
}

static void zsh_tail(struct fox_buf *b, const struct fox_tool *t, const char *const *also)
{
	(void)also;
	fox_buf_str(b, "\t*)\n");
	zsh_arguments(b, t, fox_doc_own(t));
	fox_buf_str(b, "\tesac\n}\n");
	function_add(b, t);
	fox_buf_str(b, " \"$@\"\n");
}

const struct fox_doc_kind fox_doc_zsh = {"zsh", zsh_head, zsh_verb, zsh_tail, true};

/* ---- fish */

static const char fish_quote[] = "\\'";

/* when: the condition under which these options belong, or empty. */
static void fish_options(
    struct fox_buf *b, const struct fox_tool *t, const struct fox_opt *rows, struct fox_str when)
{
	struct fox_str name = program(t);
	for (const struct fox_opt *o = rows; o->type; o++) {
		if (o->type == FOX_OPT_GROUP)
			continue;
		fox_buf_fmt(b, "complete -c %.*s", FOX_STR_ARG(name));
		if (when.n) {
			fox_buf_str(b, " -n '");
			fox_buf_add(b, when.p, when.n);
			fox_buf_char(b, '\'');
		}
		if (o->short_name)
			fox_buf_fmt(b, " -s %c", o->short_name);
		fox_buf_fmt(b, " -l %s", o->long_name);
		if (o->choices) {
			fox_buf_str(b, " -x -a '");
			words_add(b, o->choices);
			fox_buf_char(b, '\'');
		} else if (o->type != FOX_OPT_FLAG) {
			fox_buf_str(b, is_text(o) ? " -r -F" : " -x");
		}
		fox_buf_str(b, " -d '");
		escaped(b, fox_str_of(o->help), "\\", fish_quote);
		fox_buf_str(b, "'\n");
	}
}

static void fish_head(struct fox_buf *b, const struct fox_tool *t)
{
	struct fox_doc_verbs v = {0};
	fox_buf_fmt(b, "# fish completion of %s, made from its table of options by --generate fish\n", t->name);
	while (fox_doc_next_verb(&v, t)) {
		fox_buf_fmt(b, "complete -c %s -n __fish_use_subcommand%s -a %.*s -d '", t->name,
		    fox_doc_own(t) ? "" : " -f", FOX_STR_ARG(v.name));
		escaped(b, v.summary, "\\", fish_quote);
		fox_buf_str(b, "'\n");
	}
	fish_options(b, t, fox_doc_common, (struct fox_str){"", 0});
}

static void fish_verb(struct fox_buf *b, const struct fox_tool *t)
{
	struct fox_buf when = {0};
	struct fox_str v = verb_name(t);
	fox_buf_fmt(&when, "__fish_seen_subcommand_from %.*s", FOX_STR_ARG(v));
	b->failed |= when.failed;
	fish_options(b, t, fox_doc_options(t), fox_buf_view(&when));
	fox_buf_free(&when);
}

/* The tool's own options belong where none of the verbs with options of their own was given. */
static void fish_tail(struct fox_buf *b, const struct fox_tool *t, const char *const *also)
{
	struct fox_buf when = {0};
	(void)also;
	for (const struct fox_verb *v = t->verbs; v && v->name; v++)
		fox_buf_fmt(&when, "%s %s", v == t->verbs ? "not __fish_seen_subcommand_from" : "", v->name);
	b->failed |= when.failed;
	fish_options(b, t, fox_doc_options(t), fox_buf_view(&when));
	fox_buf_free(&when);
}

const struct fox_doc_kind fox_doc_fish = {"fish", fish_head, fish_verb, fish_tail, true};
