-- examples/trading through a running server: a ticker for everybody, orders as calls.
local cjson = require "cjson"
local server = require "server"
local talk = require "talk"

local TRADERS, EACH = 6, 15 -- a trader may give 20 orders at once

for _, workers in ipairs { "1", "3" } do
  describe("a market, with " .. workers .. " workers,", function()
    local it_runs

    lazy_setup(function()
      it_runs = server.start { command = "dev", scripts = server.read_folder "examples/trading", args = { "--workers", workers } }
    end)
    lazy_teardown(function() it_runs:stop() end)
    after_each(function()
      talk.close_all()
      assert.is_nil(it_runs:exit_status())
    end)

    local function comes(name)
      local who = talk.to(it_runs, { as = name }):connect()
      return name and who:join("fills:" .. name) or who
    end

    local function order(who, symbol, side, qty, price, key)
      return who:call("market:" .. symbol .. "/order", { side = side, qty = qty, price = price, key = key })
    end

    -- The first quote that says so: of those that come too close together the newest goes out.
    local function sees(screen, symbol, bid, ask, last)
      local quote
      repeat quote = screen:listen("ticker:" .. symbol) until quote.last == last
      local function of(best) return best ~= cjson.null and { best.price, best.qty } or nil end
      assert.same({ bid = bid, ask = ask }, { bid = of(quote.bid), ask = of(quote.ask) })
    end

    it("answers an order, shows the trade to all and the fills to those whose they are", function()
      local ann, ben, screen = comes "ann", comes "ben", comes():join "market:a":join "ticker:a"
      assert.same({ id = 1, filled = 0, left = 5 }, (order(ann, "a", "sell", 5, 100)))
      assert.same({ id = 2, filled = 3, left = 0 }, (order(ben, "a", "buy", 3, 101)))
      assert.same({ price = 100, qty = 3 }, (function(t) return { price = t.price, qty = t.qty } end)(screen:listen "market:a".trade))
      ann:hears("fills:ann", { symbol = "a", id = 1, side = "sell", price = 100, qty = 3 })
      ben:hears("fills:ben", { symbol = "a", id = 2, side = "buy", price = 100, qty = 3 })
      sees(screen, "a", nil, { 100, 2 }, 100)
      assert.equal(103, (ben:refused { subscribe = { channel = "fills:ann" } }))
      assert.equal(103, (screen:refused { rpc = { method = "market:a/order", data = {} } }))
    end)

    it("gives who comes late the last quote at once", function()
      local ann, screen = comes "ann", comes():join "ticker:b"
      order(ann, "b", "sell", 5, 100)
      order(comes "ben", "b", "buy", 1, 100)
      sees(screen, "b", nil, { 100, 4 }, 100)
      local given = comes():ask { subscribe = { channel = "ticker:b" } }.subscribe.publications
      assert.same({ 1, 100 }, { #given, given[1].data.last })
    end)

    it("takes an order once that is sent again, by a connection that came back", function()
      comes():join "market:c"
      local first = order(comes "ann", "c", "buy", 5, 100, "order-7f")
      assert.same(first, (order(comes "ann", "c", "buy", 5, 100, "order-7f")))
      assert.same({ id = 2, filled = 5, left = 1 }, (order(comes "ben", "c", "sell", 6, 100, "order-7f")))
    end)

    it("refuses what is no order, before any Lua runs, and too many", function()
      local ann, ben = comes "ann":join "market:d", comes "ben"
      local _, code, why = order(ann, "d", "hold", 1, 1)
      assert.same({ 400, true }, { code, why:find("/side", 1, true) ~= nil })
      local taken
      repeat taken, code = order(ann, "d", "buy", 1, 1) until not taken
      assert.equal(111, code)
      assert.truthy(order(ben, "d", "buy", 1, 1))
    end)

    -- Whoever speaks from wherever: what is bought is sold, each order for what it is, and all see one tape.
    it("sells nothing twice, however many order at once", function()
      local screens, traders = {}, {}
      for n = 1, 3 do screens[n] = comes():join "market:rush" end
      for n = 1, TRADERS do traders[n] = comes("trader" .. n) end
      math.randomseed(7)
      local orders = {}
      for n, who in ipairs(traders) do
        local lines = {}
        for _ = 1, EACH do
          local ask = { side = (n + #lines) % 2 == 0 and "buy" or "sell", qty = math.random(1, 9), price = 100 + math.random(-3, 3) }
          local id = who:next_id()
          lines[#lines + 1] = cjson.encode { id = id, rpc = { method = "market:rush/order", data = ask } }
          orders[#orders + 1] = { who = who, reply = id, ask = ask }
        end
        who:say(table.concat(lines, "\n"))
      end
      local by_id, filled, total = {}, {}, { buy = 0, sell = 0 }
      for _, one in ipairs(orders) do
        local reply = one.who:reply(one.reply).rpc.data
        assert.is_nil(by_id[reply.id])
        by_id[reply.id], filled[reply.id] = one, 0
        assert.equal(one.ask.qty, reply.filled + reply.left)
      end
      for n, who in ipairs(traders) do
        who:leaves("fills:trader" .. n) -- after all that was said there
        for _, heard in ipairs(who.inbox) do
          local fill = heard.message.push.pub.data
          local ask = by_id[fill.id].ask
          assert.equal(who, by_id[fill.id].who)
          assert.equal(ask.side, fill.side)
          assert.truthy(fill.side == "buy" and fill.price <= ask.price or fill.side == "sell" and fill.price >= ask.price)
          filled[fill.id] = filled[fill.id] + fill.qty
          total[fill.side] = total[fill.side] + fill.qty
        end
      end
      for id, qty in pairs(filled) do assert.truthy(qty <= by_id[id].ask.qty, "more than was ordered") end
      local tapes = {}
      for n, screen in ipairs(screens) do
        screen:leaves "market:rush"
        tapes[n] = { qty = 0 }
        for _, heard in ipairs(screen.inbox) do
          local trade = heard.message.push.pub.data.trade
          table.insert(tapes[n], trade.qty .. "@" .. trade.price)
          tapes[n].qty = tapes[n].qty + trade.qty
        end
      end
      assert.truthy(#tapes[1] > 10, "there was something to match")
      assert.same(tapes[1], tapes[2])
      assert.same(tapes[1], tapes[3])
      assert.same({ buy = tapes[1].qty, sell = tapes[1].qty }, total)
      -- Nothing is left that should have been matched: each side's best is what nobody on the other would pay.
      local quote = traders[1]:call "market:rush/quote"
      if quote.bid ~= cjson.null and quote.ask ~= cjson.null then assert.truthy(quote.bid.price < quote.ask.price) end
    end)

    it("keeps its book when the rules change", function()
      local ann, ben = comes "ann":join "market:e", comes "ben"
      order(ann, "e", "sell", 5, 100)
      local generation = 2
      it_runs:write("trading.lua", server.read "examples/trading/trading.lua" .. "-- " .. workers .. "\n")
      it_runs:wait_log("event=reload generation=" .. generation)
      assert.equal(5, order(ben, "e", "buy", 7, 100).filled)
    end)
  end)
end
