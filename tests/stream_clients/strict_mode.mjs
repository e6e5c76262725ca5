// React's strict mode, many times over many sockets: each subscription is completed within 0 to 3 ms of its start, and
// started again at once. Afterwards every socket must still answer a query. Prints {sockets, completed, answered}.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const { url, token, sockets, rounds, subscription, query, patienceSeconds } = JSON.parse(process.argv[2]);
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// The shortest pauses let both messages leave in one segment; without any the client would send neither.
const pauses = [
  async () => {
    for (let turn = 0; turn < 10; turn += 1) await null;
  },
  () => new Promise(setImmediate),
  () => sleep(1),
  () => sleep(2),
  () => sleep(3),
];

const connected = () =>
  new Promise((resolve, reject) => {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
      lazy: false,
      retryAttempts: 0,
      on: { connected: () => resolve(client), closed: reject },
    });
  });

const start = (client) => client.subscribe({ query: subscription }, { next() {}, error() {}, complete() {} });

async function mountAndUnmount(client, number) {
  for (let round = 0; round < rounds; round += 1) {
    const leave = start(client);
    await pauses[(number + round) % pauses.length]();
    leave();
  }
}

const answer = (client) =>
  new Promise((resolve) => {
    setTimeout(() => resolve(false), patienceSeconds * 1000);
    client.subscribe({ query }, { next: () => resolve(true), error: () => resolve(false), complete() {} });
  });

const clients = await Promise.all(Array.from({ length: sockets }, connected));
await Promise.all(clients.map(mountAndUnmount));
const answers = await Promise.all(clients.map(answer));
console.log(
  JSON.stringify({ sockets, completed: sockets * rounds, answered: answers.filter(Boolean).length }),
);
