/* tokspec_in.h - what tokspec.c and tokspec_frame.c share. Private to them. */
#ifndef FOX_TOKSPEC_IN_H
#define FOX_TOKSPEC_IN_H

#include "format/base/json.h"
#include "format/tokspec.h"

#define TOKSPEC_PATH 256 /* bytes of a JSON path in an error; longer ones are cut */

struct tokspec_in {
	struct fox_tokspec *out;
	uint32_t n_tokens;
	bool nomem; /* some copy failed: checked once at the end */
	struct fox_err *err;
};

/* A copy of a string in out's arena; false when v is none. */
bool tokspec_str(struct tokspec_in *in, const struct fox_value *v, struct fox_str *out);

/* FOX_E_FORMAT: "no 'path.field'" for v NULL, else "'path.field' is <type>, want <want>". */
enum fox_status tokspec_wrong(
    struct tokspec_in *in, const struct fox_value *v, const char *path, const char *field, const char *want);

/* The list of a {"type": "Sequence", list: [...]}; nothing else may be in it. */
enum fox_status tokspec_sequence(struct tokspec_in *in, const struct fox_value *v, const char *path,
    const char *list, const struct fox_value **out);

/* added_tokens, model, post_processor. */
enum fox_status tokspec_added(struct tokspec_in *in, const struct fox_value *list);
enum fox_status tokspec_model(struct tokspec_in *in, const struct fox_value *v);
enum fox_status tokspec_frame(struct tokspec_in *in, const struct fox_value *v, const char *path);

#endif
