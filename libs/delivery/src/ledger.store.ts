/**
 * Everything accepted, counted from two sides (semantics 32). The sums are deltas per hour of acceptance, written with the
 * rows; here they are folded and read, never the rows themselves. What is missing is the reconciler's to say (semantics 33).
 */
import type { LedgerView } from '@herald/contracts';
import type { Database } from '@herald/platform';

/** Hours that nobody compares any more are folded into this one. */
const OLD = `to_timestamp(0)`;
/** The reconciler's horizon of 10 days, and a little. */
const APART_FOR = '12 days';
const FOLDED_AT_ONCE = 20_000;

interface Sums {
  readonly rows: number;
  readonly unrouted: number;
  readonly paging: number;
  readonly unreadable: number;
  readonly conflicting: number;
  readonly deadWithRow: number;
  readonly decided: number;
  readonly ended: number;
  readonly deadDeliveries: number;
  readonly scheduled: number;
  readonly missingPositions: number;
  readonly missingMessages: number;
  readonly missingDeliveries: number;
  readonly oldestOpenAt: Date | null;
}

/**
 * One statement, so that all sums are of one moment. A decision without its row yet, and a row that no stored decision names
 * (semantics 10), are told apart per hour: the larger of both is what was decided.
 */
const READ = `
  with events as (
    select hour, coalesce(sum(count) filter (where kind = 'accepted'), 0) as accepted,
      coalesce(sum(count) filter (where kind = 'expected'), 0) as expected,
      coalesce(sum(count) filter (where kind = 'messages'), 0) as messages
    from routing.ledger where kind <> 'decided' group by hour
  ), deliveries as (
    select hour, sum(decided) as decided, sum(stored) as stored, sum(ended) as ended from (
      select hour, count as decided, 0 as stored, 0 as ended from routing.ledger where kind = 'decided'
      union all select hour, 0, stored, ended from delivery.ledger) both_sides group by hour
  ), dead as (
    select topic, partition, record_offset, reason from bus.dead_record where redriven_at is null
  ), ends as (
    select count(*) filter (where topic like 'event.accepted.%' and reason <> 'CONFLICTING_KEY') as unreadable,
      count(*) filter (where topic like 'event.accepted.%' and reason = 'CONFLICTING_KEY') as conflicting,
      count(*) filter (where topic like 'delivery.requested.%') as deliveries,
      count(*) filter (where topic like 'event.accepted.%' and exists (
        select 1 from routing.event e where e.topic = dead.topic and e.partition = dead.partition and e.record_offset = dead.record_offset
      )) as with_row
    from dead
  ), found as (
    select missing_positions, missing_messages, missing_deliveries, oldest_absent_at from delivery.reconciliation
  )
  select
    (select coalesce(sum(accepted), 0) from events) as "rows",
    (select coalesce(sum(least(accepted, greatest(expected - messages, 0))), 0) from events) as "unrouted",
    (select count(*) from routing.audience_page) as "paging",
    ends.unreadable, ends.conflicting, ends.with_row as "deadWithRow", ends.deliveries as "deadDeliveries",
    (select coalesce(sum(greatest(decided, stored)), 0) from deliveries) as "decided",
    (select coalesce(sum(ended), 0) from deliveries) as "ended",
    (select count(*) from delivery.open) - (select count(*) from delivery.own_mail m join delivery.open o on o.delivery_id = m.delivery_id)
      as "scheduled",
    coalesce((select missing_positions from found), 0) as "missingPositions",
    coalesce((select missing_messages from found), 0) as "missingMessages",
    coalesce((select missing_deliveries from found), 0) as "missingDeliveries",
    least((select min(accepted_at) from delivery.open), (select min(accepted_at) from routing.audience_page),
      (select oldest_absent_at from found)) as "oldestOpenAt"
  from ends`;

/** Locked rows are another's to fold. What is taken and what is put back are one statement: every reader sees either. */
const FOLD_ROUTING = `
  with crowded as (
    select hour, kind from routing.ledger group by hour, kind
    having count(*) > 1 or hour > ${OLD} and hour < now() - interval '${APART_FOR}'
  ), picked as (
    select l.ctid from routing.ledger l join crowded c on c.hour = l.hour and c.kind = l.kind limit ${FOLDED_AT_ONCE} for update of l skip locked
  ), taken as (
    delete from routing.ledger l where l.ctid = any(array(select ctid from picked)) returning hour, kind, count
  ), put as (
    insert into routing.ledger (hour, kind, count)
    select case when hour < now() - interval '${APART_FOR}' then ${OLD} else hour end, kind, sum(count) from taken group by 1, 2
    having sum(count) <> 0
  )
  select count(*) as folded from taken`;

const FOLD_DELIVERY = `
  with crowded as (
    select hour from delivery.ledger group by hour
    having count(*) > 1 or hour > ${OLD} and hour < now() - interval '${APART_FOR}'
  ), picked as (
    select l.ctid from delivery.ledger l join crowded c on c.hour = l.hour limit ${FOLDED_AT_ONCE} for update of l skip locked
  ), taken as (
    delete from delivery.ledger l where l.ctid = any(array(select ctid from picked)) returning hour, stored, ended
  ), put as (
    insert into delivery.ledger (hour, stored, ended)
    select case when hour < now() - interval '${APART_FOR}' then ${OLD} else hour end, sum(stored), sum(ended) from taken group by 1
    having sum(stored) <> 0 or sum(ended) <> 0
  )
  select count(*) as folded from taken`;

export class LedgerStore {
  constructor(private readonly database: Database) {}

  /**
   * `accepted` counts records but repeats, so that accepted = routed + unreadable + conflicting + unrouted. While messages of
   * lists are on their way, `unrouted` counts messages, at most as many as there are events; at rest it is exact.
   */
  async read(): Promise<LedgerView> {
    const { rows } = await this.database.query<Sums>({ name: 'ledger-read', text: READ });
    return ledgerOf(rows[0]!);
  }

  /** Many deltas become one sum per hour and kind. Safe in several processes; answers how many deltas were folded. */
  async fold(): Promise<number> {
    let folded = 0;
    for (const text of [FOLD_ROUTING, FOLD_DELIVERY]) {
      const { rows } = await this.database.query<{ folded: number }>(text);
      folded += rows[0]!.folded;
    }
    return folded;
  }
}

/** A dead record whose event has a row of the same record is one position, not two. */
function ledgerOf(sums: Sums): LedgerView {
  const { unreadable, conflicting, deadWithRow, missingPositions, missingMessages, missingDeliveries, scheduled } =
    sums;
  const accepted = sums.rows + unreadable + conflicting - deadWithRow;
  const endedDead = unreadable + conflicting;
  const unrouted = Math.min(accepted - endedDead, Math.max(0, sums.unrouted + sums.paging - deadWithRow));
  const ended = sums.ended + sums.deadDeliveries;
  return {
    events: { accepted, routed: accepted - endedDead - unrouted, unreadable, conflicting, unrouted },
    deliveries: {
      decided: sums.decided,
      ended,
      scheduled,
      inFlight: Math.max(0, sums.decided - ended - scheduled - missingDeliveries),
    },
    gap: missingPositions + missingMessages + missingDeliveries,
    oldestOpenAt: sums.oldestOpenAt?.toISOString() ?? null,
  };
}
