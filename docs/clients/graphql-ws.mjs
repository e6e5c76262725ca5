// Settlements over a WebSocket: the list, and then each new one. node graphql-ws.mjs URL FILE
import { createClient } from 'graphql-ws';
import WebSocket from 'ws'; // only before Node 22: it and browsers have their own
import { resuming } from './resuming.mjs';
import { currentToken, print, url } from './session.mjs';

const LIST = 'query Settlements { settlements(first: 100) { streamCursor nodes { id amount } } }';
const WATCH = `subscription WatchSettlements($after: String) {
  settlementRecorded(after: $after) { cursor settlement { id amount } }
}`;

const pause = () => new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 1000));
const client = resuming(
  createClient({
    url: url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: async () => ({ authorization: `Bearer ${await currentToken()}` }),
    retryAttempts: Infinity,
    retryWait: pause, // not all clients at once, after a restart
    shouldRetry: () => true,
  }),
);

// Every operation has one connection; `query` is a subscription that ends after its first answer.
const query = (request) =>
  new Promise((resolve, reject) => client.subscribe(request, { next: resolve, error: reject, complete() {} }));

const { data, errors } = await query({ query: LIST });
if (!data.settlements) throw new Error(JSON.stringify(errors)); // a refused list is null
print({ listed: data.settlements.nodes });
client.subscribe(
  { query: WATCH, variables: { after: data.settlements.streamCursor } },
  {
    next({ data }) {
      // The first message has only the cursor.
      if (data.settlementRecorded.settlement) print({ added: data.settlementRecorded.settlement });
    },
    error: (errors) => print({ ended: errors }), // CURSOR_EXPIRED: read the list again
    complete() {},
  },
);
