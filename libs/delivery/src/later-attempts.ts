/**
 * Later attempts, from the table (semantics 19): claims what is due and can start now. Looks each second, and at the times that
 * this process itself has set.
 */
import { type DeliveryChannel, type DeliveryId, type Lane, lanes } from '@herald/contracts';
import { isNotNow, type Logger } from '@herald/platform';
import type { Run } from './deliver.js';
import type { Pass } from './delivery.js';
import { type DueStore, firstTurn, type Room, type Turn } from './due.store.js';
import type { InFlight } from './in-flight.js';

const LOOK_EVERY_MS = 1_000;
/** Times that this process has set are looked at to so many milliseconds. */
const SLOT_MS = 50;
/** Later ones are found by the look of each second. */
const SLOTS_WITHIN_MS = 3_600_000;
/** Of the worker's slots, kept free of new records while more is due than found room. */
const RESERVED = 64;

export interface LaterAttemptsParts {
  readonly channels: readonly DeliveryChannel[];
  readonly deliver: Run;
  readonly due: DueStore;
  readonly inFlight: InFlight;
  readonly logger: Logger;
  /** True where this process has the delivery in flight already. */
  readonly isHeld: (id: DeliveryId) => boolean;
  /** Something of it has ended: room may be free. */
  readonly onEnded: () => void;
}

export class LaterAttempts {
  private readonly running = new Set<DeliveryId>();
  private readonly turns = new Map<string, Turn>();
  private readonly slots = new Map<number, NodeJS.Timeout>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private nextLookMs = Number.POSITIVE_INFINITY;
  private isStopped = true;
  /** Slots that new records leave free, because more is due than found room. */
  reserve = 0;

  constructor(private readonly parts: LaterAttemptsParts) {}

  get size(): number {
    return this.running.size;
  }

  start(): void {
    this.isStopped = false;
    this.lookIn(0);
  }

  /** Claims nothing more; what was claimed goes on. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    for (const timer of this.slots.values()) clearTimeout(timer);
    this.slots.clear();
    await this.looking;
  }

  holds(id: DeliveryId): boolean {
    return this.running.has(id);
  }

  /** Something is due in so many milliseconds. */
  dueIn(ms: number): void {
    if (this.isStopped || ms > SLOTS_WITHIN_MS) return;
    const slot = Math.ceil((performance.now() + ms) / SLOT_MS) * SLOT_MS;
    if (this.slots.has(slot)) return;
    const timer = setTimeout(
      () => {
        this.slots.delete(slot);
        this.lookIn(0);
      },
      Math.max(0, slot - performance.now()),
    );
    this.slots.set(slot, timer.unref());
  }

  /** Runs passes that this process has leased, from a claim or a pull. */
  run(passes: readonly Pass[], from: 'records' | 'queue'): Promise<unknown>[] {
    return passes.map((pass) => this.runOne(pass, from));
  }

  private async runOne(pass: Pass, from: 'records' | 'queue'): Promise<void> {
    const { deliveryId } = pass.delivery;
    if (this.running.has(deliveryId) || this.parts.isHeld(deliveryId)) {
      // In flight once (semantics 14): it is claimed again when the one that runs has ended.
      await this.parts.due.letGo([pass]).catch(() => {});
      return;
    }
    this.running.add(deliveryId);
    try {
      await this.parts.deliver({ pass, from, destination: null!, called: null });
    } catch (error) {
      this.parts.logger.fatal({ error, deliveryId }, 'a delivery’s outcome could not be written; its lease runs out');
    } finally {
      this.running.delete(deliveryId);
      this.parts.onEnded();
    }
  }

  private lookIn(ms: number): void {
    if (this.isStopped) return;
    const at = performance.now() + ms;
    if (at >= this.nextLookMs) return;
    this.nextLookMs = at;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.nextLookMs = Number.POSITIVE_INFINITY;
      // One look at a time; what asked meanwhile is seen by the next.
      this.looking ??= this.look().finally(() => {
        this.looking = undefined;
      });
      void this.looking.then((): void => this.lookIn(LOOK_EVERY_MS));
    }, ms);
  }

  private async look(): Promise<void> {
    try {
      while (!this.isStopped && (await this.claim())) {
        // As long as windows are full and room is left.
      }
    } catch (error) {
      const level = isNotNow(error) ? 'warn' : 'error';
      this.parts.logger[level]({ error }, 'what is due could not be claimed; it is tried again');
    }
  }

  /** True where more could start at once. */
  private async claim(): Promise<boolean> {
    const { due, channels } = this.parts;
    const room = this.room();
    if (room.lanes.urgent <= 0) {
      this.reserve = RESERVED;
      return false;
    }
    const { passes, crowded } = await due.claim(
      channels.filter((channel) => channel !== 'email'),
      room,
    );
    this.run(passes, 'records');
    this.reserve = passes.length >= room.lanes.urgent ? RESERVED : 0;
    if (channels.includes('email')) {
      // Mails have a limit of their own: claimed apart, so that none is claimed that can't start.
      const mails = await due.claim(['email'], this.room('email'));
      this.run(mails.passes, 'records');
      for (const { channel, lane } of mails.crowded) await this.claimByTurns(channel, lane);
    }
    let more = 0;
    for (const { channel, lane } of crowded) more += await this.claimByTurns(channel, lane);
    return passes.length + more > 0 && crowded.length > 0;
  }

  private async claimByTurns(channel: DeliveryChannel, lane: Lane): Promise<number> {
    const room = this.room(channel);
    if (room.lanes[lane] <= 0) return 0;
    const key = `${channel}/${lane}`;
    const { passes, next } = await this.parts.due.claimByTurns(channel, lane, this.turns.get(key) ?? firstTurn, room);
    this.turns.set(key, next);
    this.run(passes, 'records');
    return passes.length;
  }

  private room(channel: DeliveryChannel = 'webhook'): Room {
    const { inFlight } = this.parts;
    const most = inFlight.roomOfChannel(channel);
    const perLane = Object.fromEntries(
      lanes.map((lane) => [lane, Math.min(inFlight.roomOfLane(lane), most)]),
    ) as Record<Lane, number>;
    return { lanes: perLane, ...inFlight.held() };
  }
}
