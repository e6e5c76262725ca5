// All traffic to the gateway: POST for queries and mutations, one WebSocket for subscriptions.
import type { Fetcher, FetcherParams } from '@graphiql/toolkit';
import { Kind, parse, type ExecutionResult, type OperationDefinitionNode } from 'graphql';
import { createClient, type Client } from 'graphql-ws';

import { say } from './words';

const PATH = '/graphql';
const TOKEN_KEY = 'gateway:token';
const ROLE_KEY = 'gateway:role';
const ACCEPT = 'application/graphql-response+json, application/json';

export type Channel =
  | { state: 'idle' }
  | { state: 'connecting' }
  | { state: 'live' }
  | { state: 'closed'; reason: string };

/** A failure of the transport: no answer, or an answer that is not GraphQL. */
export class TransportError extends Error {
  override name = 'TransportError';
  // GraphiQL shows all of an error; its stack would only hide the message.
  override stack = undefined;
}

export interface Answer {
  status: number;
  result: ExecutionResult;
}

/** Accepts what people paste: a bare token, a header value or a whole header line, with line breaks. */
export function cleanToken(pasted: string): string {
  return pasted
    .trim()
    .replace(/^authorization\s*:\s*/i, '')
    .replace(/^bearer\s+/i, '')
    .replace(/[\s"']+/g, '');
}

const CLOSE_REASONS: Record<number, string> = {
  1001: say('the gateway is stopping'),
  1006: say('connection lost or refused'),
  1011: say('internal error of the gateway'),
  1012: say('the gateway is restarting'),
  1013: say('the gateway is not available, try again later'),
};

function closeReason(event: CloseEvent): string {
  return `${event.code} ${event.reason || (CLOSE_REASONS[event.code] ?? '')}`.trim();
}

function isCloseEvent(value: unknown): value is CloseEvent {
  return typeof value === 'object' && value !== null && 'code' in value && 'reason' in value;
}

function isGraphQLResult(value: unknown): value is ExecutionResult {
  return typeof value === 'object' && value !== null && ('data' in value || 'errors' in value);
}

export class Gateway {
  #token = cleanToken(sessionStorage.getItem(TOKEN_KEY) ?? '');
  #channel: Channel = { state: 'idle' };
  #listeners = new Set<() => void>();
  #client = this.#connect();

  get token(): string {
    return this.#token;
  }

  /** The role of the demo whose token it is; empty for a token of one's own. */
  get role(): string {
    return sessionStorage.getItem(ROLE_KEY) ?? '';
  }

  /** Stores the token for this browser tab only; a socket opened with the previous token is closed. */
  setToken(token: string, role = ''): void {
    sessionStorage.setItem(ROLE_KEY, role);
    if (token === this.#token) return;
    this.#token = token;
    if (token) sessionStorage.setItem(TOKEN_KEY, token);
    else sessionStorage.removeItem(TOKEN_KEY);
    void this.#client.dispose();
    this.#client = this.#connect();
    this.#setChannel({ state: 'idle' });
  }

  channel = (): Channel => this.#channel;

  onChannel = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  fetcher: Fetcher = (params, options) => {
    // Right after a change of tabs GraphiQL still has the previous tab's operation, so the text decides.
    const operation = chosenOperation(params);
    const request = operation ? { ...params, operationName: operation.name?.value } : params;
    if (operation?.operation === 'subscription') return this.#subscribe(request);
    return this.post(request, options?.headers).then((answer) => answer.result);
  };

  async post(params: FetcherParams, extraHeaders: Record<string, string> = {}): Promise<Answer> {
    const headers = new Headers({ accept: ACCEPT, 'content-type': 'application/json' });
    if (this.#token) headers.set('authorization', `Bearer ${this.#token}`);
    for (const [name, value] of Object.entries(extraHeaders)) headers.set(name, String(value));

    let response: Response;
    try {
      response = await fetch(PATH, {
        method: 'POST',
        headers,
        body: JSON.stringify(params),
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
      });
    } catch {
      throw new TransportError(say('The gateway did not answer. Check that it is running and that you are online.'));
    }
    const text = await response.text();
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      body = undefined;
    }
    if (!isGraphQLResult(body)) {
      const excerpt = text.trim().slice(0, 500);
      const status = `HTTP ${response.status} ${response.statusText}`.trim();
      const said = excerpt ? say(' It says: {excerpt}', { excerpt }) : '';
      throw new TransportError(say('{status}: the response is not GraphQL.', { status }) + said);
    }
    return { status: response.status, result: body };
  }

  #setChannel(channel: Channel): void {
    this.#channel = channel;
    for (const listener of this.#listeners) listener();
  }

  #connect(): Client {
    const token = this.#token;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const client: Client = createClient({
      url: `${scheme}://${location.host}${PATH}`,
      connectionParams: token ? { authorization: `Bearer ${token}` } : {},
      // A lost subscription is shown and not restarted silently: a restart could skip or repeat events.
      retryAttempts: 0,
    });
    const show = (channel: Channel) => {
      if (client === this.#client) this.#setChannel(channel);
    };
    client.on('connecting', () => show({ state: 'connecting' }));
    client.on('connected', () => show({ state: 'live' }));
    client.on('closed', (event) => {
      if (isCloseEvent(event) && event.code === 1000) show({ state: 'idle' });
      else show({ state: 'closed', reason: isCloseEvent(event) ? closeReason(event) : say('connection lost') });
    });
    return client;
  }

  #subscribe(params: FetcherParams): AsyncIterableIterator<ExecutionResult> {
    const events = this.#client.iterate({
      query: params.query,
      variables: params.variables as Record<string, unknown> | undefined,
      operationName: params.operationName,
    });
    const iterator: AsyncIterableIterator<ExecutionResult> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () =>
        (events.next() as Promise<IteratorResult<ExecutionResult>>).catch((error: unknown) => {
          throw readable(error);
        }),
      return: async () => {
        await events.return?.();
        return { done: true, value: undefined };
      },
    };
    return iterator;
  }
}

/** The operation to run; undefined if there is none or the choice is unclear, which the gateway then reports. */
function chosenOperation(params: FetcherParams): OperationDefinitionNode | undefined {
  try {
    const operations = parse(params.query).definitions.filter((part) => part.kind === Kind.OPERATION_DEFINITION);
    if (operations.length === 1) return operations[0];
    return operations.find((one) => one.name?.value === params.operationName);
  } catch {
    return undefined;
  }
}

/** GraphQL errors pass through unchanged; a closed socket becomes a sentence. */
function readable(error: unknown): unknown {
  if (isCloseEvent(error)) {
    return new TransportError(say('The gateway closed the subscription channel: {reason}.', { reason: closeReason(error) }));
  }
  if (error instanceof Event) return new TransportError(say('The subscription channel could not be opened.'));
  return error;
}
