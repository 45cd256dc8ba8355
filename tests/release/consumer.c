/* consumer.c - a program that uses the installed library: what fox-run says after a text, in exact arithmetic, as ids.
 * usage: consumer MODEL TEXT N     built with $(pkg-config --cflags --libs fox) */
#include <stdio.h>
#include <stdlib.h>

#include "format/gguf.h"
#include "runtime/load.h"
#include "runtime/sample.h"
#include "runtime/session.h"

static struct fox_model *model;
static struct fox_tokdata data;
static struct fox_tok *tok;
static struct fox_session *session;
static struct fox_sampler *sampler;
static struct fox_tok_ids ids;

static enum fox_status run(const char *path, const char *text, long n, struct fox_err *err)
{
	enum fox_status s = fox_load(&model, &data, &tok, path, NULL, err);
	if (!s)
		s = fox_tok_encode(tok, &ids, fox_str_of(text), FOX_TOK_SPECIAL, err);
	if (!s)
		s = fox_session_open(&session, model, &(struct fox_session_options){.kv = FOX_F16}, err);
	if (!s)
		s = fox_sampler_open(&sampler, &(struct fox_sample_options){.top_p = 1}, data.n, err);
	const int32_t *next = ids.ids;
	size_t count = ids.n;
	int32_t id;
	for (; !s && n > 0; n--) {
		s = fox_session_step(session, next, count, NULL, err);
		if (s)
			break;
		id = fox_sampler_next(sampler, fox_session_logits(session));
		printf("%d\n", id);
		next = &id, count = 1;
	}
	return s;
}

int main(int argc, char **argv)
{
	struct fox_err err = {0};
	if (argc != 4)
		return 2;
	int code = run(argv[1], argv[2], atol(argv[3]), &err) ? 3 : 0;
	if (code)
		fprintf(stderr, "consumer: %s\n", err.text);
	fox_sampler_close(sampler);
	fox_session_close(session);
	fox_tok_ids_free(&ids);
	fox_tok_close(tok);
	fox_model_close(model);
	return code;
}
