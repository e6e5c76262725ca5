// Apollo Client 4 for a page, in strict TypeScript: the links are those of apollo.mjs.
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, ServerError } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { ErrorLink } from '@apollo/client/link/error';
import { RetryLink } from '@apollo/client/link/retry';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode, type GraphQLFormattedError } from 'graphql';
import { createClient } from 'graphql-ws';
import { throwError } from 'rxjs';
import { resuming } from './resuming.mjs';

// Apollo takes no default for errorPolicy that its types do not know of.
declare module '@apollo/client' {
  namespace ApolloClient {
    namespace DeclareDefaultOptions {
      interface WatchQuery { errorPolicy: 'all' }
      interface Query { errorPolicy: 'all' }
      interface Mutate { errorPolicy: 'all' }
    }
  }
}

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 500 + Math.random() * 1000));
const isRetryable = ({ extensions }: GraphQLFormattedError) => Boolean(extensions?.retryable);

export function billingClient(url: string, currentToken: () => Promise<string>) {
  const authorization = async () => ({ authorization: `Bearer ${await currentToken()}` });
  const socket = resuming(
    createClient({
      url: url.replace('http', 'ws'),
      connectionParams: authorization,
      retryAttempts: Infinity,
      retryWait: pause,
      shouldRetry: () => true,
    }),
  );
  const withToken = new SetContextLink(async ({ headers }) => ({ headers: { ...headers, ...(await authorization()) } }));
  const raise = new ErrorLink(({ error, result }) => {
    const isPassing = CombinedGraphQLErrors.is(error) && !result?.data && error.errors.some(isRetryable);
    return isPassing ? throwError(() => error) : undefined;
  });
  const retry = new RetryLink({
    delay: { initial: 300, jitter: true },
    attempts: { max: 5, retryIf: (error) => !ServerError.is(error) || error.statusCode >= 500 },
  });
  return new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      ApolloLink.from([retry, raise, withToken, new HttpLink({ uri: url })]),
    ),
    cache: new InMemoryCache(),
    defaultOptions: {
      watchQuery: { errorPolicy: 'all' },
      query: { errorPolicy: 'all' },
      mutate: { errorPolicy: 'all' },
    },
  });
}
