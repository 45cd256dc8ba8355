/* fuzz_recipe.c - rules out of any text, over tensors of any name: refused with a reason, or types that fit the rows.
 *
 * Input: a byte for the file type, then lines: those with '=' are rules, the others names of tensors. */
#include <stdlib.h>

#include "convert/recipe.h"

enum { MAX_TENSORS = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void choose(const struct fox_recipe *r, const struct fox_recipe_tensor *t, size_t n)
{
	struct fox_recipe_choice c[MAX_TENSORS];
	struct fox_recipe_count count = {0};
	const struct fox_recipe_model model = {.n_experts = n % 9};
	struct fox_err err = {0};
	char text[300];
	enum fox_status s = fox_recipe_types(c, &count, r, &model, t, n, &err);
	if (s != err.code || (s && !err.text[0]))
		abort();
	for (size_t i = 0; i < n && !s; i++) {
		const struct fox_type_info *info = fox_type_info(c[i].type);
		bool kept = c[i].why < FOX_WHY_BASE;
		if (!info || (!kept && t[i].dim[0] % info->elems) || (kept && c[i].type != t[i].type))
			abort();
		if ((c[i].why == FOX_WHY_RULE) != (c[i].rule < fox_rules_count(r->rules)))
			abort();
		if (!fox_recipe_why_text(r, &c[i], text, sizeof text)[0])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_recipe_tensor t[MAX_TENSORS];
	struct fox_rules *rules;
	size_t n = 0;
	if (!size || fox_rules_open(&rules, NULL))
		return 0;
	struct fox_recipe r = fox_recipe_of(fox_ftype_at(data[0] % fox_ftypes()));
	r.rules = rules;
	r.has_importance = data[0] & 128;
	for (size_t i = 1, end; i < size && n < MAX_TENSORS; i = end + 1) {
		struct fox_err err = {0};
		const uint8_t *nl = memchr(data + i, '\n', size - i);
		end = nl ? (size_t)(nl - data) : size;
		struct fox_str line = {(const char *)data + i, end - i};
		if (memchr(line.p, '=', line.n)) {
			enum fox_status s = fox_rules_add(rules, line, &err);
			if (s != err.code || (s && !err.text[0]))
				abort();
		} else if (fox_utf8_bad(line) == line.n) {
			t[n] = (struct fox_recipe_tensor){
			    .name = line, .type = FOX_F16, .n_dims = 2, .dim = {32 * (end % 20) + end % 3, 2}};
			n++;
		}
	}
	choose(&r, t, n);
	fox_rules_close(rules);
	return 0;
}
