// A React page: the latest settlements, each new one, and what went wrong.
import { gql, type TypedDocumentNode } from '@apollo/client';
import { ApolloProvider, useQuery } from '@apollo/client/react';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { billingClient } from './apollo-client';
import type { SettlementsQuery, WatchSettlementsSubscription, WatchSettlementsSubscriptionVariables } from './types';

const LIST: TypedDocumentNode<SettlementsQuery> = gql`
  query Settlements { settlements(first: 100) { streamCursor nodes { id amount } } }
`;
const WATCH: TypedDocumentNode<WatchSettlementsSubscription, WatchSettlementsSubscriptionVariables> = gql`
  subscription WatchSettlements($after: String) {
    settlementRecorded(after: $after) { cursor settlement { id amount } }
  }
`;

function Settlements() {
  const { data, error, subscribeToMore } = useQuery(LIST);
  const [ended, setEnded] = useState<Error>(); // CURSOR_EXPIRED: read the list again
  const after = data?.settlements?.streamCursor; // a refused list is null
  useEffect(() => {
    if (!after) return;
    return subscribeToMore({
      document: WATCH,
      variables: { after },
      updateQuery(_, { complete, previousData: shown, subscriptionData: { data } }) {
        const added = data.settlementRecorded?.settlement;
        if (!added || !complete || !shown.settlements) return; // the first message has only the cursor
        const others = shown.settlements.nodes.filter(({ id }) => id !== added.id);
        return { ...shown, settlements: { ...shown.settlements, nodes: [added, ...others] } };
      },
      onError: setEnded,
    });
  }, [after, subscribeToMore]);
  const failure = error ?? ended;
  const rows = data?.settlements?.nodes ?? [];
  return <>{failure && <p role="alert">{failure.message}</p>}<ul>{rows.map(({ id, amount }) => <li key={id}>{amount}</li>)}</ul></>;
}

// Here a pasted token of `billing token`; in an application its login library, which shows the form when it must.
const currentToken = async (): Promise<string> => (sessionStorage.token ||= prompt('Token') ?? '');
const client = billingClient('http://127.0.0.1:8000/graphql', currentToken);
createRoot(document.body).render(<ApolloProvider client={client}><Settlements /></ApolloProvider>);
