-- What people type, made fit to be shown. Modules in lib/ are for require "NAME".
local text = {}

-- The text without space around it, or nil when it is none, empty or too long.
function text.clean(said)
  if type(said) ~= "string" then
    return nil
  end
  said = said:trim()
  if said == "" or utf8.len(said) > 500 then
    return nil
  end
  return said
end

return text
