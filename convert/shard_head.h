/* shard_head.h - the header of a file that holds some or all tensors of a model. Private to shards.c and shard_head.c. */
#ifndef FOX_SHARD_HEAD_H
#define FOX_SHARD_HEAD_H

#include "convert/note.h"
#include "format/gguf.h"

/* The files that a model goes to. */
struct fox_shard_head {
	const struct fox_gguf *g;
	uint32_t count; /* files; 0: one that is no shard */
	fox_note_fn *note;
	void *note_ctx;
};

/*
 * fox_shard_declare - all keys of file `no` and n tensors from `first` on, in a writer that is frozen afterwards
 *
 * File 0 has the model's keys, as they stand in its first file and in that order; later ones what tells them apart and
 * apart from other models. split.* follows where there are shards.
 * errors  those of the writer; *out is NULL then
 */
enum fox_status fox_shard_declare(struct fox_gguf_writer **out, const struct fox_shard_head *h, uint32_t no,
    size_t first, size_t n, struct fox_err *err) FOX_MUST_CHECK;

/* Keys of later files that the first has not, or with other values, get lost when a set is merged: told in a note. */
void fox_shard_tell_lost(const struct fox_shard_head *h);

#endif
