/* No words at all: who connects is in the channel that the URL names, and a text is a message. */
#include "bench/protocol.h"

static void say(struct buf *out, const struct introduction *who, unsigned step)
{
    (void)out, (void)who, (void)step;
}

static enum heard hear(struct slice said, unsigned step, struct answer *to)
{
    (void)said, (void)step, (void)to;
    return HEARD_STEP;
}

static enum heard listen(struct slice said, struct answer *to)
{
    (void)said, (void)to;
    return HEARD_OTHER;
}

/* The part of `form` that begins with that placeholder? */
static void publish(struct buf *out, const struct publication *p)
{
    struct slice form = p->form.at ? p->form : SLICE("{message}");
    while (form.len > 0) {
        size_t taken = 1;
        if (slice_begins(form, "{channel}")) {
            buf_add_slice(out, p->channel);
            taken = strlen("{channel}");
        } else if (slice_begins(form, "{message}")) {
            buf_add_slice(out, p->message);
            taken = strlen("{message}");
        } else {
            buf_add_byte(out, *form.at);
        }
        form = slice_make(form.at + taken, form.len - taken);
    }
}

const struct protocol protocol_raw = {
    .name = "raw",
    .path = "/{channel}",
    .events_path = "/{channel}",
    .opcode = WS_TEXT,
    .say = say,
    .hear = hear,
    .listen = listen,
    .publish = publish,
};
