#include "fetch/fetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "fetch/inside.h"
#include "loop/interest.h"

/* ---- lists ---- */

static void list_init(struct link *list)
{
    list->next = list->prev = list;
}

static void list_remove(struct link *link)
{
    if (link->next == NULL)
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = link->prev = NULL;
}

static void list_add(struct link *list, struct link *link)
{
    link->prev = list->prev;
    link->next = list;
    list->prev->next = link;
    list->prev = link;
}

static struct fetch_call *list_first(struct link *list)
{
    return list->next == list ? NULL : (struct fetch_call *)list->next;
}

/* ---- the stages of a call: waiting or flying, ended, told ---- */

static void free_call(struct fetch_call *call)
{
    list_remove(&call->link);
    timer_stop(call->fetch->timers, &call->deadline);
    curl_easy_cleanup(call->easy);
    curl_url_cleanup(call->url);
    curl_slist_free_all(call->headers);
    arrival_finish(&call->arrival);
    free(call->method);
    free(call->body);
    free(call);
}

static void leave_stage(struct fetch_call *call)
{
    struct fetch *fetch = call->fetch;
    list_remove(&call->link);
    if (call->is_waiting) {
        fetch->counts.waiting--;
        fetch->waiting_bytes -= call->body_len;
    }
    if (call->is_flying) {
        curl_multi_remove_handle(fetch->multi, call->easy);
        fetch->counts.on_their_way--;
    }
    call->is_waiting = call->is_flying = false;
}

static void count_end(struct fetch_counts *counts, int code)
{
    counts->answered += code == ERROR_NONE;
    counts->failed += code == ERROR_UPSTREAM;
    counts->timed_out += code == ERROR_TIMED_OUT;
    counts->too_large += code == ERROR_TOO_LARGE;
    counts->overloaded += code == ERROR_OVERLOADED;
}

/* It has its answer or call->err, and waits to be told. */
static void end_call(struct fetch_call *call)
{
    leave_stage(call);
    timer_stop(call->fetch->timers, &call->deadline);
    count_end(&call->fetch->counts, call->err.code);
    list_add(&call->fetch->ended, &call->link);
    alarm_set(call->fetch->tell, 0);
}

static void fly(struct fetch_call *call)
{
    struct fetch *fetch = call->fetch;
    leave_stage(call);
    call_equip(call);
    call->is_flying = true;
    fetch->counts.on_their_way++;
    list_add(&fetch->flying, &call->link);
    ensure(curl_multi_add_handle(fetch->multi, call->easy) == CURLM_OK);
}

static void wait_in_line(struct fetch_call *call)
{
    struct fetch *fetch = call->fetch;
    if (fetch->counts.waiting >= fetch->options.queue ||
        fetch->waiting_bytes + call->body_len > fetch->options.queue_bytes) {
        call_fail(call, ERROR_OVERLOADED,
                  "too many requests wait to be sent already: ask less often, or raise the limit");
        end_call(call);
        return;
    }
    call->is_waiting = true;
    fetch->counts.waiting++;
    fetch->waiting_bytes += call->body_len;
    list_add(&fetch->waiting, &call->link);
}

static bool has_room(const struct fetch *fetch)
{
    return fetch->counts.on_their_way < fetch->options.at_once;
}

static void fly_next(struct fetch *fetch)
{
    struct fetch_call *call;
    while (has_room(fetch) && (call = list_first(&fetch->waiting)) != NULL)
        fly(call);
}

static void on_deadline(struct timer *timer)
{
    struct fetch_call *call = CONTAINER(timer, struct fetch_call, deadline);
    struct fetch *fetch = call->fetch;
    char text[160];
    snprintf(text, sizeof text,
             "no whole answer within %u ms (%s): see why it is slow, or wait longer",
             call->timeout_ms,
             call->is_waiting               ? "it was not sent yet, others were before it"
             : call->arrival.head_bytes > 0 ? "it had begun"
                                            : "nothing came");
    call_fail(call, ERROR_TIMED_OUT, text);
    end_call(call);
    fly_next(fetch);
}

/* ---- telling ---- */

static void tell(struct fetch_call *call)
{
    struct fetch_header fields[FETCH_HEADERS_MAX];
    struct fetch_answer answer = {0};
    char *url = NULL;
    long status = 0;
    list_remove(&call->link);
    if (call->err.code == ERROR_NONE) {
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        answer.status = (unsigned)status;
        arrival_answer(&call->arrival, fields, &answer);
        curl_url_get(call->url, CURLUPART_URL, &url, 0);
        answer.url = slice_of(url);
        call->done(call->context, &answer, NULL);
    } else {
        call->done(call->context, NULL, &call->err);
    }
    curl_free(url);
    free_call(call);
}

/* Those that end meanwhile are told by the next turn: others have theirs in between. */
static void tell_all(void *context)
{
    struct fetch *fetch = context;
    struct link ended;
    struct fetch_call *call;
    list_init(&ended);
    while ((call = list_first(&fetch->ended)) != NULL) {
        list_remove(&call->link);
        list_add(&ended, &call->link);
    }
    while ((call = list_first(&ended)) != NULL)
        tell(call);
}

/* ---- curl ---- */

static void judge_end(struct fetch_call *call, CURLcode code)
{
    long connections = 0;
    curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connections);
    call->fetch->counts.connections += (uint64_t)connections;
    if (code != CURLE_OK) {
        call_explain(call, code);
    } else if (call_redirects(call) && call_follow(call)) {
        fly(call);
        return;
    }
    end_call(call);
}

static void settle(struct fetch *fetch)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(fetch->multi, &left)) != NULL) {
        char *call = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        judge_end((struct fetch_call *)(void *)call, code);
    }
    fly_next(fetch);
}

static void on_due(void *context)
{
    struct fetch *fetch = context;
    int running;
    curl_multi_socket_action(fetch->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    settle(fetch);
}

static void on_interest(void *context, int fd, bool is_readable, bool is_writable)
{
    struct fetch *fetch = context;
    int running;
    curl_multi_socket_action(
        fetch->multi, fd,
        (is_readable ? CURL_CSELECT_IN : 0) | (is_writable ? CURL_CSELECT_OUT : 0), &running);
    settle(fetch);
}

static int on_timer(CURLM *multi, long ms, void *context)
{
    struct fetch *fetch = context;
    (void)multi;
    if (ms < 0)
        alarm_stop(fetch->due);
    else
        alarm_set(fetch->due, (uint64_t)ms);
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    struct fetch *fetch = context;
    struct interest *interest = socket_context;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        interest_destroy(interest);
        curl_multi_assign(fetch->multi, fd, NULL);
        return 0;
    }
    if (interest == NULL) {
        interest = interest_create(fetch->loop, fd, on_interest, fetch);
        curl_multi_assign(fetch->multi, fd, interest);
    }
    interest_set(interest, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
    return 0;
}

/* ---- birth and death ---- */

static void init_curl(void)
{
    ensure(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static bool take_ca(struct fetch *fetch, const char *file, struct error *err)
{
    if (file == NULL)
        return true;
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    if (access(file, R_OK) != 0)
        return fail(err, ERROR_CONFIG, "%s: no such file of trusted CAs, or not to be read", file);
    fetch->ca_file = xstrdup(file);
    fetch->ca_folder = xstrdup(version->capath ? version->capath : "/etc/ssl/certs");
    return true;
}

static void set_default_unsigned(unsigned *option, unsigned otherwise)
{
    if (*option == 0)
        *option = otherwise;
}

static void set_default_size(size_t *option, size_t otherwise)
{
    if (*option == 0)
        *option = otherwise;
}

static void take_options(struct fetch *fetch, const struct fetch_options *options)
{
    struct fetch_options *own = &fetch->options;
    *own = *options;
    own->allow = own->ca_file = NULL; /* kept elsewhere */
    set_default_unsigned(&own->at_once, FETCH_AT_ONCE);
    set_default_unsigned(&own->queue, FETCH_QUEUE);
    set_default_unsigned(&own->connect_ms, FETCH_CONNECT_MS);
    set_default_unsigned(&own->timeout_ms, FETCH_TIMEOUT_MS);
    set_default_size(&own->queue_bytes, FETCH_QUEUE_BYTES);
    set_default_size(&own->request_max, FETCH_REQUEST_MAX);
    set_default_size(&own->response_max, FETCH_RESPONSE_MAX);
}

static void open_multi(struct fetch *fetch)
{
    fetch->multi = curl_multi_init();
    ensure(fetch->multi != NULL);
    curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETDATA, fetch);
    curl_multi_setopt(fetch->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(fetch->multi, CURLMOPT_TIMERDATA, fetch);
    curl_multi_setopt(fetch->multi, CURLMOPT_MAXCONNECTS, (long)fetch->options.at_once);
}

struct fetch *fetch_create(struct loop *loop, struct timers *timers,
                           const struct fetch_options *options, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct fetch *fetch = xcalloc(1, sizeof *fetch);
    fetch->loop = loop;
    fetch->timers = timers;
    list_init(&fetch->flying);
    list_init(&fetch->waiting);
    list_init(&fetch->ended);
    take_options(fetch, options);
    fetch->due = alarm_create(loop, on_due, fetch);
    fetch->tell = alarm_create(loop, tell_all, fetch);
    open_multi(fetch);
    fetch->allow = allow_create(options->allow, err);
    if (fetch->allow == NULL || !take_ca(fetch, options->ca_file, err)) {
        fetch_destroy(fetch);
        return NULL;
    }
    return fetch;
}

static void end_all(struct link *list)
{
    struct fetch_call *call;
    while ((call = list_first(list)) != NULL) {
        call_fail(call, ERROR_NOT_AVAILABLE, "this server is shutting down");
        end_call(call);
    }
}

void fetch_destroy(struct fetch *fetch)
{
    struct fetch_call *call;
    if (fetch == NULL)
        return;
    fetch->is_closing = true;
    end_all(&fetch->flying);
    end_all(&fetch->waiting);
    while ((call = list_first(&fetch->ended)) != NULL)
        tell(call);
    curl_multi_cleanup(fetch->multi);
    alarm_destroy(fetch->due);
    alarm_destroy(fetch->tell);
    allow_destroy(fetch->allow);
    free(fetch->ca_file);
    free(fetch->ca_folder);
    free(fetch);
}

/* ---- calls ---- */

struct fetch_call *fetch_start(struct fetch *fetch, const struct fetch_request *request,
                               void (*done)(void *context, const struct fetch_answer *answer,
                                            const struct error *err),
                               void *context)
{
    if (fetch->is_closing)
        return NULL;
    struct fetch_call *call = xcalloc(1, sizeof *call);
    call->fetch = fetch;
    call->done = done;
    call->context = context;
    if (!call_prepare(call, request)) {
        end_call(call);
        return call;
    }
    timer_start(fetch->timers, &call->deadline, call->timeout_ms, on_deadline);
    if (has_room(fetch))
        fly(call);
    else
        wait_in_line(call);
    return call;
}

void fetch_cancel(struct fetch_call *call)
{
    if (call == NULL)
        return;
    struct fetch *fetch = call->fetch;
    leave_stage(call);
    free_call(call);
    fly_next(fetch);
}

const struct fetch_counts *fetch_counts(const struct fetch *fetch)
{
    return &fetch->counts;
}
