/* payload.h - what goes into a package: the model's files, its licence, a card made from its own facts, and what else is asked
 * for. The one list that archives, their manifests and registry layouts are made from. spec/bundle.md 1 */
#ifndef FOX_PAYLOAD_H
#define FOX_PAYLOAD_H

#include "convert/facts.h"
#include "convert/pump.h"
#include "format/base/arena.h"

enum fox_payload_role { FOX_PAYLOAD_MODEL, FOX_PAYLOAD_LICENSE, FOX_PAYLOAD_CARD, FOX_PAYLOAD_EXTRA };
const char *fox_payload_role_name(enum fox_payload_role r); /* "model", "license", "card", "file" */

struct fox_payload_item {
	struct fox_str
	    name; /* one component, as fox_name_check wants it; unlike every other's, also by ASCII case */
	enum fox_payload_role role;
	struct fox_file file;        /* open; not of the card */
	struct fox_buf text;         /* the card */
	const struct fox_gguf *part; /* of a model's file: its container */
	uint64_t bytes;
	struct fox_sha256 sha256; /* valid once fox_payload_send has sent it */
};

struct fox_payload {
	struct fox_gguf *g;
	struct fox_facts facts;
	struct fox_payload_item
	    *list; /* [n] in the order of the package: licence, card, model, the rest by name */
	size_t n, first_model, n_model;
	struct fox_str name;      /* of the package */
	const char *license_from; /* where the licence's text was found; NULL: nowhere */
	struct fox_arena arena;
};

struct fox_payload_options {
	const char *model; /* as fox_gguf_open_set takes it */
	const char *
	    license; /* a text; NULL: LICENSE, LICENSE.txt, LICENSE.md or COPYING beside the model, if there is one */
	const char *const *extra; /* [n_extra] */
	size_t n_extra;
	struct fox_str name;      /* of the package: one component */
	const char *how_to_check; /* the card's last section: lines of Markdown; "{name}" is not replaced */
};

#define FOX_PAYLOAD_MANIFEST "manifest.json"
#define FOX_PAYLOAD_CARD_NAME "README.md"
#define FOX_PAYLOAD_LICENSE_NAME "LICENSE"

/*
 * fox_payload_open - open all files, and write the card
 *
 * errors  those of fox_gguf_open_set; FOX_E_ARG: two files of one name, or of a name that the package makes itself;
 *         FOX_E_FORMAT: a name that no archive should hold; FOX_E_IO, FOX_E_NOMEM. p is freed then
 */
enum fox_status fox_payload_open(
    struct fox_payload *p, const struct fox_payload_options *o, struct fox_err *err) FOX_MUST_CHECK;
void fox_payload_close(struct fox_payload *p); /* fine on a zeroed one */

/* FOX_E_ARG when the output would replace one of the files. */
enum fox_status fox_payload_spare(
    const struct fox_payload *p, const struct fox_out *out, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_payload_send - an item's bytes to a sink, and its SHA-256
 *
 * A container is held against its own hashes meanwhile: what is damaged is not packed.
 *
 * give     NULL: the bytes are only read and hashed
 * errors   the sink's, those of fox_pump_file and of fox_selfcheck_*
 */
enum fox_status fox_payload_send(struct fox_payload *p, size_t item, struct fox_pump *pump,
    fox_pump_give_fn *give, void *ctx, struct fox_err *err) FOX_MUST_CHECK;

uint64_t fox_payload_bytes(const struct fox_payload *p); /* of all items */

#endif
