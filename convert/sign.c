/* sign.c - SHA256SUMS over files, and an SSH signature beside it. */
#include "convert/sign.h"

#include <stdlib.h>

#include "format/base/io.h"
#include "format/base/map.h"
#include "format/gguf.h"
#include "format/signature.h"
#include "format/sshsig.h"
#include "format/sums.h"

/* A file to be listed. */
struct item {
	const char *path;
	struct fox_str name; /* relative to the folder of SHA256SUMS */
	struct fox_sha256 sha256;
	uint64_t bytes;
	struct fox_err err; /* of hashing it */
	enum fox_status status;
};

struct sign {
	const struct fox_sign_ask *ask;
	struct fox_sign_done *done;
	struct fox_arena arena;
	struct item *list;
	size_t n, cap;
	struct fox_buf folder, text; /* of SHA256SUMS */
	struct fox_ssh_private key;
	struct fox_out *sums, *sig; /* NULL: not open */
};

/* ---- which files */

static enum fox_status add_item(struct sign *x, const char *path, struct fox_err *err)
{
	struct fox_buf name = {0};
	enum fox_status s = fox_sums_name(&name, x->folder.p, path, err);
	if (!s && x->n == x->cap) {
		size_t cap = x->cap ? 2 * x->cap : 64;
		struct item *list = cap <= 2 * FOX_SUMS_MAX_FILES ? realloc(x->list, cap * sizeof *list) : NULL;
		if (list)
			x->list = list, x->cap = cap;
		else
			s = fox_fail_nomem(err);
	}
	if (!s) {
		char *p = fox_arena_strdup(&x->arena, fox_str_of(path));
		char *q = fox_arena_strdup(&x->arena, fox_buf_view(&name));
		if (p && q)
			x->list[x->n++] = (struct item){.path = p, .name = {q, name.n}};
		else
			s = fox_fail_nomem(err);
	}
	fox_buf_free(&name);
	return s;
}

/* A model: all files of its set. *later: path is a later shard, and nothing was added. */
static enum fox_status add_model(struct sign *x, const char *path, bool *later, struct fox_err *err)
{
	struct fox_gguf *g;
	struct fox_err why = {0};
	enum fox_status s = fox_gguf_open_set(&g, path, &why);
	*later = s == FOX_E_ARG;
	if (s) {
		if (!*later && err)
			*err = why;
		return *later ? FOX_OK : (fox_in_file(err, path), s);
	}
	s = fox_gguf_settled(g, err);
	for (size_t i = 0; i < fox_gguf_parts(g) && !s; i++)
		s = add_item(x, fox_gguf_path(fox_gguf_part(g, i)), err);
	fox_gguf_close(g);
	return s;
}

static bool is_listed(const struct sign *x, struct fox_str name)
{
	for (size_t i = 0; i < x->n; i++)
		if (fox_str_eq(x->list[i].name, name))
			return true;
	return false;
}

/* A later shard is fine where its first is given too; alone it is told what open_set says. */
static enum fox_status check_later(struct sign *x, const char *path, struct fox_err *err)
{
	struct fox_buf name = {0};
	struct fox_gguf *g;
	enum fox_status s = fox_sums_name(&name, x->folder.p, path, err);
	if (!s && !is_listed(x, fox_buf_view(&name)) && !(s = fox_gguf_open_set(&g, path, err)))
		fox_gguf_close(g);
	fox_buf_free(&name);
	return s;
}

static int by_name(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	return fox_str_cmp(x->name, y->name);
}

static enum fox_status gather(struct sign *x, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	bool *later = fox_arena_alloc(&x->arena, x->ask->n_files, sizeof *later);
	if (!later)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < x->ask->n_files && !s; i++) {
		bool model = false;
		s = fox_gguf_is(&model, x->ask->files[i], err);
		if (!s)
			s = model ? add_model(x, x->ask->files[i], &later[i], err) : add_item(x, x->ask->files[i], err);
	}
	for (size_t i = 0; i < x->ask->n_files && !s; i++)
		if (later[i])
			s = check_later(x, x->ask->files[i], err);
	if (s)
		return s;
	qsort(x->list, x->n, sizeof *x->list, by_name);
	size_t n = 0;
	for (size_t i = 0; i < x->n; i++)
		if (!n || !fox_str_eq(x->list[n - 1].name, x->list[i].name))
			x->list[n++] = x->list[i];
	x->n = n;
	return FOX_OK;
}

/* ---- SHA256SUMS */

static void hash_item(void *ctx, size_t i, unsigned worker)
{
	struct sign *x = ctx;
	struct item *it = &x->list[i];
	struct fox_file f = {0};
	(void)worker;
	it->status = fox_file_open(&f, it->path, &it->err);
	if (!it->status &&
	    ((x->sums && fox_out_is_input(x->sums, &f)) || (x->sig && fox_out_is_input(x->sig, &f))))
		it->status =
		    fox_fail(&it->err, FOX_E_ARG, FOX_NOWHERE, "'%s' would be both listed and written", it->path);
	if (!it->status)
		it->status = fox_sums_file(&it->sha256, &f, &it->err);
	if (it->status)
		fox_in_file(&it->err, it->path);
	it->bytes = f.size;
	fox_file_close(&f);
}

static enum fox_status make_sums(struct sign *x, struct fox_err *err)
{
	fox_pool_run(x->ask->pool, hash_item, x, x->n);
	for (size_t i = 0; i < x->n; i++) {
		if (x->list[i].status) {
			if (err)
				*err = x->list[i].err;
			return x->list[i].status;
		}
		fox_sums_put(&x->text, x->list[i].name, &x->list[i].sha256);
		x->done->bytes += x->list[i].bytes;
	}
	x->done->n_files = x->n;
	return x->text.failed ? fox_fail_nomem(err) : FOX_OK;
}

/* One file that is a SHA256SUMS already: its text. *is false: some other file. */
static enum fox_status take_sums(struct sign *x, bool *is, struct fox_err *err)
{
	const char *path = x->ask->files[0], *slash = strrchr(path, '/');
	bool named = !strcmp(slash ? slash + 1 : path, FOX_SUMS_FILE);
	struct fox_file f = {0};
	struct fox_err why = {0};
	struct fox_sums sums;
	char *text = NULL;
	size_t n = 0;
	*is = false;
	enum fox_status s = fox_file_open(&f, path, err);
	if (s)
		return s;
	if (f.size <= FOX_SUMS_MAX_BYTES || named) {
		s = fox_file_slurp(&f, FOX_SUMS_MAX_BYTES, &text, &n, err);
		*is = !s && !fox_sums_parse(&sums, (struct fox_str){text, n}, &x->arena, &why);
		if (!s && !*is && (named || why.code == FOX_E_NOMEM)) {
			if (err)
				*err = why;
			s = why.code;
		}
	}
	if (!s && *is) {
		x->done->n_files = sums.n;
		fox_buf_str(&x->done->sums, path);
		fox_buf_add(&x->text, text, n);
		s = x->text.failed ? fox_fail_nomem(err) : FOX_OK;
	}
	if (s)
		fox_in_file(err, path);
	free(text);
	fox_file_close(&f);
	return s;
}

/* ---- the signature */

static enum fox_status make_sig(struct sign *x, struct fox_err *err)
{
	struct fox_buf text = {0};
	struct fox_arena arena = {0};
	struct fox_sshsig again;
	const struct fox_span message = {(const uint8_t *)x->text.p, x->text.n};
	enum fox_status s = fox_sshsig_sign(&text, &x->key, message, FOX_SIGNATURE_SPACE, err);
	if (!s)
		s = fox_sshsig_parse(&again, fox_buf_view(&text), &arena, err);
	if (!s && memcmp(again.key.b, x->key.key.b, sizeof again.key.b))
		s = fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "the signature does not carry the key that made it");
	if (!s) /* a signature that a fault of the machine bent gives the key away */
		s = fox_sshsig_verify(&again, message, FOX_SIGNATURE_SPACE, err);
	if (!s)
		s = fox_out_write(x->sig, 0, text.p, text.n, err);
	fox_arena_free(&arena);
	fox_buf_free(&text);
	return s;
}

static enum fox_status open_outputs(struct sign *x, bool sums_given, struct fox_err *err)
{
	struct fox_sign_done *d = x->done;
	enum fox_status s = FOX_OK;
	if (x->ask->key)
		fox_buf_fmt(&d->sig, "%s.sig", d->sums.p);
	if (d->sums.failed || d->sig.failed)
		return fox_fail_nomem(err);
	if (!sums_given)
		s = fox_out_open(&x->sums, d->sums.p, x->ask->replace, err);
	if (!s && x->ask->key)
		s = fox_out_open(&x->sig, d->sig.p, x->ask->replace, err);
	return s;
}

static enum fox_status commit(struct fox_out **o, struct fox_err *err)
{
	struct fox_out *one = *o;
	*o = NULL; /* freed, whatever comes of it */
	return one ? fox_out_commit(one, err) : FOX_OK;
}

static enum fox_status run(struct sign *x, struct fox_err *err)
{
	const struct fox_sign_ask *ask = x->ask;
	bool given = false;
	enum fox_status s = ask->key ? fox_ssh_private_load(&x->key, ask->key, err) : FOX_OK;
	if (!s && ask->n_files == 1 && !ask->out && ask->key)
		s = take_sums(x, &given, err);
	if (s)
		return s;
	if (!given) {
		fox_sums_folder(&x->folder, ask->out ? ask->out : ask->files[0]);
		if (ask->out)
			fox_buf_str(&x->done->sums, ask->out);
		else
			fox_sums_beside(&x->done->sums, ask->files[0]);
		if (x->folder.failed)
			return fox_fail_nomem(err);
		s = gather(x, err);
	}
	if (!s)
		s = open_outputs(x, given, err);
	if (!s && !given)
		s = make_sums(x, err);
	if (!s && x->sums)
		s = fox_out_write(x->sums, 0, x->text.p, x->text.n, err);
	if (!s && x->sig)
		s = make_sig(x, err);
	if (!s)
		s = fox_cancelled(err);
	x->done->wrote_sums = x->sums != NULL;
	if (!s)
		s = commit(&x->sums, err);
	return s ? s : commit(&x->sig, err);
}

enum fox_status fox_sign(struct fox_sign_done *done, const struct fox_sign_ask *ask, struct fox_err *err)
{
	struct sign x = {.ask = ask, .done = done};
	*done = (struct fox_sign_done){0};
	enum fox_status s = run(&x, err);
	if (!s && ask->key) {
		memcpy(done->comment, x.key.comment, sizeof done->comment);
		s = fox_ssh_fingerprint(done->key, &x.key.key, err);
	}
	fox_ssh_forget(&x.key);
	fox_out_abort(x.sums);
	fox_out_abort(x.sig);
	fox_buf_free(&x.folder);
	fox_buf_free(&x.text);
	fox_arena_free(&x.arena);
	free(x.list);
	return s;
}

void fox_sign_free(struct fox_sign_done *done)
{
	fox_buf_free(&done->sums);
	fox_buf_free(&done->sig);
}
