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
/** While something is due: whoever frees room pulls (semantics 20), whatever a destination had room for. */
const LOOK_AGAIN_MS = 50;
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
  private looking: Promise<number> | undefined;
  private nextLookMs = Number.POSITIVE_INFINITY;
  private isStopped = true;
  /** Slots that new records leave free, because more is due than found room. */
  reserve = 0;

  /** Mails have a limit of their own: claimed apart, so that none is claimed that can't start. */
  private readonly claimedTogether: readonly (readonly DeliveryChannel[])[];

  constructor(private readonly parts: LaterAttemptsParts) {
    const others = parts.channels.filter((channel) => channel !== 'email');
    const mails = parts.channels.filter((channel) => channel === 'email');
    this.claimedTogether = [others, mails].filter(({ length }) => length > 0);
  }

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
      void this.looking.then((nextMs) => this.lookIn(nextMs));
    }, ms);
  }

  /** Claims what can start, and answers when to look again: soon where something was due, since more may be behind it. */
  private async look(): Promise<number> {
    try {
      let claimed = 0;
      for (const channels of this.claimedTogether) claimed += await this.claim(channels);
      this.reserve = this.parts.inFlight.roomOfLane('urgent') <= 0 ? RESERVED : 0;
      return claimed > 0 ? LOOK_AGAIN_MS : LOOK_EVERY_MS;
    } catch (error) {
      const level = isNotNow(error) ? 'warn' : 'error';
      this.parts.logger[level]({ error }, 'what is due could not be claimed; it is tried again');
      return LOOK_EVERY_MS;
    }
  }

  private async claim(channels: readonly DeliveryChannel[]): Promise<number> {
    const room = this.room(channels[0]!);
    if (this.isStopped || room.lanes.urgent <= 0) return 0;
    const { passes, crowded } = await this.parts.due.claim(channels, room);
    this.run(passes, 'records');
    let claimed = passes.length;
    for (const { channel, lane } of crowded) claimed += await this.claimByTurns(channel, lane);
    return claimed;
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

  private room(channel: DeliveryChannel): Room {
    const { inFlight } = this.parts;
    const most = inFlight.roomOfChannel(channel);
    const perLane = Object.fromEntries(
      lanes.map((lane) => [lane, Math.min(inFlight.roomOfLane(lane), most)]),
    ) as Record<Lane, number>;
    return { lanes: perLane, ...inFlight.held() };
  }
}
