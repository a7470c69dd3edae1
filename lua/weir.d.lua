---@meta
-- What scripts see, for the Lua language server. Written by `weir types`: your own words belong elsewhere.
-- luacheck: ignore

-- ---- channels ----

---What a client may send, as a table: https://json-schema.org of 2020-12, or what shape{} makes.
---@alias weir.Schema table

---A rule in text: `anyone`, `nobody`, `user`, `user.id`, `role.NAME`, `claims.a.b`, `params.NAME`, `ip`, literals,
---`== ~= < <= > >= in and or not ( )`. At most 4096 bytes, 64 deep. An error in it is a no.
---@alias weir.Rule string

---A time: a whole number of at most nine digits and its unit, `ms`, `s`, `m`, `h` or `d`.
---@alias weir.Time string

---Options of a channel, which hold before any Lua runs. One that is not known does not load.
---@class weir.Options
---@field subscribe? weir.Rule Who may subscribe. Default: `user`.
---@field presence_read? weir.Rule Who may ask for members. Default: whoever may subscribe.
---@field publish? weir.Rule Who may publish. Default: `user` if there is an on_publish, else `nobody`.
---@field call? weir.Rule Who may call rpc_NAME. Default: `user` if there is one, else `nobody`.
---@field presence? boolean Whether members may be asked for. Default: false, error 108.
---@field max_size? integer Bytes of one message or call, 1 to 16777216; over it error 413. Default: 65536.
---@field history? integer|{ size: integer, ttl?: weir.Time } How many messages are kept, and how long (1 h). Default: 0.
---@field schema? weir.Schema|string|table<string, weir.Schema|string> What a client's message has to be, else error 400: a schema, its
--- file in schemas/, or one each for `publish` and every rpc_NAME. The house is not judged. Default: anything.
---@field emits? weir.Schema|string What subscribers may get; asked in dev mode alone. Default: anything.
---@field once? string|{ key: string, ttl?: weir.Time } The member that is a command's key: who repeats one is answered as the
--- first time, and no hook runs. Default: off; ttl 5 m.
---@field echo? boolean false: who publishes does not hear it, on the connection it came by. Default: true.
---@field rate? string|string[] "5/10s per user": also per ip, connection, channel, claims.NAME. All of a list have to let
--- through; else error 111. Default: no limit.
---@field slow? "disconnect"|"drop_oldest"|"conflate" What becomes of messages for a reader who is behind. Default: disconnect.
---@field conflate? weir.Time|{ every?: weir.Time, key?: string } The newest message (of each key) once in a time. Default: off.
---@field timeout? weir.Time How long a hook may take, waiting included; then error 504. Default: --hook-timeout-ms, 2 s.
---@field rollup? weir.Rollup Figures of its messages, every so often in another channel, without Lua. Default: off.
---@field batch? { size: integer, delay: weir.Time } Several messages in one frame. Default: off.
---@field latest? boolean|string|{ key?: string, ttl?: weir.Time } The last message, or the last of each key, is given to who
--- comes; up to 1024 keys, 256 KiB. Default: off; ttl 1 h.
---@field filter? string[] Fields, 1 to 16 paths, by which subscribers may choose what they hear. Default: none, error 107.
---@field views? weir.View[] 1 to 16: the first whose `when` holds is a subscriber's; none holds: error 103. Default: everybody
--- gets everything.

---What some of a channel's subscribers get of its messages; its name, a word, comes first. Where masks are not enough a hook
---`view_NAME(msg)` says what is shown.
---@class weir.View
---@field [1] string
---@field when? weir.Rule Whose it is. Default: `anyone`.
---@field where? string Which messages it has: a rule on `msg.a.b` and `params.NAME` alone. Default: all.
---@field drop? string[] Paths of what is cut out, at most 64: `a.b`, also within each item of a list.
---@field keep? string[] Paths of what alone is left.

---What a channel sums up: for each value of `by` a message { by's last name, figures, last names of `keep` }.
---@class weir.Rollup
---@field into string The channel that is told, as the house; {name} is a parameter of this channel's own pattern.
---@field every weir.Time The length of a stretch of time, 100 ms at least.
---@field by? string The path of a member whose values are summed up each by itself, 1024 of them. Default: all as one.
---@field of? string The path of the number; messages without one are left out. Default: messages are counted.
---@field stats string[] "count", "sum", "min", "max", "avg", "first", "last", "p1" to "p99".
---@field keep? string[] Paths of members that are told as the last message had them.

---A channel, in its hooks as `self`. Your own functions are there too; other fields cannot be written: use self.state.
---@class weir.Channel
---@field name string Its name, 1 to 255 bytes of visible ASCII.
---@field params table<string, string> What the pattern's {name} took.
---@field state table Kept over a reload: tables, strings, numbers, booleans, json.null. What it held before an error stays.
---@field on_open? fun(self: weir.Channel) The first interest in it.
---@field on_close? fun(self: weir.Channel) Nobody has been in it for --linger-ms, and its history is out of date.
---@field on_subscribe? fun(self: weir.Channel, client: weir.Client, data: any): boolean|table|nil After the rule. True: in; a table:
--- in, and the data of the reply; nothing or false: error 103.
---@field on_upgrade? fun(self: weir.Channel, from: integer) It has come to other code by a reload, from the generation of that number.
---@field on_unsubscribe? fun(self: weir.Channel, client: weir.Client, why: string, code: integer) It has left, was kicked or lost.
---@field on_publish? fun(self: weir.Channel, msg: any, from: weir.Client, meta: { size: integer }): boolean|table|nil A client's
--- message, before it exists. true: delivered as it came; a table: that instead; nothing or false: nobody gets it, and the
--- sender is told all is well; reject(): refused; an error: error 500.
---@field on_published? fun(self: weir.Channel, msg: any, meta: { size: integer, offset: integer }) Any message, after it was sent.
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
---@param pattern string Text with {name} (one segment: anything but : and /) and * (the rest, at the end).
---@param options? weir.Options
---@return weir.Channel channel Define hooks on it: `function chat:on_publish(msg, from)`, rpc_NAME(args, from), view_NAME(msg).
function channel(pattern, options) end

-- ---- clients ----

---Who speaks, or comes. Read-only; may be kept in a local. A call by the server API comes from one whose user and id are "".
---@class weir.Client
---@field id string The connection's id.
---@field user string "": nobody known.
---@field roles string[]
---@field claims table What the token says besides its own fields.
---@field info any What others are shown, or nil.
---@field ip string
local Client = {}

---A message to this connection alone, when the hook has returned. It never fails: who has gone hears nothing.
---@param data any What JSON can say, up to 1 MiB and 64 deep.
function Client:send(data) end

---Ends the connection when the hook has returned.
---@param code? integer 3000 to 4999; 3503 unless told.
---@param reason? string At most 123 bytes; the code's own text unless told.
function Client:close(code, reason) end

-- ---- the server ----

---@class weir.ConnectRequest
---@field token string As the client sent it; "" when none. Verified before, where the server has a --token-secret.
---@field user string
---@field roles string[]
---@field claims table
---@field ip string
---@field headers table<string, string> Names in lower case.
---@field data any Of the connect command.

---@class weir.Identity
---@field user? string
---@field roles? string[]
---@field claims? table
---@field info? any Shown to others.
---@field expires? integer Unix seconds; the connection ends then (3005).

---The server's hooks, with a dot, each once in all files together: `function server.on_connect(req)`.
---@class weir.Server
---@field on_connect? fun(req: weir.ConnectRequest): weir.Identity|boolean|nil Once a connection. What the identity leaves out
--- stays as the token said; true: all of it; nothing: error 103.
---@field on_disconnect? fun(client: weir.Client, why: string, code: integer) After it has gone.
---@field on_message? fun(data: any, from: weir.Client) A client's `send`, which has no reply.
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

---An answer of another server, of any status.
---@class weir.Response
---@field status integer
---@field ok boolean 200 to 299
---@field headers table<string, string> names in lower case
---@field body string
local Response = {}

---The body as a value. An error where it is no JSON.
---@return any
function Response:json() end

---@class weir.HttpOptions
---@field json? any the body, a value; sets content-type
---@field body? string the body, a text
---@field headers? table<string, string>
---@field timeout? weir.Time for all of it; half of the hook's time
---@field redirects? integer how many are followed, 0 to 10; 0

---@class weir.HttpRequest: weir.HttpOptions
---@field url string
---@field method? string

---Asks other servers; the hook waits. No answer, or a host that --http-allow does not list, is an error that pcall catches.
---@class weir.http
http = {}

---@param url string
---@param options? weir.HttpOptions
---@return weir.Response
function http.get(url, options) end

---@param url string
---@param options? weir.HttpOptions
---@return weir.Response
function http.post(url, options) end

---@param request weir.HttpRequest
---@return weir.Response
function http.request(request) end

---Values by key, for all scripts and workers, in the server's memory.
---@class weir.store
store = {}

---The value and its version; nil and 0 where there is none.
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
---@param n? integer 1
---@param options? { ttl?: weir.Time }
---@return integer now
function store.add(key, n, options) end

---Sets it, at once, if it is still at that version; 0: if there is none.
---@param key string
---@param value any
---@param version integer
---@param options? { ttl?: weir.Time }
---@return boolean swapped
---@return integer version that it is at now
function store.swap(key, value, version, options) end

---In the order of keys, and whether there may be more.
---@param prefix string
---@param options? { limit?: integer, after?: string }
---@return { key: string, value: any }[] list
---@return boolean more
function store.list(prefix, options) end

---What `fetch` returned, for `ttl` without asking again. One fetch for all who ask meanwhile; for `stale` longer the old value does
---while another fetches, and where fetching fails. The hook may wait.
---@generic T
---@param key string
---@param options? { ttl?: weir.Time, stale?: weir.Time }
---@param fetch fun(): T
---@return T
function cache(key, options, fetch) end

---@class weir.Breaker
local Breaker = {}

---What f(...) returns. An error at once while the breaker is open.
---@param f function
---@param ... any
---@return any ...
function Breaker:call(f, ...) end

---@return "closed"|"open"|"half-open"
function Breaker:state() end

---A circuit breaker: after `failures` within `window` (5 in 30 s) calls fail at once, for `open_for` (10 s).
---@param name string
---@param options? { failures?: integer, window?: weir.Time, open_for?: weir.Time }
---@return weir.Breaker
function breaker(name, options) end

---Environment variables that --script-env lists.
---@type table<string, string>
env = {}

---Unix milliseconds.
---@return integer
function now() end

---A random UUID, version 4.
---@return string
function uuid() end

---The short form of a schema: a name and a word for each member, and no others. `string 1..500`, `integer >=1`,
---`number 0..1`, `buy|sell`, `[uuid] 1..10`, `date-time`, another shape{}; ? at the end: may be left out. A word that is none
---does not load.
---@param members table<string, string|table>
---@return weir.Schema
function shape(members) end

---@class weir.Log
---@overload fun(text: any, ...: any)
log = {}

---A line of the log; at most 100 in one hook. It never fails: what JSON cannot say is logged as far as it goes.
---@param text any
---@param fields? table
function log.debug(text, fields) end
---@param text any
---@param fields? table
function log.info(text, fields) end
---@param text any
---@param fields? table
function log.warn(text, fields) end
---@param text any
---@param fields? table
function log.error(text, fields) end

---@class weir.Json
---@field null lightuserdata JSON's null; true in a condition.
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

---Marks a table as a list, so that an empty one is [] and not {}. An error for one that has a metatable.
---@generic T
---@param list? T[]
---@return T[]
function json.array(list) end

---lib/NAME.lua of the scripts folder ("a.b" is lib/a/b.lua), once per script; "cjson" where it is installed. An error when
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

---@param v1 any
---@param v2 any
---@return boolean
function rawequal(v1, v2) end

---@param table table
---@param index any
---@return any
function rawget(table, index) end

---@param v table|string
---@return integer
function rawlen(v) end

---An error for a table that is read-only.
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

---@param v any
---@return string
function tostring(v) end

---@param v any
---@return "nil"|"number"|"string"|"boolean"|"table"|"function"|"thread"|"userdata"
function type(v) end

---As pcall; an error goes through `handler`, after it has unwound.
---@param f function
---@param handler fun(message: any): any
---@param ... any
---@return boolean, any ...
function xpcall(f, handler, ...) end
