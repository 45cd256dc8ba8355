/* sshsig.h - detached signatures as `ssh-keygen -Y sign` makes and `-Y verify` checks them, with Ed25519 keys. spec/sign.md
 * source: OpenSSH PROTOCOL.sshsig */
#ifndef FOX_SSHSIG_H
#define FOX_SSHSIG_H

#include "format/base/hash.h"
#include "format/sshkey.h"

#define FOX_SSHSIG_LABEL "SSH SIGNATURE"
#define FOX_SSHSIG_MAX_BYTES (64u << 10) /* of the armored text; a limit of ours */

struct fox_sshsig {
	struct fox_ssh_public key; /* that claims to have signed */
	struct fox_str space;      /* namespace; at least one byte */
	enum fox_digest hash;      /* FOX_SHA256 or FOX_SHA512 */
	uint8_t sig[FOX_ED25519_SIG_BYTES];
};

/*
 * fox_sshsig_parse - read an armored signature; nothing is verified
 *
 * arena   strings are its
 * errors  FOX_E_FORMAT, FOX_E_BOUND, at the offset in text; FOX_E_UNSUPPORTED: version, type of key or hash, by name, a reserved field
 *         that is not empty; FOX_E_NOMEM
 */
enum fox_status fox_sshsig_parse(
    struct fox_sshsig *out, struct fox_str text, struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_sshsig_verify - is it what its key makes of this message, in this namespace?
 *
 * Says nothing about whose key it is: fox_ssh_signer_find.
 * errors  FOX_E_MISMATCH: another namespace, or it does not verify; FOX_E_NOMEM
 */
enum fox_status fox_sshsig_verify(const struct fox_sshsig *sig, struct fox_span message, const char *space,
    struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_sshsig_sign - append the armored signature of a message (hash SHA-512): the same bytes each time
 *
 * errors  FOX_E_NOMEM
 */
enum fox_status fox_sshsig_sign(struct fox_buf *out, const struct fox_ssh_private *key,
    struct fox_span message, const char *space, struct fox_err *err) FOX_MUST_CHECK;

const char *fox_sshsig_hash_name(enum fox_digest hash); /* "sha256", "sha512" */

#endif
