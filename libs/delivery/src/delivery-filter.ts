/** From an operator's filter to SQL: which deliveries, and in which span of days they may be. Pure. */
import type { DeliveryFilter } from '@herald/contracts';

/** A place in the list, newest first. `at` is a time as the database wrote it, to the microsecond. */
export interface DeliveryPlace {
  readonly at: string;
  readonly id: string;
}

/** From inclusive, to exclusive; texts that PostgreSQL reads as times. */
export interface Span {
  readonly from: string;
  readonly to: string;
}

const LEAST_ID = '00000000-0000-0000-0000-000000000000';
const DAY_MS = 86_400_000;
const SPANS = 12;

/** Everything in `span` has been looked at. */
export function placeBelow({ from }: Span): DeliveryPlace {
  return { at: from, id: LEAST_ID };
}

/**
 * The days in which to look, newest first: today, then twice as many with each step, down to the first that there are. Each
 * is a query of its own over few partitions, so that what is found soon costs little, and what isn't can be left off.
 */
export function spansOf(filter: DeliveryFilter, place: DeliveryPlace | null, nowMs: number): Span[] {
  const until = earlier(filter.before, place ? justAfter(place.at) : undefined);
  const startMs = Math.min(until === undefined ? nowMs : Date.parse(until), nowMs);
  const today = Math.floor(startMs / DAY_MS) * DAY_MS;
  const spans: Span[] = [];
  let to = until ?? 'infinity';
  for (let step = 0; step < SPANS; step += 1) {
    const isLast = step === SPANS - 1;
    const from = isLast ? '-infinity' : new Date(today - (2 ** step - 1) * DAY_MS).toISOString();
    if (filter.after !== undefined && (isLast || Date.parse(from) <= Date.parse(filter.after))) {
      spans.push({ from: filter.after, to });
      break;
    }
    spans.push({ from, to });
    to = from;
  }
  return spans;
}

function earlier(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Date.parse(a) <= Date.parse(b) ? a : b;
}

/** Cursors count microseconds, dates milliseconds: a bound that surely lies above. */
function justAfter(at: string): string {
  return new Date(Date.parse(at) + 1).toISOString();
}

const columns = {
  status: ['d.status', 'text'],
  channel: ['d.channel', 'text'],
  accountId: ['d.account_id', 'text'],
  destinationId: ['d.destination_id', 'uuid'],
  eventId: ['d.event_id', 'uuid'],
  messageId: ['d.message_id', 'uuid'],
  category: ['d.category', 'text'],
  providerCode: ['d.provider_code', 'text'],
} as const satisfies Partial<Record<keyof DeliveryFilter, readonly [string, string]>>;

export function whereOf(
  filter: DeliveryFilter,
  place: DeliveryPlace | null,
  span: Span,
): { readonly where: string; readonly values: unknown[] } {
  const values: unknown[] = [span.from, span.to];
  const terms = ['d.accepted_at >= $1::timestamptz', 'd.accepted_at < $2::timestamptz'];
  for (const [key, [column, type]] of Object.entries(columns)) {
    const value = filter[key as keyof typeof columns];
    if (value === undefined) continue;
    values.push(value);
    terms.push(`${column} = $${values.length}::${type}`);
  }
  if (place) {
    values.push(place.at, place.id);
    terms.push(`(d.accepted_at, d.delivery_id) < ($${values.length - 1}::timestamptz, $${values.length}::uuid)`);
  }
  return { where: terms.join(' and '), values };
}
