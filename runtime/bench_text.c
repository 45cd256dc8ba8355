/* bench_text.c - see bench_text.h */
#include "runtime/bench_text.h"

#include <stdio.h>
#include <string.h>

#include "format/base/json.h"

const char *const fox_bench_format_names[] = {"md", "json", "csv", NULL};

static double giga(double x)
{
	return x / 1e9;
}

/* Bytes a second that the tests of decoding read. */
static double reads(const struct fox_bench_row *r)
{
	return (double)r->bytes * r->rate.median;
}

static double percent(const struct fox_bench_row *r)
{
	return r->read_bandwidth > 0 ? 100 * reads(r) / r->read_bandwidth : 0;
}

static const char *type_name(enum fox_type t)
{
	const struct fox_type_info *i = fox_type_info((uint32_t)t);
	return i && i->name ? i->name : "f32";
}

static struct fox_str base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return fox_str_of(slash ? slash + 1 : path);
}

/* ---- tables */

static double flops(const struct fox_bench_row *r)
{
	return r->flops * r->rate.median / r->n;
}

static void md_cuda_row(struct fox_buf *o, const struct fox_bench_row *r)
{
	fox_buf_fmt(o, r->decode ? "| decode %u at %u" : "| prompt %u", r->n, r->depth);
	fox_buf_fmt(o, " | %.2f | %.2f, %.2f | %.2f, %.2f |", r->rate.median, r->rate.q1, r->rate.q3, r->rate.min, r->rate.max);
	if (r->decode)
		fox_buf_fmt(o, " %.1f | %.1f | %.1f | |\n", giga(reads(r)), giga(r->read_bandwidth), percent(r));
	else
		fox_buf_fmt(o, " | %.1f | | %.2f |\n", giga(r->read_bandwidth), flops(r) / 1e12);
}

static void md_model(struct fox_buf *o, const struct fox_bench_model *m)
{
	fox_buf_str(o, "\n## ");
	fox_buf_escaped(o, base_name(m->path), 200);
	fox_buf_fmt(o,
	    "\n\n%s, %u layers, vocabulary of %u; %.1f MB of weights a token; %s arithmetic, cache %s\n", m->arch,
	    m->n_layers, m->n_vocab, (double)m->weight_bytes / 1e6, fox_arith_names[m->arith], type_name(m->kv));
	fox_buf_fmt(o, "loaded in %.3f s; first token after %.3f s", m->load_s, m->first_token_s);
	if (m->first_passes > 0)
		fox_buf_fmt(o, ", %.1f steps of warm decoding", m->first_passes);
	fox_buf_fmt(o, "; at most %.1f MB resident\n", (double)m->peak_bytes / 1e6);
	if (m->cuda)
		fox_buf_fmt(o, "%s: %.1f MB taken, %.1f MB no longer free\n", m->device, (double)m->taken_bytes / 1e6,
		    (double)m->lost_bytes / 1e6);
	if (m->cuda)
		fox_buf_str(o, "\n| test | tokens/s | quartiles | lowest, highest | GB/s read | of GB/s copied | % | TFLOP/s |\n");
	else
		fox_buf_str(o, "\n| test | threads | tokens/s | quartiles | lowest, highest | GB/s read | of GB/s | % |\n");
	fox_buf_str(o, "|---|---:|---:|---:|---:|---:|---:|---:|\n");
	for (size_t i = 0; i < m->n_rows && m->cuda; i++)
		md_cuda_row(o, &m->rows[i]);
	for (size_t i = 0; i < m->n_rows && !m->cuda; i++) {
		const struct fox_bench_row *r = &m->rows[i];
		fox_buf_fmt(o, r->decode ? "| decode %u at %u" : "| prompt %u", r->n, r->depth);
		fox_buf_fmt(o, " | %u | %.2f | %.2f, %.2f | %.2f, %.2f |", r->threads, r->rate.median, r->rate.q1,
		    r->rate.q3, r->rate.min, r->rate.max);
		if (r->decode)
			fox_buf_fmt(o, " %.2f | %.2f | %.0f |\n", giga(reads(r)), giga(r->read_bandwidth), percent(r));
		else
			fox_buf_fmt(o, " | %.2f | |\n", giga(r->read_bandwidth));
	}
	if (m->cuda)
		return;
	fox_buf_str(o, "\n| weights | matrices | MB | one row | several rows |\n|---|---:|---:|---|---|\n");
	for (size_t i = 0; i < m->n_types; i++) {
		const struct fox_bench_type *t = &m->types[i];
		fox_buf_fmt(o, "| %s | %u | %.1f | %s | %s |\n", type_name(t->type), t->matrices,
		    (double)t->bytes / 1e6, t->gemv, t->gemm);
	}
}

/* ---- JSON */

static void json_text(struct fox_json_writer *w, const char *key, const char *text)
{
	fox_jw_key(w, key);
	fox_jw_cstr(w, text);
}

static void json_count(struct fox_json_writer *w, const char *key, uint64_t v)
{
	fox_jw_key(w, key);
	fox_jw_u64(w, v);
}

static void json_real(struct fox_json_writer *w, const char *key, double v)
{
	fox_jw_key(w, key);
	fox_jw_f64(w, v);
}

static void json_row(struct fox_json_writer *w, const struct fox_bench_row *r)
{
	fox_jw_object(w);
	json_text(w, "test", r->decode ? "decode" : "prompt");
	json_count(w, "tokens", r->n);
	json_count(w, "depth", r->depth);
	json_count(w, "threads", r->threads);
	json_count(w, "repeats", r->rate.n);
	json_real(w, "tokens_per_s", r->rate.median);
	json_real(w, "q1", r->rate.q1);
	json_real(w, "q3", r->rate.q3);
	json_real(w, "min", r->rate.min);
	json_real(w, "max", r->rate.max);
	if (r->decode) {
		json_count(w, "bytes_per_token", r->bytes);
		json_real(w, "bytes_per_s", reads(r));
		json_real(w, "percent_of_bandwidth", percent(r));
	} else {
		json_real(w, "flops_per_s", flops(r));
	}
	json_real(w, "bandwidth", r->read_bandwidth);
	fox_jw_end_object(w);
}

static void json_model(struct fox_json_writer *w, const struct fox_bench_model *m)
{
	fox_jw_object(w);
	json_text(w, "file", m->path);
	json_text(w, "architecture", m->arch);
	json_count(w, "layers", m->n_layers);
	json_count(w, "vocabulary", m->n_vocab);
	json_count(w, "weight_bytes_per_token", m->weight_bytes);
	json_text(w, "arithmetic", fox_arith_names[m->arith]);
	json_text(w, "kv", type_name(m->kv));
	json_text(w, "backend", m->device);
	if (m->cuda) {
		json_count(w, "device_taken_bytes", m->taken_bytes);
		json_count(w, "device_lost_bytes", m->lost_bytes);
	}
	json_real(w, "load_s", m->load_s);
	json_real(w, "first_token_s", m->first_token_s);
	json_real(w, "first_token_steps", m->first_passes);
	json_count(w, "peak_bytes", m->peak_bytes);
	fox_jw_key(w, "tests");
	fox_jw_array(w);
	for (size_t i = 0; i < m->n_rows; i++)
		json_row(w, &m->rows[i]);
	fox_jw_end_array(w);
	fox_jw_key(w, "products");
	fox_jw_array(w);
	for (size_t i = 0; i < m->n_types; i++) {
		fox_jw_object(w);
		json_text(w, "type", type_name(m->types[i].type));
		json_count(w, "matrices", m->types[i].matrices);
		json_count(w, "bytes", m->types[i].bytes);
		json_text(w, "one_row", m->types[i].gemv);
		json_text(w, "several_rows", m->types[i].gemm);
		fox_jw_end_object(w);
	}
	fox_jw_end_array(w);
	fox_jw_end_object(w);
}

static void json_begin(struct fox_json_writer *w, const char *cpu, const char *list)
{
	fox_jw_object(w);
	json_text(w, "version", FOX_VERSION);
	json_text(w, "cpu", cpu);
	fox_jw_key(w, list);
	fox_jw_array(w);
}

static void json_end(struct fox_json_writer *w)
{
	fox_jw_end_array(w);
	fox_jw_end_object(w);
	fox_buf_char(w->out, '\n');
}

/* ---- CSV: RFC 4180 */

static void csv_text(struct fox_buf *o, const char *s)
{
	fox_buf_char(o, '"');
	for (; *s; s++) {
		if (*s == '"')
			fox_buf_char(o, '"');
		fox_buf_char(o, *s);
	}
	fox_buf_char(o, '"');
}

static void csv_model(struct fox_buf *o, const struct fox_bench_model *m)
{
	for (size_t i = 0; i < m->n_rows; i++) {
		const struct fox_bench_row *r = &m->rows[i];
		csv_text(o, m->path);
		fox_buf_fmt(o, ",%s,%s,%s,%u,%u,%u,%u,%.4f,%.4f,%.4f,%.4f,%.4f", r->decode ? "decode" : "prompt",
		    fox_arith_names[m->arith], type_name(m->kv), r->n, r->depth, r->threads, r->rate.n,
		    r->rate.median, r->rate.q1, r->rate.q3, r->rate.min, r->rate.max);
		if (r->decode)
			fox_buf_fmt(o, ",%llu,%.2f", (unsigned long long)r->bytes, percent(r));
		else
			fox_buf_str(o, ",,");
		fox_buf_fmt(o, ",%.0f,%.4f,%.4f,%llu,", r->read_bandwidth, m->load_s, m->first_token_s,
		    (unsigned long long)m->peak_bytes);
		csv_text(o, m->device);
		fox_buf_char(o, '\n');
	}
}

void fox_bench_print_models(struct fox_buf *out, enum fox_bench_format format, const char *cpu,
    const struct fox_bench_model *models, size_t n)
{
	struct fox_json_writer w = {.out = out};
	if (format == FOX_BENCH_JSON)
		json_begin(&w, cpu, "models");
	else if (format == FOX_BENCH_CSV)
		fox_buf_str(out, "file,test,arithmetic,kv,tokens,depth,threads,repeats,tokens_per_s,q1,q3,min,max,"
		                 "bytes_per_token,percent_of_bandwidth,bandwidth,load_s,first_token_s,peak_bytes,backend\n");
	else
		fox_buf_fmt(out, "fox-bench %s; %s\n", FOX_VERSION, cpu);
	for (size_t i = 0; i < n; i++) {
		if (format == FOX_BENCH_JSON)
			json_model(&w, &models[i]);
		else if (format == FOX_BENCH_CSV)
			csv_model(out, &models[i]);
		else
			md_model(out, &models[i]);
	}
	if (format == FOX_BENCH_JSON)
		json_end(&w);
}

void fox_bench_print_kernels(struct fox_buf *out, enum fox_bench_format format, const char *cpu,
    const struct fox_bench_kernel *kernels, size_t n)
{
	struct fox_json_writer w = {.out = out};
	if (format == FOX_BENCH_JSON)
		json_begin(&w, cpu, "kernels");
	else if (format == FOX_BENCH_CSV)
		fox_buf_str(out, "kernel,isa,values_per_s,bytes_per_s,scalar_values_per_s,ratio\n");
	else
		fox_buf_fmt(out,
		    "fox-bench %s; %s; one thread\n\n| kernel | isa | G values/s | GB/s stored | scalar G values/s | "
		    "times scalar "
		    "|\n|---|---|---:|---:|---:|---:|\n",
		    FOX_VERSION, cpu);
	for (size_t i = 0; i < n; i++) {
		const struct fox_bench_kernel *k = &kernels[i];
		double ratio = k->scalar_values > 0 ? k->values / k->scalar_values : 0;
		if (format == FOX_BENCH_CSV) {
			fox_buf_fmt(out, "%s,%s,%.0f,%.0f,%.0f,%.3f\n", k->name, k->isa, k->values, k->bytes,
			    k->scalar_values, ratio);
		} else if (format == FOX_BENCH_MD) {
			fox_buf_fmt(out, "| %s | %s | %.3f | %.2f | %.3f | %.1f |\n", k->name, k->isa, giga(k->values),
			    giga(k->bytes), giga(k->scalar_values), ratio);
		} else {
			fox_jw_object(&w);
			json_text(&w, "kernel", k->name);
			json_text(&w, "isa", k->isa);
			json_real(&w, "values_per_s", k->values);
			json_real(&w, "bytes_per_s", k->bytes);
			json_real(&w, "scalar_values_per_s", k->scalar_values);
			json_real(&w, "ratio", ratio);
			fox_jw_end_object(&w);
		}
	}
	if (format == FOX_BENCH_JSON)
		json_end(&w);
}
