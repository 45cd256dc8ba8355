/* pack_say.h - how fox-convert, fox-quantize and fox-pack say what they did: lines "name value", names in a column of 12. */
#ifndef FOX_PACK_SAY_H
#define FOX_PACK_SAY_H

#include "format/base/str.h"

void fox_say_text(struct fox_buf *b, const char *name, struct fox_str value); /* escaped for a terminal */
void fox_say_count(struct fox_buf *b, const char *name, uint64_t v);          /* 1,665,271,808 */
/* To standard output; frees b. FOX_E_IO, FOX_E_NOMEM */
enum fox_status fox_say_print(struct fox_buf *b, struct fox_err *err) FOX_MUST_CHECK;

#endif
