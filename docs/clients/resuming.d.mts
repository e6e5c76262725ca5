import type { Client } from 'graphql-ws';

export function resuming(client: Client, options?: { retryMilliseconds?: number }): Client;
