---@meta
-- What scripts see, for the Lua language server. Written by `weir types`: your own words belong elsewhere.
-- luacheck: ignore

-- ---- channels ----

---Options of a channel, which hold before any Lua runs. One that is not known does not load.
---@class weir.Options
---@field subscribe? weir.Rule Who may subscribe. Default: `user`.
---@field presence_read? weir.Rule Who may ask for members. Default: whoever may subscribe.
---@field publish? weir.Rule Who may publish; being subscribed is not needed. Default: `user` if there is an `on_publish`, else `nobody`.
---@field call? weir.Rule Who may call `rpc_NAME`. Default: `user` if there is one, else `nobody`.
---@field presence? boolean Whether members may be asked for. Default: `false`, error 108.
---@field max_size? integer Bytes of one message or call, 1 to 16777216; over it error 413. `--max-message` holds as well.
--- Default: 65536.
---@field history? integer|{ size: integer, ttl?: weir.Time } How many messages are kept, and how long. They get an
--- offset; reading them comes later. Default: 0; ttl 1 h.
---@field schema? weir.Schema|string|table<string, weir.Schema|string> What a client's message has to be, else error 400: a schema, its
--- file in `schemas/`, or one each for `publish` and every `rpc_NAME`. The server API and scripts are not judged. Default: anything.
---@field emits? weir.Schema|string What subscribers may get: a schema, or its file; asked in dev mode alone. Default: anything.
---@field once? string|{ key: string, ttl?: weir.Time } The member that is a command's key, `"id"` or `"order.id"`: who repeats
--- one is answered as the first time, and no hook runs. Default: off; ttl 5 m.
---@field echo? boolean `false`: who publishes does not hear it, on the connection it came by. Default: `true`.
---@field rate? string|string[] How often a client may publish, and call: `"5/10s per user"`; also per `ip`, `connection`, `channel`,
--- `claims.NAME`. All of a list have to let through; else error 111. Default: no limit.
---@field slow? "disconnect"|"drop_oldest"|"conflate" What becomes of messages for a reader who is behind. Default: `disconnect`.
---@field conflate? weir.Time|{ every?: weir.Time, key?: string } The newest message goes out once in a time: `"100ms"`,
--- or `{ every = "100ms", key = "symbol" }` for the newest of each key. Default: off.
---@field timeout? weir.Time How long a hook may take, waiting included; then error 504. Default:
--- `--hook-timeout-ms`, 2 s.
---@field rollup? weir.Rollup Figures of its messages, every so often in another channel, without Lua. Default: off.
---@field batch? { size: integer, delay: weir.Time } Several messages in one frame, when there are so many or the first has
--- waited so long. Default: off.
---@field latest? boolean|string|{ key?: string, ttl?: weir.Time } The last message, or the last of each key, is given to who
--- comes: `true`, `"name"`, or with a ttl; up to 1024 keys, 256 KiB. Default: off; ttl 1 h.
---@field filter? string[] Fields, 1 to 16 paths, by which subscribers may choose what they hear. Default: none, error 107.
---@field views? weir.View[] 1 to 16: the first whose `when` holds is a subscriber's; none holds: error 103. Default: everybody
--- gets everything.

---What some of a channel's subscribers get of its messages; its name, a word, comes first. Where masks are not enough a hook
---`view_NAME(msg)` says what is shown.
---@class weir.View
---@field [1] string Its name.
---@field when? weir.Rule Whose it is. Default: `anyone`.
---@field where? string Which messages it has: a rule on `msg.a.b` and `params.NAME` alone. Default: all.
---@field drop? string[] Paths of what is cut out, at most 64: `a.b`, also within each item of a list.
---@field keep? string[] Paths of what alone is left.

---What a channel sums up: for each value of `by` a message with the last name of `by`, the figures, the last names of `keep`.
---@class weir.Rollup
---@field into string The channel that is told, as the house; `{name}` is a parameter of this channel's own pattern.
---@field every weir.Time The length of a stretch of time, 100 ms at least. Stretches follow one another without a gap while there
--- are messages; the first begins with the first message, and one without messages is not told.
---@field by? string The path of a member whose values, as they stand in the JSON, are summed up each by itself, 1024 of them, each a
--- message of its own. Default: all as one.
---@field of? string The path of the number; messages without one are left out. Default: messages are counted.
---@field stats string[] The figures, in the order in which they are told: `count`, `sum`, `min`, `max`, `avg`, `first`, `last`, and
--- percentiles `p1` to `p99` (nearest rank). Without `of` there is only `count`.
---@field keep? string[] Paths of members that are told as the last message had them.

---A rule in text, compiled when the file loads and evaluated in C: `anyone`, `nobody`, `user`, `user.id`, `role.NAME`,
---`claims.a.b`, `params.NAME`, `ip`, literals, `== ~= < <= > >= in and or not ( )`. At most 4096 bytes, 64 deep. An error in
---it is a no.
---@alias weir.Rule string

---What a client may send, as a table: a JSON Schema of the 2020-12 version, or what `shape{}` makes.
---@alias weir.Schema table

---A time: a whole number of at most nine digits and its unit, `ms`, `s`, `m`, `h` or `d`.
---@alias weir.Time string

---A channel, in its hooks as `self`. Your own functions are there too; other fields cannot be written: use
---`self.state`.
---@class weir.Channel
---@field name string Its name, 1 to 255 bytes of visible ASCII.
---@field params table<string, string> What the pattern's `{name}` took.
---@field state table Kept over a reload: tables, strings, numbers, booleans, `json.null`. What was written before an error
--- stays written.
---@field on_open? fun(self: weir.Channel) The first interest in the channel.
---@field on_close? fun(self: weir.Channel) Nobody has been in it for `--linger-ms`, and its history and `latest` are out
--- of date.
---@field on_subscribe? fun(self: weir.Channel, client: weir.Client, data: any): boolean|table|nil After the rule; `data`
--- comes with the subscribe command. True: in; a table: in, and the data of the reply; nothing or false: error 103.
---@field on_upgrade? fun(self: weir.Channel, from: integer) A reload has brought other code: `self.state` is there,
--- `from` is the number of the generation it was in.
---@field on_unsubscribe? fun(self: weir.Channel, client: weir.Client, why: string, code: integer) It has left,
--- was kicked or lost; it is no member any more.
---@field on_publish? fun(self: weir.Channel, msg: any, from: weir.Client, meta: { size: integer }): boolean|table|nil A *client's*
--- message, before it exists for anybody; `meta.size` in bytes. true: delivered as it came; a table: that instead; nothing or false: nobody gets it, and the
--- sender is told all is well; `reject()`: refused; an error: error 500.
---@field on_published? fun(self: weir.Channel, msg: any, meta: { size: integer, offset: integer }) Any message, after it was
--- sent; `meta.offset` is 0 without history. An error is logged, the message stands.
---@field rpc_NAME? fun(self: weir.Channel, args: any, from: weir.Client): any A call: rpc method `CHANNEL/NAME`, or the server
--- API's `rpc`. Every function whose name begins with `rpc_` is callable, nothing else. The reply; nothing is `null`.
---@field view_NAME? fun(self: weir.Channel, msg: any): table|boolean|nil A message, once for all who have that view. What they are
--- shown: a table; true: the message; nothing: it is not for them.
local Channel = {}

---To this channel, as the house: no rule, no on_publish. Happens when the hook has returned, before the message it judges.
---An error when it is larger than max_size, or after 8 hooks that published one after another.
---@param data any What JSON can say, up to 1 MiB and 64 deep.
function Channel:publish(data) end

---Calls the method again and again, from when the hook has returned; kept over a reload. At most 64 timers a channel; they
---end with it. An error for what is no method or no time, and for arguments that JSON cannot say.
---@param interval weir.Time At least, and kept to, 20 ms.
---@param method string The name of a function on the channel's table, looked up each time.
---@param ... any Arguments.
---@return integer id For self:cancel.
function Channel:every(interval, method, ...) end

---The same, once. Keeps the channel alive where nobody is in it.
---@param delay weir.Time Kept to 20 ms.
---@param method string
---@param ... any Arguments.
---@return integer id For self:cancel.
function Channel:after(delay, method, ...) end

---Ends a timer when the hook has returned; one that has ended is fine.
---@param id? integer
function Channel:cancel(id) end

---What was said last in this channel: before the message that on_publish judges, the one itself in on_published. nil: nothing,
---or too long ago. An error where the channel has no `latest`.
---@param key? any With that key, as it stands in the messages. Default: of all.
---@return any
function Channel:latest(key) end

---Takes clients out of this channel (unsubscribe code 2000) when the hook has returned.
---@param whom { user?: string, client?: string, reason?: string } By user or client, or both.
---@return true
function Channel:kick(whom) end

---Declares a class of channels, while the file loads; up to 256 a file. What does not load is told for the whole set.
---@param pattern string Text with `{name}` (one segment: anything but `:` and `/`) and `*` (the rest, at the end).
---@param options? weir.Options
---@return weir.Channel channel Define hooks on it: `function chat:on_publish(msg, from)`.
function channel(pattern, options) end

-- ---- clients ----

---Who speaks, or comes: what `from` and `client` are. Read-only; may be kept in a local. A call by the server API is from one
---whose `user` and `id` are empty.
---@class weir.Client
---@field id string The connection's id.
---@field user string `""`: nobody known.
---@field roles string[] A list of names.
---@field claims table What the token says besides its own fields.
---@field info any What others are shown, or nil.
---@field ip string The peer's address.
local Client = {}

---A message to this connection alone, when the hook has returned. It never fails: who has gone hears nothing.
---@param data any What JSON can say, up to 1 MiB and 64 deep.
function Client:send(data) end

---Ends the connection when the hook has returned.
---@param code? integer 3000 to 4999; 3503 unless told. Which codes end it for good: see the protocol.
---@param reason? string At most 123 bytes; the code's own text unless told.
function Client:close(code, reason) end

-- ---- the server ----

---What `server.on_connect` is given: who comes, as a token that was verified says, or dev mode's `?as=` and `?roles=`.
---@class weir.ConnectRequest
---@field token string As the client sent it; `""` when none. Verified before, where the server has a `--token-secret`.
---@field user string `""`: nobody known.
---@field roles string[] A list of names.
---@field claims table What the token says besides its own fields.
---@field ip string The peer's address.
---@field headers table<string, string> Names in lower case.
---@field data any Of the connect command.

---What `server.on_connect` returns. What is left out stays as the token said.
---@class weir.Identity
---@field user? string Who it is; `""`: nobody known.
---@field roles? string[] What `role.NAME` of rules asks for.
---@field claims? table What `claims.NAME` of rules asks for.
---@field info? any Shown to others, with messages and presence.
---@field expires? integer Unix seconds; the connection ends then (3005).

---The server's hooks, with a dot, each once in all files together: `function server.on_connect(req)`.
---@class weir.Server
---@field on_connect? fun(req: weir.ConnectRequest): weir.Identity|boolean|nil Once a connection. An
--- identity; true: as the token said; nothing: error 103.
---@field on_disconnect? fun(client: weir.Client, why: string, code: integer) After it has gone.
---@field on_message? fun(data: any, from: weir.Client) A client's `send`, which has no reply.
---@field rpc_NAME? fun(args: any, from: weir.Client): any A call without a channel: rpc method `NAME`. The reply.
server = {}

-- ---- doing things ----

---To any declared channel, as the house: no rule, no on_publish; history and on_published. Happens when the hook has
---returned. An error when no script declares such a channel, when it is larger than that channel's max_size, or after 8
---hooks that published one after another.
---@param channel string
---@param data any What JSON can say, up to 1 MiB and 64 deep.
function publish(channel, data) end

---Takes clients out of a channel (unsubscribe code 2000) when the hook has returned. An error when no script declares it.
---@param channel string
---@param whom { user?: string, client?: string, reason?: string } By user or client, or both.
---@return true
function kick(channel, whom) end

---Refuses, tells the sender why, and ends the hook: pcall does not catch it. What was wished before it stands.
---@param code integer|string The text, with code 400; or a code, 400 to 1999.
---@param text? string
function reject(code, text) end

---The hook waits; what comes to its channel meanwhile waits in its order. An error in a callback of sort, gsub and the like,
---and while the file loads. Past the hook's timeout it ends with error 504.
---@param time weir.Time
function sleep(time) end

-- ---- other servers, and what is kept ----

---An answer of another server, of any status.
---@class weir.Response
---@field status integer Any.
---@field ok boolean 200 to 299.
---@field headers table<string, string> Names in lower case.
---@field body string As it came.
local Response = {}

---The body as a value. An error where it is no JSON.
---@return any
function Response:json() end

---What a request may have, besides its URL.
---@class weir.HttpOptions
---@field json? any The body, a value; sets `content-type`.
---@field body? string The body, a text; without `method` it makes the request a POST.
---@field headers? table<string, string> `{ accept = "text/plain" }`.
---@field timeout? weir.Time For all of it. Default: half of the hook's time, so that the hook can say what it does without. A
--- longer one than the hook's ends with the hook, 504.
---@field redirects? integer How many are followed, 0 to 10. Each has to be on the list, too. Default: 0.

---What `http.request` takes.
---@class weir.HttpRequest: weir.HttpOptions
---@field url string Begins with `http://` or `https://`.
---@field method? string Default: GET, or POST where there is a body.

---Asks other servers; the hook waits. No answer, or a host that `--http-allow` does not list, is an error that pcall catches.
---@class weir.http
http = {}

---Method GET.
---@param url string
---@param options? weir.HttpOptions
---@return weir.Response
function http.get(url, options) end

---Method POST.
---@param url string
---@param options? weir.HttpOptions
---@return weir.Response
function http.post(url, options) end

---Any method.
---@param request weir.HttpRequest
---@return weir.Response
function http.request(request) end

---Values by key, for all scripts and workers of a server, in its memory: gone when it ends.
---@class weir.store
store = {}

---The value and its version; nil and 0 where there is none. A hook sees what it has set itself, at version 0.
---@param key string
---@return any value
---@return integer version
function store.get(key) end

---When the hook has returned; an error of the hook undoes it. nil deletes.
---@param key string
---@param value any
---@param options? { ttl?: weir.Time }
function store.set(key, value, options) end

---When the hook has returned.
---@param key string
function store.delete(key) end

---Adds to a whole number, from 0, at once: an error of the hook does not undo it.
---@param key string
---@param n? integer 1 unless told.
---@param options? { ttl?: weir.Time }
---@return integer now
function store.add(key, n, options) end

---Sets it, at once, if it is still at that version; 0: if there is none.
---@param key string
---@param value any
---@param version integer
---@param options? { ttl?: weir.Time }
---@return boolean swapped
---@return integer version That it is at now.
function store.swap(key, value, version, options) end

---In the order of keys, 100 or up to 1000, and whether there may be more.
---@param prefix string
---@param options? { limit?: integer, after?: string }
---@return { key: string, value: any }[] list
---@return boolean more
function store.list(prefix, options) end

---What `fetch` returned, for `ttl` (60 s) without asking again. One fetch for all who ask meanwhile; for `stale` longer the old value does
---while another fetches, and where fetching fails. `wait = false`: what is stale does at once for whoever asks first as well, and is
---fetched anew meanwhile. The hook may wait; `fetch` has no effects.
---@generic T
---@param key string
---@param options? { ttl?: weir.Time, stale?: weir.Time, wait?: boolean }
---@param fetch fun(): T
---@return T
function cache(key, options, fetch) end

---What `breaker()` makes.
---@class weir.Breaker
local Breaker = {}

---What f(...) returns. An error at once while the breaker is open.
---@param f function
---@param ... any
---@return any ...
function Breaker:call(f, ...) end

---What it does with calls now; half-open: one may try.
---@return "closed"|"open"|"half-open"
function Breaker:state() end

---A circuit breaker: after `failures` within `window` (5 in 30 s) calls fail at once, for `open_for` (10 s).
---@param name string
---@param options? { failures?: integer, window?: weir.Time, open_for?: weir.Time }
---@return weir.Breaker
function breaker(name, options) end

---Environment variables that `--script-env` lists; nil where one is not set, an error for others.
---@type table<string, string>
env = {}

-- ---- time, values, the log ----

---Unix milliseconds.
---@return integer
function now() end

---A random UUID, version 4.
---@return string
function uuid() end

---The short form of a schema: a name and a word for each member, and no others: `string 1..500`, `integer >=1`,
---`number 0..1`, `buy|sell`, `[uuid] 1..10`, `date-time`, another `shape{}`; `?` at the end: may be left out. A word that is none
---does not load.
---@param members table<string, string|table>
---@return weir.Schema
function shape(members) end

---Lines of the log; `log(...)` is `log.info`.
---@class weir.Log
---@overload fun(text: any, ...: any)
log = {}

---A line of the log, of level debug; at most 100 in one hook. It never fails: what JSON cannot say is logged as far as it goes, as
---`"function"`, or with U+FFFD for what is not UTF-8.
---@param text any
---@param fields? table
function log.debug(text, fields) end
---The same, of level info.
---@param text any
---@param fields? table
function log.info(text, fields) end
---The same, of level warn.
---@param text any
---@param fields? table
function log.warn(text, fields) end
---The same, of level error.
---@param text any
---@param fields? table
function log.error(text, fields) end

---Messages as text; see how values of the one are values of the other.
---@class weir.Json
---@field null lightuserdata JSON's null, which is true in a condition.
json = {}

---The value as JSON, names in the order of their bytes. An error that names the place for what JSON cannot say: functions,
---NaN, holes, more than 1 MiB or 64 deep.
---@param value any
---@return string
function json.encode(value) end

---The value of a text; nil and where it is wrong for what is no JSON.
---@param text string
---@return any value
---@return string? why
function json.decode(text) end

---Marks a table as a list, so that an empty one is `[]` and not `{}`. An error for one that has a metatable.
---@generic T
---@param list? T[]
---@return T[]
function json.array(list) end

---`lib/NAME.lua` of the scripts folder (`"a.b"` is `lib/a/b.lua`), once per script; `"cjson"` where it is installed. An error when
---there is none.
---@param name string
---@return any
function require(name) end

-- ---- Lua's own, as far as scripts have it ----

---Without white space at both ends.
---@param s string
---@return string
function string.trim(s) end

os = {}

---Seconds of CPU that the process has used.
---@return number
function os.clock() end

---Unix seconds: now, or of a table of year, month, day, hour, min, sec.
---@param time? table
---@return integer
function os.time(time) end

---Raises `message` when `v` is false or nil; else returns all it was given.
---@generic T
---@param v? T
---@param message? any
---@param ... any
---@return T, any ...
function assert(v, message, ...) end

---Ends the hook: the client gets error 500, what was wished is forgotten. Level 1 adds where that is, 2 where it was called.
---@param message any
---@param level? integer
function error(message, level) end

---The metatable's __metatable, or the metatable; nil: none.
---@param object any
---@return any
function getmetatable(object) end

---The positions of a list and what is there, for a loop.
---@generic T
---@param t T[]
---@return fun(t: T[], i?: integer): integer, T
---@return T[]
---@return integer
function ipairs(t) end

---The name and value behind `index`; nil at the end. An error for a name that is not there.
---@generic K, V
---@param table table<K, V>
---@param index? K
---@return K?, V?
function next(table, index) end

---The names and what is there, for a loop.
---@generic K, V
---@param t table<K, V>
---@return fun(t: table<K, V>, k?: K): K, V
---@return table<K, V>
function pairs(t) end

---true and what `f` returns; false and the error. reject() and the end of the budget are not caught.
---@param f function
---@param ... any
---@return boolean, any ...
function pcall(f, ...) end

---Whether both are the same, without `__eq`.
---@param v1 any
---@param v2 any
---@return boolean
function rawequal(v1, v2) end

---Without `__index`.
---@param table table
---@param index any
---@return any
function rawget(table, index) end

---Without `__len`.
---@param v table|string
---@return integer
function rawlen(v) end

---Without `__newindex`. An error for a table that is read-only.
---@param table table
---@param index any
---@param value any
---@return table
function rawset(table, index, value) end

---The arguments from the n-th on, from the end when negative; "#": how many there are. An error for 0.
---@param n integer|"#"
---@param ... any
---@return any ...
function select(n, ...) end

---Without __gc. An error where the metatable is protected, or the table read-only.
---@param table table
---@param metatable? table
---@return table
function setmetatable(table, metatable) end

---nil for what is no number. An error for a base that is not 2 to 36.
---@param e any
---@param base? integer
---@return number?
function tonumber(e, base) end

---The value as a text, for people.
---@param v any
---@return string
function tostring(v) end

---The name of its kind.
---@param v any
---@return "nil"|"number"|"string"|"boolean"|"table"|"function"|"thread"|"userdata"
function type(v) end

---As pcall; an error goes through `handler`, after it has unwound.
---@param f function
---@param handler fun(message: any): any
---@param ... any
---@return boolean, any ...
function xpcall(f, handler, ...) end
