/* model.c - binds a container's tensors to the roles of its architecture and checks everything a run relies
 * on. */
#include "runtime/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/base/map.h"
#include "format/base/num.h"
#include "kernels/kernels.h"

struct fox_model {
	const struct fox_gguf *g;
	struct fox_gguf *own; /* what close closes; NULL when borrowed */
	const struct fox_arch *arch;
	struct fox_hparams h;
	struct fox_weights weights;
	struct fox_graph graph;
	struct fox_arena arena;
	uint64_t bytes;
};

/* Keys below "<arch>." that other tools write and that leave the maths alone, or leave it alone at one value.
 * A key of the architecture in neither this list nor the architecture's own table is refused: it might change
 * what the model computes. source: llama.cpp src/llama-arch.cpp (names), src/llama-model.cpp (defaults). */
static const struct neutral_key {
	const char *suffix;
	bool any;      /* any value: without effect, or judged by fox_hparams_from_gguf already */
	double number; /* else the one value without effect */
} neutral_keys[] = {
    {"tensor_data_layout", true, 0},
    {"attention.layer_norm_epsilon", true, 0}, /* read by families with layer norm only */
    {"attention.causal", true, 0},
    {"attention.sliding_window", false, 0},
    {"attention.clamp_kqv", false, 0},
    {"attention.max_alibi_bias", false, 0},
    {"expert_count", true, 0},
    {"expert_used_count", false, 0},
    {"logit_scale", false, 1},
    {"rope.scale_linear", true, 0},
    {"rope.scaling.type", true, 0},
    {"rope.scaling.factor", true, 0},
    {"rope.scaling.attn_factor", true, 0},
    {"rope.scaling.alpha", true, 0},
    {"rope.scaling.finetuned", true, 0},
    {"rope.scaling.original_context_length", true, 0}, /* matters to yarn alone */
    {"use_parallel_residual", false, 0},
};

static bool key_number(const struct fox_gguf *g, const struct fox_gguf_kv *kv, double *out)
{
	bool b;
	int64_t i;
	if (kv->type == FOX_GGUF_ARR)
		return false;
	if (fox_gguf_item_f64(g, kv, 0, out))
		return true;
	if (fox_gguf_item_i64(g, kv, 0, &i)) {
		*out = (double)i;
		return true;
	}
	if (fox_gguf_item_bool(g, kv, 0, &b)) {
		*out = b;
		return true;
	}
	return false;
}

static bool key_is_known(const struct fox_model *m, const struct fox_gguf_kv *kv, struct fox_str suffix)
{
	char name[128];
	double number;
	for (size_t i = 0; i < m->arch->n_keys; i++)
		if (m->arch->keys[i].key && fox_arch_expand(name, sizeof name, m->arch->keys[i].key, m->arch, 0) &&
		    fox_str_is(kv->key, name))
			return true;
	for (size_t i = 0; i < FOX_COUNT(neutral_keys); i++)
		if (fox_str_is(suffix, neutral_keys[i].suffix))
			return neutral_keys[i].any || (key_number(m->g, kv, &number) && number == neutral_keys[i].number);
	return false;
}

static enum fox_status check_keys(const struct fox_model *m, struct fox_err *err)
{
	size_t n_arch = strlen(m->arch->name);
	for (size_t i = 0; i < fox_gguf_keys(m->g); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(m->g, i);
		if (!fox_str_starts(kv->key, m->arch->name) || kv->key.n <= n_arch + 1 || kv->key.p[n_arch] != '.')
			continue;
		struct fox_str suffix = {kv->key.p + n_arch + 1, kv->key.n - n_arch - 1};
		if (!key_is_known(m, kv, suffix))
			return fox_fail(err, FOX_E_UNSUPPORTED, kv->at,
			    "key '%.*s' (or its value) changes the model in a way that this build does not compute",
			    FOX_STR_ARG(kv->key));
	}
	return FOX_OK;
}

/* Names for one message: as many as read well, then how many more. */
struct names {
	char text[560];
	size_t used, n, left_out;
};

static void names_add(struct names *l, struct fox_str name)
{
	l->n++;
	size_t room = sizeof l->text - l->used;
	if (l->left_out || name.n > 200 || room < name.n + 5) {
		l->left_out++;
		return;
	}
	int put = snprintf(l->text + l->used, room, "%s'%.*s'", l->used ? ", " : "", FOX_STR_ARG(name));
	l->used += (size_t)put;
}

static enum fox_status names_fail(
    const struct names *l, enum fox_status code, const char *one, const char *many, struct fox_err *err)
{
	if (l->left_out)
		return fox_fail(err, code, FOX_NOWHERE, "%zu %s: %s and %zu more", l->n, l->n == 1 ? one : many,
		    l->text, l->left_out);
	return fox_fail(err, code, FOX_NOWHERE, "%zu %s: %s", l->n, l->n == 1 ? one : many, l->text);
}

/* "256 x 128", outermost first as people write shapes. */
static void shape_text(char *out, size_t cap, const struct fox_tensor *t)
{
	size_t used = 0;
	out[0] = 0;
	for (uint32_t d = t->n_dims; d-- > 0 && used < cap;)
		used +=
		    (size_t)snprintf(out + used, cap - used, "%llu%s", (unsigned long long)t->dim[d], d ? " x " : "");
}

static enum fox_status check_shape(
    const struct fox_slot *slot, const struct fox_tensor *t, struct fox_err *err)
{
	char got[96], want[64];
	uint64_t rows = slot->row->rows == FOX_D_NONE ? 1 : slot->rows;
	if (t->dim[0] == slot->cols && t->dim[1] == rows && t->dim[2] == 1 && t->dim[3] == 1)
		return FOX_OK;
	shape_text(got, sizeof got, t);
	if (slot->row->rows == FOX_D_NONE)
		snprintf(want, sizeof want, "%llu", (unsigned long long)slot->cols);
	else
		snprintf(want, sizeof want, "%llu x %llu", (unsigned long long)rows, (unsigned long long)slot->cols);
	return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "tensor '%.*s' has shape %s, want %s",
	    FOX_STR_ARG(t->name), got, want);
}

/* Vectors (norms) are small: decoded once, so that their type and alignment in the file do not matter. */
static enum fox_status bind_vector(
    struct fox_model *m, struct fox_weight *w, const struct fox_kernels *k, struct fox_err *err)
{
	float *vec = fox_arena_alloc(&m->arena, (size_t)w->cols, sizeof *vec);
	if (!vec)
		return fox_fail_nomem(err);
	k->decode[w->type](vec, w->data, (size_t)w->cols);
	w->vec = vec;
	return FOX_OK;
}

static enum fox_status bind_one(struct fox_model *m, const struct fox_slot *slot, const struct fox_tensor *t,
    const struct fox_kernels *k, struct fox_err *err)
{
	if (check_shape(slot, t, err))
		return FOX_E_FORMAT;
	bool vector = slot->row->rows == FOX_D_NONE;
	const struct fox_type_info *type = fox_type_info(t->type);
	if (!k->decode[t->type] || (!vector && !k->dot[t->type]))
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "tensor '%.*s' is %s, which this build cannot compute with", FOX_STR_ARG(t->name),
		    type ? type->name : "of an unknown type");
	struct fox_weight *w = fox_arena_alloc(&m->arena, 1, sizeof *w);
	if (!w)
		return fox_fail_nomem(err);
	*w = (struct fox_weight){
	    .name = t->name, .type = t->type, .rows = t->dim[1], .cols = t->dim[0], .data = t->data.p};
	uint64_t need;
	if (!fox_type_row_bytes(t->type, w->cols, &w->row_bytes) || !fox_mul(&need, w->row_bytes, w->rows) ||
	    need > t->data.n)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "tensor '%.*s' has %zu bytes of data, too few for its shape", FOX_STR_ARG(t->name), t->data.n);
	m->bytes += need;
	enum fox_role role = slot->row->role;
	if (role < FOX_R_PER_LAYER)
		m->weights.global[role] = w;
	else
		m->weights.layer[(size_t)slot->layer * FOX_LAYER_ROLES + (role - FOX_R_PER_LAYER)] = w;
	return vector ? bind_vector(m, w, k, err) : FOX_OK;
}

static bool slot_may_be_absent(const struct fox_slot *s)
{
	/* A family that can tie has the tensor only when the model does not tie: absent means tied. */
	return (s->row->how & FOX_T_OPTIONAL) || (s->row->how & FOX_T_TIED_EMBED);
}

/* Match tensors and slots by name in linear time, then bind each pair. */
static enum fox_status bind_slots(struct fox_model *m, struct fox_err *err)
{
	const struct fox_kernels *k = fox_kernels();
	struct fox_slot *slots;
	size_t n_slots;
	enum fox_status st = fox_arch_slots(m->arch, &m->h, &m->arena, &slots, &n_slots, err);
	if (st)
		return st;
	struct fox_map by_name = {0};
	const struct fox_tensor **found = fox_arena_alloc(&m->arena, n_slots, sizeof(const struct fox_tensor *));
	m->weights.layer = fox_arena_alloc(
	    &m->arena, (size_t)m->h.n_layers * FOX_LAYER_ROLES, sizeof(const struct fox_weight *));
	if (!found || !m->weights.layer || !fox_map_init(&by_name, &m->arena, n_slots))
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n_slots; i++)
		(void)fox_map_put(&by_name, fox_str_of(slots[i].name), (uint32_t)i);

	struct names extra = {0}, missing = {0};
	for (size_t i = 0; i < fox_gguf_tensors(m->g); i++) {
		const struct fox_tensor *t = fox_gguf_tensor(m->g, i);
		uint32_t at = fox_map_find(&by_name, t->name);
		if (at == FOX_MAP_NONE)
			names_add(&extra, t->name);
		else
			found[at] = t;
	}
	for (size_t i = 0; i < n_slots; i++)
		if (!found[i] && !slot_may_be_absent(&slots[i]))
			names_add(&missing, fox_str_of(slots[i].name));
	if (missing.n)
		return names_fail(&missing, FOX_E_FORMAT, "tensor is missing", "tensors are missing", err);
	if (extra.n) /* a bias or a frequency table left aside would give wrong results without a word */
		return names_fail(&extra, FOX_E_UNSUPPORTED, "tensor that the architecture does not have",
		    "tensors that the architecture does not have", err);
	for (size_t i = 0; i < n_slots; i++)
		if (found[i] && (st = bind_one(m, &slots[i], found[i], k, err)))
			return st;
	return FOX_OK;
}

/* A hint only: start reading the weights of a file from the disk while the session is being set up. */
static void read_ahead(const struct fox_gguf *part)
{
	struct fox_span all = fox_gguf_bytes(part);
	const struct fox_gguf_header *head = fox_gguf_header(part);
	long page = sysconf(_SC_PAGESIZE);
	if (page <= 0 || !all.n || head->data_at >= all.n)
		return;
	uintptr_t from = ((uintptr_t)all.p + (uintptr_t)head->data_at) & ~((uintptr_t)page - 1);
	uintptr_t end = (uintptr_t)all.p + all.n;
	(void)madvise((void *)from, end - from, MADV_WILLNEED);
}

static enum fox_status bind(struct fox_model *m, struct fox_err *err)
{
	struct fox_str name;
	enum fox_status st = fox_gguf_str(m->g, "general.architecture", &name, err);
	if (st)
		return st;
	m->arch = fox_arch_by_name(name);
	if (!m->arch)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "architecture '%.*s' is not one that this build runs", FOX_STR_ARG(name));
	if (fox_gguf_header(m->g)->big_endian)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "the tensors are big-endian, and this build runs only little-endian ones");
	if ((st = fox_hparams_from_gguf(&m->h, m->arch, m->g, err)) || (st = check_keys(m, err)) ||
	    (st = bind_slots(m, err)))
		return st;
	return fox_graph_build(&m->graph, m->arch, &m->h, &m->weights, &m->arena, err);
}

enum fox_status fox_model_bind(struct fox_model **out, const struct fox_gguf *g, struct fox_err *err)
{
	*out = NULL;
	struct fox_model *m = calloc(1, sizeof *m);
	if (!m)
		return fox_fail_nomem(err);
	m->g = g;
	enum fox_status st = bind(m, err);
	if (st) {
		fox_model_close(m);
		return fox_in_file(err, fox_gguf_path(g)), st;
	}
	*out = m;
	return FOX_OK;
}

enum fox_status fox_model_open(struct fox_model **out, const char *path, struct fox_err *err)
{
	*out = NULL;
	struct fox_gguf *g;
	enum fox_status st = fox_gguf_open_set(&g, path, err);
	if (st)
		return st;
	if ((st = fox_model_bind(out, g, err))) {
		fox_gguf_close(g);
		return st;
	}
	(*out)->own = g;
	for (size_t i = 0; i < fox_gguf_parts(g); i++)
		read_ahead(fox_gguf_part(g, i));
	return FOX_OK;
}

void fox_model_close(struct fox_model *m)
{
	if (!m)
		return;
	fox_arena_free(&m->arena);
	fox_gguf_close(m->own);
	free(m);
}

const struct fox_gguf *fox_model_gguf(const struct fox_model *m)
{
	return m->g;
}

const struct fox_arch *fox_model_arch(const struct fox_model *m)
{
	return m->arch;
}

const struct fox_hparams *fox_model_hparams(const struct fox_model *m)
{
	return &m->h;
}

const struct fox_graph *fox_model_graph(const struct fox_model *m)
{
	return &m->graph;
}

const struct fox_weight *fox_model_weight(const struct fox_model *m, enum fox_role role, uint32_t layer)
{
	if (role >= FOX_R_COUNT || (role >= FOX_R_PER_LAYER && layer >= m->h.n_layers))
		return NULL;
	if (role >= FOX_R_PER_LAYER)
		return m->weights.layer[(size_t)layer * FOX_LAYER_ROLES + (role - FOX_R_PER_LAYER)];
	if (role == FOX_R_OUTPUT && !m->weights.global[role])
		return m->weights.global[FOX_R_TOKEN_EMBD];
	return m->weights.global[role];
}

uint64_t fox_model_bytes(const struct fox_model *m)
{
	return m->bytes;
}
