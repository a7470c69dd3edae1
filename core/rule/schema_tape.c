#include "rule/schema_tape.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "rule/schema_number.h"
#include "wire/json_bytes.h"

void tape_init(struct tape *tape, struct tape_item *lent, uint32_t room)
{
    *tape = (struct tape){.items = lent, .room = room};
}

void tape_finish(struct tape *tape)
{
    free(tape->owned);
    tape->owned = NULL;
}

static void grow(struct tape *tape)
{
    uint32_t room = tape->room < 64 ? 64 : tape->room * 2;
    struct tape_item *items = xrealloc(tape->owned, room * sizeof *items);
    if (tape->owned == NULL && tape->count > 0)
        memcpy(items, tape->items, tape->count * sizeof *items);
    tape->items = tape->owned = items;
    tape->room = room;
}

static uint8_t kind_of(char first)
{
    static const uint8_t kinds[128] = {
        ['"'] = JSON_STRING, ['{'] = JSON_OBJECT, ['['] = JSON_ARRAY,  ['-'] = JSON_NUMBER,
        ['0'] = JSON_NUMBER, ['1'] = JSON_NUMBER, ['2'] = JSON_NUMBER, ['3'] = JSON_NUMBER,
        ['4'] = JSON_NUMBER, ['5'] = JSON_NUMBER, ['6'] = JSON_NUMBER, ['7'] = JSON_NUMBER,
        ['8'] = JSON_NUMBER, ['9'] = JSON_NUMBER, ['t'] = JSON_TRUE,   ['f'] = JSON_FALSE,
        ['n'] = JSON_NULL,
    };
    return kinds[(unsigned char)first & 0x7F];
}

/* While a container is open, its `next` is the container around it. Returns the one around. */
static uint32_t close_container(struct tape *tape, uint32_t open, const char *end)
{
    struct tape_item *item = &tape->items[open];
    uint32_t outer = item->next;
    item->next = tape->count;
    item->len = (uint32_t)(end - item->at);
    if (item->kind == JSON_OBJECT)
        item->count /= 2;
    return outer;
}

/* The text has been checked, so the reading only looks for where things end; all the same, it never
 * passes `end`, and each step moves on. */

static const char *skip_string(const char *at, const char *end, bool *is_escaped)
{
    at = skip_plain(at + 1, end);
    while (at < end && *at == '\\') {
        *is_escaped = true;
        at = end - at > 2 ? skip_plain(at + 2, end) : end;
    }
    return at < end ? at + 1 : end;
}

static uint32_t add_item(struct tape *tape, const char *at, uint32_t open)
{
    if (tape->count == tape->room)
        grow(tape);
    uint32_t here = tape->count++;
    struct tape_item *item = &tape->items[here];
    *item = (struct tape_item){.at = at, .next = here + 1, .kind = kind_of(*at)};
    if (here > 0)
        tape->items[open].count++;
    return here;
}

void tape_read(struct tape *tape, struct slice text)
{
    ensure(text.len < TAPE_TEXT_MAX);
    const char *at = text.at, *end = end_of(text);
    uint32_t open = 0;
    tape->count = 0;
    while (at < end) {
        if (is(*at, SPACE) || *at == ',' || *at == ':') {
            at++;
            continue;
        }
        if (*at == '}' || *at == ']') {
            open = close_container(tape, open, ++at);
            continue;
        }
        uint32_t here = add_item(tape, at, open);
        struct tape_item *item = &tape->items[here];
        if (item->kind >= JSON_ARRAY) {
            item->next = open;
            open = here;
            at++;
            continue;
        }
        at = item->kind == JSON_STRING ? skip_string(at, end, &item->is_escaped)
                                       : skip_until(at + 1, end, ENDS_SCALAR);
        item->len = (uint32_t)(at - item->at);
    }
}

/* ---- strings ---- */

struct slice tape_unquote(const struct tape *tape, uint32_t string, struct buf *scratch)
{
    buf_clear(scratch);
    json_unquote(scratch, tape_slice(tape, string));
    return buf_slice(scratch);
}

static bool text_is(const struct tape *tape, uint32_t string, struct slice text, int64_t *steps)
{
    const struct tape_item *item = &tape->items[string];
    struct buf scratch = {0};
    if (!item->is_escaped && item->len != text.len + 2)
        return false;
    *steps -= tape_steps(item->len);
    bool is = slice_is_equal(tape_text(tape, string, &scratch), text);
    buf_finish(&scratch);
    return is;
}

uint32_t tape_look_up(const struct tape *tape, uint32_t object, struct slice name, int64_t *steps)
{
    uint32_t found = 0, end = tape->items[object].next;
    for (uint32_t key = object + 1; key < end && --*steps >= 0; key = tape->items[key + 1].next)
        if (text_is(tape, key, name, steps))
            found = key + 1;
    return found;
}

uint32_t tape_find(const struct tape *tape, uint32_t object, struct slice name)
{
    int64_t steps = INT64_MAX;
    return tape_look_up(tape, object, name, &steps);
}

static size_t count_points(struct slice text)
{
    size_t continued = 0;
    for (size_t i = 0; i < text.len; i++)
        continued += ((unsigned char)text.at[i] & 0xC0) == 0x80;
    return text.len - continued;
}

size_t tape_length(const struct tape *tape, uint32_t string)
{
    struct buf scratch = {0};
    size_t length = count_points(tape_text(tape, string, &scratch));
    buf_finish(&scratch);
    return length;
}

/* ---- equality ---- */

static bool texts_are_equal(const struct tape *a, uint32_t i, const struct tape *b, uint32_t k,
                            int64_t *steps)
{
    struct buf scratch = {0};
    if (b->items[k].is_escaped)
        *steps -= tape_steps(b->items[k].len);
    bool is = text_is(a, i, tape_text(b, k, &scratch), steps);
    buf_finish(&scratch);
    return is;
}

static bool numbers_are_equal(struct slice a, struct slice b)
{
    struct decimal left, right;
    decimal_parse(a, &left);
    decimal_parse(b, &right);
    return decimal_compare(&left, &right) == 0;
}

static bool arrays_are_equal(const struct tape *a, uint32_t i, const struct tape *b, uint32_t k,
                             int64_t *steps)
{
    uint32_t end = a->items[i].next;
    for (i++, k++; i < end; i = a->items[i].next, k = b->items[k].next)
        if (!tape_is_equal(a, i, b, k, steps))
            return false;
    return true;
}

/* The name in b's object that equals the one in a, looked for from `key` on, round and round:
 * members mostly come in the same order. 0 when there is none. */
static uint32_t find_name(const struct tape *a, uint32_t name, const struct tape *b,
                          uint32_t object, uint32_t key, int64_t *steps)
{
    for (uint32_t n = 0; n < b->items[object].count && --*steps >= 0; n++) {
        if (key >= b->items[object].next)
            key = object + 1;
        if (texts_are_equal(a, name, b, key, steps))
            return key;
        key = b->items[key + 1].next;
    }
    return 0;
}

/* Every member of a's object has an equal in b's. */
static bool members_are_in(const struct tape *a, uint32_t i, const struct tape *b, uint32_t k,
                           int64_t *steps)
{
    uint32_t end = a->items[i].next, key = k + 1;
    for (uint32_t name = i + 1; name < end; name = a->items[name + 1].next) {
        key = find_name(a, name, b, k, key, steps);
        if (key == 0 || !tape_is_equal(a, name + 1, b, key + 1, steps))
            return false;
        key = b->items[key + 1].next;
    }
    return true;
}

bool tape_is_equal(const struct tape *a, uint32_t i, const struct tape *b, uint32_t k,
                   int64_t *steps)
{
    const struct tape_item *left = &a->items[i], *right = &b->items[k];
    if (left->kind != right->kind || left->count != right->count || --*steps < 0)
        return false;
    switch (left->kind) {
    case JSON_NUMBER:
        *steps -= tape_steps(left->len + (size_t)right->len);
        return numbers_are_equal(tape_slice(a, i), tape_slice(b, k));
    case JSON_STRING:
        return texts_are_equal(a, i, b, k, steps);
    case JSON_ARRAY:
        return arrays_are_equal(a, i, b, k, steps);
    case JSON_OBJECT:
        /* Both ways, since a name may be repeated. */
        return left->count == 0 ||
               (members_are_in(a, i, b, k, steps) && members_are_in(b, k, a, i, steps));
    default:
        return true;
    }
}

/* ---- hashes ---- */

static uint64_t hash_pair(uint64_t a, uint64_t b)
{
    uint64_t pair[2] = {a, b};
    return hash_bytes(slice_make((const char *)pair, sizeof pair));
}

static uint64_t hash_text(const struct tape *tape, uint32_t string, int64_t *steps)
{
    *steps -= tape_steps(tape->items[string].len);
    struct buf scratch = {0};
    uint64_t hash = hash_bytes(tape_text(tape, string, &scratch));
    buf_finish(&scratch);
    return hash;
}

static uint64_t hash_array(const struct tape *tape, uint32_t array, int64_t *steps)
{
    uint64_t hash = JSON_ARRAY;
    for (uint32_t i = array + 1; i < tape->items[array].next; i = tape->items[i].next)
        hash = hash_pair(hash, tape_hash(tape, i, steps));
    return hash_pair(hash, JSON_ARRAY);
}

/* A sum, so that the order is of no matter. */
static uint64_t hash_object(const struct tape *tape, uint32_t object, int64_t *steps)
{
    uint64_t sum = 0;
    for (uint32_t key = object + 1; key < tape->items[object].next; key = tape->items[key + 1].next)
        sum += hash_pair(hash_text(tape, key, steps), tape_hash(tape, key + 1, steps));
    return hash_pair(sum, JSON_OBJECT);
}

uint64_t tape_hash(const struct tape *tape, uint32_t item, int64_t *steps)
{
    if (--*steps < 0)
        return 0;
    switch (tape_kind(tape, item)) {
    case JSON_STRING:
        return hash_text(tape, item, steps);
    case JSON_ARRAY:
        return hash_array(tape, item, steps);
    case JSON_OBJECT:
        return hash_object(tape, item, steps);
    case JSON_NUMBER: {
        struct decimal number;
        *steps -= tape_steps(tape->items[item].len);
        decimal_parse(tape_slice(tape, item), &number);
        return decimal_hash(&number);
    }
    default:
        return tape->items[item].kind;
    }
}

/* ---- pointers ---- */

static void add_token(struct buf *out, struct slice name)
{
    buf_add_byte(out, '/');
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '~')
            buf_add_text(out, "~0");
        else if (name.at[i] == '/')
            buf_add_text(out, "~1");
        else
            buf_add_byte(out, name.at[i]);
    }
}

static uint32_t enter_object(const struct tape *tape, uint32_t object, uint32_t item,
                             struct buf *out)
{
    uint32_t key = object + 1;
    while (tape->items[key + 1].next <= item)
        key = tape->items[key + 1].next;
    struct buf scratch = {0};
    add_token(out, tape_text(tape, key, &scratch));
    buf_finish(&scratch);
    return item == key ? item : key + 1;
}

static uint32_t enter_array(const struct tape *tape, uint32_t array, uint32_t item, struct buf *out)
{
    uint32_t at = array + 1;
    unsigned index = 0;
    for (; tape->items[at].next <= item; at = tape->items[at].next)
        index++;
    buf_printf(out, "/%u", index);
    return at;
}

void tape_pointer(const struct tape *tape, uint32_t item, struct buf *out)
{
    for (uint32_t at = 0; at != item;)
        at = tape_kind(tape, at) == JSON_OBJECT ? enter_object(tape, at, item, out)
                                                : enter_array(tape, at, item, out);
}
