// A small web application for tests, as one stands behind a relay: pages, a stream of events, uploads, a `ws` echo at
// /ws, and socket.io. It prints its port.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";

const PAGE = `<!DOCTYPE html><html><head><meta charset="utf-8"><title>app</title><link rel="icon" href="data:,"></head><body>
<p id="said"></p><p id="events"></p><p id="posted"></p><script src="/app.js"></script></body></html>`;
const SCRIPT = `
const show = (id, text) => { document.getElementById(id).textContent = text; };
const socket = new WebSocket("ws://" + location.host + "/ws");
socket.onopen = () => socket.send("hello");
socket.onmessage = (event) => show("said", event.data);
const events = new EventSource("/events");
events.onmessage = (event) => { show("events", event.data); events.close(); };
fetch("/upload", { method: "POST", body: "x".repeat(300000) })
  .then((answer) => answer.text()).then((text) => show("posted", text));
`;

const server = createServer((request, answer) => {
  if (request.url === "/") {
    answer.setHeader("Content-Type", "text/html").end(PAGE);
  } else if (request.url === "/app.js") {
    // Without a length: in chunks.
    answer.setHeader("Content-Type", "text/javascript");
    answer.write(SCRIPT.slice(0, 100));
    answer.end(SCRIPT.slice(100));
  } else if (request.url === "/events") {
    answer.setHeader("Content-Type", "text/event-stream");
    answer.write("data: news\n\n");
  } else if (request.url === "/upload") {
    const hash = createHash("sha256");
    request.on("data", (data) => hash.update(data));
    request.on("end", () => answer.end(hash.digest("hex")));
  } else {
    answer.writeHead(404).end("no such page");
  }
});

const echo = new WebSocketServer({ noServer: true });
echo.on("connection", (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })));

const sockets = new Server(server);
sockets.on("connection", (socket) => {
  socket.on("echo", (value, acknowledge) => acknowledge(value));
  socket.emit("welcome", { transport: socket.conn.transport.name });
});

server.on("upgrade", (request, socket, head) => {
  if (request.url === "/ws") {
    echo.handleUpgrade(request, socket, head, (peer) => echo.emit("connection", peer, request));
  }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
