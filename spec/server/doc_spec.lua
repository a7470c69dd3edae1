-- examples/doc through a running server: several people write at once, and all have the same in the end; who comes late
-- has a snapshot and every operation after it.
local server = require "server"
local talk = require "talk"

local BLOCKS, SEED = { "a", "b", "c" }, tonumber(os.getenv "SEED" or "") or 2026

-- ---- somebody who has the document open: what the page does ----

local Editor = {}
Editor.__index = Editor

local function listens(it_runs, name, doc)
  local self = setmetatable({ name = name, doc = doc, blocks = {}, early = {}, seen = nil, accepted = 0, behind = 0 }, Editor)
  self.talk = talk.to(it_runs, { as = name }):connect():join(doc)
  return self
end

function Editor:take(edit)
  if not self.seen then
    table.insert(self.early, edit)
  elseif edit.op > self.seen then
    assert.equal(self.seen + 1, edit.op, self.name .. " misses an operation")
    self.seen, self.blocks[edit.block] = edit.op, { text = edit.text, version = edit.version, by = edit.by }
  end
end

-- All that has come, in its order: what others wrote, and what became of one's own.
function Editor:read()
  local inbox = self.talk.inbox
  while #inbox > 0 do
    local message = table.remove(inbox, 1).message
    if message.push then
      self:take(message.push.pub.data)
    elseif message.error then
      assert.equal(409, message.error.code, message.error.message)
      self.behind = self.behind + 1
    elseif message.rpc then
      local snapshot = message.rpc.data
      self.seen = snapshot.op
      for _, block in ipairs(snapshot.blocks) do
        self.blocks[block.block] = { text = block.text, version = block.version, by = block.by }
      end
      for _, edit in ipairs(self.early) do self:take(edit) end
    else
      self.accepted = self.accepted + 1
    end
  end
end

function Editor:asks_for_snapshot()
  self.talk:say { id = self.talk:next_id(), rpc = { method = self.doc .. "/snapshot" } }
  return self
end

-- Of the version it has before its eyes, without waiting for an answer.
function Editor:writes(block, text)
  local version = self.blocks[block] and self.blocks[block].version or 0
  self.talk:say { id = self.talk:next_id(), publish = { channel = self.doc, data = { block = block, text = text, version = version } } }
end

-- Everything that was said in the document before now.
function Editor:catches_up()
  self.talk:ask { presence = { channel = self.doc } }
  self:read()
  return self
end

for _, workers in ipairs { "1", "3" } do
  describe("a document, with " .. workers .. " workers,", function()
    local it_runs

    lazy_setup(function()
      it_runs = server.start { command = "dev", scripts = server.read_folder "examples/doc", args = { "--workers", workers } }
    end)
    lazy_teardown(function() it_runs:stop() end)
    after_each(function()
      talk.close_all()
      assert.is_nil(it_runs:exit_status())
    end)

    local function opens(name, doc) return listens(it_runs, name, doc):asks_for_snapshot():catches_up() end

    it("is the same for all in the end, however many write at once, and for who comes in the middle", function()
      math.randomseed(SEED)
      local all = {}
      for n = 1, 4 do all[n] = opens("writer" .. n, "doc:1") end
      for round = 1, 60 do
        for _, one in ipairs(all) do
          for _ = 1, math.random(0, 2) do
            one:writes(BLOCKS[math.random(#BLOCKS)], ("%s in round %d, %d"):format(one.name, round, math.random(1000)))
          end
        end
        -- Who comes listens, asks, and is told of operations before and after its snapshot; nobody waits for it.
        if round % 15 == 0 then all[#all + 1] = listens(it_runs, "late" .. round, "doc:1"):asks_for_snapshot() end
        all[math.random(#all)]:catches_up()
      end
      for _, one in ipairs(all) do one:catches_up() end
      for _, one in ipairs(all) do one:catches_up() end -- what others' last words were
      local written, behind = 0, 0
      for _, one in ipairs(all) do written, behind = written + one.accepted, behind + one.behind end
      local truth = opens("reader", "doc:1")
      for _, one in ipairs(all) do
        assert.equal(truth.seen, one.seen, one.name)
        assert.same(truth.blocks, one.blocks, one.name)
      end
      local seed = "seed " .. SEED
      assert.equal(truth.seen, written, seed)
      assert.truthy(written > 20 and behind > 20, seed .. ": somebody was faster, and somebody was not")
    end)

    it("tells the second of two who change one block, and lets it try again on the first's", function()
      local ann, ben = opens("ann", "doc:2"), opens("ben", "doc:2")
      ann:writes("a", "ann's")
      ann:catches_up()
      ben:writes("a", "ben's") -- of what it saw before
      ben:catches_up()
      assert.same({ 1, 0, "ann's" }, { ben.behind, ben.accepted, ben.blocks.a.text })
      ben:writes("a", "ann's and ben's")
      ben:catches_up()
      assert.same({ text = "ann's and ben's", version = 2, by = "ben" }, ann:catches_up().blocks.a)
    end)

    it("is the same after the rules have changed", function()
      local ann = opens("ann", "doc:3")
      ann:writes("a", "before")
      ann:catches_up()
      it_runs:write("doc.lua", server.read "examples/doc/doc.lua" .. "-- " .. workers .. "\n")
      it_runs:wait_log "event=reload generation=2"
      ann:writes("a", "after")
      assert.same({ text = "after", version = 2, by = "ann" }, ann:catches_up().blocks.a)
      assert.same(ann.blocks, opens("ben", "doc:3").blocks)
    end)
  end)
end
