/* matvec.cuh - few rows of activations times stored weights: the kernel. Private to matvec*.cu.
 *
 * The weights are read once, so device memory is all that should be waited for. A warp computes two weight rows at a time (of
 * FOX_CUDA_GATE a row of each part), segment by segment. Segments come into a ring in shared memory that is the warp's own,
 * in pieces of 16 bytes by asynchronous copies: no registers are held by loads under way, rows may begin anywhere, and warps
 * do not wait for each other. The first segments are asked for before the kernel in front has ended, for weights depend on
 * nothing; what depends on it is the row of activations, which each block then normalizes and rounds for itself, into shared
 * memory. Lane l takes unit l of a segment (32 weights; of floats 8) of both rows, so that activations are loaded once for
 * both. Sums stay in a lane until the rows end; their order depends on nothing but the shape.
 *
 * What it costs, for one row of activations, counted in machine code for sm_90 and not measured: instructions of a warp for a
 * pair of segments (what lies beside the products is 75 to 85 of them), and what part of an SM's four a clock that is where
 * weights come at the 18.6 bytes a clock of 4.3 TB/s, 132 SMs and 1.75 GHz. Next to it the part of shared memory's 128 bytes
 * a clock, two lanes to a bank where blocks have no power of two. Below 0.7 or so memory is what is waited for.
 *
 *            bytes   instructions   issue   shared
 *   bf16      4096        230       0.26     0.44
 *   q8_0      2176        175       0.37     0.60
 *   q4_0      2304        295       0.60     0.60
 *   q4_k      2304        345       0.70     0.55
 *   q5_k      2816        425       0.70     0.65
 *   q6_k      3360        585       0.81     0.75
 *
 * Two blocks an SM have 16 rings of FOX_MATVEC_RING bytes: 128 KiB on their way, less what is being computed, where 700 ns
 * of latency take 23 KiB. A third block, of the kernel behind, fits beside them (80 registers, 72 KiB). */
#ifndef FOX_MATVEC_CUH
#define FOX_MATVEC_CUH

#include "kernels/cuda/block.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/product.cuh"

enum {
	FOX_MATVEC_WARPS = 8,
	FOX_MATVEC_THREADS = 32 * FOX_MATVEC_WARPS,
	FOX_MATVEC_RING = 8192, /* bytes of a warp */
	FOX_MATVEC_ROWS = 2,    /* of weights that a warp computes at once */
	FOX_MATVEC_STAGES = 8,  /* at most */
	FOX_MATVEC_HELD = 4 /* rows of activations that blocks prepare for themselves; more: once, in scratch */
};

/* How activations lie in shared memory or in scratch: for each row of them units' pieces of 16 bytes, the first piece of all
 * units, then the second, so that lanes with neighbouring units read neighbouring addresses. */
enum fox_matvec_acts {
	FOX_MATVEC_F32X8,  /* units of 8 floats */
	FOX_MATVEC_F32X32, /* of 32 floats */
	FOX_MATVEC_Q8 /* of 32 bytes with the values of FOX_ACTS_Q8; then for each unit d as f32 and the sums of its halves as int16 */
};

static __host__ __device__ inline uint32_t fox_matvec_acts_bytes(enum fox_matvec_acts kind, uint32_t cols)
{
	uint32_t units = (cols + 31) / 32;
	return kind == FOX_MATVEC_Q8 ? (units * 40 + 15) / 16 * 16 : units * 128;
}

/* What the ring holds of a type. */
struct fox_matvec_shape {
	enum fox_matvec_acts acts;
	uint32_t weights; /* of a segment */
	uint32_t bytes;   /* of a segment */
	uint32_t slot;    /* bytes in the ring, wherever in 16 a segment begins */
	uint32_t stages;  /* pairs of slots */
	uint32_t tight;   /* segments that do not begin at a multiple of it are moved to one */
};

template <enum fox_type T>
static __host__ __device__ constexpr struct fox_matvec_shape fox_matvec_shape_of(enum fox_arith arith)
{
	/* about 1 KiB, 2 of floats: in many small steps what a step costs beside products counts, in few large ones the ring
	 * stands empty for longer */
	bool is_float = fox_block<T>::LEN == 8;
	uint32_t per_block = fox_block<T>::BYTES, block = fox_block<T>::LEN;
	uint32_t weights = is_float ? 2048 / per_block * block : 2048 / block * per_block <= 1700 ? 2048 : 1024;
	uint32_t bytes = weights / block * per_block;
	uint32_t slot = (bytes + 15 / fox_block<T>::TIGHT * fox_block<T>::TIGHT + 15) / 16 * 16;
	uint32_t stages = FOX_MATVEC_RING / (FOX_MATVEC_ROWS * slot);
	return {is_float                                           ? FOX_MATVEC_F32X8
	        : arith == FOX_ARITH_FAST && fox_block<T>::INTEGER ? FOX_MATVEC_Q8
	                                                           : FOX_MATVEC_F32X32,
	    weights, bytes, slot, stages < (uint32_t)FOX_MATVEC_STAGES ? stages : (uint32_t)FOX_MATVEC_STAGES,
	    fox_block<T>::TIGHT};
}

enum fox_matvec_end {
	FOX_MATVEC_STORE,
	FOX_MATVEC_ADD,
	FOX_MATVEC_GATE, /* y = act(row of w) * row of w2 */
	FOX_MATVEC_TIMES /* y = act(row of w) * y */
};

struct fox_matvec_part {
	const uint8_t *w, *w2; /* w2: of GATE */
	const float *bias, *bias2;
	float *y;
	uint64_t row_bytes, row_bytes2;
	uint32_t rows;
	enum fox_type type;
	struct fox_matvec_shape shape;
	uint32_t line_bytes; /* what of a row are its own bytes */
	uint32_t first_block, n_blocks;
};

struct fox_matvec {
	const float *x;
	uint32_t rows, cols;
	struct fox_cuda_norm norm;
	bool wide; /* rows of x and the norm's weights begin at multiples of 16 bytes */
	struct fox_matvec_part part[FOX_CUDA_PARTS];
	uint32_t n_parts;
	enum fox_matvec_end end;
	enum fox_cuda_act act;
	uint32_t acts_bytes; /* of shared memory before the rings; a multiple of 16 */
	uint8_t *acts;       /* FOX_CUDA_FEW prepared rows, where blocks do not hold them; or NULL */
};

/* m is ready but for what is launched. */
enum fox_status fox_matvec_exact(
    struct fox_cuda *c, const struct fox_matvec *m, uint32_t blocks, struct fox_err *err);
enum fox_status fox_matvec_fast(
    struct fox_cuda *c, const struct fox_matvec *m, uint32_t blocks, struct fox_err *err);

#endif
