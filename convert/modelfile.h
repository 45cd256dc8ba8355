/* modelfile.h - a Modelfile for ollama, from what a container says. spec/bundle.md 7
 *
 * source: ollama parser/parser.go (how a Modelfile is read), docs/modelfile.md */
#ifndef FOX_MODELFILE_H
#define FOX_MODELFILE_H

#include "convert/note.h"
#include "format/base/str.h"
#include "format/gguf.h"

/*
 * fox_modelfile_write - append it
 *
 * FROM, a PARAMETER stop for each token that ends a turn or a text, LICENSE. No TEMPLATE: ollama's are Go templates, and it finds
 * the one for a chat template that it knows in the container itself.
 *
 * file      the model's file as FROM names it: beside the Modelfile
 * license   the text; p NULL: none
 * note      told each thing that cannot be said in a Modelfile and is left out: texts with three quotes in a row, or with characters
 *           that its reader drops; may be NULL
 * errors    FOX_E_UNSUPPORTED: a model in shards, which ollama does not read; FOX_E_FORMAT: a file name that FROM cannot hold, or
 *           tokenizer keys that contradict each other; FOX_E_NOMEM
 */
enum fox_status fox_modelfile_write(struct fox_buf *out, const struct fox_gguf *g, struct fox_str file,
    struct fox_str license, fox_note_fn *note, void *note_ctx, struct fox_err *err) FOX_MUST_CHECK;

#endif
