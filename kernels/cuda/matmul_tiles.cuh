/* matmul_tiles.cuh - how matmul's kernels cut their work. Private to matmul*. */
#ifndef FOX_MATMUL_TILES_CUH
#define FOX_MATMUL_TILES_CUH

#include "kernels/cuda/matmul.cuh"

/* M rows of activations and N of weights a block, WM and WN of them a warp; K columns a step, STAGES of them in the ring; an SM
 * is to have registers for BLOCKS of them. */
template <int M_, int N_, int WM_, int WN_, int K_, int STAGES_, int BLOCKS_> struct fox_matmul_tile {
	enum {
		M = M_,
		N = N_,
		WM = WM_,
		WN = WN_,
		K = K_,
		STAGES = STAGES_,
		BLOCKS = BLOCKS_,
		THREADS = M / WM * (N / WN) * 32,
		ROW = K * 2,             /* bytes */
		PIECES = K / 8,          /* of 16 bytes, of a row */
		STEP = THREADS / PIECES, /* rows that the threads of a block copy at once */
		MT = WM / 16,
		NT = WN / 8
	};
};

template <enum fox_matmul_form F, typename S> struct fox_matmul_slot {
	enum {
		X = fox_matmul_parts<F>::X * S::M * S::ROW, /* bytes: activations, then weights */
		W = fox_matmul_parts<F>::W * S::N * S::ROW,
		BYTES = X + W
	};
};

/* HUGE reads the least from L2, 768 bytes for 32768 multiplications; LARGE is for what does not fill a card with it, and for
 * cards with 99 KiB of shared memory; the others for few rows, where memory is what is waited for. Exact products have two sets
 * of sums, and take three times as long for the same operands: two sizes do. */
template <enum fox_matmul_kind KIND, bool EXACT> struct fox_matmul_cut;
template <> struct fox_matmul_cut<FOX_MATMUL_HUGE, false> : fox_matmul_tile<128, 256, 64, 64, 64, 3, 1> {
};
template <> struct fox_matmul_cut<FOX_MATMUL_LARGE, false> : fox_matmul_tile<128, 128, 64, 64, 64, 3, 2> {
};
template <> struct fox_matmul_cut<FOX_MATMUL_MIDDLE, false> : fox_matmul_tile<64, 128, 32, 64, 64, 3, 3> {
};
template <> struct fox_matmul_cut<FOX_MATMUL_SMALL, false> : fox_matmul_tile<32, 128, 32, 32, 64, 3, 3> {
};
template <> struct fox_matmul_cut<FOX_MATMUL_LARGE, true> : fox_matmul_tile<128, 128, 64, 32, 32, 3, 1> {
};
template <> struct fox_matmul_cut<FOX_MATMUL_SMALL, true> : fox_matmul_tile<32, 128, 32, 32, 32, 3, 3> {
};

#endif
