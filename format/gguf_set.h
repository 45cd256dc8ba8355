/* gguf_set.h - sets of shards: how their files are called and which keys say that they belong together.
 *
 * Reading a set is fox_gguf_open_set, in gguf.h; writing one is fox_gguf_finish_set.  spec/container.md 9
 * source: llama.cpp, tools/gguf-split and llama_split_path */
#ifndef FOX_GGUF_SET_H
#define FOX_GGUF_SET_H

#include "format/base/str.h"
#include "format/gguf.h"

#define FOX_KEY_SPLIT_NO "split.no"                 /* u16: this file's place, from 0 */
#define FOX_KEY_SPLIT_COUNT "split.count"           /* u16: files of the set */
#define FOX_KEY_SPLIT_TENSORS "split.tensors.count" /* i32: tensors of the set */
#define FOX_SHARDS_MAX 65535u                       /* that a u16 can count */

/* Append "PREFIX-00002-of-00003.gguf": no counts from 0. */
void fox_shard_path(struct fox_buf *out, struct fox_str prefix, uint32_t no, uint32_t count);

/* The prefix of a path that such a name ends: a view of path. False when it ends otherwise, or nothing would be left. */
bool fox_shard_prefix(struct fox_str *prefix, struct fox_str path, uint32_t no, uint32_t count);

/* The three keys, put at the end of those declared so far. */
enum fox_status fox_gguf_put_split(struct fox_gguf_writer *w, uint32_t no, uint32_t count, uint32_t tensors,
    struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_gguf_finish_set - fox_gguf_finish for the files of one model, in the order of split.no
 *
 * All carry the hash of all their roots, so every header waits for all data. No file takes its name before all are on disk,
 * and the first takes it last: fox_out_commit_all.
 *
 * errors  as fox_gguf_finish; of one writer it is the same
 */
enum fox_status fox_gguf_finish_set(
    struct fox_gguf_writer *const *w, size_t n, struct fox_err *err) FOX_MUST_CHECK;

#endif
