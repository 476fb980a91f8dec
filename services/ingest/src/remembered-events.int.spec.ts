/** Replays on real Redis and PostgreSQL, Redis flushed and away (semantics 3). */
import { createServer } from 'node:net';
import { type EventId, eventAcceptedSchema, type ProducerId } from '@herald/contracts';
import { connectRedis, RedisCache } from '@herald/platform';
import { EventStore } from '@herald/subscriptions';
import { describeWithServers, type Ground, servers as grounds } from '@herald/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RememberedEvents } from './remembered-events.js';

const PRODUCER = '0b7a0f7e-52a1-4c7b-9d0e-6c1f0f1f2a3b' as ProducerId;
/** A database of its own: what is flushed here is nobody else's. */
const REDIS_DATABASE = 13;
const DAY_MS = 24 * 60 * 60_000;

describeWithServers('replays, on Redis and PostgreSQL', ({ redis: url }) => {
  const redis = connectRedis(`${url}/${REDIS_DATABASE}`, () => {});
  let ground: Ground;
  let events: EventStore;
  let serial = 0;

  beforeAll(async () => {
    ground = await grounds[0]!.open();
    events = new EventStore(ground.database);
    await new Promise<void>((resolve) => (redis.status === 'ready' ? resolve() : redis.once('ready', () => resolve())));
    await redis.flushdb();
  });

  afterAll(async () => {
    redis.disconnect();
    await ground?.close();
  });

  /** Another ingest process each time: nothing but Redis and PostgreSQL in common. */
  const process = () => new RememberedEvents(new RedisCache(redis), events);
  const anId = () => `6f0b7f2c-9c3e-5f6e-8b1a-${(++serial).toString(16).padStart(12, '0')}` as EventId;
  const remembered = { fingerprint: 'print', producerId: PRODUCER, acceptedAt: '2026-01-01T00:00:00.000Z' };

  async function aStoredEvent(): Promise<EventId> {
    const eventId = anId();
    const event = eventAcceptedSchema.parse({
      v: 1,
      eventId,
      producerId: PRODUCER,
      acceptedAt: new Date().toISOString(),
      fingerprint: 'print',
      audience: { accountId: 'acct-1' },
      category: 'service',
      subtype: 'svc_bill',
      severity: 'info',
      lane: 'normal',
      content: { locale: 'en-US', title: 'Bill', body: 'Ready' },
      occurredAt: '2026-01-01T00:00:00.000Z',
      expiresAt: null,
    });
    await events.insert([
      { event, position: { topic: 't', partition: 0, offset: serial }, expected: 1, isPaged: false },
    ]);
    return eventId;
  }

  it('3: what one process accepted another knows, when the first has answered', async () => {
    const id = anId();
    await process().remember(id, remembered, true);
    expect(await process().find(id)).toEqual(remembered);
  });

  it('3: flushed, Redis can’t know: the event’s row is asked', async () => {
    const id = await aStoredEvent();
    await process().remember(id, remembered, true);
    await redis.flushdb();
    expect(await process().find(id)).toMatchObject({ fingerprint: 'print' });
    expect(await process().find(anId())).toBeNull();
  });

  it('3: a day after its epoch began Redis is believed alone', async () => {
    const id = await aStoredEvent();
    await redis.set('herald:epoch', new Date(Date.now() - DAY_MS - 60_000).toISOString());
    expect(await process().find(id)).toBeNull();
    await redis.set('herald:epoch', new Date(Date.now() - DAY_MS + 60_000).toISOString());
    expect(await process().find(id)).toMatchObject({ fingerprint: 'print' });
  });

  it('3: away, Redis is asked no more than it takes to see that, and the row tells', async () => {
    const id = await aStoredEvent();
    const nobody = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => nobody.once('listening', resolve));
    const { port } = nobody.address() as { port: number };
    await new Promise((resolve) => nobody.close(resolve));
    const away = connectRedis(`redis://127.0.0.1:${port}`, () => {});
    const known = new RememberedEvents(new RedisCache(away), events);
    await known.remember(anId(), remembered, true);
    expect(await known.find(id)).toMatchObject({ fingerprint: 'print' });
    away.disconnect();
  });
});
