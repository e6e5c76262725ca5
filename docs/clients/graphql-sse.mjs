// Settlements over plain HTTP: the list, each new one as an event, and a payment.
// node graphql-sse.mjs URL FILE [single | INVOICE AMOUNT KEY]
import { createClient } from 'graphql-sse';
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

const headers = async () => ({ authorization: `Bearer ${await currentToken()}` });
const pause = () => new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 1000));
const LOST = { errors: [{ message: 'no answer', extensions: { retryable: true } }] };

// What passes by itself is sent again as it was: a mutation has the same idempotency key, and happens once.
async function ask(query, variables, attempt = 1) {
  const answer = await post({ query, variables }).catch(() => LOST);
  const isPassing = !answer.data && answer.errors?.some(({ extensions }) => extensions?.retryable);
  if (!isPassing || attempt === 5) return answer;
  await pause();
  return ask(query, variables, attempt + 1);
}

async function post(request) {
  const sent = { 'content-type': 'application/json', ...(await headers()) };
  return (await fetch(url, { method: 'POST', headers: sent, body: JSON.stringify(request) })).json();
}

async function watch(singleConnection) {
  // With a single connection there is one stream for all subscriptions of the page.
  const client = resuming(createClient({ url, headers, singleConnection, retryAttempts: Infinity, retry: pause }));
  const { data, errors } = await ask(LIST);
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
}

// The key belongs to the user's decision to pay, not to the attempt: make it when the form opens.
async function settle(invoiceId, amount, idempotencyKey) {
  const paidOn = new Date().toLocaleDateString('sv', { timeZone: 'America/Sao_Paulo' }); // a day in Brasília
  const { data, errors } = await ask(SETTLE, { input: { invoiceId, amount, paidOn, idempotencyKey } });
  if (!data?.settleInvoice) throw new Error(JSON.stringify(errors)); // of the request: refused or unavailable
  return data.settleInvoice; // `errors` are for the form, each with the path of its field
}

const [choice, amount, key] = process.argv.slice(4);
if (amount) print(await settle(choice, amount, key));
else await watch(choice === 'single');
