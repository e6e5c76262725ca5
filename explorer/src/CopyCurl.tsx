import { ToolbarButton, useGraphiQL } from '@graphiql/react';
import { useState } from 'react';

import { isDevelopment } from './callers';
import { curl } from './curl';
import type { Gateway } from './gateway';
import { language, say } from './words';

/** Copies the operation in the editor as a command. A token of production is a secret: there a variable stands for it. */
export function CopyCurl({ gateway }: { gateway: Gateway }) {
  const query = useGraphiQL((state) => state.queryEditor);
  const variables = useGraphiQL((state) => state.variableEditor);
  const [outcome, setOutcome] = useState('');

  async function copy() {
    const text = query?.getValue() ?? '';
    const token = gateway.token && !isDevelopment ? '<token>' : gateway.token;
    const isStream = /^\s*subscription\b/m.test(text);
    const command = curl({ query: text, variables: variables?.getValue() ?? '', token, isStream });
    // Browsers give the clipboard to pages over HTTPS, or of this machine, only.
    const copied = await navigator.clipboard?.writeText(command).then(
      () => true,
      () => false,
    );
    setOutcome(copied ? say('Copied') : say('The browser refuses to copy'));
    setTimeout(() => setOutcome(''), 2_000);
  }

  return (
    <ToolbarButton onClick={() => void copy()} label={outcome || say('Copy as curl')} lang={language}>
      <span className="curl-icon" aria-hidden="true">
        {outcome === say('Copied') ? '✓' : 'curl'}
      </span>
    </ToolbarButton>
  );
}
