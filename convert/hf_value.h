/* hf_value.h - values of config.json by path, and how messages speak of them; for the files that read it (hfconfig.c,
 * hf_rope.c, hf_window.c). */
#ifndef FOX_HF_VALUE_H
#define FOX_HF_VALUE_H

#include "format/base/json.h"

/* The value at a dotted path; NULL when any part is absent. Parts have at most 63 bytes. */
const struct fox_value *fox_hf_at(const struct fox_value *v, struct fox_str path);

/* A value as a message shows it: 'text', number, true, false, null, "an array", "an object". Returns out. */
const char *fox_hf_show(char out[256], const struct fox_value *v);

/* FOX_E_FORMAT: "'path' is a string, want an integer". */
enum fox_status fox_hf_ill_typed(
    struct fox_str path, const struct fox_value *v, const char *want, struct fox_err *err);

/* FOX_E_UNSUPPORTED: "'path' is 'dynamic', which is not handled". */
enum fox_status fox_hf_unhandled(struct fox_str path, const struct fox_value *v, struct fox_err *err);

/* An integer from 1 to 2^32 - 1; FOX_E_FORMAT otherwise. */
enum fox_status fox_hf_u32(
    struct fox_str path, const struct fox_value *v, uint32_t *out, struct fox_err *err) FOX_MUST_CHECK;

/* A finite number above 0; FOX_E_FORMAT otherwise. */
enum fox_status fox_hf_positive(
    struct fox_str path, const struct fox_value *v, double *out, struct fox_err *err) FOX_MUST_CHECK;

#endif
