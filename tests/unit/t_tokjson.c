/* tokenizer.json to a vocabulary: keys byte for byte, and every refusal with file and path. */
#include "tests/tok_import_make.h"

#include "convert/tok_hfjson.h"
#include "format/profile.h"
#include "tests/charsmap_make.h"

static void refused_at(const char *json, enum fox_status code, uint64_t at, const char *text)
{
	struct held h;
	folder("refused", json);
	assert_int_equal(import(&h, "refused", 8, NULL), code);
	assert_fox_err(&h.err, code, at, text);
	assert_string_equal(h.err.file, "tokenizer.json");
	drop(&h);
}

/* ---- good ones */

static const char *const byte_level =
    "{ \"version\": \"1.0\",\n \"added_tokens\": [ " ADDED("4", "<|end|>", "false", "true") ", " ADDED(
        "5", "\xE2\x96\x81t", "true", "false") ", " ADDED("6", "<|x|>", "false", "false") ", " ADDED("1", "b",
        "true", "false") "],\n"
                         " " GPT2_PRE
                         ",\n \"decoder\": null,\t\"model\": { \"type\": \"BPE\", \"dropout\": null,\n"
                         " \"vocab\": {\"a\": 0, \"b\" :1 , \"\\u0120\\u00e9\\\"\": 3, \"ab\": 2},\n"
                         " \"ignore_merges\": false, \"merges\": [\"#version: 0.2\", \"a b\"] } }";

static void from_json(void **state)
{
	(void)state;
	struct held h;
	folder("good", byte_level);
	src_text("good/tokenizer_config.json",
	    "{\"eos_token\":\"<|end|>\",\"pad_token\":{\"content\":\"\xE2\x96\x81t\"},"
	    "\"add_bos_token\":true,\"added_tokens_decoder\":{\"4\":{\"content\":\"<|end|>\"}}}");
	assert_fox_ok(import(&h, "good", 8, NULL), &h.err);
	const struct fox_tokdata *t = &h.t;
	assert_string_equal(t->model, "gpt2");
	assert_string_equal(t->pre, "gpt-2");
	assert_int_equal(t->n, 8);
	static const char *const pieces[] = {
	    "a", "b", "ab", "\xC4\xA0\xC3\xA9\"", "<|end|>", " t", "<|x|>", "[PAD7]"};
	static const int types[] = {1, 4, 1, 1, 3, 4, 3, 5};
	for (int i = 0; i < 8; i++) {
		assert_true(fox_str_is(t->piece[i], pieces[i]));
		assert_int_equal(t->type[i], types[i]);
	}
	assert_int_equal(t->n_merges, 1);
	assert_true(fox_str_is(t->merge[0], "a b"));
	assert_true(t->eos == 4 && t->bos == FOX_TOK_NONE && t->unk == FOX_TOK_NONE && t->pad == FOX_TOK_NONE);
	assert_true(!t->add_bos && t->add_bos_given && !t->add_eos && t->add_eos_given);
	assert_string_equal(notes.p,
	    "pad token '\xE2\x96\x81t' is not in the vocabulary\n"
	    "'add_bos_token' in tokenizer_config.json is true, tokenizer.json says false: the latter is right\n");
	assert_true(fox_str_is(t->hf_spec,
	    "{\"version\":\"1.0\",\"added_tokens\":[" ADDED("4", "<|end|>", "false", "true") "," ADDED("5",
	        "\xE2\x96\x81t", "true", "false") "," ADDED("6", "<|x|>", "false", "false") "," ADDED("1", "b",
	        "true", "false") "]," GPT2_PRE ",\"decoder\":null,\"model\":{\"type\":\"BPE\",\"dropout\":null,"
	                         "\"ignore_merges\":false}}"));
	drop(&h);
}

static void written_and_read(void **state)
{
	(void)state;
	struct held h;
	struct fox_gguf_writer *w;
	struct fox_gguf *g;
	struct fox_tokdata back;
	folder("written", byte_level);
	assert_fox_ok(import(&h, "written", 8, NULL), &h.err);
	assert_fox_ok(fox_gguf_writer_open(&w, &h.err), &h.err);
	assert_fox_ok(fox_tokdata_put(&h.t, w, &h.err), &h.err);
	assert_fox_ok(fox_gguf_freeze(w, &h.err), &h.err);
	assert_fox_ok(fox_gguf_create(w, test_path("tok.gguf"), true, &h.err), &h.err);
	assert_fox_ok(fox_gguf_finish(w, &h.err), &h.err);
	fox_gguf_writer_close(w);
	assert_fox_ok(fox_gguf_open(&g, test_path("tok.gguf"), &h.err), &h.err);
	assert_fox_ok(fox_tokdata_from_gguf(&back, g, &h.err), &h.err);
	assert_string_equal(back.model, "gpt2");
	assert_string_equal(back.pre, "gpt-2");
	assert_true(fox_str_eq(back.hf_spec, h.t.hf_spec));
	assert_true(back.n_merges == 1 && fox_str_is(back.merge[0], "a b"));
	assert_true(!back.add_bos && back.add_bos_given && !back.add_space_prefix);
	static const char *const absent[] = {"tokenizer.ggml.scores", "tokenizer.ggml.add_space_prefix",
	    "tokenizer.ggml.remove_extra_whitespaces", "tokenizer.ggml.precompiled_charsmap", FOX_KEY_SPM_SPEC};
	for (size_t i = 0; i < FOX_COUNT(absent); i++)
		assert_null(fox_gguf_find_key(g, absent[i]));
	fox_tokdata_free(&back);
	fox_gguf_close(g);
	drop(&h);
}

/* Rows that config.json does not count follow from the ids; pairs, and a merge that comes twice. */
static void pairs(void **state)
{
	(void)state;
	struct held h;
	folder("pairs",
	    "{" BPE("{\"a\":0,\"b\":1,\"ab\":2,\"ba\":4}", "[[\"b\",\"a\"],[\"a\",\"b\"],[\"b\",\"a\"]]") "}");
	assert_fox_ok(import(&h, "pairs", 0, NULL), &h.err);
	assert_int_equal(h.t.n, 5);
	assert_true(fox_str_is(h.t.piece[3], "[PAD3]"));
	assert_int_equal(h.t.n_merges, 2);
	assert_true(fox_str_is(h.t.merge[0], "a b") && fox_str_is(h.t.merge[1], "b a"));
	assert_string_equal(notes.p, "1 merges come again later in the list: left out\n");
	drop(&h);
	folder("pairs", "{" BPE("{\"a\":0}", "[]") "}");
	assert_fox_ok(import(&h, "pairs", 0, NULL), &h.err);
	assert_true(h.t.n == 1 && h.t.n_merges == 0);
	drop(&h);
}

static void frames(void **state)
{
	(void)state;
	struct held h;
#define TEMPLATE(before, after)                                                                              \
	"\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[" before                                \
	"{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}" after "],\"pair\":[],\"special_tokens\":{"                 \
	"\"B\":{\"id\":\"B\",\"ids\":[0],\"tokens\":[\"a\"]},\"E\":{\"id\":\"E\",\"ids\":[1],\"tokens\":[\"b\"]" \
	"}}}"
#define TOKEN(id) "{\"SpecialToken\":{\"id\":\"" id "\",\"type_id\":0}}"
	folder("frames", "{" TEMPLATE(TOKEN("B") ",", "," TOKEN("E")) "," BPE("{\"a\":0,\"b\":1}", "[]") "}");
	assert_fox_ok(import(&h, "frames", 2, NULL), &h.err);
	assert_true(
	    h.t.bos == 0 && h.t.eos == 1 && h.t.add_bos && h.t.add_eos); /* no file names them otherwise */
	assert_string_equal(notes.p, "");
	drop(&h);
	src_text("frames/tokenizer_config.json", "{\"bos_token\":\"b\",\"eos_token\":\"b\"}");
	folder("frames",
	    "{" TEMPLATE(TOKEN("B") "," TOKEN("B") ",", "," TOKEN("B")) "," BPE("{\"a\":0,\"b\":1}", "[]") "}");
	assert_fox_ok(import(&h, "frames", 2, NULL), &h.err);
	assert_true(h.t.bos == 1 && h.t.eos == 1 && !h.t.add_bos && !h.t.add_eos && h.t.add_bos_given);
	assert_string_equal(notes.p,
	    "post_processor puts 2 ids before a text that are not bos: llama.cpp will not\n"
	    "post_processor puts 1 ids after a text that are not eos: llama.cpp will not\n");
	drop(&h);
}

static void spm_like(void **state)
{
	(void)state;
	struct held h;
	folder("spm", "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":"
	              "\"\xE2\x96\x81\"},"
	              "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xE2\x96\x81\"}]},"
	              "\"added_tokens\":[" ADDED("1", "<s>", "false",
	                  "true") "],"
	                          "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"byte_fallback\":true,"
	                          "\"vocab\":{\"<unk>\":0,\"<s>\":1,\"<0x0A>\":2,\"\xE2\x96\x81\":3,\"a\":4,"
	                          "\"b\":5,\"ab\":6,\"\xE2\x96\x81"
	                          "ab\":7},"
	                          "\"merges\":[\"a b\",\"\xE2\x96\x81 ab\"]}}");
	assert_fox_ok(import(&h, "spm", 9, NULL), &h.err);
	static const int types[] = {2, 3, 6, 1, 1, 1, 1, 1, 5};
	static const float scores[] = {-3, 0, -3, -3, -3, -3, 0, -1, -10000};
	assert_string_equal(h.t.model, "llama");
	assert_string_equal(h.t.pre, "default");
	for (int i = 0; i < 9; i++) {
		assert_int_equal(h.t.type[i], types[i]);
		assert_true(h.t.score[i] == scores[i]);
	}
	assert_true(h.t.unk == 0 && h.t.add_space_prefix && !h.t.remove_extra_whitespaces && h.t.n_merges == 2);
	assert_true(h.t.hf_spec.n > 0);
	drop(&h);
}

static void put_base64(struct fox_buf *out, struct fox_str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < s.n; i += 3) {
		uint32_t bits = 0;
		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < s.n ? (uint8_t)s.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			fox_buf_char(out, i + k > s.n ? '=' : digits[bits >> (18 - 6 * k) & 63]);
	}
}

/* A Unigram tokenizer.json around a character map. */
static void unigram_folder(struct fox_str map)
{
	struct fox_buf json = {0};
	fox_buf_str(&json, "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Precompiled\","
	                   "\"precompiled_charsmap\":\"");
	put_base64(&json, map);
	fox_buf_str(&json, "\"},{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" \"}]},"
	                   "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\","
	                   "\"prepend_scheme\":\"always\"},\"post_processor\":{\"type\":\"BertProcessing\","
	                   "\"sep\":[\"</s>\",1],\"cls\":[\"<pad>\",0]},"
	                   "\"model\":{\"type\":\"Unigram\",\"unk_id\":2,\"vocab\":[[\"<pad>\",0.0],[\"</s>\",0],"
	                   "[\"<unk>\",-1e1],[\"\\u2581a\",-2.5]]}}");
	folder("unigram", json.p);
	fox_buf_free(&json);
	src_text("unigram/tokenizer_config.json", "{\"eos_token\":\"</s>\"}");
}

static void unigram(void **state)
{
	(void)state;
	struct held h;
	static struct test_charsmap sample;
	struct fox_buf map = {0};
	charsmap_sample(&sample);
	charsmap_bytes(&sample, &map);
	unigram_folder(fox_buf_view(&map));
	assert_fox_ok(import(&h, "unigram", 5, NULL), &h.err);
	assert_string_equal(h.t.model, "t5");
	assert_string_equal(h.t.pre, "default");
	assert_true(h.t.score[2] == -10 && h.t.score[3] == -2.5f && h.t.score[4] == -10000);
	assert_true(fox_str_is(h.t.piece[3], "\xE2\x96\x81"
	                                     "a"));
	assert_true(
	    h.t.type[2] == FOX_TOK_UNKNOWN && h.t.type[3] == FOX_TOK_NORMAL && h.t.type[4] == FOX_TOK_UNUSED);
	assert_true(h.t.unk == 2 && h.t.eos == 1 && h.t.bos == 0 && h.t.add_bos && h.t.add_eos);
	assert_true(h.t.add_space_prefix && h.t.remove_extra_whitespaces);
	assert_null(h.t.exact_score); /* floats hold them all */
	assert_true(fox_str_eq(h.t.charsmap, fox_buf_view(&map)));
	drop(&h);
	unigram_folder((struct fox_str){map.p, map.n - 1});
	assert_int_not_equal(import(&h, "unigram", 5, NULL), FOX_OK);
	assert_true(strstr(h.err.text, "precompiled_charsmap in 'normalizer', decoded: ") == h.err.text);
	drop(&h);
	fox_buf_free(&map);
}

/* Scores that floats only come near to are kept beside them. */
static void exact_scores(void **state)
{
	(void)state;
	struct held h;
	folder("exact", "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"a\",-0.1]]}}");
	assert_fox_ok(import(&h, "exact", 3, NULL), &h.err);
	assert_non_null(h.t.exact_score);
	assert_true(h.t.exact_score[0] == 0 && h.t.exact_score[1] == -0.1 && h.t.exact_score[2] == -10000);
	assert_true(h.t.score[1] == -0.1f);
	drop(&h);
}

static void pre_options(void **state)
{
	(void)state;
	struct held h;
	struct fox_tok_options o = {.pre = "olmo"};
	folder("pre", "{" BPE("{\"a\":0}", "[]") "}");
	assert_fox_ok(import(&h, "pre", 1, &o), &h.err);
	assert_string_equal(h.t.pre, "olmo");
	assert_string_equal(notes.p, "the pre_tokenizer is that of 'gpt-2', not 'olmo' as --pre says\n");
	drop(&h);
	o = (struct fox_tok_options){.no_pre = true};
	assert_fox_ok(import(&h, "pre", 1, &o), &h.err);
	assert_string_equal(h.t.pre, "gpt-2"); /* a name that fits is no harm */
	drop(&h);
	folder("pre", "{\"normalizer\":{\"type\":\"NFKC\"}," BPE("{\"a\":0}", "[]") "}");
	assert_fox_ok(import(&h, "pre", 1, &o), &h.err);
	assert_null(h.t.pre);
	drop(&h);
	o = (struct fox_tok_options){.pre = "gpt-2"};
	assert_fox_ok(import(&h, "pre", 1, &o), &h.err);
	assert_string_equal(h.t.pre, "gpt-2");
	drop(&h);
}

/* ---- refusals */

static void pieces_refused(void **state)
{
	(void)state;
	refused_at("[]", FOX_E_FORMAT, 0, "not a JSON object");
	refused_at("{\"model\":{\"type\":\"BPE\",\"vocab\":{}", FOX_E_FORMAT, 33,
	    "not valid JSON: brackets, quotes, colons or commas do not match");
	refused_at("{} x", FOX_E_FORMAT, 3, "not valid JSON: text after the end");
	refused_at("{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"vocab\":{}}}", FOX_E_FORMAT, 42,
	    "model.vocab or model.merges is there twice");
	refused_at("{" GPT2_PRE ",\"model\":{\"type\":\"BPE\"}}", FOX_E_FORMAT, FOX_NOWHERE, "no 'model.vocab'");
	refused_at("{" GPT2_PRE ",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}}", FOX_E_FORMAT, FOX_NOWHERE,
	    "no 'model.merges'");
	refused_at("{" BPE("{}", "[]") "}", FOX_E_FORMAT, FOX_NOWHERE, "'model.vocab' is empty");
	refused_at("{" BPE("{\"a\":8}", "[]") "}", FOX_E_MISMATCH, FOX_NOWHERE,
	    "'model.vocab' has ids up to 8 for the 8 rows of the embedding");
	refused_at("{\"version\":tr ue}", FOX_E_FORMAT, 13, "not valid JSON: invalid token near 'tr'");
	refused_at("{\"a\":[1,-2.5e+1 0,3]}", FOX_E_FORMAT, 17, "not valid JSON: ']' expected near '0'");
	refused_at("{\"model\":{\"type\":\"WordLevel\"}}", FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "'model.type' is 'WordLevel', which is not handled, want 'BPE' or 'Unigram'");
	refused_at("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}", FOX_E_UNSUPPORTED,
	    FOX_NOWHERE, "'model' is BPE with neither ByteLevel nor byte_fallback, which is not handled");
	refused_at("{" GPT2_PRE
	           ",\"model\":{\"type\":\"BPE\",\"byte_fallback\":true,\"vocab\":{\"a\":0},\"merges\":[]}}",
	    FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "'model' is BPE with both ByteLevel and byte_fallback, which is not handled");
	refused_at("{\"model\":{\"type\":\"Unigram\",\"vocab\":[],\"merges\":[]}}", FOX_E_UNSUPPORTED,
	    FOX_NOWHERE, "'model.merges' is a field that is not handled");
	refused_at("{\"normalizer\":{\"type\":\"NFKC\"}," BPE("{\"a\":0}", "[]") "}", FOX_E_UNSUPPORTED,
	    FOX_NOWHERE,
	    "llama.cpp has no name for this pre_tokenizer: say which with --pre, or leave it out with "
	    "--no-llama-pre");
}

/* Offsets: model.vocab begins at 12. */
#define VOCAB(text) "{\"model\":{\"vocab\":" text ",\"merges\":[]}}"
static void vocabulary_refused(void **state)
{
	(void)state;
	refused_at(VOCAB("[]"), FOX_E_FORMAT, 18, "'model.vocab': want an object of pieces with ids");
	refused_at(VOCAB("{\"a\" 0}"), FOX_E_FORMAT, 23, "'model.vocab': want a piece and a colon");
	refused_at(VOCAB("{\"a\":-1}"), FOX_E_FORMAT, 23, "'model.vocab': want a token id");
	refused_at(VOCAB("{\"a\":1.5}"), FOX_E_FORMAT, 23, "'model.vocab': want a token id");
	refused_at(VOCAB("{\"a\":01}"), FOX_E_FORMAT, 23, "'model.vocab': want a token id");
	refused_at(VOCAB("{\"a\":1 2}"), FOX_E_FORMAT, 25, "'model.vocab': want an end");
	refused_at(VOCAB("{\"a\":1,\"b\":1}"), FOX_E_FORMAT, 30, "'model.vocab' gives id 1 to 'a' and 'b'");
	refused_at(VOCAB("{\"a\":1,\"a\":2}"), FOX_E_FORMAT, 30, "'model.vocab' has 'a' twice");
	refused_at(VOCAB("{\"\\x\":1}"), FOX_E_FORMAT, 19,
	    "'model.vocab': want a string, this one has an ill-formed escape");
	refused_at(VOCAB("{\"\\ud800\":1}"), FOX_E_FORMAT, 19,
	    "'model.vocab': want a string, this one has an ill-formed escape");
	refused_at(VOCAB("{\"\\udc00\":1}"), FOX_E_FORMAT, 19,
	    "'model.vocab': want a string, this one has an ill-formed escape");
	refused_at(VOCAB("{\"\\ud800\\u0041\":1}"), FOX_E_FORMAT, 19,
	    "'model.vocab': want a string, this one has an ill-formed escape");
	refused_at(VOCAB("{\"\\u00g0\":1}"), FOX_E_FORMAT, 19,
	    "'model.vocab': want a string, this one has an ill-formed escape");
	refused_at(VOCAB("{\"a\nb\":1}"), FOX_E_FORMAT, 19,
	    "'model.vocab': want a string, this one has a control character");
	refused_at(VOCAB("{\"a\xff\":1}"), FOX_E_FORMAT, 19,
	    "'model.vocab': want a string, this one has ill-formed UTF-8");
	refused_at(VOCAB("{a:1}"), FOX_E_FORMAT, 19, "'model.vocab': want a string");
#define LIST(text) "{\"model\":{\"unk_id\":null,\"vocab\":" text "}}"
	refused_at(LIST("{}"), FOX_E_FORMAT, 32, "'model.vocab': want a list of pieces with scores");
	refused_at(LIST("[[\"a\"]]"), FOX_E_FORMAT, 37, "'model.vocab': want a piece with its score");
	refused_at(LIST("[[\"a\",1,2]]"), FOX_E_FORMAT, 39, "'model.vocab': want a piece with its score");
	refused_at(LIST("[[\"a\",null]]"), FOX_E_FORMAT, 38, "'model.vocab': want a score");
	refused_at(LIST("[[\"a\",1e99]]"), FOX_E_FORMAT, 38, "'model.vocab': want a score");
	static const char *const none[] = {LIST("[[\"a\",+1]]"), LIST("[[\"a\",-]]"), LIST("[[\"a\",01.5]]"),
	    LIST("[[\"a\",1.]]"), LIST("[[\"a\",.5]]"), LIST("[[\"a\",1e]]"), LIST("[[\"a\",1e+]]")};
	for (size_t i = 0; i < FOX_COUNT(none); i++)
		refused_at(none[i], FOX_E_FORMAT, 38, "'model.vocab': want a score");
	refused_at(LIST("[[\"a\",1],[\"a\",2]]"), FOX_E_FORMAT, 48, "'model.vocab' has 'a' twice");
	struct fox_buf b = {0};
	fox_buf_str(&b, "{" GPT2_PRE ",\"model\":{\"vocab\":{\"");
	for (int i = 0; i < 1025; i++)
		fox_buf_char(&b, 'x');
	fox_buf_str(&b, "\":3},\"merges\":[]}}");
	refused_at(b.p, FOX_E_BOUND, b.n - 15, "token 3 has 1025 bytes, more than 1024");
	fox_buf_free(&b);
}

static void merges_refused(void **state)
{
	(void)state;
#define MERGES(text) "{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":" text "}}"
	refused_at(MERGES("{}"), FOX_E_FORMAT, 48, "'model.merges': want a list");
	refused_at(MERGES("[\"a b\""
	                  " 1]"),
	    FOX_E_FORMAT, 55, "'model.merges': want an end");
	refused_at(MERGES("[1]"), FOX_E_FORMAT, 49, "'model.merges': want a string");
	refused_at(MERGES("[\"ab\"]"), FOX_E_FORMAT, 53, "'model.merges[0]' is 'ab', want two texts");
	refused_at(MERGES("[\"a b a\"]"), FOX_E_FORMAT, 56, "'model.merges[0]' is 'a b a', want two texts");
	refused_at(MERGES("[\"a b\",\"a c\"]"), FOX_E_FORMAT, FOX_NOWHERE,
	    "'model.merges[1]' has 'c', which is not in the vocabulary");
	refused_at(MERGES("[\"b a\"]"), FOX_E_FORMAT, FOX_NOWHERE,
	    "'model.merges[0]' makes 'ba', which is not in the vocabulary");
	refused_at(MERGES("[[\"a\"]]"), FOX_E_FORMAT, 53, "'model.merges': want a comma");
	refused_at(MERGES("[[\"a\",\"b\",\"a\"]]"), FOX_E_FORMAT, 57, "'model.merges': want a pair of texts");
	refused_at(MERGES("[[\"a\",\" b\"]]"), FOX_E_UNSUPPORTED, 59,
	    "'model.merges[0]' has a blank in a text, which is not handled");
}

static void added_refused(void **state)
{
	(void)state;
#define WITH(added) "{\"added_tokens\":[" added "]," BPE("{\"a\":0,\"b\":1}", "[]") "}"
	refused_at(WITH(ADDED("3", "x", "false", "true")), FOX_E_FORMAT, FOX_NOWHERE,
	    "'added_tokens[0].id' is 3, but 'x' would get id 2");
	refused_at(WITH(ADDED("2", "x", "false", "true") "," ADDED("2", "y", "false", "true")), FOX_E_FORMAT,
	    FOX_NOWHERE, "'added_tokens[1].id' is 2, but 'y' would get id 3");
	refused_at(WITH(ADDED("1", "a", "false", "true")), FOX_E_FORMAT, FOX_NOWHERE,
	    "'added_tokens[0].id' is 1, but 'a' would get id 0");
	refused_at(WITH(ADDED("8", "x", "false", "true")), FOX_E_FORMAT, FOX_NOWHERE,
	    "'added_tokens[0].id' is 8, outside the vocabulary of 8 tokens");
	/* a vocabulary with a hole before its last id: the next id is taken */
	refused_at("{\"added_tokens\":[" ADDED("2", "x", "false", "true") "]," BPE("{\"a\":0,\"b\":2}", "[]") "}",
	    FOX_E_FORMAT, FOX_NOWHERE, "'added_tokens[0].id' is 2, which 'b' has in model.vocab");
	struct held h;
	static const struct {
		const char *config;
		enum fox_status code;
		const char *text;
	} cases[] = {
	    {"{\"added_tokens_decoder\":{\"2\":{\"content\":\"x\"}}}", FOX_E_MISMATCH,
	        "'added_tokens_decoder.2' is 'x', which tokenizer.json does not have under that id"},
	    {"{\"added_tokens_decoder\":{\"z\":{\"content\":\"a\"}}}", FOX_E_FORMAT,
	        "'added_tokens_decoder.z' is not a token with an id"},
	};
	folder("decoder", "{" BPE("{\"a\":0}", "[]") "}");
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		src_text("decoder/tokenizer_config.json", cases[i].config);
		assert_int_equal(import(&h, "decoder", 8, NULL), cases[i].code);
		assert_fox_err(&h.err, cases[i].code, FOX_NOWHERE, cases[i].text);
		assert_string_equal(h.err.file, "tokenizer_config.json");
		drop(&h);
	}
}

/* Both spellings of one file give the same bytes. */
static void split_text(void **state)
{
	(void)state;
	static const char *const same[] = {
	    "{\"a\":[1,2.50,\"x \\\" y\"],\"model\":{\"vocab\":{\"}\":1},\"z\":{}},\"e\":{}}",
	    " {\n\"a\" : [ 1 , 2.50 ,\t\"x \\\" y\" ],\r\"model\": { \"vocab\" : {\"}\":1} ,\"z\":{ } , "
	    "\"merges\" : [\"a b\"] } , \"e\":{} }\n",
	    "{\"a\":[1,2.50,\"x \\\" y\"],\"model\":{\"z\":{},\"merges\":[],\"vocab\":{}},\"e\":{}}",
	};
	for (size_t i = 0; i < FOX_COUNT(same); i++) {
		struct fox_buf rest = {0};
		struct fox_str vocab, merges;
		struct fox_err err = {0};
		assert_fox_ok(tok_json_split(fox_str_of(same[i]), &rest, &vocab, &merges, &err), &err);
		assert_string_equal(rest.p, "{\"a\":[1,2.50,\"x \\\" y\"],\"model\":{\"z\":{}},\"e\":{}}");
		assert_true(fox_str_is(vocab, i < 2 ? "{\"}\":1}" : "{}"));
		fox_buf_free(&rest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(from_json),
	    cmocka_unit_test(written_and_read),
	    cmocka_unit_test(pairs),
	    cmocka_unit_test(frames),
	    cmocka_unit_test(spm_like),
	    cmocka_unit_test(unigram),
	    cmocka_unit_test(exact_scores),
	    cmocka_unit_test(pre_options),
	    cmocka_unit_test(pieces_refused),
	    cmocka_unit_test(vocabulary_refused),
	    cmocka_unit_test(merges_refused),
	    cmocka_unit_test(added_refused),
	    cmocka_unit_test(split_text),
	};
	return cmocka_run_group_tests_name("tokjson", tests, NULL, done);
}
