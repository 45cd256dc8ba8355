/* tok_charsmap.c - normalising text with a character map, one step at a time.  spec/tokenizer.md 9 */
#include "runtime/tok_charsmap.h"

/* HF tokenizers takes a cluster as one text up to this many bytes. */
#define CLUSTER_MAX 5

struct fox_str tok_charsmap_prefix(const struct fox_charsmap *m, struct fox_str text, size_t i, size_t *len)
{
	if (m && m->n_units) {
		struct fox_str to = fox_charsmap_longest(m, text, i, len);
		if (to.p)
			return to;
	}
	size_t end = i;
	bool good = fox_utf8_next(text, &end) >= 0;
	*len = end - i;
	return good ? (struct fox_str){text.p + i, end - i} : fox_str_of("\xEF\xBF\xBD");
}

void tok_charsmap_grapheme(const struct fox_charsmap *m, struct fox_buf *out, struct fox_str cluster)
{
	struct fox_str to = {NULL, 0};
	if (cluster.n <= CLUSTER_MAX)
		to = fox_charsmap_shortest(m, cluster);
	if (to.p) {
		fox_buf_add(out, to.p, to.n);
		return;
	}
	for (size_t i = 0; i < cluster.n;) {
		size_t from = i;
		fox_utf8_next(cluster, &i);
		struct fox_str part = {cluster.p + from, i - from};
		to = fox_charsmap_shortest(m, part);
		fox_buf_add(out, to.p ? to.p : part.p, to.p ? to.n : part.n);
	}
}
