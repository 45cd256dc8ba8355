/* pack_say.c - the lines of a report. */
#include "convert/pack_say.h"

#include "format/base/io.h"

void fox_say_text(struct fox_buf *b, const char *name, struct fox_str value)
{
	fox_buf_fmt(b, "%-12s", name);
	fox_buf_escaped(b, value, SIZE_MAX);
	fox_buf_char(b, '\n');
}

void fox_say_count(struct fox_buf *b, const char *name, uint64_t v)
{
	fox_buf_fmt(b, "%-12s", name);
	fox_buf_count(b, v);
	fox_buf_char(b, '\n');
}

enum fox_status fox_say_print(struct fox_buf *b, struct fox_err *err)
{
	enum fox_status s = b->failed ? fox_fail_nomem(err) : fox_stdout_put(fox_buf_view(b), err);
	fox_buf_free(b);
	return s;
}
