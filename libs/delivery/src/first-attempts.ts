/**
 * First attempts, from the bus (semantics 13, 14, 16, 20): what has a row is not attempted, what is in flight is not started
 * again, what finds no room waits for at most a second or is parked. Each record is finished when its delivery's outcome, or
 * that it waits, is in the database.
 */
import type { Content, DeliveryChannel, DeliveryId, DestinationId, Lane } from '@herald/contracts';
import { type BatchWriter, isDataFault, type Logger, makeBatchWriter } from '@herald/platform';
import type { Run } from './deliver.js';
import { type Delivery, firstPass, type Pass } from './delivery.js';
import type { DestinationStates } from './destination-states.js';
import type { Full, InFlight, Place } from './in-flight.js';
import type { OutcomeStore } from './outcome.store.js';
import type { OutcomeRecorder } from './outcome-recorder.js';
import type { Patience } from './patience.js';
import type { RetryDelays } from './retry-delays.js';
import { Waiting } from './waiting.js';

const LOOKED_UP_AT_ONCE = 500;
const LOOKUPS_IN_FLIGHT = 2;
const WAIT_AT_MOST_MS = 1_000;

/** A record of the bus, as far as a delivery cares. */
export interface DeliveryRecordOnBus {
  finish(): void;
  readonly isRevoked: boolean;
}

/** Keeps a record that can't be used, by its own fault or this version's, with the reason (semantics 29). */
export type Condemn = (record: DeliveryRecordOnBus, reason: 'DATA' | 'BUG', detail: string) => Promise<void>;

export interface Arrival {
  readonly record: DeliveryRecordOnBus;
  readonly delivery: Delivery;
  readonly content: Content | null;
}

/** One delivery this process has taken on, with every record that asks for it. */
interface Held {
  readonly place: Place;
  readonly pass: Pass;
  readonly records: DeliveryRecordOnBus[];
  isStarted: boolean;
}

export interface FirstAttemptsParts {
  readonly deliver: Run;
  readonly recorder: OutcomeRecorder;
  readonly outcomes: OutcomeStore;
  readonly inFlight: InFlight;
  readonly states: DestinationStates;
  readonly delays: (channel: DeliveryChannel) => RetryDelays;
  readonly patience: Patience;
  readonly logger: Logger;
  readonly condemn: Condemn;
  /** True where the destination has a queue of parked rows: then room is shared with it. */
  readonly hasQueue: (id: DestinationId) => boolean;
  /** Slots of the worker left to what is due. */
  readonly reserve: () => number;
  /** What a leased row is due after: the attempts in flight have ended by then. */
  readonly leaseMs: number;
}

export class FirstAttempts {
  private readonly held = new Map<DeliveryId, Held>();
  private readonly waiting = new Waiting<Held>();
  /** Answers whether a delivery has a row. */
  private readonly lookups: BatchWriter<Held, boolean>;

  constructor(private readonly parts: FirstAttemptsParts) {
    this.lookups = makeBatchWriter({
      write: (batch) => this.lookUp(batch),
      itemsAtMost: LOOKED_UP_AT_ONCE,
      inFlight: LOOKUPS_IN_FLIGHT,
    });
  }

  get size(): number {
    return this.held.size;
  }

  holds(id: DeliveryId): boolean {
    return this.held.has(id);
  }

  receive(arrivals: readonly Arrival[]): void {
    for (const { record, delivery, content } of arrivals) {
      const known = this.held.get(delivery.deliveryId);
      if (known) {
        known.records.push(record);
        continue;
      }
      const pass = firstPass(delivery, content, this.parts.delays(delivery.channel).spanMs);
      const held: Held = { place: delivery, pass, records: [record], isStarted: false };
      this.held.set(delivery.deliveryId, held);
      this.lookups.add(held).then(
        (hasRow) => this.takeOn(held, hasRow),
        (error) => this.condemn(held, error),
      );
    }
  }

  /** Room may have become free. */
  resume(): void {
    if (this.waiting.size === 0) return;
    this.waiting.take(
      (held) => {
        if (this.full(held.place) !== null) return false;
        this.begin(held);
        return true;
      },
      (lane) => this.roomOfLane(lane) <= 0,
    );
  }

  /** What would wait longer than a second by now is parked: what it waits for has become slow meanwhile. */
  parkLate(): void {
    if (this.waiting.size === 0) return;
    for (const held of this.waiting.remove(({ place }, before) => this.waitsTooLong(place, before))) this.park(held);
  }

  /**
   * A channel's partitions go to somebody else (semantics 16): nothing more is started, and what is in flight gets a leased row,
   * so that the new owner sends none of it. What was not started yet is read again. Without a channel: all of them.
   */
  async giveUp(channel?: DeliveryChannel): Promise<void> {
    const isGiven = ({ pass }: Held) => channel === undefined || pass.delivery.channel === channel;
    const started: Pass[] = [];
    for (const [id, held] of this.held) {
      if (!isGiven(held)) continue;
      if (!held.isStarted) this.held.delete(id);
      else if (held.pass.fence === 0) {
        // What still waits for its destination or content must not be sent when its lease has run out.
        held.pass.leaseEndsMs = performance.now() + this.parts.leaseMs;
        started.push(held.pass);
      }
    }
    this.waiting.remove(isGiven);
    await this.parts.outcomes.lease(started, this.parts.leaseMs);
  }

  private async lookUp(batch: readonly Held[]): Promise<boolean[]> {
    const { outcomes, patience, states } = this.parts;
    const deliveries = batch.map(({ pass }) => pass.delivery);
    const strangers = new Set<DestinationId>();
    for (const { destinationId } of deliveries) if (!states.knows(destinationId)) strangers.add(destinationId);
    const known = await patience.with('looking up deliveries', () => outcomes.known(deliveries, [...strangers]));
    for (const [id, { revision }] of known.openBreakers) states.markOpen(id, revision);
    return deliveries.map(({ deliveryId }) => known.deliveries.has(deliveryId));
  }

  private takeOn(held: Held, hasRow: boolean): void {
    const id = held.pass.delivery.deliveryId;
    // Given up meanwhile: it is read again.
    if (this.held.get(id) !== held) return;
    if (held.records.every(({ isRevoked }) => isRevoked)) this.held.delete(id);
    else if (hasRow) this.finish(held);
    else this.admit(held);
  }

  private admit(held: Held): void {
    const { place } = held;
    const full = this.full(place);
    if (full === null && this.waiting.behind('destination', place) === 0) this.begin(held);
    else if (
      this.waitsTooLong(place, full === 'account' || full === 'destination' ? this.waiting.behind(full, place) : 0)
    ) {
      this.park(held);
    } else this.waiting.add(held);
  }

  private waitsTooLong(place: Place, before: number): boolean {
    const full = this.full(place);
    if (full !== 'account' && full !== 'destination') return false;
    return this.parts.inFlight.expectedWaitMs(full, place, before, performance.now()) > WAIT_AT_MOST_MS;
  }

  private full(place: Place): Full | null {
    if (this.roomOfLane(place.lane) <= 0) return 'worker';
    return this.parts.inFlight.full(place, 'records', this.parts.hasQueue(place.destinationId));
  }

  private roomOfLane(lane: Lane): number {
    return this.parts.inFlight.roomOfLane(lane) - this.parts.reserve();
  }

  private begin(held: Held): void {
    held.isStarted = true;
    this.parts.deliver({ pass: held.pass, from: 'records', destination: null!, called: null }).then(
      () => this.finish(held),
      (error) => this.condemn(held, error),
    );
  }

  private park(held: Held): void {
    held.isStarted = true;
    const { pass } = held;
    const { spent, wasAmbiguous } = pass;
    this.parts.recorder
      .record(pass, {
        status: 'parked',
        why: 'busy',
        resumeInMs: null,
        revision: 0,
        spent,
        wasAmbiguous,
        attempt: null,
      })
      .then(
        () => this.finish(held),
        (error) => this.condemn(held, error),
      );
  }

  private finish(held: Held): void {
    this.held.delete(held.pass.delivery.deliveryId);
    for (const record of held.records) record.finish();
  }

  /** Not even a look-up or its outcome can be written: the record is kept with the reason, so that the others go on. */
  private async condemn(held: Held, error: unknown): Promise<void> {
    const { logger, patience, condemn } = this.parts;
    const { deliveryId } = held.pass.delivery;
    logger.error({ error, deliveryId }, 'a record of a delivery is kept as dead');
    const reason = isDataFault(error) ? 'DATA' : 'BUG';
    const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    for (const record of held.records)
      await patience.with('keeping a dead record', () => condemn(record, reason, detail));
    this.finish(held);
  }
}
