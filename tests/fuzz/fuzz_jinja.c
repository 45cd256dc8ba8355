/* fuzz_jinja.c - any bytes as a chat template: evaluated, searched for a format, used; a failure leaves a reason. */
#include <stdlib.h>

#include "runtime/chat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_err err = {0};
	struct fox_chat *c = NULL;
	struct fox_chat_text text = {0};
	struct fox_chat_turn turn = {FOX_CHAT_USER, fox_str_of("hello")};
	if (size > 1 << 16)
		return 0;
	enum fox_status s = fox_chat_open(&c, (struct fox_str){(const char *)data, size}, fox_str_of("<bos>"),
	    (struct fox_str){NULL, 0}, "26 Jul 2025", &err);
	if (!s && !(s = fox_chat_render(c, &text, &turn, 1, &err)))
		for (size_t i = 0; i < text.n_spans; i++)
			if (text.spans[i].from > text.spans[i].to || text.spans[i].to > text.text.n)
				abort();
	if (s && (!err.code || !err.text[0]))
		abort();
	fox_chat_text_free(&text);
	fox_chat_close(c);
	return 0;
}
