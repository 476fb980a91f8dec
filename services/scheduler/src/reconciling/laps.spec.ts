import { describe, expect, it } from '@jest/globals';
import { Laps } from './laps.js';
import { firstOf } from './reconciler.js';
import type { HourSums, ScannedEvent } from './reconciliation.store.js';
import { isPast } from './wave.js';

const hour = (at: number, sums: Partial<HourSums> = {}): HourSums => ({
  hour: new Date(at * 3_600_000),
  expected: 1,
  messages: 0,
  decided: 0,
  stored: 0,
  ...sums,
});
const lap = (more: object = {}) => ({ costMs: 100, foundAbsent: true, openDead: 0, ...more });

describe('laps over hours', () => {
  it('32: an hour in balance is never compared', () => {
    const balanced = hour(1, { messages: 1 });
    expect(new Laps().next([balanced], 'messages', 0, 0)).toBeNull();
    expect(new Laps().next([balanced], 'deliveries', 0, 0)).toBeNull();
  });

  it('32: rows that no decision names are no imbalance', () => {
    expect(new Laps().next([hour(1, { decided: 1, stored: 2 })], 'deliveries', 0, 0)).toBeNull();
  });

  it('takes the oldest first, and the next while that one rests', () => {
    const laps = new Laps();
    const [a, b] = [hour(1), hour(2)];
    expect(laps.next([a, b], 'messages', 0, 0)).toBe(a);
    laps.finished(a, 'messages', lap(), 0);
    expect(laps.next([a, b], 'messages', 0, 1)).toBe(b);
  });

  it('rests twenty times as long as a lap took, at least 10 s', () => {
    const laps = new Laps();
    laps.finished(hour(1), 'messages', lap({ costMs: 1_000 }), 0);
    expect(laps.next([hour(1)], 'messages', 0, 19_999)).toBeNull();
    expect(laps.next([hour(1)], 'messages', 0, 20_000)).not.toBeNull();
    laps.finished(hour(1), 'messages', lap({ costMs: 1 }), 20_000);
    expect(laps.next([hour(1)], 'messages', 0, 29_999)).toBeNull();
  });

  it('does not compare an explained hour again until its sums or the dead records have changed', () => {
    const laps = new Laps();
    laps.finished(hour(1), 'messages', lap({ foundAbsent: false, openDead: 3 }), 0);
    expect(laps.next([hour(1)], 'messages', 3, 1e9)).toBeNull();
    expect(laps.next([hour(1)], 'messages', 2, 1e9)).not.toBeNull();
    expect(laps.next([hour(1, { expected: 2 })], 'messages', 3, 1e9)).not.toBeNull();
  });

  it('forgets hours that balance', () => {
    const laps = new Laps();
    laps.finished(hour(1), 'messages', lap(), 0);
    laps.keepOnly([]);
    expect(laps.next([hour(1)], 'messages', 0, 0)).not.toBeNull();
  });
});

describe('slices', () => {
  const event = (expected: number) => ({ eventId: `e${expected}`, expected }) as unknown as ScannedEvent;
  it.each([
    ['all where their messages are few', [1, 1, 1], 3, false],
    ['those before a large one', [1, 6_000, 1], 1, false],
    ['a large one alone', [6_000, 1], 0, true],
    ['as many as fit together', [3_000, 1_500, 1_500], 2, false],
  ])('takes %s', (_, sizes, few, hasLarge) => {
    const taken = firstOf(sizes.map(event));
    expect(taken.few).toHaveLength(few);
    expect(taken.large !== null).toBe(hasLarge);
  });
});

describe('the end of a wait', () => {
  it.each([
    ['every partition is finished past its end', [5, 3], [0, 0], [5, 4], true],
    ['one is not', [5, 3], [0, 0], [4, 3], false],
    ['nothing was ever written', [0, 0], [0, 0], [-1, -1], true],
    ['nobody has finished anything', [1, 0], [0, 0], [-1, -1], false],
    ['the log has nothing left of it', [5, 5], [5, 5], [-1, -1], true],
  ])('33: %s', (_, ends, begin, committed, past) => {
    expect(isPast(ends, begin, committed)).toBe(past);
  });
});
