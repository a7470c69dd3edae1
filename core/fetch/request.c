#include "fetch/inside.h"

#include <stdlib.h>
#include <strings.h>

#include "base/memory.h"

/* ---- what is wrong with it ---- */

bool call_fail(struct fetch_call *call, enum error_code code, const char *text)
{
    return fail(&call->err, code, "%s%s%s: %s", call->method, call->origin[0] ? " " : "",
                call->origin, text);
}

/* What curl cannot say by itself: what to do about it. */
static const char *advice(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return "look for a wrong name, or at this machine's DNS";
    case CURLE_COULDNT_CONNECT:
        return "see whether the server runs there and a firewall lets this machine through";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return "have the certificate's name right, and its CA among this system's or in the file "
               "of trusted CAs";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        return "see whether that port speaks TLS 1.2 or newer";
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
        return "see whether that port speaks HTTP/1.1";
    default:
        return "the connection ended early: see the other server's log, and try again";
    }
}

static void explain_too_large(struct fetch_call *call)
{
    const struct arrival *arrival = &call->arrival;
    char text[160];
    if (arrival->head_bytes > FETCH_HEADER_BYTES_MAX)
        snprintf(text, sizeof text, "its headers have more than %d bytes: ask for less",
                 FETCH_HEADER_BYTES_MAX);
    else
        snprintf(text, sizeof text,
                 "the answer has more than %zu bytes: ask for less, or raise the limit",
                 arrival->body_max);
    call_fail(call, ERROR_TOO_LARGE, text);
}

void call_explain(struct fetch_call *call, CURLcode code)
{
    char text[CURL_ERROR_SIZE + 200];
    if (call->arrival.is_too_large) {
        explain_too_large(call);
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        snprintf(text, sizeof text,
                 "no connection within %u ms: see whether the server is up, or wait longer",
                 call->connect_ms);
        call_fail(call, ERROR_TIMED_OUT, text);
    } else {
        snprintf(text, sizeof text, "%s: %s",
                 call->detail[0] ? call->detail : curl_easy_strerror(code), advice(code));
        call_fail(call, ERROR_UPSTREAM, text);
    }
}

/* ---- where to ---- */

/* ASCII only: what looks like a listed name to us must not become another one on its way to DNS. */
static bool is_plain_host(const char *host)
{
    return host[strspn(host,
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]")] ==
           '\0';
}

static bool judge_host(struct fetch_call *call, const char *scheme, const char *host,
                       const char *port)
{
    bool is_scheme_port = strcmp(port, strcmp(scheme, "https") == 0 ? "443" : "80") == 0;
    snprintf(call->origin, sizeof call->origin, "%s://%s%s%s", scheme, host,
             is_scheme_port ? "" : ":", is_scheme_port ? "" : port);
    if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        return call_fail(call, ERROR_BAD_REQUEST, "only http and https are spoken");
    if (!is_plain_host(host))
        return call_fail(call, ERROR_BAD_REQUEST,
                         "a host is written in ASCII (xn--... for other names)");
    if (allow_has(call->fetch->allow, slice_of(host), (unsigned)strtoul(port, NULL, 10),
                  is_scheme_port))
        return true;
    call->fetch->counts.not_allowed++;
    return call_fail(
        call, ERROR_PERMISSION_DENIED,
        "this host and port are not on the list of those that may be called: add them to it");
}

/* Whatever parses the url is what curl goes to: no second parser could see another host in it. */
static bool judge_url(struct fetch_call *call)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool is_whole = curl_url_get(call->url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                    curl_url_get(call->url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                    curl_url_get(call->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    bool is_fine = is_whole
                       ? judge_host(call, scheme, host, port)
                       : call_fail(call, ERROR_BAD_REQUEST, "the URL has no scheme, host or port");
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return is_fine;
}

static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= ' ' || s.at[i] == 0x7f)
            return true;
    return false;
}

static bool take_url(struct fetch_call *call, struct slice url)
{
    if (url.len == 0 || url.len > FETCH_URL_MAX || has_control(url))
        return call_fail(call, ERROR_BAD_REQUEST, "a URL has no spaces and at most 8192 bytes");
    char *text = xslicedup(url);
    CURLUcode code = curl_url_set(call->url, CURLUPART_URL, text, CURLU_DISALLOW_USER);
    free(text);
    if (code == CURLUE_USER_NOT_ALLOWED)
        return call_fail(call, ERROR_BAD_REQUEST,
                         "say user and password in an authorization header, not in the URL");
    if (code == CURLUE_UNSUPPORTED_SCHEME)
        return call_fail(call, ERROR_BAD_REQUEST, "only http and https are spoken");
    if (code != CURLUE_OK)
        return call_fail(call, ERROR_BAD_REQUEST,
                         "that is no URL: write http://host/path or https://host/path");
    return judge_url(call);
}

/* ---- what is said ---- */

/* curl's own, or the connection's; `host` would make a lie of the list of hosts. */
static const char *const own_headers[] = {
    "connection", "content-length",      "expect",           "host",
    "keep-alive", "proxy-authorization", "proxy-connection", "te",
    "trailer",    "transfer-encoding",   "upgrade",
};

static const char *const type_header[] = {"content-type"};
static const char *const open_headers[] = {"accept", "accept-language", "content-type",
                                           "user-agent"};

static bool is_one_of(struct slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == name.len && strncasecmp(names[i], name.at, name.len) == 0)
            return true;
    return false;
}
#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof *(names))

static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", c) != NULL)
            return false;
    }
    return s.len > 0;
}

static bool is_value(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool judge_header(struct fetch_call *call, const struct fetch_header *header)
{
    char text[160];
    const char *why = !is_token(header->name)    ? "has a name that is none"
                      : !is_value(header->value) ? "has a control byte in it"
                      : IS_ONE_OF(header->name, own_headers)
                          ? "is said by the URL, the body or the connection"
                          : NULL;
    if (why == NULL)
        return true;
    snprintf(text, sizeof text, "the header \"%.*s\" %s: leave it out",
             header->name.len > 64 || !is_value(header->name) ? 0 : (int)header->name.len,
             header->name.at, why);
    return call_fail(call, ERROR_BAD_REQUEST, text);
}

static void add_line(struct fetch_call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    ensure(longer != NULL);
    call->headers = longer;
}

/* curl's way to write an empty value is a semicolon. */
static void add_header(struct fetch_call *call, const struct fetch_header *header)
{
    struct buf line = {0};
    buf_printf(&line, "%.*s%s", SLICE_ARGS(header->name), header->value.len > 0 ? ": " : ";");
    buf_add_slice(&line, header->value);
    add_line(call, buf_text(&line));
    buf_finish(&line);
}

static bool take_headers(struct fetch_call *call, const struct fetch_request *request)
{
    size_t bytes = 0;
    bool has_type = false;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct fetch_header *header = &request->headers[i];
        bytes += header->name.len + header->value.len;
        if (i == FETCH_HEADERS_MAX || bytes > FETCH_HEADER_BYTES_MAX)
            return call_fail(call, ERROR_BAD_REQUEST,
                             "more than 100 headers or 65536 bytes of them");
        if (!judge_header(call, header))
            return false;
        has_type = has_type || IS_ONE_OF(header->name, type_header);
        add_header(call, header);
    }
    /* Not curl's ideas: a type of forms, and a pause before each body. */
    if (!has_type)
        add_line(call, "Content-Type:");
    add_line(call, "Expect:");
    return true;
}

/* CONNECT and TRACE are no requests for an answer. */
static bool take_method(struct fetch_call *call, struct slice method)
{
    bool is_method = method.len > 0 && method.len <= 16;
    for (size_t i = 0; is_method && i < method.len; i++)
        is_method = method.at[i] >= 'A' && method.at[i] <= 'Z';
    if (!is_method || slice_is(method, "CONNECT") || slice_is(method, "TRACE")) {
        call->method = xstrdup("request");
        return call_fail(call, ERROR_BAD_REQUEST,
                         "a method is GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS");
    }
    call->method = xslicedup(method);
    return true;
}

static bool take_body(struct fetch_call *call, struct slice body)
{
    char text[100];
    size_t most = call->fetch->options.request_max;
    snprintf(text, sizeof text, "the request's body has more than %zu bytes: send less", most);
    if (body.len > most)
        return call_fail(call, ERROR_BAD_REQUEST, text);
    if (body.at != NULL && strcmp(call->method, "HEAD") == 0)
        return call_fail(call, ERROR_BAD_REQUEST, "a HEAD request has no body");
    call->has_body = body.at != NULL;
    call->body_len = body.len;
    if (call->has_body)
        call->body = xslicedup(body);
    return true;
}

bool call_prepare(struct fetch_call *call, const struct fetch_request *request)
{
    const struct fetch_options *options = &call->fetch->options;
    size_t most = request->response_max;
    struct slice method = request->method;
    if (method.len == 0)
        method = request->body.at != NULL ? SLICE("POST") : SLICE("GET");
    call->connect_ms = request->connect_ms ? request->connect_ms : options->connect_ms;
    call->timeout_ms = request->timeout_ms ? request->timeout_ms : options->timeout_ms;
    call->arrival.body_max =
        most > 0 && most < options->response_max ? most : options->response_max;
    call->redirects =
        request->redirects < FETCH_REDIRECTS_MAX ? request->redirects : FETCH_REDIRECTS_MAX;
    call->redirects_left = call->redirects;
    call->url = curl_url();
    ensure(call->url != NULL);
    return take_method(call, method) && take_url(call, request->url) &&
           take_body(call, request->body) && take_headers(call, request);
}

/* ---- what curl is told ---- */

static void equip_safety(struct fetch_call *call)
{
    const struct fetch *fetch = call->fetch;
    CURL *easy = call->easy;
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Else a call that is cancelled while its name is looked up holds up the loop until DNS has
     * answered. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!fetch->options.uses_environment_proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    /* One file alone is read once and kept by curl; a folder is looked into at each handshake. */
    if (fetch->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, fetch->ca_file);
    curl_easy_setopt(easy, CURLOPT_CAPATH, fetch->ca_folder);
}

static void equip_request(struct fetch_call *call)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_CURLU, call->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    if (call->has_body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
    } else if (strcmp(call->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
}

void call_equip(struct fetch_call *call)
{
    if (call->easy == NULL)
        call->easy = curl_easy_init();
    ensure(call->easy != NULL);
    curl_easy_reset(call->easy);
    equip_safety(call);
    equip_request(call);
    arrival_listen(&call->arrival, call->easy);
    call->detail[0] = '\0';
    curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->detail);
    curl_easy_setopt(call->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(call->easy, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->connect_ms);
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
}

/* ---- redirects ---- */

static unsigned status_of(const struct fetch_call *call)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    return (unsigned)status;
}

bool call_redirects(const struct fetch_call *call)
{
    unsigned status = status_of(call);
    char *url = NULL;
    curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &url);
    return call->redirects > 0 && url != NULL && status >= 301 && status <= 308 && status != 304;
}

static void keep_open_headers(struct fetch_call *call)
{
    struct curl_slist *all = call->headers;
    call->headers = NULL;
    for (struct curl_slist *line = all; line != NULL; line = line->next) {
        struct slice name = slice_make(line->data, strcspn(line->data, ":;"));
        if (IS_ONE_OF(name, open_headers) || slice_is(name, "Expect"))
            add_line(call, line->data);
    }
    curl_slist_free_all(all);
}

/* As browsers do: what was not asked with a safe method is asked for with GET, but after 307 and
 * 308. */
static void change_method(struct fetch_call *call, unsigned status)
{
    bool is_post = strcmp(call->method, "POST") == 0, is_safe = strcmp(call->method, "HEAD") == 0;
    if (status >= 307 || is_safe || (status != 303 && !is_post))
        return;
    free(call->method);
    call->method = xstrdup("GET");
    free(call->body);
    call->body = NULL;
    call->body_len = 0;
    call->has_body = false;
}

bool call_follow(struct fetch_call *call)
{
    char before[sizeof call->origin], *url = NULL;
    if (call->redirects_left-- == 0)
        return call_fail(call, ERROR_UPSTREAM,
                         "it redirects again and again: ask for where it leads, or allow more");
    memcpy(before, call->origin, sizeof before);
    curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &url);
    if (!take_url(call, slice_of(url))) {
        if (call->err.code == ERROR_BAD_REQUEST) /* not of the one who asked */
            call->err.code = ERROR_UPSTREAM;
        return false;
    }
    if (slice_begins(slice_of(before), "https:") && slice_begins(slice_of(call->origin), "http:"))
        return call_fail(call, ERROR_UPSTREAM,
                         "it is where an https server redirects to, and not safe: use https");
    change_method(call, status_of(call));
    if (strcmp(before, call->origin) != 0)
        keep_open_headers(call);
    arrival_clear(&call->arrival);
    return true;
}
