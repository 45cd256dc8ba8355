/* sums_turn.c - two running hashes. */
#include "convert/sums_turn.h"

bool fox_sums_turn_open(struct fox_sums_turn *t)
{
	t->file = fox_xxh3_open();
	t->tensor = fox_xxh3_open();
	return t->file && t->tensor;
}

void fox_sums_turn_close(struct fox_sums_turn *t)
{
	fox_xxh3_close(t->file);
	fox_xxh3_close(t->tensor);
}

enum fox_status fox_sums_turn_add(struct fox_sums_turn *t, const struct fox_planes_part *part,
    const uint8_t *bytes, const struct fox_gguf *g, struct fox_err *err)
{
	fox_xxh3_add(t->file, bytes, part->bytes);
	if (!g || part->tensor == FOX_PLANES_NO_TENSOR)
		return FOX_OK;
	const struct fox_tensor *tensor = fox_gguf_tensor(g, part->tensor);
	uint64_t from = part->at - part->tensor_at,
	         left = part->tensor_bytes > from ? part->tensor_bytes - from : 0;
	if (!tensor->hash)
		return FOX_OK;
	if (!from)
		fox_xxh3_reset(t->tensor);
	fox_xxh3_add(t->tensor, bytes, left < part->bytes ? (size_t)left : part->bytes); /* without the padding */
	if (!part->last)
		return FOX_OK;
	struct fox_hash128 h = fox_xxh3_final(t->tensor);
	if (fox_hash128_eq(&h, tensor->hash))
		return FOX_OK;
	return fox_fail(err, FOX_E_MISMATCH, part->tensor_at,
	    "data of tensor '%.*s' has not the hash that the file records", FOX_STR_ARG(tensor->name));
}
