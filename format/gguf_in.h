/* gguf_in.h - what an open container is made of: shared by gguf_read.c (one file) and gguf_set.c (the files of a set).
 *
 * Private to those two. */
#ifndef FOX_GGUF_IN_H
#define FOX_GGUF_IN_H

#include "format/base/io.h"
#include "format/base/map.h"
#include "format/gguf.h"

struct fox_gguf {
	struct fox_gguf_header header;
	struct fox_map_file map; /* only when opened by path */
	struct fox_span bytes;
	const char *path;
	struct fox_gguf_kv *keys;
	size_t n_keys;
	struct fox_tensor *tensors;
	size_t n_tensors;
	struct fox_map key_map, tensor_map;
	struct fox_arena arena;
	/* Of a set, else NULL: its files. Header, bytes, path and keys above are then those of the first, which owns them. */
	struct fox_gguf **parts;
	size_t n_parts;
};

#endif
