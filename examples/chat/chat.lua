-- The rules of the chat. Save this file while people are chatting: the next message obeys it.

-- One room for every channel called chat:SOMETHING. The options hold before any Lua runs.
local chat = channel("chat:{room}", {
  subscribe = "user", -- who may listen: anybody with a name
  publish = "user",   -- who may speak
  presence = true,    -- the server knows who is here
  history = 50,       -- and keeps the last 50 messages
})

-- Add a word, save, and say it.
local BLOCKED = { "casino", "free money" }

-- Returns the text with every blocked word as ***, and how many there were.
local function mask(text)
  local count = 0
  for _, word in ipairs(BLOCKED) do
    local first, last = text:lower():find(word, 1, true)
    while first do
      text = text:sub(1, first - 1) .. "***" .. text:sub(last + 1)
      count = count + 1
      first, last = text:lower():find(word, first + 3, true)
    end
  end
  return text, count
end

-- Somebody wants to say something. What you return is what everybody gets.
function chat:on_publish(msg, from)
  if type(msg) ~= "table" then reject "not a message" end
  if msg.typing == true then return { typing = true, by = from.user } end
  if type(msg.text) ~= "string" then reject "not a message" end

  local text = msg.text:trim()
  if text == "" then reject "empty" end
  if utf8.len(text) > 500 then reject "too long: 500 characters at most" end

  local masked
  text, masked = mask(text)
  -- self.state is this room's memory. It survives a save of this file.
  self.state.messages = (self.state.messages or 0) + 1
  self.state.masked = (self.state.masked or 0) + masked
  return { text = text, by = from.user, at = now() }
end

-- Somebody comes in: tell the room, and let them.
function chat:on_subscribe(client)
  self:publish { joined = client.user }
  return true
end

function chat:on_unsubscribe(client)
  self:publish { left = client.user }
end

-- A page asks with room.call("stats"). Every rpc_ method can be called; nothing else can.
function chat:rpc_stats()
  return { messages = self.state.messages or 0, masked = self.state.masked or 0 }
end
