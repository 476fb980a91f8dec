/**
 * A bounded piece of the settings in memory (semantics 37): what is in it is in force, as long as the feed is read. Misses
 * of one moment are loaded in one batch; what doesn't exist is remembered for at most a second; a load that overlaps a
 * change of its key is thrown away and made again.
 */
import { answeredWithin } from '@herald/platform';
import { LRUCache } from 'lru-cache';
import type { SettingsFeed } from './settings-feed.js';

const ABSENT_FOR_MS = 1_000;
const ABSENT_AT_MOST = 20_000;
const KEYS_PER_LOAD = 1_000;
/** A key that changes during each of its loads is answered as last loaded, and not kept. */
const LOADS_AT_MOST = 3;
/** So long after a try what was known holds without another one: a silent database must not slow each call. */
const TRIED_EVERY_MS = 1_000;
/** Where what was known holds meanwhile, nobody waits longer. */
const TOLD_WITHIN_MS = 2_000;

export interface SettingsCacheOptions<Key extends string, Value extends object> {
  readonly feed: Pick<SettingsFeed, 'isStale' | 'onReset'>;
  readonly entriesAtMost: number;
  /** What doesn't exist is left out of the answer. */
  load(keys: readonly Key[]): Promise<ReadonlyMap<Key, Value>>;
  /** While the database is away, what was known holds however long the feed is unread: ingest goes on accepting. */
  readonly holdsWhileAway?: boolean;
  readonly nowMs?: () => number;
}

interface Load<Key> {
  readonly changed: Set<Key>;
  isAllChanged: boolean;
}

interface Batch<Key, Value> {
  readonly keys: Set<Key>;
  readonly found: Promise<ReadonlyMap<Key, Value>>;
}

export class SettingsCache<Key extends string, Value extends object> {
  private readonly entries: LRUCache<Key, Value>;
  private readonly absent: LRUCache<Key, true>;
  private readonly loads = new Set<Load<Key>>();
  private readonly nowMs: () => number;
  private gathering: Batch<Key, Value> | undefined;
  private triedAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: SettingsCacheOptions<Key, Value>) {
    this.nowMs = options.nowMs ?? (() => performance.now());
    this.entries = new LRUCache({ max: options.entriesAtMost });
    this.absent = new LRUCache({
      max: ABSENT_AT_MOST,
      ttl: ABSENT_FOR_MS,
      ttlResolution: 0,
      perf: { now: this.nowMs },
    });
    options.feed.onReset(() => this.forgetAll());
  }

  get size(): number {
    return this.entries.size;
  }

  /** What is in memory and in force. */
  peek(key: Key): Value | undefined {
    return this.options.feed.isStale ? undefined : this.entries.get(key);
  }

  /** What doesn't exist is left out. Rejects where that can't be told now. */
  async get(keys: Iterable<Key>): Promise<Map<Key, Value>> {
    const found = new Map<Key, Value>();
    const missing: Key[] = [];
    const { isStale } = this.options.feed;
    for (const key of new Set(keys)) {
      const entry = isStale ? undefined : this.entries.get(key);
      if (entry) found.set(key, entry);
      else if (isStale || !this.absent.has(key)) missing.push(key);
    }
    if (missing.length === 0) return found;
    const held = this.options.holdsWhileAway ? this.heldOf(missing) : null;
    if (held && this.nowMs() - this.triedAtMs < TRIED_EVERY_MS) return new Map([...found, ...held]);
    if (held) this.triedAtMs = this.nowMs();
    try {
      const gathered = this.gather(missing);
      const loaded = await (this.options.holdsWhileAway ? answeredWithin(TOLD_WITHIN_MS, gathered) : gathered);
      for (const key of missing) {
        const value = loaded.get(key);
        if (value) found.set(key, value);
      }
      return found;
    } catch (error) {
      if (!held) throw error;
      return new Map([...found, ...held]);
    }
  }

  forget(key: Key): void {
    this.entries.delete(key);
    this.absent.delete(key);
    for (const load of this.loads) load.changed.add(key);
  }

  forgetWhere(applies: (key: Key, value: Value) => boolean): void {
    for (const [key, value] of [...this.entries.entries()]) if (applies(key, value)) this.entries.delete(key);
    this.absent.clear();
    for (const load of this.loads) load.isAllChanged = true;
  }

  forgetAll(): void {
    this.entries.clear();
    this.absent.clear();
    for (const load of this.loads) load.isAllChanged = true;
  }

  /** All of them as last known, or null where one isn't. */
  private heldOf(keys: readonly Key[]): Map<Key, Value> | null {
    const held = new Map<Key, Value>();
    for (const key of keys) {
      const entry = this.entries.get(key);
      if (!entry) return null;
      held.set(key, entry);
    }
    return held;
  }

  private gather(keys: readonly Key[]): Promise<ReadonlyMap<Key, Value>> {
    if (!this.gathering) {
      const gathered = new Set<Key>();
      const found = new Promise((resolve) => setImmediate(resolve)).then(() => {
        this.gathering = undefined;
        return this.load([...gathered]);
      });
      this.gathering = { keys: gathered, found };
    }
    for (const key of keys) this.gathering.keys.add(key);
    return this.gathering.found;
  }

  private async load(keys: readonly Key[]): Promise<ReadonlyMap<Key, Value>> {
    const found = new Map<Key, Value>();
    let open = keys;
    for (let tries = 1; open.length > 0; tries += 1) {
      const load: Load<Key> = { changed: new Set(), isAllChanged: false };
      this.loads.add(load);
      let loaded: ReadonlyMap<Key, Value>;
      try {
        loaded = await this.inChunks(open);
      } finally {
        this.loads.delete(load);
      }
      const overtaken: Key[] = [];
      for (const key of open) {
        const isOvertaken = load.isAllChanged || load.changed.has(key);
        if (isOvertaken && tries < LOADS_AT_MOST) {
          overtaken.push(key);
          continue;
        }
        const value = loaded.get(key);
        if (value) found.set(key, value);
        if (!isOvertaken) this.keep(key, value);
      }
      open = overtaken;
    }
    return found;
  }

  private keep(key: Key, value: Value | undefined): void {
    if (value) {
      this.entries.set(key, value);
      this.absent.delete(key);
    } else {
      this.entries.delete(key);
      this.absent.set(key, true);
    }
  }

  private async inChunks(keys: readonly Key[]): Promise<ReadonlyMap<Key, Value>> {
    if (keys.length <= KEYS_PER_LOAD) return this.options.load(keys);
    const all = new Map<Key, Value>();
    for (let at = 0; at < keys.length; at += KEYS_PER_LOAD) {
      for (const [key, value] of await this.options.load(keys.slice(at, at + KEYS_PER_LOAD))) all.set(key, value);
    }
    return all;
  }
}
