/* sshsig.c - SSHSIG: the blob, the bytes that are signed, the armor around. */
#include "format/sshsig.h"

#include <stdlib.h>

#include "format/sshwire.h"

#define MAGIC "SSHSIG" /* without a NUL */
#define MAGIC_BYTES 6u
#define VERSION 1u

const char *fox_sshsig_hash_name(enum fox_digest hash)
{
	return hash == FOX_SHA256 ? "sha256" : "sha512";
}

static enum fox_status take_hash(struct fox_sshsig *out, const struct fox_ssh_in *name, struct fox_err *err)
{
	if (fox_str_is(fox_ssh_text(name), "sha512"))
		out->hash = FOX_SHA512;
	else if (fox_str_is(fox_ssh_text(name), "sha256"))
		out->hash = FOX_SHA256;
	else
		return fox_fail(err, FOX_E_UNSUPPORTED, name->at, "hash '%.*s' is neither sha512 nor sha256",
		    FOX_STR_ARG(fox_ssh_text(name)));
	return FOX_OK;
}

/* The innermost: the type of the signature, and its 64 bytes. */
static enum fox_status take_value(struct fox_sshsig *out, struct fox_ssh_in in, struct fox_err *err)
{
	struct fox_ssh_in kind;
	enum fox_status s = fox_ssh_string(&in, &kind, "the signature's type", err);
	if (!s)
		s = fox_ssh_kind(&kind, err);
	if (!s)
		s = fox_ssh_bytes(&in, out->sig, sizeof out->sig, "signature", err);
	return s ? s : fox_ssh_end(&in, "the signature", err);
}

static enum fox_status take_blob(
    struct fox_sshsig *out, struct fox_ssh_in in, struct fox_arena *arena, struct fox_err *err)
{
	struct fox_ssh_in public, space, reserved, hash, value;
	uint32_t version = 0;
	if (in.n < MAGIC_BYTES || memcmp(in.p, MAGIC, MAGIC_BYTES))
		return fox_fail(err, FOX_E_FORMAT, in.at, "signature does not begin with '" MAGIC "'");
	in = (struct fox_ssh_in){in.p + MAGIC_BYTES, in.n - MAGIC_BYTES, in.at + MAGIC_BYTES};
	uint64_t at = in.at;
	enum fox_status s = fox_ssh_u32(&in, &version, "version", err);
	if (!s && version != VERSION)
		s = fox_fail(
		    err, FOX_E_UNSUPPORTED, at, "version %u of SSH signatures is not handled, only 1", version);
	if (!s)
		s = fox_ssh_string(&in, &public, "public key", err);
	if (!s)
		s = fox_ssh_string(&in, &space, "namespace", err);
	if (!s)
		s = fox_ssh_string(&in, &reserved, "reserved field", err);
	if (!s)
		s = fox_ssh_string(&in, &hash, "name of the hash", err);
	if (!s)
		s = fox_ssh_string(&in, &value, "signature", err);
	if (!s)
		s = fox_ssh_end(&in, "the signature", err);
	if (!s)
		s = fox_ssh_get_public(&out->key, &public, err);
	if (!s)
		s = fox_ssh_end(&public, "the public key", err);
	if (!s && !space.n)
		s = fox_fail(err, FOX_E_FORMAT, space.at, "namespace is empty");
	if (!s && reserved.n) /* ssh-keygen verifies as if it were empty: then neither tool takes what the other refuses */
		s = fox_fail(err, FOX_E_UNSUPPORTED, reserved.at, "reserved field is not empty");
	if (!s)
		s = take_hash(out, &hash, err);
	if (!s)
		s = take_value(out, value, err);
	if (s)
		return s;
	out->space = (struct fox_str){fox_arena_strdup(arena, fox_ssh_text(&space)), space.n};
	return out->space.p ? FOX_OK : fox_fail_nomem(err);
}

enum fox_status fox_sshsig_parse(
    struct fox_sshsig *out, struct fox_str text, struct fox_arena *arena, struct fox_err *err)
{
	struct fox_err own = {0};
	uint8_t *bytes;
	size_t n = 0, room;
	if (!err)
		err = &own;
	*out = (struct fox_sshsig){0};
	if (text.n > FOX_SSHSIG_MAX_BYTES)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "%zu bytes are over the limit of %u", text.n,
		    FOX_SSHSIG_MAX_BYTES);
	enum fox_status s = fox_ssh_unarmor(&bytes, &n, &room, text, FOX_SSHSIG_LABEL, err);
	if (s)
		return s;
	s = take_blob(out, (struct fox_ssh_in){bytes, n, 0}, arena, err);
	if (s && err->at != FOX_NOWHERE)
		err->at = fox_ssh_armor_at(text, err->at);
	free(bytes);
	return s;
}

/* What the key signs: the namespace keeps a signature for one purpose from passing for another's. */
static enum fox_status signed_bytes(struct fox_buf *out, struct fox_str space, enum fox_digest hash,
    struct fox_span message, struct fox_err *err)
{
	uint8_t digest[FOX_DIGEST_MAX];
	enum fox_status s = fox_digest_of(digest, hash, message, err);
	if (s)
		return s;
	fox_buf_add(out, MAGIC, MAGIC_BYTES);
	fox_ssh_put_string(out, space.p, space.n);
	fox_ssh_put_string(out, "", 0); /* reserved */
	const char *name = fox_sshsig_hash_name(hash);
	fox_ssh_put_string(out, name, strlen(name));
	fox_ssh_put_string(out, digest, fox_digest_bytes(hash));
	return out->failed ? fox_fail_nomem(err) : FOX_OK;
}

enum fox_status fox_sshsig_verify(
    const struct fox_sshsig *sig, struct fox_span message, const char *space, struct fox_err *err)
{
	struct fox_buf bytes = {0};
	if (!fox_str_is(sig->space, space))
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "signature is in the namespace '%.*s', not '%s'",
		    FOX_STR_ARG(sig->space), space);
	enum fox_status s = signed_bytes(&bytes, sig->space, sig->hash, message, err);
	if (!s)
		s = fox_ed25519_verify(sig->key.b, sig->sig, (struct fox_span){(uint8_t *)bytes.p, bytes.n}, NULL);
	fox_buf_free(&bytes);
	if (s == FOX_E_MISMATCH)
		return fox_fail(
		    err, s, FOX_NOWHERE, "signature does not verify: it is over other bytes, or was changed");
	return s == FOX_E_NOMEM ? fox_fail_nomem(err) : s;
}

enum fox_status fox_sshsig_sign(struct fox_buf *out, const struct fox_ssh_private *key,
    struct fox_span message, const char *space, struct fox_err *err)
{
	struct fox_buf bytes = {0}, blob = {0}, public = {0}, value = {0};
	uint8_t sig[FOX_ED25519_SIG_BYTES];
	enum fox_status s = signed_bytes(&bytes, fox_str_of(space), FOX_SHA512, message, err);
	if (!s)
		s = fox_ed25519_sign(sig, key->seed, (struct fox_span){(uint8_t *)bytes.p, bytes.n}, err);
	if (!s) {
		fox_ssh_put_public(&public, &key->key);
		fox_ssh_put_string(&value, FOX_SSH_ED25519, strlen(FOX_SSH_ED25519));
		fox_ssh_put_string(&value, sig, sizeof sig);
		fox_buf_add(&blob, MAGIC, MAGIC_BYTES);
		fox_ssh_put_u32(&blob, VERSION);
		fox_ssh_put_string(&blob, public.p, public.n);
		fox_ssh_put_string(&blob, space, strlen(space));
		fox_ssh_put_string(&blob, "", 0);
		fox_ssh_put_string(&blob, "sha512", 6);
		fox_ssh_put_string(&blob, value.p, value.n);
		fox_ssh_armor(out, FOX_SSHSIG_LABEL, (struct fox_span){(uint8_t *)blob.p, blob.n});
		if (public.failed || value.failed || blob.failed || out->failed)
			s = fox_fail_nomem(err);
	}
	fox_buf_free(&bytes);
	fox_buf_free(&blob);
	fox_buf_free(&public);
	fox_buf_free(&value);
	return s;
}
