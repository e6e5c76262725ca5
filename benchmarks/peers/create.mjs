// createClaim without duties: the patient of the card, the terms of the codes, the claim and its items in one transaction.
import { transact } from './database.mjs';
import { cents, newId, now, tenThousandths } from './values.mjs';

export async function createClaim({ claim }) {
  return transact(async (run) => {
    const [coverage] = await run('SELECT patient_id AS patientId FROM coverages WHERE payer_ans = ? AND card_number = ?', [
      claim.payerAnsCode, claim.cardNumber,
    ]);
    const row = newClaim(claim, coverage.patientId, 'benchmark', await termsOf(run, claim));
    await insertClaim(run, row);
    return { claim: row, errors: [], replayed: false };
  });
}

export async function termsOf(run, claim) {
  const pairs = claim.items.map((item) => [item.codeSystem, item.code]);
  const rows = await run('SELECT code_system AS codeSystem, code, term, valid_from AS validFrom, valid_to AS validTo FROM tuss_terms WHERE (code_system, code) IN (?)', [pairs]);
  return new Map(rows.map((row) => [row.codeSystem + row.code, row]));
}

export function newClaim(input, patientId, actor, terms) {
  const id = newId('clm');
  const items = input.items.map((item, place) => {
    const quantity = tenThousandths(item.quantity);
    const unitPrice = cents(item.unitPrice);
    const { term } = terms.get(item.codeSystem + item.code);
    return {
      id: newId('itm'), sequence: place + 1, codeSystem: item.codeSystem, code: item.code, description: term.slice(0, 150),
      quantity, unitPrice, totalAmount: Math.round((quantity * unitPrice) / 10000), denials: [],
    };
  });
  return {
    id, type: input.type, status: 'DRAFT', providerCnes: input.providerCnes, payerAns: input.payerAnsCode, patientId,
    providerClaimNumber: input.providerClaimNumber, cardNumber: input.cardNumber, serviceDate: input.serviceDate, actor,
    createdAt: now(), claimedAmount: items.reduce((sum, item) => sum + item.totalAmount, 0), items, invoice: null,
  };
}

export async function insertClaim(run, row) {
  await run(
    `INSERT INTO claims (id, type, status, provider_cnes, payer_ans, patient_id, provider_claim_number, card_number, service_date,
      diagnosis_codes, claimed_cents, version, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, 1, ?, ?)`,
    [row.id, row.type, row.status, row.providerCnes, row.payerAns, row.patientId, row.providerClaimNumber, row.cardNumber,
      row.serviceDate, row.claimedAmount, row.actor, row.createdAt],
  );
  const items = row.items.map((item) => [
    item.id, row.id, item.sequence, item.codeSystem, item.code, item.description, row.serviceDate, item.quantity, item.unitPrice, 100, item.totalAmount,
  ]);
  await run(
    `INSERT INTO claim_items (id, claim_id, sequence, code_system, code, description, performed_on, quantity, unit_price_cents,
      factor, total_cents) VALUES ?`,
    [items],
  );
}
