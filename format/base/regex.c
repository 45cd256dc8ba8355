/* regex.c - PCRE2 behind one door. See regex.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "format/base/regex.h"

#include <pcre2.h>
#include <stdlib.h>

/* The JIT's stack: what a group that repeats needs per turn. Published expressions need next to nothing. */
#define JIT_STACK_MAX (16u << 20)
#define STEPS_MIN 10000000u /* PCRE2's own default limit; longer texts get more */

struct fox_regex {
	pcre2_code *code;
	bool jit;
};

struct fox_matcher {
	pcre2_match_data *data;
	pcre2_match_context *ctx;
	pcre2_jit_stack *stack;
	uint32_t limit; /* steps now allowed */
};

static uint32_t pcre2_flags(uint32_t flags)
{
	uint32_t f = PCRE2_UTF;
	if (flags & FOX_REGEX_LITERAL)
		return f | PCRE2_LITERAL;
	f |= PCRE2_NEVER_BACKSLASH_C;
	if (flags & FOX_REGEX_MULTILINE)
		f |= PCRE2_MULTILINE;
	if (flags & FOX_REGEX_ECMA)
		f |= PCRE2_ALT_BSUX | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF;
	return f;
}

enum fox_status fox_regex_open(
    struct fox_regex **out, struct fox_str text, uint32_t flags, struct fox_err *err)
{
	int code;
	PCRE2_SIZE at;
	struct fox_regex *re = calloc(1, sizeof *re);
	pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
	enum fox_status s = FOX_OK;
	*out = NULL;
	if (!re || !ctx || pcre2_set_newline(ctx, PCRE2_NEWLINE_LF)) {
		s = fox_fail_nomem(err);
	} else {
		re->code = pcre2_compile((PCRE2_SPTR)text.p, text.n, pcre2_flags(flags), &code, &at, ctx);
		if (!re->code) {
			PCRE2_UCHAR why[160] = {0};
			pcre2_get_error_message(code, why, sizeof why);
			s = code == PCRE2_ERROR_HEAP_FAILED
			        ? fox_fail_nomem(err)
			        : fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "regex: %s", (const char *)why);
		}
	}
	pcre2_compile_context_free(ctx);
	if (s) {
		free(re);
		return s;
	}
	/* without JIT (a system that forbids code in memory) matching is slower and finds the same */
	re->jit = !pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
	*out = re;
	return FOX_OK;
}

void fox_regex_close(struct fox_regex *re)
{
	if (!re)
		return;
	pcre2_code_free(re->code);
	free(re);
}

const char *fox_regex_version(void)
{
	static char text[80] = "PCRE2: ";
	if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) <= 64)
		pcre2_config(PCRE2_CONFIG_VERSION, text + strlen("PCRE2: "));
	return text;
}

struct fox_matcher *fox_matcher_open(void)
{
	struct fox_matcher *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->data = pcre2_match_data_create(1, NULL);
	m->ctx = pcre2_match_context_create(NULL);
	m->stack = pcre2_jit_stack_create(32u << 10, JIT_STACK_MAX, NULL);
	if (!m->data || !m->ctx || !m->stack) {
		fox_matcher_close(m);
		return NULL;
	}
	pcre2_jit_stack_assign(m->ctx, NULL, m->stack);
	return m;
}

void fox_matcher_close(struct fox_matcher *m)
{
	if (!m)
		return;
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->ctx);
	pcre2_jit_stack_free(m->stack);
	free(m);
}

static enum fox_status match_error(int code, struct fox_err *err)
{
	PCRE2_UCHAR why[160] = {0};
	if (code == PCRE2_ERROR_NOMEMORY)
		return fox_fail_nomem(err);
	pcre2_get_error_message(code, why, sizeof why);
	return fox_fail(
	    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "regex: gave up on this text (%s)", (const char *)why);
}

/* A run of blanks is walked back once, so the steps allowed grow with the text; what is exponential still ends. */
static void allow_steps(struct fox_matcher *m, size_t n)
{
	uint32_t limit = n > (UINT32_MAX - STEPS_MIN) / 16 ? UINT32_MAX : STEPS_MIN + 16 * (uint32_t)n;
	if (limit == m->limit)
		return;
	m->limit = limit;
	pcre2_set_match_limit(m->ctx, limit);
}

enum fox_status fox_regex_find(const struct fox_regex *re, struct fox_matcher *m, struct fox_str text,
    size_t at, bool *found, size_t *from, size_t *to, struct fox_err *err)
{
	PCRE2_SPTR p = (PCRE2_SPTR)text.p;
	allow_steps(m, text.n);
	int rc = re->jit ? pcre2_jit_match(re->code, p, text.n, at, PCRE2_NO_UTF_CHECK, m->data, m->ctx)
	                 : pcre2_match(re->code, p, text.n, at, PCRE2_NO_UTF_CHECK, m->data, m->ctx);
	*found = rc >= 0;
	if (rc == PCRE2_ERROR_NOMATCH)
		return FOX_OK;
	if (rc < 0)
		return match_error(rc, err);
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(m->data);
	*from = v[0];
	*to = v[1];
	return FOX_OK;
}
