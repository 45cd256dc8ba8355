/* attn_parts.cu - prompts over caches that are no bf16 yet, and in exact arithmetic. The sizes leave room for 99 KiB of shared
 * memory a block, which all devices have. */
#include "kernels/cuda/attn_mma.cuh"

enum fox_status fox_attn_prompt_fast(struct fox_cuda *c, const struct fox_attn *a, struct fox_err *err)
{
	if (a->cache.dim <= 64)
		return fox_mma_run<FOX_FAST_BF16, 64, 1, 4, 64>(c, a, err);
	if (a->cache.dim <= 128)
		return fox_mma_run<FOX_FAST_BF16, 128, 1, 4, 64>(c, a, err);
	return fox_mma_run<FOX_FAST_BF16, 256, 1, 4, 64>(c, a, err);
}

enum fox_status fox_attn_prompt_exact(struct fox_cuda *c, const struct fox_attn *a, struct fox_err *err)
{
	if (a->cache.dim <= 64)
		return fox_mma_run<FOX_EXACT_BF16, 64, 1, 4, 32>(c, a, err);
	if (a->cache.dim <= 128)
		return fox_mma_run<FOX_EXACT_BF16, 128, 1, 4, 32>(c, a, err);
	return fox_mma_run<FOX_EXACT_BF16, 256, 1, 2, 16>(c, a, err);
}
