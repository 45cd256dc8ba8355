/* tokdata_put.c - a vocabulary's keys, declared in the order and with the types of llama.cpp's converter. */
#include "format/profile.h"
#include "format/tokdata_keys.h"

static enum fox_status put_fox_keys(
    const struct fox_tokdata *t, struct fox_gguf_writer *w, struct fox_err *err)
{
	const struct {
		const char *key;
		const uint32_t *ids;
		uint32_t n;
	} lists[] = {
	    {FOX_KEY_TOK_USER, t->user, t->n_user},
	    {FOX_KEY_TOK_LSTRIP, t->lstrip, t->n_lstrip},
	    {FOX_KEY_TOK_RSTRIP, t->rstrip, t->n_rstrip},
	};
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < FOX_COUNT(lists); i++)
		if (lists[i].n)
			s = fox_gguf_put_array(w, lists[i].key, FOX_GGUF_U32, lists[i].ids, lists[i].n, err);
	if (!s && t->exact_score)
		s = fox_gguf_put_array(w, FOX_KEY_TOK_EXACT, FOX_GGUF_F64, t->exact_score, t->n, err);
	if (!s && t->spm_spec.n)
		s = fox_gguf_put_array(w, FOX_KEY_SPM_SPEC, FOX_GGUF_U8, t->spm_spec.p, t->spm_spec.n, err);
	if (!s && t->hf_spec.n)
		s = fox_gguf_put_str(w, FOX_KEY_HF_SPEC, t->hf_spec, err);
	return s;
}

static enum fox_status put_vocabulary(
    const struct fox_tokdata *t, struct fox_gguf_writer *w, struct fox_err *err)
{
	enum fox_status s = fox_gguf_put_str(w, KEY("model"), fox_str_of(t->model), err);
	if (!s && t->pre)
		s = fox_gguf_put_str(w, KEY("pre"), fox_str_of(t->pre), err);
	if (!s)
		s = fox_gguf_put_strings(w, KEY("tokens"), t->piece, t->n, err);
	if (!s && strcmp(t->model, "gpt2")) /* byte-level BPE has ranks, not scores */
		s = fox_gguf_put_array(w, KEY("scores"), FOX_GGUF_F32, t->score, t->n, err);
	if (!s)
		s = fox_gguf_put_array(w, KEY("token_type"), FOX_GGUF_I32, t->type, t->n, err);
	if (!s && (t->n_merges || !strcmp(t->model, "gpt2")))
		s = fox_gguf_put_strings(w, KEY("merges"), t->merge, t->n_merges, err);
	return s;
}

static enum fox_status put_ids(const struct fox_tokdata *t, struct fox_gguf_writer *w, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < TOKDATA_IDS; i++) {
		int32_t id;
		memcpy(&id, (const char *)t + tokdata_ids[i].field, sizeof id);
		if (id >= 0)
			s = fox_gguf_put_u32(w, tokdata_ids[i].key, (uint32_t)id, err);
	}
	return s;
}

static enum fox_status put_spaces(const struct fox_tokdata *t, struct fox_gguf_writer *w, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	bool unigram = !strcmp(t->model, "t5");
	if (strcmp(t->model, "gpt2"))
		s = fox_gguf_put_bool(w, KEY("add_space_prefix"), t->add_space_prefix, err);
	if (!s && (t->remove_extra_whitespaces || unigram))
		s = fox_gguf_put_bool(w, KEY("remove_extra_whitespaces"), t->remove_extra_whitespaces, err);
	if (!s && unigram && t->charsmap.n)
		s = fox_gguf_put_array(
		    w, KEY("precompiled_charsmap"), FOX_GGUF_U8, t->charsmap.p, t->charsmap.n, err);
	return s;
}

enum fox_status fox_tokdata_put(const struct fox_tokdata *t, struct fox_gguf_writer *w, struct fox_err *err)
{
	enum fox_status s;
	if ((s = put_vocabulary(t, w, err)) || (s = put_ids(t, w, err)))
		return s;
	/* without the key llama.cpp would add its own default id to every text */
	bool unigram = !strcmp(t->model, "t5");
	bool say_bos = t->add_bos_given || (t->bos < 0 && !unigram),
	     say_eos = t->add_eos_given || (t->eos < 0 && unigram);
	if (say_bos && (s = fox_gguf_put_bool(w, KEY("add_bos_token"), t->add_bos && t->bos >= 0, err)))
		return s;
	if (say_eos && (s = fox_gguf_put_bool(w, KEY("add_eos_token"), t->add_eos && t->eos >= 0, err)))
		return s;
	if (t->chat_template.p && (s = fox_gguf_put_str(w, "tokenizer.chat_template", t->chat_template, err)))
		return s;
	if ((s = put_spaces(t, w, err)))
		return s;
	return put_fox_keys(t, w, err);
}
