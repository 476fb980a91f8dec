import { describe, expect, it } from '@jest/globals';
import { type Seen, summarize } from './measured.js';

const counts = { delivered: 0, duplicates: 0, otherIds: 0, refused: 0, held: 0, heldAtMost: 0, unreadable: 0 };

/** Four events posted from number 10 on, 100 ms apart; the last was refused, the third never arrived. */
const seen: Seen = {
  name: 'x',
  ground: 'distributed',
  readyAfterMs: 1_000,
  accounts: 1,
  destinations: 1,
  pace: { inFlight: 1 },
  batch: 1,
  loadAverageBefore: 0,
  result: {
    first: 10,
    end: 14,
    sentAt: Float64Array.from([1_000, 1_100, 1_200, 1_300]),
    acceptedAt: Float64Array.from([1_010, 1_120, 1_210, 0]),
    statuses: { 202: 3, 503: 1 },
    requests: 4,
    repeated: 0,
    startedAtMs: 1_000,
    endedAtMs: 1_400,
    cpuMs: 10,
    eventIds: [],
  },
  expected: [10, 11, 12],
  isIngestOnly: false,
  arrivedAt: Float64Array.from([...Array<number>(10).fill(0), 1_005, 2_000]),
  sinkBefore: { counts, cpuMs: 100 },
  sinkAfter: { counts: { ...counts, duplicates: 2 }, cpuMs: 106 },
  costs: [{ name: 'router', cpuMs: 4, peakMb: 1 }],
  benchMs: 3,
  busyMs: 23,
  wallMs: 1_000,
};

describe('a stretch', () => {
  it('counts what was accepted, what arrived and what did neither', () => {
    expect(summarize(seen)).toMatchObject({
      posted: 4,
      accepted: 3,
      delivered: 2,
      lost: 1,
      duplicates: 2,
      othersShare: 0,
      cpuMsPerDelivery: 2,
    });
  });

  it('takes the rate of delivery to the last arrival, and what came before its 202 for no time', () => {
    const { acceptedPerSecond, deliveredPerSecond, fromAcceptance, fromPost, drainedAfterMs } = summarize(seen);
    expect([acceptedPerSecond, deliveredPerSecond, drainedAfterMs]).toEqual([7.5, 2, 600]);
    expect([fromAcceptance.p50, fromAcceptance.max, fromPost.p50, fromPost.max]).toEqual([0, 880, 5, 900]);
  });
});
