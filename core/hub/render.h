/* A message as those views show it that have a hook: each is made once, however many hear it, and
 * whenever. */
#ifndef HUB_RENDER_H
#define HUB_RENDER_H

#include "base/buf.h"
#include "hub/view.h"

struct channel;

/* Of one message, in one generation. Counted, on one thread: whoever keeps the message has a
 * reference. */
struct rendering {
    unsigned refs;
    uint32_t made;                 /* which views: a bit each ... */
    uint32_t seen;                 /* ... and which of them show anything */
    struct slice shown[VIEWS_MAX]; /* owned */
};

/* NULL: no view of the type has a hook, and nothing is to be kept. */
struct rendering *rendering_create(const struct channel_type *type);
struct rendering *rendering_ref(struct rendering *rendering); /* NULL is fine, here and there */
void rendering_unref(struct rendering *rendering);
size_t rendering_bytes(const struct rendering *rendering);

/* Makes it for the views in which somebody is, of those of `seers`. Returns those that show it. */
uint32_t render_all(struct channel *channel, struct rendering *rendering, struct slice data,
                    uint32_t seers);

/* What a view that has the message shows: `data` itself, the rendering's, or bytes appended to
 * `out`, no more than data.len. False: nothing, also where its hook failed. Runs the hook where it
 * has not been run. */
bool render(struct channel *channel, struct rendering *rendering, unsigned view, struct slice data,
            struct buf *out, struct slice *shown) MUST_USE;

#endif
