/* A JSON text taken apart once: a flat array of what is in it, in the order of the text. */
#ifndef RULE_SCHEMA_TAPE_H
#define RULE_SCHEMA_TAPE_H

#include "base/buf.h"
#include "base/slice.h"
#include "wire/json.h"

#include <stdint.h>

/* A value, or a member's name. What is inside a container follows it; an object's names and values
 * alternate. */
struct tape_item {
    const char *at; /* into the text, which must outlive the tape */
    uint32_t len;
    uint32_t next;   /* the item after this one and all inside it */
    uint32_t count;  /* of items or members inside */
    uint8_t kind;    /* enum json_kind */
    bool is_escaped; /* a string with a backslash */
};

/* On the stack or embedded. Item 0 is the whole. */
struct tape {
    struct tape_item *items;
    uint32_t count, room;
    struct tape_item *owned; /* NULL while `items` is what the caller lent */
};

#define TAPE_TEXT_MAX UINT32_MAX

/* `lent` is room for so many items, used as long as it suffices. */
void tape_init(struct tape *tape, struct tape_item *lent, uint32_t room);
void tape_finish(struct tape *tape);
/* The text has been accepted by json_check() and is shorter than TAPE_TEXT_MAX. */
void tape_read(struct tape *tape, struct slice text);

static inline struct slice tape_slice(const struct tape *tape, uint32_t item)
{
    return slice_make(tape->items[item].at, tape->items[item].len);
}

static inline enum json_kind tape_kind(const struct tape *tape, uint32_t item)
{
    return (enum json_kind)tape->items[item].kind;
}

/* The decoded text of a string: borrowed from the tape's text, or from `scratch`, which is written
 * only where there are escapes. */
struct slice tape_unquote(const struct tape *tape, uint32_t string, struct buf *scratch);
static inline struct slice tape_text(const struct tape *tape, uint32_t string, struct buf *scratch)
{
    const struct tape_item *item = &tape->items[string];
    if (item->is_escaped)
        return tape_unquote(tape, string, scratch);
    return slice_make(item->at + 1, item->len - 2);
}

/* What it takes to go through so many bytes, decoding them or not. */
static inline int64_t tape_steps(size_t bytes)
{
    return (int64_t)(bytes / 32);
}

/* The value of that name in an object, the last where it is repeated; 0 when there is none. */
uint32_t tape_find(const struct tape *tape, uint32_t object, struct slice name);
/* The same, taking a step for each member. */
uint32_t tape_look_up(const struct tape *tape, uint32_t object, struct slice name, int64_t *steps);
/* How many code points a string has. */
size_t tape_length(const struct tape *tape, uint32_t string);

/* Equal as JSON Schema has it: 1 is 1.0, and members have no order. Each value compared takes a
 * step, and its bytes take theirs. */
bool tape_is_equal(const struct tape *a, uint32_t i, const struct tape *b, uint32_t k,
                   int64_t *steps);
/* Equal values have equal hashes, which strangers cannot foresee. */
uint64_t tape_hash(const struct tape *tape, uint32_t item, int64_t *steps);

/* Appends the JSON pointer to an item; a name's is that of its value. */
void tape_pointer(const struct tape *tape, uint32_t item, struct buf *out);

#endif
