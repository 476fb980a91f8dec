import { failure } from '@herald/channels';
import { isDataFault, isNotNow, type Logger } from '@herald/platform';
import type { Step } from '../deliver.js';
import type { Outcome, Pass } from '../delivery.js';
import type { OutcomeRecorder } from '../outcome-recorder.js';
import { type Deciding, outcomeOf } from './attempt-once.js';

/** Whatever happens inside is an outcome, and the outcome is written before anybody goes on (semantics 15). */
export const recordOutcome =
  (recorder: OutcomeRecorder, parts: Deciding & { readonly logger: Logger }): Step =>
  (next) =>
  async (passing) => {
    let outcome: Outcome;
    try {
      outcome = await next(passing);
    } catch (error) {
      if (isNotNow(error) || isDataFault(error)) throw error;
      outcome = outcomeOfBug(passing.pass, error, parts);
    }
    await recorder.record(passing.pass, outcome);
    return outcome;
  };

/** A bug of ours must neither stop the worker nor lose the delivery: at most 3 attempts, then somebody must look. */
function outcomeOfBug(pass: Pass, error: unknown, parts: Deciding & { readonly logger: Logger }): Outcome {
  parts.logger.error({ error, deliveryId: pass.delivery.deliveryId }, 'a delivery met a fault of this version');
  const found = failure('unknown', 'HERALD_FAULT', { providerMessage: 'a fault of this version of Herald' });
  return outcomeOf(pass, found, { startedAt: parts.clock.now(), ms: 0 }, parts).outcome;
}
