/* ver_source.c - the checkpoint a container says it came from, opened once for all proofs against it. */
#include "format/profile.h"
#include "inspect/verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { MAX_JSON = 64 << 20 };

const struct fox_value *fox_ver_dig(const struct fox_value *v, struct fox_str path)
{
	char part[128];
	for (size_t from = 0, i = 0; i <= path.n && v; i++) {
		if (i < path.n && path.p[i] != '.')
			continue;
		if (i - from >= sizeof part)
			return NULL;
		memcpy(part, path.p + from, i - from);
		part[i - from] = 0;
		v = fox_json_get(v, part);
		from = i + 1;
	}
	return fox_json_is_null(v) ? NULL : v;
}

/* A revision that is not the recorded one disproves what the container says of itself, even with equal files. */
static void compare_revision(struct fox_verify *v, const struct fox_source *src)
{
	struct fox_str recorded;
	const char *here = fox_source_revision(src);
	if (!fox_gguf_find_key(v->g, FOX_KEY_SRC_REVISION))
		return;
	if (fox_gguf_str(v->g, FOX_KEY_SRC_REVISION, &recorded, NULL))
		fox_find_add(&v->found, FOX_FAIL, "source.revision", "", "%s is no string", FOX_KEY_SRC_REVISION);
	else if (!here)
		fox_find_add(&v->found, FOX_NOTE, "source.revision", "",
		    "the container was made from revision %.*s; the source is a plain folder, which has none",
		    FOX_STR_ARG(recorded));
	else if (!fox_str_is(recorded, here))
		fox_find_add(&v->found, FOX_FAIL, "source.revision", "",
		    "the source is revision %s, the container was made from %.*s", here, FOX_STR_ARG(recorded));
	else
		fox_find_add(&v->found, FOX_PASS, "source.revision", "", "revision %s", here);
}

/* Rows of a head as config.json has them: a number of its own, else the width shared out among the heads. */
static enum fox_status find_head_dim(struct fox_ver_pair *p, struct fox_err *err)
{
	double head = fox_ver_field(p, offsetof(struct fox_hparams, head_dim), 0);
	if (head >= 2 && head <= FOX_MAX_HEAD_DIM && head == 2 * floor(head / 2)) {
		p->head_dim = (uint64_t)head;
		return FOX_OK;
	}
	return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
	    "'head_dim', or the model's width over its number of heads, is no even number above 0");
}

/* Two classes may share a container's name; the table of config.json's class is the one to hold the container against.
 * Another class altogether is fox_ver_config's finding. */
static void choose_arch(struct fox_ver_pair *p)
{
	struct fox_str name;
	if (!fox_json_str(fox_json_at(fox_json_get(p->config, "architectures"), 0), &name))
		return;
	const struct fox_arch *arch = fox_arch_by_class(name);
	if (arch && !strcmp(arch->name, p->arch->name))
		p->arch = arch;
}

static enum fox_status open_config(struct fox_json **out, struct fox_source *src, struct fox_err *err)
{
	struct fox_str text;
	enum fox_status s = fox_source_read_file(src, "config.json", MAX_JSON, &text, err);
	if (!s && !text.p)
		return fox_fail(err, FOX_E_IO, FOX_NOWHERE, "source has no 'config.json'");
	if (!s)
		s = fox_json_parse(out, text, err);
	fox_in_file(err, "config.json");
	return s;
}

static enum fox_status map_slots(struct fox_ver_pair *p, struct fox_arena *arena, struct fox_err *err)
{
	struct fox_slot *slots;
	enum fox_status s = fox_arch_slots(p->arch, p->h, arena, &slots, &p->n_slots, err);
	if (s)
		return s;
	p->slots = slots;
	if (!fox_map_init(&p->by_name, arena, p->n_slots))
		return fox_fail_nomem(err);
	for (size_t i = 0; i < p->n_slots; i++)
		fox_map_put(&p->by_name, fox_str_of(slots[i].name), (uint32_t)i);
	return FOX_OK;
}

static enum fox_status run_parts(struct fox_verify *v, struct fox_ver_pair *p, struct fox_err *err)
{
	enum fox_status s;
	compare_revision(v, p->src);
	size_t before = v->found.n_fail;
	fox_ver_rope_read(v, p);
	fox_ver_window_read(v, p);
	p->bad_config = v->found.n_fail != before;
	if ((s = fox_ver_config(v, p, err)) || (s = fox_ver_tensors(v, p, err)) ||
	    (s = fox_ver_keys(v, p, err)) ||
	    (s = fox_ver_tokenizer(v, p, err))) /* its files join those that fox_ver_carried looks at */
		return s;
	return fox_ver_carried(v, p, err);
}

/* What both sides say of themselves: the family, the container's numbers, config.json. */
static enum fox_status prepare(struct fox_verify *v, struct fox_ver_pair *p, struct fox_hparams *h,
    struct fox_json **json, struct fox_arena *arena, struct fox_err *err)
{
	enum fox_status s = fox_arch_of(&p->arch, v->g, err);
	if (s) {
		fox_in_file(err, fox_gguf_path(v->g));
		return s;
	}
	if ((s = open_config(json, p->src, err)))
		return s;
	p->config = fox_json_root(*json);
	choose_arch(p);
	if ((s = fox_hparams_from_gguf(h, p->arch, v->g, err)) || (s = map_slots(p, arena, err)))
		fox_in_file(err, fox_gguf_path(v->g));
	else if ((s = find_head_dim(p, err)))
		fox_in_file(err, "config.json");
	return s;
}

/* A folder (or what else fox_source_open takes), or one file in a folder, whose name is then put together in room[n]. */
static enum fox_status open_tokenizer(
    struct fox_ver_pair *p, const char *path, char *room, size_t n, struct fox_err *err)
{
	struct stat st;
	const char *slash = strrchr(path, '/');
	if (stat(path, &st) || !S_ISREG(st.st_mode) || fox_source_is_archive(path))
		return fox_source_open(&p->tokenizer, path, false, err);
	if (slash && (size_t)(slash - path) + 1 >= n)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "the path '%.200s' is too long", path);
	snprintf(room, n, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	p->tokenizer_file = slash ? slash + 1 : path;
	return fox_source_open(&p->tokenizer, room, false, err);
}

enum fox_status fox_ver_source(
    struct fox_verify *v, const char *path, const char *tokenizer, struct fox_err *err)
{
	struct fox_ver_pair *p = calloc(1, sizeof *p);
	struct fox_hparams *h = calloc(1, sizeof *h);
	struct fox_json *json = NULL;
	struct fox_arena arena = {0};
	char folder[4096]; /* of a tokenizer that is one file */
	enum fox_status s = p && h ? FOX_OK : fox_fail_nomem(err);
	if (!s && fox_gguf_header(v->g)->big_endian) {
		s = fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "big-endian tensors are not proven against a source");
		fox_in_file(err, fox_gguf_path(v->g));
	}
	if (!s)
		s = fox_source_open(&p->src, path, true, err);
	if (!s && tokenizer)
		s = open_tokenizer(p, tokenizer, folder, sizeof folder, err);
	if (!s) {
		p->h = h;
		p->fox = fox_gguf_find_key(v->g, FOX_KEY_PROFILE) != NULL;
		s = prepare(v, p, h, &json, &arena, err);
	}
	if (!s) {
		fox_report_section(v->report, "source", NULL);
		s = run_parts(v, p, err);
	}
	fox_json_close(json);
	if (p) {
		fox_source_close(p->tokenizer);
		fox_source_close(p->src);
	}
	fox_arena_free(&arena);
	free(h);
	free(p);
	return s;
}
