// Whose token it is, according to the gateway.
import { isDevelopment } from './callers';
import { TransportError, type Gateway } from './gateway';
import { say } from './words';

export interface Caller {
  subject: string;
  roles: string[];
  /** Whose data the token opens, in words; empty if it names none. */
  dataScope: string;
  expiresAt: Date | null;
  maySeeSchema: boolean;
}

export type Identity =
  | { state: 'anonymous' }
  | { state: 'checking' }
  | { state: 'known'; caller: Caller }
  | { state: 'refused'; code: string; detail: string };

const QUERY = 'query Me { me { subject roles permissions providerCnes payerAnsCode patientId expiresAt } }';

interface Me {
  subject: string;
  roles: string[];
  permissions: string[];
  providerCnes: string[];
  payerAnsCode: string | null;
  patientId: string | null;
  expiresAt: string | null;
}

export async function identify(gateway: Gateway): Promise<Identity> {
  if (!gateway.token) return { state: 'anonymous' };
  try {
    const { status, result } = await gateway.post({ query: QUERY, operationName: 'Me' });
    const me = result.data?.['me'] as Me | null | undefined;
    if (me) return { state: 'known', caller: callerOf(me) };
    const error = result.errors?.[0];
    const code = error?.extensions?.['code'];
    return {
      state: 'refused',
      code: typeof code === 'string' ? code : `HTTP ${status}`,
      detail: error?.message ?? say('The gateway did not say whose token this is.'),
    };
  } catch (error) {
    if (error instanceof TransportError) return { state: 'refused', code: 'NO ANSWER', detail: error.message };
    throw error;
  }
}

function callerOf(me: Me): Caller {
  const parts = [];
  if (me.providerCnes.includes('*')) parts.push(say('all providers'));
  else if (me.providerCnes.length > 0) parts.push(`CNES ${me.providerCnes.join(', ')}`);
  if (me.payerAnsCode) parts.push(`ANS ${me.payerAnsCode}`);
  if (me.patientId) parts.push(say('one patient'));
  return {
    subject: me.subject,
    roles: me.roles,
    dataScope: parts.join(' · '),
    expiresAt: me.expiresAt === null ? null : new Date(me.expiresAt),
    maySeeSchema: isDevelopment || me.permissions.includes('schema:introspect'),
  };
}
