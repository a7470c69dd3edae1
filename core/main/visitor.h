/* Somebody who has come to a running server by WebSocket: says commands of the client protocol,
 * hears lines. */
#ifndef MAIN_VISITOR_H
#define MAIN_VISITOR_H

#include "main/args.h"
#include "main/link.h"

/* Where to, and as whom. Texts are borrowed from args and config but for the token;
 * visitor_pass_finish frees it. */
struct visitor_pass {
    struct address to;
    const char *tls_cert;
    const char *as, *roles; /* told by the address, for dev mode; NULL: not */
    struct buf token;       /* empty: none */
};

/* Rows of the flags that visitor_pass_read looks at, and the options it needs. */
#define VISITOR_FLAGS                                                                              \
    {.name = "as",                                                                                 \
     .metavar = "NAME",                                                                            \
     .help = "who to be: in dev mode, or where the token secret is known",                         \
     .kind = OPTION_TEXT},                                                                         \
        {.name = "roles",                                                                          \
         .metavar = "LIST",                                                                        \
         .help = "with which roles, comma-separated",                                              \
         .kind = OPTION_TEXT},                                                                     \
    {                                                                                              \
        .name = "token", .metavar = "TOKEN", .help = "or: come with this token",                   \
        .kind = OPTION_TEXT                                                                        \
    }
#define VISITOR_OPTIONS                                                                            \
    (OPTION_BIT(listen) | OPTION_BIT(token_secret) | OPTION_BIT(tls_cert) | OPTION_BIT(tls_key))

bool visitor_pass_read(struct visitor_pass *pass, const struct args *args,
                       const struct config *config, struct error *err);
void visitor_pass_finish(struct visitor_pass *pass);

/* On its user's stack. */
struct visitor {
    struct link link;
    struct buf in;   /* bytes that are no whole frame yet */
    struct buf text; /* the message of which lines are handed out, up to `at` */
    size_t at;
    unsigned last_id;
};

/* Connects, and is let in. visitor_close is right in both cases. False and err, as below: the
 * server is not there, refuses, or has ended the connection. */
bool visitor_open(struct visitor *visitor, const struct visitor_pass *pass, struct error *err);
void visitor_close(struct visitor *visitor);

/* Says {"id":…,"VERB":BODY} and waits for the answer: an object with "error" or VERB, valid until
 * the next call. What is pushed meanwhile is passed over. */
bool visitor_ask(struct visitor *visitor, const char *verb, struct slice body, struct slice *answer,
                 struct error *err);
/* The next line that is no ping, checked JSON, valid until the next call; waits as long as it
 * takes. */
bool visitor_hear(struct visitor *visitor, struct slice *line, struct error *err);

/* Tells on stderr why an answer is a refusal, and on stdout as {"ok":false,"error":{…}}; false: it
 * is none. */
bool visitor_tell_refusal(const struct visitor_pass *pass, struct slice answer, bool as_json);

#endif
