/** The settings of accounts as routing sees them, in memory: bounded, loaded in batches, never staler than the feed. */
import type { AccountId } from '@herald/contracts';
import type { Database } from '@herald/platform';
import { LRUCache } from 'lru-cache';
import type { AccountSettings } from './account-settings.js';
import type { SettingsFeed } from './settings-feed.js';

const ACCOUNTS_AT_MOST = 50_000;
const UNKNOWN_FOR_MS = 1_000;

const LOAD = {
  name: 'settings-load',
  text: `
    select a.id, a.name, a.locale, a.created_at as "createdAt", a.default_recipient_id as "defaultRecipientId",
      coalesce((select json_agg(json_build_object('id', r.id, 'destinationId', r.destination_id, 'name', r.name, 'email', r.email,
          'isVerified', r.verified_at is not null, 'isOptedOut', r.opted_out) order by r.created_at, r.id)
        from settings.recipient r where r.account_id = a.id), '[]') as recipients,
      coalesce((select json_agg(json_build_object('id', w.id, 'name', w.name, 'platform', w.platform, 'status', w.status)
          order by w.created_at, w.id)
        from settings.webhook w where w.account_id = a.id), '[]') as webhooks,
      coalesce((select json_object_agg(s.scope, json_build_object('channels', s.channels, 'recipientIds', s.recipient_ids,
          'webhookIds', s.webhook_ids, 'rules', s.rules))
        from settings.subscription s where s.account_id = a.id), '{}') as settings
    from settings.account a where a.id = any($1)`,
};

export class SettingsSnapshot {
  private readonly cache = new LRUCache<AccountId, AccountSettings>({ max: ACCOUNTS_AT_MOST });
  private readonly unknown = new LRUCache<AccountId, true>({ max: 10_000, ttl: UNKNOWN_FOR_MS });
  /** Accounts that changed while a load was running: what it read may be older than the change. */
  private readonly dirty = new Set<AccountId>();
  private loads = 0;

  constructor(
    private readonly database: Database,
    private readonly feed: SettingsFeed,
  ) {
    feed.onChange((changes) => {
      for (const { accountId } of changes) {
        if (accountId === null) continue;
        this.cache.delete(accountId as AccountId);
        this.unknown.delete(accountId as AccountId);
        if (this.loads > 0) this.dirty.add(accountId as AccountId);
      }
    });
  }

  /** One query for all that are missing. An account that doesn't exist is absent from the answer. */
  async accounts(ids: readonly AccountId[]): Promise<Map<AccountId, AccountSettings>> {
    const found = new Map<AccountId, AccountSettings>();
    const missing: AccountId[] = [];
    const isStale = this.feed.isStale;
    for (const id of new Set(ids)) {
      const cached = isStale ? undefined : this.cache.get(id);
      if (cached) found.set(id, cached);
      else if (isStale || !this.unknown.has(id)) missing.push(id);
    }
    if (missing.length > 0) await this.load(missing, found);
    return found;
  }

  private async load(ids: readonly AccountId[], into: Map<AccountId, AccountSettings>): Promise<void> {
    this.loads += 1;
    try {
      const { rows } = await this.database.query<AccountSettings>(LOAD, [ids]);
      for (const row of rows) {
        into.set(row.id, row);
        if (!this.dirty.has(row.id)) this.cache.set(row.id, row);
      }
      for (const id of ids) if (!into.has(id) && !this.dirty.has(id)) this.unknown.set(id, true);
    } finally {
      this.loads -= 1;
      if (this.loads === 0) this.dirty.clear();
    }
  }
}
