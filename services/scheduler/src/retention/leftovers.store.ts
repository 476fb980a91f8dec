/** What has lost its use, a slice at a time: each answers how many rows went, 0 where none is left. */
import type { Database } from '@herald/platform';
import { DELIVERIES_KEPT_DAYS } from '../horizon.js';

const AT_ONCE = 1_000;
/** Messages are kept by when they came, events by when they were accepted: a bus may have lain between. */
const EVENTS_LONGER = '10 days';

const slices = {
  /** As long as the longest inbox retention in force, at least 90 days; a message never outlives its event (semantics 8). */
  events: `
    delete from routing.event where event_id in (
      select e.event_id from routing.event e
      where e.accepted_at < now() - interval '${EVENTS_LONGER}'
        - make_interval(days => greatest(${DELIVERIES_KEPT_DAYS}, (select coalesce(max(retention_days), 0) from settings.account)))
        and not exists (select 1 from routing.audience_page p where p.event_id = e.event_id)
      order by e.accepted_at limit ${AT_ONCE})`,
  /** Positions are compared long before (semantics 32), and the log has forgotten them. */
  repeats: `
    delete from routing.repeat where (topic, partition, record_offset) in (
      select topic, partition, record_offset from routing.repeat where at < now() - interval '30 days' order by at limit ${AT_ONCE})`,
  redriven: `
    delete from scheduler.redriven where id in (select id from scheduler.redriven where at < now() - interval '11 days' order by at limit ${AT_ONCE})`,
  sessions: `
    delete from settings.session where token_hash in (select token_hash from settings.session where expires_at < now() limit ${AT_ONCE})`,
  /** A mail that has ended can be replayed for as long as there is something to make it from. */
  ownMails: `
    delete from delivery.own_mail where delivery_id in (
      select m.delivery_id from delivery.own_mail m where m.accepted_at < now() - interval '30 days'
        and not exists (select 1 from delivery.open o where o.delivery_id = m.delivery_id)
      order by m.accepted_at limit ${AT_ONCE})`,
  deadRecords: `
    delete from bus.dead_record where id in (
      select id from bus.dead_record where redriven_at < now() - interval '30 days' limit ${AT_ONCE})`,
  /** Nobody pulls it and nothing is parked. Locked first, so that who parks at this moment makes it anew. */
  queues: `
    with empty as (
      select q.destination_id from delivery.queue q where q.pulled_until < now() - interval '10 minutes'
        and not exists (select 1 from delivery.open o where o.destination_id = q.destination_id and o.state = 'parked')
      order by q.destination_id limit ${AT_ONCE} for update skip locked
    )
    delete from delivery.queue q using empty e where q.destination_id = e.destination_id
      and not exists (select 1 from delivery.open o where o.destination_id = q.destination_id and o.state = 'parked')`,
} as const;

export type Leftover = keyof typeof slices;
export const leftovers = Object.keys(slices) as Leftover[];

export class LeftoverStore {
  constructor(private readonly database: Database) {}

  async remove(what: Leftover): Promise<number> {
    return (await this.database.query(slices[what])).rowCount;
  }
}
