/**
 * Deliveries as people see them: searched, and read with their attempts. The worker's writes are outcome.store.ts, replay and
 * cancel are delivery-change.store.ts. Only here statements on `delivery.delivery` go without the exact `accepted_at`.
 */
import type {
  AttemptView,
  DeliveryChannel,
  DeliveryFilter,
  DeliveryStatus,
  DeliveryView,
  DestinationId,
  MessageId,
  Reason,
} from '@herald/contracts';
import type { Database } from '@herald/platform';
import { type DeliveryPlace, placeBelow, type Span, spansOf, whereOf } from './delivery-filter.js';
import type { AttemptRow } from './outcome.store.js';

/** A delivery beside its message: what the timeline shows. */
export interface DeliveryRecord {
  readonly channel: DeliveryChannel;
  readonly destinationId: DestinationId;
  readonly label: string;
  readonly status: DeliveryStatus;
  readonly reason: Reason | null;
  readonly attempts: readonly AttemptView[];
  /** ISO 8601; null where nothing is planned. */
  readonly nextAttemptAt: string | null;
}

interface MessageDeliveryRow {
  readonly channel: DeliveryChannel;
  readonly destinationId: DestinationId;
  readonly label: string;
  readonly status: DeliveryStatus;
  readonly reason: Reason | null;
  readonly attempts: AttemptRow[];
  readonly dueAt: Date | null;
}

export interface FoundDeliveries {
  readonly items: readonly DeliveryView[];
  /** Where to go on; null at the end. */
  readonly next: DeliveryPlace | null;
}

export type DeliveryWithAttempts = DeliveryView & { readonly attempts: readonly AttemptView[] };

type Row = Omit<DeliveryView, 'acceptedAt' | 'createdAt' | 'endedAt' | 'nextAttemptAt'> & {
  readonly acceptedAt: Date;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  readonly dueAt: Date | null;
  readonly place: string;
};

/** A search that has found too little for so long answers what it has, and where to go on. */
const SEARCH_FOR_MS = 3_000;

/** To the microsecond, as a cursor needs it. */
export const placeColumn = `to_char(d.accepted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** A parked delivery waits for its destination, a leased one is being attempted: of neither a next time is known. */
const dueColumn = `case when o.state = 'scheduled' then o.due_at end`;

const columns = `d.delivery_id as id, d.message_id as "messageId", d.event_id as "eventId", d.account_id as "accountId", d.category, d.subtype,
  d.channel, d.destination_id as "destinationId", d.label, d.status, d.reason, d.attempt_count as "attemptCount", ${dueColumn} as "dueAt",
  d.accepted_at as "acceptedAt", d.created_at as "createdAt", d.ended_at as "endedAt", ${placeColumn} as place`;

function viewOf({ dueAt, acceptedAt, createdAt, endedAt, place: _, ...row }: Row): DeliveryView {
  return {
    ...row,
    nextAttemptAt: dueAt?.toISOString() ?? null,
    acceptedAt: acceptedAt.toISOString(),
    createdAt: createdAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}

export class DeliveryStore {
  constructor(private readonly database: Database) {}

  /** `acceptedAt` is the message's: it names the partition. */
  async forMessage(messageId: MessageId, acceptedAt: Date): Promise<DeliveryRecord[]> {
    const { rows } = await this.database.query<MessageDeliveryRow>(
      `select d.channel, d.destination_id as "destinationId", d.label, d.status, d.reason, d.attempts, ${dueColumn} as "dueAt"
       from delivery.delivery d left join delivery.open o on o.delivery_id = d.delivery_id
       where d.message_id = $1 and d.accepted_at = $2`,
      [messageId, acceptedAt],
    );
    return rows.map(({ attempts, dueAt, ...row }) => ({
      ...row,
      attempts: attempts.map(attemptView),
      nextAttemptAt: dueAt?.toISOString() ?? null,
    }));
  }

  /** Newest acceptance first. A page may hold less than `limit` although there is more: then the search took long. */
  async search(filter: DeliveryFilter, limit: number, from: DeliveryPlace | null): Promise<FoundDeliveries> {
    const narrowed = await narrow(this.database, filter);
    if (narrowed === null) return { items: [], next: null };
    const began = performance.now();
    const rows: Row[] = [];
    const spans = spansOf(narrowed, from, Date.now());
    for (const [index, span] of spans.entries()) {
      rows.push(...(await this.within(narrowed, span, from, limit + 1 - rows.length)));
      if (rows.length > limit) {
        const last = rows[limit - 1]!;
        return { items: rows.slice(0, limit).map(viewOf), next: { at: last.place, id: last.id } };
      }
      if (index < spans.length - 1 && performance.now() - began > SEARCH_FOR_MS) {
        return { items: rows.map(viewOf), next: placeBelow(span) };
      }
    }
    return { items: rows.map(viewOf), next: null };
  }

  async find(id: string): Promise<DeliveryWithAttempts | null> {
    const { rows } = await this.database.query<Row & { attempts: AttemptRow[] }>(
      `select ${columns}, d.attempts from delivery.delivery d left join delivery.open o on o.delivery_id = d.delivery_id
       where d.delivery_id = $1`,
      [id],
    );
    if (!rows[0]) return null;
    const { attempts, ...row } = rows[0];
    return { ...viewOf(row), attempts: attempts.map(attemptView) };
  }

  private async within(filter: DeliveryFilter, span: Span, from: DeliveryPlace | null, limit: number): Promise<Row[]> {
    const { where, values } = whereOf(filter, from, span);
    const { rows } = await this.database.query<Row>(
      `select ${columns} from delivery.delivery d left join delivery.open o on o.delivery_id = d.delivery_id
       where ${where} order by d.accepted_at desc, d.delivery_id desc limit $${values.length + 1}`,
      [...values, limit],
    );
    return rows;
  }
}

/**
 * An event's deliveries have its time, so one instant is looked at instead of all days; so have a message's, where its account
 * is known. Null: there is no such event, so there are no deliveries of it.
 */
export async function narrow(database: Database, filter: DeliveryFilter): Promise<DeliveryFilter | null> {
  const { eventId, messageId, accountId } = filter;
  let at: Date | undefined;
  if (eventId !== undefined) {
    const { rows } = await database.query<{ at: Date }>(
      'select accepted_at as at from routing.event where event_id = $1',
      [eventId],
    );
    if (!rows[0]) return null;
    at = rows[0].at;
  } else if (messageId !== undefined && accountId !== undefined) {
    const { rows } = await database.query<{ at: Date }>(
      'select accepted_at as at from inbox.message where account_id = $1 and message_id = $2',
      [accountId, messageId],
    );
    at = rows[0]?.at;
  }
  if (at === undefined) return filter;
  const first = new Date(at.getTime() - 1);
  const last = new Date(at.getTime() + 2);
  return {
    ...filter,
    after:
      filter.after !== undefined && Date.parse(filter.after) > first.getTime() ? filter.after : first.toISOString(),
    before:
      filter.before !== undefined && Date.parse(filter.before) < last.getTime() ? filter.before : last.toISOString(),
  };
}

export function attemptView(row: AttemptRow, index: number): AttemptView {
  return {
    number: index + 1,
    startedAt: row.at,
    durationMs: row.ms,
    httpStatus: row.http ?? null,
    providerCode: row.code ?? null,
    providerMessage: row.text ?? null,
    error: row.error ?? null,
    retryAfterSeconds: row.after ?? null,
    trigger: row.by,
  };
}
