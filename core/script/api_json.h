/* The Lua module `json`: the codec of the message path, for scripts.
 *
 *   json.encode(value)   the text; raises an error that names the place for what JSON cannot say
 *   json.decode(text)    the value; nil and a message for a text that is not JSON
 *   json.null            stands for null in tables; note that it counts as true
 *   json.array(t)        marks t (or a new table) as an array, so that it is [] when empty; returns it
 *
 * A bad text comes from outside and is to be expected, so it is a result; a bad value is a mistake in
 * the script, so it is an error. Limits: 64 deep, 1024 members an object, 1 MiB written. */
#ifndef SCRIPT_API_JSON_H
#define SCRIPT_API_JSON_H

#include <lua.h>

int api_json_open(lua_State *L); /* pushes the module table; may raise */

#endif
