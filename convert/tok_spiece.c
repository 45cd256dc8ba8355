/* tok_spiece.c - SentencePiece's ModelProto (tokenizer.model): protobuf, strict and bounded, to a vocabulary.
 *
 * Refuses what protobuf forbids (long varints, lengths past the end, groups, field 0), repeated singular
 * fields, wrong wire types of known fields, what SentencePiece itself refuses when it loads a model, and
 * models whose encoding fox does not run. Unknown fields are stepped over.   source: sentencepiece
 * src/sentencepiece_model.proto */
#include "convert/tok_import.h"

#include <math.h>
#include <stdio.h>

#include "format/base/map.h"
#include "format/base/num.h"
#include "format/charsmap.h"

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
static const char *const wire_name[8] = {
    "varint", "64-bit", "bytes", "group start", "group end", "32-bit", "type 6", "type 7"};

/* A known field of a message; fields not listed are unknown. */
struct field {
	uint32_t num;
	enum wire wire;
	bool repeated;
	const char *name;
};

struct message {
	const char *name; /* key path in errors; "" at the top */
	const struct field *fields;
	size_t n_fields;
};

static const struct field top_fields[] = {
    {1, WIRE_BYTES, true, "pieces"},
    {2, WIRE_BYTES, false, "trainer_spec"},
    {3, WIRE_BYTES, false, "normalizer_spec"},
    {4, WIRE_BYTES, false, "self_test_data"},
    {5, WIRE_BYTES, false, "denormalizer_spec"},
};
static const struct field piece_fields[] = {
    {1, WIRE_BYTES, false, "piece"},
    {2, WIRE_32, false, "score"},
    {3, WIRE_VARINT, false, "type"},
};
static const struct field trainer_fields[] = {
    {3, WIRE_VARINT, false, "model_type"},
    {24, WIRE_VARINT, false, "treat_whitespace_as_suffix"},
    {35, WIRE_VARINT, false, "byte_fallback"},
    {40, WIRE_VARINT, false, "unk_id"},
    {44, WIRE_BYTES, false, "unk_surface"},
    {53, WIRE_BYTES, false, "pretokenization_delimiter"},
};
static const struct field normalizer_fields[] = {
    {1, WIRE_BYTES, false, "name"},
    {2, WIRE_BYTES, false, "precompiled_charsmap"},
    {3, WIRE_VARINT, false, "add_dummy_prefix"},
    {4, WIRE_VARINT, false, "remove_extra_whitespaces"},
    {5, WIRE_VARINT, false, "escape_whitespaces"},
    {6, WIRE_BYTES, false, "normalization_rule_tsv"},
};
static const struct message msg_top = {"", top_fields, FOX_COUNT(top_fields)};
static const struct message msg_trainer = {"trainer_spec", trainer_fields, FOX_COUNT(trainer_fields)};
static const struct message msg_normalizer = {
    "normalizer_spec", normalizer_fields, FOX_COUNT(normalizer_fields)};
static const struct message msg_denormalizer = {
    "denormalizer_spec", normalizer_fields, FOX_COUNT(normalizer_fields)};

struct reader {
	const uint8_t *base; /* of the whole file, for offsets */
	const uint8_t *p, *end;
	const struct message *msg;
	int64_t index; /* of the piece, or -1 */
	uint32_t seen; /* singular fields met: bit i is msg->fields[i] */
	struct fox_err *err;
};

struct value {
	const struct field *field; /* NULL: unknown field, stepped over */
	uint64_t at;               /* offset of its tag */
	const uint8_t *tag;        /* its first byte, tag included; it ends at the reader's p */
	uint64_t num;              /* varint or fixed */
	struct fox_span bytes;
};

/* Record a failure at `at`, with the message (and field) it is in. */
static enum fox_status fail_in(
    const struct reader *r, const struct field *f, enum fox_status code, uint64_t at, const char *what)
{
	fox_fail(r->err, code, at, "%s", what);
	if (r->index >= 0)
		return fox_in(r->err, "in pieces[%lld]%s%s", (long long)r->index, f ? "." : "", f ? f->name : ""),
		       code;
	if (!f && !r->msg->name[0])
		return code;
	const char *dot = f && r->msg->name[0] ? "." : "";
	return fox_in(r->err, "in %s%s%s", r->msg->name, dot, f ? f->name : ""), code;
}

static uint64_t offset(const struct reader *r)
{
	return (uint64_t)(r->p - r->base);
}

static enum fox_status read_varint(struct reader *r, const struct field *f, uint64_t *out)
{
	uint64_t at = offset(r), v = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		if (r->p == r->end)
			return fail_in(r, f, FOX_E_TRUNCATED, at, "varint without an end");
		uint8_t b = *r->p++;
		if (shift == 63 && b > 1)
			return fail_in(r, f, FOX_E_FORMAT, at,
			    b & 0x80 ? "varint of more than 10 bytes" : "varint of more than 64 bits");
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	*out = v;
	return FOX_OK;
}

static enum fox_status read_fixed(struct reader *r, const struct field *f, size_t n, uint64_t *out)
{
	if ((size_t)(r->end - r->p) < n)
		return fail_in(
		    r, f, FOX_E_TRUNCATED, offset(r), n == 4 ? "32-bit value cut short" : "64-bit value cut short");
	*out = n == 4 ? fox_load32(r->p) : fox_load64(r->p);
	r->p += n;
	return FOX_OK;
}

static enum fox_status read_bytes(struct reader *r, const struct field *f, struct fox_span *out)
{
	uint64_t n, at = offset(r), left;
	enum fox_status s = read_varint(r, f, &n);
	if (s)
		return s;
	left = (uint64_t)(r->end - r->p);
	if (n > left) {
		char what[96];
		snprintf(what, sizeof what, "field of %llu bytes ends past its message, which has %llu left",
		    (unsigned long long)n, (unsigned long long)left);
		return fail_in(r, f, FOX_E_BOUND, at, what);
	}
	*out = (struct fox_span){r->p, (size_t)n};
	r->p += n;
	return FOX_OK;
}

static enum fox_status read_tag(struct reader *r, uint32_t *num, uint32_t *wire, const struct field **field)
{
	char what[96];
	uint64_t tag, at = offset(r);
	enum fox_status s = read_varint(r, NULL, &tag);
	if (s)
		return s;
	*wire = (uint32_t)(tag & 7);
	if (tag >> 3 == 0 || tag >> 32) {
		snprintf(what, sizeof what, "field number %llu", (unsigned long long)(tag >> 3));
		return fail_in(r, NULL, FOX_E_FORMAT, at, what);
	}
	*num = (uint32_t)(tag >> 3);
	*field = NULL;
	for (size_t i = 0; i < r->msg->n_fields; i++) {
		const struct field *f = &r->msg->fields[i];
		if (f->num != *num)
			continue;
		if ((r->seen & 1u << i) && !f->repeated)
			return fail_in(r, f, FOX_E_FORMAT, at, "field given twice");
		r->seen |= 1u << i;
		*field = f;
	}
	if (*field && *wire != (*field)->wire) {
		snprintf(what, sizeof what, "wire type is %s, want %s", wire_name[*wire], wire_name[(*field)->wire]);
		return fail_in(r, *field, FOX_E_FORMAT, at, what);
	}
	return FOX_OK;
}

/* The next field. The caller checks r->p < r->end first. */
static enum fox_status next(struct reader *r, struct value *v)
{
	uint32_t num = 0, wire = 0;
	*v = (struct value){.at = offset(r), .tag = r->p};
	enum fox_status s = read_tag(r, &num, &wire, &v->field);
	if (s)
		return s;
	char what[96];
	switch (wire) {
	case WIRE_VARINT:
		return read_varint(r, v->field, &v->num);
	case WIRE_64:
		return read_fixed(r, v->field, 8, &v->num);
	case WIRE_BYTES:
		return read_bytes(r, v->field, &v->bytes);
	case WIRE_32:
		return read_fixed(r, v->field, 4, &v->num);
	default: /* groups left protobuf long ago, and nothing writes 6 and 7 */
		snprintf(what, sizeof what, "field %u has wire type %u (%s)", num, wire, wire_name[wire]);
		return fail_in(r, NULL, FOX_E_FORMAT, v->at, what);
	}
}

static enum fox_status to_bool(const struct reader *r, const struct value *v, bool *out)
{
	if (v->num > 1)
		return fail_in(r, v->field, FOX_E_FORMAT, v->at, "bool is neither 0 nor 1");
	*out = v->num;
	return FOX_OK;
}

/* What reading needs beside the vocabulary. */
struct import {
	struct fox_tokdata *t;
	struct fox_span proto;
	struct fox_span trainer, normalizer, denormalizer; /* p NULL: absent */
	uint64_t trainer_at, normalizer_at, denormalizer_at;
	bool byte_fallback;
	struct fox_map seen; /* pieces so far */
	uint32_t n_bytes;
	struct fox_err *err;
};

static struct reader reader_of(const struct import *im, struct fox_span bytes, const struct message *msg)
{
	const uint8_t *p = bytes.p ? bytes.p : (const uint8_t *)""; /* an absent message reads as an empty one */
	return (struct reader){im->proto.p, p, p + bytes.n, msg, -1, 0, im->err};
}

static enum fox_status read_type(const struct reader *r, const struct value *v, int32_t *out)
{
	if (v->num < FOX_TOK_NORMAL || v->num > FOX_TOK_BYTE) {
		char what[64];
		snprintf(what, sizeof what, "type %llu, want 1 to 6", (unsigned long long)v->num);
		return fail_in(r, v->field, FOX_E_FORMAT, v->at, what);
	}
	*out = (int32_t)v->num; /* SentencePiece and GGUF number the types alike */
	return FOX_OK;
}

/* One SentencePiece message: text, score, type. */
static enum fox_status read_piece(struct reader *r, struct fox_str *piece, float *score, int32_t *type)
{
	uint64_t start = offset(r);
	*piece = (struct fox_str){"", 0};
	*score = 0;
	*type = FOX_TOK_NORMAL;
	while (r->p < r->end) {
		struct value v;
		enum fox_status s = next(r, &v);
		if (!s && v.field && v.field->num == 1)
			*piece = (struct fox_str){(const char *)v.bytes.p, v.bytes.n};
		else if (!s && v.field && v.field->num == 2)
			*score = fox_load_f32(r->p - 4);
		else if (!s && v.field && v.field->num == 3)
			s = read_type(r, &v, type);
		if (!s && !isfinite(*score))
			return fail_in(
			    r, v.field, FOX_E_FORMAT, v.at, isnan(*score) ? "score is NaN" : "score is infinite");
		if (s)
			return s;
	}
	if (!piece->n)
		return fail_in(r, NULL, FOX_E_FORMAT, start, "empty piece");
	if (piece->n > FOX_TOK_MAX_PIECE)
		return fail_in(r, NULL, FOX_E_BOUND, start, "piece of more than 1024 bytes");
	size_t bad = fox_utf8_bad(*piece);
	if (bad < piece->n)
		return fail_in(r, &piece_fields[0], FOX_E_FORMAT,
		    (uint64_t)((const uint8_t *)piece->p - r->base) + bad, "ill-formed UTF-8");
	return FOX_OK;
}

/* SentencePiece's own rules about a piece among the others. */
static enum fox_status check_piece(struct import *im, const struct reader *r, uint32_t i, uint64_t at)
{
	struct fox_tokdata *t = im->t;
	uint32_t other = fox_map_put(&im->seen, t->piece[i], i);
	if (other != FOX_MAP_NONE)
		return fox_fail(im->err, FOX_E_FORMAT, at, "pieces[%u] repeats pieces[%u], '%.*s'", i, other,
		    FOX_STR_ARG(t->piece[i]));
	if (t->type[i] == FOX_TOK_UNKNOWN && t->unk >= 0)
		return fox_fail(
		    im->err, FOX_E_FORMAT, at, "pieces[%u] is a second unknown piece, after pieces[%d]", i, t->unk);
	if (t->type[i] == FOX_TOK_UNKNOWN)
		t->unk = (int32_t)i;
	if (t->type[i] != FOX_TOK_BYTE)
		return FOX_OK;
	if (!im->byte_fallback)
		return fail_in(r, NULL, FOX_E_FORMAT, at, "byte piece in a model without byte_fallback");
	if (fox_tokdata_byte(t->piece[i]) < 0)
		return fail_in(r, NULL, FOX_E_FORMAT, at, "byte piece is not one of <0x00> to <0xFF>");
	im->n_bytes++; /* no piece repeats, so 256 of them are all bytes */
	return FOX_OK;
}

/* First walk over the top: count pieces, find the other messages, measure the copy without pieces. */
static enum fox_status scan_top(struct import *im, size_t *rest)
{
	struct reader r = reader_of(im, im->proto, &msg_top);
	uint64_t n = 0;
	*rest = 0;
	while (r.p < r.end) {
		struct value v;
		enum fox_status s = next(&r, &v);
		if (s)
			return s;
		uint64_t at = (uint64_t)(v.bytes.p ? v.bytes.p - im->proto.p : 0);
		uint32_t num = v.field ? v.field->num : 0;
		if (num == 1) {
			n++;
			continue;
		}
		*rest += (size_t)(r.p - v.tag);
		if (num == 2)
			im->trainer = v.bytes, im->trainer_at = at;
		if (num == 3)
			im->normalizer = v.bytes, im->normalizer_at = at;
		if (num == 5)
			im->denormalizer = v.bytes, im->denormalizer_at = at;
	}
	if (!n)
		return fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE, "no pieces");
	if (n > FOX_TOK_MAX)
		return fox_fail(im->err, FOX_E_BOUND, FOX_NOWHERE, "%llu pieces, more than %u", (unsigned long long)n,
		    FOX_TOK_MAX);
	im->t->n = (uint32_t)n;
	return FOX_OK;
}

/* So that the runtime knows them from added tokens, which only later files name. */
static enum fox_status list_users(struct import *im)
{
	struct fox_tokdata *t = im->t;
	t->user = fox_arena_alloc(&t->arena, t->n, sizeof *t->user);
	if (!t->user)
		return fox_fail_nomem(im->err);
	for (uint32_t i = 0; i < t->n; i++)
		if (t->type[i] == FOX_TOK_USER)
			t->user[t->n_user++] = i;
	return FOX_OK;
}

/* Second walk: the pieces themselves, and the copy of everything else. */
static enum fox_status read_top(struct import *im, size_t rest)
{
	struct fox_tokdata *t = im->t;
	t->piece = fox_arena_alloc(&t->arena, t->n, sizeof *t->piece);
	t->score = fox_arena_alloc(&t->arena, t->n, sizeof *t->score);
	t->type = fox_arena_alloc(&t->arena, t->n, sizeof *t->type);
	char *copy = fox_arena_alloc(&t->arena, rest, 1);
	if (!t->piece || !t->score || !t->type || !copy || !fox_map_init(&im->seen, &t->arena, t->n))
		return fox_fail_nomem(im->err);
	t->spm_spec = (struct fox_str){copy, rest};
	struct reader r = reader_of(im, im->proto, &msg_top);
	uint32_t i = 0;
	while (r.p < r.end) {
		struct value v;
		enum fox_status s = next(&r, &v);
		if (s)
			return s;
		if (!v.field || v.field->num != 1) {
			memcpy(copy, v.tag, (size_t)(r.p - v.tag));
			copy += r.p - v.tag;
			continue;
		}
		static const struct message msg_piece = {"", piece_fields, FOX_COUNT(piece_fields)};
		struct reader in = reader_of(im, v.bytes, &msg_piece);
		in.index = i;
		if ((s = read_piece(&in, &t->piece[i], &t->score[i], &t->type[i])) ||
		    (s = check_piece(im, &in, i, v.at)))
			return s;
		i++;
	}
	return list_users(im);
}

static enum fox_status read_trainer(struct import *im)
{
	static const char *const names[] = {"", "Unigram", "BPE", "Word", "Char"};
	struct reader r = reader_of(im, im->trainer, &msg_trainer);
	uint64_t type = 1, type_at = im->trainer_at; /* protobuf's default is Unigram */
	bool suffix = false;
	if (!im->trainer
	         .p) /* every trained model has it; a file cut short before it would pass for a Unigram model */
		return fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE, "no trainer_spec");
	while (r.p < r.end) {
		struct value v;
		enum fox_status s = next(&r, &v);
		uint32_t num = !s && v.field ? v.field->num : 0;
		if (num == 3)
			type = v.num, type_at = v.at;
		else if (num == 24)
			s = to_bool(&r, &v, &suffix);
		else if (num == 35)
			s = to_bool(&r, &v, &im->byte_fallback);
		if (!s && suffix)
			s = fail_in(&r, v.field, FOX_E_UNSUPPORTED, v.at, "whitespace as suffix is not handled");
		if (s)
			return s;
	}
	if (type < 1 || type > 4)
		return fox_fail(im->err, FOX_E_FORMAT, type_at,
		    "model type %llu, want 1 to 4, in trainer_spec.model_type", (unsigned long long)type);
	if (type > 2)
		return fox_fail(im->err, FOX_E_UNSUPPORTED, type_at,
		    "SentencePiece model type %s is not handled, want Unigram or BPE", names[type]);
	if (type == 1) {
		im->t->model = "t5"; /* llama.cpp's name for Unigram, and what it assumes of such vocabularies */
		im->t->add_bos = false;
		im->t->add_eos = true;
	}
	return FOX_OK;
}

/* Look into the normalizer's character map, so that a container never holds one that cannot be used. */
static enum fox_status check_charsmap(struct import *im, struct fox_span map)
{
	struct fox_charsmap m;
	struct fox_err err = {0};
	enum fox_status s = fox_charsmap_parse(&m, map, &err);
	if (s) {
		bool somewhere = err.at != FOX_NOWHERE;
		fox_fail(
		    im->err, s, somewhere ? (uint64_t)(map.p - im->proto.p) + err.at : FOX_NOWHERE, "%s", err.text);
		return fox_in(im->err, "in normalizer_spec.precompiled_charsmap"), s;
	}
	im->t->charsmap = (struct fox_str){map.n ? (const char *)map.p : NULL, map.n};
	return FOX_OK;
}

/* Also the denormalizer, of which only the character map matters: it would change decoded text, and is refused. */
static enum fox_status read_normalizer(struct import *im, struct fox_span bytes, const struct message *msg)
{
	struct reader r = reader_of(im, bytes, msg);
	bool prefix = true, extra = true, escape = true; /* protobuf's defaults */
	struct fox_str name = {"", 0};
	uint64_t map_at = FOX_NOWHERE;
	struct fox_span map = {0};
	while (r.p < r.end) {
		struct value v;
		enum fox_status s = next(&r, &v);
		uint32_t num = !s && v.field ? v.field->num : 0;
		if (num == 1)
			name = (struct fox_str){(const char *)v.bytes.p, v.bytes.n};
		else if (num == 2)
			map = v.bytes, map_at = v.at;
		else if (num == 3)
			s = to_bool(&r, &v, &prefix);
		else if (num == 4)
			s = to_bool(&r, &v, &extra);
		else if (num == 5)
			s = to_bool(&r, &v, &escape);
		if (!s && !escape)
			s = fail_in(&r, v.field, FOX_E_UNSUPPORTED, v.at, "whitespace left unescaped is not handled");
		if (s)
			return s;
	}
	if (msg == &msg_normalizer) {
		im->t->add_space_prefix = prefix;
		im->t->remove_extra_whitespaces = extra;
		return check_charsmap(im, map);
	}
	if (map.n)
		return fox_fail(im->err, FOX_E_UNSUPPORTED, map_at,
		    "normalization rule '%.*s' has a character map, which is not handled, in %s.precompiled_charsmap",
		    FOX_STR_ARG(name), msg->name);
	return FOX_OK;
}

enum fox_status fox_tok_spiece(struct fox_tokdata *t, struct fox_span proto, struct fox_err *err)
{
	struct import im = {.t = t, .proto = proto, .err = err};
	fox_tokdata_init(t);
	size_t rest;
	enum fox_status s;
	if ((s = scan_top(&im, &rest)) || (s = read_trainer(&im)) ||
	    (s = read_normalizer(&im, im.normalizer, &msg_normalizer)) ||
	    (s = read_normalizer(&im, im.denormalizer, &msg_denormalizer)) || (s = read_top(&im, rest)))
		return s;
	if (t->unk < 0)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no unknown piece");
	if (im.byte_fallback && im.n_bytes != 256)
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "byte_fallback with %u byte pieces, want 256", im.n_bytes);
	return FOX_OK;
}
