/**
 * The queues of destinations (semantics 20, 22): pulls what is parked when room frees, probes who doesn't answer, and lets a
 * recovered one's queue out faster and faster. One process at a time does that for a destination; the row says which.
 */
import type { ChannelRuntime } from '@herald/channels';
import { type DeliveryChannel, type DestinationId, type Lane, lanes } from '@herald/contracts';
import { type Buckets, isNotNow, type Logger } from '@herald/platform';
import { nextProbeMs } from './breaker.js';
import type { Delivery, Pass } from './delivery.js';
import type { DestinationStates } from './destination-states.js';
import type { Destination, Destinations } from './destinations.js';
import type { InFlight } from './in-flight.js';
import type { HeldQueue, QueueStore } from './queue.store.js';

const TICK_MS = 1_000;
const RAMP_TICK_MS = 100;
const RAMP_FROM_PER_SECOND = 50;
const RAMP_UP_TO_PER_SECOND = 10_000;
/** Somebody may have parked with stale knowledge: an empty queue is looked at again so long after it was let out. */
const LOOK_AGAIN_MS = 5_000;
const CHECK_HELD_EVERY_TICKS = 5;

interface Queue {
  readonly destinationId: DestinationId;
  readonly accountId: HeldQueue['accountId'];
  readonly channel: DeliveryChannel;
  isOpen: boolean;
  /** Of the settings that the queue's waiting was said to; 0 where that isn't known. */
  revision: number;
  /** Monotonic milliseconds, all of them. */
  openSinceMs: number;
  resumeAtMs: number;
  nextProbeAtMs: number;
  /** Let out so fast; null for as fast as there is room. */
  ramp: { sinceMs: number; released: number } | null;
  keepUntilMs: number;
  isPulling: boolean;
}

export interface ParkingParts {
  readonly channels: readonly DeliveryChannel[];
  readonly queues: QueueStore;
  readonly states: DestinationStates;
  readonly inFlight: InFlight;
  readonly destinations: Destinations;
  readonly limits: ChannelRuntime['registry'];
  readonly buckets: Buckets;
  readonly run: (passes: readonly Pass[], from: 'queue') => Promise<unknown>[];
  readonly logger: Logger;
}

export class Parking {
  private readonly held = new Map<DestinationId, Queue>();
  private timer: NodeJS.Timeout | undefined;
  private ramping: NodeJS.Timeout | undefined;
  private ticks = 0;
  private ticking: Promise<void> | undefined;
  private isPullScheduled = false;
  private pulling: Promise<void> | undefined;
  private isStopped = true;

  constructor(private readonly parts: ParkingParts) {
    parts.states.listen({
      opened: (delivery, revision) => this.opened(delivery, revision),
      closed: (id) => this.closed(id),
    });
  }

  get size(): number {
    return this.held.size;
  }

  has(id: DestinationId): boolean {
    return this.held.has(id);
  }

  start(): void {
    this.isStopped = false;
    this.timer = setInterval(() => void this.tick(), TICK_MS);
  }

  /** Others may pull at once. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    clearInterval(this.ramping);
    await this.ticking;
    await this.pulling;
    this.held.clear();
    await this.parts.queues.release().catch(() => {});
  }

  /** Room has become free. */
  wake(): void {
    if (this.held.size === 0 || this.isPullScheduled || this.isStopped) return;
    this.isPullScheduled = true;
    setImmediate(() => {
      this.isPullScheduled = false;
      void this.pullOnce();
    });
  }

  /** One at a time: two would take the same room. */
  private pullOnce(): Promise<void> {
    this.pulling ??= this.attempt('queues could not be pulled', () => this.pullAll()).finally(() => {
      this.pulling = undefined;
    });
    return this.pulling;
  }

  /** One look at everything, as each second makes it. */
  tick(): Promise<void> {
    this.ticking ??= this.attempt('queues could not be looked at', () => this.lookAround()).finally(() => {
      this.ticking = undefined;
    });
    return this.ticking;
  }

  private async lookAround(): Promise<void> {
    const { queues, channels, states } = this.parts;
    this.ticks += 1;
    if (this.held.size > 0 && this.ticks % CHECK_HELD_EVERY_TICKS === 0) {
      const still = await queues.stillHeld([...this.held.keys()]);
      for (const id of this.held.keys()) if (!still.has(id)) this.held.delete(id);
    }
    for (const row of await queues.take(channels, [...this.held.keys()])) this.hold(row);
    // Opened here, pulled and seen working elsewhere: what this process knows is stale then.
    const foreign = states.open.filter((id) => !this.held.has(id));
    if (foreign.length > 0) {
      const open = await queues.open(foreign);
      for (const id of foreign) if (!open.has(id)) states.close(id);
    }
    const closed = [...this.held.values()].filter(({ isOpen }) => isOpen).map(({ destinationId }) => destinationId);
    if (closed.length > 0) {
      await queues.parkDue(closed);
      await this.probe();
    }
    await this.renew();
    await this.pullOnce();
  }

  /** New settings start with a closed breaker, and nobody has asked them for silence (semantics 25). */
  private async renew(): Promise<void> {
    const now = performance.now();
    for (const queue of [...this.held.values()]) {
      if (queue.revision === 0 || (!queue.isOpen && queue.resumeAtMs <= now)) continue;
      const destination = await this.destinationOf(queue);
      if (destination.state === 'unusable' || destination.revision <= queue.revision) continue;
      queue.revision = destination.revision;
      queue.resumeAtMs = now;
      await this.parts.queues.renew(queue.destinationId, destination.revision);
      if (queue.isOpen) {
        this.parts.states.close(queue.destinationId);
        this.closed(queue.destinationId);
      }
    }
  }

  private hold(row: HeldQueue): void {
    const now = performance.now();
    this.held.set(row.destinationId, {
      destinationId: row.destinationId,
      accountId: row.accountId,
      channel: row.channel,
      isOpen: row.isOpen,
      revision: row.revision,
      openSinceMs: now - row.openForMs,
      resumeAtMs: now + row.resumeInMs,
      nextProbeAtMs: now,
      ramp: null,
      keepUntilMs: now,
      isPulling: false,
    });
    if (row.isOpen) this.parts.states.markOpen(row.destinationId, row.revision);
  }

  private opened(delivery: Delivery, revision: number): void {
    const { destinationId, accountId, channel } = delivery;
    const queue = this.held.get(destinationId);
    if (queue) {
      queue.isOpen = true;
      queue.revision = revision;
      queue.openSinceMs = performance.now();
      queue.nextProbeAtMs = queue.openSinceMs + nextProbeMs(0);
    }
    this.parts.logger.warn({ destinationId, channel }, 'a destination does not answer: its deliveries wait for it');
    void this.attempt('an open breaker could not be told', () =>
      this.parts.queues.markOpen({ destinationId, accountId, channel, revision }),
    );
  }

  private closed(destinationId: DestinationId): void {
    const queue = this.held.get(destinationId);
    const now = performance.now();
    if (queue) {
      queue.isOpen = false;
      queue.ramp = { sinceMs: now, released: 0 };
      queue.keepUntilMs = now + LOOK_AGAIN_MS;
      this.ramping ??= setInterval(() => this.wake(), RAMP_TICK_MS);
    }
    this.parts.logger.info({ destinationId }, 'a destination answers again: what waits for it goes out');
    void this.attempt('a closed breaker could not be told', () => this.parts.queues.markClosed([destinationId])).then(
      () => this.wake(),
    );
  }

  private async probe(): Promise<void> {
    for (const queue of [...this.held.values()]) {
      const now = performance.now();
      if (!queue.isOpen || now < queue.nextProbeAtMs || this.isStopped) continue;
      queue.nextProbeAtMs = now + nextProbeMs(now - queue.openSinceMs);
      const pass = await this.parts.queues.pullProbe(queue.destinationId);
      if (pass) void this.parts.run([pass], 'queue');
    }
  }

  /** One statement for all that have room; where a provider limits, a token is taken before a row is (semantics 20). */
  private async pullAll(): Promise<void> {
    const { limits, inFlight } = this.parts;
    // Parked rows of a lane that is full stay parked: urgent always finds room (semantics 21).
    const among = lanes.filter((lane) => inFlight.roomOfLane(lane) > 0);
    let roomOfWorker = Math.min(...among.map((lane) => inFlight.roomOfLane(lane)), Number.MAX_SAFE_INTEGER);
    if (among.length === 0) return;
    let roomOfMail = inFlight.roomOfChannel('email');
    const accounts = new Map<HeldQueue['accountId'], number>();
    const free: { destinationId: DestinationId; count: number; hasTokens: boolean }[] = [];
    const limited: Queue[] = [];
    for (const queue of this.held.values()) {
      const roomOfAccount = accounts.get(queue.accountId) ?? inFlight.roomOfAccount(queue.accountId);
      const roomOfChannel = queue.channel === 'email' ? roomOfMail : Number.POSITIVE_INFINITY;
      const room = Math.min(this.roomOf(queue), roomOfWorker, roomOfAccount, roomOfChannel);
      if (room <= 0) continue;
      const given = await this.limitsOf(queue);
      if (given.length > 0) limited.push(queue);
      else {
        roomOfWorker -= room;
        if (queue.channel === 'email') roomOfMail -= room;
        accounts.set(queue.accountId, roomOfAccount - room);
        free.push({ destinationId: queue.destinationId, count: room, hasTokens: false });
      }
    }
    if (free.length > 0) await this.pullFree(free, among);
    for (const queue of limited) await this.pullLimited(queue, limits[queue.channel].limits);
    if (![...this.held.values()].some(({ ramp }) => ramp)) {
      clearInterval(this.ramping);
      this.ramping = undefined;
    }
  }

  private async pullFree(
    wanted: readonly { destinationId: DestinationId; count: number; hasTokens: boolean }[],
    among: readonly Lane[],
  ): Promise<void> {
    const passes = await this.parts.queues.pull(wanted, among);
    const pulled = new Map<DestinationId, number>();
    for (const { delivery } of passes) {
      pulled.set(delivery.destinationId, (pulled.get(delivery.destinationId) ?? 0) + 1);
    }
    this.parts.run(passes, 'queue');
    for (const { destinationId, count } of wanted) {
      const queue = this.held.get(destinationId);
      if (!queue) continue;
      const got = pulled.get(destinationId) ?? 0;
      if (queue.ramp) queue.ramp.released += got;
      if (got < count && among.length === lanes.length) await this.emptied(queue);
    }
  }

  /** A row per token: none is claimed only to be parked again. */
  private async pullLimited(queue: Queue, limitsOf: (config: unknown) => readonly LimitOf[]): Promise<void> {
    const config = await this.configOf(queue);
    const limits = config === null ? [] : limitsOf(config);
    for (let room = this.roomOf(queue); room > 0 && !this.isStopped; room -= 1) {
      const waitMs = await this.parts.buckets.take(limits);
      if (waitMs > 0) {
        queue.resumeAtMs = performance.now() + waitMs;
        this.wakeIn(waitMs);
        return;
      }
      const passes = await this.parts.queues.pull([
        { destinationId: queue.destinationId, count: 1, hasTokens: limits.length > 0 },
      ]);
      this.parts.run(passes, 'queue');
      if (passes.length === 0) return this.emptied(queue);
    }
  }

  private wakeIn(ms: number): void {
    setTimeout(() => this.wake(), Math.ceil(ms)).unref();
  }

  private roomOf(queue: Queue): number {
    const { inFlight, states } = this.parts;
    const now = performance.now();
    const silentMs = states.silentForMs(queue.destinationId, queue.revision || Number.MAX_SAFE_INTEGER);
    if (silentMs > 0) queue.resumeAtMs = Math.max(queue.resumeAtMs, now + silentMs);
    if (queue.isOpen || queue.resumeAtMs > now) return 0;
    const room = Math.min(
      inFlight.roomOfDestination(queue.destinationId, 'queue', true),
      inFlight.roomOfAccount(queue.accountId),
    );
    return Math.min(room, allowanceOf(queue, now));
  }

  private async limitsOf(queue: Queue): Promise<readonly LimitOf[]> {
    if (queue.channel === 'webhook' || queue.channel === 'email') return [];
    const config = await this.configOf(queue);
    return config === null ? [] : this.parts.limits[queue.channel].limits(config);
  }

  private async configOf(queue: Queue): Promise<unknown | null> {
    const destination = await this.destinationOf(queue);
    return destination.state === 'usable' ? destination.config : null;
  }

  private async destinationOf({ accountId, channel, destinationId }: Queue): Promise<Destination> {
    const asked = { deliveryId: destinationId as never, eventId: null, subtype: '', accountId, channel, destinationId };
    const { destinations } = this.parts;
    return destinations.peek(asked) ?? (await destinations.load(asked));
  }

  private async emptied(queue: Queue): Promise<void> {
    const now = performance.now();
    if (now < queue.keepUntilMs) {
      queue.resumeAtMs = now + TICK_MS;
      return;
    }
    if (await this.parts.queues.removeEmpty(queue.destinationId)) this.held.delete(queue.destinationId);
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.parts.logger[isNotNow(error) ? 'warn' : 'error']({ error }, `${what}; it is tried again`);
    }
  }
}

type LimitOf = ReturnType<ChannelRuntime['registry']['slack']['limits']>[number];

/** 50 in the first second, twice as many in each one after; without a bound once nothing could tell the difference. */
function allowanceOf(queue: Queue, now: number): number {
  const { ramp } = queue;
  if (!ramp) return Number.POSITIVE_INFINITY;
  const seconds = (now - ramp.sinceMs) / 1_000;
  const whole = Math.floor(seconds);
  const perSecond = RAMP_FROM_PER_SECOND * 2 ** whole;
  if (perSecond > RAMP_UP_TO_PER_SECOND) {
    queue.ramp = null;
    return Number.POSITIVE_INFINITY;
  }
  const before = RAMP_FROM_PER_SECOND * (2 ** whole - 1);
  return Math.floor(before + perSecond * (seconds - whole)) + 1 - ramp.released;
}
