-- The first script of a Weir server: a feed that everybody may read, and rooms to talk in.
-- Save it while the server runs: the next message obeys.

local text = require "text"

-- A public feed. It has no on_publish, so only the house speaks here: the server API
-- (POST /api/publish), or a script with publish("news", { ... }).
channel("news", { subscribe = "anyone", history = 20 })

-- Rooms: "room:lobby", "room:42", ... One file, as many channels as there are names.
-- Users may join and publish; who is here is known (presence).
local room = channel("room:{name}", { history = { size = 50, ttl = "24h" }, presence = true })

-- What this returns is what everybody gets. Return nothing and the message is dropped;
-- reject(...) and the sender is told why.
function room:on_publish(msg, from)
  local said = text.clean(msg.text)
  if not said then
    reject "say something, in at most 500 characters"
  end
  return { text = said, by = from.user, at = now() }
end
