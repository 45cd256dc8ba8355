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
#include "kernels/product.h"
#include "runtime/backend.h"

struct fox_verify {
	const struct fox_gguf *g;
	struct fox_pool *pool; /* NULL: one thread */
	enum fox_arith arith;  /* of what is run: logits, texts */
	const struct fox_backend *backend; /* that runs it; NULL: fox_cpu_backend */
	struct fox_findings found;
	struct fox_report *report; /* numbers go here; sections are the checks' own */
	bool other_proof; /* --source or --reference is given: absent hashes are then a note, not a failure */
};

/* The field "backend" of a section about something that was run: "cpu", "cuda (NVIDIA H200)". */
void fox_ver_say_backend(struct fox_verify *v);

/*
 * fox_ver_integrity - structure and every hash: hash.layout, hash.root, hash.set, hash.tensor,
 * structure.padding, structure.trailing
 *
 * Every byte of a fox file is covered: header by the root hash, data by tensor hashes, padding must be zero,
 * nothing follows. Of a set that holds for each file, and the set hash proves that they are one.
 *
 * errors  FOX_E_UNSUPPORTED: a whole header that follows another version of the profile; FOX_E_NOMEM; FOX_E_CANCELLED
 */
enum fox_status fox_ver_integrity(struct fox_verify *v, struct fox_err *err) FOX_MUST_CHECK;

/* What is asked of a signature. */
struct fox_ver_signed {
	const char *path;      /* the model, or where v->g is NULL the SHA256SUMS itself */
	const char *key;       /* as struct fox_signature_ask has it */
	const char *sums;      /* NULL: SHA256SUMS in the model's folder */
	const char *signature; /* NULL: beside the SHA256SUMS: fox_signature_beside */
	const char *signer;    /* NULL: any that the key file allows */
	int64_t now;           /* seconds since 1970 */
};

/*
 * fox_ver_signature - is SHA256SUMS signed, and are the model's files (v->g NULL: all that are listed) those of the list?
 * signature, signature.file
 *
 * Where the signature does not verify, no file is looked at.
 * errors  those of fox_signature_verify but FOX_E_MISMATCH, of fox_sums_parse, fox_sums_name, fox_sums_file; FOX_E_CANCELLED
 */
enum fox_status fox_ver_signature(
    struct fox_verify *v, const struct fox_ver_signed *ask, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_ver_manifest - hashes of tensors and files that another tool listed: manifest.hash, manifest.tensor, manifest.missing,
 * manifest.file
 *
 * path    a manifest as llama-gguf-hash and fox-inspect hash write it; must outlive v->report
 * errors  those of fox_hashlist_parse; FOX_E_IO; FOX_E_CANCELLED
 */
enum fox_status fox_ver_manifest(struct fox_verify *v, const char *path, struct fox_err *err) FOX_MUST_CHECK;

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

/* What config.json says of rotary angles, read in the verifier's own way (ver_rope.c). Numbers are 0 where the kind has
 * none. */
struct fox_ver_rope {
	uint32_t kind;    /* enum fox_rope_scaling */
	uint64_t dims;    /* elements of a head that are rotated; 0: none */
	double factor;    /* linear, yarn, llama3 */
	double low, high; /* llama3: low_freq_factor, high_freq_factor */
	double orig;      /* positions before scaling; of other kinds only what config.json happens to say */
	double
	    attn_factor; /* what cos and sin are multiplied by beside what readers of yarn put there; 1: nothing */
	double beta_fast, beta_slow;
	const struct fox_value *long_factor, *short_factor; /* longrope: dims / 2 numbers each */
};

/* What config.json says of windows (ver_window.c): positions that each layer sees, 0 for all. */
struct fox_ver_window {
	uint64_t size; /* as config.json has it, whether any layer uses it or not; 0: none */
	uint32_t layer[FOX_MAX_LAYERS];
};

/* What the parts of fox_ver_source have in common; made by it. */
struct fox_ver_pair {
	struct fox_source *src;       /* open with weights */
	struct fox_source *tokenizer; /* where the tokenizer's files are; NULL: in src */
	const char *tokenizer_file;   /* the only vocabulary file to look at there; NULL: the usual ones */
	const struct fox_value *config;
	const struct fox_arch *arch;  /* the container's; of two classes that share its name, config.json's */
	const struct fox_hparams *h;  /* what the container's keys make a reader compute with */
	const struct fox_slot *slots; /* every tensor that model can have */
	size_t n_slots;
	struct fox_map by_name; /* container name -> slot */
	uint64_t head_dim; /* by config.json, not by the container: which rows stand where is the source's say */
	struct fox_ver_rope rope;     /* likewise */
	struct fox_ver_window window; /* likewise */
	bool fox;        /* has fox.profile: then everything a converter of ours carries must be there */
	bool bad_config; /* source.config has failed before fox_ver_config */
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

/*
 * fox_ver_rope_read, fox_ver_window_read - what config.json says of rotary angles and windows, into p->rope and p->window
 *
 * Adds findings of source.config for what no graph computes: an unknown kind, a field inside the settings that the kind
 * does not have, spellings that disagree, layers of an unknown type. p->arch, p->config, p->h, p->head_dim are set.
 */
void fox_ver_rope_read(struct fox_verify *v, struct fox_ver_pair *p);
void fox_ver_window_read(struct fox_verify *v, struct fox_ver_pair *p);

/* The container's keys for them against that: source.key. Return how many keys are right. */
size_t fox_ver_rope(struct fox_verify *v, const struct fox_ver_pair *p);
size_t fox_ver_window(struct fox_verify *v, const struct fox_ver_pair *p);

/* The first of the '|'-separated spellings that config.json has; NULL: none, and *spelling says so. */
const struct fox_value *fox_ver_spelled(
    const struct fox_value *config, const char *list, struct fox_str *spelling);

/*
 * fox_ver_want - what config.json makes a row's field in a layer: by its own words, else by the family's default or rule
 *
 * by      where that comes from, for messages
 * returns false when config.json says nothing that the row can be held against
 */
bool fox_ver_want(const struct fox_ver_pair *p, const struct fox_arch_key *row, uint64_t layer, double *out,
    struct fox_str *by);

/* The same for a field, offsetof(struct fox_hparams, ...), by the first of its rows that gives a number; 0: none. */
double fox_ver_field(const struct fox_ver_pair *p, size_t field, uint64_t layer);

/* The row of a field that has a key, with the key's name in `key` and its value in *kv (NULL: absent); NULL: no row. */
const struct fox_arch_key *fox_ver_row_of(const struct fox_verify *v, const struct fox_ver_pair *p,
    size_t field, char key[96], const struct fox_gguf_kv **kv);

/* Element i of a number or an array of numbers; a bool counts as 0 or 1. */
bool fox_ver_item(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, double *out);

/* Is an f32 the one nearest to a real number that a double holds to about 2^-50? */
bool fox_ver_is_f32(double want, double got);

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

/* Limit of the logits check: given, or that of the container's types; of quantized ones it is measured on the model, which
 * is then run twice (spec/verify.md 5). */
struct fox_ver_limits {
	bool given;
	double nmse; /* 0 and up */
};

/*
 * fox_ver_logits - run the ids of a reference and compare: logits.nmse, logits.top1, logits.layer
 *
 * What fails on a CUDA device is looked for operation by operation (fox_ver_ops).
 *
 * path    .npz or .safetensors with input_ids, logits and, if it likes, hidden_states
 * v->arith and an f32 KV cache; the result does not depend on the number of threads
 * errors  those of fox_reference_open and fox_model_bind; FOX_E_MISMATCH: sizes or ids that are not the model's
 */
enum fox_status fox_ver_logits(struct fox_verify *v, const char *path, const struct fox_ver_limits *limits,
    struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_ver_ops - every product of v->backend against the CPU's exact one, from the same input: logits.op
 *
 * The first that is off is named, or what lies before it when its input is off; a note says so when none is.
 *
 * ids     [n], n >= 1; the first few are run
 * errors  those of fox_session_open and fox_session_step; FOX_E_NOMEM
 */
struct fox_model;
enum fox_status fox_ver_ops(struct fox_verify *v, const struct fox_model *m, const int32_t *ids, size_t n,
    struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_ver_tokens - run the texts of a file of recorded ids and compare: tokens.ids, tokens.decode
 *
 * path    lines as inspect/tokfile.h reads them
 * errors  those of fox_tokfile_next, fox_tokdata_from_gguf, fox_tok_open and fox_tok_encode; FOX_E_FORMAT: no records;
 *         FOX_E_MISMATCH: an id that the vocabulary does not have
 */
enum fox_status fox_ver_tokens(struct fox_verify *v, const char *path, struct fox_err *err) FOX_MUST_CHECK;

/* What is asked of a text. */
struct fox_ver_text {
	const char *text;           /* path */
	const char *against;        /* path of the container whose predictions count as right; NULL: none */
	uint32_t n_ctx;             /* tokens of a chunk; 0: 512, or what the models were trained for where that is less */
	uint32_t n_chunks;          /* at most; 0: all */
	double max_kld, max_ratio;  /* limits of the mean KL divergence and of the ratio of perplexities; NaN: none */
	void (*progress)(uint32_t chunk, uint32_t n_chunks); /* NULL: nobody is told */
};

/*
 * fox_ver_ppl - run a text and measure: text.ppl, text.context; against another container also text.ratio, text.kld
 *
 * v->arith and f32 KV caches; the result does not depend on the number of threads
 * errors  those of fox_model_bind, fox_tokdata_from_gguf, fox_chunks_open, fox_ppl_compare and of opening the files;
 *         FOX_E_MISMATCH: two vocabularies
 */
enum fox_status fox_ver_ppl(
    struct fox_verify *v, const struct fox_ver_text *ask, struct fox_err *err) FOX_MUST_CHECK;

#endif
