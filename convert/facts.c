/* facts.c - from the header alone: tensor data is never touched. */
#include "convert/facts.h"

#include <stdio.h>

#include "format/ftype.h"

static const struct {
	const char *key, *label;
} rows[FOX_FACTS] = {
    [FOX_FACT_NAME] = {"general.name", "name"},
    [FOX_FACT_BASENAME] = {"general.basename", "base name"},
    [FOX_FACT_SIZE_LABEL] = {"general.size_label", "size label"},
    [FOX_FACT_FINETUNE] = {"general.finetune", "fine-tune"},
    [FOX_FACT_VERSION] = {"general.version", "version"},
    [FOX_FACT_AUTHOR] = {"general.author", "author"},
    [FOX_FACT_ORGANIZATION] = {"general.organization", "organization"},
    [FOX_FACT_QUANTIZED_BY] = {"general.quantized_by", "quantized by"},
    [FOX_FACT_DESCRIPTION] = {"general.description", "description"},
    [FOX_FACT_LICENSE] = {"general.license", "licence"},
    [FOX_FACT_LICENSE_NAME] = {"general.license.name", "licence name"},
    [FOX_FACT_LICENSE_LINK] = {"general.license.link", "licence link"},
    [FOX_FACT_URL] = {"general.url", "url"},
    [FOX_FACT_SOURCE_URL] = {"general.source.url", "source url"},
    [FOX_FACT_SOURCE_REPO_URL] = {"general.source.repo_url", "source repository"},
};

const char *fox_fact_key(enum fox_fact f)
{
	return rows[f].key;
}

const char *fox_fact_label(enum fox_fact f)
{
	return rows[f].label;
}

struct fox_str fox_facts_str(const struct fox_gguf *g, const char *key)
{
	struct fox_str s;
	return fox_gguf_str(g, key, &s, NULL) ? (struct fox_str){"", 0} : s;
}

/* "{arch}.{field}"; 0 when it is absent or no number. Of numbers by layer, none is the model's. */
static uint64_t number(const struct fox_gguf *g, struct fox_str arch, const char *field)
{
	char key[192];
	uint64_t v;
	if (arch.n > 100)
		return 0;
	snprintf(key, sizeof key, "%.*s.%s", FOX_STR_ARG(arch), field);
	return fox_gguf_u64(g, key, &v, NULL) ? 0 : v;
}

void fox_facts_read(struct fox_facts *out, const struct fox_gguf *g)
{
	uint64_t id;
	const struct fox_gguf_kv *tokens = fox_gguf_find_key(g, "tokenizer.ggml.tokens");
	*out = (struct fox_facts){.arch = fox_facts_str(g, "general.architecture"),
	    .tok_model = fox_facts_str(g, "tokenizer.ggml.model"),
	    .tok_pre = fox_facts_str(g, "tokenizer.ggml.pre"),
	    .n_vocab = tokens && tokens->type == FOX_GGUF_ARR ? tokens->n_items : 0,
	    .chat_template = fox_facts_str(g, "tokenizer.chat_template").n != 0,
	    .n_tensors = fox_gguf_tensors(g)};
	for (int f = 0; f < FOX_FACTS; f++)
		out->text[f] = fox_facts_str(g, rows[f].key);
	out->has_ftype = !fox_gguf_u64(g, "general.file_type", &id, NULL);
	if (out->has_ftype)
		out->ftype = fox_ftype_label(id);
	out->context = number(g, out->arch, "context_length");
	out->layers = number(g, out->arch, "block_count");
	out->embedding = number(g, out->arch, "embedding_length");
	for (size_t i = 0; i < out->n_tensors; i++) {
		const struct fox_tensor *t = fox_gguf_tensor(g, i);
		struct fox_fact_type *type = &out->types[t->type];
		type->n_tensors++;
		type->n_params += t->n_elems;
		type->bytes += t->data.n;
		out->n_params += t->n_elems;
		out->data_bytes += t->data.n; /* ranges of files: the sum cannot wrap */
	}
}
