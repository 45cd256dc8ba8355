/* torch_pickle.h - the pickle inside a PyTorch checkpoint: the tensors of a state dict, and where in which storage they lie.
 *
 * Only the names that torch.save writes for tensors mean something; every other name is refused before anything is made of
 * it. Shapes are checked here against the sizes that the pickle itself gives storages; that these are the sizes of the
 * archive's members is format/torch.c's to see.
 * source: torch/_utils.py (_rebuild_tensor_v2, _rebuild_tensor_v3, _rebuild_parameter), torch/serialization.py (persistent_id)
 * spec/sources.md 5 */
#ifndef FOX_TORCH_PICKLE_H
#define FOX_TORCH_PICKLE_H

#include "format/source.h"

struct fox_torch_entry {
	struct fox_str
	    name; /* well-formed UTF-8 without NUL; borrowed from the pickle's bytes, as all text here */
	struct fox_str
	    storage; /* key of the storage: a decimal number, as torch writes it, but any text in a hostile file */
	enum fox_dtype dtype;
	enum fox_dtype stored_as; /* dtype of the storage; FOX_DT_COUNT: it has none */
	uint64_t storage_bytes;
	uint64_t first; /* of the tensor's elements in the storage */
	uint32_t n_dims;
	uint64_t shape[8], stride[8]; /* outermost first; strides in elements */
	uint64_t n_elems, bytes;
	bool plain; /* elements in row-major order without gaps */
};

struct fox_torch_entries {
	struct fox_torch_entry *list; /* in the order of the dict; lives in the arena */
	size_t n;
};

/*
 * fox_torch_pickle_parse - run the pickle and list its tensors
 *
 * The root is a dict of tensors, or a dict with such a dict under 'state_dict' or 'model'.
 *
 * base    offset of the pickle in its file, for messages
 * errors  those of fox_pickle_run; FOX_E_FORMAT, FOX_E_BOUND (more than 8 dimensions, sizes over 64 bits, a tensor that leaves its
 *         storage), FOX_E_UNSUPPORTED (elements that share bytes)
 */
enum fox_status fox_torch_pickle_parse(struct fox_torch_entries *out, struct fox_arena *a,
    struct fox_span pickle, uint64_t base, struct fox_err *err) FOX_MUST_CHECK;

#endif
