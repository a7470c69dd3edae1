-- examples/tenants through a running server: real tokens, and what is another tenant's.
local http = require "http"
local server = require "server"
local talk = require "talk"
local token = require "token"

local SECRET = "tenants-secret-of-32-bytes-or-more"

local function start(command, workers)
  return server.start { command = command, scripts = "examples/tenants",
    args = { "--workers", workers, "--token-secret", SECRET, "--api-key", "key" } }
end

local function comes(it_runs, claims, secret)
  claims.exp = claims.exp or os.time() + 600
  return talk.to(it_runs):connect { token = token(claims, secret or SECRET) }
end

for _, workers in ipairs { "1", "3" } do
  describe("tenants, with " .. workers .. " workers,", function()
    local it_runs

    lazy_setup(function() it_runs = start("serve", workers) end)
    lazy_teardown(function() it_runs:stop() end)
    after_each(function()
      talk.close_all()
      assert.is_nil(it_runs:exit_status())
    end)

    local function of(tenant, user, roles)
      return comes(it_runs, { sub = user, roles = roles, tenant = tenant })
    end

    it("hear their own people, all of them and nobody else's", function()
      local ann, amy, eve = of("acme", "ann"), of("acme", "amy"), of("evil", "eve")
      ann:join "feed:acme"
      amy:join "feed:acme"
      eve:join "feed:evil"
      amy:says("feed:acme", { text = "hello" })
      eve:says("feed:evil", { text = "ours" })
      for _, who in ipairs { ann, amy } do who:hears("feed:acme", { text = "hello", by = "amy" }) end
      eve:hears("feed:evil", { text = "ours", by = "eve" }):hears_nothing "feed:acme"
    end)

    it("have nothing of one another, by whatever way it is asked for", function()
      local ann, eve = of("acme", "ann"):join "feed:acme", of("evil", "eve", { "owner" })
      local before = http.metric(it_runs, "weir_hooks_run_total")
      for _, ask in ipairs {
        { subscribe = { channel = "feed:acme" } }, { subscribe = { channel = "bill:acme" } },
        { publish = { channel = "feed:acme", data = { text = "it is me" } } }, { presence = { channel = "feed:acme" } },
        { presence_stats = { channel = "feed:acme" } }, { subscribe = { channel = "jobs" } },
        { rpc = { method = "feed:acme/anything" } },
      } do
        assert.same({ 103, "permission denied" }, { eve:refused(ask) })
      end
      assert.equal(before, http.metric(it_runs, "weir_hooks_run_total"), "Lua was entered")
      ann:hears_nothing "feed:acme"
    end)

    it("are not who a forged token says they are", function()
      local good = token({ sub = "eve", tenant = "evil", exp = os.time() + 600 }, SECRET)
      local head, _, signature = good:match "^(.-)%.(.-)%.(.*)$"
      local body = token({ sub = "eve", tenant = "acme", exp = os.time() + 600 }, SECRET):match "^.-%.(.-)%."
      for _, forged in ipairs {
        token({ sub = "eve", tenant = "acme", roles = { "admin" } }, "a secret of eve's own"),
        ("%s.%s.%s"):format(head, body, signature),
        token({ sub = "eve", tenant = "acme" }, SECRET, '{"alg":"none"}'),
      } do
        local eve = talk.to(it_runs)
        eve:say { id = 1, connect = { token = forged } }
        assert.same({ 3500, "invalid token" }, { eve:closed() })
      end
    end)

    it("are out when their token is, and come in with a new one", function()
      local late = talk.to(it_runs)
      late:say { id = 1, connect = { token = token({ sub = "ann", tenant = "acme", exp = os.time() - 60 }, SECRET) } }
      assert.equal(109, late:reply(1).error.code)
      local ann = comes(it_runs, { sub = "ann", tenant = "acme", exp = os.time() + 2 }):join "feed:acme"
      assert.same({ 3005, "connection expired" }, { ann:closed() })
      of("acme", "ann"):join "feed:acme"
    end)

    it("are nothing to who has none, whatever the address says", function()
      local somebody = talk.to(it_runs, { as = "ann", roles = "admin" }):connect()
      assert.equal(103, (somebody:refused { subscribe = { channel = "feed:acme" } }))
      local cy = comes(it_runs, { sub = "cy" })
      assert.equal(103, (cy:refused { subscribe = { channel = "feed:acme" } }))
      assert.equal(103, (cy:refused { rpc = { method = "jobs/start", data = { name = "report" } } }))
    end)

    it("are heard by admins, who do not speak in their name", function()
      local root, ann = comes(it_runs, { sub = "root", roles = { "admin" } }), of("acme", "ann")
      root:join "feed:acme":join "feed:evil":join "bill:acme":join "jobs"
      ann:says("feed:acme", { text = "hello" })
      root:hears("feed:acme", { text = "hello", by = "ann" })
      assert.equal(103, (root:refused { publish = { channel = "feed:acme", data = { text = "hello" } } }))
    end)

    it("share the work: who has used up its own leaves the others theirs", function()
      local first, second, other = of("busy", "ann"), of("busy", "amy"), of("calm", "eve", { "owner" }):join "bill:calm"
      local job = { rpc = { method = "jobs/start", data = { name = "report" } } }
      for n = 1, 5 do
        assert.same({ jobs = n }, ((n % 2 == 0 and first or second):ask { rpc = job.rpc }).rpc.data)
      end
      assert.equal(111, (first:refused { rpc = job.rpc }))
      assert.equal(111, (second:refused { rpc = job.rpc }))
      assert.same({ jobs = 1 }, (other:call("jobs/start", { name = "report" })))
      other:hears("bill:calm", { jobs = 1 })
    end)
  end)
end

describe("a tenant in dev mode", function()
  it("is told which rule refused it, with which values, on which line", function()
    local it_runs <close> = start("dev", "1")
    local eve = comes(it_runs, { sub = "acme's", tenant = "acme" })
    local code, why = eve:refused { publish = { channel = "feed:evil", data = { text = "it is me" } } }
    assert.equal(103, code)
    assert.matches('permission denied by the publish rule: claims.tenant == params.tenant -> "acme" == "evil" -> false (tenants.lua:5)',
      why, 1, true)
    why = select(2, eve:refused { subscribe = { channel = "feed:evil" } })
    assert.matches('claims.tenant == params.tenant or role.admin -> "acme" == "evil" or false -> false (tenants.lua:5)', why, 1, true)
    talk.close_all()
  end)
end)
