/* t_gguf_read.c - what open hands out: every value type in both byte orders, getters and their refusals,
 * tensors, and the sweeps: every prefix and every byte of a small file spoiled. */
#include "tests/test.h"

#include "tests/gguf_text.h"
#include "tests/gguf_walk.h"

/* All value types, arrays, alignment, three tensors with padding between them. */
#define SAMPLE                                                                                               \
	"gguf 3 3 18 kv u8 0 u8 250 kv i8 1 u8 -3 kv u16 2 u16 65500 kv i16 3 u16 -300 kv u32 4 u32 4000000000 " \
	"kv i32 5 u32 -70000 kv f32 6 f32 0.15625 kv yes 7 u8 1 kv no 7 u8 0 kv str 8 str h%C3%A9llo kv u64 10 " \
	"u64 -2 "                                                                                                \
	"kv i64 11 u64 -9000000000 kv f64 12 f64 0.1 arr ints 5 3 u32 1 u32 -2 u32 3 arr texts 8 3 str a str - " \
	"str ccc "                                                                                               \
	"arr none 4 0 kv general.alignment 4 u32 64 arr fox.hash.tensors 0 48 fill 1 16 fill 2 16 fill 3 16 "    \
	"ti a.weight 2 3 2 0 0 ti b 1 64 8 64 ti c 4 1 1 1 5 26 192 pad 64 fill 0xA1 24 pad 64 fill 0xB2 68 "    \
	"pad 64 fill 0xC3 20 "                                                                                   \
	"pad 64"

struct sample {
	struct fox_buf bytes;
	struct fox_gguf *g;
};

static void open_sample(struct sample *s, const char *prefix)
{
	struct fox_err err = {0};
	char *words = malloc(strlen(prefix) + sizeof SAMPLE);
	snprintf(words, strlen(prefix) + sizeof SAMPLE, "%s%s", prefix, SAMPLE);
	*s = (struct sample){0};
	gguf_from_text(&s->bytes, words);
	free(words);
	assert_fox_ok(fox_gguf_open_bytes(
	                  &s->g, (struct fox_span){(const uint8_t *)s->bytes.p, s->bytes.n}, "s.gguf", &err),
	    &err);
}

static void close_sample(struct sample *s)
{
	fox_gguf_close(s->g);
	fox_buf_free(&s->bytes);
}

static void check_values(const struct fox_gguf *g)
{
	struct fox_err err = {0};
	uint32_t u32;
	uint64_t u64;
	float f32;
	bool flag;
	struct fox_str s;
	assert_fox_ok(fox_gguf_u32(g, "u8", &u32, &err), &err);
	assert_int_equal(u32, 250);
	assert_fox_ok(fox_gguf_u32(g, "u16", &u32, &err), &err);
	assert_int_equal(u32, 65500);
	assert_fox_ok(fox_gguf_u32(g, "u32", &u32, &err), &err);
	assert_int_equal(u32, 4000000000u);
	assert_fox_ok(fox_gguf_u64(g, "u64", &u64, &err), &err);
	assert_true(u64 == UINT64_MAX - 1);
	assert_fox_ok(fox_gguf_f32(g, "f32", &f32, &err), &err);
	assert_true(f32 == 0.15625f);
	assert_fox_ok(fox_gguf_bool(g, "yes", &flag, &err), &err);
	assert_true(flag);
	assert_fox_ok(fox_gguf_bool(g, "no", &flag, &err), &err);
	assert_false(flag);
	assert_fox_ok(fox_gguf_str(g, "str", &s, &err), &err);
	assert_true(fox_str_is(s, "h\xc3\xa9llo"));
}

static void check_items(const struct fox_gguf *g)
{
	int64_t i;
	uint64_t u;
	double d;
	bool flag;
	assert_true(fox_gguf_item_i64(g, fox_gguf_find_key(g, "i8"), 0, &i) && i == -3);
	assert_true(fox_gguf_item_i64(g, fox_gguf_find_key(g, "i16"), 0, &i) && i == -300);
	assert_true(fox_gguf_item_i64(g, fox_gguf_find_key(g, "i32"), 0, &i) && i == -70000);
	assert_true(fox_gguf_item_i64(g, fox_gguf_find_key(g, "i64"), 0, &i) && i == -9000000000);
	assert_true(fox_gguf_item_i64(g, fox_gguf_find_key(g, "u32"), 0, &i) && i == 4000000000);
	assert_false(fox_gguf_item_i64(g, fox_gguf_find_key(g, "u64"), 0, &i)); /* above INT64_MAX */
	assert_false(fox_gguf_item_u64(g, fox_gguf_find_key(g, "i8"), 0, &u));  /* negative */
	assert_false(fox_gguf_item_u64(g, fox_gguf_find_key(g, "yes"), 0, &u));
	assert_false(fox_gguf_item_u64(g, fox_gguf_find_key(g, "f32"), 0, &u));
	assert_false(fox_gguf_item_u64(g, fox_gguf_find_key(g, "str"), 0, &u));
	assert_true(fox_gguf_item_f64(g, fox_gguf_find_key(g, "f64"), 0, &d) && d == 0.1);
	assert_true(fox_gguf_item_f64(g, fox_gguf_find_key(g, "f32"), 0, &d) && d == 0.15625);
	assert_false(fox_gguf_item_f64(g, fox_gguf_find_key(g, "u8"), 0, &d));
	assert_false(fox_gguf_item_bool(g, fox_gguf_find_key(g, "u8"), 0, &flag));
	const struct fox_gguf_kv *ints = fox_gguf_find_key(g, "ints");
	assert_int_equal(ints->n_items, 3);
	assert_true(fox_gguf_item_i64(g, ints, 1, &i) && i == -2);
	assert_true(fox_gguf_item_i64(g, ints, 2, &i) && i == 3);
	assert_false(fox_gguf_item_i64(g, ints, 3, &i));
	const struct fox_gguf_kv *texts = fox_gguf_find_key(g, "texts");
	struct fox_str s;
	uint64_t cursor = 0;
	assert_true(fox_gguf_next_str(g, texts, &cursor, &s) && fox_str_is(s, "a"));
	assert_true(fox_gguf_next_str(g, texts, &cursor, &s) && !s.n);
	assert_true(fox_gguf_next_str(g, texts, &cursor, &s) && fox_str_is(s, "ccc"));
	assert_false(fox_gguf_next_str(g, texts, &cursor, &s));
	cursor = 0;
	assert_false(fox_gguf_next_str(g, ints, &cursor, &s));
	assert_false(fox_gguf_next_str(g, fox_gguf_find_key(g, "none"), &cursor, &s));
	assert_int_equal(fox_gguf_find_key(g, "none")->n_items, 0);
}

static void check_tensors(const struct fox_gguf *g)
{
	const struct fox_gguf_header *h = fox_gguf_header(g);
	assert_int_equal(fox_gguf_tensors(g), 3);
	const struct fox_tensor *a = fox_gguf_find(g, fox_str_of("a.weight")), *b = fox_gguf_tensor(g, 1);
	const struct fox_tensor *c = fox_gguf_tensor(g, 2);
	assert_ptr_equal(a, fox_gguf_tensor(g, 0));
	assert_null(fox_gguf_find(g, fox_str_of("a")));
	assert_int_equal(a->n_dims, 2);
	assert_int_equal(a->dim[0], 3);
	assert_int_equal(a->dim[1], 2);
	assert_int_equal(a->dim[3], 1);
	assert_int_equal(a->n_elems, 6);
	assert_int_equal(a->at, h->data_at);
	assert_int_equal(a->data.n, 24);
	assert_int_equal(a->data.p[23], 0xA1);
	assert_int_equal(b->type, FOX_Q8_0);
	assert_int_equal(b->data.n, 68);
	assert_int_equal(b->data.p[0], 0xB2);
	assert_int_equal(b->at, h->data_at + 64);
	assert_int_equal(c->n_dims, 4);
	assert_int_equal(c->dim[3], 5);
	assert_int_equal(c->data.p[19], 0xC3);
	assert_int_equal(h->data_end, c->at + 20);
	assert_int_equal(h->alignment, 64);
	assert_int_equal(h->data_at % 64, 0);
	assert_true(h->header_end <= h->data_at && h->data_at - h->header_end < 64);
	assert_int_equal(h->trailing, 0);
	assert_false(h->padding_nonzero);
	assert_int_equal(a->hash->b[0], 1);
	assert_int_equal(c->hash->b[15], 3);
}

static void little_and_big(void **state)
{
	(void)state;
	static const char *const orders[] = {"", "be "};
	for (size_t i = 0; i < FOX_COUNT(orders); i++) {
		struct sample s;
		open_sample(&s, orders[i]);
		assert_int_equal(fox_gguf_header(s.g)->version, 3);
		assert_int_equal(fox_gguf_header(s.g)->big_endian, i);
		assert_string_equal(fox_gguf_path(s.g), "s.gguf");
		assert_int_equal(fox_gguf_bytes(s.g).n, s.bytes.n);
		assert_int_equal(fox_gguf_keys(s.g), 18);
		check_values(s.g);
		check_items(s.g);
		check_tensors(s.g);
		close_sample(&s);
	}
}

/* key, getter, what it says */
static void getters_refuse(void **state)
{
	(void)state;
	struct sample s;
	open_sample(&s, "");
	static const struct {
		const char *key;
		char getter;
		const char *text;
	} rows[] = {
	    {"absent", 'u', "no key 'absent'"},
	    {"str", 'u', "key 'str' is str, want u32"},
	    {"ints", 'u', "key 'ints' is arr, want u32"},
	    {"yes", 'u', "key 'yes' is bool, want u32"},
	    {"f32", 'U', "key 'f32' is f32, want u64"},
	    {"i8", 'u', "key 'i8' is -3, which does not fit u32"},
	    {"u64", 'u', "key 'u64' is 18446744073709551614, which does not fit u32"},
	    {"i64", 'U', "key 'i64' is -9000000000, which does not fit u64"},
	    {"f64", 'f', "key 'f64' is 0.10000000000000001, which does not fit f32"},
	    {"u32", 'f', "key 'u32' is u32, want f32"},
	    {"u8", 'b', "key 'u8' is u8, want bool"},
	    {"absent", 'b', "no key 'absent'"},
	    {"texts", 's', "key 'texts' is arr, want str"},
	    {"u8", 's', "key 'u8' is u8, want str"},
	    {"absent", 's', "no key 'absent'"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_err err = {0};
		uint32_t u32 = 77;
		uint64_t u64 = 77;
		float f32 = 77;
		bool flag;
		struct fox_str str;
		enum fox_status st = rows[i].getter == 'u'   ? fox_gguf_u32(s.g, rows[i].key, &u32, &err)
		                     : rows[i].getter == 'U' ? fox_gguf_u64(s.g, rows[i].key, &u64, &err)
		                     : rows[i].getter == 'f' ? fox_gguf_f32(s.g, rows[i].key, &f32, &err)
		                     : rows[i].getter == 'b' ? fox_gguf_bool(s.g, rows[i].key, &flag, &err)
		                                             : fox_gguf_str(s.g, rows[i].key, &str, &err);
		const struct fox_gguf_kv *kv = fox_gguf_find_key(s.g, rows[i].key);
		assert_int_equal(st, FOX_E_FORMAT);
		assert_fox_err(&err, FOX_E_FORMAT, kv ? kv->at : FOX_NOWHERE, rows[i].text);
		assert_true(u32 == 77 && u64 == 77 && f32 == 77); /* outputs are left alone */
	}
	close_sample(&s);
}

static void offsets_and_types(void **state)
{
	(void)state;
	struct sample s;
	open_sample(&s, "");
	const struct fox_gguf_kv *kv = fox_gguf_key(s.g, 0);
	assert_int_equal(kv->at, 24 + 8 + 2 + 4);
	assert_ptr_equal(kv->raw.p, fox_gguf_bytes(s.g).p + kv->at);
	assert_int_equal(kv->raw.n, 1);
	assert_int_equal(fox_gguf_find_key(s.g, "texts")->raw.n, 8 + 1 + 8 + 8 + 3);
	assert_int_equal(fox_gguf_find_key(s.g, "texts")->item, FOX_GGUF_STR);
	assert_int_equal(fox_gguf_find_key(s.g, "str")->item, FOX_GGUF_STR);
	static const char *const names[] = {
	    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "str", "arr", "u64", "i64", "f64"};
	static const uint32_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
	for (int i = 0; i < FOX_GGUF_TYPES; i++) {
		assert_string_equal(fox_gguf_type_name((enum fox_gguf_type)i), names[i]);
		assert_int_equal(fox_gguf_type_bytes((enum fox_gguf_type)i), bytes[i]);
	}
	assert_string_equal(fox_gguf_type_name(FOX_GGUF_TYPES), "unknown");
	close_sample(&s);
}

static struct fox_gguf *open_words(struct fox_buf *b, const char *words)
{
	struct fox_gguf *g;
	struct fox_err err = {0};
	fox_buf_clear(b);
	gguf_from_text(b, words);
	assert_fox_ok(
	    fox_gguf_open_bytes(&g, (struct fox_span){(const uint8_t *)b->p, b->n}, "w.gguf", &err), &err);
	return g;
}

/* What is accepted beyond a strict file, and reported. */
static void beyond_strict(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	struct fox_gguf *g =
	    open_words(&b, "gguf 3 1 0 ti t 1 8 0 0 pad 32 fill 0 32 raw PK%03%04 fill 0x78 100");
	assert_int_equal(fox_gguf_header(g)->trailing, 104);
	assert_int_equal(fox_gguf_header(g)->data_end, 96);
	assert_int_equal(fox_gguf_header(g)->file_bytes, 200);
	fox_gguf_close(g);
	g = open_words(&b, "gguf 3 1 0 ti t 1 8 0 0 fill 1 1 pad 32 fill 0 32");
	assert_true(fox_gguf_header(g)->padding_nonzero);
	fox_gguf_close(g);
	g = open_words(&b, "gguf 3 2 0 ti t 1 1 0 0 ti u 1 8 0 32 pad 32 fill 0 31 fill 9 1 fill 0 32");
	assert_true(fox_gguf_header(g)->padding_nonzero);
	fox_gguf_close(g);
	g = open_words(&b, "gguf 3 1 0 ti t 1 1 0 0 pad 32 fill 0 4 fill 0 3"); /* last padding cut short */
	assert_int_equal(fox_gguf_header(g)->trailing, 0);
	assert_false(fox_gguf_header(g)->padding_nonzero);
	fox_gguf_close(g);
	g = open_words(&b, "gguf 3 0 0"); /* nothing at all */
	assert_int_equal(fox_gguf_header(g)->data_at, 24);
	assert_int_equal(fox_gguf_header(g)->data_end, 24);
	assert_int_equal(fox_gguf_header(g)->trailing, 0);
	assert_null(fox_gguf_find_key(g, "x"));
	assert_null(fox_gguf_find(g, fox_str_of("x")));
	fox_gguf_close(g);
	g = open_words(&b, "gguf 3 1 1 arr fox.hash.tensors 0 15 fill 1 15 ti t 1 8 0 0 pad 32 fill 0 32");
	assert_null(fox_gguf_tensor(g, 0)->hash); /* of another length: not the tensors' */
	fox_gguf_close(g);
	fox_buf_free(&b);
}

/* Every block type: geometry gives the size of the data, one byte less is too short. */
static void every_type(void **state)
{
	(void)state;
	for (uint32_t id = 0; id < FOX_TYPE_LIMIT; id++) {
		const struct fox_type_info *info = fox_type_info(id);
		if (!info)
			continue;
		char words[200];
		struct fox_buf b = {0};
		struct fox_err err = {0};
		struct fox_gguf *g;
		uint64_t bytes = 6 * (uint64_t)info->bytes;
		snprintf(words, sizeof words, "gguf 3 1 0 ti t 2 %u 3 %u 0 pad 32 fill 5 %u", 2 * info->elems, id,
		    (unsigned)bytes);
		gguf_from_text(&b, words);
		struct fox_span all = {(const uint8_t *)b.p, b.n};
		assert_fox_ok(fox_gguf_open_bytes(&g, all, "t", &err), &err);
		assert_int_equal(fox_gguf_tensor(g, 0)->data.n, bytes);
		fox_gguf_close(g);
		all.n--;
		assert_int_equal(fox_gguf_open_bytes(&g, all, "t", &err), FOX_E_TRUNCATED);
		fox_buf_free(&b);
	}
}

/* Open an exact-size copy, so that a read past the end is seen; walk what opens. */
static enum fox_status open_copy(const char *p, size_t n)
{
	struct fox_err err = {0};
	struct fox_gguf *g;
	uint8_t *exact = malloc(n + !n);
	if (n)
		memcpy(exact, p, n);
	enum fox_status st = fox_gguf_open_bytes(&g, (struct fox_span){exact, n}, "x", &err);
	assert_int_equal(st, err.code);
	assert_int_equal(st == FOX_OK, g != NULL);
	assert_true(st == FOX_OK || err.text[0]);
	assert_true(err.at == FOX_NOWHERE || err.at <= n + 64);
	if (g)
		gguf_walk(g);
	fox_gguf_close(g);
	free(exact);
	return st;
}

static void every_prefix(void **state)
{
	(void)state;
	static const char *const orders[] = {"", "be "};
	for (size_t o = 0; o < FOX_COUNT(orders); o++) {
		struct sample s;
		open_sample(&s, orders[o]);
		size_t end = fox_gguf_header(s.g)->data_end, data = fox_gguf_header(s.g)->header_end;
		for (size_t n = 0; n < s.bytes.n; n++) {
			enum fox_status st = open_copy(s.bytes.p, n);
			if (n >= end)
				assert_int_equal(st, FOX_OK); /* only the last padding is missing */
			else if (n >= data)
				assert_int_equal(st, FOX_E_TRUNCATED);
			else
				assert_true(st == FOX_E_BOUND || (n == 0 && st == FOX_E_FORMAT));
		}
		close_sample(&s);
	}
}

static void every_byte(void **state)
{
	(void)state;
	static const char *const orders[] = {"", "be "};
	size_t opened = 0, refused = 0;
	for (size_t o = 0; o < FOX_COUNT(orders); o++) {
		struct sample s;
		open_sample(&s, orders[o]);
		for (size_t i = 0; i < s.bytes.n; i++) {
			uint8_t was = (uint8_t)s.bytes.p[i];
			const uint8_t to[] = {
			    0, 1, 0x7f, 0x80, 0xff, (uint8_t)~was, (uint8_t)(was + 1), (uint8_t)(was - 1)};
			for (size_t k = 0; k < FOX_COUNT(to); k++) {
				s.bytes.p[i] = (char)to[k];
				if (open_copy(s.bytes.p, s.bytes.n) == FOX_OK)
					opened++;
				else
					refused++;
			}
			for (int bit = 0; bit < 8; bit++) {
				s.bytes.p[i] = (char)(was ^ 1 << bit);
				open_copy(s.bytes.p, s.bytes.n);
			}
			s.bytes.p[i] = (char)was;
		}
		close_sample(&s);
	}
	assert_true(opened > 1000 && refused > 1000); /* the sweep reaches both sides */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(little_and_big),
	    cmocka_unit_test(getters_refuse),
	    cmocka_unit_test(offsets_and_types),
	    cmocka_unit_test(beyond_strict),
	    cmocka_unit_test(every_type),
	    cmocka_unit_test(every_prefix),
	    cmocka_unit_test(every_byte),
	};
	return cmocka_run_group_tests_name("gguf_read", tests, NULL, NULL);
}
