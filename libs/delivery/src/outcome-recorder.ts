/**
 * Writes outcomes, many in one statement, until they are written: a provider has answered, so giving up would send again.
 * Nobody but the record's offset waits for it; a short linger makes the batches large.
 */
import { type BatchWriter, isDataFault, type Logger, makeBatchWriter } from '@herald/platform';
import type { Attempt, Outcome, Pass } from './delivery.js';
import type { DueStore } from './due.store.js';
import type { OutcomeStore, Settlement } from './outcome.store.js';
import type { Patience } from './patience.js';

const OUTCOMES_PER_STATEMENT = 300;
const LINGER_MS = 25;

export interface RecorderParts {
  readonly outcomes: OutcomeStore;
  readonly due: DueStore;
  readonly patience: Patience;
  readonly logger: Logger;
}

export class OutcomeRecorder {
  private readonly first: BatchWriter<Settlement, null>;
  private readonly later: BatchWriter<Settlement, null>;

  constructor(private readonly parts: RecorderParts) {
    const { outcomes } = parts;
    const batches = { itemsAtMost: OUTCOMES_PER_STATEMENT, lingerMs: LINGER_MS, inFlight: 2 };
    this.first = makeBatchWriter({ ...batches, write: (batch) => outcomes.settleFirst(batch).then(() => []) });
    this.later = makeBatchWriter({ ...batches, write: (batch) => outcomes.settleLater(batch).then(() => []) });
  }

  /** Resolves when it is committed. */
  async record(pass: Pass, outcome: Outcome): Promise<void> {
    const { patience, due, logger } = this.parts;
    if (outcome.status === 'released') return patience.with('letting a row go', () => due.letGo([pass]));
    try {
      await this.write(pass, outcome);
    } catch (error) {
      if (!isDataFault(error)) throw error;
      // Never unreadable: what the provider said is left out (semantics 29).
      logger.error({ error, deliveryId: pass.delivery.deliveryId }, 'an outcome is written without the answer’s text');
      await this.write(pass, withoutText(outcome));
    }
  }

  idle(): Promise<unknown> {
    return Promise.all([this.first.idle(), this.later.idle()]);
  }

  private async write(pass: Pass, outcome: Outcome): Promise<void> {
    await this.parts.patience.with('recording outcomes', () =>
      (pass.fence === 0 ? this.first : this.later).add({ pass, outcome }),
    );
  }
}

function withoutText<Given extends Outcome>(outcome: Given): Given {
  const attempt = 'attempt' in outcome ? (outcome.attempt as Attempt | null) : null;
  return attempt ? { ...outcome, attempt: { ...attempt, providerMessage: null, providerCode: null } } : outcome;
}
