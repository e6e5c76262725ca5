// Who saw what: one entry for each operation and a narrow row for each person in it, written in batches that are chained
// by a digest. Entries of changes are written in their transaction.
import { createHash, createHmac } from 'node:crypto';
import { query, transact } from '../database.mjs';
import { newId, now } from '../values.mjs';

const SECRET = process.env.AUDIT_SECRET;
const EVERY_MS = 200;
const PSEUDONYMS_MAX = 100_000;
const pseudonyms = new Map();
let waiting = [];
let position = 0;
let previous = '0'.repeat(64);
let isWriting = false;

function pseudonymOf(person) {
  let found = pseudonyms.get(person);
  if (found === undefined) {
    found = createHmac('sha256', SECRET).update(person).digest('hex').slice(0, 32);
    if (pseudonyms.size >= PSEUDONYMS_MAX) pseudonyms.clear();
    pseudonyms.set(person, found);
  }
  return found;
}

function entryOf({ caller, plan, requestId, persons }, kind) {
  const id = newId('aud');
  const at = now();
  const seen = [...new Set(persons)].map((person) => [id, pseudonymOf(person), at, plan.classes]);
  const row = [id, at, 'GRAPHQL', kind, caller.subject, caller.roles, 'HPAYMT', plan.root, 'ALLOWED', plan.classes, seen.length, requestId, 'peer', ''];
  return { row, seen };
}

/** Note what a read has shown; it is written with the next batch. */
export function note(context) {
  waiting.push(entryOf(context, 'READ'));
}

const ENTRY = 'INSERT INTO peer_entries (id, at, door, kind, actor, roles, purpose, operation, decision, data_classes, persons, request_id, writer, digest) VALUES ?';
const PERSON = 'INSERT INTO peer_persons (entry_id, person, at, data_classes) VALUES ?';

async function insert(run, entries) {
  await run(ENTRY, [entries.map((each) => each.row)]);
  const seen = entries.flatMap((each) => each.seen);
  if (seen.length) await run(PERSON, [seen]);
}

/** Write the entry of a change in its own transaction. */
export async function noteChange(run, context) {
  await insert(run, [entryOf(context, 'WRITE')]);
}

async function flush() {
  if (isWriting || waiting.length === 0) return;
  isWriting = true;
  const batch = waiting;
  waiting = [];
  try {
    const digest = createHash('sha256').update(previous).update(JSON.stringify(batch)).digest('hex');
    await transact(async (run) => {
      await insert(run, batch);
      await run('INSERT INTO peer_seals VALUES (?)', [[position + 1, digest, previous, now(), batch.length, batch.at(-1).row[0]]]);
    });
    position += 1;
    previous = digest;
  } catch (error) {
    waiting = batch.concat(waiting);
    console.error('access log', error.message);
  } finally {
    isWriting = false;
  }
}

export async function startAccessLog() {
  const [last] = await query('SELECT position, digest FROM peer_seals ORDER BY position DESC LIMIT 1');
  if (last !== undefined) ({ position, digest: previous } = last);
  setInterval(flush, EVERY_MS);
}
