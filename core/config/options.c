#include "config/options.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/suggest.h"

#define VARIABLE_PREFIX "WEIR_"

const struct option_row option_rows[OPTION_COUNT] = {
#define X(field, name, kind, value, metavar, help) {name, value, metavar, help, OPTION_##kind},
    CONFIG_OPTIONS(X)
#undef X
};

static const size_t offsets[OPTION_COUNT] = {
#define X(field, name, kind, value, metavar, help) offsetof(struct config, field),
    CONFIG_OPTIONS(X)
#undef X
};

static char exchange(char c, enum spelling spelling)
{
    if (spelling == SPELLING_FLAG)
        return c;
    if (c == '-' || c == '_')
        return c == '-' ? '_' : '-';
    if (spelling == SPELLING_KEY)
        return c;
    return (char)(islower((unsigned char)c) ? toupper(c) : tolower((unsigned char)c));
}

/* From a flag's spelling to another and back is one and the same exchange of characters; so text in
 * a wrong spelling comes back as something that no option is called. */
static struct option_name respell(struct slice text, enum spelling spelling)
{
    struct option_name name = {0};
    for (size_t i = 0; i < text.len && i < sizeof name.text - 1; i++)
        name.text[i] = exchange(text.at[i], spelling);
    return name;
}

static size_t prefix_of(enum spelling spelling)
{
    return spelling == SPELLING_VARIABLE ? strlen(VARIABLE_PREFIX) : 0;
}

struct option_name option_spell(const char *name, enum spelling spelling)
{
    struct option_name spelled = {VARIABLE_PREFIX};
    size_t prefix = prefix_of(spelling);
    struct option_name rest = respell(slice_of(name), spelling);
    ensure(prefix + strlen(rest.text) < sizeof spelled.text);
    strcpy(spelled.text + prefix, rest.text);
    return spelled;
}

/* What an option would be called whose name was written like this; false: no option's name. */
static bool parse_name(struct slice text, enum spelling spelling, struct option_name *name)
{
    size_t prefix = prefix_of(spelling);
    if (text.len < prefix || memcmp(text.at, VARIABLE_PREFIX, prefix) != 0)
        return false;
    struct slice rest = slice_make(text.at + prefix, text.len - prefix);
    if (rest.len == 0 || rest.len >= sizeof name->text)
        return false;
    *name = respell(rest, spelling);
    return true;
}

int option_find(struct slice text, enum spelling spelling)
{
    struct option_name name;
    if (!parse_name(text, spelling, &name))
        return OPTION_UNKNOWN;
    for (int id = 0; id < OPTION_COUNT; id++)
        if (strcmp(option_rows[id].name, name.text) == 0)
            return id;
    return OPTION_UNKNOWN;
}

bool option_suggest(struct slice text, enum spelling spelling, struct option_name *nearest)
{
    const char *names[OPTION_COUNT + 2] = {NULL};
    struct option_name name;
    if (!parse_name(text, spelling, &name))
        return false;
    for (int id = 0; id < OPTION_COUNT; id++)
        names[id] = option_rows[id].name;
    if (spelling != SPELLING_KEY)
        names[OPTION_COUNT] = "config"; /* no option, but set in the same places */
    const char *found = suggest(slice_of(name.text), names);
    if (found != NULL)
        *nearest = option_spell(found, spelling);
    return found != NULL;
}

static bool has_text(enum option_id id)
{
    return option_rows[id].kind == OPTION_TEXT || option_rows[id].kind == OPTION_SECRET;
}

static void *field_of(struct config *config, enum option_id id)
{
    return (char *)config + offsets[id];
}

static const void *value_of(const struct config *config, enum option_id id)
{
    return (const char *)config + offsets[id];
}

const char *option_text(const struct config *config, enum option_id id)
{
    ensure(has_text(id));
    return *(char *const *)value_of(config, id);
}

unsigned long long option_number(const struct config *config, enum option_id id)
{
    ensure(option_rows[id].kind == OPTION_NUMBER);
    return *(const unsigned long long *)value_of(config, id);
}

bool option_flag(const struct config *config, enum option_id id)
{
    ensure(option_rows[id].kind == OPTION_FLAG);
    return *(const bool *)value_of(config, id);
}

static void set_text(char **field, const char *text)
{
    free(*field);
    *field = xstrdup(text);
}

void option_set(struct config *config, enum option_id id, const char *text)
{
    switch (option_rows[id].kind) {
    case OPTION_TEXT:
    case OPTION_SECRET:
        set_text(field_of(config, id), text);
        break;
    case OPTION_NUMBER:
        *(unsigned long long *)field_of(config, id) = strtoull(text, NULL, 10);
        break;
    case OPTION_FLAG:
        *(bool *)field_of(config, id) = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
        break;
    }
}

void option_finish(struct config *config, enum option_id id)
{
    if (has_text(id)) {
        free(*(char **)field_of(config, id));
        *(char **)field_of(config, id) = NULL;
    }
}
