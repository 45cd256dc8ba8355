/* outputs.h - the containers of one run: where they go, that each comes whole or not at all, and what became of it.
 *
 * Shared by fox-convert and fox-quantize. With --resume what is finished stays behind when a run fails: journal.h. */
#ifndef FOX_OUTPUTS_H
#define FOX_OUTPUTS_H

#include "convert/pipeline.h"
#include "convert/verdict.h"

/* One container. Zero-initialise; fox_outputs_free afterwards, whatever happened. */
struct fox_output {
	struct fox_buf path;
	struct fox_buf table;   /* one line per tensor: the plan, or what became of it */
	char type[64];          /* of its mixture: "q4_k_m" */
	struct fox_buf options; /* canonical: what was asked for and decides the bytes */
	uint64_t bytes;         /* of the container, header included */
	double bits_per_weight; /* of tensor data */
	bool quantized;         /* some tensor has a block type */
	struct fox_cast_error
	    error; /* of all tensors that have an account; n is 0 where none has, and in a dry run */
	struct fox_hash128 root;   /* not in a dry run */
	struct fox_gguf_writer *w; /* while the run lasts */
};

/* A list of them, one per target. */
struct fox_outputs {
	struct fox_output *list; /* from malloc */
	size_t n;
};

/* Room for n. FOX_E_NOMEM. */
enum fox_status fox_outputs_init(struct fox_outputs *o, size_t n, struct fox_err *err) FOX_MUST_CHECK;
void fox_outputs_free(struct fox_outputs *o); /* aborts what is not finished */

/*
 * fox_output_expand - a path of the user's, with {type} and {TYPE} expanded
 *
 * path     NULL: none
 * nameless the caller is to append a file name: there is no path, or it is a folder (path then ends in '/')
 * errors   FOX_E_ARG: empty, or "-"; FOX_E_NOMEM
 */
enum fox_status fox_output_expand(
    struct fox_output *o, const char *path, bool *nameless, struct fox_err *err) FOX_MUST_CHECK;

/* FOX_E_ARG when two outputs have one path. */
enum fox_status fox_outputs_distinct(const struct fox_outputs *o, struct fox_err *err) FOX_MUST_CHECK;

/* A file that must not be overwritten, and what messages call it. */
struct fox_output_input {
	const struct fox_file *file;
	struct fox_str name;
};

/* How a run is to go. Writers of all outputs are frozen. */
struct fox_delivery {
	struct fox_outputs *outs;
	struct fox_pipeline pipe; /* job, files, threads, hash_files, file_done, progress; the rest is set here */
	struct fox_verdict_rules rules;
	bool replace, resume;
	const char
	    *identity; /* resume: lines `name value` that bind a journal to the source; may be NULL without */
	const struct fox_output_input *inputs;
	size_t n_inputs;
	/* All data is written and judged: what is known only now goes into headers. NULL: nothing does. */
	enum fox_status (*seal)(void *ctx, const struct fox_results *results, struct fox_err *err);
	void *seal_ctx;
};

/*
 * fox_outputs_deliver - create, fill, judge and finish all containers
 *
 * errors  those of fox_gguf_create, fox_pipeline_run, fox_verdict, fox_gguf_finish, fox_journal_read;
 *         FOX_E_ARG: an output is an input, or exists and !replace. Old files are untouched then; of several outputs
 *         none is put in place before all are on disk.
 */
enum fox_status fox_outputs_deliver(
    const struct fox_delivery *d, struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/* Sizes of each output, and the plan as its table: a dry run. FOX_E_NOMEM. */
enum fox_status fox_outputs_plan(
    struct fox_outputs *o, const struct fox_job *job, struct fox_err *err) FOX_MUST_CHECK;

/* Most that a run holds beside keys and tokenizer that are in memory anyway: an estimate from above. */
uint64_t fox_outputs_memory(const struct fox_outputs *o, const struct fox_job *job, unsigned threads);

#endif
