/* sshkey.h - Ed25519 keys as OpenSSH keeps them: private keys, and who may sign (public key files, allowed_signers).
 * spec/sign.md.  source: OpenSSH PROTOCOL.key; ssh-keygen(1), "ALLOWED SIGNERS" */
#ifndef FOX_SSHKEY_H
#define FOX_SSHKEY_H

#include "format/base/arena.h"
#include "format/base/ed25519.h"
#include "format/base/hash.h"
#include "format/base/str.h"

#define FOX_SSH_MAX_KEY_FILE (1u << 20) /* bytes; a limit of ours */
#define FOX_SSH_FINGERPRINT 51u         /* "SHA256:" and 43 characters of base64, with the NUL */

struct fox_ssh_public {
	uint8_t b[FOX_ED25519_BYTES];
};

/* The fingerprint that ssh-keygen -l shows: SHA-256 of the key's wire encoding. FOX_E_NOMEM. */
enum fox_status fox_ssh_fingerprint(
    char out[FOX_SSH_FINGERPRINT], const struct fox_ssh_public *key, struct fox_err *err) FOX_MUST_CHECK;

/* Append the wire encoding of a public key: string "ssh-ed25519", string of 32 bytes. */
void fox_ssh_put_public(struct fox_buf *out, const struct fox_ssh_public *key);

/* The same read. FOX_E_BOUND, FOX_E_FORMAT, FOX_E_UNSUPPORTED (another type of key, which is named). */
struct fox_ssh_in;
enum fox_status fox_ssh_get_public(
    struct fox_ssh_public *out, struct fox_ssh_in *in, struct fox_err *err) FOX_MUST_CHECK;

struct fox_ssh_private {
	uint8_t seed[FOX_ED25519_BYTES]; /* secret: fox_ssh_forget */
	struct fox_ssh_public key;
	char comment[128]; /* cut when longer; not yet escaped */
};

/*
 * fox_ssh_private_load - the key of a file "-----BEGIN OPENSSH PRIVATE KEY-----"
 *
 * Copies of the secret that were made on the way are overwritten.
 * errors  FOX_E_IO; FOX_E_ARG: the file is the caller's own and others may read it; FOX_E_UNSUPPORTED: encrypted, another type
 *         of key, another kind of file; FOX_E_FORMAT, FOX_E_BOUND, at the offset; FOX_E_MISMATCH: public and private halves
 *         differ; FOX_E_NOMEM
 */
enum fox_status fox_ssh_private_load(
    struct fox_ssh_private *out, const char *path, struct fox_err *err) FOX_MUST_CHECK;
/* The same of a text. */
enum fox_status fox_ssh_private_parse(
    struct fox_ssh_private *out, struct fox_str text, struct fox_err *err) FOX_MUST_CHECK;
void fox_ssh_forget(struct fox_ssh_private *k); /* overwrites all of it */

/* One who may sign: a line of a file. */
struct fox_ssh_signer {
	struct fox_ssh_public key;
	struct fox_str principals; /* patterns with commas between; "" on a public key's line, which names nobody */
	struct fox_str namespaces; /* likewise */
	int64_t after, before;     /* seconds since 1970: when it may; INT64_MIN and INT64_MAX: ever */
	uint64_t at;               /* offset of the line */
};

struct fox_ssh_signers {
	struct fox_ssh_signer *list;
	size_t n; /* at least 1 */
};

/*
 * fox_ssh_signers_parse - a public key file ("ssh-ed25519 AAAA... comment") or an allowed_signers file
 *
 * Lines that hold keys of other known types or are for certificates (cert-authority) are passed over: they can never match.
 * arena   list is its; patterns are borrowed from text
 * errors  FOX_E_FORMAT, FOX_E_BOUND, at the line or what is wrong in it; FOX_E_UNSUPPORTED: an unknown option, no key that is
 *         ssh-ed25519; FOX_E_NOMEM
 */
enum fox_status fox_ssh_signers_parse(struct fox_ssh_signers *out, struct fox_str text,
    struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_ssh_signer_find - the line by which a key may sign
 *
 * name    must be one of the line's principals; NULL: any
 * now     seconds since 1970
 * errors  FOX_E_MISMATCH: no line has the key; or none of those that have it allows the namespace, the name, or this time: the
 *         last of these reasons is told
 */
enum fox_status fox_ssh_signer_find(const struct fox_ssh_signer **out, const struct fox_ssh_signers *all,
    const struct fox_ssh_public *key, const char *space, const char *name, int64_t now,
    struct fox_err *err) FOX_MUST_CHECK;

/* Does a list of patterns (with commas between; '*', '?', '!' in front: not) match? A pattern that is negated and matches
 * decides. */
bool fox_ssh_pattern(struct fox_str list, struct fox_str name);

#endif
