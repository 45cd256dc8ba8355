/* Vocabulary keys of containers, ours and others': read, refused with exact texts, written and read back; and
 * the import of the JSON files beside tokenizer.model. */
#include "tests/test.h"

#include "convert/tok_import.h"
#include "format/profile.h"
#include "tests/gguf_text.h"
#include "tests/src_make.h"

#define T "tokenizer.ggml."
#define MODEL "kv " T "model 8 str llama "
#define TOKENS "arr " T "tokens 8 4 str <unk> str <s> str </s> str a "
#define TYPES "arr " T "token_type 5 4 u32 2 u32 3 u32 3 u32 1 "

struct held {
	struct fox_buf bytes;
	struct fox_gguf *g;
	struct fox_tokdata t;
};

/* A container of these keys, and its vocabulary. */
static enum fox_status read_keys(struct held *h, const char *keys, struct fox_err *err)
{
	size_t n = 0;
	char words[4096];
	for (const char *p = keys; (p = strpbrk(p, "ka")); p++)
		n += (p == keys || p[-1] == ' ') && (!strncmp(p, "kv ", 3) || !strncmp(p, "arr ", 4));
	snprintf(words, sizeof words, "gguf 3 0 %zu %s", n, keys);
	*h = (struct held){0};
	*err = (struct fox_err){0};
	gguf_from_text(&h->bytes, words);
	struct fox_span span = {(const uint8_t *)h->bytes.p, h->bytes.n};
	assert_fox_ok(fox_gguf_open_bytes(&h->g, span, "test", err), err);
	return fox_tokdata_from_gguf(&h->t, h->g, err);
}

static void drop(struct held *h)
{
	fox_tokdata_free(&h->t);
	fox_gguf_close(h->g);
	fox_buf_free(&h->bytes);
}

/* at: the key whose value's offset the error names, or NULL. */
static void refused(const char *keys, enum fox_status code, const char *at, const char *text)
{
	struct held h;
	struct fox_err err;
	assert_int_equal(read_keys(&h, keys, &err), code);
	assert_fox_err(&err, code, at ? fox_gguf_find_key(h.g, at)->at : FOX_NOWHERE, text);
	drop(&h);
}

static void refusals(void **state)
{
	(void)state;
	refused("kv general.name 8 str x ", FOX_E_FORMAT, NULL, "no key 'tokenizer.ggml.model'");
	refused("kv " T "model 8 str bert ", FOX_E_UNSUPPORTED, NULL,
	    "tokenizer model 'bert', want 'llama', 't5' or 'gpt2'");
	refused(MODEL, FOX_E_FORMAT, NULL, "no key 'tokenizer.ggml.tokens'");
	refused(MODEL "kv " T "tokens 8 str a ", FOX_E_FORMAT, T "tokens",
	    "'tokenizer.ggml.tokens' is not an array of strings");
	refused(MODEL "arr " T "tokens 4 1 u32 1 ", FOX_E_FORMAT, T "tokens",
	    "'tokenizer.ggml.tokens' is not an array of strings");
	refused(MODEL "arr " T "tokens 8 0 ", FOX_E_FORMAT, T "tokens", "'tokenizer.ggml.tokens' is empty");
	refused(MODEL "arr " T "tokens 8 1 name 1025 ", FOX_E_BOUND, T "tokens",
	    "token 0 has 1025 bytes, more than 1024");
	refused(MODEL TOKENS "arr " T "scores 6 3 f32 0 f32 0 f32 0 ", FOX_E_FORMAT, T "scores",
	    "'tokenizer.ggml.scores' has 3 elements for 4 tokens");
	refused(MODEL TOKENS "kv " T "scores 6 f32 0 ", FOX_E_FORMAT, T "scores",
	    "key 'tokenizer.ggml.scores' is f32, want an array");
	refused(MODEL TOKENS "arr " T "scores 6 4 f32 0 f32 nan f32 0 f32 0 ", FOX_E_FORMAT, T "scores",
	    "score of token 1 is not finite");
	refused(MODEL TOKENS "arr " T "scores 12 4 f64 0 f64 0 f64 1e300 f64 0 ", FOX_E_FORMAT, T "scores",
	    "score of token 2 is not finite");
	refused(MODEL TOKENS "arr " T "scores 8 4 str a str b str c str d ", FOX_E_FORMAT, T "scores",
	    "'tokenizer.ggml.scores' is an array of str, want f32");
	refused(MODEL TOKENS "arr " T "token_type 5 5 u32 1 u32 1 u32 1 u32 1 u32 1 ", FOX_E_FORMAT,
	    T "token_type", "'tokenizer.ggml.token_type' has 5 elements for 4 tokens");
	refused(MODEL TOKENS "arr " T "token_type 5 4 u32 1 u32 1 u32 1 u32 7 ", FOX_E_FORMAT, T "token_type",
	    "type of token 3 is 7, want 0 to 6");
	refused(MODEL TOKENS "arr " T "token_type 5 4 u32 -1 u32 1 u32 1 u32 1 ", FOX_E_FORMAT, T "token_type",
	    "type of token 0 is -1, want 0 to 6");
	refused(MODEL TOKENS "arr " T "token_type 6 4 f32 1 f32 1 f32 1 f32 1 ", FOX_E_FORMAT, T "token_type",
	    "'tokenizer.ggml.token_type' is an array of f32, want i32");
	refused(MODEL TOKENS "arr " T "token_type 5 4 u32 2 u32 1 u32 1 u32 6 ", FOX_E_FORMAT, T "token_type",
	    "byte token 3 is 'a', want <0x00> to <0xFF>");
	refused(MODEL TOKENS "kv " T "bos_token_id 4 u32 4 ", FOX_E_FORMAT, T "bos_token_id",
	    "'tokenizer.ggml.bos_token_id' is 4, outside the vocabulary of 4 tokens");
	refused(MODEL TOKENS "kv " T "padding_token_id 5 u32 -2 ", FOX_E_FORMAT, T "padding_token_id",
	    "'tokenizer.ggml.padding_token_id' is -2, outside the vocabulary of 4 tokens");
	refused(MODEL TOKENS "kv " T "eos_token_id 8 str 2 ", FOX_E_FORMAT, T "eos_token_id",
	    "key 'tokenizer.ggml.eos_token_id' is str, want u32");
	refused(MODEL TOKENS "arr " T "eos_token_id 4 1 u32 2 ", FOX_E_FORMAT, T "eos_token_id",
	    "key 'tokenizer.ggml.eos_token_id' is arr, want u32");
	refused(MODEL TOKENS "arr fox.tokenizer.user_defined 4 2 u32 3 u32 3 ", FOX_E_FORMAT,
	    "fox.tokenizer.user_defined",
	    "element 1 of 'fox.tokenizer.user_defined' is not a token id that rises");
	refused(MODEL TOKENS "arr fox.tokenizer.user_defined 4 1 u32 4 ", FOX_E_FORMAT,
	    "fox.tokenizer.user_defined",
	    "element 0 of 'fox.tokenizer.user_defined' is not a token id that rises");
	refused(MODEL TOKENS "arr fox.tokenizer.user_defined 4 5 u32 0 u32 1 u32 2 u32 3 u32 4 ", FOX_E_FORMAT,
	    "fox.tokenizer.user_defined", "'fox.tokenizer.user_defined' has 5 elements for 4 tokens");
	refused(MODEL TOKENS "kv fox.tokenizer.user_defined 4 u32 1 ", FOX_E_FORMAT, "fox.tokenizer.user_defined",
	    "'fox.tokenizer.user_defined' is not an array");
	refused(MODEL TOKENS "kv fox.tokenizer.spm 8 str x ", FOX_E_FORMAT, "fox.tokenizer.spm",
	    "'fox.tokenizer.spm' is not an array of u8");
	refused(MODEL TOKENS "arr fox.tokenizer.spm 0 2 u8 26 u8 9 ", FOX_E_FORMAT, NULL,
	    "SentencePiece model is not a protobuf message, in 'fox.tokenizer.spm'");
	refused(MODEL TOKENS "arr " T "precompiled_charsmap 4 1 u32 1 ", FOX_E_FORMAT, T "precompiled_charsmap",
	    "'tokenizer.ggml.precompiled_charsmap' is not an array of u8");
	refused(MODEL TOKENS "arr fox.tokenizer.scores 12 3 f64 0 f64 0 f64 0 ", FOX_E_FORMAT,
	    "fox.tokenizer.scores", "'fox.tokenizer.scores' has 3 elements for 4 tokens");
	refused(MODEL TOKENS "arr fox.tokenizer.scores 12 4 f64 0 f64 0 f64 0.5 f64 0 ", FOX_E_FORMAT,
	    "fox.tokenizer.scores", "element 2 of 'fox.tokenizer.scores' is not the token's score");
	refused(MODEL TOKENS "arr fox.tokenizer.scores 8 4 str a str b str c str d ", FOX_E_FORMAT,
	    "fox.tokenizer.scores", "'fox.tokenizer.scores' is an array of str, want f64");
}

/* What llama.cpp assumes of Unigram vocabularies. */
static void unigram_others(void **state)
{
	(void)state;
	struct held h;
	struct fox_err err;
	static const char keys[] =
	    "kv " T "model 8 str t5 arr " T "tokens 8 4 str <pad> str </s> str <unk> str a ";
	char more[512];
	snprintf(more, sizeof more, "%sarr " T "token_type 5 4 u32 3 u32 3 u32 2 u32 1 ", keys);
	assert_fox_ok(read_keys(&h, more, &err), &err);
	assert_string_equal(h.t.model, "t5");
	assert_true(h.t.pad == 0 && h.t.eos == 1 && h.t.unk == 2 && h.t.bos == FOX_TOK_NONE);
	assert_true(!h.t.add_bos && h.t.add_eos && !h.t.add_space_prefix && !h.t.remove_extra_whitespaces);
	assert_null(h.t.charsmap.p);
	assert_null(h.t.exact_score);
	drop(&h);
	snprintf(more, sizeof more, "%sarr " T "precompiled_charsmap 0 2 u8 7 u8 8 ", keys);
	assert_fox_ok(read_keys(&h, more, &err), &err);
	assert_true(fox_str_is(h.t.charsmap, "\x07\x08"));
	drop(&h);
}

#define GPT2 "kv " T "model 8 str gpt2 "
#define T5 "kv " T "model 8 str t5 "

static void merges_refused(void **state)
{
	(void)state;
	refused(GPT2 TOKENS, FOX_E_FORMAT, NULL, "no key 'tokenizer.ggml.merges'");
	refused(GPT2 TOKENS "arr " T "merges 4 1 u32 1 ", FOX_E_FORMAT, T "merges",
	    "'tokenizer.ggml.merges' is not an array of strings");
	refused(GPT2 TOKENS "kv " T "merges 8 str x ", FOX_E_FORMAT, T "merges",
	    "'tokenizer.ggml.merges' is not an array of strings");
	refused(GPT2 TOKENS "arr " T "merges 8 1 str ab ", FOX_E_FORMAT, T "merges",
	    "merge 0 is 'ab', want two texts with a blank between");
	refused(T5 TOKENS "arr " T "precompiled_charsmap 4 1 u32 1 ", FOX_E_FORMAT, T "precompiled_charsmap",
	    "'tokenizer.ggml.precompiled_charsmap' is not an array of u8");
	refused(T5 TOKENS "kv fox.tokenizer.hf 4 u32 1 ", FOX_E_FORMAT, "fox.tokenizer.hf",
	    "key 'fox.tokenizer.hf' is u32, want str");
}

static void halves(void **state)
{
	static const char *const none[] = {"", " ", "ab", " ab", "ab ", "a  b", "a b c"};
	struct fox_str left, right;
	(void)state;
	assert_true(fox_tokdata_halves(fox_str_of("ab c"), &left, &right));
	assert_true(fox_str_is(left, "ab") && fox_str_is(right, "c"));
	for (size_t i = 0; i < FOX_COUNT(none); i++)
		assert_false(fox_tokdata_halves(fox_str_of(none[i]), &left, &right));
}

/* llama.cpp's defaults for the other two models. */
static void models(void **state)
{
	(void)state;
	struct held h;
	struct fox_err err;
	assert_fox_ok(read_keys(&h, GPT2 TOKENS TYPES "arr " T "merges 8 0 ", &err), &err);
	assert_true(h.t.n_merges == 0 && !h.t.pre && !h.t.hf_spec.n);
	assert_true(!h.t.add_bos && !h.t.add_eos && !h.t.add_space_prefix && h.t.bos == FOX_TOK_NONE);
	drop(&h);
	assert_fox_ok(
	    read_keys(&h, GPT2 TOKENS TYPES "arr " T "merges 8 0 kv " T "pre 8 str llama-bpe ", &err), &err);
	assert_true(h.t.add_bos && !h.t.add_bos_given);
	assert_string_equal(h.t.pre, "llama-bpe");
	drop(&h);
	assert_fox_ok(read_keys(&h,
	                  GPT2 TOKENS TYPES "arr " T "merges 8 0 kv " T "pre 8 str llama-bpe kv " T
	                                    "add_bos_token 7 u8 0 kv fox.tokenizer.hf 8 str {} ",
	                  &err),
	    &err);
	assert_true(!h.t.add_bos && h.t.add_bos_given && fox_str_is(h.t.hf_spec, "{}"));
	drop(&h);
	assert_fox_ok(read_keys(&h,
	                  T5 "arr " T "tokens 8 3 str <pad> str </s> str <unk> arr " T
	                     "token_type 5 3 u32 3 u32 3 u32 2 arr " T "precompiled_charsmap 1 2 u8 1 u8 2 ",
	                  &err),
	    &err);
	assert_true(h.t.pad == 0 && h.t.eos == 1 && h.t.unk == 2 && h.t.bos == FOX_TOK_NONE);
	assert_true(!h.t.add_bos && h.t.add_eos && !h.t.add_space_prefix && !h.t.remove_extra_whitespaces);
	assert_int_equal(h.t.charsmap.n, 2);
	assert_memory_equal(h.t.charsmap.p, "\1\2", 2);
	drop(&h);
}

/* What other writers leave out, and how wide they write. */
static void others(void **state)
{
	(void)state;
	struct held h;
	struct fox_err err;
	assert_fox_ok(read_keys(&h, MODEL TOKENS TYPES, &err), &err);
	assert_int_equal(h.t.n, 4);
	assert_true(h.t.score[3] == 0);
	assert_true(h.t.bos == 1 && h.t.eos == 2 && h.t.unk == 0 && h.t.pad == FOX_TOK_NONE);
	assert_true(h.t.add_bos && !h.t.add_eos && h.t.add_space_prefix && !h.t.remove_extra_whitespaces);
	assert_false(h.t.add_bos_given);
	assert_null(h.t.chat_template.p);
	drop(&h);
	assert_fox_ok(read_keys(&h, MODEL TOKENS, &err), &err); /* no types: ids 0 to 2 are no special pieces */
	assert_true(h.t.bos == FOX_TOK_NONE && h.t.eos == FOX_TOK_NONE && h.t.unk == FOX_TOK_NONE);
	assert_int_equal(h.t.type[0], FOX_TOK_NORMAL);
	drop(&h);
	assert_fox_ok(read_keys(&h, MODEL TOKENS TYPES "kv fox.profile 4 u32 1 ", &err), &err);
	assert_true(h.t.bos == FOX_TOK_NONE); /* a file of ours says all it means */
	drop(&h);
	assert_fox_ok(
	    read_keys(&h,
	        MODEL TOKENS "arr " T "token_type 0 4 u8 2 u8 3 u8 0 u8 5 arr " T
	                     "scores 12 4 f64 0 f64 0 f64 -1.5 f64 2 kv " T "bos_token_id 10 u64 3 kv " T
	                     "eos_token_id 4 u32 -1 kv " T "eot_token_id 11 u64 -1 kv " T
	                     "add_bos_token 7 u8 0 kv " T "remove_extra_whitespaces 7 u8 1 kv " T
	                     "pre 8 str default kv tokenizer.chat_template 8 str hi ",
	        &err),
	    &err);
	assert_true(
	    h.t.type[0] == FOX_TOK_UNKNOWN && h.t.type[2] == FOX_TOK_NORMAL && h.t.type[3] == FOX_TOK_UNUSED);
	assert_true(h.t.score[2] == -1.5f);
	assert_true(h.t.bos == 3 && h.t.eos == FOX_TOK_NONE && h.t.eot == FOX_TOK_NONE);
	assert_true(!h.t.add_bos && h.t.add_bos_given && h.t.remove_extra_whitespaces);
	assert_true(fox_str_is(h.t.chat_template, "hi"));
	drop(&h);
}

static void byte_pieces(void **state)
{
	(void)state;
	assert_int_equal(fox_tokdata_byte(fox_str_of("<0x00>")), 0);
	assert_int_equal(fox_tokdata_byte(fox_str_of("<0xFF>")), 255);
	assert_int_equal(fox_tokdata_byte(fox_str_of("<0xA9>")), 0xa9);
	assert_int_equal(fox_tokdata_byte(fox_str_of("<0xa9>")), -1);
	assert_int_equal(fox_tokdata_byte(fox_str_of("<0x0G>")), -1);
	assert_int_equal(fox_tokdata_byte(fox_str_of("<0x0>")), -1);
	assert_int_equal(fox_tokdata_byte(fox_str_of("<0x000>")), -1);
	assert_int_equal(fox_tokdata_byte(fox_str_of("<0x00)")), -1);
}

/* ---- import and back */

static struct fox_buf notes;

static void note(void *ctx, const char *line)
{
	fox_buf_fmt(ctx, "%s\n", line);
}

static enum fox_status import(struct fox_tokdata *t, struct fox_source **src, const char *dir,
    struct fox_hfconfig *config, struct fox_err *err)
{
	*err = (struct fox_err){0};
	*t = (struct fox_tokdata){0};
	fox_buf_clear(&notes);
	fox_buf_str(&notes, "");
	assert_fox_ok(fox_source_open(src, dir, false, err), err);
	return fox_tok_import(t, *src, config, NULL, note, &notes, err);
}

static void same(const struct fox_tokdata *a, const struct fox_tokdata *b)
{
	assert_int_equal(a->n, b->n);
	for (uint32_t i = 0; i < a->n; i++) {
		assert_true(fox_str_eq(a->piece[i], b->piece[i]));
		assert_true(a->score[i] == b->score[i]);
		assert_int_equal(a->type[i], b->type[i]);
	}
	assert_int_equal(a->n_user, b->n_user);
	assert_memory_equal(a->user, b->user, a->n_user * sizeof *a->user);
	assert_int_equal(a->bos, b->bos);
	assert_int_equal(a->eos, b->eos);
	assert_int_equal(a->unk, b->unk);
	assert_int_equal(a->pad, b->pad);
	assert_int_equal(a->eot, b->eot);
	assert_int_equal(a->sep, b->sep);
	assert_int_equal(a->mask, b->mask);
	assert_true(a->add_bos == b->add_bos && a->add_bos_given == b->add_bos_given);
	assert_true(a->add_eos == b->add_eos && a->add_eos_given == b->add_eos_given);
	assert_true(a->add_space_prefix == b->add_space_prefix);
	assert_true(a->remove_extra_whitespaces == b->remove_extra_whitespaces);
	assert_true(fox_str_eq(a->chat_template, b->chat_template));
	assert_true(fox_str_eq(a->spm_spec, b->spm_spec));
}

static void demo_round_trip(void **state)
{
	(void)state;
	struct fox_hfconfig config = {.bos = 1, .eos = 2, .pad = -1, .hp.n_vocab = 2048};
	struct fox_tokdata t, back;
	struct fox_source *src;
	struct fox_err err;
	assert_fox_ok(import(&t, &src, "tests/demo", &config, &err), &err);
	assert_string_equal(notes.p,
	    "bos token '<bos>' is 2 in the vocabulary, 1 in config.json: 2 is right\n"
	    "eos token '<eos>' is 1 in the vocabulary, 2 in config.json: 1 is right\n"
	    "'bos_token_id' in generation_config.json does not hold 2, which the vocabulary says\n"
	    "'eos_token_id' in generation_config.json does not hold 1, which the vocabulary says\n");
	assert_true(t.bos == 2 && t.eos == 1 && t.unk == 3 && t.pad == 0 && t.sep == FOX_TOK_NONE);
	assert_true(t.add_bos && t.add_bos_given && !t.add_eos && t.add_eos_given);
	assert_false(t.add_space_prefix);
	assert_true(fox_str_starts(t.chat_template, "{% for message in messages %}"));
	for (int i = 0; i < 6; i++)
		assert_int_equal(t.type[i], FOX_TOK_CONTROL); /* added_tokens_decoder calls even <unk> special */
	assert_true(t.score[0] == -1000 && t.score[5] == -1000);
	assert_int_equal(t.type[6], FOX_TOK_NORMAL);
	assert_int_equal(t.n_user, 2);
	assert_true(t.user[0] == 6 && t.user[1] == 7); /* "\n" and "\n\n" */

	struct fox_gguf_writer *w;
	struct fox_gguf *g;
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_tokdata_put(&t, w, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, test_path("tok.gguf"), true, &err), &err);
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	assert_fox_ok(fox_gguf_open(&g, test_path("tok.gguf"), &err), &err);
	assert_fox_ok(fox_tokdata_from_gguf(&back, g, &err), &err);
	same(&t, &back);
	assert_null(fox_gguf_find_key(g, T "eot_token_id"));
	assert_null(fox_gguf_find_key(g, T "remove_extra_whitespaces"));
	assert_int_equal(fox_gguf_find_key(g, T "token_type")->item, FOX_GGUF_I32);
	assert_int_equal(fox_gguf_find_key(g, T "bos_token_id")->type, FOX_GGUF_U32);
	fox_tokdata_free(&back);
	fox_gguf_close(g);
	fox_tokdata_free(&t);
	fox_source_close(src);
}

/* A tokenizer.model's own vocabulary through a container; the map in a key of llama.cpp's when it has one for it. */
static void model_round_trip(const char *path, bool unigram)
{
	struct fox_tokdata t, back;
	struct fox_gguf_writer *w;
	struct fox_gguf *g;
	struct fox_err err = {0};
	char *bytes;
	size_t n;
	assert_fox_ok(fox_path_slurp(path, 1u << 20, &bytes, &n, &err), &err);
	assert_fox_ok(fox_tok_spiece(&t, (struct fox_span){(const uint8_t *)bytes, n}, &err), &err);
	t.exact_score = unigram ? fox_arena_alloc(&t.arena, t.n, sizeof *t.exact_score) : NULL;
	for (uint32_t i = 0; unigram && i < t.n; i++)
		t.exact_score[i] = t.score[i] * (1 + 0x1p-40);
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_tokdata_put(&t, w, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, test_path("model.gguf"), true, &err), &err);
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	assert_fox_ok(fox_gguf_open(&g, test_path("model.gguf"), &err), &err);
	assert_fox_ok(fox_tokdata_from_gguf(&back, g, &err), &err);
	assert_string_equal(back.model, unigram ? "t5" : "llama");
	assert_true(t.charsmap.n > 1024 && fox_str_eq(t.charsmap, back.charsmap));
	assert_true(fox_str_eq(t.spm_spec, back.spm_spec));
	assert_true(t.n_user && t.n_user == back.n_user && t.unk == back.unk);
	assert_true(t.remove_extra_whitespaces == back.remove_extra_whitespaces);
	assert_int_equal(fox_gguf_find_key(g, T "precompiled_charsmap") != NULL, unigram);
	assert_int_equal(
	    fox_gguf_find_key(g, T "add_bos_token") != NULL, !unigram); /* no bos is the default of only one */
	assert_int_equal(fox_gguf_find_key(g, T "add_eos_token") != NULL, unigram);
	for (uint32_t i = 0; unigram && i < t.n; i++)
		assert_true(back.exact_score[i] == t.exact_score[i]);
	fox_tokdata_free(&back);
	fox_gguf_close(g);
	fox_tokdata_free(&t);
	free(bytes);
}

static void mapped_round_trips(void **state)
{
	(void)state;
	model_round_trip("tests/golden/tok_uni.model", true);
	model_round_trip("tests/golden/tok_mapped.model", false);
}

static void copy_model(const char *to)
{
	char *bytes;
	size_t n;
	struct fox_err err = {0};
	assert_fox_ok(fox_path_slurp("tests/golden/tok_prefix.model", 1u << 20, &bytes, &n, &err), &err);
	test_write(test_path(to), bytes, n);
	free(bytes);
}

/* The 400 pieces of tok_prefix.model: <unk> 0, <s> 1, </s> 2, <ctl> 3, then USER_DEFINED ones from 4. */
static void added_tokens(void **state)
{
	(void)state;
	struct fox_hfconfig config = {.bos = -1, .eos = 2, .pad = 500, .hp.n_vocab = 410};
	struct fox_tokdata t;
	struct fox_source *src;
	struct fox_err err;
	src_folder("added");
	copy_model("added/tokenizer.model");
	src_text("added/added_tokens.json", "{\"<new>\": 400, \"<far>\": 410}");
	src_text("added/tokenizer_config.json",
	    "{\"added_tokens_decoder\": {\"401\": {\"content\": \"\xE2\x96\x81\xE2\x96\x81x\", \"special\": "
	    "false},"
	    " \"402\": {\"content\": \"<|im|>\"}, \"5\": {\"content\": \"ab\"}, \"6\": {\"content\": \"other\", "
	    "\"special\": true}},"
	    " \"add_prefix_space\": false, \"sep_token\": \"<|im|>\", \"mask_token\": \"<none>\", "
	    "\"chat_template\":"
	    " [{\"name\": \"tool\", \"template\": \"T\"}, {\"name\": \"default\", \"template\": \"D\"}]}");
	src_text(
	    "added/special_tokens_map.json", "{\"bos_token\": {\"content\": \"<s>\"}, \"eos_token\": \"<new>\"}");
	src_text("added/tokenizer.json",
	    "{\"a\": [1, {\"b\": \"}\\\"\"}], \"model\": {}, \"post_processor\": {\"type\": \"Sequence\", "
	    "\"processors\": ["
	    "{\"type\": \"ByteLevel\"}, {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": "
	    "{\"id\": \"<s>\"}},"
	    " {\"Sequence\": {\"id\": \"A\"}}, {\"SpecialToken\": {\"id\": \"<new>\"}}]}]}}");
	src_text("added/chat_template.jinja", "J");
	assert_fox_ok(import(&t, &src, test_path("added"), &config, &err), &err);
	assert_string_equal(notes.p,
	    "added_tokens.json: token '<far>' has id 410, past the 410 rows of the embedding: left out\n"
	    "tokenizer_config.json: token 6 is 'other', not 'abc' as in tokenizer.model\n"
	    "eos token '<new>' is 400 in the vocabulary, 2 in config.json: 400 is right\n"
	    "'pad_token_id' in config.json is 500, past the 410 tokens: left out\n"
	    "mask token '<none>' is not in the vocabulary\n"
	    "'add_prefix_space' in tokenizer_config.json is false, tokenizer.model says true: the latter is "
	    "right\n"
	    "the chat template is that of chat_template.jinja; tokenizer_config.json has another\n");
	assert_true(fox_str_is(t.piece[400], "<new>") && t.type[400] == FOX_TOK_USER && t.score[400] == -1000);
	assert_true(fox_str_is(t.piece[401], "  x") && t.type[401] == FOX_TOK_USER);
	assert_true(t.type[402] == FOX_TOK_CONTROL);
	assert_true(t.type[5] == FOX_TOK_USER && t.type[6] == FOX_TOK_CONTROL && t.type[4] == FOX_TOK_NORMAL);
	assert_true(
	    fox_str_is(t.piece[409], "[PAD409]") && t.type[409] == FOX_TOK_UNUSED && t.score[409] == -10000);
	assert_int_equal(t.n_user, 4); /* six less those that the decoder typed */
	assert_int_equal(t.user[0], 4);
	assert_true(t.bos == 1 && t.eos == 400 && t.unk == 0 && t.pad == FOX_TOK_NONE && t.sep == 402);
	assert_true(t.add_bos && t.add_eos && t.add_bos_given && t.add_eos_given);
	assert_true(t.add_space_prefix && t.remove_extra_whitespaces);
	assert_true(fox_str_is(t.chat_template, "J"));
	fox_tokdata_free(&t);
	fox_source_close(src);
}

static void import_refused(const char *dir, struct fox_hfconfig *config, enum fox_status code, uint64_t at,
    const char *file, const char *text)
{
	struct fox_tokdata t;
	struct fox_source *src;
	struct fox_err err;
	assert_int_equal(import(&t, &src, test_path(dir), config, &err), code);
	assert_fox_err(&err, code, at, text);
	size_t n = strlen(file), have = strlen(err.file);
	assert_true(have >= n && !strcmp(err.file + have - n, file));
	fox_tokdata_free(&t);
	fox_source_close(src);
}

static void import_refusals(void **state)
{
	(void)state;
	struct fox_hfconfig config = {.bos = -1, .eos = -1, .pad = -1, .hp.n_vocab = 400};
	src_folder("bad");
	src_text("bad/config.json", "{}");
	import_refused("bad", &config, FOX_E_UNSUPPORTED, FOX_NOWHERE, "",
	    "no tokenizer.model, no tokenizer.json, and no vocab.json with merges.txt");
	src_text("bad/tokenizer.model", "\x0a\x05xy");
	import_refused("bad", &config, FOX_E_BOUND, 1, "tokenizer.model",
	    "field of 5 bytes ends past its message, which has 2 left, in pieces");
	copy_model("bad/tokenizer.model");
	config.hp.n_vocab = 399;
	import_refused("bad", &config, FOX_E_MISMATCH, FOX_NOWHERE, "tokenizer.model",
	    "tokenizer.model has 400 pieces for the 399 rows of the embedding");
	config.hp.n_vocab = UINT32_MAX;
	import_refused(
	    "bad", &config, FOX_E_BOUND, FOX_NOWHERE, "", "'vocab_size' is 4294967295, more than 4194304");
	config.hp.n_vocab = 400;
	src_text("bad/added_tokens.json", "[]");
	import_refused("bad", &config, FOX_E_FORMAT, FOX_NOWHERE, "added_tokens.json",
	    "an array at the top, want an object");
	src_text("bad/added_tokens.json", "{\"x\": -1}");
	import_refused("bad", &config, FOX_E_FORMAT, FOX_NOWHERE, "added_tokens.json", "'x' is not a token id");
	src_text("bad/added_tokens.json", "{\"\": 1}");
	import_refused("bad", &config, FOX_E_FORMAT, FOX_NOWHERE, "added_tokens.json",
	    "token 1 has 0 bytes, want 1 to 1024");
	src_text("bad/added_tokens.json", "{}");
	src_text("bad/tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {\"content\": \"y\"}}}");
	import_refused("bad", &config, FOX_E_FORMAT, FOX_NOWHERE, "tokenizer_config.json",
	    "'added_tokens_decoder.x' is not a token with an id");
	src_text("bad/tokenizer_config.json", "{\"added_tokens_decoder\": {\"1\": \"y\"}}");
	import_refused("bad", &config, FOX_E_FORMAT, FOX_NOWHERE, "tokenizer_config.json",
	    "'added_tokens_decoder.1' is not a token with an id");
	src_text("bad/tokenizer_config.json", "{}");
	src_text("bad/chat_template.jinja", "ab\xff");
	import_refused("bad", &config, FOX_E_FORMAT, 2, "chat_template.jinja", "ill-formed UTF-8");
}

static int done(void **state)
{
	(void)state;
	fox_buf_free(&notes);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(merges_refused),
	    cmocka_unit_test(halves),
	    cmocka_unit_test(models),
	    cmocka_unit_test(others),
	    cmocka_unit_test(unigram_others),
	    cmocka_unit_test(mapped_round_trips),
	    cmocka_unit_test(byte_pieces),
	    cmocka_unit_test(demo_round_trip),
	    cmocka_unit_test(added_tokens),
	    cmocka_unit_test(import_refusals),
	};
	return cmocka_run_group_tests_name("tokdata", tests, NULL, done);
}
