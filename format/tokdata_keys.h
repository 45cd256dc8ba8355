/* tokdata_keys.h - the table of special ids that tokdata.c and tokdata_put.c share. Private to them. */
#ifndef FOX_TOKDATA_KEYS_H
#define FOX_TOKDATA_KEYS_H

#include "format/tokdata.h"

#define KEY(name) "tokenizer.ggml." name

enum { TOKDATA_IDS = 10, TOKDATA_MODELS = 3 };

struct tokdata_id {
	const char *key;
	size_t field;                   /* offset of an int32_t in fox_tokdata */
	int32_t preset_type;            /* a preset counts only where the piece is of this type */
	int32_t preset[TOKDATA_MODELS]; /* by "llama", "t5", "gpt2"; -1: none */
};
extern const struct tokdata_id tokdata_ids[TOKDATA_IDS];

#endif
