/* Any bytes as a rule: it is refused with a reason, or it answers the same with and without one
 * asked for. The input is the rule up to the first line end, and the facts after it. */
#include "base/memory.h"
#include "rule/rule.h"
#include "wire/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The bytes up to the next line end, which it passes. */
static struct slice next_line(struct slice *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->at) : rest->len;
    struct slice line = slice_make(rest->at, len);
    size_t passed = len + (end != NULL);
    *rest = passed > 0 ? slice_make(rest->at + passed, rest->len - passed) : *rest;
    return line;
}

/* Such JSON only as the facts promise: roles hold strings. */
static struct slice checked(struct slice text, enum json_kind kind)
{
    struct json_fault fault;
    const struct json_limits limits = JSON_LIMITS_DEFAULT;
    if (!json_check(text, &limits, &fault) || json_kind(text) != kind)
        return slice_make(NULL, 0);
    return text;
}

static void judge(const struct rule *rule, const struct rule_facts *facts)
{
    struct buf why = {0};
    bool quietly = rule_allows(rule, facts, NULL);
    ensure(rule_allows(rule, facts, &why) == quietly);
    ensure(why.len > 0);
    buf_finish(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct slice names[] = {{"room", 4}, {"tenant", 6}};
    /* A copy of exactly this size, so that reading past its end is seen. */
    char *copy = xmalloc(len + 1);
    if (len > 0)
        memcpy(copy, data, len);
    struct slice rest = slice_make(copy, len);
    struct error err = {0};
    struct rule_source source = {next_line(&rest), names, 2,
                                 len % 2 ? RULE_OF_MESSAGE : RULE_OF_CLIENT};
    struct rule *rule = rule_compile(&source, &err);
    ensure((rule == NULL) == (err.text[0] != '\0'));
    struct slice values[2] = {next_line(&rest), next_line(&rest)};
    struct rule_facts facts = {.user = values[0],
                               .ip = values[1],
                               .param_names = names,
                               .param_values = values,
                               .param_count = 2};
    facts.roles = checked(next_line(&rest), JSON_ARRAY);
    facts.claims = checked(rest, JSON_OBJECT);
    facts.msg = facts.claims;
    if (rule != NULL)
        judge(rule, &facts);
    rule_destroy(rule);
    free(copy);
    return 0;
}
