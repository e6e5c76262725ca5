// A subgraph of another team: it adds a risk to claims and a rating to payers, and names both by their keys.
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';

export const typeDefs = parse(`
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])

  scalar AnsCode

  type Query {
    riskyClaims(ids: [ID!]!): [Claim]!
    ratedPayer(ansCode: AnsCode!): Payer
  }

  type Claim @key(fields: "id") {
    id: ID!
    risk: String!
  }

  type Payer @key(fields: "ansCode") {
    ansCode: AnsCode!
    rating: Int!
  }

  type PageInfo @shareable {
    hasNextPage: Boolean!
    hasPreviousPage: Boolean!
    startCursor: String
    endCursor: String
  }
`);

const resolvers = {
  Query: {
    riskyClaims: (_, { ids }) => ids.map((id) => ({ id })),
    ratedPayer: (_, { ansCode }) => ({ ansCode }),
  },
  Claim: { risk: ({ id }) => `risk of ${id.slice(0, 3)}` },
  Payer: { rating: ({ ansCode }) => Number(ansCode) % 7 },
};

/** Serve it on a free port; its address. */
export async function serve() {
  const server = new ApolloServer({ schema: buildSubgraphSchema({ typeDefs, resolvers }) });
  const { url } = await startStandaloneServer(server, { listen: { host: '127.0.0.1', port: 0 } });
  return url;
}
