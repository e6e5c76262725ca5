/** Where the value of a variable comes from: a value, or what a query of this role answers at a path. */
export interface Source {
  value?: unknown;
  query?: string;
  path?: string;
  role?: string;
  /** What to do where there is none. */
  first?: string;
}

export interface Operation {
  name: string;
  kind: 'query' | 'mutation' | 'subscription';
  role: string;
  /** The title of the page that shows it. */
  source: string;
  query: string;
  variables: Record<string, Source>;
}

export function operations(): Operation[];
