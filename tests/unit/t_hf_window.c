/* t_hf_window.c - which layers see only a window: by each family's own fields, by 'layer_types', and where these
 * contradict each other. */
#include "tests/test.h"

#include "convert/hf_window.h"

/* "wwf": the first two layers have a window. window 0: none at all. */
static void is(const struct fox_arch *arch, uint32_t n_layers, const char *text, uint32_t window, const char *layers)
{
	struct fox_err err = {0};
	struct fox_json *json;
	struct fox_hparams h = {.n_layers = n_layers};
	memset(h.windowed, 1, sizeof h.windowed); /* what was there before does not show */
	h.window = 77;
	assert_fox_ok(fox_json_parse(&json, fox_str_of(text), &err), &err);
	assert_fox_ok(fox_hf_window_read(&h, arch, fox_json_root(json), &err), &err);
	if (h.window != window)
		fail_msg("%s gives a window of %u, want %u", text, h.window, window);
	for (uint32_t l = 0; layers[l]; l++) {
		if (fox_hparams_window(&h, l) != (layers[l] == 'w' ? window : 0))
			fail_msg("%s gives layer %u a window of %u", text, l, fox_hparams_window(&h, l));
	}
	fox_json_close(json);
}

static void refused(
    const struct fox_arch *arch, const char *json_text, enum fox_status code, const char *text)
{
	struct fox_err err = {0};
	struct fox_json *json;
	struct fox_hparams h = {.n_layers = 3};
	assert_fox_ok(fox_json_parse(&json, fox_str_of(json_text), &err), &err);
	assert_int_equal(fox_hf_window_read(&h, arch, fox_json_root(json), &err), code);
	assert_fox_err(&err, code, FOX_NOWHERE, text);
	assert_int_equal(fox_hf_window_read(&h, arch, fox_json_root(json), NULL), code);
	fox_json_close(json);
}

#define FULL "\"full_attention\""
#define SEEN "\"sliding_attention\""
#define TYPES(a, b, c) "\"layer_types\": [" a ", " b ", " c "]"

static void families_without(void **state)
{
	(void)state;
	static const struct fox_arch *const archs[] = {&fox_arch_llama, &fox_arch_gemma, &fox_arch_stablelm,
	    &fox_arch_openelm, &fox_arch_olmo2, &fox_arch_bloom, &fox_arch_gpt2};
	for (size_t i = 0; i < FOX_COUNT(archs); i++) {
		const struct fox_arch *a = archs[i];
		is(a, 3, "{}", 0, "fff");
		is(a, 3, "{\"sliding_window\": null, \"use_sliding_window\": false, \"max_window_layers\": null}", 0, "fff");
		is(a, 3, "{" TYPES(FULL, FULL, FULL) "}", 0, "fff");
		refused(a, "{\"sliding_window\": 4096}", FOX_E_UNSUPPORTED,
		    "'sliding_window' is 4096, which is not handled");
		refused(a, "{\"sliding_window\": 0}", FOX_E_UNSUPPORTED, "'sliding_window' is 0, which is not handled");
		refused(a, "{\"use_sliding_window\": true}", FOX_E_UNSUPPORTED,
		    "'use_sliding_window' is true, which is not handled");
		refused(a, "{\"max_window_layers\": 28}", FOX_E_UNSUPPORTED,
		    "'max_window_layers' is 28, which is not handled");
		refused(a, "{\"sliding_window_pattern\": 2}", FOX_E_UNSUPPORTED,
		    "'sliding_window_pattern' is 2, which is not handled");
		refused(a, "{\"_sliding_window_pattern\": 6}", FOX_E_UNSUPPORTED,
		    "'_sliding_window_pattern' is 6, which is not handled");
		refused(a, "{" TYPES(FULL, SEEN, FULL) "}", FOX_E_FORMAT,
		    "layers with 'sliding_attention', but no 'sliding_window' is in use");
	}
	/* a number of layers that nobody has checked yet */
	is(&fox_arch_llama, UINT32_MAX, "{}", 0, "fff");
}

static void all_layers(void **state)
{
	(void)state;
	const struct fox_arch *m = &fox_arch_mistral, *p = &fox_arch_phi3;
	is(m, 3, "{}", 4096, "www"); /* the class's own */
	is(p, 3, "{}", 0, "fff");
	for (int i = 0; i < 2; i++) {
		const struct fox_arch *a = i ? p : m;
		is(a, 3, "{\"sliding_window\": null}", 0, "fff");
		is(a, 3, "{\"sliding_window\": 8}", 8, "www");
		is(a, 3, "{\"sliding_window\": 8, \"use_sliding_window\": null}", 8, "www");
		is(a, 3, "{\"sliding_window\": 8, " TYPES(SEEN, SEEN, SEEN) "}", 8, "www");
		is(a, 3, "{\"sliding_window\": null, " TYPES(FULL, FULL, FULL) "}", 0, "fff");
		refused(a, "{\"sliding_window\": 0}", FOX_E_FORMAT, "'sliding_window' is 0, want 1 to 4294967295");
		refused(a, "{\"sliding_window\": 8.5}", FOX_E_FORMAT, "'sliding_window' is a fraction, want an integer");
		refused(a, "{\"sliding_window\": 8, " TYPES(SEEN, FULL, SEEN) "}", FOX_E_UNSUPPORTED,
		    "'layer_types[1]' is 'full_attention', but this class has its window in every layer");
		refused(a, "{\"sliding_window\": null, " TYPES(SEEN, SEEN, SEEN) "}", FOX_E_FORMAT,
		    "layers with 'sliding_attention', but no 'sliding_window' is in use");
		refused(a, "{\"sliding_window\": 8, \"use_sliding_window\": true}", FOX_E_UNSUPPORTED,
		    "'use_sliding_window' is true, which is not handled");
		refused(a, "{\"sliding_window\": 8, \"sliding_window_pattern\": 2}", FOX_E_UNSUPPORTED,
		    "'sliding_window_pattern' is 2, which is not handled");
	}
}

static void by_switch(void **state)
{
	(void)state;
	static const struct fox_arch *const archs[] = {&fox_arch_qwen2, &fox_arch_qwen3};
	for (size_t i = 0; i < FOX_COUNT(archs); i++) {
		const struct fox_arch *a = archs[i];
		is(a, 3, "{}", 0, "fff");
		is(a, 3, "{\"sliding_window\": 8, \"max_window_layers\": 1}", 0, "fff");
		is(a, 3, "{\"sliding_window\": 8, \"use_sliding_window\": false, \"max_window_layers\": 1}", 0, "fff");
		is(a, 3, "{\"sliding_window\": 8, \"use_sliding_window\": true, \"max_window_layers\": 1}", 8, "fww");
		is(a, 3, "{\"sliding_window\": 8, \"use_sliding_window\": true, \"max_window_layers\": 0}", 8, "www");
		is(a, 3, "{\"sliding_window\": 8, \"use_sliding_window\": true, \"max_window_layers\": 3}", 0, "fff");
		is(a, 3, "{\"use_sliding_window\": true, \"max_window_layers\": 2}", 4096, "ffw");
		is(a, 3, "{\"sliding_window\": null, \"use_sliding_window\": true, \"max_window_layers\": 1}", 0, "fff");
		/* the classes' own 28 */
		is(a, 30, "{\"sliding_window\": 8, \"use_sliding_window\": true}", 8, "ffffffffffffffffffffffffffffww");
		/* the list has the last word, as in the classes */
		is(a, 3, "{\"sliding_window\": 8, \"use_sliding_window\": true, " TYPES(SEEN, FULL, FULL) "}", 8, "wff");
		is(a, 3,
		    "{\"sliding_window\": 8, \"use_sliding_window\": true, \"max_window_layers\": 0, " TYPES(
		        FULL, FULL, FULL) "}",
		    0, "fff");
		refused(a, "{\"sliding_window\": 8, " TYPES(SEEN, FULL, FULL) "}", FOX_E_FORMAT,
		    "layers with 'sliding_attention', but no 'sliding_window' is in use");
		refused(a, "{\"use_sliding_window\": 1}", FOX_E_FORMAT,
		    "'use_sliding_window' is an integer, want a boolean");
		refused(a, "{\"max_window_layers\": -1}", FOX_E_FORMAT,
		    "'max_window_layers' is -1, want 1 to 4294967295");
		refused(a, "{\"max_window_layers\": \"21\"}", FOX_E_FORMAT,
		    "'max_window_layers' is a string, want an integer");
		refused(a, "{\"_sliding_window_pattern\": 2}", FOX_E_UNSUPPORTED,
		    "'_sliding_window_pattern' is 2, which is not handled");
	}
}

static void by_period(void **state)
{
	(void)state;
	const struct fox_arch *a = &fox_arch_gemma2, *b = &fox_arch_gemma3;
	is(a, 5, "{}", 4096, "wfwfw");
	is(a, 5, "{\"sliding_window\": 8}", 8, "wfwfw");
	is(b, 13, "{\"sliding_window\": 512}", 512, "wwwwwfwwwwwfw");
	is(b, 7, "{\"sliding_window\": 8, \"sliding_window_pattern\": 3}", 8, "wwfwwfw");
	is(b, 7, "{\"sliding_window\": 8, \"_sliding_window_pattern\": 6}", 8, "wwwwwfw");
	is(b, 7, "{\"sliding_window\": 8, \"_sliding_window_pattern\": 3, \"sliding_window_pattern\": 3}", 8, "wwfwwfw");
	is(b, 3, "{\"sliding_window\": 8, \"sliding_window_pattern\": 1}", 0, "fff");
	is(b, 3, "{\"sliding_window\": 8, " TYPES(FULL, SEEN, FULL) "}", 8, "fwf");
	is(b, 3, "{\"sliding_window\": 8, " TYPES(FULL, FULL, FULL) "}", 0, "fff");
	is(a, 3, "{\"sliding_window\": null, " TYPES(FULL, FULL, FULL) "}", 0, "fff");
	is(a, 3, "{\"sliding_window\": 8, \"layer_types\": null}", 8, "wfw");
	refused(a, "{\"sliding_window\": null}", FOX_E_UNSUPPORTED,
	    "layers with 'sliding_attention', but no 'sliding_window' is in use");
	refused(b, "{\"sliding_window\": 8, \"sliding_window_pattern\": 0}", FOX_E_FORMAT,
	    "'sliding_window_pattern' is 0, want 1 to 4294967295");
	refused(b, "{\"sliding_window\": 8, \"_sliding_window_pattern\": 3, \"sliding_window_pattern\": 6}", FOX_E_FORMAT,
	    "'_sliding_window_pattern' is 3, but 'sliding_window_pattern' is 6");
	/* the class writes this name, but goes by the other one, or by its own 6 */
	refused(b, "{\"sliding_window\": 8, \"_sliding_window_pattern\": 3}", FOX_E_FORMAT,
	    "'_sliding_window_pattern' is 3, but 'sliding_window_pattern' is 6");
	refused(b, "{\"use_sliding_window\": true}", FOX_E_UNSUPPORTED,
	    "'use_sliding_window' is true, which is not handled");
}

static void lists(void **state)
{
	(void)state;
	static const struct fox_arch *const archs[] = {
	    &fox_arch_llama, &fox_arch_mistral, &fox_arch_qwen3, &fox_arch_gemma3};
	static const struct {
		const char *json;
		enum fox_status code;
		const char *text;
	} cases[] = {
	    {"{\"layer_types\": \"full_attention\"}", FOX_E_FORMAT, "'layer_types' is a string, want an array"},
	    {"{\"layer_types\": [" FULL "]}", FOX_E_FORMAT,
	        "'layer_types' has 1 elements, want one for each of 3 layers"},
	    {"{\"layer_types\": [" FULL ", " FULL ", " FULL ", " FULL "]}", FOX_E_FORMAT,
	        "'layer_types' has 4 elements, want one for each of 3 layers"},
	    {"{" TYPES(FULL, FULL, "\"chunked_attention\"") "}", FOX_E_UNSUPPORTED,
	        "'layer_types[2]' is 'chunked_attention', which is not handled (handled: full_attention, "
	        "sliding_attention)"},
	    {"{" TYPES("[" FULL "]", FULL, FULL) "}", FOX_E_UNSUPPORTED,
	        "'layer_types[0]' is an array, which is not handled (handled: full_attention, sliding_attention)"},
	    {"{" TYPES(FULL, "null", FULL) "}", FOX_E_UNSUPPORTED,
	        "'layer_types[1]' is null, which is not handled (handled: full_attention, sliding_attention)"},
	};
	for (size_t i = 0; i < FOX_COUNT(archs); i++)
		for (size_t k = 0; k < FOX_COUNT(cases); k++)
			refused(archs[i], cases[k].json, cases[k].code, cases[k].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(families_without),
	    cmocka_unit_test(all_layers),
	    cmocka_unit_test(by_switch),
	    cmocka_unit_test(by_period),
	    cmocka_unit_test(lists),
	};
	return cmocka_run_group_tests_name("hf_window", tests, NULL, NULL);
}
