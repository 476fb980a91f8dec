/** Accounts: the tenants. An account begins with its owner, who is its default recipient, verified (api.md, Operators). */
import {
  type AccountBody,
  type AccountId,
  type AccountPatch,
  type AccountView,
  emailDestinationId,
  normaliseAddress,
  type OwnAccountPatch,
} from '@herald/contracts';
import type { Database, Sql } from '@herald/platform';
import { isUnchanged, recordHistory } from './history.store.js';
import { recordChange, type SettingsFeed } from './settings-feed.js';

/** An operator's request, with the owner's password already hashed. */
export type NewAccount = Omit<AccountBody, 'owner'> & {
  readonly owner: { readonly email: string; readonly name: string; readonly passwordHash: string | null };
};

/** Keys not given stay. */
export type AccountChange = AccountPatch & OwnAccountPatch;

type Row = Omit<AccountView, 'createdAt'> & { readonly createdAt: Date };

const columns = `id, name, locale, time_zone as "timeZone", labels, default_recipient_id as "defaultRecipientId", created_at as "createdAt"`;

const viewOf = (row: Row): AccountView => ({ ...row, createdAt: row.createdAt.toISOString() });

export class AccountStore {
  constructor(
    private readonly database: Database,
    private readonly feed: SettingsFeed,
  ) {}

  /** Null where the id is taken. An owner who is known already keeps name and password. */
  async create(account: NewAccount, by: string): Promise<AccountView | null> {
    const created = await this.database.transaction((tx) => insertAccount(tx, account, by));
    if (created) await this.feed.announce();
    return created;
  }

  async find(id: AccountId): Promise<AccountView | null> {
    const { rows } = await this.database.query<Row>(`select ${columns} from settings.account where id = $1`, [id]);
    return rows[0] ? viewOf(rows[0]) : null;
  }

  /** By id; one row more than `limit` where there are more. */
  async list(limit: number, afterId: string | null): Promise<AccountView[]> {
    const { rows } = await this.database.query<Row>(
      `select ${columns} from settings.account where $1::text is null or id > $1 order by id limit $2`,
      [afterId, limit + 1],
    );
    return rows.map(viewOf);
  }

  /** Null where there is no such account. The default recipient must be one of its own. */
  async update(id: AccountId, patch: AccountChange, by: string): Promise<AccountView | 'unknown recipient' | null> {
    const updated = await this.database.transaction(async (tx) => {
      const before = await lockAccount(tx, id);
      if (!before) return null;
      const { defaultRecipientId = before.defaultRecipientId } = patch;
      if (defaultRecipientId !== null && !(await isRecipientOf(tx, id, defaultRecipientId))) return 'unknown recipient';
      const { rows } = await tx.query<Row>(
        `update settings.account set name = coalesce($2, name), locale = coalesce($3, locale),
           time_zone = coalesce($4, time_zone), labels = coalesce($5, labels), default_recipient_id = $6
         where id = $1 returning ${columns}`,
        [
          id,
          patch.name,
          patch.locale,
          patch.timeZone,
          patch.labels ? JSON.stringify(patch.labels) : null,
          defaultRecipientId,
        ],
      );
      const after = viewOf(rows[0]!);
      if (isUnchanged(before, after)) return after;
      await recordHistory(tx, id, { by, action: 'account.updated', scope: 'account', before, after });
      await recordChange(tx, 'account', id, [id]);
      return after;
    });
    if (updated !== null && updated !== 'unknown recipient') await this.feed.announce();
    return updated;
  }
}

async function isRecipientOf(tx: Sql, accountId: AccountId, id: string): Promise<boolean> {
  const { rowCount } = await tx.query('select 1 from settings.recipient where account_id = $1 and id = $2', [
    accountId,
    id,
  ]);
  return rowCount > 0;
}

/** Changes of one account's settings happen one after the other: limits and revisions are looked at under this lock. */
export async function lockAccount(tx: Sql, id: AccountId): Promise<AccountView | null> {
  const { rows } = await tx.query<Row>(`select ${columns} from settings.account where id = $1 for no key update`, [id]);
  return rows[0] ? viewOf(rows[0]) : null;
}

async function insertAccount(tx: Sql, account: NewAccount, by: string): Promise<AccountView | null> {
  const id = account.id as AccountId;
  const email = normaliseAddress(account.owner.email);
  const inserted = await tx.query(
    `insert into settings.account (id, name, locale, time_zone, labels) values ($1, $2, $3, $4, $5)
     on conflict (id) do nothing`,
    [id, account.name, account.locale, account.timeZone, JSON.stringify(account.labels)],
  );
  if (inserted.rowCount === 0) return null;
  const person = await tx.query<{ id: string }>(
    `insert into settings.person (email, name, password_hash) values ($1, $2, $3)
     on conflict (email) do update set password_hash = coalesce(person.password_hash, excluded.password_hash)
     returning id`,
    [email, account.owner.name, account.owner.passwordHash],
  );
  await tx.query('insert into settings.membership (person_id, account_id, is_owner) values ($1, $2, true)', [
    person.rows[0]!.id,
    id,
  ]);
  const recipient = await tx.query<{ id: string }>(
    `insert into settings.recipient (account_id, name, title, email, destination_id, verified_at)
     values ($1, $2, 'other', $3, $4, now()) returning id`,
    [id, account.owner.name, account.owner.email.trim(), emailDestinationId(id, email)],
  );
  const { rows } = await tx.query<Row>(
    `update settings.account set default_recipient_id = $2 where id = $1 returning ${columns}`,
    [id, recipient.rows[0]!.id],
  );
  const after = viewOf(rows[0]!);
  await recordHistory(tx, id, { by, action: 'account.created', scope: 'account', before: null, after });
  await recordChange(tx, 'account', id, [id]);
  return after;
}
