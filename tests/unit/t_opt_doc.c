/* Man pages and completions: words that the languages of three shells and of roff would take for their own, and verbs. */
#include "format/base/opt_doc.h"
#include "tests/test.h"

static const char *const colours[] = {"red", "green", NULL};

static const struct fox_opt own[] = {
    {.type = FOX_OPT_GROUP, .help = "What \"is\" asked"},
    {.type = FOX_OPT_STR,
        .short_name = 'o',
        .long_name = "out",
        .arg = "A:B",
        .help = ".it's [a] \\ back-slash: yes"},
    {.type = FOX_OPT_LIST, .long_name = "rule", .arg = "R", .help = "several"},
    {.type = FOX_OPT_ENUM,
        .short_name = 'c',
        .long_name = "colour",
        .arg = "C",
        .help = "which",
        .choices = colours},
    {.type = FOX_OPT_SIZE, .long_name = "size", .arg = "N", .help = "bytes"},
    {.type = FOX_OPT_END},
};

static const struct fox_verb verbs[] = {
    {"cut-up", "it's: one", NULL},
    {"join", "two", NULL},
    {NULL, NULL, NULL},
};

static const struct fox_tool tool = {
    .name = "fox-test",
    .summary = "try 'it'",
    .usage = "fox-test FILE\nfox-test join A B\nfox-test show FILE   what's in it",
    .notes = ".dots begin this\n'quotes' that\n\n  set in: $HOME\n\nExample: fox-test ~/a\n  fox-test `b`",
    .options = own,
    .verbs = verbs,
};

static const struct fox_tool part = {
    .name = "fox-test join", .summary = "two", .usage = "fox-test join A B", .options = own + 3};

static void says(const struct fox_doc_kind *k, int what, const char *want)
{
	static const char *const also[] = {"fox-a", "fox-test", "fox-b", NULL};
	struct fox_buf b = {0};
	if (what == 0)
		k->head(&b, &tool);
	else if (what == 1)
		k->verb(&b, &part);
	else
		k->tail(&b, &tool, also);
	assert_false(b.failed);
	if (!strstr(b.p, want))
		fail_msg("%s has no\n%s\nin\n%s", k->name, want, b.p);
	fox_buf_free(&b);
}

static void man(void **state)
{
	(void)state;
	says(&fox_doc_man, 0, ".TH \"FOX-TEST\" 1 \"\" \"fox " FOX_VERSION "\" \"User Commands\"\n");
	says(&fox_doc_man, 0, "\nfox\\-test \\- try \\(aqit\\(aq\n");
	says(&fox_doc_man, 0,
	    "\n\\fBfox\\-test\\fR FILE\n\\fBfox\\-test\\fR join A B\n\\fBfox\\-test\\fR show FILE\n.fi\n");
	says(&fox_doc_man, 0,
	    "Try \\(aqit\\(aq.\n.PP\n\\&.dots begin this\n\\&\\(aqquotes\\(aq that\n.PP\n.nf\n.RS\nset in: "
	    "$HOME\n.RE\n.fi\n");
	says(&fox_doc_man, 0, ".TP\n\\fBfox\\-test show FILE\\fR\nwhat\\(aqs in it\n.SH VERBS\n");
	says(&fox_doc_man, 1, ".SS \"fox\\-test join\"\n");
	says(
	    &fox_doc_man, 1, "\\fB\\-c\\fR, \\fB\\-\\-colour\\fR \\fIC\\fR\nwhich: \\fBred\\fR, \\fBgreen\\fR\n");
	says(&fox_doc_man, 2, ".SS \"What \\(dqis\\(dq asked\"\n");
	says(&fox_doc_man, 2, "\\fIA:B\\fR\n\\&.it\\(aqs [a] \\e back\\-slash: yes\n");
	says(&fox_doc_man, 2,
	    ".SH EXAMPLES\n.nf\n.RS\nfox\\-test \\(ti/a\n.RE\n.fi\n.nf\n.RS\nfox\\-test \\(gab\\(ga\n.RE\n.fi\n");
	says(&fox_doc_man, 2, ".SH \"SEE ALSO\"\n\\fBfox\\-a\\fR(1),\n\\fBfox\\-b\\fR(1)\n");
}

static void shells(void **state)
{
	(void)state;
	says(&fox_doc_bash, 1,
	    "\tjoin)\n\t\tcase $prev in\n\t\t-c|--colour) COMPREPLY=($(compgen -W 'red green' -- \"$cur\")); "
	    "return ;;\n");
	says(&fox_doc_bash, 2, "\t*)\n\t\tcase $prev in\n\t\t-o|--out) return ;;\n\t\t--rule) return ;;\n");
	says(&fox_doc_bash, 2, "compgen -W 'cut-up join show' -- \"$cur\"");
	says(&fox_doc_zsh, 0, "\t\t'cut-up:it'\\''s\\: one'\n\t\t'join:two'\n\t\t'show:what'\\''s in it'\n");
	says(&fox_doc_zsh, 1, "\tjoin)\n\t\tshift words\n");
	says(&fox_doc_zsh, 1, "'(-c --colour)'{-c+,--colour=}'[which]:C:(red green)'");
	says(&fox_doc_zsh, 2, "'(-o --out)'{-o+,--out=}'[.it'\\''s \\[a\\] \\\\ back-slash: yes]:A\\:B:_files'");
	says(&fox_doc_zsh, 2, "'*''--rule=[several]:R:_files'");
	says(&fox_doc_zsh, 2, "'--size=[bytes]:N: '");
	says(&fox_doc_fish, 0, "complete -c fox-test -n __fish_use_subcommand -a cut-up -d 'it\\'s: one'\n");
	says(&fox_doc_fish, 1,
	    "complete -c fox-test -n '__fish_seen_subcommand_from join' -s c -l colour -x -a 'red green' -d "
	    "'which'\n");
	says(&fox_doc_fish, 2,
	    "complete -c fox-test -n 'not __fish_seen_subcommand_from cut-up join' -s o -l out -r -F -d '.it\\'s "
	    "[a] \\\\ "
	    "back-slash: yes'\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(man),
	    cmocka_unit_test(shells),
	};
	return cmocka_run_group_tests_name("opt_doc", tests, NULL, NULL);
}
