-- What is measured. `how`: by which way of a peer (see peers.lua); `flags`: what `weir bench` does; `shows`: in which table,
-- cpu (of a delivery, as a ratio to the floor), latency, publishes, memory, or pair: Weir against itself, `flags` against
-- `base`. `target`: what Weir wants to stay below, in the table's first figure; `seconds`: where others are counted than usual.
local LOCK_STEP = "--subscribers 1000 --window 1"
local BURSTS = "--subscribers 1000 --window 32 --burst 16"
-- A table, as a hook gets it.
local TABLE = LOCK_STEP .. " --payload spec/bench/message.json --channel "

return {
  { id = "lock-step", title = "1,000 subscribers, one message under way", how = "ws", shows = "cpu", target = 0.65,
    flags = LOCK_STEP },
  { id = "window-32", title = "1,000 subscribers, window 32, bursts of 16", how = "ws", shows = "cpu", target = 1.4,
    flags = BURSTS },
  { id = "window-128", title = "1,000 subscribers, window 128, bursts of 64", how = "ws", shows = "cpu", target = 1.6,
    flags = "--subscribers 1000 --window 128 --burst 64" },
  { id = "1-KiB", title = "the same with 1 KiB a message, window 32", how = "ws", shows = "cpu", target = 1.25,
    flags = "--subscribers 1000 --size 1024 --window 32 --burst 16" },
  { id = "channels", title = "100 channels of 10, window 64, bursts of 32", how = "ws", shows = "cpu", target = 0.8,
    channels = 100, flags = "--subscribers 1000 --channels 100 --window 64 --burst 32" },
  { id = "ping-pong", title = "100 connections that publish and wait for their own", how = "ws", shows = "cpu", target = 1.5,
    is_ping_pong = true, flags = "--subscribers 100 --ping-pong" },
  { id = "event-streams", title = "1,000 event streams, window 32, bursts of 16", how = "sse", shows = "cpu",
    flags = BURSTS },
  { id = "hook", title = "`on_publish` returns a changed table, against no hook: 1,000 subscribers, one message under way",
    shows = "pair", target = 1.05, how = "ws", flags = TABLE .. "hook:{n}", base = { how = "ws", flags = TABLE .. "bench:{n}" } },
  { id = "streams-to-sockets", title = "event streams against WebSockets: 1,000 subscribers, window 32, bursts of 16",
    shows = "pair", target = 1.15, how = "sse", flags = BURSTS, base = { how = "ws", flags = BURSTS } },
  { id = "post", title = "1,000 subscribers, one publisher, one request at a time", how = "post", shows = "publishes",
    flags = "--subscribers 1000 --publishers 1 --window 64 --burst 1" },
  { id = "post-16", title = "1,000 subscribers, 16 publishers, one request at a time each", how = "post", shows = "publishes",
    flags = "--subscribers 1000 --publishers 16 --window 64 --burst 1" },
  { id = "rate-50", title = "1,000 subscribers, 50 messages a second", how = "ws", shows = "latency", target = 1.2,
    cpu_target = 0.75, seconds = 3, flags = "--subscribers 1000 --rate 50" },
  { id = "idle", title = "10,000 idle connections in 1,000 channels", how = "ws", shows = "memory", target = 3072,
    flags = "--subscribers 10000 --channels 1000 --hold 1" },
}
