-- Runs a judge written in JavaScript (spec/clients/NAME.mjs) against a running server, and makes each of
-- its checks a busted `it` of the same name.
--
-- The judge's checks are found by their first words in its source, check("...", so that every one of them
-- must report: a judge that dies half-way fails those it did not reach.
local assert = require "luassert"
local busted = require "busted"
local server = require "server"

local judge = {}

local NODE_SECONDS = 180

local function names_in(path)
  local names = {}
  for name in assert(server.read(path), path .. " is missing"):gmatch('\ncheck%("(.-)"') do
    names[#names + 1] = name
  end
  return names
end

-- {"name":"...","ok":true} or {"name":"...","ok":false,"why":"..."}; all else is talk.
local function results_in(text)
  local cjson = require "cjson"
  local results = {}
  for line in text:gmatch("[^\n]+") do
    local fine, result = pcall(cjson.decode, line)
    if fine and type(result) == "table" and result.name then results[result.name] = result end
  end
  return results
end

local function run(path, argv)
  local words = { "timeout", "-k", "5", tostring(NODE_SECONDS), "node", path }
  for _, word in ipairs(argv) do words[#words + 1] = server.quote(word) end
  local pipe = assert(io.popen(table.concat(words, " ") .. " 2>&1"))
  local text = pipe:read("a")
  pipe:close()
  return text
end

-- `start` returns a server object; `argv`, if given, makes the judge's arguments of it (default: its URL);
-- `more`, if given, declares further checks with a function that returns that object.
function judge.describe(title, path, start, argv, more)
  local describe, it = busted.describe, busted.it
  local lazy_setup, lazy_teardown = busted.lazy_setup, busted.lazy_teardown

  describe(title, function()
    local it_runs, results, talk

    lazy_setup(function()
      assert(server.read("spec/clients/node_modules/ws/package.json"),
        "the clients are not installed: npm ci --prefix spec/clients")
      it_runs = start()
      talk = run(path, argv and argv(it_runs) or { it_runs.url })
      results = results_in(talk)
    end)

    lazy_teardown(function()
      if it_runs then it_runs:stop() end
    end)

    for _, name in ipairs(names_in(path)) do
      it(name, function()
        local result = results[name]
        if not result then error("the judge never came to this:\n" .. talk, 0) end
        if not result.ok then error(result.why .. "\nserver log:\n" .. it_runs.log():sub(-3000), 0) end
      end)
    end

    if more then more(function() return it_runs end) end

    it("leaves the server running, and it ends well when told to", function()
      assert.is_nil(it_runs:exit_status())
      assert.equal(0, it_runs:stop(), it_runs.log())
      assert.is_nil(it_runs.log():find("Sanitizer", 1, true), it_runs.log())
    end)
  end)
end

return judge
