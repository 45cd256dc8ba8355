/* t_modelcard.c - front matter to keys: what is read, what is left out and why, and what hostile text cannot
 * make of it. */
#include "tests/test.h"

#include <sys/stat.h>

#include "convert/modelcard.h"

static struct fox_arena arena;
static char notes[4096];

static void note(void *ctx, const char *line)
{
	(void)ctx;
	size_t n = strlen(notes);
	snprintf(notes + n, sizeof notes - n, "%s\n", line);
}

static struct fox_modelcard card_of(struct fox_str text)
{
	struct fox_modelcard c;
	struct fox_err err = {0};
	notes[0] = 0;
	fox_arena_free(&arena);
	assert_fox_ok(fox_modelcard_parse(&c, text, &arena, note, NULL, &err), &err);
	return c;
}

static struct fox_modelcard card(const char *body)
{
	static char text[8192];
	snprintf(text, sizeof text, "---\n%s---\n# about\n", body);
	return card_of(fox_str_of(text));
}

static void is(struct fox_str s, const char *want)
{
	assert_non_null(s.p);
	char got[512];
	snprintf(got, sizeof got, "%.*s", (int)s.n, s.p);
	assert_string_equal(got, want);
}

/* "a|b|c" */
static void list_is(struct fox_card_list l, const char *want)
{
	char got[512] = "";
	for (size_t i = 0; i < l.n; i++) {
		size_t n = strlen(got);
		snprintf(got + n, sizeof got - n, "%s%.*s", i ? "|" : "", (int)l.items[i].n, l.items[i].p);
	}
	assert_string_equal(got, want);
}

static bool is_empty(const struct fox_modelcard *c)
{
	for (size_t i = 0; i < FOX_CARD_FIELDS; i++)
		if (c->field[i].n)
			return false;
	return !c->tags.n && !c->languages.n && !c->base_models.given && !c->datasets.given;
}

static void scalars_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *line, *want;
	} rows[] = {
	    {"license: cc0-1.0\n", "cc0-1.0"},
	    {"license: mit # permissive\n", "mit"},
	    {"license:   two words  \n", "two words"},
	    {"license : a#b\n", "a#b"},
	    {"license: \"a: b # \\\"c\\\" \\u00e9\\n\"\n", "a: b # \"c\" \xc3\xa9\n"},
	    {"license: 'it''s'\n", "it's"},
	    {"license: ''\n", ""},
	    {"license: http://x.org:80/a\n", "http://x.org:80/a"},
	    {"license:\ta\tb\n", "a  b"},
	    {"license: [mit, apache-2.0]\n", "mit,apache-2.0"},
	    {"license:\n- mit\n# between\n\n- 'x y'\n", "mit,x y"},
	    {"license: -1a\n", "-1a"},
	    {"license: 1.0.0\n", "1.0.0"},
	    {"license: 089\n", "089"},
	    {"license: 1:60\n", "1:60"},
	    {"license: 1e5\n", "1e5"},
	    {"license: 0x\n", "0x"},
	    {"license: 2024-1-1\n", "2024-1-1"},
	    {"license: nope\n", "nope"},
	    {"other: x\nlicense: mit\n", "mit"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_modelcard c = card(rows[i].line);
		assert_string_equal(notes, "");
		is(c.field[FOX_CARD_LICENSE], rows[i].want);
	}
}

static void what_is_no_text_is_left_out(void **state)
{
	(void)state;
	static const struct {
		const char *value, *why;
	} rows[] = {
	    {"no", "is true or false in YAML, not text"},
	    {"On", "is true or false in YAML, not text"},
	    {"1", "is a number, not text"},
	    {"-1_000", "is a number, not text"},
	    {"017", "is a number, not text"},
	    {"0b1", "is a number, not text"},
	    {"+0xfF", "is a number, not text"},
	    {"1.", "is a number, not text"},
	    {"1.5e+3", "is a number, not text"},
	    {".5", "is a number, not text"},
	    {"-.inf", "is a number, not text"},
	    {".NaN", "is a number, not text"},
	    {"1:59", "is a number, not text"},
	    {"1:59.5", "is a number, not text"},
	    {"2024-01-31", "is a date, not text"},
	    {"2024-1-1 00:00:00", "is a date, not text"},
	    {"a: b", "is a mapping, which is not read"},
	    {"{a: b}", "is a mapping, which is not read"},
	    {"\n  a: b", "is a mapping, which is not read"},
	    {"\n- a: b", "is a mapping, which is not read"},
	    {"\n- [a]", "holds more than text"},
	    {"\n- a\n-", "holds null"},
	    {"\n- a\n- no ", "is true or false in YAML, not text"},
	    {"[a, [b]]", "holds more than text"},
	    {"[a, 1]", "is a number, not text"},
	    {"[a, , b]", "holds more than text"},
	    {"[a\n  b]", "is not read"},
	    {"|\n  mit", "is not read"},
	    {"*alias", "is not read"},
	    {"- a", "is not read"},
	    {"@a", "is not read"},
	    {"mit\n  or more", "runs over several lines"},
	    {"\"mit\n  or more\"", "runs over several lines"},
	    {"\"\\q\"", "has an escape that is not read"},
	    {"\"\\u0000\"", "has an escape that is not read"},
	    {"\"\\ud800\"", "has an escape that is not read"},
	    {"\"\\U00110000\"", "has an escape that is not read"},
	    {"\"\\x4\"", "has an escape that is not read"},
	    {"mit\nlicense: mit", "is given twice"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		char body[256], want[256];
		bool twice = !strcmp(rows[i].why, "is given twice");
		snprintf(body, sizeof body, "license: %s\nlanguage: en\n", rows[i].value);
		snprintf(
		    want, sizeof want, "README.md: 'license' in line %d %s: left out\n", twice ? 3 : 2, rows[i].why);
		struct fox_modelcard c = card(body);
		assert_string_equal(notes, want);
		assert_int_equal(c.field[FOX_CARD_LICENSE].n, 0);
		list_is(c.languages, "en"); /* the rest is still read */
	}
}

static void unreadable_front_matter_is_left_out_whole(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		unsigned line;
		const char *why;
	} rows[] = {
	    {"license: mit\nx: \"a\nlicense: fake\n\"\n", 3, "a quoted text does not end in its value"},
	    {"license: mit\nw:\n- t: 'a\nlicense: fake\n  '\n", 4, "a quoted text does not end in its value"},
	    {"license: mit\nx: [a,\nb]\n", 4, "a list or mapping goes on at the left margin"},
	    {"license: mit\nw:\n- {a: [b,\nlicense: fake}\n", 5, "a list or mapping goes on at the left margin"},
	    {"license: mit\nx: [a\n", 4, "a list or mapping is not closed"},
	    {"license: mit\ntext\n", 3, "a line at the left margin that is no 'key: value'"},
	    {"license: mit\n- a\n", 3, "a line at the left margin that is no 'key: value'"},
	    {"license: mit\n...\n", 3, "a line at the left margin that is no 'key: value'"},
	    {"license: mit\n\"license\": x\n", 3, "a line at the left margin that is no 'key: value'"},
	    {"license: mit\n? a\n: b\n", 3, "a line at the left margin that is no 'key: value'"},
	    {"license: mit\n<<: {license: x}\n", 3, "a line at the left margin that is no 'key: value'"},
	    {"license: mit\nx: !t \"a\n", 3, "a tag, anchor or complex key"},
	    {"license: mit\nx: \"a\" b\nname: \"a\" b\n", 4, "text after a value"},
	    {"  license: mit\n", 2, "the first key is indented"},
	    {"license: mit\nx: a\x01\n", 3, "more than text: a control character, or no UTF-8"},
	    {"license: mit\nx: \xff\n", 3, "more than text: a control character, or no UTF-8"},
	    {"license: mit\xe2\x80\xa8name: x\n", 2, "a character that ends a line for some readers"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		char want[256];
		struct fox_modelcard c = card(rows[i].body);
		assert_true(is_empty(&c));
		snprintf(want, sizeof want, "README.md: line %u: %s: its front matter is left out\n", rows[i].line,
		    rows[i].why);
		assert_string_equal(notes, want);
	}
}

static void without_front_matter_nothing_is_said(void **state)
{
	(void)state;
	static const char *const rows[] = {"", "-", "---", "# fox\n", "--- \nlicense: mit\n---\n",
	    "\xef\xbb\xbf---\nlicense: mit\n---\n", "\n---\nlicense: mit\n---\n", "---\n---\n"};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_modelcard c = card_of(fox_str_of(rows[i]));
		assert_string_equal(notes, "");
		assert_true(is_empty(&c));
	}
	struct fox_modelcard c = card_of(fox_str_of("---\nlicense: mit\n"));
	assert_true(is_empty(&c));
	assert_non_null(strstr(notes, "front matter without end"));
	c = card_of(fox_str_of("---\r\nlicense: mit\r\n---"));
	is(c.field[FOX_CARD_LICENSE], "mit");
	c = card_of(fox_str_of("---\rlicense: mit\r---\r"));
	is(c.field[FOX_CARD_LICENSE], "mit");
}

static void size_is_bounded(void **state)
{
	(void)state;
	enum { N = 70000 };
	char *t = malloc(N);
	memset(t, '\n', N);
	memcpy(t, "---\nlicense: mit\n", 17);
	memcpy(t + 60000, "---\n", 4);
	struct fox_modelcard c = card_of((struct fox_str){t, N});
	is(c.field[FOX_CARD_LICENSE], "mit");
	memset(t + 60000, '\n', 4);
	memcpy(t + 66000, "---\n", 4);
	c = card_of((struct fox_str){t, N});
	assert_true(is_empty(&c));
	assert_non_null(strstr(notes, "front matter of more than 64 KiB"));
	memset(t + 17, '[', 60000); /* as deep as it gets */
	memcpy(t + 14, "\nx: ", 4);
	c = card_of((struct fox_str){t, N});
	assert_true(is_empty(&c));
	size_t n = (size_t)snprintf(t, N, "---\ndatasets:\n");
	for (size_t i = 0; i < 1025; i++)
		n += (size_t)snprintf(t + n, N - n, "- a\n");
	n += (size_t)snprintf(t + n, N - n, "---\n");
	c = card_of((struct fox_str){t, n});
	assert_false(c.datasets.given);
	assert_string_equal(notes, "README.md: 'datasets' in line 2 has more than 1024 entries: left out\n");
	free(t);
}

static void lists_follow_the_keys_order(void **state)
{
	(void)state;
	struct fox_modelcard c =
	    card("pipeline_tag: text-generation\ntags:\n  - a\n  - \"b, c\"\nlanguage: [en,\n"
	         "  no-bokmaal , 'de']\nlanguages: xx\n");
	assert_string_equal(notes, "");
	list_is(c.tags, "a|b, c|text-generation");
	list_is(c.languages, "xx|en|no-bokmaal|de");
	c = card("language:\n- en\n- no\n");
	list_is(c.languages, "en|no");
	c = card("language: [en, no]\npipeline_tag: x\n");
	list_is(c.languages, "");
	assert_string_equal(
	    notes, "README.md: 'language' in line 2 is true or false in YAML, not text: left out\n");
	list_is(c.tags, "x");
}

static void the_first_of_several_spellings_counts(void **state)
{
	(void)state;
	struct fox_modelcard c =
	    card("model_creator: c\nmodel_author: b\nauthor: ~\nmodel_type: t\nurl: u\nmodel_url: v\n");
	is(c.field[FOX_CARD_AUTHOR], "b");
	is(c.field[FOX_CARD_BASENAME], "t");
	is(c.field[FOX_CARD_SOURCE_URL], "u");
	c = card("base_models: b\nbase_model: null\ndataset: d\ndatasets:\n");
	assert_true(c.base_models.given && !c.base_models.n);
	assert_true(c.datasets.given && !c.datasets.n);
	c = card("author: 5\nmodel_author: b\n");
	assert_int_equal(c.field[FOX_CARD_AUTHOR].n, 0);
	is(fox_modelcard_pick(&c, FOX_CARD_NAME, fox_str_of("other")), "other");
	is(fox_modelcard_pick(NULL, FOX_CARD_NAME, fox_str_of("other")), "other");
	is(fox_modelcard_pick(&c, FOX_CARD_AUTHOR, fox_str_of("other")), "");
}

static void text_below_a_value_is_never_a_key(void **state)
{
	(void)state;
	struct fox_modelcard c =
	    card("extra: |-\n  license: fake\n  \"open\n\nwidget:\n- text: >\n    'open\n  b: \"c\n    "
	         "license: x\n    # no comment\"\n- {a: \"}\", b: [',', \"\\\"\"]} # c\n- - 'x'\n"
	         "  license: fake\nplain: it's [fine\nlicense: mit\n");
	assert_string_equal(notes, "");
	is(c.field[FOX_CARD_LICENSE], "mit");
}

static void ids_must_be_plain(void **state)
{
	(void)state;
	struct fox_modelcard c = card("base_model: [a/b, \"caf\\u00e9/x\"]\n");
	assert_false(c.base_models.given);
	assert_string_equal(
	    notes, "README.md: 'base_model' in line 2 has a name that is not plain ASCII: left out\n");
	c = card("datasets: a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a\n");
	assert_string_equal(notes, "README.md: 'datasets' in line 2 has a name that is too long: left out\n");
}

/* ---- keys, read back from a container */

static struct fox_gguf *written(const char *body, const char *name)
{
	struct fox_err err = {0};
	struct fox_gguf_writer *w;
	struct fox_gguf *g;
	struct fox_modelcard c = card(body);
	const char *path = test_path(name);
	const uint64_t dim[1] = {1};
	const float zero = 0;
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_modelcard_put(&c, 7000000000u, w, &arena, &err), &err);
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("t"), FOX_F32, 1, dim, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	assert_fox_ok(fox_gguf_write_data(w, 0, 0, &zero, sizeof zero, &err), &err);
	struct fox_hash128 h = {{0}};
	fox_gguf_set_hash(w, 0, h);
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	return g;
}

/* "key=value" of every general.* key, in order */
static void keys_are(const char *body, const char *name, const char *want)
{
	struct fox_buf b = {0};
	struct fox_gguf *g = written(body, name);
	for (size_t i = 0; i < fox_gguf_keys(g); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(g, i);
		struct fox_str s;
		uint64_t cursor = 0, u;
		if (!fox_str_starts(kv->key, "general."))
			continue;
		fox_buf_fmt(&b, "%.*s=", (int)kv->key.n - 8, kv->key.p + 8);
		if (fox_gguf_item_u64(g, kv, 0, &u))
			fox_buf_fmt(&b, "%llu ", (unsigned long long)u);
		else
			while (fox_gguf_next_str(g, kv, &cursor, &s))
				fox_buf_fmt(&b, "'%.*s' ", (int)s.n, s.p);
	}
	assert_string_equal(b.p ? b.p : "", want);
	fox_buf_free(&b);
	fox_gguf_close(g);
}

static void keys_are_those_of_other_converters(void **state)
{
	(void)state;
	keys_are("license: other\nlicense_name: n\nlicense_link: ''\nlanguage: en\npipeline_tag: x\ntags: []\n"
	         "author: me\nrepo_url: r\nname: not here\n",
	    "a", "author='me' license='other' license.name='n' source.repo_url='r' tags='x' languages='en' ");
	keys_are("base_model: meta-llama/Llama-2-7b-hf\n", "b",
	    "base_model.count=1 base_model.0.name='Llama 2 7b Hf' base_model.0.organization='Meta Llama' "
	    "base_model.0.repo_url='https://huggingface.co/meta-llama/Llama-2-7b-hf' ");
	keys_are(
	    "base_model:\n- https://huggingface.co/o/n-v0.2\n- https://huggingface.co/o/n/tree\n- ssh://a/b\n"
	    "- A plain name\n- ./x/y\n- /z\n- ''\n",
	    "c",
	    "base_model.count=7 base_model.0.name='N v0.2' base_model.0.version='v0.2' "
	    "base_model.0.organization='O' base_model.0.repo_url='https://huggingface.co/o/n-v0.2' "
	    "base_model.1.repo_url='https://huggingface.co/o/n/tree' base_model.2.repo_url='ssh://a/b' "
	    "base_model.3.name='A Plain Name' base_model.4.name='X/Y' base_model.5.name='Z' "
	    "base_model.5.repo_url='https://huggingface.co//z' ");
	keys_are("datasets:\nbase_model: []\n", "d", "base_model.count=0 dataset.count=0 ");
}

static void a_checkpoint_may_have_none(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *src;
	struct fox_modelcard c;
	assert_fox_ok(fox_source_open(&src, "tests/demo", false, &err), &err);
	assert_fox_ok(fox_modelcard_load(&c, src, &arena, note, NULL, &err), &err);
	is(c.field[FOX_CARD_LICENSE], "cc0-1.0");
	list_is(c.languages, "en");
	bool recorded = false;
	for (size_t i = 0; i < fox_source_files(src); i++)
		recorded |= fox_str_is(fox_source_file(src, i)->name, "README.md");
	assert_true(recorded);
	fox_source_close(src);
	const char *dir = test_path("plain");
	mkdir(dir, 0777);
	assert_fox_ok(fox_source_open(&src, dir, false, &err), &err);
	assert_fox_ok(fox_modelcard_load(&c, src, &arena, note, NULL, &err), &err);
	assert_true(is_empty(&c));
	fox_source_close(src);
	char *big = calloc(FOX_MODELCARD_MAX_BYTES + 1, 1);
	test_write(test_path("plain/README.md"), big, FOX_MODELCARD_MAX_BYTES + 1);
	free(big);
	notes[0] = 0;
	assert_fox_ok(fox_source_open(&src, dir, false, &err), &err);
	assert_fox_ok(fox_modelcard_load(&c, src, &arena, note, NULL, &err), &err);
	assert_non_null(strstr(notes, "README.md is left out: "));
	assert_true(is_empty(&c));
	fox_source_close(src);
	fox_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scalars_are_read),
	    cmocka_unit_test(what_is_no_text_is_left_out),
	    cmocka_unit_test(unreadable_front_matter_is_left_out_whole),
	    cmocka_unit_test(without_front_matter_nothing_is_said),
	    cmocka_unit_test(size_is_bounded),
	    cmocka_unit_test(lists_follow_the_keys_order),
	    cmocka_unit_test(the_first_of_several_spellings_counts),
	    cmocka_unit_test(text_below_a_value_is_never_a_key),
	    cmocka_unit_test(ids_must_be_plain),
	    cmocka_unit_test(keys_are_those_of_other_converters),
	    cmocka_unit_test(a_checkpoint_may_have_none),
	};
	return cmocka_run_group_tests_name("modelcard", tests, NULL, NULL);
}
