/* tokfile.c - recorded ids out of lines: flags, text, ids and, if it likes, the decoded text, with tabs between.
 *
 * Strict, because a reader that guesses at a record would compare something that nobody recorded. */
#include "inspect/tokfile.h"

#include <stdlib.h>

#include "format/base/hash.h"

static const char first_words[] = "fox-tokens ";

static enum fox_status bad(const struct fox_tokfile *f, struct fox_err *err, const char *what)
{
	return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "line %llu: %s", (unsigned long long)f->line, what);
}

/* What stands before the next `end` byte (or all that is left), which is stepped over. False: nothing is left. */
static bool cut(struct fox_str *rest, char end, struct fox_str *out)
{
	if (!rest->p)
		return false;
	const char *at = rest->n ? memchr(rest->p, end, rest->n) : NULL;
	*out = (struct fox_str){rest->p, at ? (size_t)(at - rest->p) : rest->n};
	*rest = at ? (struct fox_str){at + 1, rest->n - out->n - 1} : (struct fox_str){NULL, 0};
	return true;
}

static bool next_line(struct fox_tokfile *f, struct fox_str *line)
{
	if (!f->rest.n || !cut(&f->rest, '\n', line))
		return false;
	f->line++;
	return true;
}

enum fox_status fox_tokfile_begin(struct fox_tokfile *f, struct fox_str bytes, struct fox_err *err)
{
	struct fox_str line;
	*f = (struct fox_tokfile){.rest = bytes};
	if (!next_line(f, &line) || !fox_str_starts(line, first_words))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "does not begin with the line 'fox-tokens 1'");
	struct fox_str version = {line.p + sizeof first_words - 1, line.n - (sizeof first_words - 1)};
	if (!fox_str_is(version, "1"))
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "version '%.*s' of recorded ids is not known here", FOX_STR_ARG(version));
	return FOX_OK;
}

/* The byte that an escape at s[i] (a backslash) stands for, or -1; *n is its length. */
static int escaped(struct fox_str s, size_t i, size_t *n)
{
	static const char names[] = "\\ntr", bytes[] = "\\\n\t\r";
	uint8_t byte;
	if (i + 1 >= s.n)
		return -1;
	*n = 2;
	const char *at = memchr(names, s.p[i + 1], 4);
	if (at)
		return bytes[at - names];
	*n = 4;
	return s.p[i + 1] == 'x' && i + 3 < s.n && fox_unhex(&byte, (struct fox_str){s.p + i + 2, 2}, 1) ? byte
	                                                                                                 : -1;
}

static enum fox_status read_text(
    struct fox_tokfile *f, struct fox_buf *out, struct fox_str s, struct fox_err *err)
{
	fox_buf_clear(out);
	fox_buf_str(out, ""); /* so that an empty text is a view too */
	if (fox_utf8_bad(s) < s.n)
		return bad(f, err, "ill-formed UTF-8");
	for (size_t i = 0, n; i < s.n; i += n) {
		uint8_t c = (uint8_t)s.p[i];
		const char *stop = memchr(s.p + i, '\\', s.n - i);
		n = stop ? (size_t)(stop - (s.p + i)) : s.n - i;
		for (size_t k = i; k < i + n; k++)
			if ((uint8_t)s.p[k] < 0x20 || s.p[k] == 0x7F)
				return bad(f, err, "a control character that is not escaped");
		fox_buf_add(out, s.p + i, n);
		if (c != '\\')
			continue;
		int byte = escaped(s, i, &n);
		if (byte < 0)
			return bad(f, err, "an escape is none of \\\\, \\n, \\t, \\r and \\xNN");
		fox_buf_char(out, (char)byte);
	}
	return out->failed ? fox_fail_nomem(err) : FOX_OK;
}

static enum fox_status read_flags(
    struct fox_tokfile *f, struct fox_tokfile_record *r, struct fox_str s, struct fox_err *err)
{
	struct fox_str word;
	if (fox_str_is(s, "-"))
		return FOX_OK;
	while (cut(&s, ',', &word)) {
		bool *flag = fox_str_is(word, "special") ? &r->special
		             : fox_str_is(word, "add")   ? &r->add
		             : fox_str_is(word, "keep")  ? &r->keep
		                                         : NULL;
		if (!flag || *flag)
			return bad(f, err, "the flags are neither '-' nor some of special,add,keep");
		*flag = true;
	}
	return FOX_OK;
}

static enum fox_status read_ids(
    struct fox_tokfile *f, struct fox_tokfile_record *r, struct fox_str s, struct fox_err *err)
{
	struct fox_str word;
	uint64_t id;
	r->n_ids = 0;
	if (!s.n)
		return FOX_OK;
	while (cut(&s, ' ', &word)) {
		if (!fox_str_u64(word, &id) || id > INT32_MAX)
			return bad(f, err, "ids are not numbers up to 2147483647 with one blank between");
		if (r->n_ids == f->cap) {
			size_t cap = f->cap ? 2 * f->cap : 1024;
			int32_t *more = realloc(f->ids, cap * sizeof *more);
			if (!more)
				return fox_fail_nomem(err);
			f->ids = more;
			f->cap = cap;
		}
		f->ids[r->n_ids++] = (int32_t)id;
	}
	return FOX_OK;
}

enum fox_status fox_tokfile_next(
    struct fox_tokfile *f, struct fox_tokfile_record *out, bool *more, struct fox_err *err)
{
	struct fox_tokfile_record r = {0};
	struct fox_str line, flags, text, ids, decoded, extra;
	enum fox_status s;
	do {
		if (!(*more = next_line(f, &line)))
			return FOX_OK;
	} while (fox_str_starts(line, "#"));
	r.line = f->line;
	if (!cut(&line, '\t', &flags) || !cut(&line, '\t', &text) || !cut(&line, '\t', &ids))
		return bad(f, err, "fewer than the three fields flags, text and ids");
	r.has_decoded = cut(&line, '\t', &decoded);
	if (cut(&line, '\t', &extra))
		return bad(f, err, "more than the four fields flags, text, ids and decoded text");
	if ((s = read_flags(f, &r, flags, err)) || (s = read_text(f, &f->text, text, err)) ||
	    (s = read_ids(f, &r, ids, err)) || (r.has_decoded && (s = read_text(f, &f->decoded, decoded, err))))
		return s;
	r.text = fox_buf_view(&f->text);
	r.ids = f->ids;
	r.decoded = r.has_decoded ? fox_buf_view(&f->decoded) : (struct fox_str){"", 0};
	*out = r;
	return FOX_OK;
}

void fox_tokfile_end(struct fox_tokfile *f)
{
	fox_buf_free(&f->text);
	fox_buf_free(&f->decoded);
	free(f->ids);
	*f = (struct fox_tokfile){0};
}
