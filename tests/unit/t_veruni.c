/* fox-verify's proof of Unigram vocabularies: from tokenizer.model and from tokenizer.json, with character maps, scores that no
 * f32 holds, and the flags that mean something else than in BPE when they are absent. */
#include "tests/vertok_make.h"

#include "format/base/io.h"
#include "tests/charsmap_make.h"

/* ---- sources */

#define FRAME                                                                                                \
	"\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\","           \
	"\"type_id\":0}},{\"SpecialToken\":{\"id\":\"</s>\",\"type_id\":0}}],\"pair\":[],\"special_tokens\":{"   \
	"\"</s>\":{\"id\":\"</s>\",\"ids\":[2],\"tokens\":[\"</s>\"]}}}"

/* "A" is a byte piece, "<x>" comes after the vocabulary, and three of the scores are f32. %s: the map, the model's type. */
static const char json_form[] = "{\"version\":\"1.0\",\"added_tokens\":[" ADDED(0, "<unk>", true) "," ADDED(
    6, "<x>", false) "],\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"%s\"},"
                     "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\","
                     "\"add_prefix_space\":true}," FRAME
                     ",\"decoder\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\","
                     "\"add_prefix_space\":true},\"model\":{%s\"unk_id\":0,\"byte_fallback\":true,"
                     "\"vocab\":[[\"<unk>\",0],[\"<s>\",0],[\"</s>\",0.0],[\"\\u2581\",-2.1],"
                     "[\"<0x41>\",-3.5],[\"a\",-11.732171058654785]]}}";

/* BPE over characters with a character map, which llama.cpp's keys have no place for. %s: the map. */
static const char bpe_form[] = "{\"version\":\"1.0\",\"added_tokens\":[],\"normalizer\":{\"type\":"
                               "\"Precompiled\",\"precompiled_charsmap\":\"%s\"},"
                               "\"pre_tokenizer\":null,\"post_processor\":null,\"decoder\":null,\"model\":{"
                               "\"type\":\"BPE\",\"unk_token\":\"<unk>\","
                               "\"byte_fallback\":true,\"vocab\":{\"<unk>\":0,\"a\":1},\"merges\":[]}}";

static const char frame_json[] =
    "{\"version\":\"1.0\"," FRAME "}"; /* beside a tokenizer.model it is all that counts */

enum kind { MODEL, NO_EOS, SAID, FRAMED, UNMAPPED, JSON, OLD_JSON, N_KINDS };

static struct vertok_source sources[N_KINDS] = {
    [MODEL] = {.config = "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}", .rows = 332},
    [NO_EOS] = {.config = "{}", .rows = 330},
    [SAID] = {.config = "{\"eos_token\":\"</s>\",\"add_bos_token\":false,\"add_eos_token\":true}",
        .rows = 330},
    [FRAMED] = {.json = frame_json, .config = "{\"eos_token\":\"</s>\"}", .rows = 330},
    [UNMAPPED] = {.config = "{\"eos_token\":\"</s>\"}", .rows = 560},
    [JSON] = {.config = "{\"eos_token\":\"</s>\"}", .rows = 8},
    [OLD_JSON] = {.config = "{}", .rows = 8},
};
static const char *const names[N_KINDS] = {
    "model", "no_eos", "said", "framed", "unmapped", "json", "old_json"};

static char *models[2], *texts[2], *bpe;
static struct fox_buf map;

static void put_base64(struct fox_buf *out, const struct fox_buf *in)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < in->n; i += 3) {
		uint32_t v = 0;
		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (i + k < in->n ? (uint8_t)in->p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			fox_buf_char(out, i + k > in->n ? '=' : digits[v >> (18 - 6 * k) & 63]);
	}
}

static int set_up(void **state)
{
	(void)state;
	static const char *const files[] = {"tests/golden/tok_uni.model", "tests/golden/tok_unibytes.model"};
	static struct test_charsmap m;
	struct fox_buf base64 = {0}, text = {0};
	struct fox_err e = {0};
	size_t n[2];
	for (int i = 0; i < 2; i++)
		assert_fox_ok(fox_path_slurp(files[i], 1u << 20, &models[i], &n[i], &e), &e);
	for (int k = MODEL; k <= UNMAPPED; k++)
		sources[k].model = (struct fox_str){models[k == UNMAPPED], n[k == UNMAPPED]};
	charsmap_sample(&m);
	charsmap_bytes(&m, &map);
	assert_int_equal(map.n % 3, 1); /* the last byte stands alone: padding is tested too */
	put_base64(&base64, &map);
	for (int i = 0; i < 2; i++) {
		fox_buf_clear(&text);
		fox_buf_fmt(&text, json_form, base64.p, i ? "" : "\"type\":\"Unigram\",");
		sources[i ? OLD_JSON : JSON].json = texts[i] = strdup(text.p);
	}
	fox_buf_clear(&text);
	fox_buf_fmt(&text, bpe_form, base64.p);
	bpe = strdup(text.p);
	fox_buf_free(&base64);
	fox_buf_free(&text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		free(models[i]);
		free(texts[i]);
	}
	free(bpe);
	fox_buf_free(&map);
	return 0;
}

static void proves_sources(void **state)
{
	(void)state;
	for (int k = 0; k < N_KINDS; k++) {
		struct vertok x;
		vertok_import(&x, &sources[k], names[k]);
		assert_string_equal(x.t.model, "t5");
		vertok_prove(&x, NULL, NULL);
		vertok_close(&x);
	}
}

/* What the vocabularies are: the faults below would prove little if the keys were not there, or there for nothing. */
static void keys_are_there(void **state)
{
	(void)state;
	struct vertok x;
	vertok_import(&x, &sources[JSON], names[JSON]);
	assert_int_equal(x.t.charsmap.n, map.n);
	assert_memory_equal(x.t.charsmap.p, map.p, map.n);
	assert_non_null(x.t.exact_score);
	assert_true(x.t.exact_score[3] == -2.1 && x.t.exact_score[7] == (double)FOX_TOK_FILL_SCORE);
	assert_int_equal(x.t.type[4], FOX_TOK_BYTE);
	vertok_close(&x);
	vertok_import(&x, &sources[MODEL], names[MODEL]);
	assert_int_equal(x.t.charsmap.n, 2311);
	assert_false(x.t.add_bos_given || x.t.add_eos_given || x.t.add_bos);
	assert_true(x.t.add_eos && x.t.n_user);
	vertok_close(&x);
}

/* ---- faults */

#define FAULT(name) static void name(struct vertok *x)

static char changed[8192]; /* the character map or tokenizer.model's rest, with a fault */

static void change(struct fox_str *s, size_t at, size_t n)
{
	assert_true(n <= sizeof changed && at < s->n && n <= s->n);
	memcpy(changed, s->p, n);
	if (n == s->n)
		changed[at] ^= 1;
	*s = (struct fox_str){changed, n};
}

FAULT(change_map_begin)
{
	change(&x->t.charsmap, 4, x->t.charsmap.n);
}
FAULT(change_map_end)
{
	change(&x->t.charsmap, x->t.charsmap.n - 1, x->t.charsmap.n);
}
FAULT(shorten_map)
{
	change(&x->t.charsmap, 0, x->t.charsmap.n - 1);
}
FAULT(lose_map)
{
	x->t.charsmap = (struct fox_str){NULL, 0};
}
FAULT(invent_map)
{
	x->t.charsmap = fox_buf_view(&map);
}
FAULT(change_rest) /* the map within it */
{
	const char *at = memmem(x->t.spm_spec.p, x->t.spm_spec.n, x->t.charsmap.p, x->t.charsmap.n);
	assert_non_null(at);
	change(&x->t.spm_spec, (size_t)(at - x->t.spm_spec.p) + 100, x->t.spm_spec.n);
}
FAULT(lose_exact)
{
	x->t.exact_score = NULL;
}
FAULT(round_exact)
{
	x->t.exact_score[3] = x->t.score[3];
}
FAULT(change_exact_fill)
{
	x->t.exact_score[7] = 0;
}
FAULT(invent_exact)
{
	x->t.exact_score = fox_arena_alloc(&x->t.arena, x->t.n, sizeof *x->t.exact_score);
	for (uint32_t i = 0; i < x->t.n; i++)
		x->t.exact_score[i] = x->t.score[i];
}
FAULT(change_score)
{
	x->t.score[5] *= 2;
}
FAULT(change_model_score)
{
	x->t.score[20] = 1;
}
FAULT(forget_byte)
{
	x->t.type[4] = FOX_TOK_NORMAL;
}
FAULT(change_unused)
{
	x->t.type[331] = FOX_TOK_NORMAL;
}
FAULT(lose_user)
{
	x->t.n_user = 0;
}
FAULT(say_bos)
{
	x->t.add_bos_given = true;
}
FAULT(say_eos)
{
	x->t.add_eos_given = true;
}
FAULT(lose_bos_flag)
{
	x->without = T "add_bos_token";
}
FAULT(lose_eos_flag)
{
	x->without = T "add_eos_token";
}
FAULT(flip_bos_flag)
{
	x->flipped = T "add_bos_token";
}
FAULT(flip_eos_flag)
{
	x->flipped = T "add_eos_token";
}
FAULT(lose_blanks)
{
	x->without = T "remove_extra_whitespaces";
}
FAULT(flip_blanks)
{
	x->flipped = T "remove_extra_whitespaces";
}
FAULT(lose_prefix)
{
	x->without = T "add_space_prefix";
}
FAULT(lose_scores)
{
	x->without = T "scores";
}

#define MAP T "precompiled_charsmap"
#define NOT_MAP "is not the source's character map"
#define NO_KEY "is there, but the source does not say"
#define BY_CONFIG "by tokenizer_config.json"
#define BY_FRAME "by the TemplateProcessing of tokenizer.json"
#define BY_NONE "by there being no such token"
#define BY_MODEL "by tokenizer.model"

static const struct {
	enum kind kind;
	void (*fault)(struct vertok *x);
	const char *key, *says;
} faults[] = {
    {MODEL, change_map_begin, MAP, NOT_MAP},
    {MODEL, change_map_end, MAP, NOT_MAP},
    {MODEL, shorten_map, MAP, NOT_MAP},
    {MODEL, lose_map, MAP, "absent, but the source has one"},
    {UNMAPPED, invent_map, MAP, "is there, but the source has no character map"},
    {JSON, change_map_begin, MAP, NOT_MAP},
    {JSON, change_map_end, MAP, NOT_MAP},
    {JSON, shorten_map, MAP, NOT_MAP},
    {JSON, lose_map, MAP, "absent, but the source has one"},
    {MODEL, change_rest, FOX_KEY_SPM_SPEC, "is not tokenizer.model without its pieces"},
    {JSON, lose_exact, FOX_KEY_TOK_EXACT, "absent, but the source has scores that no f32 holds"},
    {OLD_JSON, lose_exact, FOX_KEY_TOK_EXACT, "absent, but the source has scores that no f32 holds"},
    {JSON, round_exact, FOX_KEY_TOK_EXACT, "token 3 scores -2.0999999046325684, must be -2.1000000000000001"},
    {JSON, change_exact_fill, FOX_KEY_TOK_EXACT, "token 7 scores 0, must be -10000"},
    {MODEL, invent_exact, FOX_KEY_TOK_EXACT, "is there, but the source has no scores that no f32 holds"},
    {JSON, change_score, T "scores", "token 5 scores -23.4643421, must be -11.7321711"},
    {MODEL, change_model_score, T "scores", "token 20 scores 1, must be -4.10367823"},
    {JSON, lose_scores, T "scores", "scores and types are not 8 each"},
    {JSON, forget_byte, T "token_type", "token 4 has type 1, must be 6"},
    {MODEL, change_unused, T "token_type", "token 331 has type 1, must be 5"},
    {MODEL, lose_user, FOX_KEY_TOK_USER, "absent, must list the 9 user-defined pieces of tokenizer.model"},
    {MODEL, say_bos, T "add_bos_token", NO_KEY},
    {MODEL, say_eos, T "add_eos_token", NO_KEY},
    {NO_EOS, lose_eos_flag, T "add_eos_token", "absent, must be false " BY_NONE},
    {NO_EOS, flip_eos_flag, T "add_eos_token", "is true, must be false " BY_NONE},
    {NO_EOS, say_bos, T "add_bos_token", NO_KEY},
    {SAID, lose_bos_flag, T "add_bos_token", "absent, must be false " BY_CONFIG},
    {SAID, flip_bos_flag, T "add_bos_token", "is true, must be false " BY_CONFIG},
    {SAID, lose_eos_flag, T "add_eos_token", "absent, must be true " BY_CONFIG},
    {SAID, flip_eos_flag, T "add_eos_token", "is false, must be true " BY_CONFIG},
    {FRAMED, lose_eos_flag, T "add_eos_token", "absent, must be true " BY_FRAME},
    {FRAMED, flip_eos_flag, T "add_eos_token", "is false, must be true " BY_FRAME},
    {FRAMED, say_bos, T "add_bos_token", NO_KEY},
    {JSON, lose_bos_flag, T "add_bos_token", "absent, must be false by the post_processor"},
    {JSON, flip_eos_flag, T "add_eos_token", "is false, must be true by the post_processor"},
    {MODEL, lose_blanks, T "remove_extra_whitespaces", "absent, must be true " BY_MODEL},
    {MODEL, flip_blanks, T "remove_extra_whitespaces", "is false, must be true " BY_MODEL},
    {JSON, lose_blanks, T "remove_extra_whitespaces",
        "absent, must be false by the pipeline of tokenizer.json"},
    {MODEL, lose_prefix, T "add_space_prefix",
        "absent, must be true by 'add_dummy_prefix' in tokenizer.model"},
};

static void finds_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(faults); i++) {
		struct vertok x;
		vertok_import(&x, &sources[faults[i].kind], names[faults[i].kind]);
		faults[i].fault(&x);
		vertok_prove(&x, faults[i].key, faults[i].says);
		vertok_close(&x);
	}
}

/* Another writer's container has no fox.tokenizer.*: that proves nothing wrong. */
static void foreign(void **state)
{
	(void)state;
	struct vertok x;
	vertok_import(&x, &sources[JSON], names[JSON]);
	x.t.exact_score = NULL;
	x.t.hf_spec = (struct fox_str){NULL, 0};
	vertok_prove_as(&x, false, NULL, NULL);
	vertok_close(&x);
	vertok_import(&x, &sources[MODEL], names[MODEL]);
	x.t.spm_spec = (struct fox_str){NULL, 0};
	x.t.n_user = 0;
	vertok_prove_as(&x, false, NULL, NULL);
	vertok_close(&x);
}

static void map_of_bpe(void **state)
{
	(void)state;
	const struct vertok_source source = {.json = bpe, .config = "{}", .rows = 2};
	struct vertok x;
	vertok_import(&x, &source, "bpe");
	assert_string_equal(x.t.model, "llama");
	assert_null(x.t.charsmap.p); /* not a view into the pipeline, which is gone */
	vertok_prove(&x, NULL, NULL);
	vertok_close(&x);
}

/* A tokenizer.model of whole words: whatever the container says, it cannot be that. */
static void word_model(void **state)
{
	(void)state;
	static const char model[] = "\x0a\x09\x0a\x05<unk>\x18\x02\x0a\x03\x0a\x01"
	                            "a\x12\x02\x18\x03";
	static const struct vertok_source source = {
	    .model = {model, sizeof model - 1}, .config = "{}", .rows = 2};
	struct fox_str pieces[] = {fox_str_of("<unk>"), fox_str_of("a")};
	float scores[2] = {0};
	int32_t types[] = {FOX_TOK_UNKNOWN, FOX_TOK_NORMAL};
	struct vertok x;
	struct fox_verify v;
	struct fox_gguf *g;
	struct fox_err e = {0};
	vertok_open(&x, &source, "word");
	fox_tokdata_init(&x.t);
	x.t.piece = pieces;
	x.t.score = scores;
	x.t.type = types;
	x.t.n = 2;
	x.t.unk = 0;
	assert_int_equal(vertok_judge(&x, &v, &g, true, &e), FOX_E_UNSUPPORTED);
	assert_fox_err(
	    &e, FOX_E_UNSUPPORTED, FOX_NOWHERE, "a SentencePiece model that is neither Unigram nor BPE");
	assert_string_equal(e.file, "tokenizer.model");
	fox_findings_free(&v.found);
	fox_gguf_close(g);
	vertok_close(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(proves_sources),
	    cmocka_unit_test(keys_are_there),
	    cmocka_unit_test(finds_faults),
	    cmocka_unit_test(foreign),
	    cmocka_unit_test(map_of_bpe),
	    cmocka_unit_test(word_model),
	};
	return cmocka_run_group_tests_name("veruni", tests, set_up, tear_down);
}
