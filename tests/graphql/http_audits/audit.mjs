// audit.mjs URL [TOKEN]: runs the GraphQL-over-HTTP server audits against it; prints [{id, name, status, reason}] as JSON.
import { serverAudits } from 'graphql-http';

const [url, token] = process.argv.slice(2);

function fetchFn(address, { headers, ...options } = {}) {
  return fetch(address, { ...options, headers: token ? { ...headers, authorization: `Bearer ${token}` } : headers });
}

const results = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const { id, name, status, reason } = await audit.fn();
  results.push({ id, name, status, reason });
}
console.log(JSON.stringify(results));
