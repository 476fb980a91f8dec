/**
 * Time-driven work: one duty, run again and again by one process at a time. What fails is logged and tried again, later each
 * time; an outage of the database or the bus never ends the process. Stopping waits for the step at hand alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isNotNow, type Logger } from '@herald/platform';
import type { LeaseStore } from './lease.store.js';

export interface Duty {
  readonly name: string;
  readonly everyMs: number;
  /** Of every process, not of one at a time. */
  readonly isEverybodys?: boolean;
  /** Safe to run twice, and to die half-way. Asks `turn.goesOn()` between its steps. */
  run(turn: Turn): Promise<Done>;
}

/** What was done, for one log line; null where there was nothing to do. `againInMs`: sooner than usual. */
export interface Done {
  readonly did: object | null;
  readonly againInMs?: number;
}

export const nothing: Done = { did: null };

/** A count for the log, or nothing where all are 0. */
export function counted(counts: Readonly<Record<string, number>>): Done {
  return Object.values(counts).some((count) => count !== 0) ? { did: counts } : nothing;
}

export interface Turn {
  /** False: the process ends, or another one has the duty now. Renews the lease. */
  goesOn(): Promise<boolean>;
}

const LEASE_AT_LEAST_MS = 60_000;
const BACKOFF_AT_LEAST_MS = 1_000;
const BACKOFF_AT_MOST_MS = 60_000;
const STOP_WITHIN_MS = 15_000;

export class DutyLoop {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private failures = 0;
  private takenAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly duty: Duty,
    private readonly leases: LeaseStore,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.running = this.loop();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.race([this.running, new Promise((resolve) => setTimeout(resolve, STOP_WITHIN_MS).unref())]);
  }

  /** One run, if it is this process's turn. Answers after how long the next is due; never rejects. */
  async once(): Promise<number> {
    const { duty, logger } = this;
    try {
      if (!(await this.take())) return duty.everyMs;
      const { did, againInMs } = await duty.run({ goesOn: () => this.goesOn() });
      if (did) logger.info({ duty: duty.name, ...did }, 'done');
      this.failures = 0;
      return againInMs ?? duty.everyMs;
    } catch (error) {
      const waitMs = Math.min(BACKOFF_AT_LEAST_MS * 2 ** this.failures, BACKOFF_AT_MOST_MS);
      this.failures += 1;
      logger[isNotNow(error) ? 'warn' : 'error'](
        { duty: duty.name, error, waitMs },
        'a duty failed; it is tried again',
      );
      return waitMs;
    }
  }

  private async loop(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const waitMs = await this.once();
      await sleep(waitMs, undefined, { signal: this.stopping.signal }).catch(() => {});
    }
  }

  private async goesOn(): Promise<boolean> {
    if (this.stopping.signal.aborted) return false;
    return performance.now() - this.takenAt < this.leaseMs / 3 || this.take();
  }

  private async take(): Promise<boolean> {
    if (this.duty.isEverybodys) return true;
    const asked = performance.now();
    const isOurs = await this.leases.take(this.duty.name, this.leaseMs);
    if (isOurs) this.takenAt = asked;
    return isOurs;
  }

  /** Longer than the wait between two runs, so that a duty stays where it is. */
  private get leaseMs(): number {
    return Math.max(LEASE_AT_LEAST_MS, this.duty.everyMs * 1.5);
  }
}
