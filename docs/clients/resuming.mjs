// Makes a client of npm graphql-ws or graphql-sse continue where it was: after a lost connection, a restart of the
// gateway, the end of a token, or an error that says `retryable`, it subscribes again after the last cursor that it
// received. The subscription must take the variable `$after` and ask for `cursor`.

const RETRY_MILLISECONDS = 1000;
const isPassing = ({ extensions }) => extensions?.retryable || extensions?.code === 'UNAUTHENTICATED';
const pass = (errors) => Array.isArray(errors) && errors.some(isPassing);

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
