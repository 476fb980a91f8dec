import { describe, expect, it } from '@jest/globals';
import { describeFault, planFaults } from './fault-plan.js';
import { feltFaults } from './history.js';

const column = (...values: number[]) => Float64Array.from(values);

describe('the plan of faults', () => {
  it('holds each fault as often as asked, spread over the rounds', () => {
    const plan = planFaults(['ingest', 'router'], { kills: 4, terminations: 1, serverKills: 2, flushes: 1 }).map(
      describeFault,
    );
    const times = (name: string) => plan.filter((each) => each === name).length;
    expect([times('kill -9 ingest'), times('SIGTERM router'), times('kill -9 kafka'), times('redis FLUSHALL')]).toEqual(
      [4, 1, 2, 1],
    );
    expect(plan.indexOf('kill -9 kafka')).toBeLessThan(plan.lastIndexOf('kill -9 ingest'));
  });
});

describe('what a fault was felt as', () => {
  const injected = [
    { name: 'first', atMs: 1_000, readyAtMs: 3_000 },
    { name: 'second', atMs: 10_000, readyAtMs: null },
  ];

  it('is the time until the last event that it made late was delivered', () => {
    const felt = feltFaults(
      injected,
      {
        sentAt: column(500, 2_000, 9_500),
        acceptedAt: column(510, 2_100, 9_600),
        arrivedAt: column(520, 6_000, 15_000),
      },
      [],
    );
    expect(
      felt.map(({ caughtUpAfterMs, lateEvents, readyAfterMs }) => [caughtUpAfterMs, lateEvents, readyAfterMs]),
    ).toEqual([
      [5_000, 1, 2_000],
      [5_000, 1, null],
    ]);
  });

  it('counts neither what never came nor what was not late', () => {
    const felt = feltFaults(
      injected,
      { sentAt: column(1_500, 2_000), acceptedAt: column(1_510, 0), arrivedAt: column(1_600, 0) },
      [],
    );
    expect(felt[0]).toMatchObject({ caughtUpAfterMs: 0, lateEvents: 0 });
  });

  it('is the longest time without a 202 until the next fault, and the calls repeated in it', () => {
    const felt = feltFaults(
      injected,
      { sentAt: column(1, 1, 1, 1), acceptedAt: column(900, 1_200, 5_200, 9_900), arrivedAt: column() },
      [{ atMs: 900 }, { atMs: 1_100 }, { atMs: 12_000 }, { atMs: 13_000 }],
    );
    expect(felt.map(({ silenceMs, duplicates }) => [silenceMs, duplicates])).toEqual([
      [4_700, 1],
      [0, 2],
    ]);
  });
});
