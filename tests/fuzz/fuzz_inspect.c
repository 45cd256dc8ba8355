/* fuzz_inspect.c - any bytes as a container, through every verb of fox-inspect, as text and as JSON: the text never holds a
 * control character but newline and tab, and the JSON parses. */
#include <stdlib.h>
#include <string.h>

#include "format/base/json.h"
#include "inspect/inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct fox_buf *b)
{
	struct fox_str s = {b->p ? b->p : "", b->n};
	for (size_t i = 0; i < s.n;) {
		int32_t c = fox_utf8_next(s, &i);
		if (c < 0 || (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) ||
		    (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
			abort();
	}
}

static void check_json(const struct fox_buf *b)
{
	struct fox_json *doc;
	struct fox_err err = {0};
	/* our parser refuses U+0000 in strings and nothing else that the writer can write */
	if (!memmem(b->p, b->n, "\\u0000", 6) && fox_json_parse(&doc, fox_buf_view(b), &err) == FOX_OK)
		fox_json_close(doc);
	else if (err.code && err.code != FOX_E_BOUND && err.code != FOX_E_NOMEM)
		abort();
}

static void look(fox_look_fn *verb, struct fox_look ask)
{
	struct fox_report r;
	struct fox_err err = {0};
	fox_report_init(&r, "fox-inspect", "fuzz");
	enum fox_status st = verb(&r, &ask, &err);
	if (st != err.code)
		abort();
	for (int json = 0; json < 2 && !st; json++) {
		struct fox_buf out = {0};
		if (fox_report_render(&r, &out, json, false))
			(json ? check_json : check_text)(&out);
		fox_buf_free(&out);
	}
	fox_report_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static fox_look_fn *const verbs[] = {
	    fox_look_summary, fox_look_keys, fox_look_tensors, fox_look_tok, fox_look_memory, fox_look_diff};
	struct fox_gguf *g;
	struct fox_err err = {0};
	char name[256];
	if (fox_gguf_open_bytes(&g, (struct fox_span){data, size}, "fuzz", &err))
		return 0;
	struct fox_look ask = {
	    .path = "a", .other_path = "b", .g = g, .other = g, .count = FOX_LOOK_UNSET, .n_ctx = FOX_LOOK_UNSET};
	for (size_t i = 0; i < FOX_COUNT(verbs); i++)
		look(verbs[i], ask);
	ask.name = name;
	for (size_t i = 0; i < fox_gguf_tensors(g) && i < 8; i++) {
		snprintf(name, sizeof name, "%.*s", FOX_STR_ARG(fox_gguf_tensor(g, i)->name));
		look(fox_look_tensor, ask);
	}
	for (size_t i = 0; i < fox_gguf_keys(g) && i < 64; i++) {
		snprintf(name, sizeof name, "%.*s", FOX_STR_ARG(fox_gguf_key(g, i)->key));
		look(fox_look_keys, ask);
	}
	ask.name = NULL;
	ask.text = "the fox, \xFF \xC3\xA9";
	look(fox_look_tok, ask);
	fox_gguf_close(g);
	return 0;
}
