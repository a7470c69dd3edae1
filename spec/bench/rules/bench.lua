-- What `weir bench` publishes to: nobody has to be anybody, and there are no hooks.
channel("bench:{n}", { subscribe = "anyone", publish = "anyone" })
