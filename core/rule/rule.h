/* Rule expressions: who may do what, decided without Lua. Compiled once, evaluated by any thread.
 */
#ifndef RULE_RULE_H
#define RULE_RULE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdint.h>

/* The language:  anyone  user  nobody  role.NAME  claims.a.b  params.NAME  user.id  ip  "text"
 * 'text' 12  -3.5  true  false  nil  ( )  not  and  or  == ~= < <= > >= in `user` alone: an
 * identified user (user.id is not ""). `role.x`: the roles hold "x". `claims.a.b`: a path into the
 * claims, nil when absent. `a in b`: b is a JSON array holding a, or an object having that key.
 * Precedence as in Lua: or, and, comparison and in, not. Comparing different kinds: == is false, ~=
 * is true, an order is an error. An error in a rule is a no. Strings, numbers (integers exactly),
 * booleans and nil compare; arrays and objects do not (an error). A rule of a message has  msg
 * msg.a.b  (a path into it, nil when absent) and params alone: nobody asks. */
struct rule; /* immutable after compiling; owned by the channel_type that holds it */

enum { RULE_LENGTH_MAX = 4096, RULE_DEPTH_MAX = 64 };

/* What a rule can see. Borrowed for the call. */
struct rule_facts {
    struct slice user;   /* "" when nobody is known */
    struct slice roles;  /* a checked JSON array of strings, or an absent slice */
    struct slice claims; /* a checked JSON object, or an absent slice */
    struct slice ip;
    const struct slice *param_names, *param_values; /* of the channel's name */
    unsigned param_count;
    struct slice msg; /* of a rule of a message: checked JSON */
};

enum rule_scope { RULE_OF_CLIENT, RULE_OF_MESSAGE };

/* What a rule is made of; borrowed for the call. `params` are the names a channel's pattern has:
 * others are an error. */
struct rule_source {
    struct slice text;
    const struct slice *params;
    unsigned param_count;
    enum rule_scope scope;
};

/* NULL and err ("expected a value after 'and' (column 12)") when the text is not a rule. Names that
 * are not in the language get a "did you mean". */
struct rule *rule_compile(const struct rule_source *source, struct error *err);
void rule_destroy(struct rule *rule); /* NULL is fine */

const char *rule_text(const struct rule *rule); /* as it was written */

/* True = allowed. When `why` is not NULL it gets the evaluation for people, such as
 *   claims.tenant == params.tenant -> "acme" == "evil" -> false */
bool rule_allows(const struct rule *rule, const struct rule_facts *facts, struct buf *why);

#endif
