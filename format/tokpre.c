/* tokpre.c - the table of llama.cpp's pre-tokenizer names.
 *
 * A pipeline here is the one that the model's own tokenizer.json has, for which llama.cpp has expressions of its
 * own that split alike. Names that llama.cpp splits with code instead of expressions have no pipeline here: known,
 * but not run.   source: llama.cpp src/llama-vocab.cpp, the tokenizer.json of the models its converter names */
#include "format/tokpre.h"

#include "format/base/json.h"

/* The expressions. Where a published file has another spelling of the same, it stands in `also`. */
static const char re_cl100k[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]"
    "*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const char re_qwen2[] = FOX_QWEN2_REGEX;
static const char re_qwen35[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]"
    "+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const char re_jais2[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]"
    "*|\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16"
    "}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}";
static const char re_o200k[] =
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'"
    "re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}"
    "\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+"
    "(?!\\S)|\\s+";
static const char re_tekken[] =
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\"
    "p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}"
    "\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const char re_ds_letters[] =
    "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-Ⴥ"
    "Ꭰ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώ"
    "ᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨ"
    "K-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-"
    "ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-"
    "𞥃]+";
static const char re_ds_punct[] = "\\s?[!-/:-~！-／：-～‘-‟　-。]+";
static const char re_ds_cjk[] = "[一-龥ࠀ-一가-퟿]+";
static const char re_ds3_cjk[] = "[一-龥぀-ゟ゠-ヿ]+";
static const char re_ds3_rest[] =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?["
    "\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";
static const char re_bloom[] = " ?[^(\\s|.,!?…。，、।۔،)]+";
static const char re_seed[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s"
    "*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const char re_ufakzeka[] =
    "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const char re_exaone_moe[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^"
    "\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";
static const char re_minicpm5[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}+| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\"
    "s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const char re_bailing[] =
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r"
    "\\n]|\\s+(?!\\S)|\\s+";
static const char re_bloom_hf[] = " ?[^(\\s|[.,!?…。，、।۔،])]+";

/* ---- pipelines */

struct step {
	enum fox_pretok_kind kind;
	const char *regex, *also;            /* Split, Isolated */
	bool flag;                           /* Digits: individual_digits; ByteLevel: use_regex */
	enum fox_split_behavior punctuation; /* Punctuation */
};

#define SPLIT(r)                                                                                             \
	{                                                                                                        \
		FOX_PRETOK_SPLIT, r, NULL, false, FOX_SPLIT_ISOLATED                                                 \
	}
#define SPLIT2(r, other)                                                                                     \
	{                                                                                                        \
		FOX_PRETOK_SPLIT, r, other, false, FOX_SPLIT_ISOLATED                                                \
	}
#define DIGITS(one)                                                                                          \
	{                                                                                                        \
		FOX_PRETOK_DIGITS, NULL, NULL, one, FOX_SPLIT_ISOLATED                                               \
	}
#define RUNS_OF_PUNCTUATION                                                                                  \
	{                                                                                                        \
		FOX_PRETOK_PUNCTUATION, NULL, NULL, false, FOX_SPLIT_CONTIGUOUS                                      \
	}
#define BYTES                                                                                                \
	{                                                                                                        \
		FOX_PRETOK_BYTE_LEVEL, NULL, NULL, false, FOX_SPLIT_ISOLATED                                         \
	}
#define GPT2                                                                                                 \
	{                                                                                                        \
		FOX_PRETOK_BYTE_LEVEL, NULL, NULL, true, FOX_SPLIT_ISOLATED                                          \
	}

enum { MAX_STEPS = 7, MAX_NAMES = 12 };

struct pipeline {
	const char
	    *names[MAX_NAMES]; /* the first is what a pipeline is called unless an architecture has its own */
	bool ignore_merges, add_bos;
	uint32_t n_steps; /* 0: known to llama.cpp, not run here */
	struct step steps[MAX_STEPS];
};

static const struct pipeline pipelines[] = {
    {{"gpt-2", "mpt", "olmo", "jais", "phi-2", "exaone4", "trillion", "granite-docling", "gigachat", "mellum",
         "a.x-4.0", NULL},
        false, false, 1, {GPT2}},
    {{"modern-bert", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", NULL}, false, false, 1, {GPT2}},
    {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
         "jina-v5-nano", NULL},
        true, true, 2, {SPLIT(re_cl100k), BYTES}},
    {{"glm4", "glm5", NULL}, true, false, 2, {SPLIT(re_cl100k), BYTES}},
    {{"dbrx", "smaug-bpe", "chatglm-bpe", NULL}, false, false, 2, {SPLIT(re_cl100k), BYTES}},
    {{"qwen2", "stablelm2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "hunyuan", "solar-open",
         "grok-2", NULL},
        false, false, 2, {SPLIT(re_qwen2), BYTES}},
    {{"qwen35", NULL}, false, false, 2, {SPLIT(re_qwen35), BYTES}},
    {{"jais-2", NULL}, false, false, 2, {SPLIT(re_jais2), BYTES}},
    {{"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2", NULL},
        false, false, 2, {DIGITS(true), GPT2}},
    {{"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2", NULL}, false, false, 2,
        {SPLIT(re_o200k), BYTES}},
    {{"tekken", NULL}, true, true, 2, {SPLIT(re_tekken), BYTES}},
    {{"bloom", "poro-chat", "gpt3-finnish", NULL}, false, false, 2, {SPLIT2(re_bloom, re_bloom_hf), BYTES}},
    {{"viking", NULL}, false, false, 3, {SPLIT2(re_bloom, re_bloom_hf), DIGITS(true), BYTES}},
    {{"deepseek-llm", NULL}, false, false, 7,
        {SPLIT("[\r\n]"), SPLIT(re_ds_letters), SPLIT(re_ds_punct), SPLIT("\\s+$"), SPLIT(re_ds_cjk),
            DIGITS(true), BYTES}},
    {{"deepseek-coder", NULL}, false, false, 6,
        {SPLIT("[\r\n]"), SPLIT("\\s?\\p{L}+"), SPLIT("\\s?\\p{P}+"), SPLIT(re_ds_cjk), DIGITS(true), BYTES}},
    {{"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4", NULL}, false, false, 4,
        {SPLIT("\\p{N}{1,3}"), SPLIT(re_ds3_cjk), SPLIT(re_ds3_rest), BYTES}},
    {{"falcon", NULL}, false, false, 4, {RUNS_OF_PUNCTUATION, GPT2, DIGITS(false), SPLIT("[0-9][0-9][0-9]")}},
    {{"seed-coder", NULL}, false, false, 2, {SPLIT(re_seed), BYTES}},
    {{"bailingmoe", "bailingmoe2", "llada-moe", NULL}, false, false, 2, {SPLIT(re_bailing), BYTES}},
    {{"ufakzeka", NULL}, false, false, 2, {SPLIT(re_ufakzeka), BYTES}},
    {{"exaone-moe", NULL}, false, false, 2, {SPLIT(re_exaone_moe), BYTES}},
    {{"minicpm5", NULL}, true, false, 3, {SPLIT("\\p{N}{1,3}"), SPLIT(re_minicpm5), BYTES}},
    {{"spark2_5", "laguna", "tiny_aya", "cohere2moe", "superbpe", "kimi-k2", "granite-embed-multi-97m",
         "granite-embed-multi-311m", "gemma4", "sarvam-moe", "whitespace", NULL},
        false, false, 0, {{0}}},
    {{"jina-v1-en", "jina-v2-code", "roberta-bpe", NULL}, false, false, 0,
        {{0}}}, /* put a separator after a text */
    {{"youtu", "afmoe", NULL}, false, false, 0, {{0}}},
    {{"chameleon", NULL}, false, true, 0, {{0}}},
};

/* Pipelines with several names: the one that llama.cpp's converter gives to models of an architecture. */
static const struct {
	const char *arch, *name;
} by_arch[] = {
    {"stablelm", "stablelm2"},
    {"olmo", "olmo"},
    {"phi2", "phi-2"},
    {"mpt", "mpt"},
    {"starcoder", "starcoder"},
    {"starcoder2", "starcoder"},
    {"command-r", "command-r"},
    {"refact", "refact"},
    {"exaone", "exaone"},
    {"exaone4", "exaone4"},
    {"glm4", "glm4"},
    {"llama4", "llama4"},
};

static bool has_name(const struct pipeline *p, struct fox_str name)
{
	for (size_t i = 0; p->names[i]; i++)
		if (fox_str_is(name, p->names[i]))
			return true;
	return false;
}

static const struct pipeline *by_name(struct fox_str name)
{
	for (size_t i = 0; i < FOX_COUNT(pipelines); i++)
		if (has_name(&pipelines[i], name))
			return &pipelines[i];
	return NULL;
}

bool fox_tokpre_known(struct fox_str name)
{
	return by_name(name) != NULL;
}

bool fox_tokpre_adds_bos(struct fox_str name)
{
	const struct pipeline *p = by_name(name);
	return p && p->add_bos;
}

/* ---- pipeline to name */

/* The next thing in an expression: a byte, or an escape as 256 + its letter; \r and \n count as what they mean. */
static int next_sign(struct fox_str s, size_t *i)
{
	int c = (unsigned char)s.p[(*i)++];
	if (c != '\\' || *i == s.n)
		return c;
	c = (unsigned char)s.p[(*i)++];
	return c == 'r' ? '\r' : c == 'n' ? '\n' : 256 + c;
}

static bool same_regex(struct fox_str a, const char *b)
{
	struct fox_str other = fox_str_of(b);
	size_t i = 0, k = 0;
	while (i < a.n && k < other.n)
		if (next_sign(a, &i) != next_sign(other, &k))
			return false;
	return i == a.n && k == other.n;
}

/* Every expression of the table leaves nothing unmatched between its matches, or is Isolated in every known file:
 * so keeping the matches alone (Removed, inverted) is the same where it covers all text. */
static bool covers_all(const char *regex)
{
	return fox_str_ends(fox_str_of(regex), "|\\s+");
}

static bool same_step(const struct fox_pretok *p, const struct step *s)
{
	if (p->kind != s->kind)
		return false;
	switch (s->kind) {
	case FOX_PRETOK_SPLIT:
		if (!p->pattern.regex ||
		    !(same_regex(p->pattern.text, s->regex) || (s->also && same_regex(p->pattern.text, s->also))))
			return false;
		return (p->behavior == FOX_SPLIT_ISOLATED && !p->invert) ||
		       (p->behavior == FOX_SPLIT_REMOVED && p->invert && covers_all(s->regex));
	case FOX_PRETOK_DIGITS:
		return p->individual_digits == s->flag;
	case FOX_PRETOK_PUNCTUATION:
		return p->behavior == s->punctuation;
	default:
		return !p->add_prefix_space && p->use_regex == s->flag;
	}
}

static bool same_pipeline(const struct fox_tokspec *spec, const struct pipeline *p)
{
	if (!p->n_steps || spec->n_pretok != p->n_steps || spec->ignore_merges != p->ignore_merges)
		return false;
	for (uint32_t i = 0; i < p->n_steps; i++)
		if (!same_step(&spec->pretok[i], &p->steps[i]))
			return false;
	return true;
}

const char *fox_tokpre_name(const struct fox_tokspec *spec, const char *arch)
{
	const struct pipeline *found = NULL;
	if (spec->model != FOX_TOKMODEL_BPE || spec->byte_fallback)
		return NULL;
	for (uint32_t i = 0; i < spec->n_norm; i++)
		if (spec->norm[i].kind != FOX_NORM_NFC)
			return NULL;
	for (size_t i = 0; i < FOX_COUNT(pipelines); i++) {
		const struct pipeline *p = &pipelines[i];
		if (!same_pipeline(spec, p))
			continue;
		for (size_t k = 0; k < FOX_COUNT(by_arch); k++)
			if (arch && !strcmp(by_arch[k].arch, arch) && has_name(p, fox_str_of(by_arch[k].name)))
				return by_arch[k].name;
		found = found ? found : p;
	}
	return found ? found->names[0] : NULL;
}

/* ---- name to pipeline */

static void put_step(struct fox_json_writer *w, const struct step *s)
{
	static const char *const types[] = {[FOX_PRETOK_SPLIT] = "Split",
	    [FOX_PRETOK_BYTE_LEVEL] = "ByteLevel",
	    [FOX_PRETOK_DIGITS] = "Digits",
	    [FOX_PRETOK_PUNCTUATION] = "Punctuation"};
	fox_jw_object(w);
	fox_jw_key(w, "type");
	fox_jw_cstr(w, types[s->kind]);
	if (s->kind == FOX_PRETOK_SPLIT) {
		fox_jw_key(w, "pattern");
		fox_jw_object(w);
		fox_jw_key(w, "Regex");
		fox_jw_cstr(w, s->regex);
		fox_jw_end_object(w);
		fox_jw_key(w, "behavior");
		fox_jw_cstr(w, "Isolated");
		fox_jw_key(w, "invert");
		fox_jw_bool(w, false);
	} else if (s->kind == FOX_PRETOK_DIGITS) {
		fox_jw_key(w, "individual_digits");
		fox_jw_bool(w, s->flag);
	} else if (s->kind == FOX_PRETOK_PUNCTUATION) {
		fox_jw_key(w, "behavior");
		fox_jw_cstr(w, "Contiguous");
	} else {
		fox_jw_key(w, "add_prefix_space");
		fox_jw_bool(w, false);
		fox_jw_key(w, "trim_offsets");
		fox_jw_bool(w, false);
		fox_jw_key(w, "use_regex");
		fox_jw_bool(w, s->flag);
	}
	fox_jw_end_object(w);
}

static void put_added(struct fox_json_writer *w, const struct fox_tokdata *t)
{
	static const char *const off[] = {"single_word", "lstrip", "rstrip", "normalized"};
	fox_jw_key(w, "added_tokens");
	fox_jw_array(w);
	for (uint32_t i = 0; i < t->n; i++) {
		if ((t->type[i] != FOX_TOK_CONTROL && t->type[i] != FOX_TOK_USER) || !t->piece[i].n)
			continue;
		fox_jw_object(w);
		fox_jw_key(w, "id");
		fox_jw_u64(w, i);
		fox_jw_key(w, "content");
		fox_jw_str(w, t->piece[i]);
		for (size_t k = 0; k < FOX_COUNT(off); k++) {
			fox_jw_key(w, off[k]);
			fox_jw_bool(w, false);
		}
		fox_jw_key(w, "special");
		fox_jw_bool(w, t->type[i] == FOX_TOK_CONTROL);
		fox_jw_end_object(w);
	}
	fox_jw_end_array(w);
}

static void put_token(struct fox_json_writer *w, const char *name)
{
	fox_jw_object(w);
	fox_jw_key(w, name[0] == 'A' ? "Sequence" : "SpecialToken");
	fox_jw_object(w);
	fox_jw_key(w, "id");
	fox_jw_cstr(w, name);
	fox_jw_key(w, "type_id");
	fox_jw_u64(w, 0);
	fox_jw_end_object(w);
	fox_jw_end_object(w);
}

static void put_frame(struct fox_json_writer *w, int32_t bos, int32_t eos)
{
	const struct {
		const char *name;
		int32_t id;
	} side[] = {{"bos", bos}, {"eos", eos}};
	fox_jw_key(w, "post_processor");
	fox_jw_object(w);
	fox_jw_key(w, "type");
	fox_jw_cstr(w, "TemplateProcessing");
	fox_jw_key(w, "single");
	fox_jw_array(w);
	if (bos >= 0)
		put_token(w, "bos");
	put_token(w, "A");
	if (eos >= 0)
		put_token(w, "eos");
	fox_jw_end_array(w);
	fox_jw_key(w, "special_tokens");
	fox_jw_object(w);
	for (size_t i = 0; i < FOX_COUNT(side); i++) {
		if (side[i].id < 0)
			continue;
		fox_jw_key(w, side[i].name);
		fox_jw_object(w);
		fox_jw_key(w, "ids");
		fox_jw_array(w);
		fox_jw_u64(w, (uint64_t)side[i].id);
		fox_jw_end_array(w);
		fox_jw_end_object(w);
	}
	fox_jw_end_object(w);
	fox_jw_end_object(w);
}

enum fox_status fox_tokpre_spec(struct fox_buf *json, const struct fox_tokdata *t, struct fox_err *err)
{
	if (!t->pre)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "no 'tokenizer.ggml.pre', so how text is split is not known");
	const struct pipeline *p = by_name(fox_str_of(t->pre));
	if (!p || !p->n_steps)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "pre-tokenizer '%.200s' is not handled", t->pre);
	struct fox_json_writer w = {.out = json, .compact = true};
	fox_jw_object(&w);
	put_added(&w, t);
	fox_jw_key(&w, "pre_tokenizer");
	fox_jw_object(&w);
	fox_jw_key(&w, "type");
	fox_jw_cstr(&w, "Sequence");
	fox_jw_key(&w, "pretokenizers");
	fox_jw_array(&w);
	for (uint32_t i = 0; i < p->n_steps; i++)
		put_step(&w, &p->steps[i]);
	fox_jw_end_array(&w);
	fox_jw_end_object(&w);
	put_frame(&w, t->add_bos ? t->bos : FOX_TOK_NONE, t->add_eos ? t->eos : FOX_TOK_NONE);
	fox_jw_key(&w, "decoder");
	put_step(&w, &(const struct step)BYTES);
	fox_jw_key(&w, "model");
	fox_jw_object(&w);
	fox_jw_key(&w, "type");
	fox_jw_cstr(&w, "BPE");
	fox_jw_key(&w, "ignore_merges");
	fox_jw_bool(&w, p->ignore_merges);
	fox_jw_end_object(&w);
	fox_jw_end_object(&w);
	return json->failed ? fox_fail_nomem(err) : FOX_OK;
}
