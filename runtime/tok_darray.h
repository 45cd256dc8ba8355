/* tok_darray.h - inside the tokenizer: byte strings to ids as a double array: one load per byte of text.
 *
 * The children of a unit lie at its base with the label's bits flipped; each names its parent.   source: Aoe 1989; the
 * layout in blocks of 256, of which the last 16 are tried, is that of darts-clone */
#ifndef FOX_TOK_DARRAY_H
#define FOX_TOK_DARRAY_H

#include "format/base/err.h"
#include "format/base/str.h"

#define TOK_DARRAY_FREE UINT32_MAX

struct tok_unit {
	uint32_t base;
	uint32_t parent; /* TOK_DARRAY_FREE: not in use */
	int32_t id;      /* of the key that ends here, or -1 */
};

/* Unit 0 is the root. Immutable after the build. */
struct tok_darray {
	struct tok_unit *unit; /* [n] n is a multiple of 256 */
	uint32_t n;
};

struct tok_key {
	struct fox_str text; /* empty ones are left out */
	int32_t id;
};

/*
 * tok_darray_build - index keys; of equal ones the highest id counts
 *
 * keys    sorted by this call, else untouched; not needed afterwards
 * memory  12 bytes a unit; at most some 600 units a key byte in theory, 1.1 in vocabularies
 * errors  FOX_E_NOMEM, FOX_E_BOUND (more than 2^31 units)
 */
enum fox_status tok_darray_build(
    struct tok_darray *d, struct tok_key *keys, size_t n, struct fox_err *err) FOX_MUST_CHECK;
void tok_darray_free(struct tok_darray *d); /* fine on a zeroed one */

/* From unit `at` along one byte: the next unit, or 0 when no key goes on so. */
static inline uint32_t tok_darray_step(const struct tok_darray *d, uint32_t at, uint8_t byte)
{
	uint32_t to = d->unit[at].base ^ byte;
	return d->unit[to].parent == at ? to : 0;
}

/* The id of a key equal to text, or -1. */
int32_t tok_darray_find(const struct tok_darray *d, struct fox_str text);

#endif
