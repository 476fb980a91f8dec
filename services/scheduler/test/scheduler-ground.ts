/** Rows as the stages before the scheduler leave them, and a bus whose positions the test sets. */
import {
  type AccountId,
  type Audience,
  type Decision,
  type DestinationId,
  deliveryId,
  type EventAccepted,
  type EventId,
  eventAccepted,
  eventId,
  messageId,
  type ProducerId,
} from '@herald/contracts';
import { type Database, type Offsets, type OutgoingRecord, partitionOf } from '@herald/platform';
import { EventStore } from '@herald/subscriptions';
import { anId, MemoryBus } from '@herald/testing';

export const PARTITIONS = 3;
export const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * 3_600_000);
export const daysAgo = (days: number): Date => hoursAgo(24 * days);

/** A log per topic with begin, end and what each group has finished; `finishAll` is a group without lag. */
export class SteeredBus extends MemoryBus {
  private readonly ends = new Map<string, number[]>();
  private readonly begins = new Map<string, number[]>();
  private readonly finished = new Map<string, number[]>();

  constructor() {
    super();
    this.onPublish = (records) => {
      for (const { topic, key } of records) {
        const partition = partitionOf(key, PARTITIONS);
        this.setEnd(topic, partition, (this.ends.get(topic)?.[partition] ?? 0) + 1);
      }
    };
  }

  setEnd(topic: string, partition: number, offset: number): void {
    of(this.ends, topic)[partition] = offset;
  }

  setBegin(topic: string, partition: number, offset: number): void {
    of(this.begins, topic)[partition] = offset;
  }

  finish(group: string, topic: string, partition: number, offset: number): void {
    of(this.finished, `${group}/${topic}`)[partition] = offset;
  }

  finishAll(group: string, topic: string): void {
    this.finished.set(`${group}/${topic}`, [...of(this.ends, topic)]);
  }

  override async endOffsets(topic: string): Promise<Offsets> {
    return [...of(this.ends, topic)];
  }

  override async beginOffsets(topic: string): Promise<Offsets> {
    return [...of(this.begins, topic)];
  }

  override async committedOffsets(group: string, topic: string): Promise<Offsets> {
    return [...(this.finished.get(`${group}/${topic}`) ?? Array(PARTITIONS).fill(-1))];
  }

  /** What was published since this was last asked. */
  take(): OutgoingRecord[] {
    return this.published.splice(0);
  }
}

function of(offsets: Map<string, number[]>, key: string): number[] {
  let known = offsets.get(key);
  if (!known) {
    known = Array(PARTITIONS).fill(0);
    offsets.set(key, known);
  }
  return known;
}

export interface StoredEventOptions {
  readonly audience?: Audience;
  readonly acceptedAt?: Date;
  readonly expected?: number;
  readonly isPaged?: boolean;
  readonly lane?: 'urgent' | 'normal' | 'bulk';
  readonly position?: { readonly topic: string; readonly partition: number; readonly offset: number };
}

let offsets = 1_000_000;

/** As the router stores it. */
export async function storeEvent(
  database: Database,
  options: StoredEventOptions = {},
): Promise<EventAccepted & { acceptedAtDate: Date }> {
  const {
    acceptedAt = hoursAgo(1),
    audience = { accountId: anId('acct') as AccountId },
    lane = 'normal',
    isPaged = false,
  } = options;
  const event: EventAccepted = {
    v: 1,
    eventId: eventId('00000000-0000-4000-8000-00000000000a' as ProducerId, null),
    producerId: '00000000-0000-4000-8000-00000000000a' as ProducerId,
    acceptedAt: acceptedAt.toISOString(),
    fingerprint: 'f',
    audience,
    category: 'service',
    subtype: 'svc_bill',
    severity: 'info',
    lane,
    content: {
      locale: 'en-US',
      title: 'Bill',
      body: 'It is ready.',
      translations: {},
      links: [],
      product: null,
      region: null,
      resourceIds: [],
      labels: {},
      dedupKey: null,
    },
    occurredAt: acceptedAt.toISOString(),
    expiresAt: null,
    requestId: null,
  };
  const accounts = 'accountId' in audience ? 1 : 'accountIds' in audience ? audience.accountIds.length : 0;
  offsets += 1;
  const position = options.position ?? { topic: eventAccepted(lane), partition: 0, offset: offsets };
  await new EventStore(database).insert([
    { event, position, expected: options.expected ?? (isPaged ? 0 : accounts), isPaged },
  ]);
  return { ...event, acceptedAtDate: acceptedAt };
}

export const send = (destinationId: string = crypto.randomUUID()): Decision => ({
  channel: 'webhook',
  destinationId: destinationId as DestinationId,
  label: 'Robot',
  decision: 'send',
  reason: null,
});

/** As the inbox stores it. */
export async function storeMessage(
  database: Database,
  event: EventAccepted,
  accountId: string,
  decisions: readonly Decision[] = [],
  options: { readonly hidden?: boolean } = {},
): Promise<string> {
  const id = messageId(event.eventId, accountId as AccountId);
  await database.query(
    `select inbox.store(array[$1]::uuid[], array[$2], array[$3]::uuid[], array[$4], array[$5], array[$6], array[$7], array[null]::text[],
       array[$8]::timestamptz[], array[now()], array[$9]::boolean[], array[$10], array[$11]::int[])`,
    [
      id,
      accountId,
      event.eventId,
      event.category,
      event.subtype,
      event.severity,
      event.lane,
      event.acceptedAt,
      options.hidden ?? false,
      JSON.stringify(decisions),
      decisions.filter(({ decision, channel }) => decision === 'send' && channel !== 'inbox').length,
    ],
  );
  return id;
}

/** As a worker stores it, with its open row where it isn't ended. */
export async function storeDelivery(
  database: Database,
  event: EventAccepted,
  accountId: string,
  destinationId: string,
  options: { readonly status?: 'delivered' | 'scheduled'; readonly attempts?: readonly object[] } = {},
): Promise<string> {
  const message = messageId(event.eventId as EventId, accountId as AccountId);
  const id = deliveryId(message, destinationId as DestinationId);
  const { status = 'delivered', attempts = [] } = options;
  await database.query(`select delivery.make_partition(($1::timestamptz at time zone 'UTC')::date)`, [
    event.acceptedAt,
  ]);
  await database.query(
    `with stored as (
       insert into delivery.delivery (delivery_id, accepted_at, message_id, event_id, account_id, channel, destination_id, label, lane, category,
         subtype, severity, occurred_at, status, pass, attempt_count, attempts)
       values ($1, $2, $3, $4, $5, 'webhook', $6, 'Robot', $7, 'service', 'svc_bill', 'info', $2, $8, 1, 0, $9) on conflict do nothing
       returning delivery_id, accepted_at, status
     ), opened as (
       insert into delivery.open (delivery_id, accepted_at, account_id, channel, destination_id, lane, state, due_at, fence, pass, spent, was_ambiguous,
         last_at, last_reason)
       select delivery_id, accepted_at, $5, 'webhook', $6, 1, 'scheduled', now() + interval '1 hour', 1, 1, 0, false, now() + interval '1 day', 'RETRIES_EXHAUSTED'
       from stored where status = 'scheduled'
     )
     insert into delivery.ledger (hour, stored, ended)
     select date_trunc('hour', accepted_at), 1, case when status = 'scheduled' then 0 else 1 end from stored`,
    [
      id,
      event.acceptedAt,
      message,
      event.eventId,
      accountId,
      destinationId,
      event.lane,
      status,
      JSON.stringify(attempts),
    ],
  );
  return id;
}

const tables = [
  'routing.event',
  'routing.repeat',
  'routing.audience_page',
  'routing.ledger',
  'inbox.message',
  'inbox.account',
  'inbox.unread_delta',
  'delivery.delivery',
  'delivery.open',
  'delivery.own_mail',
  'delivery.queue',
  'delivery.ledger',
  'delivery.failure_told',
  'delivery.reconciliation',
  'bus.dead_record',
  'scheduler.duty',
  'scheduler.compared',
  'scheduler.position_gap',
  'scheduler.redriven',
  'scheduler.text_sweep',
];

/** Everything that events have left. Few rows: truncating hundreds of partitions takes longer. */
export async function forgetAll(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    for (const table of tables) await tx.query(`delete from ${table}`);
  });
}

/** Positions that the router has finished, as repeats of an event. */
export async function finishPositions(
  database: Database,
  bus: SteeredBus,
  topic: string,
  partition: number,
  count: number,
): Promise<void> {
  await database.query(
    'insert into routing.repeat (topic, partition, record_offset, event_id) select $1, $2, n, gen_random_uuid() from generate_series(0, $3 - 1) n',
    [topic, partition, count],
  );
  bus.setEnd(topic, partition, count);
}

export const always = { goesOn: async () => true };
