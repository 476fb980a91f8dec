/**
 * Everything that happens to a delivery, outermost first (walk.md, the pipeline). First attempts enter here from the bus, later
 * ones from the table; each step is one concept, one file in steps/.
 */

import type { Failure } from '@herald/channels';
import type { Buckets } from '@herald/platform';
import type { Outcome, Pass } from './delivery.js';
import type { DestinationStates } from './destination-states.js';
import type { DestinationHealth, Destinations, UsableDestination } from './destinations.js';
import type { InFlight } from './in-flight.js';
import type { OutcomeRecorder } from './outcome-recorder.js';
import { type Attempting, attemptOnce } from './steps/attempt-once.js';
import { dropExpired } from './steps/drop-expired.js';
import { holdPlace } from './steps/hold-place.js';
import { loadDestination } from './steps/load-destination.js';
import { recordOutcome } from './steps/record-outcome.js';
import { reportHealth } from './steps/report-health.js';
import { respectBreaker } from './steps/respect-breaker.js';
import { respectRateLimit } from './steps/respect-rate-limit.js';

/** One pass on its way through the steps, and what they learn for each other. */
export interface Passing {
  readonly pass: Pass;
  /** Freed room goes in turn to a destination's queue and to new records. */
  readonly from: 'records' | 'queue';
  /** Set by loadDestination: every later step has it. */
  destination: UsableDestination;
  /** Set where a call was made. */
  called: Called | null;
}

export interface Called {
  /** How long the provider took. */
  readonly ms: number;
  /** Null for a success. */
  readonly failure: Failure | null;
  /** What the breaker learns: nobody there, or a sign of life. */
  readonly sign: 'failure' | 'life';
  /** Nothing leaves for this destination before then. */
  readonly pauseMs: number | null;
  readonly effect: 'unchanged' | 'refused' | 'gone';
}

export type Run = (passing: Passing) => Promise<Outcome>;
export type Step = (next: Run) => Run;

export interface Parts extends Attempting {
  readonly recorder: OutcomeRecorder;
  readonly inFlight: InFlight;
  readonly destinations: Destinations;
  readonly buckets: Buckets;
  readonly states: DestinationStates;
  readonly health: DestinationHealth;
}

export const makeDeliver = (parts: Parts): Run =>
  pipeline(
    recordOutcome(parts.recorder, parts),
    holdPlace(parts.inFlight),
    loadDestination(parts.destinations, parts.patience),
    dropExpired(parts.clock),
    respectRateLimit(parts.buckets, parts.channels, parts.states),
    respectBreaker(parts.states),
    reportHealth(parts.health, parts.patience),
    attemptOnce(parts),
  );

function pipeline(...steps: readonly Step[]): Run {
  const end: Run = () => Promise.reject(new Error('the last step of a pipeline has no next'));
  return steps.reduceRight((next, step) => step(next), end);
}
