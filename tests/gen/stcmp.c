/* stcmp.c - are the tensors of two checkpoints the same, bit for bit?
 *
 * usage: stcmp A B [PREFIX]
 * Compares names (less PREFIX, where they have it), dtypes, shapes and bytes. Prints a line for each difference, then how many
 * tensors are equal; exit 1 when any differs. */
#include <stdio.h>
#include <stdlib.h>

#include "format/source.h"

static const char *prefix = "";

static struct fox_str plain(const struct fox_src_tensor *t)
{
	size_t n = strlen(prefix);
	return fox_str_starts(t->name, prefix) ? (struct fox_str){t->name.p + n, t->name.n - n} : t->name;
}

static const struct fox_src_tensor *find(const struct fox_source *s, struct fox_str name)
{
	for (size_t i = 0; i < fox_source_tensors(s); i++)
		if (fox_str_eq(plain(fox_source_tensor(s, i)), name))
			return fox_source_tensor(s, i);
	return NULL;
}

/* NULL when they are equal, else what differs. */
static const char *differs(const struct fox_source *a, const struct fox_src_tensor *t,
    const struct fox_source *b, const struct fox_src_tensor *u)
{
	if (t->dtype != u->dtype)
		return "dtype";
	if (t->n_dims != u->n_dims || memcmp(t->shape, u->shape, t->n_dims * sizeof *t->shape))
		return "shape";
	char *x = malloc((size_t)t->bytes + 1), *y = malloc((size_t)t->bytes + 1);
	const char *what = "unreadable";
	if (x && y && !fox_source_read(a, t, 0, x, (size_t)t->bytes, NULL) &&
	    !fox_source_read(b, u, 0, y, (size_t)u->bytes, NULL))
		what = memcmp(x, y, (size_t)t->bytes) ? "values" : NULL;
	free(x);
	free(y);
	return what;
}

int main(int argc, char **argv)
{
	struct fox_source *a, *b;
	struct fox_err err = {0};
	size_t equal = 0, bad = 0;
	if (argc < 3)
		return 2;
	prefix = argc > 3 ? argv[3] : "";
	if (fox_source_open(&a, argv[1], true, &err) || fox_source_open(&b, argv[2], true, &err)) {
		fprintf(stderr, "stcmp: %s\n", err.text);
		return 3;
	}
	for (size_t i = 0; i < fox_source_tensors(a); i++) {
		const struct fox_src_tensor *t = fox_source_tensor(a, i), *u = find(b, plain(t));
		const char *what = u ? differs(a, t, b, u) : "only in the first";
		if (what)
			printf("%.*s: %s\n", FOX_STR_ARG(t->name), what), bad++;
		else
			equal++;
	}
	for (size_t i = 0; i < fox_source_tensors(b); i++)
		if (!find(a, plain(fox_source_tensor(b, i))))
			printf("%.*s: only in the second\n", FOX_STR_ARG(fox_source_tensor(b, i)->name)), bad++;
	printf("%zu equal\n", equal);
	fox_source_close(a);
	fox_source_close(b);
	return bad != 0;
}
