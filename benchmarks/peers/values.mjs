// The scalars: integer cents and ten-thousandths in the database, text on the wire.
import { GraphQLScalarType } from 'graphql';
import { randomBytes } from 'node:crypto';

export const money = (cents) => {
  const text = String(Math.abs(cents)).padStart(3, '0');
  return `${cents < 0 ? '-' : ''}${text.slice(0, -2)}.${text.slice(-2)}`;
};
const quantity = (value) => String(value / 10000);
const moment = (text) => `${text.replace(' ', 'T')}Z`;
const month = (text) => `${text.slice(0, 4)}-${text.slice(4)}`;
export const cents = (text) => Math.round(Number(text) * 100);
export const tenThousandths = (text) => Math.round(Number(text) * 10000);

const scalar = (name, serialize) => new GraphQLScalarType({ name, serialize, parseValue: (value) => value });
export const scalars = {
  Money: scalar('Money', money),
  Quantity: scalar('Quantity', quantity),
  Date: scalar('Date', (value) => value),
  DateTime: scalar('DateTime', moment),
  YearMonth: scalar('YearMonth', month),
};

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** A new id that sorts by its time: a prefix, 10 characters of time, 16 of chance. */
export function newId(prefix) {
  let text = '';
  for (let left = Date.now(), place = 0; place < 10; place += 1, left = Math.floor(left / 32)) text = ALPHABET[left % 32] + text;
  for (const byte of randomBytes(16)) text += ALPHABET[byte & 31];
  return `${prefix}_${text}`;
}
export const now = () => `${new Date().toISOString().slice(0, -1).replace('T', ' ')}000`;
