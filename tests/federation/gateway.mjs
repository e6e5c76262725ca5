// node gateway.mjs URL TOKEN: composes the gateway at the address with another subgraph, serves both by two gateways, and
// prints their addresses as JSON. The token is that of an administrator, who may read the schema.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';
import { serve, typeDefs } from './ratings.mjs';

const [billing, token] = process.argv.slice(2);

function composed(...subgraphs) {
  const { errors, supergraphSdl } = composeServices(subgraphs);
  if (errors) throw new Error(errors.map((each) => each.message).join('\n'));
  return supergraphSdl;
}

async function compose() {
  const answer = await fetch(billing, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: '{ _service { sdl } }' }),
  });
  const { sdl } = (await answer.json()).data._service;
  const own = { name: 'billing', url: billing, typeDefs: parse(sdl) };
  // What docs/federation.md shows composes as it is written.
  const page = readFileSync(new URL('../../docs/federation.md', import.meta.url), 'utf8');
  const shown = /```text\n(extend schema .*?)```/s.exec(page)[1];
  composed(own, { name: 'shown', url: billing, typeDefs: parse(shown) });
  const supergraphSdl = composed(own, { name: 'ratings', url: await serve(), typeDefs });
  const permissions = (text) => text.split('@requiresScopes(').length;
  if (permissions(supergraphSdl) !== permissions(sdl)) throw new Error('the supergraph has lost permissions');
  return supergraphSdl;
}

async function apollo(supergraphSdl) {
  const { ApolloGateway, RemoteGraphQLDataSource } = await import('@apollo/gateway');
  const { ApolloServer } = await import('@apollo/server');
  const { startStandaloneServer } = await import('@apollo/server/standalone');
  class WithToken extends RemoteGraphQLDataSource {
    willSendRequest({ request, context }) {
      if (context.authorization) request.http.headers.set('authorization', context.authorization);
    }
  }
  const gateway = new ApolloGateway({ supergraphSdl, buildService: ({ url }) => new WithToken({ url }) });
  const { url } = await startStandaloneServer(new ApolloServer({ gateway }), {
    context: async ({ req }) => ({ authorization: req.headers.authorization }),
    listen: { host: '127.0.0.1', port: 0 },
  });
  return url;
}

async function hive(supergraph) {
  const { createGatewayRuntime } = await import('@graphql-hive/gateway-runtime');
  const runtime = createGatewayRuntime({
    supergraph,
    logging: 'error',
    propagateHeaders: {
      fromClientToSubgraphs: ({ request }) => ({ authorization: request.headers.get('authorization') }),
    },
  });
  const server = createServer(runtime);
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${server.address().port}/graphql`;
}

const supergraph = await compose();
console.log(JSON.stringify({ apollo: await apollo(supergraph), hive: await hive(supergraph) }));
