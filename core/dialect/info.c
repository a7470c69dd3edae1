#include "dialect/info.h"

#include "wire/json.h"

void info_put(struct buf *out, const struct identity *who)
{
    buf_add_text(out, "{\"user\":");
    json_quote(out, who->facts.user);
    buf_add_text(out, ",\"client\":");
    json_quote(out, who->facts.client);
    if (who->facts.info.at != NULL) {
        buf_add_text(out, ",\"conn_info\":");
        buf_add_slice(out, who->facts.info);
    }
    buf_add_byte(out, '}');
}
