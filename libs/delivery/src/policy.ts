/**
 * What follows from a failed attempt: the one table of failure kind × attempts × channel (walk.md, the pipeline). Pure: time
 * and chance are parameters. It decides; it does nothing.
 */
import type { Failure } from '@herald/channels';
import type { DeliveryChannel, Reason } from '@herald/contracts';
import { type RetryDelays, waitAfterMs } from './retry-delays.js';

export interface Situation {
  readonly channel: DeliveryChannel;
  /** Attempts of this pass that count, without this one. */
  readonly spent: number;
  /** An earlier attempt of this pass was ambiguous. */
  readonly wasAmbiguous: boolean;
  /** Made while the breaker was open: costs no attempt (semantics 22). */
  readonly isProbe: boolean;
  readonly delays: RetryDelays;
  readonly nowMs: number;
  /** No call is made at or after it. */
  readonly lastAtMs: number;
  /** 0 to 1. */
  readonly random: number;
}

export type Decision = {
  /** Nothing leaves for this destination before then: the provider said so. */
  readonly pauseMs: number | null;
  /** What the breaker learns: nobody there, or a sign of life. */
  readonly breaker: 'failure' | 'life';
  readonly destination: 'unchanged' | 'refused' | 'gone';
  /** Our bug, or too long for the provider: somebody must look. */
  readonly alarm: boolean;
} & (
  | { readonly next: 'again'; readonly dueAtMs: number; readonly spent: number }
  /** A probe that found nobody: it goes on waiting for its destination. */
  | { readonly next: 'park'; readonly spent: number }
  | { readonly next: 'dead'; readonly reason: Reason }
);

/** Attempts in all where the provider refuses but may change its mind. */
const REFUSED_AT_MOST = 3;
const THROTTLED_WITHOUT_VALUE_MS = 30_000;
const RETRY_AFTER_AT_MOST_MS = 24 * 3_600_000;
/** A throttled delivery is due at Retry-After, never sooner, spread over this. */
const THROTTLED_SPREAD_MS = 400;

export function decide(failure: Failure, situation: Situation): Decision {
  const isDown = failure.kind === 'provider-down' || failure.kind === 'timeout';
  const effects = {
    pauseMs: null,
    breaker: isDown ? ('failure' as const) : ('life' as const),
    destination: failure.gone ? ('gone' as const) : ('unchanged' as const),
    alarm: failure.kind === 'bad-message',
  };
  const dead = (reason: Reason): Decision => ({ ...effects, next: 'dead', reason });
  const again = (atMost: number, exhausted: Reason): Decision => retry(failure, situation, effects, atMost, exhausted);

  switch (failure.kind) {
    case 'throttled': {
      const pauseMs = retryAfterMs(failure) ?? THROTTLED_WITHOUT_VALUE_MS;
      const dueAtMs = situation.nowMs + pauseMs + Math.round(THROTTLED_SPREAD_MS * situation.random);
      return { ...effects, pauseMs, next: 'again', dueAtMs: capped(dueAtMs, situation), spent: situation.spent };
    }
    case 'provider-down':
    case 'timeout': {
      // A robot can't tell a repeat: after an ambiguous attempt one more, then it stays unconfirmed (semantics 18).
      if (situation.wasAmbiguous && isRobot(situation.channel)) return dead('UNCONFIRMED');
      if (situation.isProbe) return { ...effects, next: 'park', spent: situation.spent };
      return again(failure.attemptsAtMost ?? Number.POSITIVE_INFINITY, 'RETRIES_EXHAUSTED');
    }
    case 'bad-credentials':
    case 'bad-destination': {
      if (failure.gone) return dead('REJECTED');
      const refused = { ...effects, destination: 'refused' as const };
      if (situation.channel !== 'webhook') return { ...refused, next: 'dead', reason: 'REJECTED' };
      return retry(failure, situation, refused, failure.attemptsAtMost ?? REFUSED_AT_MOST, 'REJECTED');
    }
    case 'bad-message':
      if (failure.attemptsAtMost !== undefined) return again(failure.attemptsAtMost, 'REJECTED');
      return dead('REJECTED');
    case 'unknown':
      return again(failure.attemptsAtMost ?? REFUSED_AT_MOST, 'REJECTED');
  }
}

function retry(
  failure: Failure,
  situation: Situation,
  effects: Pick<Decision, 'pauseMs' | 'breaker' | 'destination' | 'alarm'>,
  atMost: number,
  exhausted: Reason,
): Decision {
  const spent = situation.spent + 1;
  const wait = waitAfterMs(situation.delays, spent, situation.random);
  if (spent >= atMost) return { ...effects, next: 'dead', reason: exhausted };
  if (wait === null) return { ...effects, next: 'dead', reason: 'RETRIES_EXHAUSTED' };
  const dueAtMs = situation.nowMs + Math.max(wait, retryAfterMs(failure) ?? 0);
  return { ...effects, next: 'again', dueAtMs: capped(dueAtMs, situation), spent };
}

/** A due time beyond the last time is set to it: the row then ends without a call (semantics 24). */
function capped(dueAtMs: number, { lastAtMs }: Situation): number {
  return Math.min(dueAtMs, lastAtMs);
}

function retryAfterMs({ retryAfterSeconds }: Failure): number | null {
  if (retryAfterSeconds === undefined) return null;
  return Math.min(Math.max(retryAfterSeconds, 0) * 1_000, RETRY_AFTER_AT_MOST_MS);
}

/** Chat robots have no idempotency: a repeat is a second message. Webhooks and mails carry a stable id. */
function isRobot(channel: DeliveryChannel): boolean {
  return channel !== 'webhook' && channel !== 'email';
}
