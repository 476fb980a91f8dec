/**
 * Where deliveries go, as the worker needs it before each attempt: does it exist, may it be sent to, and its decrypted
 * configuration, once per revision (semantics 25).
 */
import type { AccountId, DeliveryChannel, DestinationId, Locale, Reason } from '@herald/contracts';
import type { Database, KeyRing } from '@herald/platform';
import { LRUCache } from 'lru-cache';
import type { SettingsFeed } from './settings-feed.js';

export type Destination =
  | { readonly state: 'usable'; readonly config: unknown; readonly locale: Locale; readonly revision: number }
  | { readonly state: 'unusable'; readonly reason: Reason };

export interface DestinationKey {
  readonly accountId: AccountId;
  readonly channel: DeliveryChannel;
  readonly destinationId: DestinationId;
}

interface WebhookRow {
  readonly id: DestinationId;
  readonly accountId: AccountId;
  readonly config: string;
  readonly status: string;
  readonly revision: number;
  readonly locale: Locale;
}

interface RecipientRow {
  readonly destinationId: DestinationId;
  readonly accountId: AccountId;
  readonly name: string;
  readonly email: string;
  readonly locale: Locale;
  readonly isVerified: boolean;
  readonly isOptedOut: boolean;
}

const DESTINATIONS_AT_MOST = 50_000;
const removed: Destination = { state: 'unusable', reason: 'DESTINATION_REMOVED' };

export class DestinationCache {
  private readonly cache = new LRUCache<string, Destination>({ max: DESTINATIONS_AT_MOST });
  private readonly dirty = new Set<string>();
  private loads = 0;

  constructor(
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    private readonly feed: SettingsFeed,
  ) {
    feed.onChange((changes) => {
      for (const { kind, key } of changes) {
        if (kind === 'account') this.cache.clear();
        if (kind !== 'webhook' && kind !== 'recipient') continue;
        this.cache.delete(key);
        if (this.loads > 0) this.dirty.add(key);
      }
    });
  }

  /** The destination where it is in memory and surely current. */
  peek(key: DestinationKey): Destination | undefined {
    return this.feed.isStale ? undefined : this.cache.get(key.destinationId);
  }

  async load(keys: readonly DestinationKey[]): Promise<Map<DestinationId, Destination>> {
    const found = new Map<DestinationId, Destination>();
    const missing = new Map<DestinationId, DestinationKey>();
    for (const key of keys) {
      const cached = this.peek(key);
      if (cached) found.set(key.destinationId, cached);
      else missing.set(key.destinationId, key);
    }
    if (missing.size === 0) return found;
    this.loads += 1;
    try {
      const all = [...missing.values()];
      const emails = all.filter(({ channel }) => channel === 'email');
      const webhooks = all.filter(({ channel }) => channel !== 'email');
      const loaded = new Map<DestinationId, Destination>();
      if (webhooks.length > 0) for (const row of await this.webhookRows(webhooks)) loaded.set(row.id, this.webhook(row, missing));
      if (emails.length > 0) this.recipients(await this.recipientRows(emails), missing, loaded);
      for (const { destinationId } of all) {
        const destination = loaded.get(destinationId) ?? removed;
        found.set(destinationId, destination);
        if (!this.dirty.has(destinationId)) this.cache.set(destinationId, destination);
      }
    } finally {
      this.loads -= 1;
      if (this.loads === 0) this.dirty.clear();
    }
    return found;
  }

  private webhook(row: WebhookRow, asked: ReadonlyMap<DestinationId, DestinationKey>): Destination {
    if (asked.get(row.id)?.accountId !== row.accountId) return removed;
    if (row.status === 'disabled') return { state: 'unusable', reason: 'WEBHOOK_DISABLED' };
    const config = JSON.parse(this.keyRing.decrypt(row.config, webhookSecretPlace(row.id)));
    return { state: 'usable', config, locale: row.locale, revision: row.revision };
  }

  /** An address exists while some recipient of the account has it, verified and not opted out. */
  private recipients(
    rows: readonly RecipientRow[],
    asked: ReadonlyMap<DestinationId, DestinationKey>,
    into: Map<DestinationId, Destination>,
  ): void {
    for (const row of rows) {
      if (asked.get(row.destinationId)?.accountId !== row.accountId || into.get(row.destinationId)?.state === 'usable') continue;
      into.set(
        row.destinationId,
        row.isVerified
          ? { state: 'usable', config: { name: row.name, address: row.email }, locale: row.locale, revision: 1 }
          : { state: 'unusable', reason: 'UNVERIFIED' },
      );
    }
  }

  private async webhookRows(keys: readonly DestinationKey[]): Promise<WebhookRow[]> {
    const { rows } = await this.database.query<WebhookRow>(
      {
        name: 'destination-webhooks',
        text: `select w.id, w.account_id as "accountId", w.config, w.status, w.revision, a.locale
               from settings.webhook w join settings.account a on a.id = w.account_id where w.id = any($1::uuid[])`,
      },
      [keys.map(({ destinationId }) => destinationId)],
    );
    return rows;
  }

  private async recipientRows(keys: readonly DestinationKey[]): Promise<RecipientRow[]> {
    const { rows } = await this.database.query<RecipientRow>(
      {
        name: 'destination-recipients',
        text: `select r.destination_id as "destinationId", r.account_id as "accountId", r.name, r.email,
                 coalesce(r.locale, a.locale) as locale, r.verified_at is not null as "isVerified", r.opted_out as "isOptedOut"
               from settings.recipient r join settings.account a on a.id = r.account_id
               where r.destination_id = any($1::uuid[]) order by r.created_at, r.id`,
      },
      [keys.map(({ destinationId }) => destinationId)],
    );
    return rows;
  }
}

/** What a webhook's encrypted configuration is bound to. */
export function webhookSecretPlace(webhookId: string): string {
  return `webhook:${webhookId}:config`;
}
