-- A market: orders come as calls and are matched here, everybody sees trades, and the best prices on a ticker.
-- One channel is one market, and its hooks run one after another: so nothing is sold twice.

local market = channel("market:{symbol}", {
  subscribe = "anyone", -- trades are public
  call = "user",        -- orders are not
  rate = "20/s per user",
  schema = {
    rpc_order = shape { side = "buy|sell", qty = "integer 1..1000000", price = "integer 1..1000000", key = "string 1..64?" },
    rpc_cancel = shape { id = "integer >=1" },
  },
  once = { key = "key", ttl = "10m" }, -- who sends an order again, with its key, does not order twice
})

-- The best prices: the newest ten times a second, and at once for who comes.
channel("ticker:{symbol}", { subscribe = "anyone", latest = { ttl = "24h" }, conflate = "100ms" })

-- What became of your orders, for you alone.
channel("fills:{user}", { subscribe = "user.id == params.user" })

-- Orders of a side, the one that is to be matched first at 1: the better price, then the older.
local function side_of(self, side)
  self.state[side] = self.state[side] or {}
  return self.state[side]
end

local function is_better(side, a, b)
  if side == "buy" then return a > b end
  return a < b
end

local function insert(list, order)
  local at = 1
  while list[at] and not is_better(order.side, order.price, list[at].price) do at = at + 1 end
  table.insert(list, at, order)
end

local function total(list, price)
  local qty = 0
  for _, order in ipairs(list) do
    if order.price == price then qty = qty + order.qty end
  end
  return qty
end

local function best(list)
  return list[1] and { price = list[1].price, qty = total(list, list[1].price) } or json.null
end

local function quote(self)
  return { bid = best(side_of(self, "buy")), ask = best(side_of(self, "sell")), last = self.state.last, at = now() }
end

local function tell(self, order, other, qty)
  local symbol = self.params.symbol
  self:publish { trade = { price = other.price, qty = qty, at = now() } }
  for _, one in ipairs { order, other } do
    publish("fills:" .. one.user, { symbol = symbol, id = one.id, side = one.side, price = other.price, qty = qty })
  end
  self.state.last = other.price
end

-- Takes what the other side has to give at this price or a better one.
local function match(self, order)
  local others = side_of(self, order.side == "buy" and "sell" or "buy")
  while order.qty > 0 and others[1] and not is_better(others[1].side, order.price, others[1].price) do
    local other = others[1]
    local qty = math.min(order.qty, other.qty)
    order.qty, other.qty = order.qty - qty, other.qty - qty
    if other.qty == 0 then table.remove(others, 1) end
    tell(self, order, other, qty)
  end
end

local function tell_quote(self)
  publish("ticker:" .. self.params.symbol, quote(self))
end

-- call("market:XYZ/order", { side = "buy", price = 101, qty = 5, key = "what is yours to repeat" })
function market:rpc_order(order, from)
  self.state.last_id = (self.state.last_id or 0) + 1
  local mine = { id = self.state.last_id, user = from.user, side = order.side, price = order.price, qty = order.qty }
  match(self, mine)
  if mine.qty > 0 then insert(side_of(self, mine.side), mine) end
  tell_quote(self)
  return { id = mine.id, filled = order.qty - mine.qty, left = mine.qty }
end

-- call("market:XYZ/cancel", { id = 7 }): of your own orders.
function market:rpc_cancel(args, from)
  for _, side in ipairs { "buy", "sell" } do
    for i, order in ipairs(side_of(self, side)) do
      if order.id == args.id and order.user == from.user then
        table.remove(side_of(self, side), i)
        tell_quote(self)
        return { cancelled = order.qty }
      end
    end
  end
  reject(404, "you have no such order")
end

function market:rpc_quote()
  return quote(self)
end
