/* What the operator decided, and where each decision came from. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/slice.h"

enum option_kind { OPTION_TEXT, OPTION_SECRET, OPTION_NUMBER, OPTION_FLAG };

/* The one list of options. X(FIELD, "name", KIND, "default", "METAVAR", "what it does"). From it come the fields of
 * struct config, the flags, the WEIR_... variables, the keys of the file, `weir config` and --help.
 * Numbers are non-negative; a number's unit is in its name or its help. */
#define CONFIG_OPTIONS(X)                                                                                              \
    X(scripts, "scripts", TEXT, "scripts", "DIR", "folder of the channel scripts")                                     \
    X(listen, "listen", TEXT, "127.0.0.1:8000", "HOST:PORT", "address to listen on; port 0 picks a free one")          \
    X(workers, "workers", NUMBER, "0", "N", "worker threads; 0 is one per core")                                       \
    X(api_key, "api-key", SECRET, "", "KEY", "key of the server API; without one it is off")                           \
    X(token_secret, "token-secret", SECRET, "", "SECRET", "secret that connection tokens are signed with (HS256, HS384, HS512)") \
    X(token_keys, "token-keys", TEXT, "", "FILES", "or public keys that check them: PEM, JWK or JWKS files, with commas") \
    X(token_algs, "token-algs", TEXT, "", "NAMES", "only these algorithms, with commas; else all that the keys are for") \
    X(token_audience, "token-audience", TEXT, "", "NAME", "what a token's aud has to name") \
    X(token_issuer, "token-issuer", TEXT, "", "NAME", "what a token's iss has to be") \
    X(token_leeway_s, "token-leeway-s", NUMBER, "0", "SECONDS", "by how much other clocks may differ, for exp and nbf; 300 at most") \
    X(tls_cert, "tls-cert", TEXT, "", "FILE", "certificate chain in PEM; with --tls-key turns TLS on")                 \
    X(tls_key, "tls-key", TEXT, "", "FILE", "private key in PEM")                                                      \
    X(origins, "origins", TEXT, "", "LIST", "origins browsers may connect from, comma-separated (scheme://host:port)") \
    X(dev_anywhere, "dev-anywhere", FLAG, "false", "", "let `weir dev` listen on more than loopback")                  \
    X(test_echo, "test-echo", TEXT, "", "PATH", "test only: a WebSocket endpoint that echoes")                         \
    X(io, "io", TEXT, "auto", "WAY", "how a turn's writes go out: uring (one call for all), send, or auto")            \
    X(deflate, "deflate", FLAG, "false", "", "compress messages for clients that offer permessage-deflate")            \
    X(deflate_min, "deflate-min", NUMBER, "512", "BYTES", "messages below it are not compressed")                      \
    X(log, "log", TEXT, "logfmt", "FORMAT", "logfmt or json")                                                          \
    X(log_level, "log-level", TEXT, "info", "LEVEL", "debug, info, warn or error")                                     \
    X(max_message, "max-message", NUMBER, "65536", "BYTES", "largest message a client may send")                       \
    X(max_channels, "max-channels", NUMBER, "128", "N", "channels one connection may join")                            \
    X(max_connections, "max-connections", NUMBER, "100000", "N", "connections in all; over it 503")                    \
    X(queue_bytes, "queue-bytes", NUMBER, "1048576", "BYTES", "what may wait for a slow reader; over it 3008")         \
    X(queue_ms, "queue-ms", NUMBER, "10000", "MS", "age of the oldest message that waits; over it 3008")               \
    X(ping_ms, "ping-ms", NUMBER, "25000", "MS", "between pings")                                                      \
    X(pong_ms, "pong-ms", NUMBER, "8000", "MS", "wait for a pong; over it 3012")                                       \
    X(connect_ms, "connect-ms", NUMBER, "10000", "MS", "wait for the connect command; over it 3502")                   \
    X(head_ms, "head-ms", NUMBER, "10000", "MS", "wait for a request's head; over it 408")                             \
    X(body_ms, "body-ms", NUMBER, "30000", "MS", "wait for progress of a body; over it 408")                           \
    X(idle_ms, "idle-ms", NUMBER, "75000", "MS", "an idle keep-alive connection is kept")                              \
    X(test_on_reload, "test-on-reload", FLAG, "false", "", "run the specs beside the scripts before a reload takes effect")  \
    X(reload_test_ms, "reload-test-ms", NUMBER, "30000", "MS", "how long they may take; over it the reload is refused")  \
    X(auto_rollback, "auto-rollback", NUMBER, "0", "PERCENT", "so many failing hooks after a reload roll it back; 0 is off")         \
    X(auto_rollback_ms, "auto-rollback-ms", NUMBER, "10000", "MS", "how long after a reload they are counted")          \
    X(recheck_rate, "recheck-rate", NUMBER, "10000", "N", "members a second, for each worker, whose rule a reload asks again")  \
    X(linger_ms, "linger-ms", NUMBER, "5000", "MS", "an empty channel is kept before on_close")                        \
    X(drain_ms, "drain-ms", NUMBER, "8000", "MS", "time for clients to leave at SIGTERM")                              \
    X(hook_ms, "hook-ms", NUMBER, "100", "MS", "CPU time one hook may take")                                           \
    X(hook_timeout_ms, "hook-timeout-ms", NUMBER, "2000", "MS", "time one hook may take, waiting included")           \
    X(hook_queue, "hook-queue", NUMBER, "1000", "N", "commands that may wait for a channel's hook; over it 429")       \
    X(hook_queue_bytes, "hook-queue-bytes", NUMBER, "1048576", "BYTES", "what those may hold; over it 429")            \
    X(http_allow, "http-allow", TEXT, "", "HOSTS", "hosts that scripts may call, with commas; in dev mode any")         \
    X(http_ca, "http-ca", TEXT, "", "FILE", "certificates (PEM) that scripts' requests trust beside the system's")  \
    X(http_bytes, "http-bytes", NUMBER, "1048576", "BYTES", "body of an answer to a script, and of its request")  \
    X(http_at_once, "http-at-once", NUMBER, "64", "N", "requests of scripts under way, for each worker")  \
    X(http_queue, "http-queue", NUMBER, "1024", "N", "further ones that wait for their turn")  \
    X(script_env, "script-env", TEXT, "", "NAMES", "environment variables that scripts may read, with commas")         \
    X(store_bytes, "store-bytes", NUMBER, "67108864", "BYTES", "what scripts may keep in `store`, in all")             \
    X(cache_bytes, "cache-bytes", NUMBER, "16777216", "BYTES", "what `cache` may hold, for each worker")               \
    X(hook_bytes, "hook-bytes", NUMBER, "16777216", "BYTES", "memory of one script's VM")

enum option_id {
#define X(field, name, kind, value, metavar, help) OPTION_ID_##field,
    CONFIG_OPTIONS(X)
#undef X
    OPTION_COUNT
};

#define CONFIG_FIELD_TEXT   char *
#define CONFIG_FIELD_SECRET char *
#define CONFIG_FIELD_NUMBER unsigned long long
#define CONFIG_FIELD_FLAG   bool

/* Owned by main, immutable once read, lent to all. Texts are never NULL. */
struct config {
#define X(field, name, kind, value, metavar, help) CONFIG_FIELD_##kind field;
    CONFIG_OPTIONS(X)
#undef X
    bool is_dev;                /* `weir dev`; main sets it after config_read */
    char *source[OPTION_COUNT]; /* "flag", "environment WEIR_LISTEN", "file weir.lua", "default" */
    unsigned line[OPTION_COUNT]; /* in that file; 0: not known, or no file */
};

struct option_row {
    const char *name, *value, *metavar, *help;
    enum option_kind kind;
};
extern const struct option_row option_rows[OPTION_COUNT];

/* One --name=value or --name value pair (or --flag: value NULL) from the command line. */
struct flag {
    const char *name, *value; /* name without its dashes */
};

/* Flag beats environment (WEIR_API_KEY, and WEIR_API_KEY_FILE for secrets: the file's content without its last newline)
 * beats the file named by --config or WEIR_CONFIG beats default. An empty variable is one that is not set; unknown
 * variables are refused only where one is nearly an option's, since a machine may have its own WEIR_....
 * False and err (ERROR_USAGE for flags, else ERROR_CONFIG): which option, where it was set, what is wrong and what is
 * allowed, with "did you mean" for unknown names. config_finish is right in both cases. */
bool config_read(struct config *config, const struct flag *flags, unsigned flag_count, char **environment,
                 struct error *err);
void config_finish(struct config *config);

/* What serving needs beyond values that are right: certificate and key can be read, and `weir dev`, which believes
 * whoever a client says it is, is reachable from this machine only unless --dev-anywhere. False and err. */
bool config_check_serving(const struct config *config, struct error *err);

/* One line an option: name, value ("(not set)" where there is none, secrets else as "(set)"), source; or a JSON object
 * of {value, source}, value null where there is none. A secret's value is null always, and its `set` a boolean. */
void config_put(const struct config *config, struct buf *out, bool as_json);

#endif
