// Values of an operation's variables that work on the data that there is.
import type { Operation, Source } from '../operations.mjs';
import type { Gateway } from './gateway';
import { nameOf, say, sayIfKnown } from './words';

/** The text of the variables, and what to do for each that nothing was found for. */
export async function withValues(gateway: Gateway, operation: Operation): Promise<{ text: string; hints: string[] }> {
  const hints: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, source] of Object.entries(operation.variables)) {
    const value = await valueOf(gateway, source);
    values[name] = value ?? null;
    if (value !== undefined) continue;
    hints.push(say('{name}: nothing found. First {first}.', { name: `$${name}`, first: firstOf(source) }));
  }
  return { text: JSON.stringify(values, null, 2), hints };
}

/** What to do before there is a value. */
function firstOf(source: Source): string {
  if (source.run) return say('run {operation}', { operation: `"${nameOf(source.run)}"` });
  return source.first ? sayIfKnown(source.first) : say('fill in the variables');
}

async function valueOf(gateway: Gateway, source: Source): Promise<unknown> {
  if (source.day !== undefined) return dayOf(source.day);
  if (source.query === undefined || source.path === undefined) return source.value;
  try {
    const { result } = await gateway.post({ query: source.query });
    return at(result.data, source.path.split('.')) ?? undefined;
  } catch {
    return undefined;
  }
}

function at(value: unknown, path: string[]): unknown {
  return path.reduce<unknown>((found, name) => (found as Record<string, unknown> | null | undefined)?.[name], value);
}

function dayOf(name: NonNullable<Source['day']>): string {
  const now = new Date();
  const [year, month, day] = [now.getFullYear(), now.getMonth(), now.getDate()];
  switch (name) {
    case 'today':
      return written(year, month, day);
    case 'month':
      return written(year, month, 1).slice(0, 7);
    case 'monthStart':
      return written(year, month, 1);
    case 'monthEnd':
      return written(year, month + 1, 0);
    case 'nextMonth':
      return written(year, month + 1, day);
    case 'yearStart':
      return written(year, 0, 1);
    case 'nextYear':
      return written(year + 1, month, day);
  }
}

/** A day as the API writes it; months and days beyond the end count on. */
function written(year: number, month: number, day: number): string {
  return new Date(Date.UTC(year, month, day)).toISOString().slice(0, 10);
}
