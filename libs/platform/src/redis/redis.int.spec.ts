import { anId, describeRedisPorts, describeWithServers, TcpProxy, until } from '@herald/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectRedis, RedisBuckets, RedisCache, RedisSignals } from './redis.js';

const PORTS = 3;

describeWithServers('Redis', ({ redis: url }) => {
  const closers: (() => void | Promise<void>)[] = [];
  /** A database of its own where Redis has several: FLUSHALL would take everybody's. */
  const connect = async (address: string) => {
    const redis = connectRedis(`${address}/${PORTS}`, () => {});
    const ports = { cache: new RedisCache(redis), buckets: new RedisBuckets(redis), signals: new RedisSignals(redis) };
    closers.push(() => {
      ports.signals.close();
      redis.disconnect();
    });
    await until(() => redis.status === 'ready', 'Redis');
    return { ...ports, redis };
  };
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };

  describeRedisPorts('Redis', async () => ({
    ...(await connect(url)),
    other: await connect(url),
    close: closeAll,
  }));

  describe('Redis that goes away', () => {
    let proxy: TcpProxy;
    let ports: Awaited<ReturnType<typeof connect>>;
    beforeEach(async () => {
      proxy = await TcpProxy.before(new URL(url).host);
      closers.push(() => proxy.close());
      ports = await connect(`redis://${proxy.address}`);
    });
    afterEach(closeAll);

    const quickly = async <T>(work: Promise<T>): Promise<T> => {
      const since = performance.now();
      const answer = await work;
      expect(performance.now() - since).toBeLessThan(1_000);
      return answer;
    };

    it.each(['cut', 'silence'] as const)(
      '28: (%s) every port works on in process, at once, and never rejects',
      async (fault) => {
        const { cache, buckets, signals, redis } = ports;
        const [before, after, topic] = [anId('before'), anId('after'), anId('topic')];
        const limit = { key: anId('bucket'), capacity: 1, perMs: 3_600_000 };
        const heard: string[] = [];
        signals.on(topic, (message) => heard.push(message));
        await cache.set([{ key: before, value: '1' }], 60);
        proxy[fault]();
        expect(await quickly(cache.get([before]))).toEqual(['1']);
        await quickly(cache.set([{ key: after, value: '2' }], 60));
        expect(await quickly(cache.get([after]))).toEqual(['2']);
        expect(await quickly(cache.rememberingSince())).toBeNull();
        expect(await quickly(buckets.take([limit]))).toBe(0);
        expect(await quickly(buckets.take([limit]))).toBeGreaterThan(0);
        await quickly(buckets.pause(limit.key, 1_000));
        signals.send(topic, 'hello');
        await until(() => heard.includes('hello'), 'the signal in process');
        proxy.mend();
        await until(() => redis.status === 'ready', 'Redis to be back');
        await until(async () => (await cache.rememberingSince()) !== null, 'the epoch mark');
        const other = await connect(url);
        await until(() => {
          other.signals.send(topic, 'from elsewhere');
          return heard.includes('from elsewhere');
        }, 'signals of others again');
      },
    );

    it('28: a Redis that is silent is asked no more for a while: nobody waits a deadline per call', async () => {
      proxy.silence();
      await ports.cache.get(['a']);
      const since = performance.now();
      for (let calls = 0; calls < 20; calls += 1) {
        await ports.cache.get(['a']);
        await ports.buckets.take([{ key: 'b', capacity: 1_000, perMs: 1_000 }]);
      }
      expect(performance.now() - since).toBeLessThan(1_500);
    });

    it('3: after FLUSHALL the epoch mark is young, so that the database is asked', async () => {
      const { cache, redis } = ports;
      const before = (await cache.rememberingSince())!;
      const key = anId('key');
      await cache.set([{ key, value: '1' }], 60);
      await (redis as Redis).flushdb();
      expect(await cache.get([key])).toEqual([null]);
      const after = (await cache.rememberingSince())!;
      expect(after.getTime()).toBeGreaterThan(before.getTime());
    });
  });
});
