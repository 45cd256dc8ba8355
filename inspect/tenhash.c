/* tenhash.c - one pass over the data, all hashes at once. */
#include "inspect/tenhash.h"

#include "format/base/io.h"

enum {
	CHUNK = 8 << 20,   /* bytes between two looks at the signal flag; also how much stays mapped */
	SERIAL = 64 << 10, /* below this waking workers costs more than they save */
	STATES = 2 * FOX_LIST_KINDS
};

/* A hash in the making: of the tensor at hand (tensor true) or of the file. */
struct state {
	enum fox_hashlist_kind kind;
	bool tensor;
	struct fox_digest_state *d;
	enum fox_status status;
};

struct hashing {
	struct state state[STATES]; /* the slowest first, so that workers end together */
	size_t n;
	struct fox_span chunk;
};

static void add_chunk(void *ctx, size_t i, unsigned worker)
{
	struct hashing *h = ctx;
	(void)worker;
	h->state[i].status = fox_digest_add(h->state[i].d, h->chunk.p, h->chunk.n, NULL);
}

static enum fox_status open_states(struct hashing *h, unsigned kinds, struct fox_err *err)
{
	static const enum fox_hashlist_kind slowest[] = {
	    FOX_LIST_SHA256, FOX_LIST_SHA1, FOX_LIST_UUID, FOX_LIST_XXH64};
	for (size_t i = 0; i < FOX_COUNT(slowest); i++) {
		enum fox_hashlist_kind kind = slowest[i];
		for (int tensor = 0; tensor < 2; tensor++) {
			if (!(kinds & 1u << kind) || (tensor && kind == FOX_LIST_UUID))
				continue;
			struct state *s = &h->state[h->n];
			*s = (struct state){
			    .kind = kind, .tensor = tensor, .d = fox_digest_open(fox_hashlist_digest(kind))};
			if (!s->d)
				return fox_fail_nomem(err);
			h->n++;
			enum fox_status st = kind == FOX_LIST_UUID ? fox_digest_add(s->d, fox_hashlist_space,
			                                                 sizeof fox_hashlist_space, err)
			                                           : FOX_OK;
			if (st)
				return st;
		}
	}
	return FOX_OK;
}

static enum fox_status add_data(struct hashing *h, const struct fox_gguf *part, struct fox_span d,
    struct fox_pool *pool, struct fox_err *err)
{
	for (size_t at = 0; at < d.n; at += h->chunk.n) {
		enum fox_status s = fox_cancelled(err);
		if (s)
			return s;
		h->chunk = (struct fox_span){d.p + at, d.n - at < CHUNK ? d.n - at : CHUNK};
		fox_pool_run(h->chunk.n < SERIAL ? NULL : pool, add_chunk, h, h->n);
		for (size_t i = 0; i < h->n; i++)
			if (h->state[i].status)
				return fox_fail_nomem(err);
		fox_gguf_done_with(part, h->chunk);
	}
	return FOX_OK;
}

/* Tell the hashes of a tensor, or of the file where it is NULL, in the order of kinds. */
static enum fox_status tell(
    struct hashing *h, const struct fox_tensor *t, fox_tenhash_fn *fn, void *ctx, struct fox_err *err)
{
	for (int kind = 0; kind < FOX_LIST_KINDS; kind++)
		for (size_t i = 0; i < h->n; i++) {
			uint8_t hash[FOX_DIGEST_MAX];
			if ((int)h->state[i].kind != kind || h->state[i].tensor != (t != NULL))
				continue;
			enum fox_status s = fox_digest_final(h->state[i].d, hash, err);
			if (s)
				return s;
			if (kind == FOX_LIST_UUID)
				fox_hashlist_uuid(hash);
			fn(ctx, (enum fox_hashlist_kind)kind, t, hash);
		}
	return FOX_OK;
}

enum fox_status fox_tenhash(const struct fox_gguf *part, unsigned kinds, struct fox_pool *pool,
    fox_tenhash_fn *fn, void *ctx, struct fox_err *err)
{
	struct hashing h = {.n = 0};
	enum fox_status s = open_states(&h, kinds, err);
	for (size_t i = 0; i < fox_gguf_tensors(part) && !s; i++) {
		const struct fox_tensor *t = fox_gguf_tensor(part, i);
		s = add_data(&h, part, t->data, pool, err);
		if (!s)
			s = tell(&h, t, fn, ctx, err);
	}
	if (!s)
		s = tell(&h, NULL, fn, ctx, err);
	for (size_t i = 0; i < h.n; i++)
		fox_digest_close(h.state[i].d);
	return s;
}
