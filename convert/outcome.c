/* outcome.c - names in a column of 12, numbers with thousands separators. */
#include "convert/outcome.h"

#include <math.h>
#include <stdio.h>

#include "format/base/io.h"
#include "convert/pack_say.h"
#include "format/base/log.h"

static void add_text(struct fox_buf *b, const char *name, const char *value)
{
	fox_buf_fmt(b, "%-12s%s\n", name, value);
}

static void add_output(
    const struct fox_outcome *s, const struct fox_output *o, bool dry, bool tables, struct fox_buf *b)
{
	char text[FOX_HASH128_HEX + 1];
	struct fox_buf path = {0};
	if (tables || dry || o->quantized)
		fox_buf_fmt(b, "%s\n", o->table.p ? o->table.p : "");
	fox_buf_escaped(&path, fox_buf_view(&o->path), SIZE_MAX);
	add_text(b, "output", path.p ? path.p : "");
	add_text(b, "type", o->type);
	fox_say_count(b, "tensors", s->n_tensors);
	fox_say_count(b, "parameters", s->n_params);
	fox_say_count(b, "bytes", o->bytes);
	if (tables || o->quantized) {
		snprintf(text, sizeof text, "%.4f", o->bits_per_weight);
		add_text(b, "bits/weight", text);
	}
	if (o->error.n) {
		double w = o->error.sum_square;
		snprintf(text, sizeof text, "%.6f", w > 0 ? sqrt(o->error.sum_square_error / w) : 0);
		add_text(b, "error", text);
	}
	if (!dry) {
		fox_hex(text, o->root.b, sizeof o->root.b);
		add_text(b, "root hash", text);
	}
	b->failed |= path.failed;
	fox_buf_free(&path);
}

static uint64_t bytes_of(const struct fox_outputs *outs)
{
	uint64_t n = 0;
	for (size_t i = 0; i < outs->n; i++)
		n += outs->list[i].bytes;
	return n;
}

static void add_plan(const struct fox_outcome *s, struct fox_buf *b)
{
	if (s->outs.n > 1) {
		fox_buf_char(b, '\n');
		fox_say_count(b, "to write", bytes_of(&s->outs));
	}
	fox_say_count(b, "to read", s->src_bytes);
	fox_say_count(b, "memory", s->memory_bytes);
	if (s->disk_free != UINT64_MAX)
		fox_say_count(b, "disk free", s->disk_free);
}

enum fox_status fox_outcome_print(const struct fox_outcome *s, bool dry, bool tables, struct fox_err *err)
{
	struct fox_buf text = {0};
	for (size_t i = 0; i < s->outs.n; i++) {
		if (i)
			fox_buf_char(&text, '\n');
		add_output(s, &s->outs.list[i], dry, tables, &text);
	}
	if (dry)
		add_plan(s, &text);
	if (dry && s->disk_free < bytes_of(&s->outs))
		fox_log_note("the output's file system has not enough space");
	enum fox_status st = text.failed ? fox_fail_nomem(err) : fox_stdout_put(fox_buf_view(&text), err);
	fox_buf_free(&text);
	return st;
}

void fox_outcome_free(struct fox_outcome *s)
{
	fox_outputs_free(&s->outs);
}
