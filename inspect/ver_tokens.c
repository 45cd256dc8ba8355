/* ver_tokens.c - runs recorded texts through the container's tokenizer: tokens.ids, tokens.decode.
 *
 * Ids are compared with what was recorded of the original; decoding starts from the recorded ids, so that the two checks
 * judge apart.  spec/verify.md 6 */
#include <stdio.h>

#include "format/base/io.h"
#include "inspect/tokfile.h"
#include "inspect/verify.h"
#include "runtime/tok.h"

enum { SHOWN_BYTES = 40, SHOWN_IDS = 8 };

/* One check over all records: what is wrong, and the first of it in words. */
struct tally {
	uint64_t tried, wrong, line;
	struct fox_buf first;
};

struct replay {
	const struct fox_tokdata *data;
	const struct fox_tok *tok;
	struct fox_tok_ids ids;
	struct fox_buf said;
	struct tally encode, decode;
	uint64_t n_bytes, n_ids;
};

/* Raw text (the report escapes it) of at most SHOWN_BYTES, whole characters, from about `from` on; NUL cannot stand in a
 * finding and is shown as its picture. */
static void add_text(struct fox_buf *out, struct fox_str s, size_t from)
{
	size_t end = s.n - from > SHOWN_BYTES ? from + SHOWN_BYTES : s.n;
	while (from && from < s.n && ((uint8_t)s.p[from] & 0xC0) == 0x80)
		from--;
	while (end > from && end < s.n && ((uint8_t)s.p[end] & 0xC0) == 0x80)
		end--;
	fox_buf_str(out, from ? "'..." : "'");
	for (size_t i = from; i < end; i++)
		if (s.p[i])
			fox_buf_char(out, s.p[i]);
		else
			fox_buf_str(out, "\xE2\x90\x80");
	fox_buf_str(out, end < s.n ? "...'" : "'");
}

/* What is around byte `at`. */
static void add_window(struct fox_buf *out, struct fox_str s, size_t at)
{
	size_t from = at > s.n ? s.n : at;
	add_text(out, s, from < SHOWN_BYTES / 4 ? 0 : from - SHOWN_BYTES / 4);
}

/* Ids from `at` on, with the pieces they stand for. */
static void add_ids(struct fox_buf *out, const struct fox_tokdata *d, const int32_t *ids, size_t n, size_t at)
{
	if (at >= n)
		fox_buf_str(out, "the end");
	for (size_t i = at; i < n && i < at + SHOWN_IDS; i++) {
		fox_buf_fmt(out, "%s%d ", i > at ? " " : "", ids[i]);
		add_text(out, d->piece[ids[i]], 0);
	}
	if (n > at + SHOWN_IDS)
		fox_buf_str(out, " ...");
}

static enum fox_status tell_ids(
    struct replay *r, const struct fox_tokfile_record *x, size_t at, struct fox_err *err)
{
	struct fox_buf *out = &r->encode.first;
	/* where in the text it is: as far as the ids before it say something; close enough to find the place by */
	fox_buf_clear(&r->said);
	enum fox_status s =
	    fox_tok_decode(r->tok, &r->said, x->ids, at, true, x->special ? FOX_TOK_SPECIAL : 0, err);
	if (s)
		return s;
	fox_buf_fmt(out, "id %zu is ", at);
	add_ids(out, r->data, r->ids.ids, r->ids.n, at);
	fox_buf_str(out, ", must be ");
	add_ids(out, r->data, x->ids, x->n_ids, at);
	fox_buf_str(out, ", near ");
	add_window(out, x->text, r->said.n);
	return FOX_OK;
}

static enum fox_status check_ids(struct replay *r, const struct fox_tokfile_record *x, struct fox_err *err)
{
	uint32_t flags = (x->special ? FOX_TOK_SPECIAL : 0) | (x->add ? 0 : FOX_TOK_NO_BOS);
	size_t at = 0;
	r->ids.n = 0;
	enum fox_status s = fox_tok_encode(r->tok, &r->ids, x->text, flags, err);
	if (s)
		return s;
	r->encode.tried++;
	while (at < x->n_ids && at < r->ids.n && x->ids[at] == r->ids.ids[at])
		at++;
	if (at == x->n_ids && at == r->ids.n)
		return FOX_OK;
	if (r->encode.wrong++)
		return FOX_OK;
	r->encode.line = x->line;
	return tell_ids(r, x, at, err);
}

static enum fox_status check_decoded(
    struct replay *r, const struct fox_tokfile_record *x, struct fox_err *err)
{
	struct fox_buf *out = &r->decode.first;
	size_t at = 0;
	fox_buf_clear(&r->said);
	fox_buf_str(&r->said, "");
	enum fox_status s =
	    fox_tok_decode(r->tok, &r->said, x->ids, x->n_ids, true, x->keep ? FOX_TOK_SPECIAL : 0, err);
	if (s)
		return s;
	if (r->said.failed)
		return fox_fail_nomem(err);
	struct fox_str got = fox_buf_view(&r->said);
	r->decode.tried++;
	if (fox_str_eq(got, x->decoded) || r->decode.wrong++)
		return FOX_OK;
	while (at < got.n && at < x->decoded.n && got.p[at] == x->decoded.p[at])
		at++;
	r->decode.line = x->line;
	fox_buf_fmt(out, "byte %zu is in ", at);
	add_window(out, got, at);
	fox_buf_str(out, ", must be in ");
	add_window(out, x->decoded, at);
	return FOX_OK;
}

static enum fox_status check_record(struct replay *r, const struct fox_tokfile_record *x, struct fox_err *err)
{
	for (size_t i = 0; i < x->n_ids; i++)
		if ((uint32_t)x->ids[i] >= r->data->n)
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "line %llu: id %d, the model has %u tokens",
			    (unsigned long long)x->line, x->ids[i], r->data->n);
	r->n_bytes += x->text.n;
	r->n_ids += x->n_ids;
	enum fox_status s = check_ids(r, x, err);
	if (!s && x->has_decoded)
		s = check_decoded(r, x, err);
	return s ? s : fox_cancelled(err);
}

static enum fox_status replay(struct replay *r, struct fox_str bytes, struct fox_err *err)
{
	struct fox_tokfile f;
	struct fox_tokfile_record x;
	bool more;
	enum fox_status s = fox_tokfile_begin(&f, bytes, err);
	while (!s && !(s = fox_tokfile_next(&f, &x, &more, err)) && more)
		s = check_record(r, &x, err);
	fox_tokfile_end(&f);
	if (!s && !r->encode.tried)
		s = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no records");
	if (!s && (r->encode.first.failed || r->decode.first.failed))
		s = fox_fail_nomem(err);
	return s;
}

static void judge(struct fox_verify *v, const char *check, const struct tally *t, const char *what)
{
	char where[32];
	if (!t->tried)
		return;
	if (!t->wrong) {
		fox_find_add(
		    &v->found, FOX_PASS, check, "", "%llu %s as recorded", (unsigned long long)t->tried, what);
		return;
	}
	snprintf(where, sizeof where, "line %llu", (unsigned long long)t->line);
	fox_find_add(&v->found, FOX_FAIL, check, where, "the first of %llu wrong among %llu: %s",
	    (unsigned long long)t->wrong, (unsigned long long)t->tried, t->first.p);
}

static void report(struct fox_verify *v, const struct replay *r)
{
	fox_report_section(v->report, "tokens", NULL);
	fox_report_field(v->report, "texts", NULL, fox_cell_u64(r->encode.tried));
	fox_report_field(v->report, "bytes", NULL, fox_cell_u64(r->n_bytes));
	fox_report_field(v->report, "ids", NULL, fox_cell_u64(r->n_ids));
	fox_report_field(v->report, "texts_wrong", NULL, fox_cell_u64(r->encode.wrong));
	fox_report_field(v->report, "decoded", NULL, fox_cell_u64(r->decode.tried));
	fox_report_field(v->report, "decoded_wrong", NULL, fox_cell_u64(r->decode.wrong));
	judge(v, "tokens.ids", &r->encode, "texts give the ids");
	judge(v, "tokens.decode", &r->decode, "lists of ids give the text");
}

enum fox_status fox_ver_tokens(struct fox_verify *v, const char *path, struct fox_err *err)
{
	struct fox_map_file map = {0};
	struct fox_tokdata data = {0};
	struct fox_tok *tok = NULL;
	enum fox_status s = fox_map_open(&map, path, err);
	if (s)
		return s;
	if ((s = fox_tokdata_from_gguf(&data, v->g, err)) || (s = fox_tok_open(&tok, &data, err))) {
		fox_in_file(err, fox_gguf_path(v->g));
		goto out;
	}
	struct replay r = {.data = &data, .tok = tok};
	struct fox_str bytes = {(const char *)map.bytes.p, map.bytes.n};
	if ((s = replay(&r, bytes, err)))
		fox_in_file(err, path);
	else
		report(v, &r);
	fox_tok_ids_free(&r.ids);
	fox_buf_free(&r.said);
	fox_buf_free(&r.encode.first);
	fox_buf_free(&r.decode.first);
out:
	fox_tok_close(tok);
	fox_tokdata_free(&data);
	fox_map_close(&map);
	return s;
}
