/** Tells accounts of webhooks that fail, switches off those that have failed for 120 h, and says when they work again. */
import type { Bus, DatabaseClock, Logger } from '@herald/platform';
import type { WebhookHealthStore } from '@herald/subscriptions';
import { counted, type Done, type Duty, type Turn } from '../duty.js';
import type { Candidate, FailingStore } from './failing.store.js';
import { failingEvent } from './failing-event.js';
import { KEPT_FAILING, nextStep } from './telling.js';

const AT_ONCE = 500;

export interface FailingParts {
  readonly bus: Bus;
  readonly store: FailingStore;
  readonly webhooks: Pick<WebhookHealthStore, 'disable'>;
  readonly clock: Pick<DatabaseClock, 'now'>;
  readonly logger: Logger;
}

export class FailingDestinations implements Duty {
  readonly name = 'failing-destinations';
  readonly everyMs = 30_000;

  constructor(private readonly parts: FailingParts) {}

  async run(turn: Turn): Promise<Done> {
    let told = 0;
    let disabled = 0;
    for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
      const page = await this.parts.store.candidates(after, AT_ONCE);
      for (const candidate of page) {
        if (!(await turn.goesOn())) return counted({ told, disabled });
        const did = await this.step(candidate);
        if (did === 'told') told += 1;
        if (did === 'disabled') disabled += 1;
      }
      const last = page.at(-1);
      if (!last || page.length < AT_ONCE) return counted({ told, disabled });
      after = last.webhookId;
    }
  }

  /** Told first, then noted: who dies between tells the same again, under the same id. */
  private async step({ webhookId, accountId, webhook, told }: Candidate): Promise<'told' | 'disabled' | null> {
    const { bus, store, webhooks, clock, logger } = this.parts;
    const now = clock.now();
    const step = nextStep(webhook, told, now);
    if (step.do === 'forget') await store.forget(webhookId);
    if (step.do === 'disable' && webhook) {
      const isOurs = await webhooks.disable({ accountId, webhookId, revision: webhook.revision }, KEPT_FAILING);
      if (isOurs)
        logger.warn(
          { webhookId, failingSince: webhook.failingSince },
          'a webhook has failed for 120 h and is switched off',
        );
      return isOurs ? 'disabled' : null;
    }
    if (step.do !== 'tell' || !webhook) return null;
    const { news, failingSince } = step;
    const { name, platform, statusReason, revision } = webhook;
    await bus.publish([
      failingEvent({ news, webhookId, accountId, name, platform, statusReason, failingSince, revision }, now),
    ]);
    await store.markTold(webhookId, accountId, { kind: news, failingSince, revision });
    return 'told';
  }
}
