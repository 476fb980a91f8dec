/** The settings of accounts as routing sees them, in memory: bounded, loaded in batches, never staler than the feed. */
import type { AccountId } from '@herald/contracts';
import type { Database } from '@herald/platform';
import { type AccountSettings, compact } from './account-settings.js';
import { SettingsCache } from './settings-cache.js';
import type { SettingsFeed } from './settings-feed.js';

const LOAD = {
  name: 'settings-load',
  text: `
    select a.id, a.name, a.locale, a.created_at as "createdAt", a.default_recipient_id as "defaultRecipientId",
      coalesce((select json_agg(json_build_object('id', r.id, 'destinationId', r.destination_id, 'name', r.name,
          'isVerified', r.verified_at is not null, 'isOptedOut', r.opted_out) order by r.created_at, r.id)
        from settings.recipient r where r.account_id = a.id), '[]') as recipients,
      coalesce((select json_agg(json_build_object('id', w.id, 'name', w.name, 'platform', w.platform,
          'isDisabled', w.status = 'disabled') order by w.created_at, w.id)
        from settings.webhook w where w.account_id = a.id), '[]') as webhooks,
      coalesce((select json_object_agg(s.scope, json_build_object('channels', s.channels, 'recipientIds', s.recipient_ids,
          'webhookIds', s.webhook_ids, 'rules', s.rules))
        from settings.subscription s where s.account_id = a.id), '{}') as settings
    from settings.account a where a.id = any($1)`,
};

export const CACHED_ACCOUNTS = 100_000;

export class SettingsSnapshot {
  private readonly cache: SettingsCache<AccountId, AccountSettings>;

  constructor(
    private readonly database: Database,
    feed: SettingsFeed,
    accountsAtMost = CACHED_ACCOUNTS,
  ) {
    this.cache = new SettingsCache({ feed, entriesAtMost: accountsAtMost, load: (ids) => this.load(ids) });
    feed.onChange((changes) => {
      for (const { accountId } of changes) if (accountId !== null) this.cache.forget(accountId as AccountId);
    });
  }

  /** One query for all that are missing. An account that doesn't exist is absent from the answer. */
  accounts(ids: readonly AccountId[]): Promise<Map<AccountId, AccountSettings>> {
    return this.cache.get(ids);
  }

  private async load(ids: readonly AccountId[]): Promise<Map<AccountId, AccountSettings>> {
    const { rows } = await this.database.query<AccountSettings>(LOAD, [ids]);
    return new Map(rows.map((row) => [row.id, compact(row)]));
  }
}
