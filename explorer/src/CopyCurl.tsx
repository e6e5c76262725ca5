import { ToolbarButton, useGraphiQL } from '@graphiql/react';
import { useState } from 'react';

import { isDevelopment } from './callers';
import { curl } from './curl';
import type { Gateway } from './gateway';

/** Copies the operation in the editor as a command. A token of production is a secret: there a variable stands for it. */
export function CopyCurl({ gateway }: { gateway: Gateway }) {
  const query = useGraphiQL((state) => state.queryEditor);
  const variables = useGraphiQL((state) => state.variableEditor);
  const [copied, setCopied] = useState(false);

  async function copy() {
    const text = query?.getValue() ?? '';
    const token = gateway.token && !isDevelopment ? '<token>' : gateway.token;
    const isStream = /^\s*subscription\b/m.test(text);
    await navigator.clipboard.writeText(
      curl({ query: text, variables: variables?.getValue() ?? '', token, isStream }),
    );
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  }

  return (
    <ToolbarButton onClick={() => void copy()} label={copied ? 'Copied' : 'Copy as curl'}>
      <span className="curl-icon" aria-hidden="true">
        {copied ? '✓' : 'curl'}
      </span>
    </ToolbarButton>
  );
}
