/** Webhooks that fail, or whose account was told that they do. */
import type { AccountId, DestinationId } from '@herald/contracts';
import type { Database } from '@herald/platform';
import type { FailingWebhook, News, Told } from './telling.js';

export interface Candidate {
  readonly webhookId: DestinationId;
  readonly accountId: AccountId;
  /** Null where it was removed. */
  readonly webhook: (FailingWebhook & { readonly name: string; readonly platform: string }) | null;
  readonly told: Told | null;
}

interface Row {
  readonly webhookId: DestinationId;
  readonly accountId: AccountId;
  readonly name: string | null;
  readonly platform: string;
  readonly revision: number;
  readonly status: FailingWebhook['status'];
  readonly statusReason: string | null;
  readonly failingSince: Date | null;
  readonly lastSuccessAt: Date | null;
  readonly toldKind: News | null;
  readonly toldFailingSince: Date | null;
  readonly toldAt: Date | null;
  readonly toldRevision: number;
}

export class FailingStore {
  constructor(private readonly database: Database) {}

  /** A page of them after an id, in order. */
  async candidates(after: string, limit: number): Promise<Candidate[]> {
    const { rows } = await this.database.query<Row>(
      {
        name: 'failing-candidates',
        text: `select c.id as "webhookId", coalesce(w.account_id, t.account_id) as "accountId", w.name, w.platform, w.revision,
                 w.status, w.status_reason as "statusReason", w.failing_since as "failingSince", w.last_success_at as "lastSuccessAt",
                 t.kind as "toldKind", t.failing_since as "toldFailingSince", t.told_at as "toldAt", t.revision as "toldRevision"
               from (
                 select id from settings.webhook where id > $1::uuid and (failing_since is not null or status in ('failing', 'disabled'))
                 union select destination_id from delivery.failure_told where destination_id > $1::uuid
                 order by 1 limit $2) c
               left join settings.webhook w on w.id = c.id
               left join delivery.failure_told t on t.destination_id = c.id
               order by c.id`,
      },
      [after, limit],
    );
    return rows.map((row) => ({
      webhookId: row.webhookId,
      accountId: row.accountId,
      webhook: row.name === null ? null : { ...row, name: row.name },
      told:
        row.toldKind === null
          ? null
          : {
              kind: row.toldKind,
              failingSince: row.toldFailingSince!,
              toldAt: row.toldAt!,
              revision: row.toldRevision,
            },
    }));
  }

  /** `works` leaves the time at which it was told to be failing: the next such telling is a day after that. */
  async markTold(webhookId: DestinationId, accountId: AccountId, told: Omit<Told, 'toldAt'>): Promise<void> {
    await this.database.query(
      `insert into delivery.failure_told as t (destination_id, account_id, failing_since, told_at, kind, revision) values ($1, $2, $3, now(), $4, $5)
       on conflict (destination_id) do update set failing_since = excluded.failing_since, kind = excluded.kind, revision = excluded.revision,
         told_at = case when excluded.kind = 'works' then t.told_at else now() end`,
      [webhookId, accountId, told.failingSince, told.kind, told.revision],
    );
  }

  async forget(webhookId: DestinationId): Promise<void> {
    await this.database.query('delete from delivery.failure_told where destination_id = $1', [webhookId]);
  }
}
