/* Views: what some of a channel's subscribers get of its messages. */
#ifndef HUB_VIEW_H
#define HUB_VIEW_H

#include "base/buf.h"
#include "base/error.h"
#include "hub/identity.h"
#include "rule/mask.h"
#include "rule/rule.h"

struct channel_type;

enum { VIEWS_MAX = 16 };

/* Owned by its channel_type, which lists them in the order in which they are asked. */
struct view {
    char *name;         /* owned */
    struct rule *when;  /* whose it is */
    struct rule *where; /* which messages it has; NULL: all */
    struct mask *mask;  /* what it hides of them; NULL: nothing */
    bool has_hook;      /* a view_NAME says what it shows, before the mask; see hub/render.h */
};

/* The first whose `when` holds, by its place; 0 where the type has none, and everybody gets
 * everything. False: none holds. `params` are those of the channel's name. */
bool view_choose(const struct channel_type *type, const struct slice *params,
                 const struct identity_facts *who, unsigned *view) MUST_USE;
/* Says of somebody for whom none holds how each came out: "ops: role.ops -> false; ...". */
void view_explain(const struct channel_type *type, const struct slice *params,
                  const struct identity_facts *who, struct buf *out);

/* As long as this is the same, so are everybody's views and filters: what a reload changes in
 * `where` and masks alone moves nobody. */
uint64_t view_mark(const struct channel_type *type);

/* Whether it has the message; yes where the type has none. */
bool view_has(const struct channel_type *type, unsigned view, const struct slice *params,
              struct slice data);
/* Which views have the message: a bit each, and all of them where the type has none. */
uint32_t view_seers(const struct channel_type *type, const struct slice *params, struct slice data);
/* The message as a view that has it shows it, by its mask: `data` itself, or bytes appended to `out`. False:
 * nothing is left. */
bool view_show(const struct channel_type *type, unsigned view, struct slice data, struct buf *out,
               struct slice *shown) MUST_USE;

void views_destroy(struct view *views, unsigned count); /* NULL is fine */

#endif
