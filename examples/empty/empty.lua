-- Your rules. Save this file while the server runs: the next message obeys.

-- Every channel called room:SOMETHING. Users may join; what they publish is judged below.
local room = channel("room:{name}", { presence = true })

-- What you return is what everybody gets. reject "why" refuses it, and the sender is told.
function room:on_publish(msg, from)
  return { text = msg.text, by = from.user }
end
