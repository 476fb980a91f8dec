import type { Step } from '../deliver.js';
import type { InFlight } from '../in-flight.js';

/** Holds a place of worker, account and destination while the delivery is on its way (semantics 21); recording needs none. */
export const holdPlace =
  (inFlight: InFlight): Step =>
  (next) =>
  async (passing) => {
    const { pass, from } = passing;
    inFlight.enter(pass.delivery, from, performance.now());
    try {
      return await next(passing);
    } finally {
      inFlight.leave(pass.delivery, from, passing.called?.ms ?? null, performance.now());
    }
  };
