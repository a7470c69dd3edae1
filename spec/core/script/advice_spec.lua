local catalogue = require "room.catalogue"
local folder = require "folder"

describe("script/advice", function()
  local function warnings(set)
    if type(set) == "string" then set = { ["a.lua"] = set } end
    local files = folder(set)
    local loaded, problems = catalogue.load(files.path)
    files:delete()
    assert(loaded, problems and problems[1] and problems[1].reason)
    local all = catalogue.warnings(loaded)
    for i, each in ipairs(all) do all[i] = ("%s:%d: %s"):format(each.file, each.line, each.reason) end
    return all
  end

  local function warns(set, ...)
    local all = warnings(set)
    assert.equal(select("#", ...), #all, table.concat(all, "\n"))
    for i, want in ipairs { ... } do
      assert.is_truthy(all[i]:find(want, 1, true), all[i])
    end
  end

  local function is_silent(set)
    assert.same({}, warnings(set))
  end

  describe("of rules", function()
    it("tells one that can never hold, in every option that has one", function()
      for _, option in ipairs { "subscribe", "publish", "call" } do
        warns(('channel("a", { %s = "nobody and user" })'):format(option),
          ('a.lua:1: option `%s`: "nobody and user" can never hold: write nobody if that is meant'):format(option))
        is_silent(('channel("a", { %s = "nobody" })'):format(option))
        is_silent(('channel("a", { %s = "user and role.x" })'):format(option))
      end
    end)

    it("tells one that lets in everybody", function()
      warns('\nchannel("a", { subscribe = "user.id" })',
        'a.lua:2: option `subscribe`: "user.id" holds for everybody: write anyone if that is meant, user for whoever is known')
      warns('channel("a", { subscribe = "anyone or role.x" })', "holds for everybody")
      is_silent 'channel("a", { subscribe = "anyone" })'
      is_silent 'channel("a", { subscribe = "user.id == \'ann\'" })'
    end)

    it("tells a comparison with what a parameter cannot be", function()
      warns('channel("a:{room}", { subscribe = "user and params.room == \'x:y\'" })', "never holds: {room} takes what has no ':'")
      is_silent 'channel("a:{room}", { subscribe = "user and params.room == \'x.y\'" })'
    end)

    it("looks into views", function()
      warns([[channel("a", { views = { { "x", when = "role.x", where = "msg.a and not msg.a" }, { "y" } } })]],
        'option `views.where`: "msg.a and not msg.a" can never hold: write false if that is meant')
      is_silent [[channel("a", { views = { { "x", when = "role.x", where = "msg.a and not msg.b" }, { "y" } } })]]
    end)
  end)

  describe("of views", function()
    it("tells one that nobody has", function()
      warns([[channel("a", { views = { { "all" }, { "ops", when = "role.ops" } } })]], 'nobody has the view "ops"')
      warns([[channel("a", { views = { { "u", when = "user" }, { "staff", when = "user and role.staff" } } })]],
        'nobody has the view "staff"')
      warns([[channel("a", { views = { { "u", when = "user" }, { "g", when = "not user" }, { "rest" } } })]],
        'nobody has the view "rest"')
    end)

    it("says nothing where somebody is left", function()
      is_silent [[channel("a", { views = { { "ops", when = "role.ops" }, { "u", when = "user" }, { "rest" } } })]]
      is_silent [[channel("a", { views = { { "staff", when = "user and role.staff" }, { "u", when = "user" } } })]]
      is_silent [[channel("a", { views = { { "off", when = "nobody" }, { "u" } } })]]
    end)
  end)

  describe("of what is never asked", function()
    it("tells an on_publish where no client may publish", function()
      warns('local a = channel("a", { publish = "nobody" })\nfunction a:on_publish() return true end', "on_publish never runs")
      is_silent 'local a = channel("a", { publish = "role.x" })\nfunction a:on_publish() return true end'
      is_silent 'local a = channel("a", { publish = "nobody" })\nfunction a:on_published() end'
    end)

    it("says nothing of calls that only the server API may do", function()
      is_silent 'local a = channel("a", { call = "nobody" })\nfunction a:rpc_x() end'
    end)

    it("tells a rule for members that nobody can read", function()
      warns('channel("a", { presence_read = "role.x" })', "`presence_read` is never asked")
      is_silent 'channel("a", { presence_read = "role.x", presence = true })'
      is_silent 'channel("a")'
    end)
  end)

  describe("of channels that take one another's names", function()
    it("tells one of another file that lets in more", function()
      warns({ ["a.lua"] = 'channel("admin:*", { subscribe = "role.admin" })', ["b.lua"] = 'channel("admin:{room}")' },
        'b.lua:1: channel "admin:{room}" takes names from "admin:*" of a.lua:1, and its `subscribe` lets in whom that one does '
          .. 'not ("role.admin" there); if that is meant, declare both in one file')
      warns({ ["a.lua"] = 'channel("x:*")', ["b.lua"] = 'channel("x:{room}", { publish = "user" })' }, "its `publish` lets in")
    end)

    it("says nothing where it lets in no more, is one name, or stands in the same file", function()
      is_silent { ["a.lua"] = 'channel("admin:*")', ["b.lua"] = 'channel("admin:{room}", { subscribe = "user and role.admin" })' }
      is_silent { ["a.lua"] = 'channel("admin:*", { subscribe = "role.admin" })', ["b.lua"] = 'channel("admin:lobby")' }
      is_silent 'channel("admin:*", { subscribe = "role.admin" })\nchannel("admin:{room}")'
      is_silent { ["a.lua"] = 'channel("a:*", { subscribe = "role.admin" })', ["b.lua"] = 'channel("b:{room}")' }
    end)
  end)

  describe("of channels that nobody declares", function()
    it("tells a rollup into one", function()
      local ROLLUP = 'channel("m:{host}", { rollup = { into = "%s", every = "1s", stats = { "count" } } })\nchannel("dash:{x}")\n'
      warns(ROLLUP:format "dahs:{host}", 'option `rollup.into`: no script declares a channel for "dahs:{host}"')
      warns(ROLLUP:format "dash:{host}:all", "no script declares")
      is_silent(ROLLUP:format "dash:{host}")
      is_silent(ROLLUP:format "dash:all")
    end)

    it("tells a publish and a kick by name", function()
      warns([[
        local a = channel "a:{x}"
        function a:on_publish() publish("logs", { n = 1 }) return true end
        function a:rpc_out() kick("b:1", { user = "ann" }) end]],
        'a.lua:2: publish("logs"): no script declares a channel of that name', 'a.lua:3: kick("b:1")')
      warns({ ["a.lua"] = 'require "say"', ["lib/say.lua"] = [[return function() publish([==[x]==], 1) end]] },
        'lib/say.lua:1: publish("x")')
    end)

    it("says nothing of a name that is there, is put together, or is no channel's", function()
      is_silent [[
        local a = channel("a:{x}", { publish = "user" })
        function a:rpc_x(args)
          publish("a:1", 1)
          publish("b:" .. args.x, 1)
          publish(args.x, 1)
          publish("weir:dev", 1)
          self:publish("text")
          -- publish("commented", 1)
          log [==[publish("long", 1)]==]
          log "publish(\"quoted\", 1)"
        end]]
    end)

    it("says nothing where `publish` is a name of the file's own", function()
      for _, own in ipairs { "local function publish() end", "local publish = log", "local a, publish = 1, log",
        "local function f(publish) return publish end", "local f = { publish }" } do
        is_silent(own .. '\nlocal c = channel("a", { publish = "user" })\nfunction c:rpc_x() publish("b", 1) end')
      end
    end)
  end)

  describe("of patterns", function()
    local function with(code)
      return ('local c = channel "a"\nfunction c:rpc_x(text) return %s end'):format(code)
    end

    it("tells the one that trims", function()
      warns(with [[text:match("^%s*(.-)%s*$")]], "a.lua:2: \"^%s*(.-)%s*$\" takes time with the square of how many blanks there are: text:trim()")
      warns(with [[(text:gsub("^%s*(.-)%s*$", "%1"))]], "square of how many blanks")
      warns(with [[string.match(text, "^%s*(.-)%s*$")]], "text:trim()")
      is_silent(with [[text:match("^%s*(.*)")]])
      is_silent(with [[text:find("^%s*(.-)%s*$", 1, true)]])
      is_silent(with [[text:other("^%s*(.-)%s*$")]])
    end)

    it("tells those that try every place three times over", function()
      for _, pattern in ipairs { "^(.-),(.-);(.-)!", "^.*a.*b.*c", "(.-)=(.-);", "^(.*):(.*):(.*)!", "x.-=.+;", "(.-)=(.-);.*" } do
        warns(with(('text:match("%s")'):format(pattern)), "cube of the text's length")
      end
    end)

    it("says nothing of those that do not, however they look", function()
      for _, pattern in ipairs { "^(.-),(.-),(.-)$", "^(.-),(.-),(.-),", "^(.-):(.*)$", "(.*)%.lua", "^([^,]*),([^;]*);(.-)!", "(%w+)=(%w+)",
        "^.-=.-;", "^(.-)=(.-)$", ".*", "^(.-)ab(.-)ab(.-)b", "%b()", "[.-]", "^%-%-%-.*" } do
        is_silent(with(('text:match("%s")'):format(pattern)))
      end
    end)
  end)

  it("says nothing of what is long, and of no script at all", function()
    is_silent {}
    is_silent(("local x = [==[ ]] --[[ ]==]\n"):rep(100) .. 'channel("a")')
  end)
end)
