// Makes a client of npm graphql-ws or graphql-sse continue where it was: after a lost connection, a restart of the
// gateway, the end of a token, an error that says `retryable`, or a close that passes, it subscribes again after the last
// cursor that it received. The subscription must take the variable `$after` and ask for `cursor`.

const RETRY_MILLISECONDS = 1000;
const isPassing = ({ extensions }) => extensions?.retryable || extensions?.code === 'UNAUTHENTICATED';
// graphql-ws gives up at these close codes: too many sockets or requests, and a failure of the gateway.
const PASSING_CODES = [4429, 4500];
const pass = (errors) => (Array.isArray(errors) ? errors.some(isPassing) : PASSING_CODES.includes(errors?.code));

export function resuming(client, { retryMilliseconds = RETRY_MILLISECONDS } = {}) {
  return {
    ...client,
    subscribe(request, sink) {
      // Both clients send this object again when they connect again, so the cursor in it must be the last one.
      const variables = { ...request.variables };
      let isLeft = false;
      let leave = () => {};

      const start = () => {
        let isRefused = false;
        const again = () => setTimeout(() => isLeft || start(), retryMilliseconds);
        leave = client.subscribe({ ...request, variables }, {
          next(result) {
            if (!result.data && pass(result.errors)) {
              isRefused = true; // graphql-sse: `complete` follows
              return;
            }
            const [message] = Object.values(result.data ?? {});
            if (message?.cursor) variables.after = message.cursor;
            sink.next(result);
          },
          error: (errors) => (pass(errors) ? again() : sink.error(errors)),
          complete: () => (isRefused && !isLeft ? again() : sink.complete()),
        });
      };
      start();
      return () => {
        isLeft = true;
        leave();
      };
    },
  };
}
