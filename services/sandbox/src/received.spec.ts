import { expect, it } from '@jest/globals';
import { Received } from './received.js';

const item = {
  platform: 'webhook',
  at: '2026-11-18T12:00:00.000Z',
  path: '/webhook/a',
  headers: {},
  body: {},
  answer: null,
  accepted: true,
  robot: null,
  fault: null,
} as const;

it('keeps the newest, by number and by bytes', () => {
  const received = new Received({ items: 3, bytes: 100 });
  const ids = () => received.list().map(({ id }) => id);
  for (let i = 0; i < 5; i += 1) received.add(item, 10);
  expect(ids()).toEqual([3, 4, 5]);
  received.add(item, 85);
  expect(ids()).toEqual([5, 6]);
  received.add(item, 1_000);
  expect(ids()).toEqual([7]);
});

it('tells its subscribers, until they stop', () => {
  const received = new Received();
  const told: (number | null)[] = [];
  const stop = received.subscribe((it) => told.push(it?.id ?? null));
  received.add(item, 1);
  received.clear();
  stop();
  received.add(item, 1);
  expect(told).toEqual([1, null]);
});
