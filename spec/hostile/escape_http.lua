-- Asks where nobody may: no host is allowed.
-- answer: 500
local a = channel("escape_http:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for _, url in ipairs { "file:///etc/passwd", "gopher://127.0.0.1", "http://127.0.0.1@[::1]/", "http://169.254.169.254/" } do
    assert(not pcall(http.get, url))
  end
  return http.get "http://127.0.0.1:1/"
end
