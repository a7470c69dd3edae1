-- Seeds the random numbers, as if others shared them.
-- answer: fine
local a = channel("poison_random:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  math.randomseed(1)
  return math.random(1 << 40)
end
