#include "script/services.h"

static void *start(void *context, const struct fetch_request *request,
                   void (*done)(void *whose, const struct fetch_answer *answer,
                                const struct error *err),
                   void *whose)
{
    return fetch_start(context, request, done, whose);
}

static void cancel(void *call)
{
    fetch_cancel(call);
}

struct asking asking_by(struct fetch *fetch)
{
    return (struct asking){fetch, start, cancel};
}
