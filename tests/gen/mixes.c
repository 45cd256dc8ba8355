/* mixes - read models and runs as text (tests/mix_text.h), print each run with the types that the recipe chooses.
 *
 * For comparing with llama-quantize: tests/reference/make_mix_golden.py, compare_mixes.py, compare_schemas.py. With an
 * argument: print "NAME TYPE" for every tensor instead. */
#include "tests/mix_text.h"

int main(int argc, char **argv)
{
	static struct mix_model m;
	static char line[1u << 16];
	(void)argv;
	while (fgets(line, sizeof line, stdin)) {
		struct fox_buf out = {0};
		line[strcspn(line, "\n")] = 0;
		if (line[0] == 'm') {
			mix_begin(&m, line);
		} else if (line[0] == 't') {
			mix_tensor(&m, line);
		} else if (line[0] == 'r') {
			mix_run(&m, &out, line);
			puts(out.p);
			for (size_t i = 0; i < m.n && argc > 1; i++)
				printf("%.*s %s\n", FOX_STR_ARG(m.t[i].name), fox_type_info(m.c[i].type)->name);
		}
		fox_buf_free(&out);
	}
	fox_arena_free(&m.arena);
	return 0;
}
