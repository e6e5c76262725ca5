// createClaim with its duties: key, scope, checks, claim, history, event, access log and stored answer in one transaction.
import { createHash } from 'node:crypto';
import { transact } from '../database.mjs';
import { insertClaim, newClaim, termsOf } from '../create.mjs';
import { money, newId } from '../values.mjs';
import { noteChange } from './access_log.mjs';
import { addParties } from './claims.mjs';
import { wake } from './outbox.mjs';

const OPERATION = 'createClaim';

class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export async function createClaim(input, context) {
  try {
    const payload = await transact((run) => once(run, input, context));
    wake();
    return payload;
  } catch (error) {
    const code = error.errno === 1062 ? 'DUPLICATE' : error.code;
    if (!(error instanceof Refused) && code !== 'DUPLICATE') throw error;
    return { claim: null, errors: [{ code, message: error.message }], replayed: false };
  }
}

async function once(run, { claim: input, idempotencyKey }, context) {
  const { subject } = context.caller;
  const digest = createHash('sha256').update(JSON.stringify(input)).digest('hex');
  const key = [subject, OPERATION, idempotencyKey];
  const taken = await run('INSERT IGNORE INTO idempotency_keys (subject, operation, `key`, request_hash, created_at) VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6))', [...key, digest]);
  if (taken.affectedRows === 0) return storedAnswer(run, key, digest);
  const { patientId, terms } = await check(run, input, context);
  const row = newClaim(input, patientId, subject, terms);
  await insertClaim(run, row);
  await addHistory(run, row);
  await addEvent(run, row);
  context.persons.push(patientId);
  await noteChange(run, context);
  await addParties([row], context.plan.selection);
  await run('UPDATE idempotency_keys SET response = ? WHERE subject = ? AND operation = ? AND `key` = ?', [JSON.stringify(row), ...key]);
  return { claim: row, errors: [], replayed: false };
}

async function storedAnswer(run, key, digest) {
  const [found] = await run('SELECT request_hash AS digest, response FROM idempotency_keys WHERE subject = ? AND operation = ? AND `key` = ? FOR UPDATE', key);
  if (found.digest !== digest) throw new Refused('IDEMPOTENCY_KEY_REUSED', 'this key was used for another request');
  return { claim: JSON.parse(found.response), errors: [], replayed: true };
}

async function check(run, input, { providers }) {
  if (!providers.includes(input.providerCnes)) throw new Refused('NOT_FOUND', 'no such provider');
  const [parties] = await run(
    `SELECT p.ans_code AS payer, o.cnes AS provider, v.patient_id AS patientId, v.starts_on AS startsOn, v.ends_on AS endsOn,
      k.ends_on AS contractEndsOn, d.id AS duplicate
    FROM payers p LEFT JOIN providers o ON o.cnes = ? LEFT JOIN coverages v ON v.payer_ans = p.ans_code AND v.card_number = ?
    LEFT JOIN contracts k ON k.provider_cnes = o.cnes AND k.payer_ans = p.ans_code
    LEFT JOIN claims d ON d.provider_cnes = o.cnes AND d.payer_ans = p.ans_code AND d.provider_claim_number = ?
    WHERE p.ans_code = ?`,
    [input.providerCnes, input.cardNumber, input.providerClaimNumber, input.payerAnsCode],
  );
  if (!parties?.provider || !parties.patientId) throw new Refused('NOT_FOUND', 'no such payer, provider or card');
  if (parties.duplicate) throw new Refused('DUPLICATE', 'this number exists');
  const day = input.serviceDate;
  if (day < parties.startsOn || (parties.endsOn && day > parties.endsOn)) throw new Refused('NOT_COVERED', 'not covered on that day');
  if (parties.contractEndsOn && day > parties.contractEndsOn) throw new Refused('NO_CONTRACT', 'the contract has ended');
  const terms = await termsOf(run, input);
  for (const { codeSystem, code } of input.items) {
    const term = terms.get(codeSystem + code);
    const isValid = term && (!term.validFrom || term.validFrom <= day) && (!term.validTo || day <= term.validTo);
    if (!isValid) throw new Refused('UNKNOWN_CODE', `no code ${code} in table ${codeSystem}`);
  }
  return { patientId: parties.patientId, terms };
}

async function addHistory(run, row) {
  await run(
    "INSERT INTO claim_history (id, claim_id, action, status, version, claimed_cents, actor, at) VALUES (?, ?, 'CREATE', ?, 1, ?, ?, ?)",
    [newId('hst'), row.id, row.status, row.claimedAmount, row.actor, row.createdAt],
  );
}

async function addEvent(run, row) {
  const data = { claimId: row.id, providerClaimNumber: row.providerClaimNumber, status: row.status, claimedAmount: money(row.claimedAmount), version: 1 };
  await run(
    "INSERT INTO peer_outbox (event_id, name, aggregate_id, provider_cnes, payer_ans, patient_id, data, recorded_at) VALUES (?, 'ClaimCreated', ?, ?, ?, ?, ?, ?)",
    [newId('evt'), row.id, row.providerCnes, row.payerAns, row.patientId, JSON.stringify(data), row.createdAt],
  );
}
