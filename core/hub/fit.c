#include "hub/fit.h"

#include "hub/hub.h"
#include "wire/json.h"

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

static void tell(struct hub *hub, const struct channel_type *type, struct slice channel,
                 struct slice why)
{
    struct buf news = {0}, name = {0}, place = {0}, reason = {0};
    buf_add_slice(&name, channel);
    buf_add_slice(&reason, why);
    buf_printf(&place, "%s:%d", type->file, type->line);
    log_event(hub->options->log, LOG_ERROR, "emits", "channel", buf_text(&name), "at",
              buf_text(&place), "reason", buf_text(&reason), NULL);
    buf_add_text(&news, "{\"broken\":{\"file\":");
    json_quote(&news, slice_of(type->file));
    buf_printf(&news, ",\"line\":%d,\"channel\":", type->line);
    json_quote(&news, channel);
    buf_add_text(&news, ",\"reason\":");
    json_quote(&news, why);
    buf_add_text(&news, "}}");
    hub_tell_page(hub, buf_slice(&news));
    buf_finish(&news);
    buf_finish(&name);
    buf_finish(&place);
    buf_finish(&reason);
}

bool fit_told(struct hub *hub, const struct channel_type *type, struct slice channel,
              struct slice data, struct error *err)
{
    struct schema_fault fault;
    if (!hub->options->is_dev || type->emits == NULL || schema_check(type->emits, data, &fault))
        return true;
    struct buf why = {0};
    schema_explain(&fault, &why);
    fail(err, ERROR_SCRIPT_FAILED, "not what `emits` promises: %s (%s:%d)", buf_text(&why),
         type->file, type->line);
    tell(hub, type, channel, buf_slice(&why));
    buf_finish(&why);
    return false;
}
