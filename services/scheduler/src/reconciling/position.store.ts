/** Each finished position of event.accepted has a row: the event's own, a repeat, or a dead record (semantics 32). */
import type { Database, Sql } from '@herald/platform';

export interface PositionRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

const ROWS_AT = `
  select record_offset from routing.event e where e.topic = r.topic and e.partition = r.partition and e.record_offset >= r.first and e.record_offset < r.past
  union
  select record_offset from routing.repeat p where p.topic = r.topic and p.partition = r.partition and p.record_offset >= r.first and p.record_offset < r.past
  union
  select record_offset from bus.dead_record d where d.topic = r.topic and d.partition = r.partition and d.record_offset >= r.first and d.record_offset < r.past`;

export class PositionStore {
  constructor(private readonly database: Database) {}

  /** Where each partition's comparison goes on. */
  async compared(topics: readonly string[]): Promise<Map<string, number>> {
    const { rows } = await this.database.query<{ topic: string; partition: number; next: number }>(
      'select topic, partition, next_offset as next from scheduler.compared where topic = any($1)',
      [topics],
    );
    return new Map(rows.map(({ topic, partition, next }) => [`${topic}/${partition}`, next]));
  }

  /** Of each range, how many positions have a row. */
  async countRows(ranges: readonly PositionRange[]): Promise<number[]> {
    const { rows } = await this.database.query<{ present: number }>(
      {
        name: 'positions-count',
        text: `select c.present from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[]) with ordinality as r (topic, partition, first, past, n)
               cross join lateral (select count(*) as present from (${ROWS_AT}) rows) c order by r.n`,
      },
      columns(ranges),
    );
    return rows.map(({ present }) => present);
  }

  /** The positions of a range that have no row, as ranges. */
  async withoutRow(range: PositionRange): Promise<PositionRange[]> {
    const { rows } = await this.database.query<{ from: number; to: number }>(
      `with r as (select $1::text as topic, $2::int as partition, $3::bigint as first, $4::bigint as past),
         absent as (
           select p.position from r, lateral generate_series(r.first, r.past - 1) as p (position)
           where p.position not in (select x.record_offset from r, lateral (${ROWS_AT}) x)
         )
       select min(position) as from, max(position) + 1 as to from (
         select position, position - row_number() over (order by position) as island from absent) islands
       group by island order by 1`,
      [range.topic, range.partition, range.from, range.to],
    );
    return rows.map(({ from, to }) => ({ ...range, from, to }));
  }

  /** Both stand, or none: the ranges are compared, and what has no row in them is kept. */
  async advance(ranges: readonly PositionRange[], gaps: readonly PositionRange[]): Promise<void> {
    await this.database.transaction(async (tx) => {
      await keepGaps(tx, gaps);
      await tx.query(
        `insert into scheduler.compared (topic, partition, next_offset)
         select topic, partition, past from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[]) as r (topic, partition, first, past)
         on conflict (topic, partition) do update set next_offset = excluded.next_offset`,
        columns(ranges),
      );
    });
  }

  async gaps(limit: number): Promise<PositionRange[]> {
    const { rows } = await this.database.query<PositionRange>(
      `select topic, partition, from_offset as from, to_offset as to from scheduler.position_gap order by found_at, topic, partition, from_offset limit $1`,
      [limit],
    );
    return rows;
  }

  /** A gap that was looked at again: what is left of it. */
  async replaceGap(gap: PositionRange, left: readonly PositionRange[]): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.query('delete from scheduler.position_gap where topic = $1 and partition = $2 and from_offset = $3', [
        gap.topic,
        gap.partition,
        gap.from,
      ]);
      await keepGaps(tx, left);
    });
  }

  async missing(): Promise<number> {
    const { rows } = await this.database.query<{ missing: number }>(
      'select coalesce(sum(to_offset - from_offset), 0)::bigint as missing from scheduler.position_gap',
    );
    return rows[0]!.missing;
  }
}

async function keepGaps(tx: Sql, gaps: readonly PositionRange[]): Promise<void> {
  if (gaps.length === 0) return;
  await tx.query(
    `insert into scheduler.position_gap (topic, partition, from_offset, to_offset)
     select * from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
     on conflict (topic, partition, from_offset) do update set to_offset = greatest(scheduler.position_gap.to_offset, excluded.to_offset)`,
    columns(gaps),
  );
}

function columns(ranges: readonly PositionRange[]): unknown[] {
  return [
    ranges.map(({ topic }) => topic),
    ranges.map(({ partition }) => partition),
    ranges.map(({ from }) => from),
    ranges.map(({ to }) => to),
  ];
}
