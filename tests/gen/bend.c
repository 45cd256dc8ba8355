/* bend - puts one fault of a model family into a good container: its hashes stay valid, everything else stays as it was.
 *
 *   bend IN OUT set KEY VALUE        a number, true, false or a word; a key that is not there is put (real with a dot)
 *   bend IN OUT set-item KEY I VALUE element I of an array
 *   bend IN OUT drop-key KEY
 *   bend IN OUT arch NAME            another architecture, keys below it renamed
 *   bend IN OUT drop NAME|*END...    that tensor, and every tensor whose name ends so
 *   bend IN OUT swap NAME NAME       the data of two tensors of one shape exchanged
 *   bend IN OUT add NAME X           X is added to every value of an f32 tensor
 *   bend IN OUT times NAME I X       value I of an f32 tensor times X
 *   bend IN OUT transpose NAME       a square matrix turned
 *   bend IN OUT ungroup NAME D       rows of queries, keys, values of heads of D back to (queries, keys, values) of each head
 *   bend IN OUT halve NAME D         rows (of a vector: elements) of each head of D from pairs back to halves
 *   bend IN.model OUT pieces N       a tokenizer.model cut down to its first N pieces, for checkpoints with few rows
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/arch.h"
#include "format/base/io.h"
#include "format/base/num.h"
#include "format/base/str.h"
#include "format/profile.h"

static struct fox_err err;

static void die(const char *what)
{
	fprintf(stderr, "bend: %s\n", what);
	exit(3);
}

static void check(enum fox_status s)
{
	if (s)
		die(err.text);
}

struct bend {
	const struct fox_gguf *in;
	struct fox_gguf_writer *w;
	const char *op, *name; /* a key or a tensor */
	char **args;           /* what follows the name */
	bool hit;
};

static bool is(const struct bend *b, const char *op)
{
	return !strcmp(b->op, op);
}

static bool dropped(const struct bend *b, struct fox_str tensor)
{
	const char *list = b->name;
	for (struct fox_str one; is(b, "drop") && fox_arch_next(&list, &one);) {
		bool end = one.n && one.p[0] == '*';
		struct fox_str rest = {one.p + end, one.n - end}, tail = tensor;
		if (end && tail.n > rest.n)
			tail.p += tail.n - rest.n, tail.n = rest.n;
		if (fox_str_eq(tail, rest))
			return true;
	}
	return false;
}

/* ---- keys */

static void put_scalar(struct bend *b, const char *key, enum fox_gguf_type type, const char *text)
{
	if (type == FOX_GGUF_STR)
		check(fox_gguf_put_str(b->w, key, fox_str_of(text), &err));
	else if (type == FOX_GGUF_BOOL)
		check(fox_gguf_put_bool(b->w, key, !strcmp(text, "true"), &err));
	else if (type == FOX_GGUF_F32)
		check(fox_gguf_put_f32(b->w, key, strtof(text, NULL), &err));
	else if (type == FOX_GGUF_U32)
		check(fox_gguf_put_u32(b->w, key, (uint32_t)strtoul(text, NULL, 10), &err));
	else
		die("that key has a type that cannot be set");
}

static enum fox_gguf_type type_of(const char *text)
{
	if (!strcmp(text, "true") || !strcmp(text, "false"))
		return FOX_GGUF_BOOL;
	if (strspn(text, "0123456789") == strlen(text))
		return FOX_GGUF_U32;
	return strspn(text, "0123456789.") == strlen(text) ? FOX_GGUF_F32 : FOX_GGUF_STR;
}

static void put_item(struct bend *b, const struct fox_gguf_kv *kv, const char *key)
{
	uint8_t *copy = malloc(kv->raw.n);
	unsigned long i = strtoul(b->args[0], NULL, 10);
	if (!copy || i >= kv->n_items)
		die("no such element");
	memcpy(copy, kv->raw.p, kv->raw.n);
	if (kv->item == FOX_GGUF_BOOL)
		copy[i] = !strcmp(b->args[1], "true");
	else
		fox_store32(copy + 4 * i, (uint32_t)strtoul(b->args[1], NULL, 10));
	check(fox_gguf_put_array(b->w, key, kv->item, copy, kv->n_items, &err));
	free(copy);
}

/* One name for each tensor that is left. */
static void put_dtypes(struct bend *b, const struct fox_gguf_kv *kv, const char *key)
{
	struct fox_str *list = calloc((size_t)kv->n_items + 1, sizeof *list);
	uint64_t cursor = 0;
	size_t n = 0;
	if (!list)
		die("out of memory");
	for (size_t i = 0; fox_gguf_next_str(b->in, kv, &cursor, &list[n]); i++)
		n += !dropped(b, fox_gguf_tensor(b->in, i)->name);
	check(fox_gguf_put_strings(b->w, key, list, n, &err));
	free(list);
}

/* The key as it is to be called. */
static void name_key(const struct bend *b, char *name, size_t n, struct fox_str key)
{
	struct fox_str old = {"", 0};
	struct fox_err none = {0};
	if (!is(b, "arch") || fox_gguf_str(b->in, "general.architecture", &old, &none))
		old.n = 0;
	if (old.n && key.n > old.n && !memcmp(key.p, old.p, old.n) && key.p[old.n] == '.')
		snprintf(name, n, "%s%.*s", b->name, (int)(key.n - old.n), key.p + old.n);
	else
		snprintf(name, n, "%.*s", FOX_STR_ARG(key));
}

static void put_renamed(struct bend *b, const struct fox_gguf_kv *kv, const char *key)
{
	struct fox_gguf_kv other = *kv;
	other.key = fox_str_of(key);
	check(fox_gguf_put_copy(b->w, b->in, &other, &err));
}

static void put_keys(struct bend *b)
{
	for (size_t i = 0; i < fox_gguf_keys(b->in); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(b->in, i);
		bool here = fox_str_is(kv->key, b->name);
		char key[256];
		if (fox_str_starts(kv->key, "fox.hash.") || fox_str_is(kv->key, FOX_KEY_PAD))
			continue;
		name_key(b, key, sizeof key, kv->key);
		b->hit |= here || is(b, "arch");
		if (is(b, "arch") && !strcmp(key, "general.architecture"))
			put_scalar(b, key, FOX_GGUF_STR, b->name);
		else if (here && is(b, "set"))
			put_scalar(b, key, kv->type, b->args[0]);
		else if (here && is(b, "set-item"))
			put_item(b, kv, key);
		else if (!strcmp(key, FOX_KEY_SRC_DTYPES))
			put_dtypes(b, kv, key);
		else if (!(here && is(b, "drop-key")))
			put_renamed(b, kv, key);
	}
	if (is(b, "set") && !b->hit) {
		put_scalar(b, b->name, type_of(b->args[0]), b->args[0]);
		b->hit = true;
	}
}

/* ---- tensors */

static void transpose(uint8_t *out, const struct fox_tensor *t)
{
	size_t n = (size_t)t->dim[0], item = t->data.n / (n * n);
	if (t->dim[1] != n)
		die("that matrix is not square");
	for (size_t r = 0; r < n; r++)
		for (size_t c = 0; c < n; c++)
			memcpy(out + (c * n + r) * item, t->data.p + (r * n + c) * item, item);
}

/* Each row r goes where `to` says. */
static void move_rows(uint8_t *out, const struct fox_tensor *t, size_t head, bool ungroup)
{
	size_t rows = (size_t)(t->n_dims == 1 ? t->dim[0] : t->dim[1]), bytes = t->data.n / rows,
	       third = rows / 3;
	for (size_t r = 0; r < rows; r++) {
		size_t in = r % head, to = ungroup ? (r % third / head * 3 + r / third) * head + in
		                                   : r - in + in / 2 + in % 2 * (head / 2);
		memcpy(out + to * bytes, t->data.p + r * bytes, bytes);
	}
}

static void edit_values(const struct bend *b, uint8_t *p, const struct fox_tensor *t)
{
	bool one = is(b, "times");
	size_t i = one ? strtoul(b->args[0], NULL, 10) : 0, n = one ? i + 1 : t->data.n / 4;
	float x = strtof(b->args[one], NULL);
	if (t->type != FOX_F32)
		die("that tensor is not f32");
	for (; i < n; i++)
		fox_store_f32(p + 4 * i, one ? fox_load_f32(p + 4 * i) * x : fox_load_f32(p + 4 * i) + x);
}

/* The tensor's data as it is to be; `own` has room for it. */
static struct fox_span data_of(struct bend *b, const struct fox_tensor *t, uint8_t *own)
{
	struct fox_span other = t->data;
	memcpy(own, t->data.p, t->data.n);
	if (is(b, "swap") && fox_str_is(t->name, b->args[0]))
		other = fox_gguf_find(b->in, fox_str_of(b->name))->data;
	if (fox_str_is(t->name, b->name)) {
		b->hit = true;
		if (is(b, "swap"))
			other = fox_gguf_find(b->in, fox_str_of(b->args[0]))->data;
		else if (is(b, "transpose"))
			transpose(own, t);
		else if (is(b, "ungroup") || is(b, "halve"))
			move_rows(own, t, strtoul(b->args[0], NULL, 10), is(b, "ungroup"));
		else
			edit_values(b, own, t);
	}
	if (other.p != t->data.p)
		memcpy(own, other.p, other.n);
	return (struct fox_span){own, t->data.n};
}

static void rewrite(struct bend *b, const char *path)
{
	size_t n = fox_gguf_tensors(b->in), at = 0;
	check(fox_gguf_writer_open(&b->w, &err));
	put_keys(b);
	for (size_t i = 0; i < n; i++) {
		const struct fox_tensor *t = fox_gguf_tensor(b->in, i);
		if (!dropped(b, t->name))
			check(fox_gguf_put_tensor(b->w, t->name, t->type, t->n_dims, t->dim, &err));
		b->hit |= dropped(b, t->name);
	}
	check(fox_gguf_freeze(b->w, &err));
	check(fox_gguf_create(b->w, path, true, &err));
	for (size_t i = 0; i < n; i++) {
		const struct fox_tensor *t = fox_gguf_tensor(b->in, i);
		if (dropped(b, t->name))
			continue;
		uint8_t *own = malloc(t->data.n + 1);
		if (!own)
			die("out of memory");
		struct fox_span d = data_of(b, t, own);
		check(fox_gguf_write_data(b->w, at, 0, d.p, d.n, &err));
		fox_gguf_set_hash(b->w, at++, fox_xxh3(d.p, d.n));
		free(own);
	}
	check(fox_gguf_finish(b->w, &err));
	fox_gguf_writer_close(b->w);
}

/* ---- tokenizer.model: protobuf, whose top-level fields all have a length; field 1 is a piece */

static uint64_t varint(const uint8_t *p, size_t n, size_t *at)
{
	uint64_t v = 0;
	for (int shift = 0; *at < n && shift < 64; shift += 7) {
		uint8_t byte = p[(*at)++];
		v |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return v;
	}
	die("that is no tokenizer.model");
	return 0;
}

static void cut_pieces(const char *in, const char *out, const char *count)
{
	unsigned long left = strtoul(count, NULL, 10);
	char *bytes;
	size_t n, kept = 0;
	check(fox_path_slurp(in, 1u << 24, &bytes, &n, &err));
	for (size_t at = 0, from = 0; at < n; from = at) {
		uint64_t tag = varint((uint8_t *)bytes, n, &at), length = varint((uint8_t *)bytes, n, &at);
		if (length > n - at || (tag & 7) != 2)
			die("that is no tokenizer.model");
		at += (size_t)length;
		if (tag >> 3 == 1 && !left)
			continue;
		left -= tag >> 3 == 1;
		memmove(bytes + kept, bytes + from, at - from);
		kept += at - from;
	}
	FILE *f = fopen(out, "wb");
	if (!f || fwrite(bytes, 1, kept, f) != kept || fclose(f))
		die("cannot write");
	free(bytes);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *op;
		int args;
	} ops[] = {{"set", 1}, {"set-item", 2}, {"drop-key", 0}, {"arch", 0}, {"drop", 0}, {"swap", 1},
	    {"add", 1}, {"times", 2}, {"transpose", 0}, {"ungroup", 1}, {"halve", 1}, {"pieces", 0}};
	struct fox_gguf *g;
	size_t i = 0;
	while (argc > 4 && i < FOX_COUNT(ops) && (strcmp(argv[3], ops[i].op) || argc != 5 + ops[i].args))
		i++;
	if (argc < 5 || i == FOX_COUNT(ops))
		die("usage: bend IN OUT OP NAME [ARGS]");
	if (!strcmp(argv[3], "pieces"))
		return cut_pieces(argv[1], argv[2], argv[4]), 0;
	check(fox_gguf_open(&g, argv[1], &err));
	struct bend b = {.in = g, .op = argv[3], .name = argv[4], .args = argv + 5};
	rewrite(&b, argv[2]);
	if (!b.hit)
		die("nothing of that name");
	fox_gguf_close(g);
	return 0;
}
