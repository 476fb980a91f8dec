/** Big audiences, a page at a time (semantics 11). A page is published and acknowledged before its cursor moves. */
import type { AccountId, EventId, Lane } from '@herald/contracts';
import type { Database } from '@herald/platform';

export interface ClaimedPage {
  readonly eventId: EventId;
  readonly lane: Lane;
  readonly acceptedAt: Date;
  readonly cursorAt: string | null;
  readonly cursorId: string;
  readonly fence: number;
}

export interface AudienceAccount {
  readonly id: AccountId;
  /** Microseconds matter: a cursor cut to milliseconds would repeat or skip. */
  readonly createdAt: string;
}

const LEASE_SECONDS = 60;
const GIVEN_BACK_FOR_SECONDS = 5;

export class AudiencePageStore {
  constructor(private readonly database: Database) {}

  /** The most urgent page that is due, leased and fenced, or null. */
  async claim(): Promise<ClaimedPage | null> {
    const { rows } = await this.database.query<ClaimedPage>(
      `update routing.audience_page set lease_until = now() + interval '${LEASE_SECONDS} seconds', fence = fence + 1
       where event_id = (
         select event_id from routing.audience_page
         where due_at <= now() and (lease_until is null or lease_until < now())
         order by case lane when 'urgent' then 0 when 'normal' then 1 else 2 end, due_at
         limit 1 for update skip locked)
       returning event_id as "eventId", lane, accepted_at as "acceptedAt", cursor_at::text as "cursorAt", cursor_id as "cursorId", fence`,
    );
    return rows[0] ?? null;
  }

  /**
   * After the cursor: those of the list, which existed when it was accepted, or all that were created before that. (A
   * list's youngest account may look younger than the event: the clock of acceptance is measured, not the database's own.)
   */
  async accountsAfter(page: ClaimedPage, ids: readonly AccountId[] | null, limit: number): Promise<AudienceAccount[]> {
    const { rows } = await this.database.query<AudienceAccount>(
      `select id, created_at::text as "createdAt" from settings.account
       where (created_at < $1 or $4::text[] is not null) and ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3)) and ($4::text[] is null or id = any($4))
       order by created_at, id limit $5`,
      [page.acceptedAt, page.cursorAt, page.cursorId, ids, limit],
    );
    return rows;
  }

  /** Moves the cursor past what was published; false where the lease went to somebody else. */
  async advance(page: ClaimedPage, last: AudienceAccount, published: number): Promise<boolean> {
    const { rowCount } = await this.database.query(
      `with moved as (
         update routing.audience_page set cursor_at = $3::timestamptz, cursor_id = $4, lease_until = null, due_at = now()
         where event_id = $1 and fence = $2 returning event_id, accepted_at
       ), grown as (
         update routing.event e set expected = e.expected + $5 from moved m where e.event_id = m.event_id
       ), sums as (
         insert into routing.ledger (hour, kind, count) select date_trunc('hour', accepted_at), 'expected', $5 from moved
       ) select 1 from moved`,
      [page.eventId, page.fence, last.createdAt, last.id, published],
    );
    return rowCount > 0;
  }

  /** Not done: somebody may try again soon. */
  async giveBack(page: ClaimedPage): Promise<void> {
    await this.database.query(
      `update routing.audience_page set lease_until = null, due_at = now() + interval '${GIVEN_BACK_FOR_SECONDS} seconds'
       where event_id = $1 and fence = $2`,
      [page.eventId, page.fence],
    );
  }

  async finish(page: ClaimedPage): Promise<void> {
    await this.database.query('delete from routing.audience_page where event_id = $1 and fence = $2', [
      page.eventId,
      page.fence,
    ]);
  }
}
