/* outputs.c - paths, files, journals, and the order in which several containers are finished. */
#include "convert/outputs.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "convert/journal.h"
#include "convert/naming.h"
#include "format/base/num.h"

#define FLUSH_BYTES (64u << 20) /* finished tensors are recorded when so much of them waits, */
#define FLUSH_SECONDS 5         /* or after so long */

enum fox_status fox_outputs_init(struct fox_outputs *o, size_t n, struct fox_err *err)
{
	o->list = calloc(n + 1, sizeof *o->list);
	o->n = o->list ? n : 0;
	return o->list ? FOX_OK : fox_fail_nomem(err);
}

void fox_outputs_free(struct fox_outputs *o)
{
	for (size_t i = 0; i < o->n; i++) {
		fox_gguf_writer_close(o->list[i].w);
		fox_buf_free(&o->list[i].path);
		fox_buf_free(&o->list[i].table);
		fox_buf_free(&o->list[i].options);
	}
	free(o->list);
	*o = (struct fox_outputs){0};
}

/* ---- where they go */

enum fox_status fox_output_expand(struct fox_output *o, const char *path, bool *nameless, struct fox_err *err)
{
	struct stat st;
	struct fox_buf *b = &o->path;
	*nameless = !path;
	if (!path)
		return FOX_OK;
	if (!strcmp(path, "-"))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "a container cannot be written to standard output");
	fox_naming_expand(b, path, o->type);
	if (b->failed)
		return fox_fail_nomem(err);
	if (!b->n)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output has an empty name");
	*nameless = b->p[b->n - 1] == '/' || (!stat(b->p, &st) && S_ISDIR(st.st_mode));
	if (*nameless && b->p[b->n - 1] != '/')
		fox_buf_char(b, '/');
	return FOX_OK;
}

enum fox_status fox_outputs_distinct(const struct fox_outputs *o, struct fox_err *err)
{
	for (size_t i = 0; i < o->n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(o->list[i].path.p, o->list[k].path.p))
				return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
				    "output '%s' is that of both %s and %s: {type} in it tells them apart", o->list[i].path.p,
				    o->list[k].type, o->list[i].type);
	return FOX_OK;
}

/* ---- the run */

struct run {
	const struct fox_delivery *d;
	const struct fox_job *job;
	struct fox_outputs *outs;
	struct fox_results res;
	struct fox_gguf_writer **writers; /* [outs] */
	struct fox_journal **journals;    /* [outs], with --resume */
	pthread_mutex_t lock;             /* guards journals and what follows */
	uint64_t waiting_bytes;
	time_t flushed;
};

static void journal_path(struct fox_buf *b, const struct fox_output *o)
{
	fox_buf_fmt(b, "%s.part.journal", o->path.p);
}

/* The header says everything about a plan: keys, names, types, places. */
static void journal_head(struct fox_buf *b, const struct run *r, const struct fox_output *o)
{
	char hex[FOX_HASH128_HEX + 1];
	struct fox_span head = fox_gguf_writer_head(o->w);
	struct fox_hash128 h = fox_xxh3(head.p, head.n);
	fox_hex(hex, h.b, sizeof h.b);
	fox_buf_fmt(b, "%soptions ", r->d->identity ? r->d->identity : "");
	fox_buf_escaped(b, fox_buf_view(&o->options), SIZE_MAX);
	fox_buf_fmt(b, "\nplan %s\n", hex);
}

/* Is the data of a recorded step really in the file? A disk that lost it must not pass for work done. */
static enum fox_status check_recorded(
    const struct run *r, size_t i, size_t step, uint8_t *buf, size_t cap, bool *good)
{
	const struct fox_output *o = &r->outs->list[i];
	const struct fox_step *s = &r->job->steps[step];
	uint64_t at = fox_gguf_writer_tensor_at(o->w, s->out), n = fox_gguf_writer_tensor_bytes(o->w, s->out);
	struct fox_xxh3_state *sum = fox_xxh3_open();
	*good = sum != NULL;
	for (uint64_t done = 0; *good && done < n;) {
		size_t m = n - done < cap ? (size_t)(n - done) : cap;
		*good = !fox_out_read(fox_gguf_writer_out(o->w), at + done, buf, m, NULL);
		if (*good)
			fox_xxh3_add(sum, buf, m);
		done += m;
	}
	if (*good) {
		struct fox_hash128 h = fox_xxh3_final(sum);
		*good = fox_hash128_eq(&h, &r->res.tally[i][step].hash);
	}
	fox_xxh3_close(sum);
	return sum ? FOX_OK : FOX_E_NOMEM;
}

static enum fox_status adopt(struct run *r, size_t i, struct fox_err *err)
{
	enum { CAP = 1 << 20 };
	struct fox_output *o = &r->outs->list[i];
	uint8_t *buf = malloc(CAP);
	enum fox_status s = buf ? FOX_OK : fox_fail_nomem(err);
	for (size_t k = 0; !s && k < r->job->n_steps; k++) {
		struct fox_tally *t = &r->res.tally[i][k];
		bool good;
		s = fox_cancelled(err);
		if (s || !t->done)
			continue;
		if (check_recorded(r, i, k, buf, CAP, &good))
			s = fox_fail_nomem(err);
		else if (good)
			fox_gguf_adopt(o->w, r->job->steps[k].out, t->hash);
		else
			*t = (struct fox_tally){0};
	}
	free(buf);
	return s;
}

/* Neither of the two files that --resume keeps may be an input, by whatever name or link: both are written to. */
static enum fox_status spare_inputs(const struct run *r, const char *path, struct fox_err *err)
{
	struct stat st;
	for (size_t i = 0; !stat(path, &st) && i < r->d->n_inputs; i++) {
		const struct fox_output_input *in = &r->d->inputs[i];
		if (in->file->dev == st.st_dev && in->file->ino == st.st_ino)
			return fox_fail(
			    err, FOX_E_ARG, FOX_NOWHERE, "'%.200s' is the input '%.*s'", path, FOX_STR_ARG(in->name));
	}
	return FOX_OK;
}

/* An output with its journal. What another run recorded is refused before anything is touched. */
static enum fox_status create_part(struct run *r, size_t i, struct fox_err *err)
{
	struct fox_output *o = &r->outs->list[i];
	struct fox_buf path = {0}, part = {0}, head = {0};
	bool had, found = false;
	journal_path(&path, o);
	journal_head(&head, r, o);
	fox_buf_fmt(&part, "%s.part", o->path.p);
	enum fox_status s = path.failed || head.failed || part.failed ? fox_fail_nomem(err) : FOX_OK;
	if (!s)
		s = spare_inputs(r, path.p, err);
	if (!s)
		s = spare_inputs(r, part.p, err);
	if (!s)
		s = fox_journal_read(path.p, fox_buf_view(&head), r->job, r->res.tally[i], r->res.raw, &found, err);
	if (!s)
		s = fox_gguf_create_part(o->w, o->path.p, r->d->replace, &had, err);
	if (!s && found && had)
		s = adopt(r, i, err);
	for (size_t k = 0; !s && !(found && had) && k < r->job->n_steps; k++)
		r->res.tally[i][k] = (struct fox_tally){0};
	if (!s)
		s = fox_journal_open(
		    &r->journals[i], path.p, fox_buf_view(&head), r->job, r->res.tally[i], r->res.raw, err);
	fox_buf_free(&path);
	fox_buf_free(&part);
	fox_buf_free(&head);
	return s;
}

static enum fox_status create(struct run *r, size_t i, struct fox_err *err)
{
	struct fox_output *o = &r->outs->list[i];
	struct fox_err local = {0};
	enum fox_status s =
	    r->d->resume ? create_part(r, i, &local) : fox_gguf_create(o->w, o->path.p, r->d->replace, &local);
	if (s == FOX_E_ARG && !r->d->replace && strstr(local.text, "exists already"))
		fox_in(&local, "--force replaces it");
	for (size_t k = 0; !s && k < r->d->n_inputs; k++)
		if (fox_out_is_input(fox_gguf_writer_out(o->w), r->d->inputs[k].file))
			s = fox_fail(&local, FOX_E_ARG, FOX_NOWHERE, "output '%.200s' is the input '%.*s'", o->path.p,
			    FOX_STR_ARG(r->d->inputs[k].name));
	if (s && err && !err->code)
		*err = local;
	return s;
}

static enum fox_status flush(struct run *r, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < r->outs->n && r->journals[i]; i++)
		s = fox_journal_flush(r->journals[i], fox_gguf_writer_out(r->outs->list[i].w), err);
	r->waiting_bytes = 0;
	r->flushed = time(NULL);
	return s;
}

static enum fox_status step_done(void *ctx, size_t step, struct fox_err *err)
{
	struct run *r = ctx;
	enum fox_status s = FOX_OK;
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; !s && i < r->outs->n; i++) {
		if (r->res.tally[i][step].done)
			continue;
		s = fox_journal_add(r->journals[i], step, &r->res.tally[i][step], &r->res.raw[step], err);
		r->waiting_bytes += fox_step_bytes(&r->job->steps[step], &r->job->targets[i]);
	}
	if (!s && (r->waiting_bytes >= FLUSH_BYTES || time(NULL) - r->flushed >= FLUSH_SECONDS))
		s = flush(r, err);
	pthread_mutex_unlock(&r->lock);
	return s;
}

static void add_result(const struct run *r, size_t i, const struct fox_step *s, struct fox_columns columns)
{
	struct fox_output *o = &r->outs->list[i];
	const struct fox_target *t = &r->job->targets[i];
	const struct fox_cast_error *e = &r->res.tally[i][s - r->job->steps].error;
	if (!fox_step_writes(s))
		return;
	fox_step_print(s, t, columns, &o->table);
	if (fox_step_has_errors(s, t)) {
		fox_buf_fmt(&o->table, "  rmse %.3e  error %.5f\n", sqrt(e->sum_square_error / (double)s->n_elems),
		    e->sum_square > 0 ? sqrt(e->sum_square_error / e->sum_square) : 0);
		fox_cast_error_add(&o->error, e, 1);
	} else
		fox_buf_char(&o->table, '\n');
}

/* Several outputs are flushed before the first of them takes its name: what can still fail then is a rename. */
static enum fox_status finish(struct run *r, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && r->outs->n > 1 && i < r->outs->n; i++)
		s = fox_out_sync(fox_gguf_writer_out(r->outs->list[i].w), err);
	for (size_t i = 0; !s && i < r->outs->n; i++) {
		struct fox_output *o = &r->outs->list[i];
		s = fox_gguf_finish(o->w, err);
		if (s)
			break;
		o->root = fox_gguf_writer_root(o->w);
		struct fox_columns columns = fox_job_columns(r->job);
		for (size_t k = 0; k < r->job->n_out; k++)
			add_result(r, i, &r->job->steps[k], columns);
		if (r->d->resume) {
			fox_journal_close(r->journals[i], true);
			r->journals[i] = NULL;
		}
		if (o->table.failed)
			s = fox_fail_nomem(err);
	}
	return s;
}

static void measure(struct fox_output *o, const struct fox_job *job, const struct fox_target *t)
{
	o->bytes = fox_gguf_writer_bytes(o->w);
	o->quantized = false;
	for (size_t i = 0; i < job->n_out; i++)
		o->quantized |= fox_type_info(t->types[i])->elems > 1;
	o->bits_per_weight = job->n_params ? 8.0 * (double)t->out_bytes / (double)job->n_params : 0;
}

enum fox_status fox_outputs_deliver(
    const struct fox_delivery *d, struct fox_arena *arena, struct fox_err *err)
{
	struct run r = {.d = d,
	    .job = d->pipe.job,
	    .outs = d->outs,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .flushed = time(NULL)};
	struct fox_pipeline p = d->pipe;
	size_t n = r.outs->n;
	enum fox_status s = fox_results_init(&r.res, r.job, arena, err);
	r.writers = fox_arena_alloc(arena, n, sizeof(struct fox_gguf_writer *));
	r.journals = fox_arena_alloc(arena, n, sizeof(struct fox_journal *));
	if (!s && (!r.writers || !r.journals))
		s = fox_fail_nomem(err);
	for (size_t i = 0; !s && i < n; i++) {
		measure(&r.outs->list[i], r.job, &r.job->targets[i]);
		r.writers[i] = r.outs->list[i].w;
		s = create(&r, i, err);
	}
	p.outs = r.writers;
	if (d->resume)
		p.step_done = step_done, p.step_ctx = &r;
	if (!s)
		s = fox_pipeline_run(&p, &r.res, err);
	if (d->resume && r.journals) { /* also when the run failed: that is what it is for */
		enum fox_status flushed = flush(&r, s ? NULL : err);
		s = s ? s : flushed;
	}
	for (size_t i = 0; !s && i < n; i++)
		s = fox_verdict(r.job, i, r.res.tally[i], &d->rules, err);
	if (!s && d->seal)
		s = d->seal(d->seal_ctx, &r.res, err);
	if (!s)
		s = finish(&r, err);
	for (size_t i = 0; r.journals && i < n; i++)
		fox_journal_close(r.journals[i], false);
	return s;
}

/* ---- without a run */

enum fox_status fox_outputs_plan(struct fox_outputs *o, const struct fox_job *job, struct fox_err *err)
{
	for (size_t i = 0; i < o->n; i++) {
		measure(&o->list[i], job, &job->targets[i]);
		fox_job_print(job, i, &o->list[i].table);
		if (o->list[i].table.failed)
			return fox_fail_nomem(err);
	}
	return FOX_OK;
}

/* Headers are several times in memory while they are made from the keys: pieces, tables, the keys, the whole header (7 was
 * seen with 256,000 tokens); then come the buffers, sums and threads. */
uint64_t fox_outputs_memory(const struct fox_outputs *o, const struct fox_job *job, unsigned threads)
{
	struct fox_pipeline_size size = fox_pipeline_size(job, threads);
	uint64_t headers = 0;
	for (size_t i = 0; i < o->n; i++)
		headers += (i ? 3 : 7) * fox_gguf_writer_header_bytes(o->list[i].w);
	return size.buffer_bytes + headers + job->n_steps * (1792 + 256 * o->n) +
	       job->src_bytes / size.piece_bytes * 256 + size.workers * (64u << 10) + (16u << 20);
}
