import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './page.css';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import type { GraphQLSchema } from 'graphql';
import { StrictMode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { demoCallers, isDevelopment, type DemoCaller } from './callers';
import { ChannelState } from './ChannelState';
import { CopyCurl } from './CopyCurl';
import { exampleTabs } from './examples';
import { Gateway } from './gateway';
import { identify, type Identity } from './identity';
import { Names } from './Names';
import { OPERATIONS_PLUGIN } from './Operations';
import { REFERENCE_PLUGIN } from './Reference';
import { loadSchema } from './schema';
import { SessionContext, type Session } from './session';
import { TopBar } from './TopBar';
import { language } from './words';

const gateway = new Gateway();
const plugins = [OPERATIONS_PLUGIN, HISTORY_PLUGIN, explorerPlugin(), REFERENCE_PLUGIN];

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

/** The schema, as soon as there is a caller who may see it: in development everybody. */
function useSchema(identity: Identity): GraphQLSchema | null {
  const [schema, setSchema] = useState<GraphQLSchema | null>(null);
  const token = gateway.token;
  const isAnonymous = isDevelopment && identity.state === 'anonymous';
  const maySee = isAnonymous || (identity.state === 'known' && identity.caller.maySeeSchema);
  const hasOther = identity.state === 'known' && !identity.caller.maySeeSchema;
  const isLoaded = useRef(false);
  useEffect(() => {
    if (hasOther) {
      setSchema(null);
      isLoaded.current = false;
    }
    if (!maySee || isLoaded.current) return;
    let isLatest = true;
    void loadSchema(token).then((found) => {
      if (!isLatest) return;
      isLoaded.current = found !== null;
      setSchema(found);
    });
    return () => void (isLatest = false);
  }, [maySee, hasOther, token]);
  return schema;
}

function Page() {
  const [identity, setIdentity] = useState<Identity>({ state: 'anonymous' });
  const [callers, setCallers] = useState<DemoCaller[]>([]);
  const schema = useSchema(identity);
  const latest = useRef(0);

  const check = useCallback(async () => {
    const attempt = ++latest.current;
    setIdentity({ state: 'checking' });
    const answer = await identify(gateway);
    if (attempt === latest.current) setIdentity(answer);
  }, []);

  useEffect(() => void check(), [check]);
  useEffect(() => void demoCallers().then(setCallers), []);

  const onToken = useCallback(
    (token: string) => {
      gateway.setToken(token);
      void check();
    },
    [check],
  );

  const onRole = useCallback(
    (role: string) => {
      gateway.setToken(callers.find((caller) => caller.role === role)?.token ?? '', role);
      void check();
    },
    [callers, check],
  );

  const token = gateway.token;
  const session = useMemo<Session>(
    () => ({
      gateway,
      token,
      become: (role) => {
        if (role !== gateway.role && callers.some((caller) => caller.role === role)) onRole(role);
      },
    }),
    [callers, onRole, token],
  );

  return (
    <SessionContext.Provider value={session}>
      <TopBar
        gateway={gateway}
        identity={identity}
        callers={callers}
        onToken={onToken}
        onRole={onRole}
        onForget={forget}
      />
      <main className="page-editor" lang="en">
        {/* Queries and variables can name patients: like the token, they are gone when this browser tab is closed. */}
        <GraphiQL
          fetcher={gateway.fetcher}
          plugins={plugins}
          defaultTabs={exampleTabs}
          defaultEditorToolsVisibility="variables"
          shouldPersistHeaders={false}
          storage={sessionStorage}
          schema={schema}
          dangerouslyAssumeSchemaIsValid
        >
          <GraphiQL.Toolbar>
            {({ prettify, copy, merge }) => (
              <>
                {prettify}
                {merge}
                {copy}
                <CopyCurl gateway={gateway} />
              </>
            )}
          </GraphiQL.Toolbar>
          <GraphiQL.Logo>
            <ChannelState gateway={gateway} />
          </GraphiQL.Logo>
          <ThemeFollower />
          <Names />
        </GraphiQL>
      </main>
    </SessionContext.Provider>
  );
}

document.documentElement.lang = language;
const root = document.getElementById('page');
if (!root) throw new Error('index.html has no element with the id "page"');
createRoot(root).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
