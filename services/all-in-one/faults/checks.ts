/** What must be true once the load has ended and everything had time to end: read through the HTTP API alone. */

import { sleep } from '../bench/clock.js';
import { HttpConnection } from '../bench/http-connection.js';
import { type Herald, until } from '../e2e/client.js';

export interface Ledger {
  readonly events: {
    readonly accepted: number;
    readonly routed: number;
    readonly unreadable: number;
    readonly conflicting: number;
  };
  readonly deliveries: {
    readonly decided: number;
    readonly ended: number;
    readonly scheduled: number;
    readonly inFlight: number;
  };
  readonly gap: number;
}

/** The last ledger; balanced or not is for the caller to say. */
export async function awaitBalance(
  herald: Herald,
  withinMs: number,
  isDone: () => Promise<boolean>,
): Promise<{ ledger: Ledger; afterMs: number }> {
  const startedAt = Date.now();
  for (;;) {
    const ledger = (await until('the ledger', () => herald.ledger(), 60_000)) as Ledger;
    const afterMs = Date.now() - startedAt;
    if ((isBalanced(ledger) && (await isDone())) || afterMs > withinMs) return { ledger, afterMs };
    await sleep(500);
  }
}

export function isBalanced({ events, deliveries, gap }: Ledger): boolean {
  return (
    gap === 0 &&
    events.accepted === events.routed &&
    deliveries.decided === deliveries.ended &&
    deliveries.inFlight === 0
  );
}

export interface EndStates {
  readonly ended: number;
  /** Ids of 202'd events in another state, or unknown, with what was answered. */
  readonly others: readonly { readonly eventId: string; readonly answer: string }[];
}

const AT_A_TIME = 32;

/** Asks for every event as its producer would. */
export async function readEndStates(
  ingest: { readonly host: string; readonly port: number },
  key: string,
  eventIds: readonly string[],
): Promise<EndStates> {
  let next = 0;
  let ended = 0;
  const others: { eventId: string; answer: string }[] = [];
  const ask = (connection: HttpConnection, eventId: string) =>
    new Promise<string>((resolve) => {
      const request = `GET /v1/events/${eventId} HTTP/1.1\r\nhost: ${ingest.host}\r\nauthorization: Bearer ${key}\r\n\r\n`;
      connection.send(request, (status, body) => resolve(status === 200 ? body : `${status} ${body}`));
    });
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      const connection = new HttpConnection(ingest.host, ingest.port);
      while (next < eventIds.length) {
        const eventId = eventIds[next++]!;
        const answer = await ask(connection, eventId);
        if (answer.includes('"state":"ended"')) ended += 1;
        else others.push({ eventId, answer: answer.slice(0, 300) });
      }
      connection.close();
    }),
  );
  return { ended, others };
}

export interface InboxCount {
  readonly messages: number;
  /** Events with more than one message. */
  readonly duplicates: number;
  readonly missing: readonly string[];
  /** Messages of events that nobody got a 202 for. */
  readonly foreign: number;
}

/** Reads every account's inbox to its end. `ignored`: events posted before the run counted. */
export async function readInboxes(
  herald: Herald,
  accountIds: readonly string[],
  eventIds: ReadonlySet<string>,
  ignored: ReadonlySet<string>,
): Promise<InboxCount> {
  const seen = new Map<string, number>();
  for (const account of accountIds) {
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { status, body } = await herald.operator(`/v1/messages?limit=100${query}`, { account });
      if (status !== 200) throw new Error(`the inbox of ${account} answered ${status}: ${JSON.stringify(body)}`);
      for (const { eventId } of body.items) seen.set(eventId, (seen.get(eventId) ?? 0) + 1);
      cursor = body.nextCursor;
    } while (cursor !== null);
  }
  for (const eventId of ignored) seen.delete(eventId);
  const counts = [...seen];
  return {
    messages: counts.reduce((sum, [, count]) => sum + count, 0),
    duplicates: counts.filter(([, count]) => count > 1).length,
    missing: [...eventIds].filter((eventId) => !seen.has(eventId)),
    foreign: counts.filter(([eventId]) => !eventIds.has(eventId)).length,
  };
}
