/* naming.c - words of an id are marked by what they look like, then collected by mark. */
#include "convert/naming.h"

#include <math.h>
#include <stdio.h>

enum { MAX_WORDS = 64, MAX_NAME = 160 };

enum mark { BASENAME = 1, SIZE = 2, FINETUNE = 4, VERSION = 8, TYPE = 16 };

struct word {
	struct fox_str text;
	unsigned marks;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static bool same_word(struct fox_str s, const char *word)
{
	size_t i = 0;
	for (; i < s.n && word[i]; i++)
		if (lower(s.p[i]) != word[i])
			return false;
	return i == s.n && !word[i];
}

static bool one_of(struct fox_str s, const char *const *words)
{
	for (; *words; words++)
		if (same_word(s, *words))
			return true;
	return false;
}

static size_t digits(struct fox_str s, size_t i)
{
	while (i < s.n && is_digit(s.p[i]))
		i++;
	return i;
}

/* (v|iter)?D+(.D+)*, any case */
static bool looks_like_version(struct fox_str s)
{
	size_t i = 0;
	if (s.n >= 4 && same_word((struct fox_str){s.p, 4}, "iter"))
		i = 4;
	else if (s.n && lower(s.p[0]) == 'v')
		i = 1;
	for (;;) {
		size_t end = digits(s, i);
		if (end == i)
			return false;
		if (end == s.n)
			return true;
		if (s.p[end] != '.')
			return false;
		i = end + 1;
	}
}

/* i?qD(_w)*, or b?fp?(16|32), any case */
static bool looks_like_type(struct fox_str s)
{
	static const char *const floats[] = {
	    "f16", "f32", "fp16", "fp32", "bf16", "bf32", "bfp16", "bfp32", NULL};
	if (one_of(s, floats))
		return true;
	size_t i = s.n && lower(s.p[0]) == 'i';
	if (s.n < i + 2 || lower(s.p[i]) != 'q' || !is_digit(s.p[i + 1]))
		return false;
	for (i += 2; i < s.n; i += 2)
		if (s.p[i] != '_' || i + 1 >= s.n ||
		    !(is_alpha(s.p[i + 1]) || is_digit(s.p[i + 1]) || s.p[i + 1] == '_'))
			return false;
	return true;
}

/* (A|D+x)? D+ ([._]D+)? [KMBT] D?   or small, mini, medium, large, xl, xxl; any case */
static bool looks_like_size(struct fox_str s)
{
	static const char *const words[] = {"small", "mini", "medium", "large", "xl", "xxl", NULL};
	if (one_of(s, words))
		return true;
	size_t i = 0, end;
	if (s.n && lower(s.p[0]) == 'a')
		i = 1;
	else if ((end = digits(s, 0)) && end < s.n && lower(s.p[end]) == 'x')
		i = end + 1;
	end = digits(s, i);
	if (end == i)
		return false;
	if (end < s.n && (s.p[end] == '.' || s.p[end] == '_')) {
		size_t more = digits(s, end + 1);
		if (more == end + 1)
			return false;
		end = more;
	}
	if (end == s.n || !strchr("kmbt", lower(s.p[end])))
		return false;
	end++;
	return end == s.n || (end + 1 == s.n && is_digit(s.p[end]));
}

/* A copy with room for two more bytes, for a word that is respelled. */
static char *copy_word(struct fox_str s, struct fox_arena *a)
{
	char *p = fox_arena_alloc(a, s.n + 3, 1);
	if (p)
		memcpy(p, s.p, s.n);
	return p;
}

/* Size words: "1_6b" -> "1.6B", "7b1" -> "7.1B"; one that is no size of this model is a context length, "32K"
 * -> "32k". */
static bool mark_size(struct word *w, uint64_t n_params, struct fox_arena *a)
{
	char *p = copy_word(w->text, a);
	size_t n = w->text.n;
	if (!p)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] == '_')
			p[i] = '.';
	if (is_digit(p[n - 1])) {
		char unit = p[n - 2], digit = p[n - 1];
		p[n - 2] = '.', p[n - 1] = digit, p[n++] = unit;
	}
	bool number = n > 1 && is_digit(p[n - 2]);
	if (number)
		p[n - 1] = upper(p[n - 1]);
	const char *units = " KMBT", *unit = number ? strchr(units, p[n - 1]) : NULL;
	double v;
	w->marks |= SIZE;
	if (n_params && unit && fox_str_f64((struct fox_str){p, n - 1}, &v)) {
		double label = v * pow(1000, (double)(unit - units));
		if (fabs(label - (double)n_params) > (double)(7 * (n_params / 8) + 7 * (n_params % 8) / 8)) {
			w->marks = FINETUNE;
			p[n - 1] = lower(p[n - 1]);
		}
	}
	w->text = (struct fox_str){p, n};
	return true;
}

static bool mark_words(struct word *w, size_t n, uint64_t n_params, struct fox_arena *a)
{
	static const char *const tunes[] = {"chat", "instruct", "vision", "lora", NULL};
	for (size_t i = 0; i < n; i++) {
		if (looks_like_version(w[i].text)) {
			w[i].marks = VERSION;
		} else if (looks_like_type(w[i].text)) {
			w[i].marks = TYPE;
		} else if (i && looks_like_size(w[i].text)) {
			if (!mark_size(&w[i], n_params, a))
				return false;
		} else if (i && one_of(w[i].text, tunes)) {
			w[i].marks = FINETUNE;
		}
	}
	return true;
}

static bool has_digit(struct fox_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_digit(s.p[i]))
			return true;
	return false;
}

/* "large" is no size where "7B" stands too. */
static void drop_size_words(struct word *w, size_t n)
{
	bool numbers = false;
	for (size_t i = 0; i < n; i++)
		numbers |= w[i].marks & SIZE && has_digit(w[i].text);
	for (size_t i = 0; numbers && i < n; i++)
		if (w[i].marks & SIZE && !has_digit(w[i].text))
			w[i].marks &= ~(unsigned)SIZE;
}

/* The basename is what the id begins with: unmarked words and versions; what is unmarked after it is
 * fine-tuning. */
static void mark_basename(struct word *w, size_t n)
{
	bool start = true;
	for (size_t i = 0; i < n; i++) {
		if (start && ((!w[i].marks && is_alpha(w[i].text.p[0])) || w[i].marks & VERSION)) {
			w[i].marks |= BASENAME;
			continue;
		}
		start = false;
		if (!w[i].marks)
			w[i].marks = FINETUNE;
	}
	for (size_t i = n; i-- && w[i].marks & BASENAME && w[i].marks != BASENAME;)
		w[i].marks &= ~(unsigned)BASENAME;
}

/* Words with `mark` (and without `not`), joined by '-'; repeated ones once when `once`. */
static bool join(struct fox_str *out, const struct word *w, size_t n, unsigned mark, unsigned not, bool once,
    struct fox_arena *a)
{
	struct fox_buf b = {0};
	for (size_t i = 0; i < n; i++) {
		if (!(w[i].marks & mark) || w[i].marks & not )
			continue;
		bool seen = false;
		for (size_t k = 0; once && k < i; k++)
			seen |= w[k].marks & mark && fox_str_eq(w[k].text, w[i].text);
		if (seen)
			continue;
		if (b.n)
			fox_buf_char(&b, '-');
		fox_buf_add(&b, w[i].text.p, w[i].text.n);
	}
	*out = (struct fox_str){"", 0};
	if (b.n && !b.failed)
		*out = (struct fox_str){fox_arena_strdup(a, fox_buf_view(&b)), b.n};
	bool ok = !b.failed && out->p;
	fox_buf_free(&b);
	return ok;
}

static size_t split(struct word *w, struct fox_str s)
{
	size_t n = 0, from = 0;
	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && (s.p[i] != '-' || n == MAX_WORDS - 1)) /* the last word takes what is left */
			continue;
		if (i > from)
			w[n++] = (struct word){{s.p + from, i - from}, 0};
		from = i + 1;
	}
	return n;
}

enum fox_status fox_naming_parse(struct fox_naming *out, struct fox_str id, uint64_t n_params,
    struct fox_arena *arena, struct fox_err *err)
{
	const struct fox_str none = {"", 0};
	*out = (struct fox_naming){id, none, none, none, none, none};
	if (memchr(id.p, ' ', id.n))
		return FOX_OK;
	const char *slash = memchr(id.p, '/', id.n);
	if (slash) {
		out->full = (struct fox_str){slash + 1, id.n - (size_t)(slash + 1 - id.p)};
		if (id.p[0] != '.')
			out->org = (struct fox_str){id.p, (size_t)(slash - id.p)};
	}
	struct word w[MAX_WORDS];
	size_t n = split(w, out->full);
	if (!mark_words(w, n, n_params, arena))
		return fox_fail_nomem(err);
	drop_size_words(w, n);
	mark_basename(w, n);
	if (!join(&out->basename, w, n, BASENAME, 0, false, arena) ||
	    !join(&out->size, w, n, SIZE, 0, true, arena) ||
	    !join(&out->finetune, w, n, FINETUNE, 0, false, arena) ||
	    !join(&out->version, w, n, VERSION, BASENAME, false, arena))
		return fox_fail_nomem(err);
	if (!out->size.n && !out->finetune.n && !out->version.n)
		out->basename = none;
	return FOX_OK;
}

/* v1, v1.5, or anything that begins with a digit keeps its spelling; so does a word with a capital. */
static bool keeps_case(struct fox_str w)
{
	bool letter = false;
	if (!w.n || is_digit(w.p[0]) || (w.p[0] == 'v' && looks_like_version(w)))
		return true;
	for (size_t i = 0; i < w.n; i++) {
		if (w.p[i] >= 'A' && w.p[i] <= 'Z')
			return true;
		letter |= is_alpha(w.p[i]);
	}
	return !letter;
}

struct fox_str fox_naming_title(struct fox_str id, struct fox_arena *arena)
{
	struct fox_buf b = {0};
	for (size_t i = 0; i < id.n;) {
		size_t from = i;
		while (i < id.n && id.p[i] != '-' && id.p[i] != ' ')
			i++;
		struct fox_str w = {id.p + from, i - from};
		i++;
		if (!w.n)
			continue;
		if (b.n)
			fox_buf_char(&b, ' ');
		bool keep = keeps_case(w), after_letter = false;
		for (size_t k = 0; k < w.n; k++) {
			fox_buf_char(&b, keep || after_letter ? w.p[k] : upper(w.p[k]));
			after_letter = is_alpha(w.p[k]) || (unsigned char)w.p[k] >= 0x80;
		}
	}
	struct fox_str out = {NULL, 0};
	if (!b.failed)
		out = (struct fox_str){fox_arena_strdup(arena, (struct fox_str){b.p ? b.p : "", b.n}), b.n};
	fox_buf_free(&b);
	return out;
}

void fox_naming_size(char out[32], uint64_t n_params)
{
	static const struct {
		double above, scale;
		char unit;
	} steps[] = {{1e12, 1e-12, 'T'}, {1e9, 1e-9, 'B'}, {1e6, 1e-6, 'M'}, {-1, 1e-3, 'K'}};
	size_t i = 0;
	while ((double)n_params <= steps[i].above)
		i++;
	double v = (double)n_params * steps[i].scale, whole = nearbyint(v);
	int fraction = whole == 0 ? 2 : whole < 10 ? 1 : 0; /* two digits, a leading zero not counted */
	snprintf(out, 32, "%.*f%c", fraction, v, steps[i].unit);
}

static void add_part(struct fox_buf *out, struct fox_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool bad = c <= 0x20 || c == 0x7f || strchr("/\\:*?\"<>|{}", c);
		fox_buf_char(out, bad ? '-' : (char)c);
	}
}

/* The largest prefix of at most MAX_NAME bytes that does not cut a character. */
static size_t cut_name(const struct fox_buf *b)
{
	size_t n = b->n < MAX_NAME ? b->n : MAX_NAME;
	while (n && n < b->n && ((unsigned char)b->p[n] & 0xC0) == 0x80)
		n--;
	return n;
}

enum fox_status fox_naming_file(struct fox_buf *out, struct fox_str name, uint64_t n_params, const char *type,
    struct fox_arena *arena, struct fox_err *err)
{
	struct fox_naming parts;
	struct fox_buf b = {0};
	char size[32];
	fox_naming_size(size, n_params);
	enum fox_status s = fox_naming_parse(&parts, name, n_params, arena, err);
	if (s)
		return s;
	add_part(&b, parts.basename.n ? parts.basename : parts.full);
	fox_buf_char(&b, '-');
	add_part(&b, parts.size.n ? parts.size : fox_str_of(size));
	const struct fox_str rest[] = {parts.finetune, parts.version};
	for (size_t i = 0; parts.basename.n && i < FOX_COUNT(rest); i++) {
		if (rest[i].n)
			fox_buf_char(&b, '-');
		add_part(&b, rest[i]);
	}
	size_t skip = 0;
	while (skip < b.n && (b.p[skip] == '.' || b.p[skip] == '-'))
		skip++;
	if (!parts.full.n)
		fox_buf_str(out, "model-");
	if (!b.failed)
		fox_buf_add(out, b.p + skip, cut_name(&b) > skip ? cut_name(&b) - skip : 0);
	fox_buf_char(out, '-');
	for (; *type; type++)
		fox_buf_char(out, upper(*type));
	fox_buf_str(out, ".gguf");
	bool failed = b.failed || out->failed;
	fox_buf_free(&b);
	return failed ? fox_fail_nomem(err) : FOX_OK;
}

void fox_naming_expand(struct fox_buf *out, const char *path, const char *type)
{
	while (*path) {
		bool small = !strncmp(path, "{type}", 6), large = !strncmp(path, "{TYPE}", 6);
		if (!small && !large) {
			fox_buf_char(out, *path++);
			continue;
		}
		for (const char *t = type; *t; t++)
			fox_buf_char(out, large ? upper(*t) : *t);
		path += 6;
	}
}
