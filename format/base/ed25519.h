/* ed25519.h - Ed25519 signatures, and memory that held secrets: libcrypto's, whose only user beside hash.c this is.
 * source: RFC 8032 section 5.1 (PureEdDSA) */
#ifndef FOX_ED25519_H
#define FOX_ED25519_H

#include "format/base/err.h"

#define FOX_ED25519_BYTES 32u     /* of a public key, and of the seed that a private key is */
#define FOX_ED25519_SIG_BYTES 64u /* R, then S */

/*
 * fox_ed25519_verify - was this message signed by the owner of this key?
 *
 * errors  FOX_E_MISMATCH: it was not, or the key is no point of the curve; FOX_E_NOMEM
 */
enum fox_status fox_ed25519_verify(const uint8_t key[FOX_ED25519_BYTES],
    const uint8_t sig[FOX_ED25519_SIG_BYTES], struct fox_span message, struct fox_err *err) FOX_MUST_CHECK;

/* The signature, of which there is one for each message and seed. FOX_E_NOMEM. */
enum fox_status fox_ed25519_sign(uint8_t sig[FOX_ED25519_SIG_BYTES], const uint8_t seed[FOX_ED25519_BYTES],
    struct fox_span message, struct fox_err *err) FOX_MUST_CHECK;

/* The public key of a seed. FOX_E_NOMEM. */
enum fox_status fox_ed25519_public(uint8_t key[FOX_ED25519_BYTES], const uint8_t seed[FOX_ED25519_BYTES],
    struct fox_err *err) FOX_MUST_CHECK;

/* Overwrite what was secret, whatever the compiler thinks of it. p NULL with n 0 is fine. */
void fox_wipe(void *p, size_t n);

#endif
