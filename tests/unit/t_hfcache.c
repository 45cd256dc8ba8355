/* t_hfcache.c - the HF cache: ids, where the hub is, snapshots, and links that must and must not be followed.
 */
#include "tests/test.h"

#include <sys/stat.h>

#include "format/hfcache.h"
#include "format/source.h"
#include "tests/src_make.h"

#define REV "0123456789abcdef0123456789abcdef01234567"
#define OTHER_REV "ffffffffffffffffffffffffffffffffffffffff"
#define HEADER_C "{\"c\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}"
#define XET "ab5f5e100ab5f5e100ab5f5e100ab5f5e100ab5f5e100ab5f5e100ab5f5e100f"
#define SHA1 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define REPO "hub/models--org--name"
#define SNAP REPO "/snapshots/" REV

static char sha_hex[FOX_SHA256_HEX + 1]; /* of the bytes of HEADER_C's file */

static struct fox_sha256 sha_of(const void *p, size_t n)
{
	struct fox_err err = {0};
	struct fox_sha256 out;
	struct fox_sha256_state *s = fox_sha256_open();
	assert_fox_ok(fox_sha256_add(s, p, n, &err), &err);
	assert_fox_ok(fox_sha256_final(s, &out, &err), &err);
	fox_sha256_close(s);
	return out;
}

static const char *cat(const char *a, const char *b)
{
	static char out[4][200];
	static unsigned turn;
	char *p = out[turn++ % 4];
	snprintf(p, sizeof out[0], "%s%s", a, b);
	return p;
}

/* A cache as huggingface_hub leaves it: weights under their SHA-256, config.json under a git SHA-1. */
static int make_cache(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	static const char *const folders[] = {"hub", REPO, REPO "/refs", REPO "/blobs", REPO "/snapshots", SNAP};
	for (size_t i = 0; i < FOX_COUNT(folders); i++)
		src_folder(folders[i]);
	st_make(&b, HEADER_C, 3);
	struct fox_sha256 sha = sha_of(b.p, b.n);
	fox_hex(sha_hex, sha.b, sizeof sha.b);
	test_write(test_path(cat(REPO "/blobs/", sha_hex)), b.p, b.n);
	fox_buf_free(&b);
	src_text(REPO "/blobs/" SHA1, "{\"x\": 1}");
	src_text(REPO "/refs/main", REV);
	src_link(cat("../../blobs/", sha_hex), SNAP "/model.safetensors");
	src_link("../../blobs/" SHA1, SNAP "/config.json");
	unsetenv("HF_HUB_CACHE");
	unsetenv("HUGGINGFACE_HUB_CACHE");
	unsetenv("XDG_CACHE_HOME");
	setenv("HF_HOME", test_dir(), 1);
	return 0;
}

static void check_snapshot(const char *path)
{
	struct fox_err err = {0};
	struct fox_source *s;
	struct fox_str text;
	assert_fox_ok(fox_source_open(&s, path, true, &err), &err);
	assert_string_equal(fox_source_revision(s), REV);
	assert_string_equal(fox_source_repo(s), "org/name");
	assert_int_equal(fox_source_tensors(s), 1);
	struct fox_src_file *f = fox_source_file(s, 0);
	char hex[FOX_SHA256_HEX + 1];
	assert_true(f->has_expected);
	fox_hex(hex, f->expected.b, 32);
	assert_string_equal(hex, sha_hex);
	struct fox_sha256 sha = f->expected;
	assert_fox_ok(fox_source_check_digest(s, 0, &sha, &err), &err);
	assert_fox_ok(fox_source_read_file(s, "config.json", 100, &text, &err), &err);
	assert_true(fox_str_is(text, "{\"x\": 1}"));
	assert_false(fox_source_file(s, 1)->has_expected); /* a git SHA-1 is not checked */
	fox_source_close(s);
}

static void test_snapshot_paths(void **state)
{
	(void)state;
	char cwd[4096];
	check_snapshot(test_path(SNAP));
	check_snapshot(test_path(SNAP "/"));
	check_snapshot(test_path(SNAP "//."));
	check_snapshot(test_path(REPO "/refs/../snapshots/" REV));
	check_snapshot(test_path(SNAP "/model.safetensors"));
	check_snapshot(test_path(REPO));
	check_snapshot(test_path(REPO "/"));
	src_link(SNAP, "shortcut");
	check_snapshot(test_path("shortcut"));
	assert_non_null(getcwd(cwd, sizeof cwd));
	assert_int_equal(chdir(test_path(SNAP)), 0);
	check_snapshot(".");
	check_snapshot("model.safetensors");
	assert_int_equal(chdir(test_path(REPO "/snapshots")), 0);
	check_snapshot(REV);
	assert_int_equal(chdir(cwd), 0);
}

static void test_ids(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "org/name", "tensoropera/Fox-1-1.6B", "a.b-c_d/e.f", "0/1"};
	static const char *const bad[] = {"", "/", "a/", "/a", "a//b", "a/b/c", ".a", "a.", "-a", "a-/b", "a--b",
	    "a..b", "../a", "a/..", "~", "a b", "a\\b", "caf\xC3\xA9", "a.git", "a:b", "./a"};
	char longest[98];
	for (size_t i = 0; i < FOX_COUNT(good); i++)
		assert_true(fox_hf_is_id(fox_str_of(good[i])));
	for (size_t i = 0; i < FOX_COUNT(bad); i++)
		assert_false(fox_hf_is_id(fox_str_of(bad[i])));
	memset(longest, 'a', sizeof longest);
	assert_true(fox_hf_is_id((struct fox_str){longest, 96}));
	assert_false(fox_hf_is_id((struct fox_str){longest, 97}));
}

static void test_hub(void **state)
{
	(void)state;
	static const struct {
		struct fox_hf_env env;
		const char *hub;
	} cases[] = {
	    {{.hub_cache = "/a", .legacy_hub_cache = "/b", .hf_home = "/c", .xdg_cache_home = "/d", .home = "/e"},
	        "/a"},
	    {{.legacy_hub_cache = "/b", .hf_home = "/c", .xdg_cache_home = "/d", .home = "/e"}, "/b"},
	    {{.hub_cache = "", .hf_home = "/c", .xdg_cache_home = "/d", .home = "/e"}, "/c/hub"},
	    {{.xdg_cache_home = "/d", .home = "/e"}, "/d/huggingface/hub"},
	    {{.home = "/e"}, "/e/.cache/huggingface/hub"},
	    {{.hf_home = "~/c", .home = "/e"}, "/e/c/hub"},
	    {{.hub_cache = "~", .home = "/e"}, "/e"},
	    {{.hub_cache = "~x", .home = "/e"}, "~x"},
	    {{.home = ""}, NULL},
	    {{NULL, NULL, NULL, NULL, NULL}, NULL},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_arena a = {0};
		struct fox_err err = {0};
		const char *hub;
		assert_fox_ok(fox_hf_hub(&hub, &a, &cases[i].env, &err), &err);
		if (cases[i].hub)
			assert_string_equal(hub, cases[i].hub);
		else
			assert_null(hub);
		fox_arena_free(&a);
	}
}

static void test_repo_id(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *s;
	struct fox_arena a = {0};
	struct fox_hf_place place;
	check_snapshot("org/name"); /* through HF_HOME */
	setenv("HF_HUB_CACHE", test_path("hub"), 1);
	setenv("HF_HOME", "/nonexistent", 1);
	check_snapshot("org/name");
	src_text(REPO "/refs/main", REV "\n");
	check_snapshot("org/name");
	src_text(REPO "/refs/main", REV);
	assert_int_equal(fox_source_open(&s, "org/other", true, &err), FOX_E_IO);
	src_check(&err, FOX_E_IO, FOX_NOWHERE,
	    "'org/other' does not exist, and the local cache '@/hub' does not hold such a repository", "");
	unsetenv("HF_HUB_CACHE");
	setenv("HF_HOME", test_dir(), 1);
	err = (struct fox_err){0};
	struct fox_hf_env none = {0};
	assert_int_equal(fox_hf_find(&place, &a, &none, "org/name", &err), FOX_E_IO);
	src_check(&err, FOX_E_IO, FOX_NOWHERE,
	    "'org/name' does not exist, and neither HF_HUB_CACHE, HF_HOME nor HOME says where a cache is", "");
	fox_arena_free(&a);
	/* what exists as a path is a path */
	char cwd[4096];
	err = (struct fox_err){0};
	src_folder("work");
	src_folder("work/org");
	src_folder("work/org/name");
	assert_non_null(getcwd(cwd, sizeof cwd));
	assert_int_equal(chdir(test_path("work")), 0);
	assert_fox_ok(fox_source_open(&s, "org/name", false, &err), &err);
	assert_null(fox_source_revision(s));
	assert_string_equal(fox_source_dir(s), "org/name");
	fox_source_close(s);
	assert_int_equal(chdir(cwd), 0);
}

/* refs/main as it must not be. */
static void test_bad_refs(void **state)
{
	(void)state;
	static const struct {
		const char *text; /* NULL: the file is a link to the other one */
		enum fox_status code;
		uint64_t at;
		const char *want, *file;
	} cases[] = {
	    {"", FOX_E_FORMAT, 0, "'' is no commit, want 40 hex digits", "@/hub/models--bad/refs/main"},
	    {"main", FOX_E_FORMAT, 0, "'main' is no commit, want 40 hex digits", "@/hub/models--bad/refs/main"},
	    {"../../../../etc", FOX_E_FORMAT, 0, "'../../../../etc' is no commit, want 40 hex digits",
	        "@/hub/models--bad/refs/main"},
	    {OTHER_REV, FOX_E_IO, FOX_NOWHERE,
	        "refs/main names snapshot '" OTHER_REV "', which is not in the cache",
	        "@/hub/models--bad/refs/main"},
	    {NULL, FOX_E_BOUND, FOX_NOWHERE,
	        "'@/hub/models--bad/refs/main' is a link that leaves '@/hub/models--bad'", ""},
	};
	struct fox_err err = {0};
	struct fox_source *s;
	src_folder("hub/models--bad");
	assert_int_equal(fox_source_open(&s, "bad", false, &err), FOX_E_IO);
	src_check(&err, FOX_E_IO, FOX_NOWHERE,
	    "cached repository '@/hub/models--bad' has no refs/main: name one of the folders in its snapshots/",
	    "");
	src_folder("hub/models--bad/refs");
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		err = (struct fox_err){0};
		unlink(test_path("hub/models--bad/refs/main"));
		if (cases[i].text)
			src_text("hub/models--bad/refs/main", cases[i].text);
		else
			src_link("../../models--org--name/refs/main", "hub/models--bad/refs/main");
		assert_int_equal(fox_source_open(&s, "bad", false, &err), cases[i].code);
		src_check(&err, cases[i].code, cases[i].at, cases[i].want, cases[i].file);
	}
}

/* Replace the snapshot's `name` by a link, and open it. */
static enum fox_status open_link(const char *target, const char *name, struct fox_err *err)
{
	struct fox_source *s;
	struct fox_str text;
	char path[200];
	*err = (struct fox_err){0};
	snprintf(path, sizeof path, SNAP "/%s", name);
	unlink(test_path(path));
	src_link(target, path);
	struct fox_err open_err = {0};
	assert_fox_ok(fox_source_open(&s, test_path(SNAP), false, &open_err), &open_err);
	enum fox_status st = fox_source_read_file(s, name, 100000, &text, err);
	fox_source_close(s);
	unlink(test_path(path));
	return st;
}

static void test_links(void **state)
{
	(void)state;
	struct fox_err err;
	src_text("secret", "s");
	src_text("hub/secret", "s");
	src_text(SNAP "/beside", "b");
	src_link("..", SNAP "/up");
	src_link("../../..", SNAP "/upup");
	assert_int_equal(mkfifo(test_path(REPO "/blobs/fifo"), 0600), 0);
	src_link("../../../../secret", REPO "/blobs/hop");
	static const char *const good[] = {"../../blobs/" SHA1, "beside", "up/" REV "/beside", "../../refs/main"};
	for (size_t i = 0; i < FOX_COUNT(good); i++)
		assert_fox_ok(open_link(good[i], "x", &err), &err);
	static const char *const leaving[] = {"../../../../secret", "../../../secret", "/etc/passwd",
	    "upup/secret", "../../blobs/hop", "../../../models--bad/refs/main",
	    "../../../models--org--name/refs/main"};
	for (size_t i = 0; i < FOX_COUNT(leaving); i++) {
		assert_int_equal(open_link(leaving[i], "x", &err), FOX_E_BOUND);
		src_check(&err, FOX_E_BOUND, FOX_NOWHERE, "'@/" SNAP "/x' is a link that leaves '@/" REPO "'", "");
	}
	/* an absolute link is refused even when it would stay inside: it is not how a cache is made */
	assert_int_equal(open_link(test_path(REPO "/blobs/" SHA1), "x", &err), FOX_E_BOUND);
	assert_int_equal(open_link("x", "x", &err), FOX_E_IO);
	src_check(
	    &err, FOX_E_IO, FOX_NOWHERE, "cannot open '@/" SNAP "/x': Too many levels of symbolic links", "");
	assert_int_equal(open_link("../../blobs/fifo", "x", &err), FOX_E_IO);
	src_check(
	    &err, FOX_E_IO, FOX_NOWHERE, "'@/" SNAP "/x' is a device, FIFO or socket, not a regular file", "");
	assert_int_equal(open_link("../../blobs", "x", &err), FOX_E_IO);
	src_check(&err, FOX_E_IO, FOX_NOWHERE, "'@/" SNAP "/x' is a folder, not a regular file", "");
	assert_int_equal(open_link("../../blobs/absent", "x", &err), FOX_E_IO);
	src_check(&err, FOX_E_IO, FOX_NOWHERE, "cannot open '@/" SNAP "/x': No such file or directory", "");
}

/* The whole of blobs/, or of a snapshot, is a link out. */
static void test_linked_folders(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_source *s;
	struct fox_str text;
	src_folder("hub/models--l");
	src_folder("hub/models--l/snapshots");
	src_folder("hub/models--l/snapshots/" REV);
	src_link("../models--org--name/blobs", "hub/models--l/blobs");
	src_link("../../blobs/" SHA1, "hub/models--l/snapshots/" REV "/config.json");
	src_link("../../models--org--name/snapshots/" REV, "hub/models--l/snapshots/" OTHER_REV);
	assert_fox_ok(fox_source_open(&s, test_path("hub/models--l/snapshots/" REV), false, &err), &err);
	assert_string_equal(fox_source_repo(s), "l");
	assert_int_equal(fox_source_read_file(s, "config.json", 100, &text, &err), FOX_E_BOUND);
	src_check(&err, FOX_E_BOUND, FOX_NOWHERE,
	    "'@/hub/models--l/snapshots/" REV "/config.json' is a link that leaves '@/hub/models--l'", "");
	fox_source_close(s);
	err = (struct fox_err){0};
	assert_fox_ok(fox_source_open(&s, test_path("hub/models--l/snapshots/" OTHER_REV), false, &err), &err);
	assert_int_equal(fox_source_read_file(s, "config.json", 100, &text, &err), FOX_E_BOUND);
	src_check(&err, FOX_E_BOUND, FOX_NOWHERE,
	    "folder '@/hub/models--l/snapshots/" OTHER_REV "' is not inside '@/hub/models--l'", "");
	fox_source_close(s);
}

/* A blob that is not what its name says. */
static void test_wrong_blob(void **state)
{
	(void)state;
	struct fox_err err;
	struct fox_source *s;
	struct fox_sha256 sha = {{0}};
	char want[400];
	const char *zeros = "0000000000000000000000000000000000000000000000000000000000000000";
	struct fox_sha256 real = sha_of("abc", 3);
	char real_hex[FOX_SHA256_HEX + 1];
	fox_hex(real_hex, real.b, 32);
	assert_string_equal(real_hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	src_text(cat(REPO "/blobs/", zeros), "abc");
	assert_int_equal(open_link(cat("../../blobs/", zeros), "tokenizer.model", &err), FOX_E_MISMATCH);
	snprintf(want, sizeof want, "SHA-256 is %s, the blob's name says %s", real_hex, zeros);
	src_check(&err, FOX_E_MISMATCH, FOX_NOWHERE, want, "@/" SNAP "/tokenizer.model");
	src_text(cat(REPO "/blobs/", real_hex), "abc");
	assert_fox_ok(open_link(cat("../../blobs/", real_hex), "tokenizer.model", &err), &err);
	/* the same for weights, once somebody has read them */
	err = (struct fox_err){0};
	assert_fox_ok(fox_source_open(&s, test_path(SNAP), true, &err), &err);
	assert_int_equal(fox_source_check_digest(s, 0, &sha, &err), FOX_E_MISMATCH);
	snprintf(want, sizeof want, "SHA-256 is %s, the blob's name says %s", zeros, sha_hex);
	src_check(&err, FOX_E_MISMATCH, FOX_NOWHERE, want, "@/" SNAP "/model.safetensors");
	fox_source_close(s);
}

/* The hub's shared blobs: one form of link may leave the repository folder, nothing like it may. */
static void test_shared_blobs(void **state)
{
	(void)state;
	struct fox_err err;
	char blob[200], snap[200];
	struct fox_sha256 sha = sha_of("shared", 6);
	char hex[FOX_SHA256_HEX + 1];
	fox_hex(hex, sha.b, 32);
	snprintf(blob, sizeof blob, REPO "/blobs/%s", hex);
	snprintf(snap, sizeof snap, "../../blobs/%s", hex);
	src_folder("hub/blobs");
	src_folder("hub/blobs/ab");
	src_folder("hub/blobs/cd");
	src_text("hub/blobs/ab/" XET, "shared");
	src_text("hub/blobs/cd/" XET, "shared");
	src_text("hub/blobs/ab/name", "shared");
	src_link("../../blobs/ab/" XET, blob);
	assert_int_equal(open_link(snap, "x", &err), FOX_E_BOUND); /* no marker: not huggingface_hub's store */
	src_text("hub/blobs/.huggingface-shared-blobs", "2\n");
	assert_int_equal(open_link(snap, "x", &err), FOX_E_BOUND); /* a layout we do not know */
	src_text("hub/blobs/.huggingface-shared-blobs", "1\n");
	assert_fox_ok(open_link(snap, "x", &err), &err);
	static const char *const odd[] = {"../../blobs/cd/" XET, "../../blobs/ab/name",
	    "../../blobs/ab/../ab/" XET, "../../blobs/" XET, "../../../secret", "../../../hub/blobs/ab/" XET,
	    "../../secret"};
	for (size_t i = 0; i < FOX_COUNT(odd); i++) {
		unlink(test_path(blob));
		src_link(odd[i], blob);
		assert_int_equal(open_link(snap, "x", &err), FOX_E_BOUND);
		src_check(&err, FOX_E_BOUND, FOX_NOWHERE, "'@/" SNAP "/x' is a link that leaves '@/" REPO "'", "");
	}
	/* the right link, but the bytes are not the blob's, or the store's entry leads out itself */
	unlink(test_path(blob));
	src_link("../../blobs/ab/" XET, blob);
	src_text("hub/blobs/ab/" XET, "other");
	assert_int_equal(open_link(snap, "x", &err), FOX_E_MISMATCH);
	unlink(test_path("hub/blobs/ab/" XET));
	src_link("../../secret", "hub/blobs/ab/" XET);
	assert_int_equal(open_link(snap, "x", &err), FOX_E_BOUND);
	/* a blob that is not named by its SHA-256 could not be checked: never through the store */
	unlink(test_path("hub/blobs/ab/" XET));
	src_text("hub/blobs/ab/" XET, "shared");
	src_link("../../blobs/ab/" XET, REPO "/blobs/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
	assert_int_equal(
	    open_link("../../blobs/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "x", &err), FOX_E_BOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_snapshot_paths),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_hub),
	    cmocka_unit_test(test_repo_id),
	    cmocka_unit_test(test_bad_refs),
	    cmocka_unit_test(test_links),
	    cmocka_unit_test(test_linked_folders),
	    cmocka_unit_test(test_wrong_blob),
	    cmocka_unit_test(test_shared_blobs),
	};
	return cmocka_run_group_tests_name("hfcache", tests, make_cache, NULL);
}
