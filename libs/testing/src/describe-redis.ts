/** What the ports of Redis promise (libs/platform/src/redis/ports.ts): one suite, run by Redis and in process. */

import type { Buckets, Cache, Signals } from '@herald/platform';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anId } from './database-ground.js';
import { until } from './until.js';

export interface RedisPorts {
  readonly cache: Cache;
  readonly buckets: Buckets;
  readonly signals: Signals;
}

export interface RedisGround extends RedisPorts {
  /** The same store, from another process; in process the very same ports. */
  readonly other: RedisPorts;
  close(): Promise<void>;
}

export function describeRedisPorts(name: string, openGround: () => Promise<RedisGround>): void {
  describe(name, () => {
    let ground: RedisGround;
    beforeAll(async () => {
      ground = await openGround();
    });
    afterAll(() => ground?.close());

    describe('Cache', () => {
      it('gives back what was set, to everybody, in the order asked for', async () => {
        const [a, b, none] = [anId('a'), anId('b'), anId('none')];
        await ground.cache.set(
          [
            { key: a, value: '1' },
            { key: b, value: '寿司' },
          ],
          60,
        );
        expect(await ground.other.cache.get([b, none, a])).toEqual(['寿司', null, '1']);
        await ground.other.cache.set([{ key: a, value: '2' }], 60);
        expect(await ground.cache.get([a])).toEqual(['2']);
        expect(await ground.cache.get([])).toEqual([]);
      });

      it('forgets after the time to live', async () => {
        const key = anId('short');
        await ground.cache.set([{ key, value: '1' }], 1);
        expect(await ground.cache.get([key])).toEqual(['1']);
        await until(async () => (await ground.cache.get([key]))[0] === null, 'the key to be forgotten', 3_000);
      });

      it('3: tells since when it remembers, the same to everybody', async () => {
        const since = (await ground.cache.rememberingSince())!;
        expect(Math.abs(Date.now() - since.getTime())).toBeLessThan(60 * 60_000);
        expect(await ground.other.cache.rememberingSince()).toEqual(since);
      });
    });

    describe('Buckets', () => {
      it('give what they hold, then say how long the next takes', async () => {
        const limit = { key: anId('bucket'), capacity: 3, perMs: 60_000 };
        const taken = await Promise.all([1, 2, 3].map(() => ground.buckets.take([limit])));
        expect(taken).toEqual([0, 0, 0]);
        const waitMs = await ground.other.buckets.take([limit]);
        expect(waitMs).toBeGreaterThan(18_000);
        expect(waitMs).toBeLessThanOrEqual(20_000);
      });

      it('refill evenly, and a token is there when the wait is over', async () => {
        const limit = { key: anId('bucket'), capacity: 2, perMs: 400 };
        expect(await ground.buckets.take([limit])).toBe(0);
        expect(await ground.buckets.take([limit])).toBe(0);
        const waitMs = await ground.buckets.take([limit]);
        expect(waitMs).toBeGreaterThan(100);
        expect(waitMs).toBeLessThanOrEqual(200);
        await new Promise((resolve) => setTimeout(resolve, waitMs + 2));
        expect(await ground.buckets.take([limit])).toBe(0);
      });

      it('take from all or from none', async () => {
        const wide = { key: anId('wide'), capacity: 2, perMs: 3_600_000 };
        const narrow = { key: anId('narrow'), capacity: 1, perMs: 3_600_000 };
        expect(await ground.buckets.take([wide, narrow])).toBe(0);
        const waitMs = await ground.buckets.take([wide, narrow]);
        expect(waitMs).toBeGreaterThan(3_590_000);
        expect(waitMs).toBeLessThanOrEqual(3_600_000);
        // The refused call took nothing from the wide one.
        expect(await ground.buckets.take([wide])).toBe(0);
        expect(await ground.buckets.take([wide])).toBeGreaterThan(0);
      });

      it('give nothing while they are paused; the longer pause holds', async () => {
        const limit = { key: anId('bucket'), capacity: 10, perMs: 1_000 };
        await ground.buckets.pause(limit.key, 30_000);
        await ground.other.buckets.pause(limit.key, 5_000);
        const waitMs = await ground.buckets.take([limit]);
        expect(waitMs).toBeGreaterThan(29_000);
        expect(waitMs).toBeLessThanOrEqual(30_000);
      });

      it('give again when the pause is over', async () => {
        const limit = { key: anId('bucket'), capacity: 10, perMs: 100 };
        await ground.buckets.pause(limit.key, 150);
        expect(await ground.buckets.take([limit])).toBeGreaterThan(0);
        await until(async () => (await ground.buckets.take([limit])) === 0, 'the pause to end', 2_000);
      });

      it('take nothing where there is no limit', async () => {
        expect(await ground.buckets.take([])).toBe(0);
      });
    });

    describe('Signals', () => {
      it('reach everybody who listens, the sender included, and nobody who has stopped', async () => {
        const topic = anId('topic');
        const heard: string[] = [];
        const stop = ground.signals.on(topic, (message) => heard.push(`here ${message}`));
        const stopOther = ground.other.signals.on(topic, (message) => heard.push(`there ${message}`));
        await until(() => {
          ground.signals.send(topic, 'hello');
          return heard.includes('here hello') && heard.includes('there hello');
        }, 'both to hear');
        stop();
        const before = heard.filter((message) => message.startsWith('here')).length;
        await until(() => {
          ground.other.signals.send(topic, 'again');
          return heard.includes('there again');
        }, 'the other to hear');
        expect(heard.filter((message) => message.startsWith('here'))).toHaveLength(before);
        stopOther();
      });
    });
  });
}
