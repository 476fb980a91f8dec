/** Makes partitions 14 days ahead, and ends and drops those that have had their 90 days (semantics 8, 24). */
import type { DatabaseClock } from '@herald/platform';
import { counted, type Done, type Duty, type Turn } from '../duty.js';
import { DELIVERIES_KEPT_DAYS } from '../horizon.js';
import type { DeliveryRetentionStore } from './delivery-retention.store.js';
import { dayOf, daysAhead, daysOver } from './partitions.js';

const DAY_MS = 24 * 60 * 60_000;

export class DeliveryPartitions implements Duty {
  readonly name = 'delivery-partitions';
  readonly everyMs = 10 * 60_000;

  constructor(
    private readonly store: DeliveryRetentionStore,
    private readonly clock: Pick<DatabaseClock, 'now'>,
  ) {}

  async run(turn: Turn): Promise<Done> {
    const now = this.clock.now();
    const days = await this.store.days();
    let made = 0;
    for (const day of daysAhead(now)) {
      if (!days.includes(day) && (await this.store.make(day))) made += 1;
    }
    let expired = 0;
    const firstKept = dayOf(new Date(now.getTime() - DELIVERIES_KEPT_DAYS * DAY_MS));
    while (await turn.goesOn()) {
      const ended = await this.store.expireOpenBefore(firstKept);
      expired += ended;
      if (ended === 0) break;
    }
    let dropped = 0;
    for (const day of daysOver(days, now, DELIVERIES_KEPT_DAYS)) {
      if (!(await turn.goesOn())) break;
      if (await this.store.drop(day)) dropped += 1;
    }
    return counted({ made, expired, dropped });
  }
}
