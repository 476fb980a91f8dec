/**
 * An account's robots and custom URLs. The channel's configuration (address, secrets) stands encrypted, bound to its
 * row; people see a masked address. What a configuration must look like is the channel's to say, not this store's.
 */
import { randomUUID } from 'node:crypto';
import type { AccountId, Webhook, WebhookPlatform } from '@herald/contracts';
import type { Database, KeyRing, Sql } from '@herald/platform';
import { lockAccount } from './account.store.js';
import { isUnchanged, recordHistory } from './history.store.js';
import { WEBHOOKS_PER_ACCOUNT } from './limits.js';
import { maskUrl } from './mask-url.js';
import { isAfter, type Place, placeOf } from './place.js';
import { recordChange, type SettingsFeed } from './settings-feed.js';
import { dropFromSubscriptions, scopesThatUse } from './subscription-targets.js';

/** As the channel's schema validated it. */
export type WebhookConfig = Readonly<Record<string, unknown>>;

export interface NewWebhook {
  readonly name: string;
  readonly platform: WebhookPlatform;
  readonly config: WebhookConfig;
}

export interface WebhookWithConfig {
  readonly webhook: Webhook;
  readonly config: WebhookConfig;
  readonly revision: number;
}

/** Keys not given stay. */
export interface WebhookChange {
  readonly name?: string;
  readonly config?: WebhookConfig;
  readonly status?: 'enabled' | 'disabled';
}

type Row = Omit<Webhook, 'lastSuccessAt' | 'createdAt'> & {
  readonly lastSuccessAt: Date | null;
  readonly createdAt: Date;
  readonly config: string;
  readonly revision: number;
};

const columns = `id, name, platform, masked_url as url, channel_name as channel, has_secret as "hasSecret", keywords, status,
  status_reason as "statusReason", consecutive_failures as "consecutiveFailures", last_success_at as "lastSuccessAt",
  created_at as "createdAt", config, revision`;

/** What a webhook's encrypted configuration is bound to. */
export function webhookSecretPlace(webhookId: string): string {
  return `webhook:${webhookId}:config`;
}

export function webhookScope(id: string): string {
  return `webhooks/${id}`;
}

function viewOf({ config: _config, revision: _revision, lastSuccessAt, createdAt, ...row }: Row): Webhook {
  return { ...row, lastSuccessAt: lastSuccessAt?.toISOString() ?? null, createdAt: createdAt.toISOString() };
}

export class WebhookStore {
  constructor(
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    private readonly feed: SettingsFeed,
  ) {}

  async find(accountId: AccountId, id: string): Promise<Webhook | null> {
    const row = await findRow(this.database, accountId, id);
    return row && viewOf(row);
  }

  /** With its secrets: for a test message, and for a change that keeps what isn't given. */
  async findWithConfig(accountId: AccountId, id: string): Promise<WebhookWithConfig | null> {
    const row = await findRow(this.database, accountId, id);
    return row && { webhook: viewOf(row), config: this.open(row), revision: row.revision };
  }

  /** In the order of their making; one row more than `limit` where there are more. */
  async list(accountId: AccountId, limit: number, after: Place | null): Promise<Webhook[]> {
    const { rows } = await this.database.query<Row>(
      `select ${columns} from settings.webhook w
       where account_id = $1 and ${isAfter('w', 2)} order by ${placeOf('w')} limit $4`,
      [accountId, after?.at ?? null, after?.id ?? null, limit + 1],
    );
    return rows.map(viewOf);
  }

  async create(accountId: AccountId, webhook: NewWebhook, by: string): Promise<Webhook | 'too many'> {
    const id = randomUUID();
    const created = await this.database.transaction(async (tx) => {
      await lockAccount(tx, accountId);
      const { rows } = await tx.query<Row>(
        `insert into settings.webhook
           (id, account_id, name, platform, config, masked_url, channel_name, has_secret, keywords)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9
         where (select count(*) from settings.webhook where account_id = $2) < $10
         returning ${columns}`,
        [id, accountId, webhook.name, webhook.platform, ...this.seal(id, webhook.config), WEBHOOKS_PER_ACCOUNT],
      );
      if (!rows[0]) return 'too many';
      const after = viewOf(rows[0]);
      await recordHistory(tx, accountId, {
        by,
        action: 'webhook.created',
        scope: webhookScope(id),
        before: null,
        after,
      });
      await recordChange(tx, 'webhook', accountId, [id]);
      return after;
    });
    if (created !== 'too many') await this.feed.announce();
    return created;
  }

  /**
   * Null where the account has no such webhook. `change` sees what stands, under its lock; what it throws leaves
   * everything as it was. Another configuration, and switching on, begin a new revision: with a closed breaker, and out
   * of reach of answers to the old one (semantics 25).
   */
  async update(
    accountId: AccountId,
    id: string,
    change: (current: WebhookWithConfig) => WebhookChange,
    by: string,
  ): Promise<Webhook | null> {
    const updated = await this.database.transaction(async (tx) => {
      await lockAccount(tx, accountId);
      const row = await findRow(tx, accountId, id);
      if (!row) return null;
      const before = viewOf(row);
      const { name, config, status } = change({ webhook: before, config: this.open(row), revision: row.revision });
      const isRenewed = config !== undefined || (status === 'enabled' && row.status !== 'enabled');
      const { rows } = await tx.query<Row>(
        `update settings.webhook set name = coalesce($3, name), config = coalesce($4, config), masked_url = $5,
           channel_name = $6, has_secret = $7, keywords = $8,
           status = case when $9::text is not null then $9 when $10 and status <> 'disabled' then 'enabled' else status end,
           status_reason = case when $9 = 'disabled' then 'switched off' when $9 = 'enabled' then null
             when $10 and status <> 'disabled' then null else status_reason end,
           consecutive_failures = case when $10 then 0 else consecutive_failures end,
           failing_since = case when $10 then null else failing_since end,
           revision = revision + case when $10 then 1 else 0 end
         where account_id = $1 and id = $2 returning ${columns}`,
        [
          accountId,
          id,
          name ?? null,
          ...(config ? this.seal(id, config) : [null, row.url, row.channel, row.hasSecret, row.keywords]),
          status ?? null,
          isRenewed,
        ],
      );
      const after = viewOf(rows[0]!);
      if (config === undefined && isUnchanged(before, after)) return after;
      await recordHistory(tx, accountId, { by, action: 'webhook.updated', scope: webhookScope(id), before, after });
      await recordChange(tx, 'webhook', accountId, [id]);
      return after;
    });
    if (updated) await this.feed.announce();
    return updated;
  }

  /** Where it is used: scopes of subscriptions. Null: there is no such one. */
  async remove(
    accountId: AccountId,
    id: string,
    force: boolean,
    by: string,
  ): Promise<{ readonly removed: boolean; readonly usedIn: string[] } | null> {
    const result = await this.database.transaction(async (tx) => {
      await lockAccount(tx, accountId);
      const row = await findRow(tx, accountId, id);
      if (!row) return null;
      const usedIn = await scopesThatUse(tx, accountId, 'webhook_ids', id);
      if (usedIn.length > 0 && !force) return { removed: false, usedIn };
      await dropFromSubscriptions(tx, accountId, 'webhook_ids', id, by);
      await tx.query('delete from settings.webhook where account_id = $1 and id = $2', [accountId, id]);
      await recordHistory(tx, accountId, {
        by,
        action: 'webhook.removed',
        scope: webhookScope(id),
        before: viewOf(row),
        after: null,
      });
      await recordChange(tx, 'webhook', accountId, [id]);
      return { removed: true, usedIn };
    });
    if (result?.removed) await this.feed.announce();
    return result;
  }

  private open(row: Row): WebhookConfig {
    return JSON.parse(this.keyRing.decrypt(row.config, webhookSecretPlace(row.id)));
  }

  /** The columns config, masked_url, channel_name, has_secret, keywords. */
  private seal(id: string, config: WebhookConfig): unknown[] {
    const { url, channel, secret, secrets, botToken, keywords } = config;
    return [
      this.keyRing.encrypt(JSON.stringify(config), webhookSecretPlace(id)),
      typeof url === 'string' ? maskUrl(url) : null,
      typeof channel === 'string' ? channel : null,
      Boolean(secret ?? secrets ?? botToken),
      Array.isArray(keywords) ? keywords : [],
    ];
  }
}

async function findRow(sql: Sql, accountId: AccountId, id: string): Promise<Row | null> {
  const { rows } = await sql.query<Row>(`select ${columns} from settings.webhook where account_id = $1 and id = $2`, [
    accountId,
    id,
  ]);
  return rows[0] ?? null;
}
