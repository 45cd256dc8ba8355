/* fox-run.c - main: a prompt in, text out; or a conversation, line by line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "format/base/io.h"
#include "format/base/log.h"
#include "format/base/opt.h"
#include "kernels/kernels.h"
#include "runtime/chat.h"
#include "runtime/kv.h"
#include "runtime/load.h"
#include "runtime/sample.h"
#include "runtime/session.h"
#include "runtime/stream.h"

#define PROMPT_LIMIT (16u << 20) /* bytes */

static struct args {
	const char *prompt, *file, *system;
	uint32_t n, context, batch, threads, top_k;
	uint64_t seed;
	float temperature, top_p;
	int kv;      /* index into fox_kv_types */
	int mode;    /* enum fox_arith */
	int backend; /* enum fox_backend_choice */
	bool echo, ids, quiet, chat;
} args = {.n = 128, .top_p = 1, .mode = FOX_ARITH_FAST};

static const struct fox_opt options[] = {
    {FOX_OPT_GROUP, 0, NULL, NULL, NULL, "Text", NULL, 0, 0},
    {FOX_OPT_STR, 'p', "prompt", &args.prompt, "TEXT", "the text to continue", NULL, 0, 0},
    {FOX_OPT_STR, 'f', "file", &args.file, "FILE", "read the prompt from a file; - is standard input", NULL,
        0, 0},
    {FOX_OPT_U32, 'n', "tokens", &args.n, "N", "write at most N tokens (128); 0: until the context is full",
        NULL, 0, INT32_MAX},
    {FOX_OPT_FLAG, 0, "echo", &args.echo, NULL, "write the prompt first", NULL, 0, 0},
    {FOX_OPT_FLAG, 0, "ids", &args.ids, NULL, "write token ids, one a line, in place of text", NULL, 0, 0},
    {FOX_OPT_FLAG, 0, "chat", &args.chat, NULL,
        "answer as the model's chat format has it: the prompt, or each line of standard input", NULL, 0, 0},
    {FOX_OPT_STR, 0, "system", &args.system, "TEXT", "with --chat: the system text", NULL, 0, 0},
    {FOX_OPT_GROUP, 0, NULL, NULL, NULL, "Choice of tokens", NULL, 0, 0},
    {FOX_OPT_F32, 0, "temp", &args.temperature, "T", "temperature; 0, the default, takes the likeliest", NULL,
        0, 0},
    {FOX_OPT_U32, 0, "top-k", &args.top_k, "K", "among the K likeliest; 0: all", NULL, 0, INT32_MAX},
    {FOX_OPT_F32, 0, "top-p", &args.top_p, "P", "among the likeliest that reach probability P; 1: all", NULL,
        0, 0},
    {FOX_OPT_U64, 0, "seed", &args.seed, "S", "seed of the random numbers (0)", NULL, 0, 0},
    {FOX_OPT_GROUP, 0, NULL, NULL, NULL, "Machine", NULL, 0, 0},
    {FOX_OPT_U32, 'c', "context", &args.context, "N", "positions to make room for; default: what is needed",
        NULL, 1, INT32_MAX},
    {FOX_OPT_U32, 'b', "batch", &args.batch, "N",
        "tokens of a prompt that run at once, at most; fewer take less memory (cpu 512, cuda 2048)", NULL, 1,
        65536},
    {FOX_OPT_U32, 'j', "threads", &args.threads, "N", "threads; default: the CPUs this process may use", NULL,
        1, 1024},
    {FOX_OPT_ENUM, 0, "backend", &args.backend, "NAME",
        "where to run: auto (default: a CUDA device if there is one), cpu, cuda", fox_backend_names, 0, 0},
    {FOX_OPT_ENUM, 0, "kv", &args.kv, "TYPE", "type of the key-value cache", fox_kv_names, 0, 0},
    {FOX_OPT_ENUM, 0, "mode", &args.mode, "MODE",
        "arithmetic: fast (default) rounds activations, exact does not", fox_arith_names, 0, 0},
    {FOX_OPT_FLAG, 'q', "quiet", &args.quiet, NULL, "no statistics on standard error", NULL, 0, 0},
    {FOX_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, 0, 0},
};

static const struct fox_tool tool = {
    .name = "fox-run",
    .summary = "continue a text with a model",
    .usage = "fox-run [options] FILE -p TEXT\nfox-run [options] FILE -f FILE\nfox-run [options] FILE --chat",
    .notes = "Special tokens written in the prompt are recognised, but not in a chat. Text ends at the "
             "model's end token.\n"
             "Equal file, prompt, options and seed give equal text, whatever the number of threads;\n"
             "another backend rounds differently.\n\n"
             "Example: fox-run model.gguf -p 'HACKER, n.' -n 64 --temp 0.8 --top-p 0.95 --seed 1",
    .options = options,
    .min_args = 1,
    .max_args = 1,
};

/* Everything one run holds; zeroed parts are fine to release. */
struct run {
	struct fox_model *model;
	struct fox_tokdata data;
	struct fox_tok *tok;
	struct fox_pool *pool;
	const struct fox_backend *backend;
	struct fox_session *session;
	struct fox_sampler *sampler;
	struct fox_tok_ids prompt;
	struct fox_stream stream;
	struct fox_buf out, piece;
	struct fox_chat *chat;
	struct fox_chat_text rendered;
	struct fox_chat_turn *turns; /* texts are the arena's */
	size_t n_turns, cap_turns;
	struct fox_buf reply;
	struct fox_arena arena;
	uint32_t among; /* ids that can be chosen */
	int32_t next;   /* the likeliest, where nothing else is ever chosen */
	int32_t stop;   /* ends the model's turn, or FOX_TOK_NONE */
	double loaded_s, prompt_s, write_s;
	size_t n_written;
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static enum fox_status read_stdin(struct fox_buf *text, struct fox_err *err)
{
	char block[16384];
	for (ssize_t n; (n = read(STDIN_FILENO, block, sizeof block)) != 0;) {
		if (n < 0 && errno != EINTR)
			return fox_fail_errno(err, errno, "cannot read the prompt from standard input");
		if (fox_cancelled(err))
			return FOX_E_CANCELLED;
		if (n > 0)
			fox_buf_add(text, block, (size_t)n);
		if (text->n > PROMPT_LIMIT)
			return fox_fail(
			    err, FOX_E_BOUND, FOX_NOWHERE, "the prompt is longer than %u bytes", PROMPT_LIMIT);
	}
	return text->failed ? fox_fail_nomem(err) : FOX_OK;
}

static enum fox_status read_prompt(struct fox_buf *text, struct fox_err *err)
{
	char *bytes;
	size_t n;
	if (args.prompt) {
		fox_buf_str(text, args.prompt);
		return text->failed ? fox_fail_nomem(err) : FOX_OK;
	}
	if (fox_str_is(fox_str_of(args.file), "-"))
		return read_stdin(text, err);
	enum fox_status st = fox_path_slurp(args.file, PROMPT_LIMIT, &bytes, &n, err);
	if (st)
		return fox_in_file(err, args.file), st;
	fox_buf_add(text, bytes, n);
	free(bytes);
	return text->failed ? fox_fail_nomem(err) : FOX_OK;
}

static enum fox_status encode_prompt(struct run *r, struct fox_err *err)
{
	struct fox_buf text = {0};
	enum fox_status st = read_prompt(&text, err);
	struct fox_str view = text.p ? fox_buf_view(&text) : fox_str_of("");
	if (!st)
		st = fox_tok_encode(r->tok, &r->prompt, view, FOX_TOK_SPECIAL, err);
	fox_buf_free(&text);
	if (st)
		return st;
	/* A text to be continued does not end, even where the model's tokenizer ends every text. */
	if (r->data.add_eos && r->prompt.n && r->prompt.ids[r->prompt.n - 1] == r->data.eos)
		r->prompt.n--;
	if (r->prompt.n == 0)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "the prompt holds no tokens");
	return FOX_OK;
}

static enum fox_status open_session(struct run *r, struct fox_err *err)
{
	const struct fox_hparams *h = fox_model_hparams(r->model);
	bool lines = args.chat && !args.prompt && !args.file; /* nobody knows how long it becomes */
	uint64_t need = args.n && !lines ? (uint64_t)r->prompt.n + args.n : h->n_ctx;
	uint32_t n_ctx = args.context ? args.context : need < h->n_ctx ? (uint32_t)need : h->n_ctx;
	if (r->prompt.n > n_ctx)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "the prompt's %zu tokens do not fit the context of %u",
		    r->prompt.n, n_ctx);
	if (n_ctx > h->n_ctx)
		fox_log_note("the model was trained for %u positions, not %u", h->n_ctx, n_ctx);
	struct fox_session_options so = {.n_ctx = n_ctx,
	    .batch = args.batch,
	    .kv = fox_kv_types[args.kv],
	    .arith = (enum fox_arith)args.mode,
	    .pool = r->pool,
	    .backend = r->backend};
	struct fox_sample_options sa = {args.temperature, args.top_k, args.top_p, args.seed};
	enum fox_status st = fox_session_open(&r->session, r->model, &so, err);
	/* Rows of the output past the last token (padding of the matrix) are never chosen. */
	r->among = h->n_vocab < r->data.n ? h->n_vocab : r->data.n;
	return st ? st : fox_sampler_open(&r->sampler, &sa, r->among, err);
}

static enum fox_status load(struct run *r, const char *path, struct fox_err *err)
{
	double start = now_s();
	r->pool = fox_pool_open(args.threads); /* 0: the CPUs this process may use */
	if (!r->pool)
		return fox_fail_nomem(err);
	enum fox_status st = fox_backend_choose(&r->backend, (enum fox_backend_choice)args.backend, err);
	if (st || (st = fox_load(&r->model, &r->data, &r->tok, path, r->pool, err)))
		return st;
	r->loaded_s = now_s() - start;
	r->stop = FOX_TOK_NONE;
	return FOX_OK;
}

/* Write what has gathered in r->out. */
static enum fox_status flush_out(struct run *r, struct fox_err *err)
{
	if (r->out.failed)
		return fox_fail_nomem(err);
	if (r->out.n && (fwrite(r->out.p, 1, r->out.n, stdout) != r->out.n || fflush(stdout)))
		return fox_fail_errno(err, errno, "cannot write to standard output");
	fox_buf_clear(&r->out);
	return FOX_OK;
}

static enum fox_status show(struct run *r, const int32_t *ids, size_t n, bool first, struct fox_err *err)
{
	if (args.ids) {
		for (size_t i = 0; i < n; i++)
			fox_buf_fmt(&r->out, "%d\n", ids[i]);
		return flush_out(r, err);
	}
	fox_buf_clear(&r->piece);
	enum fox_status st = fox_tok_decode(r->tok, &r->piece, ids, n, first, 0, err);
	if (st)
		return st;
	if (r->piece.failed)
		return fox_fail_nomem(err);
	if (r->piece.n)
		fox_stream_add(&r->stream, &r->out, fox_buf_view(&r->piece));
	return flush_out(r, err);
}

/* Where only the likeliest token is ever taken, the backend finds it: logits need not leave a device. */
static enum fox_status advance(struct run *r, const int32_t *ids, size_t n, struct fox_err *err)
{
	return args.temperature == 0 ? fox_session_likeliest(r->session, ids, n, r->among, &r->next, err)
	                             : fox_session_step(r->session, ids, n, NULL, err);
}

static int32_t choose(struct run *r)
{
	return args.temperature == 0 ? r->next : fox_sampler_next(r->sampler, fox_session_logits(r->session));
}

static enum fox_status run_prompt(struct run *r, struct fox_err *err)
{
	double start = now_s();
	size_t done = fox_session_position(r->session);
	enum fox_status st = advance(r, r->prompt.ids + done, r->prompt.n - done, err);
	r->prompt_s += now_s() - start;
	return st;
}

static enum fox_status write_text(struct run *r, struct fox_err *err)
{
	double start = now_s();
	enum fox_status st = FOX_OK;
	size_t most = args.n ? r->n_written + args.n : SIZE_MAX;
	while (!st && r->n_written < most) {
		int32_t id = choose(r);
		if (id < 0)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
			    "the model gives no numbers for position %u: its weights hold NaN or infinities",
			    fox_session_position(r->session));
		if (id == r->data.eos || id == r->data.eot || id == r->stop)
			break;
		r->n_written++;
		if (r->chat && (st = fox_tok_decode(r->tok, &r->reply, &id, 1, false, 0, err)))
			break;
		if ((st = show(r, &id, 1, false, err)) || (st = fox_cancelled(err)))
			break;
		if (r->n_written == most)
			break;
		if (fox_session_position(r->session) == fox_session_context(r->session)) {
			fox_log_note("the context of %u positions is full", fox_session_context(r->session));
			break;
		}
		st = advance(r, &id, 1, err);
	}
	r->write_s += now_s() - start;
	if (!args.ids)
		fox_stream_end(&r->stream, &r->out);
	enum fox_status end = flush_out(r, err);
	return st ? st : end;
}

/* ---- a conversation */

static enum fox_status add_turn(
    struct run *r, enum fox_chat_role role, struct fox_str text, struct fox_err *err)
{
	if (r->n_turns == r->cap_turns) {
		size_t cap = r->cap_turns ? 2 * r->cap_turns : 16;
		struct fox_chat_turn *more = realloc(r->turns, cap * sizeof *more);
		if (!more)
			return fox_fail_nomem(err);
		r->turns = more;
		r->cap_turns = cap;
	}
	const char *copy = fox_arena_strdup(&r->arena, text);
	if (!copy)
		return fox_fail_nomem(err);
	r->turns[r->n_turns++] = (struct fox_chat_turn){role, {copy, text.n}};
	return FOX_OK;
}

static struct fox_str token_text(const struct run *r, int32_t id)
{
	return id == FOX_TOK_NONE ? (struct fox_str){NULL, 0} : r->data.piece[id];
}

static enum fox_status open_chat(struct run *r, const char *path, struct fox_err *err)
{
	static char date[32];
	time_t now = time(NULL);
	struct tm local;
	if (!r->data.chat_template.p) {
		(void)fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "no chat template: this model is not made to chat");
		return fox_in_file(err, path), FOX_E_UNSUPPORTED;
	}
	strftime(date, sizeof date, "%d %b %Y", localtime_r(&now, &local));
	enum fox_status st = fox_chat_open(
	    &r->chat, r->data.chat_template, token_text(r, r->data.bos), token_text(r, r->data.eos), date, err);
	if (st)
		return fox_in_file(err, path), st;
	fox_log_note("chat format: %s", fox_chat_name(r->chat));
	if ((st = fox_chat_stop(r->chat, &r->data, &r->stop, err)))
		return st;
	return args.system ? add_turn(r, FOX_CHAT_SYSTEM, fox_str_of(args.system), err) : FOX_OK;
}

/* Run what the conversation has come to, but for the tokens at its start that the session has run already. */
static enum fox_status catch_up(struct run *r, struct fox_err *err)
{
	enum fox_status st;
	if (!r->session && (st = open_session(r, err)))
		return st;
	if (r->prompt.n > fox_session_context(r->session))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "the conversation's %zu tokens do not fit the context of %u", r->prompt.n,
		    fox_session_context(r->session));
	(void)fox_session_reuse(r->session, r->prompt.ids, r->prompt.n);
	return run_prompt(r, err);
}

static enum fox_status answer(struct run *r, struct fox_str text, struct fox_err *err)
{
	enum fox_status st;
	if ((st = add_turn(r, FOX_CHAT_USER, text, err)) ||
	    (st = fox_chat_render(r->chat, &r->rendered, r->turns, r->n_turns, err)))
		return st;
	r->prompt.n = 0;
	if ((st = fox_chat_encode(&r->prompt, r->tok, &r->data, &r->rendered, err)) || (st = catch_up(r, err)))
		return st;
	if (args.echo && (st = show(r, r->prompt.ids, r->prompt.n, true, err)))
		return st;
	fox_buf_clear(&r->reply);
	fox_buf_str(&r->reply, "");
	if ((st = write_text(r, err)))
		return st;
	if (r->reply.failed)
		return fox_fail_nomem(err);
	return add_turn(r, FOX_CHAT_ASSISTANT, fox_buf_view(&r->reply), err);
}

static enum fox_status end_line(bool wanted, struct fox_err *err)
{
	if (wanted && (fputs("\n", stdout) == EOF || fflush(stdout)))
		return fox_fail_errno(err, errno, "cannot write to standard output");
	return FOX_OK;
}

/* Each line that is not empty is a turn of the user. */
static enum fox_status answer_lines(struct run *r, struct fox_err *err)
{
	char *line = NULL;
	size_t cap = 0;
	enum fox_status st = FOX_OK;
	while (!st) {
		if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
			fputs("> ", stderr);
		ssize_t n = getline(&line, &cap, stdin);
		if (n < 0 || (st = fox_cancelled(err)))
			break;
		n -= n && line[n - 1] == '\n';
		if (n && !(st = answer(r, (struct fox_str){line, (size_t)n}, err)))
			st = end_line(!args.ids, err);
	}
	if (!st && ferror(stdin))
		st = fox_fail_errno(err, errno, "cannot read from standard input");
	free(line);
	return st ? st : fox_cancelled(err);
}

static enum fox_status answer_prompt(struct run *r, struct fox_err *err)
{
	struct fox_buf text = {0};
	enum fox_status st = read_prompt(&text, err);
	if (!st)
		st = answer(r, text.p ? fox_buf_view(&text) : fox_str_of(""), err);
	fox_buf_free(&text);
	return st;
}

static enum fox_status chat(struct run *r, const char *path, struct fox_err *err)
{
	enum fox_status st = open_chat(r, path, err);
	if (st)
		return st;
	if (!args.prompt && !args.file)
		return answer_lines(r, err);
	st = answer_prompt(r, err);
	return st ? st : end_line(r->stream.escape && !args.ids, err);
}

static enum fox_status continue_text(struct run *r, struct fox_err *err)
{
	enum fox_status st;
	if ((st = encode_prompt(r, err)) || (st = open_session(r, err)))
		return st;
	if (args.echo && (st = show(r, r->prompt.ids, r->prompt.n, true, err)))
		return st;
	if ((st = run_prompt(r, err)) || (st = write_text(r, err)))
		return st;
	return end_line(r->stream.escape && !args.ids, err);
}

static double rate(size_t n, double seconds)
{
	return seconds > 0 ? (double)n / seconds : 0;
}

static enum fox_status run(struct run *r, const char *path, struct fox_err *err)
{
	enum fox_status st = load(r, path, err);
	if (st)
		return st;
	r->stream.escape = isatty(STDOUT_FILENO);
	if ((st = args.chat ? chat(r, path, err) : continue_text(r, err)))
		return st;
	size_t n = args.chat && r->session ? fox_session_position(r->session) : r->prompt.n;
	char where[300];
	fox_backend_describe(r->backend, where, sizeof where);
	fox_log_note("loaded in %.2f s; prompt: %zu tokens, %.1f a second; text: %zu tokens, %.1f a second; %s, "
	             "%u threads, %s arithmetic",
	    r->loaded_s, n, rate(n, r->prompt_s), r->n_written, rate(r->n_written, r->write_s), where,
	    fox_pool_workers(r->pool), fox_arith_names[args.mode]);
	return st;
}

static void release(struct run *r)
{
	fox_sampler_close(r->sampler);
	fox_session_close(r->session);
	fox_pool_close(r->pool);
	fox_tok_ids_free(&r->prompt);
	fox_tok_close(r->tok);
	fox_tokdata_free(&r->data);
	fox_model_close(r->model);
	fox_buf_free(&r->out);
	fox_buf_free(&r->piece);
	fox_chat_close(r->chat);
	fox_chat_text_free(&r->rendered);
	free(r->turns);
	fox_buf_free(&r->reply);
	fox_arena_free(&r->arena);
}

int main(int argc, char **argv)
{
	struct fox_err err = {0};
	struct run r = {0};
	int first;
	bool done;
	fox_log_init(tool.name);
	fox_signals_init();
	fox_version_extra = fox_kernels_describe;
	fox_version_libraries = fox_tok_versions;
	if (fox_opt_parse(&tool, argc, argv, &first, &done, &err))
		return fox_log_usage(&err);
	if (done)
		return 0;
	fox_log_quiet(args.quiet);
	if (args.chat ? args.prompt && args.file : !args.prompt == !args.file)
		(void)fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "want %s of '--prompt' and '--file'",
		    args.chat ? "at most one" : "one");
	else if (args.system && !args.chat)
		(void)fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "'--system' goes with '--chat'");
	if (err.code)
		return fox_log_usage(&err);
	int code = run(&r, argv[first], &err) ? fox_log_err(&err) : 0;
	release(&r);
	return code;
}
