/* mixture_opts.h - the rows of --help that say what is made of a model: the same for fox-convert and fox-quantize. */
#ifndef FOX_MIXTURE_OPTS_H
#define FOX_MIXTURE_OPTS_H

#include "convert/mixtures.h"
#include "format/base/opt.h"

struct fox_mixture_lists {
	struct fox_opt_list rules, include, exclude;
};

/* m: struct fox_mixture_options, l: struct fox_mixture_lists */
#define FOX_MIXTURE_ROWS(m, l)                                                                               \
	{FOX_OPT_FLAG, 0, "pure", &(m).pure, NULL, "the base type for every matrix: no mixture", NULL, 0, 0},    \
	    {FOX_OPT_FLAG, 0, "leave-output-tensor", &(m).leave_output, NULL, "output.weight keeps its type",    \
	        NULL, 0, 0},                                                                                     \
	    {FOX_OPT_STR, 0, "output-tensor-type", &(m).output_type, "T", "type of output.weight", NULL, 0, 0},  \
	    {FOX_OPT_STR, 0, "token-embedding-type", &(m).embed_type, "T", "type of the token embeddings", NULL, \
	        0, 0},                                                                                           \
	    {FOX_OPT_LIST, 0, "tensor-type", &(l).rules, "RULE",                                                 \
	        "REGEX=T: type of the tensors whose names match; the first rule that does counts", NULL, 0, 0},  \
	    {FOX_OPT_STR, 0, "tensor-type-file", &(m).rules_file, "FILE", "rules, one a line", NULL, 0, 0},      \
	    {FOX_OPT_STR, 0, "imatrix", &(m).imatrix, "FILE", "importance matrix, .gguf or .dat", NULL, 0, 0},   \
	    {FOX_OPT_ENUM, 0, "search", &(m).search, "HOW",                                                          \
	        "look for smaller errors in the same format; slower", fox_mixture_searches, 0, 0},                   \
	    {FOX_OPT_LIST, 0, "include-weights", &(l).include, "PART",                                           \
	        "use the importance of tensors with this in their names only", NULL, 0, 0},                      \
	{                                                                                                        \
		FOX_OPT_LIST, 0, "exclude-weights", &(l).exclude, "PART", "do not use the importance of these",      \
		    NULL, 0, 0                                                                                       \
	}

static inline void fox_mixture_take(struct fox_mixture_options *m, const struct fox_mixture_lists *l)
{
	m->rules = (struct fox_mixture_texts){l->rules.item, l->rules.n};
	m->include = (struct fox_mixture_texts){l->include.item, l->include.n};
	m->exclude = (struct fox_mixture_texts){l->exclude.item, l->exclude.n};
}

#endif
