import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './page.css';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { StrictMode, useCallback, useEffect, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { ChannelState } from './ChannelState';
import { exampleTabs } from './examples';
import { Gateway } from './gateway';
import { identify, type Identity } from './identity';
import { TabNames } from './TabNames';
import { TopBar } from './TopBar';

const gateway = new Gateway();
const plugins = [HISTORY_PLUGIN, explorerPlugin()];

/** Loads the schema again once the gateway is back or the token is valid. */
function SchemaReload({ identity }: { identity: Identity }) {
  const missing = useGraphiQL((state) => state.schema === null && !state.isIntrospecting);
  const { introspect } = useGraphiQLActions();
  const known = identity.state === 'known';
  const tried = useRef(false);
  useEffect(() => {
    if (known && missing && !tried.current) void introspect();
    tried.current = known;
  }, [known, missing, introspect]);
  return null;
}

/** GraphiQL follows the system's colour scheme when it loads; this makes its editors follow later changes too. */
function ThemeFollower() {
  const theme = useGraphiQL((state) => state.theme);
  const { setTheme } = useGraphiQLActions();
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => setTheme(theme);
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [theme, setTheme]);
  return null;
}

/**
 * Forgets the token and everything that was typed or answered with it: the tabs, the history, and, by loading the page
 * anew, the editors' texts, open streams and what the browser holds in memory.
 */
function forget(): void {
  gateway.setToken('');
  sessionStorage.clear();
  // The editors store their texts with a delay, or when the page is left: what comes after the clearing is dropped.
  const drop = () => sessionStorage.clear();
  addEventListener('pagehide', drop);
  location.reload();
}

function Page() {
  const [identity, setIdentity] = useState<Identity>({ state: 'anonymous' });
  const latest = useRef(0);

  const check = useCallback(async () => {
    const attempt = ++latest.current;
    setIdentity({ state: 'checking' });
    const answer = await identify(gateway);
    if (attempt === latest.current) setIdentity(answer);
  }, []);

  useEffect(() => void check(), [check]);

  const onToken = useCallback(
    (token: string) => {
      gateway.setToken(token);
      void check();
    },
    [check],
  );

  return (
    <>
      <TopBar gateway={gateway} identity={identity} onToken={onToken} onForget={forget} />
      <main className="page-editor">
        {/* Queries and variables can name patients: like the token, they are gone when this browser tab is closed. */}
        <GraphiQL
          fetcher={gateway.fetcher}
          plugins={plugins}
          defaultTabs={exampleTabs}
          defaultEditorToolsVisibility="variables"
          shouldPersistHeaders={false}
          storage={sessionStorage}
          inputValueDeprecation
          schemaDescription
        >
          <GraphiQL.Logo>
            <ChannelState gateway={gateway} />
          </GraphiQL.Logo>
          <SchemaReload identity={identity} />
          <ThemeFollower />
          <TabNames />
        </GraphiQL>
      </main>
    </>
  );
}

const root = document.getElementById('page');
if (!root) throw new Error('index.html has no element with the id "page"');
createRoot(root).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
