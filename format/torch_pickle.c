/* torch_pickle.c - what the names of torch mean, and the state dict that they add up to. */
#include "format/torch_pickle.h"

#include <stdlib.h>

#include "format/base/map.h"
#include "format/base/num.h"
#include "format/pickle.h"

#define MAX_DIMS 8u /* of struct fox_src_tensor */

enum { TAG_STORAGE, TAG_TENSOR };
enum name_kind { ORDERED_DICT, TENSOR_V2, TENSOR_V3, PARAMETER, STORAGE, DTYPE };

/* Every name that a pickle may use. Storages without a dtype hold bytes. */
static const struct {
	const char *module, *name;
	enum name_kind kind;
	enum fox_dtype dtype;
} torch_names[] = {
    {"collections", "OrderedDict", ORDERED_DICT, 0},
    {"torch._utils", "_rebuild_tensor_v2", TENSOR_V2, 0},
    {"torch._utils", "_rebuild_tensor_v3", TENSOR_V3, 0},
    {"torch._utils", "_rebuild_parameter", PARAMETER, 0},
    {"torch", "DoubleStorage", STORAGE, FOX_DT_F64},
    {"torch", "FloatStorage", STORAGE, FOX_DT_F32},
    {"torch", "HalfStorage", STORAGE, FOX_DT_F16},
    {"torch", "BFloat16Storage", STORAGE, FOX_DT_BF16},
    {"torch", "LongStorage", STORAGE, FOX_DT_I64},
    {"torch", "IntStorage", STORAGE, FOX_DT_I32},
    {"torch", "ShortStorage", STORAGE, FOX_DT_I16},
    {"torch", "CharStorage", STORAGE, FOX_DT_I8},
    {"torch", "ByteStorage", STORAGE, FOX_DT_U8},
    {"torch", "BoolStorage", STORAGE, FOX_DT_BOOL},
    {"torch", "ComplexFloatStorage", STORAGE, FOX_DT_C64},
    {"torch.storage", "UntypedStorage", STORAGE, FOX_DT_COUNT},
    {"torch", "UntypedStorage", STORAGE, FOX_DT_COUNT},
    {"torch", "float64", DTYPE, FOX_DT_F64},
    {"torch", "float32", DTYPE, FOX_DT_F32},
    {"torch", "float16", DTYPE, FOX_DT_F16},
    {"torch", "bfloat16", DTYPE, FOX_DT_BF16},
    {"torch", "int64", DTYPE, FOX_DT_I64},
    {"torch", "int32", DTYPE, FOX_DT_I32},
    {"torch", "int16", DTYPE, FOX_DT_I16},
    {"torch", "int8", DTYPE, FOX_DT_I8},
    {"torch", "uint64", DTYPE, FOX_DT_U64},
    {"torch", "uint32", DTYPE, FOX_DT_U32},
    {"torch", "uint16", DTYPE, FOX_DT_U16},
    {"torch", "uint8", DTYPE, FOX_DT_U8},
    {"torch", "bool", DTYPE, FOX_DT_BOOL},
    {"torch", "complex64", DTYPE, FOX_DT_C64},
    {"torch", "float8_e4m3fn", DTYPE, FOX_DT_F8_E4M3},
    {"torch", "float8_e5m2", DTYPE, FOX_DT_F8_E5M2},
    {"torch", "float8_e8m0fnu", DTYPE, FOX_DT_F8_E8M0},
    {"torch", "float8_e4m3fnuz", DTYPE, FOX_DT_F8_E4M3FNUZ},
    {"torch", "float8_e5m2fnuz", DTYPE, FOX_DT_F8_E5M2FNUZ},
};

struct storage {
	struct fox_str key;
	enum fox_dtype dtype;
	uint64_t bytes;
};

/* What a pickle made. Lists double, and hold no more than the pickle may have objects. */
struct made {
	struct storage *storages;
	size_t n_storages, cap_storages;
	struct fox_torch_entry *tensors;
	size_t n_tensors, cap_tensors;
};

static bool find_name(void *ctx, struct fox_str module, struct fox_str name, uint32_t *number)
{
	(void)ctx;
	for (uint32_t i = 0; i < FOX_COUNT(torch_names); i++) {
		*number = i;
		if (fox_str_is(module, torch_names[i].module) && fox_str_is(name, torch_names[i].name))
			return true;
	}
	return false;
}

static enum fox_status bad(
    const struct fox_pickle *p, struct fox_err *err, enum fox_status code, const char *what)
{
	return fox_fail(err, code, fox_pickle_where(p), "pickle: %s", what);
}

/* ---- storages */

/* ("storage", class, key, location, count of elements) */
static enum fox_status make_storage(
    struct fox_pickle *p, void *ctx, const struct fox_pk_obj *id, uint32_t *out, struct fox_err *err)
{
	struct made *m = ctx;
	static const uint8_t kinds[] = {FOX_PK_STR, FOX_PK_NAME, FOX_PK_STR, FOX_PK_STR, FOX_PK_INT};
	const struct fox_pk_obj *part[FOX_COUNT(kinds)];
	bool fits = id->kind == FOX_PK_TUPLE && id->seq.n == FOX_COUNT(kinds);
	for (uint32_t i = 0; fits && i < FOX_COUNT(kinds); i++) {
		part[i] = fox_pickle_item(p, id, i);
		fits = part[i]->kind == kinds[i];
	}
	if (!fits || !fox_str_is(part[0]->s, "storage") || torch_names[part[1]->made].kind != STORAGE)
		return bad(p, err, FOX_E_FORMAT, "a persistent id that names no storage");
	struct storage s = {part[2]->s, torch_names[part[1]->made].dtype, 0};
	uint64_t item = s.dtype == FOX_DT_COUNT ? 1 : fox_dtypes[s.dtype].bits / 8;
	if (part[4]->i < 0)
		return bad(p, err, FOX_E_FORMAT, "a storage of less than no elements");
	if (!fox_mul(&s.bytes, (uint64_t)part[4]->i, item))
		return bad(p, err, FOX_E_BOUND, "a storage of more bytes than 64 bits count");
	if (m->n_storages == m->cap_storages) {
		size_t cap = m->cap_storages ? 2 * m->cap_storages : 64;
		struct storage *list = realloc(m->storages, cap * sizeof *list);
		if (!list)
			return fox_fail_nomem(err);
		m->storages = list, m->cap_storages = cap;
	}
	m->storages[m->n_storages] = s;
	return fox_pickle_add(p,
	    (struct fox_pk_obj){.kind = FOX_PK_MADE, .tag = TAG_STORAGE, .made = (uint32_t)m->n_storages++}, out,
	    err);
}

/* ---- tensors */

/* A tuple of integers >= 0. */
static enum fox_status take_dims(const struct fox_pickle *p, const struct fox_pk_obj *tuple, const char *what,
    uint64_t out[MAX_DIMS], struct fox_err *err)
{
	uint64_t at = fox_pickle_where(p);
	if (tuple->kind != FOX_PK_TUPLE)
		return fox_fail(err, FOX_E_FORMAT, at, "pickle: the %s of a tensor is %s, want a tuple", what,
		    fox_pk_kind_name(tuple));
	if (tuple->seq.n > MAX_DIMS)
		return fox_fail(
		    err, FOX_E_BOUND, at, "pickle: a tensor of %u dimensions, more than %u", tuple->seq.n, MAX_DIMS);
	for (uint32_t i = 0; i < tuple->seq.n; i++) {
		const struct fox_pk_obj *o = fox_pickle_item(p, tuple, i);
		if (o->kind != FOX_PK_INT)
			return fox_fail(err, FOX_E_FORMAT, at, "pickle: %s %u of a tensor is %s, want an integer", what,
			    i, fox_pk_kind_name(o));
		if (o->i < 0)
			return fox_fail(
			    err, FOX_E_FORMAT, at, "pickle: %s %u of a tensor is %lld", what, i, (long long)o->i);
		out[i] = (uint64_t)o->i;
	}
	return FOX_OK;
}

/* Elements of one tensor lie apart when each stride is longer than everything that the shorter ones span. What lies in one
 * place twice (expanded or overlapping views) makes large tensors of few bytes. */
static bool elements_share(const struct fox_torch_entry *t)
{
	uint64_t reach = 0; /* distance between first and last element of the dimensions so far */
	bool used[MAX_DIMS] = {false};
	for (uint32_t k = 0; k < t->n_dims; k++) {
		uint32_t best = MAX_DIMS;
		for (uint32_t i = 0; i < t->n_dims; i++)
			if (!used[i] && t->shape[i] > 1 && (best == MAX_DIMS || t->stride[i] < t->stride[best]))
				best = i;
		if (best == MAX_DIMS)
			break;
		used[best] = true;
		if (t->stride[best] <= reach)
			return true;
		reach += (t->shape[best] - 1) * t->stride[best]; /* within the storage: fit_storage saw to it */
	}
	return false;
}

static bool is_plain(const struct fox_torch_entry *t)
{
	uint64_t next = 1;
	for (uint32_t i = t->n_dims; i-- > 0;) {
		if (t->shape[i] > 1 && t->stride[i] != next)
			return false;
		next *= t->shape[i];
	}
	return true;
}

/* Fills n_elems, bytes and plain. */
static enum fox_status fit_storage(
    const struct fox_pickle *p, struct fox_torch_entry *t, const struct storage *st, struct fox_err *err)
{
	uint64_t item = fox_dtypes[t->dtype].bits / 8, last = t->first, step, end;
	t->n_elems = 1;
	for (uint32_t i = 0; i < t->n_dims; i++)
		if (!fox_mul(&t->n_elems, t->n_elems, t->shape[i]))
			return bad(p, err, FOX_E_BOUND, "elements of a tensor do not fit 64 bits");
	bool ok = fox_mul(&t->bytes, t->n_elems, item);
	for (uint32_t i = 0; i < t->n_dims && t->n_elems; i++)
		ok = ok && fox_mul(&step, t->shape[i] - 1, t->stride[i]) && fox_add(&last, last, step);
	ok = ok && fox_add(&end, last, t->n_elems != 0) && fox_mul(&end, end, item);
	if (!ok)
		return bad(p, err, FOX_E_BOUND, "size of a tensor does not fit 64 bits");
	if (end > st->bytes)
		return fox_fail(err, FOX_E_BOUND, fox_pickle_where(p),
		    "pickle: a tensor needs %llu bytes of storage '%.*s', which has %llu", (unsigned long long)end,
		    FOX_STR_ARG(st->key), (unsigned long long)st->bytes);
	t->plain = !t->n_elems || is_plain(t);
	if (t->n_elems && elements_share(t))
		return bad(p, err, FOX_E_UNSUPPORTED,
		    "elements of a tensor share bytes (an expanded view): save a contiguous copy");
	return FOX_OK;
}

/* (storage, offset, size, stride, requires_grad, hooks[, dtype in v3][, metadata]) */
static enum fox_status rebuild(struct fox_pickle *p, struct made *m, bool v3, const struct fox_pk_obj *args,
    uint32_t *out, struct fox_err *err)
{
	uint32_t n = args->seq.n, want = v3 ? 7 : 6;
	struct fox_torch_entry t = {.n_dims = 0};
	enum fox_status s;
	if (n != want && n != want + 1)
		return bad(p, err, FOX_E_FORMAT, "a tensor of another number of arguments");
	const struct fox_pk_obj *st = fox_pickle_item(p, args, 0), *first = fox_pickle_item(p, args, 1);
	const struct fox_pk_obj *size = fox_pickle_item(p, args, 2), *stride = fox_pickle_item(p, args, 3);
	const struct fox_pk_obj *more = n > want ? fox_pickle_item(p, args, want) : NULL;
	if (st->kind != FOX_PK_MADE || st->tag != TAG_STORAGE)
		return bad(p, err, FOX_E_FORMAT, "a tensor without a storage");
	if (first->kind != FOX_PK_INT || first->i < 0)
		return bad(p, err, FOX_E_FORMAT, "the offset of a tensor is no integer >= 0");
	if (more && more->kind != FOX_PK_NONE &&
	    (more->kind != FOX_PK_DICT || more->seq.n)) /* conjugate, negative */
		return bad(p, err, FOX_E_UNSUPPORTED, "a tensor with metadata that changes its values");
	const struct storage *in = &m->storages[st->made];
	t.storage = in->key, t.storage_bytes = in->bytes, t.stored_as = t.dtype = in->dtype;
	t.first = (uint64_t)first->i;
	t.n_dims = size->seq.n;
	if ((s = take_dims(p, size, "size", t.shape, err)) || (s = take_dims(p, stride, "stride", t.stride, err)))
		return s;
	if (size->seq.n != stride->seq.n)
		return bad(p, err, FOX_E_FORMAT, "a tensor of unequally many sizes and strides");
	if (v3) {
		const struct fox_pk_obj *dtype = fox_pickle_item(p, args, 6);
		if (dtype->kind != FOX_PK_NAME || torch_names[dtype->made].kind != DTYPE)
			return bad(p, err, FOX_E_FORMAT, "a tensor whose dtype is none");
		t.dtype = torch_names[dtype->made].dtype;
	}
	if (t.dtype == FOX_DT_COUNT)
		return bad(p, err, FOX_E_FORMAT, "a tensor without a dtype");
	if (t.stored_as != FOX_DT_COUNT && t.stored_as != t.dtype)
		return bad(p, err, FOX_E_FORMAT, "a tensor of another dtype than its storage");
	if ((s = fit_storage(p, &t, in, err)))
		return s;
	if (m->n_tensors == m->cap_tensors) {
		size_t cap = m->cap_tensors ? 2 * m->cap_tensors : 64;
		struct fox_torch_entry *list = realloc(m->tensors, cap * sizeof *list);
		if (!list)
			return fox_fail_nomem(err);
		m->tensors = list, m->cap_tensors = cap;
	}
	m->tensors[m->n_tensors] = t;
	return fox_pickle_add(p,
	    (struct fox_pk_obj){.kind = FOX_PK_MADE, .tag = TAG_TENSOR, .made = (uint32_t)m->n_tensors++}, out,
	    err);
}

static bool is_tensor(const struct fox_pk_obj *o)
{
	return o->kind == FOX_PK_MADE && o->tag == TAG_TENSOR;
}

static enum fox_status reduce(struct fox_pickle *p, void *ctx, uint32_t name, const struct fox_pk_obj *args,
    uint32_t *out, struct fox_err *err)
{
	switch (torch_names[name].kind) {
	case ORDERED_DICT:
		if (args->seq.n)
			return bad(p, err, FOX_E_FORMAT, "an OrderedDict that is not made empty");
		return fox_pickle_add(
		    p, (struct fox_pk_obj){.kind = FOX_PK_DICT, .seq = {FOX_PICKLE_NONE, 0, 0}}, out, err);
	case TENSOR_V2:
	case TENSOR_V3:
		return rebuild(p, ctx, torch_names[name].kind == TENSOR_V3, args, out, err);
	case PARAMETER: /* (tensor, requires_grad, hooks): the tensor as it is */
		if (args->seq.n != 3 || !is_tensor(fox_pickle_item(p, args, 0)))
			return bad(p, err, FOX_E_FORMAT, "a parameter without a tensor");
		return fox_pickle_add(p, *fox_pickle_item(p, args, 0), out, err);
	default:
		return fox_fail(err, FOX_E_UNSUPPORTED, fox_pickle_where(p), "pickle: '%s.%s' is called",
		    torch_names[name].module, torch_names[name].name);
	}
}

/* ---- the state dict */

static bool holds_tensor(const struct fox_pickle *p, const struct fox_pk_obj *dict)
{
	for (uint32_t e = dict->seq.n ? dict->seq.first : FOX_PICKLE_NONE; e != FOX_PICKLE_NONE;
	     e = fox_pickle_entry(p, e)->next)
		if (is_tensor(fox_pickle_at(p, fox_pickle_entry(p, e)->value)))
			return true;
	return false;
}

/* The dict of tensors: the root, or what a training script wrapped it in. */
static enum fox_status find_state(
    const struct fox_pickle *p, const struct fox_pk_obj **out, uint64_t base, struct fox_err *err)
{
	static const char *const wraps[] = {"state_dict", "model"};
	const struct fox_pk_obj *root = fox_pickle_at(p, fox_pickle_root(p)), *found = NULL;
	if (root->kind != FOX_PK_DICT)
		return fox_fail(
		    err, FOX_E_FORMAT, base, "pickle: holds %s, want a dict of tensors", fox_pk_kind_name(root));
	*out = root;
	if (holds_tensor(p, root))
		return FOX_OK;
	for (uint32_t e = root->seq.n ? root->seq.first : FOX_PICKLE_NONE; e != FOX_PICKLE_NONE;
	     e = fox_pickle_entry(p, e)->next) {
		const struct fox_pk_obj *key = fox_pickle_at(p, fox_pickle_entry(p, e)->key),
		                        *value = fox_pickle_at(p, fox_pickle_entry(p, e)->value);
		for (size_t i = 0; i < FOX_COUNT(wraps); i++) {
			if (key->kind != FOX_PK_STR || !fox_str_is(key->s, wraps[i]) || value->kind != FOX_PK_DICT)
				continue;
			if (found)
				return fox_fail(
				    err, FOX_E_FORMAT, base, "pickle: more than one dict is called 'state_dict' or 'model'");
			found = value;
		}
	}
	if (!found)
		return fox_fail(err, FOX_E_FORMAT, base,
		    "pickle: a dict without tensors, and without a dict 'state_dict' or 'model'");
	*out = found;
	return FOX_OK;
}

static enum fox_status add_entry(struct fox_torch_entries *out, const struct made *m, struct fox_map *names,
    const struct fox_pk_obj *key, const struct fox_pk_obj *value, struct fox_err *err)
{
	if (key->kind != FOX_PK_STR)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "pickle: a tensor is called by %s, want a string",
		    fox_pk_kind_name(key));
	if (fox_utf8_bad(key->s) != key->s.n || memchr(key->s.p, 0, key->s.n))
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "pickle: the name of a tensor is no UTF-8, or holds a NUL");
	if (!is_tensor(value))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "pickle: '%.*s' is %s, want a tensor",
		    FOX_STR_ARG(key->s), fox_pk_kind_name(value));
	if (fox_map_put(names, key->s, 0) != FOX_MAP_NONE)
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "pickle: tensor '%.*s' is there twice", FOX_STR_ARG(key->s));
	out->list[out->n] = m->tensors[value->made];
	out->list[out->n++].name = key->s;
	return FOX_OK;
}

static enum fox_status list_state(struct fox_torch_entries *out, struct fox_arena *a,
    const struct fox_pickle *p, const struct made *m, uint64_t base, struct fox_err *err)
{
	const struct fox_pk_obj *state = NULL;
	struct fox_map names = {0};
	enum fox_status s = find_state(p, &state, base, err);
	if (s)
		return s;
	out->list = fox_arena_alloc(a, state->seq.n, sizeof *out->list);
	if (!out->list || !fox_map_init(&names, a, state->seq.n))
		return fox_fail_nomem(err);
	for (uint32_t e = state->seq.n ? state->seq.first : FOX_PICKLE_NONE; !s && e != FOX_PICKLE_NONE;
	     e = fox_pickle_entry(p, e)->next)
		s = add_entry(out, m, &names, fox_pickle_at(p, fox_pickle_entry(p, e)->key),
		    fox_pickle_at(p, fox_pickle_entry(p, e)->value), err);
	return s;
}

enum fox_status fox_torch_pickle_parse(struct fox_torch_entries *out, struct fox_arena *a,
    struct fox_span pickle, uint64_t base, struct fox_err *err)
{
	struct made m = {0};
	struct fox_pickle *p = NULL;
	struct fox_pickle_rules rules = {&m, find_name, reduce, make_storage};
	*out = (struct fox_torch_entries){0};
	enum fox_status s = fox_pickle_run(&p, pickle, base, &rules, err);
	if (!s)
		s = list_state(out, a, p, &m, base, err);
	fox_pickle_free(p);
	free(m.storages);
	free(m.tensors);
	return s;
}
