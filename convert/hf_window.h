/* hf_window.h - which layers see only a window, out of config.json's fields in both spellings. */
#ifndef FOX_HF_WINDOW_H
#define FOX_HF_WINDOW_H

#include "format/arch.h"
#include "format/base/json.h"

/*
 * fox_hf_window_read - fill h->window and h->windowed
 *
 * Reads 'sliding_window', 'use_sliding_window', 'max_window_layers', 'sliding_window_pattern' and 'layer_types', as
 * the family's traits say which of them count. Where every layer sees everything, h->window is 0.
 *
 * h       n_layers is set
 * errors  FOX_E_FORMAT: ill-typed, a list that has not one entry for each layer, entries other than full_attention and
 *         sliding_attention; FOX_E_UNSUPPORTED: a window in a family without one, fields that contradict each other
 * source  transformers configuration_{mistral,qwen2,qwen3,gemma2,gemma3,phi3}.py
 */
enum fox_status fox_hf_window_read(struct fox_hparams *h, const struct fox_arch *arch,
    const struct fox_value *root, struct fox_err *err) FOX_MUST_CHECK;

#endif
