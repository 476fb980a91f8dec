/**
 * When an hour that doesn't balance is compared row by row (semantics 32). The hour at hand never balances under load, so a
 * lap over it is followed by a rest in proportion to what it cost; one that explained its imbalance isn't repeated until
 * something has changed. Pure.
 */
import type { HourSums } from './reconciliation.store.js';

/** Which rows are looked for. */
export type Kind = 'messages' | 'deliveries';

const REST_AT_LEAST_MS = 10_000;
/** A lap costs at most this part of the time. */
const REST_TIMES_COST = 20;

interface Past {
  readonly notBeforeMs: number;
  /** The sums at which nothing was found absent; null where something was. */
  readonly explained: string | null;
}

export class Laps {
  private readonly past = new Map<string, Past>();

  /** The next of the hours to compare, oldest first, or null. `openDead`: how many dead records are open. */
  next(hours: readonly HourSums[], kind: Kind, openDead: number, nowMs: number): HourSums | null {
    for (const sums of hours) {
      if (!lacks(sums, kind)) continue;
      const past = this.past.get(keyOf(sums, kind));
      if (!past || (past.notBeforeMs <= nowMs && past.explained !== stateOf(sums, openDead))) return sums;
    }
    return null;
  }

  /** `sums` as they were when the lap began; what is still absent has been noted elsewhere. */
  finished(
    sums: HourSums,
    kind: Kind,
    lap: { readonly costMs: number; readonly foundAbsent: boolean; readonly openDead: number },
    nowMs: number,
  ): void {
    this.past.set(keyOf(sums, kind), {
      notBeforeMs: nowMs + Math.max(REST_AT_LEAST_MS, REST_TIMES_COST * lap.costMs),
      explained: lap.foundAbsent ? null : stateOf(sums, lap.openDead),
    });
  }

  /** Laps have found what was really missing: there may be more, which is worth their cost. */
  hurry(nowMs: number): void {
    for (const [key, { notBeforeMs, explained }] of this.past) {
      this.past.set(key, { notBeforeMs: Math.min(notBeforeMs, nowMs + REST_AT_LEAST_MS), explained });
    }
  }

  /** Hours that balance, or have left the horizon, are forgotten. */
  keepOnly(hours: readonly HourSums[]): void {
    const kept = new Set(hours.flatMap((sums) => [keyOf(sums, 'messages'), keyOf(sums, 'deliveries')]));
    for (const key of this.past.keys()) if (!kept.has(key)) this.past.delete(key);
  }
}

export function lacks(sums: HourSums, kind: Kind): boolean {
  return kind === 'messages' ? sums.expected > sums.messages : sums.decided > sums.stored;
}

function keyOf({ hour }: HourSums, kind: Kind): string {
  return `${kind}/${hour.getTime()}`;
}

function stateOf({ expected, messages, decided, stored }: HourSums, openDead: number): string {
  return [expected, messages, decided, stored, openDead].join('/');
}
