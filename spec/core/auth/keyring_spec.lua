-- Keys of files, and tokens of every algorithm: by Node, which Weir did not write.
local cjson = require "cjson"
local jwt = require "room.jwt"
local server = require "server"

local NOW = 1700000000

describe("auth/keyring", function()
  local folder, jose

  local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    file:close()
    return folder .. "/" .. name
  end

  local function jwk(name, more)
    local key = {}
    for member, value in pairs(jose.jwks[name]) do key[member] = value end
    for member, value in pairs(more or {}) do key[member] = value end
    return key
  end

  local function ring(...)
    local files = {}
    for i, name in ipairs { ... } do files[i] = folder .. "/" .. name end
    return assert(jwt.keyring(table.concat(files, ",")))
  end

  local function ring_of(keys)
    return assert(jwt.keyring(write("set.json", cjson.encode { keys = keys })))
  end

  local function refused(file, text)
    local keyring, why = jwt.keyring(text and write(file, text) or file)
    assert.is_nil(keyring)
    return why
  end

  local function who(token, keyring, options)
    return jwt.verify(token, nil, NOW, 0, keyring, options)
  end

  local function why(...)
    local ok, reason = who(...)
    assert.is_nil(ok)
    return reason
  end

  lazy_setup(function()
    folder = server.folder()
    local pipe = assert(io.popen("node spec/support/jose.mjs " .. folder))
    jose = cjson.decode(pipe:read "a")
    pipe:close()
  end)
  lazy_teardown(function() os.execute("rm -r " .. server.quote(folder)) end)

  it("verifies what each algorithm signs, by keys in PEM", function()
    local all = ring("rsa.pem", "p256.pem", "p384.pem", "p521.pem", "ed25519.pem")
    for alg, token in pairs(jose.tokens) do
      if not alg:find "^HS" then assert.equal("ann", assert(who(token, all), alg).sub) end
    end
  end)

  it("verifies them by keys as JSON, one by one and in a set", function()
    local all = {}
    for name in pairs(jose.jwks) do
      if name ~= "other" and name ~= "small" then all[#all + 1] = jwk(name) end
    end
    local set = ring_of(all)
    for alg, token in pairs(jose.tokens) do assert.equal("ann", assert(who(token, set), alg).sub) end
    for alg, name in pairs { RS256 = "rsa", ES256 = "p256", ES384 = "p384", ES512 = "p521", EdDSA = "ed25519", HS512 = "oct" } do
      local one = assert(jwt.keyring(write("one.json", cjson.encode(jwk(name)))))
      assert.equal("ann", assert(who(jose.tokens[alg], one), alg).sub)
    end
  end)

  it("reads several keys of one file, and certificates", function()
    local both = server.read(folder .. "/other.pem") .. server.read(folder .. "/rsa.pem")
    assert.truthy(who(jose.tokens.RS256, assert(jwt.keyring(write("both.pem", both)))))
    os.execute(("openssl req -x509 -key %s/p256.key -subj /CN=a -days 1 -out %s/cert.pem 2>/dev/null"):format(folder, folder))
    assert.truthy(who(jose.tokens.ES256, ring "cert.pem"))
  end)

  it("refuses what no key signed, whatever the token says of itself", function()
    local all = ring("rsa.pem", "p256.pem", "p384.pem", "p521.pem", "ed25519.pem")
    for name, token in pairs(jose.attacks) do
      local ok, why, code = who(token, all)
      assert.is_nil(ok, name)
      assert.equal(101, code, name)
      assert.matches("^token: ", why)
    end
    for alg, token in pairs(jose.tokens) do
      if alg:find "^HS" then assert.matches("is not accepted here, but RS256, ", why(token, all)) end
    end
  end)

  it("refuses any changed byte of a signature", function()
    local all = ring("rsa.pem", "p256.pem", "ed25519.pem")
    for _, alg in ipairs { "RS256", "PS512", "ES256", "EdDSA" } do
      local token = jose.tokens[alg]
      local dot = token:find("%.[^.]*$")
      for at = dot + 1, #token, 7 do
        local other = token:sub(at, at) == "A" and "B" or "A"
        assert.is_nil((who(token:sub(1, at - 1) .. other .. token:sub(at + 1), all)), alg .. " " .. at)
      end
    end
  end)

  it("takes the key that a token names, or one without a name", function()
    local set = ring_of { jwk("other", { kid = "a key" }), jwk("rsa", { kid = "the key" }) }
    assert.matches("the signature does not fit: another key", why(jose.named.RS256, set))
    assert.matches("its kid is none of ours", why(jose.named.RS256, ring_of { jwk("rsa", { kid = "the key" }) }))
    assert.truthy(who(jose.named.RS256, ring_of { jwk("other", { kid = "x" }), jwk("rsa", { kid = "a key" }) }))
    assert.truthy(who(jose.named.RS256, ring_of { jwk "rsa" }))
    assert.truthy(who(jose.tokens.RS256, ring_of { jwk("other", { kid = "1" }), jwk("rsa", { kid = "2" }) }))
  end)

  it("uses a key for what it says it is for, and nothing else", function()
    local only = ring_of { jwk("rsa", { alg = "PS256" }) }
    assert.truthy(who(jose.tokens.PS256, only))
    assert.matches("alg RS256 is not accepted here, but PS256", why(jose.tokens.RS256, only))
    assert.matches("no key in it that signatures are checked with", refused("enc.json", cjson.encode(jwk("rsa", { use = "enc" }))))
    assert.matches("no key in it", refused("ops.json", cjson.encode(jwk("rsa", { key_ops = { "encrypt" } }))))
    assert.truthy(who(jose.tokens.RS256, ring_of { jwk("rsa", { key_ops = { "verify" }, use = "sig" }) }))
    assert.matches("its `alg` is none that such a key signs with", refused("alg.json", cjson.encode(jwk("rsa", { alg = "ES256" }))))
  end)

  it("accepts only the algorithms of the list", function()
    local all = ring("rsa.pem", "p256.pem")
    assert.truthy(who(jose.tokens.ES256, all, { algs = "ES256,PS256" }))
    assert.matches("alg RS256 is not accepted here, but PS256, ES256", why(jose.tokens.RS256, all, { algs = "ES256,PS256" }))
  end)

  it("asks for audience and issuer where it is told to", function()
    local key = ring "p256.pem"
    local told = { audience = "weir", issuer = "https://id" }
    for name, token in pairs(jose.claims) do
      local mine = name == "mine" or name == "listed" or name == "escaped"
      local ok, why = who(token, key, told)
      assert.equal(mine, ok ~= nil, name)
      if not mine then assert.matches(name:find "^by" and "%(iss%)" or "%(aud%)", why) end
      assert.truthy(who(token, key))
    end
  end)

  it("says which file is wrong, and how to make it right", function()
    assert.matches("/nowhere: No such file", refused "/nowhere")
    assert.matches("rsa.key: it holds a private key, .*openssl pkey %-in FILE %-pubout", refused(folder .. "/rsa.key"))
    assert.matches("small.pem: an RSA key of 1024 bits; it has to have 2048 to 8192", refused(folder .. "/small.pem"))
    assert.matches("k256.pem: the curve secp256k1 is for no token", refused(folder .. "/k256.pem"))
    assert.matches("x25519.pem: a X25519 key is for no token", refused(folder .. "/x25519.pem"))
    assert.matches("empty: it holds no key", refused("empty", ""))
    assert.matches("text: it holds no key", refused("text", "secret\n"))
    assert.matches("a PUBLIC KEY is no public key that can be read",
      refused("torn.pem", "-----BEGIN PUBLIC KEY-----\nMAAA\n-----END PUBLIC KEY-----\n"))
    assert.matches("it is no JSON", refused("torn.json", "{"))
    assert.matches("key 1: it is no object with a `kty`", refused("kty.json", "{}"))
    assert.matches("no key in it that signatures are checked with$", refused("none.json", '{"keys":[]}'))
    assert.matches("no key in it that signatures are checked with$", refused("later.json", '{"keys":[{"kty":"PQ"}]}'))
    assert.matches("key 1: its `n` is missing, or no base64url", refused("n.json", '{"kty":"RSA","e":"AQAB"}'))
    assert.matches("key 1: `x` and `y` are no point of its curve",
      refused("point.json", cjson.encode(jwk("p256", { x = jose.jwks.p256.y, y = jose.jwks.p256.x }))))
    assert.matches("key 1: `x` and `y` are no point", refused("short.json", cjson.encode(jwk("p256", { x = "AAAA" }))))
    assert.matches("key 1: its `crv`", refused("crv.json", cjson.encode(jwk("p256", { crv = "P-1" }))))
    assert.matches("key 1: `x` is no key of its curve", refused("ed.json", cjson.encode(jwk("ed25519", { x = "AAAA" }))))
    assert.matches("more than 1048576 bytes are no file of keys", refused("long", (" "):rep(1048577)))
  end)

  it("leaves out of a set what it does not know, for others may", function()
    assert.truthy(who(jose.tokens.ES256, ring_of { jwk "x25519", jwk "k256", jwk("rsa", { alg = "RSA-OAEP" }), { kty = "PQ" }, jwk "p256" }))
  end)
end)
