import type { Registry } from '@herald/channels';
import type { Buckets } from '@herald/platform';
import type { Passing, Step } from '../deliver.js';
import type { Outcome } from '../delivery.js';
import type { DestinationStates } from '../destination-states.js';

/** The provider's limits before they bite, and the silence it asked for. What has to wait is parked and costs no attempt. */
export const respectRateLimit =
  (buckets: Buckets, channels: Registry, states: DestinationStates): Step =>
  (next) =>
  async (passing) => {
    const { pass, destination } = passing;
    const { destinationId, channel } = pass.delivery;
    const silentMs = states.silentForMs(destinationId, destination.revision);
    if (silentMs > 0) return parked(passing, silentMs);
    const limits = channels[channel].limits(destination.config);
    if (limits.length > 0 && !pass.hasTokens) {
      const waitMs = await buckets.take(limits);
      if (waitMs > 0) return parked(passing, waitMs);
    }
    const outcome = await next(passing);
    const pauseMs = passing.called?.pauseMs ?? null;
    if (pauseMs !== null) {
      states.silence(destinationId, destination.revision, pauseMs);
      // Its own limit alone: one robot's silence must not silence the others that share a limit with it.
      if (limits[0]) await buckets.pause(limits[0].key, pauseMs);
    }
    return outcome;
  };

function parked({ pass, destination }: Passing, resumeInMs: number): Outcome {
  const { spent, wasAmbiguous } = pass;
  return {
    status: 'parked',
    why: 'bucket',
    resumeInMs,
    revision: destination.revision,
    spent,
    wasAmbiguous,
    attempt: null,
  };
}
