/** Takes away what has lost its use: old events, run-out sessions and proofs, empty queues. */
import type { VerificationStore } from '@herald/subscriptions';
import { counted, type Done, type Duty, type Turn } from '../duty.js';
import { type LeftoverStore, leftovers } from './leftovers.store.js';

export class Leftovers implements Duty {
  readonly name = 'leftovers';
  readonly everyMs = 10 * 60_000;

  constructor(
    private readonly store: LeftoverStore,
    private readonly verifications: Pick<VerificationStore, 'removeExpired'>,
  ) {}

  async run(turn: Turn): Promise<Done> {
    const removed: Record<string, number> = {};
    for (const what of leftovers) {
      removed[what] = 0;
      while (await turn.goesOn()) {
        const count = await this.store.remove(what);
        removed[what] += count;
        if (count === 0) break;
      }
    }
    removed['verifications'] = await this.verifications.removeExpired();
    return counted(Object.fromEntries(Object.entries(removed).filter(([, count]) => count > 0)));
  }
}
