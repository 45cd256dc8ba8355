/* imatrix.c - reading importance matrices: both forms, checked whole, and what a tensor finds in them. See imatrix.h. */
#include "format/imatrix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/base/io.h"
#include "format/base/num.h"
#include "format/imatrix_in.h"

#define MAX_COUNT 9007199254740992.0f /* 2^53: rows that no run reaches */

bool imatrix_keep(struct imatrix_own *o, struct fox_str *s)
{
	const char *p = fox_arena_strdup(&o->arena, *s);
	s->p = p;
	return p != NULL;
}

enum fox_status imatrix_bad_value(struct fox_str name, uint64_t i, float v, uint64_t at, struct fox_err *err)
{
	const char *kind = isnan(v) ? "NaN" : isinf(v) ? "infinite" : "negative";
	return fox_fail(
	    err, FOX_E_FORMAT, at, "value %llu of '%.*s' is %s", (unsigned long long)i, FOX_STR_ARG(name), kind);
}

enum fox_status imatrix_check_name(struct fox_str name, uint64_t at, struct fox_err *err)
{
	if (!name.n)
		return fox_fail(err, FOX_E_FORMAT, at, "an entry without a name");
	if (memchr(name.p, 0, name.n))
		return fox_fail(err, FOX_E_FORMAT, at, "the name '%.*s' holds NUL", FOX_STR_ARG(name));
	if (fox_utf8_bad(name) != name.n)
		return fox_fail(err, FOX_E_FORMAT, at, "a name is not UTF-8");
	return FOX_OK;
}

/* ---- GGUF: NAME.in_sum2 f32 [columns, matrices] and NAME.counts f32 [1, matrices] */

#define SUMS ".in_sum2"
#define COUNTS ".counts"

static float value(const struct fox_gguf *g, const struct fox_tensor *t, uint64_t i)
{
	uint32_t bits = fox_load32(t->data.p + 4 * i);
	float v;
	if (fox_gguf_header(g)->big_endian)
		bits = __builtin_bswap32(bits);
	memcpy(&v, &bits, sizeof v);
	return v;
}

/* The other tensor of an entry, by its name's end. */
static enum fox_status other(const struct fox_gguf *g, const struct fox_tensor **out, struct fox_str name,
    const char *end, const char *has, struct fox_err *err)
{
	char full[FOX_GGUF_MAX_NAME + 16];
	snprintf(full, sizeof full, "%.*s%s", (int)name.n, name.p, end);
	*out = fox_gguf_find(g, fox_str_of(full));
	if (*out)
		return FOX_OK;
	return fox_fail(
	    err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' has %s and no '%s'", FOX_STR_ARG(name), has, full);
}

static enum fox_status read_counts(struct imatrix_own *o, struct fox_imatrix_entry *e,
    const struct fox_gguf *g, const struct fox_tensor *t, struct fox_err *err)
{
	float *counts = fox_arena_alloc(&o->arena, e->n_mats, sizeof *counts);
	if (!counts)
		return fox_fail_nomem(err);
	for (uint64_t i = 0; i < e->n_mats; i++) {
		float c = value(g, t, i);
		if (!(c >= 0) || isinf(c))
			return imatrix_bad_value(t->name, i, c, t->at + 4 * i, err);
		if (c > MAX_COUNT)
			return fox_fail(err, FOX_E_BOUND, t->at + 4 * i, "value %llu of '%.*s' is over 2^53",
			    (unsigned long long)i, FOX_STR_ARG(t->name));
		counts[i] = roundf(c); /* llama.cpp keeps them as integers */
		e->n_unseen += counts[i] == 0;
	}
	e->counts = counts;
	return FOX_OK;
}

/* Sums over rows become means; a matrix that no row met weighs all columns alike. source: quantize.cpp load_imatrix */
static enum fox_status read_means(struct imatrix_own *o, struct fox_imatrix_entry *e,
    const struct fox_gguf *g, const struct fox_tensor *t, struct fox_err *err)
{
	uint64_t cols = e->n_values / e->n_mats;
	float *means = fox_arena_alloc(&o->arena, e->n_values, sizeof *means);
	if (!means)
		return fox_fail_nomem(err);
	for (uint64_t i = 0; i < e->n_values; i++) {
		float v = value(g, t, i), n = e->counts[i / cols];
		if (!(v >= 0) || isinf(v))
			return imatrix_bad_value(t->name, i, v, t->at + 4 * i, err);
		means[i] = n > 0 ? v / n : 1;
	}
	e->means = means;
	return FOX_OK;
}

static enum fox_status gguf_entry(struct imatrix_own *o, struct fox_imatrix_entry *e,
    const struct fox_gguf *g, const struct fox_tensor *sums, struct fox_err *err)
{
	const struct fox_tensor *counts;
	e->name = (struct fox_str){sums->name.p, sums->name.n - strlen(SUMS)};
	enum fox_status s = imatrix_check_name(e->name, FOX_NOWHERE, err);
	if (!s)
		s = other(g, &counts, e->name, COUNTS, "sums", err);
	if (s)
		return s;
	for (int i = 0; i < 2; i++) {
		const struct fox_tensor *t = i ? counts : sums;
		if (t->type != FOX_F32)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' is %s; sums and counts are f32",
			    FOX_STR_ARG(t->name), fox_type_info(t->type)->name);
	}
	e->n_values = sums->n_elems;
	e->n_mats = counts->n_elems;
	if (!e->n_values || !e->n_mats || e->n_values % e->n_mats)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' has %llu values for %llu matrices",
		    FOX_STR_ARG(e->name), (unsigned long long)e->n_values, (unsigned long long)e->n_mats);
	s = read_counts(o, e, g, counts, err);
	if (!s)
		s = read_means(o, e, g, sums, err);
	if (!s && !imatrix_keep(o, &e->name))
		s = fox_fail_nomem(err);
	return s;
}

static enum fox_status gguf_facts(struct fox_imatrix *im, const struct fox_gguf *g, struct fox_err *err)
{
	static const struct {
		const char *key;
		size_t at;
	} numbers[] = {{"imatrix.chunk_count", offsetof(struct fox_imatrix, n_chunks)},
	    {"imatrix.chunk_size", offsetof(struct fox_imatrix, chunk_size)}};
	struct imatrix_own *o = imatrix_own(im);
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, "general.type");
	struct fox_str type;
	if (kv && !fox_gguf_str(g, "general.type", &type, NULL) && !fox_str_is(type, "imatrix"))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no importance matrix: general.type is '%.*s'",
		    FOX_STR_ARG(type));
	for (size_t i = 0; i < FOX_COUNT(numbers); i++) {
		uint64_t v;
		if (!fox_gguf_find_key(g, numbers[i].key))
			continue;
		enum fox_status s = fox_gguf_u64(g, numbers[i].key, &v, err);
		if (s)
			return s;
		memcpy((char *)im + numbers[i].at, &v, sizeof v);
	}
	kv = fox_gguf_find_key(g, "imatrix.datasets");
	if (!kv || kv->type != FOX_GGUF_ARR || kv->item != FOX_GGUF_STR)
		return FOX_OK; /* as llama-quantize: a fact less */
	struct fox_str *names = fox_arena_alloc(&o->arena, (size_t)kv->n_items, sizeof *names);
	uint64_t cursor = 0;
	if (!names)
		return fox_fail_nomem(err);
	for (im->datasets = names; im->n_datasets < kv->n_items; im->n_datasets++)
		if (!fox_gguf_next_str(g, kv, &cursor, &names[im->n_datasets]) ||
		    !imatrix_keep(o, &names[im->n_datasets]))
			return fox_fail_nomem(err);
	return FOX_OK;
}

static enum fox_status read_gguf(struct fox_imatrix *im, const struct fox_gguf *g, struct fox_err *err)
{
	struct imatrix_own *o = imatrix_own(im);
	size_t n = fox_gguf_tensors(g);
	enum fox_status s = gguf_facts(im, g, err);
	if (s)
		return s;
	im->entries = fox_arena_alloc(&o->arena, n, sizeof *im->entries);
	if (!im->entries)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n && !s; i++) {
		const struct fox_tensor *t = fox_gguf_tensor(g, i), *sums;
		if (fox_str_ends(t->name, SUMS))
			s = gguf_entry(o, &im->entries[im->n_entries++], g, t, err);
		else if (fox_str_ends(t->name, COUNTS))
			s = other(g, &sums, (struct fox_str){t->name.p, t->name.n - strlen(COUNTS)}, SUMS, "counts", err);
	}
	if (!s && !im->n_entries)
		s = fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "no importance matrix: no tensor's name ends with '%s'", SUMS);
	return s;
}

/* ---- opening */

static int by_name(const void *a, const void *b)
{
	const struct fox_imatrix_entry *x = a, *y = b;
	return fox_str_cmp(x->name, y->name);
}

static enum fox_status finish(struct fox_imatrix *im, struct fox_err *err)
{
	qsort(im->entries, im->n_entries, sizeof *im->entries, by_name);
	im->n_kept = im->n_entries;
	for (size_t i = 1; i < im->n_entries; i++)
		if (fox_str_eq(im->entries[i - 1].name, im->entries[i].name))
			return fox_fail(
			    err, FOX_E_FORMAT, FOX_NOWHERE, "two entries '%.*s'", FOX_STR_ARG(im->entries[i].name));
	return FOX_OK;
}

static enum fox_status sha256(struct fox_sha256 *out, struct fox_span bytes, struct fox_err *err)
{
	struct fox_sha256_state *state = fox_sha256_open();
	if (!state)
		return fox_fail_nomem(err);
	enum fox_status s = fox_sha256_add(state, bytes.p, bytes.n, err);
	if (!s)
		s = fox_sha256_final(state, out, err);
	fox_sha256_close(state);
	return s;
}

enum fox_status fox_imatrix_open_bytes(
    struct fox_imatrix **out, struct fox_span bytes, const char *path, struct fox_err *err)
{
	struct fox_imatrix *im = calloc(1, sizeof *im);
	struct imatrix_own *o = calloc(1, sizeof *o);
	struct fox_gguf *g = NULL;
	enum fox_status s = FOX_OK;
	*out = NULL;
	if (!im || !o) {
		free(im);
		free(o);
		return fox_fail_nomem(err);
	}
	im->own = o;
	im->path = fox_arena_strdup(&o->arena, fox_str_of(path));
	if (!im->path)
		s = fox_fail_nomem(err);
	else if (bytes.n >= 4 && !memcmp(bytes.p, "GGUF", 4))
		s = fox_gguf_open_bytes(&g, bytes, path, err);
	else
		s = imatrix_read_dat(im, bytes, err);
	if (!s && g)
		s = read_gguf(im, g, err);
	if (!s)
		s = finish(im, err);
	if (!s)
		s = sha256(&im->sha256, bytes, err);
	fox_gguf_close(g);
	if (s) {
		fox_in_file(err, path);
		fox_imatrix_close(im);
		return s;
	}
	*out = im;
	return FOX_OK;
}

enum fox_status fox_imatrix_open(struct fox_imatrix **out, const char *path, struct fox_err *err)
{
	struct fox_map_file m = {0};
	*out = NULL;
	enum fox_status s = fox_map_open(&m, path, err);
	if (s)
		return s;
	s = fox_imatrix_open_bytes(out, m.bytes, path, err);
	fox_map_close(&m);
	return s;
}

void fox_imatrix_close(struct fox_imatrix *im)
{
	if (!im)
		return;
	fox_arena_free(&imatrix_own(im)->arena);
	free(im->own);
	free(im);
}

/* ---- what a tensor finds */

static bool any_part(struct fox_str name, const struct fox_str *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!parts[i].n || memmem(name.p, name.n, parts[i].p, parts[i].n))
			return true;
	return false;
}

enum fox_status fox_imatrix_filter(
    struct fox_imatrix *im, bool include, const struct fox_str *parts, size_t n, struct fox_err *err)
{
	for (size_t i = 0; i < n; i++) {
		bool found = false;
		for (size_t k = 0; k < im->n_entries && !found; k++)
			found = any_part(im->entries[k].name, &parts[i], 1);
		if (!found)
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%s': no entry's name holds '%.*s'", im->path,
			    FOX_STR_ARG(parts[i]));
	}
	imatrix_own(im)->walk_i = imatrix_own(im)->walk_k = 0;
	for (size_t k = 0; k < im->n_entries && n; k++) {
		struct fox_imatrix_entry *e = &im->entries[k];
		if (any_part(e->name, parts, n) != include && !e->left_out) {
			e->left_out = true;
			im->n_kept--;
		}
	}
	return FOX_OK;
}

static struct fox_imatrix_entry *find(const struct fox_imatrix *im, struct fox_str name)
{
	const struct fox_imatrix_entry key = {.name = name};
	struct fox_imatrix_entry *e = bsearch(&key, im->entries, im->n_entries, sizeof *e, by_name);
	return e && !e->left_out ? e : NULL;
}

const struct fox_imatrix_entry *fox_imatrix_find(const struct fox_imatrix *im, struct fox_str name)
{
	return find(im, name);
}

enum fox_status fox_imatrix_for(struct fox_imatrix *im, const float **out, struct fox_str name, uint64_t cols,
    uint64_t n_mats, struct fox_err *err)
{
	struct imatrix_own *o = imatrix_own(im);
	struct fox_imatrix_entry *e = find(im, name);
	uint64_t want;
	*out = NULL;
	o->n_asked++;
	if (!e)
		return FOX_OK;
	if (!fox_mul(&want, cols, n_mats) || e->n_values != want || (e->n_mats > 1 && e->n_mats != n_mats)) {
		if (fox_str_is(name, "token_embd.weight") || fox_str_is(name, "per_layer_token_embd.weight"))
			return FOX_OK;
		fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "'%s': %llu values for '%.*s', which has %llu columns in each of %llu matrices: made with "
		    "another model",
		    im->path, (unsigned long long)e->n_values, FOX_STR_ARG(name), (unsigned long long)cols,
		    (unsigned long long)n_mats);
		return FOX_E_MISMATCH;
	}
	o->n_found++;
	o->walk_i = o->walk_k = 0;
	e->used = true;
	*out = e->means;
	return FOX_OK;
}

const struct fox_imatrix_entry *fox_imatrix_unused(const struct fox_imatrix *im, size_t i)
{
	struct imatrix_own *o = imatrix_own(im);
	if (i < o->walk_i)
		o->walk_i = o->walk_k = 0;
	for (; o->walk_k < im->n_entries; o->walk_k++) {
		const struct fox_imatrix_entry *e = &im->entries[o->walk_k];
		if (e->used || e->left_out)
			continue;
		if (o->walk_i == i)
			return e;
		o->walk_i++;
	}
	return NULL;
}

enum fox_status fox_imatrix_covers_some(const struct fox_imatrix *im, struct fox_err *err)
{
	const struct fox_imatrix_entry *e = fox_imatrix_unused(im, 0);
	if (!imatrix_own(im)->n_asked || imatrix_own(im)->n_found)
		return FOX_OK;
	return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "'%s': none of its %zu entries is of a tensor that is quantized; the first is '%.*s': made with "
	    "another model",
	    im->path, im->n_kept, e ? (int)(e->name.n < 200 ? e->name.n : 200) : 0, e ? e->name.p : "");
}
