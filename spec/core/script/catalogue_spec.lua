local catalogue = require "room.catalogue"
local folder = require "folder"
local lfs = require "lfs"

describe("script/catalogue", function()
  local files
  after_each(function() files:delete() end)

  local function load(set, is_dev)
    if type(set) == "string" then set = { ["a.lua"] = set } end
    files = folder(set)
    return catalogue.load(files.path, is_dev)
  end

  -- The problems of a set as "file:line: reason".
  local function problems(set)
    local loaded, all = load(set)
    assert.is_nil(loaded)
    for i, p in ipairs(all) do
      all[i] = ("%s:%d: %s"):format(p.file, p.line, p.reason)
    end
    files:delete()
    return all
  end

  local function refuses(source, want)
    local all = problems(source)
    assert.equal(want, all[1])
    assert.is_nil(all[2])
  end

  it("reads a one-line script, and lets users listen and nobody talk", function()
    local set = assert(load [[channel("news:{topic}")]])
    assert.same({
      pattern = "news:{topic}", subscribe = "user", publish = "nobody", call = "nobody",
      file = "a.lua", line = 1, max_size = 65536, history = 0, ttl = 0, presence = false,
      slow = 0, conflate = 0, batch = 0, batch_ms = 0,
      hooks = { open = false, close = false, subscribe = false, unsubscribe = false,
                publish = false, published = false, upgrade = false, call = false },
    }, set[1])
  end)

  it("lets users publish and call where a hook judges them", function()
    local set = assert(load [[
      local a = channel("a")
      function a:on_publish() end
      function a:rpc_x() end
      function a:on_open() end]])
    assert.equal("user", set[1].publish)
    assert.equal("user", set[1].call)
    assert.is_true(set[1].hooks.open)
    assert.is_true(set[1].hooks.call)
    assert.is_false(set[1].hooks.close)
  end)

  it("takes the options as they are written", function()
    local set = assert(load [[
      channel("a", { subscribe = "anyone", publish = "role.mod", call = "nobody", presence = true,
                     max_size = 1000, history = { size = 20, ttl = "24h" } })
      channel("b", { history = 5 })]])
    assert.same({ "anyone", "mod", "nobody", true, 1000, 20, 24 * 3600 * 1000 },
      { set[1].subscribe, set[1].publish, set[1].call, set[1].presence, set[1].max_size,
        set[1].history, set[1].ttl })
    assert.same({ 5, 0 }, { set[2].history, set[2].ttl })
  end)

  it("knows durations from milliseconds to days", function()
    for text, ms in pairs { ["500ms"] = 500, ["30s"] = 30000, ["5m"] = 300000, ["7d"] = 604800000 } do
      local set = assert(load(('channel("a", { history = { size = 1, ttl = "%s" } })'):format(text)))
      assert.equal(ms, set[1].ttl)
      files:delete()
    end
  end)

  it("puts the most specific pattern first, whatever the order of the files", function()
    local set = assert(load { ["a.lua"] = 'channel("x:*") channel("x:{a}")', ["b.lua"] = 'channel("x:y")' })
    assert.same({ "x:y", "x:{a}", "x:*" }, { set[1].pattern, set[2].pattern, set[3].pattern })
  end)

  it("refuses two patterns of which neither is more specific, naming both places", function()
    assert.same({
      'b.lua:2: channel "x:{b}" and "x:{a}" of a.lua:1 match the same names and neither is more specific',
    }, problems { ["a.lua"] = 'channel("x:{a}")', ["b.lua"] = '\nchannel("x:{b}")' })
  end)

  it("says where a file does not compile, with the line", function()
    local set, all = load 'channel("a")\nlocal x = = 1\n'
    assert.is_nil(set)
    assert.equal("a.lua", all[1].file)
    assert.equal(2, all[1].line)
    assert.equal("local x = = 1", all[1].source)
    assert.equal("unexpected symbol near '='", all[1].reason)
    assert.equal('{"file":"a.lua","line":2,"source":"local x = = 1","reason":"unexpected symbol near \'=\'"}',
      all[1].json)
  end)

  it("says where a file fails while it loads, in a library too", function()
    refuses("local t\nlocal n = t.x", "a.lua:2: attempt to index a nil value (local 't')")
    local set, all = load { ["a.lua"] = 'require "words"', ["lib/words.lua"] = "\n\nerror('no words')" }
    assert.is_nil(set)
    assert.same({ "lib/words.lua", 3, "error('no words')", "no words" },
      { all[1].file, all[1].line, all[1].source, all[1].reason })
  end)

  it("tells every file's problems, in order", function()
    local all = problems { ["b.lua"] = "local = 1", ["a.lua"] = "error('x')", ["c.lua"] = 'channel("c")' }
    assert.same({ "a.lua:1: x", "b.lua:1: <name> expected near '='" }, all)
  end)

  it("tells once of a module that several scripts require, and of one that nobody does", function()
    assert.same({ "lib/bad.lua:1: no", "lib/lonely.lua:1: <name> expected near '='" }, problems {
      ["a.lua"] = "require 'bad'", ["b.lua"] = "require 'bad'", ["lib/bad.lua"] = "error('no')",
      ["lib/lonely.lua"] = "local = 1", ["c.lua"] = "pcall(require, 'lonely')",
    })
  end)

  it("stops a file that does not end, and says where", function()
    local _, all = load "local n = 0\nwhile true do n = n + 1 end"
    assert.equal(2, all[1].line)
    assert.equal("stopped after 100 ms of CPU time", all[1].reason)
  end)

  it("stops a file that takes all memory", function()
    local _, all = load "local t = {}\nfor i = 1, 1e9 do t[i] = {} end"
    assert.equal(2, all[1].line)
    assert.truthy(all[1].reason:find "^stopped a") -- at its memory limit, or slowly after its time
  end)

  it("takes no bytecode", function()
    local _, all = load(string.dump(function() return 1 end))
    assert.truthy(all[1].reason:find("binary chunk", 1, true))
    assert.equal("a.lua", all[1].file)
  end)

  it("says what a global should be", function()
    refuses("count = 1", "a.lua:1: `count` would be a global: write `local count`")
    refuses("function helper() end", "a.lua:1: `helper` would be a global: write `local function helper`")
    refuses("string = 1", "a.lua:1: `string` is part of the environment and stays as it is: write `local string`")
  end)

  it("says what an undefined name could have been", function()
    refuses("\nreturn tabel", "a.lua:2: `tabel` is not defined: did you mean `table`?")
    refuses("return foobar", "a.lua:1: `foobar` is not defined")
    refuses("print('x')", "a.lua:1: `print` is not available: use log(text)")
    refuses("return stream", "a.lua:1: `stream` is not available in this version")
    refuses("return os.getenv('HOME')", "a.lua:1: attempt to call a nil value (field 'getenv')")
  end)

  it("has hooks alone ask other servers, keep and fetch", function()
    refuses('http.get "http://a/"', "a.lua:1: http() works in hooks only, not while the file loads")
    refuses('store.get "a"', "a.lua:1: store.get() works in hooks only, not while the file loads")
    refuses('cache("a", {}, function() end)', "a.lua:1: cache() works in hooks only, not while the file loads")
    refuses('return env.HOME', "a.lua:1: env.HOME is not for scripts: start weir with --script-env HOME")
    refuses('breaker("a", { failure = 1 })', "a.lua:1: breaker: unknown `failure`: did you mean `failures`?")
    refuses('breaker("a", { failures = 0 })', "a.lua:1: breaker: failures is from 1 to 1000")
    refuses('breaker "a b"', "a.lua:1: breaker: a name has 1 to 63 bytes, printable ones without blanks, \" and \\")
    refuses('breaker("a"):call(print)', "a.lua:1: `print` is not available: use log(text)")
    refuses('breaker("a"):state()', "a.lua:1: breaker:state() works in hooks only, not while the file loads")
  end)

  it("refuses unknown options, and those of later versions", function()
    refuses('channel("a", { histroy = 5 })', "a.lua:1: unknown option `histroy`: did you mean `history`?")
    refuses('channel("a", { blub = 5 })', "a.lua:1: unknown option `blub`")
    refuses('channel("a",\n{ recheck = "1m" })', "a.lua:1: option `recheck` is not available in this version")
    refuses('channel("a", { 5 })', "a.lua:1: the options of channel() have names, such as { history = 50 }")
  end)

  it("reads views, and says what is wrong with them", function()
    assert(load [[channel("a:{x}", { views = { { "ops", when = "role.ops" },
      { "rest", when = "params.x == user.id", where = "msg.a == params.x", drop = { "b.c" }, keep = { "b", "d" } }, { "all" } } })]])
    local function wrong(views, why) refuses(('channel("a:{x}", { views = %s })'):format(views), "a.lua:1: " .. why) end
    wrong("{}", 'option `views` is a list of 1 to 16 views, such as { { "ops", when = "role.ops" } }')
    wrong('"ops"', 'option `views` is a list of 1 to 16 views, such as { { "ops", when = "role.ops" } }')
    local nameless = 'option `views`: a view is a table that begins with its name, a word, such as { "ops", when = "role.ops" }'
    for _, view in ipairs { '"ops"', "{}", '{ "" }', '{ "a b" }', '{ name = "ops" }', '{ 5 }' } do wrong("{ " .. view .. " }", nameless) end
    wrong('{ { "a" }, { "a" } }', "option `views`: two views are called `a`")
    wrong('{ { "a", whn = "user" } }', "option `views`: a view has no `whn`: did you mean `when`?")
    wrong('{ { "a", masks = {} } }', "option `views`: a view has no `masks`, but `when`, `where`, `drop` and `keep`")
    wrong('{ { "a", "user" } }', "option `views`: a view has no `[number]`, but `when`, `where`, `drop` and `keep`")
    wrong('{ { "a", when = 5 } }', 'option `views.when` wants a rule in a string, such as "user" (got number)')
    wrong('{ { "a", when = "msg.x" } }',
      'option `views.when`: this rule is asked before there is a message: msg is for `where` of a view (column 1) in "msg.x"')
    wrong('{ { "a", where = "role.ops" } }', "option `views.where`: this rule is asked once a message, for all who hear it: " ..
      'it has msg and params; role is for `when` (column 1) in "role.ops"')
    wrong('{ { "a", drop = "b" } }', 'option `views`: `drop` of `a` is a list of paths, such as { "cost" }')
    wrong('{ { "a", keep = {} } }', 'option `views`: `keep` of `a` is a list of paths, such as { "cost" }')
    wrong('{ { "a", keep = { "b..c" } } }', 'option `views`: `keep` of `a`: "b..c" is no path: write names with dots between them')
    wrong('{ { "a", keep = { 5 } } }', 'option `views`: `keep` of `a`: "" is no path: write names with dots between them')
    local many = {}
    for i = 1, 17 do many[i] = ('{ "v%d" }'):format(i) end
    wrong("{ " .. table.concat(many, ",") .. " }", 'option `views` is a list of 1 to 16 views, such as { { "ops", when = "role.ops" } }')
  end)

  it("reads `filter`, and says what is wrong with it", function()
    assert(load [[channel("a", { filter = { "name", "by.team" } })]])
    local function wrong(fields, why) refuses(('channel("a", { filter = %s })'):format(fields), "a.lua:1: " .. why) end
    wrong('"name"', 'option `filter` is a list of 1 to 16 fields, such as { "name" }')
    wrong("{}", 'option `filter` is a list of 1 to 16 fields, such as { "name" }')
    wrong('{ "a", "a" }', "option `filter` has `a` twice")
    wrong([[{ "a", "\\a" }]], [[option `filter` has `\a` twice]])
    wrong("{ 5 }", 'option `filter`: "" is no path: write names with dots between them')
  end)

  it("reads `latest`, and says what is wrong with it", function()
    assert(load [[for i, latest in ipairs { true, false, "name", "a.b", { key = "a" }, { ttl = "1m" }, {} } do
      channel("a" .. i, { latest = latest }) end]])
    local function wrong(latest, why) refuses(('channel("a", { latest = %s })'):format(latest), "a.lua:1: " .. why) end
    wrong("5", 'option `latest` is true, the path of a key, or { key = "name", ttl = "24h" } (got number)')
    wrong('"a..b"', 'option `latest`: "a..b" is no path: write names with dots between them')
    wrong("{ key = 5 }", "option `latest.key` is the path of a message's member (got number)")
    wrong('{ ttl = "soon" }', 'option `latest.ttl` is a duration such as "30s", "5m", "24h" or "7d" (got soon)')
    wrong('{ keys = "a" }', "option `latest` has no `keys`: did you mean `key`?")
  end)

  it("reads `rollup`, and says what is wrong with it", function()
    assert(load [[channel("m:{h}", { rollup = { into = "d:{h}", every = "1s", stats = { "count" } } })
      channel("n:{h}", { rollup = { into = "d", every = "5m", by = "a.b", of = "v", stats = { "p95", "sum" }, keep = { "x" } } })]])
    local function wrong(members, why)
      refuses(('channel("m:{h}", { rollup = %s })'):format(members), "a.lua:1: option `rollup" .. why)
    end
    local function wrong_beside(member, why)
      wrong('{ into = "d:{h}", every = "1s", stats = { "count" }, ' .. member .. " }", why)
    end
    wrong('"1s"', '` is a table such as { into = "dash:{host}", every = "1s", by = "name", of = "value", '
      .. 'stats = { "count", "avg" } } (got string)')
    wrong("{}", "` wants `into`, `every` and `stats`")
    wrong_beside('into = "d:{host}"', '.into`: {host} in "d:{host}" is no parameter of the channel\'s own pattern')
    wrong_beside('into = "m:{h}"', ".into` is the channel itself")
    wrong_beside("into = 5", '.into` is the name of a channel, such as "dash:{host}" (got number)')
    wrong_beside('every = "soon"', '.every` is a duration such as "30s", "5m", "24h" or "7d" (got soon)')
    wrong_beside('every = "50ms"', ".every` is 100 ms at least")
    wrong_beside('by = "a..b"', '.by`: "a..b" is no path: write names with dots between them')
    wrong_beside("of = true", ".of` is the path of a message's member (got boolean)")
    wrong_beside('stats = "count"', ".stats` is a list of names")
    wrong_beside('stats = { "cuont" }', '.stats`: no figure is called "cuont": did you mean "count"?')
    wrong_beside('stats = { "avg" }', "`: `avg` wants a number: say where it is by `of`")
    wrong_beside("keep = { 5 }", ".keep` is a list of names (got number)")
    wrong_beside('evry = "1s"', "` has no `evry`: did you mean `every`?")
    wrong_beside("[1] = 1", "` has no `[number]`, but `into`, `every`, `by`, `of`, `stats` and `keep`")
  end)

  it("reads how messages go out", function()
    local set = assert(load([[
      channel("a", { slow = "drop_oldest" })
      channel("b", { slow = "conflate", conflate = { key = "symbol" } })
      channel("c", { conflate = "100ms" })
      channel("d", { conflate = { every = "2s", key = "k" } })
      channel("e", { batch = { size = 50, delay = "20ms" } })
      channel("f")]]))
    local by = {}
    for _, type in ipairs(set) do by[type.pattern] = { type.slow, type.key, type.conflate, type.batch, type.batch_ms } end
    assert.same({ 1, nil, 0, 0, 0 }, by.a)
    assert.same({ 2, "symbol", 0, 0, 0 }, by.b)
    assert.same({ 0, nil, 100, 0, 0 }, by.c)
    assert.same({ 0, "k", 2000, 0, 0 }, by.d)
    assert.same({ 0, nil, 0, 50, 20 }, by.e)
    assert.same({ 0, nil, 0, 0, 0 }, by.f)
  end)

  it("reads schemas, short and long, and says what is wrong with them", function()
    assert(load [[channel("a", { schema = shape { text = "string 1..500", inner = shape { n = "integer?" } } })
      channel("b", { schema = { type = "object", required = { "x" } } })]])
    refuses('channel("a", { schema = true })',
      'a.lua:1: option `schema` is shape{...}, a JSON Schema in a table, or a file such as "schemas/order.json" (got boolean)')
    refuses('channel("a", { schema = { typ = "object" } })', 'a.lua:1: option `schema`: /typ: is no keyword; did you mean "type"? Words of your own begin with x-')
    local function begins(source, want) assert.equal(want, problems(source)[1]:sub(1, #want)) end
    begins('channel("a", { schema = shape { text = "strnig" } })', "a.lua:1: shape: text: ")
    begins('channel("a", { schema = shape { 5 } })', "a.lua:1: shape: fields have names")
    begins('channel("a", { schema = shape { n = 5 } })', "a.lua:1: shape: n: a text such as")
    begins('channel("a", { schema = shape { n = "any", ["n?"] = "any" } })', "a.lua:1: shape: `n` is there twice, with a ? and without")
    -- Whatever order the table has them in, the first wrong one by name is told.
    for _ = 1, 20 do
      begins('channel("a", { schema = shape { f = "c", e = "c", d = "c", c = "c", b = "c", a1 = "c", z = "any", y = 5 } })',
        "a.lua:1: shape: a1: there is no type")
    end
  end)

  it("reads a schema for each method, named as the hooks are", function()
    local set = assert(load [[
      local c = channel("a", { schema = { publish = shape { text = "string" }, rpc_buy = { type = "object" } }, emits = shape { n = "any" } })
      function c:rpc_buy() end]])
    assert.equal("nobody", set[1].publish)
    files:delete()
    refuses('local c = channel("a", { schema = { rpc_by = {} } }) function c:rpc_buy() end',
      "a.lua:1: option `schema`: the channel has no `rpc_by`: did you mean `rpc_buy`?")
    refuses('channel("a", { schema = { rpc_buy = {} } })', "a.lua:1: option `schema`: the channel has no `rpc_buy`")
    refuses('local c = channel("a", { schema = { rpc_buy = {}, sell = {} } }) function c:rpc_buy() end',
      "a.lua:1: option `schema`: `sell` is neither `publish` nor the name of a call such as `rpc_sell`")
    refuses('local c = channel("a", { schema = { publish = 5 } }) function c:rpc_buy() end',
      'a.lua:1: option `schema.publish` is shape{...}, a JSON Schema in a table, or a file such as "schemas/order.json" (got number)')
    refuses('local c = channel("a", { schema = { rpc_buy = { typ = "null" } } }) function c:rpc_buy() end',
      'a.lua:1: option `schema.rpc_buy`: /typ: is no keyword; did you mean "type"? Words of your own begin with x-')
    refuses('channel("a", { emits = { typ = "null" } })',
      'a.lua:1: option `emits`: /typ: is no keyword; did you mean "type"? Words of your own begin with x-')
  end)

  it("reads schemas from files", function()
    local source = 'channel("a", { schema = "schemas/order.json" })'
    assert(load { ["a.lua"] = source, ["schemas/order.json"] = '{"type":"object"}', ["other.json"] = "no JSON" })
    files:delete()
    assert(load { ["a.lua"] = 'local c = channel("a", { schema = { rpc_x = "schemas/in/x.json" }, emits = "schemas/y.json" }) '
      .. "function c:rpc_x() end", ["schemas/in/x.json"] = "true", ["schemas/y.json"] = "{}" })
    files:delete()
    assert.same({ 'a.lua:1: option `schema`: schemas/order.json: /typ: is no keyword; did you mean "type"? Words of your own begin with x-' },
      problems { ["a.lua"] = source, ["schemas/order.json"] = '{"typ":"object"}' })
    assert.same({ "a.lua:1: option `schema`: schemas/order.json: the schema is not JSON: the text ends where a value must come (byte 1)" },
      problems { ["a.lua"] = source, ["schemas/order.json"] = "" })
    assert.same({ "a.lua:1: option `schema`: there is no schemas/order.json in the scripts folder: did you mean schemas/orders.json?" },
      problems { ["a.lua"] = source, ["schemas/orders.json"] = "{}" })
    assert.same({ "a.lua:1: option `schema`: there is no schemas/order.json in the scripts folder" }, problems(source))
    assert.same({ 'a.lua:1: option `schema`: "order.json" is no schema\'s file: they are in schemas/ of the scripts folder and end in '
      .. '.json, such as "schemas/order.json"' },
      problems { ["a.lua"] = 'channel("a", { schema = "order.json" })', ["order.json"] = "{}" })
  end)

  it("takes a schema's file for a part of the set", function()
    local before = assert(load { ["a.lua"] = "", ["schemas/a.json"] = "{}", ["schemas/b.json"] = "{}" })
    files:delete()
    local same = assert(load { ["a.lua"] = "", ["schemas/a.json"] = "{}", ["schemas/b.json"] = "{}" })
    files:delete()
    local after = assert(load { ["a.lua"] = "", ["schemas/a.json"] = "true", ["schemas/c.json"] = "{}" })
    assert.is_true(catalogue.is_same(before, same))
    assert.is_false(catalogue.is_same(before, after))
    assert.equal("schemas/a.json,schemas/c.json,-schemas/b.json", catalogue.changes(before, after))
  end)

  it("reads what is done once, and says what is wrong with it", function()
    assert(load [[channel("a", { once = "id" }) channel("b", { once = { key = "order.id", ttl = "24h" } })]])
    local wrong = "a.lua:1: option `once` is the path of a member that is the same whenever a command is repeated, "
      .. 'such as "id" or "order.id" (got %s)'
    refuses('channel("a", { once = true })', wrong:format "true")
    refuses('channel("a", { once = "a..b" })', wrong:format "a..b")
    refuses('channel("a", { once = "" })', wrong:format "")
    refuses('channel("a", { once = { ttl = "1m" } })', wrong:format "nil")
    refuses('channel("a", { once = { key = "id", tll = "1m" } })', "a.lua:1: option `once` has no `tll`: did you mean `ttl`?")
    refuses('channel("a", { once = { key = "id", ttl = "25h" } })',
      "a.lua:1: option `once.ttl` is 24h at most: what was done is kept in memory")
  end)

  it("reads rates, and says what is wrong with them", function()
    assert(load [[channel("a", { rate = "5/10s per user" }) channel("b", { rate = { "5/s", "100/m per channel" } })]])
    refuses('channel("a", { rate = "5/10s per usr" })',
      'a.lua:1: option `rate`: unknown "per usr": did you mean "per user"? in "5/10s per usr"')
    refuses('channel("a", { rate = 5 })',
      'a.lua:1: option `rate` is a text such as "5/10s per user", or a list of them (got number)')
    refuses('channel("a", { rate = {} })',
      'a.lua:1: option `rate` is a text such as "5/10s per user", or a list of them (got an empty table)')
    for _, rates in ipairs { '{ user = "5/s" }', '{ "5/s", ip = "1/s" }' } do
      refuses(('channel("a", { rate = %s })'):format(rates),
        'a.lua:1: option `rate` is a text such as "5/10s per user", or a list of them (got a table with names)')
    end
    refuses('channel("a", { rate = { "1/s", "1/s", "1/s", "1/s", "1/s", "1/s", "1/s", "1/s", "1/s" } })',
      "a.lua:1: option `rate` has at most 8 rates")
  end)

  it("refuses ways of going out that are none", function()
    refuses('channel("a", { slow = "never" })',
      'a.lua:1: option `slow` is "disconnect", "drop_oldest" or "conflate" (got never)')
    refuses('channel("a", { conflate = true })',
      'a.lua:1: option `conflate` is a duration such as "30s", "5m", "24h" or "7d" (got true)')
    refuses('channel("a", { conflate = { evry = "1s" } })', "a.lua:1: option `conflate` has no `evry`: did you mean `every`?")
    refuses('channel("a", { conflate = { every = "1s", key = 7 } })',
      "a.lua:1: option `conflate.key` is the name of a message's member (got number)")
    refuses('channel("a", { conflate = { key = "k" } })',
      'a.lua:1: option `conflate.key` does nothing without `conflate.every` or `slow = "conflate"`')
    refuses('channel("a", { batch = 50 })',
      'a.lua:1: option `batch` is a table such as { size = 50, delay = "20ms" } (got number)')
    refuses('channel("a", { batch = { size = 1, delay = "1s" } })',
      "a.lua:1: option `batch.size` is a whole number from 2 to 10000 (got 1)")
    refuses('channel("a", { batch = { size = 5 } })',
      'a.lua:1: option `batch.delay` is a duration such as "30s", "5m", "24h" or "7d" (got nil)')
    refuses('channel("a", { conflate = "1s", batch = { size = 5, delay = "1s" } })',
      "a.lua:1: options `conflate` and `batch` exclude each other: what `conflate` holds goes out together")
  end)

  it("takes no name for an option that only begins like one", function()
    for _, name in ipairs { "subscribe", "schema", "history" } do
      assert.matches("^a.lua:1: unknown option `" .. name, problems(('channel("a", { ["%s\\0x"] = "anyone" })'):format(name))[1])
    end
  end)

  it("refuses options of the wrong type", function()
    assert(load 'channel("a", { echo = false }) channel("b", { echo = true, presence_read = "role.mod" })')
    files:delete()
    refuses('channel("a", { echo = "no" })', "a.lua:1: option `echo` is true or false (got string)")
    refuses('channel("a", { presence_read = "mod" })',
      "a.lua:1: option `presence_read`: unknown name 'mod' (column 1): a text stands in quotes, a role is role.mod in \"mod\"")
    refuses('channel("a", { presence = 1 })', "a.lua:1: option `presence` is true or false (got number)")
    refuses('channel("a", { max_size = "1k" })',
      "a.lua:1: option `max_size` is a whole number from 1 to 16777216 (got 1k)")
    refuses('channel("a", { history = -1 })',
      "a.lua:1: option `history` is a whole number from 0 to 100000 (got -1)")
    refuses('channel("a", { history = { size = 1, tll = 1 } })',
      "a.lua:1: option `history` has no `tll`: did you mean `ttl`?")
    refuses('channel("a", { history = { size = 1, ttl = "soon" } })',
      'a.lua:1: option `history.ttl` is a duration such as "30s", "5m", "24h" or "7d" (got soon)')
    refuses('channel("a", { subscribe = true })',
      'a.lua:1: option `subscribe` wants a rule in a string, such as "user" (got boolean)')
    refuses('channel({})', 'a.lua:1: channel() wants a pattern, such as "chat:{room}" (got table)')
  end)

  it("refuses rules and patterns that are none", function()
    local all = problems 'channel("a", { subscribe = "role.x an user" })'
    assert.truthy(all[1]:find("^a.lua:1: option `subscribe`: "), all[1])
    assert.truthy(all[1]:find('in "role.x an user"', 1, true), all[1])
    all = problems 'channel("a", { subscribe = "params.room == user.id" })'
    assert.truthy(all[1]:find("params", 1, true))
    all = problems 'channel("a{b}")'
    assert.truthy(all[1]:find('^a.lua:1: pattern "a{b}": '), all[1])
  end)

  it("refuses unknown hooks at the line where they are defined", function()
    refuses('local a = channel("a")\n\nfunction a:on_publsh() end',
      "a.lua:3: a channel has no hook `on_publsh`: did you mean `on_publish`?")
    refuses('local a = channel("a")\na.on_open = 5',
      "a.lua:2: `on_open` is a hook's name and has to be a function")
    refuses('local a = channel("a")\n\na.rpc_x = "y"',
      "a.lua:3: `rpc_x` is a hook's name and has to be a function")
    refuses('local a = channel("a")\n\na.on_publsh = 5',
      "a.lua:3: a channel has no hook `on_publsh`: did you mean `on_publish`?")
    refuses('\nserver.on_connect = true', "a.lua:2: `on_connect` is a hook's name and has to be a function")
    refuses('\nserver.limit = 7', "a.lua:2: server has no hook `limit`")
    refuses('local a = channel("a")\nfunction a:view_x() end',
      "a.lua:2: `view_x` is for no view of this channel: option `views` has none of that name")
    refuses('local a = channel("a", { views = { { "ops" }, { "all" } } })\nfunction a:view_opps() end',
      "a.lua:2: `view_opps` is for no view of this channel: did you mean `view_ops`?")
    refuses('local a = channel("a", { views = { { "ops" } } })\nfunction a.view_ops(msg) return msg end',
      "a.lua:2: view_ops is defined with a dot; write function c:view_ops(msg)")
    refuses('local a = channel("a", { views = { { "ops" } } })\na.view_ops = true',
      "a.lua:2: `view_ops` is a hook's name and has to be a function")
    refuses('local a = channel("a")\nfunction a:latest() end',
      "a.lua:2: `latest` is what every channel has: choose another name")
    refuses('local a = channel("a")\nfunction a:publish() end',
      "a.lua:2: `publish` is what every channel has: choose another name")
    refuses("function server.on_conect() end",
      "a.lua:1: server has no hook `on_conect`: did you mean `on_connect`?")
  end)

  it("lets helpers and constants live in a class", function()
    assert(load 'local a = channel("a")\nfunction a:shout(t) return t:upper() end\na.limit = 5')
  end)

  it("allows one server.on_connect, and each server.rpc_NAME once", function()
    assert.same({
      "b.lua:2: server.on_connect is defined in a.lua:1 already: there can be one",
      "b.lua:3: server.rpc_x is defined in a.lua:2 already: there can be one",
    }, problems {
      ["a.lua"] = "function server.on_connect() end\nfunction server.rpc_x() end",
      ["b.lua"] = "\nfunction server.on_connect() end\nfunction server.rpc_x() end function server.rpc_y() end",
    })
  end)

  it("tells all that is wrong with the channels of a file, also where pcall would hide it", function()
    assert.same({
      "a.lua:1: unknown option `subscrbe`: did you mean `subscribe`?",
      "a.lua:2: option `max_size` is a whole number from 1 to 16777216 (got 0)",
      "a.lua:2: unknown option `presense`: did you mean `presence`?",
      "a.lua:3: pattern \"c{\": a {name} fills the whole of what is between ':' or '/', so \"c{\" is not possible",
      "a.lua:3: unknown option `call_`: did you mean `call`?",
      "a.lua:4: a channel has no hook `on_publsh`: did you mean `on_publish`?",
      "a.lua:5: unknown option `nonsense`",
      "a.lua:6: attempt to index a nil value (local 't')",
    }, problems [[
      channel("a", { subscrbe = "user" })
      channel("b", { presense = true, max_size = 0 })
      local c = channel("c{", { call_ = "user", subscribe = "params.x == user.id" })
      function c:on_open() end function c:on_publsh() end
      pcall(channel, "d", { nonsense = 1 })
      local t local n = t.x]])
  end)

  it("goes on after a channel() with arguments of the wrong kind", function()
    assert.same({
      'a.lua:1: channel() wants a pattern, such as "chat:{room}" (got number)',
      "a.lua:1: unknown option `blub`",
      "a.lua:2: channel() wants its options in a table, such as { history = 50 } (got string)",
      "a.lua:3: a channel has no hook `on_publsh`: did you mean `on_publish`?",
      'a.lua:3: channel() wants a pattern, such as "chat:{room}" (got no value)',
      'a.lua:4: channel() wants a pattern, such as "chat:{room}" (got nil)',
      "a.lua:5: attempt to index a nil value (local 't')",
    }, problems [[
      channel(7, { blub = 1 })
      channel("b", "user")
      local c = channel() function c:on_publsh() end
      pcall(channel, nil)
      local t local n = t.x]])
  end)

  it("says once that there are too many channels in a file, and goes on", function()
    local source = 'for i = 1, 256 do channel("c" .. i) end\n'
    assert(load(source))
    files:delete()
    assert.same({
      "a.lua:2: more than 256 channels in one file: put the others in another, or let one pattern such as \"room:{id}\" stand for many",
      "a.lua:3: unknown option `blub`",
      "a.lua:4: a channel has no hook `on_open_`: did you mean `on_open`?",
      "a.lua:5: boom",
    }, problems(source .. [[
      for i = 1, 100 do channel("d" .. i) end
      channel("e", { blub = 1 })
      local c = channel("f") c.on_open_ = 5
      error("boom")]]))
  end)

  it("does not drown in names that are no options", function()
    local all = problems [[
      local t = { history = { size = 1 } }
      for i = 1, 1000 do t["x" .. i] = i t.history["y" .. i] = i end
      channel("a", t)]]
    assert.truthy(#all >= 8 and #all <= 16, #all)
  end)

  it("refuses patterns that no channel's name can match", function()
    local why = ": no channel can match it: names are visible ASCII characters, and there is "
    refuses('channel("a b")', 'a.lua:1: pattern "a b"' .. why .. "a space in it")
    refuses('channel("Öl:{x}")', 'a.lua:1: pattern "Öl:{x}"' .. why .. "a letter in it that is not ASCII")
    refuses('channel("r:{x")', "a.lua:1: pattern \"r:{x\": a {name} fills the whole of what is between ':' or '/', "
      .. 'so "{x" is not possible')
  end)

  it("says of a pattern that is there twice that it is", function()
    refuses('channel("r")\nchannel("r")', 'a.lua:2: channel "r" is declared twice, in a.lua:1 already')
  end)

  it("says so too when the other is in another file", function()
    assert.same({ 'b.lua:2: channel "r:{x}" is declared twice, in a.lua:1 already' },
      problems { ["a.lua"] = 'channel("r:{x}")', ["b.lua"] = '\nchannel("r:{x}")', ["c.lua"] = 'channel("r")' })
  end)

  it("tells a dot from a colon", function()
    local c = 'local c = channel("c")\n'
    refuses(c .. "function c.on_publish(msg, from) return true end",
      "a.lua:2: on_publish is defined with a dot; write function c:on_publish(msg, from)")
    refuses(c .. "\nfunction c.rpc_add(args) return args end",
      "a.lua:3: rpc_add is defined with a dot; write function c:rpc_add(args)")
    refuses(c .. "c.on_open = function(room, ...) end",
      "a.lua:2: on_open is defined with a dot; write function c:on_open(room)")
    refuses("function server:on_connect(req) return true end",
      "a.lua:1: on_connect is defined with a colon; write function server.on_connect(req)")
    refuses("function server:on_disconnect() end",
      "a.lua:1: on_disconnect is defined with a colon; write function server.on_disconnect()")
    refuses("function server:rpc_x(args, from) end",
      "a.lua:1: rpc_x is defined with a colon; write function server.rpc_x(args, from)")
    assert(load(c .. [[
      function c.on_open() end
      function c.on_close(...) end
      c.on_publish = function(self, msg) return msg end
      c.helper = function(text) return text end
      c.rpc_error = error
      function server.on_connect() return true end
      server.on_disconnect = function(...) end
      function server.rpc_x(args) return args end]]))
  end)

  it("passes over specs, hidden files, what editors leave, and lib/", function()
    local set = assert(load {
      ["a.lua"] = 'channel("a")', ["sub/b.lua"] = 'channel("b")', ["a_spec.lua"] = "error('no')",
      [".hidden.lua"] = "error('no')", ["#a.lua#"] = "error('no')", ["a.lua~"] = "error('no')",
      ["notes.txt"] = "error('no')", ["lib/x.lua"] = "error('not run')", [".git/x.lua"] = "error('no')",
    })
    assert.same({ "a.lua", "sub/b.lua" }, set.scripts)
  end)

  it("says when the folder or a file cannot be read, or is too long", function()
    files = folder { ["a.lua"] = "-- " .. ("x"):rep(100) }
    local set, all = catalogue.load(files.path, false, 50)
    assert.is_nil(set)
    assert.same({ "a.lua", "is longer than 50 bytes" }, { all[1].file, all[1].reason })
    set, all = catalogue.load("/no/such/folder")
    assert.is_nil(set)
    assert.equal("the scripts folder /no/such/folder cannot be read: No such file or directory; name one that is there, or make one: weir new empty DIR",
      all[1].reason)
    set, all = catalogue.load(files.path .. "/a.lua")
    assert.is_nil(set)
    assert.is_truthy(all[1].reason:find("cannot be read: Not a directory; name the folder it is in", 1, true))
  end)

  it("fails cleanly wherever memory runs out, and loads where it does not", function()
    files = folder {
      ["a.lua"] = [[
        local words, cjson = require "words", require "cjson"
        local c = channel("a:{b}", { history = { size = 1, ttl = "1s" }, subscribe = "user" })
        function c:on_publish() end
        function c:rpc_x() end
        function server.rpc_y() end
        assert(pcall(function() return cjson.decode("[" .. ("1,"):rep(1000) .. "1]") end))]],
      ["lib/words.lua"] = "return { ('x'):rep(1000) }",
    }
    local loaded, failed = 0, 0
    for memory = 0, 80000, 97 do
      local set, all = catalogue.load(files.path, false, nil, memory)
      if set then
        loaded = loaded + 1
      else
        failed = failed + 1
        assert.truthy(all[1].file == "a.lua" or all[1].file == "lib/words.lua", all[1].file)
        assert.truthy(all[1].reason:find("memory", 1, true), all[1].reason)
      end
    end
    assert.is_true(loaded > 20 and failed > 100, loaded .. " " .. failed)
  end)

  it("adds the developer's channel in dev mode", function()
    local set = assert(load({ ["a.lua"] = 'channel("a")' }, true))
    assert.same({ "a.lua", "weir/dev.lua" }, set.scripts)
    assert.equal("weir:dev", set[2].pattern)
    assert.equal("anyone", set[2].subscribe)
    assert.equal("nobody", set[2].publish)
  end)

  it("reads the scripts that a person starts from", function()
    files = folder {}
    local set, all = catalogue.load("scripts", true)
    assert(set, all and all[1] and all[1].json)
  end)

  it("names what has changed", function()
    files = folder { ["a.lua"] = "", ["b.lua"] = "", ["lib/x.lua"] = "return 1" }
    local first = catalogue.load(files.path)
    assert.equal("a.lua,b.lua,lib/x.lua", catalogue.changes(nil, first))
    files:write("b.lua", "-- new"):write("c.lua", ""):remove("a.lua"):write("lib/x.lua", "return 2")
    local second = catalogue.load(files.path)
    assert.equal("b.lua,c.lua,-a.lua,lib/x.lua", catalogue.changes(first, second))
    assert.equal("", catalogue.changes(second, second))
  end)

  it("tells of a script that is a link to nowhere, and passes over what is none", function()
    files = folder { ["a.lua"] = 'channel("a")' }
    assert(lfs.link("/nowhere", files.path .. "/d.lua", true))
    assert(lfs.link("e.lua", files.path .. "/e.lua", true))
    assert(lfs.link("/nowhere", files.path .. "/notes", true))
    assert(lfs.link("me@host:1", files.path .. "/.#a.lua", true))
    local set, all = catalogue.load(files.path)
    assert.is_nil(set)
    assert.same({ "d.lua", "e.lua", 2 }, { all[1].file, all[2].file, #all })
    assert.equal("is a link that leads nowhere (No such file or directory): mend or remove it", all[1].reason)
  end)

  it("goes round no circle of links", function()
    files = folder { ["a.lua"] = 'channel("a")', ["x/b.lua"] = 'channel("b")', ["y/c.lua"] = 'channel("c")' }
    assert(lfs.link(".", files.path .. "/round", true))
    assert(lfs.link("..", files.path .. "/x/up", true))
    assert.same({ "a.lua", "x/b.lua", "y/c.lua" }, assert(catalogue.load(files.path)).scripts)
  end)

  it("takes a byte order mark and CRLF", function()
    local set, all = load "\xEF\xBB\xBFlocal x = 1\r\nlocal y = = 2\r\n"
    assert.is_nil(set)
    assert.same({ 2, "local y = = 2" }, { all[1].line, all[1].source })
  end)
end)
