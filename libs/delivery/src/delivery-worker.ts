/** The delivery path of a process, put together: two entrances, one pipeline (walk.md). */
import { randomUUID } from 'node:crypto';
import type { ChannelRuntime } from '@herald/channels';
import type { DeliveryChannel } from '@herald/contracts';
import type { Buckets, Database, DatabaseClock, Logger, Metrics } from '@herald/platform';
import { Deadlines } from './deadlines.js';
import { makeDeliver, type Run } from './deliver.js';
import { DestinationStates } from './destination-states.js';
import type { Contents, DestinationHealth, Destinations } from './destinations.js';
import { DueStore } from './due.store.js';
import { type Arrival, type Condemn, FirstAttempts } from './first-attempts.js';
import { InFlight } from './in-flight.js';
import { LaterAttempts } from './later-attempts.js';
import { OutcomeStore } from './outcome.store.js';
import { OutcomeRecorder } from './outcome-recorder.js';
import { Parking } from './parking.js';
import { Patience } from './patience.js';
import { QueueStore } from './queue.store.js';
import type { RetryDelays } from './retry-delays.js';
import { Telemetry } from './telemetry.js';

/** The runtime ends an attempt after so long in all, even if the channel's promise never settles (semantics 17). */
export const ATTEMPT_LIMIT_MS = 15_000;
/** Of a claimed row: long enough to wait for a slow database and make the attempt. */
const CLAIM_LEASE_MS = 60_000;
/** Of what is in flight while its partition moves: its attempt has surely ended by then. */
const REVOKED_LEASE_MS = ATTEMPT_LIMIT_MS + 5_000;
const LOOK_EVERY_MS = 250;
const SWEEP_EVERY_LOOKS = 40;

export interface DeliveryWorkerParts {
  readonly channels: readonly DeliveryChannel[];
  readonly runtime: ChannelRuntime;
  readonly database: Database;
  readonly buckets: Buckets;
  readonly clock: DatabaseClock;
  readonly destinations: Destinations;
  readonly contents: Contents;
  readonly health: DestinationHealth;
  readonly delays: (channel: DeliveryChannel) => RetryDelays;
  readonly publicUrl: string;
  readonly condemn: Condemn;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly random?: () => number;
}

export class DeliveryWorker {
  private readonly first: FirstAttempts;
  private readonly later: LaterAttempts;
  private readonly parking: Parking;
  private readonly recorder: OutcomeRecorder;
  private readonly inFlight = new InFlight();
  private timer: NodeJS.Timeout | undefined;
  private looks = 0;
  private isResumeScheduled = false;
  private onWaiting: (isWaiting: boolean) => void = () => {};

  constructor(parts: DeliveryWorkerParts) {
    const { database, logger, metrics, clock, runtime, channels, delays, buckets, destinations } = parts;
    const puller = randomUUID();
    const patience = new Patience(logger, (isWaiting) => this.onWaiting(isWaiting));
    const states = new DestinationStates(() => performance.now());
    const outcomes = new OutcomeStore(database, puller);
    const due = new DueStore(database, CLAIM_LEASE_MS);
    this.recorder = new OutcomeRecorder({ outcomes, due, patience, logger });
    const pipeline = makeDeliver({
      recorder: this.recorder,
      inFlight: this.inFlight,
      states,
      buckets,
      destinations,
      health: parts.health,
      contents: parts.contents,
      channels: runtime.registry,
      io: runtime.io,
      isAvailable: runtime.isAvailable,
      deadlines: new Deadlines(ATTEMPT_LIMIT_MS),
      attemptLimitMs: ATTEMPT_LIMIT_MS,
      patience,
      telemetry: new Telemetry(metrics, clock, logger),
      clock,
      delays,
      random: parts.random ?? Math.random,
      logger,
      publicUrl: parts.publicUrl,
    });
    const deliver: Run = async (passing) => {
      const outcome = await pipeline(passing);
      if (outcome.status === 'scheduled') this.later.dueIn(outcome.dueAtMs - clock.nowMs());
      return outcome;
    };
    this.later = new LaterAttempts({
      channels,
      deliver,
      due,
      inFlight: this.inFlight,
      logger,
      isHeld: (id) => this.first.holds(id),
      onEnded: () => this.roomFreed(),
    });
    this.parking = new Parking({
      channels,
      queues: new QueueStore(database, puller, CLAIM_LEASE_MS),
      states,
      inFlight: this.inFlight,
      destinations,
      limits: runtime.registry,
      buckets,
      run: (passes, from) => this.later.run(passes, from),
      logger,
    });
    this.first = new FirstAttempts({
      deliver: (passing) => deliver(passing).finally(() => this.roomFreed()),
      recorder: this.recorder,
      outcomes,
      inFlight: this.inFlight,
      states,
      delays,
      patience,
      logger,
      condemn: parts.condemn,
      hasQueue: (id) => this.parking.has(id),
      reserve: () => this.later.reserve,
      leaseMs: REVOKED_LEASE_MS,
    });
    const inFlight = metrics.gauge('deliveries_in_flight', 'Deliveries on their way to a provider.');
    const queues = metrics.gauge('delivery_queues', 'Destinations whose parked deliveries this process pulls.');
    Object.assign(inFlight, { collect: () => inFlight.set(this.inFlight.count) });
    Object.assign(queues, { collect: () => queues.set(this.parking.size) });
  }

  /** `onWaiting` hears when our own database is away, and when it is back. */
  start(onWaiting: (isWaiting: boolean) => void = () => {}): void {
    this.onWaiting = onWaiting;
    this.later.start();
    this.parking.start();
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  /** Records of the bus, in any order; each is finished when what became of its delivery is committed. */
  receive(arrivals: readonly Arrival[]): void {
    this.first.receive(arrivals);
  }

  /** Partitions of the channel are being taken away (semantics 16). */
  revoking(channel: DeliveryChannel): Promise<void> {
    return this.first.giveUp(channel);
  }

  /** Claims and pulls nothing more; resolves when what is in flight has ended and is written. */
  async stop(timeoutMs: number): Promise<void> {
    await Promise.all([this.later.stop(), this.parking.stop()]);
    const end = performance.now() + timeoutMs;
    while (this.later.size + this.first.size > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    clearInterval(this.timer);
    // What did not end in time must not be sent by the next owner while it is still on its way.
    await this.first.giveUp().catch(() => {});
    await this.recorder.idle();
  }

  private roomFreed(): void {
    if (this.isResumeScheduled) return;
    this.isResumeScheduled = true;
    setImmediate(() => {
      this.isResumeScheduled = false;
      this.first.resume();
      this.parking.wake();
    });
  }

  private look(): void {
    this.looks += 1;
    this.first.parkLate();
    this.first.resume();
    if (this.looks % SWEEP_EVERY_LOOKS === 0) this.inFlight.sweep(performance.now());
  }
}
