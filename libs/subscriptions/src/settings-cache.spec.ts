import { describe, expect, it } from '@jest/globals';
import { SettingsCache, type SettingsCacheOptions } from './settings-cache.js';

interface Value {
  readonly at: number;
}

/** A database whose answers come when the test lets them. */
class FakeStore {
  readonly rows = new Map<string, Value>();
  readonly loads: string[][] = [];
  isAway = false;
  private held: (() => void)[] = [];
  isHolding = false;

  load = async (keys: readonly string[]): Promise<Map<string, Value>> => {
    this.loads.push([...keys]);
    const seen = new Map(keys.flatMap((key) => (this.rows.has(key) ? [[key, this.rows.get(key)!] as const] : [])));
    if (this.isHolding) await new Promise<void>((resolve) => this.held.push(resolve));
    if (this.isAway) throw new Error('away');
    return seen;
  };

  release(): void {
    for (const go of this.held.splice(0)) go();
  }
}

function make(more: Partial<SettingsCacheOptions<string, Value>> = {}) {
  const store = new FakeStore();
  const feed = {
    isStale: false,
    reset: () => {},
    onReset(listener: () => void) {
      feed.reset = listener;
      return () => {};
    },
  };
  const time = { ms: 100_000 };
  const cache = new SettingsCache<string, Value>({
    feed: feed as never,
    entriesAtMost: 100,
    load: store.load,
    nowMs: () => time.ms,
    ...more,
  });
  return { cache, feed, store, time };
}

const turns = async (count = 20) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('settings in memory', () => {
  it('are loaded once, those of one moment in one batch', async () => {
    const { cache, store } = make();
    store.rows.set('a', { at: 1 }).set('b', { at: 2 });
    const [one, other] = await Promise.all([cache.get(['a', 'x', 'a']), cache.get(['b'])]);
    expect([...one]).toEqual([['a', { at: 1 }]]);
    expect([...other]).toEqual([['b', { at: 2 }]]);
    await cache.get(['a', 'b']);
    expect(store.loads).toEqual([['a', 'x', 'b']]);
    expect(cache.peek('a')).toEqual({ at: 1 });
  });

  it('are bounded', async () => {
    const { cache, store } = make({ entriesAtMost: 10 });
    const keys = Array.from({ length: 50 }, (_, n) => `k${n}`);
    for (const key of keys) store.rows.set(key, { at: 1 });
    expect((await cache.get(keys)).size).toBe(50);
    expect(cache.size).toBe(10);
  });

  it('4: what doesn’t exist is remembered for at most a second', async () => {
    const { cache, store, time } = make();
    expect((await cache.get(['a'])).size).toBe(0);
    store.rows.set('a', { at: 1 });
    time.ms += 999;
    expect((await cache.get(['a'])).size).toBe(0);
    time.ms += 2;
    expect((await cache.get(['a'])).size).toBe(1);
  });

  it('37: a load that overlaps a change of its key is thrown away and made again', async () => {
    const { cache, store } = make();
    store.rows.set('a', { at: 1 }).set('b', { at: 1 });
    store.isHolding = true;
    const answer = cache.get(['a', 'b']);
    await turns();
    store.rows.set('a', { at: 2 });
    cache.forget('a');
    store.isHolding = false;
    store.release();
    expect((await answer).get('a')).toEqual({ at: 2 });
    expect(store.loads).toEqual([['a', 'b'], ['a']]);
    expect(cache.peek('a')).toEqual({ at: 2 });
    expect(cache.peek('b')).toEqual({ at: 1 });
  });

  it.each([
    ['everything is forgotten', (cache: SettingsCache<string, Value>) => cache.forgetAll()],
    ['some of it is', (cache: SettingsCache<string, Value>) => cache.forgetWhere(() => true)],
  ])('37: also where %s', async (_, forget) => {
    const { cache, store } = make();
    store.rows.set('a', { at: 1 });
    store.isHolding = true;
    const answer = cache.get(['a']);
    await turns();
    store.rows.set('a', { at: 2 });
    forget(cache);
    store.isHolding = false;
    store.release();
    expect((await answer).get('a')).toEqual({ at: 2 });
  });

  it('37: a key that changes during each load is answered as last loaded, and not kept', async () => {
    const { cache, store } = make({
      load: async (keys) => {
        const found = await store.load(keys);
        cache.forget('a');
        return found;
      },
    });
    store.rows.set('a', { at: 1 });
    expect((await cache.get(['a'])).get('a')).toEqual({ at: 1 });
    expect(store.loads).toHaveLength(3);
    expect(cache.peek('a')).toBeUndefined();
  });

  it('37: a change is forgotten whether it made or removed something', async () => {
    const { cache, store } = make();
    await cache.get(['a']);
    store.rows.set('a', { at: 1 });
    cache.forget('a');
    expect((await cache.get(['a'])).size).toBe(1);
    store.rows.delete('a');
    cache.forget('a');
    expect((await cache.get(['a'])).size).toBe(0);
  });

  it('37: while the feed is unread everything is loaded before use, and a fault is told', async () => {
    const { cache, feed, store } = make();
    store.rows.set('a', { at: 1 });
    await cache.get(['a']);
    feed.isStale = true;
    store.rows.set('a', { at: 2 });
    expect(cache.peek('a')).toBeUndefined();
    expect((await cache.get(['a'])).get('a')).toEqual({ at: 2 });
    store.isAway = true;
    await expect(cache.get(['a'])).rejects.toThrow('away');
  });

  it('37: ingest holds what it knows while PostgreSQL is away, trying once a second', async () => {
    const { cache, feed, store, time } = make({ holdsWhileAway: true });
    store.rows.set('a', { at: 1 });
    await cache.get(['a']);
    feed.isStale = true;
    store.isAway = true;
    time.ms += 5_000;
    for (let call = 0; call < 5; call += 1) expect((await cache.get(['a'])).get('a')).toEqual({ at: 1 });
    expect(store.loads).toHaveLength(2);
    await expect(cache.get(['b'])).rejects.toThrow('away');
    time.ms += 1_001;
    store.isAway = false;
    store.rows.set('a', { at: 2 });
    expect((await cache.get(['a'])).get('a')).toEqual({ at: 2 });
  });

  it('37: where PostgreSQL hangs, only the call that tries waits, and not for long', async () => {
    const { cache, feed, store, time } = make({ holdsWhileAway: true });
    store.rows.set('a', { at: 1 });
    await cache.get(['a']);
    feed.isStale = true;
    store.isHolding = true;
    time.ms += 5_000;
    const trying = cache.get(['a']);
    await turns();
    expect((await cache.get(['a'])).get('a')).toEqual({ at: 1 });
    expect((await trying).get('a')).toEqual({ at: 1 });
    store.release();
  });

  it('a failed load leaves nothing behind', async () => {
    const { cache, store } = make();
    store.isAway = true;
    await expect(cache.get(['a'])).rejects.toThrow('away');
    store.isAway = false;
    store.rows.set('a', { at: 1 });
    expect((await cache.get(['a'])).get('a')).toEqual({ at: 1 });
  });

  it('37: a feed that lost its place empties it', async () => {
    const { cache, feed, store } = make();
    store.rows.set('a', { at: 1 });
    await cache.get(['a']);
    feed.reset();
    expect(cache.peek('a')).toBeUndefined();
  });

  it('loads a great many in parts', async () => {
    const { cache, store } = make({ entriesAtMost: 10_000 });
    const keys = Array.from({ length: 2_500 }, (_, n) => `k${n}`);
    for (const key of keys) store.rows.set(key, { at: 1 });
    expect((await cache.get(keys)).size).toBe(2_500);
    expect(store.loads.map((load) => load.length)).toEqual([1_000, 1_000, 500]);
  });
});
