/* fuzz_tokjson.c - any bytes as tokenizer.json: imported, opened, used on texts that are hard on tokenizers. What does
 * not work leaves a reason; ids lie in the vocabulary, come again for the same text, and can be decoded. */
#include <stdlib.h>

#include "convert/tok_parts.h"
#include "runtime/tok.h"

#define ROWS 512 /* of the embedding: what an id past them costs is not looked for here */

static const struct fox_str texts[] = {
#define TEXT(s)                                                                                              \
	{                                                                                                        \
		s, sizeof s - 1                                                                                      \
	}
    TEXT(""),
    TEXT(" "),
    TEXT("the then  a\n\n \t\r\n  b   "),
    TEXT("                                                                                "),
    TEXT("\xFF\xC3( \xE2\x96 \xED\xA0\x80 \xF4\x90\x80\x80 a\xC3"),
    TEXT("e\xCC\x81\xC3\xA9 \xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9 \xEF\xAC\x81 "
         "\xE2\x96\x81\xE2\x96\x81"),
    TEXT("<s><unk> <|im_start|>don't</s>\n<pad> <0x41>123\0 4567"),
    TEXT("\xE0\xB8\x81\xE0\xB8\xB3 \xE6\xBC\xA2\xE5\xAD\x97 \xD7\xA9\xD6\xB8 "
         "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8"),
#undef TEXT
};

static void must_say(enum fox_status s, const struct fox_err *err)
{
	if (s && (err->code != s || !err->text[0]))
		abort();
}

static void use(const struct fox_tok *tok, const struct fox_tokdata *t, struct fox_str text, uint32_t flags)
{
	struct fox_tok_ids ids = {0}, again = {0};
	struct fox_buf back = {0};
	struct fox_err err = {0};
	enum fox_status s = fox_tok_encode(tok, &ids, text, flags, &err);
	must_say(s, &err);
	if (fox_tok_encode(tok, &again, text, flags, &err) != s || again.n != ids.n || (s && ids.n))
		abort();
	for (size_t i = 0; i < ids.n; i++)
		if (ids.ids[i] < 0 || (uint32_t)ids.ids[i] >= t->n || ids.ids[i] != again.ids[i])
			abort();
	if (!s) {
		err = (struct fox_err){0};
		s = fox_tok_decode(tok, &back, ids.ids, ids.n, true, flags, &err);
		must_say(s, &err);
		if (s && back.n)
			abort();
	}
	fox_tok_ids_free(&ids);
	fox_tok_ids_free(&again);
	fox_buf_free(&back);
}

static enum fox_status import(struct fox_tokdata *t, struct fox_str json, struct fox_err *err)
{
	static const struct fox_tok_options options = {.no_pre = true};
	static const struct fox_hfconfig config = {.hp = {.n_vocab = ROWS}, .bos = -1, .eos = -1, .pad = -1};
	struct tok_import im = {.t = t, .config = &config, .options = &options, .err = err};
	fox_tokdata_init(t);
	enum fox_status s = tok_from_json(&im, json);
	if (!s)
		s = tok_read_special(&im);
	if (!s)
		s = tok_settle_flags(&im);
	fox_tokspec_free(&im.spec);
	return s;
}

/* What is read piece by piece is JSON as a whole, but for NULs in texts, which pieces may have. */
static void check_spec(struct fox_str json, enum fox_status imported)
{
	struct fox_tokspec spec;
	struct fox_err err = {0};
	enum fox_status s = fox_tokspec_parse(&spec, json, ROWS, &err);
	must_say(s, &err);
	if (s && !imported && !memmem(json.p, json.n, "\\u0000", 6))
		abort();
	fox_tokspec_free(&spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_str json = {(const char *)data, size};
	struct fox_tokdata t;
	struct fox_tok *tok = NULL;
	struct fox_err err = {0};
	if (size > 1 << 16)
		return 0;
	enum fox_status s = import(&t, json, &err);
	must_say(s, &err);
	check_spec(json, s);
	if (!s) {
		s = fox_tok_open(&tok, &t, &err);
		must_say(s, &err);
	}
	for (size_t i = 0; !s && i < FOX_COUNT(texts); i++) {
		use(tok, &t, texts[i], 0);
		use(tok, &t, texts[i], FOX_TOK_SPECIAL);
	}
	fox_tok_close(tok);
	fox_tokdata_free(&t);
	return 0;
}
