/* json_write.c - the JSON writer: commas, indentation, escapes. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/base/json.h"

static void indent(struct fox_json_writer *w)
{
	if (w->compact)
		return;
	fox_buf_char(w->out, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		fox_buf_str(w->out, "  ");
}

/* What stands before any value: a comma and a line, unless it follows its key. */
static void before(struct fox_json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (!w->depth)
		return;
	if (w->comma[w->depth])
		fox_buf_char(w->out, ',');
	w->comma[w->depth] = 1;
	indent(w);
}

static void open_level(struct fox_json_writer *w, char c)
{
	before(w);
	fox_buf_char(w->out, c);
	assert(w->depth + 1u < sizeof w->comma);
	w->comma[++w->depth] = 0;
}

static void close_level(struct fox_json_writer *w, char c)
{
	bool any = w->comma[w->depth--];
	if (any)
		indent(w);
	fox_buf_char(w->out, c);
	if (!w->depth && !w->compact)
		fox_buf_char(w->out, '\n');
}

void fox_jw_object(struct fox_json_writer *w)
{
	open_level(w, '{');
}

void fox_jw_array(struct fox_json_writer *w)
{
	open_level(w, '[');
}

void fox_jw_end_object(struct fox_json_writer *w)
{
	close_level(w, '}');
}

void fox_jw_end_array(struct fox_json_writer *w)
{
	close_level(w, ']');
}

static void quoted(struct fox_buf *b, struct fox_str s)
{
	fox_buf_char(b, '"');
	for (size_t i = 0; i < s.n;) {
		size_t at = i;
		int32_t c = fox_utf8_next(s, &i);
		if (c < 0)
			fox_buf_str(b, "\xEF\xBF\xBD");
		else if (c == '"' || c == '\\')
			fox_buf_fmt(b, "\\%c", (char)c);
		else if (c == '\n' || c == '\t' || c == '\r')
			fox_buf_str(b, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
		else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) /* C1 too: output may meet a terminal */
			fox_buf_fmt(b, "\\u%04x", (unsigned)c);
		else
			fox_buf_add(b, s.p + at, i - at);
	}
	fox_buf_char(b, '"');
}

void fox_jw_key_str(struct fox_json_writer *w, struct fox_str key)
{
	before(w);
	quoted(w->out, key);
	fox_buf_str(w->out, w->compact ? ":" : ": ");
	w->after_key = true;
}

void fox_jw_key(struct fox_json_writer *w, const char *key)
{
	fox_jw_key_str(w, fox_str_of(key));
}

void fox_jw_str(struct fox_json_writer *w, struct fox_str s)
{
	before(w);
	quoted(w->out, s);
}

void fox_jw_cstr(struct fox_json_writer *w, const char *s)
{
	fox_jw_str(w, fox_str_of(s));
}

void fox_jw_u64(struct fox_json_writer *w, uint64_t v)
{
	before(w);
	fox_buf_fmt(w->out, "%llu", (unsigned long long)v);
}

void fox_jw_i64(struct fox_json_writer *w, int64_t v)
{
	before(w);
	fox_buf_fmt(w->out, "%lld", (long long)v);
}

void fox_jw_f64(struct fox_json_writer *w, double v)
{
	char text[32];
	before(w);
	if (!isfinite(v)) {
		fox_buf_str(w->out, "null");
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	fox_buf_str(w->out, text);
}

void fox_jw_bool(struct fox_json_writer *w, bool v)
{
	before(w);
	fox_buf_str(w->out, v ? "true" : "false");
}

void fox_jw_null(struct fox_json_writer *w)
{
	before(w);
	fox_buf_str(w->out, "null");
}

void fox_jw_member(struct fox_json_writer *w, const char *key, const char *text)
{
	fox_jw_key(w, key);
	fox_jw_cstr(w, text);
}

void fox_jw_member_str(struct fox_json_writer *w, const char *key, struct fox_str text)
{
	if (!text.n)
		return;
	fox_jw_key(w, key);
	fox_jw_str(w, text);
}
