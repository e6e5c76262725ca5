// Settlements with Apollo Client 4: the list, each new one, and a payment. node apollo.mjs URL FILE [INVOICE AMOUNT KEY]
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { ErrorLink } from '@apollo/client/link/error';
import { RetryLink } from '@apollo/client/link/retry';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { throwError } from 'rxjs';
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
const withToken = new SetContextLink(async ({ headers }) => ({
  headers: { ...headers, authorization: `Bearer ${await currentToken()}` },
}));
// What passes by itself is sent again as it was: a mutation has the same idempotency key, and happens once.
const isRetryable = ({ extensions }) => extensions?.retryable;
const raise = new ErrorLink(({ error, result }) => {
  const isPassing = CombinedGraphQLErrors.is(error) && !result?.data && error.errors.some(isRetryable);
  return isPassing ? throwError(() => error) : undefined; // RetryLink sees only what is thrown
});
const retry = new RetryLink({
  delay: { initial: 300, jitter: true },
  attempts: { max: 5, retryIf: ({ statusCode = 500 }) => statusCode >= 500 },
});

const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    ApolloLink.from([retry, raise, withToken, new HttpLink({ uri: url })]),
  ),
  cache: new InMemoryCache(), // ids are unique in the whole API, so it needs no keyFields
  defaultOptions: {
    // A field that the caller may not see is null with an error beside it: 'none' would throw the rest away.
    watchQuery: { errorPolicy: 'all' },
    query: { errorPolicy: 'all' },
    mutate: { errorPolicy: 'all' },
  },
});

// In React: `useQuery(LIST)` gives data and the same `subscribeToMore`, which belongs into an effect.
async function watch() {
  const { data, error } = await client.query({ query: LIST });
  if (!data?.settlements) throw error; // a refused list is null
  const list = client.watchQuery({ query: LIST }); // from the cache
  list.subscribe(({ data }) => print({ shown: data.settlements.nodes }));
  list.subscribeToMore({
    document: WATCH,
    variables: { after: data.settlements.streamCursor },
    updateQuery(shown, { subscriptionData: { data } }) {
      const { settlement } = data.settlementRecorded;
      if (!settlement) return shown; // the first message has only the cursor
      // What the list has already may come again: merge by id.
      const others = shown.settlements.nodes.filter(({ id }) => id !== settlement.id);
      return { settlements: { ...shown.settlements, nodes: [settlement, ...others] } };
    },
    onError: (error) => print({ ended: String(error) }), // CURSOR_EXPIRED: read the list again
  });
}

// The key belongs to the user's decision to pay, not to the attempt: make it when the form opens.
async function settle(invoiceId, amount, idempotencyKey) {
  const paidOn = new Date().toLocaleDateString('sv', { timeZone: 'America/Sao_Paulo' }); // a day in Brasília
  const input = { invoiceId, amount, paidOn, idempotencyKey };
  const { data, error } = await client.mutate({ mutation: SETTLE, variables: { input } });
  if (!data?.settleInvoice) throw error; // of the request: refused or unavailable
  return data.settleInvoice; // `errors` are for the form, each with the path of its field
}

const [invoiceId, amount, key] = process.argv.slice(4);
if (invoiceId) print(await settle(invoiceId, amount, key));
else await watch();
