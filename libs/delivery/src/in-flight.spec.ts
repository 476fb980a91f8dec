import type { AccountId, DestinationId, Lane } from '@herald/contracts';
import { describe, expect, it } from '@jest/globals';
import { InFlight, type Place } from './in-flight.js';

const place = (
  destination: string,
  account = 'a',
  lane: Lane = 'normal',
  channel: Place['channel'] = 'webhook',
): Place => ({
  channel,
  lane,
  accountId: account as AccountId,
  destinationId: destination as DestinationId,
});
const enter = (inFlight: InFlight, count: number, at: Place, nowMs = 0) => {
  for (let index = 0; index < count; index += 1) inFlight.enter(at, 'records', nowMs);
};

describe('room', () => {
  it('21: a destination holds 64, an account 128, the worker 512', () => {
    const inFlight = new InFlight();
    enter(inFlight, 64, place('d1'));
    expect(inFlight.full(place('d1'))).toBe('destination');
    enter(inFlight, 64, place('d2'));
    expect(inFlight.full(place('d3'))).toBe('account');
    for (let index = 0; index < 3; index += 1) enter(inFlight, 128, place(`u${index}`, `u${index}`, 'urgent'));
    expect(inFlight.full(place('x', 'x', 'urgent'))).toBe('worker');
  });

  it('21: a destination whose last 3 calls took over 3 s holds 4', () => {
    const inFlight = new InFlight();
    enter(inFlight, 4, place('d'));
    for (const ms of [3_001, 9_000, 3_001]) {
      inFlight.leave(place('d'), 'records', ms, 10_000);
      inFlight.enter(place('d'), 'records', 10_000);
    }
    expect(inFlight.full(place('d'))).toBe('destination');
    inFlight.leave(place('d'), 'records', 10, 10_000);
    expect(inFlight.full(place('d'))).toBeNull();
  });

  it('mails hold 20, whatever their addresses, and nobody else is held up by them', () => {
    const inFlight = new InFlight();
    for (let index = 0; index < 20; index += 1) enter(inFlight, 1, place(`m${index}`, `a${index}`, 'normal', 'email'));
    expect(inFlight.full(place('m', 'm', 'urgent', 'email'))).toBe('channel');
    expect(inFlight.full(place('w', 'w'))).toBeNull();
    inFlight.leave(place('m0', 'a0', 'normal', 'email'), 'records', 5, 10);
    expect(inFlight.full(place('m', 'm', 'urgent', 'email'))).toBeNull();
  });

  it('lower lanes leave room to the higher ones', () => {
    const inFlight = new InFlight();
    for (let index = 0; index < 4; index += 1) enter(inFlight, 64, place(`b${index}`, `b${index}`, 'bulk'));
    expect(inFlight.roomOfLane('bulk')).toBe(0);
    expect(inFlight.roomOfLane('normal')).toBe(128);
    expect(inFlight.roomOfLane('urgent')).toBe(256);
  });

  it('20: halves a destination between its queue and new records', () => {
    const inFlight = new InFlight();
    enter(inFlight, 32, place('d'));
    expect(inFlight.full(place('d'), 'records', true)).toBe('destination');
    expect(inFlight.full(place('d'), 'queue', true)).toBeNull();
  });
});

describe('20: the expected wait', () => {
  it('is those before it ÷ completions in the last second', () => {
    const inFlight = new InFlight();
    enter(inFlight, 64, place('d'), 5_000);
    for (let index = 0; index < 50; index += 1) {
      inFlight.leave(place('d'), 'records', 5, 5_500);
      inFlight.enter(place('d'), 'records', 5_500);
    }
    expect(inFlight.expectedWaitMs('destination', place('d'), 99, 5_600)).toBe(2_000);
  });

  it('is none where the first call is younger than a second, and endless where nothing has come back since', () => {
    const inFlight = new InFlight();
    enter(inFlight, 64, place('d'), 5_000);
    expect(inFlight.expectedWaitMs('destination', place('d'), 10, 5_900)).toBe(0);
    expect(inFlight.expectedWaitMs('destination', place('d'), 10, 6_100)).toBe(Number.POSITIVE_INFINITY);
  });
});
