/* recipe.h - which type each tensor of a quantized file gets: mixtures, rules, fallbacks.
 *
 * The choices are llama-quantize's, for every file type, also for those that fox has no quantizer for: a file
 * made with the same options has the same types. spec/recipe.md says where and why they differ.
 * source: llama.cpp src/llama-quant.cpp (tensor_allows_quantization, llama_tensor_get_type, tensor_type_fallback),
 * tools/quantize/quantize.cpp (options) at the commit that tests/reference/make_mix_golden.py names */
#ifndef FOX_RECIPE_H
#define FOX_RECIPE_H

#include "format/ftype.h"
#include "format/gguf.h"

/* ---- rules: REGEX=TYPE */

struct fox_rules; /* a list of rules; the first one that matches a name decides */

enum fox_status fox_rules_open(struct fox_rules **out, struct fox_err *err) FOX_MUST_CHECK;
void fox_rules_close(struct fox_rules *r); /* NULL is fine */

/*
 * fox_rules_add - append one rule, as --tensor-type gives it
 *
 * text    REGEX=TYPE, cut at the first '='. The expression is found anywhere in a name (ECMAScript's syntax, run by
 *         PCRE2); its letters are made lower case except behind a backslash. TYPE: a name of format/type.h in any
 *         case
 * errors  FOX_E_ARG, naming the rule: no '=', nothing before or behind it, an expression that does not compile, a
 *         type that does not exist (with names near it) or that weights are not stored in (integers, f64, q8_1, q8_k)
 *         FOX_E_NOMEM
 */
enum fox_status fox_rules_add(struct fox_rules *r, struct fox_str text, struct fox_err *err) FOX_MUST_CHECK;

/* Append the rules of a file (--tensor-type-file): separated by blanks or newlines; a word that begins with '#' starts
 * a comment up to the end of its line. errors: those of fox_rules_add with file and line; FOX_E_IO, FOX_E_BOUND (over
 * 1 MiB), FOX_E_FORMAT (not UTF-8) */
enum fox_status fox_rules_add_file(struct fox_rules *r, const char *path, struct fox_err *err) FOX_MUST_CHECK;

size_t fox_rules_count(const struct fox_rules *r);                  /* 0 for NULL */
struct fox_str fox_rules_text(const struct fox_rules *r, size_t i); /* as given; i < count */
enum fox_type fox_rules_type(const struct fox_rules *r, size_t i);

/* The first rule that matches a name (well-formed UTF-8), or SIZE_MAX. One thread at a time. errors FOX_E_UNSUPPORTED: a match that takes too many steps, naming
 * the rule; FOX_E_NOMEM */
enum fox_status fox_rules_find(
    const struct fox_rules *r, struct fox_str name, size_t *rule, struct fox_err *err) FOX_MUST_CHECK;

/* A type by the name a user gives (any case), for --output-tensor-type and --token-embedding-type. errors as for TYPE in
 * fox_rules_add */
enum fox_status fox_recipe_parse_type(
    struct fox_str name, enum fox_type *out, struct fox_err *err) FOX_MUST_CHECK;

/* ---- recipe */

struct fox_recipe {
	const struct fox_ftype *ftype;
	bool pure;           /* the base type for everything: no mixture */
	bool leave_output;   /* output.weight keeps its type */
	bool has_importance; /* an importance matrix is given, whatever it covers: some mixtures ask */
	enum fox_type
	    output_type; /* of output.weight, and of a tied embedding; FOX_TYPE_LIMIT: as the mixture says */
	enum fox_type embed_type;      /* of the token embeddings; FOX_TYPE_LIMIT: likewise */
	const struct fox_rules *rules; /* NULL: none */
};

/* A recipe without options. ftype is not NULL. */
struct fox_recipe fox_recipe_of(const struct fox_ftype *ftype);

/*
 * fox_recipe_check - can this build make what the recipe names?
 *
 * errors  FOX_E_UNSUPPORTED: "iq2_xs: fox reads it but does not quantize to it", with the rule or option that names it.
 *         Types that a mixture names are of the same kind as its base.
 */
enum fox_status fox_recipe_check(const struct fox_recipe *r, struct fox_err *err) FOX_MUST_CHECK;

/* Is there a quantizer (or cast) to the type in this build? */
bool fox_recipe_makes(enum fox_type type);

/* ---- facts about the model */

/* Zero what is unknown: layers and experts are then found from tensor names and shapes, heads from the rows of the first
 * layer's Q and K. */
struct fox_recipe_model {
	struct fox_str arch;          /* general.architecture; p NULL or n 0: unknown */
	uint64_t n_layers;            /* ARCH.block_count */
	uint64_t n_experts;           /* ARCH.expert_count */
	uint64_t n_heads, n_kv_heads; /* of the first layer: ARCH.attention.head_count, head_count_kv */
	bool heads_given;             /* the two are facts even when 0: a first layer without attention */
};

/* The facts as a container's keys state them; of any architecture. Keys of an odd type count as absent. The name borrows
 * from g. */
void fox_recipe_model_gguf(struct fox_recipe_model *out, const struct fox_gguf *g);

/* ---- choice */

struct fox_recipe_tensor {
	struct fox_str name; /* well-formed UTF-8, as every reader here hands it out */
	enum fox_type type;  /* that it has now, and keeps when it is not quantized */
	uint32_t n_dims;     /* 1..4 */
	uint64_t dim[4];     /* dim[0] is contiguous (columns); what lies past n_dims is not looked at */
};

enum fox_recipe_why {
	FOX_WHY_COPY,   /* kept: nothing is quantized */
	FOX_WHY_VECTOR, /* kept: fewer than two dimensions above 1 */
	FOX_WHY_NAME,   /* kept: no weight matrix by its name (a bias, a norm) */
	FOX_WHY_SMALL,  /* kept: by its name small or sensitive (expert router, convolution, positions) */
	FOX_WHY_LEFT,   /* kept: --leave-output-tensor */
	FOX_WHY_BASE,   /* base type of the file type */
	FOX_WHY_MIX,    /* another type, by the mixture */
	FOX_WHY_RULE,   /* a rule: choice.rule */
	FOX_WHY_OUTPUT, /* --output-tensor-type */
	FOX_WHY_EMBED,  /* --token-embedding-type */
	FOX_WHY_COUNT
};

struct fox_recipe_choice {
	enum fox_type type;
	enum fox_type wanted;    /* differs from type where columns are no multiple of its block */
	enum fox_recipe_why why; /* of `wanted` */
	size_t rule;             /* FOX_WHY_RULE; else SIZE_MAX */
	bool needs_importance;   /* must not be quantized without importance (unless it has the type already) */
};

struct fox_recipe_count {
	size_t kept, fell_back, needs_importance; /* needs_importance: of those whose type changes */
	size_t by_rule;
};

/*
 * fox_recipe_types - choose a type for every tensor
 *
 * out      [n], in the order of `t`, overwritten; partly on failure
 * count    NULL: not asked for
 * t        in any order: mixtures that count layers count them as llama-quantize does, by layer number and then by name,
 *          whatever the order of the file
 * errors   FOX_E_NOMEM; FOX_E_UNSUPPORTED from a rule's expression
 * time     n log n, times the number of rules
 */
enum fox_status fox_recipe_types(struct fox_recipe_choice *out, struct fox_recipe_count *count,
    const struct fox_recipe *r, const struct fox_recipe_model *model, const struct fox_recipe_tensor *t,
    size_t n, struct fox_err *err) FOX_MUST_CHECK;

/* For reports: "norm, bias or the like", "rule 'attn_v=q8_0'"... buf is used for what is not constant. */
const char *fox_recipe_why_text(
    const struct fox_recipe *r, const struct fox_recipe_choice *c, char *buf, size_t n);

#endif
