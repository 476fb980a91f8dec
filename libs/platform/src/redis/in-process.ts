/** The ports of Redis inside one process: the embedded ground, and what the real ones degrade to. */
import { EventEmitter } from 'node:events';
import { LRUCache } from 'lru-cache';
import type { Buckets, Cache, Signals } from './ports.js';

/** About 20 MB. */
const ENTRIES_AT_MOST = 50_000;

export class InProcessCache implements Cache {
  private since = new Date();
  private readonly entries = new LRUCache<string, string>({
    max: ENTRIES_AT_MOST,
    // What was pushed out before its time is not known any more: what is remembered for certain begins now.
    dispose: (_value, _key, reason) => {
      if (reason === 'evict') this.since = new Date();
    },
  });

  async get(keys: readonly string[]): Promise<(string | null)[]> {
    return keys.map((key) => this.entries.get(key) ?? null);
  }

  async set(entries: readonly { key: string; value: string }[], ttlSeconds: number): Promise<void> {
    for (const { key, value } of entries) this.entries.set(key, value, { ttl: ttlSeconds * 1_000 });
  }

  async rememberingSince(): Promise<Date | null> {
    return this.since;
  }
}

interface Level {
  tokens: number;
  at: number;
  pausedUntil: number;
}

export class InProcessBuckets implements Buckets {
  private readonly levels = new LRUCache<string, Level>({ max: 100_000 });

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  async take(limits: readonly { key: string; capacity: number; perMs: number }[]): Promise<number> {
    const now = this.nowMs();
    let waitMs = 0;
    const levels = limits.map((limit) => {
      const level = this.levels.get(limit.key) ?? { tokens: limit.capacity, at: now, pausedUntil: 0 };
      level.tokens = Math.min(limit.capacity, level.tokens + ((now - level.at) * limit.capacity) / limit.perMs);
      level.at = now;
      this.levels.set(limit.key, level);
      if (level.pausedUntil > now) waitMs = Math.max(waitMs, level.pausedUntil - now);
      if (level.tokens < 1) waitMs = Math.max(waitMs, ((1 - level.tokens) * limit.perMs) / limit.capacity);
      return level;
    });
    if (waitMs > 0) return Math.ceil(waitMs);
    for (const level of levels) level.tokens -= 1;
    return 0;
  }

  async pause(key: string, forMs: number): Promise<void> {
    const now = this.nowMs();
    const level = this.levels.get(key) ?? { tokens: 0, at: now, pausedUntil: 0 };
    level.pausedUntil = Math.max(level.pausedUntil, now + forMs);
    this.levels.set(key, level);
  }
}

export class InProcessSignals implements Signals {
  private readonly emitter = new EventEmitter().setMaxListeners(0);

  send(topic: string, message: string): void {
    this.emitter.emit(topic, message);
  }

  on(topic: string, listener: (message: string) => void): () => void {
    this.emitter.on(topic, listener);
    return () => this.emitter.off(topic, listener);
  }
}
