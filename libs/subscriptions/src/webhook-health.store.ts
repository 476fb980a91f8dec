/**
 * How an account's webhooks do, kept in the database: since when one fails, over every answer that isn't a success, 429
 * included (semantics 24). Each write applies only to the revision that the attempt had loaded (semantics 25).
 */
import type { AccountId, DestinationId } from '@herald/contracts';
import type { Database } from '@herald/platform';
import { recordHistory } from './history.store.js';
import { recordChange, type SettingsFeed } from './settings-feed.js';
import { webhookScope } from './webhook.store.js';

export interface WebhookRevision {
  readonly accountId: AccountId;
  readonly webhookId: DestinationId;
  readonly revision: number;
}

/** What happened since the last write, or since the state changed. */
export interface WebhookReport extends WebhookRevision {
  readonly failures: number;
  readonly lastSuccessAt: Date | null;
  /** True: the newest answer was a success. */
  readonly works: boolean;
  /** The provider refused the credentials or the destination: shown as failing at once. */
  readonly refusedBecause: string | null;
}

export class WebhookHealthStore {
  constructor(
    private readonly database: Database,
    private readonly feed: SettingsFeed,
  ) {}

  async report(reports: readonly WebhookReport[]): Promise<void> {
    // Rows are locked in one order, whoever writes.
    const ordered = [...reports].sort((a, b) => (a.webhookId < b.webhookId ? -1 : 1));
    const column = <T>(pick: (report: WebhookReport) => T) => ordered.map(pick);
    await this.database.query(
      `update settings.webhook w set
         consecutive_failures = case when r.works then 0 when r.last_success_at is not null then r.failures
           else w.consecutive_failures + r.failures end,
         failing_since = case when r.works then null when r.last_success_at is not null then now()
           else coalesce(w.failing_since, now()) end,
         last_success_at = greatest(w.last_success_at, r.last_success_at),
         status = case when w.status = 'disabled' then w.status when r.works then 'enabled'
           when r.refused is not null then 'failing' else w.status end,
         status_reason = case when w.status = 'disabled' then w.status_reason when r.works then null
           when r.refused is not null then r.refused else w.status_reason end
       from (
         select w.id, i.* from unnest($1::text[], $2::uuid[], $3::int[], $4::int[], $5::timestamptz[], $6::boolean[], $7::text[])
           as i (account_id, webhook_id, revision, failures, last_success_at, works, refused)
         join settings.webhook w on w.account_id = i.account_id and w.id = i.webhook_id and w.revision = i.revision
         order by w.id for update of w
       ) r where w.id = r.id`,
      [
        column(({ accountId }) => accountId),
        column(({ webhookId }) => webhookId),
        column(({ revision }) => revision),
        column(({ failures }) => failures),
        column(({ lastSuccessAt }) => lastSuccessAt),
        column(({ works }) => works),
        column(({ refusedBecause }) => refusedBecause),
      ],
    );
  }

  /** For good, until its owner switches it on again. False where it was done already, or the webhook is another by now. */
  async disable({ accountId, webhookId, revision }: WebhookRevision, reason: string): Promise<boolean> {
    const disabled = await this.database.transaction(async (tx) => {
      const { rows } = await tx.query<{ before: string; name: string }>(
        `update settings.webhook w set status = 'disabled', status_reason = $4
         from (select id, status from settings.webhook where account_id = $1 and id = $2 for update) b
         where w.id = b.id and w.revision = $3 and w.status <> 'disabled'
         returning b.status as before, w.name`,
        [accountId, webhookId, revision, reason],
      );
      const row = rows[0];
      if (!row) return false;
      await recordHistory(tx, accountId, {
        by: 'herald',
        action: 'webhook.disabled',
        scope: webhookScope(webhookId),
        before: { name: row.name, status: row.before },
        after: { name: row.name, status: 'disabled', statusReason: reason },
      });
      await recordChange(tx, 'webhook', accountId, [webhookId]);
      return true;
    });
    if (disabled) await this.feed.announce();
    return disabled;
  }

  /** Since when it fails without a success between, or null. */
  async failingSince({ accountId, webhookId, revision }: WebhookRevision): Promise<Date | null> {
    const { rows } = await this.database.query<{ failingSince: Date | null }>(
      `select failing_since as "failingSince" from settings.webhook where account_id = $1 and id = $2 and revision = $3`,
      [accountId, webhookId, revision],
    );
    return rows[0]?.failingSince ?? null;
  }
}
