#include "hub/spot.h"

#include "base/memory.h"
#include "hub/hub.h"
#include "wire/json.h"

static bool fail_view(const struct hub *hub, const struct channel_type *type,
                      const struct slice *params, const struct identity_facts *who,
                      struct error *err)
{
    if (!hub->options->is_dev)
        return fail_code(err, ERROR_PERMISSION_DENIED);
    struct buf why = {0};
    view_explain(type, params, who, &why);
    fail(err, ERROR_PERMISSION_DENIED, "permission denied, no view is for you: %s (%s:%d)",
         buf_text(&why), type->file, type->line);
    buf_finish(&why);
    return false;
}

/* What it asks for, in whichever of the two places. */
static bool find_wish(const struct channel_type *type, const struct filter_source *wish,
                      struct slice data, struct filter_source *found, struct error *err)
{
    struct slice inside;
    *found = *wish;
    if (type->field_count == 0)
        return wish->form == FILTER_ALL ||
               fail(err, ERROR_BAD_REQUEST, "bad request: this channel has no `filter`");
    if (data.at == NULL || !json_find(data, "filter", &inside))
        return true;
    *found = (struct filter_source){FILTER_BY_FIELDS, inside};
    return wish->form == FILTER_ALL ||
           fail(err, ERROR_BAD_REQUEST, "bad request: one filter beside the data, or one in it");
}

static bool find_filter(const struct channel_type *type, const struct filter_source *wish,
                        struct slice data, struct spot *spot, struct error *err)
{
    struct filter_source found;
    if (!find_wish(type, wish, data, &found, err))
        return false;
    if (found.form == FILTER_ALL)
        return true;
    spot->filter = filter_compile(&found, type->fields, type->field_count, err);
    return spot->filter != NULL;
}

bool spot_find(struct hub *hub, const struct channel_type *type, const struct slice *params,
               const struct identity_facts *who, const struct filter_source *wish,
               struct slice data, struct spot *spot, struct error *err)
{
    *spot = (struct spot){0};
    if (!view_choose(type, params, who, &spot->view))
        return fail_view(hub, type, params, who, err);
    return find_filter(type, wish, data, spot, err);
}

void spot_finish(struct spot *spot)
{
    filter_destroy(spot->filter);
    *spot = (struct spot){0};
}
