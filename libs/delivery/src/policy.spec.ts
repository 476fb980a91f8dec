import { type Failure, failure } from '@herald/channels';
import { describe, expect, it } from '@jest/globals';
import { decide, type Situation } from './policy.js';
import { retryDelays } from './retry-delays.js';

const NOW = 1_000_000_000;
const delays = retryDelays({});
const at = (more: Partial<Situation> = {}): Situation => ({
  channel: 'webhook',
  spent: 0,
  wasAmbiguous: false,
  isProbe: false,
  delays: delays(more.channel ?? 'webhook'),
  nowMs: NOW,
  lastAtMs: NOW + 92 * 3_600_000,
  random: 0.5,
  ...more,
});
const again = (inMs: number, spent: number) => ({ next: 'again', dueAtMs: NOW + inMs, spent });
const dead = (reason: string) => ({ next: 'dead', reason });
const down = failure('provider-down', 'HTTP 503');
const gone = failure('bad-destination', 'HTTP 410', { gone: true });

// biome-ignore format: a table
describe.each<[string, Failure, Partial<Situation>, object]>([
  ['a provider is down', down, {}, { ...again(5_000, 1), breaker: 'failure' }],
  ['it is down again', down, { spent: 1 }, again(30_000, 2)],
  ['it names a later time', { ...down, retryAfterSeconds: 60 }, {}, again(60_000, 1)],
  ['it names an earlier time', { ...down, retryAfterSeconds: 1 }, {}, again(5_000, 1)],
  ['a timeout', failure('timeout', 'TIMEOUT', { ambiguous: true }), {}, { ...again(5_000, 1), breaker: 'failure' }],
  ['the twelfth attempt fails', down, { spent: 11 }, dead('RETRIES_EXHAUSTED')],
  ['a robot’s eighth attempt fails', down, { channel: 'lark', spent: 7 }, dead('RETRIES_EXHAUSTED')],
  ['throttled at Retry-After', failure('throttled', 'HTTP 429', { retryAfterSeconds: 7 }), { spent: 3, random: 0 }, { ...again(7_000, 3), pauseMs: 7_000, breaker: 'life' }],
  ['throttled for two days', failure('throttled', 'HTTP 429', { retryAfterSeconds: 172_800 }), { random: 0 }, again(86_400_000, 0)],
  ['throttled beyond the last time', failure('throttled', 'HTTP 429', { retryAfterSeconds: 60 }), { lastAtMs: NOW + 1_000 }, again(1_000, 0)],
  ['down beyond the last time', down, { lastAtMs: NOW + 1_000 }, again(1_000, 1)],
  ['a robot refuses credentials', failure('bad-credentials', '310000'), { channel: 'dingtalk' }, { ...dead('REJECTED'), destination: 'refused' }],
  ['a webhook refuses once', failure('bad-credentials', 'HTTP 401', { attemptsAtMost: 3 }), {}, { ...again(5_000, 1), destination: 'refused' }],
  ['a webhook refuses a third time', failure('bad-credentials', 'HTTP 401', { attemptsAtMost: 3 }), { spent: 2 }, dead('REJECTED')],
  ['a destination is gone', gone, {}, { ...dead('REJECTED'), destination: 'gone' }],
  ['a message is bad', failure('bad-message', '40008'), { channel: 'wecom' }, { ...dead('REJECTED'), alarm: true }],
  ['something unknown', failure('unknown', 'HTTP 418'), {}, again(5_000, 1)],
  ['something unknown a third time', failure('unknown', 'HTTP 418'), { spent: 2 }, dead('REJECTED')],
  ['a robot leaves it unconfirmed twice', failure('timeout', 'TIMEOUT', { ambiguous: true }), { channel: 'slack', spent: 1, wasAmbiguous: true }, dead('UNCONFIRMED')],
  ['a webhook leaves it unconfirmed twice', failure('timeout', 'TIMEOUT', { ambiguous: true }), { spent: 1, wasAmbiguous: true }, again(30_000, 2)],
  ['a probe finds nobody', down, { isProbe: true, spent: 4 }, { next: 'park', spent: 4, breaker: 'failure' }],
])('where %s', (_name, found, situation, expected) => {
  it('decides so', () => {
    expect(decide(found, at(situation))).toMatchObject(expected);
  });
});

describe('the waits', () => {
  it('vary by 20 % to either side', () => {
    expect(decide(down, at({ random: 0 }))).toMatchObject(again(4_000, 1));
    expect(decide(down, at({ random: 1 }))).toMatchObject(again(6_000, 1));
  });

  it('24: a pass spans 92 h at a custom webhook, 8 h elsewhere', () => {
    expect(Math.round(delays('webhook').spanMs / 3_600_000)).toBe(92);
    expect(Math.round(delays('email').spanMs / 3_600_000)).toBe(8);
  });

  it('24: configured waits span twice their sum, at least 10 minutes', () => {
    const configured = retryDelays({ HERALD_RETRY_DELAYS_WEBHOOK: [1_000], HERALD_RETRY_DELAYS_CHAT: [3_600_000] });
    expect(configured('webhook').spanMs).toBe(600_000);
    expect(configured('dingtalk').spanMs).toBe(7_200_000);
  });
});
