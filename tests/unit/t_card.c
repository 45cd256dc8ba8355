/* t_card.c - a package of a model whose texts are hostile: the card says them, and nothing else comes of them. */
#include "tests/test.h"

#include <sys/stat.h>

#include "convert/payload.h"

static const char *model(const char *name, struct fox_str license)
{
	struct fox_gguf_writer *w;
	struct fox_err err = {0};
	const char *path = test_path("m.gguf");
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "general.architecture", fox_str_of("llama"), &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "general.name", fox_str_of(name), &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "general.license", license, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	return path;
}

/* The first lines of the card, as many as text has. */
static void check_front(const char *name, const char *license, size_t n, const char *text)
{
	struct fox_payload p;
	struct fox_err err = {0};
	const struct fox_payload_options o = {
	    .model = model(name, (struct fox_str){license, n}), .name = fox_str_of("m")};
	assert_fox_ok(fox_payload_open(&p, &o, &err), &err);
	assert_int_equal(p.list[0].role, FOX_PAYLOAD_CARD);
	assert_true(p.list[0].text.n > strlen(text));
	p.list[0].text.p[strlen(text)] = 0;
	assert_string_equal(p.list[0].text.p, text);
	fox_payload_close(&p);
}

#define REST "library_name: gguf\ntags:\n- gguf\n---\n\n# "

static void test_front(void **state)
{
	(void)state;
	check_front("m", "mit", 3, "---\nlicense: \"mit\"\n" REST "m\n");
	check_front("m", "a.b-2+", 6, "---\nlicense: \"a.b-2+\"\n" REST "m\n");
	check_front("m", "mit\0x", 5, "---\n" REST "m\n"); /* not another licence than the model's */
	check_front("m", "mit\"\nx: y", 9, "---\n" REST "m\n");
	check_front("[a](b)\n---\n<i>\x1b[0m|", "mit", 3,
	    "---\nlicense: \"mit\"\n" REST "\\[a\\]\\(b\\)\\\\n---\\\\n\\<i\\>\\\\x1B\\[0m\\|\n");
}

/* A licence that is there is packed, or told of: never passed over for the next of the names. */
static void test_licence_beside(void **state)
{
	(void)state;
	struct fox_payload p;
	struct fox_err err = {0};
	char *beside = strdup(test_path("LICENSE"));
	const struct fox_payload_options o = {.model = model("m", fox_str_of("mit")), .name = fox_str_of("m")};
	assert_non_null(beside);
	assert_int_equal(mkdir(beside, 0700), 0); /* a folder of licences is no text of one */
	assert_fox_ok(fox_payload_open(&p, &o, &err), &err);
	assert_null(p.license_from);
	fox_payload_close(&p);
	assert_int_equal(rmdir(beside), 0);
	assert_int_equal(mkfifo(beside, 0600), 0);
	assert_int_not_equal(fox_payload_open(&p, &o, &err), FOX_OK);
	assert_non_null(strstr(err.text, "LICENSE"));
	unlink(beside);
	free(beside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_front),
	    cmocka_unit_test(test_licence_beside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
