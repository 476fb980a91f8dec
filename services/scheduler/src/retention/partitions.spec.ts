import { describe, expect, it } from '@jest/globals';
import { checkHorizon, keeping } from '../horizon.js';
import { daysAhead, daysOver } from './partitions.js';
import { daysDue } from './provider-texts.js';

const now = new Date('2026-03-31T23:59:59Z');

describe('days of deliveries', () => {
  it('8: are made from yesterday to 14 days ahead', () => {
    const days = daysAhead(now);
    expect(days[0]).toBe('2026-03-30');
    expect(days).toContain('2026-03-31');
    expect(days.at(-1)).toBe('2026-04-14');
    expect(days).toHaveLength(16);
  });

  it('8: are over when their last moment is 90 days old', () => {
    expect(daysOver(['2026-03-31', '2025-12-31', '2025-12-30', '2025-06-01'], now, 90)).toEqual([
      '2025-06-01',
      '2025-12-30',
    ]);
  });

  it('8: lose their providers’ texts after 30 days, and again after 60 for what was replayed', () => {
    const days = ['2026-01-29', '2026-02-01', '2026-02-27', '2026-03-02'];
    expect(daysDue(days, new Map(), now)).toEqual(['2026-01-29', '2026-02-01', '2026-02-27']);
    expect(
      daysDue(
        days,
        new Map([
          ['2026-01-29', 1],
          ['2026-02-01', 1],
          ['2026-02-27', 1],
        ]),
        now,
      ),
    ).toEqual(['2026-01-29']);
    expect(
      daysDue(
        days,
        new Map([
          ['2026-01-29', 2],
          ['2026-02-01', 1],
          ['2026-02-27', 1],
        ]),
        now,
      ),
    ).toEqual([]);
  });
});

describe('the horizon', () => {
  it('33: holds as configured', () => expect(() => checkHorizon(keeping)).not.toThrow());
  it.each([
    ['shorter than the bus keeps', { ...keeping, horizonMs: keeping.busRetentionMs - 1 }],
    ['as long as deliveries are kept', { ...keeping, horizonMs: keeping.deliveriesKeptMs }],
  ])('33: is refused at start where it is %s', (_, wrong) => {
    expect(() => checkHorizon(wrong)).toThrow(/bus .* ≤ horizon .* < deliveries/);
  });
});
