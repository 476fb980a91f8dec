/** People and the accounts they belong to. Passwords are hashed by the caller; only the hash comes here. */
import { type AccountId, type Locale, normaliseAddress } from '@herald/contracts';
import type { Database, Policy } from '@herald/platform';

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly locale: Locale | null;
  readonly isOperator: boolean;
  /** Null where nobody set one: such a person can't sign in. */
  readonly passwordHash: string | null;
}

export interface Membership {
  readonly accountId: AccountId;
  readonly accountName: string;
  readonly isOwner: boolean;
  readonly policies: readonly Policy[];
}

export class PersonStore {
  constructor(private readonly database: Database) {}

  async findByEmail(email: string): Promise<Person | null> {
    const { rows } = await this.database.query<Person>(
      `select id, email, name, locale, is_operator as "isOperator", password_hash as "passwordHash"
       from settings.person where email = $1`,
      [normaliseAddress(email)],
    );
    return rows[0] ?? null;
  }

  /** In the order of joining: the first is the account of a person who chose none. */
  async memberships(personId: string): Promise<Membership[]> {
    const { rows } = await this.database.query<Membership>(
      `select m.account_id as "accountId", a.name as "accountName", m.is_owner as "isOwner", m.policies
       from settings.membership m join settings.account a on a.id = m.account_id
       where m.person_id = $1 order by m.created_at, m.account_id`,
      [personId],
    );
    return rows;
  }

  /** Makes or changes an operator of Herald itself; for the command line and the demo. */
  async setOperator(email: string, name: string, passwordHash: string): Promise<string> {
    const { rows } = await this.database.query<{ id: string }>(
      `insert into settings.person (email, name, password_hash, is_operator) values ($1, $2, $3, true)
       on conflict (email) do update set password_hash = excluded.password_hash, is_operator = true returning id`,
      [normaliseAddress(email), name, passwordHash],
    );
    return rows[0]!.id;
  }
}
