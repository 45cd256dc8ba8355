/* matvec.cu - few rows of activations times weights: how the work is cut into launches and blocks. */
#include "kernels/cuda/matvec_acts.cuh"

/* Of what cannot be read by these kernels, false. */
static bool shape_of(struct fox_matvec_shape *out, enum fox_type type, enum fox_arith arith)
{
#define SHAPE(ID, name)                                                                                      \
	case FOX_##ID:                                                                                           \
		*out = fox_matvec_shape_of<FOX_##ID>(arith);                                                         \
		return true;
	switch (type) {
		FOX_GEMM_TYPES(SHAPE, SHAPE)
	default:
		return false;
	}
#undef SHAPE
}

/* Rows of activations into device memory, one a block, for blocks that cannot hold them. */
static __global__ void __launch_bounds__(FOX_MATVEC_THREADS)
    prepare_kernel(const __grid_constant__ struct fox_matvec m, enum fox_matvec_acts kind)
{
	__shared__ float sums[FOX_MATVEC_WARPS];
	float4 w[FOX_HOLD];
	uint32_t warp = threadIdx.x / 32;
	fox_ptx_let_next();
	fox_hold_norm<FOX_MATVEC_WARPS>(w, m.norm, m.cols, m.wide, warp);
	fox_ptx_wait_before();
	fox_fill_acts<FOX_MATVEC_WARPS>(m.acts + blockIdx.x * fox_matvec_acts_bytes(kind, m.cols), kind,
	    m.x + (size_t)min(blockIdx.x, m.rows - 1) * m.cols, m.cols, m.wide, m.norm, w, sums, warp);
}

/* Blocks for each part, by the bytes it has to read; returns their number. */
static uint32_t cut(struct fox_matvec *m, uint32_t most)
{
	uint64_t bytes[FOX_CUDA_PARTS], all = 0;
	uint32_t wanted[FOX_CUDA_PARTS], sum = 0, n = 0;
	for (uint32_t p = 0; p < m->n_parts; p++) {
		uint32_t jobs = m->end == FOX_MATVEC_GATE ? m->part[p].rows : (m->part[p].rows + 1) / 2;
		wanted[p] = (jobs + FOX_MATVEC_WARPS - 1) / FOX_MATVEC_WARPS;
		bytes[p] = (uint64_t)jobs * m->part[p].line_bytes;
		all += bytes[p];
		sum += wanted[p];
	}
	for (uint32_t p = 0; p < m->n_parts; p++) {
		uint64_t share = sum <= most ? wanted[p] : (uint64_t)((double)most * (double)bytes[p] / (double)all);
		m->part[p].first_block = n;
		m->part[p].n_blocks = share < 1 ? 1 : share < wanted[p] ? (uint32_t)share : wanted[p];
		n += m->part[p].n_blocks;
	}
	return n;
}

static enum fox_status launch(
    struct fox_cuda *c, struct fox_matvec *m, enum fox_arith arith, struct fox_err *err)
{
	uint64_t left =
	    c->shared_bytes - 1024; /* the kernel has variables of its own, the device keeps a little */
	uint64_t rings = FOX_MATVEC_WARPS * FOX_MATVEC_RING, need = rings + m->acts_bytes;
	uint32_t per_sm = 2 * (need + 1024) <= left ? 2 : 1;
	uint32_t blocks = cut(m, per_sm * (uint32_t)c->info.n_sm);
	return arith == FOX_ARITH_EXACT ? fox_matvec_exact(c, m, blocks, err)
	                                : fox_matvec_fast(c, m, blocks, err);
}

/* m without acts and blocks. */
static enum fox_status multiply(
    struct fox_cuda *c, struct fox_matvec *m, enum fox_arith arith, void *scratch, struct fox_err *err)
{
	uint32_t rows = m->rows == 1 ? 1 : FOX_MATVEC_HELD;
	m->acts_bytes = 0;
	for (uint32_t p = 0; p < m->n_parts; p++) {
		uint32_t bytes = rows * fox_matvec_acts_bytes(m->part[p].shape.acts, m->cols);
		m->acts_bytes = bytes > m->acts_bytes ? bytes : m->acts_bytes;
	}
	if (m->rows <= FOX_MATVEC_HELD &&
	    m->acts_bytes + FOX_MATVEC_WARPS * FOX_MATVEC_RING + 1024 <= c->shared_bytes)
		return launch(c, m, arith, err);
	for (uint32_t p = 0; p < m->n_parts; p++) { /* scratch holds the activations of one kind */
		struct fox_matvec one = *m;
		one.part[0] = m->part[p];
		one.n_parts = 1;
		one.acts_bytes = 0;
		one.acts = (uint8_t *)scratch;
		enum fox_status s = fox_cuda_launch(c, err, "prepare activations", FOX_LAUNCH_EARLY, prepare_kernel,
		    dim3(FOX_CUDA_FEW), dim3(FOX_MATVEC_THREADS), 0, one, m->part[p].shape.acts);
		if (s == FOX_OK)
			s = launch(c, &one, arith, err);
		if (s != FOX_OK)
			return s;
	}
	return FOX_OK;
}

static enum fox_status fill_part(struct fox_matvec_part *out, const struct fox_cuda_part *part,
    enum fox_arith arith, uint32_t cols, struct fox_err *err)
{
	const struct fox_type_info *info = fox_type_info(part->w.type);
	uint64_t line;
	if (!shape_of(&out->shape, part->w.type, arith) || !fox_type_row_bytes(part->w.type, cols, &line) ||
	    line > UINT32_MAX)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "no product with weights of type %s and %u columns on a CUDA device",
		    info ? info->name : "unknown", cols);
	out->w = (const uint8_t *)part->w.data;
	out->bias = part->bias;
	out->y = part->y;
	out->row_bytes = part->w.row_bytes;
	out->rows = part->w.rows;
	out->type = part->w.type;
	out->line_bytes = (uint32_t)line;
	return FOX_OK;
}

extern "C" enum fox_status fox_cuda_matvec(
    struct fox_cuda *c, const struct fox_cuda_product *p, struct fox_err *err)
{
	static const enum fox_matvec_end ends[] = {FOX_MATVEC_STORE, FOX_MATVEC_ADD, FOX_MATVEC_GATE};
	struct fox_matvec m = {};
	m.x = p->x;
	m.rows = p->rows;
	m.cols = p->cols;
	m.norm = p->norm;
	m.wide =
	    p->cols % 4 == 0 && (((uintptr_t)p->x | (uintptr_t)p->norm.w | (uintptr_t)p->norm.bias) & 15) == 0;
	m.end = ends[p->end];
	m.act = p->act;
	m.n_parts = p->n_parts;
	for (uint32_t i = 0; i < p->n_parts; i++) {
		enum fox_status s = fill_part(&m.part[i], &p->part[i], p->arith, p->cols, err);
		if (s != FOX_OK)
			return s;
	}
	if (m.end != FOX_MATVEC_GATE)
		return multiply(c, &m, p->arith, p->scratch, err);
	if (m.part[0].type == m.part[1].type) {
		m.part[0].w2 = m.part[1].w;
		m.part[0].row_bytes2 = m.part[1].row_bytes;
		m.part[0].bias2 = m.part[1].bias;
		m.n_parts = 1;
		return multiply(c, &m, p->arith, p->scratch, err);
	}
	struct fox_matvec up =
	    m; /* rows of two types cannot be a pair: first the factor, then what it is multiplied with */
	up.part[0] = m.part[1];
	up.part[0].y = m.part[0].y;
	up.n_parts = m.n_parts = 1;
	up.end = FOX_MATVEC_STORE;
	m.end = FOX_MATVEC_TIMES;
	enum fox_status s = multiply(c, &up, p->arith, p->scratch, err);
	return s == FOX_OK ? multiply(c, &m, p->arith, p->scratch, err) : s;
}

extern "C" uint64_t fox_cuda_matvec_scratch(uint32_t cols)
{
	return (uint64_t)FOX_CUDA_FEW * fox_matvec_acts_bytes(FOX_MATVEC_F32X32, cols);
}
