import { describeRedisPorts } from '@herald/testing';
import { expect, it } from '@jest/globals';
import { InProcessBuckets, InProcessCache, InProcessSignals } from './in-process.js';

describeRedisPorts('In process', async () => {
  const ports = { cache: new InProcessCache(), buckets: new InProcessBuckets(), signals: new InProcessSignals() };
  return { ...ports, other: ports, close: async () => {} };
});

it('waits exactly as long as a token takes, whatever the clock', async () => {
  let now = 1_000;
  const buckets = new InProcessBuckets(() => now);
  const limit = { key: 'k', capacity: 20, perMs: 60_000 };
  for (let taken = 0; taken < 20; taken += 1) expect(await buckets.take([limit])).toBe(0);
  expect(await buckets.take([limit])).toBe(3_000);
  now += 2_999;
  expect(await buckets.take([limit])).toBe(1);
  now += 1;
  expect(await buckets.take([limit])).toBe(0);
  now += 600_000;
  for (let taken = 0; taken < 20; taken += 1) expect(await buckets.take([limit])).toBe(0);
  expect(await buckets.take([limit])).toBe(3_000);
});
