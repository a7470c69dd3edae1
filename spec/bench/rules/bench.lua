-- What `weir bench` publishes to: nobody has to be anybody.
channel("bench:{n}", { subscribe = "anyone", publish = "anyone" })

-- The same with a hook that changes each message.
local hook = channel("hook:{n}", { subscribe = "anyone", publish = "anyone" })

function hook:on_publish(msg)
  msg.from = "hook"
  return msg
end
