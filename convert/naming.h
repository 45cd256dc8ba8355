/* naming.h - what a model and its file are called: the parts of a model id, the size label, the default file
 * name.
 *
 * The convention is that of GGUF, BaseName-SizeLabel-FineTune-Version-Encoding.gguf; the rules by which an id
 * is taken apart are those of the converter that most files come from, so that the same id gives the same
 * keys. source: ggml docs/gguf.md, naming convention; gguf-py utility.py size_label, metadata.py
 * get_model_id_components */
#ifndef FOX_NAMING_H
#define FOX_NAMING_H

#include "format/base/arena.h"
#include "format/base/str.h"

/* Parts of an id such as "org/Name-1.6B-Instruct-v0.1". Empty (n == 0) where the id does not say. Memory is
 * the arena's. */
struct fox_naming {
	struct fox_str full;     /* "Name-1.6B-Instruct-v0.1" */
	struct fox_str org;      /* "org" */
	struct fox_str basename; /* "Name" */
	struct fox_str size;     /* "1.6B" */
	struct fox_str finetune; /* "Instruct" */
	struct fox_str version;  /* "v0.1" */
};

/*
 * fox_naming_parse - take a model id apart
 *
 * id        "org/name" or "name"; one with a blank is a plain name: only `full` is set
 * n_params  parameters of the model: a size in the id that is far from it (a context length) is part of the fine-tune;
 *           0: any
 * errors    FOX_E_NOMEM
 *
 * When neither size, fine-tune nor version is found the basename stays empty too: such a split would be a guess.
 */
enum fox_status fox_naming_parse(struct fox_naming *out, struct fox_str id, uint64_t n_params,
    struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/* "fox-1-chat" -> "Fox 1 Chat": '-' to blank, lower-case words capitalised unless they begin with a digit or
 * are a version. {NULL, 0} when out of memory. */
struct fox_str fox_naming_title(struct fox_str id, struct fox_arena *arena);

/* "1.7B", "135M", "3.9M": at least two digits. out: 32 bytes. */
void fox_naming_size(char out[32], uint64_t n_params);

/*
 * fox_naming_file - the default file name, "Fox-1-1.6B-BF16.gguf"
 *
 * out      added to. Blanks, slashes, control characters become '-'; a leading '.' and '-' is dropped; the
 * name part is cut at 160 bytes; an empty name becomes "model" name     general.name; its parts decide where
 * the size label goes; a size that the name has is not repeated type     "bf16": written in capitals
 */
enum fox_status fox_naming_file(struct fox_buf *out, struct fox_str name, uint64_t n_params, const char *type,
    struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/* path with every {type} replaced by type and every {TYPE} by its capitals; other braces stay. Added to out.
 */
void fox_naming_expand(struct fox_buf *out, const char *path, const char *type);

#endif
