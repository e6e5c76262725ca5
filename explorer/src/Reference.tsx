// The reference of the gateway, read with the caller's token: a browser that opens its address sends none.
import type { GraphiQLPlugin } from '@graphiql/react';
import { useContext, useEffect, useRef, useState, type MouseEvent } from 'react';

import { SessionContext } from './session';
import { language, say } from './words';

const FIRST = 'index.html';

interface Place {
  page: string;
  anchor: string;
}

function ReferencePane() {
  const token = useContext(SessionContext)?.token ?? '';
  const [place, setPlace] = useState<Place>({ page: FIRST, anchor: '' });
  const [refused, setRefused] = useState('');
  const content = useRef<HTMLDivElement>(null);
  const shown = useRef('');

  useEffect(() => {
    let isLatest = true;
    const wanted = `${place.page} ${token}`;
    void (shown.current === wanted ? Promise.resolve(null) : load(place.page, token)).then((found) => {
      if (!isLatest) return;
      setRefused(typeof found === 'string' ? found : '');
      if (found) content.current?.replaceChildren(...(typeof found === 'string' ? [] : found));
      shown.current = typeof found === 'string' ? '' : wanted;
      const target = place.anchor && content.current?.querySelector(`[id="${CSS.escape(place.anchor)}"]`);
      (target || content.current)?.scrollIntoView();
    });
    return () => void (isLatest = false);
  }, [place, token]);

  function onClick(event: MouseEvent) {
    const href = (event.target as Element).closest('a')?.getAttribute('href');
    if (!href || /^[a-z]+:/.test(href)) return;
    event.preventDefault();
    const [page, anchor = ''] = href.split('#');
    setPlace({ page: page || place.page, anchor: decodeURIComponent(anchor) });
  }

  return (
    <section className="reference" aria-label={say('Reference')} onClick={onClick}>
      {refused && <p role="alert" lang={language}>{refused}</p>}
      <div ref={content} />
    </section>
  );
}

/** The list of pages and the content of one, or why there is none. */
async function load(page: string, token: string): Promise<Element[] | string> {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  try {
    const answer = await fetch(`/reference/${page}`, { headers, credentials: 'omit', cache: 'no-store' });
    if (answer.status === 401 || answer.status === 403) {
      return say('The reference needs a token with schema:introspect.');
    }
    if (!answer.ok) return say('The gateway has no such page (HTTP {status}).', { status: answer.status });
    const found = new DOMParser().parseFromString(await answer.text(), 'text/html');
    return [...found.querySelectorAll('body > nav, main > *')];
  } catch {
    return say('The gateway did not answer. Check that it is running and that you are online.');
  }
}

function ReferenceIcon() {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M10 5c-2-1.5-4-2-7-2v12c3 0 5 .5 7 2 2-1.5 4-2 7-2V3c-3 0-5 .5-7 2zv12" />
    </svg>
  );
}

export const REFERENCE_PLUGIN: GraphiQLPlugin = {
  title: say('Reference'),
  content: ReferencePane,
  icon: ReferenceIcon,
};
