/**
 * Routes batches of accepted events (semantics 6, 9, 10, 11): the row is committed, then everything is published in one
 * go, then the records are finished. Every step may run again: what is stored first stays, the rest is repeated onto it.
 */
import {
  type AccountId,
  type EventAccepted,
  type EventId,
  eventAcceptedSchema,
  findSubtype,
  HORIZON_DAYS,
  PAGED_AUDIENCE_OVER,
} from '@herald/contracts';
import type { Bus, DatabaseClock, DeadRecords, IncomingRecord, Item, Logger, OutgoingRecord } from '@herald/platform';
import type { EventStore, EventToStore, SettingsSnapshot } from '@herald/subscriptions';
import { type RoutableEvent, routedRecords } from './routed-records.js';

/** A batch of lists becomes many records: each publish must be acknowledged in time, and fit into memory. */
const RECORDS_PER_PUBLISH = 5_000;
/** An event older than this, made by another record, is a repeat and isn't routed: its tombstones may be gone (semantics 35). */
const HORIZON_MS = HORIZON_DAYS * 24 * 60 * 60_000;

export interface RouterParts {
  readonly bus: Bus;
  readonly clock: DatabaseClock;
  readonly events: EventStore;
  readonly snapshot: SettingsSnapshot;
  readonly deadRecords: DeadRecords;
  readonly logger: Logger;
}

export class EventRouter {
  constructor(private readonly parts: RouterParts) {}

  async route(batch: readonly Item<EventAccepted>[]): Promise<void> {
    const stored = await this.parts.events.insert(batch.map(({ record, value }) => toStore(record, value)));
    const own: Item<EventAccepted>[] = [];
    const others: Item<EventAccepted>[] = [];
    // Of two equal ids in one batch the first is the row's own record.
    for (const item of batch) (stored.delete(item.value.eventId) ? own : others).push(item);
    const routable = new Map<EventId, RoutableEvent>(own.map(({ value }) => [value.eventId, fromRecord(value)]));
    if (others.length > 0) {
      for (const event of await this.settleOthers(others))
        if (!routable.has(event.eventId)) routable.set(event.eventId, event);
    }
    await this.publish([...routable.values()].filter((event) => !isPaged(event)));
  }

  /** Records whose event has a row already: read again, repeated by the producer, or in conflict with it. */
  private async settleOthers(items: readonly Item<EventAccepted>[]): Promise<RoutableEvent[]> {
    const { events, deadRecords, clock } = this.parts;
    const found = await events.find([...new Set(items.map(({ value }) => value.eventId))]);
    const again = new Map<EventId, RoutableEvent>();
    const repeats: { eventId: EventId; position: IncomingRecord }[] = [];
    for (const { record, value } of items) {
      const row = found.get(value.eventId);
      if (!row) throw new Error(`the row of event ${value.eventId} was neither stored nor found`);
      const isOwnRecord =
        row.topic === record.topic && row.partition === record.partition && row.offset === record.offset;
      if (row.fingerprint !== value.fingerprint) {
        await deadRecords.keep(record, 'CONFLICTING_KEY', `event ${value.eventId} was accepted with another body`);
        continue;
      }
      if (!isOwnRecord) repeats.push({ eventId: value.eventId, position: record });
      if (isOwnRecord || clock.nowMs() - row.acceptedAt.getTime() < HORIZON_MS) again.set(value.eventId, row);
    }
    if (repeats.length > 0) await events.keepRepeats(repeats);
    return [...again.values()];
  }

  private async publish(events: readonly RoutableEvent[]): Promise<void> {
    if (events.length === 0) return;
    const { bus, clock, logger, snapshot } = this.parts;
    const accounts = await snapshot.accounts(events.flatMap(accountsOf));
    const routedAt = clock.now();
    let slice: OutgoingRecord[] = [];
    for (const event of events) {
      for (const id of accountsOf(event)) {
        const account = accounts.get(id);
        if (!account)
          logger.warn({ eventId: event.eventId, accountId: id }, 'an account is gone since its event was accepted');
        slice.push(...routedRecords(event, id, account, routedAt));
        if (slice.length < RECORDS_PER_PUBLISH) continue;
        await bus.publish(slice);
        slice = [];
      }
    }
    if (slice.length > 0) await bus.publish(slice);
  }
}

/** A subtype that this version doesn't know is unreadable here: better kept aside than stored and never routed. */
export function parseEventAccepted(value: string): EventAccepted {
  const event = eventAcceptedSchema.parse(JSON.parse(value));
  if (!findSubtype(event.subtype)) throw new Error(`the message type ${event.subtype} is not known to this version`);
  return event;
}

function accountsOf({ audience }: Pick<RoutableEvent, 'audience'>): readonly AccountId[] {
  if ('accountId' in audience) return [audience.accountId];
  return 'accountIds' in audience ? [...new Set(audience.accountIds)] : [];
}

function isPaged(event: Pick<RoutableEvent, 'audience'>): boolean {
  return 'all' in event.audience || accountsOf(event).length > PAGED_AUDIENCE_OVER;
}

function toStore(record: IncomingRecord, event: EventAccepted): EventToStore {
  const paged = isPaged(event);
  return { event, position: record, expected: paged ? 0 : accountsOf(event).length, isPaged: paged };
}

function fromRecord(event: EventAccepted): RoutableEvent {
  return {
    ...event,
    acceptedAt: new Date(event.acceptedAt),
    occurredAt: new Date(event.occurredAt),
    expiresAt: event.expiresAt === null ? null : new Date(event.expiresAt),
  };
}
