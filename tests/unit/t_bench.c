/* t_bench.c - fox-bench's statistics, lists, renderings with fixed numbers, and what a model's tests hand back. */
#include "tests/test.h"

#include "format/base/json.h"
#include "runtime/bench_text.h"

static void statistics(void **state)
{
	(void)state;
	double five[] = {5, 1, 4, 2, 3}, four[] = {4, 3, 2, 1}, one[] = {7};
	struct fox_bench_stat s = fox_bench_stat_of(five, 5);
	assert_true(s.median == 3 && s.q1 == 2 && s.q3 == 4 && s.min == 1 && s.max == 5 && s.n == 5);
	s = fox_bench_stat_of(four, 4);
	assert_true(s.median == 2.5 && s.q1 == 1.75 && s.q3 == 3.25 && s.min == 1 && s.max == 4);
	s = fox_bench_stat_of(one, 1);
	assert_true(s.median == 7 && s.q1 == 7 && s.q3 == 7 && s.min == 7 && s.max == 7);
}

static void lists(void **state)
{
	(void)state;
	struct fox_bench_list l;
	struct fox_err err = {0};
	assert_int_equal(fox_bench_list_parse(&l, "16,1,512", "--prompt", 1, 512, &err), FOX_OK);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.item[0], 16);
	assert_int_equal(l.item[1], 1);
	assert_int_equal(l.item[2], 512);
	static const char *const bad[] = {
	    "", "1,", ",1", "1,,2", "x", "0", "513", "1 2", "-1", "99999999999999999999"};
	for (size_t i = 0; i < FOX_COUNT(bad); i++) {
		char want[160];
		err = (struct fox_err){0};
		assert_int_equal(fox_bench_list_parse(&l, bad[i], "--prompt", 1, 512, &err), FOX_E_ARG);
		snprintf(want, sizeof want,
		    "option '--prompt': '%s' is not a list of whole numbers from 1 to 512 (as in 1,16)", bad[i]);
		assert_string_equal(err.text, want);
	}
	err = (struct fox_err){0};
	assert_int_equal(
	    fox_bench_list_parse(&l, "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "--depth", 0, 9, &err), FOX_E_ARG);
	assert_string_equal(err.text, "option '--depth': more than 16 numbers");
}

static struct fox_bench_row rows[] = {
    {.n = 512, .threads = 2, .rate = {40, 39, 41, 38, 42, 5}, .read_bandwidth = 20e9},
    {.decode = true,
        .n = 64,
        .depth = 128,
        .threads = 2,
        .rate = {10, 9, 11, 8, 12, 5},
        .bytes = 1000000000,
        .read_bandwidth = 20e9},
};
static const struct fox_bench_model model = {.path = "dir/a\"b.gguf",
    .device = "cpu",
    .arch = "llama",
    .weight_bytes = 990000000,
    .n_layers = 16,
    .n_vocab = 2048,
    .arith = FOX_ARITH_FAST,
    .kv = FOX_F16,
    .load_s = 0.125,
    .first_token_s = 0.25,
    .first_passes = 2.5,
    .peak_bytes = 1100000000,
    .types = {{.type = FOX_Q4_0, .matrices = 3, .bytes = 990000000, .gemv = "avx2", .gemm = "one by one"}},
    .n_types = 1,
    .rows = rows,
    .n_rows = 2};

static void tables(void **state)
{
	(void)state;
	struct fox_buf out = {0};
	fox_bench_print_models(&out, FOX_BENCH_MD, "x86_64, avx2", &model, 1);
	fox_buf_char(&out, 0);
	assert_string_equal(out.p,
	    "fox-bench " FOX_VERSION "; x86_64, avx2\n"
	    "\n## a\"b.gguf\n\n"
	    "llama, 16 layers, vocabulary of 2048; 990.0 MB of weights a token; fast arithmetic, cache f16\n"
	    "loaded in 0.125 s; first token after 0.250 s, 2.5 steps of warm decoding; at most 1100.0 MB "
	    "resident\n\n"
	    "| test | threads | tokens/s | quartiles | lowest, highest | GB/s read | of GB/s | % |\n"
	    "|---|---:|---:|---:|---:|---:|---:|---:|\n"
	    "| prompt 512 | 2 | 40.00 | 39.00, 41.00 | 38.00, 42.00 | | 20.00 | |\n"
	    "| decode 64 at 128 | 2 | 10.00 | 9.00, 11.00 | 8.00, 12.00 | 10.00 | 20.00 | 50 |\n"
	    "\n| weights | matrices | MB | one row | several rows |\n|---|---:|---:|---|---|\n"
	    "| q4_0 | 3 | 990.0 | avx2 | one by one |\n");
	fox_buf_free(&out);
}

static void csv(void **state)
{
	(void)state;
	struct fox_buf out = {0};
	fox_bench_print_models(&out, FOX_BENCH_CSV, "x86_64", &model, 1);
	fox_buf_char(&out, 0);
	assert_string_equal(out.p,
	    "file,test,arithmetic,kv,tokens,depth,threads,repeats,tokens_per_s,q1,q3,min,max,"
	    "bytes_per_token,percent_of_bandwidth,bandwidth,load_s,first_token_s,peak_bytes,backend\n"
	    "\"dir/"
	    "a\"\"b.gguf\",prompt,fast,f16,512,0,2,5,40.0000,39.0000,41.0000,38.0000,42.0000,,,20000000000,0."
	    "1250,"
	    "0.2500,1100000000,\"cpu\"\n"
	    "\"dir/"
	    "a\"\"b.gguf\",decode,fast,f16,64,128,2,5,10.0000,9.0000,11.0000,8.0000,12.0000,1000000000,50.00,"
	    "20000000000,0.1250,0.2500,1100000000,\"cpu\"\n");
	fox_buf_free(&out);
}

static void json(void **state)
{
	(void)state;
	struct fox_buf out = {0};
	struct fox_json *j;
	struct fox_str file;
	double rate, percent;
	fox_bench_print_models(&out, FOX_BENCH_JSON, "x86_64", &model, 1);
	assert_int_equal(fox_json_parse(&j, fox_buf_view(&out), NULL), FOX_OK);
	const struct fox_value *m = fox_json_at(fox_json_get(fox_json_root(j), "models"), 0);
	const struct fox_value *tests = fox_json_get(m, "tests");
	assert_true(fox_json_str(fox_json_get(m, "file"), &file));
	assert_true(fox_str_is(file, "dir/a\"b.gguf"));
	assert_int_equal(fox_json_size(tests), 2);
	assert_true(fox_json_f64(fox_json_get(fox_json_at(tests, 1), "tokens_per_s"), &rate) && rate == 10);
	assert_true(
	    fox_json_f64(fox_json_get(fox_json_at(tests, 1), "percent_of_bandwidth"), &percent) && percent == 50);
	assert_null(fox_json_get(fox_json_at(tests, 0), "percent_of_bandwidth"));
	fox_json_close(j);
	fox_buf_free(&out);
}

static void kernel_tables(void **state)
{
	(void)state;
	const struct fox_bench_kernel k = {"dot q4_0", "avx2", 4e9, 2.25e9, 1e9};
	struct fox_buf out = {0};
	fox_bench_print_kernels(&out, FOX_BENCH_MD, "x86_64", &k, 1);
	fox_bench_print_kernels(&out, FOX_BENCH_CSV, "x86_64", &k, 1);
	fox_buf_char(&out, 0);
	assert_string_equal(out.p,
	    "fox-bench " FOX_VERSION "; x86_64; one thread\n\n"
	    "| kernel | isa | G values/s | GB/s stored | scalar G values/s | times scalar |\n"
	    "|---|---|---:|---:|---:|---:|\n"
	    "| dot q4_0 | avx2 | 4.000 | 2.25 | 1.000 | 4.0 |\n"
	    "kernel,isa,values_per_s,bytes_per_s,scalar_values_per_s,ratio\n"
	    "dot q4_0,avx2,4000000000,2250000000,1000000000,4.000\n");
	fox_buf_free(&out);
}

/* One kernel of each kind runs over its data without leaving it (sanitizers look), and a wrong filter is said. */
static void kernels_run(void **state)
{
	(void)state;
	static const char *const filters[] = {
	    "q4_0", "iq2_xxs", "acts", "rope", "soft", "norm", "mul", "range", "bf16"};
	struct fox_bench_kernel *list;
	struct fox_err err = {0};
	size_t n;
	for (size_t i = 0; i < FOX_COUNT(filters); i++) {
		assert_int_equal(fox_bench_kernels_run(&list, &n, fox_kernels(), filters[i], &err), FOX_OK);
		assert_true(n > 0);
		for (size_t k = 0; k < n; k++)
			assert_true(strstr(list[k].name, filters[i]) && list[k].values > 0 && list[k].bytes > 0);
		free(list);
	}
	assert_int_equal(fox_bench_kernels_run(&list, &n, fox_kernels(), "no such", &err), FOX_E_ARG);
	assert_string_equal(err.text, "no kernel's name holds 'no such'");
	assert_null(list);
}

static void bandwidth(void **state)
{
	(void)state;
	static uint8_t bytes[1000001];
	struct fox_pool *p = fox_pool_open(2);
	assert_true(fox_bench_read(p, (struct fox_span){bytes, sizeof bytes}) > 0);
	assert_true(fox_bench_read(NULL, (struct fox_span){bytes, 65}) > 0);
	assert_true(fox_bench_read(p, (struct fox_span){bytes, 0}) == 0);
	fox_pool_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statistics),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(tables),
	    cmocka_unit_test(csv),
	    cmocka_unit_test(json),
	    cmocka_unit_test(kernel_tables),
	    cmocka_unit_test(kernels_run),
	    cmocka_unit_test(bandwidth),
	};
	return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
