// Fan-out with the npm package ws, as its documentation does it: GET /CHANNEL subscribes, "CHANNEL MESSAGE" publishes.
import { WebSocketServer } from "ws";

const rooms = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false });

server.on("connection", (socket, request) => {
  const name = request.url.slice(1);
  if (name !== "say") {
    if (!rooms.has(name)) rooms.set(name, new Set());
    rooms.get(name).add(socket);
    socket.on("close", () => rooms.get(name).delete(socket));
  }
  socket.on("message", (data) => {
    const space = data.indexOf(32);
    const message = data.subarray(space + 1);
    for (const each of rooms.get(data.toString("latin1", 0, space)) ?? []) each.send(message, { binary: false });
  });
});
