/* ver_tokgpt2.c - the tokenizer.json that a checkpoint with vocab.json and merges.txt stands for.
 *
 * Its form is a convention of fox (spec/tokenizer.md 11.5): what transformers builds for the tokenizer_class, as JSON text.
 * source: transformers 5.23 models/gpt2/tokenization_gpt2.py, models/qwen2/tokenization_qwen2.py */
#include <stdlib.h>

#include "format/base/json.h"
#include "inspect/ver_tokwant.h"

#define BYTES "{\"type\":\"ByteLevel\",\"add_prefix_space\":%s,\"trim_offsets\":true,\"use_regex\":%s}"
#define QWEN2                                                                                                \
	"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| "                        \
	"?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"

enum { N_NAMED = 7 };
static const char *const named[N_NAMED] = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

struct added {
	uint64_t id;
	struct fox_str text;
	bool single_word, lstrip, rstrip, normalized, special;
};

struct table {
	struct added *list;
	size_t n;
};

static const char *word(bool b)
{
	return b ? "true" : "false";
}

static bool flag(const struct fox_value *v, const char *key, bool otherwise)
{
	bool on = otherwise;
	(void)fox_json_bool(fox_json_get(v, key), &on);
	return on;
}

/* The entry of an id, or a new one. There is room for all. */
static struct added *entry(struct table *t, uint64_t id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->list[i].id == id)
			return &t->list[i];
	t->list[t->n].id = id;
	return &t->list[t->n++];
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct added *)a)->id, y = ((const struct added *)b)->id;
	return (x > y) - (x < y);
}

/* A class names some tokens <|endoftext|> when no file names them. */
static bool default_name(bool qwen, size_t i)
{
	return qwen ? i == 1 || i == 2 || i == 4 : i < 3;
}

static void gather(struct table *t, const struct fox_want_docs *d, const struct fox_value *vocab, bool qwen)
{
	struct fox_str key, text;
	const struct fox_value *v;
	uint64_t id;
	for (void *it = NULL; fox_json_next(fox_want_root(d->added), &it, &key, &v);)
		if (fox_json_u64(v, &id))
			*entry(t, id) = (struct added){.id = id, .text = key, .normalized = true};
	const struct fox_value *decoder = fox_json_get(fox_want_root(d->tokenizer), "added_tokens_decoder");
	for (void *it = NULL; fox_json_next(decoder, &it, &key, &v);) {
		bool special = flag(v, "special", false);
		if (fox_str_u64(key, &id) && fox_json_str(fox_json_get(v, "content"), &text))
			*entry(t, id) = (struct added){id, text, flag(v, "single_word", false), flag(v, "lstrip", false),
			    flag(v, "rstrip", false), flag(v, "normalized", !special), special};
	}
	size_t listed = t->n;
	for (size_t i = 0; i < N_NAMED; i++) {
		struct added *found = NULL;
		if (!fox_want_special(d, named[i], &text)) {
			if (!default_name(qwen, i))
				continue;
			text = fox_str_of("<|endoftext|>");
		}
		for (size_t k = 0; k < listed && !found; k++)
			if (fox_str_eq(t->list[k].text, text))
				found = &t->list[k];
		if (found) {
			found->special = true;
			continue;
		}
		for (void *it = NULL; fox_json_next(vocab, &it, &key, &v);)
			if (fox_str_eq(key, text) && fox_json_u64(v, &id))
				*entry(t, id) = (struct added){.id = id, .text = text, .special = true};
	}
	qsort(t->list, t->n, sizeof *t->list, by_id);
}

static void write_added(struct fox_buf *out, const struct table *t)
{
	fox_buf_str(out, "\"added_tokens\":[");
	for (size_t i = 0; i < t->n; i++) {
		const struct added *a = &t->list[i];
		struct fox_json_writer w = {.out = out, .compact = true};
		fox_buf_fmt(out, "%s{\"id\":%llu,\"content\":", i ? "," : "", (unsigned long long)a->id);
		fox_jw_str(&w, a->text);
		fox_buf_fmt(out, ",\"single_word\":%s,\"lstrip\":%s,\"rstrip\":%s,\"normalized\":%s,\"special\":%s}",
		    word(a->single_word), word(a->lstrip), word(a->rstrip), word(a->normalized), word(a->special));
	}
	fox_buf_str(out, "],");
}

/* The id that tokenizer_config.json wants put at a side; false: none. */
static bool framed(
    const struct table *t, const struct fox_want_docs *d, const char *add, const char *token, uint64_t *id)
{
	struct fox_str text;
	if (!flag(fox_want_root(d->tokenizer), add, false) || !fox_want_special(d, token, &text))
		return false;
	for (size_t i = 0; i < t->n; i++)
		if (fox_str_eq(t->list[i].text, text)) {
			*id = t->list[i].id;
			return true;
		}
	return false;
}

static void write_frame(struct fox_buf *out, const struct table *t, const struct fox_want_docs *d)
{
	uint64_t bos = 0, eos = 0;
	bool before = framed(t, d, "add_bos_token", "bos_token", &bos),
	     after = framed(t, d, "add_eos_token", "eos_token", &eos);
	if (!before && !after) {
		fox_buf_str(out, "\"post_processor\":null,");
		return;
	}
	fox_buf_str(out, "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[");
	if (before)
		fox_buf_str(out, "{\"SpecialToken\":{\"id\":\"bos\",\"type_id\":0}},");
	fox_buf_str(out, "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}");
	if (after)
		fox_buf_str(out, ",{\"SpecialToken\":{\"id\":\"eos\",\"type_id\":0}}");
	fox_buf_str(out, "],\"special_tokens\":{");
	if (before)
		fox_buf_fmt(out, "\"bos\":{\"ids\":[%llu]}%s", (unsigned long long)bos, after ? "," : "");
	if (after)
		fox_buf_fmt(out, "\"eos\":{\"ids\":[%llu]}", (unsigned long long)eos);
	fox_buf_str(out, "}},");
}

/* Where no file names a class: that of the model's type, as models/auto/tokenization_auto.py has it. */
static struct fox_str class_of_type(const struct fox_value *config)
{
	struct fox_str type = {"", 0};
	(void)fox_json_str(fox_json_get(config, "model_type"), &type);
	if (fox_str_is(type, "gpt2"))
		return fox_str_of("GPT2Tokenizer");
	if (fox_str_is(type, "qwen2") || fox_str_is(type, "qwen3"))
		return fox_str_of("Qwen2Tokenizer");
	return (struct fox_str){"", 0};
}

enum fox_status fox_want_gpt2(
    struct fox_buf *out, const struct fox_want_docs *d, const struct fox_value *vocab, struct fox_err *err)
{
	struct fox_str class = {"", 0};
	const struct fox_value *config = fox_want_root(d->tokenizer);
	struct table t = {0};
	if (!fox_json_str(fox_json_get(config, "tokenizer_class"), &class))
		class = class_of_type(d->config);
	bool qwen = fox_str_is(class, "Qwen2Tokenizer") || fox_str_is(class, "Qwen2TokenizerFast");
	if (!qwen && !fox_str_is(class, "GPT2Tokenizer") && !fox_str_is(class, "GPT2TokenizerFast"))
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "vocab.json of tokenizer_class '%.*s' is not proven, only GPT2Tokenizer and Qwen2Tokenizer",
		    FOX_STR_ARG(class));
	size_t room =
	    fox_json_size(fox_want_root(d->added)) + fox_json_size(fox_json_get(config, "added_tokens_decoder"));
	if (!(t.list = calloc(room + N_NAMED, sizeof *t.list)))
		return fox_fail_nomem(err);
	gather(&t, d, vocab, qwen);
	const char *prefix = word(flag(config, "add_prefix_space", false));
	fox_buf_str(out, "{\"version\":\"1.0\",");
	write_added(out, &t);
	if (qwen) {
		fox_buf_str(out,
		    "\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
		    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" QWEN2
		    "\"},\"behavior\":\"Isolated\",\"invert\":false},");
		fox_buf_fmt(out, BYTES, prefix, "false");
		fox_buf_str(out, "]},");
	} else {
		fox_buf_str(out, "\"normalizer\":null,\"pre_tokenizer\":");
		fox_buf_fmt(out, BYTES ",", prefix, "true");
	}
	write_frame(out, &t, d);
	fox_buf_str(out, "\"decoder\":");
	fox_buf_fmt(out, BYTES, "true", "true");
	fox_buf_str(out, ",\"model\":{\"type\":\"BPE\"}}");
	free(t.list);
	return out->failed ? fox_fail_nomem(err) : FOX_OK;
}
