import Fastify from 'fastify';
import mercurius from 'mercurius';
import { bareContext, mercuriusLoaders, mutation, roots, typeDefs } from './resolvers.mjs';

const app = Fastify();
app.register(mercurius, { schema: typeDefs, resolvers: { ...roots, ...mutation }, loaders: mercuriusLoaders, jit: 1, context: bareContext });
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
