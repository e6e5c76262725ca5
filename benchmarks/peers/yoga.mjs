import { createServer } from 'node:http';
import { createSchema, createYoga } from 'graphql-yoga';
import { bareContext, mutation, relations, roots, typeDefs } from './resolvers.mjs';

const schema = createSchema({ typeDefs, resolvers: { ...roots, ...mutation, ...relations } });
createServer(createYoga({ schema, context: bareContext, graphiql: false, logging: false })).listen(Number(process.env.PORT), '127.0.0.1');
