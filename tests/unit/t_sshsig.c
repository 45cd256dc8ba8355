/* t_sshsig.c - OpenSSH's keys and signatures: what ssh-keygen made is verified and made again, what is changed is not. */
#include "tests/test.h"

#include <sys/stat.h>

#include "format/sshsig.h"
#include "format/sshwire.h"
#include "tests/sign_vectors.h"

#define ID_PRINT "SHA256:MGPB33Uh+zqI7cWc84+22SyOEcmX0fCeJFx0UehhK9s" /* ssh-keygen -l -f id.pub */

static const struct fox_span message = {(const uint8_t *)MESSAGE, sizeof MESSAGE - 1};

static void test_private(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_ssh_private k;
	char print[FOX_SSH_FINGERPRINT];
	assert_fox_ok(fox_ssh_private_parse(&k, fox_str_of(ID_PRIVATE), &err), &err);
	assert_string_equal(k.comment, "fox test");
	assert_fox_ok(fox_ssh_fingerprint(print, &k.key, &err), &err);
	assert_string_equal(print, ID_PRINT);
	fox_ssh_forget(&k);
	for (size_t i = 0; i < sizeof k; i++)
		assert_int_equal(((uint8_t *)&k)[i], 0);
}

/* Every character of the file matters, but for the comment's and the blank lines around. */
static void test_private_changed(void **state)
{
	(void)state;
	char text[sizeof ID_PRIVATE];
	struct fox_ssh_private good, k;
	size_t passed = 0;
	assert_int_equal(fox_ssh_private_parse(&good, fox_str_of(ID_PRIVATE), NULL), FOX_OK);
	for (size_t i = 0; i + 1 < sizeof text; i++) {
		struct fox_err err = {0};
		memcpy(text, ID_PRIVATE, sizeof text);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		if (fox_ssh_private_parse(&k, fox_str_of(text), &err) == FOX_OK) {
			assert_memory_equal(k.seed, good.seed, sizeof k.seed);
			assert_string_not_equal(k.comment, good.comment);
			passed++;
		} else {
			assert_true(err.text[0] != 0);
			assert_true(err.at < sizeof text || err.at == FOX_NOWHERE);
		}
	}
	assert_true(passed > 0 && passed < 12); /* "fox test" is 8 bytes */
	for (size_t n = 0; n + 1 < sizeof text - 1; n++) {
		struct fox_err err = {0};
		assert_int_not_equal(fox_ssh_private_parse(&k, (struct fox_str){ID_PRIVATE, n}, &err), FOX_OK);
		assert_true(err.text[0] != 0);
	}
}

static void test_private_refused(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_ssh_private k;
	assert_int_equal(fox_ssh_private_parse(&k, fox_str_of(LOCKED_PRIVATE), &err), FOX_E_UNSUPPORTED);
	assert_fox_err(&err, FOX_E_UNSUPPORTED, 61,
	    "private key is encrypted ('aes256-ctr'), which is not handled: `ssh-keygen -Y sign -n fox -f KEY "
	    "SHA256SUMS` signs "
	    "with it, and with keys in an agent");
	static const struct {
		const char *text;
		mode_t mode;
		enum fox_status code;
		uint64_t at;
		const char *want;
	} rows[] = {
	    {ID_PRIVATE, 0600, FOX_OK, 0, ""},
	    {ID_PRIVATE, 0400, FOX_OK, 0, ""},
	    {ID_PRIVATE, 0644, FOX_E_ARG, FOX_NOWHERE,
	        "mode 0644 lets others read or write this private key: chmod 600 makes it yours alone"},
	    {ID_PRIVATE, 0640, FOX_E_ARG, FOX_NOWHERE,
	        "mode 0640 lets others read or write this private key: chmod 600 makes it yours alone"},
	    {ID_PUBLIC, 0644, FOX_E_FORMAT, 0,
	        "this is a public key: signing takes the private one, without .pub"},
	    {MINI_PUBLIC, 0600, FOX_E_UNSUPPORTED, 0,
	        "minisign's secret keys are not handled: `minisign -Sm SHA256SUMS` signs with them"},
	    {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0600, FOX_E_UNSUPPORTED, 0,
	        "private key is not one of OpenSSH's own format (ssh-keygen -t ed25519)"},
	    {"", 0600, FOX_E_FORMAT, 0, "there is no line '-----BEGIN OPENSSH PRIVATE KEY-----'"},
	    {"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", 0600, FOX_E_FORMAT, 41,
	        "there is no line '-----END OPENSSH PRIVATE KEY-----'"},
	    {"-----BEGIN OPENSSH PRIVATE KEY-----\nAAA\n-----END OPENSSH PRIVATE KEY-----\n", 0600, FOX_E_FORMAT,
	        40, "what stands between the lines of dashes is not base64"},
	    {"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\nx", 0600,
	        FOX_E_FORMAT, 75, "something follows '-----END OPENSSH PRIVATE KEY-----'"},
	    {"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", 0600, FOX_E_FORMAT,
	        36, "private key does not begin with 'openssh-key-v1'"},
	};
	const char *path = test_path("key");
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		memset(&err, 0, sizeof err);
		unlink(path);
		test_write(path, rows[i].text, strlen(rows[i].text));
		assert_int_equal(chmod(path, rows[i].mode), 0);
		assert_int_equal(fox_ssh_private_load(&k, path, &err), rows[i].code);
		if (rows[i].code)
			assert_fox_err(&err, rows[i].code, rows[i].at, rows[i].want);
	}
	unlink(path);
	memset(&err, 0, sizeof err);
	assert_int_equal(fox_ssh_private_load(&k, path, &err), FOX_E_IO);
}

/* Ed25519 has one signature for a message: ours is ssh-keygen's, to the byte. */
static void test_sign(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_ssh_private k;
	struct fox_buf text = {0};
	assert_fox_ok(fox_ssh_private_parse(&k, fox_str_of(ID_PRIVATE), &err), &err);
	assert_fox_ok(fox_sshsig_sign(&text, &k, message, "fox", &err), &err);
	assert_string_equal(text.p, SIG_SHA512);
	fox_buf_clear(&text);
	assert_fox_ok(fox_sshsig_sign(&text, &k, message, "file", &err), &err);
	assert_string_equal(text.p, SIG_FILE);
	fox_buf_free(&text);
}

static void test_verify(void **state)
{
	(void)state;
	struct fox_arena arena = {0};
	struct fox_err err = {0};
	struct fox_sshsig sig;
	struct fox_ssh_signers who;
	const char *const texts[] = {SIG_SHA512, SIG_SHA256, SIG_FILE};
	assert_fox_ok(fox_ssh_signers_parse(&who, fox_str_of(ID_PUBLIC), &arena, &err), &err);
	for (int i = 0; i < 3; i++) {
		assert_fox_ok(fox_sshsig_parse(&sig, fox_str_of(texts[i]), &arena, &err), &err);
		assert_memory_equal(sig.key.b, who.list[0].key.b, 32);
		assert_int_equal(sig.hash, i == 1 ? FOX_SHA256 : FOX_SHA512);
		assert_true(fox_str_is(sig.space, i == 2 ? "file" : "fox"));
		assert_fox_ok(fox_sshsig_verify(&sig, message, i == 2 ? "file" : "fox", &err), &err);
	}
	assert_int_equal(fox_sshsig_verify(&sig, message, "fox", &err), FOX_E_MISMATCH);
	assert_string_equal(err.text, "signature is in the namespace 'file', not 'fox'");
	memset(&err, 0, sizeof err);
	assert_int_equal(fox_sshsig_verify(&sig, (struct fox_span){(const uint8_t *)"hullo\n", 6}, "file", &err),
	    FOX_E_MISMATCH);
	assert_string_equal(err.text, "signature does not verify: it is over other bytes, or was changed");
	fox_arena_free(&arena);
}

/* No changed character passes; each cut is told. */
static void test_changed(void **state)
{
	(void)state;
	char text[sizeof SIG_SHA512];
	for (size_t i = 0; i + 2 < sizeof text; i++) { /* the last line feed may be anything blank, or absent */
		struct fox_arena arena = {0};
		struct fox_err err = {0};
		struct fox_sshsig sig;
		memcpy(text, SIG_SHA512, sizeof text);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		enum fox_status s = fox_sshsig_parse(&sig, fox_str_of(text), &arena, &err);
		if (!s)
			s = fox_sshsig_verify(&sig, message, "fox", &err);
		assert_int_not_equal(s, FOX_OK);
		assert_int_equal(s, err.code);
		assert_true(err.text[0] != 0);
		fox_arena_free(&arena);
		memset(&err, 0, sizeof err);
		s = fox_sshsig_parse(&sig, (struct fox_str){SIG_SHA512, i}, &arena, &err);
		assert_true(s == FOX_E_FORMAT || s == FOX_E_BOUND);
		assert_true(err.at <= i);
		fox_arena_free(&arena);
	}
}

/* A blob of these fields in armor. */
static void make_sig(struct fox_buf *out, uint32_t version, const char *kind, size_t key, const char *space,
    const char *reserved, const char *hash, const char *kind2, size_t value, const char *more)
{
	struct fox_buf blob = {0}, inner = {0};
	static const uint8_t zeros[128];
	fox_buf_str(&blob, "SSHSIG");
	fox_ssh_put_u32(&blob, version);
	fox_ssh_put_string(&inner, kind, strlen(kind));
	fox_ssh_put_string(&inner, zeros, key);
	fox_ssh_put_string(&blob, inner.p, inner.n);
	fox_ssh_put_string(&blob, space, strlen(space));
	fox_ssh_put_string(&blob, reserved, strlen(reserved));
	fox_ssh_put_string(&blob, hash, strlen(hash));
	fox_buf_clear(&inner);
	fox_ssh_put_string(&inner, kind2, strlen(kind2));
	fox_ssh_put_string(&inner, zeros, value);
	fox_ssh_put_string(&blob, inner.p, inner.n);
	fox_buf_str(&blob, more);
	fox_ssh_armor(out, FOX_SSHSIG_LABEL, (struct fox_span){(uint8_t *)blob.p, blob.n});
	fox_buf_free(&blob);
	fox_buf_free(&inner);
}

static void test_refused(void **state)
{
	(void)state;
	static const char ed[] = "ssh-ed25519";
	static const struct {
		uint32_t version;
		const char *kind;
		size_t key;
		const char *space, *reserved, *hash, *kind2;
		size_t value;
		const char *more;
		enum fox_status code;
		const char *want;
	} rows[] = {
	    {1, ed, 32, "fox", "", "sha512", ed, 64, "", FOX_OK, ""},
	    {1, ed, 32, "fox", "later", "sha512", ed, 64, "", FOX_E_UNSUPPORTED,
	        "reserved field is not empty"},
	    {2, ed, 32, "fox", "", "sha512", ed, 64, "", FOX_E_UNSUPPORTED,
	        "version 2 of SSH signatures is not handled, only 1"},
	    {1, "sk-ssh-ed25519@openssh.com", 32, "fox", "", "sha512", ed, 64, "", FOX_E_UNSUPPORTED,
	        "key type 'sk-ssh-ed25519@openssh.com' is not handled, only ssh-ed25519 is"},
	    {1, ed, 31, "fox", "", "sha512", ed, 64, "", FOX_E_FORMAT, "public key has 31 bytes, not 32"},
	    {1, ed, 32, "", "", "sha512", ed, 64, "", FOX_E_FORMAT, "namespace is empty"},
	    {1, ed, 32, "fox", "", "md5", ed, 64, "", FOX_E_UNSUPPORTED,
	        "hash 'md5' is neither sha512 nor sha256"},
	    {1, ed, 32, "fox", "", "sha512", "rsa-sha2-512", 64, "", FOX_E_UNSUPPORTED,
	        "key type 'rsa-sha2-512' is not handled, only ssh-ed25519 is"},
	    {1, ed, 32, "fox", "", "sha512", ed, 65, "", FOX_E_FORMAT, "signature has 65 bytes, not 64"},
	    {1, ed, 32, "fox", "", "sha512", ed, 64, "x", FOX_E_FORMAT, "1 bytes follow the signature"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_arena arena = {0};
		struct fox_buf text = {0};
		struct fox_err err = {0};
		struct fox_sshsig sig;
		make_sig(&text, rows[i].version, rows[i].kind, rows[i].key, rows[i].space, rows[i].reserved,
		    rows[i].hash, rows[i].kind2, rows[i].value, rows[i].more);
		assert_int_equal(fox_sshsig_parse(&sig, fox_buf_view(&text), &arena, &err), rows[i].code);
		assert_string_equal(err.text, rows[i].want);
		fox_buf_free(&text);
		fox_arena_free(&arena);
	}
	struct fox_arena arena = {0};
	struct fox_err err = {0};
	struct fox_sshsig sig;
	assert_int_equal(fox_sshsig_parse(&sig, fox_str_of(SIG_RSA), &arena, &err), FOX_E_UNSUPPORTED);
	assert_fox_err(&err, FOX_E_UNSUPPORTED, 54, "key type 'ssh-rsa' is not handled, only ssh-ed25519 is");
	fox_arena_free(&arena);
}

/* A length that points outside is told where it stands in the file. */
static void test_bounds(void **state)
{
	(void)state;
	struct fox_arena arena = {0};
	struct fox_err err = {0};
	struct fox_sshsig sig;
	const char text[] =
	    "\n-----BEGIN SSH SIGNATURE-----\r\nU1NI\nU0lHAAAAAf////8=\n-----END SSH SIGNATURE-----";
	assert_int_equal(fox_sshsig_parse(&sig, fox_str_of(text), &arena, &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, 46, "public key of 4294967295 bytes ends past the end");
	fox_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_private),
	    cmocka_unit_test(test_private_changed),
	    cmocka_unit_test(test_private_refused),
	    cmocka_unit_test(test_sign),
	    cmocka_unit_test(test_verify),
	    cmocka_unit_test(test_changed),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
