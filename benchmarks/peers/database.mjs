// The pool, and the rows of each type: SQL expressions under the names of the schema's fields.
import mysql from 'mysql2';

const { DB_HOST, DB_PORT, DB_USER, DB_NAME } = process.env;
const pool = mysql.createPool({
  host: DB_HOST, port: Number(DB_PORT), user: DB_USER, database: DB_NAME, connectionLimit: 20, dateStrings: true, timezone: 'Z',
});

export const run = (on, sql, values) =>
  new Promise((resolve, reject) => on.query(sql, values, (error, rows) => (error ? reject(error) : resolve(rows))));
export const query = (sql, values) => run(pool, sql, values);
const borrow = () =>
  new Promise((resolve, reject) => pool.getConnection((error, connection) => (error ? reject(error) : resolve(connection))));

/** Runs `work` in one transaction; what it throws rolls back. */
export async function transact(work) {
  const connection = await borrow();
  try {
    await run(connection, 'START TRANSACTION');
    const result = await work((sql, values) => run(connection, sql, values));
    await run(connection, 'COMMIT');
    return result;
  } catch (error) {
    await run(connection, 'ROLLBACK');
    throw error;
  } finally {
    connection.release();
  }
}

export const list = (alias, names) => Object.entries(names).map(([name, column]) => `${alias}.${column} AS ${name}`).join(', ');

export const CLAIM_COLUMNS = {
  id: 'id', type: 'type', status: 'status', providerClaimNumber: 'provider_claim_number', serviceDate: 'service_date',
  createdAt: 'created_at', claimedAmount: 'claimed_cents', approvedAmount: 'approved_cents', deniedAmount: 'denied_cents',
  patientId: 'patient_id', payerAns: 'payer_ans',
};
export const ITEM_COLUMNS = {
  id: 'id', claimId: 'claim_id', sequence: 'sequence', code: 'code', description: 'description', quantity: 'quantity',
  unitPrice: 'unit_price_cents', totalAmount: 'total_cents',
};
const CLAIM = list('c', CLAIM_COLUMNS);
const ITEM = list('i', ITEM_COLUMNS);
const INVOICE = list('v', {
  id: 'id', number: 'number', status: 'status', billingMonth: 'billing_month', totalAmount: 'total_cents',
  settledAmount: 'settled_cents',
}) + ', v.total_cents - v.settled_cents AS dueAmount';
const LINE = list('l', { id: 'id', invoiceId: 'invoice_id', kind: 'kind', amount: 'amount_cents', settledAmount: 'settled_cents' });
const SETTLEMENT = list('s', {
  id: 'id', status: 'status', amount: 'amount_cents', paidOn: 'paid_on', method: 'method', invoiceId: 'invoice_id',
});
const DENIAL = list('d', { id: 'id', itemId: 'item_id', code: 'code', status: 'status', amount: 'amount_cents' });

const grouped = (ids, rows, key) => {
  const groups = new Map(ids.map((id) => [id, []]));
  for (const row of rows) groups.get(row[key]).push(row);
  return ids.map((id) => groups.get(id));
};
const single = (ids, rows, key) => {
  const found = new Map(rows.map((row) => [row[key], row]));
  return ids.map((id) => found.get(id) ?? null);
};

/** One batch function for each relation; `providers` limits the rows. */
export const batches = {
  async itemsOfClaims(ids, providers, columns = ITEM) {
    const sql = `SELECT ${columns} FROM claim_items i JOIN claims c ON c.id = i.claim_id
      WHERE i.claim_id IN (?) AND c.provider_cnes IN (?) ORDER BY i.claim_id, i.sequence`;
    return grouped(ids, await query(sql, [ids, providers]), 'claimId');
  },
  async invoicesOfClaims(ids, providers) {
    const sql = `SELECT ${INVOICE}, l.billed_claim_id AS claimId FROM invoice_lines l JOIN invoices v ON v.id = l.invoice_id
      WHERE l.billed_claim_id IN (?) AND v.provider_cnes IN (?)`;
    return single(ids, await query(sql, [ids, providers]), 'claimId');
  },
  async denialsOfItems(ids, providers) {
    const sql = `SELECT ${DENIAL} FROM denials d JOIN claims c ON c.id = d.claim_id
      WHERE d.item_id IN (?) AND c.provider_cnes IN (?) ORDER BY d.id`;
    return grouped(ids, await query(sql, [ids, providers]), 'itemId');
  },
  async patients(ids) {
    return single(ids, await query('SELECT id, name FROM patients WHERE id IN (?)', [[...new Set(ids)]]), 'id');
  },
  async payers(codes) {
    return single(codes, await query('SELECT ans_code AS ansCode, name FROM payers WHERE ans_code IN (?)', [[...new Set(codes)]]), 'ansCode');
  },
  async invoices(ids, providers) {
    const sql = `SELECT ${INVOICE} FROM invoices v WHERE v.id IN (?) AND v.provider_cnes IN (?)`;
    return single(ids, await query(sql, [ids, providers]), 'id');
  },
  async linesOfInvoices(ids, providers, first) {
    const sql = `SELECT * FROM (SELECT ${LINE}, ROW_NUMBER() OVER (PARTITION BY l.invoice_id ORDER BY l.id) AS place
      FROM invoice_lines l JOIN invoices v ON v.id = l.invoice_id
      WHERE l.invoice_id IN (?) AND v.provider_cnes IN (?)) AS numbered WHERE place <= ? ORDER BY invoiceId, place`;
    return grouped(ids, await query(sql, [ids, providers, first]), 'invoiceId');
  },
};

/** The claim with this id; the last argument may have other columns, a join, and the values of the join's condition. */
export async function claim(id, providers, { columns = CLAIM, join = '', values = [] } = {}) {
  const sql = `SELECT ${columns} FROM claims c ${join} WHERE c.id = ? AND c.provider_cnes IN (?)`;
  const rows = await query(sql, [...values, id, providers]);
  return rows[0] ?? null;
}

const PAGES = { claims: ['c', CLAIM], invoices: ['v', INVOICE], settlements: ['s', SETTLEMENT] };

/** A page of a table by time of creation; a cursor is the time and the id of the row before, in base64url. `more` is as
 * for `claim`. */
export async function page(table, providers, first, after, descending, more = {}) {
  const [alias, all] = PAGES[table];
  const values = [...(more.values ?? []), providers];
  let where = `${alias}.provider_cnes IN (?)`;
  if (after) {
    const [moment, id] = JSON.parse(Buffer.from(after, 'base64url').toString());
    const sign = descending ? '<' : '>';
    where += ` AND ${alias}.created_at ${sign}= ? AND (${alias}.created_at ${sign} ? OR ${alias}.id ${sign} ?)`;
    values.push(moment, moment, id);
  }
  const way = descending ? 'DESC' : 'ASC';
  const sql = `SELECT ${more.columns ?? all} FROM ${table} ${alias} ${more.join ?? ''} WHERE ${where} ORDER BY ${alias}.created_at ${way}, ${alias}.id ${way} LIMIT ?`;
  return query(sql, [...values, Math.min(first, 100)]);
}
