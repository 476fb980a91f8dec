/** Messages leave by batches, as long as each account keeps them (semantics 8, 35, 36). */
import { HORIZON_DAYS } from '@herald/contracts';
import type { Database, Sql } from '@herald/platform';

const ACCOUNTS_AT_ONCE = 200;
const MESSAGES_AT_ONCE = 500;

/** Never within the horizon: what is gone there would be routed again. */
const RETENTION = `make_interval(days => greatest(a.retention_days, ${HORIZON_DAYS + 1}))`;

export class MessageRetentionStore {
  constructor(private readonly database: Database) {}

  /** The accounts after one, in order, that hold something older than they keep; `next` is null at the end. */
  async accountsToEmpty(after: string): Promise<{ readonly accounts: string[]; readonly next: string | null }> {
    const { rows } = await this.database.query<{ id: string; isDue: boolean }>(
      {
        name: 'retention-accounts',
        text: `select a.id, coalesce(visible.is_due, false) or coalesce(hidden.is_due, false) as "isDue"
               from (select id, retention_days from settings.account where id > $1 order by id limit ${ACCOUNTS_AT_ONCE}) a
               left join lateral (
                 select m.received_at < now() - ${RETENTION} as is_due from inbox.message m
                 where m.account_id = a.id and m.deleted_at is null and not m.hidden order by m.seq limit 1) visible on true
               left join lateral (
                 select m.received_at < now() - ${RETENTION} as is_due from inbox.message m
                 where m.account_id = a.id and m.hidden order by m.seq limit 1) hidden on true`,
      },
      [after],
    );
    return {
      accounts: rows.filter(({ isDue }) => isDue).map(({ id }) => id),
      next: rows.length < ACCOUNTS_AT_ONCE ? null : rows.at(-1)!.id,
    };
  }

  /** Oldest first. The unread ones leave the account's count in the same statement. Answers how many; fewer than asked: all. */
  async empty(account: string): Promise<number> {
    return this.database.transaction(async (tx) => {
      const visible = await this.remove(tx, account, 'm.deleted_at is null and not m.hidden');
      return visible > 0 ? visible : this.remove(tx, account, 'm.hidden');
    });
  }

  /** Tombstones that have stood for the horizon. */
  async removeTombstones(): Promise<number> {
    const { rowCount } = await this.database.query(
      `with picked as (
         select account_id, message_id from inbox.message where deleted_at < now() - interval '${HORIZON_DAYS} days' limit ${MESSAGES_AT_ONCE}
       )
       delete from inbox.message m using picked p where m.account_id = p.account_id and m.message_id = p.message_id
         and m.deleted_at < now() - interval '${HORIZON_DAYS} days'`,
    );
    return rowCount;
  }

  private async remove(tx: Sql, account: string, which: string): Promise<number> {
    const { rows } = await tx.query<{ removed: number }>(
      `with picked as (
         select o.account_id, o.message_id from settings.account a cross join lateral (
           select m.account_id, m.message_id, m.received_at from inbox.message m
           where m.account_id = a.id and ${which} order by m.seq limit ${MESSAGES_AT_ONCE}) o
         where a.id = $1 and o.received_at < now() - ${RETENTION}
       ), removed as (
         delete from inbox.message m using picked p where m.account_id = p.account_id and m.message_id = p.message_id and ${which}
         returning m.category, m.read_at, m.hidden
       ), moved as (
         insert into inbox.unread_delta (account_id, unread)
         select $1, jsonb_object_agg(category, -unread) from (
           select category, count(*) as unread from removed where read_at is null and not hidden group by category) counts
         having count(*) > 0
       )
       select count(*)::int as removed from removed`,
      [account],
    );
    return rows[0]!.removed;
  }
}
