import type { Step } from '../deliver.js';
import type { DestinationHealth } from '../destinations.js';
import type { Patience } from '../patience.js';

/** Tells the destination's owner, by its state, how it does (semantics 25). */
export const reportHealth =
  (health: DestinationHealth, patience: Patience): Step =>
  (next) =>
  async (passing) => {
    const outcome = await next(passing);
    const { called, destination } = passing;
    if (!called) return outcome;
    const { delivery } = passing.pass;
    const { revision } = destination;
    if (!called.failure) {
      health.succeeded(delivery, revision);
      return outcome;
    }
    const { advice, providerCode } = called.failure;
    const reason = advice ?? providerCode;
    if (called.effect === 'gone') {
      // In force before the outcome is recorded: nothing else is sent there.
      await patience.with('switching a destination off', () => health.gone(delivery, revision, reason));
    } else health.failed(delivery, revision, called.effect === 'refused' ? reason : null);
    return outcome;
  };
