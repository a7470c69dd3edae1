-- HS256 tokens for specs, signed by openssl and not by the program under test.
--   token({ sub = "ann", exp = os.time() + 60 }, "secret")            claims as a table
--   token('{"sub":"ann"}', "secret", '{"alg":"none"}')                or as raw JSON, with any header
local cjson = require "cjson"
local server = require "server"

local function base64url(bytes)
  local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
  local out = {}
  for i = 1, #bytes, 3 do
    local a, b, c = bytes:byte(i, i + 2)
    local n = a << 16 | (b or 0) << 8 | (c or 0)
    for shift = 18, b and (c and 0 or 6) or 12, -6 do
      local digit = (n >> shift & 63) + 1
      out[#out + 1] = digits:sub(digit, digit)
    end
  end
  return table.concat(out)
end

local function hmac(text, secret, digest)
  local pipe = assert(io.popen(("printf %%s %s | openssl dgst -%s -hmac %s -binary"):format(server.quote(text),
    digest or "sha256", server.quote(secret))))
  local bytes = pipe:read "a"
  pipe:close()
  return bytes
end

local function token(claims, secret, header, digest)
  local text = type(claims) == "table" and cjson.encode(claims) or claims
  local body = base64url(header or '{"alg":"HS256","typ":"JWT"}') .. "." .. base64url(text)
  return body .. "." .. base64url(hmac(body, secret, digest))
end

return token
