/* hash_show.c - fox-inspect hash: hashes of tensors and files, as lines that llama-gguf-hash writes too. */
#include "inspect/inspect.h"
#include "inspect/tenhash.h"

struct showing {
	struct fox_look *look;
	struct fox_report *r;
	struct fox_table *table;
	struct fox_str path;
};

static void show(void *ctx, enum fox_hashlist_kind kind, const struct fox_tensor *t, const uint8_t *hash)
{
	struct showing *x = ctx;
	char hex[2 * FOX_HASHLIST_HASH + 1];
	const struct fox_cell row[] = {fox_cell_cstr(fox_hashlist_names[kind]),
	    fox_cell_copy(x->r, fox_str_of(fox_hashlist_show(hex, kind, hash))), fox_cell_str(x->path),
	    t ? fox_cell_str(t->name) : fox_cell_none()};
	if (x->look->json)
		fox_report_row(x->r, x->table, row);
	else
		fox_hashlist_put(&x->look->lines, kind, hash, x->path, t ? t->name : (struct fox_str){"", 0});
}

/* A line holds a name as it is: one with a line feed in it would be two. */
static enum fox_status check_name(struct fox_str s, const char *what, struct fox_err *err)
{
	for (size_t i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7F)
			return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "name of the %s '%.*s' has a control character, which a line cannot hold", what,
			    FOX_STR_ARG(s));
	return FOX_OK;
}

enum fox_status fox_look_hash(struct fox_report *r, struct fox_look *look, struct fox_err *err)
{
	static const struct fox_column columns[] = {{"algorithm", "algorithm", false, false},
	    {"hash", "hash", false, false}, {"file", "file", false, false}, {"tensor", "tensor", false, false}};
	struct showing x = {look, r, fox_report_table(r, "hashes", columns, FOX_COUNT(columns)), {0}};
	unsigned kinds = look->algorithm == FOX_LIST_KINDS ? (1u << FOX_LIST_KINDS) - 1 : 1u << look->algorithm;
	enum fox_status s = FOX_OK;
	struct fox_pool *pool = fox_pool_open(0);
	for (size_t i = 0; i < fox_gguf_parts(look->g) && !s; i++) {
		const struct fox_gguf *part = fox_gguf_part(look->g, i);
		x.path = fox_str_of(fox_gguf_path(part));
		s = check_name(x.path, "file", err);
		for (size_t k = 0; k < fox_gguf_tensors(part) && !s; k++)
			s = check_name(fox_gguf_tensor(part, k)->name, "tensor", err);
		if (!s)
			s = fox_tenhash(part, kinds, pool, show, &x, err);
	}
	fox_pool_close(pool);
	if (!s && look->lines.failed)
		s = fox_fail_nomem(err);
	return s;
}
