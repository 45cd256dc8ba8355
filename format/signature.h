/* signature.h - is this file signed by that key? One question for every kind of signature that is known: SSH's (`ssh-keygen -Y`)
 * and minisign's. spec/sign.md */
#ifndef FOX_SIGNATURE_H
#define FOX_SIGNATURE_H

#include "format/base/str.h"

#define FOX_SIGNATURE_SPACE "fox" /* the namespace of SSH signatures */

enum fox_signature_kind { FOX_SIGNATURE_SSH, FOX_SIGNATURE_MINISIGN };

/* Who signed, as the signature has it. Texts come from strangers: escape them. "" where there is none. */
struct fox_signature {
	enum fox_signature_kind kind;
	char key[64];      /* "SHA256:..." as ssh-keygen -l shows it, or minisign's key id, 16 hex digits */
	char space[64];    /* SSH: the namespace, cut when longer */
	const char *hash;  /* of the message: "sha512", "sha256", "blake2b-512", "none"; NULL: not read */
	char signer[256];  /* SSH: the principals of the line that allows the key; "": a public key, which names nobody */
	char comment[512]; /* minisign: the trusted comment, cut when longer */
};

/* What is asked. */
struct fox_signature_ask {
	const char *signature; /* path */
	const char *
	    key; /* path of a public key, an allowed_signers file or a minisign public key; or such a key itself */
	const char *signer; /* SSH: the principal that must have signed; NULL: any that the file allows */
	int64_t now;        /* seconds since 1970, for keys that are valid for a time */
};

/*
 * fox_signature_verify - verify the signature file of a message
 *
 * out     filled as far as the signature could be read, also when it does not verify
 * message the bytes that must have been signed
 * returns FOX_OK: signed by the key, in fox's namespace, over these bytes. Nothing else may be taken for that.
 * errors  FOX_E_MISMATCH: it does not verify; the text says whether key, signer, time, namespace or bytes are others
 *         FOX_E_IO, FOX_E_FORMAT, FOX_E_BOUND: signature or key cannot be read; FOX_E_UNSUPPORTED: types of keys, hashes and
 *         signatures that are not handled; FOX_E_ARG: a signer is asked for that minisign does not have; FOX_E_NOMEM
 */
enum fox_status fox_signature_verify(struct fox_signature *out, const struct fox_signature_ask *ask,
    struct fox_span message, struct fox_err *err) FOX_MUST_CHECK;

/* The same of texts that are read already; ask's paths are for messages. */
enum fox_status fox_signature_check(struct fox_signature *out, const struct fox_signature_ask *ask,
    struct fox_str signature, struct fox_str key, struct fox_span message,
    struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_signature_beside - the signature file of `path`: PATH.sig or PATH.minisig
 *
 * out     cleared first; the one that exists; where both or neither do, the one of the key's kind
 * errors  those of reading the key; FOX_E_NOMEM
 */
enum fox_status fox_signature_beside(
    struct fox_buf *out, const char *path, const char *key, struct fox_err *err) FOX_MUST_CHECK;

#endif
