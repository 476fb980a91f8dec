/**
 * What the reconciler asks of the rows, always in slices by an index: a million events an hour must not cost more than they
 * are worth. An absent row is not yet missing: that is wave.ts's to find out (semantics 33).
 */
import type {
  AccountId,
  DeliveryChannel,
  DeliveryId,
  DestinationId,
  EventId,
  Lane,
  MessageId,
  Severity,
} from '@herald/contracts';
import { deliveryId, HORIZON_DAYS } from '@herald/contracts';
import type { Database } from '@herald/platform';

/** Sums of an hour of acceptance. */
export interface HourSums {
  readonly hour: Date;
  readonly expected: number;
  readonly messages: number;
  readonly decided: number;
  readonly stored: number;
}

/** Where a scan goes on: after this event, in order of acceptance. Microseconds matter, so the time is text. */
export interface EventCursor {
  readonly acceptedAt: string;
  readonly eventId: string;
}

export interface ScannedEvent extends EventCursor {
  readonly eventId: EventId;
  readonly lane: Lane;
  readonly expected: number;
  readonly acceptedAtMs: number;
}

/** A decision to send, and all that a record of it needs. */
export interface DecidedDelivery {
  readonly deliveryId: DeliveryId;
  readonly messageId: MessageId;
  readonly eventId: EventId;
  readonly accountId: AccountId;
  readonly channel: DeliveryChannel;
  readonly destinationId: DestinationId;
  readonly label: string;
  readonly lane: Lane;
  readonly category: string;
  readonly subtype: string;
  readonly severity: Severity;
  readonly acceptedAt: Date;
  readonly occurredAt: Date;
  readonly expiresAt: Date | null;
}

export interface Reconciliation {
  readonly missingPositions: number;
  readonly missingMessages: number;
  readonly missingDeliveries: number;
  readonly oldestAbsentAt: Date | null;
}

/** By whole hours, as the sums are: nothing accepted before it is published again. */
const HORIZON = `(date_trunc('hour', now() - interval '${HORIZON_DAYS} days') + interval '1 hour')`;
/** What is younger is most likely on its way. */
const ON_ITS_WAY = `interval '10 seconds'`;

const SUMS = `
  select hour, sum(expected) as expected, sum(messages) as messages, sum(decided) as decided, sum(stored) as stored from (
    select hour, case kind when 'expected' then count else 0 end as expected, case kind when 'messages' then count else 0 end as messages,
      case kind when 'decided' then count else 0 end as decided, 0 as stored from routing.ledger
    union all select hour, 0, 0, 0, stored from delivery.ledger) deltas
  group by hour`;

/**
 * Of messages accepted from $2 to $3. `limit` keeps the planner from joining whole partitions: each look-up reads one of them by
 * its index.
 */
const ABSENT_DELIVERIES = `
  select m.message_id as "messageId", m.event_id as "eventId", m.account_id as "accountId", d.channel, d."destinationId", d.label, m.lane,
    m.category, m.subtype, m.severity, m.accepted_at as "acceptedAt", e.occurred_at as "occurredAt", e.expires_at as "expiresAt"
  from inbox.message m
  cross join lateral json_to_recordset(m.decisions) as d (channel text, "destinationId" uuid, label text, decision text)
  left join lateral (
    select 1 as there from delivery.delivery x
    where x.accepted_at = m.accepted_at and x.accepted_at between $2 and $3 and x.message_id = m.message_id
      and x.destination_id = d."destinationId" limit 1) x on true
  join routing.event e on e.event_id = m.event_id
  where d.decision = 'send' and d.channel <> 'inbox' and x.there is null and m.accepted_at >= ${HORIZON} and m.accepted_at between $2 and $3
    and not exists (select 1 from routing.audience_page p where p.event_id = m.event_id)`;

type DecidedRow = Omit<DecidedDelivery, 'deliveryId'>;

const withId = (row: DecidedRow): DecidedDelivery => ({
  ...row,
  deliveryId: deliveryId(row.messageId, row.destinationId),
});

export class ReconciliationStore {
  constructor(private readonly database: Database) {}

  /** Hours inside the horizon that don't balance. */
  async unbalanced(): Promise<HourSums[]> {
    const { rows } = await this.database.query<HourSums>({
      name: 'reconcile-hours',
      text: `select * from (${SUMS}) hours where hour >= ${HORIZON} and (expected > messages or decided > stored) order by hour`,
    });
    return rows;
  }

  /** What hours before the horizon lack, but for dead records, which are an end. */
  async lostBeforeHorizon(): Promise<{ readonly messages: number; readonly deliveries: number }> {
    const { rows } = await this.database.query<{ messages: number; deliveries: number }>({
      name: 'reconcile-lost',
      text: `
        with lacks as (
          select coalesce(sum(greatest(expected - messages, 0)), 0) as messages, coalesce(sum(greatest(decided - stored, 0)), 0) as deliveries
          from (${SUMS}) hours where hour < ${HORIZON}
        ), dead as (
          select count(*) filter (where topic like 'delivery.requested.%') as deliveries,
            count(*) filter (where topic not like 'delivery.requested.%' and reason <> 'CONFLICTING_KEY') as messages
          from bus.dead_record where redriven_at is null and at < ${HORIZON}
        )
        select greatest(l.messages - d.messages, 0)::bigint as messages, greatest(l.deliveries - d.deliveries, 0)::bigint as deliveries
        from lacks l, dead d`,
    });
    return rows[0]!;
  }

  /** Events of an hour in order of acceptance, but for the youngest. */
  async events(hour: Date, after: EventCursor | null, limit: number): Promise<ScannedEvent[]> {
    const { rows } = await this.database.query<ScannedEvent>(
      {
        name: 'reconcile-events',
        text: `select event_id as "eventId", accepted_at::text as "acceptedAt", lane, expected,
                 (extract(epoch from accepted_at) * 1000)::float8 as "acceptedAtMs" from routing.event
               where accepted_at >= $1 and accepted_at < least($1::timestamptz + interval '1 hour', now() - ${ON_ITS_WAY}) and accepted_at >= ${HORIZON}
                 and (accepted_at, event_id) > (coalesce($2::timestamptz, '-infinity'), $3::uuid)
               order by accepted_at, event_id limit $4`,
      },
      [hour, after?.acceptedAt ?? null, after?.eventId ?? '00000000-0000-0000-0000-000000000000', limit],
    );
    return rows;
  }

  /** Of these events, those without all their messages. Being paged, or ended as a dead record, is not absence. */
  async withoutMessages(ids: readonly EventId[]): Promise<EventId[]> {
    const { rows } = await this.database.query<{ eventId: EventId; absent: number }>(
      {
        name: 'reconcile-messages',
        text: `select e.event_id as "eventId", (e.expected - m.stored)::int as absent from routing.event e
               cross join lateral (select count(*) as stored from inbox.message m where m.event_id = e.event_id) m
               where e.event_id = any($1::uuid[]) and m.stored < e.expected and e.accepted_at >= ${HORIZON}
                 and not exists (select 1 from routing.audience_page p where p.event_id = e.event_id)`,
      },
      [ids],
    );
    if (rows.length === 0) return [];
    const dead = await this.deadOf(rows.map(({ eventId }) => eventId));
    return rows.filter(({ eventId, absent }) => absent > (dead.get(eventId) ?? 0)).map(({ eventId }) => eventId);
  }

  /** Decisions to send without a delivery, of events whose messages are few; in order of acceptance. */
  async withoutDeliveries(events: readonly ScannedEvent[], limit: number): Promise<DecidedDelivery[]> {
    const { rows } = await this.database.query<DecidedRow>(
      { name: 'reconcile-deliveries', text: `${ABSENT_DELIVERIES} and m.event_id = any($1::uuid[]) limit $4` },
      [events.map(({ eventId }) => eventId), events[0]?.acceptedAt, events.at(-1)?.acceptedAt, limit],
    );
    return this.notDead(rows.map(withId));
  }

  /** The same of an event of any size, a page of its messages at a time; `next` is null at the end. */
  async withoutDeliveriesOf(
    { eventId, acceptedAt }: ScannedEvent,
    after: string | null,
    limit: number,
  ): Promise<{ readonly absent: DecidedDelivery[]; readonly next: string | null }> {
    const { rows } = await this.database.query<{ id: string }>(
      {
        name: 'reconcile-page',
        text: `select message_id as id from inbox.message where event_id = $1 and message_id > $2::uuid order by event_id, message_id limit $3`,
      },
      [eventId, after ?? '00000000-0000-0000-0000-000000000000', limit],
    );
    if (rows.length === 0) return { absent: [], next: null };
    const absent = await this.database.query<DecidedRow>(
      {
        name: 'reconcile-page-deliveries',
        text: `${ABSENT_DELIVERIES} and m.event_id = $1 and m.message_id = any($4::uuid[])`,
      },
      [eventId, acceptedAt, acceptedAt, rows.map(({ id }) => id)],
    );
    return { absent: await this.notDead(absent.rows.map(withId)), next: rows.length < limit ? null : rows.at(-1)!.id };
  }

  /** Of these decisions, those that still have no delivery, and no dead record. */
  async stillWithoutDelivery(decided: readonly DecidedDelivery[]): Promise<DecidedDelivery[]> {
    if (decided.length === 0) return [];
    const times = decided.map(({ acceptedAt }) => acceptedAt.getTime());
    const { rows } = await this.database.query<{ id: DeliveryId }>(
      {
        name: 'reconcile-still',
        text: `select k.id from unnest($1::uuid[], $2::timestamptz[]) as k (id, accepted_at)
               left join lateral (
                 select 1 as there from delivery.delivery d
                 where d.delivery_id = k.id and d.accepted_at = k.accepted_at and d.accepted_at between $3 and $4 limit 1) d on true
               where d.there is null and k.accepted_at >= ${HORIZON}`,
      },
      [
        decided.map(({ deliveryId }) => deliveryId),
        decided.map(({ acceptedAt }) => acceptedAt),
        new Date(Math.min(...times)),
        new Date(Math.max(...times)),
      ],
    );
    const absent = new Set(rows.map(({ id }) => id));
    return this.notDead(decided.filter(({ deliveryId }) => absent.has(deliveryId)));
  }

  /**
   * Of these, those that may be published again now: each waits longer after every time, so that what never arrives is not
   * published without end.
   */
  async claimRedrive(ids: readonly string[]): Promise<Set<string>> {
    const { rows } = await this.database.query<{ id: string }>(
      `insert into scheduler.redriven as r (id, times, at) select distinct id, 1, now() from unnest($1::uuid[]) id order by id
       on conflict (id) do update set times = r.times + 1, at = now()
         where r.at < now() - least(interval '1 hour', interval '30 seconds' * power(2, least(r.times, 10)))
       returning id`,
      [ids],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** A paged audience begins again from its first account; its expected messages are counted anew with its pages. */
  async beginPagesAgain(ids: readonly EventId[]): Promise<void> {
    await this.database.query(
      `with gone as (
         select event_id, lane, accepted_at, expected from routing.event where event_id = any($1::uuid[]) and is_paged order by event_id for update
       ), pages as (
         insert into routing.audience_page (event_id, lane, accepted_at) select event_id, lane, accepted_at from gone
         on conflict do nothing returning event_id
       ), reset as (
         update routing.event e set expected = 0 from gone g join pages p on p.event_id = g.event_id where e.event_id = g.event_id
         returning g.accepted_at, g.expected
       )
       insert into routing.ledger (hour, kind, count)
       select date_trunc('hour', accepted_at), 'expected', -sum(expected) from reset group by 1 having sum(expected) <> 0`,
      [ids],
    );
  }

  /** Of the events, which are paged. */
  async paged(ids: readonly EventId[]): Promise<Set<EventId>> {
    const { rows } = await this.database.query<{ id: EventId }>(
      'select event_id as id from routing.event where event_id = any($1::uuid[]) and is_paged',
      [ids],
    );
    return new Set(rows.map(({ id }) => id));
  }

  async save(found: Reconciliation): Promise<void> {
    await this.database.query(
      `insert into delivery.reconciliation (at, missing_positions, missing_messages, missing_deliveries, oldest_absent_at)
       values (now(), $1, $2, $3, $4)
       on conflict (only_row) do update set at = now(), missing_positions = excluded.missing_positions,
         missing_messages = excluded.missing_messages, missing_deliveries = excluded.missing_deliveries,
         oldest_absent_at = excluded.oldest_absent_at`,
      [found.missingPositions, found.missingMessages, found.missingDeliveries, found.oldestAbsentAt],
    );
  }

  /** Dead records that are open: an hour's imbalance may have ended in one. */
  async openDeadRecords(): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>(
      'select count(*) as count from bus.dead_record where redriven_at is null',
    );
    return rows[0]!.count;
  }

  /** How many messages of each event ended as dead records: all, where the event's own record did. */
  private async deadOf(ids: readonly EventId[]): Promise<Map<EventId, number>> {
    const { rows } = await this.database.query<{ id: EventId; isEvent: boolean; count: number }>(
      `select id, "isEvent", count(*)::int as count from (
         select substring(value from '"eventId":"([^"]+)"') as id, topic like 'event.accepted.%' as "isEvent" from bus.dead_record
         where redriven_at is null and reason <> 'CONFLICTING_KEY' and topic not like 'delivery.requested.%') dead
       where id = any($1::text[]) group by id, "isEvent"`,
      [ids],
    );
    const dead = new Map<EventId, number>();
    for (const { id, isEvent, count } of rows)
      dead.set(id, isEvent ? Number.POSITIVE_INFINITY : (dead.get(id) ?? 0) + count);
    return dead;
  }

  private async notDead(decided: readonly DecidedDelivery[]): Promise<DecidedDelivery[]> {
    if (decided.length === 0) return [];
    const { rows } = await this.database.query<{ id: string }>(
      `select id from (
         select substring(value from '"deliveryId":"([^"]+)"') as id from bus.dead_record
         where redriven_at is null and topic like 'delivery.requested.%') dead
       where id = any($1::text[])`,
      [decided.map(({ deliveryId }) => deliveryId)],
    );
    const dead = new Set<string>(rows.map(({ id }) => id));
    return decided.filter(({ deliveryId }) => !dead.has(deliveryId));
  }
}
