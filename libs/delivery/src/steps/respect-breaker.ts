import type { Step } from '../deliver.js';
import { isProbe } from '../delivery.js';
import type { DestinationStates } from '../destination-states.js';

/** Nobody calls a destination that doesn't answer, but the probe (semantics 22). Waiting for it costs no attempt. */
export const respectBreaker =
  (states: DestinationStates): Step =>
  (next) =>
  async (passing) => {
    const { pass, destination } = passing;
    const { destinationId } = pass.delivery;
    if (states.isOpen(destinationId, destination.revision) && !isProbe(pass)) {
      const { spent, wasAmbiguous } = pass;
      const { revision } = destination;
      return { status: 'parked', why: 'breaker', resumeInMs: null, revision, spent, wasAmbiguous, attempt: null };
    }
    const outcome = await next(passing);
    if (passing.called) states.record(pass.delivery, destination.revision, passing.called.sign);
    return outcome;
  };
