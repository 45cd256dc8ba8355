/* The option table: values, ranges, choices, and what a bad command line is told. */
#include "tests/test.h"

#include "format/base/opt.h"

static bool flag;
static const char *name;
static uint32_t count;
static uint64_t size;
static float temp;
static int kind;
static const char *const kinds[] = {"auto", "f32", NULL};
static const struct fox_opt rows[] = {
    {.type = FOX_OPT_GROUP, .help = "Main"},
    {.type = FOX_OPT_FLAG, .short_name = 'q', .long_name = "quiet", .to = &flag, .help = "say less"},
    {.type = FOX_OPT_STR,
        .short_name = 'o',
        .long_name = "output",
        .to = &name,
        .arg = "FILE",
        .help = "where to"},
    {.type = FOX_OPT_U32,
        .long_name = "count",
        .to = &count,
        .arg = "N",
        .help = "how many",
        .min = 1,
        .max = 9},
    {.type = FOX_OPT_SIZE, .long_name = "size", .to = &size, .arg = "BYTES", .help = "how big"},
    {.type = FOX_OPT_F32, .long_name = "temp", .to = &temp, .arg = "T", .help = "how hot"},
    {.type = FOX_OPT_ENUM,
        .short_name = 't',
        .long_name = "type",
        .to = &kind,
        .arg = "TYPE",
        .help = "which",
        .choices = kinds},
    {0},
};
static const struct fox_tool tool = {"fox-test", "tests", "fox-test FILE", NULL, rows, 1, 2, NULL};

static enum fox_status run(struct fox_err *e, int *first, int argc, ...)
{
	char *argv[12] = {"fox-test"};
	va_list ap;
	bool done;
	va_start(ap, argc);
	for (int i = 1; i <= argc; i++)
		argv[i] = va_arg(ap, char *);
	va_end(ap);
	flag = false, name = NULL, count = 0, size = 0, temp = 0, kind = 0;
	*e = (struct fox_err){0};
	return fox_opt_parse(&tool, argc + 1, argv, first, &done, e);
}

static void stores_values(void **state)
{
	(void)state;
	struct fox_err e;
	int first;
	assert_int_equal(
	    run(&e, &first, 9, "in", "-q", "-o", "out", "--count=9", "--size", "512M", "-t", "f32"), FOX_OK);
	assert_true(flag && !strcmp(name, "out") && count == 9 && size == 512u << 20 && kind == 1);
	assert_int_equal(first, 9);
	assert_int_equal(run(&e, &first, 3, "--temp", "0.7", "in"), FOX_OK);
	assert_true(temp == 0.7f);
	assert_int_equal(run(&e, &first, 2, "--", "-q"), FOX_OK);
	assert_false(flag);
}

static void tells_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		char *a, *b;
		const char *says;
	} cases[] = {
	    {"--bogus", "in", "unknown or ambiguous option '--bogus'"},
	    {"-z", "in", "unknown option '-z'"},
	    {"in", "--output", "option '--output' wants a value"},
	    {"--count=10", "in", "option '--count' wants a number from 1 to 9, not '10'"},
	    {"--count=x", "in", "option '--count' wants a whole number, not 'x'"},
	    {"--count=-1", "in", "option '--count' wants a whole number, not '-1'"},
	    {"--size=12Q", "in", "option '--size' wants a size such as 4096, 512M or 2G, not '12Q'"},
	    {"--size=99999999999T", "in",
	        "option '--size' wants a size such as 4096, 512M or 2G, not '99999999999T'"},
	    {"--size=", "in", "option '--size' wants a size such as 4096, 512M or 2G, not ''"},
	    {"--temp=nan", "in", "option '--temp' wants a number, not 'nan'"},
	    {"--type=f64", "in", "option '--type' wants one of auto, f32, not 'f64'"},
	    {"-q", "-q", "too few arguments"},
	};
	struct fox_err e;
	int first;
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		assert_int_equal(run(&e, &first, 2, cases[i].a, cases[i].b), FOX_E_ARG);
		assert_string_equal(e.text, cases[i].says);
	}
	assert_int_equal(run(&e, &first, 3, "a", "b", "c"), FOX_E_ARG);
	assert_string_equal(e.text, "unexpected argument 'c'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stores_values),
	    cmocka_unit_test(tells_what_is_wrong),
	};
	return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
