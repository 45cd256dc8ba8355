/* load.h - a model and its tokenizer from one container, as fast as the machine allows. */
#ifndef FOX_LOAD_H
#define FOX_LOAD_H

#include "kernels/pool.h"
#include "runtime/model.h"
#include "runtime/tok.h"

/*
 * fox_load - open a container, and at once build its tokenizer and map its weights
 *
 * One worker builds the tokenizer, meanwhile the others enter into the page tables what of the weights is in memory: in pages
 * of 4 KiB that costs more than reading them. Nothing is read from a disk for it, and nothing is done for models larger than
 * half of the memory, or without a second worker.
 *
 * data    holds the tokenizer's strings: stays where it is until fox_tok_close
 * pool    NULL: the calling thread alone
 * errors  those of fox_model_open, fox_tokdata_from_gguf, fox_tok_open, naming the file. What was filled is the caller's to close
 *         in any case; zero-initialise all three
 */
enum fox_status fox_load(struct fox_model **model, struct fox_tokdata *data, struct fox_tok **tok,
    const char *path, struct fox_pool *pool, struct fox_err *err) FOX_MUST_CHECK;

#endif
