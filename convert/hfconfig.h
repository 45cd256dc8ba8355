/* hfconfig.h - config.json to an architecture and its hyper-parameters; what changes the maths and is not
 * understood is refused by name. Spellings of transformers v4 (rope_theta, rope_scaling, torch_dtype) and v5
 * (rope_parameters, dtype). */
#ifndef FOX_HFCONFIG_H
#define FOX_HFCONFIG_H

#include "convert/hf_rope.h"

struct fox_hfconfig {
	const struct fox_arch *arch;
	struct fox_hparams hp;
	struct fox_hf_rope rope; /* what the tables of a rotary scaling are made from; views into json */
	bool key_given[64];    /* per arch->keys row: config.json itself had one of its names */
	int64_t bos, eos, pad; /* token ids as config.json has them, of a list the first; -1: absent or null */
	struct fox_str name;   /* "_name_or_path" when it looks like a model name ("org/name" or "name", no path);
	                          else {"", 0} */
};

/*
 * fox_hfconfig_read - interpret config.json
 *
 * json    its document; must outlive out->name and out->rope
 * errors  FOX_E_UNSUPPORTED: architecture, or a value the family does not handle ("'rope_scaling.type' is
 * 'yarn', ..."), or a field it does not know; FOX_E_FORMAT: missing or ill-typed field, ranges, contradictions
 */
enum fox_status fox_hfconfig_read(
    struct fox_hfconfig *out, const struct fox_json *json, struct fox_err *err) FOX_MUST_CHECK;

/* Declare every {arch}.* key (and general.architecture) of a container from hp, as llama.cpp's converter
 * writes them. */
enum fox_status fox_hfconfig_put(
    const struct fox_hfconfig *c, struct fox_gguf_writer *w, struct fox_err *err) FOX_MUST_CHECK;

#endif
