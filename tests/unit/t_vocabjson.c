/* vocab.json with merges.txt to a vocabulary, and a tokenizer from elsewhere: pipelines byte for byte, every refusal with
 * file and path. */
#include "tests/tok_import_make.h"

/* ---- vocab.json and merges.txt */

static void gpt2_files(const char *config, const char *vocab, const char *merges)
{
	src_folder("old");
	src_text("old/tokenizer_config.json", config);
	src_text("old/vocab.json", vocab);
	src_text("old/merges.txt", merges);
}

#define GPT2_SPEC(added, prefix, post)                                                                       \
	"{\"version\":\"1.0\",\"added_tokens\":[" added                                                          \
	"],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\","                                       \
	"\"add_prefix_space\":" prefix ",\"trim_offsets\":true,\"use_regex\":true},\"post_processor\":" post     \
	",\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":"    \
	"true},"                                                                                                 \
	"\"model\":{\"type\":\"BPE\"}}"

static void vocab_json(void **state)
{
	(void)state;
	struct held h;
	gpt2_files("{\"tokenizer_class\":\"GPT2Tokenizer\",\"added_tokens_decoder\":{\"4\":{\"content\":\"<y>\","
	           "\"lstrip\":true}}}",
	    "{\"a\":0,\"b\":1,\"ab\":2,\"<|endoftext|>\":3}\n", "#version: 0.2\r\na b\r\n\n");
	src_text("old/added_tokens.json", "{\"<z>\":5}");
	assert_fox_ok(import(&h, "old", 8, NULL), &h.err);
	assert_string_equal(h.t.model, "gpt2");
	assert_string_equal(h.t.pre, "gpt-2");
	assert_true(h.t.n_merges == 1 && fox_str_is(h.t.merge[0], "a b"));
	assert_true(h.t.type[3] == FOX_TOK_CONTROL && h.t.type[4] == FOX_TOK_USER &&
	            h.t.type[5] == FOX_TOK_USER && h.t.type[6] == FOX_TOK_UNUSED);
	assert_true(!h.t.add_bos && h.t.add_bos_given);
	assert_true(fox_str_is(
	    h.t.hf_spec, GPT2_SPEC(ADDED("3", "<|endoftext|>", "false",
	                               "true") ",{\"id\":4,\"content\":\"<y>\",\"single_word\":false,"
	                                       "\"lstrip\":true,\"rstrip\":false,\"normalized\":true,"
	                                       "\"special\":false}," ADDED("5", "<z>", "true", "false"),
	                     "false", "null")));
	drop(&h);
	src_text("old/added_tokens.json", "{}");
	gpt2_files("{\"tokenizer_class\":\"Qwen2TokenizerFast\",\"add_bos_token\":true,\"bos_token\":\"b\",\"eos_"
	           "token\":\"ab\"}",
	    "{\"a\":0,\"b\":1,\"ab\":2,\"<|endoftext|>\":3}", "a b\n");
	assert_fox_ok(import(&h, "old", 0, NULL), &h.err);
	assert_string_equal(h.t.pre, "qwen2");
	assert_true(h.t.n == 4 && h.t.bos == 1 && h.t.eos == 2 && h.t.add_bos && !h.t.add_eos);
	assert_true(h.t.type[1] == FOX_TOK_CONTROL && h.t.type[3] == FOX_TOK_CONTROL);
	drop(&h);
	/* Without a class, the model's own. */
	gpt2_files("{}", "{\"a\":0,\"b\":1,\"ab\":2,\"<|endoftext|>\":3}", "a b\n");
	assert_fox_ok(import_for("gpt2", &h, "old", 0, NULL), &h.err);
	assert_string_equal(h.t.pre, "gpt-2");
	drop(&h);
	assert_fox_ok(import_for("qwen3", &h, "old", 0, NULL), &h.err);
	assert_string_equal(h.t.pre, "qwen2");
	drop(&h);
	assert_int_equal(import_for("llama", &h, "old", 0, NULL), FOX_E_UNSUPPORTED);
	drop(&h);
}

static void vocab_json_refused(void **state)
{
	(void)state;
	static const struct {
		const char *config, *merges;
		enum fox_status code;
		uint64_t at;
		const char *file, *text;
	} cases[] = {
	    {"{}", "", FOX_E_UNSUPPORTED, FOX_NOWHERE, "vocab.json",
	        "no 'tokenizer_class' in tokenizer_config.json says how vocab.json is used"},
	    {"{\"tokenizer_class\":\"CodeGenTokenizer\"}", "", FOX_E_UNSUPPORTED, FOX_NOWHERE, "vocab.json",
	        "tokenizer_class 'CodeGenTokenizer' with vocab.json is not handled, want GPT2Tokenizer or "
	        "Qwen2Tokenizer"},
	    {"{\"tokenizer_class\":\"GPT2Tokenizer\"}", "a\n", FOX_E_FORMAT, 0, "merges.txt",
	        "'model.merges[0]' is 'a', want two texts"},
	    {"{\"tokenizer_class\":\"GPT2Tokenizer\"}", "a b\nb a\n", FOX_E_FORMAT, FOX_NOWHERE, "merges.txt",
	        "'model.merges[1]' makes 'ba', which is not in the vocabulary"},
	    {"{\"tokenizer_class\":\"GPT2Tokenizer\"}", "a \xff\n", FOX_E_FORMAT, 2, "merges.txt",
	        "ill-formed UTF-8"},
	    {"{\"tokenizer_class\":\"GPT2Tokenizer\",\"added_tokens_decoder\":{\"x\":{\"content\":\"y\"}}}", "",
	        FOX_E_FORMAT, FOX_NOWHERE, "tokenizer_config.json",
	        "'added_tokens_decoder.x' is not a token with an id"},
	    {"{\"tokenizer_class\":\"GPT2Tokenizer\",\"add_eos_token\":true}", "", FOX_E_FORMAT, FOX_NOWHERE,
	        "vocab.json",
	        "'add_eos_token' in tokenizer_config.json is true, but no such token is in the vocabulary"},
	};
	struct held h;
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		gpt2_files(cases[i].config, "{\"a\":0,\"b\":1,\"ab\":2}", cases[i].merges);
		assert_int_equal(import(&h, "old", 8, NULL), cases[i].code);
		assert_fox_err(&h.err, cases[i].code, cases[i].at, cases[i].text);
		assert_string_equal(h.err.file, cases[i].file);
		drop(&h);
	}
	src_text("old/added_tokens.json", "{\"x\":\"1\"}");
	gpt2_files("{\"tokenizer_class\":\"GPT2Tokenizer\"}", "{\"a\":0}", "");
	assert_int_equal(import(&h, "old", 8, NULL), FOX_E_FORMAT);
	assert_fox_err(&h.err, FOX_E_FORMAT, FOX_NOWHERE, "'x' is not a token with an id");
	assert_string_equal(h.err.file, "added_tokens.json");
	drop(&h);
	src_folder("half");
	src_text("half/vocab.json", "{}");
	assert_int_equal(import(&h, "half", 8, NULL), FOX_E_UNSUPPORTED);
	assert_fox_err(&h.err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "vocab.json without merges.txt");
	drop(&h);
}

/* ---- a tokenizer from elsewhere */

static void elsewhere(void **state)
{
	(void)state;
	struct held h;
	struct fox_source *other;
	struct fox_err err = {0};
	src_folder("bare");
	src_text("bare/generation_config.json", "{\"eos_token_id\":7}");
	folder("other", "{" BPE("{\"a\":0,\"b\":1}", "[]") "}");
	src_text("other/tokenizer_config.json", "{\"eos_token\":\"b\"}");
	src_text("other/generation_config.json", "{\"eos_token_id\":1}");
	assert_fox_ok(fox_source_open(&other, test_path("other"), false, &err), &err);
	struct fox_tok_options o = {.files = other};
	assert_fox_ok(import(&h, "bare", 2, &o), &h.err);
	assert_int_equal(h.t.eos, 1);
	/* generation_config.json is the model's, not the tokenizer's */
	assert_string_equal(
	    notes.p, "'eos_token_id' in generation_config.json does not hold 1, which the vocabulary says\n");
	size_t before = fox_source_files(h.src);
	assert_fox_ok(fox_source_adopt(h.src, other, "tokenizer", &err), &err);
	assert_int_equal(fox_source_files(h.src), before + 2);
	assert_true(fox_str_is(fox_source_file(h.src, before)->name, "tokenizer/tokenizer.json"));
	assert_true(fox_source_file(h.src, before)->has_sha256);
	assert_true(fox_str_is(fox_source_file(h.src, before + 1)->name, "tokenizer/tokenizer_config.json"));
	drop(&h);
	o.file = "tokenizer.txt";
	assert_int_equal(import(&h, "bare", 2, &o), FOX_E_UNSUPPORTED);
	assert_fox_err(&h.err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "tokenizer 'tokenizer.txt' is neither a .model nor a .json file");
	drop(&h);
	src_text("other/mine.json", "{" BPE("{\"x\":0}", "[]") "}");
	o.file = "mine.json";
	src_text("other/tokenizer_config.json", "{}");
	assert_fox_ok(import(&h, "bare", 1, &o), &h.err);
	assert_true(fox_str_is(h.t.piece[0], "x"));
	drop(&h);
	fox_source_close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vocab_json),
	    cmocka_unit_test(vocab_json_refused),
	    cmocka_unit_test(elsewhere),
	};
	return cmocka_run_group_tests_name("vocabjson", tests, NULL, done);
}
