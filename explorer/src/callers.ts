// What only a gateway in development has: tokens of the demo's roles, for the page on the gateway's own machine.
export const isDevelopment = document.documentElement.dataset['mode'] === 'development';

export interface DemoCaller {
  role: string;
  token: string;
}

/** The demo's roles; none in production, or where the browser is on another machine. */
export async function demoCallers(): Promise<DemoCaller[]> {
  if (!isDevelopment) return [];
  try {
    const answer = await fetch('/graphql/explorer/callers', { cache: 'no-store' });
    return answer.ok ? ((await answer.json()) as DemoCaller[]) : [];
  } catch {
    return [];
  }
}
