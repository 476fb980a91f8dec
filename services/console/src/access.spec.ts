/** Every call × everybody: who may, who may not, and what is never told to strangers. */
import { randomUUID } from 'node:crypto';
import { type Operation, operatorOperations, settingsOperations } from '@herald/contracts';
import { operationOf } from '@herald/platform';
import { anId, embedded } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type AccountOnGround,
  type Answer,
  type Caller,
  ConsoleGround,
  nobody,
  operator,
} from '../test/console-ground.js';
import { ConsoleModule } from './console.module.js';
import { PagesController } from './pages.controller.js';

const handled: readonly Operation[] = [...settingsOperations, ...operatorOperations];

/** A call that succeeds on what the account has; made anew for every caller, since some use it up. */
interface Sample {
  readonly params?: Record<string, string>;
  readonly query?: string;
  readonly body?: unknown;
  /** The params are ids of this account: to others there is no such thing. */
  readonly ofAccount?: boolean;
}
type SampleOf = (account: AccountOnGround, ground: ConsoleGround) => Promise<Sample> | Sample;

const recipientOf: SampleOf = async (account) => ({ params: { id: (await account.recipient()).id }, ofAccount: true });
const webhookOf: SampleOf = async (account) => ({ params: { id: (await account.webhook()).id }, ofAccount: true });
const nothing: SampleOf = () => ({});
const withBody =
  (sample: SampleOf, body: unknown): SampleOf =>
  async (account, ground) => ({ ...(await sample(account, ground)), body });

const samples: Record<string, SampleOf> = {
  getSession: nothing,
  createSession: async (_account, ground) => {
    const password = 'a password of length';
    const email = `${anId('owner')}@example.com`;
    await ground.account({ owner: { email, name: 'Olive', password } });
    return { body: { email, password } };
  },
  deleteSession: nothing,
  getCatalogue: nothing,
  getAccount: nothing,
  updateOwnAccount: () => ({ body: { name: 'Renamed' } }),
  listRecipients: nothing,
  createRecipient: () => ({ body: { name: 'Ops', title: 'other', email: 'ops@example.com' } }),
  getRecipient: recipientOf,
  updateRecipient: withBody(recipientOf, { name: 'Other' }),
  deleteRecipient: recipientOf,
  sendVerification: recipientOf,
  verifyRecipient: () => ({ body: { token: 'unknown' } }),
  listWebhooks: nothing,
  createWebhook: () => ({ body: { name: 'ours', platform: 'webhook', url: 'https://example.com/hook' } }),
  getWebhook: webhookOf,
  updateWebhook: withBody(webhookOf, { name: 'Other' }),
  deleteWebhook: webhookOf,
  testWebhook: async (account) => ({
    params: { id: (await account.webhook({ url: 'https://127.0.0.1:1/closed' })).id },
    ofAccount: true,
  }),
  rotateWebhookSecret: webhookOf,
  listSubscriptions: nothing,
  getSubscription: () => ({ params: { scope: 'svc_bill' } }),
  putSubscription: () => ({ params: { scope: 'svc_bill' }, body: { revision: 0 } }),
  putSubscriptions: () => ({ body: { changes: [{ scope: 'svc_bill', revision: 0 }] } }),
  deleteSubscription: () => ({ params: { scope: 'svc_bill' } }),
  listHistory: nothing,
  listAccounts: nothing,
  createAccount: () => ({
    body: { id: anId('new'), name: 'New', owner: { email: 'new@example.com', name: 'Nora New' } },
  }),
  getOpsAccount: (account) => ({ params: { id: account.id } }),
  updateAccount: (account) => ({ params: { id: account.id }, body: { name: 'Renamed' } }),
  listProducers: nothing,
  createProducer: () => ({ body: { name: 'billing', categories: ['*'] } }),
  createKey: async (_account, ground) => ({ params: { id: (await ground.producerKey()).id } }),
  deleteKey: async (_account, ground) => {
    const { id, keyId } = await ground.producerKey();
    return { params: { id, keyId } };
  },
  listDeliveries: nothing,
  getDelivery: async (account, ground) => ({ params: { id: await ground.delivery({ accountId: account.id }) } }),
  replayDeliveries: () => ({ body: { ids: [randomUUID()] } }),
  cancelDeliveries: () => ({ body: { ids: [randomUUID()] } }),
  getLedger: nothing,
  listDeadRecords: nothing,
  redriveDeadRecord: async (_account, ground) => {
    const { rows } = await ground.database.query<{ id: string }>(
      `insert into bus.dead_record (topic, partition, record_offset, key, value, reason, detail)
       values ('event.accepted.normal.v1', 0, (random() * 1e9)::bigint, 'k', '{}', 'UNREADABLE', 'why') returning id`,
    );
    return { params: { id: rows[0]!.id } };
  },
  listDestinations: nothing,
  enableDestination: async (account) => ({ params: { id: (await account.webhook()).id } }),
  resetBreaker: async (account) => ({ params: { id: (await account.webhook()).id } }),
};

describe('who may call what', () => {
  let ground: ConsoleGround;
  let foreign: AccountOnGround;
  let foreignOwner: Caller;
  let producer: Caller;

  beforeAll(async () => {
    ground = await ConsoleGround.open(embedded.open);
    foreign = await ground.account();
    foreignOwner = await foreign.owner();
    producer = (await ground.producerKey()).caller;
  }, 120_000);
  afterAll(() => ground?.close());

  function send(operation: Operation, sample: Sample, as: Caller, account?: string): Promise<Answer> {
    const path = operation.path.replace(/:(\w+)/g, (_, name: string) => sample.params?.[name] ?? randomUUID());
    return ground.call(path + (sample.query ?? ''), {
      method: operation.method,
      body: sample.body,
      as,
      ...(account === undefined ? {} : { account }),
    });
  }

  it('has a declared permission for every route but the pages, and handles every call that is declared', () => {
    const controllers: (new (...parts: never[]) => object)[] = Reflect.getMetadata('controllers', ConsoleModule);
    const routes = controllers.flatMap((controller) =>
      Object.getOwnPropertyNames(controller.prototype)
        .filter((name) => name !== 'constructor')
        .map((name) => controller.prototype[name])
        .filter((handler) => typeof handler === 'function' && Reflect.hasMetadata('path', handler))
        .map((handler) => ({ controller, operation: operationOf(handler) })),
    );
    const undeclared = routes.filter(({ operation }) => operation === undefined);
    expect(new Set(undeclared.map(({ controller }) => controller))).toEqual(new Set([PagesController]));
    const ids = routes.flatMap(({ operation }) => operation?.id ?? []);
    expect(ids.sort()).toEqual(handled.map(({ id }) => id).sort());
    expect(Object.keys(samples).sort()).toEqual(handled.map(({ id }) => id).sort());
  });

  describe.each(handled.map((operation) => [operation.id, operation] as const))('%s', (id, operation) => {
    const { permission } = operation;
    const sampleOf = samples[id]!;
    const isOfAccount = ['read', 'full', 'owner'].includes(permission);
    let account: AccountOnGround;
    let sample: Sample;

    beforeAll(async () => {
      account = await ground.account();
      sample = await sampleOf(account, ground);
    });

    /** What it answers when all is well: the token of no mail is the one call that has nothing to succeed on. */
    const good = id === 'verifyRecipient' ? 422 : operation.status;

    it(`answers nobody ${permission === 'public' ? 'all the same' : '401'}`, async () => {
      expect((await send(operation, sample, nobody)).status).toBe(permission === 'public' ? good : 401);
    });

    it(`answers a producer ${permission === 'public' ? 'all the same' : '403'}`, async () => {
      const fresh = await sampleOf(account, ground);
      expect((await send(operation, fresh, producer)).status).toBe(permission === 'public' ? good : 403);
    });

    const members = [
      ['without a policy', [], ['public', 'signed-in']],
      ['with NotificationsReadOnlyAccess', ['NotificationsReadOnlyAccess'], ['public', 'signed-in', 'read']],
      ['with NotificationsFullAccess', ['NotificationsFullAccess'], ['public', 'signed-in', 'read', 'full']],
    ] as const;
    it.each(members)('lets a member %s only where it may', async (_who, policies, may) => {
      const other = await ground.account();
      const member = await other.member(...policies);
      const fresh = await sampleOf(other, ground);
      const isAllowed = (may as readonly string[]).includes(permission);
      expect((await send(operation, fresh, member)).status).toBe(isAllowed ? good : 403);
    });

    it('lets the owner do all but what is the operators’', async () => {
      const other = await ground.account();
      const fresh = await sampleOf(other, ground);
      const { status } = await send(operation, fresh, await other.owner());
      expect(status).toBe(permission === 'operator' ? 403 : good);
    });

    it('lets an operator act, on an account by its header', async () => {
      const other = await ground.account();
      const { status } = await send(operation, await sampleOf(other, ground), operator, other.id);
      expect(status).toBe(good);
      if (isOfAccount) expect((await send(operation, sample, operator)).status).toBe(400);
    });

    it('does not tell a foreign owner that it exists', async () => {
      if (sample.ofAccount) {
        const answer = await send(operation, sample, foreignOwner);
        expect(answer.status).toBe(404);
        const unknown = await send(operation, { ...sample, params: { id: randomUUID() } }, foreignOwner);
        expect(unknown.body).toEqual(answer.body);
      }
      if (isOfAccount) expect((await send(operation, sample, foreignOwner, account.id)).status).toBe(404);
    });

    it('knows no account by that name', async () => {
      if (permission === 'public') return;
      expect((await send(operation, sample, operator, 'no-such-account')).status).toBe(404);
    });
  });

  it('takes the account from the query where a header can’t be sent, and lets the header win', async () => {
    const [one, two] = [await ground.account(), await ground.account()];
    expect((await ground.ok(`/v1/account?accountId=${one.id}`)).id).toBe(one.id);
    expect((await ground.ok(`/v1/account?accountId=${one.id}`, { account: two.id })).id).toBe(two.id);
  });

  it('lets a person of several accounts choose one, and takes the first where none was chosen', async () => {
    const [one, two] = [await ground.account(), await ground.account()];
    const { id, caller } = await ground.person();
    for (const account of [one, two]) {
      await ground.database.query(
        `insert into settings.membership (person_id, account_id, policies) values ($1, $2, '{NotificationsFullAccess}')`,
        [id, account.id],
      );
    }
    expect((await ground.ok('/v1/account', { as: caller })).id).toBe(one.id);
    expect((await ground.ok('/v1/account', { as: caller, account: two.id })).id).toBe(two.id);
    expect((await ground.call('/v1/account', { as: caller, account: foreign.id })).status).toBe(404);
  });

  it('takes a person with the platform role for an operator, on accounts by the header alone', async () => {
    const account = await ground.account();
    const { caller } = await ground.person({ isOperator: true });
    expect((await ground.call('/v1/ops/accounts', { as: caller })).status).toBe(200);
    expect((await account.call('/v1/recipients', { as: caller })).status).toBe(200);
    expect((await ground.call('/v1/recipients', { as: caller })).status).toBe(400);
    expect(await ground.ok('/v1/session', { as: caller })).toMatchObject({ user: { operator: true }, account: null });
  });

  it('knows a member no more that was taken out of the account', async () => {
    const account = await ground.account();
    const member = await account.member('NotificationsFullAccess');
    expect((await account.call('/v1/recipients', { as: member })).status).toBe(200);
    await ground.database.query(`delete from settings.membership where account_id = $1 and not is_owner`, [account.id]);
    expect((await account.call('/v1/recipients', { as: member })).status).toBe(404);
  });

  it('refuses an unsafe call with a session but without x-herald-csrf, before its body is looked at', async () => {
    const account = await ground.account();
    const { headers } = await account.owner();
    const as = { headers: { cookie: headers['cookie']! } };
    expect((await account.call('/v1/recipients', { as, raw: '{' })).status).toBe(403);
    // Browsers add it by themselves, where a gateway asks for it.
    const behindGateway = { headers: { ...as.headers, authorization: 'Basic eDp5' } };
    expect((await account.call('/v1/recipients', { as: behindGateway, raw: '{' })).status).toBe(403);
    expect((await account.call('/v1/recipients', { as })).status).toBe(200);
  });
});
