/* opt.c - the option table over getopt_long: parsing, --help, --version. */
#include "format/base/opt.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "format/base/hash.h"
#include "format/base/io.h"
#include "format/base/json.h"
#include "format/base/log.h"
#include "format/base/opt_doc.h"

enum { MAX_OPTIONS = 48, FIRST_LONG = 256, HELP_AT = 26 };

const char *(*fox_version_extra)(void);
const char *(*fox_version_libraries)(void);

static void print_row(const struct fox_opt *o)
{
	char left[64];
	int n = snprintf(left, sizeof left, "  %c%c%s --%s%s%s", o->short_name ? '-' : ' ',
	    o->short_name ? o->short_name : ' ', o->short_name ? "," : " ", o->long_name, o->arg ? " " : "",
	    o->arg ? o->arg : "");
	if (n < HELP_AT)
		printf("%s%*s", left, HELP_AT - n, "");
	else
		printf("%s\n%*s", left, HELP_AT, "");
	printf("%s", o->help);
	for (const char *const *c = o->choices; c && *c; c++)
		printf("%s%s", c == o->choices ? ": " : ", ", *c);
	putchar('\n');
}

static void print_usage(const struct fox_tool *t)
{
	printf("%s - %s\n\n", t->name, t->summary);
	const char *p = t->usage;
	for (const char *lead = "Usage: "; *p; lead = "       ") {
		size_t n = strcspn(p, "\n");
		printf("%s%.*s\n", lead, (int)n, p);
		p += n + (p[n] == '\n');
	}
	putchar('\n');
}

static void print_common(const struct fox_tool *t)
{
	for (const struct fox_opt *o = fox_doc_common; o->type; o++)
		print_row(o);
	if (t->notes)
		printf("\n%s\n", t->notes);
	for (const struct fox_doc_row *r = fox_doc_statuses; r->name; r++)
		printf("%s%s %s", r == fox_doc_statuses ? "\nExit status: " : ", ", r->name, r->text);
	putchar('\n');
}

static void print_help(const struct fox_tool *t)
{
	print_usage(t);
	for (const struct fox_opt *o = t->options; o->type; o++) {
		if (o->type == FOX_OPT_GROUP)
			printf("%s:\n", o->help);
		else
			print_row(o);
	}
	print_common(t);
}

static void print_verbs(const struct fox_tool *t, const struct fox_verb *verbs)
{
	print_usage(t);
	puts("Verbs:");
	for (; verbs->name; verbs++)
		printf("  %-*s%s\n", HELP_AT - 2, verbs->name, verbs->summary);
	puts("\nOptions of all verbs:");
	print_common(t);
}

static void print_version(const struct fox_tool *t)
{
	printf("%s %s\n", t->name, FOX_VERSION);
	if (fox_version_extra)
		printf("%s", fox_version_extra());
	printf("%szlib: %s\njansson: %s\n", fox_hash_versions(), zlibVersion(), fox_json_version());
	if (fox_version_libraries)
		printf("%s", fox_version_libraries());
}

/* 4096, 512K, 2G: powers of 1024. */
static bool parse_size(struct fox_str s, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *u = s.n ? strchr(units, s.p[s.n - 1]) : NULL;
	if (u && *u)
		s.n--;
	if (!fox_str_u64(s, out))
		return false;
	for (long k = u && *u ? u - units + 1 : 0; k; k--)
		if (__builtin_mul_overflow(*out, 1024u, out))
			return false;
	return true;
}

static enum fox_status bad_value(
    const struct fox_opt *o, const char *text, const char *want, struct fox_err *err)
{
	return fox_fail(
	    err, FOX_E_ARG, FOX_NOWHERE, "option '--%s' wants %s, not '%s'", o->long_name, want, text);
}

static enum fox_status store_number(const struct fox_opt *o, const char *text, struct fox_err *err)
{
	uint64_t v;
	char want[80];
	bool ok = o->type == FOX_OPT_SIZE ? parse_size(fox_str_of(text), &v) : fox_str_u64(fox_str_of(text), &v);
	if (!ok)
		return bad_value(
		    o, text, o->type == FOX_OPT_SIZE ? "a size such as 4096, 512M or 2G" : "a whole number", err);
	uint64_t max = o->max ? o->max : o->type == FOX_OPT_U32 ? UINT32_MAX : UINT64_MAX;
	if (v < o->min || v > max) {
		snprintf(want, sizeof want, "a number from %llu to %llu", (unsigned long long)o->min,
		    (unsigned long long)max);
		return bad_value(o, text, want, err);
	}
	if (o->type == FOX_OPT_U32)
		*(uint32_t *)o->to = (uint32_t)v;
	else
		*(uint64_t *)o->to = v;
	return FOX_OK;
}

static enum fox_status store_choice(const struct fox_opt *o, const char *text, struct fox_err *err)
{
	struct fox_buf list = {0};
	for (int i = 0; o->choices[i]; i++) {
		if (!strcmp(o->choices[i], text)) {
			*(int *)o->to = i;
			fox_buf_free(&list);
			return FOX_OK;
		}
		fox_buf_fmt(&list, "%s%s", i ? ", " : "one of ", o->choices[i]);
	}
	enum fox_status s = bad_value(o, text, list.p ? list.p : "another value", err);
	fox_buf_free(&list);
	return s;
}

static enum fox_status store(const struct fox_opt *o, const char *text, struct fox_err *err)
{
	double d;
	struct fox_opt_list *list;
	switch (o->type) {
	case FOX_OPT_FLAG:
		*(bool *)o->to = true;
		return FOX_OK;
	case FOX_OPT_STR:
		*(const char **)o->to = text;
		return FOX_OK;
	case FOX_OPT_U32:
	case FOX_OPT_U64:
	case FOX_OPT_SIZE:
		return store_number(o, text, err);
	case FOX_OPT_F32:
		if (!fox_str_f64(fox_str_of(text), &d))
			return bad_value(o, text, "a number", err);
		*(float *)o->to = (float)d;
		return FOX_OK;
	case FOX_OPT_ENUM:
		return store_choice(o, text, err);
	case FOX_OPT_LIST:
		list = o->to;
		if (list->n == FOX_OPT_LIST_MAX)
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "option '--%s' is given more than %u times", o->long_name,
			    FOX_OPT_LIST_MAX);
		list->item[list->n++] = text;
		return FOX_OK;
	case FOX_OPT_END:
	case FOX_OPT_GROUP:
		break;
	}
	return FOX_OK;
}

/* getopt's tables for our rows; rows[val - FIRST_LONG] is the row of a long option. */
static size_t make_tables(const struct fox_opt *rows, struct option *longs, char *shorts)
{
	size_t n = 0;
	char *s = shorts;
	*s++ = ':';
	*s++ = 'h';
	for (size_t i = 0; rows[i].type && n < MAX_OPTIONS; i++) {
		const struct fox_opt *o = &rows[i];
		if (o->type == FOX_OPT_GROUP)
			continue;
		int has_arg = o->type == FOX_OPT_FLAG ? no_argument : required_argument;
		longs[n++] = (struct option){o->long_name, has_arg, NULL, FIRST_LONG + (int)i};
		if (o->short_name) {
			*s++ = o->short_name;
			if (has_arg == required_argument)
				*s++ = ':';
		}
	}
	*s = 0;
	longs[n++] = (struct option){"help", no_argument, NULL, 'h'};
	longs[n++] = (struct option){"version", no_argument, NULL, 'V'};
	longs[n] = (struct option){0};
	return n;
}

static const struct fox_opt *row_of(const struct fox_opt *rows, int c)
{
	if (c >= FIRST_LONG)
		return &rows[c - FIRST_LONG];
	for (; rows->type; rows++)
		if (rows->type != FOX_OPT_GROUP && rows->short_name == c)
			return rows;
	return NULL;
}

static enum fox_status complain(int c, char **argv, struct fox_err *err)
{
	if (c == ':')
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "option '%s' wants a value", argv[optind - 1]);
	if (optopt && optopt < FIRST_LONG && optopt != 'V')
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "unknown option '-%c'", optopt);
	return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "unknown or ambiguous option '%s'", argv[optind - 1]);
}

enum fox_status fox_opt_parse(
    const struct fox_tool *tool, int argc, char **argv, int *first, bool *done, struct fox_err *err)
{
	struct option longs[MAX_OPTIONS + 3];
	char shorts[2 * MAX_OPTIONS + 3];
	*done = false;
	if (fox_doc_asked(argc, argv)) {
		*done = true;
		return fox_doc_run(tool, argc, argv, err);
	}
	make_tables(tool->options, longs, shorts);
	opterr = 0;
	optind = 1;
	for (int c; (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
		if (c == 'h' || c == 'V') {
			(c == 'h' ? print_help : print_version)(tool);
			*done = true;
			return fox_stdout_flush(err);
		}
		const struct fox_opt *o = c == '?' || c == ':' ? NULL : row_of(tool->options, c);
		if (!o)
			return complain(c, argv, err);
		enum fox_status s = store(o, optarg, err);
		if (s)
			return s;
	}
	uint32_t n = (uint32_t)(argc - optind);
	if (n < tool->min_args)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "too few arguments");
	if (n > tool->max_args)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "unexpected argument '%s'", argv[optind + (int)tool->max_args]);
	*first = optind;
	return FOX_OK;
}

int fox_verbs_run(const struct fox_tool *tool, const struct fox_verb *verbs, int argc, char **argv)
{
	struct fox_err err = {0};
	const char *word = argc > 1 ? argv[1] : "";
	fox_log_init(tool->name);
	for (const struct fox_verb *v = verbs; v->name; v++)
		if (!strcmp(word, v->name))
			return v->run(argc - 1, argv + 1);
	struct fox_tool all = *tool;
	all.verbs = verbs;
	if (!strcmp(word, "-h") || !strcmp(word, "--help"))
		print_verbs(tool, verbs);
	else if (fox_doc_asked(argc, argv))
		(void)!fox_doc_run(&all, argc, argv, &err);
	else if (!strcmp(word, "--version"))
		print_version(tool);
	else if (*word)
		fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "unknown verb '%s'", word);
	else
		fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "want a verb");
	if (err.code || fox_stdout_flush(&err))
		return fox_log_usage(&err);
	return 0;
}
