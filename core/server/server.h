/* The running server: birth, reload and death of everything below. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "config/config.h"

/* Runs until SIGTERM or SIGINT has drained it. Prints on stdout, when it accepts, one line
 * "listening on http://127.0.0.1:8000" (dev: and "open http://127.0.0.1:8000/"); events go to the log. Returns an exit
 * code: 0, or 1 with err when it could not start (scripts that do not load, address in use, certificates). */
int server_run(const struct config *config, const struct log *log, struct error *err);

#endif
