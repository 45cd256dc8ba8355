/* back_spiece.c - tokenizer.model out of a container: the pieces, then the rest of the ModelProto as it was kept.
 *
 * Added tokens stand over pieces in a container (spec/tokenizer.md 2.1), and rows without a piece are filled: how many pieces
 * there were follows from the file's size, what their types were from trainer_spec.
 * source: sentencepiece src/sentencepiece_model.proto; trainer_interface.cc Serialize (fields that it writes) */
#include "convert/back_tok.h"
#include "format/base/map.h"
#include "format/base/num.h"

/* Fields of trainer_spec, with protobuf's defaults. */
struct trainer {
	uint64_t vocab_size;
	int64_t unk, bos, eos, pad;
	struct fox_map users, controls; /* of user_defined_symbols and control_symbols */
};

struct cursor {
	const uint8_t *p, *end;
};

static bool varint(struct cursor *c, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; shift < 64 && c->p < c->end; shift += 7) {
		uint8_t b = *c->p++;
		*v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return true;
	}
	return false;
}

/* The next field; false at the end, and at whatever is no field. */
static bool next_field(struct cursor *c, uint64_t *num, uint64_t *v, struct fox_str *bytes)
{
	uint64_t tag;
	if (!varint(c, &tag))
		return false;
	*num = tag >> 3;
	*bytes = (struct fox_str){NULL, 0};
	uint64_t left = (uint64_t)(c->end - c->p), n = (tag & 7) == 1 ? 8 : 4;
	switch (tag & 7) {
	case 0:
		return varint(c, v);
	case 1:
	case 5:
		if (left < n)
			return false;
		c->p += n;
		return true;
	case 2:
		if (!varint(c, &n) || n > (uint64_t)(c->end - c->p))
			return false;
		*bytes = (struct fox_str){(const char *)c->p, (size_t)n};
		c->p += n;
		return true;
	default:
		return false;
	}
}

static struct cursor over(struct fox_str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	return (struct cursor){p, p ? p + s.n : p};
}

/* As many symbols as fields may be: two bytes is the least that one takes. */
static bool read_trainer(struct trainer *t, struct fox_str spec, struct fox_arena *arena)
{
	uint64_t num, v;
	struct fox_str bytes, body = {NULL, 0};
	*t = (struct trainer){.vocab_size = 0, .unk = 0, .bos = 1, .eos = 2, .pad = -1};
	for (struct cursor c = over(spec); next_field(&c, &num, &v, &bytes);)
		if (num == 2 && bytes.p)
			body = bytes;
	if (!fox_map_init(&t->users, arena, body.n / 2 + 1) || !fox_map_init(&t->controls, arena, body.n / 2 + 1))
		return false;
	for (struct cursor c = over(body); next_field(&c, &num, &v, &bytes);) {
		if (num == 31 && bytes.p)
			fox_map_put(&t->users, bytes, 0);
		else if (num == 30 && bytes.p)
			fox_map_put(&t->controls, bytes, 0);
		else if (num == 4)
			t->vocab_size = v;
		else if (num >= 40 && num <= 43)
			*(num == 40 ? &t->unk : num == 41 ? &t->bos : num == 42 ? &t->eos : &t->pad) = (int32_t)v;
	}
	return true;
}

/* ---- one piece */

struct piece {
	struct fox_str text;
	float score;
	int32_t type;
};

/* The score that every added token has in a container.  spec/tokenizer.md 2.1 */
#define ADDED_SCORE (-1000.0f)

/* A piece as it was before added tokens came over it, as far as trainer_spec can say. buf holds its text. */
static struct piece piece_of(
    const struct fox_tokdata *t, const struct trainer *tr, uint32_t i, bool user, struct fox_buf *buf)
{
	struct piece p = {t->piece[i], t->score[i], t->type[i]};
	bool added = p.score == ADDED_SCORE && (p.type == FOX_TOK_CONTROL || p.type == FOX_TOK_USER);
	if (user)
		p.type = FOX_TOK_USER;
	if (!added)
		return p;
	fox_buf_clear(buf);
	for (size_t k = 0; k < p.text.n; k++) /* the converter turned marks into blanks */
		if (p.type == FOX_TOK_USER && p.text.p[k] == ' ')
			fox_buf_str(buf, "\xE2\x96\x81");
		else
			fox_buf_char(buf, p.text.p[k]);
	p.text = fox_buf_view(buf);
	p.score = 0;
	if (i == tr->unk)
		p.type = FOX_TOK_UNKNOWN;
	else if (i == tr->bos || i == tr->eos || i == tr->pad ||
	         fox_map_find(&tr->controls, p.text) != FOX_MAP_NONE)
		p.type = FOX_TOK_CONTROL;
	else if (fox_map_find(&tr->users, p.text) != FOX_MAP_NONE)
		p.type = FOX_TOK_USER;
	return p;
}

static void put_varint(struct fox_buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		fox_buf_char(b, (char)(v | 0x80));
	fox_buf_char(b, (char)v);
}

static uint64_t varint_bytes(uint64_t v)
{
	uint64_t n = 1;
	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

/* Text and score are always written, the type when it is not that of most pieces; or always, as in models that were edited. */
static void put_piece(struct fox_buf *b, const struct piece *p, bool always)
{
	uint8_t score[4];
	bool typed = always || p->type != FOX_TOK_NORMAL;
	put_varint(b, 1 << 3 | 2);
	put_varint(b, 1 + varint_bytes(p->text.n) + p->text.n + 5 + (typed ? 2 : 0));
	put_varint(b, 1 << 3 | 2);
	put_varint(b, p->text.n);
	fox_buf_add(b, p->text.p, p->text.n);
	put_varint(b, 2 << 3 | 5);
	fox_store_f32(score, p->score);
	fox_buf_add(b, score, sizeof score);
	if (typed) {
		put_varint(b, 3 << 3 | 0);
		put_varint(b, (uint64_t)p->type);
	}
}

/* Pieces when the size does not say: what training was asked for, else all that are neither added nor filled in at the end. */
static uint32_t usual_count(const struct fox_tokdata *t, const struct trainer *tr)
{
	uint32_t n = t->n;
	if (tr->vocab_size && tr->vocab_size <= n)
		return (uint32_t)tr->vocab_size;
	while (n > 1 && (t->type[n - 1] == FOX_TOK_UNUSED || t->score[n - 1] == ADDED_SCORE))
		n--;
	return n;
}

/* The first n pieces, where n is what gives the source's size; false when none does, and then the usual number. */
static bool put_pieces(struct fox_buf *out, const struct fox_tokdata *t, const struct trainer *tr,
    const struct back_source *src, bool always)
{
	struct fox_buf text = {0};
	uint32_t user = 0, usual = usual_count(t, tr);
	size_t usual_bytes = 0;
	bool found = false;
	fox_buf_clear(out);
	for (uint32_t i = 0; i < t->n && !found && !out->failed; i++) {
		while (user < t->n_user && t->user[user] < i)
			user++;
		struct piece p = piece_of(t, tr, i, user < t->n_user && t->user[user] == i, &text);
		put_piece(out, &p, always);
		if (i + 1 == usual)
			usual_bytes = out->n;
		found = src->there && out->n + t->spm_spec.n == src->bytes;
	}
	out->failed |= text.failed;
	if (!found && !out->failed)
		out->n = usual_bytes;
	fox_buf_free(&text);
	return found;
}

enum fox_status back_spiece(
    struct fox_buf *out, const struct fox_tokdata *t, const struct back_source *src, struct fox_err *err)
{
	struct trainer tr;
	struct fox_arena arena = {0};
	bool good = read_trainer(&tr, t->spm_spec, &arena);
	if (good && !put_pieces(out, t, &tr, src, false) && !put_pieces(out, t, &tr, src, true))
		put_pieces(out, t, &tr, src, false);
	fox_buf_add(out, t->spm_spec.p, t->spm_spec.n);
	fox_arena_free(&arena);
	return good && !out->failed ? FOX_OK : fox_fail_nomem(err);
}
