/** One log line and a few counts per attempt, with fixed names; labels are closed sets, never ids. */
import { type DeliveryChannel, deliveryChannels } from '@herald/contracts';
import type { DatabaseClock, Logger, Metrics } from '@herald/platform';
import type { Called } from './deliver.js';
import type { Outcome, Pass } from './delivery.js';

interface PerChannel {
  readonly duration: { observe(seconds: number): void };
  readonly firstAttempt: { observe(seconds: number): void };
}

export class Telemetry {
  private readonly perChannel: Readonly<Record<DeliveryChannel, PerChannel>>;
  private readonly attempts;

  constructor(
    metrics: Metrics,
    private readonly clock: Pick<DatabaseClock, 'nowMs'>,
    private readonly logger: Logger,
  ) {
    this.attempts = metrics.counter('delivery_attempts_total', 'Calls to providers, by what came of them.', [
      'channel',
      'outcome',
      'failure',
    ]);
    const duration = metrics.histogram('delivery_attempt_duration_seconds', 'How long providers took.', ['channel']);
    const first = metrics.histogram(
      'delivery_first_attempt_seconds',
      'From acceptance to the end of the first attempt.',
      ['channel'],
    );
    this.perChannel = Object.fromEntries(
      deliveryChannels.map((channel) => [
        channel,
        { duration: duration.labels(channel), firstAttempt: first.labels(channel) },
      ]),
    ) as unknown as Record<DeliveryChannel, PerChannel>;
  }

  attempted(pass: Pass, outcome: Outcome, called: Called): void {
    const { delivery, trigger, spent } = pass;
    const { channel } = delivery;
    const { duration, firstAttempt } = this.perChannel[channel];
    const failure = called.failure?.kind ?? 'none';
    duration.observe(called.ms / 1_000);
    this.attempts.inc({ channel, outcome: outcome.status, failure });
    const sinceAcceptedMs = this.clock.nowMs() - delivery.acceptedAt.getTime();
    if (trigger === 'event') firstAttempt.observe(Math.max(0, sinceAcceptedMs) / 1_000);
    this.logger.info(
      {
        deliveryId: delivery.deliveryId,
        eventId: delivery.eventId,
        accountId: delivery.accountId,
        destinationId: delivery.destinationId,
        channel,
        trigger,
        attempt: spent + 1,
        outcome: outcome.status,
        failure,
        providerCode: called.failure?.providerCode ?? null,
        durationMs: called.ms,
        sinceAcceptedMs,
      },
      'delivery.attempted',
    );
  }
}
