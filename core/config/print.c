#include "config/config.h"

#include "config/options.h"
#include "wire/json.h"

/* Widths of the columns. */
struct table {
    int names, values;
};

/* As it may be shown: never a secret. */
static void put_value(struct buf *out, const struct config *config, enum option_id id)
{
    switch (option_rows[id].kind) {
    case OPTION_TEXT:
        buf_add_text(out, option_text(config, id));
        break;
    case OPTION_SECRET:
        buf_add_text(out, *option_text(config, id) ? "(set)" : "(not set)");
        break;
    case OPTION_NUMBER:
        buf_add_unsigned(out, option_number(config, id));
        break;
    case OPTION_FLAG:
        buf_add_text(out, option_flag(config, id) ? "true" : "false");
        break;
    }
}

static void put_cell(struct buf *out, const struct config *config, enum option_id id)
{
    size_t before = out->len;
    put_value(out, config, id);
    if (out->len == before)
        buf_add_text(out, "(not set)");
}

static struct table measure(const struct config *config)
{
    struct table table = {0};
    struct buf cell = {0};
    for (int id = 0; id < OPTION_COUNT; id++) {
        int name = (int)strlen(option_rows[id].name);
        buf_clear(&cell);
        put_cell(&cell, config, (enum option_id)id);
        table.names = name > table.names ? name : table.names;
        table.values = (int)cell.len > table.values ? (int)cell.len : table.values;
    }
    buf_finish(&cell);
    return table;
}

static void put_lines(const struct config *config, struct buf *out)
{
    struct table table = measure(config);
    struct buf cell = {0};
    for (int id = 0; id < OPTION_COUNT; id++) {
        buf_clear(&cell);
        put_cell(&cell, config, (enum option_id)id);
        buf_printf(out, "%-*s  %-*s  %s\n", table.names, option_rows[id].name, table.values,
                   buf_text(&cell), config->source[id]);
    }
    buf_finish(&cell);
}

static void put_json_value(struct buf *out, const struct config *config, enum option_id id)
{
    enum option_kind kind = option_rows[id].kind;
    bool is_plain = kind == OPTION_NUMBER || kind == OPTION_FLAG;
    bool is_set = is_plain || *option_text(config, id) != '\0';
    if (is_plain)
        put_value(out, config, id);
    else if (kind == OPTION_SECRET || !is_set)
        buf_add_text(out, "null");
    else
        json_quote(out, slice_of(option_text(config, id)));
    if (kind == OPTION_SECRET)
        buf_printf(out, ",\"set\":%s", is_set ? "true" : "false");
}

static void put_json(const struct config *config, struct buf *out)
{
    for (int id = 0; id < OPTION_COUNT; id++) {
        buf_printf(out, "%s\"%s\":{\"value\":", id == 0 ? "{" : ",", option_rows[id].name);
        put_json_value(out, config, (enum option_id)id);
        buf_add_text(out, ",\"source\":");
        json_quote(out, slice_of(config->source[id]));
        buf_add_byte(out, '}');
    }
    buf_add_text(out, "}\n");
}

void config_put(const struct config *config, struct buf *out, bool as_json)
{
    if (as_json)
        put_json(config, out);
    else
        put_lines(config, out);
}
