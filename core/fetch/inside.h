/* What the rooms of fetch share: a call, from its request to its answer. */
#ifndef FETCH_INSIDE_H
#define FETCH_INSIDE_H

#include <curl/curl.h>

#include "base/buf.h"
#include "fetch/allow.h"
#include "fetch/fetch.h"
#include "loop/alarm.h"

/* The response as it comes in. */
struct arrival {
    struct buf head; /* names and values, one after another; places, since it moves */
    struct {
        size_t name, name_len, value, value_len;
    } fields[FETCH_HEADERS_MAX];
    size_t field_count, head_bytes;
    struct buf body;
    size_t body_max;
    bool is_too_large;
};

/* A circular list; all calls are in one of those of struct fetch. */
struct link {
    struct link *next, *prev;
};

/* From fetch_start until done is called or it is cancelled. */
struct fetch_call {
    struct link link; /* first */
    struct fetch *fetch;
    bool is_waiting, is_flying;
    CURL *easy;
    CURLU *url;
    struct curl_slist *headers;
    char *method, *body;
    size_t body_len;
    bool has_body;
    unsigned connect_ms, timeout_ms, redirects, redirects_left;
    struct timer deadline;
    struct arrival arrival;
    struct error err; /* code 0: it has an answer */
    char origin[320]; /* "https://api.example.com:8443", for errors; empty: not known; cut when
                         longer */
    char detail[CURL_ERROR_SIZE];
    void (*done)(void *context, const struct fetch_answer *answer, const struct error *err);
    void *context;
};

struct fetch {
    struct loop *loop;
    struct timers *timers;
    CURLM *multi;
    struct allow *allow;
    char *ca_file, *ca_folder; /* ca_folder: of the system, beside ca_file */
    struct fetch_options options;
    struct link flying, waiting, ended;
    size_t waiting_bytes;
    struct alarm *due;  /* curl's own timer */
    struct alarm *tell; /* calls in `ended` that the loop has to tell */
    struct fetch_counts counts;
    bool is_closing;
};

/* request.c: from a request to what curl is told. False: call->err says why. */
bool call_prepare(struct fetch_call *call, const struct fetch_request *request);
/* Makes curl's handle as it is to be for the url of now. */
void call_equip(struct fetch_call *call);
/* After a response: whether it is one of those that are followed. */
bool call_redirects(const struct fetch_call *call);
/* Changes the call to the request that follows. False: call->err. */
bool call_follow(struct fetch_call *call);
bool call_fail(struct fetch_call *call, enum error_code code,
               const char *text);                          /* false; "METHOD ORIGIN: text" */
void call_explain(struct fetch_call *call, CURLcode code); /* fills call->err */

/* arrival.c */
void arrival_listen(struct arrival *arrival, CURL *easy); /* lets curl write into it */
void arrival_clear(struct arrival *arrival);
void arrival_finish(struct arrival *arrival);
/* Points into the arrival; `fields` has room for FETCH_HEADERS_MAX. */
void arrival_answer(const struct arrival *arrival, struct fetch_header *fields,
                    struct fetch_answer *answer);

#endif
