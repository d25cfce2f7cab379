// An echo server of Node's `ws`: prints its port. With --calm it survives what clients do wrong.

import { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: process.argv.includes("--calm"), maxPayload: 0 });

server.on("listening", () => console.log(server.address().port));
const calm = process.argv.includes("--calm");

server.on("connection", (socket) => {
  // Without somebody who listens for it, an error ends the process.
  if (calm) socket.on("error", () => {});
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
