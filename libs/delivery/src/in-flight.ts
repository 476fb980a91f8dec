/**
 * How much may be on its way at once, per process (semantics 21), so that no destination, account or lane starves the others.
 * Pure bookkeeping: time is a parameter, in monotonic milliseconds.
 */
import type { AccountId, DeliveryChannel, DestinationId, Lane } from '@herald/contracts';

export const limits = {
  worker: 512,
  account: 128,
  destination: 64,
  slowDestination: 4,
  /** One relay takes all mails over a handful of connections: more at once would only wait there, within their attempt's limit. */
  email: 20,
  /** Of the worker's, what a lane and those below it may hold: urgent always finds room. */
  lanes: { urgent: 512, normal: 384, bulk: 256 },
} as const satisfies { lanes: Record<Lane, number> } & Record<string, unknown>;

const SLOW_CALL_MS = 3_000;
const SLOW_CALLS = 3;
const SECOND = 1_000;

export interface Place {
  readonly channel: DeliveryChannel;
  readonly lane: Lane;
  readonly accountId: AccountId;
  readonly destinationId: DestinationId;
}

export type Full = 'worker' | 'channel' | 'account' | 'destination';

interface Holder {
  inFlight: number;
  /** Of them, from the destination's queue. */
  fromQueue: number;
  slowInARow: number;
  /** Since when something is always in flight. */
  busySinceMs: number;
  /** Completions in the current and the previous second. */
  completed: number;
  completedBefore: number;
  second: number;
}

export class InFlight {
  private total = 0;
  private emails = 0;
  private readonly perLane: Record<Lane, number> = { urgent: 0, normal: 0, bulk: 0 };
  private readonly accounts = new Map<AccountId, Holder>();
  private readonly destinations = new Map<DestinationId, Holder>();

  get count(): number {
    return this.total;
  }

  /** What has no room, or null where one more may start. `shared` halves a destination between its queue and new records. */
  full(place: Place, from: 'records' | 'queue' = 'records', shared = false): Full | null {
    if (this.roomOfLane(place.lane) <= 0) return 'worker';
    if (this.roomOfChannel(place.channel) <= 0) return 'channel';
    if (this.roomOfAccount(place.accountId) <= 0) return 'account';
    return this.roomOfDestination(place.destinationId, from, shared) <= 0 ? 'destination' : null;
  }

  roomOfLane(lane: Lane): number {
    const { urgent, normal, bulk } = this.perLane;
    const total = limits.lanes.urgent - (urgent + normal + bulk);
    if (lane === 'urgent') return total;
    const lower = limits.lanes.normal - (normal + bulk);
    if (lane === 'normal') return Math.min(total, lower);
    return Math.min(total, lower, limits.lanes.bulk - bulk);
  }

  roomOfChannel(channel: DeliveryChannel): number {
    return channel === 'email' ? limits.email - this.emails : Number.POSITIVE_INFINITY;
  }

  roomOfAccount(accountId: AccountId): number {
    return limits.account - (this.accounts.get(accountId)?.inFlight ?? 0);
  }

  roomOfDestination(destinationId: DestinationId, from: 'records' | 'queue' = 'records', shared = false): number {
    const holder = this.destinations.get(destinationId);
    if (!holder) return limits.destination;
    const limit = holder.slowInARow >= SLOW_CALLS ? limits.slowDestination : limits.destination;
    const room = limit - holder.inFlight;
    if (!shared) return room;
    const held = from === 'queue' ? holder.fromQueue : holder.inFlight - holder.fromQueue;
    return Math.min(room, limit / 2 - held);
  }

  enter(place: Place, from: 'records' | 'queue', nowMs: number): void {
    this.total += 1;
    if (place.channel === 'email') this.emails += 1;
    this.perLane[place.lane] += 1;
    began(holderOf(this.accounts, place.accountId, nowMs), nowMs);
    const destination = holderOf(this.destinations, place.destinationId, nowMs);
    began(destination, nowMs);
    if (from === 'queue') destination.fromQueue += 1;
  }

  /** `callMs` is how long the provider took; null where no call was made. */
  leave(place: Place, from: 'records' | 'queue', callMs: number | null, nowMs: number): void {
    this.total -= 1;
    if (place.channel === 'email') this.emails -= 1;
    this.perLane[place.lane] -= 1;
    const account = holderOf(this.accounts, place.accountId, nowMs);
    account.inFlight -= 1;
    completed(account, nowMs);
    const destination = holderOf(this.destinations, place.destinationId, nowMs);
    destination.inFlight -= 1;
    if (from === 'queue') destination.fromQueue -= 1;
    completed(destination, nowMs);
    if (callMs !== null) destination.slowInARow = callMs > SLOW_CALL_MS ? destination.slowInARow + 1 : 0;
  }

  /**
   * How long one more would wait behind `before` others: those ÷ completions there in the last second (semantics 20). Who
   * was called less than a second ago and has not answered yet is not called slow.
   */
  expectedWaitMs(what: 'account' | 'destination', place: Place, before: number, nowMs: number): number {
    const holder = what === 'account' ? this.accounts.get(place.accountId) : this.destinations.get(place.destinationId);
    if (!holder) return 0;
    const perSecond = completionsIn(holder, nowMs);
    if (perSecond > 0) return ((before + 1) / perSecond) * SECOND;
    return nowMs - holder.busySinceMs < SECOND ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Accounts and destinations that hold something, and the room that is left there: claims go by it. */
  held(): {
    readonly accounts: readonly (readonly [AccountId, number])[];
    readonly destinations: readonly (readonly [DestinationId, number])[];
  } {
    return {
      accounts: [...this.accounts.keys()].map((id) => [id, Math.max(0, this.roomOfAccount(id))] as const),
      destinations: [...this.destinations.keys()].map((id) => [id, Math.max(0, this.roomOfDestination(id))] as const),
    };
  }

  /** Forgets whom nothing was heard of for a while. Slowness is remembered a minute. */
  sweep(nowMs: number): void {
    const second = Math.floor(nowMs / SECOND);
    for (const map of [this.accounts, this.destinations] as Map<string, Holder>[]) {
      for (const [id, holder] of map) {
        if (holder.inFlight === 0 && second - holder.second > 60) map.delete(id);
      }
    }
  }
}

function holderOf<Id>(map: Map<Id, Holder>, id: Id, nowMs: number): Holder {
  let holder = map.get(id);
  if (!holder) {
    const second = Math.floor(nowMs / SECOND);
    holder = { inFlight: 0, fromQueue: 0, slowInARow: 0, busySinceMs: nowMs, completed: 0, completedBefore: 0, second };
    map.set(id, holder);
  }
  return holder;
}

function began(holder: Holder, nowMs: number): void {
  if (holder.inFlight === 0) holder.busySinceMs = nowMs;
  holder.inFlight += 1;
}

function turn(holder: Holder, nowMs: number): void {
  const second = Math.floor(nowMs / SECOND);
  if (second === holder.second) return;
  holder.completedBefore = second === holder.second + 1 ? holder.completed : 0;
  holder.completed = 0;
  holder.second = second;
}

function completed(holder: Holder, nowMs: number): void {
  turn(holder, nowMs);
  holder.completed += 1;
}

/** The current second and the part of the previous one that still belongs to the last 1,000 ms. */
function completionsIn(holder: Holder, nowMs: number): number {
  turn(holder, nowMs);
  const passed = (nowMs % SECOND) / SECOND;
  return holder.completed + holder.completedBefore * (1 - passed);
}
