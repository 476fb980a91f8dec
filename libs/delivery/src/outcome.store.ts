/**
 * Deliveries as the worker writes them: many at a time, every statement carrying `accepted_at` (semantics 8, 15). What people
 * ask for is delivery.store.ts.
 */
import { type DeliveryId, type DestinationId, type Lane, lanes } from '@herald/contracts';
import { type Database, isMissingPartition, type Sql } from '@herald/platform';
import type { Attempt, Delivery, Outcome, Pass } from './delivery.js';

export interface Settlement {
  readonly pass: Pass;
  readonly outcome: Outcome;
}

/** What a batch must know before anything of it may start (semantics 13). */
export interface Known {
  readonly deliveries: ReadonlySet<DeliveryId>;
  /** Destinations whose breaker is open, of those that were asked about, and since when it is. */
  readonly openBreakers: ReadonlyMap<DestinationId, { readonly openForMs: number; readonly revision: number }>;
}

/** Of an open row: `parked` and `leased` are `scheduled` to everybody else. */
export type OpenState = 'scheduled' | 'parked' | 'leased';

export const laneNumber = (lane: Lane): number => lanes.indexOf(lane);

export class OutcomeStore {
  /** `puller` names this process: it pulls the queues it makes. */
  constructor(
    private readonly database: Database,
    private readonly puller: string,
  ) {}

  /** One select per batch; `destinations` are those whose breaker this process knows nothing of. */
  async known(deliveries: readonly Delivery[], destinations: readonly DestinationId[]): Promise<Known> {
    const { low, high } = bounds(deliveries);
    const { rows } = await this.database.query<{ id: string; ms: number | null; revision: number | null }>(
      {
        name: 'delivery-known',
        text: `select delivery_id as id, null::float8 as ms, null::int as revision from delivery.delivery
               where delivery_id = any($1::uuid[]) and accepted_at between $2 and $3
               union all
               select destination_id, extract(epoch from now() - opened_at)::float8 * 1000, revision from delivery.queue
               where destination_id = any($4::uuid[]) and breaker = 'open'`,
      },
      [deliveries.map(({ deliveryId }) => deliveryId), low, high, destinations],
    );
    const known = new Set<DeliveryId>();
    const openBreakers = new Map<DestinationId, { openForMs: number; revision: number }>();
    for (const { id, ms, revision } of rows) {
      if (ms === null) known.add(id as DeliveryId);
      else openBreakers.set(id as DestinationId, { openForMs: ms, revision: revision ?? 0 });
    }
    return { deliveries: known, openBreakers };
  }

  /**
   * Outcomes of first attempts: rows are made, an open one beside each that isn't ended, and a queue where one is parked.
   * What another has stored meanwhile is settled as a later outcome (semantics 15).
   */
  async settleFirst(settlements: readonly Settlement[]): Promise<void> {
    const stored = await this.insert(settlements.map(firstRow));
    const met = settlements.filter(({ pass }) => !stored.has(pass.delivery.deliveryId));
    if (met.length > 0) await this.settleLater(met);
  }

  /** Leased rows for what is in flight, due when the attempts have surely ended: whoever comes next sends none of it (semantics 16). */
  async lease(passes: readonly Pass[], leaseMs: number): Promise<void> {
    if (passes.length === 0) return;
    const stored = await this.insert(passes.map((pass) => leasedRow(pass, leaseMs)));
    for (const pass of passes) if (stored.has(pass.delivery.deliveryId)) pass.fence = 1;
  }

  /** Outcomes of deliveries that have a row. The answer says, per delivery, what the outcome changed. */
  async settleLater(settlements: readonly Settlement[]): Promise<Map<DeliveryId, Verdict>> {
    const parked = settlements.filter(({ outcome }) => outcome.status === 'parked');
    if (parked.length === 0) return settle(this.database, settlements);
    // The queue's row is locked before anything is parked, so that nobody takes it away as empty meanwhile.
    return this.database.transaction(async (tx) => {
      await this.queueUp(tx, parked);
      return settle(tx, settlements);
    });
  }

  async makePartition(acceptedAt: Date): Promise<void> {
    await this.database.query(`select delivery.make_partition(($1::timestamptz at time zone 'UTC')::date)`, [
      acceptedAt,
    ]);
  }

  private async insert(rows: readonly FirstRow[]): Promise<Set<DeliveryId>> {
    try {
      return await this.insertOnce(rows);
    } catch (error) {
      if (!isMissingPartition(error)) throw error;
      for (const day of new Set(rows.map(({ accepted_at }) => accepted_at.slice(0, 10)))) {
        await this.makePartition(new Date(`${day}T00:00:00Z`));
      }
      return this.insertOnce(rows);
    }
  }

  private async insertOnce(rows: readonly FirstRow[]): Promise<Set<DeliveryId>> {
    const isOpen = rows.some(({ open }) => open !== null);
    const { rows: stored } = await this.database.query<{ delivery_id: DeliveryId }>(
      isOpen
        ? { name: 'delivery-first-open', text: `${FIRST}, ${FIRST_OPEN} select delivery_id from stored` }
        : { name: 'delivery-first', text: `${FIRST} select delivery_id from stored` },
      isOpen ? [JSON.stringify(rows), this.puller] : [JSON.stringify(rows)],
    );
    return new Set(stored.map(({ delivery_id }) => delivery_id));
  }

  /** A queue row for each destination that something is parked for. */
  private async queueUp(sql: Sql, settlements: readonly Settlement[]): Promise<void> {
    const rows = new Map<DestinationId, object>();
    for (const { pass, outcome } of settlements) {
      if (outcome.status !== 'parked') continue;
      const { destinationId, accountId, channel } = pass.delivery;
      rows.set(destinationId, {
        destination_id: destinationId,
        account_id: accountId,
        channel,
        queue: queueOf(outcome),
      });
    }
    await sql.query(
      {
        name: 'delivery-queue-up',
        text: `with incoming as (select * from json_to_recordset($1::json) as i (destination_id uuid, account_id text, channel text, queue json))
               ${QUEUE_UP}`,
      },
      [JSON.stringify([...rows.values()]), this.puller],
    );
  }
}

type Verdict = 'applied' | 'noted' | 'earlier';

async function settle(sql: Sql, settlements: readonly Settlement[]): Promise<Map<DeliveryId, Verdict>> {
  const { rows } = await sql.query<{ settled_id: DeliveryId; verdict: Verdict }>(
    { name: 'delivery-settle', text: 'select * from delivery.settle($1::json)' },
    [JSON.stringify(settlements.map(laterRow))],
  );
  return new Map(rows.map(({ settled_id, verdict }) => [settled_id, verdict]));
}

interface FirstRow {
  readonly delivery_id: DeliveryId;
  readonly accepted_at: string;
  readonly open: object | null;
  readonly queue: object | null;
}

/** Sorted by the queue's key: two workers that park for the same destinations never wait for each other in a circle. */
const QUEUE_UP = `
  insert into delivery.queue as q (destination_id, account_id, channel, breaker, opened_at, revision, resume_at, pulled_by, pulled_until)
  select distinct on (destination_id) destination_id, account_id, channel,
    case when (queue ->> 'open')::boolean then 'open' else 'closed' end, case when (queue ->> 'open')::boolean then now() end,
    (queue ->> 'revision')::int,
    now() + make_interval(secs => (queue ->> 'resume_in')::float8), $2::uuid, now() + interval '15 seconds'
  from incoming where queue is not null order by destination_id
  on conflict (destination_id) do update set
    revision = greatest(q.revision, excluded.revision),
    resume_at = case when excluded.resume_at > now() then greatest(q.resume_at, excluded.resume_at) else q.resume_at end`;

/** One statement, so that a delivery that isn't ended always has its open row, and the sums fit the rows. */
const FIRST = `
  with incoming as (
    select * from json_to_recordset($1::json) as i (delivery_id uuid, accepted_at timestamptz, message_id uuid, event_id uuid, account_id text,
      channel text, destination_id uuid, label text, lane text, category text, subtype text, severity text, occurred_at timestamptz,
      expires_at timestamptz, status text, reason text, pass int, provider_code text, attempts jsonb, open json, queue json)
  ), stored as (
    insert into delivery.delivery (delivery_id, accepted_at, message_id, event_id, account_id, channel, destination_id, label, lane, category,
      subtype, severity, occurred_at, expires_at, status, reason, pass, attempt_count, provider_code, attempts, ended_at)
    select delivery_id, accepted_at, message_id, event_id, account_id, channel, destination_id, label, lane, category, subtype, severity,
      occurred_at, expires_at, status, reason, pass, jsonb_array_length(attempts), provider_code, attempts,
      case when status <> 'scheduled' then now() end
    from incoming
    on conflict do nothing
    returning delivery_id, accepted_at, status
  ), sums as (
    insert into delivery.ledger (hour, stored, ended)
    select date_trunc('hour', accepted_at), count(*), count(*) filter (where status <> 'scheduled') from stored group by 1
  )`;

const FIRST_OPEN = `
  opened as (
    insert into delivery.open (delivery_id, accepted_at, account_id, channel, destination_id, lane, state, due_at, fence, pass, spent,
      was_ambiguous, last_at, last_reason)
    select delivery_id, accepted_at, account_id, channel, destination_id, (open ->> 'lane')::smallint, open ->> 'state',
      least((open ->> 'last_at')::timestamptz, coalesce((open ->> 'due_at')::timestamptz, now() + make_interval(secs => (open ->> 'due_in')::float8), 'infinity')),
      (open ->> 'fence')::int, pass, (open ->> 'spent')::int, (open ->> 'was_ambiguous')::boolean, (open ->> 'last_at')::timestamptz,
      open ->> 'last_reason'
    from incoming join stored using (delivery_id, accepted_at) where open is not null
  ), queued as (${QUEUE_UP})`;

function firstRow({ pass, outcome }: Settlement): FirstRow {
  const attempt = 'attempt' in outcome ? outcome.attempt : null;
  return {
    ...columns(pass.delivery),
    status: statusOf(outcome),
    reason: reasonOf(outcome),
    pass: pass.number,
    provider_code: attempt?.providerCode ?? null,
    attempts: attempt ? [attemptRow(attempt)] : [],
    open: 'spent' in outcome ? openOf(pass, outcome, 1) : null,
    queue: outcome.status === 'parked' ? queueOf(outcome) : null,
  } as FirstRow;
}

function leasedRow(pass: Pass, leaseMs: number): FirstRow {
  return {
    ...columns(pass.delivery),
    status: 'scheduled',
    reason: null,
    pass: pass.number,
    provider_code: null,
    attempts: [],
    open: { ...openRow(pass, pass, 1), state: 'leased', due_in: leaseMs / 1_000 },
    queue: null,
  } as FirstRow;
}

function columns(delivery: Delivery) {
  return {
    delivery_id: delivery.deliveryId,
    accepted_at: delivery.acceptedAt.toISOString(),
    message_id: delivery.messageId,
    event_id: delivery.eventId,
    account_id: delivery.accountId,
    channel: delivery.channel,
    destination_id: delivery.destinationId,
    label: delivery.label,
    lane: delivery.lane,
    category: delivery.category,
    subtype: delivery.subtype,
    severity: delivery.severity,
    occurred_at: delivery.occurredAt,
    expires_at: delivery.expiresAt,
  };
}

function openRow(pass: Pass, { spent, wasAmbiguous }: { spent: number; wasAmbiguous: boolean }, fence: number): object {
  return {
    lane: laneNumber(pass.delivery.lane),
    fence,
    spent,
    was_ambiguous: wasAmbiguous,
    last_at: new Date(pass.lastAtMs),
    last_reason: pass.lastReason,
  };
}

/** A parked row is due at its last time: it ends then, pulled or not (semantics 24). */
function openOf(pass: Pass, outcome: Extract<Outcome, { spent: number }>, fence: number): object {
  const isParked = outcome.status === 'parked';
  return {
    ...openRow(pass, outcome, fence),
    state: isParked ? 'parked' : 'scheduled',
    due_at: isParked ? null : new Date(outcome.dueAtMs),
  };
}

function queueOf(outcome: Extract<Outcome, { status: 'parked' }>): object {
  return { open: outcome.why === 'breaker', revision: outcome.revision, resume_in: (outcome.resumeInMs ?? 0) / 1_000 };
}

function laterRow({ pass, outcome }: Settlement): object {
  const attempt = 'attempt' in outcome ? outcome.attempt : null;
  const { delivery } = pass;
  return {
    delivery_id: delivery.deliveryId,
    accepted_at: delivery.acceptedAt,
    pass: pass.number,
    fence: pass.fence,
    status: statusOf(outcome),
    reason: reasonOf(outcome),
    provider_code: attempt?.providerCode ?? null,
    attempts: attempt ? [attemptRow(attempt)] : [],
    state: outcome.status === 'parked' ? 'parked' : 'scheduled',
    due_at: outcome.status === 'scheduled' ? new Date(outcome.dueAtMs) : null,
    spent: 'spent' in outcome ? outcome.spent : pass.spent,
    was_ambiguous: 'wasAmbiguous' in outcome ? outcome.wasAmbiguous : pass.wasAmbiguous,
  };
}

function statusOf({ status }: Outcome): string {
  return status === 'parked' ? 'scheduled' : status;
}

function reasonOf(outcome: Outcome): string | null {
  return 'reason' in outcome ? outcome.reason : null;
}

/** As attempts are kept inside the delivery: short names, and nothing that is usual. */
export interface AttemptRow {
  readonly at: string;
  readonly ms: number;
  readonly by: Attempt['trigger'];
  readonly http?: number;
  readonly code?: string;
  readonly text?: string;
  readonly error?: string;
  readonly after?: number;
  readonly ambiguous?: true;
}

const TEXT_AT_MOST = 2_000;
const TEXT_OF_SUCCESS_AT_MOST = 200;

function attemptRow(attempt: Attempt): AttemptRow {
  const text = attempt.providerMessage?.slice(0, attempt.error === null ? TEXT_OF_SUCCESS_AT_MOST : TEXT_AT_MOST);
  return {
    at: attempt.startedAt.toISOString(),
    ms: attempt.durationMs,
    by: attempt.trigger,
    ...(attempt.httpStatus === null ? {} : { http: attempt.httpStatus }),
    ...(attempt.providerCode === null ? {} : { code: storable(attempt.providerCode) }),
    ...(text ? { text: storable(text) } : {}),
    ...(attempt.error === null ? {} : { error: attempt.error }),
    ...(attempt.retryAfterSeconds === null ? {} : { after: attempt.retryAfterSeconds }),
    ...(attempt.ambiguous ? { ambiguous: true as const } : {}),
  };
}

/** PostgreSQL takes neither NUL nor lone surrogates inside jsonb (semantics 29). */
function storable(text: string): string {
  return (text.includes('\u0000') ? text.replaceAll('\u0000', '\uFFFD') : text).toWellFormed();
}

function bounds(deliveries: readonly Delivery[]): { low: Date; high: Date } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { acceptedAt } of deliveries) {
    const at = acceptedAt.getTime();
    if (at < low) low = at;
    if (at > high) high = at;
  }
  return { low: new Date(low), high: new Date(high) };
}
