/* edit_plan.h - the keys that a container is to have: private to edit.c and edit_plan.c. */
#ifndef FOX_EDIT_PLAN_H
#define FOX_EDIT_PLAN_H

#include "convert/edit.h"
#include "convert/edit_value.h"

/* One key of the new header. */
struct fox_edit_row {
	struct fox_gguf_kv kv;         /* as it will be */
	const struct fox_gguf_kv *was; /* as it is, under whatever name; NULL: new */
	bool gone;
};

struct fox_edit_plan {
	const struct fox_gguf *g;
	struct fox_edit_row *rows; /* g's keys in their order, then new ones */
	size_t n_rows;
	struct fox_str *touched; /* names that the edits speak of */
	size_t n_touched;
	struct fox_str *keys, *were; /* fox.edit.keys, fox.edit.was */
	size_t n_records;
	bool changed; /* some key differs */
	struct fox_arena *arena;
};

/* Work out the rows. FOX_E_ARG as fox_edit_run says, and the errors of fox_edit_value. */
enum fox_status fox_edit_plan(struct fox_edit_plan *p, const struct fox_gguf *g,
    const struct fox_edit_options *o, struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/* A line for every key that changes: old -> new. */
void fox_edit_plan_show(struct fox_buf *b, const struct fox_edit_plan *p);

/*
 * fox_edit_declare - put the keys and the tensors of the plan into a writer
 *
 * as_written  g is as fox wrote it: fox.profile and fox.version stay, and tensors keep their hashes
 */
enum fox_status fox_edit_declare(struct fox_gguf_writer *w, const struct fox_edit_plan *p, bool as_written,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
