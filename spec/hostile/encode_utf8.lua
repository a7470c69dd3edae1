-- Returns texts and names that are not UTF-8.
-- answer: 500 UTF%-8
local a = channel("encode_utf8:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  assert(not pcall(json.encode, "\xed\xa0\x80") and not pcall(json.encode, "\xf4\x90\x80\x80") and
    not pcall(json.encode, { ["\xc0\x80"] = 1 }) and not pcall(self.publish, self, "\x80"))
  return { text = "\xff" }
end
