/* ver_signature.c - is a SHA256SUMS signed by a key, and are these the files that it lists? signature, signature.file
 *
 * The signature is judged first: a list that nobody vouches for is not read.  spec/sign.md 4 */
#include <stdlib.h>
#include <unistd.h>

#include "format/base/io.h"
#include "format/signature.h"
#include "format/sums.h"
#include "inspect/verify.h"

enum { CHUNK = 8 << 20 }; /* bytes hashed between two looks at the signal flag; also how much stays mapped */

/* A file that is compared with the list. */
struct file {
	const struct fox_gguf *part; /* hashed as it is mapped: what is proven is what was parsed; NULL: path */
	const char *path;
	const char *name;       /* in the list */
	struct fox_sha256 want; /* of `name`; unless absent */
	bool listed, there;
	struct fox_sha256 got;
	struct fox_err err;
	enum fox_status status;
};

struct sums_job {
	struct fox_verify *v;
	const struct fox_ver_signed *ask;
	struct fox_arena arena;
	struct fox_buf sums, sig, folder; /* paths */
	char *text;
	size_t n_text;
	struct fox_sums list;
	struct file *files;
	size_t n;
};

/* ---- hashing */

static enum fox_status hash_part(struct file *f)
{
	struct fox_span d = fox_gguf_bytes(f->part);
	struct fox_sha256_state *sha = fox_sha256_open();
	enum fox_status s = sha ? FOX_OK : fox_fail_nomem(&f->err);
	for (size_t at = 0; at < d.n && !s; at += CHUNK) {
		size_t n = d.n - at < CHUNK ? d.n - at : CHUNK;
		s = fox_cancelled(&f->err);
		if (!s)
			s = fox_sha256_add(sha, d.p + at, n, &f->err);
		fox_gguf_done_with(f->part, (struct fox_span){d.p + at, n});
	}
	if (!s)
		s = fox_sha256_final(sha, &f->got, &f->err);
	fox_sha256_close(sha);
	return s;
}

static void hash_file(void *ctx, size_t i, unsigned worker)
{
	struct sums_job *j = ctx;
	struct file *f = &j->files[i];
	struct fox_file in = {0};
	(void)worker;
	if (!f->listed)
		return;
	if (f->part) {
		f->there = true;
		f->status = hash_part(f);
		return;
	}
	f->there = !access(f->path, F_OK);
	if (!f->there)
		return;
	f->status = fox_file_open(&in, f->path, &f->err);
	if (!f->status)
		f->status = fox_sums_file(&f->got, &in, &f->err);
	if (f->status)
		fox_in_file(&f->err, f->path);
	fox_file_close(&in);
}

/* ---- what to compare */

static const struct fox_sum *find_name(const struct fox_sums *list, struct fox_str name)
{
	for (size_t i = 0; i < list->n; i++)
		if (fox_str_eq(list->list[i].name, name))
			return &list->list[i];
	return NULL;
}

/* The files of the model, by the names that the list would have for them. */
static enum fox_status take_model(struct sums_job *j, struct fox_err *err)
{
	struct fox_buf name = {0};
	enum fox_status s = FOX_OK;
	j->n = fox_gguf_parts(j->v->g);
	j->files = calloc(j->n, sizeof *j->files);
	if (!j->files)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < j->n && !s; i++) {
		struct file *f = &j->files[i];
		f->part = fox_gguf_part(j->v->g, i);
		f->path = fox_gguf_path(f->part);
		s = fox_sums_name(&name, j->folder.p, f->path, err);
		if (s)
			break;
		const struct fox_sum *sum = find_name(&j->list, fox_buf_view(&name));
		f->name = fox_arena_strdup(&j->arena, fox_buf_view(&name));
		if (!f->name)
			s = fox_fail_nomem(err);
		f->listed = sum != NULL;
		if (sum)
			f->want = sum->sha256;
	}
	fox_buf_free(&name);
	return s;
}

/* Every file that is listed. */
static enum fox_status take_list(struct sums_job *j, struct fox_err *err)
{
	struct fox_buf path = {0};
	enum fox_status s = FOX_OK;
	j->n = j->list.n;
	j->files = calloc(j->n, sizeof *j->files);
	if (!j->files)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < j->n && !s; i++) {
		struct file *f = &j->files[i];
		fox_buf_clear(&path);
		fox_buf_fmt(&path, "%s/", strcmp(j->folder.p, "/") ? j->folder.p : "");
		fox_buf_add(&path, j->list.list[i].name.p, j->list.list[i].name.n);
		f->name = fox_arena_strdup(&j->arena, j->list.list[i].name);
		f->path = path.failed ? NULL : fox_arena_strdup(&j->arena, fox_buf_view(&path));
		if (!f->name || !f->path)
			s = fox_fail_nomem(err);
		f->listed = true;
		f->want = j->list.list[i].sha256;
	}
	fox_buf_free(&path);
	return s;
}

/* ---- verdicts */

static void judge_file(struct sums_job *j, const struct file *f)
{
	struct fox_findings *found = &j->v->found;
	char got[FOX_SHA256_HEX + 1], want[FOX_SHA256_HEX + 1];
	if (!f->listed)
		fox_find_add(found, FOX_FAIL, "signature.file", f->name, "is not listed in '%s'", j->sums.p);
	else if (!f->there)
		fox_find_add(
		    found, FOX_FAIL, "signature.file", f->name, "is listed in '%s' and not there", j->sums.p);
	else if (memcmp(f->got.b, f->want.b, sizeof f->want.b)) {
		fox_hex(got, f->got.b, sizeof f->got.b);
		fox_hex(want, f->want.b, sizeof f->want.b);
		fox_find_add(found, FOX_FAIL, "signature.file", f->name, "has SHA-256 %s, not %s", got, want);
	}
}

static enum fox_status check_files(struct sums_job *j, struct fox_err *err)
{
	size_t before = j->v->found.n_fail;
	enum fox_status s = j->v->g ? take_model(j, err) : take_list(j, err);
	if (s)
		return s;
	fox_pool_run(j->v->pool, hash_file, j, j->n);
	for (size_t i = 0; i < j->n; i++) {
		if (j->files[i].status) {
			if (err)
				*err = j->files[i].err;
			return j->files[i].status;
		}
		judge_file(j, &j->files[i]);
	}
	if (j->v->found.n_fail == before)
		fox_find_add(&j->v->found, FOX_PASS, "signature.file", "", "%zu file%s the SHA-256 that was signed",
		    j->n, j->n == 1 ? " has" : "s have");
	return FOX_OK;
}

static void say(struct sums_job *j, const struct fox_signature *who)
{
	struct fox_report *r = j->v->report;
	fox_report_section(r, "signature", "signature");
	fox_report_field(r, "list", "list", fox_cell_copy(r, fox_buf_view(&j->sums)));
	fox_report_field(r, "file", "signature", fox_cell_copy(r, fox_buf_view(&j->sig)));
	fox_report_field(
	    r, "kind", "kind", fox_cell_cstr(who->kind == FOX_SIGNATURE_SSH ? "ssh-ed25519" : "minisign"));
	fox_report_field(r, "key", "key", fox_cell_copy(r, fox_str_of(who->key)));
	if (who->space[0])
		fox_report_field(r, "namespace", "namespace", fox_cell_copy(r, fox_str_of(who->space)));
	fox_report_field(r, "hash", "hash", fox_cell_cstr(who->hash));
	if (who->signer[0])
		fox_report_field(r, "signer", "signer", fox_cell_copy(r, fox_str_of(who->signer)));
	if (who->comment[0])
		fox_report_field(r, "comment", "comment", fox_cell_copy(r, fox_str_of(who->comment)));
}

/* *good: signed. What does not verify is a finding; what cannot be read is an error. */
static enum fox_status check_signature(struct sums_job *j, bool *good, struct fox_err *err)
{
	struct fox_signature who;
	struct fox_err why = {0};
	const struct fox_signature_ask ask = {
	    .signature = j->sig.p, .key = j->ask->key, .signer = j->ask->signer, .now = j->ask->now};
	enum fox_status s =
	    fox_signature_verify(&who, &ask, (struct fox_span){(const uint8_t *)j->text, j->n_text}, &why);
	*good = s == FOX_OK;
	if (s && s != FOX_E_MISMATCH) {
		if (err)
			*err = why;
		return s;
	}
	say(j, &who);
	if (s)
		fox_find_add(&j->v->found, FOX_FAIL, "signature", j->sig.p, "%s", why.text);
	else
		fox_find_add(&j->v->found, FOX_PASS, "signature", "", "'%s' is signed by %s", j->sums.p, who.key);
	return FOX_OK;
}

/* Where list and signature are. */
static enum fox_status find_paths(struct sums_job *j, struct fox_err *err)
{
	const struct fox_ver_signed *ask = j->ask;
	if (!ask->sums && j->v->g)
		fox_sums_beside(&j->sums, ask->path);
	else
		fox_buf_str(&j->sums, ask->sums ? ask->sums : ask->path);
	if (j->sums.failed)
		return fox_fail_nomem(err);
	fox_sums_folder(&j->folder, j->sums.p);
	if (!ask->signature)
		return fox_signature_beside(&j->sig, j->sums.p, ask->key, err);
	fox_buf_str(&j->sig, ask->signature);
	return j->sig.failed || j->folder.failed ? fox_fail_nomem(err) : FOX_OK;
}

enum fox_status fox_ver_signature(struct fox_verify *v, const struct fox_ver_signed *ask, struct fox_err *err)
{
	struct sums_job j = {.v = v, .ask = ask};
	bool good = false;
	enum fox_status s = find_paths(&j, err);
	if (!s && (s = fox_path_slurp(j.sums.p, FOX_SUMS_MAX_BYTES, &j.text, &j.n_text, err)))
		fox_in_file(err, j.sums.p);
	if (!s)
		s = check_signature(&j, &good, err);
	if (!s && good) {
		s = fox_sums_parse(&j.list, (struct fox_str){j.text, j.n_text}, &j.arena, err);
		if (s)
			fox_in_file(err, j.sums.p);
		else
			s = check_files(&j, err);
	}
	free(j.files);
	free(j.text);
	fox_buf_free(&j.sums);
	fox_buf_free(&j.sig);
	fox_buf_free(&j.folder);
	fox_arena_free(&j.arena);
	return s;
}
