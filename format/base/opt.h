/* opt.h - the option table of a tool: parser, --help, man page and completions from the same rows. */
#ifndef FOX_OPT_H
#define FOX_OPT_H

#include "format/base/err.h"

enum fox_opt_type {
	FOX_OPT_END = 0, /* closes a table */
	FOX_OPT_FLAG,    /* bool: set to true */
	FOX_OPT_STR,     /* const char * */
	FOX_OPT_U32,     /* uint32_t, within [min, max] (max 0: no limit) */
	FOX_OPT_U64,     /* uint64_t, likewise */
	FOX_OPT_F32,     /* float, finite */
	FOX_OPT_SIZE,    /* uint64_t bytes: 512M, 2G, 4096 (K M G T are powers of 1024) */
	FOX_OPT_ENUM,    /* int: index of the choice in `choices` (NULL-terminated names) */
	FOX_OPT_LIST,    /* struct fox_opt_list: may be given several times */
	FOX_OPT_GROUP    /* a heading in --help; no option */
};

#define FOX_OPT_LIST_MAX 256u

/* The values of a FOX_OPT_LIST in the order given; they are argv's. */
struct fox_opt_list {
	const char *item[FOX_OPT_LIST_MAX];
	size_t n;
};

struct fox_opt {
	enum fox_opt_type type;
	char short_name;       /* 0: none */
	const char *long_name; /* without dashes */
	void *to;              /* where the value goes; its initial value is the default */
	const char *arg;       /* argument's name in help; NULL for flags */
	const char *help;      /* one phrase, lower case, no full stop */
	const char *const *choices;
	uint64_t min, max;
};

struct fox_verb;

struct fox_tool {
	const char *name;    /* "fox-convert" */
	const char *summary; /* one line: what it does */
	/* Lines after "Usage: ", separated by \n. Two blanks or more, and what a line is for may follow. A lower-case word
	 * behind the tool's name is a verb that takes the tool's own options ("fox-inspect keys FILE"): completions know it. */
	const char *usage;
	const char *notes; /* after the options: what the reader must know, and lines "Example: ..."; may be NULL */
	const struct fox_opt *options;
	uint32_t min_args, max_args; /* positional arguments */
	/* Verbs with options of their own that main() has looked for already, or NULL: for the man page and completions. */
	const struct fox_verb *verbs;
};

/*
 * fox_opt_parse - read argv by the table
 *
 * Handles -h/--help, --version and --generate (format/base/opt_doc.h) itself (prints to stdout, exits 0 through *done). Options may stand
 * anywhere; "--" ends them. After FOX_OK with !*done, argv[*first .. argc) are the positional arguments.
 * errors FOX_E_ARG: unknown option, bad value (a bad enum value lists the choices), too few or many arguments; FOX_E_IO:
 * --help or --version could not be written
 */
enum fox_status fox_opt_parse(const struct fox_tool *tool, int argc, char **argv, int *first, bool *done,
    struct fox_err *err) FOX_MUST_CHECK;

/* A verb of a tool whose verbs have options of their own: `fox-pack split --help`. */
struct fox_verb {
	const char *name;    /* "split" */
	const char *summary; /* one line */
	/* argv[0] is the verb; it parses the rest by a table of its own, whose tool is called "fox-pack split", and prints.
	 * Returns the exit status. */
	int (*run)(int argc, char **argv);
};

/*
 * fox_verbs_run - the main of such a tool: find the verb in argv[1], and run it
 *
 * tool     name, summary and notes; no options of its own
 * verbs    closed by a row without a name
 * returns  the exit status; --help and --version are handled, a missing or unknown verb is told
 */
int fox_verbs_run(const struct fox_tool *tool, const struct fox_verb *verbs, int argc, char **argv);

/* For --version, set before fox_opt_parse: tools that link kernels add a line "cpu: ...", those that run tokenizers the
 * lines of the libraries for it. */
extern const char *(*fox_version_extra)(void);
extern const char *(*fox_version_libraries)(void);

#endif
