local halls = require "hall"

describe("a generation", function()
  local hall

  after_each(function() hall:finish() end)

  local function type_of(name)
    hall:wish(0, { kind = "publish", channel = name, data = "1" })
    hall:turn()
    local event = hall:last "publish"
    hall.events = {}
    return event
  end

  it("finds the first type in its order that has the name, and the parameters' values", function()
    local seen
    hall = halls.open {
      types = {
        { pattern = "chat:lobby", hooks = { "published" } },
        { pattern = "chat:{room}", hooks = { "published" } },
        { pattern = "{app}:{room}", hooks = { "published" } },
        { pattern = "*", hooks = { "published" } },
      },
      on = { published = function(event) seen = event.params end },
    }
    for name, params in pairs {
      ["chat:lobby"] = {}, ["chat:7"] = { "7" }, ["game:7"] = { "game", "7" }, ["chat:a:b"] = {}, anything = {},
    } do
      seen = nil
      type_of(name)
      assert.same(params, seen, name)
    end
  end)

  it("finds nothing where nothing fits", function()
    hall = halls.open { types = { { pattern = "chat:{room}", hooks = { "published" } } } }
    for _, name in ipairs { "chat", "chat:", "chat:a:b", "chat:a/b", "xchat:a", "" } do
      assert.is_nil(type_of(name))
      assert.is_nil(hall:channel(name))
    end
  end)
end)
