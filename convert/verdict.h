/* verdict.h - judging what casts lost: the one owner of what is refused, what is told, and in which words. */
#ifndef FOX_VERDICT_H
#define FOX_VERDICT_H

#include "convert/pipeline.h"
#include "convert/note.h"

struct fox_verdict_rules {
	bool allow_lossy;     /* finite values that the type turns into Inf, or f16 into 0 */
	bool allow_nonfinite; /* NaN and Inf in the source */
	fox_note_fn *note;    /* lines that a person should know; may be NULL */
	void *note_ctx;
};

/*
 * fox_verdict - are the losses of one target allowed?
 *
 * tally   [job->n_steps], of that target
 * errors  FOX_E_MISMATCH: one error for all tensors; when it cannot hold them, each in a note as well. FOX_E_NOMEM
 *
 * What is lost and accepted is told in one note.
 */
enum fox_status fox_verdict(const struct fox_job *job, size_t target, const struct fox_tally *tally,
    const struct fox_verdict_rules *rules, struct fox_err *err) FOX_MUST_CHECK;

#endif
