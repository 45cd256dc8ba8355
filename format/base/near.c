/* near.c - the distance between names, and the nearest few. See near.h. */
#include "format/base/near.h"

#include <stdio.h>

#define LETTERS 48u

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Single-character insertions, deletions and replacements that turn a into b (Levenshtein), case ignored. */
static uint32_t distance(struct fox_str a, struct fox_str b)
{
	uint32_t row[LETTERS + 1];
	for (uint32_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (uint32_t i = 1; i <= a.n; i++) {
		uint32_t diagonal = row[0];
		row[0] = i;
		for (uint32_t j = 1; j <= b.n; j++) {
			uint32_t change = diagonal + (lower(a.p[i - 1]) != lower(b.p[j - 1]));
			uint32_t gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			diagonal = row[j];
			row[j] = change < gap ? change : gap;
		}
	}
	return row[b.n];
}

static bool begins(struct fox_str a, struct fox_str b)
{
	if (!b.n || b.n > a.n)
		return false;
	for (size_t i = 0; i < b.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

void fox_near_offer(struct fox_near *near, const char *name)
{
	struct fox_str b = fox_str_of(name);
	if (near->word.n > LETTERS || b.n > LETTERS || !near->word.n)
		return;
	uint32_t far = distance(near->word, b);
	uint32_t allowed = near->word.n > 6 ? (uint32_t)near->word.n / 3 : 2;
	if ((far > allowed || far >= near->word.n) && !begins(b, near->word) && !begins(near->word, b))
		return;
	size_t i = near->n;
	while (i && near->far[i - 1] > far)
		i--;
	if (i == FOX_NEAR_MAX)
		return;
	size_t last = near->n < FOX_NEAR_MAX ? near->n++ : FOX_NEAR_MAX - 1;
	for (; last > i; last--) {
		near->name[last] = near->name[last - 1];
		near->far[last] = near->far[last - 1];
	}
	near->name[i] = name;
	near->far[i] = far;
}

const char *fox_near_text(const struct fox_near *near, char *buf, size_t n)
{
	size_t at = 0;
	buf[0] = 0;
	for (size_t i = 0; i < near->n && at < n; i++) {
		int len = snprintf(buf + at, n - at, "%s%s", i ? ", " : "; near it: ", near->name[i]);
		at += len > 0 ? (size_t)len : 0;
	}
	return buf;
}
