import { useEffect, useId, useState, type ClipboardEvent, type FormEvent } from 'react';

import { isDevelopment, type DemoCaller } from './callers';
import { cleanToken, type Gateway } from './gateway';
import type { Caller, Identity } from './identity';
import { roleOf, say } from './words';

const STATUS_ID = 'caller';
const NOBODY = {
  role: 'No role yet: requests are anonymous',
  token: 'No token yet: requests are anonymous',
} as const;

interface Props {
  gateway: Gateway;
  identity: Identity;
  /** The roles to choose from; none outside of development. */
  callers: DemoCaller[];
  onToken(token: string): void;
  onRole(role: string): void;
  onForget(): void;
}

export function TopBar({ gateway, identity, callers, onToken, onRole, onForget }: Props) {
  const isDemo = gateway.role !== '';
  return (
    <header className="bar">
      <h1 className="bar-title">
        {say('Convênio billing gateway')} {isDevelopment && <span className="bar-tag">{say('development')}</span>}
      </h1>
      <div className="bar-token">
        {callers.length > 0 && (
          <select aria-label={say('Role')} value={gateway.role} onChange={(event) => onRole(event.target.value)}>
            <option value="">{isDemo ? say('own token…') : say('choose a role…')}</option>
            {callers.map(({ role }) => (
              <option key={role} value={role}>
                {roleOf(role)}
              </option>
            ))}
          </select>
        )}
        {isDemo ? (
          <button type="button" onClick={onForget}>
            {say('Forget')}
          </button>
        ) : (
          <TokenForm gateway={gateway} identity={identity} onToken={onToken} onForget={onForget} />
        )}
      </div>
      <div className="bar-status" id={STATUS_ID} role="status">
        <IdentityStatus identity={identity} hasRoles={callers.length > 0} />
      </div>
    </header>
  );
}

type FormProps = Pick<Props, 'gateway' | 'identity' | 'onToken' | 'onForget'>;

function TokenForm({ gateway, identity, onToken, onForget }: FormProps) {
  const inputId = useId();
  const [draft, setDraft] = useState(gateway.token);
  const [visible, setVisible] = useState(false);

  function apply(text: string) {
    const token = cleanToken(text);
    setDraft(token);
    onToken(token);
  }

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    apply(draft);
  }

  function onPaste(event: ClipboardEvent<HTMLInputElement>) {
    event.preventDefault();
    apply(event.clipboardData.getData('text'));
  }

  const pending = cleanToken(draft) !== gateway.token;
  return (
    <form className="bar-form" onSubmit={onSubmit} autoComplete="off">
      <label htmlFor={inputId}>{say('Bearer token')}</label>
      <input
        id={inputId}
        type={visible ? 'text' : 'password'}
        value={draft}
        placeholder={say('paste a token')}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        aria-describedby={STATUS_ID}
        aria-invalid={identity.state === 'refused'}
        onChange={(event) => setDraft(event.target.value)}
        onPaste={onPaste}
      />
      <button type="button" aria-pressed={visible} disabled={!draft} onClick={() => setVisible(!visible)}>
        {visible ? say('Hide') : say('Show')}
      </button>
      {pending ? (
        <button type="submit" className="bar-primary">
          {say('Use')}
        </button>
      ) : (
        <button type="button" disabled={!draft} onClick={onForget}>
          {say('Forget')}
        </button>
      )}
    </form>
  );
}

function IdentityStatus({ identity, hasRoles }: { identity: Identity; hasRoles: boolean }) {
  switch (identity.state) {
    case 'anonymous':
      return <span className="who who-quiet">{say(NOBODY[hasRoles ? 'role' : 'token'])}</span>;
    case 'checking':
      return <span className="who who-quiet">{say('Checking the token…')}</span>;
    case 'known':
      return <CallerStatus caller={identity.caller} />;
    case 'refused':
      return (
        <span className="who">
          <span className="chip chip-bad">{identity.code}</span>
          <span className="who-detail">{identity.detail}</span>
        </span>
      );
  }
}

function CallerStatus({ caller }: { caller: Caller }) {
  return (
    <span className="who">
      <span className="who-subject">{caller.subject}</span>
      {caller.roles.map((role) => (
        <span key={role} className="chip chip-good">
          {roleOf(role)}
        </span>
      ))}
      {caller.roles.length === 0 && <span className="chip">{say('no role')}</span>}
      {caller.dataScope && <span className="who-quiet">{caller.dataScope}</span>}
      {!caller.maySeeSchema && <span className="who-quiet">{say('no schema: it needs schema:introspect')}</span>}
      {caller.expiresAt && <Remaining end={caller.expiresAt} />}
    </span>
  );
}

/** The remaining lifetime of the token, counted down. */
function Remaining({ end }: { end: Date }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 15_000);
    return () => clearInterval(timer);
  }, [end]);
  const minutes = Math.ceil((end.getTime() - now) / 60_000);
  const title = say('The token expires at {time}', { time: end.toLocaleString() });
  if (minutes <= 0) {
    return (
      <span className="chip chip-bad" title={title}>
        {say('expired')}
      </span>
    );
  }
  const text =
    minutes < 120
      ? say('{count} min left', { count: minutes })
      : say('{count} h left', { count: Math.floor(minutes / 60) });
  return (
    <span className="who-quiet" title={title} aria-live="off">
      {text}
    </span>
  );
}
