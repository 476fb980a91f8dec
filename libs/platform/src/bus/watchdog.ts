/**
 * A consumer that does nothing although there is something to do can't be trusted to come back: its process drains and
 * exits (semantics 31). While a stage waits for our own database or bus, standing still is no fault.
 */
const STUCK_AFTER_MS = 60_000;
const LOOK_EVERY_MS = 10_000;

export interface Watched {
  readonly group: string;
  /** Records received and not finished. */
  readonly unfinished: () => number;
  /** Records behind the end of the log, whether or not they were received. Rejects where the bus can't be asked. */
  readonly lag: () => Promise<number>;
  readonly onStuck: (error: Error) => void;
}

export class Watchdog {
  /** Set while a stage waits for our own database or bus. */
  isWaiting = false;
  private movedAt: number;
  private lookedAt: number;
  private openSince: number | null = null;
  private behindSince: number | null = null;
  private hasBarked = false;

  constructor(
    private readonly watched: Watched,
    nowMs: number,
  ) {
    this.movedAt = nowMs;
    this.lookedAt = nowMs;
  }

  /** Call it often; `finished` is the number of records finished since the last call. */
  async tick(finished: number, nowMs: number): Promise<void> {
    if (finished > 0 || this.isWaiting) {
      this.movedAt = nowMs;
      this.openSince = this.behindSince = null;
      return;
    }
    const hasOpen = this.watched.unfinished() > 0;
    this.openSince = hasOpen ? (this.openSince ?? nowMs) : null;
    if (!hasOpen && nowMs - this.movedAt > STUCK_AFTER_MS && nowMs - this.lookedAt > LOOK_EVERY_MS) {
      // Idle, or dead without a word: only the log's end can tell.
      this.lookedAt = nowMs;
      const lag = await this.watched.lag().catch(() => 0);
      this.behindSince = lag > 0 && this.movedAt < nowMs ? (this.behindSince ?? nowMs) : null;
    }
    const since = this.openSince ?? this.behindSince;
    if (since === null || nowMs - since <= STUCK_AFTER_MS || this.hasBarked) return;
    this.hasBarked = true;
    this.watched.onStuck(
      new Error(
        `group ${this.watched.group} has finished nothing for 60 s with ${this.watched.unfinished()} records open and more to read`,
      ),
    );
  }
}
