/** Where the value of a variable comes from: a value, a day, or what a query answers at a path. */
export interface Source {
  value?: unknown;
  day?: 'today' | 'month' | 'monthStart' | 'monthEnd' | 'nextMonth' | 'nextYear' | 'yearStart';
  query?: string;
  path?: string;
  /** What to do where there is none, or the operation to run. */
  first?: string;
  run?: string;
}

export interface Operation {
  name: string;
  kind: 'query' | 'mutation' | 'subscription';
  role: string;
  /** The title of the page that shows it. */
  source: string;
  /** The title of that page in Portuguese. */
  portugueseSource: string;
  query: string;
  variables: Record<string, Source>;
}

export function operations(): Operation[];
