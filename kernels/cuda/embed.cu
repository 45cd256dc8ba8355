/* embed.cu - rows of a matrix to f32: embeddings of tokens, and of positions. */
#include "kernels/cuda/block.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"

enum { THREADS = 256 };

struct rows_of {
	float *y;
	const float *add; /* added to each row, or NULL */
	const uint8_t *data;
	uint64_t row_bytes;
	uint32_t cols;
	enum fox_type type;
	const int32_t *ids; /* row r is ids[r], or, where NULL, *pos + r */
	const uint32_t *pos;
	float scale;
};

static __device__ void decode_any(float out[8], enum fox_type type, const uint8_t *row, uint32_t e)
{
#define DECODE(ID, name)                                                                                     \
	case FOX_##ID:                                                                                           \
		fox_decode8<FOX_##ID>(out, row, e / 4, e % 4);                                                                  \
		break;
	switch (type) {
		FOX_GEMM_TYPES(DECODE, DECODE)
	default:
		break;
	}
#undef DECODE
}

/* One row a block (x), eight weights a thread. */
static __global__ void __launch_bounds__(THREADS) rows_kernel(struct rows_of m)
{
	fox_ptx_let_next();
	fox_ptx_wait_before();
	uint32_t r = blockIdx.x;
	uint64_t id = m.ids ? (uint64_t)m.ids[r] : (uint64_t)*m.pos + r;
	const uint8_t *row = m.data + id * m.row_bytes;
	size_t at = (size_t)r * m.cols;
	for (uint32_t e = blockIdx.y * THREADS + threadIdx.x; e < (m.cols + 7) / 8; e += gridDim.y * THREADS) {
		float v[8];
		uint32_t n = min(8u, m.cols - 8 * e);
		if (n == 8)
			decode_any(v, m.type, row, e);
		else
			for (uint32_t i = 0; i < n; i++)
				v[i] = fox_decode1(m.type, row, 8 * e + i);
#pragma unroll
		for (uint32_t i = 0; i < 8; i++)
			if (i < n) {
				float scaled = __fmul_rn(v[i], m.scale);
				m.y[at + 8 * e + i] = m.add ? m.add[at + 8 * e + i] + scaled : scaled;
			}
	}
}

static enum fox_status launch_rows(struct fox_cuda *c, struct rows_of *m, const struct fox_cuda_matrix *w,
    uint32_t rows, struct fox_err *err)
{
	const struct fox_type_info *info = fox_type_info(w->type);
	if (!info || !info->codec)
		return fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "no rows of type %s on CUDA", info ? info->name : "unknown");
	m->data = (const uint8_t *)w->data;
	m->row_bytes = w->row_bytes;
	m->cols = w->cols;
	m->type = w->type;
	uint32_t pieces = (w->cols + 8 * THREADS - 1) / (8 * THREADS);
	return fox_cuda_launch(
	    c, err, "embed", FOX_LAUNCH_EARLY, rows_kernel, dim3(rows, pieces), dim3(THREADS), 0, *m);
}

extern "C" enum fox_status fox_cuda_embed(struct fox_cuda *c, float *y, const struct fox_cuda_matrix *w,
    const int32_t *ids, uint32_t rows, float scale, struct fox_err *err)
{
	struct rows_of m = {};
	m.y = y;
	m.ids = ids;
	m.scale = scale;
	return launch_rows(c, &m, w, rows, err);
}

extern "C" enum fox_status fox_cuda_add_pos(struct fox_cuda *c, float *y, const float *a,
    const struct fox_cuda_matrix *w, const uint32_t *pos, uint32_t rows, struct fox_err *err)
{
	struct rows_of m = {};
	m.y = y;
	m.add = a;
	m.pos = pos;
	m.scale = 1;
	return launch_rows(c, &m, w, rows, err);
}
