/* sshwire.c - SSH's wire encoding, and armor. */
#include "format/sshwire.h"

#include <stdio.h>
#include <stdlib.h>

#include "format/base/base64.h"
#include "format/base/ed25519.h"

enum { LINE = 70 }; /* characters of base64 on a line, as ssh-keygen writes */

enum fox_status fox_ssh_u32(struct fox_ssh_in *in, uint32_t *out, const char *what, struct fox_err *err)
{
	if (in->n < 4)
		return fox_fail(err, FOX_E_BOUND, in->at, "%s ends past the end", what);
	*out = (uint32_t)in->p[0] << 24 | (uint32_t)in->p[1] << 16 | (uint32_t)in->p[2] << 8 | in->p[3];
	*in = (struct fox_ssh_in){in->p + 4, in->n - 4, in->at + 4};
	return FOX_OK;
}

enum fox_status fox_ssh_string(
    struct fox_ssh_in *in, struct fox_ssh_in *out, const char *what, struct fox_err *err)
{
	struct fox_ssh_in begin = *in;
	uint32_t n = 0;
	enum fox_status s = fox_ssh_u32(in, &n, what, err);
	if (s)
		return s;
	if (n > in->n) {
		*in = begin;
		return fox_fail(err, FOX_E_BOUND, begin.at, "%s of %u bytes ends past the end", what, n);
	}
	*out = (struct fox_ssh_in){in->p, n, in->at};
	*in = (struct fox_ssh_in){in->p + n, in->n - n, in->at + n};
	return FOX_OK;
}

enum fox_status fox_ssh_end(const struct fox_ssh_in *in, const char *what, struct fox_err *err)
{
	return in->n ? fox_fail(err, FOX_E_FORMAT, in->at, "%zu bytes follow %s", in->n, what) : FOX_OK;
}

enum fox_status fox_ssh_bytes(
    struct fox_ssh_in *in, uint8_t *out, size_t n, const char *what, struct fox_err *err)
{
	struct fox_ssh_in field = {0};
	uint64_t at = in->at;
	enum fox_status s = fox_ssh_string(in, &field, what, err);
	if (s)
		return s;
	if (field.n != n)
		return fox_fail(err, FOX_E_FORMAT, at, "%s has %zu bytes, not %zu", what, field.n, n);
	memcpy(out, field.p, n);
	return FOX_OK;
}

void fox_ssh_put_u32(struct fox_buf *out, uint32_t v)
{
	const uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
	fox_buf_add(out, b, sizeof b);
}

void fox_ssh_put_string(struct fox_buf *out, const void *p, size_t n)
{
	fox_ssh_put_u32(out, (uint32_t)n);
	fox_buf_add(out, p, n);
}

enum fox_status fox_ssh_kind(const struct fox_ssh_in *kind, struct fox_err *err)
{
	if (fox_str_is(fox_ssh_text(kind), FOX_SSH_ED25519))
		return FOX_OK;
	return fox_fail(err, FOX_E_UNSUPPORTED, kind->at,
	    "key type '%.*s' is not handled, only " FOX_SSH_ED25519 " is", FOX_STR_ARG(fox_ssh_text(kind)));
}

/* ---- armor */

static bool is_mark(struct fox_str line, const char *which, const char *label)
{
	char mark[64];
	snprintf(mark, sizeof mark, "-----%s %s-----", which, label);
	return fox_str_is(line, mark);
}

static size_t skip_blank(struct fox_str text, size_t at)
{
	while (at < text.n && (text.p[at] == '\n' || text.p[at] == '\r'))
		at++;
	return at;
}

bool fox_ssh_is_armor(struct fox_str text, const char *label)
{
	size_t at = skip_blank(text, 0);
	return is_mark(fox_str_line(text, &at), "BEGIN", label);
}

/* The characters of base64 in one piece: out has room for text.n. FOX_E_FORMAT where the armor is none. */
static enum fox_status join(char *out, size_t *n, struct fox_str text, const char *label, struct fox_err *err)
{
	size_t at = skip_blank(text, 0), begin = at;
	*n = 0;
	if (!is_mark(fox_str_line(text, &at), "BEGIN", label))
		return fox_fail(err, FOX_E_FORMAT, begin, "there is no line '-----BEGIN %s-----'", label);
	for (;;) {
		if (at >= text.n)
			return fox_fail(err, FOX_E_FORMAT, text.n, "there is no line '-----END %s-----'", label);
		struct fox_str line = fox_str_line(text, &at);
		if (is_mark(line, "END", label))
			break;
		memcpy(out + *n, line.p, line.n);
		*n += line.n;
	}
	at = skip_blank(text, at);
	return at == text.n ? FOX_OK
	                    : fox_fail(err, FOX_E_FORMAT, at, "something follows '-----END %s-----'", label);
}

/* The offset of character i of the base64. */
static uint64_t char_at(struct fox_str text, uint64_t i)
{
	size_t at = skip_blank(text, 0);
	(void)fox_str_line(text, &at);
	while (at < text.n) {
		struct fox_str line = fox_str_line(text, &at);
		if (i < line.n)
			return (uint64_t)(line.p - text.p) + i;
		i -= line.n;
	}
	return text.n;
}

uint64_t fox_ssh_armor_at(struct fox_str text, uint64_t at)
{
	return char_at(text, at / 3 * 4 + at % 3);
}

enum fox_status fox_ssh_unarmor(
    uint8_t **out, size_t *n, size_t *room, struct fox_str text, const char *label, struct fox_err *err)
{
	char *joined = malloc(text.n + 1);
	uint8_t *bytes = malloc(text.n + 1);
	size_t chars = 0, bad = 0;
	enum fox_status s = joined && bytes ? join(joined, &chars, text, label, err) : fox_fail_nomem(err);
	if (!s && !fox_base64_decode(bytes, n, (struct fox_str){joined, chars}, &bad))
		s = fox_fail(
		    err, FOX_E_FORMAT, char_at(text, bad), "what stands between the lines of dashes is not base64");
	*room = text.n + 1;
	if (joined)
		fox_wipe(joined, chars);
	free(joined);
	if (s && bytes) {
		fox_wipe(bytes, *room);
		free(bytes);
		bytes = NULL;
	}
	*out = bytes;
	return s;
}

void fox_ssh_armor(struct fox_buf *out, const char *label, struct fox_span bytes)
{
	struct fox_buf chars = {0};
	fox_base64_encode(&chars, bytes.p, bytes.n);
	fox_buf_fmt(out, "-----BEGIN %s-----\n", label);
	for (size_t at = 0; at < chars.n; at += LINE) {
		fox_buf_add(out, chars.p + at, chars.n - at < LINE ? chars.n - at : LINE);
		fox_buf_char(out, '\n');
	}
	fox_buf_fmt(out, "-----END %s-----\n", label);
	out->failed |= chars.failed;
	fox_buf_free(&chars);
}
