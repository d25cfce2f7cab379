// A socket.io client for tests: connects to a URL, has COUNT values echoed, upgrades, and has as many echoed again. One
// JSON object a line tells what happened.

import { io } from "socket.io-client";

const [url, count] = process.argv.slice(2);
const socket = io(url, { reconnection: false });

function tell(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

async function echo(number) {
  const answer = await socket.emitWithAck("echo", { number, data: Buffer.from([number]) });
  return answer.number === number && answer.data[0] === number;
}

async function echoAll() {
  const results = [];
  for (let number = 0; number < Number(count); number += 1) {
    results.push(await echo(number));
  }
  return results.every(Boolean);
}

const upgraded = new Promise((resolve) => {
  socket.on("connect", () => {
    // It may have upgraded before it is told that it is connected.
    if (socket.io.engine.transport.name === "websocket") resolve();
    else socket.io.engine.once("upgrade", resolve);
  });
});
socket.on("connect_error", (error) => tell({ is: "error", payload: error.message }));
socket.on("welcome", async ({ transport }) => {
  const before = await echoAll();
  await upgraded;
  const after = await echoAll();
  tell({ is: "done", first: transport, then: socket.io.engine.transport.name, echoed: before && after });
  socket.disconnect();
});
