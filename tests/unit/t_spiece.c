/* tokenizer.model as protobuf: what is read, and every refusal with its offset and text. */
#include "tests/test.h"

#include "convert/tok_import.h"
#include "format/base/io.h"
#include "format/base/num.h"
#include "format/charsmap.h"

static struct fox_buf msg; /* the model being made */

static void put_varint(struct fox_buf *b, uint64_t v)
{
	for (; v > 127; v >>= 7)
		fox_buf_char(b, (char)(v | 0x80));
	fox_buf_char(b, (char)v);
}

static void put_int(struct fox_buf *b, uint32_t field, uint64_t v)
{
	put_varint(b, field << 3);
	put_varint(b, v);
}

static void put_bytes(struct fox_buf *b, uint32_t field, const void *p, size_t n)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, n);
	fox_buf_add(b, p, n);
}

static void put_float(struct fox_buf *b, uint32_t field, float v)
{
	char raw[4];
	fox_store_f32(raw, v);
	put_varint(b, field << 3 | 5);
	fox_buf_add(b, raw, 4);
}

static void put_piece(const char *text, float score, uint64_t type)
{
	struct fox_buf b = {0};
	put_bytes(&b, 1, text, strlen(text));
	put_float(&b, 2, score);
	put_int(&b, 3, type);
	put_bytes(&msg, 1, b.p, b.n);
	fox_buf_free(&b);
}

/* trainer_spec of one int field beside model_type = BPE; field 0: none */
static void put_trainer(uint32_t field, uint64_t v)
{
	struct fox_buf b = {0};
	put_int(&b, 3, 2);
	if (field)
		put_int(&b, field, v);
	put_bytes(&msg, 2, b.p, b.n);
	fox_buf_free(&b);
}

static enum fox_status parse(struct fox_tokdata *t, struct fox_err *err)
{
	*err = (struct fox_err){0};
	/* an exact copy, so that a read past the end is seen */
	uint8_t *exact = malloc(msg.n + !msg.n);
	if (msg.n)
		memcpy(exact, msg.p, msg.n);
	enum fox_status s = fox_tok_spiece(t, (struct fox_span){exact, msg.n}, err);
	free(exact);
	return s;
}

/* The model made so far is refused so; then start afresh. */
static void refused(enum fox_status code, uint64_t at, const char *text)
{
	struct fox_tokdata t;
	struct fox_err err;
	assert_int_equal(parse(&t, &err), code);
	assert_fox_err(&err, code, at, text);
	fox_tokdata_free(&t);
	fox_buf_clear(&msg);
}

#define RAW(s) fox_buf_add(&msg, s, sizeof s - 1)

static void good(void **state)
{
	(void)state;
	struct fox_tokdata t;
	struct fox_err err;
	put_trainer(0, 0);
	put_piece("<unk>", 0, 2);
	put_piece("<s>", 0, 3);
	RAW("\x22\x00"); /* self_test_data, between pieces */
	put_piece("\xE2\x96\x81the", -1.5f, 1);
	RAW("\xc8\x3e\x07"); /* field 1001, unknown: stepped over and kept */
	put_piece("x", -2, 4);
	struct fox_buf whole = {0};
	fox_buf_add(&whole, msg.p, msg.n);
	err = (struct fox_err){0};
	assert_fox_ok(fox_tok_spiece(&t, (struct fox_span){(const uint8_t *)whole.p, whole.n}, &err), &err);
	assert_int_equal(t.n, 4);
	assert_true(fox_str_is(t.piece[2], "\xE2\x96\x81the"));
	assert_true(t.score[2] == -1.5f && t.score[3] == -2);
	assert_int_equal(t.type[0], FOX_TOK_UNKNOWN);
	assert_int_equal(t.type[1], FOX_TOK_CONTROL);
	assert_int_equal(t.type[3], FOX_TOK_USER);
	assert_int_equal(t.unk, 0);
	assert_int_equal(t.bos, FOX_TOK_NONE);
	assert_true(t.add_space_prefix && t.remove_extra_whitespaces); /* protobuf's defaults */
	assert_int_equal(t.spm_spec.n, 4 + 2 + 3);
	assert_memory_equal(t.spm_spec.p, "\x12\x02\x18\x02\x22\x00\xc8\x3e\x07", 9);
	fox_tokdata_free(&t);
	fox_buf_free(&whole);
	fox_buf_clear(&msg);
}

static void demo(void **state)
{
	(void)state;
	struct fox_tokdata t;
	struct fox_err err = {0};
	char *bytes;
	size_t n;
	assert_fox_ok(fox_path_slurp("tests/demo/tokenizer.model", 1u << 20, &bytes, &n, &err), &err);
	assert_fox_ok(fox_tok_spiece(&t, (struct fox_span){(const uint8_t *)bytes, n}, &err), &err);
	assert_int_equal(t.n, 2048);
	assert_int_equal(t.unk, 3);
	assert_false(t.add_space_prefix);
	assert_false(t.remove_extra_whitespaces);
	fox_tokdata_free(&t);
	/* every cut either ends between two top-level fields or is refused */
	size_t accepted = 0;
	for (size_t cut = 0; cut < n; cut += 7) {
		err = (struct fox_err){0};
		uint8_t *exact = malloc(cut + !cut);
		memcpy(exact, bytes, cut);
		accepted += fox_tok_spiece(&t, (struct fox_span){exact, cut}, &err) == FOX_OK;
		assert_true(err.code == FOX_OK || err.text[0]);
		fox_tokdata_free(&t);
		free(exact);
	}
	assert_int_equal(accepted, 0); /* the trainer's spec, without which it is no BPE model, comes last */
	free(bytes);
}

/* Unigram is protobuf's default for a trainer_spec that does not say; llama.cpp's defaults for such vocabularies. */
static void unigram(void **state)
{
	(void)state;
	struct fox_tokdata t;
	struct fox_err err = {0};
	for (int given = 0; given < 2; given++) {
		if (given)
			RAW("\x12\x02\x18\x01");
		else
			RAW("\x12\x00");
		put_piece("<unk>", 0, 2);
		put_piece("x", -1, 4);
		assert_fox_ok(parse(&t, &err), &err);
		assert_string_equal(t.model, "t5");
		assert_true(!t.add_bos && t.add_eos && !t.add_bos_given && !t.add_eos_given);
		assert_true(t.n_user == 1 && t.user[0] == 1 && t.type[1] == FOX_TOK_USER);
		assert_null(t.charsmap.p);
		fox_tokdata_free(&t);
		fox_buf_clear(&msg);
	}
	char *bytes;
	size_t n;
	assert_fox_ok(fox_path_slurp("tests/golden/tok_uni.model", 1u << 20, &bytes, &n, &err), &err);
	assert_fox_ok(fox_tok_spiece(&t, (struct fox_span){(const uint8_t *)bytes, n}, &err), &err);
	assert_string_equal(t.model, "t5");
	struct fox_span map;
	assert_fox_ok(
	    fox_charsmap_in_spm(&map, (struct fox_span){(const uint8_t *)t.spm_spec.p, t.spm_spec.n}, &err),
	    &err);
	assert_true(map.n > 1024);
	assert_true(fox_str_eq(t.charsmap, (struct fox_str){(const char *)map.p, map.n}));
	fox_tokdata_free(&t);
	free(bytes);
}

static void protobuf(void **state)
{
	(void)state;
	refused(FOX_E_FORMAT, FOX_NOWHERE, "no pieces");
	RAW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	refused(FOX_E_FORMAT, 0, "varint of more than 10 bytes");
	RAW("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
	refused(FOX_E_FORMAT, 0, "wire type is varint, want bytes, in pieces");
	RAW("\xc8\x3e\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
	refused(FOX_E_FORMAT, 2, "varint of more than 64 bits");
	RAW("\xc8\x3e\x80");
	refused(FOX_E_TRUNCATED, 2, "varint without an end");
	RAW("\x80");
	refused(FOX_E_TRUNCATED, 0, "varint without an end");
	RAW("\x0a\x05xy");
	refused(FOX_E_BOUND, 1, "field of 5 bytes ends past its message, which has 2 left, in pieces");
	RAW("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	refused(FOX_E_BOUND, 1,
	    "field of 18446744073709551615 bytes ends past its message, which has 0 left, in pieces");
	RAW("\x02\x00");
	refused(FOX_E_FORMAT, 0, "field number 0");
	RAW("\xf8\xff\xff\xff\xff\x01\x00");
	refused(FOX_E_FORMAT, 0, "field number 8589934591");
	RAW("\x0b\x0c");
	refused(FOX_E_FORMAT, 0, "wire type is group start, want bytes, in pieces");
	RAW("\xcb\x3e\xcc\x3e");
	refused(FOX_E_FORMAT, 0, "field 1001 has wire type 3 (group start)");
	RAW("\xcc\x3e");
	refused(FOX_E_FORMAT, 0, "field 1001 has wire type 4 (group end)");
	RAW("\xce\x3e");
	refused(FOX_E_FORMAT, 0, "field 1001 has wire type 6 (type 6)");
	RAW("\xcf\x3e");
	refused(FOX_E_FORMAT, 0, "field 1001 has wire type 7 (type 7)");
	RAW("\xc9\x3e\x00\x00");
	refused(FOX_E_TRUNCATED, 2, "64-bit value cut short");
	RAW("\xcd\x3e\x00\x00\x00");
	refused(FOX_E_TRUNCATED, 2, "32-bit value cut short");
	put_trainer(0, 0);
	put_trainer(0, 0);
	refused(FOX_E_FORMAT, 4, "field given twice, in trainer_spec");
}

/* One piece of these raw bytes after a good one; its tag is at 20, its bytes begin at 22. */
static void with_piece(const char *raw, size_t n)
{
	put_trainer(0, 0);
	put_piece("<unk>", 0, 2);
	put_bytes(&msg, 1, raw, n);
}
#define PIECE(s) with_piece(s, sizeof s - 1)

static void pieces(void **state)
{
	(void)state;
	PIECE("");
	refused(FOX_E_FORMAT, 22, "empty piece, in pieces[1]");
	PIECE("\x15\0\0\0\0");
	refused(FOX_E_FORMAT, 22, "empty piece, in pieces[1]");
	PIECE("\x0a\x01x\x0a\x01y");
	refused(FOX_E_FORMAT, 25, "field given twice, in pieces[1].piece");
	PIECE("\x0a\x01x\x15\0\0\x80\x7f");
	refused(FOX_E_FORMAT, 25, "score is infinite, in pieces[1].score");
	PIECE("\x0a\x01x\x15\0\0\x80\xff");
	refused(FOX_E_FORMAT, 25, "score is infinite, in pieces[1].score");
	PIECE("\x0a\x01x\x15\0\0\xc0\x7f");
	refused(FOX_E_FORMAT, 25, "score is NaN, in pieces[1].score");
	PIECE("\x0a\x01x\x15\0\0\xc0");
	refused(FOX_E_TRUNCATED, 26, "32-bit value cut short, in pieces[1].score");
	PIECE("\x0a\x01x\x10\x01");
	refused(FOX_E_FORMAT, 25, "wire type is varint, want 32-bit, in pieces[1].score");
	PIECE("\x0a\x01x\x18\x00");
	refused(FOX_E_FORMAT, 25, "type 0, want 1 to 6, in pieces[1].type");
	PIECE("\x0a\x01x\x18\x07");
	refused(FOX_E_FORMAT, 25, "type 7, want 1 to 6, in pieces[1].type");
	PIECE("\x0a\x03x\xc0\x80");
	refused(FOX_E_FORMAT, 25, "ill-formed UTF-8, in pieces[1].piece");
	PIECE("\x0a\x09x");
	refused(FOX_E_BOUND, 23, "field of 9 bytes ends past its message, which has 1 left, in pieces[1].piece");
	PIECE("\x0a\x05<unk>");
	refused(FOX_E_FORMAT, 20, "pieces[1] repeats pieces[0], '<unk>'");
	PIECE("\x0a\x01x\x18\x02");
	refused(FOX_E_FORMAT, 20, "pieces[1] is a second unknown piece, after pieces[0]");
	PIECE("\x0a\x06<0x41>\x18\x06");
	refused(FOX_E_FORMAT, 20, "byte piece in a model without byte_fallback, in pieces[1]");
	put_trainer(35, 1);
	put_piece("<0xG1>", 0, 6);
	refused(FOX_E_FORMAT, 7, "byte piece is not one of <0x00> to <0xFF>, in pieces[0]");
	put_trainer(35, 1);
	put_piece("<unk>", 0, 2);
	put_piece("<0x41>", 0, 6);
	refused(FOX_E_FORMAT, FOX_NOWHERE, "byte_fallback with 1 byte pieces, want 256");
	put_trainer(0, 0);
	put_piece("x", 0, 1);
	refused(FOX_E_FORMAT, FOX_NOWHERE, "no unknown piece");
	char *text = calloc(1, 1026);
	memset(text, 'a', 1025);
	put_trainer(0, 0);
	put_piece(text, 0, 1);
	refused(FOX_E_BOUND, 7, "piece of more than 1024 bytes, in pieces[0]");
	free(text);
}

static void unsupported(void **state)
{
	(void)state;
	static const char *const names[] = {"", "", "", "Word", "Char"};
	for (int type = 3; type <= 4; type++) {
		char want[96];
		const char raw[] = {0x12, 0x02, 0x18, (char)type};
		fox_buf_add(&msg, raw, sizeof raw);
		put_piece("<unk>", 0, 2);
		snprintf(want, sizeof want, "SentencePiece model type %s is not handled, want Unigram or BPE",
		    names[type]);
		refused(FOX_E_UNSUPPORTED, 2, want);
	}
	put_piece("<unk>", 0, 2);
	refused(FOX_E_FORMAT, FOX_NOWHERE, "no trainer_spec");
	RAW("\x12\x02\x18\x05");
	put_piece("<unk>", 0, 2);
	refused(FOX_E_FORMAT, 2, "model type 5, want 1 to 4, in trainer_spec.model_type");
	put_trainer(24, 1);
	put_piece("<unk>", 0, 2);
	refused(FOX_E_UNSUPPORTED, 4,
	    "whitespace as suffix is not handled, in trainer_spec.treat_whitespace_as_suffix");
	put_trainer(35, 2);
	put_piece("<unk>", 0, 2);
	refused(FOX_E_FORMAT, 4, "bool is neither 0 nor 1, in trainer_spec.byte_fallback");
	put_trainer(0, 0);
	RAW("\x1a\x0d\x0a\x08nmt_nfkc\x12\x01m");
	put_piece("<unk>", 0, 2);
	refused(FOX_E_TRUNCATED, 18, "character map of 1 bytes, in normalizer_spec.precompiled_charsmap");
	put_trainer(0, 0);
	RAW("\x2a\x03\x12\x01m");
	put_piece("<unk>", 0, 2);
	refused(FOX_E_UNSUPPORTED, 6,
	    "normalization rule '' has a character map, which is not handled, in "
	    "denormalizer_spec.precompiled_charsmap");
	put_trainer(0, 0);
	RAW("\x1a\x02\x28\x00");
	put_piece("<unk>", 0, 2);
	refused(FOX_E_UNSUPPORTED, 6,
	    "whitespace left unescaped is not handled, in normalizer_spec.escape_whitespaces");
	put_trainer(0, 0);
	RAW("\x1a\x02\x18\x09");
	put_piece("<unk>", 0, 2);
	refused(FOX_E_FORMAT, 6, "bool is neither 0 nor 1, in normalizer_spec.add_dummy_prefix");
}

static int drop(void **state)
{
	(void)state;
	fox_buf_free(&msg);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good),
	    cmocka_unit_test(demo),
	    cmocka_unit_test(unigram),
	    cmocka_unit_test(protobuf),
	    cmocka_unit_test(pieces),
	    cmocka_unit_test(unsupported),
	};
	return cmocka_run_group_tests_name("spiece", tests, NULL, drop);
}
