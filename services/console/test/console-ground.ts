/** The console over HTTP on a real database, with the people that call it. */
import { randomUUID } from 'node:crypto';
import { type AccountId, type EventId, messageId } from '@herald/contracts';
import { type Buckets, type Cache, type Database, InProcessSignals } from '@herald/platform';
import { ProducerStore, SessionStore, SettingsFeed } from '@herald/subscriptions';
import { anId, type Ground, type HostedService, hostService, keyRing, MemoryBus, silent } from '@herald/testing';
import { ConsoleModule } from '../src/console.module.js';

export const OPERATOR_TOKEN = 'operator-token-of-the-test';

export interface Answer<Body = any> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface Caller {
  /** What it is sent with. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly raw?: string;
  readonly as?: Caller;
  readonly account?: string;
  readonly headers?: Record<string, string>;
}

export const nobody: Caller = { headers: {} };
export const operator: Caller = { headers: { authorization: `Bearer ${OPERATOR_TOKEN}` } };

export interface ConsoleGroundOptions {
  readonly environment?: Record<string, string>;
  readonly cache?: Cache;
  readonly buckets?: Buckets;
}

export class ConsoleGround {
  readonly bus = new MemoryBus();
  readonly feed: SettingsFeed;

  private constructor(
    readonly ground: Ground,
    readonly service: HostedService,
    bus: MemoryBus,
  ) {
    this.bus = bus;
    this.feed = new SettingsFeed(ground.database, new InProcessSignals(), silent);
  }

  static async open(openGround: () => Promise<Ground>, options: ConsoleGroundOptions = {}): Promise<ConsoleGround> {
    const ground = await openGround();
    const bus = new MemoryBus();
    const service = await hostService(ConsoleModule, {
      database: ground.database,
      bus,
      ...(options.cache ? { cache: options.cache } : {}),
      ...(options.buckets ? { buckets: options.buckets } : {}),
      environment: {
        HERALD_BOOTSTRAP_OPERATOR_TOKEN: OPERATOR_TOKEN,
        HERALD_OUTBOUND_ALLOW: '127.0.0.1/32',
        HERALD_PUBLIC_URL: 'http://localhost:3000',
        ...options.environment,
      },
    });
    return new ConsoleGround(ground, service, bus);
  }

  async close(): Promise<void> {
    await this.service.close();
    await this.ground.close();
  }

  get database(): Database {
    return this.ground.database;
  }

  get keyRing() {
    return keyRing;
  }

  async call(path: string, options: CallOptions = {}): Promise<Answer> {
    const hasBody = options.body !== undefined || options.raw !== undefined;
    const answer = await fetch(this.service.url + path, {
      method: options.method ?? (hasBody ? 'POST' : 'GET'),
      headers: {
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        ...(options.as ?? operator).headers,
        ...(options.account ? { 'x-herald-account': options.account } : {}),
        ...options.headers,
      },
      body: options.raw ?? (options.body === undefined ? null : JSON.stringify(options.body)),
      redirect: 'manual',
    });
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get('content-type') ?? '');
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
  }

  /** Fails with the problem that was answered. */
  async ok(path: string, options: CallOptions = {}): Promise<any> {
    const answer = await this.call(path, options);
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async account(more: Record<string, unknown> = {}): Promise<AccountOnGround> {
    const id = anId('acct');
    const owner = { email: `${id}@example.com`, name: 'Olive Owner' };
    await this.ok('/v1/ops/accounts', {
      body: { id, name: `Account ${id}`, locale: 'en-US', timeZone: 'UTC', owner, ...more },
    });
    return new AccountOnGround(this, id as AccountId, owner.email);
  }

  async producerKey(): Promise<{ id: string; keyId: string; caller: Caller }> {
    const producers = new ProducerStore(this.database, this.feed);
    const { id } = await producers.create(anId('producer'), ['*'], null);
    const { id: keyId, key } = (await producers.createKey(id, null))!;
    return { id, keyId, caller: { headers: { authorization: `Bearer ${key}` } } };
  }

  /** A signed-in person. */
  async person(more: { email?: string; isOperator?: boolean } = {}): Promise<{ id: string; caller: Caller }> {
    const { rows } = await this.database.query<{ id: string }>(
      `insert into settings.person (email, name, is_operator) values ($1, 'Pat', $2)
       on conflict (email) do update set name = excluded.name returning id`,
      [more.email ?? `${anId('pat')}@example.com`, more.isOperator ?? false],
    );
    return { id: rows[0]!.id, caller: await this.sessionOf(rows[0]!.id) };
  }

  async sessionOf(personId: string): Promise<Caller> {
    const token = await new SessionStore(this.database).open(personId);
    return { headers: { cookie: `herald_session=${token}`, 'x-herald-csrf': '1' } };
  }

  /** A row as a worker would have stored it. */
  async delivery(
    more: { accountId?: string; status?: string; eventId?: string; acceptedAt?: Date } = {},
  ): Promise<string> {
    const [id, event, destination] = [randomUUID(), more.eventId ?? randomUUID(), randomUUID()];
    const account = more.accountId ?? 'acct';
    const status = more.status ?? 'dead';
    await this.database.query(
      `with stored as (
         insert into delivery.delivery (delivery_id, accepted_at, message_id, event_id, account_id, channel, destination_id, label, lane, category,
           subtype, severity, occurred_at, status, reason, pass, attempt_count, provider_code, attempts, ended_at)
         values ($1, $2, $3, $4, $5, 'webhook', $6, 'ours', 'normal', 'service', 'svc_bill', 'info', $2, $7::text,
           case when $7 = 'dead' then 'REJECTED' end, 1, 1, 'HTTP 400', $8, case when $7 <> 'scheduled' then now() end)
         returning *
       )
       insert into delivery.open (delivery_id, accepted_at, account_id, channel, destination_id, lane, state, due_at, fence, pass, spent,
         was_ambiguous, last_at, last_reason)
       select delivery_id, accepted_at, account_id, channel, destination_id, 1, 'scheduled', now() + interval '1 hour', 1, 1, 1, false,
         now() + interval '2 hours', 'RETRIES_EXHAUSTED' from stored where status = 'scheduled'`,
      [
        id,
        more.acceptedAt ?? new Date(),
        messageId(event as EventId, account as AccountId),
        event,
        account,
        destination,
        status,
        JSON.stringify([
          { at: new Date().toISOString(), ms: 4, by: 'event', http: 400, code: 'HTTP 400', error: 'unknown' },
        ]),
      ],
    );
    return id;
  }
}

export class AccountOnGround {
  constructor(
    private readonly console: ConsoleGround,
    readonly id: AccountId,
    readonly ownerEmail: string,
  ) {}

  /** As the operator, unless it is told who. */
  call(path: string, options: CallOptions = {}): Promise<Answer> {
    return this.console.call(path, { account: this.id, ...options });
  }

  ok(path: string, options: CallOptions = {}): Promise<any> {
    return this.console.ok(path, { account: this.id, ...options });
  }

  async owner(): Promise<Caller> {
    const { caller } = await this.console.person({ email: this.ownerEmail });
    return caller;
  }

  /** A member with these policies. */
  async member(...policies: string[]): Promise<Caller> {
    const { id, caller } = await this.console.person();
    await this.console.database.query(
      'insert into settings.membership (person_id, account_id, policies) values ($1, $2, $3)',
      [id, this.id, policies],
    );
    return caller;
  }

  recipient(more: Record<string, unknown> = {}): Promise<any> {
    const body = { name: 'Ops', title: 'other', email: `${anId('ops')}@example.com`, ...more };
    return this.ok('/v1/recipients', { body });
  }

  webhook(more: Record<string, unknown> = {}): Promise<any> {
    const body = { name: 'ours', platform: 'webhook', url: `https://example.com/${anId('hook')}`, ...more };
    return this.ok('/v1/webhooks', { body });
  }

  async put(scope: string, change: Record<string, unknown>): Promise<Answer> {
    const { revision } = await this.ok(`/v1/subscriptions/${scope}`);
    return this.call(`/v1/subscriptions/${scope}`, { method: 'PUT', body: { revision, ...change } });
  }

  history(): Promise<{ items: any[] }> {
    return this.ok('/v1/history?limit=100');
  }
}
