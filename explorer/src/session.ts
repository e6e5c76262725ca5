// What the panes inside GraphiQL share with the page around it.
import { createContext } from 'react';

import type { Gateway } from './gateway';

export interface Session {
  gateway: Gateway;
  /** The gateway's token, whose change panes notice. */
  token: string;
  /** Become the demo's caller with this role; where there is none, the token stays. */
  become(role: string): void;
}

export const SessionContext = createContext<Session | null>(null);
