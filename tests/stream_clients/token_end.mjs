// Idle sockets, each with one subscription that was left at once and one that stays. Prints how many there are, and how
// many sockets were closed with which code when their token ended.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const { url, token, sockets, subscription } = JSON.parse(process.argv[2]);
const codes = {};
const idle = { next() {}, error() {}, complete() {} };

const watched = () =>
  new Promise((closed) => {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
      lazy: false,
      retryAttempts: 0,
      onNonLazyError() {},
      on: {
        async connected() {
          const leave = client.subscribe({ query: subscription }, idle);
          await new Promise(setImmediate);
          leave();
          client.subscribe({ query: subscription }, idle);
        },
        closed(event) {
          codes[event.code] = (codes[event.code] ?? 0) + 1;
          closed();
        },
      },
    });
  });

const all = Array.from({ length: sockets }, watched);
console.log(JSON.stringify({ left: sockets, watching: sockets }));
await Promise.all(all);
console.log(JSON.stringify(codes));
