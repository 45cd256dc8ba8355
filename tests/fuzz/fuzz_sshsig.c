/* Any bytes as an SSH signature, as keys, as allowed_signers: what is refused has its reason and an offset inside, what is a
 * private key signs what its public key verifies, and nothing verifies by chance. */
#include "format/signature.h"
#include "format/sshsig.h"

static void check(enum fox_status s, const struct fox_err *err, size_t size)
{
	if (s != err->code || (s && !err->text[0]) || (s && err->at != FOX_NOWHERE && err->at > size))
		__builtin_trap();
}

static void sign(const struct fox_ssh_private *k)
{
	struct fox_span message = {(const uint8_t *)"m", 1};
	struct fox_arena arena = {0};
	struct fox_buf text = {0};
	struct fox_sshsig sig;
	if (fox_sshsig_sign(&text, k, message, "fox", NULL) ||
	    fox_sshsig_parse(&sig, fox_buf_view(&text), &arena, NULL) ||
	    fox_sshsig_verify(&sig, message, "fox", NULL))
		__builtin_trap();
	fox_buf_free(&text);
	fox_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char key[] =
	    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFGBKUMu7q891MzL6MQy4d5CNfjI+yHurjIbxxiSyvwU other";
	struct fox_str text = {(const char *)data, size};
	struct fox_arena arena = {0};
	struct fox_ssh_private k;
	struct fox_ssh_signers all;
	struct fox_signature got;
	struct fox_sshsig sig;
	struct fox_err err = {0};
	enum fox_status s = fox_ssh_private_parse(&k, text, &err);
	check(s, &err, size);
	if (!s)
		sign(&k);
	fox_ssh_forget(&k);
	err = (struct fox_err){0};
	s = fox_ssh_signers_parse(&all, text, &arena, &err);
	check(s, &err, size);
	if (!s) {
		const struct fox_ssh_signer *who;
		err = (struct fox_err){0};
		s = fox_ssh_signer_find(&who, &all, &all.list[0].key, "fox", "me@example.org", 1700000000, &err);
		check(s, &err, size);
		if (!s != (who != NULL))
			__builtin_trap();
	}
	err = (struct fox_err){0};
	check(fox_sshsig_parse(&sig, text, &arena, &err), &err, size);
	err = (struct fox_err){0};
	struct fox_signature_ask ask = {.signature = "s", .key = "k"};
	s = fox_signature_check(&got, &ask, text, (struct fox_str){key, sizeof key - 1},
	    (struct fox_span){(const uint8_t *)"no", 2}, &err);
	check(s, &err, size);
	if (!s)
		__builtin_trap();
	fox_arena_free(&arena);
	return 0;
}
