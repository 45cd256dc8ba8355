/* attn_direct.cu - prompts over a cache in f16 or bf16, as it lies. 128 query vectors a block where that makes blocks enough
 * for the device, else 64. */
#include "kernels/cuda/attn_mma.cuh"

template <int KIND, int DIM>
static enum fox_status sized(struct fox_cuda *c, const struct fox_attn *a, struct fox_err *err)
{
	uint64_t blocks = (uint64_t)(a->rows * a->share + 127) / 128 * a->cache.kv_heads;
	if (blocks >= (uint64_t)c->info.n_sm)
		return fox_mma_run<KIND, DIM, 2, 4, 64>(c, a, err);
	return fox_mma_run<KIND, DIM, 1, 4, 64>(c, a, err);
}

template <int KIND>
static enum fox_status run(struct fox_cuda *c, const struct fox_attn *a, struct fox_err *err)
{
	if (a->cache.dim <= 64)
		return sized<KIND, 64>(c, a, err);
	if (a->cache.dim <= 96)
		return sized<KIND, 96>(c, a, err);
	if (a->cache.dim <= 128)
		return sized<KIND, 128>(c, a, err);
	return fox_mma_run<KIND, 256, 1, 4, 64>(c, a, err);
}

enum fox_status fox_attn_prompt_direct(struct fox_cuda *c, const struct fox_attn *a, struct fox_err *err)
{
	return a->cache.type == FOX_F16 ? run<FOX_DIRECT_F16>(c, a, err) : run<FOX_DIRECT_BF16>(c, a, err);
}
