// A page of claims with the fragments, the list and the mutation of a small app, as Relay's guide writes them.
import { graphql } from 'relay-runtime';

export const page = graphql`
  query ClaimsPageQuery($count: Int!) {
    ...ClaimsList_query @arguments(count: $count)
  }
`;

export const list = graphql`
  fragment ClaimsList_query on Query
  @refetchable(queryName: "ClaimsListPaginationQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    claims(first: $count, after: $cursor) @connection(key: "ClaimsList_claims") {
      __id
      streamCursor
      totalCount
      edges {
        node {
          id
          ...ClaimsRow_claim
        }
      }
    }
  }
`;

// A fragment on a Node: Relay writes the query `node(id:)` that reads it again.
export const row = graphql`
  fragment ClaimsRow_claim on Claim @refetchable(queryName: "ClaimsRowRefetchQuery") {
    status
    serviceDate
    claimedAmount
    patient {
      name
    }
    items {
      code
      quantity
      denials {
        status
        amount
      }
    }
    invoice {
      number
      dueAmount
    }
  }
`;

export const create = graphql`
  mutation ClaimsCreateMutation($input: CreateClaimInput!, $connections: [ID!]!) {
    createClaim(input: $input) {
      claim @prependNode(connections: $connections, edgeTypeName: "ClaimEdge") {
        ...ClaimsRow_claim
      }
      errors {
        code
        message
        field
      }
      replayed
    }
  }
`;

export const watch = graphql`
  subscription ClaimsWatchSubscription($after: String) {
    claimStatusChanged(after: $after) {
      cursor
      claim {
        ...ClaimsRow_claim
      }
    }
  }
`;
