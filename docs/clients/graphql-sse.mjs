// Settlements over plain HTTP: the list, and then each new one as an event. node graphql-sse.mjs URL FILE [single]
import { createClient } from 'graphql-sse';
import { resuming } from './resuming.mjs';
import { currentToken, print, url } from './session.mjs';

const LIST = 'query Settlements { settlements(first: 100) { streamCursor nodes { id amount } } }';
const WATCH = `subscription WatchSettlements($after: String) {
  settlementRecorded(after: $after) { cursor settlement { id amount } }
}`;

const headers = async () => ({ authorization: `Bearer ${await currentToken()}` });
const pause = () => new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 1000));
const singleConnection = process.argv[4] === 'single'; // one stream for all subscriptions of the page
const client = resuming(createClient({ url, headers, singleConnection, retryAttempts: Infinity, retry: pause }));

const answer = await fetch(url, {
  method: 'POST',
  headers: { 'content-type': 'application/json', ...(await headers()) },
  body: JSON.stringify({ query: LIST }),
});
const { data, errors } = await answer.json();
if (!data?.settlements) throw new Error(JSON.stringify(errors)); // a refused list is null
print({ listed: data.settlements.nodes });
client.subscribe(
  { query: WATCH, variables: { after: data.settlements.streamCursor } },
  {
    next({ data, errors }) {
      if (!data) return print({ ended: errors }); // CURSOR_EXPIRED: read the list again
      // The first message has only the cursor.
      if (data.settlementRecorded.settlement) print({ added: data.settlementRecorded.settlement });
    },
    error: (error) => print({ ended: String(error) }),
    complete() {},
  },
);
