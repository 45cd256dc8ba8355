/* verb_shards.c - the report that splitting and merging share. */
#include "convert/verb_shards.h"

#include "format/base/io.h"
#include "format/base/log.h"

static void print_note(void *ctx, const char *line)
{
	(void)ctx;
	fox_log_note("%s", line);
}

static void print_progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	fox_log_progress("copying", done, total);
}

void fox_verb_shards_tell(struct fox_shards_options *o)
{
	o->note = print_note;
	o->progress = print_progress;
}

enum fox_status fox_verb_shards_print(
    const struct fox_shards_options *o, const struct fox_shards *s, struct fox_err *err)
{
	struct fox_buf b = {0};
	char hex[FOX_HASH128_HEX + 1];
	fox_hex(hex, s->id.b, sizeof s->id.b);
	for (size_t i = 0; i < s->n; i++) {
		const struct fox_shard *f = &s->list[i];
		fox_buf_str(&b, "output       ");
		fox_buf_escaped(&b, fox_buf_view(&f->path), SIZE_MAX);
		fox_buf_fmt(
		    &b, "  %zu tensor%s, %llu bytes\n", f->n, f->n == 1 ? "" : "s", (unsigned long long)f->bytes);
	}
	fox_buf_fmt(&b, "%-12s %zu\n%-12s %zu\n%-12s %llu\n", "files", s->n, "tensors", s->n_tensors, "bytes",
	    (unsigned long long)s->bytes);
	fox_buf_fmt(&b, "%-12s %s\n", "hashes", s->carried ? "the source's" : "computed");
	if (!o->dry_run)
		fox_buf_fmt(&b, "%-12s %s\n", s->n > 1 ? "set hash" : "root hash", hex);
	else if (s->disk_free != UINT64_MAX)
		fox_buf_fmt(&b, "%-12s %llu\n", "disk free", (unsigned long long)s->disk_free);
	if (o->dry_run && s->disk_free < s->bytes)
		fox_log_note("the output's file system has not enough space");
	enum fox_status st = b.failed ? fox_fail_nomem(err) : fox_stdout_put(fox_buf_view(&b), err);
	fox_buf_free(&b);
	return st;
}
