/** Who calls, and how that is found out (api.md, Who calls). */
import type { AccountId, Locale, ProducerId } from '@herald/contracts';

export type Policy = 'NotificationsReadOnlyAccess' | 'NotificationsFullAccess';

export interface ProducerCaller {
  readonly kind: 'producer';
  readonly producerId: ProducerId;
  /** `*` for all. */
  readonly categories: readonly string[];
  readonly ratePerSecond: number | null;
}

export interface PersonCaller {
  readonly kind: 'person';
  /** `bootstrap` for the bootstrap operator. */
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly isOperator: boolean;
  /** The account that is acted on; null where none was chosen. */
  readonly accountId: AccountId | null;
  readonly isOwner: boolean;
  readonly policies: readonly Policy[];
  readonly locale: Locale | null;
}

export type Caller = ProducerCaller | PersonCaller;

export interface Credentials {
  readonly bearer: string | null;
  readonly session: string | null;
  /** From `x-herald-account`, else from `?accountId=`. */
  readonly account: string | null;
}

export interface Authenticator {
  /** Null where nobody is recognised. Throws a Problem 404 for an account that is not the caller's. */
  authenticate(credentials: Credentials): Promise<Caller | null>;
}

export const AUTHENTICATOR = Symbol('Authenticator');
