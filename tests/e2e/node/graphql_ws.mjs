// A graphql-ws client for tests: subscribes once, waits for an answer to its ping. One JSON object a line tells what
// happened.

import { createClient } from "graphql-ws";
import WebSocket from "ws";

function tell(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

const client = createClient({ url: process.argv[2], webSocketImpl: WebSocket, retryAttempts: 0, keepAlive: 20, lazy: false });
const answered = new Promise((resolve) => client.on("pong", (received) => received && resolve()));

try {
  const results = [];
  for await (const result of client.iterate({ query: "subscription { greeting }" })) results.push(result);
  await answered;
  tell({ is: "done", results });
} catch (error) {
  tell({ is: "error", code: error.code, payload: error.message ?? error.reason });
}
await client.dispose();
