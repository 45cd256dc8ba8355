/* sshkey.c - Ed25519 keys as OpenSSH writes them: public halves, private key files. */
#include "format/sshkey.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/base64.h"
#include "format/base/io.h"
#include "format/sshwire.h"

#define LABEL "OPENSSH PRIVATE KEY"
#define MAGIC "openssh-key-v1" /* with its NUL */

void fox_ssh_put_public(struct fox_buf *out, const struct fox_ssh_public *key)
{
	fox_ssh_put_string(out, FOX_SSH_ED25519, strlen(FOX_SSH_ED25519));
	fox_ssh_put_string(out, key->b, sizeof key->b);
}

enum fox_status fox_ssh_get_public(struct fox_ssh_public *out, struct fox_ssh_in *in, struct fox_err *err)
{
	struct fox_ssh_in kind;
	enum fox_status s = fox_ssh_string(in, &kind, "the key's type", err);
	if (!s)
		s = fox_ssh_kind(&kind, err);
	if (!s)
		s = fox_ssh_bytes(in, out->b, sizeof out->b, "public key", err);
	return s;
}

enum fox_status fox_ssh_fingerprint(
    char out[FOX_SSH_FINGERPRINT], const struct fox_ssh_public *key, struct fox_err *err)
{
	struct fox_buf wire = {0}, text = {0};
	struct fox_sha256 sum;
	fox_ssh_put_public(&wire, key);
	enum fox_status s = wire.failed ? fox_fail_nomem(err) : FOX_OK;
	if (!s)
		s = fox_digest_of(sum.b, FOX_SHA256, (struct fox_span){(uint8_t *)wire.p, wire.n}, err);
	if (!s) {
		fox_base64_encode(&text, sum.b, sizeof sum.b);
		s = text.failed ? fox_fail_nomem(err) : FOX_OK;
	}
	if (!s)
		snprintf(out, FOX_SSH_FINGERPRINT, "SHA256:%.43s", text.p); /* without the pad */
	fox_buf_free(&wire);
	fox_buf_free(&text);
	return s;
}

/* ---- private keys */

static enum fox_status encrypted(const struct fox_ssh_in *cipher, struct fox_err *err)
{
	return fox_fail(err, FOX_E_UNSUPPORTED, cipher->at,
	    "private key is encrypted ('%.*s'), which is not handled: `ssh-keygen -Y sign -n fox -f KEY "
	    "SHA256SUMS` signs with "
	    "it, and with keys in an agent",
	    FOX_STR_ARG(fox_ssh_text(cipher)));
}

/* The secret part, which has been found not to be encrypted. */
static enum fox_status take_secret(struct fox_ssh_private *k, struct fox_ssh_in in, struct fox_err *err)
{
	struct fox_ssh_in comment;
	struct fox_ssh_public again, derived;
	uint8_t both[64];
	uint32_t check[2];
	uint64_t at = in.at;
	enum fox_status s = fox_ssh_u32(&in, &check[0], "check number", err);
	if (!s)
		s = fox_ssh_u32(&in, &check[1], "check number", err);
	if (!s && check[0] != check[1])
		s = fox_fail(err, FOX_E_FORMAT, at, "the two check numbers of the private key differ");
	if (!s)
		s = fox_ssh_get_public(&again, &in, err);
	if (!s)
		s = fox_ssh_bytes(&in, both, sizeof both, "private key", err);
	if (!s)
		s = fox_ssh_string(&in, &comment, "comment", err);
	for (size_t i = 0; i < in.n && !s; i++)
		if (in.n > 8 || in.p[i] != i + 1)
			s = fox_fail(err, FOX_E_FORMAT, in.at + i, "padding of the private key is not 1, 2, 3...");
	if (!s)
		s = fox_ed25519_public(derived.b, both, err);
	if (!s && (memcmp(again.b, k->key.b, sizeof again.b) || memcmp(both + 32, k->key.b, sizeof again.b) ||
	              memcmp(derived.b, k->key.b, sizeof again.b)))
		s = fox_fail(err, FOX_E_MISMATCH, at, "the public key in the file is not the private key's");
	if (!s) {
		memcpy(k->seed, both, sizeof k->seed);
		snprintf(k->comment, sizeof k->comment, "%.*s", FOX_STR_ARG(fox_ssh_text(&comment)));
	}
	fox_wipe(both, sizeof both);
	return s;
}

static enum fox_status take_private(struct fox_ssh_private *k, struct fox_ssh_in in, struct fox_err *err)
{
	struct fox_ssh_in cipher, kdf, options, public, secret;
	uint32_t n_keys = 0;
	if (in.n < sizeof MAGIC || memcmp(in.p, MAGIC, sizeof MAGIC))
		return fox_fail(err, FOX_E_FORMAT, in.at, "private key does not begin with '" MAGIC "'");
	in = (struct fox_ssh_in){in.p + sizeof MAGIC, in.n - sizeof MAGIC, in.at + sizeof MAGIC};
	enum fox_status s = fox_ssh_string(&in, &cipher, "name of the cipher", err);
	if (!s)
		s = fox_ssh_string(&in, &kdf, "name of the key derivation", err);
	if (!s)
		s = fox_ssh_string(&in, &options, "options of the key derivation", err);
	if (!s && (!fox_str_is(fox_ssh_text(&cipher), "none") || !fox_str_is(fox_ssh_text(&kdf), "none")))
		s = encrypted(&cipher, err);
	uint64_t at = in.at;
	if (!s)
		s = fox_ssh_u32(&in, &n_keys, "number of keys", err);
	if (!s && n_keys != 1)
		s = fox_fail(err, FOX_E_UNSUPPORTED, at, "file holds %u keys, not one", n_keys);
	if (!s)
		s = fox_ssh_string(&in, &public, "public key", err);
	if (!s)
		s = fox_ssh_string(&in, &secret, "private key", err);
	if (!s)
		s = fox_ssh_end(&in, "the private key", err);
	if (!s)
		s = fox_ssh_get_public(&k->key, &public, err);
	if (!s)
		s = fox_ssh_end(&public, "the public key", err);
	return s ? s : take_secret(k, secret, err);
}

enum fox_status fox_ssh_private_parse(struct fox_ssh_private *out, struct fox_str text, struct fox_err *err)
{
	struct fox_err own = {0};
	uint8_t *bytes;
	size_t n = 0, room;
	if (!err)
		err = &own;
	*out = (struct fox_ssh_private){0};
	enum fox_status s = fox_ssh_unarmor(&bytes, &n, &room, text, LABEL, err);
	if (s)
		return s;
	s = take_private(out, (struct fox_ssh_in){bytes, n, 0}, err);
	if (s && err->at != FOX_NOWHERE)
		err->at = fox_ssh_armor_at(text, err->at);
	if (s)
		fox_ssh_forget(out);
	fox_wipe(bytes, room);
	free(bytes);
	return s;
}

void fox_ssh_forget(struct fox_ssh_private *k)
{
	fox_wipe(k, sizeof *k);
}

/* As ssh does: what is one's own must be nobody else's. */
static enum fox_status check_mode(const struct fox_file *f, struct fox_err *err)
{
	struct stat st;
	if (fstat(f->fd, &st))
		return fox_fail(err, FOX_E_IO, FOX_NOWHERE, "cannot stat '%s'", f->path);
	if (st.st_uid == getuid() && (st.st_mode & 077))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "mode %04o lets others read or write this private key: chmod 600 makes it yours alone",
		    (unsigned)st.st_mode & 07777);
	return FOX_OK;
}

static enum fox_status explain(struct fox_str text, struct fox_err *err)
{
	if (fox_str_starts(text, "ssh-") || fox_str_starts(text, "ecdsa-") || fox_str_starts(text, "sk-"))
		return fox_fail(
		    err, FOX_E_FORMAT, 0, "this is a public key: signing takes the private one, without .pub");
	if (fox_str_starts(text, "untrusted comment:"))
		return fox_fail(err, FOX_E_UNSUPPORTED, 0,
		    "minisign's secret keys are not handled: `minisign -Sm SHA256SUMS` signs with them");
	if (fox_str_starts(text, "-----BEGIN ") && !fox_ssh_is_armor(text, LABEL))
		return fox_fail(err, FOX_E_UNSUPPORTED, 0,
		    "private key is not one of OpenSSH's own format (ssh-keygen -t ed25519)");
	return FOX_OK;
}

enum fox_status fox_ssh_private_load(struct fox_ssh_private *out, const char *path, struct fox_err *err)
{
	struct fox_file f = {0};
	char *text = NULL;
	size_t n = 0;
	enum fox_status s = fox_file_open(&f, path, err);
	*out = (struct fox_ssh_private){0};
	if (s)
		return s;
	s = fox_file_slurp(&f, FOX_SSH_MAX_KEY_FILE, &text, &n, err);
	if (!s)
		s = explain((struct fox_str){text, n}, err);
	if (!s)
		s = check_mode(&f, err);
	if (!s)
		s = fox_ssh_private_parse(out, (struct fox_str){text, n}, err);
	if (s)
		fox_in_file(err, path);
	if (text)
		fox_wipe(text, n);
	free(text);
	fox_file_close(&f);
	return s;
}
