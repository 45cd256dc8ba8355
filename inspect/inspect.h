/* inspect.h - what fox-inspect can say: one builder per verb, each filling a report. None prints. spec/inspect.md */
#ifndef FOX_INSPECT_H
#define FOX_INSPECT_H

#include "format/gguf.h"
#include "inspect/report.h"

#define FOX_LOOK_UNSET UINT64_MAX

/* What was asked for, and what the verbs answer beside their report. All is borrowed and outlives the report. */
struct fox_look {
	const char *path, *other_path;
	const struct fox_gguf *g, *other; /* NULL where the verb takes no file */
	const char *name;                 /* a key, a tensor, an architecture; NULL: not given */
	const char *text;                 /* -e: text to encode */
	const char *ids;                  /* -d: ids to decode */
	uint64_t count;                   /* -n: values to show; FOX_LOOK_UNSET: the verb's own number */
	uint64_t n_ctx;                   /* -c: positions; FOX_LOOK_UNSET: the model's */
	bool all;                         /* -a: abbreviate nothing */
	bool special;                     /* -s: control pieces written in a text are recognised */
	bool plain;                       /* -b: no bos or eos */
	int algorithm;                    /* --algorithm: enum fox_hashlist_kind, or FOX_LIST_KINDS for all */
	bool json;                        /* --json: the answer is the report, never lines */
	struct fox_buf lines;             /* answer: what is printed in place of the report's text, as it is */
	bool bad;                         /* answer: files differ, or the header is damaged (exit status 1) */
};

/*
 * A verb: fill r from what is asked. Strings in r may point into containers, so these stay open until r is printed.
 *
 * errors  FOX_E_ARG a name, id or number that the file does not have; FOX_E_UNSUPPORTED values or a tokenizer that this
 *         build cannot read; FOX_E_FORMAT keys that contradict each other; FOX_E_NOMEM. r is then not printed.
 */
typedef enum fox_status fox_look_fn(struct fox_report *r, struct fox_look *look, struct fox_err *err);

fox_look_fn fox_look_summary; /* header only: never reads tensor data */
fox_look_fn fox_look_keys;    /* all, or the one in name */
fox_look_fn fox_look_tensors;
fox_look_fn fox_look_tensor; /* name: values and statistics */
fox_look_fn fox_look_tok;
fox_look_fn fox_look_memory;
fox_look_fn fox_look_diff;
fox_look_fn fox_look_hash; /* reads all tensor data; lines of llama-gguf-hash */
fox_look_fn fox_look_cpu;
fox_look_fn fox_look_arch; /* the families, or the table of the one in name */

/* The value of a key as a cell: scalars as they are, arrays as a list of which `shown` elements are shown. */
struct fox_cell fox_look_value(
    struct fox_report *r, const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t shown);
/* "u32", "str[256000]". */
struct fox_cell fox_look_value_type(struct fox_report *r, const struct fox_gguf_kv *kv);

/* The text of a string key; false when it is absent or of another type. */
bool fox_look_str(const struct fox_gguf *g, const char *key, struct fox_str *out);

/* An integer key, or the least and the greatest element of an array of integers; false when absent or of another type. */
struct fox_range {
	uint64_t least, most;
};
bool fox_look_range(const struct fox_gguf *g, const char *key, struct fox_range *out);

/* "{arch}.{field}" as a range; arch is general.architecture. False also when the name would not fit. */
bool fox_look_arch_range(
    const struct fox_gguf *g, struct fox_str arch, const char *field, struct fox_range *out);

/* Bytes of all tensor data, without padding, and the number of weights. */
void fox_look_totals(const struct fox_gguf *g, uint64_t *bytes, uint64_t *weights);

/* Fields of the tokenizer: kind, size, special ids with their pieces, flags, chat template. Any tokenizer. */
void fox_look_tokenizer(struct fox_report *r, const struct fox_gguf *g);

#endif
