-- Declares more channels than a file may.
-- at load: 256
for i = 1, 100000 do channel("storm_channels_at_load" .. i .. ":{n}") end
