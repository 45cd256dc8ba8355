/* t_ed25519.c - base64 (RFC 4648), Ed25519 (RFC 8032 section 7.1) and digests against what their documents say. */
#include "tests/test.h"

#include "format/base/base64.h"
#include "format/base/ed25519.h"
#include "format/base/hash.h"

static void test_base64(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *text;
	} rows[] = {/* RFC 4648 section 10 */
	    {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
	    {"foobar", "Zm9vYmFy"}, {"\xFB\xFF\xBF", "+/+/"}};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_buf b = {0};
		uint8_t out[16];
		size_t n = 0, bad = 0;
		fox_base64_encode(&b, rows[i].bytes, strlen(rows[i].bytes));
		assert_int_equal(b.n, FOX_BASE64_CHARS(strlen(rows[i].bytes)));
		assert_string_equal(b.p ? b.p : "", rows[i].text);
		assert_true(fox_base64_decode(out, &n, fox_str_of(rows[i].text), &bad));
		assert_int_equal(n, strlen(rows[i].bytes));
		assert_memory_equal(out, rows[i].bytes, n);
		assert_int_equal(bad, strlen(rows[i].text));
		fox_buf_free(&b);
	}
}

static void test_base64_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t bad;
	} rows[] = {{"Zg", 2}, {"Zg=", 2}, {"Zg===", 2}, {"Z===", 1}, {"====", 0}, {"=", 0}, {"Zm9v=", 4},
	    {"Zm9v====", 4}, {"Zh==", 1}, {"Zm9=", 2}, /* bits beyond the last byte */
	    {"Zm 9v", 2}, {"Zm9v\n", 4}, {"Zg==Zg==", 2}, {"Zm-_", 2}, {"Zm9\xC3", 3}, {"A", 1}};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		uint8_t out[16];
		size_t n = 0, bad = 99;
		assert_false(fox_base64_decode(out, &n, fox_str_of(rows[i].text), &bad));
		assert_int_equal(bad, rows[i].bad);
		assert_false(fox_base64_decode(out, &n, fox_str_of(rows[i].text), NULL));
	}
}

static const struct {
	const char *seed, *key, *message, *sig; /* hex */
} vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25b"
        "f5f0595bbe2465"
        "5141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b"
        "2eaeb4302aeeb0"
        "0d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c"
        "15e9716ed28dc0"
        "27beceea1ec40a"},
};

static void test_ed25519(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(vectors); i++) {
		struct fox_err err = {0};
		uint8_t seed[32], key[32], want[32], sig[64], got[64], message[8];
		size_t n = strlen(vectors[i].message) / 2;
		assert_true(fox_unhex(seed, fox_str_of(vectors[i].seed), 32));
		assert_true(fox_unhex(want, fox_str_of(vectors[i].key), 32));
		assert_true(fox_unhex(sig, fox_str_of(vectors[i].sig), 64));
		assert_true(fox_unhex(message, fox_str_of(vectors[i].message), n));
		assert_fox_ok(fox_ed25519_public(key, seed, &err), &err);
		assert_memory_equal(key, want, 32);
		assert_fox_ok(fox_ed25519_sign(got, seed, (struct fox_span){message, n}, &err), &err);
		assert_memory_equal(got, sig, 64);
		assert_fox_ok(fox_ed25519_verify(key, sig, (struct fox_span){message, n}, &err), &err);
		/* any bit of key, signature or message */
		for (size_t bit = 0; bit < 8 * 64; bit++) {
			sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(
			    fox_ed25519_verify(key, sig, (struct fox_span){message, n}, NULL), FOX_E_MISMATCH);
			sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t bit = 0; bit < 8 * 32; bit++) {
			key[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(
			    fox_ed25519_verify(key, sig, (struct fox_span){message, n}, NULL), FOX_E_MISMATCH);
			key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		message[n] = 0;
		assert_int_equal(
		    fox_ed25519_verify(key, sig, (struct fox_span){message, n + 1}, &err), FOX_E_MISMATCH);
		assert_string_equal(err.text, "Ed25519 signature does not verify");
	}
}

static void test_digests(void **state)
{
	(void)state;
	static const char *const abc[FOX_DIGESTS] = {[FOX_XXH64] = "44bc2cf5ad770999", /* xxhsum -H64 */
	    [FOX_SHA1] = "a9993e364706816aba3e25717850c26c9cd0d89d",                   /* FIPS 180 */
	    [FOX_SHA256] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    [FOX_SHA512] = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3"
	                   "c23a3feebbd454d44"
	                   "23643ce80e2a9ac94fa54ca49f",
	    [FOX_BLAKE2B512] = /* RFC 7693 appendix A */
	    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d3"
	    "8aa8dbf1925ab9"
	    "2386edd4009923"};
	for (int k = 0; k < FOX_DIGESTS; k++) {
		uint8_t got[FOX_DIGEST_MAX];
		char hex[2 * FOX_DIGEST_MAX + 1];
		struct fox_err err = {0};
		assert_fox_ok(
		    fox_digest_of(got, (enum fox_digest)k, (struct fox_span){(const uint8_t *)"abc", 3}, &err), &err);
		fox_hex(hex, got, fox_digest_bytes((enum fox_digest)k));
		assert_string_equal(hex, abc[k]);
		/* in pieces, and twice from one state */
		struct fox_digest_state *s = fox_digest_open((enum fox_digest)k);
		assert_non_null(s);
		for (int turn = 0; turn < 2; turn++) {
			assert_fox_ok(fox_digest_add(s, "a", 1, &err), &err);
			assert_fox_ok(fox_digest_add(s, "", 0, &err), &err);
			assert_fox_ok(fox_digest_add(s, "bc", 2, &err), &err);
			assert_fox_ok(fox_digest_final(s, got, &err), &err);
			fox_hex(hex, got, fox_digest_bytes((enum fox_digest)k));
			assert_string_equal(hex, abc[k]);
		}
		fox_digest_close(s);
	}
}

static void test_wipe(void **state)
{
	(void)state;
	char secret[8] = "secret!";
	fox_wipe(secret, sizeof secret);
	for (size_t i = 0; i < sizeof secret; i++)
		assert_int_equal(secret[i], 0);
	fox_wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_base64),
	    cmocka_unit_test(test_base64_refused),
	    cmocka_unit_test(test_ed25519),
	    cmocka_unit_test(test_digests),
	    cmocka_unit_test(test_wipe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
