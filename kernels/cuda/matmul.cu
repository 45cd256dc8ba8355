/* matmul.cu - fox_cuda_matmul: which form, which kernel, how many splits; pieces that fit the panel, one launch after another. */
#include "kernels/cuda/matmul_tiles.cuh"
#include "kernels/cuda/product.cuh"

/* ---- scratch: activations, their scales, the panel, its scales, sums of splits */

struct layout {
	uint32_t padded, x_rows; /* columns; rows of activations, whole tiles of them */
	uint64_t x_part, x_scale, panel, panel_bytes, w_scale, partial, partial_bytes, bytes;
};

static uint64_t up_to(uint64_t n, uint64_t step)
{
	return (n + step - 1) / step * step;
}

static struct layout layout_of(enum fox_arith arith, uint32_t rows, uint32_t cols)
{
	struct layout l;
	l.padded = (uint32_t)up_to(cols, FOX_MATMUL_STEP);
	l.x_rows = (uint32_t)up_to(rows, rows > FOX_CUDA_FEW ? 128 : 32);
	l.x_part = up_to((uint64_t)l.x_rows * l.padded * 2, 256);
	l.x_scale = l.x_part * (arith == FOX_ARITH_EXACT ? 3 : 1);
	l.panel = l.x_scale + up_to((uint64_t)rows * sizeof(int32_t), 256);
	uint64_t row_bytes = (uint64_t)l.padded * (arith == FOX_ARITH_EXACT ? 4 : 2),
	         least = row_bytes * FOX_MATMUL_PANEL_ROWS;
	l.panel_bytes = rows > FOX_CUDA_FEW ? FOX_MATMUL_PANEL : FOX_MATMUL_LITTLE;
	l.panel_bytes = l.panel_bytes > least ? l.panel_bytes : least;
	l.w_scale = l.panel + l.panel_bytes;
	l.partial = l.w_scale + up_to(l.panel_bytes / row_bytes * sizeof(int32_t), 256);
	l.partial_bytes = rows > FOX_CUDA_FEW ? FOX_MATMUL_PARTIAL : FOX_MATMUL_LITTLE;
	l.bytes = l.partial + l.partial_bytes;
	return l;
}

extern "C" uint64_t fox_cuda_matmul_scratch(enum fox_arith arith, uint32_t rows, uint32_t cols)
{
	return layout_of(arith, rows, cols).bytes;
}

/* ---- which form */

static bool is_direct(const struct fox_cuda_matrix *w, enum fox_matmul_form form)
{
	enum fox_type own = form == FOX_MATMUL_BF16 || form == FOX_MATMUL_BF16X3 ? FOX_BF16
	                    : form == FOX_MATMUL_F16 || form == FOX_MATMUL_F16X2 ? FOX_F16
	                                                                         : FOX_TYPE_LIMIT;
	return w->type == own && ((uintptr_t)w->data | w->row_bytes) % 16 == 0 && w->cols % FOX_MATMUL_STEP == 0;
}

static enum fox_matmul_form form_of(const struct fox_cuda_product *p)
{
	bool all_bf16 = true, all_f16 = true;
	for (uint32_t i = 0; i < p->n_parts; i++) {
		all_bf16 = all_bf16 && p->part[i].w.type == FOX_BF16;
		all_f16 = all_f16 && p->part[i].w.type == FOX_F16;
	}
	if (p->arith == FOX_ARITH_FAST)
		return all_f16 ? FOX_MATMUL_F16 : FOX_MATMUL_BF16;
	return all_bf16 ? FOX_MATMUL_BF16X3 : all_f16 ? FOX_MATMUL_F16X2 : FOX_MATMUL_F16X22;
}

/* ---- which kernel: the one that by this reckoning ends first. Clocks of an H200, as estimated from the instructions of each
 * loop; nothing here was measured. */

struct cut {
	uint32_t m, n, shared, blocks;
	double rate;  /* multiplications a clock and SM, with so many blocks on it */
	double alone; /* with one */
};

template <enum fox_matmul_kind K, bool EXACT, enum fox_matmul_form F>
static struct cut cut_of(double rate, double alone)
{
	typedef fox_matmul_cut<K, EXACT> S;
	return {S::M, S::N, S::STAGES * fox_matmul_slot<F, S>::BYTES, S::BLOCKS, rate, alone};
}

static struct cut cut_for(enum fox_matmul_form form, enum fox_matmul_kind kind)
{
	double products = form == FOX_MATMUL_F16X2 ? 2 : 3; /* of an exact one */
	switch (form) {
	case FOX_MATMUL_BF16:
	case FOX_MATMUL_F16:
		return kind == FOX_MATMUL_HUGE     ? cut_of<FOX_MATMUL_HUGE, false, FOX_MATMUL_BF16>(1100, 1100)
		       : kind == FOX_MATMUL_LARGE  ? cut_of<FOX_MATMUL_LARGE, false, FOX_MATMUL_BF16>(1000, 800)
		       : kind == FOX_MATMUL_MIDDLE ? cut_of<FOX_MATMUL_MIDDLE, false, FOX_MATMUL_BF16>(950, 600)
		                                   : cut_of<FOX_MATMUL_SMALL, false, FOX_MATMUL_BF16>(700, 400);
	default: /* by the form that takes most room */
		return kind == FOX_MATMUL_LARGE
		           ? cut_of<FOX_MATMUL_LARGE, true, FOX_MATMUL_F16X22>(1050 / products, 1050 / products)
		       : kind == FOX_MATMUL_SMALL
		           ? cut_of<FOX_MATMUL_SMALL, true, FOX_MATMUL_F16X22>(1000 / products, 650 / products)
		           : (struct cut){0, 0, 0, 0, 0, 0};
	}
}

struct plan {
	enum fox_matmul_kind kind;
	uint32_t m, n, m_tiles, n_tiles, split_steps, splits;
};

/* Tiles of weights: pieces have their own. */
static uint32_t tiles_of(struct fox_matmul *g, uint32_t n)
{
	uint32_t tiles = 0;
	for (uint32_t i = 0; i < g->n_pieces; i++) {
		g->piece[i].first_tile = tiles;
		tiles += (g->piece[i].rows + n - 1) / n;
	}
	return g->end == FOX_CUDA_GATE ? (g->piece[0].rows + n / 2 - 1) / (n / 2) : tiles;
}

static double clocks(const struct cut *t, const struct plan *p, uint32_t n_sm)
{
	enum {
		AROUND = 2000,
		ADD_UP = 4000,
		BYTES = 2400
	}; /* a block's beginning and end; a launch; a clock, of memory */
	double tiles = (double)p->m_tiles * p->n_tiles, blocks = tiles * p->splits;
	double deep = p->split_steps * (double)FOX_MATMUL_STEP, each = (double)t->m * t->n * deep;
	double on_sm = ceil(blocks / n_sm), at_once = on_sm < t->blocks ? on_sm : t->blocks;
	double rate = t->blocks > 1 ? t->alone + (t->rate - t->alone) * (at_once - 1) / (t->blocks - 1) : t->rate;
	double time = on_sm * each / rate + ceil(on_sm / t->blocks) * AROUND;
	double fetch = (double)p->n_tiles * t->n * deep * p->splits * 2 / BYTES;
	time = time > fetch ? time : fetch;
	return p->splits == 1 ? time : time + ADD_UP + tiles * t->m * t->n * p->splits * 8 / BYTES;
}

static struct plan plan_of(
    const struct fox_cuda *c, enum fox_matmul_form form, struct fox_matmul *g, const struct layout *l)
{
	struct plan best = {};
	double least = 0;
	for (int k = 0; k < FOX_MATMUL_KINDS; k++) {
		struct cut t = cut_for(form, (enum fox_matmul_kind)k);
		if (t.m == 0 || t.m > l->x_rows || t.shared > c->shared_bytes)
			continue;
		struct plan p = {
		    (enum fox_matmul_kind)k, t.m, t.n, (g->rows + t.m - 1) / t.m, tiles_of(g, t.n), 0, 0};
		uint64_t room =
		    l->partial_bytes / ((uint64_t)t.m * t.n * sizeof(float)) / ((uint64_t)p.m_tiles * p.n_tiles);
		for (uint32_t s = 1; s <= FOX_MATMUL_SPLITS && (s == 1 || s <= room) && s <= g->steps; s++) {
			p.split_steps = (g->steps + s - 1) / s;
			p.splits = (g->steps + p.split_steps - 1) / p.split_steps;
			double time = clocks(&t, &p, (uint32_t)c->info.n_sm);
			if (best.splits == 0 || time < least)
				best = p, least = time;
		}
	}
	return best;
}

/* ---- one launch after another */

struct work {
	const struct fox_cuda_product *p;
	enum fox_matmul_form form;
	struct layout at;
	uint8_t *scratch;
	uint32_t panel_rows; /* that the panel holds */
	struct fox_matmul_prepare ready;
	struct fox_matmul g;
};

static void begin(struct work *w)
{
	w->ready.n_sources = w->ready.w_rows = w->g.n_pieces = 0;
}

/* `rows` rows of part i from `first` on become a piece, out of the panel where they must. */
static void add(struct work *w, uint32_t i, uint32_t first, uint32_t rows)
{
	const struct fox_cuda_part *part = &w->p->part[i];
	struct fox_matmul_piece *piece = &w->g.piece[w->g.n_pieces++];
	*piece = {};
	piece->w = (const uint8_t *)part->w.data + first * part->w.row_bytes;
	piece->row_bytes = part->w.row_bytes;
	piece->rows = rows;
	piece->bias = part->bias ? part->bias + first : NULL;
	piece->y = w->p->end == FOX_CUDA_GATE && i > 0 ? NULL : part->y + first;
	piece->y_cols = part->w.rows;
	if (is_direct(&part->w, w->form))
		return;
	struct fox_matmul_prepare *ready = &w->ready;
	ready->source[ready->n_sources++] = {piece->w, part->w.row_bytes, part->w.type, ready->w_rows, rows};
	piece->w = ready->panel + (uint64_t)ready->w_rows * ready->padded * 2;
	piece->row_bytes = (uint64_t)ready->padded * 2;
	piece->part_bytes = ready->w_part_bytes;
	piece->scale = w->form == FOX_MATMUL_F16X22 ? ready->w_scale + ready->w_rows : NULL;
	ready->w_rows += rows;
}

/* Multiply what was added. */
static enum fox_status flush(struct fox_cuda *c, struct work *w, struct fox_err *err)
{
	if (w->g.n_pieces == 0)
		return FOX_OK;
	enum fox_status st = fox_matmul_ready(c, w->form, &w->ready, err);
	if (st)
		return st;
	w->ready.x = NULL; /* they stay */
	struct plan plan = plan_of(c, w->form, &w->g, &w->at);
	w->g.n_tiles = tiles_of(&w->g, plan.n);
	w->g.m_tiles = plan.m_tiles;
	w->g.splits = plan.splits;
	w->g.split_steps = plan.split_steps;
	st = w->p->arith == FOX_ARITH_FAST ? fox_matmul_fast(c, w->form, plan.kind, &w->g, err)
	                                   : fox_matmul_exact(c, w->form, plan.kind, &w->g, err);
	begin(w);
	return st;
}

static void set_up(struct work *w, const struct fox_cuda_product *p)
{
	w->p = p;
	w->form = form_of(p);
	w->at = layout_of(p->arith, p->rows, p->cols);
	w->scratch = (uint8_t *)p->scratch;
	bool scaled = w->form != FOX_MATMUL_BF16 && w->form != FOX_MATMUL_BF16X3;
	w->panel_rows =
	    (uint32_t)(w->at.panel_bytes / ((uint64_t)w->at.padded * (w->form == FOX_MATMUL_F16X22 ? 4 : 2)));
	struct fox_matmul_prepare *ready = &w->ready;
	ready->x = p->x;
	ready->xq = w->scratch;
	ready->x_scale = (int32_t *)(w->scratch + w->at.x_scale);
	ready->x_rows = p->rows;
	ready->cols = p->cols;
	ready->padded = w->at.padded;
	ready->x_part_bytes = w->at.x_part;
	ready->w_part_bytes = (uint64_t)w->panel_rows * w->at.padded * 2;
	ready->panel = w->scratch + w->at.panel;
	ready->w_scale = (int32_t *)(w->scratch + w->at.w_scale);
	struct fox_matmul *g = &w->g;
	g->x = w->scratch;
	g->x_row_bytes = (uint64_t)w->at.padded * 2;
	g->x_part_bytes = w->at.x_part;
	g->scale = scaled ? ready->x_scale : NULL;
	g->rows = p->rows;
	g->steps = w->at.padded / FOX_MATMUL_STEP;
	g->end = p->end;
	g->act = p->act;
	g->partial = (float *)(w->scratch + w->at.partial);
	begin(w);
}

/* Both parts of GATE go in step, the same rows of them in a launch. */
static enum fox_status multiply_gate(struct fox_cuda *c, struct work *w, struct fox_err *err)
{
	const struct fox_cuda_part *part = w->p->part;
	uint32_t decoded = (uint32_t)!is_direct(&part[0].w, w->form) + !is_direct(&part[1].w, w->form);
	uint32_t rows = part[0].w.rows, most = decoded ? w->panel_rows / decoded / 8 * 8 : rows;
	for (uint32_t first = 0; first < rows; first += most) {
		uint32_t n = rows - first < most ? rows - first : most;
		add(w, 0, first, n);
		add(w, 1, first, n);
		enum fox_status st = flush(c, w, err);
		if (st)
			return st;
	}
	return FOX_OK;
}

static enum fox_status multiply(struct fox_cuda *c, struct work *w, struct fox_err *err)
{
	for (uint32_t i = 0; i < w->p->n_parts; i++) {
		const struct fox_cuda_matrix *m = &w->p->part[i].w;
		bool direct = is_direct(m, w->form);
		for (uint32_t first = 0, n; first < m->rows; first += n) {
			uint32_t room = w->panel_rows - w->ready.w_rows;
			n = m->rows - first < room || direct ? m->rows - first : room;
			if (n > 0)
				add(w, i, first, n);
			enum fox_status st = !direct && n == room ? flush(c, w, err) : FOX_OK;
			if (st)
				return st;
		}
	}
	return flush(c, w, err);
}

extern "C" enum fox_status fox_cuda_matmul(
    struct fox_cuda *c, const struct fox_cuda_product *p, struct fox_err *err)
{
	for (uint32_t i = 0; i < p->n_parts; i++) {
		const struct fox_type_info *info = fox_type_info(p->part[i].w.type);
		if (!info || !info->codec)
			return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "no product of type %s on CUDA",
			    info ? info->name : "unknown");
	}
	struct work w = {};
	set_up(&w, p);
	return p->end == FOX_CUDA_GATE ? multiply_gate(c, &w, err) : multiply(c, &w, err);
}
