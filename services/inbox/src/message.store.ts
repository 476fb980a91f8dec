/** The internal messages: stored once, numbered by arrival, counted exactly (semantics 34 to 36). The only SQL of the inbox. */
import type { AccountId, Content, Decision, EventId, MessageFilter, MessageId, MessageRouted } from '@herald/contracts';
import type { Database, Sql } from '@herald/platform';

export interface MessageRow {
  readonly id: MessageId;
  readonly seq: number;
  readonly eventId: EventId;
  readonly accountId: AccountId;
  readonly category: string;
  readonly subtype: string;
  readonly severity: 'info' | 'warning' | 'critical';
  readonly content: Content;
  readonly occurredAt: Date;
  readonly acceptedAt: Date;
  readonly routedAt: Date;
  readonly receivedAt: Date;
  readonly readAt: Date | null;
  readonly decisions: readonly Decision[];
}

export type Change = 'read' | 'unread' | 'delete';

const CHUNK = 1_000;

const columns = `m.message_id as id, m.seq, m.event_id as "eventId", m.account_id as "accountId", m.category, m.subtype, m.severity, e.content,
  e.occurred_at as "occurredAt", m.accepted_at as "acceptedAt", m.routed_at as "routedAt", m.received_at as "receivedAt", m.read_at as "readAt"`;

/** What a change does to a row, to which rows it applies, and by how much it moves the unread count. */
const changes: Record<Change, { readonly set: string; readonly applies: string; readonly unread: string }> = {
  read: { set: 'read_at = now()', applies: 'm.read_at is null', unread: '-1' },
  unread: { set: 'read_at = null', applies: 'm.read_at is not null', unread: '1' },
  delete: { set: `deleted_at = now()`, applies: 'true', unread: 'case when read_at is null then -1 else 0 end' },
};

export class MessageStore {
  constructor(private readonly database: Database) {}

  async store(messages: readonly MessageRouted[]): Promise<void> {
    const column = <T>(pick: (message: MessageRouted) => T) => messages.map(pick);
    await this.database.query(
      {
        name: 'inbox-store',
        text: `select inbox.store($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                 $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::text[], $13::int[])`,
      },
      [
        column(({ messageId }) => messageId),
        column(({ accountId }) => accountId),
        column(({ eventId }) => eventId),
        column(({ category }) => category),
        column(({ subtype }) => subtype),
        column(({ severity }) => severity),
        column(({ lane }) => lane),
        column(({ product }) => product),
        column(({ acceptedAt }) => acceptedAt),
        column(({ routedAt }) => routedAt),
        column(({ hidden }) => hidden),
        column(({ decisions }) => JSON.stringify(decisions)),
        column(
          ({ decisions }) =>
            decisions.filter(({ channel, decision }) => channel !== 'inbox' && decision === 'send').length,
        ),
      ],
    );
  }

  /** Newest arrival first; one row more than asked for tells of a next page. */
  async list(account: AccountId, filter: MessageFilter, limit: number, belowSeq: number | null): Promise<MessageRow[]> {
    const where = conditions(account, filter);
    if (belowSeq !== null) where.add('m.seq < $', belowSeq);
    const { rows } = await this.database.query<MessageRow>(
      `select ${columns} from inbox.message m join routing.event e on e.event_id = m.event_id
       where ${where.text} order by m.seq desc limit ${limit + 1}`,
      where.values,
    );
    return rows;
  }

  async find(account: AccountId, id: MessageId): Promise<MessageRow | null> {
    const { rows } = await this.database.query<MessageRow>(
      `select ${columns}, m.decisions from inbox.message m join routing.event e on e.event_id = m.event_id
       where m.account_id = $1 and m.message_id = $2 and m.deleted_at is null and not m.hidden`,
      [account, id],
    );
    return rows[0] ?? null;
  }

  /** The account's row plus the deltas that are not folded into it yet. */
  async unreadCounts(account: AccountId): Promise<Record<string, number>> {
    const { rows } = await this.database.query<{ category: string; unread: number }>(
      `select key as category, sum(value::bigint) as unread from (
         select unread from inbox.account where account_id = $1 union all select unread from inbox.unread_delta where account_id = $1
       ) parts, jsonb_each_text(parts.unread) group by key having sum(value::bigint) <> 0`,
      [account],
    );
    return Object.fromEntries(rows.map(({ category, unread }) => [category, unread]));
  }

  /** Foreign and unknown ids change nothing. */
  async changeByIds(account: AccountId, change: Change, ids: readonly string[]): Promise<number> {
    const where = conditions(account, { status: 'all' });
    where.add('m.message_id = any($::uuid[])', ids);
    return this.database.transaction((tx) => changeRows(tx, change, where));
  }

  /** In chunks, from the watermark down: what arrived later is not touched, and nobody is locked out for long. */
  async changeByFilter(account: AccountId, change: Change, filter: MessageFilter, upToSeq: number): Promise<number> {
    let changed = 0;
    for (let from = upToSeq; ; ) {
      const where = conditions(account, filter);
      where.add('m.seq <= $', from);
      const { rows } = await this.database.query<{ seq: number }>(
        `select m.seq from inbox.message m where ${where.text} and ${changes[change].applies} order by m.seq desc limit ${CHUNK}`,
        where.values,
      );
      const last = rows.at(-1);
      if (!last) return changed;
      const chunk = conditions(account, filter);
      chunk.add(
        'm.seq = any($::bigint[])',
        rows.map(({ seq }) => seq),
      );
      changed += await this.database.transaction((tx) => changeRows(tx, change, chunk));
      from = last.seq - 1;
    }
  }

  /** The arrival number of a message of the account, deleted or not: what a reader saw stays a watermark. */
  async seqOf(account: AccountId, id: string): Promise<number | null> {
    const { rows } = await this.database.query<{ seq: number }>(
      'select seq from inbox.message where account_id = $1 and message_id = $2',
      [account, id],
    );
    return rows[0]?.seq ?? null;
  }

  /** Deltas of bulk changes into the accounts' rows, a slice at a time. */
  async foldUnread(): Promise<void> {
    await this.database.query(
      `with taken as (
         delete from inbox.unread_delta where ctid in (select ctid from inbox.unread_delta limit 5000 for update skip locked) returning account_id, unread
       ), summed as (
         select account_id, jsonb_object_agg(key, total) as unread from (
           select account_id, key, sum(value::bigint) as total from taken, jsonb_each_text(unread) group by 1, 2
         ) per_category group by account_id
       ), locked as (
         select a.account_id from inbox.account a join summed s on s.account_id = a.account_id order by a.account_id for update of a
       )
       update inbox.account a set unread = inbox.add_counts(a.unread, s.unread) from summed s, locked l
       where a.account_id = s.account_id and l.account_id = a.account_id`,
    );
  }
}

async function changeRows(tx: Sql, change: Change, where: Conditions): Promise<number> {
  const { set, applies, unread } = changes[change];
  const { rows } = await tx.query<{ changed: number }>(
    `with picked as (
       select m.account_id, m.message_id, m.category, m.read_at from inbox.message m where ${where.text} and ${applies}
       order by m.seq for update
     ), changed as (
       update inbox.message m set ${set} from picked p where m.account_id = p.account_id and m.message_id = p.message_id returning 1
     ), moved as (
       insert into inbox.unread_delta (account_id, unread)
       select $1, jsonb_object_agg(category, by) from (select category, sum(${unread}) as by from picked group by category) s
       where s.by <> 0 having count(*) > 0
     )
     select count(*)::int as changed from changed`,
    where.values,
  );
  return rows[0]?.changed ?? 0;
}

/** Title and body of a message in every language that is stored. */
const EVERYTHING_SAID = `(select concat_ws(E'\\n', said.content ->> 'title', said.content ->> 'body', (
    select string_agg(concat_ws(E'\\n', t.value ->> 'title', t.value ->> 'body'), E'\\n')
    from json_each(said.content -> 'translations') t))
  from routing.event said where said.event_id = m.event_id)`;

/** `$` stands for the next parameter; the first is always the account. */
class Conditions {
  readonly values: unknown[];
  private readonly parts: string[];

  constructor(account: AccountId) {
    this.values = [account];
    this.parts = ['m.account_id = $1', 'm.deleted_at is null', 'not m.hidden'];
  }

  add(condition: string, value: unknown): void {
    this.values.push(value);
    this.parts.push(condition.replace('$', `$${this.values.length}`));
  }

  addFixed(condition: string): void {
    this.parts.push(condition);
  }

  get text(): string {
    return this.parts.join(' and ');
  }
}

function conditions(account: AccountId, filter: MessageFilter): Conditions {
  const where = new Conditions(account);
  if (filter.category !== undefined) where.add('m.category = $', filter.category);
  if (filter.subtype !== undefined) where.add('m.subtype = $', filter.subtype);
  if (filter.severity !== undefined) where.add('m.severity = $', filter.severity);
  if (filter.product !== undefined) where.add('m.product = $', filter.product);
  if (filter.after !== undefined) where.add('m.received_at >= $', filter.after);
  if (filter.before !== undefined) where.add('m.received_at < $', filter.before);
  if (filter.q) where.add(`position(lower($) in lower(${EVERYTHING_SAID})) > 0`, filter.q);
  if (filter.status === 'unread') where.addFixed('m.read_at is null');
  if (filter.status === 'read') where.addFixed('m.read_at is not null');
  return where;
}
