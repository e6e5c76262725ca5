// The tables of the peer's own outbox and access log, so that those of the gateway stay as they are.
import { query } from '../database.mjs';

const TABLES = [
  'CREATE TABLE IF NOT EXISTS peer_outbox LIKE outbox',
  'CREATE TABLE IF NOT EXISTS peer_entries LIKE access_log_entries',
  'CREATE TABLE IF NOT EXISTS peer_persons LIKE access_log_persons',
  'CREATE TABLE IF NOT EXISTS peer_seals LIKE access_log_seals',
];

export async function makeTables() {
  for (const statement of TABLES) await query(statement);
}
