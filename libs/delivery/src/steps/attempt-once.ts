/** Exactly one call to the provider, and what follows from its answer. */
import {
  type ChannelRuntime,
  type Failure,
  failure,
  ProviderError,
  type Receipt,
  type Registry,
} from '@herald/channels';
import type { DeliveryChannel } from '@herald/contracts';
import type { DatabaseClock, Logger } from '@herald/platform';
import type { Deadlines } from '../deadlines.js';
import type { Called, Passing, Step } from '../deliver.js';
import { type Attempt, isProbe, type Outcome, type Pass } from '../delivery.js';
import type { Contents } from '../destinations.js';
import { outboundMessage } from '../outbound-message.js';
import type { Patience } from '../patience.js';
import { decide } from '../policy.js';
import type { RetryDelays } from '../retry-delays.js';
import type { Telemetry } from '../telemetry.js';

export interface Deciding {
  readonly clock: Pick<DatabaseClock, 'now' | 'nowMs'>;
  readonly delays: (channel: DeliveryChannel) => RetryDelays;
  /** 0 to 1. */
  readonly random: () => number;
}

export interface Attempting extends Deciding {
  readonly channels: Registry;
  readonly io: ChannelRuntime['io'];
  readonly isAvailable: ChannelRuntime['isAvailable'];
  readonly contents: Contents;
  readonly deadlines: Deadlines;
  readonly patience: Patience;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly publicUrl: string;
  /** Monotonic milliseconds that an attempt may take in all: with less of its lease left, none is started. */
  readonly attemptLimitMs: number;
}

export const attemptOnce =
  (parts: Attempting): Step =>
  () =>
  async (passing) => {
    const { pass } = passing;
    const { delivery } = pass;
    if (!parts.isAvailable(delivery.channel)) return { status: 'suppressed', reason: 'CHANNEL_UNAVAILABLE' };
    const content =
      pass.content ?? (await parts.patience.with('reading contents', () => parts.contents.load(delivery)));
    if (content === null) return { status: 'suppressed', reason: 'EXPIRED' };
    if (pass.leaseEndsMs - performance.now() < parts.attemptLimitMs) return { status: 'released' };
    pass.content = content;
    return call(passing, parts);
  };

async function call(passing: Passing, parts: Attempting): Promise<Outcome> {
  const { pass, destination } = passing;
  const channel = parts.channels[pass.delivery.channel];
  const startedAt = parts.clock.now();
  const startedMs = performance.now();
  const message = outboundMessage(pass, destination.locale, parts.publicUrl);
  const answer = await parts.deadlines.run<Receipt | Failure>(
    async (signal) => {
      try {
        const { payload } = channel.render(message, destination.config);
        return await channel.send(payload, destination.config, parts.io(channel.id, signal), message);
      } catch (error) {
        if (error instanceof ProviderError) return error.failure;
        parts.logger.error({ error, channel: channel.id }, 'a channel met a fault of this version');
        return failure('unknown', 'HERALD_FAULT', { providerMessage: 'a fault of this version of Herald' });
      }
    },
    () => failure('timeout', 'TIMEOUT', { ambiguous: true, providerMessage: 'no answer within the attempt’s limit' }),
  );
  const ms = Math.round((performance.now() - startedMs) * 10) / 10;
  const found = 'kind' in answer ? answer : null;
  const { outcome, called } = found
    ? outcomeOf(pass, found, { startedAt, ms }, parts)
    : success(pass, answer as Receipt, { startedAt, ms });
  passing.called = called;
  parts.telemetry.attempted(pass, outcome, called);
  return outcome;
}

interface Timing {
  readonly startedAt: Date;
  readonly ms: number;
}

function success(pass: Pass, receipt: Receipt, { startedAt, ms }: Timing): { outcome: Outcome; called: Called } {
  const attempt: Attempt = {
    startedAt,
    durationMs: ms,
    trigger: pass.trigger,
    httpStatus: receipt.status,
    providerCode: receipt.providerCode,
    providerMessage: receipt.providerMessage,
    error: null,
    retryAfterSeconds: null,
    ambiguous: false,
  };
  const called: Called = { ms, failure: null, sign: 'life', pauseMs: null, effect: 'unchanged' };
  return { outcome: { status: 'delivered', attempt }, called };
}

/** What the policy makes of a failure. */
export function outcomeOf(
  pass: Pass,
  found: Failure,
  { startedAt, ms }: Timing,
  parts: Deciding,
): { outcome: Outcome; called: Called } {
  const decision = decide(found, {
    channel: pass.delivery.channel,
    spent: pass.spent,
    wasAmbiguous: pass.wasAmbiguous,
    isProbe: isProbe(pass),
    delays: parts.delays(pass.delivery.channel),
    nowMs: parts.clock.nowMs(),
    lastAtMs: pass.lastAtMs,
    random: parts.random(),
  });
  const attempt: Attempt = {
    startedAt,
    durationMs: ms,
    trigger: pass.trigger,
    httpStatus: found.status,
    providerCode: found.providerCode,
    providerMessage: found.providerMessage,
    error: found.kind,
    retryAfterSeconds: found.retryAfterSeconds ?? null,
    ambiguous: found.ambiguous,
  };
  const called: Called = {
    ms,
    failure: found,
    sign: decision.breaker,
    pauseMs: decision.pauseMs,
    effect: decision.destination,
  };
  const wasAmbiguous = pass.wasAmbiguous || found.ambiguous;
  if (decision.next === 'dead') return { outcome: { status: 'dead', reason: decision.reason, attempt }, called };
  const { spent } = decision;
  if (decision.next === 'park') {
    const outcome: Outcome = {
      status: 'parked',
      why: 'breaker',
      resumeInMs: null,
      revision: 0,
      spent,
      wasAmbiguous,
      attempt,
    };
    return { outcome, called };
  }
  return { outcome: { status: 'scheduled', dueAtMs: decision.dueAtMs, spent, wasAmbiguous, attempt }, called };
}
