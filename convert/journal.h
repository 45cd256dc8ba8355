/* journal.h - which tensors of an unfinished output are whole on disk: OUT.part.journal beside OUT.part, for --resume.
 *
 * A text file: a head of lines `name value` that bind it to one run, then one line per tensor, each with a checksum. A line
 * is written only after the data that it speaks of is on disk; a line that was cut is as if it were not there.
 * spec/convert.md 7 */
#ifndef FOX_JOURNAL_H
#define FOX_JOURNAL_H

#include "convert/pipeline.h"

struct fox_journal; /* an open journal: owns its file descriptor; not thread-safe */

/*
 * fox_journal_read - take up what an earlier run recorded
 *
 * path     of the journal
 * head     lines `name value` that must be the same, one each; without the version, which the journal adds
 * tally    [steps] and raw [steps]: set for recorded steps: done, hash, loss, error; hash, known. Others are left alone.
 * found    false: no journal, or one that ends within its head; nothing is set then
 * errors   FOX_E_ARG: a journal of another run, naming the first line that differs; FOX_E_IO, FOX_E_NOMEM
 */
enum fox_status fox_journal_read(const char *path, struct fox_str head, const struct fox_job *job,
    struct fox_tally *tally, struct fox_raw *raw, bool *found, struct fox_err *err) FOX_MUST_CHECK;

/* Begin a journal anew with a head, and with the steps that are done in tally. FOX_E_IO, FOX_E_NOMEM. */
enum fox_status fox_journal_open(struct fox_journal **out, const char *path, struct fox_str head,
    const struct fox_job *job, const struct fox_tally *tally, const struct fox_raw *raw,
    struct fox_err *err) FOX_MUST_CHECK;

/* Note a step, to be recorded by the next flush. FOX_E_NOMEM. */
enum fox_status fox_journal_add(struct fox_journal *j, size_t step, const struct fox_tally *tally,
    const struct fox_raw *raw, struct fox_err *err) FOX_MUST_CHECK;

/* Have the output's data on disk, then the noted lines. Nothing is done when none are noted. FOX_E_IO. */
enum fox_status fox_journal_flush(
    struct fox_journal *j, struct fox_out *data, struct fox_err *err) FOX_MUST_CHECK;

/* Close; remove: the file, too, because the output is whole. NULL is fine. */
void fox_journal_close(struct fox_journal *j, bool remove);

#endif
