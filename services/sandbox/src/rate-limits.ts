/** The platforms' limits, by the clock that the caller names. */

/** At most `count` in any `windowMs`; the one too many closes the door for `penaltyMs`, where the platform does that. */
export interface WindowLimit {
  readonly count: number;
  readonly windowMs: number;
  readonly penaltyMs?: number;
}

/** A token each `everyMs`, of which up to `burst` are kept. */
export interface BurstLimit {
  readonly burst: number;
  readonly everyMs: number;
}

export type Limit = WindowLimit | BurstLimit;

interface Usage {
  /** When messages passed, oldest first; no longer than the largest window's count. */
  passed: number[];
  closedUntil: number;
  /** When the bucket is full again. */
  fullAt: number;
}

export class RateLimits {
  isEnabled = true;
  private readonly usages = new Map<string, Usage>();

  /** Milliseconds until a message may pass; 0 = it passes, and counts. A refused one doesn't count. */
  admit(key: string, limits: readonly Limit[], now: number): number {
    if (!this.isEnabled) return 0;
    const usage = this.usages.get(key) ?? { passed: [], closedUntil: 0, fullAt: 0 };
    this.usages.set(key, usage);
    if (now < usage.closedUntil) return usage.closedUntil - now;
    const waitMs = Math.max(0, ...limits.map((limit) => waitFor(limit, usage, now)));
    if (waitMs > 0) {
      const penaltyMs = Math.max(0, ...limits.map((limit) => penaltyOf(limit, usage, now)));
      if (penaltyMs > 0) usage.closedUntil = now + penaltyMs;
      return Math.max(waitMs, penaltyMs);
    }
    usage.passed.push(now);
    const longest = Math.max(0, ...limits.map((limit) => ('count' in limit ? limit.count : 0)));
    if (usage.passed.length > longest) usage.passed.splice(0, usage.passed.length - longest);
    for (const limit of limits) if ('burst' in limit) usage.fullAt = Math.max(usage.fullAt, now) + limit.everyMs;
    return 0;
  }

  forget(): void {
    this.usages.clear();
  }
}

function waitFor(limit: Limit, usage: Usage, now: number): number {
  if ('burst' in limit)
    return Math.max(0, Math.max(usage.fullAt, now) + limit.everyMs - limit.burst * limit.everyMs - now);
  const oldest = usage.passed.at(-limit.count);
  return oldest === undefined ? 0 : Math.max(0, oldest + limit.windowMs - now);
}

function penaltyOf(limit: Limit, usage: Usage, now: number): number {
  return 'count' in limit && waitFor(limit, usage, now) > 0 ? (limit.penaltyMs ?? 0) : 0;
}
