/* signers.c - who may sign: public key files and OpenSSH's allowed_signers, which differ line by line. */
#include <stdlib.h>
#include <time.h>

#include "format/base/base64.h"
#include "format/sshkey.h"
#include "format/sshwire.h"

/* What is read, and how far. */
struct words {
	struct fox_str text;
	size_t at, end; /* of this line */
	struct fox_err *err;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct words *w)
{
	while (w->at < w->end && is_blank(w->text.p[w->at]))
		w->at++;
}

/* The next word; blanks between double quotes belong to it. */
static struct fox_str next_word(struct words *w)
{
	bool quoted = false;
	skip_blanks(w);
	size_t begin = w->at;
	for (; w->at < w->end && (quoted || !is_blank(w->text.p[w->at])); w->at++)
		if (w->text.p[w->at] == '"' && (w->at == begin || w->text.p[w->at - 1] != '\\'))
			quoted = !quoted;
	return (struct fox_str){w->text.p + begin, w->at - begin};
}

static uint64_t offset_of(const struct words *w, struct fox_str s)
{
	return (uint64_t)(s.p - w->text.p);
}

/* A type of key that OpenSSH has and that is not ours. */
static bool is_other_kind(struct fox_str s)
{
	static const char *const begin[] = {
	    "ssh-rsa", "ssh-dss", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "rsa-sha2-", "ssh-ed448"};
	if (fox_str_starts(s, FOX_SSH_ED25519 "-cert"))
		return true;
	for (size_t i = 0; i < FOX_COUNT(begin); i++)
		if (fox_str_starts(s, begin[i]))
			return true;
	return false;
}

static bool is_kind(struct fox_str s)
{
	return fox_str_is(s, FOX_SSH_ED25519) || is_other_kind(s);
}

/* ---- options */

/* `n` digits as a number. */
static int digits(const char *p, size_t n)
{
	int v = 0;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (p[i] - '0');
	return v;
}

/* YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, in local time or with Z in UTC. */
static bool read_time(int64_t *out, struct fox_str s)
{
	bool utc = s.n && (s.p[s.n - 1] == 'Z' || s.p[s.n - 1] == 'z');
	s.n -= utc;
	if (s.n != 8 && s.n != 12 && s.n != 14)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	struct tm t = {.tm_year = digits(s.p, 4) - 1900,
	    .tm_mon = digits(s.p + 4, 2) - 1,
	    .tm_mday = digits(s.p + 6, 2),
	    .tm_hour = s.n > 8 ? digits(s.p + 8, 2) : 0,
	    .tm_min = s.n > 8 ? digits(s.p + 10, 2) : 0,
	    .tm_sec = s.n > 12 ? digits(s.p + 12, 2) : 0,
	    .tm_isdst = -1};
	if (t.tm_mon < 0 || t.tm_mon > 11 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 || t.tm_min > 59 ||
	    t.tm_sec > 60)
		return false;
	time_t at = utc ? timegm(&t) : mktime(&t);
	*out = (int64_t)at;
	return at != (time_t)-1;
}

/* NAME or NAME="VALUE" at the begin of *rest, and step over it. */
static bool take_option(struct fox_str *rest, struct fox_str *name, struct fox_str *value)
{
	size_t n = 0;
	while (n < rest->n && rest->p[n] != '=' && rest->p[n] != ',')
		n++;
	*name = (struct fox_str){rest->p, n};
	*value = (struct fox_str){rest->p, 0};
	if (n < rest->n && rest->p[n] == '=') {
		size_t begin = n + 2;
		if (begin > rest->n || rest->p[n + 1] != '"')
			return false;
		for (n = begin; n < rest->n && rest->p[n] != '"';)
			if (rest->p[n++] == '\\')
				return false; /* no pattern or time needs one */
		if (n++ == rest->n)
			return false;
		*value = (struct fox_str){rest->p + begin, n - 1 - begin};
	}
	if (n < rest->n && rest->p[n++] != ',')
		return false;
	*rest = (struct fox_str){rest->p + n, rest->n - n};
	return name->n > 0;
}

static bool same_name(struct fox_str s, const char *name)
{
	return s.n == strlen(name) && !strncasecmp(s.p, name, s.n);
}

static enum fox_status take_options(
    struct words *w, struct fox_ssh_signer *out, struct fox_str rest, bool *authority)
{
	static const char *const once[] = {"namespaces", "valid-after", "valid-before"};
	bool seen[FOX_COUNT(once)] = {false};
	while (rest.n) {
		struct fox_str name, value;
		uint64_t at = offset_of(w, rest);
		if (!take_option(&rest, &name, &value))
			return fox_fail(
			    w->err, FOX_E_FORMAT, at, "options are not NAME or NAME=\"VALUE\" with commas between");
		for (size_t i = 0; i < FOX_COUNT(once); i++) {
			if (!same_name(name, once[i]))
				continue;
			if (seen[i]) /* a later one would undo a narrower one; ssh-keygen refuses it as well */
				return fox_fail(w->err, FOX_E_FORMAT, at, "option '%s' stands twice", once[i]);
			seen[i] = true;
		}
		if (same_name(name, "cert-authority") && !value.n)
			*authority = true;
		else if (same_name(name, "namespaces") && value.n)
			out->namespaces = value;
		else if (same_name(name, "valid-after") || same_name(name, "valid-before")) {
			int64_t *to = same_name(name, "valid-after") ? &out->after : &out->before;
			if (!read_time(to, value))
				return fox_fail(w->err, FOX_E_FORMAT, at, "'%.*s' is not a time: YYYYMMDD[HHMM[SS]][Z]",
				    FOX_STR_ARG(value));
		} else
			return fox_fail(w->err, FOX_E_UNSUPPORTED, at, "option '%.*s' is not known", FOX_STR_ARG(name));
	}
	return FOX_OK;
}

/* ---- lines */

static enum fox_status take_key(struct words *w, struct fox_ssh_signer *out, struct fox_str chars)
{
	uint8_t bytes[128];
	size_t n = 0, bad = 0;
	uint64_t at = offset_of(w, chars);
	if (FOX_BASE64_ROOM(chars.n) > sizeof bytes)
		return fox_fail(w->err, FOX_E_FORMAT, at, "public key is longer than one that is " FOX_SSH_ED25519);
	if (!chars.n || !fox_base64_decode(bytes, &n, chars, &bad))
		return fox_fail(w->err, FOX_E_FORMAT, at + bad, "public key is not base64");
	struct fox_ssh_in in = {bytes, n, 0};
	enum fox_status s = fox_ssh_get_public(&out->key, &in, w->err);
	if (!s)
		s = fox_ssh_end(&in, "the public key", w->err);
	if (s && w->err)
		w->err->at = at + w->err->at / 3 * 4;
	return s;
}

/* One line that is not blank. *taken: it is one who may sign. */
static enum fox_status take_line(
    struct words *w, struct fox_ssh_signer *out, bool *taken, struct fox_str *other)
{
	bool authority = false;
	struct fox_str word = next_word(w), none = {"", 0}, any = {"*", 1};
	*taken = false;
	*out = (struct fox_ssh_signer){.principals = none,
	    .namespaces = any,
	    .after = INT64_MIN,
	    .before = INT64_MAX,
	    .at = offset_of(w, word)};
	if (!is_kind(word)) {
		if (word.n >= 2 && word.p[0] == '"' && word.p[word.n - 1] == '"')
			word = (struct fox_str){word.p + 1, word.n - 2};
		out->principals = word;
		word = next_word(w);
		if (word.n && !is_kind(word)) {
			enum fox_status s = take_options(w, out, word, &authority);
			if (s)
				return s;
			word = next_word(w);
		}
	}
	if (!is_kind(word))
		return fox_fail(w->err, FOX_E_FORMAT, out->at,
		    "line is neither a public key nor '[PRINCIPALS [OPTIONS]] TYPE KEY'");
	if (authority || is_other_kind(word)) {
		*other = word;
		return FOX_OK;
	}
	*taken = true;
	return take_key(w, out, next_word(w));
}

enum fox_status fox_ssh_signers_parse(
    struct fox_ssh_signers *out, struct fox_str text, struct fox_arena *arena, struct fox_err *err)
{
	struct fox_err own = {0};
	struct fox_str other = {"", 0};
	size_t lines = 1;
	*out = (struct fox_ssh_signers){0};
	if (!err)
		err = &own;
	if (text.n > FOX_SSH_MAX_KEY_FILE)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "%zu bytes are over the limit of %u", text.n,
		    FOX_SSH_MAX_KEY_FILE);
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	struct fox_ssh_signer *list = fox_arena_alloc(arena, lines, sizeof *list);
	if (!list)
		return fox_fail_nomem(err);
	size_t n = 0;
	for (size_t at = 0; at < text.n;) {
		struct fox_str line = fox_str_line(text, &at);
		size_t begin = (size_t)(line.p - text.p);
		struct words w = {text, begin, begin + line.n, err};
		skip_blanks(&w);
		bool taken = false;
		enum fox_status s = FOX_OK;
		if (w.at < w.end && text.p[w.at] != '#')
			s = take_line(&w, &list[n], &taken, &other);
		if (s)
			return s;
		n += taken;
	}
	if (!n && other.n)
		return fox_fail(err, FOX_E_UNSUPPORTED, (uint64_t)(other.p - text.p),
		    "no key here is " FOX_SSH_ED25519 " and may sign by itself, but '%.*s'", FOX_STR_ARG(other));
	if (!n)
		return fox_fail(err, FOX_E_FORMAT, 0, "there is no public key in it");
	*out = (struct fox_ssh_signers){list, n};
	return FOX_OK;
}

/* ---- looking up */

/* One pattern; steps back to the last '*' only, so the time is the product of both lengths at most. */
static bool match_one(struct fox_str p, struct fox_str s)
{
	size_t i = 0, j = 0, star = SIZE_MAX, from = 0;
	while (j < s.n) {
		if (i < p.n && p.p[i] == '*') {
			star = i++;
			from = j;
		} else if (i < p.n && (p.p[i] == '?' || p.p[i] == s.p[j])) {
			i++, j++;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			j = ++from;
		} else {
			return false;
		}
	}
	while (i < p.n && p.p[i] == '*')
		i++;
	return i == p.n;
}

bool fox_ssh_pattern(struct fox_str list, struct fox_str name)
{
	bool matched = false;
	for (size_t at = 0; at <= list.n;) {
		const char *comma = memchr(list.p + at, ',', list.n - at);
		size_t end = comma ? (size_t)(comma - list.p) : list.n;
		struct fox_str one = {list.p + at, end - at};
		bool negated = one.n && one.p[0] == '!';
		if (negated)
			one = (struct fox_str){one.p + 1, one.n - 1};
		if (one.n && match_one(one, name)) {
			if (negated)
				return false;
			matched = true;
		}
		at = end + 1;
	}
	return matched;
}

enum fox_status fox_ssh_signer_find(const struct fox_ssh_signer **out, const struct fox_ssh_signers *all,
    const struct fox_ssh_public *key, const char *space, const char *name, int64_t now, struct fox_err *err)
{
	const char *why = "not a key that may sign";
	char print[FOX_SSH_FINGERPRINT];
	*out = NULL;
	for (size_t i = 0; i < all->n; i++) {
		const struct fox_ssh_signer *x = &all->list[i];
		if (memcmp(x->key.b, key->b, sizeof key->b))
			continue;
		if (!fox_ssh_pattern(x->namespaces, fox_str_of(space)))
			why = "a key that may not sign in this namespace";
		else if (name && !fox_ssh_pattern(x->principals, fox_str_of(name)))
			why = "not a key of the signer that is asked for";
		else if (now < x->after)
			why = "a key that is not valid yet";
		else if (now > x->before)
			why = "a key that is not valid any more";
		else {
			*out = x;
			return FOX_OK;
		}
	}
	enum fox_status s = fox_ssh_fingerprint(print, key, err);
	return s ? s : fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "signed by %s, %s", print, why);
}
