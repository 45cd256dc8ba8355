/* tensor_show.c - one tensor: where it lies, its first values, its statistics. */
#include "inspect/inspect.h"

#include "inspect/values.h"

#define VALUES_SHOWN 16u
#define MAX_BAR 40u /* columns of the longest bar of the histogram */

struct value_list {
	const struct fox_tensor *t;
	bool big_endian;
	uint64_t have; /* chunk in v, from this value on; UINT64_MAX: none yet */
	double v[FOX_VALUES_CHUNK];
};

static bool next_value(const void *ctx, uint64_t *cursor, struct fox_cell *out)
{
	/* The chunk is a cache: what the list gives does not depend on it. */
	struct value_list *x = *(struct value_list *const *)ctx;
	uint64_t chunk = *cursor - *cursor % FOX_VALUES_CHUNK;
	if (*cursor >= x->t->n_elems)
		return false;
	if (x->have != chunk) {
		fox_values_read(x->t, x->big_endian, chunk, x->v);
		x->have = chunk;
	}
	double v = x->v[*cursor - chunk];
	*out = x->t->type == FOX_F64 || x->t->type == FOX_I64 || x->t->type == FOX_I32 ? fox_cell_exact(v)
	                                                                               : fox_cell_f32((float)v);
	++*cursor;
	return true;
}

static void look_values(
    struct fox_report *r, const struct fox_look *look, const struct fox_tensor *t, bool swap)
{
	uint64_t shown = look->all ? t->n_elems : look->count == FOX_LOOK_UNSET ? VALUES_SHOWN : look->count;
	struct value_list *list = fox_arena_alloc(&r->arena, 1, sizeof *list);
	struct value_list **ctx = fox_arena_alloc(&r->arena, 1, sizeof *ctx);
	if (!list || !ctx) {
		r->failed = true;
		return;
	}
	list->t = t;
	list->big_endian = swap;
	list->have = UINT64_MAX;
	*ctx = list;
	const struct fox_list values = {next_value, ctx, t->n_elems, shown < t->n_elems ? shown : t->n_elems};
	if (values.shown)
		fox_report_list(r, "values", &values, false);
}

static void look_histogram(struct fox_report *r, const struct fox_stats *s)
{
	static const struct fox_column columns[] = {
	    {"from", "from", true, false},
	    {"to", "to", true, false},
	    {"count", "count", true, false},
	    {NULL, "", false, false},
	};
	static const char bar[] = "########################################";
	uint64_t most = 0;
	for (size_t i = 0; i < FOX_VALUES_BINS; i++)
		most = s->bin[i] > most ? s->bin[i] : most;
	if (!(s->max > s->min))
		return; /* one value has no shape */
	struct fox_table *table = fox_report_table(r, "histogram", columns, FOX_COUNT(columns));
	double width = (s->max - s->min) / FOX_VALUES_BINS;
	for (size_t i = 0; i < FOX_VALUES_BINS; i++) {
		double share = (double)s->bin[i] / (double)most * MAX_BAR;
		double to = i + 1 < FOX_VALUES_BINS ? s->min + width * (double)(i + 1) : s->max;
		const struct fox_cell row[] = {fox_cell_f64(s->min + width * (double)i), fox_cell_f64(to),
		    fox_cell_count(s->bin[i]), fox_cell_str((struct fox_str){bar, (size_t)(share + 0.5)})};
		fox_report_row(r, table, row);
	}
}

enum fox_status fox_look_tensor(struct fox_report *r, struct fox_look *look, struct fox_err *err)
{
	const struct fox_tensor *t = fox_gguf_find(look->g, fox_str_of(look->name));
	bool swap = fox_gguf_header(look->g)->big_endian;
	struct fox_stats s;
	if (!t)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no tensor '%s'", look->name);
	enum fox_status st = fox_values_readable(t, swap, err);
	if (st)
		return st;
	fox_report_field(r, "name", "tensor", fox_cell_str(t->name));
	fox_report_field(r, "type", "type", fox_cell_cstr(fox_type_info(t->type)->name));
	fox_report_field(r, "shape", "shape", fox_cell_shape(r, t->dim, t->n_dims));
	fox_report_field(r, "parameters", "parameters", fox_cell_count(t->n_elems));
	fox_report_field(r, "bytes", "size", fox_cell_bytes(t->data.n));
	fox_report_field(r, "offset", "offset", fox_cell_count(t->at));
	if (fox_gguf_parts(look->g) > 1)
		fox_report_field(r, "file", "file", fox_cell_u64((uint64_t)t->part + 1));
	fox_report_field(
	    r, "xxh3", "xxh3-128", t->hash ? fox_cell_hex(r, t->hash->b, sizeof t->hash->b) : fox_cell_none());
	fox_values_stats(t, swap, &s);
	fox_report_section(r, "statistics", "statistics");
	fox_report_field(r, "min", "min", fox_cell_f64(s.min));
	fox_report_field(r, "max", "max", fox_cell_f64(s.max));
	fox_report_field(r, "mean", "mean", fox_cell_f64(s.mean));
	fox_report_field(r, "rms", "rms", fox_cell_f64(s.rms));
	fox_report_field(r, "negative", "negative", fox_cell_count(s.negative));
	fox_report_field(r, "zeros", "zeros", fox_cell_count(s.zeros));
	fox_report_field(r, "nan", "nan", fox_cell_count(s.nans));
	fox_report_field(r, "inf", "inf", fox_cell_count(s.infs));
	look_histogram(r, &s);
	fox_report_root(r);
	look_values(r, look, t, swap);
	return FOX_OK;
}
