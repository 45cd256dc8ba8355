/* bench_text.h - private to fox-bench: what it has measured as a table, JSON or CSV. spec/bench.md 4 */
#ifndef FOX_BENCH_TEXT_H
#define FOX_BENCH_TEXT_H

#include "format/base/str.h"
#include "runtime/bench_kernels.h"
#include "runtime/bench_model.h"

enum fox_bench_format { FOX_BENCH_MD, FOX_BENCH_JSON, FOX_BENCH_CSV };
extern const char *const fox_bench_format_names[]; /* NULL-terminated, for --output */

/* Append all models. cpu: "x86_64, avx2". */
void fox_bench_print_models(struct fox_buf *out, enum fox_bench_format format, const char *cpu,
    const struct fox_bench_model *models, size_t n);

void fox_bench_print_kernels(struct fox_buf *out, enum fox_bench_format format, const char *cpu,
    const struct fox_bench_kernel *kernels, size_t n);

#endif
