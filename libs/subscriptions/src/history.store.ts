/** Every change of settings: who, when, which, before and after (domain.md, Change history). */
import type { AccountId } from '@herald/contracts';
import type { Database, Sql } from '@herald/platform';

export type HistoryAction =
  | 'account.created'
  | 'account.updated'
  | 'recipient.created'
  | 'recipient.updated'
  | 'recipient.verified'
  | 'recipient.removed'
  | 'webhook.created'
  | 'webhook.updated'
  | 'webhook.disabled'
  | 'webhook.removed'
  | 'subscription.updated'
  | 'subscription.reset';

export interface HistoryEntry {
  readonly by: string;
  readonly action: HistoryAction;
  /** `account`, `recipients/<id>`, `webhooks/<id>`, or the subscription's scope. */
  readonly scope: string;
  /** The whole resource as its owner sees it: never a secret. */
  readonly before: unknown;
  readonly after: unknown;
}

export interface HistoryView extends HistoryEntry {
  readonly id: number;
  readonly at: string;
}

/** Written in the transaction that makes the change. */
export async function recordHistory(tx: Sql, accountId: AccountId, entry: HistoryEntry): Promise<void> {
  await tx.query(
    'insert into settings.history (account_id, by, action, scope, before, after) values ($1, $2, $3, $4, $5, $6)',
    [accountId, entry.by, entry.action, entry.scope, json(entry.before), json(entry.after)],
  );
}

/** Two views of a resource that say the same: between them nothing has changed. */
export function isUnchanged(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

function json(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

export class HistoryStore {
  constructor(private readonly database: Database) {}

  /** Newest first; one row more than `limit` where there are more. `belowId` is the last one seen. */
  async list(
    accountId: AccountId,
    filter: { readonly scope?: string },
    limit: number,
    belowId: number | null,
  ): Promise<HistoryView[]> {
    const { rows } = await this.database.query<Omit<HistoryView, 'at'> & { at: Date }>(
      `select id, at, by, action, scope, before, after from settings.history
       where account_id = $1 and ($2::text is null or scope = $2) and ($3::bigint is null or id < $3)
       order by id desc limit $4`,
      [accountId, filter.scope ?? null, belowId, limit + 1],
    );
    return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
  }
}
