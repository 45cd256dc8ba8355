/* t_archive.c - what a walk over an archive gives, and every archive that is refused, by whose fault. */
#include "tests/test.h"

#include "format/archive.h"
#include "tests/archive_make.h"

static uint8_t noise[150000];

static const struct member good[] = {
    {.name = "m/", .type = AE_IFDIR},
    {.name = "m/config.json", .bytes = "{}", .n = 2},
    {.name = "m/weights", .bytes = noise, .n = sizeof noise},
    {.name = "m/empty"},
    {.name = "m/sub/\xC3\xBC.txt", .bytes = "u", .n = 1},
};

/* Walk to the end, reading every member; the first failure, or FOX_OK with the number of members. */
static enum fox_status walk(const char *path, size_t *n, struct fox_err *err)
{
	struct fox_archive *a;
	struct fox_archive_entry e;
	uint8_t *buf = malloc(1 << 16);
	bool more = true;
	*n = 0;
	*err = (struct fox_err){0};
	enum fox_status s = fox_archive_open(&a, path, err);
	while (!s && !(s = fox_archive_next(a, &e, &more, err)) && more) {
		size_t got = 1;
		for (*n += 1; !s && got;)
			s = fox_archive_read(a, buf, 1 << 16, &got, err);
	}
	fox_archive_close(a);
	free(buf);
	assert_int_equal(s, err->code);
	return s;
}

static void refuse(const char *path, enum fox_status code, const char *text)
{
	struct fox_err err;
	size_t n;
	walk(path, &n, &err);
	assert_string_equal(err.text, text);
	assert_int_equal(err.code, code);
	assert_string_equal(err.file, path);
}

/* Make a tar and a zip archive of the members; both are refused alike. */
static void refuse_both(const struct member *m, size_t n, enum fox_status code, const char *text)
{
	static const char *const formats[] = {"pax", "zip"};
	const char *path = test_path("evil");
	for (size_t i = 0; i < FOX_COUNT(formats); i++) {
		archive_make(path, formats[i], "none", m, n);
		refuse(path, code, text);
	}
}

static void check_good(const char *path, bool plain)
{
	struct fox_err err = {0};
	struct fox_archive *a;
	struct fox_archive_entry e;
	bool more;
	assert_fox_ok(fox_archive_open(&a, path, &err), &err);
	for (size_t i = 0; i < FOX_COUNT(good); i++) {
		assert_fox_ok(fox_archive_next(a, &e, &more, &err), &err);
		assert_true(more);
		struct fox_str want = {good[i].name, strlen(good[i].name) - e.folder};
		assert_true(fox_str_eq(e.name, want));
		assert_int_equal(e.name.p[e.name.n], 0);
		assert_int_equal(e.folder, good[i].type == AE_IFDIR);
		assert_int_equal(e.bytes, good[i].n);
		uint8_t *got = malloc(good[i].n + 1);
		size_t n, first = good[i].n / 3; /* in two parts, and what is not read is passed over */
		assert_fox_ok(fox_archive_read(a, got, first, &n, &err), &err);
		assert_int_equal(n, first);
		if (i % 2 == 0) {
			assert_fox_ok(fox_archive_read(a, got + n, good[i].n + 1 - n, &n, &err), &err);
			assert_int_equal(n, good[i].n - first);
			assert_true(!good[i].n || !memcmp(got, good[i].bytes, good[i].n));
		}
		if (plain) {
			assert_true(e.plain);
			assert_fox_ok(fox_file_read(fox_archive_file(a), e.at, got, good[i].n, &err), &err);
			assert_true(!good[i].n || !memcmp(got, good[i].bytes, good[i].n));
		}
		free(got);
	}
	assert_fox_ok(fox_archive_next(a, &e, &more, &err), &err);
	assert_false(more);
	fox_archive_close(a);
}

static void test_read(void **state)
{
	(void)state;
	static const char *const formats[] = {"ustar", "pax", "gnutar"}, *const filters[] = {
	                                                                     "none", "gzip", "zstd", "xz"};
	static const enum fox_archive_kind kinds[] = {
	    FOX_ARCHIVE_TAR, FOX_ARCHIVE_GZIP, FOX_ARCHIVE_ZSTD, FOX_ARCHIVE_XZ};
	const char *path = test_path("good");
	struct fox_err err = {0};
	for (size_t i = 0; i < FOX_COUNT(formats); i++)
		for (size_t k = 0; k < FOX_COUNT(filters); k++) {
			struct fox_archive *a;
			archive_make(path, formats[i], filters[k], good, FOX_COUNT(good));
			check_good(path, k == 0);
			assert_fox_ok(fox_archive_open(&a, path, &err), &err);
			assert_int_equal(fox_archive_kind_of(a), kinds[k]);
			fox_archive_close(a);
		}
	archive_make(path, "zip", "none", good, FOX_COUNT(good));
	check_good(path, false);
	archive_make(path, "zip:store", "none", good, FOX_COUNT(good));
	check_good(path, true);
}

/* As `tar -C folder -cf x.tar .` has it, and archives of nothing. */
static void test_dot(void **state)
{
	(void)state;
	static const struct member m[] = {
	    {.name = "./", .type = AE_IFDIR}, {.name = "./a", .bytes = "x", .n = 1}};
	const char *path = test_path("dot");
	struct fox_archive *a;
	struct fox_archive_entry e;
	struct fox_err err = {0};
	bool more;
	size_t n;
	archive_make(path, "ustar", "gzip", m, 2);
	assert_fox_ok(fox_archive_open(&a, path, &err), &err);
	assert_fox_ok(fox_archive_next(a, &e, &more, &err), &err);
	assert_true(more && fox_str_is(e.name, "a"));
	assert_fox_ok(fox_archive_next(a, &e, &more, &err), &err);
	assert_false(more);
	fox_archive_close(a);
	archive_make(path, "zip", "none", NULL, 0);
	assert_int_equal(walk(path, &n, &err), FOX_OK);
	assert_int_equal(n, 0);
	archive_make(path, "ustar", "xz", NULL, 0);
	assert_int_equal(walk(path, &n, &err), FOX_OK);
	assert_int_equal(n, 0);
}

static void test_names(void **state)
{
	(void)state;
	refuse_both(&(struct member){.name = "../x"}, 1, FOX_E_FORMAT,
	    "file name '../x' has an empty, '.' or '..' component, in member '../x'");
	refuse_both(&(struct member){.name = "/etc/x"}, 1, FOX_E_FORMAT,
	    "file name '/etc/x' is absolute, in member '/etc/x'");
	refuse_both(&(struct member){.name = "a/./b"}, 1, FOX_E_FORMAT,
	    "file name 'a/./b' has an empty, '.' or '..' component, in member 'a/./b'");
	refuse_both(&(struct member){.name = "a\nb"}, 1, FOX_E_FORMAT,
	    "file name 'a\nb' has a control character, in member 'a\nb'");
}

static void refuse_tar(const struct member *m, size_t n, enum fox_status code, const char *text)
{
	const char *path = test_path("evil");
	archive_make(path, "pax", "none", m, n);
	refuse(path, code, text);
	archive_make(path, "gnutar", "zstd", m, n);
	refuse(path, code, text);
}

static void test_clashes(void **state)
{
	(void)state;
	refuse_both((struct member[]){{.name = "Ab"}, {.name = "aB"}}, 2, FOX_E_FORMAT,
	    "member 'aB' differs from 'Ab' in case alone, in member 'aB'");
	refuse_both((struct member[]){{.name = "x/1"}, {.name = "X/2"}}, 2, FOX_E_FORMAT,
	    "member 'X' differs from 'x' in case alone, in member 'X/2'");
	refuse_both((struct member[]){{.name = "a"}, {.name = "a/b"}}, 2, FOX_E_FORMAT,
	    "member 'a' is a file and a folder, in member 'a/b'");
	refuse_tar((struct member[]){{.name = "a"}, {.name = "a"}}, 2, FOX_E_FORMAT,
	    "member 'a' repeats, in member 'a'");
	refuse_tar((struct member[]){{.name = "a/b"}, {.name = "a"}}, 2, FOX_E_FORMAT,
	    "member 'a' is a file and a folder, in member 'a'");
	refuse_tar((struct member[]){{.name = "a/", .type = AE_IFDIR}, {.name = "a/", .type = AE_IFDIR}}, 2,
	    FOX_E_FORMAT, "folder 'a' repeats, in member 'a/'");
}

static void test_kinds(void **state)
{
	(void)state;
	static const struct member link = {.name = "d", .type = AE_IFLNK, .target = "../.."};
	refuse_both(&link, 1, FOX_E_UNSUPPORTED, "is a symbolic link, in member 'd'");
	refuse_tar((struct member[]){{.name = "m.gguf"}, {.name = "y", .target = "/etc/passwd", .hard = true}}, 2,
	    FOX_E_UNSUPPORTED, "is a hard link, in member 'y'");
	refuse_tar(
	    &(struct member){.name = "c", .type = AE_IFCHR}, 1, FOX_E_UNSUPPORTED, "is a device, in member 'c'");
	refuse_tar(
	    &(struct member){.name = "b", .type = AE_IFBLK}, 1, FOX_E_UNSUPPORTED, "is a device, in member 'b'");
	refuse_tar(
	    &(struct member){.name = "f", .type = AE_IFIFO}, 1, FOX_E_UNSUPPORTED, "is a FIFO, in member 'f'");
	const char *path = test_path("evil");
	archive_make(
	    path, "pax", "none", &(struct member){.name = "s", .bytes = "x", .n = 1, .hole = 1 << 20}, 1);
	refuse(path, FOX_E_UNSUPPORTED, "is a sparse file, in member 's'");
}

static void test_limits(void **state)
{
	(void)state;
	char deep[80] = "", *at = deep;
	for (unsigned i = 0; i < FOX_ARCHIVE_MAX_DEPTH; i++)
		*at++ = 'a', *at++ = '/';
	*at++ = 'b';
	char text[256];
	snprintf(text, sizeof text, "member '%s' lies 32 folders deep, more than 31, in member '%s'", deep, deep);
	refuse_both(&(struct member){.name = deep}, 1, FOX_E_BOUND, text);

	size_t n = FOX_ARCHIVE_MAX_ENTRIES + 1;
	struct member *many = calloc(n, sizeof *many);
	char(*names)[8] = calloc(n, sizeof *names);
	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof names[i], "%06x", (unsigned)i);
		many[i].name = names[i];
	}
	const char *path = test_path("many");
	archive_make(path, "ustar", "zstd", many, n);
	refuse(path, FOX_E_BOUND, "more than 100000 members, in member '0186a0'");
	free(names);
	free(many);

	size_t big = FOX_ARCHIVE_FREE_BYTES + (1 << 20);
	struct member bomb = {.name = "bomb", .bytes = calloc(1, big), .n = big};
	struct fox_err err;
	static const char *const ways[][2] = {{"pax", "zstd"}, {"pax", "gzip"}, {"zip", "none"}};
	for (size_t i = 0; i < FOX_COUNT(ways); i++) {
		archive_make(path, ways[i][0], ways[i][1], &bomb, 1);
		assert_int_equal(walk(path, &n, &err), FOX_E_BOUND);
		assert_non_null(strstr(err.text, "unpacks to more than 1000 times its "));
	}
	free((void *)bomb.bytes);
}

/* ---- damage */

struct bytes {
	uint8_t *p;
	size_t n;
};

static struct bytes slurp(const char *path)
{
	char *p;
	struct bytes b = {0};
	assert_int_equal(fox_path_slurp(path, 1 << 22, &p, &b.n, NULL), FOX_OK);
	b.p = (uint8_t *)p;
	return b;
}

/* No prefix of an archive passes for one. */
static void test_cut(void **state)
{
	(void)state;
	static const char *const ways[][2] = {{"gnutar", "none"}, {"pax", "gzip"}, {"pax", "zstd"}, {"pax", "xz"},
	    {"zip", "none"}, {"zip:store", "none"}};
	static const struct member m[] = {
	    {.name = "a", .bytes = "abc", .n = 3}, {.name = "b", .bytes = noise, .n = 600}};
	const char *path = test_path("cut");
	for (size_t i = 0; i < FOX_COUNT(ways); i++) {
		struct fox_err err;
		size_t n, end;
		archive_make(path, ways[i][0], ways[i][1], m, 2);
		struct bytes b = slurp(path);
		end = i ? b.n : 512 + 512 + 512 + 1024 + 512; /* one block of zeros is enough */
		for (size_t k = 0; k < end; k += k + 40 < end ? 1 + k / 16 : 1) {
			test_write(path, b.p, k);
			if (!walk(path, &n, &err))
				fail_msg("%s %s of %zu bytes passes for one of %zu", ways[i][0], ways[i][1], k, b.n);
		}
		free(b.p);
	}
}

/* A byte flipped in compressed data or a zip member is found. */
static void test_flipped(void **state)
{
	(void)state;
	static const char *const ways[][2] = {
	    {"pax", "gzip"}, {"pax", "xz"}, {"zip", "none"}, {"zip:store", "none"}};
	const char *path = test_path("flip");
	for (size_t i = 0; i < FOX_COUNT(ways); i++) {
		struct fox_err err;
		size_t n;
		archive_make(path, ways[i][0], ways[i][1], &good[2], 1);
		struct bytes b = slurp(path);
		for (size_t k = 1; k < 16; k++) {
			size_t at = b.n / 16 * k;
			b.p[at] ^= 0x10;
			test_write(path, b.p, b.n);
			b.p[at] ^= 0x10;
			if (!walk(path, &n, &err))
				fail_msg("%s %s: byte %zu of %zu", ways[i][0], ways[i][1], at, b.n);
		}
		free(b.p);
	}
	archive_make(path, "zip:store", "none", &(struct member){.name = "a", .bytes = "abc", .n = 3}, 1);
	struct bytes b = slurp(path);
	uint8_t *p = memmem(b.p, b.n, "abc", 3);
	p[1] = 'x';
	test_write(path, b.p, b.n);
	refuse(path, FOX_E_MISMATCH, "ZIP bad CRC: 0x8509bb19 should be 0x352441c2, in member 'a'");
	free(b.p);
}

/* Archives that are one thing to a reader from the front and another to one from the back. */
static void test_zip_contradictions(void **state)
{
	(void)state;
	static const struct member m[] = {
	    {.name = "aaaa", .bytes = "1234", .n = 4}, {.name = "cccc", .bytes = "1234", .n = 4}};
	const char *path = test_path("two");
	archive_make(path, "zip:store", "none", m, 2);
	struct bytes b = slurp(path);
	uint8_t *local = memmem(b.p, b.n, "aaaa", 4);
	uint8_t *central = memmem(local + 4, b.n - (size_t)(local + 4 - b.p), "aaaa", 4);
	memcpy(central, "bbbb", 4);
	test_write(path, b.p, b.n);
	refuse(path, FOX_E_FORMAT, "zip: member 'bbbb' has another name in its local header");
	memcpy(central, "aaaa", 4);
	uint8_t *other = memmem(central, b.n - (size_t)(central - b.p), "cccc", 4);
	memcpy(other - 4, central - 4, 4); /* both at the same local header */
	memcpy(other, "aaaa", 4);
	test_write(path, b.p, b.n);
	refuse(path, FOX_E_FORMAT, "zip: member 'aaaa' repeats");
	memcpy(other, "cccc", 4);
	central[-46 + 8] |= 1; /* encrypted */
	test_write(path, b.p, b.n);
	refuse(path, FOX_E_UNSUPPORTED, "zip: member 'aaaa' is encrypted");
	free(b.p);
}

/* Ends that readers understand in two ways: what follows the directory, a second archive, a 64-bit record that says otherwise. */
static void test_zip_ends(void **state)
{
	(void)state;
	static const char gap[] = "zip: other bytes stand between the central directory and its end record";
	const struct member m[] = {{.name = "a", .bytes = "bad.", .n = 4}, {.name = "a", .bytes = "good", .n = 4}};
	enum { END = 22, END64 = 56, LOCATOR = 20 };
	const char *path = test_path("ends");
	uint8_t two[4096], e[END];
	archive_make(path, "zip:store", "none", &m[0], 1);
	struct bytes a = slurp(path);
	archive_make(path, "zip:store", "none", &m[1], 1);
	struct bytes b = slurp(path);
	const size_t end = b.n - END;
	assert_true(a.n == b.n && a.n < 1024);
	memcpy(e, b.p + end, END);

	memcpy(two, a.p, a.n);
	memcpy(two + a.n, b.p, b.n);
	test_write(path, two, a.n + b.n);
	refuse(path, FOX_E_FORMAT, gap);

	memcpy(two, b.p, end);
	memcpy(two + end, "gap", 3);
	memcpy(two + end + 3, e, END);
	test_write(path, two, b.n + 3);
	refuse(path, FOX_E_FORMAT, gap);

	memcpy(two, b.p, b.n); /* a comment that begins as an end does, and holds none that is whole */
	memcpy(two + b.n, e, END);
	two[b.n - 2] = END + 1;
	two[b.n + END] = 0;
	test_write(path, two, b.n + END + 1);
	refuse(path, FOX_E_TRUNCATED, "zip: no end record: cut off, or no zip file");

	/* 64-bit records where nothing overflows: as miniz writes them, then with another count */
	memset(two + end, 0, END64 + LOCATOR);
	memcpy(two + end, "PK\6\6", 4);
	two[end + 4] = END64 - 12;
	two[end + 24] = two[end + 32] = 1;
	memcpy(two + end + 40, e + 12, 4);
	memcpy(two + end + 48, e + 16, 4);
	memcpy(two + end + END64, "PK\6\7", 4);
	two[end + END64 + 8] = (uint8_t)end;
	two[end + END64 + 9] = (uint8_t)(end >> 8);
	two[end + END64 + 16] = 1;
	memcpy(two + end + END64 + LOCATOR, e, END);
	test_write(path, two, b.n + END64 + LOCATOR);
	struct fox_err err = {0};
	size_t n;
	assert_int_equal(walk(path, &n, &err), FOX_OK);
	assert_int_equal(n, 1);
	two[end + 32] = 2;
	test_write(path, two, b.n + END64 + LOCATOR);
	refuse(path, FOX_E_FORMAT, "zip: the two end records contradict each other");
	two[end + 32] = 1;
	two[end + 4]--;
	test_write(path, two, b.n + END64 + LOCATOR);
	refuse(path, FOX_E_FORMAT, "zip: other bytes stand between the 64-bit end record and its locator");

	/* a member in front that the directory does not have */
	uint8_t *dir = memmem(a.p, a.n, "PK\1\2", 4);
	const size_t front = (size_t)(dir - a.p);
	memcpy(two, a.p, front);
	memcpy(two + front, b.p, b.n);
	dir = memmem(two + front, b.n, "PK\1\2", 4);
	dir[42] = (uint8_t)front;
	uint8_t *tail = two + front + end;
	const size_t dir_at = (size_t)(dir - two);
	tail[16] = (uint8_t)dir_at;
	tail[17] = (uint8_t)(dir_at >> 8);
	test_write(path, two, front + b.n);
	refuse(path, FOX_E_FORMAT, "zip: bytes that belong to no member");
	free(a.p);

	archive_make(path, "zip:store", "none", &good[0], 2);
	free(b.p);
	b = slurp(path);
	b.p[b.n - END + 8] = b.p[b.n - END + 10] = 1;
	test_write(path, b.p, b.n);
	refuse(path, FOX_E_FORMAT, "zip: the central directory has more than the members that it counts");
	free(b.p);
}

static void refuse_bytes(const void *p, size_t n, enum fox_status code, const char *text)
{
	const char *path = test_path("bytes");
	test_write(path, p, n);
	refuse(path, code, text);
}

static void test_other_kinds(void **state)
{
	(void)state;
	const char *path = test_path("kind");
	refuse_bytes("", 0, FOX_E_UNSUPPORTED, "no archive: neither tar (plain, gzip, zstd, xz) nor zip");
	refuse_bytes("7z\xBC\xAF\x27\x1C", 6, FOX_E_UNSUPPORTED,
	    "no archive: neither tar (plain, gzip, zstd, xz) nor zip");
	archive_make(path, "v7tar", "none", good, 1);
	refuse(path, FOX_E_UNSUPPORTED, "no archive: neither tar (plain, gzip, zstd, xz) nor zip");
	archive_make(path, "v7tar", "gzip", good, 1);
	refuse(path, FOX_E_UNSUPPORTED, "tar: neither ustar, pax nor GNU, in member 'm/'");
	archive_make(path, "raw", "gzip", &(struct member){.name = "x", .bytes = "no tar", .n = 6}, 1);
	refuse(path, FOX_E_FORMAT, "holds no tar archive");

	archive_make(path, "pax", "gzip", good, 2);
	struct bytes b = slurp(path);
	archive_make(path, "raw", "gzip", &(struct member){.name = "x", .bytes = b.p, .n = b.n}, 1);
	refuse(path, FOX_E_UNSUPPORTED, "is compressed more than once");
	free(b.p);
}

static void test_tar_ends(void **state)
{
	(void)state;
	const char *path = test_path("end");
	struct fox_err err;
	size_t n;
	archive_make(path, "ustar", "none", &good[1], 1);
	struct bytes b = slurp(path);
	test_write(path, b.p, 1024 + 512);
	assert_int_equal(walk(path, &n, &err), FOX_OK);
	refuse_bytes(b.p, 1024, FOX_E_TRUNCATED, "no block of zeros ends the tar archive");
	b.p[b.n - 1] = 1;
	refuse_bytes(b.p, b.n, FOX_E_FORMAT, "bytes follow the end of the tar archive");
	uint8_t bomb[64] = "\xFD\x37zXZ\0\0\4\0\0\0\0\2\0\x21\1\x1D"; /* a dictionary of 96 MiB */
	refuse_bytes(bomb, sizeof bomb, FOX_E_UNSUPPORTED,
	    "to unpack it takes a window of 100663296 bytes, more than 67108864");
	uint8_t frame[64] = "\x28\xB5\x2F\xFD\x04\x88";
	refuse_bytes(frame, sizeof frame, FOX_E_UNSUPPORTED,
	    "to unpack it takes a window of 134217728 bytes, more than 67108864");
	free(b.p);
}

int main(void)
{
	uint64_t seed = 5;
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (uint8_t)test_rand(&seed);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_dot),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_clashes),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_flipped),
	    cmocka_unit_test(test_zip_contradictions),
	    cmocka_unit_test(test_zip_ends),
	    cmocka_unit_test(test_other_kinds),
	    cmocka_unit_test(test_tar_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
