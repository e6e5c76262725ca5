// Settlements over a WebSocket: the list, each new one, and a payment. node graphql-ws.mjs URL FILE [INVOICE AMOUNT KEY]
import { createClient } from 'graphql-ws';
import WebSocket from 'ws'; // only before Node 22: it and browsers have their own
import { resuming } from './resuming.mjs';
import { currentToken, print, url } from './session.mjs';

const LIST = 'query Settlements { settlements(first: 100) { streamCursor nodes { id amount } } }';
const WATCH = `subscription WatchSettlements($after: String) {
  settlementRecorded(after: $after) { cursor settlement { id amount } }
}`;
const SETTLE = `mutation SettleInvoice($input: SettleInvoiceInput!) {
  settleInvoice(input: $input) {
    settlement { id amount invoice { id status dueAmount } }
    errors { code message field }
    replayed
  }
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

// Every operation has one connection; a query, or a mutation, is a subscription that ends after its first answer.
const ask = (request) =>
  new Promise((resolve, reject) => client.subscribe(request, { next: resolve, error: reject, complete() {} }));

async function watch() {
  const { data, errors } = await ask({ query: LIST });
  if (!data?.settlements) throw new Error(JSON.stringify(errors)); // a refused list is null
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
}

// After a lost connection graphql-ws sends a running mutation again: with the same key it happens once. The key belongs
// to the user's decision to pay, not to the attempt: make it when the form opens.
async function settle(invoiceId, amount, idempotencyKey) {
  const paidOn = new Date().toLocaleDateString('sv', { timeZone: 'America/Sao_Paulo' }); // a day in Brasília
  const input = { invoiceId, amount, paidOn, idempotencyKey };
  const { data, errors } = await ask({ query: SETTLE, variables: { input } });
  if (!data?.settleInvoice) throw new Error(JSON.stringify(errors)); // of the request: refused or unavailable
  return data.settleInvoice; // `errors` are for the form, each with the path of its field
}

const [invoiceId, amount, key] = process.argv.slice(4);
if (invoiceId) print(await settle(invoiceId, amount, key));
else await watch();
