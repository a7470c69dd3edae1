#include "script/advice.h"

#include "rule/fold.h"
#include "script/problem.h"

struct advice {
    const struct script_set *set;
    struct problems *warnings;
};

/* At the line of the channel; `set` has that file, or it is built in. */
#define WARN(advice, type, ...)                                                                    \
    problem_add((advice)->warnings, (advice)->set, (type)->file, (type)->line, __VA_ARGS__)

/* ---- rules that always come out the same ---- */

static void look_at_rule(const struct advice *advice, const struct channel_type *type,
                         const char *option, const struct rule *rule)
{
    struct buf why = {0};
    bool holds;
    if (rule == NULL)
        return;
    if (fold_find_comparison(rule, &why))
        WARN(advice, type, "option `%s`: %s", option, buf_text(&why));
    else if (fold_is_fixed(rule, &holds) && holds)
        WARN(advice, type, "option `%s`: \"%s\" holds for everybody: write %s if that is meant%s",
             option, rule_text(rule), strcmp(option, "views.where") == 0 ? "true" : "anyone",
             strcmp(rule_text(rule), "user.id") == 0 ? ", user for whoever is known" : "");
    else if (fold_is_fixed(rule, &holds))
        WARN(advice, type, "option `%s`: \"%s\" can never hold: write %s if that is meant", option,
             rule_text(rule), strcmp(option, "views.where") == 0 ? "false" : "nobody");
    buf_finish(&why);
}

static void look_at_rules(const struct advice *advice, const struct channel_type *type)
{
    look_at_rule(advice, type, "subscribe", type->subscribe);
    look_at_rule(advice, type, "publish", type->publish);
    look_at_rule(advice, type, "call", type->call);
    look_at_rule(advice, type, "presence_read", type->presence_read);
    for (unsigned i = 0; i < type->view_count; i++) {
        look_at_rule(advice, type, "views.when", type->views[i].when);
        look_at_rule(advice, type, "views.where", type->views[i].where);
    }
}

/* ---- views that nobody has ---- */

static bool can_have_view(const struct channel_type *type, unsigned view)
{
    struct outcome_of outcomes[VIEWS_MAX];
    for (unsigned i = 0; i <= view; i++)
        outcomes[i] = (struct outcome_of){type->views[i].when, i == view};
    return fold_is_possible(outcomes, view + 1);
}

/* One that nobody has by its own rule alone has been told, or says "nobody". */
static void look_at_views(const struct advice *advice, const struct channel_type *type)
{
    for (unsigned i = 1; i < type->view_count; i++) {
        struct outcome_of own = {type->views[i].when, true};
        if (fold_is_possible(&own, 1) && !can_have_view(type, i))
            WARN(advice, type,
                 "option `views`: nobody has the view \"%s\": a view before it is for whoever it "
                 "would be for, and the "
                 "first whose `when` holds is taken; put it further up",
                 type->views[i].name);
    }
}

/* ---- what is never asked for ---- */

static void look_at_use(const struct advice *advice, const struct channel_type *type)
{
    bool may_be_published = fold_is_possible(&(struct outcome_of){type->publish, true}, 1);
    if ((type->hooks >> HOOK_PUBLISH & 1) && !may_be_published)
        WARN(advice, type,
             "on_publish never runs: it judges what clients publish, and option `publish` is "
             "\"%s\"; on_published runs for "
             "what the server API and scripts publish",
             rule_text(type->publish));
    if (type->presence_read != NULL && !type->presence)
        WARN(advice, type,
             "option `presence_read` is never asked: there are no members to read without "
             "`presence = true`");
}

/* ---- channels that take one another's names ---- */

static bool lets_in_more(const struct rule *one, const struct rule *other)
{
    struct outcome_of outcomes[] = {{one, true}, {other, false}};
    return fold_is_possible(outcomes, 2);
}

static bool has_parameters(const struct channel_type *type)
{
    const struct slice *names;
    return pattern_params(type->pattern, &names) > 0;
}

/* The first is the more specific one. That a single name is an exception is what patterns are for,
 * as it is where one file has both. */
static void look_at_pair(const struct advice *advice, const struct channel_type *a,
                         const struct channel_type *b)
{
    struct slice one = pattern_text(a->pattern), other = pattern_text(b->pattern);
    if (strcmp(a->file, b->file) == 0 || !has_parameters(a) ||
        !pattern_overlaps(a->pattern, b->pattern))
        return;
    bool subscribes = lets_in_more(a->subscribe, b->subscribe);
    if (!subscribes && !lets_in_more(a->publish, b->publish))
        return;
    const char *option = subscribes ? "subscribe" : "publish";
    WARN(advice, a,
         "channel \"%.*s\" takes names from \"%.*s\" of %s:%d, and its `%s` lets in whom that one "
         "does not (\"%s\" there); "
         "if that is meant, declare both in one file",
         SLICE_ARGS(one), SLICE_ARGS(other), b->file, b->line, option,
         rule_text(subscribes ? b->subscribe : b->publish));
}

static void look_at_pairs(const struct advice *advice)
{
    const struct generation *generation = &advice->set->generation;
    for (unsigned i = 0; i < generation->type_count; i++)
        for (unsigned j = i + 1; j < generation->type_count; j++)
            look_at_pair(advice, generation->types[i], generation->types[j]);
}

/* ---- rollups that nobody hears ---- */

static bool is_declared(const struct generation *generation, const struct pattern *name)
{
    for (unsigned i = 0; i < generation->type_count; i++)
        if (pattern_overlaps(generation->types[i]->pattern, name))
            return true;
    return false;
}

static void look_at_rollup(const struct advice *advice, const struct channel_type *type)
{
    struct error err;
    struct pattern *into = NULL;
    if (type->rollup != NULL)
        into = pattern_compile(slice_of(type->rollup->into), &err);
    if (into != NULL && !is_declared(&advice->set->generation, into))
        WARN(advice, type,
             "option `rollup.into`: no script declares a channel for \"%s\", so nobody hears what "
             "is summed up",
             type->rollup->into);
    pattern_destroy(into);
}

void advise(const struct script_set *set, struct problems *warnings)
{
    const struct advice advice = {set, warnings};
    for (unsigned i = 0; i < set->generation.type_count; i++) {
        const struct channel_type *type = set->generation.types[i];
        look_at_rules(&advice, type);
        look_at_views(&advice, type);
        look_at_use(&advice, type);
        look_at_rollup(&advice, type);
    }
    look_at_pairs(&advice);
    for (unsigned i = 0; i < set->script_count; i++)
        advise_on_source(set, &set->scripts[i], warnings);
    for (unsigned i = 0; i < set->library_count; i++)
        advise_on_source(set, &set->libraries[i], warnings);
    problems_sort(warnings);
}
