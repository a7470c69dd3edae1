/* What went wrong: a code from one list, and a sentence. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/slice.h"

/* The one list. X(NAME, number, text, temporary). Numbers from 100 are said on the wire, and
 * `temporary` tells a client to try again; numbers below 100 are for the person at the terminal.
 * The Lua constants and the table in docs/protocol.md are made from this list as well. */
#define ERROR_CODES(X)                                                                             \
    X(NONE, 0, "no error", 0)                                                                      \
    X(USAGE, 2, "wrong usage", 0)                                                                  \
    X(CONFIG, 3, "wrong configuration", 0)                                                         \
    X(SCRIPT, 4, "script does not load", 0)                                                        \
    X(SYSTEM, 5, "the system refused", 1)                                                          \
    X(INTERNAL, 100, "internal server error", 1)                                                   \
    X(UNAUTHORIZED, 101, "unauthorized", 0)                                                        \
    X(UNKNOWN_CHANNEL, 102, "unknown channel", 0)                                                  \
    X(PERMISSION_DENIED, 103, "permission denied", 0)                                              \
    X(METHOD_NOT_FOUND, 104, "method not found", 0)                                                \
    X(ALREADY_SUBSCRIBED, 105, "already subscribed", 0)                                            \
    X(LIMIT_EXCEEDED, 106, "limit exceeded", 0)                                                    \
    X(BAD_REQUEST, 107, "bad request", 0)                                                          \
    X(NOT_AVAILABLE, 108, "not available", 0)                                                      \
    X(TOKEN_EXPIRED, 109, "token expired", 0)                                                      \
    X(EXPIRED, 110, "expired", 0)                                                                  \
    X(TOO_MANY_REQUESTS, 111, "too many requests", 1)                                              \
    X(UNRECOVERABLE_POSITION, 112, "unrecoverable position", 0)                                    \
    X(REJECTED, 400, "rejected", 0)                                                                \
    X(TIMED_OUT, 408, "timed out", 1)                                                              \
    X(TOO_LARGE, 413, "message too large", 0)                                                      \
    X(OVERLOADED, 429, "overloaded", 1)                                                            \
    X(SCRIPT_FAILED, 500, "script failed", 0)                                                      \
    X(UPSTREAM, 502, "upstream failed", 1)                                                         \
    X(SCRIPT_BUDGET, 504, "script over budget", 0)                                                 \
    X(STORE_FULL, 507, "store full", 1)

enum error_code {
#define X(name, number, text, temporary) ERROR_##name = number,
    ERROR_CODES(X)
#undef X
};

/* Disconnect codes of the wire: X(NAME, number, reason). 3500-3999 are final for a client. */
#define CLOSE_CODES(X)                                                                             \
    X(NORMAL, 1000, "bye")                                                                         \
    X(GOING, 3000, "connection closed")                                                            \
    X(SHUTDOWN, 3001, "shutdown")                                                                  \
    X(INTERNAL, 3004, "internal server error")                                                     \
    X(EXPIRED, 3005, "connection expired")                                                         \
    X(SLOW, 3008, "slow")                                                                          \
    X(WRITE_ERROR, 3009, "write error")                                                            \
    X(INSUFFICIENT_STATE, 3010, "insufficient state")                                              \
    X(FORCE_RECONNECT, 3011, "force reconnect")                                                    \
    X(NO_PONG, 3012, "no pong")                                                                    \
    X(TOO_MANY_REQUESTS, 3013, "too many requests")                                                \
    X(INVALID_TOKEN, 3500, "invalid token")                                                        \
    X(BAD_REQUEST, 3501, "bad request")                                                            \
    X(STALE, 3502, "stale")                                                                        \
    X(FORCED, 3503, "force disconnect")                                                            \
    X(CONNECTION_LIMIT, 3504, "connection limit")                                                  \
    X(CHANNEL_LIMIT, 3505, "channel limit")                                                        \
    X(PERMISSION_DENIED, 3507, "permission denied")                                                \
    X(NOT_AVAILABLE, 3508, "not available")                                                        \
    X(TOO_MANY_ERRORS, 3509, "too many errors")

enum close_code {
    CLOSE_NONE = 0,
#define X(name, number, reason) CLOSE_##name = number,
    CLOSE_CODES(X)
#undef X
};

enum { ERROR_TEXT_MAX = 1024, INCIDENT_MAX = 16 };

/* Filled by whoever fails, on the caller's stack; owns nothing. `code` is an enum error_code or an
 * application's own number (400 to 1999). `incident` is set when the reason is in the log only. */
struct error {
    int code;
    bool temporary;
    char incident[INCIDENT_MAX];
    char text[ERROR_TEXT_MAX];
};

/* Sets code and sentence; always false, so that a failing function ends in `return fail(...)`. Takes a
 * NULL err. A sentence that is too long is cut. */
bool fail(struct error *err, int code, const char *format, ...) PRINTF_LIKE(3, 4);
/* The same with the code's own text. */
bool fail_code(struct error *err, enum error_code code);

const char *error_code_text(int code);  /* "rejected" for an application's own */
const char *error_code_name(int code);  /* "PERMISSION_DENIED", or NULL for an application's own */
bool error_is_temporary(int code);
const char *close_code_text(int code);  /* never empty: clients depend on it */

#endif
