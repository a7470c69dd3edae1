-- Lines over a logarithmic axis (and against one, if asked), as SVG: each line is named at its end, and light and dark pages are both served.
local plot = {}

local WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 80, 120, 48, 52
local COLORS = { "#7f7f7f", "#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#e08214", "#17a2b8" }
local STYLE = [[
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-size: 15px; font-weight: 600; }
.grid { stroke: #d0d7de; stroke-width: 1; }
path { fill: none; stroke-width: 2; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .grid { stroke: #3d444d; } }
]]

local function escape(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

-- 1, 2 or 5 times a power of ten, so that about five steps reach `most`.
local function step_for(most)
  local raw = most / 5
  local power = 10 ^ math.floor(math.log(raw, 10))
  for _, factor in ipairs { 1, 2, 5 } do
    if factor * power >= raw then return factor * power end
  end
  return 10 * power
end

local function short(n)
  if n >= 1e6 then return ("%gM"):format(n / 1e6) end
  if n >= 1e3 then return ("%gk"):format(n / 1e3) end
  return ("%g"):format(n)
end

local function bounds(lines)
  local least, most, top, bottom = math.huge, 0, 0, math.huge
  for _, line in ipairs(lines) do
    for _, point in ipairs(line.points) do
      least, most = math.min(least, point[1]), math.max(most, point[1])
      top, bottom = math.max(top, point[2]), math.min(bottom, point[2])
    end
  end
  return least, most, top, bottom
end

-- The values that get a line, and where each value stands between 0 (the lowest) and 1.
local function scale(top, bottom, is_log)
  local ticks = {}
  if is_log then
    local low, high = math.floor(math.log(bottom, 10)), math.ceil(math.log(top, 10))
    for power = low, high do ticks[#ticks + 1] = 10.0 ^ power end
    return ticks, function(y) return (math.log(y, 10) - low) / (high - low) end
  end
  local step = step_for(top)
  local count = math.ceil(top / step)
  for i = 0, count do ticks[#ticks + 1] = i * step end
  return ticks, function(y) return y / (count * step) end
end

-- Names at the lines' ends, moved apart where they would cover each other.
local function place_names(names)
  table.sort(names, function(a, b) return a.y < b.y end)
  for i = 2, #names do names[i].y = math.max(names[i].y, names[i - 1].y + 15) end
end

-- { title, x, y, ticks, is_log, lines = { { name, color, points = { { x, y }, ... } }, ... } } -> text of the SVG.
function plot.svg(chart)
  local least, most, top, bottom = bounds(chart.lines)
  local ticks, share_of = scale(top, bottom, chart.is_log)
  local function x_of(x) return LEFT + (WIDTH - LEFT - RIGHT) * (math.log(x / least) / math.log(most / least)) end
  local function y_of(y) return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share_of(y) end
  local out = {}
  local function put(...) out[#out + 1] = string.format(...) end

  put('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">', WIDTH, HEIGHT)
  put("<title>%s</title>\n<style>\n%s</style>", escape(chart.title), STYLE)
  put('<text class="title" x="%d" y="24">%s</text>', LEFT, escape(chart.title))
  for _, value in ipairs(ticks) do
    put('<path class="grid" d="M%d %.1fH%d"/>', LEFT, y_of(value), WIDTH - RIGHT)
    put('<text x="%d" y="%.1f" text-anchor="end">%s</text>', LEFT - 8, y_of(value) + 4, short(value))
  end
  for _, x in ipairs(chart.ticks) do
    put('<text x="%.1f" y="%d" text-anchor="middle">%s</text>', x_of(x), HEIGHT - BOTTOM + 20, short(x))
  end
  put('<text x="%d" y="%d" text-anchor="middle">%s</text>', (LEFT + WIDTH - RIGHT) // 2, HEIGHT - 10, escape(chart.x))
  put('<text x="%d" y="%d">%s</text>', 8, TOP - 8, escape(chart.y))
  local names = {}
  for i, line in ipairs(chart.lines) do
    local color, d = COLORS[(line.color or i) % #COLORS + 1], {}
    for k, point in ipairs(line.points) do
      d[k] = ("%s%.1f %.1f"):format(k == 1 and "M" or "L", x_of(point[1]), y_of(point[2]))
    end
    put('<path stroke="%s" d="%s"/>', color, table.concat(d))
    local last = line.points[#line.points]
    names[#names + 1] = { text = line.name, x = x_of(last[1]) + 8, y = y_of(last[2]) + 4, color = color }
  end
  place_names(names)
  for _, name in ipairs(names) do
    put('<text x="%.1f" y="%.1f" style="fill: %s">%s</text>', name.x, name.y, name.color, escape(name.text))
  end
  put("</svg>\n")
  return table.concat(out, "\n")
end

return plot
