/** The rows of accepted events: the first body wins, and everything later is made from the stored row (semantics 6). */
import type { Audience, Content, EventAccepted, EventId, Lane, ProducerId, Severity } from '@herald/contracts';
import type { Database } from '@herald/platform';

export interface RecordPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface EventToStore {
  readonly event: EventAccepted;
  readonly position: RecordPosition;
  /** Messages it must have; 0 where pages will add theirs. */
  readonly expected: number;
  readonly isPaged: boolean;
}

export interface StoredEvent {
  readonly eventId: EventId;
  readonly acceptedAt: Date;
  readonly producerId: ProducerId;
  readonly fingerprint: string;
  readonly audience: Audience;
  readonly category: string;
  readonly subtype: string;
  readonly severity: Severity;
  readonly lane: Lane;
  readonly content: Content;
  readonly occurredAt: Date;
  readonly expiresAt: Date | null;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface KnownEvent {
  readonly eventId: EventId;
  readonly fingerprint: string;
}

export interface EventProgress {
  readonly eventId: EventId;
  readonly acceptedAt: Date;
  readonly expected: number;
  readonly isPaging: boolean;
  readonly messages: number;
  readonly decided: number;
  readonly skipped: number;
  readonly deliveries: Readonly<Record<string, number>>;
}

const columns = `event_id as "eventId", accepted_at as "acceptedAt", producer_id as "producerId", fingerprint, audience, category, subtype,
  severity, lane, content, occurred_at as "occurredAt", expires_at as "expiresAt", topic, partition, record_offset as "offset"`;

export class EventStore {
  constructor(private readonly database: Database) {}

  /** Stores what is new, with its page cursor and its sums, in one statement. Answers the ids that were new. */
  async insert(events: readonly EventToStore[]): Promise<Set<EventId>> {
    const column = <T>(pick: (entry: EventToStore) => T) => events.map(pick);
    const { rows } = await this.database.query<{ event_id: EventId }>(
      {
        name: 'event-insert',
        text: `
          with incoming as (
            select * from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
              $10::text[], $11::timestamptz[], $12::timestamptz[], $13::int[], $14::boolean[], $15::text[], $16::int[], $17::bigint[])
              as i (event_id, accepted_at, producer_id, fingerprint, audience, category, subtype, severity, lane, content, occurred_at, expires_at,
                expected, is_paged, topic, partition, record_offset)
          ), stored as (
            insert into routing.event (event_id, accepted_at, producer_id, fingerprint, audience, category, subtype, severity, lane, content,
              occurred_at, expires_at, expected, is_paged, topic, partition, record_offset)
            select event_id, accepted_at, producer_id, fingerprint, audience::json, category, subtype, severity, lane, content::json,
              occurred_at, expires_at, expected, is_paged, topic, partition, record_offset from incoming
            on conflict (event_id) do nothing
            returning event_id, accepted_at, expected, is_paged, lane
          ), pages as (
            insert into routing.audience_page (event_id, lane, accepted_at) select event_id, lane, accepted_at from stored where is_paged
          ), sums as (
            insert into routing.ledger (hour, kind, count)
            select hour, kind, count from (
              select date_trunc('hour', accepted_at) as hour, 'accepted' as kind, count(*) as count from stored group by 1
              union all
              select date_trunc('hour', accepted_at), 'expected', sum(expected) from stored group by 1
            ) sums_of_hours
          )
          select event_id from stored`,
      },
      [
        column(({ event }) => event.eventId),
        column(({ event }) => event.acceptedAt),
        column(({ event }) => event.producerId),
        column(({ event }) => event.fingerprint),
        column(({ event }) => JSON.stringify(event.audience)),
        column(({ event }) => event.category),
        column(({ event }) => event.subtype),
        column(({ event }) => event.severity),
        column(({ event }) => event.lane),
        column(({ event }) => JSON.stringify(event.content)),
        column(({ event }) => event.occurredAt),
        column(({ event }) => event.expiresAt),
        column(({ expected }) => expected),
        column(({ isPaged }) => isPaged),
        column(({ position }) => position.topic),
        column(({ position }) => position.partition),
        column(({ position }) => position.offset),
      ],
    );
    return new Set(rows.map(({ event_id }) => event_id));
  }

  async find(ids: readonly EventId[]): Promise<Map<EventId, StoredEvent>> {
    const { rows } = await this.database.query<StoredEvent>(
      { name: 'event-find', text: `select ${columns} from routing.event where event_id = any($1::uuid[])` },
      [ids],
    );
    return new Map(rows.map((row) => [row.eventId, row]));
  }

  async fingerprints(ids: readonly EventId[]): Promise<Map<EventId, string>> {
    const { rows } = await this.database.query<KnownEvent>(
      {
        name: 'event-fingerprints',
        text: 'select event_id as "eventId", fingerprint from routing.event where event_id = any($1::uuid[])',
      },
      [ids],
    );
    return new Map(rows.map(({ eventId, fingerprint }) => [eventId, fingerprint]));
  }

  /** A record of an event that has a row made by another record (semantics 32). */
  async keepRepeats(
    repeats: readonly { readonly eventId: EventId; readonly position: RecordPosition }[],
  ): Promise<void> {
    await this.database.query(
      `insert into routing.repeat (topic, partition, record_offset, event_id)
       select * from unnest($1::text[], $2::int[], $3::bigint[], $4::uuid[]) on conflict do nothing`,
      [
        repeats.map(({ position }) => position.topic),
        repeats.map(({ position }) => position.partition),
        repeats.map(({ position }) => position.offset),
        repeats.map(({ eventId }) => eventId),
      ],
    );
  }

  /** What became of a producer's own event; null for anybody else's. */
  async progress(eventId: EventId, producerId: ProducerId): Promise<EventProgress | null> {
    const { rows } = await this.database.query<EventProgress>(
      {
        // By name: planning over all days of deliveries costs more than the query.
        name: 'event-progress',
        text: `select e.event_id as "eventId", e.accepted_at as "acceptedAt", e.expected,
         exists (select 1 from routing.audience_page p where p.event_id = e.event_id) as "isPaging",
         m.messages, m.decided, m.skipped,
         coalesce((select json_object_agg(status, n) from (
           select status, count(*) as n from delivery.delivery d
           where d.event_id = e.event_id and d.accepted_at = e.accepted_at group by status) s), '{}') as deliveries
       from routing.event e, lateral (
         select count(distinct message_id)::int as messages,
           count(*) filter (where d ->> 'channel' <> 'inbox' and d ->> 'decision' = 'send')::int as decided,
           count(*) filter (where d ->> 'channel' <> 'inbox' and d ->> 'decision' = 'skip')::int as skipped
         from inbox.message m left join lateral json_array_elements(m.decisions) d on true where m.event_id = e.event_id) m
       where e.event_id = $1 and e.producer_id = $2`,
      },
      [eventId, producerId],
    );
    return rows[0] ?? null;
  }
}
