/* hash.c - thin covers over xxHash and libcrypto. */
#include "format/base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

const char *fox_hash_versions(void)
{
	static char text[128];
	unsigned v = XXH_versionNumber();
	snprintf(text, sizeof text, "xxHash: %u.%u.%u\nlibcrypto: %s\n", v / 10000, v / 100 % 100, v % 100,
	    OpenSSL_version(OPENSSL_VERSION));
	return text;
}

static struct fox_hash128 canonical(XXH128_hash_t h)
{
	XXH128_canonical_t c;
	struct fox_hash128 out;
	XXH128_canonicalFromHash(&c, h);
	memcpy(out.b, c.digest, sizeof out.b);
	return out;
}

struct fox_hash128 fox_xxh3(const void *p, size_t n)
{
	return canonical(XXH3_128bits(p, n));
}

uint64_t fox_xxh3_64(const void *p, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(p, n, seed);
}

bool fox_hash128_eq(const struct fox_hash128 *a, const struct fox_hash128 *b)
{
	return !memcmp(a->b, b->b, sizeof a->b);
}

void fox_hex(char *out, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool fox_unhex(uint8_t *out, struct fox_str hex, size_t n)
{
	if (hex.n / 2 != n || hex.n % 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		int hi = digit(hex.p[2 * i]), lo = digit(hex.p[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

/* XXH3_state_t wants 64-byte alignment: XXH3_createState gives it. */
struct fox_xxh3_state {
	XXH3_state_t *x;
};

struct fox_xxh3_state *fox_xxh3_open(void)
{
	struct fox_xxh3_state *s = malloc(sizeof *s);
	if (!s)
		return NULL;
	s->x = XXH3_createState();
	if (!s->x) {
		free(s);
		return NULL;
	}
	fox_xxh3_reset(s);
	return s;
}

void fox_xxh3_reset(struct fox_xxh3_state *s)
{
	XXH3_128bits_reset(s->x);
}

void fox_xxh3_add(struct fox_xxh3_state *s, const void *p, size_t n)
{
	if (n)
		XXH3_128bits_update(s->x, p, n);
}

struct fox_hash128 fox_xxh3_final(const struct fox_xxh3_state *s)
{
	return canonical(XXH3_128bits_digest(s->x));
}

void fox_xxh3_close(struct fox_xxh3_state *s)
{
	if (!s)
		return;
	XXH3_freeState(s->x);
	free(s);
}

struct fox_digest_state {
	enum fox_digest kind;
	XXH64_state_t *x; /* FOX_XXH64 */
	EVP_MD_CTX *c;    /* others */
};

static const struct {
	uint32_t bytes;
	const EVP_MD *(*md)(void);
	const char *name;
} digest[FOX_DIGESTS] = {
    [FOX_XXH64] = {8, NULL, "XXH64"},
    [FOX_SHA1] = {20, EVP_sha1, "SHA-1"},
    [FOX_SHA256] = {32, EVP_sha256, "SHA-256"},
    [FOX_SHA512] = {64, EVP_sha512, "SHA-512"},
    [FOX_BLAKE2B512] = {64, EVP_blake2b512, "BLAKE2b-512"},
};

uint32_t fox_digest_bytes(enum fox_digest kind)
{
	return digest[kind].bytes;
}

static bool begin(struct fox_digest_state *s)
{
	if (s->kind == FOX_XXH64)
		return XXH64_reset(s->x, 0) == XXH_OK;
	return EVP_DigestInit_ex(s->c, digest[s->kind].md(), NULL) == 1;
}

struct fox_digest_state *fox_digest_open(enum fox_digest kind)
{
	struct fox_digest_state *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->kind = kind;
	if (kind == FOX_XXH64)
		s->x = XXH64_createState();
	else
		s->c = EVP_MD_CTX_new();
	if ((!s->x && !s->c) || !begin(s)) {
		fox_digest_close(s);
		return NULL;
	}
	return s;
}

static enum fox_status digest_failed(enum fox_digest kind, struct fox_err *err)
{
	return fox_fail(err, FOX_E_NOMEM, FOX_NOWHERE, "%s failed inside its library", digest[kind].name);
}

enum fox_status fox_digest_add(struct fox_digest_state *s, const void *p, size_t n, struct fox_err *err)
{
	if (!n)
		return FOX_OK;
	bool ok = s->kind == FOX_XXH64 ? XXH64_update(s->x, p, n) == XXH_OK : EVP_DigestUpdate(s->c, p, n) == 1;
	return ok ? FOX_OK : digest_failed(s->kind, err);
}

enum fox_status fox_digest_final(struct fox_digest_state *s, uint8_t *out, struct fox_err *err)
{
	bool ok = true;
	if (s->kind == FOX_XXH64) {
		XXH64_canonical_t c;
		XXH64_canonicalFromHash(&c, XXH64_digest(s->x));
		memcpy(out, c.digest, sizeof c.digest);
	} else {
		ok = EVP_DigestFinal_ex(s->c, out, NULL) == 1;
	}
	return ok && begin(s) ? FOX_OK : digest_failed(s->kind, err);
}

void fox_digest_close(struct fox_digest_state *s)
{
	if (!s)
		return;
	XXH64_freeState(s->x);
	EVP_MD_CTX_free(s->c);
	free(s);
}

enum fox_status fox_digest_of(uint8_t *out, enum fox_digest kind, struct fox_span bytes, struct fox_err *err)
{
	struct fox_digest_state *s = fox_digest_open(kind);
	if (!s)
		return fox_fail_nomem(err);
	enum fox_status st = fox_digest_add(s, bytes.p, bytes.n, err);
	if (!st)
		st = fox_digest_final(s, out, err);
	fox_digest_close(s);
	return st;
}

struct fox_sha256_state {
	struct fox_digest_state *d;
};

struct fox_sha256_state *fox_sha256_open(void)
{
	struct fox_sha256_state *s = malloc(sizeof *s);
	if (!s)
		return NULL;
	s->d = fox_digest_open(FOX_SHA256);
	if (!s->d) {
		free(s);
		return NULL;
	}
	return s;
}

enum fox_status fox_sha256_add(struct fox_sha256_state *s, const void *p, size_t n, struct fox_err *err)
{
	return fox_digest_add(s->d, p, n, err);
}

enum fox_status fox_sha256_final(struct fox_sha256_state *s, struct fox_sha256 *out, struct fox_err *err)
{
	return fox_digest_final(s->d, out->b, err);
}

void fox_sha256_close(struct fox_sha256_state *s)
{
	if (!s)
		return;
	fox_digest_close(s->d);
	free(s);
}
