/* memory.c - the memory that running a container takes, from its header. Weights for every file; the cache where the keys
 * say its shape; scratch and logits where this build can run the architecture. */
#include "inspect/inspect.h"

#include <stdlib.h>

#include "format/arch.h"
#include "format/base/num.h"
#include "runtime/kv.h"
#include "runtime/session.h"

/* Elements that the cache holds for one position: sum over layers of kv heads * (key + value length). False: unknown. */
static bool kv_elements(const struct fox_gguf *g, struct fox_str arch, uint64_t *out)
{
	struct fox_range layers, heads, kv, width, key, value;
	char name[256];
	if (!fox_look_arch_range(g, arch, "block_count", &layers) || layers.most > FOX_MAX_LAYERS ||
	    !fox_look_arch_range(g, arch, "attention.head_count", &heads))
		return false;
	if (!fox_look_arch_range(g, arch, "attention.head_count_kv", &kv))
		kv = heads;
	if (!fox_look_arch_range(g, arch, "attention.key_length", &key)) {
		if (!fox_look_arch_range(g, arch, "embedding_length", &width) || !heads.most ||
		    heads.least != heads.most)
			return false;
		key.most = width.most / heads.most;
	}
	if (!fox_look_arch_range(g, arch, "attention.value_length", &value))
		value.most = key.most;
	snprintf(name, sizeof name, "%.*s.attention.head_count_kv", FOX_STR_ARG(arch));
	const struct fox_gguf_kv *list = fox_gguf_find_key(g, name);
	uint64_t sum = 0, each, v;
	for (uint64_t l = 0; l < layers.most; l++) {
		bool own = list && list->type == FOX_GGUF_ARR && fox_gguf_item_u64(g, list, l, &v);
		if (!fox_add(&each, key.most, value.most) || !fox_mul(&each, each, own ? v : kv.most) ||
		    !fox_add(&sum, sum, each))
			return false;
	}
	*out = sum;
	return true;
}

static const struct fox_column columns[] = {
    {"kv_type", "kv cache", false, false},
    {"kv_bytes_per_position", "a position", true, false},
    {"kv_bytes", "cache", true, false},
    {"scratch_bytes", "scratch", true, false},
    {"logits_bytes", "logits", true, false},
    {"total_bytes", "total", true, false},
};

/* A row from the runtime's own figures. */
static enum fox_status exact_row(struct fox_report *r, struct fox_table *table, const struct fox_hparams *h,
    uint64_t weights, uint32_t n_ctx, enum fox_type type, struct fox_err *err)
{
	const struct fox_session_options options = {.n_ctx = n_ctx, .kv = type};
	struct fox_memory m;
	enum fox_status st = fox_session_memory(&m, h, weights, &options, err);
	if (st)
		return st;
	const struct fox_cell row[] = {fox_cell_cstr(fox_type_info(type)->name), fox_cell_bytes(m.kv / n_ctx),
	    fox_cell_bytes(m.kv), fox_cell_bytes(m.scratch), fox_cell_bytes(m.logits), fox_cell_bytes(m.total)};
	fox_report_row(r, table, row);
	return FOX_OK;
}

/* A row from keys alone: scratch and logits are unknown, so the total is too. */
static enum fox_status plain_row(struct fox_report *r, struct fox_table *table, uint64_t elements,
    uint64_t n_ctx, enum fox_type type, struct fox_err *err)
{
	uint64_t position, cache;
	const struct fox_cell none = fox_cell_none();
	if (elements % fox_type_info(type)->elems)
		return FOX_OK; /* heads that this type does not fit */
	if (!fox_mul(&position, elements / fox_type_info(type)->elems, fox_type_info(type)->bytes) || !fox_mul(&cache, position, n_ctx))
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "the cache of %llu positions does not fit 64 bits",
		    (unsigned long long)n_ctx);
	const struct fox_cell row[] = {fox_cell_cstr(fox_type_info(type)->name), fox_cell_bytes(position),
	    fox_cell_bytes(cache), none, none, none};
	fox_report_row(r, table, row);
	return FOX_OK;
}

enum fox_status fox_look_memory(struct fox_report *r, struct fox_look *look, struct fox_err *err)
{
	uint64_t bytes, weights, elements, n_ctx = look->n_ctx;
	struct fox_str name = {"", 0};
	struct fox_range context;
	fox_look_totals(look->g, &bytes, &weights);
	fox_look_str(look->g, "general.architecture", &name);
	if (n_ctx == FOX_LOOK_UNSET) {
		if (!fox_look_arch_range(look->g, name, "context_length", &context) || !context.most)
			return fox_fail(
			    err, FOX_E_ARG, FOX_NOWHERE, "the file does not say a context length: give one with -c");
		n_ctx = context.most;
	}
	fox_report_field(r, "file", "file", fox_cell_cstr(look->path));
	fox_report_field(r, "n_ctx", "context", fox_cell_count(n_ctx));
	fox_report_field(r, "weights_bytes", "weights", fox_cell_bytes(bytes));
	const struct fox_arch *arch = fox_arch_by_name(name);
	struct fox_hparams *h = arch ? malloc(sizeof *h) : NULL;
	enum fox_status st = FOX_OK;
	if (arch && !h)
		return fox_fail_nomem(err);
	bool runs = h && n_ctx <= UINT32_MAX && fox_hparams_from_gguf(h, arch, look->g, NULL) == FOX_OK;
	bool known = runs || kv_elements(look->g, name, &elements);
	fox_report_field(r, "known_architecture", NULL, fox_cell_bool(runs));
	if (!known)
		fox_report_line(r, "the keys do not give the shape of the cache");
	struct fox_table *table = known ? fox_report_table(r, "memory", columns, FOX_COUNT(columns)) : NULL;
	for (size_t i = 0; i < FOX_KV_TYPES && !st && known; i++) {
		enum fox_type type = fox_kv_types[i];
		if (!runs)
			st = plain_row(r, table, elements, n_ctx, type, err);
		else if (fox_kv_type_fits(h, type))
			st = exact_row(r, table, h, bytes, (uint32_t)n_ctx, type, err);
	}
	free(h);
	return st;
}
