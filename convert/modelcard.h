/* modelcard.h - a checkpoint's README.md to the general.* keys that say whose it is: licence, languages,
 * tags, datasets, what it was made from.
 *
 * Keys, types and values are those of the converter that most files come from. Only the front matter is
 * read; what is not certain is left out with a note and is never an error. The parts of a name that the
 * folder or the repository would give are left out on purpose: fox never names by folder.
 * spec/modelcard.md */
#ifndef FOX_MODELCARD_H
#define FOX_MODELCARD_H

#include "convert/tok_import.h"
#include "format/gguf.h"

#define FOX_MODELCARD_MAX_BYTES (4u << 20) /* a README.md above it is left alone, with a note */

enum fox_card_field {
	FOX_CARD_NAME, /* these six compete with what config.json says, so they are the caller's to put */
	FOX_CARD_VERSION,
	FOX_CARD_ORGANIZATION,
	FOX_CARD_FINETUNE,
	FOX_CARD_BASENAME,
	FOX_CARD_SIZE_LABEL,
	FOX_CARD_AUTHOR,
	FOX_CARD_DESCRIPTION,
	FOX_CARD_LICENSE,
	FOX_CARD_LICENSE_NAME,
	FOX_CARD_LICENSE_LINK,
	FOX_CARD_SOURCE_URL,
	FOX_CARD_SOURCE_DOI,
	FOX_CARD_SOURCE_UUID,
	FOX_CARD_SOURCE_REPO_URL,
	FOX_CARD_FIELDS
};

struct fox_card_list {
	const struct fox_str *items;
	size_t n;
	bool given; /* n may be 0 all the same */
};

/* All memory is the arena's. */
struct fox_modelcard {
	struct fox_str field[FOX_CARD_FIELDS]; /* p NULL: the card does not say; empty: it says "nothing" */
	struct fox_card_list tags, languages;
	struct fox_card_list base_models, datasets; /* ids "org/name", names or URLs */
};

/*
 * fox_modelcard_parse - the front matter of a README.md
 *
 * readme   the whole file, of anybody's making; more than FOX_MODELCARD_MAX_BYTES is the caller's to refuse
 * note     told each thing that is left out, one line, "README.md: ..."; may be NULL
 * errors   FOX_E_NOMEM
 */
enum fox_status fox_modelcard_parse(struct fox_modelcard *card, struct fox_str readme,
    struct fox_arena *arena, fox_note_fn *note, void *note_ctx, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_modelcard_load - as fox_modelcard_parse, for the README.md of a checkpoint, if there is one
 *
 * README.md is read through fox_source_read_file, so its SHA-256 joins the provenance, whatever was in it.
 * errors   those of fox_source_read_file that mean damage (FOX_E_IO, FOX_E_MISMATCH), FOX_E_CANCELLED,
 *          FOX_E_NOMEM; too large, a Git LFS pointer and the like are notes
 */
enum fox_status fox_modelcard_load(struct fox_modelcard *card, struct fox_source *src,
    struct fox_arena *arena, fox_note_fn *note, void *note_ctx, struct fox_err *err) FOX_MUST_CHECK;

/* fox_modelcard_pick - what the card says of a field, `other` where it says nothing. card may be NULL. */
struct fox_str fox_modelcard_pick(
    const struct fox_modelcard *card, enum fox_card_field f, struct fox_str other);

/*
 * fox_modelcard_put - every key but the first six fields
 *
 * n_params  of the model, by which the sizes in names of base models and datasets are told from context
 *           lengths (fox_naming_parse)
 * errors    those of fox_gguf_put_str
 */
enum fox_status fox_modelcard_put(const struct fox_modelcard *card, uint64_t n_params,
    struct fox_gguf_writer *w, struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

#endif
