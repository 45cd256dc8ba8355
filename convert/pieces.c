/* pieces.c - files cut into pieces, step by step with the gaps between, and the order in which workers take them. */
#include "convert/pieces.h"

#include <stdlib.h>

/* ---- sizes */

static uint64_t bytes_as(enum fox_type type, uint64_t n)
{
	const struct fox_type_info *info = fox_type_info(type);
	return n / info->elems * info->bytes;
}

uint64_t fox_piece_src_bytes(const struct fox_step *s, uint64_t n)
{
	return bytes_as(s->x.from, n);
}

uint64_t fox_piece_bytes(const struct fox_job *job, const struct fox_step *s, uint64_t n)
{
	uint64_t most = fox_piece_src_bytes(s, n);
	for (size_t i = 0; i < job->n_targets && s->kind == FOX_STEP_WRITE; i++) {
		uint64_t out = bytes_as(job->targets[i].types[s->out], n);
		most = out > most ? out : most;
	}
	return most;
}

uint64_t fox_piece_elems(const struct fox_job *job, const struct fox_step *s, uint64_t piece_bytes)
{
	uint64_t unit = s->kind == FOX_STEP_WRITE ? fox_step_unit(s) : 1;
	return piece_bytes / fox_piece_bytes(job, s, unit) * unit;
}

/* ---- cutting files into pieces */

static struct fox_piece *add_piece(struct fox_pieces *l)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 256;
		struct fox_piece *list = realloc(l->list, cap * sizeof *list);
		if (!list)
			return NULL;
		l->list = list;
		l->cap = cap;
	}
	return &l->list[l->n++];
}

static bool cut_gap(struct fox_pieces *l, size_t file, uint64_t from, uint64_t to, uint64_t piece_bytes)
{
	while (from < to) {
		struct fox_piece *p = add_piece(l);
		if (!p)
			return false;
		uint64_t n = to - from < piece_bytes ? to - from : piece_bytes;
		*p = (struct fox_piece){.file = file, .step = FOX_NO_STEP, .at = from, .bytes = (size_t)n};
		from += n;
	}
	return true;
}

/* aside: the bytes count elsewhere for the file's SHA-256 */
static bool cut_step(
    struct fox_pieces *l, const struct fox_job *job, size_t step, bool aside, uint64_t piece_bytes)
{
	const struct fox_step *s = &job->steps[step];
	uint64_t full = fox_piece_elems(job, s, piece_bytes), turn = 0;
	for (uint64_t elem = 0; elem < s->n_elems;) {
		struct fox_piece *p = add_piece(l);
		if (!p)
			return false;
		uint64_t n = s->n_elems - elem < full ? s->n_elems - elem : full;
		*p = (struct fox_piece){.file = s->src.file,
		    .step = step,
		    .at = s->src.at + fox_piece_src_bytes(s, s->src_elem + elem),
		    .elem = elem,
		    .n_elems = n,
		    .aside = aside,
		    .bytes = (size_t)fox_piece_src_bytes(s, n),
		    .step_turn = turn++,
		    .last_of_step = elem + n == s->n_elems};
		elem += n;
	}
	return true;
}

/* Where a step's bytes begin in its file. */
static uint64_t step_at(const struct fox_step *s)
{
	return s->src.at + (s->src_elem && !s->src.view ? fox_piece_src_bytes(s, s->src_elem) : 0);
}

/* Steps in the order of their bytes in the source. */
static int by_place(const void *a, const void *b, void *ctx)
{
	const struct fox_job *job = ctx;
	const struct fox_step *s = &job->steps[*(const size_t *)a], *t = &job->steps[*(const size_t *)b];
	if (s->src.file != t->src.file)
		return s->src.file < t->src.file ? -1 : 1;
	if (step_at(s) != step_at(t)) /* steps may share bytes */
		return step_at(s) < step_at(t) ? -1 : 1;
	return s < t ? -1 : s > t;
}

/* Pieces of all files, file by file. first[i] is where file i begins; first[n_files] the end. */
static bool cut_files(const struct fox_cut *cut, struct fox_pieces *l, size_t *first)
{
	const struct fox_job *job = cut->job;
	uint64_t piece_bytes = cut->piece_bytes;
	size_t *order = calloc(job->n_steps + 1, sizeof *order), k = 0, n = 0;
	bool ok = order != NULL, all = cut->all;
	for (size_t i = 0; ok && i < job->n_steps; i++)
		if (fox_step_reads(&job->steps[i]))
			order[n++] = i;
	if (ok)
		qsort_r(order, n, sizeof *order, by_place, (void *)job);
	for (size_t f = 0; ok && f < cut->n_files; f++) {
		uint64_t at = 0, end = cut->files[f]->size;
		first[f] = l->n;
		for (; ok && k < n && job->steps[order[k]].src.file == f; k++) {
			const struct fox_step *s = &job->steps[order[k]];
			if (s->kind == FOX_STEP_SKIP || (cut->done && cut->done[order[k]]))
				continue; /* part of the gap before the next */
			bool aside = s->gather || s->src.view || step_at(s) < at;
			ok = (!all || cut_gap(l, f, at, step_at(s), piece_bytes)) &&
			     cut_step(l, job, order[k], aside, piece_bytes);
			if (step_at(s) > at)
				at = step_at(s);
			at += aside ? 0 : s->src_bytes;
		}
		ok = ok && (!all || cut_gap(l, f, at, end, piece_bytes));
	}
	first[cut->n_files] = l->n;
	free(order);
	return ok;
}

/* One of the files that are read side by side. */
struct lane {
	size_t at, end; /* pieces left of its file */
	uint64_t bytes; /* handed out so far */
};

/*
 * The order of tickets: pieces of up to `lanes` files in turn, the lane with the fewest bytes first, so that
 * the SHA-256 of as many files grows side by side. Within a file pieces keep their order.
 */
static bool order_pieces(struct fox_pieces *out, const struct fox_pieces *in, const size_t *first,
    const size_t *files, size_t n_files, size_t n_lanes)
{
	struct lane *lanes = calloc(n_lanes, sizeof *lanes);
	size_t next_file = 0;
	bool ok = lanes != NULL;
	while (ok) {
		struct lane *best = NULL;
		for (size_t i = 0; i < n_lanes; i++) {
			struct lane *l = &lanes[i];
			for (; l->at == l->end && next_file < n_files; next_file++)
				l->at = first[files[next_file]], l->end = first[files[next_file] + 1];
			if (l->at < l->end && (!best || l->bytes < best->bytes))
				best = l;
		}
		if (!best)
			break;
		struct fox_piece *p = add_piece(out);
		ok = p != NULL;
		if (ok) {
			*p = in->list[best->at];
			p->file_turn = best->at - first[p->file];
			p->last_of_file = best->at + 1 == first[p->file + 1];
			best->at++;
			best->bytes += p->bytes;
			out->total_bytes += p->bytes;
		}
	}
	free(lanes);
	return ok;
}

/* Files of a stream come in its order. */
static int by_base(const void *a, const void *b, void *ctx)
{
	const struct fox_file *const *files = ctx;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	uint64_t p = files[x]->via ? files[x]->base : 0, q = files[y]->via ? files[y]->base : 0;
	return p != q ? (p < q ? -1 : 1) : x < y ? -1 : x > y;
}

enum fox_status fox_pieces_cut(struct fox_pieces *out, const struct fox_cut *cut, struct fox_err *err)
{
	struct fox_pieces by_file = {0};
	size_t *first = calloc(cut->n_files + 1, sizeof *first), *order = calloc(cut->n_files + 1, sizeof *order);
	size_t lanes = cut->n_files < cut->workers ? cut->n_files : cut->workers;
	bool ok = first && order;
	*out = (struct fox_pieces){0};
	for (size_t i = 0; ok && i < cut->n_files; i++) {
		order[i] = i;
		if (cut->files[i]->via)
			out->serial = true;
	}
	if (!cut->all || !lanes || out->serial)
		lanes = 1; /* nothing to wait for, or nothing to be had side by side: read from front to back */
	if (ok)
		qsort_r(order, cut->n_files, sizeof *order, by_base, (void *)cut->files);
	ok = ok && cut_files(cut, &by_file, first) &&
	     order_pieces(out, &by_file, first, order, cut->n_files, lanes);
	free(by_file.list);
	free(first);
	free(order);
	return ok ? FOX_OK : fox_fail_nomem(err);
}

void fox_pieces_free(struct fox_pieces *l)
{
	free(l->list);
	*l = (struct fox_pieces){0};
}
