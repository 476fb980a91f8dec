/** API keys as ingest checks them. */
import { InProcessSignals } from '@herald/platform';
import { anId, embedded, type Ground, silent } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isWellFormedKey, makeKey, ProducerKeys, ProducerStore } from './producer.store.js';
import { SettingsFeed } from './settings-feed.js';

describe('a key', () => {
  it('tells a slip of the pen without a query', () => {
    const key = makeKey();
    expect(isWellFormedKey(key)).toBe(true);
    expect(new Set(Array.from({ length: 100 }, makeKey)).size).toBe(100);
    const slipped = `${key.slice(0, 20)}${key[20] === 'x' ? 'y' : 'x'}${key.slice(21)}`;
    for (const wrong of [
      slipped,
      key.slice(0, -1),
      `${key}0`,
      key.toLowerCase(),
      '',
      'hrld_',
      key.replace('hrld_', 'hrlt_'),
    ]) {
      expect(isWellFormedKey(wrong)).toBe(false);
    }
  });
});

describe('keys in memory', () => {
  let ground: Ground;
  let feed: SettingsFeed;
  let keys: ProducerKeys;
  let store: ProducerStore;
  const now = new Date('2026-01-01T00:00:00Z');

  beforeAll(async () => {
    ground = await embedded.open();
    feed = new SettingsFeed(ground.database, new InProcessSignals(), silent);
    await feed.read();
    keys = new ProducerKeys(ground.database, feed);
    store = new ProducerStore(ground.database, feed);
  });

  afterAll(async () => {
    await ground?.close();
  });

  async function aKey(expiresAt: string | null = null) {
    const producer = await store.create(anId('producer'), ['security'], 5);
    return { producer, ...(await store.createKey(producer.id, expiresAt))! };
  }

  it('name their producer, its categories and its rate', async () => {
    const { key, producer } = await aKey();
    expect(await keys.find(key, now)).toEqual({
      id: producer.id,
      categories: ['security'],
      ratePerSecond: 5,
      expiresAt: null,
    });
    expect(await keys.find(makeKey(), now)).toBeNull();
    expect(await keys.find('nonsense', now)).toBeNull();
  });

  it('end at their time', async () => {
    const { key } = await aKey('2026-01-01T00:00:01Z');
    expect(await keys.find(key, now)).not.toBeNull();
    expect(await keys.find(key, new Date('2026-01-01T00:00:01Z'))).toBeNull();
  });

  it('37: that are revoked open nothing, as soon as the feed has told', async () => {
    const { id, key, producer } = await aKey();
    expect(await keys.find(key, now)).not.toBeNull();
    await store.revokeKey(producer.id, id);
    expect(await keys.find(key, now)).toBeNull();
  });

  it('4: that are cached hold while PostgreSQL is away; others can’t be told', async () => {
    const { key } = await aKey();
    const { key: other } = await aKey();
    await keys.find(key, now);
    const { database } = ground;
    const query = database.query.bind(database);
    database.query = async () => {
      throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    };
    try {
      expect(await keys.find(key, now)).not.toBeNull();
      await expect(keys.find(other, now)).rejects.toThrow('connect');
    } finally {
      database.query = query;
    }
    expect(await keys.find(other, now)).not.toBeNull();
  });
});
