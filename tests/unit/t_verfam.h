/* t_verfam.h - one config.json held against one container's keys, in memory: what the parts of fox_ver_source find. */
#ifndef T_VERFAM_H
#define T_VERFAM_H

#include "tests/test.h"

#include <math.h>

#include "format/base/num.h"
#include "format/base/str.h"
#include "inspect/verify.h"

/* Layers, width and heads of every model here; head size 8 unless config.json says otherwise. */
#define VF_SIZES                                                                                             \
	"\"num_hidden_layers\":4,\"hidden_size\":32,\"num_attention_heads\":4,\"intermediate_size\":64,"         \
	"\"max_position_embeddings\":64,\"vocab_size\":2,\"rms_norm_eps\":1e-5,"

struct vf {
	struct fox_verify v;
	struct fox_report report;
	struct fox_ver_pair *p;
	struct fox_hparams *h;
	struct fox_gguf *g;
	struct fox_json *json;
	struct fox_buf found; /* "check where: text" for each failure, one a line */
};

/* "key=value;..." below the family's name: reals have a dot or an e, bools are words, [..] a list of bools. */
static inline void vf_put(struct fox_gguf_writer *w, const char *arch, const char *keys, struct fox_err *e)
{
	for (const char *p = keys; *p;) {
		const char *eq = strchr(p, '='), *end = strchr(p, ';');
		char key[128], text[128];
		end = end ? end : p + strlen(p);
		snprintf(key, sizeof key, "%s.%.*s", arch, (int)(eq - p), p);
		snprintf(text, sizeof text, "%.*s", (int)(end - eq - 1), eq + 1);
		if (*text == '[') {
			uint8_t bools[16];
			size_t n = 0;
			for (const char *c = text; *c; c++)
				if (*c == '0' || *c == '1')
					bools[n++] = (uint8_t)(*c - '0');
			assert_fox_ok(fox_gguf_put_array(w, key, FOX_GGUF_BOOL, bools, n, e), e);
		} else if (!strcmp(text, "true") || !strcmp(text, "false")) {
			assert_fox_ok(fox_gguf_put_bool(w, key, *text == 't', e), e);
		} else if (strspn(text, "0123456789.e-+") != strlen(text)) {
			assert_fox_ok(fox_gguf_put_str(w, key, fox_str_of(text), e), e);
		} else if (strpbrk(text, ".e")) {
			assert_fox_ok(fox_gguf_put_f32(w, key, strtof(text, NULL), e), e);
		} else {
			assert_fox_ok(fox_gguf_put_u32(w, key, (uint32_t)strtoul(text, NULL, 10), e), e);
		}
		p = *end ? end + 1 : end;
	}
}

/* A container of those keys and, when its name is given, one f32 vector. */
static inline void vf_container(
    struct vf *t, const char *keys, const char *tensor, const float *values, uint64_t n, struct fox_err *e)
{
	const struct fox_str tokens[2] = {{"a", 1}, {"b", 1}};
	const char *path = test_path("vf.gguf"), *arch = t->p->arch->name;
	struct fox_gguf_writer *w;
	char base[512];
	assert_fox_ok(fox_gguf_writer_open(&w, e), e);
	assert_fox_ok(fox_gguf_put_str(w, "general.architecture", fox_str_of(arch), e), e);
	snprintf(base, sizeof base,
	    "block_count=4;context_length=64;embedding_length=32;feed_forward_length=64;attention.head_count=4;"
	    "attention.%s=1e-5",
	    t->p->arch->traits.norm == FOX_NORM_RMS ? "layer_norm_rms_epsilon" : "layer_norm_epsilon");
	vf_put(w, arch, base, e);
	vf_put(w, arch, keys, e);
	assert_fox_ok(fox_gguf_put_strings(w, "tokenizer.ggml.tokens", tokens, 2, e), e);
	if (tensor)
		assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of(tensor), FOX_F32, 1, &n, e), e);
	assert_fox_ok(fox_gguf_freeze(w, e), e);
	assert_fox_ok(fox_gguf_create(w, path, true, e), e);
	if (tensor) {
		assert_fox_ok(fox_gguf_write_data(w, 0, 0, values, 4 * n, e), e);
		fox_gguf_set_hash(w, 0, fox_xxh3(values, 4 * n));
	}
	assert_fox_ok(fox_gguf_finish(w, e), e);
	fox_gguf_writer_close(w);
	assert_fox_ok(fox_gguf_open(&t->g, path, e), e);
}

static inline void vf_open(struct vf *t, const char *hf_class, const char *json, const char *keys,
    const char *tensor, const float *values, uint64_t n)
{
	struct fox_err e = {0};
	double head;
	memset(t, 0, sizeof *t);
	t->p = calloc(1, sizeof *t->p);
	t->h = calloc(1, sizeof *t->h);
	assert_true(t->p && t->h);
	t->p->arch = fox_arch_by_class(fox_str_of(hf_class));
	assert_non_null(t->p->arch);
	vf_container(t, keys, tensor, values, n, &e);
	assert_fox_ok(fox_hparams_from_gguf(t->h, t->p->arch, t->g, &e), &e);
	assert_fox_ok(fox_json_parse(&t->json, fox_str_of(json), &e), &e);
	t->p->h = t->h;
	t->p->config = fox_json_root(t->json);
	fox_report_init(&t->report, "t", "t");
	t->v.g = t->g;
	t->v.report = &t->report;
	head = fox_ver_field(t->p, offsetof(struct fox_hparams, head_dim), 0);
	t->p->head_dim = (uint64_t)head;
	fox_ver_rope_read(&t->v, t->p);
	fox_ver_window_read(&t->v, t->p);
}

static inline void vf_close(struct vf *t)
{
	fox_buf_free(&t->found);
	fox_findings_free(&t->v.found);
	fox_report_free(&t->report);
	fox_json_close(t->json);
	fox_gguf_close(t->g);
	free(t->p);
	free(t->h);
}

/* The failures so far as text. */
static inline const char *vf_found(struct vf *t)
{
	fox_buf_free(&t->found);
	t->found = (struct fox_buf){0};
	fox_buf_str(&t->found, "");
	for (size_t i = 0; i < t->v.found.n; i++) {
		const struct fox_finding *f = &t->v.found.list[i];
		if (f->grade == FOX_FAIL)
			fox_buf_fmt(&t->found, "%s %s: %s\n", f->check, f->where, f->text);
	}
	return t->found.p ? t->found.p : "";
}

/* Rotary settings, windows and scale of scores: want is all that fails, "" for nothing. tensor: one of four ones, whose
 * name tells the kind of scaling; NULL: none. */
static inline void vf_check_with(
    const char *hf_class, const char *json, const char *keys, const char *tensor, const char *want)
{
	static const float ones[4] = {1, 1, 1, 1};
	struct vf t;
	vf_open(&t, hf_class, json, keys, tensor, ones, 4);
	fox_ver_rope(&t.v, t.p);
	fox_ver_window(&t.v, t.p);
	if (strcmp(vf_found(&t), want))
		fail_msg("%s\n%s\nfound: %swant: %s", json, keys, vf_found(&t), want);
	vf_close(&t);
}

static inline void vf_check(const char *hf_class, const char *json, const char *keys, const char *want)
{
	vf_check_with(hf_class, json, keys, NULL, want);
}

#endif
