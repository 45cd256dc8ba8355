/* t_naming - ids taken apart, size labels, file names. The expectations are gguf-py 0.19's own answers: tests/reference/make_naming_golden.py. */
#include "tests/test.h"

#include "convert/naming.h"

static bool is(struct fox_str a, const char *b)
{
	if (fox_str_is(a, b))
		return true;
	print_message("got '%.*s', want '%s'\n", FOX_STR_ARG(a), b);
	return false;
}

static void ids_come_apart(void **state)
{
	(void)state;
	static const struct {
		const char *id;
		uint64_t n_params;
		const char *full, *org, *basename, *size, *finetune, *version, *title;
	} cases[] = {
	    {"tensoropera/Fox-1-1.6B", 1665271808ull, "Fox-1-1.6B", "tensoropera", "Fox-1", "1.6B", "", "",
	        "Fox 1 1.6B"},
	    {"tensoropera/Fox-1-1.6B-Instruct-v0.1", 1665271808ull, "Fox-1-1.6B-Instruct-v0.1", "tensoropera",
	        "Fox-1", "1.6B", "Instruct", "v0.1", "Fox 1 1.6B Instruct v0.1"},
	    {"meta-llama/Llama-2-7b-hf", 6738415616ull, "Llama-2-7b-hf", "meta-llama", "Llama-2", "7B", "hf", "",
	        "Llama 2 7b Hf"},
	    {"mistralai/Mixtral-8x7B-Instruct-v0.1", 46702792704ull, "Mixtral-8x7B-Instruct-v0.1", "mistralai",
	        "Mixtral", "8x7B", "Instruct", "v0.1", "Mixtral 8x7B Instruct v0.1"},
	    {"NousResearch/Hermes-2-Theta-Llama-3-8B", 8000000000ull, "Hermes-2-Theta-Llama-3-8B", "NousResearch",
	        "Hermes-2-Theta-Llama-3", "8B", "", "", "Hermes 2 Theta Llama 3 8B"},
	    {"bigscience/bloom-7b1-petals", 7069016064ull, "bloom-7b1-petals", "bigscience", "bloom", "7.1B",
	        "petals", "", "Bloom 7b1 Petals"},
	    {"stabilityai/stablelm-2-1_6b", 1644515328ull, "stablelm-2-1_6b", "stabilityai", "stablelm-2", "1.6B",
	        "", "", "Stablelm 2 1_6b"},
	    {"Qwen/Qwen1.5-1.8B", 1836828672ull, "Qwen1.5-1.8B", "Qwen", "Qwen1.5", "1.8B", "", "",
	        "Qwen1.5 1.8B"},
	    {"NousResearch/Yarn-Llama-2-7b-128k", 6738415616ull, "Yarn-Llama-2-7b-128k", "NousResearch",
	        "Yarn-Llama-2", "7B", "128k", "", "Yarn Llama 2 7b 128k"},
	    {"HuggingFaceTB/SmolLM2-135M", 134515008ull, "SmolLM2-135M", "HuggingFaceTB", "SmolLM2", "135M", "",
	        "", "SmolLM2 135M"},
	    {"google/gemma-2b", 2506172416ull, "gemma-2b", "google", "gemma", "2B", "", "", "Gemma 2b"},
	    {"openai-community/gpt2-large", 774030080ull, "gpt2-large", "openai-community", "gpt2", "large", "",
	        "", "Gpt2 Large"},
	    {"model", 1000ull, "model", "", "", "", "", "", "Model"},
	    {"My nice model", 1000ull, "My nice model", "", "", "", "", "", "My Nice Model"},
	    {"microsoft/Phi-3-mini-4k-instruct", 3821079552ull, "Phi-3-mini-4k-instruct", "microsoft", "Phi-3",
	        "mini", "4k-instruct", "", "Phi 3 Mini 4k Instruct"},
	    {"x/foo-Q4_K_M", 100000ull, "foo-Q4_K_M", "x", "", "", "", "", "Foo Q4_K_M"},
	    {"org/a--b-7B", 7000000000ull, "a--b-7B", "org", "a-b", "7B", "", "", "A B 7B"},
	    {"deepseek-ai/DeepSeek-V2-Lite", 15706484224ull, "DeepSeek-V2-Lite", "deepseek-ai", "", "", "", "",
	        "DeepSeek V2 Lite"},
	    {"x/small-1B-large", 1000000000ull, "small-1B-large", "x", "small", "1B", "large", "",
	        "Small 1B Large"},
	    {"openlm-research/open_llama_3b_v2", 3426473600ull, "open_llama_3b_v2", "openlm-research", "", "", "",
	        "", "Open_Llama_3B_V2"},
	    {"./local-1B", 1000000000ull, "local-1B", "", "local", "1B", "", "", "Local 1B"},
	    {"x/Llama-iter2-7B-7B-chat", 7000000000ull, "Llama-iter2-7B-7B-chat", "x", "Llama-iter2", "7B",
	        "chat", "", "Llama Iter2 7B 7B Chat"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_arena a = {0};
		struct fox_naming n;
		struct fox_err err = {0};
		assert_fox_ok(fox_naming_parse(&n, fox_str_of(cases[i].id), cases[i].n_params, &a, &err), &err);
		assert_true(is(n.full, cases[i].full));
		assert_true(is(n.org, cases[i].org));
		assert_true(is(n.basename, cases[i].basename));
		assert_true(is(n.size, cases[i].size));
		assert_true(is(n.finetune, cases[i].finetune));
		assert_true(is(n.version, cases[i].version));
		assert_true(is(fox_naming_title(n.full, &a), cases[i].title));
		fox_arena_free(&a);
	}
}

static void sizes_have_two_digits(void **state)
{
	(void)state;
	static const struct {
		uint64_t n;
		const char *label;
	} cases[] = {
	    {0ull, "0.00K"},
	    {1ull, "0.00K"},
	    {999ull, "1.0K"},
	    {1000ull, "1.0K"},
	    {1500ull, "1.5K"},
	    {9949ull, "10K"},
	    {9950ull, "10K"},
	    {9999ull, "10K"},
	    {10000ull, "10K"},
	    {99500ull, "100K"},
	    {999999ull, "1000K"},
	    {1000000ull, "1000K"},
	    {1000001ull, "1.0M"},
	    {3869952ull, "3.9M"},
	    {9950000ull, "10M"},
	    {134515008ull, "135M"},
	    {999999999ull, "1000M"},
	    {1000000000ull, "1000M"},
	    {1000000001ull, "1.0B"},
	    {1665271808ull, "1.7B"},
	    {2506172416ull, "2.5B"},
	    {9949999999ull, "10B"},
	    {9950000001ull, "10B"},
	    {70553706496ull, "71B"},
	    {1000000000001ull, "1.0T"},
	    {1500ull, "1.5K"},
	    {2500ull, "2.5K"},
	    {500ull, "0.50K"},
	    {499ull, "0.50K"},
	    {949ull, "0.9K"},
	    {950ull, "1.0K"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		char out[32];
		fox_naming_size(out, cases[i].n);
		assert_string_equal(out, cases[i].label);
	}
}

static void files_are_named_by_the_convention(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint64_t n_params;
		const char *type, *file;
	} cases[] = {
	    {"Fox-1-1.6B", 1665271808, "bf16", "Fox-1-1.6B-BF16.gguf"},
	    {"Fox 1 1.6B", 1665271808, "bf16", "Fox-1-1.6B-1.7B-BF16.gguf"},
	    {"tensoropera/Fox-1-1.6B-Instruct-v0.1", 1665271808, "q8_0", "Fox-1-1.6B-Instruct-v0.1-Q8_0.gguf"},
	    {"Llama", 3869952, "f32", "Llama-3.9M-F32.gguf"},
	    {"a/b/c", 3869952, "f32", "b-c-3.9M-F32.gguf"},
	    {"../../etc", 3869952, "f16", "etc-3.9M-F16.gguf"},
	    {".hidden", 3869952, "f16", "hidden-3.9M-F16.gguf"},
	    {"x\ny\x7fz:{type}", 3869952, "f16", "x-y-z--type--3.9M-F16.gguf"},
	    {"", 3869952, "f16", "model-3.9M-F16.gguf"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_arena a = {0};
		struct fox_buf b = {0};
		struct fox_err err = {0};
		assert_fox_ok(
		    fox_naming_file(&b, fox_str_of(cases[i].name), cases[i].n_params, cases[i].type, &a, &err), &err);
		assert_string_equal(b.p, cases[i].file);
		assert_null(strchr(b.p, '/'));
		fox_buf_free(&b);
		fox_arena_free(&a);
	}
}

/* A name that a stranger wrote may be as long as it likes, and may end in the middle of a character when cut. */
static void long_names_are_cut_between_characters(void **state)
{
	(void)state;
	char name[1001] = {0};
	for (size_t i = 0; i + 1 < sizeof name; i++)
		name[i] = (char)(i % 2 ? 0xa9 : 0xc3);
	struct fox_arena a = {0};
	struct fox_buf b = {0};
	struct fox_err err = {0};
	fox_buf_str(&b, "dir/");
	assert_fox_ok(fox_naming_file(&b, fox_str_of(name + 2), 1000, "f16", &a, &err), &err);
	assert_true(b.n < 200);
	assert_int_equal(fox_utf8_bad(fox_buf_view(&b)), b.n);
	assert_true(fox_str_ends(fox_buf_view(&b), "-F16.gguf"));
	fox_buf_free(&b);
	/* as many words as it likes, too */
	for (size_t i = 0; i + 1 < sizeof name; i++)
		name[i] = i % 2 ? '-' : 'a';
	struct fox_naming n;
	assert_fox_ok(fox_naming_parse(&n, fox_str_of(name), 0, &a, &err), &err);
	fox_arena_free(&a);
}

static void braces_expand(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
	    {"x.gguf", "x.gguf"},
	    {"{type}/m-{TYPE}.gguf", "q8_0/m-Q8_0.gguf"},
	    {"{ftype}{{type}}{type", "{ftype}{q8_0}{type"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_buf b = {0};
		fox_naming_expand(&b, cases[i][0], "q8_0");
		assert_string_equal(b.p, cases[i][1]);
		fox_buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids_come_apart),
	    cmocka_unit_test(sizes_have_two_digits),
	    cmocka_unit_test(files_are_named_by_the_convention),
	    cmocka_unit_test(long_names_are_cut_between_characters),
	    cmocka_unit_test(braces_expand),
	};
	return cmocka_run_group_tests_name("naming", tests, NULL, NULL);
}
