/* t_pickle.c - pickles of state dicts: what is read of those that torch writes, and each way to lie, with its message. */
#include "tests/test.h"

#include "format/pickle.h"
#include "format/torch_pickle.h"
#include "tests/pickle_make.h"

enum { BASE = 100 }; /* of the pickle in its file */

/* ---- raw opcodes */

struct raw {
	const char *bytes;
	size_t n;
	enum fox_status code;
	uint64_t at; /* in the pickle */
	const char *text;
};
#define RAW(bytes, code, at, text)                                                                           \
	{                                                                                                        \
		"\x80\x02" bytes, sizeof(bytes) + 1, FOX_E_##code, at, "pickle: " text                               \
	}

static const struct raw raw_cases[] = {
    /* what would run */
    RAW("cos\nsystem\nX\2\0\0\0id\x85R.", UNSUPPORTED, 2,
        "the name 'os.system' is none of those that weights need, so nothing is done with it"),
    RAW("cbuiltins\neval\n.", UNSUPPORTED, 2,
        "the name 'builtins.eval' is none of those that weights need, so nothing is done with it"),
    RAW("ctorch.hub\nload\n.", UNSUPPORTED, 2,
        "the name 'torch.hub.load' is none of those that weights need, so nothing is done with it"),
    RAW("X\2\0\0\0osX\6\0\0\0system\x93.", UNSUPPORTED, 20,
        "the name 'os.system' is none of those that weights need, so nothing is done with it"),
    RAW("(S'id'\nios\nsystem\n.", UNSUPPORTED, 3, "opcode 0x53 (STRING) is none of those that weights need"),
    RAW("(ios\nsystem\n.", UNSUPPORTED, 3, "opcode 0x69 (INST) is none of those that weights need"),
    RAW("(ctorch\nfloat32\no.", UNSUPPORTED, 18, "opcode 0x6F (OBJ) is none of those that weights need"),
    RAW("ccollections\nOrderedDict\n)\x81.", UNSUPPORTED, 28,
        "opcode 0x81 (NEWOBJ) is none of those that weights need"),
    RAW("\x82\1.", UNSUPPORTED, 2, "opcode 0x82 (EXT1) is none of those that weights need"),
    RAW("Pid\n.", UNSUPPORTED, 2, "opcode 0x50 (PERSID) is none of those that weights need"),
    RAW("\xff.", UNSUPPORTED, 2, "opcode 0xFF (unknown) is none of those that weights need"),
    RAW("ctorch\nFloatStorage\n)R.", UNSUPPORTED, 23, "'torch.FloatStorage' is called"),
    RAW("ctorch\nfloat32\n)R.", UNSUPPORTED, 18, "'torch.float32' is called"),
    RAW("}}R.", FORMAT, 4, "REDUCE applied to a dict, want a name"),
    RAW("ccollections\nOrderedDict\n]R.", FORMAT, 28, "REDUCE applied to a list, want a tuple"),
    RAW("ccollections\nOrderedDict\n]\x85R.", FORMAT, 29, "an OrderedDict that is not made empty"),
    RAW("}X\1\0\0\0a\x93.", FORMAT, 9, "STACK_GLOBAL applied to a dict, want a string"),
    /* the memo */
    RAW("}r\0\0\0\x80.", BOUND, 3, "memo index 2147483648 in a pickle of 9 bytes (LONG_BINPUT)"),
    RAW("}q\xff.", BOUND, 3, "memo index 255 in a pickle of 6 bytes (BINPUT)"),
    RAW("h\0.", FORMAT, 2, "nothing is in the memo at 0 (BINGET)"),
    RAW("}q\1h\0.", FORMAT, 5, "nothing is in the memo at 0 (BINGET)"),
    RAW("j\xff\xff\xff\xff.", FORMAT, 2, "nothing is in the memo at 4294967295 (LONG_BINGET)"),
    RAW("q\0.", FORMAT, 2, "the stack is empty (BINPUT)"),
    RAW("(q\0.", FORMAT, 3, "a mark where an object is wanted (BINPUT)"),
    /* lengths */
    RAW("\x8b\0\0\0\x7f.", BOUND, 2, "integer of 2130706432 bytes, more than 8 (LONG4)"),
    RAW("\x8b\xff\xff\xff\xff.", FORMAT, 2, "negative length (LONG4)"),
    RAW("\x8a\x09.", BOUND, 2, "integer of 9 bytes, more than 8 (LONG1)"),
    RAW("\x8a\x08.", TRUNCATED, 2, "LONG1 of 8 bytes, but the pickle ends after 1"),
    RAW("X\xff\xff\xff\xff.", TRUNCATED, 2, "BINUNICODE of 4294967295 bytes, but the pickle ends after 1"),
    RAW("\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", TRUNCATED, 2,
        "BINUNICODE8 of 18446744073709551615 bytes, but the pickle ends after 1"),
    RAW("\x95\2\0\0\0\0\0\0\0.", TRUNCATED, 2, "FRAME of 2 bytes, but the pickle ends after 1"),
    RAW("J\1", TRUNCATED, 2, "BININT of 4 bytes, but the pickle ends after 1"),
    RAW("ctorch", TRUNCATED, 2, "the pickle ends within a name (GLOBAL)"),
    RAW("ctorch\nFloat", TRUNCATED, 2, "the pickle ends within a name (GLOBAL)"),
    /* the stack */
    RAW("", TRUNCATED, 2, "ends without STOP"), RAW("}", TRUNCATED, 3, "ends without STOP"),
    RAW(".", FORMAT, 2, "the stack is empty (STOP)"),
    RAW("}}.", FORMAT, 4, "more than one object is left on the stack (STOP)"),
    RAW("(}.", FORMAT, 4, "more than one object is left on the stack (STOP)"),
    RAW("(.", FORMAT, 3, "a mark where an object is wanted (STOP)"),
    RAW("}.}", FORMAT, 4, "1 bytes after STOP"), RAW("t.", FORMAT, 2, "no mark on the stack (TUPLE)"),
    RAW("}u.", FORMAT, 3, "no mark on the stack (SETITEMS)"),
    RAW("NN\x87.", FORMAT, 4, "the stack is empty (TUPLE3)"),
    RAW("N(N\x86.", FORMAT, 5, "a mark where an object is wanted (TUPLE2)"),
    RAW("Q.", FORMAT, 2, "the stack is empty (BINPERSID)"),
    /* containers */
    RAW("]NNs.", FORMAT, 5, "SETITEM applied to a list, want a dict"),
    RAW("](NNu.", FORMAT, 6, "SETITEMS applied to a list, want a dict"),
    RAW("NNs.", FORMAT, 4, "the stack is empty (SETITEM)"),
    RAW("}(Nu.", FORMAT, 5, "a key without a value (SETITEMS)"),
    RAW("}Na.", FORMAT, 4, "APPEND applied to a dict, want a list"),
    RAW("}(NNe.", FORMAT, 6, "APPENDS applied to a dict, want a list"),
    RAW("]}b.", FORMAT, 4, "BUILD applied to a list, want a dict"),
    RAW("}]b.", FORMAT, 4, "BUILD applied to a list, want a dict"),
    /* persistent ids */
    RAW("NQ.", FORMAT, 3, "a persistent id that names no storage"),
    RAW("(NNNNNtQ.", FORMAT, 9, "a persistent id that names no storage"),
    RAW("(X\7\0\0\0storagectorch\nfloat32\nX\1\0\0\0"
        "0X\3\0\0\0cpuK\1tQ.",
        FORMAT, 47, "a persistent id that names no storage"),
    RAW("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
        "0X\3\0\0\0cpuK\1NtQ.",
        FORMAT, 53, "a persistent id that names no storage"),
    RAW("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
        "0X\3\0\0\0cpuJ\xff\xff\xff\xfftQ.",
        FORMAT, 55, "a storage of less than no elements"),
    /* what is left is no state dict */
    RAW("N.", FORMAT, 0, "holds None, want a dict of tensors"),
    RAW("K\1.", FORMAT, 0, "holds an integer, want a dict of tensors"),
    RAW("}.", FORMAT, 0, "a dict without tensors, and without a dict 'state_dict' or 'model'"),
    RAW("}X\5\0\0\0modelNs.", FORMAT, 0,
        "a dict without tensors, and without a dict 'state_dict' or 'model'"),
    RAW("}(X\5\0\0\0model}X\12\0\0\0state_dict}u.", FORMAT, 0,
        "more than one dict is called 'state_dict' or 'model'"),
    RAW("}q\0X\5\0\0\0modelh\0s.", FORMAT, FOX_NOWHERE - BASE,
        "'model' is a dict, want a tensor"), /* is itself */
};

/* A block of exactly the bytes, so that asan sees one too many. */
static enum fox_status parse(
    struct fox_torch_entries *x, struct fox_arena *a, const void *p, size_t n, struct fox_err *e)
{
	static uint8_t *bytes; /* entries borrow it */
	free(bytes);
	bytes = malloc(n + !n);
	memcpy(bytes, p, n);
	*e = (struct fox_err){0};
	enum fox_status s = fox_torch_pickle_parse(x, a, (struct fox_span){bytes, n}, BASE, e);
	if (s) {
		free(bytes);
		bytes = NULL;
	}
	return s;
}

static void refuses_opcodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(raw_cases); i++) {
		const struct raw *c = &raw_cases[i];
		struct fox_arena a = {0};
		struct fox_torch_entries x;
		struct fox_err e;
		(void)!parse(&x, &a, c->bytes, c->n, &e);
		assert_fox_err(&e, c->code, BASE + c->at, c->text);
		fox_arena_free(&a);
	}
}

static void refuses_protocols(void **state)
{
	(void)state;
	static const struct raw cases[] = {
	    {"", 0, FOX_E_TRUNCATED, 0, "pickle: ends without STOP"},
	    {"\x80", 1, FOX_E_TRUNCATED, 0, "pickle: PROTO of 1 bytes, but the pickle ends after 0"},
	    {"\x80\xff}.", 4, FOX_E_UNSUPPORTED, 0, "pickle: protocol 255, want 2 to 5"},
	    {"\x80\1}.", 4, FOX_E_UNSUPPORTED, 0, "pickle: protocol 1, want 2 to 5"},
	    {"}.", 2, FOX_E_FORMAT, 0, "pickle: begins with 0x7D, not with PROTO"},
	    {"\x80\2\x80\2}.", 6, FOX_E_UNSUPPORTED, 2,
	        "pickle: opcode 0x80 (PROTO) is none of those that weights need"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_arena a = {0};
		struct fox_torch_entries x;
		struct fox_err e;
		(void)!parse(&x, &a, cases[i].bytes, cases[i].n, &e);
		assert_fox_err(&e, cases[i].code, BASE + cases[i].at, cases[i].text);
		fox_arena_free(&a);
	}
}

/* ---- tensors */

#define HUGE INT64_MAX
static const struct {
	struct pk_view v;
	enum fox_status code;
	const char *text;
} view_cases[] = {
    {{"0", "FloatStorage", 6, 0, 2, {2, 3}, {3, 1}}, FOX_OK, NULL},
    {{"0", "FloatStorage", 6, 0, 2, {3, 2}, {1, 3}}, FOX_OK, NULL},
    {{"0", "FloatStorage", 6, 5, 0, {0}, {0}}, FOX_OK, NULL},
    {{"0", "FloatStorage", 6, 6, 1, {0}, {1}}, FOX_OK, NULL},
    {{"0", "FloatStorage", 6, 0, 2, {1, 3}, {HUGE, 2}}, FOX_OK, NULL}, /* a stride that is never gone */
    {{"0", "FloatStorage", 6, 0, 8, {1, 1, 1, 1, 1, 1, 1, 6}, {6, 6, 6, 6, 6, 6, 6, 1}}, FOX_OK, NULL},
    {{"0", "FloatStorage", 6, -1, 1, {2}, {1}}, FOX_E_FORMAT,
        "pickle: the offset of a tensor is no integer >= 0"},
    {{"0", "FloatStorage", 6, 0, 1, {-2}, {1}}, FOX_E_FORMAT, "pickle: size 0 of a tensor is -2"},
    {{"0", "FloatStorage", 6, 5, 2, {2, 2}, {1, -1}}, FOX_E_FORMAT, "pickle: stride 1 of a tensor is -1"},
    {{"0", "FloatStorage", 6, 0, 2, {2, 2}, {0, 1}}, FOX_E_UNSUPPORTED,
        "pickle: elements of a tensor share bytes (an expanded view): save a contiguous copy"},
    {{"0", "FloatStorage", 6, 0, 1, {HUGE}, {0}}, FOX_E_BOUND,
        "pickle: size of a tensor does not fit 64 bits"},
    {{"0", "FloatStorage", 6, 0, 1, {1ll << 40}, {0}}, FOX_E_UNSUPPORTED,
        "pickle: elements of a tensor share bytes (an expanded view): save a contiguous copy"},
    {{"0", "FloatStorage", 6, 0, 2, {3, 4}, {1, 1}}, FOX_E_UNSUPPORTED,
        "pickle: elements of a tensor share bytes (an expanded view): save a contiguous copy"},
    {{"0", "FloatStorage", 6, 1, 2, {2, 3}, {3, 1}}, FOX_E_BOUND,
        "pickle: a tensor needs 28 bytes of storage '0', which has 24"},
    {{"0", "FloatStorage", 6, 0, 2, {2, 3}, {4, 1}}, FOX_E_BOUND,
        "pickle: a tensor needs 28 bytes of storage '0', which has 24"},
    {{"0", "FloatStorage", 6, 7, 1, {0}, {1}}, FOX_E_BOUND,
        "pickle: a tensor needs 28 bytes of storage '0', which has 24"},
    {{"0", "FloatStorage", 6, HUGE, 0, {0}, {0}}, FOX_E_BOUND,
        "pickle: size of a tensor does not fit 64 bits"},
    {{"0", "FloatStorage", 6, 0, 2, {2, HUGE}, {1, HUGE}}, FOX_E_BOUND,
        "pickle: size of a tensor does not fit 64 bits"},
    {{"0", "FloatStorage", 6, 0, 3, {HUGE, HUGE, HUGE}, {1, 1, 1}}, FOX_E_BOUND,
        "pickle: elements of a tensor do not fit 64 bits"},
    {{"0", "DoubleStorage", HUGE, 0, 1, {1}, {1}}, FOX_E_BOUND,
        "pickle: a storage of more bytes than 64 bits count"},
    {{"0", "FloatStorage", 6, 0, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}}, FOX_E_BOUND,
        "pickle: a tensor of 9 dimensions, more than 8"},
    {{"0", "UntypedStorage", 24, 0, 1, {6}, {1}}, FOX_E_FORMAT, "pickle: a tensor without a dtype"},
};

static void checks_views(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(view_cases); i++) {
		struct fox_arena a = {0};
		struct fox_torch_entries x;
		struct fox_err e;
		struct fox_buf b = {0};
		pk_state(&b, "w", &view_cases[i].v);
		enum fox_status s = parse(&x, &a, b.p, b.n, &e);
		if (view_cases[i].code) {
			assert_string_equal(e.text, view_cases[i].text);
			assert_int_equal(s, view_cases[i].code);
			assert_true(e.at > BASE && e.at < BASE + b.n);
		} else {
			assert_fox_ok(s, &e);
			assert_true(x.n == 1 && fox_str_is(x.list[0].name, "w") && x.list[0].dtype == FOX_DT_F32);
			assert_true(x.list[0].n_dims == view_cases[i].v.n_dims);
			assert_true(x.list[0].first == (uint64_t)view_cases[i].v.first && x.list[0].storage_bytes == 24);
			assert_int_equal(x.list[0].plain, i != 1 && i != 4);
		}
		fox_buf_free(&b);
		fox_arena_free(&a);
	}
}

/* Everything around a good tensor, which stands between before and after. */
static const struct {
	const char *before;
	size_t n_before;
	const char *after;
	size_t n_after;
	enum fox_status code;
	const char *text;
} frame_cases[] = {
#define FRAME(before, after, code, text)                                                                     \
	{                                                                                                        \
		"\x80\x02" before, sizeof(before) + 1, after, sizeof(after) - 1, code, text                          \
	}
    FRAME("}X\1\0\0\0a", "s.", FOX_OK, NULL),
    FRAME("ccollections\nOrderedDict\n)RX\1\0\0\0a", "s}b.", FOX_OK, NULL),
    FRAME("}X\12\0\0\0state_dict}X\1\0\0\0a", "ss.", FOX_OK, NULL),
    FRAME("}(X\5\0\0\0epochK\3X\5\0\0\0model}X\1\0\0\0a", "su.", FOX_OK, NULL),
    FRAME("}X\1\0\0\0actorch._utils\n_rebuild_parameter\n", "\x88}\x87Rs.", FOX_OK, NULL),
    FRAME("}X\1\0\0\0actorch._utils\n_rebuild_parameter\n", "\x88\x86Rs.", FOX_E_FORMAT,
        "pickle: a parameter without a tensor"),
    FRAME("}K\1", "s.", FOX_E_FORMAT, "pickle: a tensor is called by an integer, want a string"),
    FRAME("}X\1\0\0\0\0", "s.", FOX_E_FORMAT, "pickle: the name of a tensor is no UTF-8, or holds a NUL"),
    FRAME("}X\2\0\0\0\xc3(", "s.", FOX_E_FORMAT, "pickle: the name of a tensor is no UTF-8, or holds a NUL"),
    FRAME("}(X\1\0\0\0bK\1X\1\0\0\0a", "u.", FOX_E_FORMAT, "pickle: 'b' is an integer, want a tensor"),
    FRAME("}X\1\0\0\0a", "NNs.", FOX_E_FORMAT, "pickle: SETITEM applied to a storage or tensor, want a dict"),
    FRAME("}X\1\0\0\0a", "(NNus.", FOX_E_FORMAT,
        "pickle: SETITEMS applied to a storage or tensor, want a dict"),
    FRAME("}X\1\0\0\0a", "}bs.", FOX_E_FORMAT, "pickle: BUILD applied to a storage or tensor, want a dict"),
    FRAME("}X\1\0\0\0a", "q\1sX\1\0\0\0ah\1s.", FOX_E_FORMAT, "pickle: tensor 'a' is there twice"),
    FRAME("]", "a.", FOX_E_FORMAT, "pickle: holds a list, want a dict of tensors"),
    FRAME("", ".", FOX_E_FORMAT, "pickle: holds a storage or tensor, want a dict of tensors"),
};

static void checks_dicts(void **state)
{
	(void)state;
	static const struct pk_view v = {"0", "FloatStorage", 6, 0, 2, {2, 3}, {3, 1}};
	for (size_t i = 0; i < FOX_COUNT(frame_cases); i++) {
		struct fox_arena a = {0};
		struct fox_torch_entries x;
		struct fox_err e;
		struct fox_buf b = {0};
		fox_buf_add(&b, frame_cases[i].before, frame_cases[i].n_before);
		pk_tensor(&b, &v);
		fox_buf_add(&b, frame_cases[i].after, frame_cases[i].n_after);
		enum fox_status s = parse(&x, &a, b.p, b.n, &e);
		if (frame_cases[i].code) {
			/* machine and state dict say it alike, but the machine names the opcode */
			assert_memory_equal(e.text, frame_cases[i].text, strlen(frame_cases[i].text));
			assert_int_equal(s, frame_cases[i].code);
		} else {
			assert_fox_ok(s, &e);
			assert_true(x.n == 1 && fox_str_is(x.list[0].name, "a"));
		}
		fox_buf_free(&b);
		fox_arena_free(&a);
	}
}

static bool find_none(void *ctx, struct fox_str module, struct fox_str name, uint32_t *number)
{
	(void)ctx, (void)module, (void)name, (void)number;
	return false;
}

/* Every kind of value, in one tuple; the frame and the memo of protocol 4. */
static void reads_values(void **state)
{
	(void)state;
	static const char bytes[] = "\x80\x04\x95\7\0\0\0\0\0\0\0(K\xffM\1\x02J\2\0\0\x80"
	                            "G\x40\x09\x21\xfb\x54\x44\x2d\x18\x8a\0\x8a\1\xff\x8b\2\0\0\0\0\1"
	                            "\x8a\x08\0\0\0\0\0\0\0\x80N\x88\x89\x8c\2ab\x94"
	                            "\x8d\1\0\0\0\0\0\0\0c]}h\0t.";
	static const int64_t ints[] = {255, 513, -2147483646, 0, 0, -1, 256, INT64_MIN};
	struct fox_pickle_rules rules = {.find = find_none};
	struct fox_pickle *p;
	struct fox_err e = {0};
	struct fox_span span = {(const uint8_t *)bytes, sizeof bytes - 1};
	assert_fox_ok(fox_pickle_run(&p, span, 0, &rules, &e), &e);
	const struct fox_pk_obj *t = fox_pickle_at(p, fox_pickle_root(p));
	assert_true(t->kind == FOX_PK_TUPLE && t->seq.n == 16);
	for (uint32_t i = 0; i < 8; i++)
		if (i != 3)
			assert_true(
			    fox_pickle_item(p, t, i)->kind == FOX_PK_INT && fox_pickle_item(p, t, i)->i == ints[i]);
	assert_true(
	    fox_pickle_item(p, t, 3)->kind == FOX_PK_FLOAT && fox_pickle_item(p, t, 3)->f == 3.141592653589793);
	assert_int_equal(fox_pickle_item(p, t, 8)->kind, FOX_PK_NONE);
	assert_true(fox_pickle_item(p, t, 9)->kind == FOX_PK_BOOL && fox_pickle_item(p, t, 9)->i == 1);
	assert_true(fox_pickle_item(p, t, 10)->kind == FOX_PK_BOOL && fox_pickle_item(p, t, 10)->i == 0);
	assert_true(
	    fox_str_is(fox_pickle_item(p, t, 11)->s, "ab") && fox_str_is(fox_pickle_item(p, t, 12)->s, "c"));
	assert_int_equal(fox_pickle_item(p, t, 13)->kind, FOX_PK_LIST);
	assert_true(fox_pickle_item(p, t, 14)->kind == FOX_PK_DICT && !fox_pickle_item(p, t, 14)->seq.n);
	assert_true(fox_pickle_item(p, t, 15) == fox_pickle_item(p, t, 11));
	fox_pickle_free(p);
	fox_pickle_free(NULL);
}

/* Pickles that grow in a reader: a tuple of tuples of tuples, and one object in a million places. */
static void takes_little_memory(void **state)
{
	(void)state;
	struct fox_arena a = {0};
	struct fox_torch_entries x;
	struct fox_err e;
	struct fox_buf b = {0};
	PK_BYTES(&b, "\x80\x02}()q\0"); /* each level holds the one before ten times: 10^201 leaves */
	for (int i = 0; i < 201; i++)
		PK_BYTES(&b, "(h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0tq\0");
	PK_BYTES(&b, "X\5\0\0\0model}X\1\0\0\0a");
	pk_tensor(&b, &(struct pk_view){"0", "FloatStorage", 6, 0, 1, {6}, {1}});
	PK_BYTES(&b, "su.");
	assert_fox_ok(parse(&x, &a, b.p, b.n, &e), &e);
	assert_int_equal(x.n, 1);
	fox_buf_clear(&b);
	PK_BYTES(&b, "\x80\x02");
	for (unsigned i = 0; i <= FOX_PICKLE_MAX_THINGS; i++)
		fox_buf_char(&b, '(');
	assert_int_equal(parse(&x, &a, b.p, b.n, &e), FOX_E_BOUND);
	assert_fox_err(&e, FOX_E_BOUND, BASE + 2 + FOX_PICKLE_MAX_THINGS, "pickle: more than 8388608 objects");
	fox_buf_free(&b);
	fox_arena_free(&a);
	struct fox_span large = {(const uint8_t *)"", FOX_PICKLE_MAX_BYTES + 1};
	e = (struct fox_err){0};
	assert_int_equal(fox_torch_pickle_parse(&x, &a, large, BASE, &e), FOX_E_BOUND);
	assert_fox_err(&e, FOX_E_BOUND, BASE, "pickle: 67108865 bytes, more than 67108864");
}

/* Every cut and every changed byte of a good pickle. */
static void survives_cuts_and_flips(void **state)
{
	(void)state;
	static const struct pk_view v = {"0", "HalfStorage", 6, 0, 2, {2, 3}, {3, 1}};
	struct fox_torch_entries x;
	struct fox_buf b = {0};
	struct fox_err e;
	pk_state(&b, "weight", &v);
	for (size_t i = 0; i < b.n; i++) {
		struct fox_arena a = {0};
		assert_int_not_equal(parse(&x, &a, b.p, i, &e), FOX_OK);
		assert_true(e.text[0]);
		for (int k = 0; k < 256; k++) {
			char old = b.p[i];
			b.p[i] = (char)k;
			if (parse(&x, &a, b.p, b.n, &e))
				assert_true(e.code && e.text[0]);
			b.p[i] = old;
		}
		fox_arena_free(&a);
	}
	fox_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refuses_opcodes),
	    cmocka_unit_test(refuses_protocols),
	    cmocka_unit_test(checks_views),
	    cmocka_unit_test(checks_dicts),
	    cmocka_unit_test(reads_values),
	    cmocka_unit_test(takes_little_memory),
	    cmocka_unit_test(survives_cuts_and_flips),
	};
	return cmocka_run_group_tests_name("pickle", tests, NULL, NULL);
}
