import type { Step } from '../deliver.js';
import type { Destinations } from '../destinations.js';
import type { Patience } from '../patience.js';

/** Before each attempt: does it exist, may it be sent to (semantics 25). If not, that is an end with a reason, never an error. */
export const loadDestination =
  (destinations: Destinations, patience: Patience): Step =>
  (next) =>
  async (passing) => {
    const { delivery } = passing.pass;
    const destination =
      destinations.peek(delivery) ?? (await patience.with('loading destinations', () => destinations.load(delivery)));
    if (destination.state === 'unusable') return { status: 'suppressed', reason: destination.reason };
    passing.destination = destination;
    return next(passing);
  };
