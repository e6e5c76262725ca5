// The collection of operations: every block of the README, of the pages in docs/ and of operations.md beside this file,
// with the role that runs it and where the values of its variables are found. `node operations.mjs` prints it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const { roles, days, variables } = JSON.parse(readFileSync(join(here, 'variables.json'), 'utf8'));
const { texts } = JSON.parse(readFileSync(join(here, 'portuguese.json'), 'utf8'));

/** @returns {import('./operations.mjs').Operation[]} */
export function operations() {
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  const files = ['explorer/operations.md', ...pages.sort().map((name) => `docs/${name}`), 'README.md'];
  const found = files.flatMap((file) => ofPage(file, readFileSync(join(root, file), 'utf8')));
  // The README repeats what its pages explain.
  return found.filter((one, place) => found.findIndex((other) => other.query === one.query) === place);
}

function ofPage(file, text) {
  const source = titleOf(text) ?? file;
  const sources = { source, portugueseSource: portugueseTitle(file) ?? texts[source] ?? source };
  return [...text.matchAll(/```graphql\n(.*?)```/gs)].flatMap((block) => {
    const paragraph = text.slice(0, block.index).trimEnd().split('\n\n').at(-1);
    const named = /role `(\w+)`/.exec(paragraph)?.[1];
    const parts = block[1].split(/^(?=(?:query|mutation|subscription)\b)/m);
    return parts.map((query) => ofBlock(query.trim(), named, sources)).filter((one) => one !== null);
  });
}

const titleOf = (text) => /^# (.+)$/m.exec(text)?.[1];

function portugueseTitle(file) {
  const page = join(root, 'docs', 'pt-BR', basename(file));
  return file.startsWith('docs/') && existsSync(page) ? titleOf(readFileSync(page, 'utf8')) : undefined;
}

function ofBlock(query, named, sources) {
  const head = /^(query|mutation|subscription)\s+(\w+)\s*(?:\(([^)]*)\))?/.exec(query);
  if (head === null) return null;
  const [, kind, name, declared = ''] = head;
  const fields = rootFields(query.slice(head[0].length));
  const wanted = [...declared.matchAll(/\$(\w+)/g)].map((each) => each[1]);
  const found = wanted.map((variable) => {
    const field = fields.find((each) => `${each}.${variable}` in variables);
    if (field !== undefined) return [variable, variables[`${field}.${variable}`]];
    return [variable, variable in days ? { day: days[variable] } : {}];
  });
  const role = named ?? fields.map((field) => roles[field]).find(Boolean) ?? 'biller';
  return { name, kind, role, ...sources, query: `${query}\n`, variables: Object.fromEntries(found) };
}

/** The names of the outermost fields; what stands in texts and in brackets is skipped. */
function rootFields(selection) {
  const bare = selection.replace(/"""[^]*?"""|"(?:\\.|[^"\\])*"/g, '""');
  const found = [];
  let depth = 0;
  for (const [token] of bare.matchAll(/[{}()[\]]|\w+\s*:?/g)) {
    if ('{(['.includes(token)) depth += 1;
    else if ('})]'.includes(token)) depth -= 1;
    else if (depth === 1 && !token.endsWith(':')) found.push(token.trim());
  }
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(operations()));
