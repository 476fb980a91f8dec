/** The rows of destinations that have something parked, or that don't answer (semantics 20, 22). */
import { type AccountId, type DeliveryChannel, type DestinationId, type Lane, lanes } from '@herald/contracts';
import type { Database } from '@herald/platform';
import { type LeasedRow, leasedColumns, toPasses } from './claimed.js';
import type { Pass } from './delivery.js';

/** How long a process may pull a queue without looking at it again; also the probe's permit. */
const PULL_LEASE_SECONDS = 15;
const RENEWED_BELOW_SECONDS = 8;
const QUEUES_AT_MOST = 500;

export interface HeldQueue {
  readonly destinationId: DestinationId;
  readonly accountId: AccountId;
  readonly channel: DeliveryChannel;
  readonly isOpen: boolean;
  readonly openForMs: number;
  readonly revision: number;
  readonly resumeInMs: number;
}

const heldColumns = `destination_id as "destinationId", account_id as "accountId", channel, breaker = 'open' as "isOpen",
  coalesce(extract(epoch from now() - opened_at) * 1000, 0)::float8 as "openForMs", revision,
  greatest(extract(epoch from resume_at - now()) * 1000, 0)::float8 as "resumeInMs"`;

export class QueueStore {
  constructor(
    private readonly database: Database,
    private readonly puller: string,
    private readonly leaseMs: number,
  ) {}

  /**
   * The one query a second (semantics 20): takes the queues nobody pulls, and renews what this process holds. `held` are those it
   * knows to hold. Answers what it holds newly, as the row says.
   */
  async take(channels: readonly DeliveryChannel[], held: readonly DestinationId[]): Promise<HeldQueue[]> {
    const { rows } = await this.database.query<HeldQueue>(
      {
        name: 'delivery-queue-take',
        text: `with due as (
                 select destination_id from delivery.queue
                 where channel = any($1) and (pulled_until < now() or pulled_by = $2
                   and (pulled_until < now() + interval '${RENEWED_BELOW_SECONDS} seconds' or destination_id <> all($3::uuid[])))
                 order by pulled_until limit ${QUEUES_AT_MOST} for update skip locked
               ), taken as (
                 update delivery.queue q set pulled_by = $2, pulled_until = now() + interval '${PULL_LEASE_SECONDS} seconds'
                 from due where q.destination_id = due.destination_id returning q.*
               ) select ${heldColumns} from taken where destination_id <> all($3::uuid[])`,
      },
      [channels, this.puller, held],
    );
    return rows;
  }

  /** Of the asked ones, those still to be pulled by this process; the others were taken over, or are gone. */
  async stillHeld(destinations: readonly DestinationId[]): Promise<Set<DestinationId>> {
    const { rows } = await this.database.query<{ destination_id: DestinationId }>(
      'select destination_id from delivery.queue where destination_id = any($1::uuid[]) and pulled_by = $2',
      [destinations, this.puller],
    );
    return new Set(rows.map(({ destination_id }) => destination_id));
  }

  /** Of the asked ones, those whose breaker is open for everybody. */
  async open(destinations: readonly DestinationId[]): Promise<Set<DestinationId>> {
    const { rows } = await this.database.query<{ destination_id: DestinationId }>(
      `select destination_id from delivery.queue where destination_id = any($1::uuid[]) and breaker = 'open'`,
      [destinations],
    );
    return new Set(rows.map(({ destination_id }) => destination_id));
  }

  /** Claims parked rows, at most so many of each destination, urgent first, then in order of acceptance. */
  async pull(
    wanted: readonly { readonly destinationId: DestinationId; readonly count: number; readonly hasTokens: boolean }[],
    among: readonly Lane[] = lanes,
  ): Promise<Pass[]> {
    const asked = performance.now();
    const { rows } = await this.database.query<LeasedRow & { destination_id: DestinationId }>(
      {
        name: 'delivery-queue-pull',
        text: `with picked as (
                 select p.delivery_id from unnest($1::uuid[], $2::int[]) as w (destination_id, count) cross join lateral (
                   select o.delivery_id from delivery.open o where o.destination_id = w.destination_id and o.state = 'parked' and o.lane = any($4::int[])
                   order by o.lane, o.accepted_at limit w.count for update skip locked) p
               )
               update delivery.open o set state = 'leased', fence = o.fence + 1, due_at = now() + make_interval(secs => $3)
               from picked where o.delivery_id = picked.delivery_id
               returning ${leasedColumns('o')}, o.destination_id`,
      },
      [
        wanted.map(({ destinationId }) => destinationId),
        wanted.map(({ count }) => count),
        this.leaseMs / 1_000,
        among.map((lane) => lanes.indexOf(lane)),
      ],
    );
    const withTokens = new Set(wanted.filter(({ hasTokens }) => hasTokens).map(({ destinationId }) => destinationId));
    const ends = asked + this.leaseMs;
    const [plain, permitted] = [false, true].map((has) =>
      rows.filter((row) => withTokens.has(row.destination_id) === has),
    );
    return [
      ...(await toPasses(this.database, plain!, ends)),
      ...(await toPasses(this.database, permitted!, ends, { hasTokens: true })),
    ];
  }

  /** One delivery to see whether the destination answers: parked ones first, else one that waits for its time. */
  async pullProbe(destinationId: DestinationId): Promise<Pass | null> {
    const asked = performance.now();
    const { rows } = await this.database.query<LeasedRow>(
      `update delivery.open o set state = 'leased', fence = o.fence + 1, due_at = now() + make_interval(secs => $2)
       where o.delivery_id = (
         select delivery_id from delivery.open where destination_id = $1 and state in ('parked', 'scheduled')
         order by state, lane, accepted_at limit 1 for update skip locked)
       returning ${leasedColumns('o')}`,
      [destinationId, this.leaseMs / 1_000],
    );
    const [probe] = await toPasses(this.database, rows, asked + this.leaseMs, { isProbe: true });
    return probe ?? null;
  }

  /** What became due while its destination doesn't answer joins the queue, without having been claimed; so does what a dead process had leased. */
  async parkDue(destinations: readonly DestinationId[]): Promise<void> {
    await this.database.query(
      {
        name: 'delivery-queue-park-due',
        text: `update delivery.open set state = 'parked', due_at = last_at, fence = fence + case state when 'leased' then 1 else 0 end
               where destination_id = any($1::uuid[]) and state in ('scheduled', 'leased') and due_at <= now() and last_at > now()`,
      },
      [destinations],
    );
  }

  async markOpen(queue: Pick<HeldQueue, 'destinationId' | 'accountId' | 'channel' | 'revision'>): Promise<void> {
    await this.database.query(
      `insert into delivery.queue as q (destination_id, account_id, channel, breaker, opened_at, revision, pulled_by, pulled_until)
       values ($1, $2, $3, 'open', now(), $4, $5, now() + interval '${PULL_LEASE_SECONDS} seconds')
       on conflict (destination_id) do update set breaker = 'open', revision = excluded.revision,
         opened_at = case when q.breaker = 'open' then q.opened_at else now() end`,
      [queue.destinationId, queue.accountId, queue.channel, queue.revision, this.puller],
    );
  }

  /** Its settings are others now: what was said to the former ones doesn't hold. */
  async renew(destinationId: DestinationId, revision: number): Promise<void> {
    await this.database.query(
      `update delivery.queue set breaker = 'closed', opened_at = null, resume_at = now(), revision = $2
       where destination_id = $1 and revision < $2`,
      [destinationId, revision],
    );
  }

  async markClosed(destinations: readonly DestinationId[]): Promise<void> {
    await this.database.query(
      `update delivery.queue set breaker = 'closed', opened_at = null where destination_id = any($1::uuid[]) and breaker = 'open'`,
      [destinations],
    );
  }

  /** Takes the row away where nothing is parked; who parks at that moment waits for the lock and makes it anew. */
  async removeEmpty(destinationId: DestinationId): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const { rowCount } = await tx.query('select 1 from delivery.queue where destination_id = $1 for update', [
        destinationId,
      ]);
      if (rowCount === 0) return true;
      const removed = await tx.query(
        `delete from delivery.queue where destination_id = $1
         and not exists (select 1 from delivery.open where destination_id = $1 and state = 'parked')`,
        [destinationId],
      );
      return removed.rowCount > 0;
    });
  }

  /** This process ends: others may pull at once. */
  async release(): Promise<void> {
    await this.database.query('update delivery.queue set pulled_until = now() where pulled_by = $1', [this.puller]);
  }
}
