/* verify.h - proving a container: against its own hashes, against the checkpoint it came from, against
 * reference logits.
 *
 * Shares no transform code with the converter: every check redoes its part in its own way. Checks collect
 * findings (what is proven, what is not) and go on; a status means "could not judge".  spec/verify.md lists
 * every check by name. */
#ifndef FOX_VERIFY_H
#define FOX_VERIFY_H

#include "format/arch.h"
#include "format/base/json.h"
#include "format/base/map.h"
#include "format/finding.h"
#include "format/gguf.h"
#include "format/source.h"
#include "inspect/report.h"
#include "kernels/pool.h"

struct fox_verify {
	const struct fox_gguf *g;
	struct fox_pool *pool; /* NULL: one thread */
	struct fox_findings found;
	struct fox_report *report; /* numbers go here; sections are the checks' own */
	bool other_proof; /* --source or --reference is given: absent hashes are then a note, not a failure */
};

/*
 * fox_ver_integrity - structure and every hash: hash.layout, hash.root, hash.set, hash.tensor,
 * structure.padding, structure.trailing
 *
 * Every byte of a fox file is covered: header by the root hash, data by tensor hashes, padding must be zero,
 * nothing follows.
 *
 * errors  FOX_E_UNSUPPORTED: a whole header that follows another version of the profile; FOX_E_NOMEM; FOX_E_CANCELLED
 */
enum fox_status fox_ver_integrity(struct fox_verify *v, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_ver_source - the checkpoint against the container: source.config, source.tensor, source.shape,
 * source.type, source.missing, source.extra, source.key, source.unproven, source.revision, source.carried,
 * source.dtype, source.file, source.tokenizer
 *
 * path       as fox_source_open takes it
 * tokenizer  the folder, or the one *.model or *.json file, that the tokenizer is read from; NULL: path
 * errors     those of reading the source, its JSON files and tokenizer files, and of fox_hparams_from_gguf;
 *            FOX_E_UNSUPPORTED: a big-endian container
 */
enum fox_status fox_ver_source(
    struct fox_verify *v, const char *path, const char *tokenizer, struct fox_err *err) FOX_MUST_CHECK;

/* What the parts of fox_ver_source have in common; made by it. */
struct fox_ver_pair {
	struct fox_source *src;       /* open with weights */
	struct fox_source *tokenizer; /* where the tokenizer's files are; NULL: in src */
	const char *tokenizer_file;   /* the only vocabulary file to look at there; NULL: the usual ones */
	const struct fox_value *config;
	const struct fox_arch *arch;  /* the container's */
	const struct fox_hparams *h;  /* what the container's keys make a reader compute with */
	const struct fox_slot *slots; /* every tensor that model can have */
	size_t n_slots;
	struct fox_map by_name; /* container name -> slot */
	uint64_t head_dim; /* by config.json, not by the container: which rows stand where is the source's say */
	bool fox;          /* has fox.profile: then everything a converter of ours carries must be there */
};

/* Parts of fox_ver_source, one file each. */
enum fox_status fox_ver_config(
    struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_ver_tensors(
    struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_ver_keys(
    struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_ver_carried(
    struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_ver_tokenizer(
    struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err) FOX_MUST_CHECK;

/* The value at "a.b" of an object; NULL when absent or null. Components of at most 127 bytes. */
const struct fox_value *fox_ver_dig(const struct fox_value *v, struct fox_str path);

/* The double that a pattern stands for: exact; NaN and Inf as they are. */
double fox_ver_f16(uint16_t bits);
double fox_ver_bf16(uint16_t bits);

/*
 * fox_ver_is_nearest - is a 16-bit pattern what IEEE 754 rounding (to nearest, ties to even) makes of x?
 *
 * type    FOX_F16 or FOX_BF16
 * x       any double. Zeros must agree in sign; any NaN stands for any NaN
 */
bool fox_ver_is_nearest(double x, uint16_t bits, enum fox_type type);

/*
 * fox_ver_q8_0_bound - how far a q8_0 weight may be from its source: spec/verify.md 3.2
 *
 * most    the largest magnitude of the block's 32 values; finite
 */
double fox_ver_q8_0_bound(double most);

/* Limit of the logits check: given, or the default of the container's kind (spec/verify.md 5). */
struct fox_ver_limits {
	bool given;
	double nmse; /* 0 and up */
};

/*
 * fox_ver_logits - run the ids of a reference and compare: logits.nmse, logits.top1, logits.layer
 *
 * path    .npz or .safetensors with input_ids, logits and, if it likes, hidden_states
 * f32 arithmetic and an f32 KV cache; the result does not depend on the number of threads
 * errors  those of fox_reference_open and fox_model_bind; FOX_E_MISMATCH: sizes or ids that are not the model's
 */
enum fox_status fox_ver_logits(struct fox_verify *v, const char *path, const struct fox_ver_limits *limits,
    struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_ver_tokens - run the texts of a file of recorded ids and compare: tokens.ids, tokens.decode
 *
 * path    lines as inspect/tokfile.h reads them
 * errors  those of fox_tokfile_next, fox_tokdata_from_gguf, fox_tok_open and fox_tok_encode; FOX_E_FORMAT: no records;
 *         FOX_E_MISMATCH: an id that the vocabulary does not have
 */
enum fox_status fox_ver_tokens(struct fox_verify *v, const char *path, struct fox_err *err) FOX_MUST_CHECK;

#endif
