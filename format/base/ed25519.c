/* ed25519.c - a thin cover over libcrypto's Ed25519. */
#include "format/base/ed25519.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

static enum fox_status failed(struct fox_err *err)
{
	ERR_clear_error();
	return fox_fail(err, FOX_E_NOMEM, FOX_NOWHERE, "Ed25519 failed inside libcrypto");
}

enum fox_status fox_ed25519_verify(const uint8_t key[FOX_ED25519_BYTES],
    const uint8_t sig[FOX_ED25519_SIG_BYTES], struct fox_span message, struct fox_err *err)
{
	EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, FOX_ED25519_BYTES);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int ok = -1;
	if (k && c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1)
		ok = EVP_DigestVerify(c, sig, FOX_ED25519_SIG_BYTES, message.p, message.n) == 1;
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
	if (ok < 0)
		return failed(err);
	ERR_clear_error();
	return ok ? FOX_OK : fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "Ed25519 signature does not verify");
}

enum fox_status fox_ed25519_sign(uint8_t sig[FOX_ED25519_SIG_BYTES], const uint8_t seed[FOX_ED25519_BYTES],
    struct fox_span message, struct fox_err *err)
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, FOX_ED25519_BYTES);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t n = FOX_ED25519_SIG_BYTES;
	bool ok = k && c && EVP_DigestSignInit(c, NULL, NULL, NULL, k) == 1 &&
	          EVP_DigestSign(c, sig, &n, message.p, message.n) == 1 && n == FOX_ED25519_SIG_BYTES;
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k); /* libcrypto overwrites its copy of the seed */
	return ok ? FOX_OK : failed(err);
}

enum fox_status fox_ed25519_public(
    uint8_t key[FOX_ED25519_BYTES], const uint8_t seed[FOX_ED25519_BYTES], struct fox_err *err)
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, FOX_ED25519_BYTES);
	size_t n = FOX_ED25519_BYTES;
	bool ok = k && EVP_PKEY_get_raw_public_key(k, key, &n) == 1 && n == FOX_ED25519_BYTES;
	EVP_PKEY_free(k);
	return ok ? FOX_OK : failed(err);
}

void fox_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
