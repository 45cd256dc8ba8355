/* torch.c - the archive around the pickle: its members, their sizes, and the tensors in them. */
#include "format/torch.h"

#include <stdlib.h>

#include "format/base/map.h"
#include "format/pickle.h"
#include "format/strided.h"
#include "format/torch_pickle.h"
#include "format/zip.h"

#define MAX_MEMO_BYTES 32u /* of byteorder and version */

/* What a file is that is no zip archive, told by its first bytes.
 * source: torch/serialization.py _legacy_save: the magic number 0x1950a86a20f9469cfc6c as a pickle of its own, or a tar
 * archive */
static enum fox_status refuse_other(const struct fox_file *f, bool *zip, struct fox_err *err)
{
	static const uint8_t magic[] = {0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19};
	uint8_t head[512] = {0};
	size_t n = f->size < sizeof head ? (size_t)f->size : sizeof head;
	enum fox_status s = fox_file_read(f, 0, head, n, err);
	*zip = !memcmp(head, "PK\3\4", 4);
	if (s || *zip)
		return s;
	if ((head[0] == 0x80 && !memcmp(head + 2, magic, sizeof magic)) || !memcmp(head + 257, "ustar", 5))
		return fox_fail(err, FOX_E_UNSUPPORTED, 0,
		    "written by PyTorch before 1.6, or in its old format: load it and save it again");
	return fox_fail(err, FOX_E_FORMAT, 0,
	    head[0] == 0x80 ? "a pickle, but no archive of PyTorch's" : "no archive of PyTorch's: no zip file");
}

struct reading {
	const struct fox_file *file;
	struct fox_zip *zip;
	struct fox_str root; /* the folder that every member is in, with its '/' */
};

/* "root/rest" in the arena-less buffer of the caller; NULL: no such member. */
static const struct fox_zip_member *member_of(
    const struct reading *r, const char *folder, struct fox_str name)
{
	struct fox_buf b = {0};
	fox_buf_add(&b, r->root.p, r->root.n);
	fox_buf_str(&b, folder);
	fox_buf_add(&b, name.p, name.n);
	const struct fox_zip_member *m = b.failed ? NULL : fox_zip_find(r->zip, fox_buf_view(&b));
	fox_buf_free(&b);
	return m;
}

/* No name is used as a path; but one that could hurt elsewhere is none of PyTorch's. */
static bool name_is_clean(struct fox_str name)
{
	size_t from = 0;
	for (size_t i = 0; i <= name.n; i++) {
		if (i < name.n && name.p[i] != '/') {
			if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7F || name.p[i] == '\\')
				return false;
			continue;
		}
		struct fox_str part = {name.p + from, i - from};
		if (!part.n || fox_str_is(part, ".") || fox_str_is(part, ".."))
			return false;
		from = i + 1;
	}
	return fox_utf8_bad(name) == name.n;
}

static enum fox_status check_members(struct reading *r, struct fox_err *err)
{
	for (size_t i = 0; i < fox_zip_members(r->zip); i++) {
		const struct fox_zip_member *m = fox_zip_member(r->zip, i);
		const char *slash = memchr(m->name.p, '/', m->name.n);
		struct fox_str root = {m->name.p, slash ? (size_t)(slash - m->name.p) + 1 : 0};
		if (!name_is_clean(m->name))
			return fox_fail(
			    err, FOX_E_FORMAT, m->at, "zip: member name '%.*s' is no plain path", FOX_STR_ARG(m->name));
		if (m->deflated)
			return fox_fail(err, FOX_E_UNSUPPORTED, m->at,
			    "zip: member '%.*s' is deflated, and PyTorch stores", FOX_STR_ARG(m->name));
		if (!i)
			r->root = root;
		if (!root.n || !fox_str_eq(root, r->root))
			return fox_fail(err, FOX_E_FORMAT, m->at, "zip: member '%.*s' is not in the folder '%.*s'",
			    FOX_STR_ARG(m->name), FOX_STR_ARG(r->root));
	}
	if (member_of(r, "", fox_str_of("constants.pkl")))
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "a TorchScript program, whose weights are not read: save its state_dict() instead");
	return FOX_OK;
}

/* A member of a few bytes of text; out stays empty when it is absent. */
static enum fox_status read_memo(
    const struct reading *r, const char *name, char out[MAX_MEMO_BYTES + 1], struct fox_err *err)
{
	const struct fox_zip_member *m = member_of(r, "", fox_str_of(name));
	out[0] = 0;
	if (!m)
		return FOX_OK;
	if (m->bytes > MAX_MEMO_BYTES)
		return fox_fail(err, FOX_E_BOUND, m->at, "zip: member '%.*s' has %llu bytes, more than %u",
		    FOX_STR_ARG(m->name), (unsigned long long)m->bytes, MAX_MEMO_BYTES);
	enum fox_status s = fox_zip_read(r->zip, m, out, err);
	out[m->bytes] = 0;
	return s;
}

static enum fox_status check_memos(const struct reading *r, struct fox_err *err)
{
	char text[MAX_MEMO_BYTES + 1];
	enum fox_status s = read_memo(r, "byteorder", text, err);
	if (!s && text[0] && strcmp(text, "little"))
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "byteorder is '%s', want 'little'", text);
	if (!s)
		s = read_memo(r, "version", text, err);
	if (s)
		return s;
	/* source: inline_container.h kMinSupportedFileFormatVersion, kMaxSupportedFileFormatVersion */
	uint64_t version;
	size_t n = strlen(text);
	struct fox_str digits = {text, n && text[n - 1] == '\n' ? n - 1 : n};
	if (!fox_str_u64(digits, &version) || version < 1 || version > 10)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "archive of version '%.*s', want 1 to 10",
		    FOX_STR_ARG(digits));
	return FOX_OK;
}

/* ---- tensors */

/* The bytes of one entry: its storage must be a member of exactly the size that the pickle says. */
static enum fox_status place(const struct reading *r, const struct fox_torch_entry *e,
    struct fox_src_tensor *t, struct fox_arena *a, struct fox_err *err)
{
	const struct fox_zip_member *m = member_of(r, "data/", e->storage);
	if (!m)
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "no member 'data/%.*s' in the archive", FOX_STR_ARG(e->storage));
	if (m->bytes != e->storage_bytes)
		return fox_fail(err, FOX_E_FORMAT, m->at, "storage '%.*s' has %llu bytes, and %llu by the pickle",
		    FOX_STR_ARG(e->storage), (unsigned long long)m->bytes, (unsigned long long)e->storage_bytes);
	uint32_t item = fox_dtypes[e->dtype].bits / 8;
	t->name = (struct fox_str){fox_arena_strdup(a, e->name), e->name.n};
	t->dtype = e->dtype;
	t->n_dims = e->n_dims;
	memcpy(t->shape, e->shape, sizeof t->shape);
	t->n_elems = e->n_elems;
	t->bytes = e->bytes;
	t->at = m->at + e->first * item;
	if (!t->name.p)
		return fox_fail_nomem(err);
	if (e->plain)
		return FOX_OK;
	struct fox_strided *v = fox_arena_alloc(a, 1, sizeof *v);
	if (!v)
		return fox_fail_nomem(err);
	*v = (struct fox_strided){.at = t->at, .item = item, .n_dims = e->n_dims};
	memcpy(v->shape, e->shape, sizeof v->shape);
	memcpy(v->stride, e->stride, sizeof v->stride);
	t->view = v;
	return FOX_OK;
}

/* One storage has one dtype: what two readings of the same bytes would mean is not told. */
static enum fox_status check_dtypes(
    const struct fox_torch_entries *x, struct fox_arena *a, struct fox_err *err)
{
	struct fox_map seen = {0};
	if (!fox_map_init(&seen, a, x->n))
		return fox_fail_nomem(err);
	for (uint32_t i = 0; i < x->n; i++) {
		uint32_t other = fox_map_put(&seen, x->list[i].storage, i);
		if (other != FOX_MAP_NONE && x->list[other].dtype != x->list[i].dtype)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "storage '%.*s' is %s to '%.*s' and %s to '%.*s'",
			    FOX_STR_ARG(x->list[i].storage), fox_dtypes[x->list[other].dtype].name,
			    FOX_STR_ARG(x->list[other].name), fox_dtypes[x->list[i].dtype].name,
			    FOX_STR_ARG(x->list[i].name));
	}
	return FOX_OK;
}

static enum fox_status list_tensors(struct fox_st_tensors *out, struct fox_arena *a, const struct reading *r,
    const struct fox_torch_entries *x, uint32_t file, struct fox_err *err)
{
	out->list = fox_arena_alloc(a, x->n, sizeof *out->list);
	if (!out->list)
		return fox_fail_nomem(err);
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < x->n && !s; i++) {
		out->list[i].file = file;
		s = place(r, &x->list[i], &out->list[i], a, err);
		if (s)
			fox_in(err, "in tensor '%.*s'", FOX_STR_ARG(x->list[i].name));
	}
	out->n = x->n;
	if (!s)
		fox_st_sort(out);
	return s;
}

static enum fox_status read_pickle(struct fox_st_tensors *out, struct fox_arena *a, const struct reading *r,
    uint32_t file, struct fox_err *err)
{
	const struct fox_zip_member *m = member_of(r, "", fox_str_of("data.pkl"));
	struct fox_arena own = {0};
	struct fox_torch_entries x;
	if (!m)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no archive of PyTorch's: no member 'data.pkl'");
	if (m->bytes > FOX_PICKLE_MAX_BYTES)
		return fox_fail(err, FOX_E_BOUND, m->at, "pickle: %llu bytes, more than %u",
		    (unsigned long long)m->bytes, FOX_PICKLE_MAX_BYTES);
	uint8_t *bytes = malloc((size_t)m->bytes + 1);
	if (!bytes)
		return fox_fail_nomem(err);
	enum fox_status s = fox_zip_read(r->zip, m, bytes, err);
	if (!s)
		s = fox_torch_pickle_parse(&x, &own, (struct fox_span){bytes, (size_t)m->bytes}, m->at, err);
	if (!s)
		s = check_dtypes(&x, &own, err);
	if (!s)
		s = list_tensors(out, a, r, &x, file, err);
	fox_arena_free(&own);
	free(bytes);
	return s;
}

enum fox_status fox_torch_read(struct fox_st_tensors *out, struct fox_arena *a, const struct fox_file *f,
    uint32_t file, struct fox_err *err)
{
	struct reading r = {.file = f};
	bool zip = false;
	*out = (struct fox_st_tensors){0};
	enum fox_status s = refuse_other(f, &zip, err);
	if (!s)
		s = fox_zip_open(&r.zip, f, err);
	if (!s)
		s = check_members(&r, err);
	if (!s)
		s = check_memos(&r, err);
	if (!s)
		s = read_pickle(out, a, &r, file, err);
	fox_zip_close(r.zip);
	fox_in_file(err, f->path);
	return s;
}
