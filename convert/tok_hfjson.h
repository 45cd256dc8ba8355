/* tok_hfjson.h - one member out of tokenizer.json without building its tree, whose vocabulary can be 20 MB of
 * text. */
#ifndef FOX_TOK_HFJSON_H
#define FOX_TOK_HFJSON_H

#include "format/base/str.h"

/*
 * tok_json_member - the text of a top-level member of a JSON object, found by counting brackets
 *
 * key     as it stands in the file (keys written with escapes are not found)
 * value   view into text, to be parsed by fox_json_parse; of several members with the key, the first
 * Returns false when there is no such member or the brackets do not match: the text is not checked otherwise.
 */
bool tok_json_member(struct fox_str text, const char *key, struct fox_str *value);

#endif
