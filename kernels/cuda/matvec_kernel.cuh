/* matvec_kernel.cuh - the kernel that matvec.cuh describes. Private to matvec_exact.cu and matvec_fast.cu. */
#ifndef FOX_MATVEC_KERNEL_CUH
#define FOX_MATVEC_KERNEL_CUH

#include "kernels/cuda/matvec_acts.cuh"

/* Where a warp stands: a pair of rows and a segment of them. */
struct fox_matvec_at {
	uint32_t job, segment;
	const uint8_t *row[FOX_MATVEC_ROWS];
};

static __device__ __forceinline__ uint32_t fox_matvec_jobs(
    const struct fox_matvec &m, const struct fox_matvec_part &part)
{
	return m.end == FOX_MATVEC_GATE ? part.rows : (part.rows + 1) / 2;
}

/* Point at the rows of at->job; the second of an odd last row is the row itself, and is not stored. */
static __device__ __forceinline__ void fox_matvec_aim(
    struct fox_matvec_at *at, const struct fox_matvec &m, const struct fox_matvec_part &part)
{
	if (m.end == FOX_MATVEC_GATE) {
		at->row[0] = part.w + at->job * part.row_bytes;
		at->row[1] = part.w2 + at->job * part.row_bytes2;
	} else {
		at->row[0] = part.w + (uint64_t)(2 * at->job) * part.row_bytes;
		at->row[1] = part.w + (uint64_t)min(2 * at->job + 1, part.rows - 1) * part.row_bytes;
	}
}

/* Copy a segment into a slot: as it lies in its 16 bytes, or, where the type's words would not be aligned then, to the slot's
 * beginning (rows of odd lengths, or a view: slow, and right). */
static __device__ __forceinline__ void fox_matvec_copy(
    uint8_t *slot, const uint8_t *from, uint32_t bytes, uint32_t tight, uint32_t lane)
{
	uint32_t shift = (uint32_t)(uintptr_t)from & 15;
	if ((shift & (tight - 1)) == 0) {
		for (uint32_t i = lane * 16; i < shift + bytes; i += 512)
			fox_ptx_copy16(slot + i, from - shift + i, 16);
	} else {
		for (uint32_t i = lane * 2; i < bytes; i += 64)
			*(fox_bits16 *)(slot + i) = *(const fox_bits16 *)(from + i);
	}
}

/* Ask for the segment pair at `at`, close the group, and go on to the next. */
static __device__ __forceinline__ void fox_matvec_ask(uint8_t *slots, struct fox_matvec_at *at,
    const struct fox_matvec &m, const struct fox_matvec_part &part, const struct fox_matvec_shape &shape,
    uint32_t lane)
{
	if (at->job < fox_matvec_jobs(m, part)) {
		uint32_t from = at->segment * shape.bytes, bytes = min(shape.bytes, part.line_bytes - from);
#pragma unroll
		for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++)
			fox_matvec_copy(slots + k * shape.slot, at->row[k] + from, bytes, shape.tight, lane);
		if (from + bytes == part.line_bytes) {
			at->segment = 0;
			at->job += part.n_blocks * FOX_MATVEC_WARPS;
			if (at->job < fox_matvec_jobs(m, part))
				fox_matvec_aim(at, m, part);
		} else {
			at->segment++;
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
				fox_decode8<T, fox_block<T>::TIGHT>(v[k], w[k], i + lane);
			if (8 * u + 8 > cols) { /* what lies behind the row may be NaN */
#pragma unroll
				for (uint32_t j = 0; j < 8; j++)
					if (8 * u + j >= cols)
						v[0][j] = v[1][j] = 0;
			}
			fox_matvec_eight<RX>(acc, v, acts + u * 16, acts + (padded + u) * 16, acts_bytes);
		}
	}
};

template <enum fox_type T, int RX> struct fox_matvec_unit<T, RX, FOX_MATVEC_F32X32> {
	FOX_DEVICE void add(float (*acc)[RX], const uint8_t *const *w, const uint8_t *acts, uint32_t acts_bytes,
	    uint32_t segment, uint32_t cols, uint32_t lane, enum fox_type)
	{
		uint32_t u = segment * 32 + lane, all = cols / 32;
		if (u >= all)
			return;
#pragma unroll(RX <= 2 ? 4 : 1) /* few rows: scales are computed once; many: code stays small */
		for (uint32_t e = 0; e < 4; e++) {
			float v[FOX_MATVEC_ROWS][8];
#pragma unroll
			for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++)
				fox_decode8<T, fox_block<T>::TIGHT>(v[k], w[k], 4 * lane + e);
			fox_matvec_eight<RX>(
			    acc, v, acts + (2 * e * all + u) * 16, acts + ((2 * e + 1) * all + u) * 16, acts_bytes);
		}
	}
};

template <enum fox_type T, int RX> struct fox_matvec_unit<T, RX, FOX_MATVEC_Q8> {
	FOX_DEVICE void add(float (*acc)[RX], const uint8_t *const *w, const uint8_t *acts, uint32_t acts_bytes,
	    uint32_t segment, uint32_t cols, uint32_t lane, enum fox_type)
	{
		uint32_t u = segment * 32 + lane, all = cols / 32;
		if (u >= all)
			return;
		struct fox_thirty_two g[FOX_MATVEC_ROWS];
#pragma unroll
		for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++)
			fox_unpack32<T, fox_block<T>::TIGHT>(&g[k], w[k], lane);
#pragma unroll
		for (uint32_t r = 0; r < RX; r++, acts += acts_bytes) {
			uint4 a = *(const uint4 *)(acts + u * 16), b = *(const uint4 *)(acts + (all + u) * 16);
			uint2 scale = *(const uint2 *)(acts + 32 * all + u * 8);
			uint32_t x[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
			int sum[2] = {(int)(int16_t)scale.y, (int)scale.y >> 16};
#pragma unroll
			for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++)
				acc[k][r] = fmaf(__uint_as_float(scale.x), of_group(g[k], x, sum), acc[k][r]);
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

template <int RX> struct fox_matvec_rare {
	FOX_DEVICE void add(float (*acc)[RX], const uint8_t *const *w, const uint8_t *acts, uint32_t acts_bytes,
	    uint32_t segment, uint32_t cols, uint32_t lane, enum fox_type type)
	{
		uint32_t u = segment * 32 + lane, all = cols / 32;
		if (u >= all)
			return;
#pragma unroll 1
		for (uint32_t e = 0; e < 4; e++) {
			float v[FOX_MATVEC_ROWS][8] = {};
#pragma unroll 1
			for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++) {
				float one[8] = {};
				decode(one, type, w[k], 4 * lane + e);
#pragma unroll
				for (uint32_t i = 0; i < 8; i++)
					(k == 0 ? v[0] : v[1])[i] = one[i];
			}
			fox_matvec_eight<RX>(
			    acc, v, acts + (2 * e * all + u) * 16, acts + ((2 * e + 1) * all + u) * 16, acts_bytes);
		}
	}

	FOX_DEVICE void decode(float *out, enum fox_type type, const uint8_t *row, uint32_t e)
	{
#define FOX_DECODE(ID, name)                                                                                 \
	case FOX_##ID:                                                                                           \
		if constexpr (fox_matvec_rare_type<FOX_##ID>)                                                        \
			fox_decode8<FOX_##ID, fox_block<FOX_##ID>::TIGHT>(out, row, e);                                  \
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
    uint8_t *ring, struct fox_matvec_at ask, uint32_t first_job)
{
	uint32_t lane = threadIdx.x % 32, stage = 0, jobs = fox_matvec_jobs(m, part);
	uint32_t acts_bytes = fox_matvec_acts_bytes(shape.acts, m.cols);
	struct fox_matvec_at at = {first_job, 0, {NULL, NULL}};
	for (; at.job < jobs; at.job += part.n_blocks * FOX_MATVEC_WARPS) {
		fox_matvec_aim(&at, m, part);
		struct fox_matvec_out out = fox_matvec_open<RX>(m, part, at.job, lane);
		float acc[FOX_MATVEC_ROWS][RX] = {};
		uint32_t from = 0;
		for (at.segment = 0; from < part.line_bytes; at.segment++, from += shape.bytes) {
			uint8_t *slots = ring + stage * FOX_MATVEC_ROWS * shape.slot;
			const uint8_t *w[FOX_MATVEC_ROWS];
#pragma unroll
			for (uint32_t k = 0; k < FOX_MATVEC_ROWS; k++) {
				uint32_t shift = (uint32_t)((uintptr_t)at.row[k] + from) & 15;
				w[k] = slots + k * shape.slot + (shift & (shape.tight - 1) ? 0 : shift);
			}
			fox_matvec_wait_but<FOX_MATVEC_STAGES - 1>(shape.stages - 1); /* all but those behind this one */
			__syncwarp();
			UNIT::add(acc, w, acts, acts_bytes, at.segment, m.cols, lane, part.type);
			__syncwarp();
			fox_matvec_ask(slots, &ask, m, part, shape, lane);
			stage = stage + 1 == shape.stages ? 0 : stage + 1;
		}
		fox_matvec_close(m, out, fox_matvec_sum<FOX_MATVEC_ROWS * RX>(&acc[0][0], lane));
	}
}

/* blocks of FOX_MATVEC_THREADS; dynamic shared memory: m.acts_bytes, then a ring for each warp */
template <int RX, enum fox_arith ARITH, bool INSIDE>
static __global__ void __launch_bounds__(FOX_MATVEC_THREADS, RX == 8 ? 2 : 3)
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
	struct fox_matvec_at ask = {first_job, 0, {NULL, NULL}};
	if (first_job < fox_matvec_jobs(m, part))
		fox_matvec_aim(&ask, m, part);
	for (uint32_t i = 0; i < part.shape.stages; i++)
		fox_matvec_ask(ring + i * FOX_MATVEC_ROWS * part.shape.slot, &ask, m, part, part.shape, lane);
	const uint8_t *acts = m.acts;
	if (INSIDE) {
		constexpr int team = FOX_MATVEC_WARPS / RX;
		float4 w[FOX_HOLD];
		fox_hold_norm<team>(w, m.norm, m.cols, warp);
		fox_ptx_wait_before();
		uint32_t r = warp / team; /* rows that are not there are the last: computed, not stored */
		fox_fill_acts<team>(shared + r * fox_matvec_acts_bytes(part.shape.acts, m.cols), part.shape.acts,
		    m.x + (size_t)min(r, m.rows - 1) * m.cols, m.cols, m.norm, w, sums, warp);
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
    struct fox_cuda *c, const struct fox_matvec *m, uint32_t rx, uint32_t blocks, struct fox_err *err)
{
	if (m->acts)
		return fox_matvec_start<8, ARITH, false>(c, m, blocks, err);
	switch (rx) {
	case 1:
		return fox_matvec_start<1, ARITH, true>(c, m, blocks, err);
	case 2:
		return fox_matvec_start<2, ARITH, true>(c, m, blocks, err);
	case 4:
		return fox_matvec_start<4, ARITH, true>(c, m, blocks, err);
	default:
		return fox_matvec_start<8, ARITH, true>(c, m, blocks, err);
	}
}

#endif
