local jwt = require "room.jwt"

local SECRET = "a secret for specs; long enough"
local NOW = 1700000000
local UNAUTHORIZED, TOKEN_EXPIRED = 101, 109

local function base64url(bytes)
  local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
  local out = {}
  for i = 1, #bytes, 3 do
    local a, b, c = bytes:byte(i, i + 2)
    local n = a << 16 | (b or 0) << 8 | (c or 0)
    for k = 0, c and 3 or b and 2 or 1 do
      local at = n >> (18 - 6 * k) & 63
      out[#out + 1] = alphabet:sub(at + 1, at + 1)
    end
  end
  return table.concat(out)
end

-- The signer that Weir did not write.
local function openssl_hmac(text, secret)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  local hex = secret:gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end)
  local command = "openssl dgst -sha256 -mac HMAC -macopt hexkey:%s -binary %s"
  local pipe = assert(io.popen(command:format(hex, path)))
  local signature = pipe:read "a"
  pipe:close()
  os.remove(path)
  assert.equal(32, #signature)
  return signature
end

local function openssl_token(header, payload, secret)
  local text = base64url(header) .. "." .. base64url(payload)
  return text .. "." .. base64url(openssl_hmac(text, secret or SECRET))
end

local HS256 = [[{"alg":"HS256","typ":"JWT"}]]

local function verify(token, options)
  options = options or {}
  return jwt.verify(token, options.secret or SECRET, options.now or NOW, options.leeway or 0)
end

-- The reason why claims, well signed, are refused.
local function refused(claims, options)
  local ok, why, code = verify(jwt.sign(claims, SECRET), options)
  assert.is_nil(ok, claims)
  return why, code
end

local function accepted(claims, options)
  return assert(verify(jwt.sign(claims, SECRET), options))
end

local function refused_token(token, options)
  local ok, why, code = verify(token, options)
  assert.is_nil(ok)
  assert.equal(UNAUTHORIZED, code)
  return why
end

describe("auth/jwt", function()
  it("accepts what openssl has signed, and signs as openssl does", function()
    local claims = [[{"sub":"ann","exp":1700000100,"roles":["admin"],"tenant":"acme"}]]
    local token = openssl_token(HS256, claims)
    assert.equal(token, jwt.sign(claims, SECRET))
    local who = assert(verify(token))
    assert.equal("ann", who.sub)
    assert.equal(1700000100, who.expires)
    assert.equal([=[["admin"]]=], who.roles)
    assert.equal([[{"tenant":"acme"}]], who.claims)
    assert.equal(claims, who.payload)
  end)

  it("agrees with openssl for secrets and claims of many lengths", function()
    for _, length in ipairs { 1, 2, 31, 32, 63, 64, 65, 200 } do
      local secret, claims = ("k\0\255"):rep(length):sub(1, length), '{"a":"' .. ("x"):rep(length) .. '"}'
      assert.equal(openssl_token(HS256, claims, secret), jwt.sign(claims, secret))
      assert.is_table(verify(jwt.sign(claims, secret), { secret = secret }))
    end
  end)

  it("verifies the example of RFC 7515, A.1", function()
    local key = "\x03\x23\x35\x4b\x2b\x0f\xa5\xbc\x83\x7e\x06\x65\x77\x7b\xa6\x8f\x5a\xb3\x28\xe6\xf0\x54\xc9\x28"
      .. "\xa9\x0f\x84\xb2\xd2\x50\x2e\xbf\xd3\xfb\x5a\x92\xd2\x06\x47\xef\x96\x8a\xb4\xc3\x77\x62\x3d\x22\x3d\x2e"
      .. "\x21\x72\x05\x2e\x4f\x08\xc0\xcd\x9a\xf5\x67\xd0\x80\xa3"
    local token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
      .. ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
      .. ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    local who = assert(verify(token, { secret = key, now = 1300819379 }))
    assert.equal([[{"iss":"joe","http://example.com/is_root":true}]], who.claims)
    assert.equal(1300819380, who.expires)
    local _, _, code = verify(token, { secret = key, now = 1300819380 })
    assert.equal(TOKEN_EXPIRED, code)
  end)

  it("refuses a token in which any one character was changed", function()
    local token = jwt.sign([[{"sub":"ann","n":12}]], SECRET)
    for at = 1, #token do
      for _, other in ipairs { "A", "Q", "-", ".", "=", "+", " ", "\0", "\255" } do
        if token:sub(at, at) ~= other then
          assert.is_nil((verify(token:sub(1, at - 1) .. other .. token:sub(at + 1))), at)
        end
      end
    end
  end)

  it("refuses a token that was cut or lengthened anywhere", function()
    local token = jwt.sign([[{"sub":"ann"}]], SECRET)
    for len = 0, #token - 1 do
      assert.is_nil((verify(token:sub(1, len))))
    end
    for _, tail in ipairs { "=", ".", "A", "AA", "AAAA", " ", "\n", "." .. token } do
      assert.is_nil((verify(token .. tail)))
      assert.is_nil((verify(tail .. token)))
    end
  end)

  it("refuses the other spelling of the last character of a part", function()
    local token = jwt.sign([[{"sub":"ann"}]], SECRET)
    assert.equal("A", base64url("\0"):sub(2))
    -- 32 bytes leave two bits free in the last character: four spellings for a careless decoder.
    local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    local last = alphabet:find(token:sub(-1), 1, true)
    for other = last + 1, last + 3 do
      assert.is_nil((verify(token:sub(1, -2) .. alphabet:sub(other, other))))
    end
  end)

  it("refuses padding even where the signature covers it", function()
    local text = base64url(HS256) .. "." .. base64url '{"sub":"a"}' .. "="
    local token = text .. "." .. base64url(openssl_hmac(text, SECRET))
    assert.matches("payload is not base64url", refused_token(token))
  end)

  it("refuses another secret, and everything when there is none", function()
    local token = jwt.sign([[{"sub":"ann"}]], SECRET)
    assert.matches("signature does not fit", refused_token(token, { secret = SECRET .. "x" }))
    assert.matches("nothing is configured to check it with", refused_token(jwt.sign("{}", ""), { secret = "" }))
    local ok, why = jwt.verify(token, nil, NOW)
    assert.is_nil(ok)
    assert.matches("nothing is configured to check it with", why)
  end)

  it("accepts no alg but those of a secret, whoever signed", function()
    local function header(text)
      return refused_token(openssl_token(text, [[{"sub":"ann"}]]))
    end
    assert.equal("token: alg none is not accepted here, but HS256, HS384, HS512", header [[{"alg":"none"}]])
    assert.equal("token: alg RS256 is not accepted here, but HS256, HS384, HS512", header [[{"alg":"RS256"}]])
    assert.matches("alg hs256 is not accepted", header [[{"alg":"hs256"}]])
    assert.matches("signature does not fit", header [[{"alg":"HS512"}]])
    assert.matches("this alg is not accepted", header [[{"alg":"HS256\u0000"}]])
    assert.matches("this alg is not accepted", header [[{"alg":["HS256"]}]])
    assert.matches("this alg is not accepted", header [[{"alg":null}]])
    assert.matches("this alg is not accepted", header([[{"alg":"]] .. ("x"):rep(100) .. [["}]]))
    assert.matches("header has no alg", header [[{"typ":"JWT"}]])
    assert.matches("alg none", header [[{"alg":"HS256","alg":"none"}]])
  end)

  it("refuses an unsigned token with alg none", function()
    local text = base64url [[{"alg":"none"}]] .. "." .. base64url [[{"sub":"ann"}]] .. "."
    assert.matches("alg none is not accepted", refused_token(text))
    local unsigned = base64url(HS256) .. "." .. base64url [[{"sub":"ann"}]] .. "."
    assert.matches("signature does not fit", refused_token(unsigned))
  end)

  it("refuses crit, and does not follow keys that a header brings along", function()
    local claims = [[{"sub":"ann"}]]
    assert.matches("crit", refused_token(openssl_token([[{"alg":"HS256","crit":["b64"]}]], claims)))
    assert.matches("crit", refused_token(openssl_token([[{"alg":"HS256","crit":[]}]], claims)))
    local header = [[{"alg":"HS256","jwk":{"kty":"oct","k":"c2VjcmV0"},"jku":"file:///etc/passwd","kid":"../x"}]]
    assert.equal("ann", assert(verify(openssl_token(header, claims))).sub)
    assert.matches("signature does not fit", refused_token(openssl_token(header, claims, "secret")))
  end)

  it("refuses headers and payloads that are not JSON objects", function()
    assert.matches("header is not JSON: at byte", refused_token(openssl_token("{", "{}")))
    assert.matches("header is not a JSON object", refused_token(openssl_token("[]", "{}")))
    assert.matches("payload is not JSON: at byte", (refused "{,}"))
    assert.matches("payload is not JSON", (refused '{"a":"\255"}'))
    assert.matches("payload is not a JSON object", (refused "12"))
    assert.matches("payload is not base64url", (refused ""))
    assert.matches("payload is not JSON", (refused('{"a":' .. ("["):rep(100) .. ("]"):rep(100) .. "}")))
  end)

  it("refuses what does not have three parts, or is longer than 8192 bytes", function()
    for _, token in ipairs { "", ".", "a.b", "a.b.c.d", "abc", "a.b.c.d.e" } do
      assert.equal("token: it does not have three parts", refused_token(token))
    end
    local fixed = #jwt.sign('{"a":""}', SECRET)
    local filler = ("x"):rep((8192 - fixed) * 3 // 4 - 2)
    assert.is_true(#jwt.sign('{"a":"' .. filler .. '"}', SECRET) <= 8192)
    accepted('{"a":"' .. filler .. '"}')
    assert.matches("more than the 8192 allowed", (refused('{"a":"' .. filler .. 'xxxxx"}')))
  end)

  it("says expired only when everything else is well", function()
    local why, code = refused [[{"exp":1700000000}]]
    assert.equal("token expired", why)
    assert.equal(TOKEN_EXPIRED, code)
    accepted [[{"exp":1700000001}]]
    for _, claims in ipairs {
      [[{"exp":1,"sub":1}]], [[{"exp":1,"roles":"x"}]], [[{"exp":1,"nbf":1800000000}]], [[{"exp":1,"channel":"c"}]],
    } do
      assert.equal(UNAUTHORIZED, select(2, refused(claims)))
    end
    assert.equal(UNAUTHORIZED, select(3, verify(jwt.sign([[{"exp":1}]], "other"))))
  end)

  it("takes exp and nbf as any number, cuts fractions, and survives absurd ones", function()
    assert.equal(1700000001, accepted([[{"exp":1700000001.9}]]).expires)
    assert.equal(1700000001, accepted([[{"exp":1.700000001e9}]]).expires)
    assert.equal(TOKEN_EXPIRED, select(2, refused [[{"exp":1700000000.9}]]))
    assert.equal(0, accepted([[{}]]).expires)
    assert.is_true(accepted([[{"exp":9223372036854775807}]], { leeway = 60 }).expires > NOW)
    assert.is_true(accepted([[{"exp":1e300}]], { leeway = 60 }).expires > NOW)
    assert.is_true(accepted([[{"exp":1e999}]], { leeway = 60 }).expires > NOW)
    for _, exp in ipairs { "0", "-1", "-1e300", "0.5", "-9223372036854775808", "-0" } do
      local claims = '{"exp":' .. exp .. "}"
      assert.equal(TOKEN_EXPIRED, select(2, refused(claims)), exp)
      assert.equal(TOKEN_EXPIRED, select(2, refused(claims, { now = 0, leeway = 60 })), exp)
    end
    for _, exp in ipairs { [["1800000000"]], "null", "true", "[]", "{}" } do
      assert.matches("exp is not a number", (refused('{"exp":' .. exp .. "}")))
      assert.matches("nbf is not a number", (refused('{"nbf":' .. exp .. "}")))
    end
    accepted [[{"nbf":-1e300}]]
    refused [[{"nbf":1e300}]]
  end)

  it("waits for nbf", function()
    assert.equal("token: it is not valid yet (nbf)", (refused [[{"nbf":1700000001}]]))
    accepted [[{"nbf":1700000000}]]
    accepted [[{"nbf":1700000000.9}]]
  end)

  it("grants the leeway on both sides, and no second more", function()
    accepted([[{"exp":1699999941}]], { leeway = 60 })
    refused([[{"exp":1699999940}]], { leeway = 60 })
    accepted([[{"nbf":1700000060}]], { leeway = 60 })
    refused([[{"nbf":1700000061}]], { leeway = 60 })
  end)

  it("takes sub as a string only, and decodes it", function()
    assert.equal("", accepted("{}").sub)
    assert.equal("ann", accepted([[{"sub":"ann"}]]).sub)
    assert.equal('a"n\nä', accepted([[{"s\u0075b":"a\"n\u000a\u00e4"}]]).sub)
    for _, sub in ipairs { "1", "null", "[]", "{}", "true" } do
      assert.equal("token: sub is not a string", (refused('{"sub":' .. sub .. "}")))
    end
  end)

  it("takes roles as an array of strings only", function()
    assert.is_nil(accepted("{}").roles)
    assert.equal("[]", accepted([[{"roles":[]}]]).roles)
    assert.equal([=[["a", "b"]]=], accepted([[{"roles": ["a", "b"] }]]).roles)
    for _, roles in ipairs { [["admin"]], "null", "[1]", [=[["a",null]]=], [=[[["a"]]]=], [[{"admin":true}]] } do
      assert.equal("token: roles is not an array of strings", (refused('{"roles":' .. roles .. "}")))
    end
  end)

  it("hands out info, and in claims everything it has no own place for", function()
    local who = accepted [[ { "sub":"a","exp":1800000000,"nbf":1,"iat":2,"info": {"name": "Ann"} ,"roles":["x"],
      "tenant" : "acme", "nested":{"sub":1,
      "exp":2}, "a\"b":[1, 2] } ]]
    assert.equal([[{"name": "Ann"}]], who.info)
    assert.matches("^{\"tenant\":\"acme\",\"nested\":{\"sub\":1, *\"exp\":2},\"a\\\"b\":%[1, 2%]}$", who.claims)
    assert.equal("{}", accepted([[{"sub":"a"}]]).claims)
    assert.is_nil(accepted([[{"sub":"a"}]]).info)
    assert.equal("null", accepted([[{"info":null}]]).info)
    assert.equal("{}", accepted([[{"i\u0061t":5}]]).claims)
  end)

  it("takes the last of a repeated claim", function()
    assert.equal("bob", accepted([[{"sub":"ann","sub":"bob"}]]).sub)
    assert.equal(TOKEN_EXPIRED, select(2, refused [[{"exp":1800000000,"exp":1}]]))
  end)

  it("refuses a subscription's token as a connection's", function()
    assert.matches("subscription", (refused [[{"sub":"ann","channel":"news"}]]))
    assert.matches("subscription", (refused [[{"sub":"ann","channel":null}]]))
  end)

  it("never repeats the token or the secret in a reason", function()
    local parts = { base64url(HS256), base64url [[{"sub":"ann"}]], ("A"):rep(43) }
    for _, token in ipairs {
      table.concat(parts, "."), parts[1] .. "." .. parts[2], "!" .. parts[1] .. "..", parts[1] .. ".!.x",
      openssl_token('{"alg":"' .. parts[1] .. '"}', "{}"),
    } do
      local why = refused_token(token)
      assert.is_nil(why:find(parts[1], 1, true))
      assert.is_nil(why:find(parts[2], 1, true))
      assert.is_nil(why:find(SECRET, 1, true))
    end
  end)
end)
