import { describe, expect, it } from '@jest/globals';
import { Breaker, nextProbeMs } from './breaker.js';

describe('a breaker', () => {
  it('22: opens at 10 failures in a row', () => {
    const breaker = new Breaker();
    for (let index = 0; index < 9; index += 1) expect(breaker.record('failure', index)).toBeNull();
    expect(breaker.record('failure', 9)).toBe('opened');
  });

  it('22: opens where half of at least 20 calls in 60 s failed', () => {
    const breaker = new Breaker();
    for (let index = 0; index < 19; index += 1)
      expect(breaker.record(index % 2 ? 'failure' : 'life', index)).toBeNull();
    expect(breaker.record('failure', 20)).toBe('opened');
  });

  it('22: forgets what is older than a minute', () => {
    const breaker = new Breaker();
    for (let index = 0; index < 19; index += 1) breaker.record(index % 2 ? 'failure' : 'life', index);
    expect(breaker.record('failure', 70_000)).toBeNull();
    expect(breaker.isOpen).toBe(false);
  });

  it('22: any answer that shows life closes it, and it begins anew', () => {
    const breaker = new Breaker();
    breaker.open(0);
    expect(breaker.record('life', 1)).toBe('closed');
    expect(breaker.record('failure', 2)).toBeNull();
  });

  it.each([
    [0, 2_000],
    [60_000, 2_000],
    [119_999, 2_000],
    [120_000, 4_000],
    [124_000, 8_000],
    [132_000, 16_000],
    [3_600_000, 900_000],
  ])('22: after %d ms the next probe comes %d ms later', (openForMs, expected) => {
    expect(nextProbeMs(openForMs)).toBe(expected);
  });
});
