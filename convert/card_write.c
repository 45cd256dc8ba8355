/* card_write.c - tables of facts in Markdown. */
#include "convert/card_write.h"

#include "convert/pack_say.h"
#include "format/profile.h"

enum { MAX_TEXT = 500, MAX_SOURCES = 1000 };

void fox_card_text(struct fox_buf *out, struct fox_str s, size_t max_bytes)
{
	struct fox_buf plain = {0};
	fox_buf_escaped(&plain, s, max_bytes); /* one line, without controls */
	for (size_t i = 0; i < plain.n; i++) {
		char c = plain.p[i];
		/* any punctuation may be escaped; without '.', '-', ':' and '/' what is ordinary stays readable, and none of
		 * these begins anything inside a line */
		if (strchr("\\`*_{}[]<>()#!|~&$", c))
			fox_buf_char(out, '\\');
		fox_buf_char(out, c);
	}
	out->failed |= plain.failed;
	fox_buf_free(&plain);
}

static void row_text(struct fox_buf *b, const char *label, struct fox_str s)
{
	if (!s.n)
		return;
	fox_buf_fmt(b, "| %s | ", label);
	fox_card_text(b, s, MAX_TEXT);
	fox_buf_str(b, " |\n");
}

static void row_count(struct fox_buf *b, const char *label, uint64_t v)
{
	if (!v)
		return;
	fox_buf_fmt(b, "| %s | ", label);
	fox_buf_count(b, v);
	fox_buf_str(b, " |\n");
}

/* "apache-2.0", "llama3.1": an identifier that front matter may hold as it is. */
static bool is_identifier(struct fox_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '+' && c != '-')
			return false;
	}
	return s.n && s.n <= 64;
}

static void add_front(struct fox_buf *b, const struct fox_payload *p)
{
	struct fox_str license = p->facts.text[FOX_FACT_LICENSE];
	fox_buf_str(b, "---\n");
	if (is_identifier(license))
		fox_buf_fmt(b, "license: \"%.*s\"\n", FOX_STR_ARG(license));
	fox_buf_str(b, "library_name: gguf\ntags:\n- gguf\n---\n\n# ");
	fox_card_text(b, p->facts.text[FOX_FACT_NAME].n ? p->facts.text[FOX_FACT_NAME] : p->name, MAX_TEXT);
	fox_buf_str(b, "\n\nMade by fox " FOX_VERSION " from what the model's files say of themselves.\n");
}

static void add_model(struct fox_buf *b, const struct fox_payload *p)
{
	const struct fox_facts *f = &p->facts;
	fox_buf_str(b, "\n## Model\n\n| | |\n|---|---|\n");
	row_text(b, "architecture", f->arch);
	row_count(b, "parameters", f->n_params);
	if (f->has_ftype)
		row_text(b, "file type", fox_str_of(f->ftype));
	if (f->n_params) /* to a thousandth, rounded down: no floating point, which a locale might show otherwise */
		fox_buf_fmt(b, "| bits per weight | %llu.%03llu |\n",
		    (unsigned long long)(f->data_bytes * 8 / f->n_params),
		    (unsigned long long)(f->data_bytes * 8 % f->n_params * 1000 / f->n_params));
	row_count(b, "tensors", f->n_tensors);
	row_count(b, "context", f->context);
	row_count(b, "layers", f->layers);
	row_count(b, "embedding", f->embedding);
	row_text(b, "tokenizer", f->tok_model);
	row_text(b, "pre-tokenizer", f->tok_pre);
	row_count(b, "tokens", f->n_vocab);
	if (f->n_vocab)
		row_text(b, "chat template", fox_str_of(f->chat_template ? "in the model's file" : "none"));
	for (int i = 0; i < FOX_FACTS; i++)
		if (i != FOX_FACT_LICENSE && i != FOX_FACT_LICENSE_NAME && i != FOX_FACT_LICENSE_LINK)
			row_text(b, fox_fact_label(i), f->text[i]);
	if (!f->n_tensors)
		return;
	fox_buf_str(b, "\n| type | tensors | parameters | bytes |\n|---|---:|---:|---:|\n");
	for (uint32_t t = 0; t < FOX_TYPE_LIMIT; t++) {
		const struct fox_type_info *info = fox_type_info(t);
		if (!f->types[t].n_tensors || !info)
			continue;
		fox_buf_fmt(b, "| %s | ", info->name);
		fox_buf_count(b, f->types[t].n_tensors);
		fox_buf_str(b, " | ");
		fox_buf_count(b, f->types[t].n_params);
		fox_buf_str(b, " | ");
		fox_buf_count(b, f->types[t].bytes);
		fox_buf_str(b, " |\n");
	}
}

static void add_license(struct fox_buf *b, const struct fox_payload *p)
{
	const struct fox_facts *f = &p->facts;
	fox_buf_str(b, "\n## Licence\n\n");
	if (f->text[FOX_FACT_LICENSE].n || f->text[FOX_FACT_LICENSE_NAME].n || f->text[FOX_FACT_LICENSE_LINK].n) {
		fox_buf_str(b, "| | |\n|---|---|\n");
		row_text(b, "identifier", f->text[FOX_FACT_LICENSE]);
		row_text(b, "name", f->text[FOX_FACT_LICENSE_NAME]);
		row_text(b, "link", f->text[FOX_FACT_LICENSE_LINK]);
		fox_buf_char(b, '\n');
	} else {
		fox_buf_str(b, "The model's file names none.\n");
	}
	fox_buf_fmt(
	    b, "%s\n", p->license_from ? "Its text is in LICENSE." : "No text of a licence came with the model.");
}

static void add_files(struct fox_buf *b, const struct fox_payload *p)
{
	fox_buf_str(b, "\n## Files\n\n| file | bytes |\n|---|---:|\n");
	for (size_t i = 0; i < p->n; i++) {
		if (p->list[i].role == FOX_PAYLOAD_CARD)
			continue; /* it cannot know its own size */
		fox_buf_str(b, "| ");
		fox_card_text(b, p->list[i].name, SIZE_MAX);
		fox_buf_str(b, " | ");
		fox_buf_count(b, p->list[i].bytes);
		fox_buf_str(b, " |\n");
	}
}

static void row_hash(struct fox_buf *b, const char *what, struct fox_str file, const uint8_t hash[16])
{
	char hex[FOX_HASH128_HEX + 1];
	fox_hex(hex, hash, 16);
	fox_buf_fmt(b, "| %s", what);
	if (file.n)
		fox_buf_str(b, " of ");
	fox_card_text(b, file, SIZE_MAX);
	fox_buf_fmt(b, " | `%s` |\n", hex);
}

static void add_hashes(struct fox_buf *b, const struct fox_payload *p)
{
	bool any = false;
	struct fox_hash128 root;
	for (size_t i = p->first_model; i < p->first_model + p->n_model; i++) {
		const struct fox_gguf *g = p->list[i].part;
		if (fox_profile_state(g) != FOX_HASH_OK || fox_profile_root(g, &root, NULL))
			continue;
		if (!any)
			fox_buf_str(b, "\n## Hashes\n\nThe files carry them; XXH3-128.\n\n| | |\n|---|---|\n");
		row_hash(b, "root", p->list[i].name, root.b);
		if (i + 1 == p->first_model + p->n_model)
			row_hash(b, "set", fox_str_of(""), fox_gguf_find_key(g, FOX_KEY_HASH_SET)->raw.p);
		any = true;
	}
	if (!any)
		fox_buf_str(b, "\n## Hashes\n\nThe model's files carry no hashes of their own, or another tool "
		               "changed them since.\n");
}

static void add_sources(struct fox_buf *b, const struct fox_gguf *g)
{
	const struct fox_gguf_kv *names = fox_gguf_find_key(g, FOX_KEY_SRC_NAMES),
	                         *sizes = fox_gguf_find_key(g, FOX_KEY_SRC_SIZES),
	                         *sums = fox_gguf_find_key(g, FOX_KEY_SRC_SHA256);
	uint64_t at = 0, at_sum = 0, bytes;
	struct fox_str name, sum;
	if (!names || names->type != FOX_GGUF_ARR || names->item != FOX_GGUF_STR || !names->n_items)
		return;
	fox_buf_str(b, "\n| source file | bytes | SHA-256 |\n|---|---:|---|\n");
	for (uint64_t i = 0; i < MAX_SOURCES && fox_gguf_next_str(g, names, &at, &name); i++) {
		fox_buf_str(b, "| ");
		fox_card_text(b, name, MAX_TEXT);
		fox_buf_str(b, " | ");
		if (sizes && i < sizes->n_items && fox_gguf_item_u64(g, sizes, i, &bytes))
			fox_buf_count(b, bytes);
		fox_buf_str(b, " | ");
		if (sums && sums->item == FOX_GGUF_STR && fox_gguf_next_str(g, sums, &at_sum, &sum))
			fox_card_text(b, sum, FOX_SHA256_HEX);
		fox_buf_str(b, " |\n");
	}
	if (names->n_items > MAX_SOURCES)
		fox_buf_fmt(b, "\nand %llu more.\n", (unsigned long long)(names->n_items - MAX_SOURCES));
}

static void add_origin(struct fox_buf *b, const struct fox_gguf *g)
{
	static const struct {
		const char *key, *label;
	} rows[] = {
	    {FOX_KEY_VERSION, "written by fox"},
	    {FOX_KEY_OPTIONS, "converted with"},
	    {FOX_KEY_QUANTIZE_OPTIONS, "quantized with"},
	    {FOX_KEY_QUANTIZE_ROOT, "root hash of what was quantized"},
	    {FOX_KEY_SRC_REVISION, "revision of the source"},
	};
	size_t before = b->n, n_rows = 0;
	fox_buf_str(b, "\n## Where it comes from\n\n| | |\n|---|---|\n");
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_str s = fox_facts_str(g, rows[i].key);
		row_text(b, rows[i].label, s);
		n_rows += s.n != 0;
	}
	if (!n_rows && !b->failed)
		b->p[b->n = before] = 0;
	add_sources(b, g);
}

void fox_card_write(struct fox_buf *out, const struct fox_payload *p, const char *how_to_check)
{
	add_front(out, p);
	add_model(out, p);
	add_license(out, p);
	add_files(out, p);
	add_hashes(out, p);
	add_origin(out, p->g);
	if (how_to_check)
		fox_buf_fmt(out, "\n## How to check it\n\n%s", how_to_check);
}
