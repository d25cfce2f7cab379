// A socket.io client for tests that speaks WebSocket from the beginning: enters two namespaces, has an event sent back in
// one and acknowledged in the other. One JSON object a line tells what happened.

import { io } from "socket.io-client";

const url = process.argv[2];
const options = { reconnection: false, transports: ["websocket"] };
const socket = io(url, options);
const admin = io(`${url}/admin`, options);

function tell(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

function fail(error) {
  tell({ is: "error", payload: error.message });
}

socket.on("connect_error", fail);
admin.on("connect_error", fail);
socket.emit("chat", "hello", { number: 1 });
socket.once("chat", async (...values) => {
  const answer = await admin.emitWithAck("save", [1, 2]);
  tell({ is: "done", values, answer, ids: [socket.id, admin.id].every(Boolean) });
  socket.disconnect();
  admin.disconnect();
});
