// A client of Home Assistant for tests: authenticates with TOKEN, pings, and gives one command. One JSON object a line
// tells what happened.

import { createConnection, createLongLivedTokenAuth } from "home-assistant-js-websocket";
import WebSocket from "ws";

globalThis.WebSocket = WebSocket;
const [url, token] = process.argv.slice(2);

function tell(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

try {
  const auth = createLongLivedTokenAuth(url, token);
  const connection = await createConnection({ auth, setupRetry: 0 });
  await connection.ping();
  const answer = await connection.sendMessagePromise({ type: "get_panels" });
  tell({ is: "done", version: connection.haVersion, answer });
  connection.close();
} catch (error) {
  tell({ is: "error", payload: error });
}
