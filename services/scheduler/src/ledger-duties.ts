/** The ledger's upkeep: deltas are folded, and every process shows the sums on /metrics. */
import type { LedgerStore } from '@herald/delivery';
import type { DatabaseClock, Metrics } from '@herald/platform';
import { type Done, type Duty, nothing } from './duty.js';

export class LedgerFolding implements Duty {
  readonly name = 'fold-ledger';
  readonly everyMs = 10_000;

  constructor(private readonly ledger: Pick<LedgerStore, 'fold'>) {}

  /** Nothing to log: it always has something to do. */
  async run(): Promise<Done> {
    await this.ledger.fold();
    return nothing;
  }
}

export class LedgerGauges implements Duty {
  readonly name = 'show-ledger';
  readonly everyMs = 10_000;
  readonly isEverybodys = true;

  constructor(
    private readonly ledger: Pick<LedgerStore, 'read'>,
    private readonly metrics: Metrics,
    private readonly clock: Pick<DatabaseClock, 'nowMs'>,
  ) {}

  async run(): Promise<Done> {
    const { metrics } = this;
    const { events, deliveries, gap, oldestOpenAt } = await this.ledger.read();
    metrics.gauge('ledger_gap', 'Accepted, and missing without a recorded end; must read 0.').set(gap);
    const ofEvents = metrics.gauge('ledger_events', 'Accepted events, and what became of them.', ['state']);
    for (const [state, count] of Object.entries(events)) ofEvents.set({ state }, count);
    const ofDeliveries = metrics.gauge('ledger_deliveries', 'Deliveries that were decided, and what became of them.', [
      'state',
    ]);
    for (const [state, count] of Object.entries(deliveries)) ofDeliveries.set({ state }, count);
    metrics
      .gauge(
        'ledger_oldest_open_age_seconds',
        'Since when the oldest delivery or event without an end was accepted; 0 where there is none.',
      )
      .set(oldestOpenAt === null ? 0 : Math.max(0, (this.clock.nowMs() - Date.parse(oldestOpenAt)) / 1_000));
    return nothing;
  }
}
