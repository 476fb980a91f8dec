/** Who calls: API keys, the bootstrap operator's token, sessions (api.md, Who calls). */
import { timingSafeEqual } from 'node:crypto';
import type { AccountId } from '@herald/contracts';
import {
  type Authenticator,
  type Caller,
  type Credentials,
  type DatabaseClock,
  notFound,
  type PersonCaller,
} from '@herald/platform';
import type { AccountDirectory } from '../account-directory.js';
import type { ProducerKeys } from '../producer.store.js';
import { hashToken } from '../tokens.js';
import type { SessionStore } from './session.store.js';

export interface AuthenticatorParts {
  readonly keys: ProducerKeys;
  readonly sessions: SessionStore;
  readonly accounts: AccountDirectory;
  readonly clock: DatabaseClock;
  readonly bootstrapToken: string | undefined;
}

const ACCOUNT_ID = /^[A-Za-z0-9_-]{1,64}$/;

export class AccessAuthenticator implements Authenticator {
  private readonly bootstrapHash: Buffer | null;

  constructor(private readonly parts: AuthenticatorParts) {
    this.bootstrapHash = parts.bootstrapToken ? hashToken(parts.bootstrapToken) : null;
  }

  async authenticate({ bearer, session, account }: Credentials): Promise<Caller | null> {
    if (bearer !== null) {
      const producer = await this.parts.keys.find(bearer, this.parts.clock.now());
      if (!producer) return this.isBootstrap(bearer) ? this.bootstrap(account) : null;
      return {
        kind: 'producer',
        producerId: producer.id,
        categories: producer.categories,
        ratePerSecond: producer.ratePerSecond,
      };
    }
    return session === null ? null : this.person(session, account);
  }

  private isBootstrap(bearer: string): boolean {
    return this.bootstrapHash !== null && timingSafeEqual(hashToken(bearer), this.bootstrapHash);
  }

  private async bootstrap(account: string | null): Promise<PersonCaller> {
    if (account !== null && !(await this.exists(account))) throw notFound();
    return {
      kind: 'person',
      userId: 'bootstrap',
      email: '',
      name: 'Bootstrap operator',
      isOperator: true,
      accountId: account as AccountId | null,
      isOwner: false,
      policies: [],
      locale: null,
    };
  }

  private async person(token: string, account: string | null): Promise<PersonCaller | null> {
    const found = await this.parts.sessions.find(token);
    if (!found) return null;
    const { memberships } = found;
    const membershipOf = (id: string | null) => memberships.find(({ accountId }) => accountId === id);
    const wanted = account ?? (membershipOf(found.accountId) ?? memberships[0])?.accountId ?? null;
    const membership = membershipOf(wanted);
    if (wanted !== null && !membership && !(found.isOperator && (await this.exists(wanted)))) throw notFound();
    return {
      kind: 'person',
      userId: found.personId,
      email: found.email,
      name: found.name,
      isOperator: found.isOperator,
      accountId: wanted as AccountId | null,
      isOwner: membership?.isOwner ?? false,
      policies: membership?.policies ?? [],
      locale: found.locale,
    };
  }

  private async exists(id: string): Promise<boolean> {
    return ACCOUNT_ID.test(id) && (await this.parts.accounts.unknownOf([id as AccountId])).length === 0;
  }
}
