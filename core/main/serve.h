/* Runs the server, as `weir serve` and `weir dev` both do. */
#ifndef MAIN_SERVE_H
#define MAIN_SERVE_H

#include "main/args.h"

enum serve_mode { SERVE_PRODUCTION, SERVE_DEV };

/* Returns when the server has drained, or could not start. */
enum exit_code serve(const struct args *args, enum serve_mode mode);

#endif
