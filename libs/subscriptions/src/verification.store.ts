/**
 * Proofs that an address is its recipient's: a link's token, or a code to type. Both stand encrypted, bound to their
 * row, from which the mail is made when it is sent: they are never on the bus. Only the newest code counts.
 */
import { randomBytes, randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import { type AccountId, type DestinationId, type Locale, normaliseAddress } from '@herald/contracts';
import type { Database, KeyRing, Sql } from '@herald/platform';
import type { RecipientStore } from './recipient.store.js';
import { hashToken } from './tokens.js';

const CODE_LASTS = '30 minutes';
const LINK_LASTS = '48 hours';
const TRIES_PER_CODE = 5;
const MAILS_PER_ADDRESS_AND_MINUTE = 10;
const MAILS_PER_ACCOUNT_AND_DAY = 100;

export type StartedVerification =
  | { readonly kind: 'started'; readonly verificationId: string }
  | { readonly kind: 'unknown recipient' }
  | { readonly kind: 'too many'; readonly retryAfterSeconds: number };

export interface VerificationMail {
  readonly accountId: AccountId;
  readonly recipientId: string;
  readonly name: string;
  readonly email: string;
  readonly locale: Locale;
  readonly token: string;
  readonly code: string;
}

export interface Verified {
  readonly recipientId: string;
  readonly verifiedAt: string;
}

interface Secrets {
  readonly token: string;
  readonly code: string;
}

interface Found {
  readonly id: string;
  readonly accountId: AccountId;
  readonly recipientId: string;
  readonly destinationId: DestinationId;
}

const sealedPlace = (verificationId: string) => `verification:${verificationId}`;

export class VerificationStore {
  constructor(
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    private readonly recipients: RecipientStore,
  ) {}

  /** Remembers a token and a code. `alsoInTransaction` makes the mail due with them: both stand, or none. */
  async begin(
    accountId: AccountId,
    recipientId: string,
    alsoInTransaction: (tx: Sql, verificationId: string) => Promise<void> = async () => {},
  ): Promise<StartedVerification> {
    const id = randomUUID();
    const secrets: Secrets = {
      token: randomBytes(32).toString('base64url'),
      code: String(randomInt(1_000_000)).padStart(6, '0'),
    };
    const sealed = this.keyRing.encrypt(JSON.stringify(secrets), sealedPlace(id));
    return this.database.transaction(async (tx) => {
      // Counting needs the lock: two at a time would both find room.
      const { rows } = await tx.query<{ email: string; destinationId: DestinationId }>(
        `select r.email, r.destination_id as "destinationId" from settings.account a join settings.recipient r on r.account_id = a.id
         where a.id = $1 and r.id = $2 for no key update of a`,
        [accountId, recipientId],
      );
      if (!rows[0]) return { kind: 'unknown recipient' };
      const email = normaliseAddress(rows[0].email);
      // Other accounts may be sending to the same address just now.
      await tx.query(`select pg_advisory_xact_lock(hashtextextended('verification ' || $1, 0))`, [email]);
      const sent = await tx.query<{ ofAddress: number; ofAccount: number }>(
        `select (select count(*) from settings.verification where email = $2 and created_at > now() - interval '1 minute') as "ofAddress",
           (select count(*) from settings.verification where account_id = $1 and created_at > now() - interval '1 day') as "ofAccount"`,
        [accountId, email],
      );
      const { ofAddress, ofAccount } = sent.rows[0]!;
      if (ofAccount >= MAILS_PER_ACCOUNT_AND_DAY) return { kind: 'too many', retryAfterSeconds: 3_600 };
      if (ofAddress >= MAILS_PER_ADDRESS_AND_MINUTE) return { kind: 'too many', retryAfterSeconds: 60 };
      await tx.query(
        `insert into settings.verification
           (id, account_id, recipient_id, email, destination_id, token_hash, sealed, code_expires_at, token_expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, now() + interval '${CODE_LASTS}', now() + interval '${LINK_LASTS}')`,
        [id, accountId, recipientId, email, rows[0].destinationId, hashToken(secrets.token), sealed],
      );
      await alsoInTransaction(tx, id);
      return { kind: 'started', verificationId: id };
    });
  }

  /** What the mail says, or null where it has lost its sense: used, run out, or the address is another by now. */
  async mail(verificationId: string): Promise<VerificationMail | null> {
    const { rows } = await this.database.query<Omit<VerificationMail, 'token' | 'code'> & { sealed: string }>(
      `select v.account_id as "accountId", v.recipient_id as "recipientId", r.name, r.email,
         coalesce(r.locale, a.locale) as locale, v.sealed
       from settings.verification v join settings.recipient r on r.id = v.recipient_id
       join settings.account a on a.id = v.account_id
       where v.id = $1 and v.used_at is null and v.token_expires_at > now() and r.destination_id = v.destination_id`,
      [verificationId],
    );
    if (!rows[0]) return null;
    const { sealed, ...mail } = rows[0];
    return { ...mail, ...this.open(verificationId, sealed) };
  }

  /** By the link. Null: wrong, run out, or meant for another address. A repeat answers the same. */
  async verifyByToken(token: string): Promise<Verified | null> {
    const { rows } = await this.database.query<Found & { verifiedAt: Date | null; isUsed: boolean }>(
      `select v.id, v.account_id as "accountId", v.recipient_id as "recipientId",
         v.destination_id as "destinationId", r.verified_at as "verifiedAt",
         v.used_at is not null as "isUsed"
       from settings.verification v join settings.recipient r on r.id = v.recipient_id
       where v.token_hash = $1 and v.token_expires_at > now() and r.destination_id = v.destination_id`,
      [hashToken(token)],
    );
    const found = rows[0];
    if (!found) return null;
    if (!found.isUsed) return this.settle(found);
    return found.verifiedAt && { recipientId: found.recipientId, verifiedAt: found.verifiedAt.toISOString() };
  }

  /** By the code of the newest mail, at most 5 tries, right ones among them. Null: wrong or run out. */
  async verifyByCode(recipientId: string, code: string): Promise<Verified | null> {
    // The try is counted before the code is looked at, so that many at a time don't get more.
    const { rows } = await this.database.query<Found & { sealed: string }>(
      `update settings.verification v set tries = tries + 1
       from (select n.id from settings.verification n where n.recipient_id = $1 order by n.created_at desc, n.id limit 1) newest,
         settings.recipient r
       where v.id = newest.id and v.tries < $2 and v.used_at is null and v.code_expires_at > now()
         and r.id = v.recipient_id and r.destination_id = v.destination_id
       returning v.id, v.account_id as "accountId", v.recipient_id as "recipientId",
         v.destination_id as "destinationId", v.sealed`,
      [recipientId, TRIES_PER_CODE],
    );
    const found = rows[0];
    if (!found) return null;
    const expected = Buffer.from(this.open(found.id, found.sealed).code);
    const given = Buffer.from(code);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    return this.settle(found);
  }

  /** Rows that can prove nothing any more, nor count for a limit. */
  async removeExpired(): Promise<number> {
    const { rowCount } = await this.database.query('delete from settings.verification where token_expires_at < now()');
    return rowCount;
  }

  private async settle({ id, accountId, recipientId, destinationId }: Found): Promise<Verified | null> {
    const recipient = await this.recipients.markVerified(accountId, recipientId, destinationId, 'recipient');
    if (!recipient?.verifiedAt) return null;
    await this.database.query('update settings.verification set used_at = now() where id = $1', [id]);
    return { recipientId, verifiedAt: recipient.verifiedAt };
  }

  private open(id: string, sealed: string): Secrets {
    return JSON.parse(this.keyRing.decrypt(sealed, sealedPlace(id)));
  }
}
