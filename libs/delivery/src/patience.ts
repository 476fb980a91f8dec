/** Our own database or bus is away: wait and repeat, never counted as a try (semantics 28). */
import { setTimeout as sleep } from 'node:timers/promises';
import { isNotNow, type Logger } from '@herald/platform';

const WAIT_AT_LEAST_MS = 100;
const WAIT_AT_MOST_MS = 5_000;
const TOLD_EVERY_MS = 5_000;

export class Patience {
  private waiting = 0;
  private toldAtMs = Number.NEGATIVE_INFINITY;

  /** `onWaiting` hears when the first begins to wait and when the last has ended. */
  constructor(
    private readonly logger: Logger,
    private readonly onWaiting: (isWaiting: boolean) => void = () => {},
  ) {}

  /** Answers what `work` answers as soon as it can; rejects only with what isn't "not now". */
  async with<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!isNotNow(error)) throw error;
      return this.repeat(what, work, error);
    }
  }

  private async repeat<Result>(what: string, work: () => Promise<Result>, first: unknown): Promise<Result> {
    if (++this.waiting === 1) this.onWaiting(true);
    try {
      for (let waits = 0, error = first; ; waits += 1) {
        this.tell(what, error);
        await sleep(Math.min(WAIT_AT_LEAST_MS * 2 ** Math.min(waits, 8), WAIT_AT_MOST_MS));
        try {
          return await work();
        } catch (again) {
          if (!isNotNow(again)) throw again;
          error = again;
        }
      }
    } finally {
      if (--this.waiting === 0) this.onWaiting(false);
    }
  }

  private tell(what: string, error: unknown): void {
    const now = performance.now();
    if (now - this.toldAtMs < TOLD_EVERY_MS) return;
    this.toldAtMs = now;
    this.logger.warn({ error, waiting: this.waiting }, `not now: ${what} waits for our own database`);
  }
}
