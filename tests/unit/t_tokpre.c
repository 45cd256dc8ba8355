/* llama.cpp's names of pre-tokenizers: a pipeline gets its name, a name gives a pipeline back, and what differs in
 * one flag has no name. */
#include "tests/test.h"

#include "format/tokpre.h"

#define CL100K                                                                                               \
	"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| "                   \
	"?[^\\\\s\\\\p{L}\\\\p{N}]+"                                                                             \
	"[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define QWEN2                                                                                                \
	"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| "                        \
	"?[^\\\\s\\\\p{L}\\\\p{N}]+"                                                                             \
	"[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define SPLIT(regex)                                                                                         \
	"{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\",\"invert\":false}"
#define KEEP(regex)                                                                                          \
	"{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Removed\",\"invert\":true}"
#define BYTES(prefix, regex)                                                                                 \
	"{\"type\":\"ByteLevel\",\"add_prefix_space\":" prefix ",\"trim_offsets\":true,\"use_regex\":" regex "}"
#define DIGITS(one) "{\"type\":\"Digits\",\"individual_digits\":" one "}"

/* before: JSON members ahead of the pre_tokenizer; steps: its list; flags: members of the model */
static const char *name_of(const char *before, const char *steps, const char *flags, const char *arch)
{
	struct fox_buf json = {0};
	struct fox_tokspec spec;
	struct fox_err err = {0};
	fox_buf_fmt(&json,
	    "{%s\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[%s]},\"model\":{\"type\":\"BPE\"%s}}",
	    before, steps, flags);
	assert_fox_ok(fox_tokspec_parse(&spec, fox_buf_view(&json), 10, &err), &err);
	const char *name = fox_tokpre_name(&spec, arch);
	fox_tokspec_free(&spec);
	fox_buf_free(&json);
	return name ? name : "none";
}

#define MERGES ",\"ignore_merges\":true"
#define NFC "\"normalizer\":{\"type\":\"NFC\"},"

static void names(void **state)
{
	(void)state;
	assert_string_equal(name_of("", BYTES("false", "true"), "", NULL), "gpt-2");
	assert_string_equal(name_of("", BYTES("false", "true"), "", "phi2"), "phi-2");
	assert_string_equal(name_of("", BYTES("false", "true"), "", "llama"), "gpt-2");
	assert_string_equal(name_of(NFC, SPLIT(QWEN2) "," BYTES("false", "false"), "", "qwen2"), "qwen2");
	assert_string_equal(name_of(NFC, SPLIT(QWEN2) "," BYTES("false", "false"), "", "stablelm"), "stablelm2");
	assert_string_equal(name_of("", SPLIT(CL100K) "," BYTES("false", "false"), MERGES, "llama"), "llama-bpe");
	assert_string_equal(name_of("", SPLIT(CL100K) "," BYTES("false", "false"), MERGES, "glm4"), "glm4");
	assert_string_equal(name_of("", SPLIT(CL100K) "," BYTES("false", "false"), "", "olmo2"), "dbrx");
	assert_string_equal(name_of("", KEEP(CL100K) "," BYTES("false", "false"), "", "phi3"), "dbrx");
	assert_string_equal(name_of("", DIGITS("true") "," BYTES("false", "true"), "", "llama"), "smollm");
	assert_string_equal(
	    name_of("", DIGITS("true") "," BYTES("false", "true"), "", "starcoder2"), "starcoder");
	assert_string_equal(
	    name_of(NFC, DIGITS("true") "," BYTES("false", "true"), "", "command-r"), "command-r");
	/* the two spellings of BLOOM's set */
#define MARKS ".,!?\xE2\x80\xA6\xE3\x80\x82\xEF\xBC\x8C\xE3\x80\x81\xE0\xA5\xA4\xDB\x94\xD8\x8C"
	assert_string_equal(
	    name_of("", SPLIT(" ?[^(\\\\s|[" MARKS "])]+") "," BYTES("false", "false"), "", "bloom"), "bloom");
	assert_string_equal(
	    name_of("", SPLIT(" ?[^(\\\\s|" MARKS ")]+") "," BYTES("false", "false"), "", "bloom"), "bloom");
	/* a line break as itself or as its escape */
#define CODER(breaks)                                                                                        \
	SPLIT(breaks)                                                                                            \
	"," SPLIT("\\\\s?\\\\p{L}+") "," SPLIT(                                                                  \
	    "\\\\s?\\\\p{P}+") "," SPLIT("[\xE4\xB8\x80-\xE9\xBE\xA5\xE0\xA0\x80-\xE4\xB8\x80\xEA\xB0\x80-"      \
	                                 "\xED\x9F\xBF]+") "," DIGITS("true") "," BYTES("false", "false")
	assert_string_equal(name_of("", CODER("[\\r\\n]"), "", "llama"), "deepseek-coder");
	assert_string_equal(name_of("", CODER("[\\\\r\\\\n]"), "", "llama"), "deepseek-coder");
	assert_string_equal(name_of("",
	                        "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}," BYTES(
	                            "false", "true") "," DIGITS("false") "," SPLIT("[0-9][0-9][0-9]"),
	                        "", "falcon"),
	    "falcon");
}

static void no_name(void **state)
{
	(void)state;
	assert_string_equal(name_of("", BYTES("true", "true"), "", NULL), "none");
	assert_string_equal(name_of("", BYTES("false", "false"), "", NULL), "none");
	assert_string_equal(name_of("", BYTES("false", "true"), MERGES, NULL), "none");
	assert_string_equal(name_of("", BYTES("false", "true"), ",\"byte_fallback\":true", NULL), "none");
	assert_string_equal(
	    name_of("\"normalizer\":{\"type\":\"NFKC\"},", BYTES("false", "true"), "", NULL), "none");
	assert_string_equal(name_of("", DIGITS("false") "," BYTES("false", "true"), "", NULL), "none");
	assert_string_equal(name_of("", SPLIT(QWEN2 "x") "," BYTES("false", "false"), "", NULL), "none");
	assert_string_equal(name_of("", SPLIT(QWEN2), "", NULL), "none");
	assert_string_equal(name_of("", KEEP("[0-9][0-9][0-9]") "," BYTES("false", "false"), "", NULL), "none");
	/* what falcon isolates, it would lose if only the matches were kept */
	assert_string_equal(name_of("",
	                        "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}," BYTES(
	                            "false", "true") "," DIGITS("false") "," KEEP("[0-9][0-9][0-9]"),
	                        "", "falcon"),
	    "none");
	assert_string_equal(name_of("",
	                        "{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}," BYTES(
	                            "false", "true") "," DIGITS("false") "," SPLIT("[0-9][0-9][0-9]"),
	                        "", "falcon"),
	    "none");
}

static void known(void **state)
{
	(void)state;
	assert_true(fox_tokpre_known(fox_str_of("qwen2")) && fox_tokpre_known(fox_str_of("kimi-k2")));
	assert_false(fox_tokpre_known(fox_str_of("default")) || fox_tokpre_known(fox_str_of("")));
	assert_true(fox_tokpre_adds_bos(fox_str_of("llama-bpe")) && fox_tokpre_adds_bos(fox_str_of("tekken")));
	assert_false(fox_tokpre_adds_bos(fox_str_of("qwen2")) || fox_tokpre_adds_bos(fox_str_of("nothing")));
}

/* A foreign container of four pieces. */
static struct fox_tokdata four(const char *pre)
{
	static struct fox_str piece[4];
	static int32_t type[4] = {FOX_TOK_NORMAL, FOX_TOK_CONTROL, FOX_TOK_USER, FOX_TOK_UNUSED};
	static const char *const texts[] = {"a", "<|end|>", "<t>", "[PAD3]"};
	struct fox_tokdata t;
	fox_tokdata_init(&t);
	fox_tokdata_set_model(&t, fox_str_of("gpt2"));
	for (int i = 0; i < 4; i++)
		piece[i] = fox_str_of(texts[i]);
	t.pre = pre;
	t.n = 4;
	t.piece = piece;
	t.type = type;
	t.bos = t.eos = 1;
	return t;
}

/* Every name that fox runs gives a pipeline whose name is the same again, or the first of its family. */
static void round_trips(void **state)
{
	static const char *const same[] = {"gpt-2", "llama-bpe", "dbrx", "qwen2", "qwen35", "jais-2", "smollm",
	    "gpt-4o", "tekken", "bloom", "viking", "deepseek-llm", "deepseek-coder", "deepseek-v3", "falcon",
	    "seed-coder", "bailingmoe", "ufakzeka", "exaone-moe", "minicpm5"};
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(same); i++) {
		struct fox_tokdata t = four(same[i]);
		struct fox_buf json = {0};
		struct fox_tokspec spec;
		struct fox_err err = {0};
		t.add_bos = true;
		assert_fox_ok(fox_tokpre_spec(&json, &t, &err), &err);
		assert_fox_ok(fox_tokspec_parse(&spec, fox_buf_view(&json), 4, &err), &err);
		assert_string_equal(fox_tokpre_name(&spec, NULL), same[i]);
		assert_true(spec.byte_level && spec.n_decode == 1 && spec.decode[0].kind == FOX_DECODE_BYTE_LEVEL);
		assert_true(spec.n_before == 1 && spec.before[0] == 1 && spec.n_after == 0);
		assert_int_equal(spec.n_added, 2);
		assert_true(spec.added[0].id == 1 && spec.added[0].special && !spec.added[0].normalized);
		assert_true(
		    spec.added[1].id == 2 && !spec.added[1].special && fox_str_is(spec.added[1].content, "<t>"));
		fox_tokspec_free(&spec);
		fox_buf_free(&json);
	}
}

static void exact_text(void **state)
{
	(void)state;
	struct fox_tokdata t = four("starcoder");
	struct fox_buf json = {0};
	struct fox_err err = {0};
	t.add_eos = true;
	assert_fox_ok(fox_tokpre_spec(&json, &t, &err), &err);
#define OFF "\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false"
	assert_string_equal(json.p,
	    "{\"added_tokens\":[{\"id\":1,\"content\":\"<|end|>\"," OFF ",\"special\":true},"
	    "{\"id\":2,\"content\":\"<t>\"," OFF ",\"special\":false}],"
	    "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
	    "{\"type\":\"Digits\",\"individual_digits\":true},"
	    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":true}]},"
	    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":["
	    "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"eos\",\"type_id\":0}}],"
	    "\"special_tokens\":{\"eos\":{\"ids\":[1]}}},"
	    "\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":"
	    "false},"
	    "\"model\":{\"type\":\"BPE\",\"ignore_merges\":false}}");
	fox_buf_free(&json);
}

static void refused(void **state)
{
	static const struct {
		const char *pre, *text;
	} cases[] = {
	    {NULL, "no 'tokenizer.ggml.pre', so how text is split is not known"},
	    {"default", "pre-tokenizer 'default' is not handled"},
	    {"nothing", "pre-tokenizer 'nothing' is not handled"},
	    {"kimi-k2", "pre-tokenizer 'kimi-k2' is not handled"}, /* known, but llama.cpp has code for it */
	};
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_tokdata t = four(cases[i].pre);
		struct fox_buf json = {0};
		struct fox_err err = {0};
		assert_int_equal(fox_tokpre_spec(&json, &t, &err), FOX_E_UNSUPPORTED);
		assert_fox_err(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE, cases[i].text);
		fox_buf_free(&json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(no_name),
	    cmocka_unit_test(known),
	    cmocka_unit_test(round_trips),
	    cmocka_unit_test(exact_text),
	    cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests_name("tokpre", tests, NULL, NULL);
}
