-- What the market promises, run by `weir test`.
local t = require "weir.test"

describe("the market", function()
  local scene, ann, ben, screen

  before_each(function()
    scene = t.load "trading.lua"
    ann, ben, screen = scene:client { user = "ann" }, scene:client { user = "ben" }, scene:client {}
    screen:subscribe "market:xyz"
    screen:subscribe "ticker:xyz"
    ann:subscribe "fills:ann"
    ben:subscribe "fills:ben"
  end)

  local function order(who, side, qty, price)
    return who:call("market:xyz/order", { side = side, qty = qty, price = price })
  end

  it("keeps an order that nobody matches, and shows the best price", function()
    assert.same({ id = 1, filled = 0, left = 5 }, order(ann, "buy", 5, 100).data)
    order(ben, "buy", 2, 99)
    order(ben, "buy", 3, 100)
    assert.same({ price = 100, qty = 8 }, ann:call("market:xyz/quote").data.bid)
    scene:advance "100ms"
    assert.received(screen, "ticker:xyz", { bid = { price = 100, qty = 8 }, ask = t.null })
  end)

  it("matches the better price first, then the older order, at the price that was there", function()
    order(ann, "sell", 5, 102)
    order(ann, "sell", 5, 101)
    order(ann, "sell", 5, 101)
    assert.same({ id = 4, filled = 8, left = 0 }, order(ben, "buy", 8, 105).data)
    assert.received(screen, "market:xyz", { trade = { price = 101, qty = 5 } })
    assert.received(screen, "market:xyz", { trade = { price = 101, qty = 3 } })
    assert.received(ann, "fills:ann", { id = 2, side = "sell", price = 101, qty = 5 })
    assert.received(ann, "fills:ann", { id = 3, side = "sell", price = 101, qty = 3 })
    assert.received(ben, "fills:ben", { id = 4, side = "buy", price = 101, qty = 3 })
    assert.same({ price = 101, qty = 2 }, ann:call("market:xyz/quote").data.ask)
  end)

  it("keeps the rest of an order", function()
    order(ann, "sell", 2, 100)
    assert.same({ id = 2, filled = 2, left = 3 }, order(ben, "buy", 5, 100).data)
    local quote = ann:call("market:xyz/quote").data
    assert.same({ { price = 100, qty = 3 }, 100 }, { quote.bid, quote.last })
  end)

  it("matches no price that is worse than was said", function()
    order(ann, "sell", 2, 101)
    assert.equal(2, order(ben, "buy", 2, 100).data.left)
    assert.not_received(ben, "fills:ben")
  end)

  it("refuses what is no order", function()
    assert.refused("/side", order(ann, "hold", 1, 1))
    assert.refused("/qty", order(ann, "buy", 0, 1))
    assert.refused("/qty", order(ann, "buy", 1.5, 1))
    assert.refused("/price", order(ann, "buy", 1, "much"))
    assert.refused("rpc_order", ann:call("market:xyz/order", 7))
    assert.refused("permission denied", order(screen, "buy", 1, 1))
  end)

  it("takes an order once that is sent again", function()
    local sent = { side = "buy", qty = 5, price = 100, key = "7f" }
    assert.same({ id = 1, filled = 0, left = 5 }, ann:call("market:xyz/order", sent).data)
    assert.same({ id = 1, filled = 0, left = 5 }, ann:call("market:xyz/order", sent).data)
    assert.same({ price = 100, qty = 5 }, ann:call("market:xyz/quote").data.bid)
  end)

  it("shows who comes late the best prices at once", function()
    order(ann, "sell", 5, 100)
    scene:advance "1s"
    local late = scene:client {}
    late:subscribe "ticker:xyz"
    assert.received(late, "ticker:xyz", { ask = { price = 100, qty = 5 } })
  end)

  it("lets you cancel your own orders", function()
    local id = order(ann, "buy", 5, 100).data.id
    assert.refused(404, ben:call("market:xyz/cancel", { id = id }))
    assert.same({ cancelled = 5 }, ann:call("market:xyz/cancel", { id = id }).data)
    assert.refused("you have no such order", ann:call("market:xyz/cancel", { id = id }))
    assert.equal(t.null, ann:call("market:xyz/quote").data.bid)
  end)

  it("tells your fills to nobody else", function()
    assert.refused("permission denied", ben:subscribe "fills:ann")
  end)

  it("keeps its book when the rules change", function()
    order(ann, "sell", 5, 100)
    scene:reload { ["lib/more.lua"] = "return {}" }
    assert.equal(5, order(ben, "buy", 5, 100).data.filled)
  end)
end)
