/* keys.h - the keys of a new container that are neither the architecture's nor the tokenizer's: what the
 * model is called, how it likes to be sampled, and where every byte of it came from (fox.*, spec/container.md
 * 6). */
#ifndef FOX_KEYS_H
#define FOX_KEYS_H

#include "convert/hfconfig.h"
#include "convert/job.h"
#include "convert/modelcard.h"

/* What a model is called, and who says so. */
struct fox_keys_name {
	struct fox_str general; /* general.name */
	struct fox_str file;    /* what the default file name is made from */
	/* config.json's own id, from which basename, version and so on are taken; may be empty */
	struct fox_str id;
	const struct fox_modelcard *card; /* goes before id, part by part; NULL: none */
	bool guessed;                     /* nobody says: general is the class, "LlamaForCausalLM" -> "Llama" */
};

/*
 * fox_keys_find_name - --name, else config.json's _name_or_path, else the class
 *
 * Never the folder's name: the same checkpoint gives the same bytes wherever it lies. The file may be called
 * after the repository of an HF cache: a file's name is none of its bytes. given   NULL: no --name. Refused
 * unless UTF-8 without control characters, 1 to 1024 bytes (FOX_E_ARG)
 */
enum fox_status fox_keys_find_name(struct fox_keys_name *out, const char *given,
    const struct fox_hfconfig *config, const struct fox_value *root, const struct fox_source *src,
    struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

#define FOX_QUANTIZATION_VERSION 2u /* source: ggml.h GGML_QNT_VERSION */

/* general.* but for architecture. file_type: an id of format/ftype.h. source: gguf-py metadata.py set_gguf_meta_model, conversion/base.py */
enum fox_status fox_keys_put_general(struct fox_gguf_writer *w, const struct fox_keys_name *name,
    const struct fox_job *job, uint32_t file_type, struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/* general.sampling.* from generation_config.json, where it has the fields and they are numbers.
 * errors  FOX_E_FORMAT: not JSON */
enum fox_status fox_keys_put_sampling(
    struct fox_gguf_writer *w, struct fox_source *src, struct fox_err *err) FOX_MUST_CHECK;

/* Read the JSON files that become keys, so that all files are known; those of tok, if it is another source, join the list as
 * "tokenizer/NAME". Once, before the first fox_keys_put_source. errors: those of fox_source_read_file; FOX_E_NOMEM */
enum fox_status fox_keys_gather(
    struct fox_source *src, struct fox_source *tok, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_keys_put_source - fox.source.*, fox.convert.options, fox.hf.*
 *
 * tok      where the tokenizer's files are: src, or another source
 * options  what decides the bytes: "type=bf16" and what else was asked for
 * hashes   false: no fox.source.sha256. Otherwise zeros stand for the weight files until fox_keys_patch_source.
 * errors   FOX_E_FORMAT: a JSON file is not UTF-8; FOX_E_BOUND: it is over 16 MiB; those of fox_source_read_file
 */
enum fox_status fox_keys_put_source(struct fox_gguf_writer *w, struct fox_source *src, struct fox_source *tok,
    const struct fox_job *job, const char *options, bool hashes, struct fox_arena *arena,
    struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_keys_patch_source(struct fox_gguf_writer *w, struct fox_source *src,
    struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

#endif
