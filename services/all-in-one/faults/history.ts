/** What the load and the sink saw, set against the faults: how long each one was felt. */

export interface Injected {
  readonly name: string;
  readonly atMs: number;
  /** When everything answered ready again; null where it didn't in time. */
  readonly readyAtMs: number | null;
}

/** By event, all on one clock; 0 = never. */
export interface Events {
  readonly sentAt: Float64Array;
  readonly acceptedAt: Float64Array;
  readonly arrivedAt: Float64Array;
}

export interface Felt {
  readonly name: string;
  readonly readyAfterMs: number | null;
  /** Until the last event that the fault made late was delivered; 0 where it made none late. */
  readonly caughtUpAfterMs: number;
  readonly lateEvents: number;
  /** Longest time without a 202 until the next fault. */
  readonly silenceMs: number;
  readonly duplicates: number;
}

/** An event is late when its delivery came later than this after its post. */
const LATE_AFTER_MS = 1_000;
/** A fault can make late what was posted just before it. */
const BEFORE_MS = 1_000;

export function feltFaults(
  injected: readonly Injected[],
  events: Events,
  repeats: readonly { readonly atMs: number }[],
): readonly Felt[] {
  const windowOf = (time: number, shiftMs: number) => {
    let index = -1;
    while (index + 1 < injected.length && injected[index + 1]!.atMs - shiftMs <= time) index += 1;
    return index;
  };
  const late = injected.map(() => ({ events: 0, lastMs: 0 }));
  for (let number = 0; number < events.sentAt.length; number += 1) {
    const [sent, arrived] = [events.sentAt[number]!, events.arrivedAt[number] ?? 0];
    if (sent === 0 || arrived === 0 || arrived - sent <= LATE_AFTER_MS) continue;
    const entry = late[windowOf(sent, BEFORE_MS)];
    if (!entry) continue;
    entry.events += 1;
    entry.lastMs = Math.max(entry.lastMs, arrived);
  }
  const silences = silencesOf(injected, events.acceptedAt);
  const duplicates = injected.map(() => 0);
  for (const { atMs } of repeats) {
    const index = windowOf(atMs, 0);
    if (index >= 0) duplicates[index]! += 1;
  }
  return injected.map(({ name, atMs, readyAtMs }, index) => ({
    name,
    readyAfterMs: readyAtMs === null ? null : readyAtMs - atMs,
    caughtUpAfterMs: late[index]!.events === 0 ? 0 : late[index]!.lastMs - atMs,
    lateEvents: late[index]!.events,
    silenceMs: silences[index]!,
    duplicates: duplicates[index]!,
  }));
}

function silencesOf(injected: readonly Injected[], acceptedAt: Float64Array): number[] {
  const times = acceptedAt.filter((at) => at > 0).sort();
  return injected.map(({ atMs }, index) => {
    const until = injected[index + 1]?.atMs ?? times.at(-1) ?? atMs;
    let longest = 0;
    let before = atMs;
    for (let place = firstAfter(times, atMs); place < times.length && times[place]! <= until; place += 1) {
      longest = Math.max(longest, times[place]! - before);
      before = times[place]!;
    }
    return Math.max(longest, until - before);
  });
}

function firstAfter(sorted: Float64Array, time: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
