-- A document that several people edit at once, block by block. An edit says on which version of its block it was made:
-- two people in different blocks never disturb each other, and in one block the second is told and gets the first's text.
-- Operations are counted. Who comes late listens first, asks for a snapshot, and goes on with the operation behind that.

local doc = channel("doc:{id}", {
  publish = "user",
  presence = true,
  schema = shape { block = "string 1..40", text = "string ..10000", version = "integer >=0" },
  max_size = 48000,
})

local MOST_BLOCKS = 1000

function doc:on_publish(edit, from)
  local blocks = self.state.blocks or {}
  local block = blocks[edit.block] or { version = 0 }
  if edit.version ~= block.version then
    reject(409, ("block %s is at version %d, not %d"):format(edit.block, block.version, edit.version))
  end
  local count = self.state.count or 0
  if block.version == 0 then count = count + 1 end
  if count > MOST_BLOCKS then reject(413, "a document has at most 1000 blocks") end
  local next_block = { text = edit.text, version = edit.version + 1, by = from.user, at = now() }
  local op = (self.state.op or 0) + 1
  blocks[edit.block] = next_block
  self.state.blocks, self.state.count, self.state.op = blocks, count, op
  return { op = op, block = edit.block, text = edit.text, version = next_block.version, by = from.user, at = next_block.at }
end

-- The whole document, and its last operation.
function doc:rpc_snapshot()
  local list = json.array {}
  for name, block in pairs(self.state.blocks or {}) do
    list[#list + 1] = { block = name, text = block.text, version = block.version, by = block.by, at = block.at }
  end
  table.sort(list, function(a, b) return a.block < b.block end)
  return { op = self.state.op or 0, blocks = list }
end
