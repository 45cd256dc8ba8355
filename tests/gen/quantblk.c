/* quantblk.c - blocks out of f32, and back, with the kernels of this build: what tests/reference/compare_blocks.py holds
 * against another implementation.
 *
 *   quantblk encode TYPE COLS [IMPORTANCE] < f32 > blocks    rows of COLS; IMPORTANCE: a file of COLS f32
 *   quantblk decode TYPE < blocks > f32
 *   quantblk bench TYPE COLS [IMPORTANCE] < f32 > seconds    CPU time of the fastest of several runs over the whole
 *                                                            input, one thread, as text: encode, then decode
 *   quantblk types                                           TYPE, weights and bytes per block, what it has of: encode,
 *                                                            weighted, decode
 *
 * FOX_CPU_DISABLE=all makes it the scalar kernels. Exit 0; 1 i/o or a type without that kernel; 2 usage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/kernels.h"

static int complain(const char *what, const char *subject)
{
	fprintf(stderr, "quantblk: %s '%s'\n", what, subject);
	return 1;
}

static int usage(void)
{
	fprintf(stderr, "usage: quantblk encode|bench TYPE COLS [IMPORTANCE] | decode TYPE | types\n");
	return 2;
}

/* All of a stream; NULL when memory or the stream fails. */
static uint8_t *slurp(FILE *f, size_t *n)
{
	size_t room = 1 << 20;
	uint8_t *p = malloc(room);
	for (*n = 0; p;) {
		*n += fread(p + *n, 1, room - *n, f);
		if (*n < room)
			break;
		uint8_t *more = realloc(p, room *= 2);
		if (!more)
			free(p);
		p = more;
	}
	if (p && ferror(f)) {
		free(p);
		p = NULL;
	}
	return p;
}

struct rows {
	enum fox_type type;
	size_t cols, n; /* columns, rows */
	uint64_t bytes; /* of a row */
	float *x, *importance;
	uint8_t *blocks;
};

static void encode_rows(const struct rows *r)
{
	const struct fox_kernels *k = fox_kernels();
	for (size_t i = 0; i < r->n; i++) {
		uint8_t *out = r->blocks + i * r->bytes;
		const float *x = r->x + i * r->cols;
		if (r->importance && k->encode_weighted[r->type])
			k->encode_weighted[r->type](out, x, r->importance, r->cols);
		else
			k->encode[r->type](out, x, r->cols);
	}
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* At least three runs and half a second of them. */
static void bench(const struct rows *r)
{
	double best[2] = {1e30, 1e30};
	for (int back = 0; back < 2; back++) {
		double begin = now_s();
		for (int run = 0; run < 3 || now_s() - begin < 0.5; run++) {
			double start = now_s();
			if (back)
				fox_kernels()->decode[r->type](r->x, r->blocks, r->n * r->cols);
			else
				encode_rows(r);
			double took = now_s() - start;
			best[back] = took < best[back] ? took : best[back];
		}
	}
	printf("%.9f %.9f\n", best[0], best[1]);
}

static int encode(int argc, char **argv, enum fox_type type, bool timed)
{
	struct rows r = {.type = type, .cols = strtoul(argv[3], NULL, 10)};
	if (!fox_kernels()->encode[type])
		return complain("nothing quantizes to", argv[2]);
	size_t got, weights;
	r.x = (float *)(void *)slurp(stdin, &got);
	if (argc == 5) {
		FILE *f = fopen(argv[4], "rb");
		r.importance = f ? (float *)(void *)slurp(f, &weights) : NULL;
		if (f)
			fclose(f);
		if (!r.importance || weights != r.cols * sizeof(float))
			return complain("cannot use", argv[4]);
	}
	if (!r.x || r.cols == 0 || !fox_type_row_bytes(type, r.cols, &r.bytes) || got % (r.cols * 4) != 0)
		return complain("no whole rows of", argv[2]);
	r.n = got / sizeof(float) / r.cols;
	r.blocks = malloc(r.n * r.bytes + 1);
	if (!r.blocks)
		return complain("no memory for", argv[2]);
	if (timed)
		bench(&r);
	else
		encode_rows(&r);
	bool ok = timed || fwrite(r.blocks, 1, r.n * r.bytes, stdout) == r.n * r.bytes;
	free(r.x), free(r.importance), free(r.blocks);
	return ok && fflush(stdout) == 0 ? 0 : complain("cannot write", "stdout");
}

static int decode(const char *name, enum fox_type type)
{
	const struct fox_type_info *info = fox_type_info(type);
	if (!fox_kernels()->decode[type])
		return complain("nothing decodes", name);
	size_t n;
	uint8_t *in = slurp(stdin, &n);
	float *out = malloc(n / info->bytes * info->elems * sizeof *out + 1);
	if (!in || !out || n % info->bytes != 0)
		return complain("no whole blocks of", name);
	n = n / info->bytes * info->elems;
	fox_kernels()->decode[type](out, in, n);
	bool ok = fwrite(out, sizeof *out, n, stdout) == n && fflush(stdout) == 0;
	free(in), free(out);
	return ok ? 0 : complain("cannot write", "stdout");
}

static int list(void)
{
	const struct fox_kernels *k = fox_kernels();
	for (uint32_t t = 0; t < FOX_TYPE_LIMIT; t++) {
		const struct fox_type_info *info = fox_type_info(t);
		if (info && (k->encode[t] || k->decode[t]))
			printf("%s %u %u%s%s%s\n", info->name, info->elems, info->bytes, k->encode[t] ? " encode" : "",
			    k->encode_weighted[t] ? " weighted" : "", k->decode[t] ? " decode" : "");
	}
	return 0;
}

int main(int argc, char **argv)
{
	enum fox_type type;
	if (argc == 2 && !strcmp(argv[1], "types"))
		return list();
	if (argc < 3)
		return usage();
	if (fox_type_parse(fox_str_of(argv[2]), &type, NULL) != FOX_OK)
		return complain("no tensor type", argv[2]);
	bool timed = !strcmp(argv[1], "bench");
	if ((timed || !strcmp(argv[1], "encode")) && (argc == 4 || argc == 5))
		return encode(argc, argv, type, timed);
	if (!strcmp(argv[1], "decode") && argc == 3)
		return decode(argv[2], type);
	return usage();
}
