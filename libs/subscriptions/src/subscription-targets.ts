/** Which subscriptions name a recipient or a webhook, and taking it out of them when it is removed. */
import type { AccountId } from '@herald/contracts';
import type { Sql } from '@herald/platform';
import { recordHistory } from './history.store.js';
import { recordChange } from './settings-feed.js';
import { ownView, type SubscriptionRow, subscriptionColumns } from './subscription-view.js';

export type TargetColumn = 'recipient_ids' | 'webhook_ids';

export async function scopesThatUse(
  tx: Sql,
  accountId: AccountId,
  column: TargetColumn,
  id: string,
): Promise<string[]> {
  const { rows } = await tx.query<{ scope: string }>(
    `select scope from settings.subscription where account_id = $1 and $2::uuid = any(${column}) order by scope`,
    [accountId, id],
  );
  return rows.map(({ scope }) => scope);
}

/** Only under the account's lock. */
export async function dropFromSubscriptions(
  tx: Sql,
  accountId: AccountId,
  column: TargetColumn,
  id: string,
  by: string,
): Promise<void> {
  const select = `select ${subscriptionColumns} from settings.subscription where account_id = $1`;
  const before = await tx.query<SubscriptionRow>(`${select} and $2::uuid = any(${column}) order by scope`, [
    accountId,
    id,
  ]);
  if (before.rows.length === 0) return;
  const scopes = before.rows.map(({ scope }) => scope);
  await tx.query(
    `update settings.subscription set ${column} = array_remove(${column}, $2::uuid), revision = revision + 1,
       updated_at = now(), updated_by = $4
     where account_id = $1 and scope = any($3)`,
    [accountId, id, scopes, by],
  );
  const after = await tx.query<SubscriptionRow>(`${select} and scope = any($2) order by scope`, [accountId, scopes]);
  for (const [index, row] of before.rows.entries()) {
    await recordHistory(tx, accountId, {
      by,
      action: 'subscription.updated',
      scope: row.scope,
      before: ownView(row),
      after: ownView(after.rows[index]!),
    });
  }
  await recordChange(tx, 'subscription', accountId, scopes);
}
