/* facts.h - what a container says of itself, as far as cards, manifests and registries tell it on.
 *
 * Every key is optional: whatever GGUF file it is has facts. Texts are a stranger's, and are the container's memory. */
#ifndef FOX_FACTS_H
#define FOX_FACTS_H

#include "format/gguf.h"

/* The general.* keys that are told on, and the names they get in cards. */
enum fox_fact {
	FOX_FACT_NAME,
	FOX_FACT_BASENAME,
	FOX_FACT_SIZE_LABEL,
	FOX_FACT_FINETUNE,
	FOX_FACT_VERSION,
	FOX_FACT_AUTHOR,
	FOX_FACT_ORGANIZATION,
	FOX_FACT_QUANTIZED_BY,
	FOX_FACT_DESCRIPTION,
	FOX_FACT_LICENSE,
	FOX_FACT_LICENSE_NAME,
	FOX_FACT_LICENSE_LINK,
	FOX_FACT_URL,
	FOX_FACT_SOURCE_URL,
	FOX_FACT_SOURCE_REPO_URL,
	FOX_FACTS
};
const char *fox_fact_key(enum fox_fact f);   /* "general.license" */
const char *fox_fact_label(enum fox_fact f); /* "licence" */

struct fox_facts {
	struct fox_str arch; /* general.architecture; n 0: absent, as in all that follow */
	struct fox_str text[FOX_FACTS];
	struct fox_str tok_model, tok_pre; /* tokenizer.ggml.model, .pre */
	uint64_t n_vocab;                  /* tokens; 0: none */
	bool chat_template;
	uint64_t n_params, n_tensors; /* weights, in how many tensors */
	uint64_t data_bytes;          /* of the tensors, without padding */
	bool has_ftype;
	const char *ftype;                   /* "Q4_K_M"; "unknown" */
	uint64_t context, layers, embedding; /* 0: absent */
	struct fox_fact_type {
		uint64_t n_tensors, n_params, bytes;
	} types[FOX_TYPE_LIMIT]; /* by enum fox_type */
};

/* g: as fox_gguf_open_set gives it; stays open as long as the facts are used. */
void fox_facts_read(struct fox_facts *out, const struct fox_gguf *g);

/* A string key, of any container: n 0 when it is absent or of another type. */
struct fox_str fox_facts_str(const struct fox_gguf *g, const char *key);

#endif
