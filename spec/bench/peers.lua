-- The servers that are compared: how each is started, measured and named.
--
--   command   its command line; PORT and DIR (a fresh folder) are filled in
--   files     written to DIR first, with PORT and DIR filled in
--   program   what has to be installed; package: what the Makefile installs it by
--   npm       what spec/bench/package.json installs
--   ws, sse, post: URL and flags of `weir bench` where it can be listened to and published to in that way
local NGINX = [[
daemon off;
master_process on;
worker_processes 1;
user root;
pid DIR/nginx.pid;
error_log DIR/error.log;
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
  access_log off;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  keepalive_requests 100000000;
  nchan_message_buffer_length 1000;
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:PORT backlog=4096;
    location ~ ^/sub/(.+)$ { nchan_subscriber; nchan_channel_id $1; nchan_subscriber_first_message newest; }
    location ~ ^/pub/(.+)$ { nchan_publisher; nchan_channel_id $1; }
  }
}
]]

local NATS = [[
host: "127.0.0.1"
port: -1
max_connections: 70000
write_deadline: "30s"
websocket { listen: "127.0.0.1:PORT", no_tls: true, compression: false }
]]

local MOSQUITTO = [[
listener PORT 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_connections -1
log_dest none
]]

local RAW = "--protocol raw --publish-text '{channel} {message}'"
local SAY = "ws://127.0.0.1:PORT --publish-url ws://127.0.0.1:PORT/say "

return {
  {
    name = "floor",
    command = "build/bench/floor PORT",
    ws = SAY .. RAW,
  },
  {
    name = "weir",
    command = "build/release/weir serve --scripts spec/bench/rules --workers 1 --api-key bench --log-level warn --listen 127.0.0.1:PORT",
    version = "echo $(build/release/weir --version), commit $(git rev-parse --short HEAD)",
    ws = "ws://127.0.0.1:PORT",
    sse = "http://127.0.0.1:PORT --sse",
    post = "ws://127.0.0.1:PORT --api-key bench --post",
  },
  {
    name = "nchan",
    package = "libnginx-mod-nchan",
    program = "/usr/lib/nginx/modules/ngx_nchan_module.so",
    command = "nginx -p DIR -c DIR/nginx.conf",
    files = { ["nginx.conf"] = NGINX },
    version = "dpkg-query -W -f '${Version}' libnginx-mod-nchan",
    -- A connection publishes to one channel, and who listens does not publish.
    is_one_way = true,
    ws = "ws://127.0.0.1:PORT/sub/{channel} --publish-url ws://127.0.0.1:PORT/pub/{channel} --protocol raw",
    sse = "http://127.0.0.1:PORT/sub/{channel} --sse --publish-url ws://127.0.0.1:PORT/pub/{channel} --protocol raw",
    post = "ws://127.0.0.1:PORT/sub/{channel} --publish-url http://127.0.0.1:PORT/pub/{channel} --protocol raw",
  },
  {
    name = "nats",
    package = "nats-server",
    program = "nats-server",
    command = "nats-server -c DIR/nats.conf",
    files = { ["nats.conf"] = NATS },
    version = "nats-server --version",
    environment = "GOMAXPROCS=1",
    ws = "ws://127.0.0.1:PORT --protocol nats",
  },
  {
    name = "mosquitto",
    package = "mosquitto",
    program = "mosquitto",
    command = "mosquitto -c DIR/mosquitto.conf",
    files = { ["mosquitto.conf"] = MOSQUITTO },
    version = "dpkg-query -W -f '${Version}' mosquitto",
    -- Debian's is built without WebSockets: plain TCP, which spares it the frames.
    ws = "tcp://127.0.0.1:PORT --protocol mqtt",
  },
  {
    name = "ws",
    npm = "ws",
    command = "node spec/bench/peer_ws.mjs PORT",
    version = "node -p \"'ws ' + require('./spec/bench/node_modules/ws/package.json').version + ', node ' + process.version\"",
    ws = SAY .. RAW,
  },
  {
    name = "socket.io",
    npm = "socket.io",
    command = "node spec/bench/peer_socketio.mjs PORT",
    version = "node -p \"'socket.io ' + require('./spec/bench/node_modules/socket.io/package.json').version\"",
    ws = "ws://127.0.0.1:PORT --protocol socketio",
  },
}
