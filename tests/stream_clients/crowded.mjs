// Three subscriptions of one caller, each with its own socket, where a caller may have two. Once the third was refused,
// the first is left. Prints what the third had: the code of its close, and then its first message.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { resuming } from '../../docs/clients/resuming.mjs';

const { url, token, subscription } = JSON.parse(process.argv[2]);
const said = (what) => console.log(JSON.stringify(what));

const subscribed = (closed) =>
  new Promise((resolve, reject) => {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
      on: { closed },
    });
    const sink = { next: () => resolve(leave), error: reject, complete() {} };
    const leave = resuming(client, { retryMilliseconds: 100 }).subscribe({ query: subscription }, sink);
  });

const leaveFirst = await subscribed(() => {});
await subscribed(() => {});
await subscribed(({ code }) => {
  said({ closed: code });
  leaveFirst();
});
said('watching');
process.exit();
