---@meta weir.test
-- What specs of scripts require, for the Lua language server. Written by `weir types`: your own words belong elsewhere.
-- luacheck: ignore

---@class weir.test
---@field null lightuserdata JSON's null.
local test = {}

---A scene: scripts in force on one worker, and a clock that stands still. An error when they do not load.
---@param what? string|table<string, string> "chat.lua": that file, with lib/; nothing: all; a table: texts by file name.
---@return weir.test.Scene
function test.load(what) end

---Marks a table as a list, so that an empty one is [] and not {}.
---@param list table
---@return table
function test.array(list) end

---@class weir.test.Who
---@field user? string
---@field roles? string|string[]
---@field claims? table What its token says besides.
---@field info? any What others are shown.
---@field expires? string|integer In how long its token ends: "1h".
---@field token? string One that is not the server's, for server.on_connect to judge.
---@field data? any Of the connect command.
---@field ip? string 127.0.0.1 unless told.
---@field headers? table<string, string>

---What came of a publish, subscribe, call or connect.
---@class weir.test.Result
---@field ok boolean? nil while there is no answer.
---@field pending boolean?
---@field data any What was replied.
---@field code integer? Why it was refused.
---@field message string?
---@field incident string?
---@field members { user: string, client: string, info: any }[]? Of presence.
---@field client weir.test.Client? Of connect.

---@class weir.test.Request
---@field method string
---@field url string
---@field headers table<string, string> names in lower case
---@field body? string
---@field json? any the body, where it is JSON

---@class weir.test.Answer
---@field status? integer 200
---@field json? any the body, a value
---@field body? string
---@field headers? table<string, string>
---@field error? string no answer at all, and why

---@class weir.test.Scene
---@field requests weir.test.Request[] what hooks have asked other servers so far
local Scene = {}

---A client that has connected; an error when it is refused.
---@param who? weir.test.Who
---@return weir.test.Client
function Scene:client(who) end
---@param who? weir.test.Who
---@return weir.test.Result result result.client is the client.
function Scene:connect(who) end
---By the server API: the house speaks, no rule applies.
---@param channel string
---@param data any
---@return weir.test.Result
function Scene:publish(channel, data) end
---By the server API: "chat:1/stats", or "whoami" of the server.
---@param method string
---@param args? any
---@return weir.test.Result
function Scene:call(method, args) end
---By the server API.
---@param channel string
---@return weir.test.Result
function Scene:presence(channel) end
---Any method of the server API but reload.
---@param method string
---@param body? table
---@return weir.test.Result
function Scene:api(method, body) end
---Moves the clock: "500ms", "30s", "5m", "24h", "7d" or milliseconds. What is due meanwhile happens, each at its own time.
---@param time string|integer
---@return weir.test.Scene
function Scene:advance(time) end
---Unix milliseconds, as now() in a script.
---@return integer
function Scene:now() end
---What hooks that ask another server are answered there: a table, a function of the request, or false: it never answers.
---@param url string "https://api.example.com/x", or "POST https://..." for one method
---@param answer weir.test.Answer|false|fun(request: weir.test.Request): weir.test.Answer|false|nil
---@return weir.test.Scene
function Scene:http(url, answer) end
---Reads the files again. An error when they do not load.
---@param texts? table<string, string|false> In place of files; false: without that one.
---@return weir.test.Scene
function Scene:reload(texts) end
---The same where it may not load; what was in force stays then.
---@param texts? table<string, string|false>
---@return true? ok
---@return string? why
function Scene:try_reload(texts) end
---What was logged.
---@return { event: string, level: string, text?: string, channel?: string, data?: any }[]
function Scene:log() end
---Ends it, for who cannot wait.
function Scene:close() end

---@class weir.test.Client
---@field user string
---@field inbox any[] What scripts sent to it alone.
---@field closed { code: integer, reason: string }? Why its connection was ended.
---@field connection weir.test.Result
local Client = {}

---@param channel string
---@param data? any
---@return weir.test.Result
function Client:subscribe(channel, data) end
---@param channel string
---@return weir.test.Result
function Client:unsubscribe(channel) end
---@param channel string
---@param data any
---@return weir.test.Result
function Client:publish(channel, data) end
---"chat:1/stats", or "whoami" of the server.
---@param method string
---@param args? any
---@return weir.test.Result
function Client:call(method, args) end
---@param channel string
---@return weir.test.Result
function Client:presence(channel) end
---For server.on_message; has no result.
---@param data any
function Client:send(data) end
---The data of all messages that it got there.
---@param channel string
---@return any[]
function Client:messages(channel) end
---@param channel string
---@return { data: any, user?: string, client?: string, offset?: integer }[]
function Client:publications(channel) end
---When it was taken out, else nil.
---@param channel string
---@return { code: integer, reason: string }?
function Client:unsubscribed(channel) end
---What it has got so far counts no more.
---@return weir.test.Client
function Client:forget() end
---As one whose network is down.
---@return weir.test.Client
function Client:stop_reading() end
---And comes back.
---@return weir.test.Client
function Client:read() end
---Goes without a word.
function Client:leave() end

---Beside what luassert has; each has its opposite, assert.not_received.
---@class weir.test.Assertions
---@field accepted fun(result: weir.test.Result)
---@field refused fun(...: integer|string|weir.test.Result) assert.refused(103, "part of the reason", result)
---@field received fun(client: weir.test.Client, channel: string, part?: any)
---@field told fun(client: weir.test.Client, part?: any)
---@field logged fun(scene: weir.test.Scene, part: string|table)

return test
