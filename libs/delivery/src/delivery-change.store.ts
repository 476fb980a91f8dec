/**
 * Replay and cancel. A replay is a new pass of the same delivery, whatever became of the former one; a cancel ends what is
 * still to be done, so that only a late `delivered` may change it (semantics 15, 24, 26). Delivery rows are locked first, in
 * order, then open rows, as every outcome does.
 */
import {
  type DeliveryFilter,
  type DeliverySelection,
  type DeliveryStatus,
  deliveryChannels,
  lanes,
} from '@herald/contracts';
import type { Database, Sql } from '@herald/platform';
import { narrow, placeColumn } from './delivery.store.js';
import { type DeliveryPlace, type Span, spansOf, whereOf } from './delivery-filter.js';
import type { RetryDelays } from './retry-delays.js';

export interface Changed {
  /** Deliveries that the ids or the filter name. */
  readonly matched: number;
  /** Those of them that are another thing now; none in a dry run. */
  readonly changed: number;
}

/** In one transaction: enough to be quick, few enough that a worker's outcome never waits long. */
const CHUNK = 500;

interface Locked extends DeliveryPlace {
  readonly status: DeliveryStatus;
}

type Change = (tx: Sql, rows: readonly Locked[]) => Promise<void>;

export class DeliveryChangeStore {
  constructor(
    private readonly database: Database,
    private readonly delaysOf: (channel: (typeof deliveryChannels)[number]) => RetryDelays,
  ) {}

  /** Ended or not: it is due now, or when the lease of an attempt that is being made has ended. */
  replay(selection: DeliverySelection): Promise<Changed> {
    return this.change(
      selection,
      () => true,
      (tx, rows) => this.renew(tx, rows),
    );
  }

  /** Of what has ended already nothing changes. */
  cancel(selection: DeliverySelection): Promise<Changed> {
    return this.change(selection, (status) => status === 'scheduled', cancel);
  }

  private async change(
    selection: DeliverySelection,
    applies: (status: DeliveryStatus) => boolean,
    change: Change,
  ): Promise<Changed> {
    if ('ids' in selection) {
      const places = await this.locate(selection.ids);
      const changed = selection.dryRun ? 0 : await this.inChunks(places, applies, change);
      return { matched: places.length, changed };
    }
    const filter = await narrow(this.database, selection.filter);
    if (filter === null) return { matched: 0, changed: 0 };
    if (selection.dryRun) return { matched: await this.count(filter), changed: 0 };
    const { status } = filter;
    // What another has changed since it was found does not fit the filter any more.
    const stillApplies = (found: DeliveryStatus) => applies(found) && (status === undefined || found === status);
    let matched = 0;
    let changed = 0;
    for await (const places of this.walk(filter)) {
      matched += places.length;
      changed += await this.inChunk(places, stillApplies, change);
    }
    return { matched, changed };
  }

  private async locate(ids: readonly string[]): Promise<DeliveryPlace[]> {
    const { rows } = await this.database.query<DeliveryPlace>(
      `select d.delivery_id as id, ${placeColumn} as at from delivery.delivery d where d.delivery_id = any($1::uuid[])`,
      [ids],
    );
    return rows;
  }

  private async count(filter: DeliveryFilter): Promise<number> {
    let count = 0;
    for (const span of spansOf(filter, null, Date.now())) {
      const { where, values } = whereOf(filter, null, span);
      const { rows } = await this.database.query<{ count: number }>(
        `select count(*) as count from delivery.delivery d where ${where}`,
        values,
      );
      count += rows[0]!.count;
    }
    return count;
  }

  /** Newest first, each once: what a change makes of a row does not bring it back. */
  private async *walk(filter: DeliveryFilter): AsyncGenerator<DeliveryPlace[]> {
    for (const span of spansOf(filter, null, Date.now())) {
      let from: DeliveryPlace | null = null;
      for (;;) {
        const places: DeliveryPlace[] = await this.page(filter, span, from);
        if (places.length > 0) yield places;
        if (places.length < CHUNK) break;
        from = places.at(-1)!;
      }
    }
  }

  private async page(filter: DeliveryFilter, span: Span, from: DeliveryPlace | null): Promise<DeliveryPlace[]> {
    const { where, values } = whereOf(filter, from, span);
    const { rows } = await this.database.query<DeliveryPlace>(
      `select d.delivery_id as id, ${placeColumn} as at from delivery.delivery d
       where ${where} order by d.accepted_at desc, d.delivery_id desc limit ${CHUNK}`,
      values,
    );
    return rows;
  }

  private async inChunks(
    places: readonly DeliveryPlace[],
    applies: (status: DeliveryStatus) => boolean,
    change: Change,
  ): Promise<number> {
    let changed = 0;
    for (let start = 0; start < places.length; start += CHUNK) {
      changed += await this.inChunk(places.slice(start, start + CHUNK), applies, change);
    }
    return changed;
  }

  private inChunk(
    places: readonly DeliveryPlace[],
    applies: (status: DeliveryStatus) => boolean,
    change: Change,
  ): Promise<number> {
    return this.database.transaction(async (tx) => {
      const rows = (await lock(tx, places)).filter(({ status }) => applies(status));
      if (rows.length > 0) await change(tx, rows);
      return rows.length;
    });
  }

  /** A row that is being attempted keeps its lease: the new pass begins when it has ended (semantics 26). */
  private async renew(tx: Sql, rows: readonly Locked[]): Promise<void> {
    await tx.query(
      `with renewed as (
         update delivery.delivery d set status = 'scheduled', reason = null, ended_at = null, pass = d.pass + 1
         from unnest($1::uuid[], $2::timestamptz[], $5::text[]) as g (delivery_id, accepted_at, was)
         where d.delivery_id = g.delivery_id and d.accepted_at = g.accepted_at
           and d.accepted_at between $3::timestamptz and $4::timestamptz
         returning d.delivery_id, d.accepted_at, d.account_id, d.channel, d.destination_id, d.lane, d.pass, d.event_id, g.was
       ), sums as (
         insert into delivery.ledger (hour, stored, ended)
         select date_trunc('hour', accepted_at), 0, -count(*) from renewed where was <> 'scheduled' and event_id is not null group by 1
       )
       insert into delivery.open as o (delivery_id, accepted_at, account_id, channel, destination_id, lane, state, due_at, fence, pass, spent,
         was_ambiguous, last_at, last_reason)
       select delivery_id, accepted_at, account_id, channel, destination_id, array_position($6::text[], lane) - 1, 'scheduled', now(), 1, pass, 0,
         false, now() + make_interval(secs => s.seconds), 'RETRIES_EXHAUSTED'
       from renewed join unnest($7::text[], $8::float8[]) as s (channel, seconds) using (channel)
       order by delivery_id
       on conflict (delivery_id) do update set
         state = case when o.state = 'leased' then o.state else excluded.state end,
         due_at = case when o.state = 'leased' then o.due_at else excluded.due_at end,
         fence = o.fence + 1, pass = excluded.pass, spent = excluded.spent, was_ambiguous = excluded.was_ambiguous,
         last_at = excluded.last_at, last_reason = excluded.last_reason`,
      [
        ...keysOf(rows),
        rows.map(({ status }) => status),
        lanes,
        deliveryChannels,
        deliveryChannels.map((channel) => this.delaysOf(channel).spanMs / 1_000),
      ],
    );
  }
}

async function cancel(tx: Sql, rows: readonly Locked[]): Promise<void> {
  await tx.query(
    `with cancelled as (
       update delivery.delivery d set status = 'cancelled', reason = 'CANCELLED', ended_at = now()
       from unnest($1::uuid[], $2::timestamptz[]) as g (delivery_id, accepted_at)
       where d.delivery_id = g.delivery_id and d.accepted_at = g.accepted_at
         and d.accepted_at between $3::timestamptz and $4::timestamptz
       returning d.delivery_id, d.accepted_at, d.event_id
     ), closed as (
       delete from delivery.open o using cancelled c where o.delivery_id = c.delivery_id
     )
     insert into delivery.ledger (hour, stored, ended)
     select date_trunc('hour', accepted_at), 0, count(*) from cancelled where event_id is not null group by 1`,
    keysOf(rows),
  );
}

async function lock(tx: Sql, places: readonly DeliveryPlace[]): Promise<Locked[]> {
  const keys = keysOf(places);
  const { rows } = await tx.query<Locked>(
    `select d.delivery_id as id, ${placeColumn} as at, d.status
     from unnest($1::uuid[], $2::timestamptz[]) as g (delivery_id, accepted_at)
     join delivery.delivery d on d.delivery_id = g.delivery_id and d.accepted_at = g.accepted_at
       and d.accepted_at between $3::timestamptz and $4::timestamptz
     order by d.delivery_id for update of d`,
    keys,
  );
  await tx.query('select 1 from delivery.open where delivery_id = any($1::uuid[]) order by delivery_id for update', [
    keys[0],
  ]);
  return rows;
}

/** Ids, times, and the least and greatest of these: the partitions that are looked at. Times are of one form, so they sort as texts. */
function keysOf(places: readonly DeliveryPlace[]): [string[], string[], string, string] {
  const times = places.map(({ at }) => at);
  const sorted = [...times].sort();
  return [places.map(({ id }) => id), times, sorted[0]!, sorted.at(-1)!];
}
