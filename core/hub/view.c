#include "hub/view.h"

#include <stdlib.h>

#include "base/map.h"
#include "hub/generation.h"

bool view_choose(const struct channel_type *type, const struct slice *params,
                 const struct identity_facts *who, unsigned *view)
{
    struct rule_facts facts = type_facts(type, params, who);
    for (*view = 0; *view < type->view_count; ++*view)
        if (rule_allows(type->views[*view].when, &facts, NULL))
            return true;
    *view = 0;
    return type->view_count == 0;
}

void view_explain(const struct channel_type *type, const struct slice *params,
                  const struct identity_facts *who, struct buf *out)
{
    struct rule_facts facts = type_facts(type, params, who);
    for (unsigned i = 0; i < type->view_count; i++) {
        buf_printf(out, i > 0 ? "; %s: " : "%s: ", type->views[i].name);
        rule_allows(type->views[i].when, &facts, out);
    }
}

uint64_t view_mark(const struct channel_type *type)
{
    struct buf text = {0};
    if (type->view_count == 0 && type->field_count == 0)
        return 0;
    buf_add_slice(&text, pattern_text(type->pattern));
    for (unsigned i = 0; i < type->view_count; i++) {
        buf_add_byte(&text, '\n');
        buf_add_text(&text, rule_text(type->views[i].when));
    }
    for (unsigned i = 0; i < type->field_count; i++) {
        buf_add_text(&text, "\n\n");
        buf_add_text(&text, type->fields[i].name);
    }
    uint64_t mark = hash_bytes(buf_slice(&text));
    buf_finish(&text);
    return mark;
}

bool view_has(const struct channel_type *type, unsigned view, const struct slice *params,
              struct slice data)
{
    static const struct identity_facts nobody;
    if (view >= type->view_count || type->views[view].where == NULL)
        return true;
    struct rule_facts facts = type_facts(type, params, &nobody);
    facts.msg = data;
    return rule_allows(type->views[view].where, &facts, NULL);
}

uint32_t view_seers(const struct channel_type *type, const struct slice *params, struct slice data)
{
    uint32_t seers = type->view_count == 0 ? UINT32_MAX : 0;
    for (unsigned i = 0; i < type->view_count; i++)
        if (view_has(type, i, params, data))
            seers |= UINT32_C(1) << i;
    return seers;
}

bool view_show(const struct channel_type *type, unsigned view, struct slice data, struct buf *out,
               struct slice *shown)
{
    const struct mask *mask = view < type->view_count ? type->views[view].mask : NULL;
    size_t from = out->len;
    *shown = data;
    if (mask == NULL)
        return true;
    if (!mask_apply(mask, data, out))
        return false;
    *shown = slice_make(out->at + from, out->len - from);
    return true;
}

void views_destroy(struct view *views, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        free(views[i].name);
        rule_destroy(views[i].when);
        rule_destroy(views[i].where);
        mask_destroy(views[i].mask);
    }
    free(views);
}
