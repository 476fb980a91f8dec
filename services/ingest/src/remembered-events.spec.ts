import type { EventId, ProducerId } from '@herald/contracts';
import { type Cache, InProcessCache } from '@herald/platform';
import { describe, expect, it } from '@jest/globals';
import { RememberedEvents } from './remembered-events.js';

const DAY_MS = 24 * 60 * 60_000;
const id = (n: number) => `event-${n}` as EventId;
const remembered = { fingerprint: 'print', producerId: 'p' as ProducerId, acceptedAt: '2026-01-01T00:00:00.000Z' };

/** Redis as ingest meets it: remembers since a time, or is away. */
class FakeCache implements Cache {
  private readonly inner = new InProcessCache();
  isAway = false;
  gets = 0;
  sets = 0;
  readonly seconds: number[] = [];
  /** Until it is called, what was set isn't acknowledged. */
  acknowledge: (() => void) | null = null;

  constructor(public since: Date | null) {}

  async get(keys: readonly string[]) {
    this.gets += 1;
    if (this.isAway) throw new Error('away');
    return this.inner.get(keys);
  }

  async set(entries: readonly { key: string; value: string }[], ttlSeconds: number) {
    this.sets += 1;
    this.seconds.push(ttlSeconds);
    if (this.isAway) throw new Error('away');
    if (this.acknowledge) await new Promise<void>((resolve) => (this.acknowledge = resolve));
    await this.inner.set(entries, ttlSeconds);
  }

  async rememberingSince() {
    return this.isAway ? null : this.since;
  }
}

class FakeStore {
  readonly rows = new Map<EventId, string>();
  asked: (readonly EventId[])[] = [];
  answer: 'rows' | 'fault' | 'nothing' = 'rows';

  async fingerprints(ids: readonly EventId[]): Promise<Map<EventId, string>> {
    this.asked.push(ids);
    if (this.answer === 'fault') throw new Error('away');
    if (this.answer === 'nothing') return new Promise(() => {});
    return new Map(ids.flatMap((one) => (this.rows.has(one) ? [[one, this.rows.get(one)!] as const] : [])));
  }
}

const longAgo = () => new Date(Date.now() - 2 * DAY_MS);
const lately = () => new Date(Date.now() - DAY_MS + 60_000);

function make(since: Date | null) {
  const cache = new FakeCache(since);
  const store = new FakeStore();
  return { cache, store, events: new RememberedEvents(cache, store) };
}

describe('what was accepted lately', () => {
  it('3: is known from Redis, without asking PostgreSQL', async () => {
    const { events, store } = make(lately());
    await events.remember(id(1), remembered, true);
    expect(await events.find(id(1))).toEqual(remembered);
    expect(store.asked).toHaveLength(0);
  });

  it('3: is not looked for in PostgreSQL where Redis has remembered for a day', async () => {
    const { events, store } = make(longAgo());
    store.rows.set(id(1), 'print');
    expect(await events.find(id(1))).toBeNull();
    expect(store.asked).toHaveLength(0);
  });

  it('3: is looked for in PostgreSQL while Redis, flushed, remembers less than a day', async () => {
    const { events, store } = make(lately());
    store.rows.set(id(1), 'print');
    expect(await events.find(id(1))).toEqual({ fingerprint: 'print', producerId: null, acceptedAt: null });
    expect(await events.find(id(2))).toBeNull();
  });

  it('3: is looked for in PostgreSQL while Redis is away', async () => {
    const { cache, events, store } = make(longAgo());
    cache.isAway = true;
    store.rows.set(id(1), 'print');
    expect((await events.find(id(1)))?.fingerprint).toBe('print');
  });

  it('3: with both away everything is taken for new, and nothing rejects', async () => {
    const { cache, events, store } = make(null);
    cache.isAway = true;
    store.answer = 'fault';
    await events.remember(id(1), remembered, true);
    expect(await events.find(id(1))).toBeNull();
  });

  it('3: where PostgreSQL hangs one moment’s posts wait a second, those after them not at all', async () => {
    const { events, store } = make(lately());
    store.answer = 'nothing';
    const started = performance.now();
    expect(await Promise.all([events.find(id(1)), events.find(id(2))])).toEqual([null, null]);
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(await events.find(id(3))).toBeNull();
    expect(store.asked).toHaveLength(1);
  });

  it('3: callers of one moment share a look-up', async () => {
    const { cache, events, store } = make(lately());
    await Promise.all([1, 2, 3, 1].map((n) => events.find(id(n))));
    expect(cache.gets).toBe(1);
    expect(store.asked).toEqual([[id(1), id(2), id(3)]]);
  });

  it('is known in this process before Redis has it', async () => {
    const { cache, events } = make(longAgo());
    cache.acknowledge = () => {};
    let isWritten = false;
    const written = events.remember(id(1), remembered, true).then(() => (isWritten = true));
    expect(await events.find(id(1))).toEqual(remembered);
    expect(isWritten).toBe(false);
    cache.acknowledge();
    await written;
    expect(await events.find(id(1))).toEqual(remembered);
  });

  it('goes to Redis in few calls', async () => {
    const { cache, events } = make(longAgo());
    await Promise.all(Array.from({ length: 400 }, (_, n) => events.remember(id(n), remembered, true)));
    expect(cache.sets).toBe(1);
  });

  it('3: is kept for a day where it may come again, and not for long where it can’t', async () => {
    const { cache, events } = make(longAgo());
    await Promise.all([events.remember(id(1), remembered, true), events.remember(id(2), remembered, false)]);
    expect(cache.seconds).toEqual([DAY_MS / 1_000, 3_600]);
    expect(await events.find(id(2))).toEqual(remembered);
  });

  it('is not known where Redis holds something else', async () => {
    const { cache, events } = make(longAgo());
    await cache.set([{ key: `event:${id(1)}`, value: 'nonsense' }], 60);
    await cache.set([{ key: `event:${id(2)}`, value: '{}' }], 60);
    expect(await events.find(id(1))).toBeNull();
    expect(await events.find(id(2))).toBeNull();
  });
});
