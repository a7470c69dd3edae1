#include "rule/rate.h"

#include <stdlib.h>

#include "base/duration.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "wire/json.h"

static struct slice take_word(struct slice *rest)
{
    while (rest->len > 0 && *rest->at == ' ')
        *rest = slice_make(rest->at + 1, rest->len - 1);
    size_t len = 0;
    while (len < rest->len && rest->at[len] != ' ')
        len++;
    struct slice word = slice_make(rest->at, len);
    *rest = slice_make(rest->at + len, rest->len - len);
    return word;
}

static bool parse_count(struct slice text, struct rate *rate)
{
    uint64_t n = 0;
    if (text.len == 0 || text.len > 7)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(text.at[i] - '0');
    }
    rate->count = (unsigned)n;
    return n >= 1 && n <= RATE_COUNT_MAX;
}

static bool parse_amount(struct slice word, struct rate *rate, struct error *err)
{
    const char *slash = word.len > 0 ? memchr(word.at, '/', word.len) : NULL;
    struct slice count = slice_make(word.at, slash ? (size_t)(slash - word.at) : word.len);
    struct slice time = slice_make(slash, 0);
    int64_t ms;
    if (slash != NULL)
        time = slice_make(slash + 1, word.len - count.len - 1);
    if (!parse_count(count, rate))
        return fail(err, ERROR_BAD_REQUEST,
                    "a rate begins with a number from 1 to %d (got \"%.*s\")", RATE_COUNT_MAX,
                    SLICE_ARGS(count));
    if (slash == NULL || !(duration_parse(time, &ms) || duration_unit(time, &ms)) || ms <= 0)
        return fail(err, ERROR_BAD_REQUEST,
                    "a rate's number stands before a time, as in \"5/10s\" or \"5/s\"");
    if (ms > RATE_DAYS_MAX * INT64_C(86400000))
        return fail(err, ERROR_BAD_REQUEST, "a rate's time is at most %dd (got \"%.*s\")",
                    RATE_DAYS_MAX, SLICE_ARGS(time));
    if (rate->count > (uint64_t)ms * RATE_PER_MS_MAX)
        return fail(err, ERROR_BAD_REQUEST,
                    "a rate of more than %d in a millisecond limits nothing (got \"%.*s\")",
                    RATE_PER_MS_MAX, SLICE_ARGS(word));
    rate->ms = (uint64_t)ms;
    return true;
}

static bool parse_scope(struct slice word, struct rate *rate, struct error *err)
{
    static const char *const names[] = {"user", "ip", "connection", "channel", "claims", NULL};
    static const char claims[] = "claims.";
    for (int i = 0; i < RATE_CLAIM; i++)
        if (slice_is(word, names[i])) {
            rate->scope = (enum rate_scope)i;
            return true;
        }
    bool is_claim = slice_begins(word, claims);
    if (is_claim) {
        struct slice path = slice_make(word.at + strlen(claims), word.len - strlen(claims));
        rate->scope = RATE_CLAIM;
        rate->claim = json_path(path, &rate->claim_parts);
        if (rate->claim != NULL)
            return true;
    }
    const char *near = is_claim ? NULL : suggest(word, names);
    if (near != NULL)
        return fail(err, ERROR_BAD_REQUEST, "unknown \"per %.*s\": did you mean \"per %s\"?",
                    SLICE_ARGS(word), near);
    return fail(err, ERROR_BAD_REQUEST,
                "a rate is per user, ip, connection, channel or claims.NAME (got \"%.*s\")",
                SLICE_ARGS(word));
}

static bool parse(struct slice rest, struct rate *rate, struct error *err)
{
    if (!parse_amount(take_word(&rest), rate, err))
        return false;
    struct slice per = take_word(&rest);
    if (per.len == 0)
        return true;
    if (!slice_is(per, "per"))
        return fail(err, ERROR_BAD_REQUEST,
                    "after a rate comes \"per user\" or the like (got \"%.*s\")", SLICE_ARGS(per));
    if (!parse_scope(take_word(&rest), rate, err))
        return false;
    struct slice more = take_word(&rest);
    return more.len == 0 || fail(err, ERROR_BAD_REQUEST,
                                 "a rate ends after \"per ...\" (got \"%.*s\")", SLICE_ARGS(more));
}

bool rate_parse(struct slice text, struct rate *rate, struct error *err)
{
    *rate = (struct rate){.text = xslicedup(text)};
    if (parse(slice_of(rate->text), rate, err))
        return true;
    rate_finish(rate);
    return false;
}

void rate_finish(struct rate *rate)
{
    free(rate->claim);
    free(rate->text);
    *rate = (struct rate){0};
}

/* ---- counting ---- */

static uint64_t due_from(uint64_t due_us, uint64_t now_us)
{
    return due_us > now_us ? due_us : now_us;
}

static uint64_t step_us(const struct rate *rate)
{
    return rate->ms * 1000 / rate->count;
}

uint64_t rate_check(const struct rate *rate, uint64_t due_us, uint64_t now_ms)
{
    uint64_t now = now_ms * 1000, after = due_from(due_us, now) + step_us(rate),
             room = now + rate->ms * 1000;
    return after <= room ? 0 : (after - room + 999) / 1000;
}

uint64_t rate_take(const struct rate *rate, uint64_t due_us, uint64_t now_ms)
{
    return due_from(due_us, now_ms * 1000) + step_us(rate);
}
