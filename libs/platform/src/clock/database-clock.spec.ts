import { afterEach, describe, expect, it } from '@jest/globals';
import type { Sql } from '../postgres/database.js';
import { DatabaseClock } from './database-clock.js';

const HOUR = 60 * 60_000;

describe('27: DatabaseClock', () => {
  const clocks: DatabaseClock[] = [];
  afterEach(() => {
    for (const clock of clocks.splice(0)) clock.stop();
  });
  const started = async (nowMs: () => number) => {
    const sql = { query: async () => ({ rows: [{ ms: nowMs() }], rowCount: 1 }) } as unknown as Sql;
    const clock = new DatabaseClock();
    clocks.push(clock);
    await clock.start(sql);
    return clock;
  };

  it.each([HOUR, -HOUR])(
    'goes by the database where this machine is off by %d ms, and tells the skew',
    async (offMs) => {
      const clock = await started(() => Date.now() + offMs);
      expect(Math.abs(clock.nowMs() - (Date.now() + offMs))).toBeLessThan(250);
      expect(Math.abs(clock.skewMs() + offMs)).toBeLessThan(250);
      expect(Math.abs(clock.now().getTime() - clock.nowMs())).toBeLessThan(50);
    },
  );

  it('does not move when this machine’s clock is set', async () => {
    const clock = await started(() => 1_700_000_000_000);
    const realNow = Date.now;
    const before = clock.nowMs();
    Date.now = () => realNow() + HOUR;
    try {
      expect(clock.nowMs() - before).toBeLessThan(1_000);
      expect(clock.skewMs()).toBeGreaterThan(HOUR);
    } finally {
      Date.now = realNow;
    }
  });

  it('fails to start where the first measurement fails', async () => {
    const clock = new DatabaseClock();
    const sql = { query: async () => Promise.reject(new Error('away')) } as unknown as Sql;
    await expect(clock.start(sql)).rejects.toThrow('away');
  });
});
