/* signature.c - one door for all kinds of signatures. */
#include "format/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "format/base/io.h"
#include "format/minisign.h"
#include "format/sshsig.h"
#include "format/sshwire.h"

static bool is_minisign_line(struct fox_str s)
{
	return s.n >= FOX_MINISIGN_KEY_CHARS && fox_str_starts(s, "RW") &&
	       !memchr(s.p, ' ', FOX_MINISIGN_KEY_CHARS);
}

static enum fox_signature_kind key_kind(struct fox_str key)
{
	return fox_minisign_is(key) || is_minisign_line(key) ? FOX_SIGNATURE_MINISIGN : FOX_SIGNATURE_SSH;
}

/* A key may stand on the command line itself. */
static bool is_key_itself(struct fox_str s)
{
	return fox_str_starts(s, "ssh-ed25519 ") || (s.n == FOX_MINISIGN_KEY_CHARS && is_minisign_line(s));
}

static enum fox_status load_key(char **text, size_t *n, const char *key, struct fox_err *err)
{
	struct fox_str s = fox_str_of(key);
	if (!is_key_itself(s)) {
		enum fox_status st = fox_path_slurp(key, FOX_SSH_MAX_KEY_FILE, text, n, err);
		if (st)
			fox_in_file(err, key);
		return st;
	}
	*text = strdup(key);
	*n = s.n;
	return *text ? FOX_OK : fox_fail_nomem(err);
}

static void put(char *to, size_t room, struct fox_str s)
{
	size_t n = s.n < room - 1 ? s.n : room - 1;
	memcpy(to, s.p, n);
	to[n] = 0;
}

/* ---- SSH */

static enum fox_status check_ssh(struct fox_signature *out, const struct fox_signature_ask *ask,
    struct fox_str text, struct fox_str key, struct fox_span message, struct fox_arena *arena,
    struct fox_err *err)
{
	struct fox_sshsig sig;
	struct fox_ssh_signers all;
	const struct fox_ssh_signer *who;
	char print[FOX_SSH_FINGERPRINT];
	enum fox_status s = fox_sshsig_parse(&sig, text, arena, err);
	if (!s)
		s = fox_ssh_fingerprint(print, &sig.key, err);
	if (s)
		return fox_in_file(err, ask->signature), s;
	put(out->key, sizeof out->key, fox_str_of(print));
	put(out->space, sizeof out->space, sig.space);
	out->hash = fox_sshsig_hash_name(sig.hash);
	s = fox_ssh_signers_parse(&all, key, arena, err);
	if (s)
		return fox_in_file(err, ask->key), s;
	s = fox_ssh_signer_find(&who, &all, &sig.key, FOX_SIGNATURE_SPACE, ask->signer, ask->now, err);
	if (s)
		return fox_in(err, "by '%s'", ask->key), fox_in_file(err, ask->signature), s;
	put(out->signer, sizeof out->signer, who->principals);
	s = fox_sshsig_verify(&sig, message, FOX_SIGNATURE_SPACE, err);
	if (s)
		fox_in_file(err, ask->signature);
	return s;
}

/* ---- minisign */

static enum fox_status check_minisign(struct fox_signature *out, const struct fox_signature_ask *ask,
    struct fox_str text, struct fox_str key, struct fox_span message, struct fox_err *err)
{
	struct fox_minisign sig;
	struct fox_minisign_key k;
	enum fox_status s = fox_minisign_parse(&sig, text, err);
	if (s)
		return fox_in_file(err, ask->signature), s;
	snprintf(out->key, sizeof out->key, "%016llX", (unsigned long long)sig.id);
	put(out->comment, sizeof out->comment, sig.trusted);
	out->hash = sig.prehashed ? "blake2b-512" : "none";
	s = fox_minisign_key_parse(&k, key, err);
	if (s)
		return fox_in_file(err, ask->key), s;
	s = fox_minisign_verify(&sig, &k, message, err);
	if (s)
		fox_in_file(err, ask->signature);
	return s;
}

enum fox_status fox_signature_check(struct fox_signature *out, const struct fox_signature_ask *ask,
    struct fox_str signature, struct fox_str key, struct fox_span message, struct fox_err *err)
{
	struct fox_arena arena = {0};
	enum fox_status s;
	*out = (struct fox_signature){.kind = FOX_SIGNATURE_SSH};
	if (fox_minisign_is(signature))
		out->kind = FOX_SIGNATURE_MINISIGN;
	else if (!fox_ssh_is_armor(signature, FOX_SSHSIG_LABEL)) {
		fox_fail(err, FOX_E_FORMAT, 0, "this is neither an SSH signature nor one of minisign's");
		return fox_in_file(err, ask->signature), FOX_E_FORMAT;
	}
	if (ask->signer && (out->kind == FOX_SIGNATURE_MINISIGN || key_kind(key) == FOX_SIGNATURE_MINISIGN))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "minisign's signatures name no signer");
	if (key_kind(key) != out->kind) {
		bool ssh = out->kind == FOX_SIGNATURE_SSH;
		fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "signature is %s, the key '%s' is %s",
		    ssh ? "SSH's" : "minisign's", ask->key, ssh ? "minisign's" : "SSH's");
		return fox_in_file(err, ask->signature), FOX_E_MISMATCH;
	}
	s = out->kind == FOX_SIGNATURE_SSH ? check_ssh(out, ask, signature, key, message, &arena, err)
	                                   : check_minisign(out, ask, signature, key, message, err);
	fox_arena_free(&arena);
	return s;
}

enum fox_status fox_signature_verify(struct fox_signature *out, const struct fox_signature_ask *ask,
    struct fox_span message, struct fox_err *err)
{
	char *sig = NULL, *key = NULL;
	size_t n_sig = 0, n_key = 0;
	*out = (struct fox_signature){.kind = FOX_SIGNATURE_SSH};
	enum fox_status s = fox_path_slurp(ask->signature, FOX_SSHSIG_MAX_BYTES, &sig, &n_sig, err);
	if (s)
		fox_in_file(err, ask->signature);
	if (!s)
		s = load_key(&key, &n_key, ask->key, err);
	if (!s)
		s = fox_signature_check(
		    out, ask, (struct fox_str){sig, n_sig}, (struct fox_str){key, n_key}, message, err);
	free(sig);
	free(key);
	return s;
}

enum fox_status fox_signature_beside(
    struct fox_buf *out, const char *path, const char *key, struct fox_err *err)
{
	static const char *const ending[] = {[FOX_SIGNATURE_SSH] = ".sig", [FOX_SIGNATURE_MINISIGN] = ".minisig"};
	char *text = NULL;
	size_t n = 0;
	enum fox_status s = load_key(&text, &n, key, err);
	if (s)
		return s;
	enum fox_signature_kind first = key_kind((struct fox_str){text, n});
	free(text);
	for (int i = 0; i < 3; i++) { /* the key's kind, the other, and the key's to be told as missing */
		int kind = i == 1 ? !first : (int)first;
		fox_buf_clear(out);
		fox_buf_fmt(out, "%s%s", path, ending[kind]);
		if (out->failed)
			return fox_fail_nomem(err);
		if (!access(out->p, F_OK))
			return FOX_OK;
	}
	return FOX_OK;
}
