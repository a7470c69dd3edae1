#include "hub/fit.h"

#include <stdio.h>

#include "hub/hub.h"

static const struct schema *schema_of(const struct channel_type *type,
                                      const struct request *request)
{
    if (request->verb == VERB_PUBLISH)
        return type->schema;
    for (unsigned i = 0; i < type->call_schema_count && request->verb == VERB_CALL; i++)
        if (slice_is(request->method, type->call_schemas[i].method))
            return type->call_schemas[i].schema;
    return NULL;
}

static bool refuse(struct hub *hub, const struct request *request, const struct schema_fault *fault,
                   struct error *err)
{
    bool is_call = request->verb == VERB_CALL;
    struct buf why = {0};
    stats_add(&hub->stats, fault->is_limit ? STAT_REFUSED_SCHEMA_LIMIT : STAT_REFUSED_SCHEMA, 1);
    schema_explain(fault, &why);
    fail(err, ERROR_REJECTED, "rejected by the schema%s%.*s: %s", is_call ? " of rpc_" : "",
         is_call ? (int)request->method.len : 0, request->method.at ? request->method.at : "",
         buf_text(&why));
    buf_finish(&why);
    return false;
}

bool fit_asked(struct hub *hub, const struct request *request, const struct channel_type *type,
               struct error *err)
{
    struct schema_fault fault;
    const struct schema *schema = request->who != NULL ? schema_of(type, request) : NULL;
    struct slice data =
        request->data.len > 0 ? request->data : SLICE("null"); /* a call may bring nothing */
    return schema == NULL || schema_check(schema, data, &fault) ||
           refuse(hub, request, &fault, err);
}

bool fit_told(struct hub *hub, const struct channel_type *type, struct slice channel,
              struct slice data, struct error *err)
{
    struct schema_fault fault;
    if (!hub->options->is_dev || type->emits == NULL || schema_check(type->emits, data, &fault))
        return true;
    struct buf why = {0}, name = {0};
    char place[256];
    schema_explain(&fault, &why);
    buf_add_slice(&name, channel);
    snprintf(place, sizeof place, "%s:%d", type->file, type->line);
    fail(err, ERROR_SCRIPT_FAILED, "not what `emits` promises: %s (%s)", buf_text(&why), place);
    log_event(hub->options->log, LOG_ERROR, "emits", "channel", buf_text(&name), "at", place,
              "reason", buf_text(&why), NULL);
    buf_finish(&why);
    buf_finish(&name);
    return false;
}
