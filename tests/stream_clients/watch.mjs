// Reads a list, and then watches what is added to it, with each of the clients that frontends use. Prints a line for
// the list, {client, listed: [id]}, and for each event, {client, id}.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';
import { resuming } from '../../docs/frontends/resuming.mjs';

const { url, token, invoice, pauseMilliseconds } = JSON.parse(process.argv[2]);
const endpoint = `${url}/graphql`;
const authorization = `Bearer ${token}`;
const headers = { authorization };
const variables = { filter: { invoiceId: invoice } };
const LIST = `query List($filter: SettlementFilterInput) {
  settlements(filter: $filter, first: 100) { streamCursor nodes { id } } }`;
const WATCH = `subscription Watch($filter: SettlementRecordedFilterInput, $after: String) {
  settlementRecorded(filter: $filter, after: $after) { cursor settlement { id } } }`;

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const say = (client, what) => console.log(JSON.stringify({ client, ...what }));
const hear =
  (client) =>
  ({ settlementRecorded: { settlement } }) =>
    settlement && say(client, { id: settlement.id });

const overSocket = () =>
  resuming(
    createWsClient({
      url: endpoint.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: async () => ({ authorization }),
      retryAttempts: Infinity,
      shouldRetry: () => true,
      retryWait: () => sleep(100),
    }),
    { retryMilliseconds: 100 },
  );

const overEvents = () =>
  resuming(createSseClient({ url: endpoint, headers, retryAttempts: Infinity, retry: () => sleep(100) }), {
    retryMilliseconds: 100,
  });

const fetched = async () => {
  const body = JSON.stringify({ query: LIST, variables });
  const answer = await fetch(endpoint, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body });
  return (await answer.json()).data.settlements;
};

// Each gives a function that reads the list, and one that watches.
const CLIENTS = {
  'graphql-ws': () => {
    const client = overSocket();
    const fail = (error) => say('graphql-ws', { error: String(error) });
    return [fetched, (after, heard) => client.subscribe({ query: WATCH, variables: { ...variables, after } }, { next: ({ data }) => heard(data), error: fail, complete: () => fail('complete') })];
  },
  'graphql-sse': () => {
    const client = overEvents();
    const fail = (error) => say('graphql-sse', { error: String(error) });
    return [fetched, (after, heard) => client.subscribe({ query: WATCH, variables: { ...variables, after } }, { next: ({ data }) => heard(data), error: fail, complete: () => fail('complete') })];
  },
  apollo: () => {
    const link = ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(overSocket()),
      new HttpLink({ uri: endpoint, headers }),
    );
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const fail = (error) => say('apollo', { error: String(error) });
    return [
      async () => (await client.query({ query: gql(LIST), variables })).data.settlements,
      (after, heard) =>
        client
          .subscribe({ query: gql(WATCH), variables: { ...variables, after }, fetchPolicy: 'no-cache' })
          .subscribe({ next: ({ data, error }) => (error ? fail(error) : heard(data)), error: fail, complete: () => fail('complete') }),
    ];
  },
  urql: () => {
    const socket = overSocket();
    const client = new Client({
      url: endpoint,
      fetchOptions: { headers },
      preferGetMethod: false,
      exchanges: [
        fetchExchange,
        subscriptionExchange({
          forwardSubscription: (request) => ({
            subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? '' }, sink) }),
          }),
        }),
      ],
    });
    return [
      async () => (await client.query(LIST, variables).toPromise()).data.settlements,
      (after, heard) =>
        client
          .subscription(WATCH, { ...variables, after })
          .subscribe(({ data, error }) => (error ? say('urql', { error: String(error) }) : heard(data))),
    ];
  },
};

await Promise.all(
  Object.entries(CLIENTS).map(async ([name, make]) => {
    const [list, watch] = make();
    const { streamCursor, nodes } = await list();
    say(name, { listed: nodes.map(({ id }) => id) });
    // Long enough for something to happen between the list and the subscription.
    await sleep(pauseMilliseconds);
    watch(streamCursor, hear(name));
  }),
);
