/**
 * Whether a destination answers at all (semantics 22). Pure: time is a parameter, in monotonic milliseconds. What is parked
 * while it is open, and who probes, is parking.ts.
 */
const OPENS_AFTER_IN_A_ROW = 10;
const WINDOW_MS = 60_000;
const SLICES = 6;
const SLICE_MS = WINDOW_MS / SLICES;
const CALLS_AT_LEAST = 20;
const PROBE_EVERY_MS = 2_000;
const PROBE_STEADY_FOR_MS = 120_000;
const PROBE_AT_MOST_MS = 15 * 60_000;

export type Sign = 'failure' | 'life';

export class Breaker {
  private failuresInARow = 0;
  private readonly calls = new Uint32Array(SLICES);
  private readonly failures = new Uint32Array(SLICES);
  private slice = 0;
  private openedAtMs: number | null = null;

  get isOpen(): boolean {
    return this.openedAtMs !== null;
  }

  /** What the call changed, if anything. Any sign of life closes an open one. */
  record(sign: Sign, nowMs: number): 'opened' | 'closed' | null {
    this.advance(nowMs);
    const at = this.slice % SLICES;
    this.calls[at]! += 1;
    if (sign === 'life') {
      this.failuresInARow = 0;
      if (this.openedAtMs !== null) {
        this.close();
        return 'closed';
      }
      return null;
    }
    this.failures[at]! += 1;
    this.failuresInARow += 1;
    if (this.openedAtMs !== null || !this.mustOpen()) return null;
    this.openedAtMs = nowMs;
    return 'opened';
  }

  /** Another process has opened it, or has seen it working again. */
  open(nowMs: number): void {
    this.openedAtMs ??= nowMs;
  }

  close(): void {
    this.openedAtMs = null;
    this.failuresInARow = 0;
    this.calls.fill(0);
    this.failures.fill(0);
  }

  private mustOpen(): boolean {
    if (this.failuresInARow >= OPENS_AFTER_IN_A_ROW) return true;
    const calls = this.calls.reduce((sum, count) => sum + count, 0);
    const failures = this.failures.reduce((sum, count) => sum + count, 0);
    return calls >= CALLS_AT_LEAST && failures * 2 >= calls;
  }

  private advance(nowMs: number): void {
    const slice = Math.floor(nowMs / SLICE_MS);
    const passed = Math.min(slice - this.slice, SLICES);
    for (let step = 1; step <= passed; step += 1) {
      this.calls[(this.slice + step) % SLICES] = 0;
      this.failures[(this.slice + step) % SLICES] = 0;
    }
    if (passed > 0) {
      if (passed === SLICES) {
        this.calls.fill(0);
        this.failures.fill(0);
      }
      this.slice = slice;
    }
  }
}

/** How long after a probe the next one is made: every 2 s for 2 minutes, then twice as long each time, up to 15 minutes. */
export function nextProbeMs(openForMs: number): number {
  if (openForMs < PROBE_STEADY_FOR_MS) return PROBE_EVERY_MS;
  // Twice as long each time: the waits since then sum up to 2 s × (2^n − 2), so the time passed gives the next one.
  return Math.min(openForMs - PROBE_STEADY_FOR_MS + 2 * PROBE_EVERY_MS, PROBE_AT_MOST_MS);
}
