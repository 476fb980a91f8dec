import type { DatabaseClock } from '@herald/platform';
import type { Step } from '../deliver.js';

/** At its last time a pass ends without a call, whatever it waited for (semantics 24), by the database's clock (27). */
export const dropExpired =
  (clock: Pick<DatabaseClock, 'nowMs'>): Step =>
  (next) =>
  async (passing) => {
    const { lastAtMs, lastReason } = passing.pass;
    if (clock.nowMs() < lastAtMs) return next(passing);
    if (lastReason === 'EXPIRED') return { status: 'suppressed', reason: 'EXPIRED' };
    return { status: 'dead', reason: 'RETRIES_EXHAUSTED', attempt: null };
  };
