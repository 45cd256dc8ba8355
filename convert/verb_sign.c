/* verb_sign.c - fox-pack sign: SHA256SUMS and its signature. */
#include "convert/pack.h"
#include "convert/sign.h"
#include "format/base/io.h"
#include "format/base/log.h"
#include "format/base/opt.h"
#include "kernels/ncpu.h"

static const char *out, *key;
static uint32_t threads;
static bool force, quiet;

static const struct fox_opt options[] = {
    {.type = FOX_OPT_STR,
        .short_name = 'k',
        .long_name = "key",
        .to = &key,
        .arg = "KEY",
        .help = "OpenSSH private key (ssh-keygen -t ed25519); without it files are listed and not signed"},
    {.type = FOX_OPT_STR,
        .short_name = 'o',
        .long_name = "output",
        .to = &out,
        .arg = "PATH",
        .help = "write PATH and PATH.sig (default: SHA256SUMS in the first file's folder)"},
    {.type = FOX_OPT_FLAG,
        .short_name = 'f',
        .long_name = "force",
        .to = &force,
        .help = "replace existing outputs"},
    {.type = FOX_OPT_U32,
        .short_name = 'j',
        .long_name = "threads",
        .to = &threads,
        .arg = "N",
        .help = "files hashed at a time (default: one per CPU allowed)",
        .max = 1024},
    {.type = FOX_OPT_FLAG, .short_name = 'q', .long_name = "quiet", .to = &quiet, .help = "print nothing"},
    {0},
};

static const struct fox_tool tool = {
    .name = "fox-pack sign",
    .summary = "list files with their SHA-256, and sign the list with an SSH key",
    .usage = "fox-pack sign FILE... --key KEY\nfox-pack sign SHA256SUMS --key KEY",
    .notes = "Of a model in shards the first one is enough. Names in the list are relative to its folder.\n"
             "`ssh-keygen -Y verify -n fox` and `fox-verify --key` verify it: spec/sign.md.\n"
             "Example: fox-pack sign fox-1.q4_k_m.gguf --key ~/.ssh/id_ed25519",
    .options = options,
    .min_args = 1,
    .max_args = UINT32_MAX,
};

static void say(struct fox_buf *b, const char *name, struct fox_str value)
{
	fox_buf_fmt(b, "%-12s", name);
	fox_buf_escaped(b, value, SIZE_MAX);
	fox_buf_char(b, '\n');
}

static enum fox_status print(const struct fox_sign_done *d, struct fox_err *err)
{
	struct fox_buf b = {0};
	if (d->wrote_sums)
		say(&b, "output", fox_buf_view(&d->sums));
	if (d->sig.n)
		say(&b, "signature", fox_buf_view(&d->sig));
	fox_buf_fmt(&b, "%-12s%llu\n", "files", (unsigned long long)d->n_files);
	if (d->wrote_sums)
		fox_buf_fmt(&b, "%-12s%llu\n", "bytes", (unsigned long long)d->bytes);
	if (d->sig.n) {
		fox_buf_fmt(&b, "%-12s%s ", "key", d->key);
		fox_buf_escaped(&b, fox_str_of(d->comment), SIZE_MAX);
		fox_buf_char(&b, '\n');
	}
	enum fox_status s = b.failed ? fox_fail_nomem(err) : fox_stdout_put(fox_buf_view(&b), err);
	fox_buf_free(&b);
	return s;
}

int fox_verb_sign(int argc, char **argv)
{
	struct fox_err err = {0};
	struct fox_sign_done done = {0};
	int first;
	bool over;
	fox_log_init(tool.name);
	if (fox_opt_parse(&tool, argc, argv, &first, &over, &err))
		return fox_log_usage(&err);
	if (over)
		return 0;
	fox_log_quiet(quiet);
	struct fox_sign_ask ask = {.files = (const char *const *)argv + first,
	    .n_files = (size_t)(argc - first),
	    .out = out,
	    .key = key,
	    .replace = force,
	    .pool = fox_pool_open(threads ? threads : fox_cpu_count())};
	enum fox_status s = fox_sign(&done, &ask, &err);
	if (!s && !key)
		fox_log_note(
		    "nothing is signed: --key KEY, `ssh-keygen -Y sign -n fox -f KEY %s` or `minisign -Sm %s` does",
		    done.sums.p, done.sums.p);
	if (!s && !quiet)
		s = print(&done, &err);
	fox_pool_close(ask.pool);
	fox_sign_free(&done);
	return s ? fox_log_err(&err) : 0;
}
