-- What `weir dev` adds to every set of scripts: the channel on which the page's overlay hears of reloads.
local dev = channel("weir:dev", { subscribe = "anyone", history = { size = 1, ttl = "7d" } })

function dev:on_subscribe()
  return self.state.last or {}
end

function dev:on_published(msg)
  local happened = type(msg) == "table" and msg.broken
  if not happened then self.state.last = msg end -- how things stand
end
