import { useGraphiQL, useMonaco } from '@graphiql/react';
import { useEffect } from 'react';

/**
 * GraphiQL marks a list item with two buttons inside as a tab, which screen readers read as one control. Here the tabs
 * become what they are: a list of buttons, of which one is current. React sets the attributes again with each change.
 * On a phone the current one may be beyond the edge.
 */
export function TabNames() {
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
  return null;
}
