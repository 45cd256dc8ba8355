/* tok_import_make.h - for tests of the tokenizer's import: folders, the import as fox-convert calls it, and texts of a
 * tokenizer.json. */
#ifndef FOX_TEST_TOK_IMPORT_MAKE_H
#define FOX_TEST_TOK_IMPORT_MAKE_H

#include "tests/test.h"

#include "convert/tok_import.h"
#include "tests/src_make.h"

static struct fox_buf notes; /* what the last import told */

static inline void note(void *ctx, const char *line)
{
	fox_buf_fmt(ctx, "%s\n", line);
}

struct held {
	struct fox_tokdata t;
	struct fox_source *src;
	struct fox_err err;
};

static inline enum fox_status import_for(
    const char *arch, struct held *h, const char *dir, uint32_t rows, const struct fox_tok_options *options)
{
	struct fox_hfconfig config = {.arch = arch ? fox_arch_by_name(fox_str_of(arch)) : NULL,
	    .bos = -1,
	    .eos = -1,
	    .pad = -1,
	    .hp.n_vocab = rows};
	*h = (struct held){0};
	fox_buf_clear(&notes);
	fox_buf_str(&notes, "");
	assert_fox_ok(fox_source_open(&h->src, test_path(dir), false, &h->err), &h->err);
	return fox_tok_import(&h->t, h->src, &config, options, note, &notes, &h->err);
}

static inline enum fox_status import(
    struct held *h, const char *dir, uint32_t rows, const struct fox_tok_options *options)
{
	return import_for(NULL, h, dir, rows, options);
}

static inline void drop(struct held *h)
{
	fox_tokdata_free(&h->t);
	fox_source_close(h->src);
}

/* A folder that holds this tokenizer.json alone. */
static inline void folder(const char *dir, const char *json)
{
	char name[64];
	src_folder(dir);
	snprintf(name, sizeof name, "%s/tokenizer.json", dir);
	src_text(name, json);
}

#define GPT2_PRE                                                                                             \
	"\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_"      \
	"regex\":true}"
#define BPE(vocab, merges) GPT2_PRE ",\"model\":{\"type\":\"BPE\",\"vocab\":" vocab ",\"merges\":" merges "}"
#define ADDED(id, content, normalized, special)                                                              \
	"{\"id\":" id ",\"content\":\"" content "\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"    \
	"\"normalized\":" normalized ",\"special\":" special "}"

/* Of the whole group. */
static inline int done(void **state)
{
	(void)state;
	fox_buf_free(&notes);
	return 0;
}

#endif
