/* selfcheck.h - a container held against the hashes that it carries itself, while its bytes pass by.
 *
 * For programs that read a whole file anyway: the check costs no second reading. spec/container.md 5 and 6; fox-verify judges
 * the same in its own way and says more. */
#ifndef FOX_SELFCHECK_H
#define FOX_SELFCHECK_H

#include "format/profile.h"

struct fox_selfcheck; /* borrows the container, which must stay open */

/*
 * fox_selfcheck_open - begin with the header
 *
 * g       one file: for a set, each of fox_gguf_part
 * errors  FOX_E_MISMATCH: the header, the padding or the length is not what was written; FOX_E_NOMEM. *out is NULL then
 * A file without fox hashes, or that another tool rewrote since, is no error: nothing of it can be checked.
 */
enum fox_status fox_selfcheck_open(
    struct fox_selfcheck **out, const struct fox_gguf *g, struct fox_err *err) FOX_MUST_CHECK;
void fox_selfcheck_close(struct fox_selfcheck *c); /* NULL is fine */

/*
 * fox_selfcheck_feed - the file's next n bytes, from its first one on
 *
 * errors  FOX_E_MISMATCH: the tensor named is not what was written, or the header is not the one that was opened. The first
 *         one ends the check
 */
enum fox_status fox_selfcheck_feed(
    struct fox_selfcheck *c, const void *p, size_t n, struct fox_err *err) FOX_MUST_CHECK;

/* All bytes have been fed, and nothing was wrong with them: FOX_HASH_OK, FOX_HASH_NONE or FOX_HASH_FOREIGN. FOX_E_TRUNCATED. */
enum fox_status fox_selfcheck_end(
    struct fox_selfcheck *c, enum fox_hash_state *state, struct fox_err *err) FOX_MUST_CHECK;

/* Are the shards of a model, each of which fox wrote, one set? FOX_E_MISMATCH. A model of one file always is. */
enum fox_status fox_selfcheck_set(const struct fox_gguf *g, struct fox_err *err) FOX_MUST_CHECK;

#endif
