/** The webhooks of all accounts as operators see them: what the settings say of each, and what the deliveries found. */
import type { AccountId, DestinationView } from '@herald/contracts';
import type { Database } from '@herald/platform';
import { lockAccount, recordChange, type SettingsFeed } from '@herald/subscriptions';

type Row = Omit<DestinationView, 'failingSince' | 'lastSuccessAt' | 'trippedAt'> & {
  readonly failingSince: Date | null;
  readonly lastSuccessAt: Date | null;
  readonly trippedAt: Date | null;
};

const select = `select w.id, w.account_id as "accountId", w.name, w.platform, w.masked_url as url,
  case when w.status <> 'disabled' and q.breaker = 'open' then 'tripped' else w.status end as status, w.status_reason as "statusReason",
  w.consecutive_failures as "consecutiveFailures", w.failing_since as "failingSince", w.last_success_at as "lastSuccessAt",
  case when q.breaker = 'open' then q.opened_at end as "trippedAt"
  from settings.webhook w left join delivery.queue q on q.destination_id = w.id`;

function viewOf({ failingSince, lastSuccessAt, trippedAt, ...row }: Row): DestinationView {
  return {
    ...row,
    failingSince: failingSince?.toISOString() ?? null,
    lastSuccessAt: lastSuccessAt?.toISOString() ?? null,
    trippedAt: trippedAt?.toISOString() ?? null,
  };
}

export class DestinationStore {
  constructor(
    private readonly database: Database,
    private readonly feed: SettingsFeed,
  ) {}

  /** By id; one row more than `limit` where there are more. Without a status: all that aren't well. */
  async list(
    status: 'failing' | 'tripped' | 'disabled' | undefined,
    limit: number,
    afterId: string | null,
  ): Promise<DestinationView[]> {
    const { rows } = await this.database.query<Row>(
      `select * from (${select}) d where case when $1::text is null then d.status <> 'enabled' else d.status = $1 end
         and ($2::uuid is null or d.id > $2) order by d.id limit $3`,
      [status ?? null, afterId, limit + 1],
    );
    return rows.map(viewOf);
  }

  async find(id: string): Promise<DestinationView | null> {
    const { rows } = await this.database.query<Row>(`${select} where w.id = $1`, [id]);
    return rows[0] ? viewOf(rows[0]) : null;
  }

  /**
   * A new revision has a closed breaker wherever it is known (semantics 25); its queue is given up, so that whoever looks
   * next pulls it. False where there is no such webhook.
   */
  async resetBreaker(id: string): Promise<boolean> {
    const webhook = await this.find(id);
    if (!webhook) return false;
    const accountId = webhook.accountId as AccountId;
    const isChanged = await this.database.transaction(async (tx) => {
      await lockAccount(tx, accountId);
      const { rowCount } = await tx.query('update settings.webhook set revision = revision + 1 where id = $1', [id]);
      if (rowCount === 0) return false;
      await tx.query(
        `update delivery.queue set breaker = 'closed', opened_at = null, resume_at = now(), pulled_by = null, pulled_until = now()
         where destination_id = $1`,
        [id],
      );
      await recordChange(tx, 'webhook', accountId, [id]);
      return true;
    });
    if (isChanged) await this.feed.announce();
    return isChanged;
  }
}
