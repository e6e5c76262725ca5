// Settlements with Relay: the list, each new one, and a payment. node settlements.js URL FILE [INVOICE AMOUNT KEY], once
// relay-compiler has written the artifacts and babel-plugin-relay, or the plugin of your bundler, has put them in the
// place of the tags.
import { createClient } from 'graphql-ws';
import relay from 'relay-runtime';
import WebSocket from 'ws'; // only before Node 22: it and browsers have their own
import { resuming } from '../resuming.mjs';
import { currentToken, print, url } from '../session.mjs';

const { Environment, Network, Observable, RecordSource, Store } = relay;
const { commitMutation, createOperationDescriptor, fetchQuery, getRequest, graphql, requestSubscription } = relay;

const LIST = graphql`
  query settlementsListQuery {
    settlements(first: 100) { streamCursor nodes { id amount } }
  }
`;
const WATCH = graphql`
  subscription settlementsWatchSubscription($after: String) {
    settlementRecorded(after: $after) { cursor settlement { id amount } }
  }
`;
const SETTLE = graphql`
  mutation settlementsSettleMutation($input: SettleInvoiceInput!) {
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

// An answer with data and errors is used: a field that the caller may not see is null.
async function fetchOnce({ text }, variables) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await currentToken()}` },
    body: JSON.stringify({ query: text, variables }),
  });
  return answer.json();
}

// What passes by itself is sent again as it was: a mutation has the same idempotency key, and happens once.
async function fetchFn(request, variables, attempt = 1) {
  const answer = await fetchOnce(request, variables).catch((lost) => ({ errors: [{ lost, extensions: { retryable: true } }] }));
  const isPassing = !answer.data && answer.errors?.some(({ extensions }) => extensions?.retryable);
  if (!isPassing || attempt === 5) return answer;
  await pause();
  return fetchFn(request, variables, attempt + 1);
}

const subscribeFn = ({ text }, variables) =>
  Observable.create((sink) =>
    socket.subscribe({ query: text, variables }, { ...sink, error: (errors) => sink.error(new Error(JSON.stringify(errors))) }),
  );
const environment = new Environment({
  network: Network.create((request, variables) => fetchFn(request, variables), subscribeFn),
  store: new Store(new RecordSource()), // ids are unique in the whole API, as Relay wants them
});

// What is new goes to the front; what the list has already may come again, so it is merged by id.
function addToList(store) {
  const added = store.getRootField('settlementRecorded').getLinkedRecord('settlement');
  if (!added) return; // the first message has only the cursor
  const list = store.getRoot().getLinkedRecord('settlements', { first: 100 });
  const others = list.getLinkedRecords('nodes').filter((each) => each.getDataID() !== added.getDataID());
  list.setLinkedRecords([added, ...others], 'nodes');
}

// In React: `useLazyLoadQuery(LIST, {})` and `useSubscription({ subscription: WATCH, variables, updater: addToList })`.
async function watch() {
  const { settlements } = await fetchQuery(environment, LIST, {}).toPromise();
  if (!settlements) throw new Error('the list is refused');
  const list = createOperationDescriptor(getRequest(LIST), {});
  environment.retain(list);
  const show = ({ data }) => print({ shown: data.settlements.nodes });
  const snapshot = environment.lookup(list.fragment);
  show(snapshot);
  environment.subscribe(snapshot, show);
  requestSubscription(environment, {
    subscription: WATCH,
    variables: { after: settlements.streamCursor },
    updater: addToList,
    onError: (error) => print({ ended: String(error) }), // CURSOR_EXPIRED: read the list again
  });
}

// The key belongs to the user's decision to pay, not to the attempt: make it when the form opens. In React: `useMutation`.
const settle = (invoiceId, amount, idempotencyKey) =>
  new Promise((resolve, reject) => {
    const paidOn = new Date().toLocaleDateString('sv', { timeZone: 'America/Sao_Paulo' }); // a day in Brasília
    commitMutation(environment, {
      mutation: SETTLE,
      variables: { input: { invoiceId, amount, paidOn, idempotencyKey } },
      onCompleted({ settleInvoice }, errors) {
        // `errors` of the payload are for the form, each with the path of its field; those here are of the request.
        if (settleInvoice) resolve(settleInvoice);
        else reject(new Error(JSON.stringify(errors)));
      },
      onError: reject,
    });
  });

const [invoiceId, amount, key] = process.argv.slice(4);
if (invoiceId) print(await settle(invoiceId, amount, key));
else await watch();
