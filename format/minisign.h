/* minisign.h - minisign's detached signatures and public keys, verified. spec/sign.md
 * source: minisign's page "Signature format", "Public key format" (jedisct1.github.io/minisign) */
#ifndef FOX_MINISIGN_H
#define FOX_MINISIGN_H

#include "format/base/ed25519.h"
#include "format/base/str.h"

#define FOX_MINISIGN_MAX_BYTES                                                                               \
	(16u << 10)                    /* of a signature or public key file: comments are at most 1 and 8 KiB */
#define FOX_MINISIGN_KEY_CHARS 56u /* a public key on the command line: RW... */

struct fox_minisign_key {
	uint64_t id; /* shown as 16 upper-case hex digits */
	uint8_t key[FOX_ED25519_BYTES];
};

struct fox_minisign {
	bool prehashed; /* "ED": BLAKE2b-512 of the message is signed; "Ed": the message */
	uint64_t id;
	uint8_t sig[FOX_ED25519_SIG_BYTES];
	struct fox_str trusted; /* comment; signed with the signature; borrowed, not yet escaped */
	uint8_t global[FOX_ED25519_SIG_BYTES];
};

/*
 * fox_minisign_key_parse - a public key: two lines (an untrusted comment, base64), or the base64 alone
 *
 * errors  FOX_E_FORMAT, at the line; FOX_E_UNSUPPORTED: another algorithm; FOX_E_BOUND: a limit
 */
enum fox_status fox_minisign_key_parse(
    struct fox_minisign_key *out, struct fox_str text, struct fox_err *err) FOX_MUST_CHECK;

/* A signature file: four lines. text must outlive out. Errors as above. */
enum fox_status fox_minisign_parse(
    struct fox_minisign *out, struct fox_str text, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_minisign_verify - signature and trusted comment against key and message
 *
 * errors  FOX_E_MISMATCH: made with another key (by its id), over another message, or the trusted comment was changed; FOX_E_NOMEM
 */
enum fox_status fox_minisign_verify(const struct fox_minisign *sig, const struct fox_minisign_key *key,
    struct fox_span message, struct fox_err *err) FOX_MUST_CHECK;

bool fox_minisign_is(struct fox_str text); /* does it begin like a minisign file? */

#endif
