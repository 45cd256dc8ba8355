/* hashlist.c - llama-gguf-hash's manifest: lines written and read. */
#include "format/hashlist.h"

#include <stdio.h>

const char *const fox_hashlist_names[FOX_LIST_KINDS + 2] = {"xxh64", "sha1", "sha256", "uuid", "all", NULL};

const uint8_t fox_hashlist_space[16] = {
    0xEF, 0x00, 0x12, 0x06, 0xDA, 0xDC, 0x5F, 0x6D, 0xA1, 0x5F, 0x33, 0x59, 0xE5, 0x77, 0xD4, 0xE5};

/* Where a UUID has dashes: before these bytes. */
static bool dash_before(size_t i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

enum fox_digest fox_hashlist_digest(enum fox_hashlist_kind kind)
{
	return kind == FOX_LIST_XXH64 ? FOX_XXH64 : kind == FOX_LIST_SHA256 ? FOX_SHA256 : FOX_SHA1;
}

uint32_t fox_hashlist_bytes(enum fox_hashlist_kind kind)
{
	return kind == FOX_LIST_UUID ? 16 : fox_digest_bytes(fox_hashlist_digest(kind));
}

void fox_hashlist_uuid(uint8_t sha1[20])
{
	sha1[6] = (uint8_t)((sha1[6] & 0x0F) | 0x50);
	sha1[8] = (uint8_t)((sha1[8] & 0x3F) | 0x80);
}

char *fox_hashlist_show(char out[2 * FOX_HASHLIST_HASH + 1], enum fox_hashlist_kind kind, const uint8_t *hash)
{
	size_t n = 0;
	for (size_t i = 0; i < fox_hashlist_bytes(kind); i++) {
		if (kind == FOX_LIST_UUID && dash_before(i))
			out[n++] = '-';
		fox_hex(out + n, hash + i, 1);
		n += 2;
	}
	return out;
}

void fox_hashlist_put(struct fox_buf *out, enum fox_hashlist_kind kind, const uint8_t *hash,
    struct fox_str file, struct fox_str tensor)
{
	char hex[2 * FOX_HASHLIST_HASH + 1];
	fox_buf_fmt(out, "%-8s  %s  ", fox_hashlist_names[kind], fox_hashlist_show(hex, kind, hash));
	fox_buf_add(out, file.p, file.n);
	if (tensor.n) {
		fox_buf_char(out, ':');
		fox_buf_add(out, tensor.p, tensor.n);
	}
	fox_buf_char(out, '\n');
}

/* ---- reading */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of a line, and step behind it and the blanks that follow. */
static struct fox_str next_word(struct fox_str *rest)
{
	size_t n = 0;
	while (n < rest->n && !is_blank(rest->p[n]))
		n++;
	struct fox_str word = {rest->p, n};
	while (n < rest->n && is_blank(rest->p[n]))
		n++;
	*rest = (struct fox_str){rest->p + n, rest->n - n};
	return word;
}

static bool take_hash(struct fox_hashline *out, struct fox_str word)
{
	char hex[2 * FOX_HASHLIST_HASH];
	size_t n = fox_hashlist_bytes(out->kind), at = 0;
	if (out->kind != FOX_LIST_UUID)
		return fox_unhex(out->hash, word, n);
	for (size_t i = 0; i < n; i++) {
		if (dash_before(i) && (at >= word.n || word.p[at++] != '-'))
			return false;
		for (int k = 0; k < 2; k++) {
			if (at >= word.n)
				return false;
			hex[2 * i + (size_t)k] = word.p[at++];
		}
	}
	return at == word.n && fox_unhex(out->hash, (struct fox_str){hex, 2 * n}, n);
}

/* A name may hold colons in both halves: fox_hashlist_parse says what is made of them. */
static void split_name(struct fox_hashline *out, struct fox_str name)
{
	static const char end[] = ".gguf:";
	const size_t n_end = sizeof end - 1;
	size_t cut = SIZE_MAX;
	for (size_t i = name.n; i-- > 0 && cut == SIZE_MAX;)
		if (name.n - i >= n_end && !memcmp(name.p + i, end, n_end))
			cut = i + n_end - 1;
	for (size_t i = name.n; i-- > 0 && cut == SIZE_MAX && !fox_str_ends(name, ".gguf");)
		if (name.p[i] == ':')
			cut = i;
	out->file = name;
	out->tensor = (struct fox_str){name.p + name.n, 0};
	if (cut == SIZE_MAX || cut + 1 == name.n || out->kind == FOX_LIST_UUID)
		return;
	out->file.n = cut;
	out->tensor = (struct fox_str){name.p + cut + 1, name.n - cut - 1};
}

static enum fox_status take_line(
    struct fox_hashline *out, struct fox_str line, uint64_t at, struct fox_err *err)
{
	struct fox_str rest = line, word = next_word(&rest);
	int kind = 0;
	while (kind < FOX_LIST_KINDS && !fox_str_is(word, fox_hashlist_names[kind]))
		kind++;
	if (kind == FOX_LIST_KINDS)
		return fox_fail(err, FOX_E_UNSUPPORTED, at,
		    "algorithm '%.*s' is not one of xxh64, sha1, sha256, uuid", FOX_STR_ARG(word));
	out->kind = (enum fox_hashlist_kind)kind;
	at += (uint64_t)(rest.p - line.p);
	word = next_word(&rest);
	if (!take_hash(out, word))
		return fox_fail(err, FOX_E_FORMAT, at, "'%.*s' is not a hash of algorithm %s", FOX_STR_ARG(word),
		    fox_hashlist_names[kind]);
	if (!rest.n)
		return fox_fail(err, FOX_E_FORMAT, at + word.n, "line names no file");
	for (size_t i = 0; i < rest.n; i++)
		if ((uint8_t)rest.p[i] < 0x20 || rest.p[i] == 0x7F)
			return fox_fail(
			    err, FOX_E_FORMAT, at + (uint64_t)(rest.p + i - word.p), "name of the file or tensor has a control character");
	split_name(out, rest);
	return FOX_OK;
}

enum fox_status fox_hashlist_parse(
    struct fox_hashlist *out, struct fox_str text, struct fox_arena *arena, struct fox_err *err)
{
	size_t lines = 1, n = 0;
	*out = (struct fox_hashlist){0};
	if (text.n > FOX_HASHLIST_MAX_BYTES)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "%zu bytes are over the limit of %u", text.n,
		    FOX_HASHLIST_MAX_BYTES);
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	if (lines > FOX_HASHLIST_MAX_LINES)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "%zu lines are over the limit of %u", lines,
		    FOX_HASHLIST_MAX_LINES);
	struct fox_hashline *list = fox_arena_alloc(arena, lines, sizeof *list);
	if (!list)
		return fox_fail_nomem(err);
	for (size_t at = 0, number = 1; at < text.n; number++) {
		struct fox_str line = fox_str_line(text, &at);
		while (line.n && is_blank(line.p[0]))
			line = (struct fox_str){line.p + 1, line.n - 1};
		if (!line.n)
			continue;
		enum fox_status s = take_line(&list[n], line, (uint64_t)(line.p - text.p), err);
		if (s)
			return s;
		list[n++].number = (uint32_t)number;
	}
	if (!n)
		return fox_fail(err, FOX_E_FORMAT, 0, "there is no line in it");
	*out = (struct fox_hashlist){list, n};
	return FOX_OK;
}
