/* st_index.c - the index of a sharded checkpoint, and its agreement with the shards.  spec/sources.md section
 * 2 */
#include "format/st_index.h"

#include <stdlib.h>

#include "format/base/json.h"

/* metadata is optional and informal; of its members only total_size is looked at, and only for being a
 * number. */
static enum fox_status check_metadata(const struct fox_value *root, struct fox_err *err)
{
	const struct fox_value *meta = fox_json_get(root, "metadata");
	const struct fox_value *total = fox_json_get(meta, "total_size");
	double size;
	if (!fox_json_is_null(meta) && fox_json_type(meta) != FOX_JSON_OBJECT)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'metadata' is %s, want an object",
		    fox_json_type_name(fox_json_type(meta)));
	if (total && !fox_json_f64(total, &size))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'metadata.total_size' is %s, want a number",
		    fox_json_type_name(fox_json_type(total)));
	if (total && size < 0)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'metadata.total_size' is negative");
	return FOX_OK;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Splits "PREFIX-M-of-NSUFFIX"; false for names of another form. */
static bool split_name(
    struct fox_str name, const char *suffix, struct fox_str *prefix, uint64_t *number, uint64_t *total)
{
	size_t end = name.n - strlen(suffix), i = end;
	while (i && digit(name.p[i - 1]))
		i--;
	if (!fox_str_u64((struct fox_str){name.p + i, end - i}, total) || i < 4 ||
	    memcmp(name.p + i - 4, "-of-", 4))
		return false;
	end = i -= 4;
	while (i && digit(name.p[i - 1]))
		i--;
	if (!fox_str_u64((struct fox_str){name.p + i, end - i}, number) || !i || name.p[i - 1] != '-')
		return false;
	*prefix = (struct fox_str){name.p, i - 1};
	return true;
}

/* Files that call themselves one of N must be N. */
static enum fox_status check_counts(
    const struct fox_st_index *x, const char *suffix, struct fox_arena *a, struct fox_err *err)
{
	struct fox_map groups = {0};
	struct fox_str prefix;
	uint64_t number, total;
	uint32_t *count = fox_arena_alloc(a, x->n_shards, sizeof *count); /* by first shard of the group */
	if (!count || !fox_map_init(&groups, a, x->n_shards))
		return fox_fail_nomem(err);
	for (uint32_t i = 0; i < x->n_shards; i++) {
		if (!split_name(x->shards[i], suffix, &prefix, &number, &total))
			continue;
		uint32_t first = fox_map_put(&groups, prefix, i);
		count[first == FOX_MAP_NONE ? i : first]++;
	}
	for (uint32_t i = 0; i < x->n_shards; i++) {
		if (!split_name(x->shards[i], suffix, &prefix, &number, &total))
			continue;
		uint32_t n = count[fox_map_find(&groups, prefix)];
		if (total != n || number > total)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
			    "shard '%.*s' is number %llu of %llu, 'weight_map' names %u such files",
			    FOX_STR_ARG(x->shards[i]), (unsigned long long)number, (unsigned long long)total, n);
	}
	return FOX_OK;
}

struct shard {
	struct fox_str name;
	uint32_t was; /* order of appearance */
};

static int by_bytes(const void *a, const void *b)
{
	return fox_str_cmp(((const struct shard *)a)->name, ((const struct shard *)b)->name);
}

/* Sort the shards found, and let the entries follow. */
static enum fox_status sort_shards(
    struct fox_st_index *out, struct shard *found, struct fox_arena *a, struct fox_err *err)
{
	uint32_t *now = fox_arena_alloc(a, out->n_shards, sizeof *now);
	out->shards = fox_arena_alloc(a, out->n_shards, sizeof *out->shards);
	if (!now || !out->shards)
		return fox_fail_nomem(err);
	qsort(found, out->n_shards, sizeof *found, by_bytes);
	for (uint32_t i = 0; i < out->n_shards; i++) {
		out->shards[i] = found[i].name;
		now[found[i].was] = i;
	}
	for (size_t i = 0; i < out->n_entries; i++)
		out->entries[i].shard = now[out->entries[i].shard];
	return FOX_OK;
}

struct parse {
	const char *suffix;
	struct fox_st_index *out;
	struct fox_arena *arena;
	struct fox_map by_name; /* shard name -> order of appearance */
	struct shard *found;    /* [FOX_ST_MAX_SHARDS] */
};

static enum fox_status add_entry(
    struct parse *p, struct fox_str tensor, const struct fox_value *value, struct fox_err *err)
{
	struct fox_st_entry *e = &p->out->entries[p->out->n_entries];
	struct fox_str file;
	if (!fox_json_str(value, &file))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'weight_map.%.*s' is %s, want a string",
		    FOX_STR_ARG(tensor), fox_json_type_name(fox_json_type(value)));
	if (!fox_str_ends(file, p->suffix))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "'weight_map.%.*s' is '%.*s', want a name that ends in '%s'", FOX_STR_ARG(tensor),
		    FOX_STR_ARG(file), p->suffix);
	e->shard = fox_map_find(&p->by_name, file);
	if (e->shard == FOX_MAP_NONE) {
		if (p->out->n_shards == FOX_ST_MAX_SHARDS)
			return fox_fail(
			    err, FOX_E_BOUND, FOX_NOWHERE, "'weight_map' names more than %u files", FOX_ST_MAX_SHARDS);
		struct fox_str copy = {fox_arena_strdup(p->arena, file), file.n};
		if (!copy.p)
			return fox_fail_nomem(err);
		e->shard = (uint32_t)p->out->n_shards++;
		p->found[e->shard] = (struct shard){copy, e->shard};
		fox_map_put(&p->by_name, copy, e->shard);
	}
	e->tensor = (struct fox_str){fox_arena_strdup(p->arena, tensor), tensor.n};
	if (!e->tensor.p)
		return fox_fail_nomem(err);
	p->out->n_entries++;
	return FOX_OK;
}

static enum fox_status parse_root(struct fox_st_index *out, struct fox_arena *a, const struct fox_value *root,
    const char *suffix, struct fox_err *err)
{
	struct parse p = {.suffix = suffix, .out = out, .arena = a};
	const struct fox_value *weights = fox_json_get(root, "weight_map"), *value;
	struct fox_str key;
	enum fox_status s = check_metadata(root, err);
	if (s)
		return s;
	if (!weights)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no 'weight_map'");
	if (fox_json_type(weights) != FOX_JSON_OBJECT)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'weight_map' is %s, want an object",
		    fox_json_type_name(fox_json_type(weights)));
	if (!fox_json_size(weights))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'weight_map' is empty");
	out->entries = fox_arena_alloc(a, fox_json_size(weights), sizeof *out->entries);
	p.found = fox_arena_alloc(a, FOX_ST_MAX_SHARDS, sizeof *p.found);
	if (!out->entries || !p.found || !fox_map_init(&p.by_name, a, FOX_ST_MAX_SHARDS))
		return fox_fail_nomem(err);
	for (void *it = NULL; fox_json_next(weights, &it, &key, &value);) {
		if ((s = add_entry(&p, key, value, err)))
			return s;
	}
	if ((s = sort_shards(out, p.found, a, err)))
		return s;
	return check_counts(out, suffix, a, err);
}

enum fox_status fox_st_index_parse(struct fox_st_index *out, struct fox_arena *a, struct fox_str json,
    const char *suffix, struct fox_err *err)
{
	struct fox_json *doc = NULL;
	*out = (struct fox_st_index){0};
	enum fox_status s = fox_json_parse(&doc, json, err);
	if (s)
		return s;
	s = parse_root(out, a, fox_json_root(doc), suffix, err);
	fox_json_close(doc);
	return s;
}

/* Which tensor does the map leave out? Only called when there is one. */
static enum fox_status name_extra(
    const struct fox_st_index *x, const struct fox_src_tensor *tensors, size_t n, struct fox_err *err)
{
	struct fox_arena a = {0};
	struct fox_map listed = {0};
	enum fox_status s = FOX_OK;
	if (!fox_map_init(&listed, &a, x->n_entries))
		s = fox_fail_nomem(err);
	for (size_t i = 0; i < x->n_entries && !s; i++)
		fox_map_put(&listed, x->entries[i].tensor, 0);
	for (size_t i = 0; i < n && !s; i++) {
		if (fox_map_find(&listed, tensors[i].name) == FOX_MAP_NONE)
			s = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "tensor '%.*s' of '%.*s' is not in 'weight_map'",
			    FOX_STR_ARG(tensors[i].name), FOX_STR_ARG(x->shards[tensors[i].file]));
	}
	fox_arena_free(&a);
	return s;
}

enum fox_status fox_st_index_check(const struct fox_st_index *x, const struct fox_src_tensor *tensors,
    size_t n, const struct fox_map *by_name, struct fox_err *err)
{
	for (size_t i = 0; i < x->n_entries; i++) {
		const struct fox_st_entry *e = &x->entries[i];
		uint32_t at = fox_map_find(by_name, e->tensor);
		if (at == FOX_MAP_NONE)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
			    "tensor '%.*s' is not in '%.*s', where 'weight_map' puts it", FOX_STR_ARG(e->tensor),
			    FOX_STR_ARG(x->shards[e->shard]));
		if (tensors[at].file != e->shard)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
			    "tensor '%.*s' is in '%.*s', 'weight_map' puts it in '%.*s'", FOX_STR_ARG(e->tensor),
			    FOX_STR_ARG(x->shards[tensors[at].file]), FOX_STR_ARG(x->shards[e->shard]));
	}
	/* entries are distinct and all found, so equal counts mean equal sets */
	return n == x->n_entries ? FOX_OK : name_extra(x, tensors, n, err);
}
