/**
 * The time is the database's, durations are monotonic (semantics 27): a process whose own clock is wrong expires
 * nothing. The offset is measured against the monotonic clock, so a clock that is set does not move it.
 */
import type { Sql } from '../postgres/database.js';

const MEASURE_EVERY_MS = 30_000;

export class DatabaseClock {
  /** Database time minus monotonic time, in milliseconds. */
  private offsetMs = performance.timeOrigin;
  private timer: NodeJS.Timeout | undefined;

  /** Measures until `stop`; throws where the first measurement fails. */
  async start(sql: Sql): Promise<void> {
    await this.measure(sql);
    this.timer = setInterval(() => void this.measure(sql).catch(() => {}), MEASURE_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  nowMs(): number {
    return Math.round(performance.now() + this.offsetMs);
  }

  now(): Date {
    return new Date(this.nowMs());
  }

  /** How far this machine's own clock is from the database's. */
  skewMs(): number {
    return Date.now() - this.nowMs();
  }

  private async measure(sql: Sql): Promise<void> {
    const before = performance.now();
    const { rows } = await sql.query<{ ms: number }>('select extract(epoch from clock_timestamp()) * 1000 as ms');
    const after = performance.now();
    this.offsetMs = Number(rows[0]!.ms) - (before + after) / 2;
  }
}
