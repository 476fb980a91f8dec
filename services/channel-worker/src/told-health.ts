/** What attempts tell about destinations, passed on to the settings that show it to their owners. */
import type { Delivery, DestinationHealth } from '@herald/delivery';
import type { RecipientStore, WebhookHealth, WebhookRevision } from '@herald/subscriptions';

export class ToldHealth implements DestinationHealth {
  constructor(
    private readonly webhooks: WebhookHealth,
    private readonly recipients: RecipientStore,
  ) {}

  succeeded(delivery: Delivery, revision: number): void {
    if (delivery.channel !== 'email') this.webhooks.succeeded(webhookOf(delivery, revision));
  }

  failed(delivery: Delivery, revision: number, refusedBecause: string | null): void {
    if (delivery.channel !== 'email') this.webhooks.failed(webhookOf(delivery, revision), refusedBecause);
    else if (refusedBecause === 'mailbox-unknown') void this.bounced(delivery).catch(() => {});
  }

  async gone(delivery: Delivery, revision: number, reason: string): Promise<void> {
    if (delivery.channel === 'email') return this.bounced(delivery);
    await this.webhooks.disable(webhookOf(delivery, revision), reason);
  }

  private bounced({ accountId, destinationId }: Delivery): Promise<void> {
    return this.recipients.markBounced(accountId, destinationId);
  }
}

function webhookOf({ accountId, destinationId }: Delivery, revision: number): WebhookRevision {
  return { accountId, webhookId: destinationId, revision };
}
