#include "hub/permit.h"

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/fit.h"
#include "hub/hub.h"

/* ---- rules ---- */

static const struct rule *rule_of(const struct channel_type *type, enum verb verb, const char **name)
{
    *name = verb == VERB_PUBLISH ? "publish" : verb == VERB_CALL ? "call" : "subscribe";
    if (verb_is_question(verb) && type->presence_read != NULL) {
        *name = "presence_read";
        return type->presence_read;
    }
    return verb == VERB_PUBLISH ? type->publish : verb == VERB_CALL ? type->call : type->subscribe;
}

/* The house may do everything. In dev mode a refusal carries its evaluation. */
static bool is_allowed(struct hub *hub, const struct request *request, const struct channel_type *type,
                       const struct slice *params, struct error *err)
{
    if (request->who == NULL)
        return true;
    struct rule_facts facts = type_facts(type, params, &request->who->facts);
    const char *name;
    const struct rule *rule = rule_of(type, request->verb, &name);
    if (rule_allows(rule, &facts, NULL))
        return true;
    stats_add(&hub->stats, STAT_REFUSED_RULE, 1);
    if (!hub->options->is_dev)
        return fail_code(err, ERROR_PERMISSION_DENIED);
    struct buf why = {0};
    rule_allows(rule, &facts, &why);
    fail(err, ERROR_PERMISSION_DENIED, "permission denied by the %s rule: %s (%s:%d)", name, buf_text(&why), type->file,
         type->line);
    buf_finish(&why);
    return false;
}

/* ---- spots ---- */

bool permit_spot(struct hub *hub, const struct request *request, const struct channel_type *type,
                 const struct slice *params, struct spot *spot, struct error *err)
{
    if (spot_find(hub, type, params, &request->who->facts, &request->filter, request->data, spot, err))
        return true;
    stats_add(&hub->stats, err->code == ERROR_PERMISSION_DENIED ? STAT_REFUSED_RULE : STAT_REFUSED_FILTER, 1);
    return false;
}

static bool has_spot(struct hub *hub, const struct request *request, const struct channel_type *type,
                     const struct slice *params, struct error *err)
{
    struct spot spot;
    if (request->verb != VERB_SUBSCRIBE)
        return true;
    if (!permit_spot(hub, request, type, params, &spot, err))
        return false;
    spot_finish(&spot);
    return true;
}

bool permit(struct hub *hub, const struct request *request, struct error *err)
{
    struct slice params[PATTERN_PARAMS_MAX];
    if (!channel_is_name(request->channel)) {
        stats_add(&hub->stats, STAT_REFUSED_LIMIT, 1);
        return fail(err, ERROR_BAD_REQUEST, "bad request: a channel's name is 1 to %d printable ASCII characters",
                    CHANNEL_NAME_MAX);
    }
    const struct channel_type *type = generation_find(hub->generation, request->channel, params);
    if (type == NULL) {
        stats_add(&hub->stats, STAT_DROPS_UNKNOWN, request->verb == VERB_PUBLISH);
        return fail_code(err, ERROR_UNKNOWN_CHANNEL);
    }
    if (!is_allowed(hub, request, type, params, err) || !has_spot(hub, request, type, params, err))
        return false;
    if (request->data.len > type->max_size) {
        stats_add(&hub->stats, STAT_REFUSED_SIZE, 1);
        return fail(err, ERROR_TOO_LARGE, "message too large: %zu bytes, max_size of this channel is %zu",
                    request->data.len, type->max_size);
    }
    if (!fit_asked(hub, request, type, err))
        return false;
    if (request->verb == VERB_CALL && !(type->hooks >> HOOK_CALL & 1))
        return fail_code(err, ERROR_METHOD_NOT_FOUND);
    if (verb_is_question(request->verb) && !type->presence)
        return fail_code(err, ERROR_NOT_AVAILABLE);
    return true;
}
