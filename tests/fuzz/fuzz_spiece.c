/* Any bytes as tokenizer.model; what is accepted must also open and encode. */
#include <stdlib.h>

#include "convert/tok_import.h"
#include "runtime/tok.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_err err = {0};
	struct fox_tokdata t;
	struct fox_tok *tok = NULL;
	struct fox_tok_ids ids = {0};
	if (!fox_tok_spiece(&t, (struct fox_span){data, size}, &err)) {
		size_t n = size < 512 ? size : 512;
		if (fox_tok_open(&tok, &t, &err) ||
		    fox_tok_encode(tok, &ids, (struct fox_str){(const char *)data, n}, 0, &err))
			abort(); /* what SentencePiece's rules admit can encode everything */
	} else if (!err.code || !err.text[0]) {
		abort();
	}
	fox_tok_ids_free(&ids);
	fox_tok_close(tok);
	fox_tokdata_free(&t);
	return 0;
}
