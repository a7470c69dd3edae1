-- The pages for people, taken apart: pages.read(path) is { path, text, blocks, prose }.
--
-- A block is what stands between two fences: { language, words, text, line }, where words are those of the
-- info string behind the language ("```sh norun" has words.norun; "```lua file=lib/text.lua" words.file).
local pages = {}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function words_of(info)
  local words = {}
  for word in info:gmatch "%S+" do
    local name, value = word:match "^(%w+)=(.*)$"
    words[name or word] = value or true
  end
  return words
end

function pages.read(path)
  local page = { path = path, text = read(path), blocks = {}, prose = {} }
  local block, number = nil, 0
  for line in (page.text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    local indent, language, info = line:match "^(%s*)```(%w*)(.*)$"
    if block and line:match "^%s*```%s*$" then
      block.text = table.concat(block, "\n") .. (#block > 0 and "\n" or "")
      page.blocks[#page.blocks + 1] = block
      block = nil
    elseif block then
      block[#block + 1] = line:sub(block.indent + 1)
    elseif indent then
      block = { language = language, words = words_of(info), line = number, indent = #indent, page = page }
    else
      page.prose[#page.prose + 1] = line
    end
  end
  assert(not block, path .. ": a fence is never closed")
  return page
end

-- The rows of the first table below a heading that holds `title`: lists of cells, the head left out.
function pages.table_below(page, title)
  local rows, is_below = {}, false
  for line in (page.text .. "\n"):gmatch "(.-)\n" do
    if line:match "^#" then is_below = line:find(title, 1, true) ~= nil end
    if is_below and line:match "^|" then
      local cells = {}
      for cell in line:gsub("\\|", "\0"):gmatch "|([^|]*)" do
        cell = cell:gsub("%z", "|"):match "^%s*(.-)%s*$"
        cells[#cells + 1] = cell
      end
      if line:match "|$" then cells[#cells] = nil end
      rows[#rows + 1] = cells
    elseif #rows > 0 then
      break
    end
  end
  assert(#rows > 2, page.path .. ": no table below " .. title)
  table.remove(rows, 1)
  table.remove(rows, 1)
  return rows
end

-- Whether text is what the page shows; "…" there stands for anything on that line, a line "…" for any lines.
function pages.is_like(text, shown)
  local function lines_of(s)
    local lines = {}
    for line in s:gsub("\n+$", ""):gmatch "[^\n]*" do lines[#lines + 1] = (line:gsub("%s+$", "")) end
    return lines
  end
  local function is_line_like(line, pattern)
    local parts = {}
    for part in (pattern .. "…"):gmatch "(.-)…" do parts[#parts + 1] = part end
    if line:sub(1, #parts[1]) ~= parts[1] then return false end
    local at = #parts[1] + 1
    for i = 2, #parts do
      local part = parts[i]
      if i == #parts then return #line - #part + 1 >= at and line:sub(#line - #part + 1) == part end
      local from, to = line:find(part, at, true)
      if not from then return false end
      at = to + 1
    end
    return at == #line + 1
  end
  local have, want = lines_of(text), lines_of(shown)
  local function match(i, j)
    if j > #want then return i > #have end
    if want[j] == "…" then
      for k = i, #have + 1 do
        if match(k, j + 1) then return true end
      end
      return false
    end
    return i <= #have and is_line_like(have[i], want[j]) and match(i + 1, j + 1)
  end
  return match(1, 1)
end

return pages
