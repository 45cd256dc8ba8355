/* sign.h - list files in a SHA256SUMS, and sign it. spec/sign.md */
#ifndef FOX_SIGN_H
#define FOX_SIGN_H

#include "format/sshkey.h"
#include "kernels/pool.h"

struct fox_sign_ask {
	const char *const
	    *files; /* of a model the first shard stands for all; or one SHA256SUMS, which is signed as it is */
	size_t n_files;  /* at least 1 */
	const char *out; /* the SHA256SUMS to write; NULL: in the folder of the first file */
	const char *key; /* OpenSSH private key; NULL: list, do not sign */
	bool replace;
	struct fox_pool *pool; /* files are hashed side by side; NULL: one after the other */
};

/* What was done. Zero-initialise; fox_sign_free. */
struct fox_sign_done {
	struct fox_buf sums, sig; /* paths; sig is empty where nothing was signed */
	bool wrote_sums;          /* false: it was given */
	uint64_t n_files, bytes;  /* listed; bytes are those that were hashed */
	char key[FOX_SSH_FINGERPRINT];
	char comment[128]; /* of the key; not yet escaped */
};

/*
 * fox_sign - write SHA256SUMS over the files, sorted by name, and its signature SHA256SUMS.sig
 *
 * The signature is verified before it is named. Outputs do not depend on the order of the files or the number of workers.
 *
 * errors  those of fox_ssh_private_load, fox_gguf_open_set, fox_sums_name, fox_sums_file and fox_out_open; FOX_E_ARG: an output
 *         is an input, a SHA256SUMS among other files; FOX_E_CANCELLED
 */
enum fox_status fox_sign(
    struct fox_sign_done *done, const struct fox_sign_ask *ask, struct fox_err *err) FOX_MUST_CHECK;
void fox_sign_free(struct fox_sign_done *done);

#endif
