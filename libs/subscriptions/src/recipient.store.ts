/**
 * The people of an account. An address is a destination of its own: two recipients with one address are one, and a
 * changed address is another one, unverified again.
 */
import {
  type AccountId,
  type DestinationId,
  emailDestinationId,
  normaliseAddress,
  type Recipient,
  type RecipientBody,
  type RecipientPatch,
} from '@herald/contracts';
import type { Database, Sql } from '@herald/platform';
import { lockAccount } from './account.store.js';
import { isUnchanged, recordHistory } from './history.store.js';
import { RECIPIENTS_PER_ACCOUNT } from './limits.js';
import { isAfter, type Place, placeOf } from './place.js';
import { recordChange, type SettingsFeed } from './settings-feed.js';
import { dropFromSubscriptions, scopesThatUse } from './subscription-targets.js';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly title: Recipient['title'];
  readonly email: string;
  readonly locale: Recipient['locale'];
  readonly timeZone: string | null;
  readonly verifiedAt: Date | null;
  readonly isDefault: boolean;
  readonly createdAt: Date;
  readonly destinationId: DestinationId;
}

const select = `select r.id, r.name, r.title, r.email, r.locale, r.time_zone as "timeZone", r.verified_at as "verifiedAt",
  r.id is not distinct from a.default_recipient_id as "isDefault", r.created_at as "createdAt",
  r.destination_id as "destinationId"
  from settings.recipient r join settings.account a on a.id = r.account_id`;

export function recipientScope(id: string): string {
  return `recipients/${id}`;
}

function viewOf({ destinationId: _, verifiedAt, createdAt, ...row }: Row): Recipient {
  return { ...row, verifiedAt: verifiedAt?.toISOString() ?? null, createdAt: createdAt.toISOString() };
}

async function findRow(sql: Sql, accountId: AccountId, id: string): Promise<Row | null> {
  const { rows } = await sql.query<Row>(`${select} where r.account_id = $1 and r.id = $2`, [accountId, id]);
  return rows[0] ?? null;
}

export class RecipientStore {
  constructor(
    private readonly database: Database,
    private readonly feed: SettingsFeed,
  ) {}

  async find(accountId: AccountId, id: string): Promise<Recipient | null> {
    const row = await findRow(this.database, accountId, id);
    return row && viewOf(row);
  }

  /** In the order of their making; one row more than `limit` where there are more. */
  async list(accountId: AccountId, limit: number, after: Place | null): Promise<Recipient[]> {
    const { rows } = await this.database.query<Row>(
      `${select} where r.account_id = $1 and ${isAfter('r', 2)} order by ${placeOf('r')} limit $4`,
      [accountId, after?.at ?? null, after?.id ?? null, limit + 1],
    );
    return rows.map(viewOf);
  }

  async create(accountId: AccountId, body: RecipientBody, by: string): Promise<Recipient | 'too many'> {
    const created = await this.database.transaction(async (tx) => {
      await lockAccount(tx, accountId);
      const { rows } = await tx.query<{ id: string; destinationId: DestinationId }>(
        `insert into settings.recipient (account_id, name, title, email, destination_id, locale, time_zone)
         select $1, $2, $3, $4, $5, $6, $7
         where (select count(*) from settings.recipient where account_id = $1) < $8
         returning id, destination_id as "destinationId"`,
        [
          accountId,
          body.name,
          body.title,
          ...addressOf(accountId, body.email),
          body.locale,
          body.timeZone,
          RECIPIENTS_PER_ACCOUNT,
        ],
      );
      if (!rows[0]) return 'too many';
      const { id, destinationId } = rows[0];
      const after = viewOf((await findRow(tx, accountId, id))!);
      await recordHistory(tx, accountId, {
        by,
        action: 'recipient.created',
        scope: recipientScope(id),
        before: null,
        after,
      });
      await recordChange(tx, 'recipient', accountId, [destinationId]);
      return after;
    });
    if (created !== 'too many') await this.feed.announce();
    return created;
  }

  /** Null where the account has no such recipient. Another address is another destination, unverified. */
  async update(accountId: AccountId, id: string, patch: RecipientPatch, by: string): Promise<Recipient | null> {
    return this.change(accountId, id, by, 'recipient.updated', async (tx, row) => {
      const [email, destinationId] = addressOf(accountId, patch.email ?? row.email);
      await tx.query(
        `update settings.recipient set name = $3, title = $4, email = $5, locale = $6, time_zone = $7,
           verified_at = case when destination_id = $8 then verified_at end,
           opted_out = destination_id = $8 and opted_out,
           bounced_at = case when destination_id = $8 then bounced_at end, destination_id = $8
         where account_id = $1 and id = $2`,
        [
          accountId,
          id,
          patch.name ?? row.name,
          patch.title ?? row.title,
          email,
          patch.locale === undefined ? row.locale : patch.locale,
          patch.timeZone === undefined ? row.timeZone : patch.timeZone,
          destinationId,
        ],
      );
      return true;
    });
  }

  /** The address has proved to be theirs; null where they have another one by now. */
  async markVerified(
    accountId: AccountId,
    id: string,
    destinationId: DestinationId,
    by: string,
  ): Promise<Recipient | null> {
    return this.change(accountId, id, by, 'recipient.verified', async (tx) => {
      const { rowCount } = await tx.query(
        `update settings.recipient set verified_at = now(), bounced_at = null
         where account_id = $1 and id = $2 and destination_id = $3`,
        [accountId, id, destinationId],
      );
      return rowCount > 0;
    });
  }

  /** A mail server said that the address does not exist: shown to the account; sending goes on until it is changed. */
  async markBounced(accountId: AccountId, destinationId: DestinationId): Promise<void> {
    await this.database.query(
      `update settings.recipient set bounced_at = now()
       where account_id = $1 and destination_id = $2 and (bounced_at is null or bounced_at < now() - interval '30 seconds')`,
      [accountId, destinationId],
    );
  }

  /** Where it is used: scopes of subscriptions, and `account` for the default recipient. Null: there is no such one. */
  async remove(
    accountId: AccountId,
    id: string,
    force: boolean,
    by: string,
  ): Promise<{ readonly removed: boolean; readonly usedIn: string[] } | null> {
    const result = await this.database.transaction(async (tx) => {
      const account = await lockAccount(tx, accountId);
      const row = await findRow(tx, accountId, id);
      if (!row) return null;
      const usedIn = await scopesThatUse(tx, accountId, 'recipient_ids', id);
      if (account?.defaultRecipientId === id) usedIn.unshift('account');
      if (usedIn.length > 0 && !force) return { removed: false, usedIn };
      await dropFromSubscriptions(tx, accountId, 'recipient_ids', id, by);
      await tx.query(
        'update settings.account set default_recipient_id = null where id = $1 and default_recipient_id = $2',
        [accountId, id],
      );
      await tx.query('delete from settings.recipient where account_id = $1 and id = $2', [accountId, id]);
      await recordHistory(tx, accountId, {
        by,
        action: 'recipient.removed',
        scope: recipientScope(id),
        before: viewOf(row),
        after: null,
      });
      await recordChange(tx, 'recipient', accountId, [row.destinationId]);
      return { removed: true, usedIn };
    });
    if (result?.removed) await this.feed.announce();
    return result;
  }

  private async change(
    accountId: AccountId,
    id: string,
    by: string,
    action: 'recipient.updated' | 'recipient.verified',
    write: (tx: Sql, row: Row) => Promise<boolean>,
  ): Promise<Recipient | null> {
    const changed = await this.database.transaction(async (tx) => {
      await lockAccount(tx, accountId);
      const before = await findRow(tx, accountId, id);
      if (!before) return null;
      if (!(await write(tx, before))) return null;
      const after = (await findRow(tx, accountId, id))!;
      if (isUnchanged(before, after)) return viewOf(after);
      await recordHistory(tx, accountId, {
        by,
        action,
        scope: recipientScope(id),
        before: viewOf(before),
        after: viewOf(after),
      });
      await recordChange(tx, 'recipient', accountId, [...new Set([before.destinationId, after.destinationId])]);
      return viewOf(after);
    });
    if (changed) await this.feed.announce();
    return changed;
  }
}

function addressOf(accountId: AccountId, email: string): [email: string, destinationId: DestinationId] {
  return [email.trim(), emailDestinationId(accountId, normaliseAddress(email))];
}
