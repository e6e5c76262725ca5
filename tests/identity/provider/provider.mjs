// An identity provider on a loopback port: `oidc-provider` with the client credentials grant and JWT access tokens.
// The first line on standard input says which clients there are; each further line makes new keys.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider from 'oidc-provider';

const AUDIENCE = 'billing-gateway';
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const clients = JSON.parse((await lines.next()).value);
const scopes = [...new Set(clients.flatMap((client) => client.scopes))];
const pairs = { ES256: ['ec', { namedCurve: 'P-256' }], RS256: ['rsa', { modulusLength: 2048 }] };
pairs.PS256 = pairs.RS256;

function newKeys(generation) {
  const wanted = [...new Set(['ES256', ...clients.map((client) => client.algorithm)])];
  return wanted.map((alg) => {
    const { privateKey } = generateKeyPairSync(...pairs[alg]);
    return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: `${alg}-${generation}` };
  });
}

function registered({ id, secret, scopes: allowed }) {
  return {
    client_id: id,
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    ...(allowed.length ? { scope: allowed.join(' ') } : {}),
  };
}

function providerOf(generation) {
  const found = (client) => clients.find((each) => each.id === client.clientId);
  return new Provider(issuer, {
    clients: clients.map(registered),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: newKeys(generation) },
    scopes,
    extraTokenClaims: (_, token) => found(token).claims,
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => `urn:${AUDIENCE}`,
        getResourceServerInfo: (_, __, client) => ({
          audience: AUDIENCE,
          scope: scopes.join(' '),
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: found(client).algorithm } },
        }),
      },
    },
  }).callback();
}

const server = createServer((request, response) => answer(request, response));
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;
let generation = 1;
let answer = providerOf(generation);
console.log(issuer);
for await (const _ of lines) {
  generation += 1;
  answer = providerOf(generation);
  console.log(generation);
}
process.exit(0);
