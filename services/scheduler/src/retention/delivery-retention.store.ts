/** Deliveries come and go by the day (semantics 8, 33): partitions are made ahead, ended and dropped. */
import type { Database } from '@herald/platform';

const AT_ONCE = 500;
const TEXTS_AT_ONCE = 1_000;
/** Whoever waits for the table's lock holds up everybody behind: rather try again later. */
const LOCK_WITHIN = '2s';

export class DeliveryRetentionStore {
  constructor(private readonly database: Database) {}

  /** The days that have a partition. */
  async days(): Promise<string[]> {
    const { rows } = await this.database.query<{ day: string }>(
      `select to_char(to_date(substring(c.relname from '^delivery_(\\d{8})$'), 'YYYYMMDD'), 'YYYY-MM-DD') as day
       from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = 'delivery.delivery'::regclass and c.relname ~ '^delivery_\\d{8}$' order by 1`,
    );
    return rows.map(({ day }) => day);
  }

  /** False where it is there. */
  async make(day: string): Promise<boolean> {
    const { rows } = await this.database.query<{ made: boolean }>('select delivery.make_partition($1::date) as made', [
      day,
    ]);
    return rows[0]!.made;
  }

  /**
   * Some of what is still open and was accepted before the day ends as EXPIRED, with its sums; an open row without a delivery
   * is taken away. Deliveries are locked before their open rows, as everywhere. Answers how many; 0: none is left.
   */
  async expireOpenBefore(day: string): Promise<number> {
    const { rows } = await this.database.query<{ ended: number }>(
      `with picked as (
         select delivery_id, accepted_at from delivery.open where accepted_at < ($1::date)::timestamp at time zone 'UTC'
         order by accepted_at limit ${AT_ONCE}
       ), bounds as (
         select min(accepted_at) as low, max(accepted_at) as high from picked
       ), locked as (
         select d.delivery_id, d.accepted_at from delivery.delivery d join picked p on p.delivery_id = d.delivery_id and p.accepted_at = d.accepted_at
         where d.accepted_at between (select low from bounds) and (select high from bounds) order by d.delivery_id for update of d
       ), expired as (
         update delivery.delivery d set status = 'suppressed', reason = 'EXPIRED', ended_at = now() from locked l
         where d.delivery_id = l.delivery_id and d.accepted_at = l.accepted_at and d.status = 'scheduled'
           and d.accepted_at between (select low from bounds) and (select high from bounds)
       ), closed as (
         delete from delivery.open o using picked p where o.delivery_id = p.delivery_id and (select count(*) from locked) >= 0
         returning o.delivery_id, o.accepted_at
       ), sums as (
         insert into delivery.ledger (hour, stored, ended)
         select date_trunc('hour', c.accepted_at), 0, count(*) from closed c
         where not exists (select 1 from delivery.own_mail m where m.delivery_id = c.delivery_id) group by 1
       )
       select count(*)::int as ended from closed`,
      [day],
    );
    return rows[0]!.ended;
  }

  /** False where something of the day is open again, or the table is busy: try again later. */
  async drop(day: string): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      await tx.query(`set local lock_timeout = '${LOCK_WITHIN}'`);
      const { rows } = await tx.query<{ open: boolean }>(
        `select exists (select 1 from delivery.open where accepted_at >= ($1::date)::timestamp at time zone 'UTC'
           and accepted_at < ($1::date + 1)::timestamp at time zone 'UTC') as open`,
        [day],
      );
      if (rows[0]!.open) return false;
      await tx.query(`drop table delivery.delivery_${day.replaceAll('-', '')}`);
      await tx.query('delete from scheduler.text_sweep where day = $1', [day]);
      return true;
    });
  }

  /** How often each day's texts were removed. */
  async sweeps(): Promise<Map<string, number>> {
    const { rows } = await this.database.query<{ day: string; sweeps: number }>(
      `select to_char(day, 'YYYY-MM-DD') as day, sweeps from scheduler.text_sweep`,
    );
    return new Map(rows.map(({ day, sweeps }) => [day, sweeps]));
  }

  /**
   * Takes what providers said out of the attempts of a slice of the day, in order of ids, and moves its mark in the same
   * transaction. Answers whether there is more of the day, and how many rows had texts.
   */
  async removeTexts(day: string): Promise<{ readonly removed: number; readonly hasMore: boolean }> {
    return this.database.transaction(async (tx) => {
      await tx.query('insert into scheduler.text_sweep (day) values ($1) on conflict do nothing', [day]);
      const { rows } = await tx.query<{ removed: number; looked: number }>(
        `with mark as (
           select after from scheduler.text_sweep where day = $1 for update
         ), slice as (
           select d.delivery_id, d.accepted_at, jsonb_path_exists(d.attempts, '$[*].text') as has_text from delivery.delivery d
           where d.accepted_at >= ($1::date)::timestamp at time zone 'UTC' and d.accepted_at < ($1::date + 1)::timestamp at time zone 'UTC'
             and d.delivery_id > (select after from mark)
           order by d.delivery_id limit ${TEXTS_AT_ONCE}
         ), emptied as (
           update delivery.delivery d set attempts = (
             select coalesce(jsonb_agg(a.attempt - 'text' order by a.n), '[]') from jsonb_array_elements(d.attempts) with ordinality a (attempt, n))
           from slice s where s.has_text and d.delivery_id = s.delivery_id and d.accepted_at = s.accepted_at
             and d.accepted_at >= ($1::date)::timestamp at time zone 'UTC' and d.accepted_at < ($1::date + 1)::timestamp at time zone 'UTC'
           returning 1
         ), moved as (
           update scheduler.text_sweep t set
             sweeps = t.sweeps + case when (select count(*) from slice) < ${TEXTS_AT_ONCE} then 1 else 0 end,
             after = case when (select count(*) from slice) < ${TEXTS_AT_ONCE} then '00000000-0000-0000-0000-000000000000'
               else (select s.delivery_id from slice s order by s.delivery_id desc limit 1) end
           where t.day = $1
         )
         select (select count(*)::int from emptied) as removed, (select count(*)::int from slice) as looked`,
        [day],
      );
      return { removed: rows[0]!.removed, hasMore: rows[0]!.looked === TEXTS_AT_ONCE };
    });
  }
}
