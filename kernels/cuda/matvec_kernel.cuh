/* matvec_kernel.cuh - the kernel that matvec.cuh describes. Private to matvec_exact.cu and matvec_fast.cu. */
#ifndef FOX_MATVEC_KERNEL_CUH
#define FOX_MATVEC_KERNEL_CUH

#include "kernels/cuda/matvec_acts.cuh"

/* How far a warp has asked for weights: the next segment of a pair of rows. */
struct fox_matvec_ask {
	uint32_t job, jobs, left; /* left: bytes of the rows from the segment on */
	const uint8_t *from[FOX_MATVEC_ROWS];
};

static __device__ __forceinline__ uint32_t fox_matvec_jobs(
    const struct fox_matvec &m, const struct fox_matvec_part &part)
{
	return m.end == FOX_MATVEC_GATE ? part.rows : (part.rows + 1) / 2;
}

/* Row k of a job; the second of an odd last row is the row itself, and is not stored. */
static __device__ __forceinline__ const uint8_t *fox_matvec_row(
    const struct fox_matvec &m, const struct fox_matvec_part &part, uint32_t job, uint32_t k)
{
	if (m.end == FOX_MATVEC_GATE)
		return k == 0 ? part.w + job * part.row_bytes : part.w2 + job * part.row_bytes2;
	return part.w + (uint64_t)min(2 * job + k, part.rows - 1) * part.row_bytes;
}

/* Copy a segment into a slot: as it lies in its 16 bytes, or, where the type's words would not be aligned then, to the slot's
 * beginning (rows of odd lengths, or a view: slow, and right). The last eight of a row of floats is filled up with zeros. */
static __device__ __forceinline__ void fox_matvec_copy(
    uint8_t *slot, const uint8_t *from, uint32_t bytes, const struct fox_matvec_shape &shape, uint32_t lane)
{
	uint32_t shift = (uint32_t)(uintptr_t)from & (shape.tight < 16 ? 15 : 0),
	         odd = (uint32_t)(uintptr_t)from & (shape.tight - 1);
	if (odd == 0 && bytes == shape.bytes) {
#pragma unroll
		for (uint32_t i = 0; i < shape.slot; i += 512) /* all addresses are offsets from one */
			if (shape.tight == 16 && i + 512 <= shape.bytes)
				fox_ptx_copy16(slot + lane * 16 + i, from + lane * 16 + i, 16);
			else if (lane * 16 + i < shift + shape.bytes)
				fox_ptx_copy16(slot + lane * 16 + i, from - shift + lane * 16 + i, 16);
		return;
	}
	uint32_t whole = shape.acts == FOX_MATVEC_F32X8 ? shape.bytes * 8 / shape.weights : 1;
	uint32_t end = (bytes + whole - 1) / whole * whole;
	if (odd == 0) {
#pragma unroll 1
		for (uint32_t i = lane * 16; i < shift + end; i += 512)
			fox_ptx_copy16(slot + i, from - shift + i, whole == 1 ? 16 : bytes > i ? min(bytes - i, 16u) : 0);
	} else {
#pragma unroll 1
		for (uint32_t i = lane * 2; i < end; i += 64)
			*(fox_bits16 *)(slot + i) = i < bytes ? *(const fox_bits16 *)(from + i) : 0;
	}
}

static __device__ __forceinline__ void fox_matvec_aim(
    struct fox_matvec_ask *ask, const struct fox_matvec &m, const struct fox_matvec_part &part)
{
	if (ask->job >= ask->jobs)
		return;
	ask->left = part.line_bytes;
	ask->from[0] = fox_matvec_row(m, part, ask->job, 0);
	ask->from[1] = fox_matvec_row(m, part, ask->job, 1);
}

/* Ask for a pair of segments, close the group, and go on to the next. */
static __device__ __forceinline__ void fox_matvec_next(uint8_t *slots, struct fox_matvec_ask *ask,
    const struct fox_matvec &m, const struct fox_matvec_part &part, const struct fox_matvec_shape &shape,
    uint32_t lane)
{
	if (ask->job < ask->jobs) {
		uint32_t bytes = min(shape.bytes, ask->left);
		fox_matvec_copy(slots, ask->from[0], bytes, shape, lane);
		fox_matvec_copy(slots + shape.slot, ask->from[1], bytes, shape, lane);
		ask->left -= bytes;
		ask->from[0] += bytes, ask->from[1] += bytes;
		if (ask->left == 0) {
			ask->job += part.n_blocks * FOX_MATVEC_WARPS;
			fox_matvec_aim(ask, m, part);
		}
	}
	fox_ptx_copy_close();
}

/* acc[k][r] += w[k][i] x[r][i], i in the eight weights of which x0 and x1 point to row 0's two pieces */
template <int RX>
static __device__ __forceinline__ void fox_matvec_eight(
    float (*acc)[RX], const float (*w)[8], const uint8_t *x0, const uint8_t *x1, uint32_t row_bytes)
{
#pragma unroll
	for (uint32_t r = 0; r < RX; r++) {
		float4 a = *(const float4 *)(x0 + r * row_bytes), b = *(const float4 *)(x1 + r * row_bytes);
		float x[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
#pragma unroll
		for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++)
#pragma unroll
			for (uint32_t i = 0; i < 8; i++)
				acc[k][r] = fmaf(w[k][i], x[i], acc[k][r]);
	}
}

/* How a lane computes its units of a segment, w[k] being where row k's begins in the ring, whatever weights are. */
template <enum fox_type T, int RX, enum fox_matvec_acts ACTS> struct fox_matvec_unit;

template <enum fox_type T, int RX> struct fox_matvec_unit<T, RX, FOX_MATVEC_F32X8> {
	FOX_DEVICE void add(float (*acc)[RX], const uint8_t *const *w, const uint8_t *acts, uint32_t acts_bytes,
	    uint32_t segment, uint32_t cols, uint32_t lane, enum fox_type)
	{
		constexpr uint32_t units = fox_matvec_shape_of<T>(FOX_ARITH_EXACT).weights / 8;
		uint32_t all = (cols + 7) / 8, padded = (cols + 31) / 32 * 4;
#pragma unroll
		for (uint32_t i = 0; i < units; i += 32) {
			uint32_t u = segment * units + i + lane;
			if (u >= all)
				continue;
			float v[FOX_MATVEC_ROWS][8];
#pragma unroll
			for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++)
				fox_decode8<T, fox_block<T>::TIGHT>(v[k], w[k], 0, i + lane);
			fox_matvec_eight<RX>(acc, v, acts + u * 16, acts + (padded + u) * 16, acts_bytes);
		}
	}
};

template <enum fox_type T, int RX> struct fox_matvec_unit<T, RX, FOX_MATVEC_F32X32> {
	FOX_DEVICE void add(float (*acc)[RX], const uint8_t *const *w, const uint8_t *acts, uint32_t acts_bytes,
	    uint32_t segment, uint32_t cols, uint32_t lane, enum fox_type)
	{
		constexpr uint32_t units = fox_matvec_shape_of<T>(FOX_ARITH_EXACT).weights / 32;
		uint32_t all = cols / 32;
#pragma unroll 1
		for (uint32_t g = lane, u = segment * units + lane; g < units && u < all; g += 32, u += 32) {
#pragma unroll(RX <= 2 ? 4 : 1) /* few rows: scales are computed once; many: code stays small */
			for (uint32_t e = 0; e < 4; e++) {
				float v[FOX_MATVEC_ROWS][8];
#pragma unroll
				for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++)
					fox_decode8<T, fox_block<T>::TIGHT>(v[k], w[k], g, e);
				fox_matvec_eight<RX>(
				    acc, v, acts + (2 * e * all + u) * 16, acts + ((2 * e + 1) * all + u) * 16, acts_bytes);
			}
		}
	}
};

template <enum fox_type T, int RX> struct fox_matvec_unit<T, RX, FOX_MATVEC_Q8> {
	FOX_DEVICE void add(float (*acc)[RX], const uint8_t *const *w, const uint8_t *acts, uint32_t acts_bytes,
	    uint32_t segment, uint32_t cols, uint32_t lane, enum fox_type)
	{
		constexpr uint32_t units = fox_matvec_shape_of<T>(FOX_ARITH_FAST).weights / 32;
		uint32_t all = cols / 32;
#pragma unroll 1
		for (uint32_t i = lane, u = segment * units + lane; i < units && u < all; i += 32, u += 32) {
			struct fox_thirty_two g[FOX_MATVEC_ROWS];
#pragma unroll
			for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++)
				fox_unpack32<T, fox_block<T>::TIGHT>(&g[k], w[k], i);
#pragma unroll
			for (uint32_t r = 0; r < RX; r++) {
				const uint8_t *x0 = acts + r * acts_bytes;
				uint4 a = *(const uint4 *)(x0 + u * 16), b = *(const uint4 *)(x0 + (all + u) * 16);
				uint2 scale = *(const uint2 *)(x0 + 32 * all + u * 8);
				uint32_t x[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
				int sum[2] = {(int)(int16_t)scale.y, (int)scale.y >> 16};
#pragma unroll
				for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++)
					acc[k][r] = fmaf(__uint_as_float(scale.x), of_group(g[k], x, sum), acc[k][r]);
			}
		}
	}

	/* scale * sum of (q - ZERO) x  -  minimum * sum of x */
	FOX_DEVICE float of_group(const struct fox_thirty_two &g, const uint32_t *x, const int *sum)
	{
		int products[2] = {0, 0};
#pragma unroll
		for (int i = 0; i < 8; i++)
			products[i / 4] = __dp4a((int)g.q[i], (int)x[i], products[i / 4]);
		float v;
		if (fox_block<T>::HALVES) {
			v = g.scale[0] * (float)(products[0] - fox_block<T>::ZERO * sum[0]);
			v = fmaf(g.scale[1], (float)(products[1] - fox_block<T>::ZERO * sum[1]), v);
			if (fox_block<T>::MINIMUM)
				v = fmaf(-g.min[0], (float)sum[0], fmaf(-g.min[1], (float)sum[1], v));
		} else {
			int both = sum[0] + sum[1];
			v = g.scale[0] * (float)(products[0] + products[1] - fox_block<T>::ZERO * both);
			if (fox_block<T>::MINIMUM)
				v = fmaf(-g.min[0], (float)both, v);
		}
		return v;
	}
};

/* Types that are rare share one body, which asks for the type at each eight. */
template <enum fox_type T>
static constexpr bool fox_matvec_rare_type = fox_block<T>::LEN != 8 && !fox_block<T>::INTEGER;

enum { FOX_MATVEC_RARE_WEIGHTS = 2048 };

template <int RX> struct fox_matvec_rare {
	FOX_DEVICE void add(float (*acc)[RX], const uint8_t *const *w, const uint8_t *acts, uint32_t acts_bytes,
	    uint32_t segment, uint32_t cols, uint32_t lane, enum fox_type type)
	{
		constexpr uint32_t units = FOX_MATVEC_RARE_WEIGHTS / 32;
		uint32_t all = cols / 32;
#pragma unroll 1
		for (uint32_t g = lane, u = segment * units + lane; g < units && u < all; g += 32, u += 32)
#pragma unroll 1
			for (uint32_t e = 0; e < 4; e++) {
				float v[FOX_MATVEC_ROWS][8] = {};
#pragma unroll 1
				for (uint32_t k = 0; k < FOX_MATVEC_ROWS;
				     k++) { /* v[0] moves on, so that no index is variable */
					float one[8] = {};
					decode(one, type, k == 0 ? w[1] : w[0], g, e);
#pragma unroll
					for (uint32_t i = 0; i < 8; i++)
						v[1][i] = v[0][i], v[0][i] = one[i];
				}
				fox_matvec_eight<RX>(
				    acc, v, acts + (2 * e * all + u) * 16, acts + ((2 * e + 1) * all + u) * 16, acts_bytes);
			}
	}

	FOX_DEVICE void decode(float *out, enum fox_type type, const uint8_t *row, uint32_t g, uint32_t k)
	{
#define FOX_DECODE(ID, name)                                                                                 \
	case FOX_##ID:                                                                                           \
		static_assert(!fox_matvec_rare_type<FOX_##ID> ||                                                     \
		                  fox_matvec_shape_of<FOX_##ID>(FOX_ARITH_EXACT).weights == FOX_MATVEC_RARE_WEIGHTS, \
		    "");                                                                                             \
		if constexpr (fox_matvec_rare_type<FOX_##ID>)                                                        \
			fox_decode8<FOX_##ID, fox_block<FOX_##ID>::TIGHT>(out, row, g, k);                               \
		break;
		switch (type) {
			FOX_GEMM_TYPES(FOX_DECODE, FOX_DECODE)
		default:
			break;
		}
#undef FOX_DECODE
	}
};

/* Sums of 32 lanes: v[i] of all ends in the lanes from i * 32 / N on. */
template <int N> static __device__ __forceinline__ float fox_matvec_sum(float *v, uint32_t lane)
{
	uint32_t apart = 16;
#pragma unroll
	for (uint32_t n = N / 2; n > 0; n /= 2, apart /= 2)
#pragma unroll
		for (uint32_t i = 0; i < n; i++) {
			float keep = lane & apart ? v[i + n] : v[i], give = lane & apart ? v[i] : v[i + n];
			v[i] = keep + __shfl_xor_sync(0xffffffffu, give, apart);
		}
#pragma unroll
	for (uint32_t i = 0; i < 4; i++, apart /= 2)
		if (apart > 0)
			v[0] += __shfl_xor_sync(0xffffffffu, v[0], apart);
	return v[0];
}

/* What a lane stores when a pair of rows is done, if it does. */
struct fox_matvec_out {
	float *y; /* NULL: nothing */
	float bias, old;
};

template <int RX>
static __device__ __forceinline__ struct fox_matvec_out fox_matvec_open(
    const struct fox_matvec &m, const struct fox_matvec_part &part, uint32_t job, uint32_t lane)
{
	constexpr uint32_t each = 32 / (FOX_MATVEC_ROWS * RX);
	struct fox_matvec_out out = {NULL, 0, 0};
	uint32_t k = lane / each / RX, r = lane / each % RX;
	bool gate = m.end == FOX_MATVEC_GATE;
	uint32_t row = gate ? job : 2 * job + k;
	if (lane % each != 0 || r >= m.rows || row >= part.rows)
		return out;
	const float *bias = gate && k == 1 ? part.bias2 : part.bias;
	if (bias)
		out.bias = bias[row];
	if (gate && k == 1)
		return out;
	out.y = part.y + (size_t)r * part.rows + row;
	if (m.end == FOX_MATVEC_ADD || m.end == FOX_MATVEC_TIMES)
		out.old = *out.y;
	return out;
}

static __device__ __forceinline__ void fox_matvec_close(
    const struct fox_matvec &m, struct fox_matvec_out out, float v)
{
	v += out.bias;
	float up = m.end == FOX_MATVEC_GATE ? __shfl_xor_sync(0xffffffffu, v, 16) : 0;
	if (!out.y)
		return;
	switch (m.end) {
	case FOX_MATVEC_STORE:
		break;
	case FOX_MATVEC_ADD:
		v += out.old;
		break;
	case FOX_MATVEC_GATE:
		v = fox_cuda_act_of(m.act, v) * up;
		break;
	case FOX_MATVEC_TIMES:
		v = fox_cuda_act_of(m.act, v) * out.old;
		break;
	}
	*out.y = v;
}

template <int N> static __device__ __forceinline__ void fox_matvec_wait_but(uint32_t n)
{
	if constexpr (N > 0) {
		if (n < N)
			return fox_matvec_wait_but<N - 1>(n);
	}
	fox_ptx_copy_wait<N>();
}

/* All rows of a warp; UNIT::add adds a segment. */
template <int RX, typename UNIT>
static __device__ __forceinline__ void fox_matvec_rows(const struct fox_matvec &m,
    const struct fox_matvec_part &part, const struct fox_matvec_shape shape, const uint8_t *acts,
    uint8_t *ring, struct fox_matvec_ask ask, uint32_t first_job)
{
	uint32_t lane = threadIdx.x % 32, stage = 0;
	uint32_t acts_bytes = fox_matvec_acts_bytes(shape.acts, m.cols);
	for (uint32_t job = first_job; job < ask.jobs; job += part.n_blocks * FOX_MATVEC_WARPS) {
		struct fox_matvec_out out = fox_matvec_open<RX>(m, part, job, lane);
		float acc[FOX_MATVEC_ROWS][RX] = {};
		uint32_t shift[FOX_MATVEC_ROWS];
#pragma unroll
		for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++)
			shift[k] = (uint32_t)(uintptr_t)fox_matvec_row(m, part, job, k);
#pragma unroll 1
		for (uint32_t segment = 0, from = 0; from < part.line_bytes; segment++, from += shape.bytes) {
			uint8_t *slots = ring + stage * FOX_MATVEC_ROWS * shape.slot;
			const uint8_t *w[FOX_MATVEC_ROWS];
#pragma unroll
			for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++) {
				uint32_t at = (shift[k] + from) & 15;
				w[k] = slots + k * shape.slot + (at & (shape.tight - 1) ? 0 : at);
				if (shape.tight == 16)
					w[k] = slots + k * shape.slot;
			}
			fox_matvec_wait_but<FOX_MATVEC_STAGES - 1>(shape.stages - 1); /* all but those behind this one */
			__syncwarp();
			UNIT::add(acc, w, acts, acts_bytes, segment, m.cols, lane, part.type);
			__syncwarp();
			fox_matvec_next(slots, &ask, m, part, shape, lane);
			stage = stage + 1 == shape.stages ? 0 : stage + 1;
		}
		fox_matvec_close(m, out, fox_matvec_sum<FOX_MATVEC_ROWS * RX>(&acc[0][0], lane));
	}
}

/* blocks of FOX_MATVEC_THREADS; dynamic shared memory: m.acts_bytes, then a ring for each warp */
template <int RX, enum fox_arith ARITH, bool INSIDE>
static __global__ void __launch_bounds__(FOX_MATVEC_THREADS, RX == 1 ? 3 : 2)
    fox_matvec_kernel(const __grid_constant__ struct fox_matvec m)
{
	FOX_SHARED_DYNAMIC;
	__shared__ float sums[FOX_MATVEC_WARPS];
	fox_ptx_let_next();
	uint32_t p = 0, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
	while (p + 1 < m.n_parts && blockIdx.x >= m.part[p + 1].first_block)
		p++;
	const struct fox_matvec_part &part = m.part[p];
	uint32_t first_job = (blockIdx.x - part.first_block) * FOX_MATVEC_WARPS + warp;
	uint8_t *shared = (uint8_t *)fox_shared_dynamic, *ring = shared + m.acts_bytes + warp * FOX_MATVEC_RING;
	struct fox_matvec_ask ask = {first_job, fox_matvec_jobs(m, part), 0, {NULL, NULL}};
	fox_matvec_aim(&ask, m, part);
#pragma unroll 1
	for (uint32_t i = 0; i < part.shape.stages; i++)
		fox_matvec_next(ring + i * FOX_MATVEC_ROWS * part.shape.slot, &ask, m, part, part.shape, lane);
	const uint8_t *acts = m.acts;
	if (INSIDE) {
		constexpr int team = FOX_MATVEC_WARPS / RX;
		float4 w[FOX_HOLD];
		fox_hold_norm<team>(w, m.norm, m.cols, m.wide, warp);
		fox_ptx_wait_before();
		uint32_t r = warp / team; /* rows that are not there are the last: computed, not stored */
		fox_fill_acts<team>(shared + r * fox_matvec_acts_bytes(part.shape.acts, m.cols), part.shape.acts,
		    m.x + (size_t)min(r, m.rows - 1) * m.cols, m.cols, m.wide, m.norm, w, sums, warp);
		acts = shared;
		__syncthreads();
	} else {
		fox_ptx_wait_before();
	}
#define FOX_RUN(ID, name)                                                                                    \
	case FOX_##ID:                                                                                           \
		if constexpr (!fox_matvec_rare_type<FOX_##ID>) {                                                     \
			constexpr struct fox_matvec_shape shape = fox_matvec_shape_of<FOX_##ID>(ARITH);                  \
			fox_matvec_rows<RX, fox_matvec_unit<FOX_##ID, RX, shape.acts>>(                                  \
			    m, part, shape, acts, ring, ask, first_job);                                                 \
			return;                                                                                          \
		}                                                                                                    \
		break;
	switch (part.type) {
		FOX_GEMM_TYPES(FOX_RUN, FOX_RUN)
	default:
		break;
	}
	fox_matvec_rows<RX, fox_matvec_rare<RX>>(m, part, part.shape, acts, ring, ask, first_job);
#undef FOX_RUN
}

template <int RX, enum fox_arith ARITH, bool INSIDE>
static enum fox_status fox_matvec_start(
    struct fox_cuda *c, const struct fox_matvec *m, uint32_t blocks, struct fox_err *err)
{
	return fox_cuda_launch(c, err, "multiply", FOX_LAUNCH_EARLY, fox_matvec_kernel<RX, ARITH, INSIDE>,
	    dim3(blocks), dim3(FOX_MATVEC_THREADS), m->acts_bytes + FOX_MATVEC_WARPS * FOX_MATVEC_RING, *m);
}

template <enum fox_arith ARITH>
static enum fox_status fox_matvec_choose(
    struct fox_cuda *c, const struct fox_matvec *m, uint32_t blocks, struct fox_err *err)
{
	if (m->acts)
		return fox_matvec_start<FOX_CUDA_FEW, ARITH, false>(c, m, blocks, err);
	return m->rows == 1 ? fox_matvec_start<1, ARITH, true>(c, m, blocks, err)
	                    : fox_matvec_start<FOX_MATVEC_HELD, ARITH, true>(c, m, blocks, err);
}

#endif
