/* ops_stub.c - the answers of kernels/cuda/ops.h in a build without CUDA. */
#include "kernels/cuda/ops.h"

static enum fox_status none(struct fox_err *err)
{
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "this build has no such operation on a CUDA device");
}

enum fox_status fox_cuda_embed(struct fox_cuda *c, float *y, const struct fox_cuda_matrix *w,
    const int32_t *ids, uint32_t rows, float scale, struct fox_err *err)
{
	(void)c, (void)y, (void)w, (void)ids, (void)rows, (void)scale;
	return none(err);
}

enum fox_status fox_cuda_add_pos(struct fox_cuda *c, float *y, const float *a,
    const struct fox_cuda_matrix *w, const uint32_t *pos, uint32_t rows, struct fox_err *err)
{
	(void)c, (void)y, (void)a, (void)w, (void)pos, (void)rows;
	return none(err);
}

enum fox_status fox_cuda_norm(struct fox_cuda *c, float *y, const float *x, const struct fox_cuda_norm *norm,
    uint32_t n, uint32_t cols, struct fox_err *err)
{
	(void)c, (void)y, (void)x, (void)norm, (void)n, (void)cols;
	return none(err);
}

enum fox_status fox_cuda_add(
    struct fox_cuda *c, float *y, const float *a, const float *b, uint64_t n, struct fox_err *err)
{
	(void)c, (void)y, (void)a, (void)b, (void)n;
	return none(err);
}

enum fox_status fox_cuda_act_mul(struct fox_cuda *c, float *y, const float *gate, const float *up, uint64_t n,
    enum fox_cuda_act act, struct fox_err *err)
{
	(void)c, (void)y, (void)gate, (void)up, (void)n, (void)act;
	return none(err);
}

enum fox_status fox_cuda_softcap(struct fox_cuda *c, float *y, uint64_t n, float cap, struct fox_err *err)
{
	(void)c, (void)y, (void)n, (void)cap;
	return none(err);
}

enum fox_status fox_cuda_argmax(
    struct fox_cuda *c, int32_t *best, const float *logits, uint32_t n, void *scratch, struct fox_err *err)
{
	(void)c, (void)best, (void)logits, (void)n, (void)scratch;
	return none(err);
}

enum fox_status fox_cuda_rope(struct fox_cuda *c, float *x, const struct fox_cuda_rope *rope,
    const uint32_t *pos, uint32_t rows, uint32_t heads, uint32_t dim, struct fox_err *err)
{
	(void)c, (void)x, (void)rope, (void)pos, (void)rows, (void)heads, (void)dim;
	return none(err);
}

enum fox_status fox_cuda_kv_put(struct fox_cuda *c, const struct fox_cuda_put *put, struct fox_err *err)
{
	(void)c, (void)put;
	return none(err);
}

enum fox_status fox_cuda_attn(struct fox_cuda *c, const struct fox_cuda_attn *a, struct fox_err *err)
{
	(void)c, (void)a;
	return none(err);
}

enum fox_status fox_cuda_matvec(struct fox_cuda *c, const struct fox_cuda_product *p, struct fox_err *err)
{
	(void)c, (void)p;
	return none(err);
}

enum fox_status fox_cuda_matmul(struct fox_cuda *c, const struct fox_cuda_product *p, struct fox_err *err)
{
	(void)c, (void)p;
	return none(err);
}

uint64_t fox_cuda_side_bytes(enum fox_type type, uint32_t kv_heads, uint32_t dim)
{
	(void)type, (void)kv_heads, (void)dim;
	return 0;
}

uint64_t fox_cuda_attn_scratch(
    uint32_t rows, uint32_t heads, uint32_t kv_heads, uint32_t dim, uint32_t pages)
{
	(void)rows, (void)heads, (void)kv_heads, (void)dim, (void)pages;
	return 0;
}

uint64_t fox_cuda_product_scratch(enum fox_arith arith, uint32_t rows, uint32_t cols)
{
	(void)arith, (void)rows, (void)cols;
	return 0;
}

uint64_t fox_cuda_matmul_scratch(enum fox_arith arith, uint32_t rows, uint32_t cols); /* of product.cuh */
uint64_t fox_cuda_matmul_scratch(enum fox_arith arith, uint32_t rows, uint32_t cols)
{
	(void)arith, (void)rows, (void)cols;
	return 0;
}
