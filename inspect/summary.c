/* summary.c - a container on one page: what it is, how large, how it tokenizes, whether it is whole, where it comes from.
 *
 * Works from the header alone and takes every key as optional: any GGUF file has a summary. Numbers of the model are read
 * under the names that all families share, so an unknown architecture is described as far as its keys go. */
#include "inspect/inspect.h"

#include <stdlib.h>

#include "format/arch.h"
#include "format/ftype.h"
#include "format/profile.h"

#define KEY_BYTES 192u /* longest key name that is put together here */

bool fox_look_str(const struct fox_gguf *g, const char *key, struct fox_str *out)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, key);
	uint64_t cursor = 0;
	return kv && kv->type == FOX_GGUF_STR && fox_gguf_next_str(g, kv, &cursor, out);
}

bool fox_look_range(const struct fox_gguf *g, const char *key, struct fox_range *out)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, key);
	uint64_t v;
	if (!kv || !kv->n_items || !fox_gguf_item_u64(g, kv, 0, &v))
		return false;
	*out = (struct fox_range){v, v};
	for (uint64_t i = 1; i < kv->n_items; i++) {
		if (!fox_gguf_item_u64(g, kv, i, &v))
			return false;
		out->least = v < out->least ? v : out->least;
		out->most = v > out->most ? v : out->most;
	}
	return true;
}

/* "{arch}.{field}" in key; false when it does not fit. */
static bool arch_key(char key[KEY_BYTES], struct fox_str arch, const char *field)
{
	int n = snprintf(key, KEY_BYTES, "%.*s.%s", FOX_STR_ARG(arch), field);
	return n > 0 && (size_t)n < KEY_BYTES && arch.n <= 200;
}

bool fox_look_arch_range(
    const struct fox_gguf *g, struct fox_str arch, const char *field, struct fox_range *out)
{
	char key[KEY_BYTES];
	return arch_key(key, arch, field) && fox_look_range(g, key, out);
}

/* A float key of the architecture. */
static bool arch_f32(const struct fox_gguf *g, struct fox_str arch, const char *field, float *out)
{
	char key[KEY_BYTES];
	return arch_key(key, arch, field) && fox_gguf_f32(g, key, out, NULL) == FOX_OK;
}

void fox_look_totals(const struct fox_gguf *g, uint64_t *bytes, uint64_t *weights)
{
	*bytes = *weights = 0;
	for (size_t i = 0; i < fox_gguf_tensors(g); i++) {
		*bytes += fox_gguf_tensor(g, i)->data.n; /* ranges inside one file: the sum cannot wrap */
		*weights += fox_gguf_tensor(g, i)->n_elems;
	}
}

static void look_file(struct fox_report *r, struct fox_look *look)
{
	static const char *const state_name[] = {[FOX_HASH_NONE] = "none",
	    [FOX_HASH_OK] = "ok",
	    [FOX_HASH_FOREIGN] = "changed by another tool",
	    [FOX_HASH_DAMAGED] = "damaged"};
	static const char *const state_text[] = {[FOX_HASH_NONE] = "none: the file carries no fox hashes",
	    [FOX_HASH_OK] = "ok: the header is as written (fox-verify checks the tensors)",
	    [FOX_HASH_FOREIGN] = "changed by another tool since fox wrote it",
	    [FOX_HASH_DAMAGED] = "damaged: the header is not as written"};
	const struct fox_gguf_header *h = fox_gguf_header(look->g);
	uint64_t bytes = 0, trailing = 0;
	for (size_t i = 0; i < fox_gguf_parts(look->g); i++) {
		bytes += fox_gguf_header(fox_gguf_part(look->g, i))->file_bytes;
		trailing += fox_gguf_header(fox_gguf_part(look->g, i))->trailing;
	}
	enum fox_hash_state state = fox_profile_state(look->g);
	size_t keys = fox_gguf_keys(look->g), tensors = fox_gguf_tensors(look->g);
	look->bad = state == FOX_HASH_DAMAGED;
	fox_report_field(r, "file", "file", fox_cell_cstr(look->path));
	fox_report_field(r, "file_bytes", "size", fox_cell_bytes(bytes));
	fox_report_field(r, NULL, "format",
	    fox_cell_fmt(r, "GGUF v%u, %s-endian, %zu key%s, %zu tensor%s", h->version,
	        h->big_endian ? "big" : "little", keys, keys == 1 ? "" : "s", tensors, tensors == 1 ? "" : "s"));
	fox_report_field(r, "gguf_version", NULL, fox_cell_u64(h->version));
	fox_report_field(r, "big_endian", NULL, fox_cell_bool(h->big_endian));
	fox_report_field(r, "alignment", NULL, fox_cell_u64(h->alignment));
	fox_report_field(r, "data_offset", NULL, fox_cell_u64(h->data_at));
	fox_report_field(r, "n_keys", NULL, fox_cell_u64(keys));
	fox_report_field(r, "n_tensors", NULL, fox_cell_u64(tensors));
	if (trailing)
		fox_report_field(r, "trailing_bytes", "behind the data", fox_cell_bytes(trailing));
	fox_report_field(r, "hash_state", NULL, fox_cell_cstr(state_name[state]));
	fox_report_field(r, NULL, "hashes", fox_cell_cstr(state_text[state]));
}

/* A number of the architecture: one for all layers, or "2 to 8" (JSON: key_min, key_max as one array). */
static void range_field(struct fox_report *r, const char *key, const char *label, const struct fox_range *x)
{
	if (x->least == x->most) {
		fox_report_field(r, key, label, fox_cell_count(x->least));
		return;
	}
	const uint64_t both[2] = {x->least, x->most};
	char least[32], most[32];
	fox_report_field(r, key, NULL, fox_cell_shape(r, both, 2));
	fox_report_field(r, NULL, label,
	    fox_cell_fmt(
	        r, "%s to %s, by layer", fox_count_text(least, x->least), fox_count_text(most, x->most)));
}

static void look_sizes(struct fox_report *r, const struct fox_gguf *g, struct fox_str arch)
{
	static const struct {
		const char *field, *key, *label;
	} rows[] = {
	    {"context_length", "context_length", "context"},
	    {"block_count", "layers", "layers"},
	    {"embedding_length", "embedding_length", "embedding"},
	    {"feed_forward_length", "feed_forward_length", "feed-forward"},
	    {"attention.head_count", "heads", "heads"},
	    {"attention.head_count_kv", "kv_heads", "kv heads"},
	    {"attention.key_length", "head_dim", "head size"},
	    {"attention.sliding_window", "sliding_window", "window"},
	    {"expert_count", "experts", "experts"},
	    {"expert_used_count", "experts_used", "experts used"},
	    {"rope.dimension_count", "rope_dimensions", "rope dims"},
	};
	struct fox_range x, width, heads;
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		if (fox_look_arch_range(g, arch, rows[i].field, &x))
			range_field(r, rows[i].key, rows[i].label, &x);
		else if (!strcmp(rows[i].key, "head_dim") &&
		         fox_look_arch_range(g, arch, "embedding_length", &width) &&
		         fox_look_arch_range(g, arch, "attention.head_count", &heads) && heads.least &&
		         heads.least == heads.most && width.most % heads.most == 0) {
			x.least = x.most = width.most / heads.most; /* what the key's absence means */
			range_field(r, rows[i].key, rows[i].label, &x);
		}
	}
	float f;
	if (arch_f32(g, arch, "rope.freq_base", &f))
		fox_report_field(r, "rope_theta", "rope theta", fox_cell_f32(f));
	if (arch_f32(g, arch, "attention.layer_norm_rms_epsilon", &f) ||
	    arch_f32(g, arch, "attention.layer_norm_epsilon", &f))
		fox_report_field(r, "norm_epsilon", "norm epsilon", fox_cell_f32(f));
}

static void look_model(struct fox_report *r, const struct fox_gguf *g)
{
	static const struct {
		const char *key, *json, *label;
	} text[] = {
	    {"general.type", "type", "type"},
	    {"general.name", "name", "name"},
	    {"general.basename", "basename", "base name"},
	    {"general.size_label", "size_label", "size label"},
	    {"general.finetune", "finetune", "fine-tune"},
	    {"general.author", "author", "author"},
	    {"general.organization", "organization", "organization"},
	    {"general.license", "license", "license"},
	    {"general.quantized_by", "quantized_by", "quantized by"},
	    {"general.url", "url", "url"},
	    {"general.source.url", "source_url", "source url"},
	};
	struct fox_str arch = {"", 0}, s;
	fox_report_section(r, "model", "model");
	if (fox_look_str(g, "general.architecture", &arch)) {
		fox_report_field(r, "architecture", NULL, fox_cell_str(arch));
		fox_report_field(r, "known", NULL, fox_cell_bool(fox_arch_by_name(arch)));
		fox_report_field(r, NULL, "architecture",
		    fox_arch_by_name(arch) ? fox_cell_str(arch)
		                           : fox_cell_fmt(r, "%.*s (fox has no table for it)", FOX_STR_ARG(arch)));
	} else {
		fox_report_field(r, "architecture", "architecture", fox_cell_none());
	}
	for (size_t i = 0; i < FOX_COUNT(text); i++)
		if (fox_look_str(g, text[i].key, &s))
			fox_report_field(r, text[i].json, text[i].label, fox_cell_str(s));
	uint64_t bytes, weights;
	fox_look_totals(g, &bytes, &weights);
	fox_report_field(r, "parameters", weights ? "parameters" : NULL, fox_cell_count(weights));
	if (!weights)
		fox_report_field(r, NULL, "parameters", fox_cell_cstr("none: no tensors"));
	struct fox_range ftype;
	if (fox_look_range(g, "general.file_type", &ftype))
		fox_report_field(r, "file_type", "file type", fox_cell_cstr(fox_ftype_label(ftype.least)));
	if (weights) {
		double bits = (double)bytes * 8 / (double)weights;
		fox_report_field(r, "weights_bytes", "weights", fox_cell_bytes(bytes));
		fox_report_field(r, "bits_per_weight", NULL, fox_cell_f64(bits));
		fox_report_field(r, NULL, "bits per weight", fox_cell_fmt(r, "%.3f", bits));
	}
	look_sizes(r, g, arch);
	struct fox_range split;
	if (fox_look_range(g, "split.count", &split) && split.most > 1) {
		struct fox_range no = {0, 0};
		fox_look_range(g, "split.no", &no);
		fox_report_field(r, "split_count", NULL, fox_cell_u64(split.most));
		fox_report_field(r, NULL, "split",
		    fox_gguf_parts(g) > 1
		        ? fox_cell_fmt(r, "%zu files, seen as one", fox_gguf_parts(g))
		        : fox_cell_fmt(r, "file %llu of %llu, alone", (unsigned long long)no.most + 1,
		              (unsigned long long)split.most));
	}
}

/* How many tensors and weights each type has, in order of the type's number. */
static void look_types(struct fox_report *r, const struct fox_gguf *g)
{
	static const struct fox_column columns[] = {
	    {"type", "type", false, false},
	    {"tensors", "tensors", true, false},
	    {"parameters", "parameters", true, false},
	    {"bytes", "bytes", true, false},
	    {NULL, "of bytes", true, false},
	};
	uint64_t count[FOX_TYPE_LIMIT] = {0}, weights[FOX_TYPE_LIMIT] = {0}, bytes[FOX_TYPE_LIMIT] = {0}, all = 0;
	for (size_t i = 0; i < fox_gguf_tensors(g); i++) {
		const struct fox_tensor *t = fox_gguf_tensor(g, i);
		count[t->type]++;
		weights[t->type] += t->n_elems;
		bytes[t->type] += t->data.n;
		all += t->data.n;
	}
	if (!fox_gguf_tensors(g))
		return;
	struct fox_table *table = fox_report_table(r, "types", columns, FOX_COUNT(columns));
	for (uint32_t type = 0; type < FOX_TYPE_LIMIT; type++) {
		if (!count[type])
			continue;
		const struct fox_type_info *info = fox_type_info(type);
		double share = all ? (double)bytes[type] / (double)all * 100 : 0;
		const struct fox_cell row[] = {fox_cell_cstr(info ? info->name : NULL), fox_cell_count(count[type]),
		    fox_cell_count(weights[type]), fox_cell_bytes(bytes[type]), fox_cell_fmt(r, "%.1f %%", share)};
		fox_report_row(r, table, row);
	}
}

/* Element i of an array of strings; arrays of sources are short, so walking is fine. */
static bool string_at(
    const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t *cursor, struct fox_str *out)
{
	return kv && fox_gguf_next_str(g, kv, cursor, out);
}

static void look_provenance(struct fox_report *r, const struct fox_gguf *g)
{
	static const struct fox_column columns[] = {
	    {"name", "source", false, false},
	    {"bytes", "bytes", true, false},
	    {"sha256", NULL, false, false},
	    {NULL, "sha-256", false, false},
	};
	static const struct {
		const char *key, *json, *label;
	} text[] = {
	    {FOX_KEY_VERSION, "fox_version", "fox version"},
	    {FOX_KEY_OPTIONS, "options", "options"},
	    {FOX_KEY_SRC_REVISION, "revision", "revision"},
	};
	struct fox_str s, sha;
	const struct fox_gguf_kv *names = fox_gguf_find_key(g, FOX_KEY_SRC_NAMES);
	const struct fox_gguf_kv *sizes = fox_gguf_find_key(g, FOX_KEY_SRC_SIZES);
	const struct fox_gguf_kv *hashes = fox_gguf_find_key(g, FOX_KEY_SRC_SHA256);
	if (!fox_gguf_find_key(g, FOX_KEY_VERSION) && !names)
		return;
	fox_report_section(r, "provenance", "provenance");
	for (size_t i = 0; i < FOX_COUNT(text); i++)
		if (fox_look_str(g, text[i].key, &s))
			fox_report_field(r, text[i].json, text[i].label, fox_cell_str(s));
	if (!names || names->item != FOX_GGUF_STR || !names->n_items)
		return;
	struct fox_table *table = fox_report_table(r, "sources", columns, FOX_COUNT(columns));
	uint64_t at_name = 0, at_hash = 0, bytes;
	for (uint64_t i = 0; string_at(g, names, &at_name, &s); i++) {
		bool sized = sizes && i < sizes->n_items && fox_gguf_item_u64(g, sizes, i, &bytes);
		bool hashed = string_at(g, hashes, &at_hash, &sha);
		const struct fox_cell row[] = {fox_cell_str(s), sized ? fox_cell_bytes(bytes) : fox_cell_none(),
		    hashed ? fox_cell_str(sha) : fox_cell_none(),
		    hashed ? fox_cell_fmt(r, "%.*s...", sha.n < 16 ? (int)sha.n : 16, sha.p) : fox_cell_none()};
		fox_report_row(r, table, row);
	}
}

enum fox_status fox_look_summary(struct fox_report *r, struct fox_look *look, struct fox_err *err)
{
	(void)err;
	look_file(r, look);
	look_model(r, look->g);
	look_types(r, look->g);
	fox_look_tokenizer(r, look->g);
	look_provenance(r, look->g);
	return FOX_OK;
}
