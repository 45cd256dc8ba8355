/* A tokenizer.json's pipeline: every component and field is read into its place, everything else is refused with
 * its path. */
#include "tests/test.h"

#include "format/tokspec.h"

#define MODEL "\"model\":{\"type\":\"BPE\"}"

static enum fox_status parse(struct fox_tokspec *t, const char *json, struct fox_err *err)
{
	*err = (struct fox_err){0};
	return fox_tokspec_parse(t, fox_str_of(json), 10, err);
}

/* json: members before the model */
static void refused(const char *json, enum fox_status code, const char *text)
{
	struct fox_tokspec t;
	struct fox_err err;
	char whole[1024];
	snprintf(whole, sizeof whole, "{%s,%s}", json, MODEL);
	assert_int_equal(parse(&t, whole, &err), code);
	assert_fox_err(&err, code, FOX_NOWHERE, text);
	fox_tokspec_free(&t);
}

static void refused_model(const char *model, enum fox_status code, const char *text)
{
	struct fox_tokspec t;
	struct fox_err err;
	char whole[1024];
	snprintf(whole, sizeof whole, "{%s}", model);
	assert_int_equal(parse(&t, whole, &err), code);
	assert_fox_err(&err, code, FOX_NOWHERE, text);
	fox_tokspec_free(&t);
}

static void normalizers(void **state)
{
	(void)state;
	struct fox_tokspec t;
	struct fox_err err;
	assert_fox_ok(
	    parse(&t,
	        "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"NFD\"},"
	        "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKC\"},{\"type\":\"NFKD\"}]},"
	        "{\"type\":\"Lowercase\"},{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false},"
	        "{\"type\":\"StripAccents\"},{\"type\":\"Prepend\",\"prepend\":\"_\"},"
	        "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xE2\x96\x81\"},"
	        "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\"\"},"
	        "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AP9hYg==\"},{\"type\":\"Nmt\"},"
	        "{\"type\":\"ByteLevel\"}]}," MODEL "}",
	        &err),
	    &err);
	assert_int_equal(t.n_norm, 13);
	for (uint32_t i = 0; i < 5; i++) /* flattened, in their order */
		assert_int_equal(t.norm[i].kind, FOX_NORM_NFC + (int)i);
	assert_true(t.norm[5].kind == FOX_NORM_STRIP && t.norm[5].left && !t.norm[5].right);
	assert_int_equal(t.norm[6].kind, FOX_NORM_STRIP_ACCENTS);
	assert_true(t.norm[7].kind == FOX_NORM_PREPEND && fox_str_is(t.norm[7].content, "_"));
	assert_true(t.norm[8].kind == FOX_NORM_REPLACE && !t.norm[8].pattern.regex);
	assert_true(fox_str_is(t.norm[8].pattern.text, " ") && fox_str_is(t.norm[8].content, "\xE2\x96\x81"));
	assert_true(t.norm[9].pattern.regex && fox_str_is(t.norm[9].pattern.text, " {2,}"));
	assert_int_equal(t.norm[10].kind, FOX_NORM_PRECOMPILED);
	assert_int_equal(t.norm[10].charsmap.n, 4);
	assert_memory_equal(t.norm[10].charsmap.p,
	    "\x00\xff"
	    "ab",
	    4);
	assert_true(t.norm[11].kind == FOX_NORM_NMT && t.norm[12].kind == FOX_NORM_BYTE_LEVEL && t.byte_level);
	fox_tokspec_free(&t);
}

static void pre_tokenizers(void **state)
{
	(void)state;
	struct fox_tokspec t;
	struct fox_err err;
	assert_fox_ok(
	    parse(&t,
	        "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
	        "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a+\"},\"behavior\":\"Removed\",\"invert\":true},"
	        "{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":\"MergedWithNext\",\"invert\":"
	        "false},"
	        "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true},"
	        "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":false},"
	        "{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\",\"add_prefix_space\":true},"
	        "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"first\",\"split\":false,"
	        "\"str_rep\":\"_\"},"
	        "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"add_prefix_space\":false,\"prepend_scheme\":"
	        "\"never\"},"
	        "{\"type\":\"Digits\",\"individual_digits\":true},{\"type\":\"Punctuation\"},"
	        "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"},{\"type\":\"Whitespace\"},"
	        "{\"type\":\"WhitespaceSplit\"}]}," MODEL "}",
	        &err),
	    &err);
	assert_int_equal(t.n_pretok, 12);
	const struct fox_pretok *p = t.pretok;
	assert_true(p[0].kind == FOX_PRETOK_SPLIT && p[0].pattern.regex && p[0].invert);
	assert_true(p[0].behavior == FOX_SPLIT_REMOVED && fox_str_is(p[0].pattern.text, "a+"));
	assert_true(!p[1].pattern.regex && !p[1].invert && p[1].behavior == FOX_SPLIT_MERGED_WITH_NEXT);
	assert_true(p[2].kind == FOX_PRETOK_BYTE_LEVEL && p[2].add_prefix_space && p[2].use_regex);
	assert_true(!p[3].add_prefix_space && !p[3].use_regex && t.byte_level);
	assert_true(p[4].kind == FOX_PRETOK_METASPACE && p[4].prepend == FOX_PREPEND_ALWAYS && p[4].split);
	assert_true(fox_str_is(p[4].replacement, "\xE2\x96\x81"));
	assert_true(p[5].prepend == FOX_PREPEND_FIRST && !p[5].split);
	assert_int_equal(p[6].prepend, FOX_PREPEND_NEVER);
	assert_true(p[7].kind == FOX_PRETOK_DIGITS && p[7].individual_digits);
	assert_true(p[8].kind == FOX_PRETOK_PUNCTUATION && p[8].behavior == FOX_SPLIT_ISOLATED);
	assert_int_equal(p[9].behavior, FOX_SPLIT_CONTIGUOUS);
	assert_true(p[10].kind == FOX_PRETOK_WHITESPACE && p[11].kind == FOX_PRETOK_WHITESPACE_SPLIT);
	fox_tokspec_free(&t);
}

static void decoders(void **state)
{
	(void)state;
	struct fox_tokspec t;
	struct fox_err err;
	assert_fox_ok(parse(&t,
	                  "{\"decoder\":{\"type\":\"Sequence\",\"decoders\":["
	                  "{\"type\":\"Replace\",\"pattern\":{\"String\":\"_\"},\"content\":\" "
	                  "\"},{\"type\":\"ByteFallback\"},"
	                  "{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":2},"
	                  "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"never\"},"
	                  "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":"
	                  "true}]}," MODEL "}",
	                  &err),
	    &err);
	const struct fox_decode *d = t.decode;
	assert_int_equal(t.n_decode, 6);
	assert_true(d[0].kind == FOX_DECODE_REPLACE && fox_str_is(d[0].pattern.text, "_") &&
	            fox_str_is(d[0].content, " "));
	assert_true(d[1].kind == FOX_DECODE_BYTE_FALLBACK && d[2].kind == FOX_DECODE_FUSE);
	assert_true(
	    d[3].kind == FOX_DECODE_STRIP && fox_str_is(d[3].content, " ") && d[3].start == 1 && d[3].stop == 2);
	assert_true(d[4].kind == FOX_DECODE_METASPACE && d[4].prepend == FOX_PREPEND_NEVER);
	assert_true(
	    d[5].kind == FOX_DECODE_BYTE_LEVEL && !t.byte_level); /* decoding alone makes no byte-level model */
	fox_tokspec_free(&t);
}

static void ids(void **state)
{
	(void)state;
	struct fox_tokspec t;
	struct fox_err err;
	assert_fox_ok(
	    parse(&t,
	        "{\"version\":\"1.0\",\"truncation\":null,\"padding\":{\"pad_id\":3},\"added_tokens\":["
	        "{\"id\":9,\"content\":\"<x>\",\"single_word\":true,\"lstrip\":false,\"rstrip\":true,"
	        "\"normalized\":false,\"special\":true},"
	        "{\"id\":3,\"content\":\"<y>\",\"single_word\":false,\"lstrip\":true,\"rstrip\":false,"
	        "\"normalized\":true,\"special\":false}],"
	        "\"post_processor\":{\"type\":\"Sequence\",\"processors\":["
	        "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":false,\"use_regex\":true},"
	        "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"b\",\"type_id\":0}},"
	        "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"e\",\"type_id\":0}}],"
	        "\"pair\":[],\"special_tokens\":{\"e\":{\"id\":\"e\",\"ids\":[2],\"tokens\":[\"e\"]},"
	        "\"b\":{\"id\":\"b\",\"ids\":[1,5],\"tokens\":[\"b\",\"c\"]}}},"
	        "{\"type\":\"RobertaProcessing\",\"sep\":[\"s\",7],\"cls\":[\"c\",6],\"trim_offsets\":true,"
	        "\"add_prefix_space\":false}]},"
	        "\"model\":{\"type\":\"BPE\",\"dropout\":0.0,\"unk_token\":\"<unk>\",\"continuing_subword_"
	        "prefix\":\"\","
	        "\"end_of_word_suffix\":null,\"fuse_unk\":true,\"byte_fallback\":true,\"ignore_merges\":true}}",
	        &err),
	    &err);
	assert_int_equal(t.n_added, 2);
	assert_true(t.added[0].id == 9 && fox_str_is(t.added[0].content, "<x>") && t.added[0].single_word &&
	            !t.added[0].lstrip && t.added[0].rstrip && !t.added[0].normalized && t.added[0].special);
	assert_true(t.added[1].id == 3 && !t.added[1].single_word && t.added[1].lstrip && t.added[1].normalized &&
	            !t.added[1].special);
	assert_true(t.has_template && t.n_before == 3 && t.n_after == 2);
	assert_true(t.before[0] == 6 && t.before[1] == 1 && t.before[2] == 5);
	assert_true(t.after[0] == 2 && t.after[1] == 7);
	assert_true(t.model == FOX_TOKMODEL_BPE && fox_str_is(t.unk_token, "<unk>"));
	assert_true(t.fuse_unk && t.byte_fallback && t.ignore_merges);
	fox_tokspec_free(&t);
	assert_fox_ok(parse(&t, "{\"model\":{\"unk_id\":2,\"vocab\":[],\"byte_fallback\":true}}", &err), &err);
	assert_true(t.model == FOX_TOKMODEL_UNIGRAM && t.unk_id == 2 && t.byte_fallback && !t.has_template);
	fox_tokspec_free(&t);
	assert_fox_ok(parse(&t, "{\"model\":{\"type\":\"Unigram\",\"unk_id\":null,\"vocab\":[]}}", &err), &err);
	assert_true(t.unk_id == -1);
	fox_tokspec_free(&t);
	assert_fox_ok(parse(&t, "{\"model\":{\"dropout\":null,\"merges\":[]}}", &err), &err); /* as in 2020 */
	assert_true(t.model == FOX_TOKMODEL_BPE && !t.unk_token.n && !t.ignore_merges);
	fox_tokspec_free(&t);
}

static void unsupported(void **state)
{
	(void)state;
	refused("\"normalizer\":{\"type\":\"BertNormalizer\"}", FOX_E_UNSUPPORTED,
	    "'normalizer.type' is 'BertNormalizer', which is not handled");
	refused("\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Whitespace\"},"
	        "{\"type\":\"UnicodeScripts\"}]}",
	    FOX_E_UNSUPPORTED, "'pre_tokenizer.pretokenizers[1].type' is 'UnicodeScripts', which is not handled");
	refused("\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}", FOX_E_UNSUPPORTED,
	    "'decoder.type' is 'WordPiece', which is not handled");
	refused("\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"type\":\"X\"}]}", FOX_E_UNSUPPORTED,
	    "'post_processor.processors[0].type' is 'X', which is not handled");
	refused("\"post_processor\":{\"type\":\"Sequence\",\"processors\":[],\"x\":1}", FOX_E_UNSUPPORTED,
	    "'post_processor.x' is a field that is not handled");
	refused("\"post_processor\":{\"type\":\"ByteLevel\",\"x\":1}", FOX_E_UNSUPPORTED,
	    "'post_processor.x' is a field that is not handled");
	refused("\"normalizer\":{\"type\":\"NFC\",\"x\":1}", FOX_E_UNSUPPORTED,
	    "'normalizer.x' is a field that is not handled");
	refused("\"normalizer\":{\"type\":\"NFC\",\"prepend\":\"x\"}", FOX_E_UNSUPPORTED,
	    "'normalizer.prepend' is a field that is not handled");
	refused("\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"x\"}",
	    FOX_E_UNSUPPORTED, "'normalizer.pattern' is empty, which is not handled");
	refused("\"pre_tokenizer\":{\"type\":\"Punctuation\",\"behavior\":\"isolated\"}", FOX_E_UNSUPPORTED,
	    "'pre_tokenizer.behavior' is 'isolated', which is not handled");
	refused("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\",\"add_prefix_space\":false}",
	    FOX_E_UNSUPPORTED,
	    "'pre_tokenizer.add_prefix_space' is false, which contradicts the prepend_scheme 'always'");
	refused("\"decoder\":{\"type\":\"Metaspace\",\"replacement\":\"_\",\"add_prefix_space\":false,"
	        "\"prepend_scheme\":\"first\"}",
	    FOX_E_UNSUPPORTED,
	    "'decoder.add_prefix_space' is false, which contradicts the prepend_scheme 'first'");
	refused("\"x\":1", FOX_E_UNSUPPORTED, "'x' is a field that is not handled");
	refused("\"version\":\"2.0\"", FOX_E_UNSUPPORTED, "'version' is '2.0', want '1.0'");
	refused("\"added_tokens\":[{\"id\":1,\"x\":1}]", FOX_E_UNSUPPORTED,
	    "'added_tokens[0].x' is a field that is not handled");
#define TEMPLATE(single)                                                                                     \
	"\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":" single                                 \
	",\"pair\":[],\"special_tokens\":{\"b\":{\"id\":\"b\",\"ids\":[10],\"tokens\":[\"b\"]}}}"
#define TEXT_A "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}"
	refused(TEMPLATE("[]"), FOX_E_UNSUPPORTED,
	    "'post_processor.single' leaves the text out, which is not handled");
	refused(TEMPLATE("[" TEXT_A "," TEXT_A "]"), FOX_E_UNSUPPORTED,
	    "'post_processor.single[1]' is neither a special token nor the text for the first time, which is not "
	    "handled");
	refused(TEMPLATE("[{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}]"), FOX_E_UNSUPPORTED,
	    "'post_processor.single[0]' is neither a special token nor the text for the first time, which is not "
	    "handled");
	refused(TEMPLATE("[{\"SpecialToken\":{\"id\":\"b\",\"type_id\":0}}]"), FOX_E_FORMAT,
	    "'post_processor.single[0].id' is 10, outside the vocabulary of 10 tokens");
	refused(TEMPLATE("[{\"SpecialToken\":{\"id\":\"c\",\"type_id\":0}}]"), FOX_E_FORMAT,
	    "'post_processor.single[0].id' is 'c', which has no ids in special_tokens");
	refused_model("\"model\":{\"type\":\"WordLevel\"}", FOX_E_UNSUPPORTED,
	    "'model.type' is 'WordLevel', which is not handled, want 'BPE' or 'Unigram'");
	refused_model("\"model\":{\"vocab\":{},\"max_input_chars_per_word\":100}", FOX_E_UNSUPPORTED,
	    "'model' has no type and looks like 'WordPiece', which is not handled");
	refused_model("\"model\":{\"type\":\"BPE\",\"dropout\":0.1}", FOX_E_UNSUPPORTED,
	    "'model.dropout' is not 0, so ids are random");
	refused_model("\"model\":{\"type\":\"BPE\",\"end_of_word_suffix\":\"</w>\"}", FOX_E_UNSUPPORTED,
	    "'model.end_of_word_suffix' is '</w>', which is not handled");
	refused_model("\"model\":{\"type\":\"BPE\",\"continuing_subword_prefix\":\"##\"}", FOX_E_UNSUPPORTED,
	    "'model.continuing_subword_prefix' is '##', which is not handled");
	refused_model("\"model\":{\"type\":\"BPE\",\"unk_id\":1}", FOX_E_UNSUPPORTED,
	    "'model.unk_id' is a field that is not handled");
	refused_model("\"model\":{\"type\":\"Unigram\",\"merges\":[]}", FOX_E_UNSUPPORTED,
	    "'model.merges' is a field that is not handled");
}

static void ill_formed(void **state)
{
	(void)state;
	refused("\"normalizer\":[]", FOX_E_FORMAT, "'normalizer' is an array, want an object");
	refused("\"post_processor\":1", FOX_E_FORMAT, "'post_processor' is an integer, want an object");
	refused("\"normalizer\":{}", FOX_E_FORMAT, "no 'normalizer.type'");
	refused("\"post_processor\":{}", FOX_E_FORMAT, "no 'post_processor.type'");
	refused("\"normalizer\":{\"type\":\"Sequence\"}", FOX_E_FORMAT, "no 'normalizer.normalizers'");
	refused("\"normalizer\":{\"type\":\"Strip\",\"strip_left\":true}", FOX_E_FORMAT,
	    "no 'normalizer.strip_right'");
	refused("\"normalizer\":{\"type\":\"Strip\",\"strip_left\":1,\"strip_right\":true}", FOX_E_FORMAT,
	    "'normalizer.strip_left' is an integer, want a boolean");
	refused("\"normalizer\":{\"type\":\"Prepend\",\"prepend\":1}", FOX_E_FORMAT,
	    "'normalizer.prepend' is an integer, want a string");
	refused("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAA\"}", FOX_E_FORMAT,
	    "'normalizer.precompiled_charsmap' is not base64");
	refused("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"A=AA\"}", FOX_E_FORMAT,
	    "'normalizer.precompiled_charsmap' is not base64");
	refused("\"normalizer\":{\"type\":\"Replace\",\"pattern\":\"x\",\"content\":\"x\"}", FOX_E_FORMAT,
	    "'normalizer.pattern' is a string, want {\"String\": text} or {\"Regex\": text}");
	refused("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"__\"}", FOX_E_FORMAT,
	    "'pre_tokenizer.replacement' is '__', want one character");
	refused("\"pre_tokenizer\":{\"type\":\"Punctuation\",\"behavior\":1}", FOX_E_FORMAT,
	    "'pre_tokenizer.behavior' is an integer, want a string");
	refused("\"decoder\":{\"type\":\"Strip\",\"content\":\"\",\"start\":0,\"stop\":0}", FOX_E_FORMAT,
	    "'decoder.content' is '', want one character");
	refused("\"decoder\":{\"type\":\"Strip\",\"content\":\"x\",\"start\":-1,\"stop\":0}", FOX_E_FORMAT,
	    "'decoder.start' is an integer, want a count");
	refused("\"added_tokens\":{}", FOX_E_FORMAT, "'added_tokens' is an object, want an array");
	refused("\"added_tokens\":[1,2,3,4,5,6,7,8,9,10,11]", FOX_E_FORMAT,
	    "'added_tokens' has 11 elements for 10 tokens");
	refused("\"added_tokens\":[{\"id\":1}]", FOX_E_FORMAT, "no 'added_tokens[0].content'");
	refused(
	    "\"added_tokens\":[{\"id\":1,\"content\":\"\"}]", FOX_E_FORMAT, "'added_tokens[0].content' is empty");
	refused(
	    "\"added_tokens\":[{\"id\":1,\"content\":\"x\"}]", FOX_E_FORMAT, "no 'added_tokens[0].single_word'");
#define FLAGS ",\"single_word\":true,\"lstrip\":false,\"rstrip\":true,\"normalized\":false,\"special\":true"
	refused("\"added_tokens\":[{\"id\":10,\"content\":\"x\"" FLAGS "}]", FOX_E_FORMAT,
	    "'added_tokens[0].id' is 10, outside the vocabulary of 10 tokens");
	refused("\"added_tokens\":[{\"id\":\"1\",\"content\":\"x\"" FLAGS "}]", FOX_E_FORMAT,
	    "'added_tokens[0].id' is a string, want a token id");
	refused(
	    "\"post_processor\":{\"type\":\"TemplateProcessing\"}", FOX_E_FORMAT, "no 'post_processor.single'");
	refused("\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"a\",1]}", FOX_E_FORMAT,
	    "no 'post_processor.sep[1]'");
	refused_model("\"added_tokens\":[]", FOX_E_FORMAT, "no 'model'");
	refused_model("\"model\":3", FOX_E_FORMAT, "'model' is an integer, want an object");
	refused_model("\"model\":{\"type\":3}", FOX_E_FORMAT, "'model.type' is an integer, want a string");
	refused_model("\"model\":{\"type\":\"BPE\",\"fuse_unk\":3}", FOX_E_FORMAT,
	    "'model.fuse_unk' is an integer, want a boolean");
	refused_model("\"model\":{\"type\":\"BPE\",\"unk_token\":3}", FOX_E_FORMAT,
	    "'model.unk_token' is an integer, want a string");
	refused_model("\"model\":{\"type\":\"BPE\",\"end_of_word_suffix\":3}", FOX_E_FORMAT,
	    "'model.end_of_word_suffix' is an integer, want a string");
	refused_model("\"model\":{\"type\":\"Unigram\",\"unk_id\":10}", FOX_E_FORMAT,
	    "'model.unk_id' is 10, outside the vocabulary of 10 tokens");
	struct fox_tokspec t;
	struct fox_err err;
	assert_int_equal(parse(&t, "[]", &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, FOX_NOWHERE, "an array at the top, want an object");
	fox_tokspec_free(&t);
	assert_int_equal(parse(&t, "{", &err), FOX_E_FORMAT);
	fox_tokspec_free(&t);
}

/* One more than fits, in each place. */
static void too_many(void **state)
{
	static const char *const places[][3] = {
	    {"normalizer", "normalizers", "{\"type\":\"NFC\"}"},
	    {"pre_tokenizer", "pretokenizers", "{\"type\":\"Whitespace\"}"},
	    {"decoder", "decoders", "{\"type\":\"Fuse\"}"},
	};
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(places); i++) {
		struct fox_buf b = {0};
		struct fox_tokspec t;
		struct fox_err err;
		char text[128];
		fox_buf_fmt(
		    &b, "{\"%s\":{\"type\":\"Sequence\",\"%s\":[%s", places[i][0], places[i][1], places[i][2]);
		for (int k = 0; k < 64; k++)
			fox_buf_fmt(&b, ",%s", places[i][2]);
		fox_buf_str(&b, "]}," MODEL "}");
		assert_int_equal(parse(&t, b.p, &err), FOX_E_BOUND);
		snprintf(text, sizeof text, "'%s.%s[64]' is one component more than the 64 that fit", places[i][0],
		    places[i][1]);
		assert_fox_err(&err, FOX_E_BOUND, FOX_NOWHERE, text);
		fox_tokspec_free(&t);
		fox_buf_free(&b);
	}
}

static void long_frame(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	struct fox_tokspec t;
	struct fox_err err;
	fox_buf_str(&b, "{\"post_processor\":{\"type\":\"Sequence\",\"processors\":[");
	for (int i = 0; i < 65; i++)
		fox_buf_fmt(&b, "%s{\"type\":\"BertProcessing\",\"cls\":[\"a\",1],\"sep\":[\"b\",2]}", i ? "," : "");
	fox_buf_str(&b, "]}," MODEL "}");
	assert_int_equal(parse(&t, b.p, &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, FOX_NOWHERE,
	    "'post_processor.processors[64]' puts more than 64 ids on one side of a text");
	fox_tokspec_free(&t);
	fox_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(normalizers),
	    cmocka_unit_test(pre_tokenizers),
	    cmocka_unit_test(decoders),
	    cmocka_unit_test(ids),
	    cmocka_unit_test(unsupported),
	    cmocka_unit_test(ill_formed),
	    cmocka_unit_test(too_many),
	    cmocka_unit_test(long_frame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
