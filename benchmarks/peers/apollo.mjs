import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { bareContext, mutation, relations, roots, typeDefs } from './resolvers.mjs';

const server = new ApolloServer({ typeDefs, resolvers: { ...roots, ...mutation, ...relations } });
await startStandaloneServer(server, { listen: { host: '127.0.0.1', port: Number(process.env.PORT) }, context: async () => bareContext() });
