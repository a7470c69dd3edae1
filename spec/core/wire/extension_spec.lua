local deflate = require "room.deflate"

local AGREED = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover"

local function answers(expected, ...)
  assert.equal(expected, deflate.negotiate { ... }, (...))
end
local function agrees(...) answers(AGREED .. "\r\n", ...) end
local function agrees_on_window(...) answers(AGREED .. "; server_max_window_bits=15\r\n", ...) end
local function declines(...) answers("", ...) end
local function refuses(...) answers(nil, ...) end

describe("wire/extension", function()
  it("agrees on permessage-deflate as it is offered by what is in use", function()
    agrees "permessage-deflate"
    agrees "permessage-deflate; client_max_window_bits"
    agrees "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
    agrees "permessage-deflate;client_max_window_bits=15;server_no_context_takeover"
    for bits = 8, 15 do agrees("permessage-deflate; client_max_window_bits=" .. bits) end
  end)

  it("offers nothing where nothing was offered", function()
    answers("")
    declines ""
    declines "permessage-bzip2"
    declines "x-webkit-deflate-frame, mux; max-channels=4; flow-control"
  end)

  it("repeats the window of 15 bits, which is its own", function()
    agrees_on_window "permessage-deflate; server_max_window_bits=15"
    agrees_on_window "permessage-deflate; client_max_window_bits; server_max_window_bits=15"
  end)

  it("declines a smaller window, since one frame goes to all", function()
    for bits = 8, 14 do declines("permessage-deflate; server_max_window_bits=" .. bits) end
  end)

  it("takes the first of several offers that it can keep", function()
    agrees "permessage-deflate; server_max_window_bits=10, permessage-deflate"
    agrees "mux, permessage-deflate; unknown, permessage-deflate; client_max_window_bits"
    agrees "permessage-deflate, permessage-deflate; server_max_window_bits=15"
    agrees_on_window "permessage-deflate; server_max_window_bits=15, permessage-deflate"
    declines "permessage-deflate; server_max_window_bits=10, permessage-deflate; server_max_window_bits=9"
  end)

  it("reads all lines of the field as one list", function()
    agrees("mux", "permessage-deflate")
    agrees("permessage-deflate; server_max_window_bits=9", "", "permessage-deflate; client_max_window_bits=9")
    refuses("permessage-deflate", "=")
  end)

  it("declines parameters it does not know", function()
    declines "permessage-deflate; unknown"
    declines "permessage-deflate; unknown=1"
    declines "permessage-deflate; Server_No_Context_Takeover"
    declines "permessage-deflate; server_no_context_takeover; x"
  end)

  it("declines a parameter that is repeated, even when it says the same", function()
    for _, parameter in ipairs { "server_no_context_takeover", "client_no_context_takeover", "client_max_window_bits",
      "client_max_window_bits=9", "server_max_window_bits=15" } do
      declines(("permessage-deflate; %s; %s"):format(parameter, parameter))
    end
    declines "permessage-deflate; client_max_window_bits; client_max_window_bits=15"
  end)

  it("declines values where none belong, and a window's where it is missing", function()
    declines "permessage-deflate; server_no_context_takeover=1"
    declines "permessage-deflate; client_no_context_takeover=true"
    declines 'permessage-deflate; client_no_context_takeover="x"'
    declines "permessage-deflate; server_max_window_bits"
  end)

  it("declines windows that are not 8 to 15, written plainly", function()
    for _, bits in ipairs { "7", "16", "0", "1", "08", "015", "15.0", "+15", "-9", "0xf", "1e1", "115", "150", "x", "1x",
      "99999999999999999999", "4294967311" } do
      declines("permessage-deflate; server_max_window_bits=" .. bits)
      declines("permessage-deflate; client_max_window_bits=" .. bits)
    end
  end)

  it("takes quoted values", function()
    agrees 'permessage-deflate; client_max_window_bits="15"'
    agrees 'permessage-deflate; client_max_window_bits="9", mux'
    agrees_on_window 'permessage-deflate; server_max_window_bits="15"'
    agrees_on_window 'permessage-deflate; server_max_window_bits="1\\5"'
    declines 'permessage-deflate; server_max_window_bits="016"'
    agrees 'mux; x="a\\b", permessage-deflate'
  end)

  it("takes space and empty places as HTTP's lists have them", function()
    agrees "  permessage-deflate\t;  client_max_window_bits  =  10  "
    agrees ", ,permessage-deflate,,"
    agrees ",mux,\t,permessage-deflate"
    declines " , ,"
  end)

  it("refuses what is not well made, wherever it stands", function()
    for _, value in ipairs { ";", "=", "permessage-deflate;", "permessage-deflate; ;client_max_window_bits",
      "permessage-deflate; client_max_window_bits=", "permessage-deflate; =15", "permessage-deflate client_max_window_bits",
      "permessage-deflate, ;", "permessage-deflate; a=b c", "permessage-deflate; a=(b)", "permessage-deflate/1",
      'permessage-deflate; a="', 'permessage-deflate; a=""', 'permessage-deflate; a="b', 'permessage-deflate; a="b\\',
      'permessage-deflate; a="b c"', 'permessage-deflate; a="b,c"', 'permessage-deflate; a="\\""', "permessage-déflate",
      'permessage-deflate; a="b"c', 'permessage-deflate; "a"', '"permessage-deflate"', "permessage-deflate, mux; a=@" } do
      refuses(value)
      refuses("mux, " .. value)
    end
  end)

  it("comes to an end with every text, and agrees on none by chance", function()
    math.randomseed(21)
    local parts = { "permessage-deflate", ";", ",", "=", " ", '"', "\\", "15", "9", "server_max_window_bits",
      "client_max_window_bits", "client_no_context_takeover", "x", "\t", "é" }
    local seen = {}
    for _ = 1, 20000 do
      local text = {}
      for i = 1, math.random(1, 10) do text[i] = parts[math.random(#parts)] end
      text = table.concat(text)
      local answer = deflate.negotiate { text }
      seen[answer or "refused"] = true
      if answer and answer ~= "" then assert.truthy(text:find("permessage-deflate", 1, true), text) end
    end
    assert.is_true(seen.refused and seen[""] and seen[AGREED .. "\r\n"])
  end)
end)
