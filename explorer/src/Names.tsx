// Names for what GraphiQL and its plugins leave without one, or call something else than they show.
import { useGraphiQL, useMonaco } from '@graphiql/react';
import { useEffect } from 'react';

import { say } from './words';

export function Names() {
  useTabNames();
  usePaneNames();
  return null;
}

/**
 * GraphiQL marks a list item with two buttons inside as a tab, which screen readers read as one control. Here the tabs
 * become what they are: a list of buttons, of which one is current. React sets the attributes again with each change.
 * On a phone the current one may be beyond the edge.
 */
function useTabNames(): void {
  const tabs = useGraphiQL((state) => state.tabs);
  const active = useGraphiQL((state) => state.activeTabIndex);
  const isReady = useMonaco((state) => Boolean(state.monaco));
  useEffect(() => {
    const list = document.querySelector('.graphiql-tabs');
    list?.removeAttribute('role');
    list?.querySelectorAll('li').forEach((item, index) => {
      item.removeAttribute('role');
      item.removeAttribute('aria-selected');
      item.querySelector('.graphiql-tab-button')?.setAttribute('aria-current', String(index === active));
      if (index === active) item.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    });
  }, [tabs, active, isReady]);
}

/** The fields of the query builder have no labels, and the entries of the history are all called "Set active". */
function usePaneNames(): void {
  const plugin = useGraphiQL((state) => state.visiblePlugin);
  useEffect(() => {
    const pane = document.querySelector('.graphiql-plugin');
    if (!pane || !plugin) return;
    const name = () => {
      pane.querySelectorAll('.graphiql-history-item-label').forEach((entry) => entry.removeAttribute('aria-label'));
      pane.querySelectorAll('input:not([aria-label]), select:not([aria-label])').forEach((field) => {
        const argument = field.closest('[data-arg-name]')?.getAttribute('data-arg-name');
        field.setAttribute('aria-label', argument ?? field.getAttribute('placeholder') ?? say('kind of operation'));
      });
    };
    const observer = new MutationObserver(name);
    name();
    observer.observe(pane, { childList: true, subtree: true });
    return () => observer.disconnect();
  }, [plugin]);
}
