// A `ws` client for tests, told what to do by one JSON object a line, telling what happens in the same way.
//
//   node peer.mjs URL '{"protocols": [], "options": {}}'
//
// do:  text | binary | ping | pong | close | terminate;  payload is text, or base64 for binary
// is:  open | text | binary | ping | pong | close | error;  payload likewise

import { createInterface } from "node:readline";
import WebSocket from "ws";

const [url, settings] = process.argv.slice(2);
const { protocols = [], options = {} } = JSON.parse(settings);
const socket = new WebSocket(url, protocols, options);
const commands = createInterface({ input: process.stdin });

function tell(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

const actions = {
  text: ({ payload, ...how }) => socket.send(payload, { binary: false, ...how }),
  binary: ({ payload, ...how }) => socket.send(Buffer.from(payload, "base64"), { binary: true, ...how }),
  ping: ({ payload }) => socket.ping(payload),
  pong: ({ payload }) => socket.pong(payload),
  close: ({ code, reason }) => socket.close(code, reason),
  terminate: () => socket.terminate(),
};

commands.on("line", (line) => {
  const command = JSON.parse(line);
  actions[command.do](command);
});

socket.on("open", () => tell({ is: "open", protocol: socket.protocol, extensions: socket.extensions }));
socket.on("message", (data, isBinary) =>
  tell(isBinary ? { is: "binary", payload: data.toString("base64") } : { is: "text", payload: data.toString() }),
);
socket.on("ping", (data) => tell({ is: "ping", payload: data.toString() }));
socket.on("pong", (data) => tell({ is: "pong", payload: data.toString() }));
socket.on("error", (error) => tell({ is: "error", payload: error.message }));
socket.on("close", (code, reason) => {
  tell({ is: "close", code, reason: reason.toString() });
  commands.close();
  process.stdin.destroy();
});
