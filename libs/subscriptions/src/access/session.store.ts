/** Signed-in people. The token is 256 random bits in their cookie; here stands its SHA-256 only. */
import { randomBytes } from 'node:crypto';
import type { AccountId, Locale } from '@herald/contracts';
import type { Database, Policy } from '@herald/platform';
import { hashToken } from '../tokens.js';

export const SESSION_LASTS_SECONDS = 14 * 24 * 3_600;

export interface FoundSession {
  readonly personId: string;
  readonly email: string;
  readonly name: string;
  readonly locale: Locale | null;
  readonly isOperator: boolean;
  /** The account that was chosen at signing in. */
  readonly accountId: AccountId | null;
  readonly memberships: readonly {
    readonly accountId: AccountId;
    readonly isOwner: boolean;
    readonly policies: readonly Policy[];
  }[];
}

export class SessionStore {
  constructor(private readonly database: Database) {}

  /** Answers the token for the cookie. Sessions that have run out are removed on the way. */
  async open(personId: string, accountId: AccountId | null = null): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    await this.database.query(
      `with expired as (delete from settings.session where expires_at < now())
       insert into settings.session (token_hash, person_id, account_id, expires_at)
       values ($1, $2, $3, now() + make_interval(secs => $4))`,
      [hashToken(token), personId, accountId, SESSION_LASTS_SECONDS],
    );
    return token;
  }

  async close(token: string): Promise<void> {
    await this.database.query('delete from settings.session where token_hash = $1', [hashToken(token)]);
  }

  async find(token: string): Promise<FoundSession | null> {
    const { rows } = await this.database.query<FoundSession>(
      {
        name: 'session-find',
        text: `select p.id as "personId", p.email, p.name, p.locale, p.is_operator as "isOperator",
                 s.account_id as "accountId",
                 coalesce((select json_agg(json_build_object('accountId', m.account_id, 'isOwner', m.is_owner,
                   'policies', m.policies) order by m.created_at, m.account_id)
                   from settings.membership m where m.person_id = p.id), '[]') as memberships
               from settings.session s join settings.person p on p.id = s.person_id
               where s.token_hash = $1 and s.expires_at > now()`,
      },
      [hashToken(token)],
    );
    return rows[0] ?? null;
  }
}
