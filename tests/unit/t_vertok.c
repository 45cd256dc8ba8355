/* fox-verify's proof of tokenizers from tokenizer.json, vocab.json and Unigram models: small sources that pass, and one fault
 * after the other that fails, each at its own key. */
#include "tests/vertok_make.h"

#include "inspect/ver_tokwant.h"

/* ---- sources */

#define BYTES(regex)                                                                                         \
	"{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":" regex "}"
#define SPLIT                                                                                                \
	"{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}" \
	"]?\\\\p{L}+|"                                                                                           \
	"\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"},"  \
	"\"behavior\":\"Isolated\",\"invert\":false}"
#define FRAME(name, id)                                                                                      \
	"{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"" name "\",\"type_id\":0}},"   \
	"{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[],\"special_tokens\":{\"" name                   \
	"\":{\"id\":\"" name "\",\"ids\":[" id "],\"tokens\":[\"" name "\"]}}}"

/* Llama-3-like: rows to spare, a token that llama.cpp calls CONTROL by its look, merges in both spellings, one given twice. */
static const char byte_level[] =
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[" ADDED(
        6, "<s>", true) "," ADDED(7, "<|x|>", false) "," ADDED(8, "user",
        false) "],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Sequence\","
               "\"pretokenizers\":[" SPLIT
               "," BYTES("false") "]},\"post_processor\":{\"type\":\"Sequence\",\"processors\":[" BYTES(
                   "true") "," FRAME("<s>",
                   "6") "]},\"decoder\":" BYTES("true") ",\"model\":{\"type\":\"BPE\",\"dropout\":null,"
                                                        "\"unk_token\":null,\"continuing_subword_prefix\":"
                                                        "null,\"end_of_word_suffix\":null,\"fuse_unk\":false,"
                                                        "\"byte_fallback\":false,\"ignore_merges\":true,"
                                                        "\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"bc\":"
                                                        "4,\"abc\":5},"
                                                        "\"merges\":[\"ab c\",\"a "
                                                        "b\",[\"b\",\"c\"],[\"ab\",\"c\"]]}}";

/* Gemma-like: SentencePiece as BPE over characters. */
static const char spm_like[] = "{\"version\":\"1.0\",\"added_tokens\":[" ADDED(0, "<unk>", true) "," ADDED(
    1, "<s>", true) "," ADDED(5, "\\u2581\\u2581",
    false) "],\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
           "\"prepend\":\"\\u2581\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" "
           "\"},\"content\":\"\\u2581\"}]},"
           "\"pre_tokenizer\":null,\"post_processor\":" FRAME(
               "<s>", "1") ",\"decoder\":{\"type\":\"Fuse\"},\"model\":{"
                           "\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"fuse_unk\":true,\"byte_fallback\":"
                           "true,\"vocab\":{\"<unk>\":0,"
                           "\"<s>\":1,\"a\":2,\"\\u2581\":3,\"\\u2581a\":4,\"\\u2581\\u2581\":5,\"<0x41>\":6,"
                           "\"b\":7},\"merges\":["
                           "\"\\u2581 a\",\"\\u2581 \\u2581\"]}}";

static const char unigram[] = "{\"version\":\"1.0\",\"added_tokens\":[" ADDED(0, "<pad>", true) "," ADDED(2,
    "<unk>",
    true) "],"
          "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" "
          "\"},\"pre_tokenizer\":{"
          "\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_scheme\":\"always\",\"split\":true},"
          "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\","
          "\"type_id\":0}},"
          "{\"SpecialToken\":{\"id\":\"</s>\",\"type_id\":0}}],\"pair\":[],\"special_tokens\":{\"</"
          "s>\":{\"id\":\"</s>\","
          "\"ids\":[1],\"tokens\":[\"</"
          "s>\"]}}},\"decoder\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\","
          "\"prepend_scheme\":\"always\",\"split\":true},\"model\":{\"type\":\"Unigram\",\"unk_id\":2,"
          "\"byte_fallback\":false,\"vocab\":[[\"<pad>\",0.0],[\"</"
          "s>\",0.0],[\"<unk>\",0.0],[\"\\u2581\",-2.25],[\"a\",-3.5]]}}";

static const char vocab[] = "{\"a\":0,\"b\":1,\"ab\":2,\"<|endoftext|>\":3}";

enum kind { BYTE_LEVEL, SPM_LIKE, UNIGRAM, VOCAB, N_KINDS };

static const struct vertok_source sources[N_KINDS] = {
    [BYTE_LEVEL] = {.json = byte_level,
        .config = "{\"bos_token\":\"<s>\",\"eos_token\":\"<|x|>\",\"chat_template\":\"{{ bos_token }}\"}",
        .rows = 11},
    [SPM_LIKE] = {.json = spm_like,
        .config = "{\"bos_token\":{\"content\":\"<s>\"},\"unk_token\":\"<unk>\"}",
        .rows = 9},
    [UNIGRAM] = {.json = unigram, .config = "{\"eos_token\":\"</s>\",\"pad_token\":\"<pad>\"}", .rows = 5},
    [VOCAB] = {.vocab = vocab,
        .merges = "#version: 0.2\na b\n",
        .config = "{\"tokenizer_class\":\"GPT2Tokenizer\",\"add_bos_token\":false}",
        .rows = 4},
};

static const char *const names[N_KINDS] = {"byte_level", "spm_like", "unigram", "vocab"};

static void proves_sources(void **state)
{
	(void)state;
	for (int k = 0; k < N_KINDS; k++) {
		struct vertok x;
		vertok_import(&x, &sources[k], names[k]);
		vertok_prove(&x, NULL, NULL);
		vertok_close(&x);
	}
}

/* ---- faults */

#define FAULT(name) static void name(struct fox_tokdata *t)

FAULT(swap_pieces)
{
	struct fox_str s = t->piece[2];
	t->piece[2] = t->piece[3];
	t->piece[3] = s;
}
FAULT(change_score)
{
	t->score[4] += 1;
}
FAULT(change_type)
{
	t->type[1] = FOX_TOK_USER;
}
FAULT(forget_special)
{
	t->type[6] = FOX_TOK_NORMAL;
}
FAULT(forget_look)
{
	t->type[7] = FOX_TOK_USER;
}
FAULT(name_filler)
{
	t->piece[10] = fox_str_of("[PAD11]");
}
FAULT(keep_marks)
{
	t->piece[5] = fox_str_of("\xE2\x96\x81\xE2\x96\x81");
}
FAULT(swap_merges)
{
	struct fox_str s = t->merge[0];
	t->merge[0] = t->merge[1];
	t->merge[1] = s;
}
FAULT(lose_merge)
{
	t->n_merges--;
}
FAULT(change_bos)
{
	t->bos = 2;
}
FAULT(change_eos)
{
	t->eos = 3;
}
FAULT(invent_pad)
{
	t->pad = 1;
}
FAULT(change_unk)
{
	t->unk = 1;
}
FAULT(change_add_bos)
{
	t->add_bos = !t->add_bos;
}
FAULT(change_add_eos)
{
	t->add_eos = !t->add_eos;
}
FAULT(lose_add_eos)
{
	t->add_eos_given = false;
}
FAULT(change_prefix)
{
	t->add_space_prefix = !t->add_space_prefix;
}
FAULT(change_blanks)
{
	t->remove_extra_whitespaces = !t->remove_extra_whitespaces;
}
FAULT(change_pre)
{
	t->pre = "qwen2";
}
FAULT(change_flagged_pre)
{
	t->pre = "dbrx"; /* the same expression, but merges are not ignored */
}
FAULT(default_pre)
{
	t->pre = "gpt-2";
}
FAULT(change_template)
{
	t->chat_template = fox_str_of("{{ eos_token }}");
}
FAULT(lose_spec)
{
	t->hf_spec = (struct fox_str){NULL, 0};
}
FAULT(break_spec)
{
	t->hf_spec = fox_str_of("{");
}
FAULT(invent_spm)
{
	t->spm_spec = fox_str_of("x");
}
FAULT(invent_charsmap)
{
	t->charsmap = fox_str_of("abcd");
}
FAULT(change_model)
{
	t->model = "llama";
}

/* hf_spec with the first `from` replaced by `to`, in memory that the test keeps. */
static void edit_spec(struct fox_tokdata *t, const char *from, const char *to)
{
	static char room[8192];
	const char *at = memmem(t->hf_spec.p, t->hf_spec.n, from, strlen(from));
	assert_non_null(at);
	size_t head = (size_t)(at - t->hf_spec.p);
	int n = snprintf(room, sizeof room, "%.*s%s%.*s", (int)head, t->hf_spec.p, to,
	    (int)(t->hf_spec.n - head - strlen(from)), at + strlen(from));
	assert_true(n > 0 && (size_t)n < sizeof room);
	t->hf_spec = (struct fox_str){room, (size_t)n};
}

FAULT(edit_regex)
{
	edit_spec(t, "{1,3}", "{1,2}");
}
FAULT(edit_added)
{
	edit_spec(t, "\"content\":\"user\",\"single_word\":false", "\"content\":\"user\",\"single_word\":true");
}
FAULT(edit_number)
{
	edit_spec(t, "\"ids\":[6]", "\"ids\":[7]");
}
FAULT(edit_order)
{
	edit_spec(t, "\"truncation\":null,\"padding\":null", "\"padding\":null,\"truncation\":null");
}
FAULT(edit_more)
{
	edit_spec(t, "\"fuse_unk\":false", "\"fuse_unk\":false,\"more\":0");
}
FAULT(edit_less)
{
	edit_spec(t, "\"dropout\":null,", "");
}
FAULT(edit_null)
{
	edit_spec(t, "\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}");
}
FAULT(edit_shorter)
{
	edit_spec(t, "," ADDED(8, "user", false), "");
}
FAULT(edit_prefix)
{
	edit_spec(t, "\"add_prefix_space\":false", "\"add_prefix_space\":true");
}

static const struct {
	enum kind kind;
	void (*fault)(struct fox_tokdata *t);
	const char *key, *says;
} faults[] = {
    {BYTE_LEVEL, swap_pieces, T "tokens", "token 2 is 'ab', must be 'c'"},
    {BYTE_LEVEL, change_type, T "token_type", "token 1 has type 4, must be 1"},
    {BYTE_LEVEL, forget_special, T "token_type", "token 6 has type 1, must be 3"},
    {BYTE_LEVEL, forget_look, T "token_type", "token 7 has type 4, must be 3"},
    {BYTE_LEVEL, name_filler, T "tokens", "token 10 is '[PAD11]', must be '[PAD10]'"},
    {BYTE_LEVEL, swap_merges, T "merges", "merge 0 is 'b c', must be 'a b'"},
    {BYTE_LEVEL, lose_merge, T "merges", "are not 3 merges"},
    {BYTE_LEVEL, change_eos, T "eos_token_id", "is 3, must be 7, the id of '<|x|>'"},
    {BYTE_LEVEL, invent_pad, T "padding_token_id", "is 1, but the source names no such token"},
    {BYTE_LEVEL, change_unk, T "unknown_token_id", "is 1, but the source names no such token"},
    {BYTE_LEVEL, change_add_bos, T "add_bos_token", "is false, must be true by the post_processor"},
    {BYTE_LEVEL, change_add_eos, T "add_eos_token", "is true, must be false by the post_processor"},
    {BYTE_LEVEL, lose_add_eos, T "add_eos_token", "absent, must be false by the post_processor"},
    {BYTE_LEVEL, change_pre, T "pre",
        "is 'qwen2', under which llama.cpp splits text in another way than tokenizer.json says"},
    {BYTE_LEVEL, change_flagged_pre, T "pre",
        "is 'dbrx', under which llama.cpp splits text in another way than tokenizer.json says"},
    {BYTE_LEVEL, change_template, "tokenizer.chat_template", "is not the source's template"},
    {BYTE_LEVEL, lose_spec, FOX_KEY_HF_SPEC,
        "absent, must be the tokenizer.json without vocabulary and merges"},
    {BYTE_LEVEL, break_spec, FOX_KEY_HF_SPEC, "is not JSON"},
    {BYTE_LEVEL, invent_spm, FOX_KEY_SPM_SPEC, "is there, but the source has no tokenizer.model"},
    {BYTE_LEVEL, edit_regex, FOX_KEY_HF_SPEC, HF "pre_tokenizer.pretokenizers[0].pattern.Regex' differs"},
    {BYTE_LEVEL, edit_added, FOX_KEY_HF_SPEC, HF "added_tokens[2].single_word' differs"},
    {BYTE_LEVEL, edit_number, FOX_KEY_HF_SPEC,
        HF "post_processor.processors[1].special_tokens.<s>.ids[0]' differs"},
    {BYTE_LEVEL, edit_order, FOX_KEY_HF_SPEC, HF "truncation' differs"},
    {BYTE_LEVEL, edit_more, FOX_KEY_HF_SPEC, HF "model.byte_fallback' differs"},
    {BYTE_LEVEL, edit_less, FOX_KEY_HF_SPEC, HF "model.dropout' differs"},
    {BYTE_LEVEL, edit_null, FOX_KEY_HF_SPEC, HF "normalizer' differs"},
    {BYTE_LEVEL, edit_shorter, FOX_KEY_HF_SPEC, HF "added_tokens[2]' differs"},
    {SPM_LIKE, keep_marks, T "tokens", "token 5 is '\xE2\x96\x81\xE2\x96\x81', must be '  '"},
    {SPM_LIKE, change_score, T "scores", "token 4 scores 1, must be -0"},
    {SPM_LIKE, change_bos, T "bos_token_id", "is 2, must be 1, the id of '<s>'"},
    {SPM_LIKE, change_unk, T "unknown_token_id", "is 1, must be 0, the id of '<unk>'"},
    {SPM_LIKE, change_prefix, T "add_space_prefix",
        "is false, must be true by the pipeline of tokenizer.json"},
    {SPM_LIKE, change_blanks, T "remove_extra_whitespaces",
        "is true, must be false by the pipeline of tokenizer.json"},
    {SPM_LIKE, swap_merges, T "merges", "merge 0 is '\xE2\x96\x81 \xE2\x96\x81', must be '\xE2\x96\x81 a'"},
    {SPM_LIKE, default_pre, T "pre", "is 'gpt-2', must be 'default' for this vocabulary"},
    {UNIGRAM, change_score, T "scores", "token 4 scores -2.5, must be -3.5"},
    {UNIGRAM, swap_pieces, T "tokens", "token 2 is '\xE2\x96\x81', must be '<unk>'"},
    {UNIGRAM, change_unk, T "unknown_token_id", "is 1, must be 2, the unknown piece of the vocabulary"},
    {UNIGRAM, change_blanks, T "remove_extra_whitespaces",
        "is false, must be true by the pipeline of tokenizer.json"},
    {UNIGRAM, invent_charsmap, T "precompiled_charsmap", "is there, but the source has no character map"},
    {UNIGRAM, change_add_eos, T "add_eos_token", "is false, must be true by the post_processor"},
    {UNIGRAM, change_model, T "model", "is 'llama', must be 't5' for this vocabulary"},
    {VOCAB, swap_pieces, T "tokens", "token 2 is '<|endoftext|>', must be 'ab'"},
    {VOCAB, edit_prefix, FOX_KEY_HF_SPEC, HF "pre_tokenizer.add_prefix_space' differs"},
    {VOCAB, lose_merge, T "merges", "are not 1 merges"},
};

/* Names that no row has are told, never taken for proven: two names of a row, and one with a NUL. */
static void unknown_names(void **state)
{
	(void)state;
	static const struct fox_str pres[] = {
	    {"llama-bpe llama3", 16}, {"llama-bpe\0x", 11}, {"", 0}, {"kimi-k2", 7}};
	struct fox_json *j;
	struct fox_err e = {0};
	assert_fox_ok(fox_json_parse(&j, fox_str_of(byte_level), &e), &e);
	assert_int_equal(fox_want_pre_fits(fox_json_root(j), fox_str_of("llama-bpe")), FOX_WANT_PRE_FITS);
	assert_int_equal(fox_want_pre_fits(fox_json_root(j), fox_str_of("gpt-2")), FOX_WANT_PRE_WRONG);
	for (size_t i = 0; i < FOX_COUNT(pres); i++)
		assert_int_equal(fox_want_pre_fits(fox_json_root(j), pres[i]), FOX_WANT_PRE_UNKNOWN);
	fox_json_close(j);
}

static void finds_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(faults); i++) {
		struct vertok x;
		vertok_import(&x, &sources[faults[i].kind], names[faults[i].kind]);
		faults[i].fault(&x.t);
		vertok_prove(&x, faults[i].key, faults[i].says);
		vertok_close(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(proves_sources),
	    cmocka_unit_test(unknown_names),
	    cmocka_unit_test(finds_faults),
	};
	return cmocka_run_group_tests_name("vertok", tests, NULL, NULL);
}
