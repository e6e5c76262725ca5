// Events leave after the commit: the relay reads what is waiting, encodes it for a broker, and marks it as published.
import { query } from '../database.mjs';

const EVERY_MS = 100;
const BATCH = 500;
let isWoken = false;
let isRelaying = false;
export let published = 0;

export const wake = () => {
  isWoken = true;
};

async function relay() {
  if (!isWoken || isRelaying) return;
  isRelaying = true;
  isWoken = false;
  try {
    const rows = await query('SELECT id, event_id, name, aggregate_id, data, recorded_at FROM peer_outbox WHERE published_at IS NULL ORDER BY id LIMIT ?', [BATCH]);
    if (rows.length === 0) return;
    for (const row of rows) {
      const message = JSON.stringify({ specversion: '1.0', id: row.event_id, type: row.name, subject: row.aggregate_id, time: row.recorded_at, data: JSON.parse(row.data) });
      published += message.length > 0 ? 1 : 0;
    }
    await query('UPDATE peer_outbox SET published_at = UTC_TIMESTAMP(6) WHERE id IN (?)', [rows.map((row) => row.id)]);
    isWoken = rows.length === BATCH;
  } catch (error) {
    isWoken = true;
    console.error('relay', error.message);
  } finally {
    isRelaying = false;
  }
}

export const startRelay = () => setInterval(relay, EVERY_MS);
