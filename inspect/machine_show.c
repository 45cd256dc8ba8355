/* machine_show.c - what does not need a file: this machine's instruction sets and kernels, and the architecture table. */
#include "inspect/inspect.h"

#include "format/arch.h"
#include "kernels/cuda/cuda.h"
#include "kernels/kernels.h"

enum fox_status fox_look_cpu(struct fox_report *r, struct fox_look *look, struct fox_err *err)
{
	static const struct fox_column columns[] = {
	    {"type", "type", false, false},
	    {"dot", "dot", false, false},
	    {"decode", "decode", false, false},
	    {"encode", "encode", false, false},
	    {"kv_cache", "kv cache", false, false},
	};
	const struct fox_kernels *k = fox_kernels();
	char text[512];
	(void)look;
	(void)err;
	fox_cpu_describe(text, sizeof text);
	fox_report_field(r, "cpu", "cpu", fox_cell_copy(r, fox_str_of(text)));
	fox_cuda_describe(text, sizeof text);
	fox_report_field(r, "cuda", "cuda", fox_cell_copy(r, fox_str_of(text)));
	fox_report_field(r, "cuda_devices", NULL, fox_cell_i64(fox_cuda_count()));
	struct fox_table *table = fox_report_table(r, "kernels", columns, FOX_COUNT(columns));
	for (uint32_t t = 0; t < FOX_TYPE_LIMIT; t++) {
		const struct fox_type_info *info = fox_type_info(t);
		if (!info || (!k->dot[t] && !k->decode[t]))
			continue;
		const struct fox_cell row[] = {fox_cell_cstr(info->name),
		    fox_cell_cstr(!k->dot[t]      ? NULL
		                  : k->dot_isa[t] ? k->dot_isa[t]
		                                  : "scalar"),
		    fox_cell_bool(k->decode[t] != NULL), fox_cell_bool(k->encode[t] != NULL),
		    fox_cell_bool(k->attn.cache[t].keys != NULL)};
		fox_report_row(r, table, row);
	}
	return FOX_OK;
}

static const char *dim_name(enum fox_dim d)
{
	static const char *const names[] = {[FOX_D_NONE] = NULL,
	    [FOX_D_MODEL] = "model",
	    [FOX_D_VOCAB] = "vocab",
	    [FOX_D_Q] = "q",
	    [FOX_D_KV] = "kv",
	    [FOX_D_QKV] = "q + 2 kv",
	    [FOX_D_FF] = "ff",
	    [FOX_D_FF2] = "2 ff",
	    [FOX_D_HEAD] = "head",
	    [FOX_D_CTX] = "context",
	    [FOX_D_ROPE_PAIRS] = "rope / 2"};
	return (size_t)d < FOX_COUNT(names) ? names[d] : "?";
}

/* The FOX_T_* bits as words. */
static struct fox_cell how_text(struct fox_report *r, uint32_t how)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} rows[] = {
	    {FOX_T_OPTIONAL, "optional"},
	    {FOX_T_ROPE_Q, "rope q"},
	    {FOX_T_ROPE_K, "rope k"},
	    {FOX_T_TIED_EMBED, "tied"},
	    {FOX_T_KEEP_F32, "f32"},
	    {FOX_T_ADD_ONE, "1 + w"},
	    {FOX_T_FIRST_HALF, "first half"},
	    {FOX_T_SECOND_HALF, "second half"},
	    {FOX_T_QKV_HEADS, "q, k, v apart"},
	    {FOX_T_TRANSPOSE, "transposed"},
	    {FOX_T_MADE, "made"},
	    {FOX_T_BIAS, "if biased"},
	    {FOX_T_BIAS_OUT, "if biased"},
	    {FOX_T_BIAS_FFN, "if biased"},
	    {FOX_T_SERIAL, "unless parallel"},
	};
	struct fox_buf b = {0};
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		if (how & rows[i].bit)
			fox_buf_fmt(&b, "%s%s", b.n ? ", " : "", rows[i].name);
	if (b.failed)
		r->failed = true;
	struct fox_cell cell = fox_cell_copy(r, b.p ? fox_buf_view(&b) : fox_str_of(""));
	fox_buf_free(&b);
	return cell;
}

static void arch_traits(struct fox_report *r, const struct fox_arch *a)
{
	static const char *const rope[] = {
	    [FOX_ROPE_NONE] = "none", [FOX_ROPE_PAIRS] = "pairs", [FOX_ROPE_HALVES] = "halves"};
	static const char *const norm[] = {[FOX_NORM_RMS] = "rms", [FOX_NORM_LAYER] = "layer"};
	static const char *const act[] = {[FOX_ACT_SILU] = "silu", [FOX_ACT_GELU_TANH] = "gelu tanh"};
	fox_report_field(r, "name", "architecture", fox_cell_cstr(a->name));
	fox_report_field(r, "hf_class", "class", fox_cell_cstr(a->hf_class));
	fox_report_field(r, "hf_types", "model type", fox_cell_cstr(a->hf_types));
	fox_report_field(r, "rope", "rope", fox_cell_cstr(rope[a->traits.rope]));
	fox_report_field(r, "norm", "norm", fox_cell_cstr(norm[a->traits.norm]));
	fox_report_field(r, "activation", "activation", fox_cell_cstr(act[a->traits.act]));
	fox_report_field(r, "gated", "gated", fox_cell_bool(a->traits.gated));
	fox_report_field(r, "tied_default", "tied unless said", fox_cell_bool(a->tied_default));
}

static void arch_keys(struct fox_report *r, const struct fox_arch *a)
{
	static const char *const type[] = {[FOX_K_U32] = "u32",
	    [FOX_K_F32] = "f32",
	    [FOX_K_BOOL] = "bool",
	    [FOX_K_U32_LAYERS] = "u32 or by layer",
	    [FOX_K_MULTIPLES] = "u32 or by layer",
	    [FOX_K_ROPE_KIND] = "string",
	    [FOX_K_WINDOWED] = "u32 or bool by layer"};
	static const struct fox_column columns[] = {
	    {"key", "key", false, false},
	    {"type", "type", false, false},
	    {"required", NULL, false, false},
	    {"default", NULL, false, false},
	    {"config", "config.json", false, true},
	};
	struct fox_table *table = fox_report_table(r, "keys", columns, FOX_COUNT(columns));
	for (size_t i = 0; i < a->n_keys; i++) {
		const struct fox_arch_key *k = &a->keys[i];
		const struct fox_cell row[] = {fox_cell_cstr(k->key), fox_cell_cstr(type[k->type]),
		    fox_cell_bool(k->required), k->preset != 0 ? fox_cell_exact(k->preset) : fox_cell_none(),
		    fox_cell_cstr(k->config)};
		fox_report_row(r, table, row);
	}
}

static void arch_tensors(struct fox_report *r, const struct fox_arch *a)
{
	static const struct fox_column columns[] = {
	    {"name", "tensor", false, false},
	    {NULL, "shape", false, false},
	    {"rows", NULL, false, false},
	    {"cols", NULL, false, false},
	    {"how", "how", false, false},
	    {"source", "source", false, true},
	};
	struct fox_table *table = fox_report_table(r, "tensors", columns, FOX_COUNT(columns));
	for (size_t i = 0; i < a->n_tensors; i++) {
		const struct fox_arch_tensor *t = &a->tensors[i];
		const char *rows = dim_name(t->rows), *cols = dim_name(t->cols);
		const struct fox_cell row[] = {fox_cell_cstr(t->name),
		    rows ? fox_cell_fmt(r, "%s x %s", rows, cols) : fox_cell_cstr(cols), fox_cell_cstr(rows),
		    fox_cell_cstr(cols), how_text(r, t->how), fox_cell_cstr(t->hf)};
		fox_report_row(r, table, row);
	}
}

enum fox_status fox_look_arch(struct fox_report *r, struct fox_look *look, struct fox_err *err)
{
	static const struct fox_column list[] = {
	    {"name", "architecture", false, false},
	    {"hf_class", "class", false, false},
	    {"n_tensors", "tensors", true, false},
	};
	static const struct fox_column rules[] = {
	    {"accept", "accepted values", false, false}, {"config", "config.json", false, true}};
	const struct fox_arch *a;
	if (!look->name) {
		struct fox_table *table = fox_report_table(r, "architectures", list, FOX_COUNT(list));
		for (size_t i = 0; (a = fox_arch_at(i)); i++) {
			const struct fox_cell row[] = {
			    fox_cell_cstr(a->name), fox_cell_cstr(a->hf_class), fox_cell_u64(a->n_tensors)};
			fox_report_row(r, table, row);
		}
		return FOX_OK;
	}
	a = fox_arch_by_name(fox_str_of(look->name));
	if (!a)
		a = fox_arch_by_class(fox_str_of(look->name));
	if (!a)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "no architecture '%s'", look->name);
	arch_traits(r, a);
	arch_keys(r, a);
	arch_tensors(r, a);
	if (a->n_rules) {
		struct fox_table *table = fox_report_table(r, "rules", rules, FOX_COUNT(rules));
		for (size_t i = 0; i < a->n_rules; i++) {
			const struct fox_cell row[] = {
			    fox_cell_cstr(a->rules[i].accept), fox_cell_cstr(a->rules[i].config)};
			fox_report_row(r, table, row);
		}
	}
	return FOX_OK;
}
