// Settlements with Apollo Client 4 over plain HTTP: the list, each new one, and a payment.
// node apollo-http.mjs URL FILE [INVOICE AMOUNT KEY]
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { ErrorLink } from '@apollo/client/link/error';
import { RetryLink } from '@apollo/client/link/retry';
import { map, throwError } from 'rxjs';
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

const isPassing = ({ extensions }) => extensions?.retryable || extensions?.code === 'UNAUTHENTICATED';
// A broken connection has no `errors`. A mutation is sent again as it was: with the same idempotency key it happens once.
const retry = new RetryLink({
  attempts: (_count, _operation, { errors }) => !errors || errors.some(isPassing),
  delay: () => 500 + Math.random() * 1000,
});
// HttpLink continues no subscription: what is sent again starts after the last cursor.
const place = new ApolloLink((operation, forward) =>
  forward(operation).pipe(
    map((result) => {
      const [message] = Object.values(result.data ?? {});
      if (message?.cursor) operation.variables = { ...operation.variables, after: message.cursor };
      return result;
    }),
  ),
);
const raise = new ErrorLink(({ error, result }) => {
  const isRefused = CombinedGraphQLErrors.is(error) && !result?.data && error.errors.some(isPassing);
  return isRefused ? throwError(() => error) : undefined; // RetryLink sees only what is thrown
});
const withToken = new SetContextLink(async ({ headers }) => ({
  headers: { ...headers, authorization: `Bearer ${await currentToken()}` },
}));
const client = new ApolloClient({
  link: ApolloLink.from([retry, place, raise, withToken, new HttpLink({ uri: url })]),
  cache: new InMemoryCache(),
  defaultOptions: { query: { errorPolicy: 'all' }, mutate: { errorPolicy: 'all' } },
});

async function watch() {
  const { data, error } = await client.query({ query: LIST });
  if (!data?.settlements) throw error; // a refused list is null
  print({ listed: data.settlements.nodes });
  client.subscribe({ query: WATCH, variables: { after: data.settlements.streamCursor } }).subscribe({
    next({ data, error }) {
      if (!data) return print({ ended: String(error) }); // CURSOR_EXPIRED: read the list again
      // The first message has only the cursor.
      if (data.settlementRecorded.settlement) print({ added: data.settlementRecorded.settlement });
    },
    error: (error) => print({ ended: String(error) }),
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
