/* t_signature.c - who may sign (public keys, allowed_signers), minisign, and the one door for all kinds. */
#include "tests/test.h"

#include "format/minisign.h"
#include "format/signature.h"
#include "format/sshkey.h"
#include "tests/sign_vectors.h"

#define ED "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOzQaTCiAV/DMCXXc1E4LXbcwhmQwYu3+8PKSwy1lEK7" /* id.pub */
#define PRINT "SHA256:MGPB33Uh+zqI7cWc84+22SyOEcmX0fCeJFx0UehhK9s"

static const struct fox_span message = {(const uint8_t *)MESSAGE, sizeof MESSAGE - 1};
static const struct fox_span other = {(const uint8_t *)"hullo\n", 6};

static void test_pattern(void **state)
{
	(void)state;
	static const struct {
		const char *list, *name;
		bool want;
	} rows[] = {
	    {"*", "a", true},
	    {"*", "", true},
	    {"a", "a", true},
	    {"a", "b", false},
	    {"a", "ab", false},
	    {"ab", "a", false},
	    {"?", "a", true},
	    {"?", "", false},
	    {"a*c", "abbc", true},
	    {"a*c", "abcb", false},
	    {"a*c*", "abcb", true},
	    {"*@x.org", "me@x.org", true},
	    {"*@x.org", "me@y.org", false},
	    {"b,a", "a", true},
	    {"!a,*", "a", false},
	    {"!a,*", "b", true},
	    {"*,!a", "a", false},
	    {"!b", "a", false},
	    {"", "", false},
	    {",a", "a", true},
	    {"**a**", "xa", true},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		assert_int_equal(fox_ssh_pattern(fox_str_of(rows[i].list), fox_str_of(rows[i].name)), rows[i].want);
}

/* What a file says of the key `id` in the namespace fox. */
static void test_signers(void **state)
{
	(void)state;
	static const int64_t now = 1700000000; /* 2023-11-14 22:13:20 UTC */
	static const struct {
		const char *text, *signer;
		enum fox_status code;
		const char *want; /* begin of the message, or the principals */
	} rows[] = {
	    {ED, NULL, FOX_OK, ""},
	    {ED " me\r\n", NULL, FOX_OK, ""},
	    {"\n# c\n  # d\n\t" ED "\n", NULL, FOX_OK, ""},
	    {ED, "anyone", FOX_E_MISMATCH, "signed by " PRINT ", not a key of the signer that is asked for"},
	    {"* " ED, "anyone", FOX_OK, "*"},
	    {"me " ED, NULL, FOX_OK, "me"},
	    {"me " ED, "me", FOX_OK, "me"},
	    {"me " ED, "you", FOX_E_MISMATCH, "signed by " PRINT ", not a key of the signer that is asked for"},
	    {"\"me,*@x.org\" namespaces=\"file,f*\" " ED, "a@x.org", FOX_OK, "me,*@x.org"},
	    {"me NAMESPACES=\"file\" " ED, NULL, FOX_E_MISMATCH,
	        "signed by " PRINT ", a key that may not sign in this namespace"},
	    {"me namespaces=\"file\" " ED "\nyou " ED, NULL, FOX_OK, "you"},
	    {"me valid-after=\"20230101\",valid-before=\"20991231235959Z\" " ED, NULL, FOX_OK, "me"},
	    {"me valid-before=\"20231114221320Z\" " ED, NULL, FOX_OK, "me"},
	    {"me valid-before=\"20231114221319Z\" " ED, NULL, FOX_E_MISMATCH,
	        "signed by " PRINT ", a key that is not valid any more"},
	    {"me valid-after=\"202311142214Z\" " ED, NULL, FOX_E_MISMATCH,
	        "signed by " PRINT ", a key that is not valid yet"},
	    {"me cert-authority " ED "\n" ED, NULL, FOX_OK, ""},
	    {"ssh-rsa AAAA rsa\nme ecdsa-sha2-nistp256 AAAA\n" ED, NULL, FOX_OK, ""},
	    {OTHER_PUBLIC, NULL, FOX_E_MISMATCH, "signed by " PRINT ", not a key that may sign"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_arena arena = {0};
		struct fox_err err = {0};
		struct fox_ssh_signers all, one;
		const struct fox_ssh_signer *who;
		assert_fox_ok(fox_ssh_signers_parse(&one, fox_str_of(ED), &arena, &err), &err);
		assert_fox_ok(fox_ssh_signers_parse(&all, fox_str_of(rows[i].text), &arena, &err), &err);
		assert_int_equal(fox_ssh_signer_find(&who, &all, &one.list[0].key, "fox", rows[i].signer, now, &err),
		    rows[i].code);
		if (rows[i].code)
			assert_string_equal(err.text, rows[i].want);
		else
			assert_true(fox_str_is(who->principals, rows[i].want));
		fox_arena_free(&arena);
	}
}

static void test_signers_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum fox_status code;
		uint64_t at;
		const char *want;
	} rows[] = {
	    {"", FOX_E_FORMAT, 0, "there is no public key in it"},
	    {"# nothing\n", FOX_E_FORMAT, 0, "there is no public key in it"},
	    {ED "\nnonsense\n", FOX_E_FORMAT, 81,
	        "line is neither a public key nor '[PRINCIPALS [OPTIONS]] TYPE KEY'"},
	    {"me nonsense=\"1\" " ED, FOX_E_UNSUPPORTED, 3, "option 'nonsense' is not known"},
	    {"me namespaces=\"fox\",verify-required " ED, FOX_E_UNSUPPORTED, 20,
	        "option 'verify-required' is not known"},
	    {"me namespaces=fox " ED, FOX_E_FORMAT, 3,
	        "options are not NAME or NAME=\"VALUE\" with commas between"},
	    {"me namespaces=\"fox " ED, FOX_E_FORMAT, 3,
	        "options are not NAME or NAME=\"VALUE\" with commas between"},
	    {"me namespaces=\"\" " ED, FOX_E_UNSUPPORTED, 3, "option 'namespaces' is not known"},
	    {"me namespaces=\"git\",Namespaces=\"*\" " ED, FOX_E_FORMAT, 20, "option 'namespaces' stands twice"},
	    {"me valid-before=\"20200101\",valid-before=\"29990101\" " ED, FOX_E_FORMAT, 27,
	        "option 'valid-before' stands twice"},
	    {"me valid-after=\"2023\" " ED, FOX_E_FORMAT, 3, "'2023' is not a time: YYYYMMDD[HHMM[SS]][Z]"},
	    {"me valid-after=\"20231301\" " ED, FOX_E_FORMAT, 3,
	        "'20231301' is not a time: YYYYMMDD[HHMM[SS]][Z]"},
	    {"me valid-after=\"2023010a\" " ED, FOX_E_FORMAT, 3,
	        "'2023010a' is not a time: YYYYMMDD[HHMM[SS]][Z]"},
	    {RSA_PUBLIC, FOX_E_UNSUPPORTED, 0,
	        "no key here is ssh-ed25519 and may sign by itself, but 'ssh-rsa'"},
	    {"me cert-authority " ED, FOX_E_UNSUPPORTED, 18,
	        "no key here is ssh-ed25519 and may sign by itself, but 'ssh-ed25519'"},
	    {"ssh-ed25519", FOX_E_FORMAT, 11, "public key is not base64"},
	    {"ssh-ed25519 AAAA!AAA", FOX_E_FORMAT, 16, "public key is not base64"},
	    {"ssh-ed25519 AAAAC3Nz", FOX_E_BOUND, 12, "the key's type of 11 bytes ends past the end"},
	    {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", FOX_E_BOUND, 32, "public key ends past the end"},
	    {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOzQaTCiAV/DMCXXc1E4LXbcwhmQwYu3+8PKSwy1lEK7AAAA", FOX_E_FORMAT,
	        80, "3 bytes follow the public key"},
	    {"ssh-ed25519 AAAAB3NzaC1yc2E=", FOX_E_UNSUPPORTED, 16,
	        "key type 'ssh-rsa' is not handled, only ssh-ed25519 is"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_arena arena = {0};
		struct fox_err err = {0};
		struct fox_ssh_signers all;
		assert_int_equal(fox_ssh_signers_parse(&all, fox_str_of(rows[i].text), &arena, &err), rows[i].code);
		assert_fox_err(&err, rows[i].code, rows[i].at, rows[i].want);
		fox_arena_free(&arena);
	}
}

static void test_minisign(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_minisign_key key, again;
	struct fox_minisign sig;
	assert_fox_ok(fox_minisign_key_parse(&key, fox_str_of(MINI_PUBLIC), &err), &err);
	assert_true(key.id == 0x82297F8366A7495B); /* as its comment says */
	assert_fox_ok(fox_minisign_key_parse(&again, fox_str_of(strchr(MINI_PUBLIC, '\n') + 1), &err), &err);
	assert_memory_equal(&key, &again, sizeof key);
	for (int i = 0; i < 2; i++) {
		assert_fox_ok(fox_minisign_parse(&sig, fox_str_of(i ? MINI_LEGACY : MINI_SIG), &err), &err);
		assert_int_equal(sig.prehashed, !i);
		assert_true(fox_str_is(sig.trusted, i ? "legacy" : "timestamp:1 hello"));
		assert_fox_ok(fox_minisign_verify(&sig, &key, message, &err), &err);
		assert_int_equal(fox_minisign_verify(&sig, &key, other, &err), FOX_E_MISMATCH);
		assert_string_equal(err.text, "signature does not verify: it is over other bytes, or was changed");
		memset(&err, 0, sizeof err);
		sig.trusted.n--;
		assert_int_equal(fox_minisign_verify(&sig, &key, message, &err), FOX_E_MISMATCH);
		assert_string_equal(err.text, "the trusted comment is not the one that was signed");
		memset(&err, 0, sizeof err);
		sig.id ^= 1;
		assert_int_equal(fox_minisign_verify(&sig, &key, message, &err), FOX_E_MISMATCH);
		assert_string_equal(err.text, "signed with the key 82297F8366A7495A, not with 82297F8366A7495B");
		memset(&err, 0, sizeof err);
	}
}

/* All but the untrusted comment is under a signature. */
static void test_minisign_changed(void **state)
{
	(void)state;
	char text[sizeof MINI_SIG];
	size_t trusted = (size_t)(strchr(MINI_SIG, '\n') + 1 - MINI_SIG);
	struct fox_minisign_key key;
	assert_int_equal(fox_minisign_key_parse(&key, fox_str_of(MINI_PUBLIC), NULL), FOX_OK);
	for (size_t i = 0; i + 2 < sizeof text; i++) {
		struct fox_err err = {0};
		struct fox_minisign sig;
		memcpy(text, MINI_SIG, sizeof text);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		enum fox_status s = fox_minisign_parse(&sig, fox_str_of(text), &err);
		if (!s)
			s = fox_minisign_verify(&sig, &key, message, &err);
		bool comment = i >= strlen("untrusted comment: ") && i + 1 < trusted;
		assert_int_equal(s == FOX_OK, comment);
		memset(&err, 0, sizeof err);
		if (i)
			assert_int_equal(fox_minisign_parse(&sig, (struct fox_str){MINI_SIG, i}, &err), FOX_E_FORMAT);
	}
}

static void test_minisign_refused(void **state)
{
	(void)state;
#define HEAD "untrusted comment: c\n"
#define SIG                                                                                                  \
	"RURbSadmg38pguJlWwvyI+glObNRilbPt8kBnQPq3ERVcSNy2OGiCQ36eiF0Rg3dF7UopfhFzziDvNZChhuNtu9cIf9kYwkJ8ws=\n"
#define GLOBAL "DOQsyelwEX2FUQJCPKbXtXtQitaUVce8ON8ebWbHabZwXd+ANSnNgzVyV0G6JlI0udXiljnSbstC15xTeQ0ICA==\n"
	static const struct {
		const char *text;
		enum fox_status code;
		uint64_t at;
		const char *want;
	} rows[] = {
	    {"", FOX_E_FORMAT, 0, "line does not begin with 'untrusted comment: '"},
	    {HEAD "RUR\n", FOX_E_FORMAT, 21, "signature has 3 characters, not 100"},
	    {HEAD SIG, FOX_E_FORMAT, 122, "line does not begin with 'trusted comment: '"},
	    {HEAD SIG "trusted comment: \n", FOX_E_FORMAT, 140,
	        "signature of the comment has 0 characters, not 88"},
	    {HEAD SIG "trusted comment: \n" GLOBAL "\n\n", FOX_OK, 0, ""},
	    {HEAD SIG "trusted comment: \r\n" GLOBAL "more", FOX_E_FORMAT, 230,
	        "something follows the last line"},
	    {HEAD "AA" SIG "trusted comment: \n", FOX_E_FORMAT, 21, "signature has 102 characters, not 100"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_err err = {0};
		struct fox_minisign sig;
		assert_int_equal(fox_minisign_parse(&sig, fox_str_of(rows[i].text), &err), rows[i].code);
		if (rows[i].code)
			assert_fox_err(&err, rows[i].code, rows[i].at, rows[i].want);
	}
	struct fox_err err = {0};
	struct fox_minisign_key key;
	assert_int_equal(fox_minisign_key_parse(
	                     &key, fox_str_of("RURbSadmg38pglWIeLzLjLFMI7zcOzjEZOOsx5E2oMeoksfs54eBoeCt"), &err),
	    FOX_E_UNSUPPORTED);
	assert_string_equal(err.text, "algorithm of a public key is 'ED', not 'Ed'");
	memset(&err, 0, sizeof err);
	assert_int_equal(fox_minisign_key_parse(
	                     &key, fox_str_of("AARbSadmg38pglWIeLzLjLFMI7zcOzjEZOOsx5E2oMeoksfs54eBoeCt"), &err),
	    FOX_E_UNSUPPORTED);
	assert_string_equal(err.text, "algorithm 0x0004 is neither 'Ed' nor 'ED'");
}

/* Every kind of signature against every kind of key, as texts, and as files and keys on a command line. */
static void test_door(void **state)
{
	(void)state;
	static const struct {
		const char *sig, *key, *signer;
		enum fox_status code;
		const char *want;
	} rows[] = {
	    {SIG_SHA512, ID_PUBLIC, NULL, FOX_OK, PRINT},
	    {SIG_SHA256, ID_PUBLIC, NULL, FOX_OK, PRINT},
	    {MINI_SIG, MINI_PUBLIC, NULL, FOX_OK, "82297F8366A7495B"},
	    {MINI_LEGACY, MINI_PUBLIC, NULL, FOX_OK, "82297F8366A7495B"},
	    {SIG_SHA512, OTHER_PUBLIC, NULL, FOX_E_MISMATCH,
	        "signed by " PRINT ", not a key that may sign, by 'KEY'"},
	    {SIG_FILE, ID_PUBLIC, NULL, FOX_E_MISMATCH, "signature is in the namespace 'file', not 'fox'"},
	    {SIG_SHA512, MINI_PUBLIC, NULL, FOX_E_MISMATCH, "signature is SSH's, the key 'KEY' is minisign's"},
	    {MINI_SIG, ID_PUBLIC, NULL, FOX_E_MISMATCH, "signature is minisign's, the key 'KEY' is SSH's"},
	    {MINI_SIG, MINI_PUBLIC, "me", FOX_E_ARG, "minisign's signatures name no signer"},
	    {SIG_RSA, ID_PUBLIC, NULL, FOX_E_UNSUPPORTED,
	        "key type 'ssh-rsa' is not handled, only ssh-ed25519 is"},
	    {"hello", ID_PUBLIC, NULL, FOX_E_FORMAT, "this is neither an SSH signature nor one of minisign's"},
	    {SIG_SHA512, RSA_PUBLIC, NULL, FOX_E_UNSUPPORTED,
	        "no key here is ssh-ed25519 and may sign by itself, but 'ssh-rsa'"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_err err = {0};
		struct fox_signature got;
		struct fox_signature_ask ask = {.signature = "SIG", .key = "KEY", .signer = rows[i].signer};
		assert_int_equal(
		    fox_signature_check(&got, &ask, fox_str_of(rows[i].sig), fox_str_of(rows[i].key), message, &err),
		    rows[i].code);
		assert_string_equal(rows[i].code ? err.text : got.key, rows[i].want);
		if (!rows[i].code)
			assert_int_equal(fox_signature_check(
			                     &got, &ask, fox_str_of(rows[i].sig), fox_str_of(rows[i].key), other, &err),
			    FOX_E_MISMATCH);
	}
	char line[sizeof ID_PUBLIC];
	struct fox_err err = {0};
	struct fox_signature got;
	struct fox_signature_ask ask = {.signature = test_path("m.sig"), .key = line};
	memcpy(line, ID_PUBLIC, sizeof line);
	line[sizeof line - 2] = 0; /* its line feed */
	test_write(ask.signature, SIG_SHA512, strlen(SIG_SHA512));
	assert_fox_ok(fox_signature_verify(&got, &ask, message, &err), &err);
	assert_string_equal(got.space, "fox");
	assert_string_equal(got.hash, "sha512");
	assert_string_equal(got.signer, "");
	ask.key = test_path("nothing");
	assert_int_equal(fox_signature_verify(&got, &ask, message, &err), FOX_E_IO);
	memset(&err, 0, sizeof err);
	test_write(ask.signature, MINI_SIG, strlen(MINI_SIG));
	ask.key = "RWRbSadmg38pglWIeLzLjLFMI7zcOzjEZOOsx5E2oMeoksfs54eBoeCt";
	assert_fox_ok(fox_signature_verify(&got, &ask, message, &err), &err);
	assert_string_equal(got.comment, "timestamp:1 hello");
	assert_string_equal(got.hash, "blake2b-512");
}

static void test_beside(void **state)
{
	(void)state;
	static const char mini[] = "RWRbSadmg38pglWIeLzLjLFMI7zcOzjEZOOsx5E2oMeoksfs54eBoeCt";
	struct fox_buf out = {0};
	struct fox_err err = {0};
	const char *base = test_path("SUMS");
	char sig[600], minisig[600];
	snprintf(sig, sizeof sig, "%s.sig", base);
	snprintf(minisig, sizeof minisig, "%s.minisig", base);
	for (int have = 0; have < 4; have++) {
		unlink(sig), unlink(minisig);
		if (have & 1)
			test_write(sig, "", 0);
		if (have & 2)
			test_write(minisig, "", 0);
		assert_fox_ok(fox_signature_beside(&out, base, ED, &err), &err);
		assert_string_equal(out.p, have == 2 ? minisig : sig);
		assert_fox_ok(fox_signature_beside(&out, base, mini, &err), &err);
		assert_string_equal(out.p, have == 1 ? sig : minisig);
	}
	fox_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pattern),
	    cmocka_unit_test(test_signers),
	    cmocka_unit_test(test_signers_refused),
	    cmocka_unit_test(test_minisign),
	    cmocka_unit_test(test_minisign_changed),
	    cmocka_unit_test(test_minisign_refused),
	    cmocka_unit_test(test_door),
	    cmocka_unit_test(test_beside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
