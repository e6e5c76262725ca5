// One line in the log and three metrics for each request, and the headers of every answer.
import { randomFillSync } from 'node:crypto';
import pino from 'pino';
import prometheus from 'prom-client';

const destination = pino.destination({ dest: process.env.REQUEST_LOG, sync: false, minLength: 4096 });
const log = pino({ base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, destination);
setInterval(() => destination.flush(), 500);

prometheus.collectDefaultMetrics();
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const requests = new prometheus.Counter({ name: 'http_requests_total', help: 'Requests', labelNames: ['method', 'route', 'status'] });
const operations = new prometheus.Counter({ name: 'graphql_operations_total', help: 'Operations', labelNames: ['operation', 'kind', 'outcome'] });
const seconds = new prometheus.Histogram({ name: 'graphql_operation_seconds', help: 'Time of operations', labelNames: ['operation'], buckets: BUCKETS });
const NAMES_MAX = 200;
const children = new Map();

function childrenOf(plan, status) {
  const key = `${plan?.name ?? ''} ${status}`;
  let found = children.get(key);
  if (found === undefined) {
    const name = children.size < NAMES_MAX ? (plan?.name ?? 'none') : 'other';
    found = [
      requests.labels('POST', '/graphql', String(status)),
      operations.labels(name, plan?.kind ?? 'none', status === 200 ? 'ok' : 'refused'),
      seconds.labels(name),
    ];
    children.set(key, found);
  }
  return found;
}

export function observe(request, status, milliseconds) {
  const [httpRequests, ofOperation, time] = childrenOf(request.plan, status);
  httpRequests.inc();
  ofOperation.inc();
  time.observe(milliseconds / 1000);
  log.info({ event: 'request', route: '/graphql', method: 'POST', status, milliseconds: Math.round(milliseconds * 10) / 10, operation: request.plan?.name, request_id: request.requestId });
}

export const metrics = () => prometheus.register.metrics();

const random = Buffer.alloc(8192);
let used = random.length;
/** A new request id; random bytes are drawn many at a time. */
export function newRequestId() {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += 16;
  return random.hexSlice(used - 16, used);
}

export const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
