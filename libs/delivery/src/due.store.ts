/** Claims rows that are due, and that can start now (semantics 19). */
import {
  type AccountId,
  type DeliveryChannel,
  type DeliveryId,
  type DestinationId,
  type Lane,
  lanes,
} from '@herald/contracts';
import type { Database } from '@herald/platform';
import { type LeasedRow, leasedColumns, toPasses } from './claimed.js';
import type { Pass } from './delivery.js';
import { limits } from './in-flight.js';

/** Due rows looked at per channel and lane: enough to find room in, few enough to rank in a millisecond. */
const WINDOW = 1_000;
/** Destinations looked at by turns. */
const TURNS = 500;

export interface Room {
  /** What each lane may start. */
  readonly lanes: Readonly<Record<Lane, number>>;
  /** Left where something is held; everywhere else the limit is. */
  readonly accounts: readonly (readonly [AccountId, number])[];
  readonly destinations: readonly (readonly [DestinationId, number])[];
}

export interface Claim {
  readonly passes: readonly Pass[];
  /** Lanes in which more is due than was looked at, while room is left: rows of full destinations stand before others. */
  readonly crowded: readonly { readonly channel: DeliveryChannel; readonly lane: Lane }[];
}

/** Where the turns of a lane go on. */
export interface Turn {
  readonly accountId: string;
  readonly destinationId: string;
}
export const firstTurn: Turn = { accountId: '', destinationId: '00000000-0000-0000-0000-000000000000' };

/**
 * A window of each lane's due rows, in order of time; at most a destination's room of each destination, then an account's room
 * of each account, accounts in turn. What waits for its destination's breaker is left alone, unless its last time has come.
 */
const CLAIM = `
  with looked as (
    select w.*, c.channel from unnest($1::text[]) as c (channel) cross join generate_series(0, 2) as l (lane)
    cross join lateral (
      select o.delivery_id, o.account_id, o.destination_id, o.lane, o.due_at, o.last_at from delivery.open o
      where o.channel = c.channel and o.lane = l.lane and o.due_at <= now() order by o.due_at limit ${WINDOW}) w
  ), of_destinations as (
    select w.*, row_number() over (partition by w.destination_id order by w.lane, w.due_at, w.delivery_id) as turn from looked w
    where w.due_at >= w.last_at or not exists (
      select 1 from delivery.queue q where q.destination_id = w.destination_id and (q.breaker = 'open' or q.resume_at > now()))
  ), of_accounts as (
    select d.*, row_number() over (partition by d.account_id order by d.lane, d.turn, d.due_at, d.delivery_id) as account_turn
    from of_destinations d left join unnest($2::uuid[], $3::int[]) as r (destination_id, room) on r.destination_id = d.destination_id
    where d.turn <= coalesce(r.room, ${limits.destination})
  ), of_lanes as (
    select a.*, row_number() over (partition by a.lane order by a.account_turn, a.due_at, a.delivery_id) as lane_turn
    from of_accounts a left join unnest($4::text[], $5::int[]) as r (account_id, room) on r.account_id = a.account_id
    where a.account_turn <= coalesce(r.room, ${limits.account})
  ), locked as (
    select o.delivery_id from delivery.open o
    where o.delivery_id in (select delivery_id from of_lanes where lane_turn <= ($6::int[])[lane + 1]) and o.due_at <= now()
    for update skip locked
  ), claimed as (
    update delivery.open o set state = 'leased', fence = o.fence + 1, due_at = now() + make_interval(secs => $7)
    from locked where o.delivery_id = locked.delivery_id
    returning ${leasedColumns('o')}
  )
  select (select json_agg(json_build_object('channel', channel, 'lane', lane)) from (
      select channel, lane from looked group by channel, lane having count(*) >= ${WINDOW}) full_windows) as crowded,
    claimed.* from (select 1) one left join claimed on true`;

/** Destination by destination from where the last turn ended, skipping full accounts as a whole: however much is due, nobody is passed over. */
const CLAIM_BY_TURNS = `
  with recursive turns as (
    (select o.account_id, o.destination_id, 1 as n from delivery.open o
     where o.channel = $1 and o.lane = $2 and (o.account_id, o.destination_id) > ($3, $4::uuid)
     order by o.account_id, o.destination_id limit 1)
    union all
    select next.account_id, next.destination_id, t.n + 1 from turns t cross join lateral (
      select o.account_id, o.destination_id from delivery.open o
      where o.channel = $1 and o.lane = $2 and (o.account_id, o.destination_id) > (t.account_id,
        case when t.account_id = any($5::text[]) then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else t.destination_id end)
      order by o.account_id, o.destination_id limit 1) next
    where t.n < ${TURNS}
  ), of_accounts as (
    select due.*, row_number() over (partition by due.account_id order by due.turn, due.due_at) as account_turn
    from turns t left join unnest($6::uuid[], $7::int[]) as r (destination_id, room) on r.destination_id = t.destination_id
    cross join lateral (
      select o.delivery_id, o.account_id, o.due_at, row_number() over (order by o.due_at) as turn from (
        select * from delivery.open o where o.channel = $1 and o.lane = $2 and o.account_id = t.account_id
          and o.destination_id = t.destination_id and o.due_at <= now()
        order by o.due_at limit coalesce(r.room, ${limits.destination})) o) due
    where t.account_id <> all($5::text[]) and not exists (
      select 1 from delivery.queue q where q.destination_id = t.destination_id and (q.breaker = 'open' or q.resume_at > now()))
  ), locked as (
    select o.delivery_id from delivery.open o
    where o.delivery_id in (select delivery_id from of_accounts where account_turn <= ${limits.account} order by account_turn, due_at limit $8)
      and o.due_at <= now()
    for update skip locked
  ), claimed as (
    update delivery.open o set state = 'leased', fence = o.fence + 1, due_at = now() + make_interval(secs => $9)
    from locked where o.delivery_id = locked.delivery_id
    returning ${leasedColumns('o')}
  ), last as (select account_id, destination_id, n from turns order by n desc limit 1)
  select last.account_id as "lastAccount", last.destination_id as "lastDestination", last.n, claimed.*
  from (select 1) one left join last on true left join claimed on true`;

export class DueStore {
  constructor(
    private readonly database: Database,
    private readonly leaseMs: number,
  ) {}

  async claim(channels: readonly DeliveryChannel[], room: Room): Promise<Claim> {
    const asked = performance.now();
    const { rows } = await this.database.query<
      LeasedRow & { crowded: { channel: DeliveryChannel; lane: number }[] | null }
    >({ name: 'delivery-claim', text: CLAIM }, [
      channels,
      room.destinations.map(([id]) => id),
      room.destinations.map(([, left]) => left),
      room.accounts.map(([id]) => id),
      room.accounts.map(([, left]) => left),
      lanes.map((lane) => Math.max(0, room.lanes[lane])),
      this.leaseMs / 1_000,
    ]);
    return {
      passes: await this.passes(rows, asked),
      crowded: (rows[0]?.crowded ?? []).map(({ channel, lane }) => ({ channel, lane: lanes[lane]! })),
    };
  }

  async claimByTurns(
    channel: DeliveryChannel,
    lane: Lane,
    from: Turn,
    room: Room,
  ): Promise<{ passes: Pass[]; next: Turn }> {
    const asked = performance.now();
    const { rows } = await this.database.query<
      LeasedRow & { lastAccount: string | null; lastDestination: string; n: number }
    >({ name: 'delivery-claim-turns', text: CLAIM_BY_TURNS }, [
      channel,
      lanes.indexOf(lane),
      from.accountId,
      from.destinationId,
      room.accounts.filter(([, left]) => left === 0).map(([id]) => id),
      room.destinations.map(([id]) => id),
      room.destinations.map(([, left]) => left),
      Math.max(0, room.lanes[lane]),
      this.leaseMs / 1_000,
    ]);
    const first = rows[0];
    const next =
      first?.lastAccount && first.n >= TURNS
        ? { accountId: first.lastAccount, destinationId: first.lastDestination }
        : firstTurn;
    return { passes: await this.passes(rows, asked), next };
  }

  /** Rows that could not start in time: somebody else may have them at once. */
  async letGo(passes: readonly Pass[]): Promise<void> {
    if (passes.length === 0) return;
    await this.database.query(
      `update delivery.open o set state = 'scheduled', due_at = now()
       from unnest($1::uuid[], $2::int[]) as g (delivery_id, fence)
       where o.delivery_id = g.delivery_id and o.fence = g.fence and o.state = 'leased'`,
      [passes.map(({ delivery }) => delivery.deliveryId), passes.map(({ fence }) => fence)],
    );
  }

  private passes(rows: readonly LeasedRow[], asked: number): Promise<Pass[]> {
    return toPasses(
      this.database,
      rows.filter(({ delivery_id }: { delivery_id: DeliveryId | null }) => delivery_id !== null),
      asked + this.leaseMs,
    );
  }
}
