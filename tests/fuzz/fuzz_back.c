/* fuzz_back.c - any bytes as a container that goes back to a checkpoint: the plan, the small files, and the data of each tensor,
 * as fox_back does it. What is made of a tokenizer ends with the text that was kept. */
#include <stdlib.h>
#include <string.h>

#include "convert/back_data.h"
#include "convert/back_tok.h"
#include "convert/hfconfig.h"
#include "format/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_all(struct back_plan *p, const struct fox_gguf *g)
{
	struct fox_out *out;
	uint64_t done = 0;
	if (fox_out_open(&out, "/tmp/fox-fuzz-back", true, NULL))
		return;
	for (size_t i = 0; i < p->n; i++) {
		struct fox_err err = {0};
		uint64_t before = done;
		p->list[i].st.at = before;
		if (back_data_write(&p->list[i], g, false, out, NULL, NULL, &done, p->bytes, &err))
			break;
		if (done - before != p->list[i].st.bytes)
			abort();
	}
	fox_out_abort(out);
}

static void plan(const struct fox_gguf *g, enum fox_type type)
{
	struct fox_json *json = NULL;
	static struct fox_hfconfig config;
	struct fox_arena arena = {0};
	struct back_plan p;
	struct fox_str text;
	struct fox_buf shown = {0};
	if (!fox_gguf_str(g, FOX_KEY_HF_PREFIX "config", &text, NULL) && !fox_json_parse(&json, text, NULL) &&
	    !fox_hfconfig_read(&config, json, NULL) &&
	    !back_plan_make(&p, g, config.arch, &config.hp, type, false, 4096, &arena, NULL)) {
		back_plan_print(&p, &shown);
		write_all(&p, g);
	}
	fox_buf_free(&shown);
	fox_json_close(json);
	fox_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_gguf *g;
	struct fox_err err = {0};
	struct back_files files = {0};
	if (fox_gguf_open_bytes(&g, (struct fox_span){data, size}, "fuzz", &err))
		return 0;
	plan(g, FOX_TYPE_LIMIT);
	plan(g, FOX_F16);
	enum fox_status s = back_files_make(&files, g, NULL, NULL, &err);
	if (s != err.code)
		abort();
	for (size_t i = 0; i < files.n && !s; i++) {
		struct fox_str made = back_file_text(&files.list[i]), kept = files.tok.spm_spec;
		if (!strcmp(files.list[i].name, "tokenizer.model") &&
		    (made.n < kept.n || memcmp(made.p + made.n - kept.n, kept.p, kept.n)))
			abort();
	}
	back_files_free(&files);
	fox_gguf_close(g);
	return 0;
}
