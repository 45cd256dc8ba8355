/* verb_modelfile.c - fox-pack modelfile: options in, the file out. */
#include <stdlib.h>

#include "convert/modelfile.h"
#include "convert/pack.h"
#include "convert/pack_say.h"
#include "convert/payload.h"
#include "format/base/log.h"
#include "format/base/opt.h"

enum { MAX_LICENSE = 16 << 20 };

static void say(void *ctx, const char *line)
{
	(void)ctx;
	fox_log_note("%s", line);
}

struct job {
	const char *model, *license, *out;
	bool replace;
	struct fox_payload p; /* the model and its licence, found as every package finds them */
	struct fox_buf path, text;
};

/* The licence's text as it is in the package; p NULL: there is none. Freed by the caller. */
static enum fox_status read_license(struct fox_payload *p, struct fox_str *text, struct fox_err *err)
{
	char *bytes = NULL;
	size_t n = 0;
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < p->n && !s; i++)
		if (p->list[i].role == FOX_PAYLOAD_LICENSE)
			s = fox_file_slurp(&p->list[i].file, MAX_LICENSE, &bytes, &n, err);
	*text = (struct fox_str){bytes, n};
	return s;
}

static enum fox_status write_out(struct job *j, struct fox_err *err)
{
	struct fox_out *out;
	if (!strcmp(j->path.p, "-"))
		return fox_stdout_put(fox_buf_view(&j->text), err);
	enum fox_status s = fox_out_open(&out, j->path.p, j->replace, err);
	if (s)
		return s;
	s = fox_payload_spare(&j->p, out, err);
	if (!s)
		s = fox_out_write(out, 0, j->text.p, j->text.n, err);
	if (s) {
		fox_out_abort(out);
		return s;
	}
	return fox_out_commit(out, err);
}

static enum fox_status make(struct job *j, struct fox_err *err)
{
	const char *slash = strrchr(j->model, '/');
	struct fox_str name = fox_str_of(slash ? slash + 1 : j->model), license = {NULL, 0};
	struct fox_payload_options what = {.model = j->model, .license = j->license, .name = name};
	size_t folder = (size_t)(name.p - j->model);
	const char *out_slash = j->out ? strrchr(j->out, '/') : NULL;
	size_t out_folder = out_slash ? (size_t)(out_slash + 1 - j->out) : 0;
	if (j->out) {
		fox_buf_str(&j->path, j->out);
	} else {
		fox_buf_add(&j->path, j->model, folder);
		fox_buf_str(&j->path, "Modelfile");
	}
	if (j->path.failed)
		return fox_fail_nomem(err);
	enum fox_status s = fox_payload_open(&j->p, &what, err);
	if (!s)
		s = read_license(&j->p, &license, err);
	if (!s)
		s = fox_modelfile_write(&j->text, j->p.g, name, license, say, NULL, err);
	if (!s)
		s = write_out(j, err);
	if (!s && j->out && (out_folder != folder || memcmp(j->out, j->model, folder)) && strcmp(j->out, "-"))
		fox_log_note("FROM names the model as a file beside the Modelfile, wherever that is");
	free((char *)(uintptr_t)license.p);
	return s;
}

int fox_verb_modelfile(int argc, char **argv)
{
	int first;
	bool quiet = false, done;
	struct job j = {0};
	const struct fox_opt options[] = {
	    {FOX_OPT_STR, 'o', "output", &j.out, "FILE",
	        "file to write (default: Modelfile beside MODEL), or - to print it", NULL, 0, 0},
	    {FOX_OPT_STR, 0, "license", &j.license, "FILE",
	        "text of the licence (default: LICENSE or COPYING beside MODEL)", NULL, 0, 0},
	    {FOX_OPT_FLAG, 'f', "force", &j.replace, NULL, "replace an existing output", NULL, 0, 0},
	    {FOX_OPT_FLAG, 'q', "quiet", &quiet, NULL, "no notes", NULL, 0, 0},
	    {FOX_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};
	const struct fox_tool tool = {
	    .name = "fox-pack modelfile",
	    .summary = "write a Modelfile, from which ollama makes a model",
	    .usage = "fox-pack modelfile MODEL.gguf [-o FILE]",
	    .notes = "FROM names MODEL as a file beside the Modelfile; a PARAMETER stop for each token that ends "
	             "a text or a turn; LICENSE.\n"
	             "No TEMPLATE: ollama finds the one for a chat template that it knows in MODEL itself. "
	             "spec/bundle.md\n"
	             "\n"
	             "Example: fox-pack modelfile fox-1-q8_0.gguf && ollama create fox-1 -f Modelfile",
	    .options = options,
	    .min_args = 1,
	    .max_args = 1,
	};
	struct fox_err err = {0};
	fox_log_init(tool.name);
	enum fox_status s = fox_opt_parse(&tool, argc, argv, &first, &done, &err);
	if (s)
		return fox_log_usage(&err);
	if (done)
		return 0;
	fox_log_quiet(quiet);
	j.model = argv[first];
	s = make(&j, &err);
	if (!s && strcmp(j.path.p, "-")) {
		struct fox_buf b = {0};
		fox_say_text(&b, "output", fox_buf_view(&j.path));
		s = fox_say_print(&b, &err);
	}
	fox_payload_close(&j.p);
	fox_buf_free(&j.path);
	fox_buf_free(&j.text);
	return s ? fox_log_err(&err) : 0;
}
