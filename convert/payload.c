/* payload.c - the list, in an order that does not depend on how it was asked for. */
#include "convert/payload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "convert/card_write.h"
#include "format/selfcheck.h"
#include "format/sums.h"

enum { MAX_EXTRA = 1000 };

const char *fox_payload_role_name(enum fox_payload_role r)
{
	static const char *const names[] = {[FOX_PAYLOAD_MODEL] = "model",
	    [FOX_PAYLOAD_LICENSE] = "license",
	    [FOX_PAYLOAD_CARD] = "card",
	    [FOX_PAYLOAD_EXTRA] = "file"};
	return names[r];
}

static struct fox_str last_component(const char *path)
{
	const char *slash = strrchr(path, '/');
	return fox_str_of(slash ? slash + 1 : path);
}

/* ---- the list */

static enum fox_status add_file(struct fox_payload *p, const char *path, struct fox_str name,
    enum fox_payload_role role, struct fox_err *err)
{
	struct fox_payload_item *it = &p->list[p->n];
	char *copy = fox_arena_strdup(&p->arena, name);
	enum fox_status s = copy ? fox_name_check(name, err) : fox_fail_nomem(err);
	if (!s)
		s = fox_file_open(&it->file, path, err);
	if (s)
		return s;
	it->name = (struct fox_str){copy, name.n};
	it->role = role;
	it->bytes = it->file.size;
	p->n++;
	return FOX_OK;
}

static enum fox_status add_license(
    struct fox_payload *p, const struct fox_payload_options *o, struct fox_err *err)
{
	static const char *const beside[] = {"LICENSE", "LICENSE.txt", "LICENSE.md", "COPYING"};
	size_t folder = (size_t)(last_component(o->model).p - o->model);
	if (o->license) {
		p->license_from = o->license;
		return add_file(p, o->license, fox_str_of(FOX_PAYLOAD_LICENSE_NAME), FOX_PAYLOAD_LICENSE, err);
	}
	for (size_t i = 0; i < FOX_COUNT(beside); i++) {
		struct stat st;
		struct fox_buf path = {0};
		fox_buf_add(&path, o->model, folder);
		fox_buf_str(&path, beside[i]);
		char *copy = path.failed ? NULL : fox_arena_strdup(&p->arena, fox_buf_view(&path));
		fox_buf_free(&path);
		if (!copy)
			return fox_fail_nomem(err);
		if (stat(copy, &st) ? errno == ENOENT : S_ISDIR(st.st_mode))
			continue; /* one that is there and cannot be read is not passed over */
		p->license_from = copy;
		return add_file(p, copy, fox_str_of(FOX_PAYLOAD_LICENSE_NAME), FOX_PAYLOAD_LICENSE, err);
	}
	return FOX_OK;
}

static enum fox_status add_model(struct fox_payload *p, struct fox_err *err)
{
	p->first_model = p->n;
	for (size_t i = 0; i < fox_gguf_parts(p->g); i++) {
		const struct fox_gguf *part = fox_gguf_part(p->g, i);
		const char *path = fox_gguf_path(part);
		enum fox_status s = add_file(p, path, last_component(path), FOX_PAYLOAD_MODEL, err);
		if (s)
			return s;
		p->list[p->n - 1].part = part;
		p->n_model++;
	}
	return FOX_OK;
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	int order = fox_str_cmp(last_component(*x), last_component(*y));
	return order ? order : strcmp(*x, *y);
}

static enum fox_status add_extra(
    struct fox_payload *p, const struct fox_payload_options *o, struct fox_err *err)
{
	const char **sorted = fox_arena_alloc(&p->arena, o->n_extra + 1, sizeof *sorted);
	enum fox_status s = sorted ? FOX_OK : fox_fail_nomem(err);
	for (size_t i = 0; i < o->n_extra && !s; i++)
		sorted[i] = o->extra[i];
	if (!s)
		qsort(sorted, o->n_extra, sizeof *sorted, by_name);
	for (size_t i = 0; i < o->n_extra && !s; i++)
		s = add_file(p, sorted[i], last_component(sorted[i]), FOX_PAYLOAD_EXTRA, err);
	return s;
}

static bool same_but_case(struct fox_str a, struct fox_str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		char x = a.p[i], y = b.p[i];
		x = (char)(x >= 'A' && x <= 'Z' ? x + 32 : x);
		y = (char)(y >= 'A' && y <= 'Z' ? y + 32 : y);
		if (x != y)
			return false;
	}
	return a.n == b.n;
}

/* On some systems names that differ in case are one file. */
static enum fox_status check_names(const struct fox_payload *p, struct fox_err *err)
{
	static const char *const own[] = {FOX_SUMS_FILE, FOX_PAYLOAD_MANIFEST, FOX_PAYLOAD_CARD_NAME,
	    FOX_PAYLOAD_LICENSE_NAME, FOX_SUMS_FILE ".sig", FOX_SUMS_FILE ".minisig"};
	for (size_t i = 0; i < p->n; i++) {
		const struct fox_payload_item *it = &p->list[i];
		for (size_t k = 0; k < FOX_COUNT(own); k++)
			if ((it->role == FOX_PAYLOAD_EXTRA || it->role == FOX_PAYLOAD_MODEL) &&
			    same_but_case(it->name, fox_str_of(own[k])))
				return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
				    "'%s': the package has a file of its own by that name", it->file.path);
		for (size_t k = 0; k < i; k++)
			if (same_but_case(it->name, p->list[k].name))
				return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
				    "'%s' and '%s' would have one name in the package", p->list[k].file.path, it->file.path);
	}
	return FOX_OK;
}

enum fox_status fox_payload_open(
    struct fox_payload *p, const struct fox_payload_options *o, struct fox_err *err)
{
	*p = (struct fox_payload){0};
	enum fox_status s = fox_name_check(o->name, err);
	char *name = fox_arena_strdup(&p->arena, o->name);
	if (!s && !name)
		s = fox_fail_nomem(err);
	if (!s && memchr(o->name.p, '/', o->name.n))
		s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%s' is no name for a package", name);
	if (!s && o->n_extra > MAX_EXTRA)
		s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "more than %d files", MAX_EXTRA);
	if (!s)
		s = fox_gguf_open_set(&p->g, o->model, err);
	if (!s)
		s = fox_gguf_settled(p->g, err);
	if (!s && !(p->list = calloc(fox_gguf_parts(p->g) + o->n_extra + 2, sizeof *p->list)))
		s = fox_fail_nomem(err);
	if (!s) {
		p->name = (struct fox_str){name, o->name.n};
		fox_facts_read(&p->facts, p->g);
		s = fox_selfcheck_set(p->g, err);
	}
	if (!s)
		s = add_license(p, o, err);
	size_t card = p->n;
	if (!s) {
		p->list[p->n++] =
		    (struct fox_payload_item){.name = fox_str_of(FOX_PAYLOAD_CARD_NAME), .role = FOX_PAYLOAD_CARD};
		s = add_model(p, err);
	}
	if (!s)
		s = add_extra(p, o, err);
	if (!s)
		s = check_names(p, err);
	if (!s) {
		fox_card_write(&p->list[card].text, p, o->how_to_check);
		p->list[card].bytes = p->list[card].text.n;
		s = p->list[card].text.failed ? fox_fail_nomem(err) : FOX_OK;
	}
	if (s)
		fox_payload_close(p);
	return s;
}

void fox_payload_close(struct fox_payload *p)
{
	for (size_t i = 0; i < p->n; i++) {
		fox_file_close(&p->list[i].file);
		fox_buf_free(&p->list[i].text);
	}
	free(p->list);
	fox_gguf_close(p->g);
	fox_arena_free(&p->arena);
	*p = (struct fox_payload){0};
}

enum fox_status fox_payload_spare(const struct fox_payload *p, const struct fox_out *out, struct fox_err *err)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].file.open && fox_out_is_input(out, &p->list[i].file))
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' is '%s', which is packed",
			    fox_out_path(out), p->list[i].file.path);
	return FOX_OK;
}

/* ---- the bytes */

static enum fox_status feed(void *ctx, const void *p, size_t n, struct fox_err *err)
{
	return fox_selfcheck_feed(ctx, p, n, err);
}

static enum fox_status send_text(
    struct fox_payload_item *it, fox_pump_give_fn *give, void *ctx, struct fox_err *err)
{
	struct fox_sha256_state *sha = fox_sha256_open();
	enum fox_status s = sha ? fox_sha256_add(sha, it->text.p, it->text.n, err) : fox_fail_nomem(err);
	if (!s)
		s = fox_sha256_final(sha, &it->sha256, err);
	if (!s && give)
		s = give(ctx, it->text.p, it->text.n, err);
	fox_sha256_close(sha);
	return s;
}

enum fox_status fox_payload_send(struct fox_payload *p, size_t item, struct fox_pump *pump,
    fox_pump_give_fn *give, void *ctx, struct fox_err *err)
{
	struct fox_payload_item *it = &p->list[item];
	struct fox_selfcheck *check = NULL;
	enum fox_hash_state state;
	if (it->role == FOX_PAYLOAD_CARD)
		return send_text(it, give, ctx, err);
	enum fox_status s = it->part ? fox_selfcheck_open(&check, it->part, err) : FOX_OK;
	const struct fox_pump_sink sinks[FOX_PUMP_SINKS] = {{give, ctx}, {check ? feed : NULL, check}};
	if (!s)
		s = fox_pump_file(pump, &it->file, sinks, &it->sha256, err);
	if (!s && check)
		s = fox_selfcheck_end(check, &state, err);
	fox_selfcheck_close(check);
	return s;
}

uint64_t fox_payload_bytes(const struct fox_payload *p)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->list[i].bytes; /* sizes of files: the sum cannot wrap */
	return n;
}
