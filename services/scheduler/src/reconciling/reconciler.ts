/**
 * Finds what was accepted and never arrived, and publishes it again (semantics 33): an event without its messages is routed
 * again, a decision without a delivery is published from the message that holds it. Only hours that don't balance are
 * compared, in slices, and nothing is called missing that may still be on its way (wave.ts).
 */
import {
  deliveryChannels,
  deliveryRequested,
  type EventId,
  eventAccepted,
  groups,
  type Lane,
  lanes,
  messageRouted,
} from '@herald/contracts';
import type { Bus, Logger } from '@herald/platform';
import type { EventStore } from '@herald/subscriptions';
import type { Done, Duty, Turn } from '../duty.js';
import { type Kind, Laps } from './laps.js';
import type { PositionCheck } from './position-check.js';
import type {
  DecidedDelivery,
  EventCursor,
  HourSums,
  ReconciliationStore,
  ScannedEvent,
} from './reconciliation.store.js';
import { acceptedAgain, requestedAgain } from './redriven-records.js';
import { type Stage, Wave } from './wave.js';

const EVENTS_AT_ONCE = 1_000;
/** Messages compared in one statement. */
const MESSAGES_AT_ONCE = 5_000;
/** Absent rows of one statement. */
const ABSENT_AT_MOST = 2_000;
/** Of one run; what is left is compared in the next. */
const SCAN_AT_MOST_MS = 3_000;
const PUBLISHED_AT_ONCE = 500;
const SOON_MS = 1_000;
/** Missing ones that are looked at by id; above it they are found again by their hour. */
const REMEMBERED_AT_MOST = 20_000;

export interface ReconcilerParts {
  readonly bus: Bus;
  readonly store: ReconciliationStore;
  readonly events: Pick<EventStore, 'find'>;
  readonly positions: PositionCheck;
  readonly logger: Logger;
}

/** A comparison under way. */
interface Lap {
  readonly kind: Kind;
  readonly sums: HourSums;
  readonly openDead: number;
  cursor: EventCursor | null;
  /** Where a large event's messages go on. */
  page: { readonly event: ScannedEvent; readonly after: string | null } | null;
  costMs: number;
  foundAbsent: boolean;
}

export class Reconciler implements Duty {
  readonly name = 'reconcile';
  readonly everyMs = 15_000;
  private readonly laps = new Laps();
  private readonly eventWaves = new Map<Lane, Wave<ScannedEvent>>();
  private readonly deliveryWaves = new Map<string, Wave<DecidedDelivery>>();
  private readonly missingEvents = new Map<EventId, ScannedEvent>();
  private readonly missingDeliveries = new Map<string, DecidedDelivery>();
  private lap: Lap | null = null;
  private lost = { messages: 0, deliveries: 0 };
  private lostWave: { readonly wave: Wave<never>; readonly messages: number; readonly deliveries: number } | null =
    null;

  constructor(private readonly parts: ReconcilerParts) {}

  async run(turn: Turn): Promise<Done> {
    const { store, positions } = this.parts;
    const checked = await positions.step();
    await this.forgetArrived();
    const routed = await this.settleEvents();
    const published = await this.settleDeliveries();
    await this.settleLost();
    const hours = await store.unbalanced();
    this.laps.keepOnly(hours);
    const isScanning = await this.scan(hours, turn);
    await store.save({
      missingPositions: checked.missing,
      missingMessages: this.missingEvents.size + this.lost.messages,
      missingDeliveries: this.missingDeliveries.size + this.lost.deliveries,
      oldestAbsentAt: this.oldestAbsent(),
    });
    const againInMs = checked.hasMore || isScanning ? SOON_MS : this.waitMs();
    return {
      did: routed + published > 0 ? { eventsRoutedAgain: routed, deliveriesPublishedAgain: published } : null,
      ...(againInMs === undefined ? {} : { againInMs }),
    };
  }

  /** True while there is more to compare. */
  private async scan(hours: readonly HourSums[], turn: Turn): Promise<boolean> {
    const until = performance.now() + SCAN_AT_MOST_MS;
    let openDead: number | undefined;
    while (performance.now() < until && (await turn.goesOn())) {
      if (!this.lap) {
        if (hours.length === 0) return false;
        openDead ??= await this.parts.store.openDeadRecords();
        this.lap = this.nextLap(hours, openDead);
        if (!this.lap) return false;
      }
      const { lap } = this;
      const began = performance.now();
      const isOver = lap.kind === 'messages' ? await this.scanEvents(lap) : await this.scanDeliveries(lap);
      lap.costMs += performance.now() - began;
      if (isOver) {
        this.laps.finished(lap.sums, lap.kind, lap, performance.now());
        this.lap = null;
      }
    }
    return this.lap !== null;
  }

  private nextLap(hours: readonly HourSums[], openDead: number): Lap | null {
    for (const kind of ['messages', 'deliveries'] as const) {
      const sums = this.laps.next(hours, kind, openDead, performance.now());
      if (sums) return { kind, sums, openDead, cursor: null, page: null, costMs: 0, foundAbsent: false };
    }
    return null;
  }

  /** One slice of events whose messages are looked for. True: the hour is through. */
  private async scanEvents(lap: Lap): Promise<boolean> {
    const { store } = this.parts;
    const slice = await store.events(lap.sums.hour, lap.cursor, EVENTS_AT_ONCE);
    const absent = new Set(slice.length > 0 ? await store.withoutMessages(slice.map(({ eventId }) => eventId)) : []);
    this.begin(
      this.eventWaves,
      slice.filter(({ eventId }) => absent.has(eventId)),
      ({ lane }) => lane,
      eventStages,
    );
    lap.foundAbsent ||= absent.size > 0;
    lap.cursor = slice.at(-1) ?? lap.cursor;
    return slice.length < EVENTS_AT_ONCE;
  }

  /** The same for decisions: a slice of events with few messages each, or a page of one large event. */
  private async scanDeliveries(lap: Lap): Promise<boolean> {
    const { store } = this.parts;
    if (lap.page) {
      const { event, after } = lap.page;
      const { absent, next } = await store.withoutDeliveriesOf(event, after, MESSAGES_AT_ONCE);
      this.noteAbsent(lap, absent);
      lap.page = next === null ? null : { event, after: next };
      if (!lap.page) lap.cursor = event;
      return false;
    }
    const slice = await store.events(lap.sums.hour, lap.cursor, EVENTS_AT_ONCE);
    const { few, large } = firstOf(slice);
    if (few.length > 0) {
      this.noteAbsent(lap, await store.withoutDeliveries(few, ABSENT_AT_MOST));
      lap.cursor = few.at(-1)!;
    }
    if (large) lap.page = { event: large, after: null };
    return slice.length < EVENTS_AT_ONCE && few.length === slice.length;
  }

  private noteAbsent(lap: Lap, absent: readonly DecidedDelivery[]): void {
    this.begin(this.deliveryWaves, absent, ({ channel, lane }) => `${channel}/${lane}`, deliveryStages);
    lap.foundAbsent ||= absent.length > 0;
  }

  /** What was seen absent is waited for, one wave per key at a time. */
  private begin<Item, Key extends string>(
    waves: Map<Key, Wave<Item>>,
    absent: readonly Item[],
    keyOf: (item: Item) => Key,
    stages: (item: Item) => Stage[],
  ): void {
    for (const [key, items] of Map.groupBy(absent, keyOf)) {
      const wave = waves.get(key) ?? new Wave<Item>(stages(items[0]!));
      waves.set(key, wave);
      wave.add(items);
    }
  }

  private async settleEvents(): Promise<number> {
    const { bus, store, events } = this.parts;
    let routed = 0;
    for (const [lane, wave] of this.eventWaves) {
      if (!(await wave.hasPassed(bus))) continue;
      const byId = new Map(wave.items.map((event) => [event.eventId, event]));
      const missing = await store.withoutMessages([...byId.keys()]);
      for (const id of missing) remember(this.missingEvents, id, byId.get(id)!);
      routed += await this.redrive(missing, 'events without their messages are routed again', async (ids) => {
        const paged = await store.paged(ids);
        if (paged.size > 0) await store.beginPagesAgain([...paged]);
        const rows = await events.find(ids.filter((id) => !paged.has(id)));
        await bus.publish([...rows.values()].map(acceptedAgain));
      });
      this.eventWaves.delete(lane);
    }
    return routed;
  }

  private async settleDeliveries(): Promise<number> {
    const { bus, store } = this.parts;
    let published = 0;
    for (const [key, wave] of this.deliveryWaves) {
      if (!(await wave.hasPassed(bus))) continue;
      const missing = new Map(
        (await store.stillWithoutDelivery(wave.items)).map((decided) => [decided.deliveryId, decided]),
      );
      for (const [id, decided] of missing) remember(this.missingDeliveries, id, decided);
      published += await this.redrive([...missing.keys()], 'decisions without a delivery are published again', (ids) =>
        bus.publish(ids.map((id) => requestedAgain(missing.get(id)!))),
      );
      this.deliveryWaves.delete(key);
    }
    return published;
  }

  /** In slices; what was published again a moment ago waits its turn. */
  private async redrive<Id extends string>(
    missing: readonly Id[],
    what: string,
    publish: (ids: Id[]) => Promise<void>,
  ): Promise<number> {
    if (missing.length > 0) this.laps.hurry(performance.now());
    let count = 0;
    for (let from = 0; from < missing.length; from += PUBLISHED_AT_ONCE) {
      const slice = missing.slice(from, from + PUBLISHED_AT_ONCE);
      const claimed = await this.parts.store.claimRedrive(slice);
      const due = slice.filter((id) => claimed.has(id));
      if (due.length === 0) continue;
      await publish(due);
      count += due.length;
      this.parts.logger.error({ count: due.length, first: due[0] }, what);
    }
    return count;
  }

  private async forgetArrived(): Promise<void> {
    const { store } = this.parts;
    await forget(this.missingEvents, async (ids) => new Set(await store.withoutMessages(ids)));
    await forget(this.missingDeliveries, async (ids) => {
      const still = await store.stillWithoutDelivery(ids.map((id) => this.missingDeliveries.get(id)!));
      return new Set(still.map(({ deliveryId }) => deliveryId));
    });
  }

  /** What hours before the horizon lack is lost: it is counted, after the same wait, and never published again. */
  private async settleLost(): Promise<void> {
    const { bus, store, logger } = this.parts;
    const now = await store.lostBeforeHorizon();
    if (now.messages + now.deliveries === 0) {
      this.lost = now;
      this.lostWave = null;
      return;
    }
    const hasGrown = now.messages > this.lost.messages || now.deliveries > this.lost.deliveries;
    if (!hasGrown) {
      this.lost = now;
      this.lostWave = null;
      return;
    }
    this.lostWave ??= { wave: new Wave<never>(allStages), ...now };
    if (!(await this.lostWave.wave.hasPassed(bus))) return;
    this.lost = {
      messages: Math.min(now.messages, this.lostWave.messages),
      deliveries: Math.min(now.deliveries, this.lostWave.deliveries),
    };
    this.lostWave = null;
    if (this.lost.messages + this.lost.deliveries > 0) {
      logger.error(
        this.lost,
        'messages or deliveries older than the horizon are missing; they can’t be published again',
      );
    }
  }

  private oldestAbsent(): Date | null {
    const times: number[] = [];
    for (const wave of this.eventWaves.values()) for (const { acceptedAtMs } of wave.items) times.push(acceptedAtMs);
    for (const { acceptedAtMs } of this.missingEvents.values()) times.push(acceptedAtMs);
    for (const wave of this.deliveryWaves.values())
      for (const { acceptedAt } of wave.items) times.push(acceptedAt.getTime());
    for (const { acceptedAt } of this.missingDeliveries.values()) times.push(acceptedAt.getTime());
    return times.length === 0 ? null : new Date(times.reduce((oldest, at) => Math.min(oldest, at)));
  }

  /** Soon while something new is waited for; what waits long for its lane is looked at as seldom as everything. */
  private waitMs(): number | undefined {
    const waves = [
      ...this.eventWaves.values(),
      ...this.deliveryWaves.values(),
      ...(this.lostWave ? [this.lostWave.wave] : []),
    ];
    if (waves.length === 0) return undefined;
    const youngestMs = Math.min(...waves.map(({ ageMs }) => ageMs));
    return Math.min(Math.max(SOON_MS, youngestMs / 4), this.everyMs);
  }
}

/** As many events from the first on as have few messages together; or the first, where it alone has many. */
export function firstOf(slice: readonly ScannedEvent[]): {
  readonly few: readonly ScannedEvent[];
  readonly large: ScannedEvent | null;
} {
  let messages = 0;
  for (const [index, event] of slice.entries()) {
    messages += event.expected;
    if (messages <= MESSAGES_AT_ONCE) continue;
    return index === 0 ? { few: [], large: event } : { few: slice.slice(0, index), large: null };
  }
  return { few: slice, large: null };
}

function eventStages({ lane }: ScannedEvent): Stage[] {
  return [
    { group: groups.router, topics: [eventAccepted(lane)] },
    { group: groups.inbox, topics: [messageRouted(lane)] },
  ];
}

function deliveryStages({ channel, lane }: DecidedDelivery): Stage[] {
  return [
    { group: groups.router, topics: [eventAccepted(lane)] },
    { group: groups.channel(channel), topics: [deliveryRequested(channel, lane)] },
  ];
}

const allStages: Stage[] = [
  { group: groups.router, topics: lanes.map(eventAccepted) },
  { group: groups.inbox, topics: lanes.map(messageRouted) },
  ...deliveryChannels.map((channel) => ({
    group: groups.channel(channel),
    topics: lanes.map((lane) => deliveryRequested(channel, lane)),
  })),
];

function remember<Id, Item>(missing: Map<Id, Item>, id: Id, item: Item): void {
  if (missing.size < REMEMBERED_AT_MOST) missing.set(id, item);
}

async function forget<Id, Item>(missing: Map<Id, Item>, stillAbsent: (ids: Id[]) => Promise<Set<Id>>): Promise<void> {
  const ids = [...missing.keys()];
  for (let from = 0; from < ids.length; from += ABSENT_AT_MOST) {
    const slice = ids.slice(from, from + ABSENT_AT_MOST);
    const still = await stillAbsent(slice);
    for (const id of slice) if (!still.has(id)) missing.delete(id);
  }
}
