/* t_modelfile.c - what is written is what ollama's reader reads: a small reader of the same rules takes it apart again. */
#include "tests/test.h"

#include "convert/modelfile.h"
#include "format/base/io.h"

struct command {
	char name[32], value[512];
};

/* The rules of ollama's parser.go for commands on lines of their own: a value ends at the first line end at which it is not inside
 * quotes; quotes are """ or ", and close where the trimmed text so far ends in them. */
static size_t read_back(const char *text, struct command *out, size_t cap)
{
	size_t n = 0;
	while (*text) {
		if (*text == '\n' || *text == '#') {
			text += strcspn(text, "\n");
			text += *text == '\n';
			continue;
		}
		assert_true(n < cap);
		size_t word = strcspn(text, " ");
		if (!strncmp(text, "PARAMETER ", 10))
			word = 10 + strcspn(text + 10, " ");
		snprintf(out[n].name, sizeof out[n].name, "%.*s", (int)word, text);
		const char *value = text + word + 1;
		for (size_t len = 0;; len++) {
			if (value[len] && value[len] != '\n')
				continue;
			size_t a = strspn(value, " \t\n"), z = len;
			while (z > a && strchr(" \t\n", value[z - 1]))
				z--;
			size_t q = !strncmp(value + a, "\"\"\"", 3) ? 3 : value[a] == '"' ? 1 : 0;
			bool closed = !q || (z - a >= 2 * q && !memcmp(value + z - q, value + a, q));
			if (!closed && value[len])
				continue;
			assert_true(closed);
			snprintf(out[n++].value, sizeof out[0].value, "%.*s", (int)(z - a - 2 * q), value + a + q);
			text = value + len + (value[len] == '\n');
			break;
		}
	}
	return n;
}

static char notes[4][256];
static size_t n_notes;

static void take_note(void *ctx, const char *line)
{
	(void)ctx;
	assert_true(n_notes < 4);
	snprintf(notes[n_notes++], sizeof notes[0], "%s", line);
}

/* A container of a vocabulary alone; ids below 0 are left out. */
static struct fox_gguf *vocab(const char *const *tokens, size_t n, int eos, int eot, const char *template)
{
	struct fox_gguf_writer *w;
	struct fox_gguf *g;
	struct fox_err err = {0};
	struct fox_str list[8];
	const char *path = test_path("v.gguf");
	for (size_t i = 0; i < n; i++)
		list[i] = fox_str_of(tokens[i]);
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "general.architecture", fox_str_of("llama"), &err), &err);
	assert_fox_ok(fox_gguf_put_strings(w, "tokenizer.ggml.tokens", list, n, &err), &err);
	if (eos >= 0)
		assert_fox_ok(fox_gguf_put_u32(w, "tokenizer.ggml.eos_token_id", (uint32_t)eos, &err), &err);
	if (eot >= 0)
		assert_fox_ok(fox_gguf_put_u32(w, "tokenizer.ggml.eot_token_id", (uint32_t)eot, &err), &err);
	if (template)
		assert_fox_ok(fox_gguf_put_str(w, "tokenizer.chat_template", fox_str_of(template), &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	unlink(path);
	n_notes = 0;
	return g;
}

static void test_plain(void **state)
{
	(void)state;
	static const char *const tokens[] = {"<s>", "</s>", "<|im_end|>"};
	struct command c[8];
	struct fox_buf b = {0};
	struct fox_err err = {0};
	struct fox_gguf *g = vocab(tokens, 3, 1, 2, "{{ x }}");
	assert_fox_ok(fox_modelfile_write(&b, g, fox_str_of("a b.gguf"),
	                  fox_str_of("You may.\n\nFROM ./evil\n\"x\"\n"), take_note, NULL, &err),
	    &err);
	assert_int_equal(read_back(b.p, c, 8), 4);
	assert_string_equal(c[0].name, "FROM");
	assert_string_equal(c[0].value, "./a b.gguf");
	assert_string_equal(c[1].name, "PARAMETER stop");
	assert_string_equal(c[1].value, "</s>");
	assert_string_equal(c[2].value, "<|im_end|>");
	assert_string_equal(c[3].name, "LICENSE");
	assert_string_equal(c[3].value, "You may.\n\nFROM ./evil\n\"x\"\n");
	assert_int_equal(n_notes, 0);
	assert_non_null(strstr(b.p, "# no TEMPLATE"));
	fox_buf_free(&b);
	fox_gguf_close(g);
}

/* Texts that begin or end with quotes, hold line ends or look like commands come back as they are; or they are left out. */
static void test_texts(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool kept;
	} rows[] = {
	    {"\"", true},
	    {"\"\"", true},
	    {"\"\"\"", false},
	    {"a\"\"\"\nFROM ./evil\n", false},
	    {"\"a\"", true},
	    {"\"\"a\"\"", true},
	    {"\"\"\na\n\"\"", true},
	    {"\"\"\n\"", true},
	    {" a ", true},
	    {"\n", true},
	    {"\na", true},
	    {"#no comment", true},
	    {"PARAMETER stop x", true},
	    {"</s>\n\nFROM ./evil", true},
	    {"\xef\xbd\x9c\xe2\x96\x81", true}, /* U+FF5C, U+2581: DeepSeek's */
	    {"a\x01", false},
	    {"a\xc2\xa0", false},          /* U+00A0 */
	    {"\"\xe2\x80\x8b\"\"", false}, /* U+200B: dropped, and then there are three */
	    {"a\xff", false},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct command c[4];
		struct fox_buf b = {0};
		struct fox_err err = {0};
		struct fox_gguf *g = vocab(&rows[i].text, 1, 0, 0, NULL);
		assert_fox_ok(
		    fox_modelfile_write(&b, g, fox_str_of("m"), (struct fox_str){0}, take_note, NULL, &err), &err);
		assert_int_equal(
		    read_back(b.p, c, 4), rows[i].kept ? 2 : 1); /* eos and eot are one token: one line */
		if (rows[i].kept)
			assert_string_equal(c[1].value, rows[i].text);
		assert_int_equal(n_notes, rows[i].kept ? 0 : 1);
		fox_buf_free(&b);
		fox_gguf_close(g);
	}
}

static void test_license(void **state)
{
	(void)state;
	static const char *const tokens[] = {"a"};
	struct fox_buf b = {0};
	struct fox_err err = {0};
	struct fox_gguf *g = vocab(tokens, 1, -1, -1, NULL);
	assert_fox_ok(
	    fox_modelfile_write(&b, g, fox_str_of("m"), fox_str_of("x\"\"\"\nFROM y"), take_note, NULL, &err),
	    &err);
	assert_null(strstr(b.p, "LICENSE"));
	assert_string_equal(notes[0], "the licence's text has three quotes in a row: left out");
	fox_buf_clear(&b);
	n_notes = 0;
	assert_fox_ok(
	    fox_modelfile_write(&b, g, fox_str_of("m"), fox_str_of("page\fbreak"), take_note, NULL, &err), &err);
	assert_non_null(strstr(b.p, "LICENSE \"\"\"page\fbreak\"\"\""));
	fox_buf_free(&b);
	fox_gguf_close(g);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const tokens[] = {"a"}, *const names[] = {
	                                               "a\nFROM b", "a\xe2\x80\xae.gguf", "a\"\"\"b", "", ".."};
	struct fox_buf b = {0};
	struct fox_err err = {0};
	struct fox_gguf *g = vocab(tokens, 1, 7, -1, NULL);
	assert_int_equal(
	    fox_modelfile_write(&b, g, fox_str_of("m"), (struct fox_str){0}, NULL, NULL, &err), FOX_E_FORMAT);
	assert_fox_err(
	    &err, FOX_E_FORMAT, FOX_NOWHERE, "key 'tokenizer.ggml.eos_token_id' is 7, which is no token");
	for (size_t i = 0; i < FOX_COUNT(names); i++) {
		struct fox_err e = {0};
		assert_int_equal(
		    fox_modelfile_write(&b, g, fox_str_of(names[i]), (struct fox_str){0}, NULL, NULL, &e),
		    FOX_E_FORMAT);
	}
	fox_gguf_close(g);
	struct command c[4];
	struct fox_err e = {0};
	g = vocab(tokens, 1, -1, -1, NULL);
	fox_buf_clear(&b);
	assert_fox_ok(fox_modelfile_write(&b, g, fox_str_of("m.gguf "), (struct fox_str){0}, NULL, NULL, &e), &e);
	assert_int_equal(read_back(b.p, c, 4), 1);
	assert_string_equal(c[0].value, "./m.gguf ");
	fox_buf_free(&b);
	fox_gguf_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_license),
	    cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
