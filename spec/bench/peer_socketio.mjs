// Fan-out with the npm package socket.io, WebSocket only: a room a channel, one event to everybody in it.
import { Server } from "socket.io";

const server = new Server({ transports: ["websocket"], perMessageDeflate: false, serveClient: false });

server.on("connection", (socket) => {
  socket.on("subscribe", (name, answer) => {
    socket.join(name);
    answer();
  });
  socket.on("publish", (name, message) => server.to(name).emit("m", message));
});
server.listen(Number(process.argv[2]));
