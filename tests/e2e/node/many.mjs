// Two `ws` ends for tests with compression and context takeover: an echo server that prints its port, or a client that
// says "halt" twice and then COUNT numbered messages. One JSON object a line tells what the client sees.
//
//   node many.mjs serve
//   node many.mjs talk URL COUNT

import { createInterface } from "node:readline";
import WebSocket, { WebSocketServer } from "ws";

const [what, url, count] = process.argv.slice(2);
const perMessageDeflate = { threshold: 0 };

function tell(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

function text(number) {
  return JSON.stringify({ number, kind: "quote", names: ["alpha", "beta"], spare: "x".repeat(number % 90) });
}

if (what === "serve") {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate });
  server.on("listening", () => console.log(server.address().port));
  server.on("connection", (socket) => socket.on("message", (data) => socket.send(data.toString())));
} else {
  const socket = new WebSocket(url, [], { perMessageDeflate });
  const total = Number(count);
  let next = 0;
  let edited = 0;
  let inOrder = true;
  socket.on("open", () => {
    for (let number = 0; number < 100; number++) socket.send(text(number));
  });
  socket.on("message", (data) => {
    const { number } = JSON.parse(data.toString());
    if (number === -1) {
      edited += 1;
    } else if (number !== next) {
      inOrder = false;
    } else {
      next += 1;
    }
    if (next === 100 && inOrder && edited === 0 && number === 99) tell({ is: "ready", extensions: socket.extensions });
    if (next === 100 + total) {
      tell({ is: "done", count: total, inOrder, edited });
      socket.close();
    }
  });
  createInterface({ input: process.stdin }).on("line", () => {
    socket.send(JSON.stringify({ halt: 1, names: ["alpha", "beta"] }));
    socket.send(JSON.stringify({ halt: 2, names: ["alpha", "beta"] }));
    for (let number = 100; number < 100 + total; number++) socket.send(text(number));
  });
}
