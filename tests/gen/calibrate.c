/* calibrate - print what goes into each matrix of a model while a text is run: for comparing with other tools.
 * usage: calibrate MODEL.gguf TEXT CONTEXT [OUT.gguf]     OUT: an importance matrix, and no lines
 * lines: tensor, which sums it shares, rows, the sum of each column's squares */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/base/io.h"
#include "format/base/log.h"
#include "runtime/imatrix_run.h"

int main(int argc, char **argv)
{
	struct fox_err err = {0};
	struct fox_model *m = NULL;
	struct fox_calib c;
	struct fox_calib_options o = {0};
	char *text;
	size_t n;
	fox_log_init("calibrate");
	if (argc != 4 && argc != 5)
		return 2;
	o.n_ctx = (uint32_t)strtoul(argv[3], NULL, 10);
	if (fox_path_slurp(argv[2], 1u << 30, &text, &n, &err) || fox_model_open(&m, argv[1], &err) ||
	    fox_calibrate(&c, m, (struct fox_str){text, n}, &o, &err))
		return fox_log_err(&err);
	if (argc == 5 && fox_calib_write(&c, argv[4], true, fox_str_of(argv[2]), &err))
		return fox_log_err(&err);
	for (size_t t = 0; t < c.n_tensors && argc == 4; t++) {
		const struct fox_calib_input *in = &c.inputs[c.tensors[t].input];
		printf("%.*s\t%" PRIu32 "\t%" PRIu64 "\t", FOX_STR_ARG(c.tensors[t].name), c.tensors[t].input,
		    in->count);
		for (uint32_t i = 0; i < in->cols; i++)
			printf("%.17g%s", in->sum2[i], i + 1 < in->cols ? " " : "\n");
	}
	fox_calib_free(&c);
	fox_model_close(m);
	free(text);
	return 0;
}
