// A client of Phoenix channels for tests: joins a topic, pushes once, and waits for COUNT answers to its heartbeats. One
// JSON object a line tells what happened.

import { Socket } from "phoenix";
import WebSocket from "ws";

const [url, count] = process.argv.slice(2);
const socket = new Socket(url, { transport: WebSocket, heartbeatIntervalMs: 400, reconnectAfterMs: () => 1e6 });

function tell(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

let beats = 0;
const alive = new Promise((resolve) => {
  socket.onMessage(({ topic, event }) => {
    if (topic === "phoenix" && event === "phx_reply" && ++beats === Number(count)) resolve();
  });
});
socket.onClose(({ code }) => tell({ is: "close", code }));
socket.onError((error) => tell({ is: "error", payload: String(error.message ?? error) }));
socket.connect();

const channel = socket.channel("room:1", {});
channel.join().receive("ok", () => {
  channel.push("say", { text: "hello" }).receive("ok", async (answer) => {
    await alive;
    tell({ is: "done", answer });
    socket.disconnect();
  });
});
