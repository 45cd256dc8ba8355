/* hash.h - XXH3-128 (detects damage) and SHA-256 (identifies), and the hashes that formats of others ask for: the only user of
 * xxHash, and of libcrypto's digests. */
#ifndef FOX_HASH_H
#define FOX_HASH_H

#include "format/base/err.h"

/* XXH3-128 in canonical (big-endian) byte order, as `xxhsum -H128` prints it.  source: xxHash
 * doc/xxhash_spec.md */
struct fox_hash128 {
	uint8_t b[16];
};
struct fox_sha256 {
	uint8_t b[32];
};

#define FOX_HASH128_HEX 32 /* characters, without the NUL */
#define FOX_SHA256_HEX 64

/* For --version: "xxHash: 0.8.1\nlibcrypto: OpenSSL 3.0.19 ...\n", as found at run time. One buffer: not for two threads at once. */
const char *fox_hash_versions(void);

struct fox_hash128 fox_xxh3(const void *p, size_t n);
uint64_t fox_xxh3_64(const void *p, size_t n, uint64_t seed); /* for tables in memory, never for files */
bool fox_hash128_eq(const struct fox_hash128 *a, const struct fox_hash128 *b);
void fox_hex(char *out, const uint8_t *p, size_t n); /* 2n lower-case digits and a NUL */
bool fox_unhex(
    uint8_t *out, struct fox_str hex, size_t n); /* exactly 2n lower- or upper-case digits, else false */

/* Streaming states. open returns NULL when out of memory; close accepts NULL; final leaves the state as it
 * was. */
struct fox_xxh3_state;
struct fox_xxh3_state *fox_xxh3_open(void);
void fox_xxh3_reset(struct fox_xxh3_state *s);
void fox_xxh3_add(struct fox_xxh3_state *s, const void *p, size_t n);
struct fox_hash128 fox_xxh3_final(const struct fox_xxh3_state *s);
void fox_xxh3_close(struct fox_xxh3_state *s);

struct fox_sha256_state; /* libcrypto's, so that the CPU's SHA instructions are used */
struct fox_sha256_state *fox_sha256_open(void);
enum fox_status fox_sha256_add(
    struct fox_sha256_state *s, const void *p, size_t n, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_sha256_final(struct fox_sha256_state *s, struct fox_sha256 *out,
    struct fox_err *err) FOX_MUST_CHECK; /* then the state is fresh again */
void fox_sha256_close(struct fox_sha256_state *s);

/* Hashes that files of others name. XXH64 has seed 0 and is written big-endian, as `xxhsum -H64` prints it. */
enum fox_digest { FOX_XXH64, FOX_SHA1, FOX_SHA256, FOX_SHA512, FOX_BLAKE2B512, FOX_DIGESTS };
#define FOX_DIGEST_MAX 64u /* bytes of the longest */
uint32_t fox_digest_bytes(enum fox_digest kind); /* 8, 20, 32, 64, 64 */

/* Streaming, as above: add and final fail only with FOX_E_NOMEM; after final the state is fresh again. */
struct fox_digest_state;
struct fox_digest_state *fox_digest_open(enum fox_digest kind);
enum fox_status fox_digest_add(
    struct fox_digest_state *s, const void *p, size_t n, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_digest_final(struct fox_digest_state *s, uint8_t *out, struct fox_err *err) FOX_MUST_CHECK;
void fox_digest_close(struct fox_digest_state *s);

/* Of bytes that lie in memory. FOX_E_NOMEM. */
enum fox_status fox_digest_of(
    uint8_t *out, enum fox_digest kind, struct fox_span bytes, struct fox_err *err) FOX_MUST_CHECK;

#endif
