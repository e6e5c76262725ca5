// An operation as a command for a shell.
interface Request {
  query: string;
  variables: string;
  token: string;
  isStream: boolean;
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The command; `variables` is the text of the editor, left out if it is no JSON object. */
export function curl({ query, variables, token, isStream }: Request): string {
  const body: Record<string, unknown> = { query, ...parsed(variables) };
  const headers = ['Content-Type: application/json', ...(isStream ? ['Accept: text/event-stream'] : [])];
  if (token) headers.push(`Authorization: Bearer ${token}`);
  return [
    `curl ${isStream ? '--no-buffer ' : ''}${quoted(`${location.origin}/graphql`)}`,
    ...headers.map((header) => `  --header ${quoted(header)}`),
    `  --data ${quoted(JSON.stringify(body))}`,
  ].join(' \\\n');
}

function parsed(variables: string): Record<string, unknown> {
  try {
    return variables.trim() ? { variables: JSON.parse(variables) as unknown } : {};
  } catch {
    return {};
  }
}
