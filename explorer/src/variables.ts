// Values of an operation's variables that work on the data that there is.
import type { Operation, Source } from '../operations.mjs';
import type { Gateway } from './gateway';

/** The text of the variables, and what to do for each that nothing was found for. */
export async function withValues(gateway: Gateway, operation: Operation): Promise<{ text: string; hints: string[] }> {
  const hints: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, source] of Object.entries(operation.variables)) {
    const value = await valueOf(gateway, source);
    values[name] = value ?? null;
    if (value === undefined) hints.push(`$${name}: nothing found. First ${source.first ?? 'fill in the variables'}.`);
  }
  return { text: JSON.stringify(values, null, 2), hints };
}

async function valueOf(gateway: Gateway, source: Source): Promise<unknown> {
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
