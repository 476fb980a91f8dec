/**
 * What providers said is kept 30 days. A day is swept when it is 30 days old, and once more at 60 for what was replayed since;
 * at 90 it is dropped.
 */
import type { DatabaseClock } from '@herald/platform';
import { counted, type Done, type Duty, type Turn } from '../duty.js';
import type { DeliveryRetentionStore } from './delivery-retention.store.js';
import { daysOver } from './partitions.js';

const SWEPT_AT_DAYS = [30, 60];

export class ProviderTexts implements Duty {
  readonly name = 'provider-texts';
  readonly everyMs = 10 * 60_000;

  constructor(
    private readonly store: DeliveryRetentionStore,
    private readonly clock: Pick<DatabaseClock, 'now'>,
  ) {}

  async run(turn: Turn): Promise<Done> {
    const days = await this.store.days();
    const sweeps = await this.store.sweeps();
    let removed = 0;
    for (const day of daysDue(days, sweeps, this.clock.now())) {
      for (let hasMore = true; hasMore; ) {
        if (!(await turn.goesOn())) return counted({ removed });
        const slice = await this.store.removeTexts(day);
        removed += slice.removed;
        hasMore = slice.hasMore;
      }
    }
    return counted({ removed });
  }
}

/** Days whose next sweep is due, oldest first. */
export function daysDue(days: readonly string[], sweeps: ReadonlyMap<string, number>, now: Date): string[] {
  return SWEPT_AT_DAYS.flatMap((atDays, sweep) =>
    daysOver(days, now, atDays).filter((day) => (sweeps.get(day) ?? 0) <= sweep),
  ).filter((day, index, all) => all.indexOf(day) === index);
}
