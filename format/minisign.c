/* minisign.c - minisign signatures and public keys. */
#include "format/minisign.h"

#include <stdlib.h>

#include "format/base/base64.h"
#include "format/base/hash.h"

#define UNTRUSTED "untrusted comment: "
#define TRUSTED "trusted comment: "

enum { KEY_BYTES = 2 + 8 + 32, SIG_BYTES = 2 + 8 + 64 };

bool fox_minisign_is(struct fox_str text)
{
	return fox_str_starts(text, UNTRUSTED);
}

static enum fox_status take_comment(
    struct fox_str *out, struct fox_str text, size_t *at, const char *prefix, struct fox_err *err)
{
	size_t begin = *at, n = strlen(prefix);
	struct fox_str line = fox_str_line(text, at);
	if (!fox_str_starts(line, prefix))
		return fox_fail(err, FOX_E_FORMAT, begin, "line does not begin with '%s'", prefix);
	*out = (struct fox_str){line.p + n, line.n - n};
	return FOX_OK;
}

static enum fox_status take_base64(
    uint8_t *out, size_t n, struct fox_str text, size_t *at, const char *what, struct fox_err *err)
{
	size_t begin = *at, got, bad;
	struct fox_str line = fox_str_line(text, at);
	if (line.n != FOX_BASE64_CHARS(n))
		return fox_fail(
		    err, FOX_E_FORMAT, begin, "%s has %zu characters, not %zu", what, line.n, FOX_BASE64_CHARS(n));
	uint8_t room[FOX_BASE64_ROOM(FOX_BASE64_CHARS(SIG_BYTES))];
	if (!fox_base64_decode(room, &got, line, &bad) || got != n)
		return fox_fail(
		    err, FOX_E_FORMAT, begin + (bad < line.n ? bad : 0), "%s is not base64 of %zu bytes", what, n);
	memcpy(out, room, n);
	return FOX_OK;
}

static uint64_t id_of(const uint8_t *p)
{
	uint64_t id = 0;
	for (int i = 7; i >= 0; i--)
		id = id << 8 | p[i];
	return id;
}

static enum fox_status check_size(struct fox_str text, struct fox_err *err)
{
	if (text.n > FOX_MINISIGN_MAX_BYTES)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "%zu bytes are over the limit of %u", text.n,
		    FOX_MINISIGN_MAX_BYTES);
	return FOX_OK;
}

static enum fox_status check_end(struct fox_str text, size_t at, struct fox_err *err)
{
	while (at < text.n && (text.p[at] == '\n' || text.p[at] == '\r'))
		at++;
	return at == text.n ? FOX_OK : fox_fail(err, FOX_E_FORMAT, at, "something follows the last line");
}

/* Two letters: whether they are one of those known. */
static enum fox_status algorithm(const uint8_t *p, size_t at, bool *prehashed, struct fox_err *err)
{
	*prehashed = p[1] == 'D';
	if (p[0] == 'E' && (p[1] == 'd' || p[1] == 'D'))
		return FOX_OK;
	return fox_fail(err, FOX_E_UNSUPPORTED, at, "algorithm 0x%02x%02x is neither 'Ed' nor 'ED'", p[0], p[1]);
}

enum fox_status fox_minisign_key_parse(struct fox_minisign_key *out, struct fox_str text, struct fox_err *err)
{
	uint8_t b[KEY_BYTES];
	size_t at = 0;
	struct fox_str comment;
	bool prehashed;
	*out = (struct fox_minisign_key){0};
	enum fox_status s = check_size(text, err);
	if (!s && fox_minisign_is(text))
		s = take_comment(&comment, text, &at, UNTRUSTED, err);
	size_t begin = at;
	if (!s)
		s = take_base64(b, sizeof b, text, &at, "public key", err);
	if (!s)
		s = check_end(text, at, err);
	if (!s)
		s = algorithm(b, begin, &prehashed, err);
	if (!s && prehashed)
		s = fox_fail(err, FOX_E_UNSUPPORTED, begin, "algorithm of a public key is 'ED', not 'Ed'");
	if (s)
		return s;
	out->id = id_of(b + 2);
	memcpy(out->key, b + 10, sizeof out->key);
	return FOX_OK;
}

enum fox_status fox_minisign_parse(struct fox_minisign *out, struct fox_str text, struct fox_err *err)
{
	uint8_t b[SIG_BYTES];
	size_t at = 0, begin = 0;
	struct fox_str comment;
	*out = (struct fox_minisign){0};
	enum fox_status s = check_size(text, err);
	if (!s)
		s = take_comment(&comment, text, &at, UNTRUSTED, err);
	if (!s) {
		begin = at;
		s = take_base64(b, sizeof b, text, &at, "signature", err);
	}
	if (!s)
		s = algorithm(b, begin, &out->prehashed, err);
	if (!s)
		s = take_comment(&out->trusted, text, &at, TRUSTED, err);
	if (!s)
		s = take_base64(out->global, sizeof out->global, text, &at, "signature of the comment", err);
	if (!s)
		s = check_end(text, at, err);
	if (s)
		return s;
	out->id = id_of(b + 2);
	memcpy(out->sig, b + 10, sizeof out->sig);
	return FOX_OK;
}

/* The signature's own bytes, then the comment: neither can be exchanged without the other. */
static enum fox_status verify_comment(
    const struct fox_minisign *sig, const struct fox_minisign_key *key, struct fox_err *err)
{
	size_t n = sizeof sig->sig + sig->trusted.n;
	uint8_t *both = malloc(n);
	if (!both)
		return fox_fail_nomem(err);
	memcpy(both, sig->sig, sizeof sig->sig);
	memcpy(both + sizeof sig->sig, sig->trusted.p, sig->trusted.n);
	enum fox_status s = fox_ed25519_verify(key->key, sig->global, (struct fox_span){both, n}, NULL);
	free(both);
	if (s == FOX_E_MISMATCH)
		return fox_fail(err, s, FOX_NOWHERE, "the trusted comment is not the one that was signed");
	return s ? fox_fail_nomem(err) : FOX_OK;
}

enum fox_status fox_minisign_verify(const struct fox_minisign *sig, const struct fox_minisign_key *key,
    struct fox_span message, struct fox_err *err)
{
	uint8_t digest[FOX_DIGEST_MAX];
	enum fox_status s = FOX_OK;
	if (sig->id != key->id)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "signed with the key %016llX, not with %016llX",
		    (unsigned long long)sig->id, (unsigned long long)key->id);
	if (sig->prehashed) {
		s = fox_digest_of(digest, FOX_BLAKE2B512, message, err);
		message = (struct fox_span){digest, fox_digest_bytes(FOX_BLAKE2B512)};
	}
	if (s)
		return s;
	s = fox_ed25519_verify(key->key, sig->sig, message, NULL);
	if (s == FOX_E_MISMATCH)
		return fox_fail(
		    err, s, FOX_NOWHERE, "signature does not verify: it is over other bytes, or was changed");
	return s ? fox_fail_nomem(err) : verify_comment(sig, key, err);
}
