// The collection: each operation of the documents, by role. Choosing one fills the editor, the variables and the role.
import { useGraphiQL, useGraphiQLActions, type GraphiQLPlugin } from '@graphiql/react';
import { parse, print } from 'graphql';
import { useContext, useState } from 'react';
import collection from 'virtual:operations';

import type { Operation } from '../operations.mjs';
import { SessionContext } from './session';
import { withValues } from './variables';
import { language, nameOf, roleOf, say } from './words';

const NARROW = '(max-width: 48rem)';
const roles = [...new Set(collection.map((operation) => operation.role))];

function OperationsPane() {
  const session = useContext(SessionContext);
  const editors = useGraphiQL((state) => ({ query: state.queryEditor, variables: state.variableEditor }));
  const { addTab } = useGraphiQLActions();
  const [sought, setSought] = useState('');

  async function open(operation: Operation) {
    session?.become(operation.role);
    const query = textOf(operation);
    addTab();
    editors.query?.setValue(query);
    editors.variables?.setValue('');
    if (matchMedia(NARROW).matches) closePane();
    if (!session || Object.keys(operation.variables).length === 0) return;
    const { text, hints } = await withValues(session.gateway, operation);
    // Whoever chose something else meanwhile keeps that.
    if (editors.query?.getValue() !== query) return;
    editors.variables?.setValue(text);
    editors.query.setValue(hints.map((hint) => `# ${hint}\n`).join('') + query);
  }

  const wanted = sought.trim().toLowerCase();
  const matches = (one: Operation) =>
    `${one.name} ${nameOf(one.name)} ${one.kind} ${sourceOf(one)} ${one.query}`.toLowerCase().includes(wanted);
  return (
    <section className="operations" aria-label={say('Operations')} lang={language}>
      <h2>{say('Operations')}</h2>
      <input
        type="search"
        aria-label={say('Search the operations')}
        placeholder={say('search: claims, denial, batch…')}
        value={sought}
        onChange={(event) => setSought(event.target.value)}
      />
      {roles.map((role) => (
        <Group
          key={role}
          role={role}
          operations={collection.filter((one) => one.role === role && matches(one))}
          onOpen={(operation) => void open(operation)}
        />
      ))}
    </section>
  );
}

interface GroupProps {
  role: string;
  operations: Operation[];
  onOpen(operation: Operation): void;
}

function Group({ role, operations, onOpen }: GroupProps) {
  if (operations.length === 0) return null;
  return (
    <>
      <h3>{roleOf(role)}</h3>
      <ul>
        {operations.map((operation, place) => (
          <li key={place}>
            <button type="button" data-operation={operation.name} onClick={() => onOpen(operation)}>
              <span className="operation-name">{nameOf(operation.name)}</span>
              <span className="operation-source">
                {say(operation.kind)} · {sourceOf(operation)}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

/**
 * The documents save lines; an editor, above all on a phone, is better with short ones. What is found in the data is
 * another object each time, for which a key of an earlier call would be refused.
 */
function textOf(operation: Operation): string {
  const text = `${print(parse(operation.query))}\n`;
  const isFound = Object.values(operation.variables).some((source) => source.query !== undefined);
  if (!isFound) return text;
  const suffix = Date.now().toString(36);
  return text.replaceAll(/(idempotencyKey: "[^"]*)"/g, `$1-${suffix}"`);
}

/** The title of the page that shows it. */
function sourceOf(operation: Operation): string {
  return language === 'en' ? operation.source : operation.portugueseSource;
}

/** GraphiQL remembers whether a pane is open behind its button only. */
function closePane(): void {
  document.querySelector<HTMLButtonElement>('.graphiql-sidebar button.active')?.click();
}

function OperationsIcon() {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M4 3h9l3 3v11H4zM7 8h6M7 11h6M7 14h4" />
    </svg>
  );
}

export const OPERATIONS_PLUGIN: GraphiQLPlugin = {
  title: say('Operations'),
  content: OperationsPane,
  icon: OperationsIcon,
};
