/** Signing in and out, and who is signed in. */
import {
  type AccountId,
  createSession,
  deleteSession,
  getSession,
  type InputOf,
  normaliseAddress,
} from '@herald/contracts';
import {
  CallerOf,
  Config,
  cookieOf,
  Handles,
  type HeraldRequest,
  Input,
  type PersonCaller,
  Problem,
  platformConfig,
} from '@herald/platform';
import { AccountStore, type Person, PersonStore, SESSION_LASTS_SECONDS, SessionStore } from '@herald/subscriptions';
import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type ClientAddress, clientAddress } from './client-address.js';
import { isPassword } from './passwords.js';
import { SignInThrottle } from './sign-in-throttle.js';

const COOKIE = 'herald_session';

@Controller()
export class SessionController {
  private readonly attributes: string;
  private readonly clientOf: ClientAddress;

  constructor(
    private readonly people: PersonStore,
    private readonly sessions: SessionStore,
    private readonly accounts: AccountStore,
    private readonly throttle: SignInThrottle,
    config: Config,
  ) {
    const { HERALD_PUBLIC_URL, HERALD_TRUSTED_PROXIES } = config.get(platformConfig);
    this.clientOf = clientAddress(HERALD_TRUSTED_PROXIES);
    const isSecure = HERALD_PUBLIC_URL.startsWith('https:');
    this.attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
  }

  @Handles(createSession)
  async signIn(
    @Input() { body }: InputOf<typeof createSession>,
    @Req() request: HeraldRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    // A form of another site could sign its reader in as somebody else; it can't send JSON.
    if (!request.headers['content-type']?.startsWith('application/json')) {
      throw new Problem(415, 'Send application/json.');
    }
    const address = normaliseAddress(body.email);
    const forwardedFor = request.headers['x-forwarded-for'];
    const client = this.clientOf(request.ip, Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor);
    const waitMs = await this.throttle.begin(address, client);
    if (waitMs > 0) {
      throw new Problem(429, 'Signing in failed too often. Try again later.', {
        headers: { 'retry-after': String(Math.ceil(waitMs / 1_000)) },
      });
    }
    const person = await this.proved(address, body.password).catch(async (error) => {
      // An outage is nobody's failure.
      await this.throttle.forgive(address, client);
      throw error;
    });
    if (!person) throw new Problem(401, 'The address or the password is wrong.');
    await this.throttle.forgive(address, client);
    const token = await this.sessions.open(person.id);
    reply.header('set-cookie', `${COOKIE}=${token}; Max-Age=${SESSION_LASTS_SECONDS}; ${this.attributes}`);
    return { user: { id: person.id, email: person.email, name: person.name } };
  }

  /** Takes as long for an unknown address as for a wrong password. */
  private async proved(address: string, password: string): Promise<Person | null> {
    const person = await this.people.findByEmail(address);
    return (await isPassword(person?.passwordHash ?? null, password)) ? person : null;
  }

  @Handles(getSession)
  async session(@CallerOf() caller: PersonCaller) {
    const { userId, email, name, locale, isOperator, accountId, policies } = caller;
    const memberships = userId === 'bootstrap' ? [] : await this.people.memberships(userId);
    const accounts = memberships.map((membership) => ({ id: membership.accountId, name: membership.accountName }));
    return {
      user: { id: userId, email, name, locale, operator: isOperator },
      account: accountId === null ? null : await this.named(accountId),
      accounts,
      policies: caller.isOwner ? ['owner', ...policies] : policies,
    };
  }

  @Handles(deleteSession)
  async signOut(@Req() request: HeraldRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const token = cookieOf(request.headers.cookie, COOKIE);
    if (token !== null) await this.sessions.close(token);
    reply.header('set-cookie', `${COOKIE}=; Max-Age=0; ${this.attributes}`);
  }

  private async named(id: AccountId): Promise<{ id: string; name: string } | null> {
    const account = await this.accounts.find(id);
    return account && { id: account.id, name: account.name };
  }
}
