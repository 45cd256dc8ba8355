/* signals.c - signals as a flag: a tool that is asked to stop ends its work in order. See io.h. */
#include <signal.h>

#include "format/base/io.h"

static volatile sig_atomic_t pending;

static void remember(int sig)
{
	pending = sig;
}

void fox_signals_init(void)
{
	const struct sigaction stop = {.sa_handler = remember}, ignore = {.sa_handler = SIG_IGN};
	static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < FOX_COUNT(stops); i++) {
		struct sigaction was;
		if (!sigaction(stops[i], NULL, &was) && was.sa_handler != SIG_IGN) /* nohup, or a shell's job */
			sigaction(stops[i], &stop, NULL);
	}
	sigaction(SIGXFSZ, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

int fox_signal_pending(void)
{
	return pending;
}

enum fox_status fox_cancelled(struct fox_err *err)
{
	int sig = pending;
	if (!sig)
		return FOX_OK;
	return fox_fail(err, FOX_E_CANCELLED, FOX_NOWHERE, "stopped by %s",
	    sig == SIGINT    ? "SIGINT"
	    : sig == SIGTERM ? "SIGTERM"
	                     : "SIGHUP");
}
