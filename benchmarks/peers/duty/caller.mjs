// Who calls: a bearer token, verified once and then found by its digest, and the rate of each caller.
import { createHash } from 'node:crypto';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const ROLES = JSON.parse(process.env.ROLES);
const keys = createRemoteJWKSet(new URL(process.env.KEYS_URL));
const known = new Map();
const KNOWN_MAX = 10_000;
const RATE = Number(process.env.RATE);
const buckets = new Map();

const digestOf = (authorization) => createHash('sha256').update(authorization).digest('base64');

/** The caller of an Authorization header that was verified before and has not expired, or null. */
export function knownCaller(authorization) {
  if (authorization === undefined) return null;
  const found = known.get(digestOf(authorization));
  return found !== undefined && found.expiresAt > Date.now() ? found : null;
}

/** The caller of an Authorization header; an Error for a token that is refused. */
export async function verifiedCaller(authorization) {
  if (!authorization?.startsWith('Bearer ')) throw new Error('send a bearer token');
  const { payload } = await jwtVerify(authorization.slice(7), keys, {
    issuer: process.env.ISSUER, audience: 'billing-gateway', algorithms: ['ES256'],
  });
  const caller = principal(payload);
  if (known.size >= KNOWN_MAX) known.delete(known.keys().next().value);
  known.set(digestOf(authorization), caller);
  return caller;
}

function principal({ sub, roles, providers, exp }) {
  const permissions = new Set(roles.flatMap((role) => ROLES[role] ?? []));
  return {
    subject: sub, roles: roles.join(','), permissions, permissionKey: [...permissions].sort().join(' '),
    providers, expiresAt: exp * 1000,
  };
}

/** Whether the caller's bucket has a token left for this request. */
export function isWithinRate({ subject }) {
  const now = performance.now();
  const bucket = buckets.get(subject) ?? { left: RATE, at: now };
  bucket.left = Math.min(RATE, bucket.left + ((now - bucket.at) / 1000) * RATE) - 1;
  bucket.at = now;
  buckets.set(subject, bucket);
  return bucket.left >= 0;
}
