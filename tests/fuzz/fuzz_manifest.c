/* Any bytes as SHA256SUMS and as a manifest of llama-gguf-hash: a refusal has its reason and an offset inside; what is read is
 * written and read again the same. */
#include "format/hashlist.h"
#include "format/sums.h"

static void check(enum fox_status s, const struct fox_err *err, size_t size)
{
	if (s != err->code || (s && !err->text[0]) || (s && err->at != FOX_NOWHERE && err->at > size))
		__builtin_trap();
}

static void sums_again(const struct fox_sums *a)
{
	struct fox_arena arena = {0};
	struct fox_buf text = {0};
	struct fox_sums b;
	for (size_t i = 0; i < a->n; i++)
		fox_sums_put(&text, a->list[i].name, &a->list[i].sha256);
	if (fox_sums_parse(&b, fox_buf_view(&text), &arena, NULL) || a->n != b.n)
		__builtin_trap();
	for (size_t i = 0; i < a->n; i++)
		if (!fox_str_eq(a->list[i].name, b.list[i].name) ||
		    memcmp(a->list[i].sha256.b, b.list[i].sha256.b, sizeof b.list[i].sha256.b))
			__builtin_trap();
	fox_buf_free(&text);
	fox_arena_free(&arena);
}

static void list_again(const struct fox_hashlist *a)
{
	struct fox_arena arena = {0};
	struct fox_buf text = {0};
	struct fox_hashlist b;
	for (size_t i = 0; i < a->n; i++)
		fox_hashlist_put(&text, a->list[i].kind, a->list[i].hash, a->list[i].file, a->list[i].tensor);
	if (fox_hashlist_parse(&b, fox_buf_view(&text), &arena, NULL) || a->n != b.n)
		__builtin_trap();
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].kind != b.list[i].kind || !fox_str_eq(a->list[i].tensor, b.list[i].tensor) ||
		    !fox_str_eq(a->list[i].file, b.list[i].file) ||
		    memcmp(a->list[i].hash, b.list[i].hash, fox_hashlist_bytes(a->list[i].kind)))
			__builtin_trap();
	fox_buf_free(&text);
	fox_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_str text = {(const char *)data, size};
	struct fox_arena arena = {0};
	struct fox_sums sums;
	struct fox_hashlist list;
	struct fox_err err = {0};
	enum fox_status s = fox_sums_parse(&sums, text, &arena, &err);
	check(s, &err, size);
	if (!s)
		sums_again(&sums);
	err = (struct fox_err){0};
	s = fox_hashlist_parse(&list, text, &arena, &err);
	check(s, &err, size);
	if (!s)
		list_again(&list);
	fox_arena_free(&arena);
	return 0;
}
