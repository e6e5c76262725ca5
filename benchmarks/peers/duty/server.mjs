// Mercurius with the gateway's duties: the token, the rate, the limits, the permissions, the data scope, the access log, the
// request log and the metrics of each request, and what createClaim stores beside the claim.
import Fastify from 'fastify';
import mercurius from 'mercurius';
import { mercuriusLoaders, roots, typeDefs } from '../resolvers.mjs';
import { note, startAccessLog } from './access_log.mjs';
import { isWithinRate, knownCaller, verifiedCaller } from './caller.mjs';
import { claimRoots } from './claims.mjs';
import { createClaim } from './create.mjs';
import { startRelay } from './outbox.mjs';
import { planOf, refusalOf } from './plans.mjs';
import { makeTables } from './tables.mjs';
import { HEADERS, metrics, newRequestId, observe } from './telemetry.mjs';

const app = Fastify({ bodyLimit: 1_048_576 });
for (const name of ['caller', 'plan', 'context']) app.decorateRequest(name, null);
app.decorateRequest('requestId', '');
app.decorateRequest('beganAt', 0);

const refuse = (reply, status, code, message) => reply.code(status).send({ errors: [{ message, extensions: { code } }] });

app.addHook('onRequest', (request, reply, done) => {
  request.beganAt = performance.now();
  request.requestId = newRequestId();
  reply.headers(HEADERS).header('x-request-id', request.requestId);
  if (request.url !== '/graphql') return done();
  const { authorization } = request.headers;
  request.caller = knownCaller(authorization);
  if (request.caller !== null) return done();
  const welcome = (caller) => {
    request.caller = caller;
    done();
  };
  verifiedCaller(authorization).then(welcome, () => refuse(reply, 401, 'UNAUTHENTICATED', 'send a valid bearer token'));
  return undefined;
});

app.addHook('preHandler', (request, reply, done) => {
  if (request.caller === null || typeof request.body?.query !== 'string') return done();
  if (!isWithinRate(request.caller)) return refuse(reply, 429, 'RATE_LIMITED', 'wait before the next request');
  const plan = (request.plan = planOf(app.graphql.schema, request.body));
  if (plan === null) return done();
  if (plan.isTooLarge) return refuse(reply, 200, 'TOO_COMPLEX', 'split the request');
  const refused = refusalOf(plan, request.caller);
  if (refused !== null) return refuse(reply, 200, 'FORBIDDEN', `${refused} needs another permission`);
  return done();
});

app.addHook('onResponse', (request, reply, done) => {
  if (request.url === '/graphql') {
    const { context } = request;
    if (context !== null && context.plan?.kind === 'query' && context.persons.length) note(context);
    observe(request, reply.statusCode, performance.now() - request.beganAt);
  }
  done();
});

function contextOf(request) {
  const persons = [];
  const shown = (rows) => {
    for (const row of rows) if (row.patientId !== undefined) persons.push(row.patientId);
  };
  const { caller, plan, requestId } = request;
  request.context = { caller, plan, requestId, providers: caller.providers, persons, shown };
  return request.context;
}

const masked = (text) => text.replace(/\S+/g, (word) => word[0] + '*'.repeat(word.length - 1));
const resolvers = {
  ...roots,
  Query: { ...roots.Query, ...claimRoots },
  Mutation: { createClaim: (_, { input }, context) => createClaim(input, context) },
  Patient: { name: ({ name }, _, { caller }) => (caller.permissions.has('patients:read') ? name : masked(name)) },
};

// Relations of claims are there with their rows.
const { Invoice, Settlement } = mercuriusLoaders;
app.register(mercurius, { schema: typeDefs, resolvers, loaders: { Invoice, Settlement }, jit: 1, context: contextOf });
app.get('/metrics', async () => metrics());
await makeTables();
await startAccessLog();
startRelay();
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
