/* verb_shards.h - what fox-pack split and fox-pack merge print. Private to those two verbs. */
#ifndef FOX_VERB_SHARDS_H
#define FOX_VERB_SHARDS_H

#include "convert/shards.h"

/* Notes and progress go to stderr. */
void fox_verb_shards_tell(struct fox_shards_options *o);

/* The files with their tensors and bytes, then what stands for all of them. FOX_E_IO, FOX_E_NOMEM */
enum fox_status fox_verb_shards_print(
    const struct fox_shards_options *o, const struct fox_shards *s, struct fox_err *err) FOX_MUST_CHECK;

#endif
