// Settlements with urql: the list, each new one, and a payment. node urql.mjs URL FILE [INVOICE AMOUNT KEY]
import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { authExchange } from '@urql/exchange-auth';
import { cacheExchange } from '@urql/exchange-graphcache';
import { retryExchange } from '@urql/exchange-retry';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws'; // only before Node 22: it and browsers have their own
import { resuming } from './resuming.mjs';
import { currentToken, print, url } from './session.mjs';

const LIST = gql`
  query Settlements {
    settlements(first: 100) { streamCursor nodes { id amount } }
  }
`;
const WATCH = gql`
  subscription WatchSettlements($after: String) {
    settlementRecorded(after: $after) { cursor settlement { id amount } }
  }
`;
const SETTLE = gql`
  mutation SettleInvoice($input: SettleInvoiceInput!) {
    settleInvoice(input: $input) {
      settlement { id amount invoice { id status dueAmount } }
      errors { code message field }
      replayed
    }
  }
`;

// What is new goes to the front; what the list has already may come again, so it is merged by id.
const merge = (settlement) => (shown) => {
  const others = shown.settlements.nodes.filter(({ id }) => id !== settlement.id);
  return { ...shown, settlements: { ...shown.settlements, nodes: [settlement, ...others] } };
};
const embedded = () => null;
const cache = cacheExchange({
  // Ids are unique in the whole API. What has no id is part of what has one: name it, or urql warns.
  keys: {
    SettlementConnection: embedded,
    SettlementRecordedEvent: embedded,
    SettleInvoicePayload: embedded,
    InputError: embedded,
    OverSettlementError: embedded,
    StaleVersionError: embedded,
    StatusConflictError: embedded,
  },
  updates: {
    Subscription: {
      settlementRecorded({ settlementRecorded: { settlement } }, _, store) {
        if (settlement) store.updateQuery({ query: LIST }, merge(settlement)); // the first message has only the cursor
      },
    },
  },
});

const pause = () => new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 1000));
const socket = resuming(
  createClient({
    url: url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: async () => ({ authorization: `Bearer ${await currentToken()}` }),
    retryAttempts: Infinity,
    retryWait: pause, // not all clients at once, after a restart
    shouldRetry: () => true,
  }),
);
const client = new Client({
  url,
  preferGetMethod: false,
  exchanges: [
    cache,
    // What passes by itself is sent again as it was: a mutation has the same idempotency key, and happens once.
    retryExchange({
      initialDelayMs: 300,
      maxNumberAttempts: 5,
      retryIf: ({ networkError, graphQLErrors }) =>
        networkError || graphQLErrors.some(({ extensions }) => extensions.retryable),
    }),
    authExchange(async ({ appendHeaders }) => {
      let token = await currentToken();
      return {
        addAuthToOperation: (operation) => appendHeaders(operation, { authorization: `Bearer ${token}` }),
        didAuthError: ({ graphQLErrors }) => graphQLErrors.some(({ extensions }) => extensions.code === 'UNAUTHENTICATED'),
        async refreshAuth() {
          token = await currentToken(); // and the operation is sent again
        },
      };
    }),
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe(request, sink) }),
      }),
    }),
  ],
});

// In React: `useQuery({ query: LIST })`, and `useSubscription({ query: WATCH, variables })`, paused until it has a cursor.
async function watch() {
  const { data, error } = await client.query(LIST, {}).toPromise();
  if (!data?.settlements) throw error; // a refused list is null; other data may come with an error
  client.query(LIST, {}).subscribe(({ data }) => print({ shown: data.settlements.nodes }));
  client.subscription(WATCH, { after: data.settlements.streamCursor }).subscribe(({ error }) => {
    if (error) print({ ended: String(error) }); // CURSOR_EXPIRED: read the list again
  });
}

// The key belongs to the user's decision to pay, not to the attempt: make it when the form opens.
async function settle(invoiceId, amount, idempotencyKey) {
  const paidOn = new Date().toLocaleDateString('sv', { timeZone: 'America/Sao_Paulo' }); // a day in Brasília
  const input = { invoiceId, amount, paidOn, idempotencyKey };
  const { data, error } = await client.mutation(SETTLE, { input }).toPromise();
  if (!data?.settleInvoice) throw error; // of the request: refused or unavailable
  return data.settleInvoice; // `errors` are for the form, each with the path of its field
}

const [invoiceId, amount, key] = process.argv.slice(4);
if (invoiceId) print(await settle(invoiceId, amount, key));
else await watch();
