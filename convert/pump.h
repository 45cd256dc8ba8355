/* pump.h - bytes from one place to others, and their SHA-256 on the way: one reading, in pieces, whatever the size.
 *
 * A piece is hashed, put down and checked at the same time, while the next one is read, where there are CPUs for it; each
 * of these sees the pieces one after the other, in order. */
#ifndef FOX_PUMP_H
#define FOX_PUMP_H

#include "format/base/hash.h"
#include "format/base/io.h"

enum { FOX_PUMP_PIECE = 2 << 20, FOX_PUMP_SINKS = 3 };

/* Fill at most cap bytes of buf. *n 0: there are no more. */
typedef enum fox_status fox_pump_take_fn(void *ctx, void *buf, size_t cap, size_t *n, struct fox_err *err);
/* Take n bytes, which are the pump's. */
typedef enum fox_status fox_pump_give_fn(void *ctx, const void *p, size_t n, struct fox_err *err);
typedef void fox_pump_progress_fn(void *ctx, uint64_t done_bytes);

struct fox_pump; /* two pieces, threads and a hash, for any number of runs */
enum fox_status fox_pump_open(
    struct fox_pump **out, unsigned threads, struct fox_err *err) FOX_MUST_CHECK; /* 0: one per CPU */
void fox_pump_close(struct fox_pump *p);                                          /* NULL is fine */
/* Told all bytes of all runs so far, after each piece. */
void fox_pump_tell(struct fox_pump *p, fox_pump_progress_fn *progress, void *ctx);

struct fox_pump_sink {
	fox_pump_give_fn *give; /* NULL: none */
	void *ctx;
};

/*
 * fox_pump_run - everything that take has
 *
 * sinks   each is called by one thread at a time, but together with the others and with take
 * sha256  of all bytes; bytes: how many they were. Either may be NULL
 * errors  those of take and of the sinks (of several at once, any one); FOX_E_CANCELLED, FOX_E_NOMEM
 */
enum fox_status fox_pump_run(struct fox_pump *p, fox_pump_take_fn *take, void *from,
    const struct fox_pump_sink sinks[FOX_PUMP_SINKS], struct fox_sha256 *sha256, uint64_t *bytes,
    struct fox_err *err) FOX_MUST_CHECK;

/* The same with an open file as the source: FOX_E_IO, FOX_E_TRUNCATED also when the file changes meanwhile. */
enum fox_status fox_pump_file(struct fox_pump *p, const struct fox_file *from,
    const struct fox_pump_sink sinks[FOX_PUMP_SINKS], struct fox_sha256 *sha256,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
