// Claims by what the document asks for: only these columns, the invoice by a join, and every relation in one statement
// when the rows are there, instead of a loader for each.
import { batches, claim, CLAIM_COLUMNS, ITEM_COLUMNS, list, page } from '../database.mjs';
import { isDescending } from '../resolvers.mjs';

const INVOICE = {
  id: 'v.id', number: 'v.number', status: 'v.status', billingMonth: 'v.billing_month', totalAmount: 'v.total_cents',
  settledAmount: 'v.settled_cents', dueAmount: 'v.total_cents - v.settled_cents',
};
const JOIN = `LEFT JOIN invoice_lines l ON l.billed_claim_id = c.id
  LEFT JOIN invoices v ON v.id = l.invoice_id AND v.provider_cnes IN (?)`;

const chosen = (columns, names) => Object.fromEntries(Object.entries(columns).filter(([name]) => names.has(name)));

/** What to select for a document; `fields` are its fields such as "Claim.items". */
export function selectionOf(fields) {
  const of = (type) => [...fields].filter((each) => each.startsWith(`${type}.`)).map((each) => each.slice(type.length + 1));
  const claims = new Set(['id', 'patientId', 'payerAns', ...of('Claim')]);
  const invoice = claims.has('invoice') ? [...new Set(['id', ...of('Invoice')])].filter((name) => INVOICE[name]) : [];
  const joined = invoice.map((name) => `${INVOICE[name]} AS v_${name}`);
  return {
    columns: [list('c', chosen(CLAIM_COLUMNS, claims)), ...joined].join(', '),
    join: invoice.length ? JOIN : '',
    invoice,
    items: claims.has('items') ? list('i', chosen(ITEM_COLUMNS, new Set(['id', 'claimId', 'sequence', ...of('ClaimItem')]))) : null,
    denials: fields.has('ClaimItem.denials'),
    patient: claims.has('patient'),
    payer: claims.has('payer'),
  };
}

const more = ({ columns, join }, providers) => ({ columns, join, values: join ? [providers] : [] });

function addInvoices(rows, names) {
  for (const row of rows) {
    row.invoice = null;
    if (row.v_id === null) continue;
    row.invoice = {};
    for (const name of names) row.invoice[name] = row[`v_${name}`];
  }
}

async function addItems(rows, { items, denials }, providers) {
  const found = await batches.itemsOfClaims(rows.map((row) => row.id), providers, items);
  rows.forEach((row, place) => {
    row.items = found[place];
  });
  if (!denials) return;
  const all = found.flat();
  const denied = all.length ? await batches.denialsOfItems(all.map((item) => item.id), providers) : [];
  all.forEach((item, place) => {
    item.denials = denied[place];
  });
}

/** Add the patient and the payer of each row, where the document asks for them. */
export async function addParties(rows, selection) {
  const relations = [['patient', 'patients', 'patientId'], ['payer', 'payers', 'payerAns']].filter(([name]) => selection[name]);
  await Promise.all(relations.map(async ([name, batch, key]) => {
    const found = await batches[batch](rows.map((row) => row[key]));
    rows.forEach((row, place) => {
      row[name] = found[place];
    });
  }));
}

async function complete(rows, selection, providers) {
  if (selection.invoice.length) addInvoices(rows, selection.invoice);
  const waiting = [];
  if (selection.items !== null) waiting.push(addItems(rows, selection, providers));
  if (selection.patient || selection.payer) waiting.push(addParties(rows, selection));
  if (waiting.length) await Promise.all(waiting);
}

export const claimRoots = {
  async claim(_, { id }, { providers, plan, shown }) {
    const row = await claim(id, providers, more(plan.selection, providers));
    if (row === null) return null;
    await complete([row], plan.selection, providers);
    shown([row]);
    return row;
  },
  async claims(_, { first, after, orderBy }, { providers, plan, shown }) {
    const nodes = await page('claims', providers, first, after, isDescending(orderBy), more(plan.selection, providers));
    if (nodes.length) await complete(nodes, plan.selection, providers);
    shown(nodes);
    return { nodes };
  },
};
