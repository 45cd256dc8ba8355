/* matmul_kernel.cuh - the kernel of matmul: a tile of results a block, operands through a ring in shared memory. Private to matmul*.
 *
 * A block holds M rows of activations and N rows of weights. Each warp computes WM x WN of them out of m16n8k16 products. The
 * ring has STAGES slots of K columns of both; slots are filled by asynchronous copies two steps ahead, with one barrier a step.
 * Pieces of 16 bytes are exchanged within a row by its number, so that the eight rows which ldmatrix reads at once lie in
 * different banks, and so do those that eight threads write.
 *
 * Tensor cores do not round sums to nearest: products are aligned to the largest exponent and cut off (Fasi, Higham, Mikaitis,
 * Pranesh: Numerical behavior of NVIDIA tensor cores, 2021), a bias that grows with the number of steps. Exact forms therefore
 * start from zero at each step of K columns, the small products first, and add what comes out to f32 sums that do round. */
#ifndef FOX_MATMUL_KERNEL_CUH
#define FOX_MATMUL_KERNEL_CUH

#include "kernels/cuda/matmul_tiles.cuh"
#include "kernels/cuda/product.cuh"
#include "kernels/cuda/ptx.cuh"

/* ---- results */

/* v * 2^e, |e| <= 252, in two steps of which neither overflows alone */
static __device__ __forceinline__ float fox_matmul_scaled(float v, int e)
{
	int half = e / 2;
	return v * __int_as_float((half + 127) << 23) * __int_as_float((e - half + 127) << 23);
}

static __device__ __forceinline__ float fox_matmul_value(
    const struct fox_matmul *g, const struct fox_matmul_piece *p, uint32_t row, uint32_t n, float sum)
{
	if (g->scale)
		sum = fox_matmul_scaled(sum, -(g->scale[row] + (p->scale ? p->scale[n] : 0)));
	return p->bias ? sum + p->bias[n] : sum;
}

/* Two neighbouring results of a row of p, n even. */
static __device__ __forceinline__ void fox_matmul_put(const struct fox_matmul *g,
    const struct fox_matmul_piece *p, uint32_t row, uint32_t n, float v0, float v1)
{
	float *y = p->y + (uint64_t)row * p->y_cols + n;
	bool two = n + 1 < p->rows;
	if (two && (uintptr_t)y % 8 == 0) {
		float2 v = make_float2(v0, v1);
		if (g->end == FOX_CUDA_ADD) {
			float2 old = *(const float2 *)y;
			v.x += old.x, v.y += old.y;
		}
		*(float2 *)y = v;
		return;
	}
	y[0] = g->end == FOX_CUDA_ADD ? y[0] + v0 : v0;
	if (two)
		y[1] = g->end == FOX_CUDA_ADD ? y[1] + v1 : v1;
}

struct fox_matmul_place {
	uint32_t m, n; /* tile of activations; of weights, within the piece */
	uint32_t piece;
};

/* Tiles in bands of activations; in a band all of them for one tile of weights, then the next: weights come from memory once,
 * activations stay in L2. */
static __device__ __forceinline__ struct fox_matmul_place fox_matmul_place_of(
    const struct fox_matmul *g, uint32_t band_tiles, uint32_t tile)
{
	uint32_t band = tile / (band_tiles * g->n_tiles), rest = tile - band * band_tiles * g->n_tiles;
	uint32_t width = min(band_tiles, g->m_tiles - band * band_tiles);
	struct fox_matmul_place at = {band * band_tiles + rest % width, rest / width, 0};
	if (g->end == FOX_CUDA_GATE)
		return at;
	while (at.piece + 1 < g->n_pieces && at.n >= g->piece[at.piece + 1].first_tile)
		at.piece++;
	at.n -= g->piece[at.piece].first_tile;
	return at;
}

/* Sums of row r and of columns col, col + 1 of a tile; up: of GATE those of col + 8, which are the same row of the other part. */
template <typename S>
static __device__ __forceinline__ void fox_matmul_end(
    const struct fox_matmul *g, struct fox_matmul_place at, uint32_t r, uint32_t col, float2 sum, float2 up)
{
	bool gate = g->end == FOX_CUDA_GATE;
	const struct fox_matmul_piece *p = &g->piece[at.piece];
	uint32_t row = at.m * S::M + r,
	         n = at.n * (gate ? S::N / 2 : S::N) + (gate ? col / 16 * 8 + col % 8 : col);
	if (n >= p->rows)
		return;
	uint32_t next = min(n + 1, p->rows - 1);
	float v0 = fox_matmul_value(g, p, row, n, sum.x), v1 = fox_matmul_value(g, p, row, next, sum.y);
	if (gate) {
		v0 = fox_cuda_act_of(g->act, v0) * fox_matmul_value(g, p + 1, row, n, up.x);
		v1 = fox_cuda_act_of(g->act, v1) * fox_matmul_value(g, p + 1, row, next, up.y);
	}
	fox_matmul_put(g, p, row, n, v0, v1);
}

/* ---- operands */

/* What a thread copies in each step: piece c of rows r, r + STEP, ... of both operands. Scratch has room for activations
 * of whole tiles, and whatever lies there can be copied; of weights the last row serves for those that are missing. What comes
 * of either is not stored. */
template <enum fox_matmul_form F, typename S> struct fox_matmul_loader {
	enum { X_ROWS = S::M / S::STEP, W_ROWS = S::N / S::STEP };
	const uint8_t *x, *w;
	uint64_t x_part, w_part;
	uint32_t x_step, w_step, w_last; /* bytes: from one row to the next, to the last there is */
	uint32_t at;                     /* in a slot */

	__device__ __forceinline__ void start(const struct fox_matmul *g, struct fox_matmul_place p, uint32_t k)
	{
		uint32_t c = threadIdx.x % S::PIECES, r = threadIdx.x / S::PIECES;
		bool gate = g->end == FOX_CUDA_GATE;
		const struct fox_matmul_piece *piece = &g->piece[gate ? r / 8 % 2 : p.piece];
		uint32_t w_row = gate ? r / 16 * 8 + r % 8 : r, step = gate ? S::STEP / 2 : S::STEP;
		uint32_t w0 = min(p.n * (gate ? S::N / 2 : S::N) + w_row, piece->rows - 1);
		at = r * S::ROW + place(r, c);
		x = g->x + (uint64_t)(p.m * S::M + r) * g->x_row_bytes + (k + c * 8) * 2;
		w = piece->w + (uint64_t)w0 * piece->row_bytes + (k + c * 8) * 2;
		x_step = S::STEP * (uint32_t)g->x_row_bytes, w_step = step * (uint32_t)piece->row_bytes;
		w_last = min(piece->rows - 1 - w0, (uint32_t)S::N) * (uint32_t)piece->row_bytes;
		x_part = g->x_part_bytes, w_part = piece->part_bytes;
	}

	/* Bytes from the start of a row to its piece c, exchanged by the row's number. */
	static __device__ __forceinline__ uint32_t place(uint32_t row, uint32_t c)
	{
		return (c ^ (S::PIECES == 8 ? row & 7 : row >> 1 & 3)) * 16;
	}

	__device__ __forceinline__ void copy(uint8_t *slot)
	{
		uint8_t *to = slot + at;
#pragma unroll
		for (int p = 0; p < fox_matmul_parts<F>::X; p++)
#pragma unroll
			for (int i = 0; i < X_ROWS; i++, to += S::STEP * S::ROW)
				fox_ptx_copy16(to, x + p * x_part + i * x_step, 16);
#pragma unroll
		for (int p = 0; p < fox_matmul_parts<F>::W; p++)
#pragma unroll
			for (int i = 0; i < W_ROWS; i++, to += S::STEP * S::ROW)
				fox_ptx_copy16(to, w + p * w_part + min(i * w_step, w_last), 16);
		x += S::K * 2, w += S::K * 2;
	}
};

/* A warp's fragments of 16 columns. */
template <enum fox_matmul_form F, typename S> struct fox_matmul_fragments {
	uint32_t x[fox_matmul_parts<F>::X][S::MT][4], w[fox_matmul_parts<F>::W][S::NT / 2][4];

	/* x_at, w_at: of the lane, with the exchanged piece of the first 16 columns */
	__device__ __forceinline__ void load(const uint8_t *slot, uint32_t x_at, uint32_t w_at, uint32_t k16)
	{
#pragma unroll
		for (int p = 0; p < fox_matmul_parts<F>::X; p++)
#pragma unroll
			for (int i = 0; i < S::MT; i++)
				fox_ptx_ldmatrix4(x[p][i], slot + (x_at ^ k16 * 32) + (p * S::M + i * 16) * S::ROW);
		slot += fox_matmul_slot<F, S>::X;
#pragma unroll
		for (int p = 0; p < fox_matmul_parts<F>::W; p++)
#pragma unroll
			for (int i = 0; i < S::NT / 2; i++)
				fox_ptx_ldmatrix4(w[p][i], slot + (w_at ^ k16 * 32) + (p * S::N + i * 16) * S::ROW);
	}

	/* Products of parts xp and wp are of the order of 2^-(8 or 11)(xp + wp): the small first, the negligible not at all. */
	__device__ __forceinline__ void multiply(float (*sum)[S::NT][4]) const
	{
		constexpr int X = fox_matmul_parts<F>::X, W = fox_matmul_parts<F>::W, ORDERS = X > W ? X : W;
#pragma unroll
		for (int order = ORDERS - 1; order >= 0; order--)
#pragma unroll
			for (int xp = X - 1; xp >= 0; xp--) {
				int wp = order - xp;
				if (wp < 0 || wp >= W)
					continue;
#pragma unroll
				for (int i = 0; i < S::MT; i++)
#pragma unroll
					for (int j = 0; j < S::NT; j++)
						if (fox_matmul_parts<F>::IS_F16)
							fox_ptx_mma_f16(sum[i][j], x[xp][i], w[wp][j / 2] + j % 2 * 2);
						else
							fox_ptx_mma_bf16(sum[i][j], x[xp][i], w[wp][j / 2] + j % 2 * 2);
			}
	}
};

template <typename S> static __device__ __forceinline__ void fox_matmul_zero(float (*sum)[S::NT][4])
{
#pragma unroll
	for (int i = 0; i < S::MT; i++)
#pragma unroll
		for (int j = 0; j < S::NT; j++)
#pragma unroll
			for (int e = 0; e < 4; e++)
				sum[i][j][e] = 0;
}

/* ---- the loop. Fragments of the next 16 columns are loaded before those at hand are multiplied; those of the next slot too. */
template <enum fox_matmul_form F, typename S>
static __device__ __forceinline__ void fox_matmul_loop(float (*sum)[S::NT][4], uint8_t *ring,
    struct fox_matmul_loader<F, S> *loader, uint32_t x_at, uint32_t w_at, uint32_t steps)
{
	constexpr int K16 = S::K / 16;
	constexpr bool EXACT = fox_matmul_parts<F>::EXACT;
	struct fox_matmul_fragments<F, S> at[EXACT ? 1 : 2];
	uint32_t fill = S::STAGES - 1, use = 0;
#pragma unroll
	for (int i = 0; i < S::STAGES - 1; i++) {
		if ((uint32_t)i < steps)
			loader->copy(ring + i * fox_matmul_slot<F, S>::BYTES);
		fox_ptx_copy_close();
	}
	fox_matmul_zero<S>(sum);
	if constexpr (!EXACT) {
		fox_ptx_copy_wait<S::STAGES - 2>();
		__syncthreads();
		at[0].load(ring, x_at, w_at, 0);
	}
	for (uint32_t step = 0; step < steps; step++) {
		uint8_t *slot = ring + use * fox_matmul_slot<F, S>::BYTES;
		use = use + 1 < (uint32_t)S::STAGES ? use + 1 : 0;
		if constexpr (EXACT) {
			fox_ptx_copy_wait<S::STAGES - 2>();
			__syncthreads();
		}
		float part[EXACT ? S::MT : 1][S::NT][4];
		if constexpr (EXACT)
			fox_matmul_zero<S>(part);
#pragma unroll
		for (int k16 = 0; k16 < K16; k16++) {
			if constexpr (!EXACT) {
				if (k16 == K16 - 1) {
					fox_ptx_copy_wait<S::STAGES - 2>();
					__syncthreads();
					slot = ring + use * fox_matmul_slot<F, S>::BYTES;
				}
				at[(k16 + 1) % 2].load(slot, x_at, w_at, (k16 + 1) % K16);
			} else
				at[0].load(slot, x_at, w_at, k16);
			if (k16 == 0) {
				if (step + S::STAGES - 1 < steps)
					loader->copy(ring + fill * fox_matmul_slot<F, S>::BYTES);
				fox_ptx_copy_close();
				fill = fill + 1 < (uint32_t)S::STAGES ? fill + 1 : 0;
			}
			if constexpr (EXACT)
				at[0].multiply(part);
			else
				at[k16 % 2].multiply(sum);
		}
		if constexpr (EXACT) {
#pragma unroll
			for (int i = 0; i < S::MT; i++)
#pragma unroll
				for (int j = 0; j < S::NT; j++)
#pragma unroll
					for (int e = 0; e < 4; e++)
						sum[i][j][e] += part[i][j][e];
		}
	}
	fox_ptx_copy_wait<0>();
}

template <enum fox_matmul_form F, typename S>
static __global__ void __launch_bounds__(S::THREADS, S::BLOCKS)
    fox_matmul_kernel(const __grid_constant__ struct fox_matmul g)
{
	FOX_SHARED_DYNAMIC;
	uint8_t *ring = (uint8_t *)fox_shared_dynamic;
	uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
	uint32_t wm = warp % (S::M / S::WM) * S::WM, wn = warp / (S::M / S::WM) * S::WN;
	struct fox_matmul_place at = fox_matmul_place_of(&g, FOX_MATMUL_BAND / S::M, blockIdx.x);
	uint32_t first = blockIdx.y * g.split_steps,
	         steps = min(g.split_steps, g.steps - first) * (FOX_MATMUL_STEP / S::K);
	fox_ptx_wait_before();
	struct fox_matmul_loader<F, S> loader;
	loader.start(&g, at, first * FOX_MATMUL_STEP);
	/* lane 8 i + r: row r of matrix i; of weights, i counts columns first, so that a pair of registers is a fragment */
	uint32_t x_row = lane % 16, w_row = lane / 16 * 8 + lane % 8;
	uint32_t x_at = (wm + x_row) * S::ROW + loader.place(x_row, lane / 16);
	uint32_t w_at = (wn + w_row) * S::ROW + loader.place(w_row, lane / 8 % 2);
	float sum[S::MT][S::NT][4];
	fox_matmul_loop<F, S>(sum, ring, &loader, x_at, w_at, steps);
	fox_ptx_let_next();

	/* through shared memory, so that neighbours write neighbours; lines end 32 bytes further on, in other banks */
	constexpr uint32_t LINE = S::N + 8;
	static_assert(S::M * LINE * 4 <= S::STAGES * fox_matmul_slot<F, S>::BYTES, "sums do not fit the ring");
	float *tile = (float *)fox_shared_dynamic;
	__syncthreads();
#pragma unroll
	for (int i = 0; i < S::MT; i++)
#pragma unroll
		for (int j = 0; j < S::NT; j++)
#pragma unroll
			for (int half = 0; half < 2; half++)
				*(float2 *)(tile + (wm + i * 16 + half * 8 + lane / 4) * LINE + wn + j * 8 + lane % 4 * 2) =
				    make_float2(sum[i][j][2 * half], sum[i][j][2 * half + 1]);
	__syncthreads();
	float *partial = g.partial + ((uint64_t)blockIdx.x * g.splits + blockIdx.y) * (S::M * S::N);
	for (uint32_t i = threadIdx.x * 2; i < (uint32_t)S::M * S::N; i += S::THREADS * 2) {
		uint32_t r = i / S::N, col = i % S::N;
		if (at.m * S::M + r >= g.rows)
			break;
		const float *from = tile + r * LINE + col;
		if (g.splits > 1)
			*(float2 *)(partial + i) = *(const float2 *)from;
		else if (g.end != FOX_CUDA_GATE || col / 8 % 2 == 0)
			fox_matmul_end<S>(&g, at, r, col, *(const float2 *)from, *(const float2 *)(from + 8));
	}
}

/* Sums of splits, in rising order; threads take pairs of neighbouring columns. */
template <typename S>
static __global__ void __launch_bounds__(256) fox_matmul_finish(const __grid_constant__ struct fox_matmul g)
{
	fox_ptx_let_next();
	fox_ptx_wait_before();
	struct fox_matmul_place at = fox_matmul_place_of(&g, FOX_MATMUL_BAND / S::M, blockIdx.x);
	bool gate = g.end == FOX_CUDA_GATE;
	const float *partial = g.partial + (uint64_t)blockIdx.x * g.splits * (S::M * S::N);
	uint32_t i = (blockIdx.y * 256 + threadIdx.x) * 2, r = i / S::N, col = i % S::N;
	if (at.m * S::M + r >= g.rows || (gate && col / 8 % 2))
		return;
	float2 sum = make_float2(0, 0), up = sum;
	for (uint32_t s = 0; s < g.splits; s++) {
		const float *from = partial + (uint64_t)s * (S::M * S::N) + i;
		float2 v = *(const float2 *)from;
		sum.x += v.x, sum.y += v.y;
		if (gate) {
			v = *(const float2 *)(from + 8);
			up.x += v.x, up.y += v.y;
		}
	}
	fox_matmul_end<S>(&g, at, r, col, sum, up);
}

template <enum fox_matmul_form F, typename S>
static enum fox_status fox_matmul_launch(struct fox_cuda *c, const struct fox_matmul *g, struct fox_err *err)
{
	uint32_t tiles = g->m_tiles * g->n_tiles;
	enum fox_status st = fox_cuda_launch(c, err, "multiply", FOX_LAUNCH_EARLY, fox_matmul_kernel<F, S>,
	    dim3(tiles, g->splits), dim3(S::THREADS), S::STAGES * fox_matmul_slot<F, S>::BYTES, *g);
	if (st == FOX_OK && g->splits > 1)
		st = fox_cuda_launch(c, err, "add up", FOX_LAUNCH_EARLY, fox_matmul_finish<S>,
		    dim3(tiles, S::M * S::N / 512), dim3(256), 0, *g);
	return st;
}

#endif
