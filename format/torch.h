/* torch.h - one PyTorch checkpoint file (.bin, .pt, .pth): a zip archive in, a checked list of tensors out.
 *
 * The archive holds data.pkl, whose tensors point into the members data/0, data/1, ... No code is ever run: what the pickle
 * may say is format/torch_pickle.h's. Files of PyTorch before 1.6, which are no archives, are refused by name.
 * source: torch/serialization.py, caffe2/serialize/inline_container.cc   spec/sources.md 5 */
#ifndef FOX_TORCH_H
#define FOX_TORCH_H

#include "format/safetensors.h"

/*
 * fox_torch_read - list the tensors of an open file, sorted as fox_st_parse sorts them
 *
 * Tensors may share storages: bytes of the file may then belong to several, and to none.
 *
 * file    what fox_src_tensor.file is to be
 * errors  those of fox_zip_open and fox_torch_pickle_parse; FOX_E_UNSUPPORTED (older than PyTorch 1.6, TorchScript,
 *         big-endian, a member that is not stored as it is); FOX_E_FORMAT (no archive of PyTorch's, sizes that contradict
 *         each other); FOX_E_BOUND. err->file is set.
 */
enum fox_status fox_torch_read(struct fox_st_tensors *out, struct fox_arena *a, const struct fox_file *f,
    uint32_t file, struct fox_err *err) FOX_MUST_CHECK;

#endif
