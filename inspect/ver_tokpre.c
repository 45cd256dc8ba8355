/* ver_tokpre.c - what llama.cpp's names of pre-tokenizers stand for, told again from its own source, and pipelines
 * written out so that the two can be compared.
 *
 * Only the names of families that fox handles; another name is told as unproven.
 * source: llama.cpp src/llama-vocab.cpp llm_tokenizer_bpe, with the expressions that its comments give as the original */
#include "inspect/ver_tokwant.h"

#define WORD "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
#define TAIL "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define SUFFIX "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define HEAD "[^\\r\\n\\p{L}\\p{N}]?"
#define O200K_TAIL "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const struct row {
	const char *names; /* one blank around each */
	bool ignore_merges;
	const char *steps;
} rows[] = {
    {" gpt-2 mpt olmo jais phi-2 trillion granite-docling ", false, "bytes by words\n"},
    {" llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral lfm2 ", true,
        "split " SUFFIX "|" WORD "|\\p{N}{1,3}" TAIL "\nbytes\n"},
    {" dbrx smaug-bpe chatglm-bpe ", false, "split " SUFFIX "|" WORD "|\\p{N}{1,3}" TAIL "\nbytes\n"},
    {" glm4 ", true, "split " SUFFIX "|" WORD "|\\p{N}{1,3}" TAIL "\nbytes\n"},
    {" qwen2 stablelm2 deepseek-r1-qwen hunyuan megrez ", false,
        "split " SUFFIX "|" WORD "|\\p{N}" TAIL "\nbytes\n"},
    {" smollm starcoder refact command-r codeshell exaone ", false, "digits one by one\nbytes by words\n"},
    {" bloom poro-chat gpt3-finnish ", false, "split  ?[^(\\s|[.,!?…。，、।۔،])]+\nbytes\n"},
    {" bloom poro-chat gpt3-finnish ", false, "split  ?[^(\\s|.,!?…。，、।۔،)]+\nbytes\n"},
    {" falcon ", false, "punctuation\nbytes by words\ndigits\nsplit [0-9][0-9][0-9]\n"},
    {" deepseek-coder ", false,
        "split [\\r\\n]\nsplit \\s?\\p{L}+\nsplit \\s?\\p{P}+\nsplit [一-龥ࠀ-一가-퟿]+\ndigits one by "
        "one\nbytes\n"},
    {" deepseek-v3 hunyuan-dense ", false,
        "split \\p{N}{1,3}\nsplit [一-龥぀-ゟ゠-ヿ]+\n"
        "split "
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?"
        "[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+\nbytes\n"},
    {" tekken ", true,
        "split " HEAD UPPER "*" LOWER "+|" HEAD UPPER "+" LOWER "*|\\p{N}" O200K_TAIL "\nbytes\n"},
    {" gpt-4o llama4 ", false,
        "split " HEAD UPPER "*" LOWER "+" SUFFIX "?|" HEAD UPPER "+" LOWER "*" SUFFIX
        "?|\\p{N}{1,3}" O200K_TAIL "\nbytes\n"},
};

static bool flag(const struct fox_value *v, const char *key, bool otherwise)
{
	bool on = otherwise;
	(void)fox_json_bool(fox_json_get(v, key), &on);
	return on;
}

static bool word_is(const struct fox_value *v, const char *key, const char *want)
{
	struct fox_str s;
	return fox_json_str(fox_json_get(v, key), &s) && fox_str_is(s, want);
}

/* An expression with line ends spelt as escapes, since published files have either. */
static bool write_split(struct fox_buf *out, const struct fox_value *v)
{
	struct fox_str s;
	bool keep = word_is(v, "behavior", "Isolated") && !flag(v, "invert", false),
	     kept = word_is(v, "behavior", "Removed") && flag(v, "invert", false);
	if (!fox_json_str(fox_json_get(fox_json_get(v, "pattern"), "Regex"), &s) ||
	    !(keep || (kept && fox_str_ends(s, "|\\s+")))) /* an expression that leaves nothing out */
		return false;
	fox_buf_str(out, "split ");
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n')
			fox_buf_str(out, s.p[i] == '\r' ? "\\r" : "\\n");
		else
			fox_buf_char(out, s.p[i]);
	}
	return true;
}

/* A pre_tokenizer as lines; false when it holds what no row has. */
static bool write_steps(struct fox_buf *out, const struct fox_value *v, int depth)
{
	if (word_is(v, "type", "Sequence")) {
		const struct fox_value *list = fox_json_get(v, "pretokenizers");
		bool ok = depth < 8;
		for (size_t i = 0; ok && i < fox_json_size(list); i++)
			ok = write_steps(out, fox_json_at(list, i), depth + 1);
		return ok;
	}
	if (word_is(v, "type", "Split")) {
		if (!write_split(out, v))
			return false;
	} else if (word_is(v, "type", "ByteLevel") && !flag(v, "add_prefix_space", true)) {
		fox_buf_str(out, flag(v, "use_regex", true) ? "bytes by words" : "bytes");
	} else if (word_is(v, "type", "Digits")) {
		fox_buf_str(out, flag(v, "individual_digits", false) ? "digits one by one" : "digits");
	} else if (word_is(v, "type", "Punctuation") && word_is(v, "behavior", "Contiguous")) {
		fox_buf_str(out, "punctuation");
	} else {
		return false;
	}
	fox_buf_char(out, '\n');
	return true;
}

static bool only_nfc(const struct fox_value *v)
{
	const struct fox_value *list = fox_json_get(v, "normalizers");
	if (fox_json_is_null(v) || word_is(v, "type", "NFC"))
		return true;
	bool ok = word_is(v, "type", "Sequence");
	for (size_t i = 0; ok && i < fox_json_size(list); i++)
		ok = word_is(fox_json_at(list, i), "type", "NFC");
	return ok;
}

enum fox_want_pre fox_want_pre_fits(const struct fox_value *tokenizer, struct fox_str name)
{
	struct fox_buf steps = {0}, word = {0};
	bool known = false, same = false, ignore = flag(fox_json_get(tokenizer, "model"), "ignore_merges", false),
	     written = only_nfc(fox_json_get(tokenizer, "normalizer")) &&
	               write_steps(&steps, fox_json_get(tokenizer, "pre_tokenizer"), 0);
	bool one = !memchr(name.p, ' ', name.n) && !memchr(name.p, 0, name.n); /* else it would match two names */
	fox_buf_fmt(&word, " %.*s ", FOX_STR_ARG(name));
	for (size_t i = 0; i < FOX_COUNT(rows) && one && word.p && !same; i++) {
		bool here = strstr(rows[i].names, word.p);
		known |= here;
		same =
		    here && written && steps.p && ignore == rows[i].ignore_merges && !strcmp(steps.p, rows[i].steps);
	}
	fox_buf_free(&steps);
	fox_buf_free(&word);
	return same ? FOX_WANT_PRE_FITS : known ? FOX_WANT_PRE_WRONG : FOX_WANT_PRE_UNKNOWN;
}
