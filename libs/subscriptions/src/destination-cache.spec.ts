/** Where deliveries go, as settings change under them (semantics 25). */
import { type AccountId, type DeliveryChannel, type DestinationId, emailDestinationId } from '@herald/contracts';
import { InProcessSignals, KeyRing } from '@herald/platform';
import { anId, embedded, type Ground, keyRing, servers, silent } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AccountStore } from './account.store.js';
import { DestinationCache } from './destination-cache.js';
import { SettingsFeed } from './settings-feed.js';
import { WebhookStore } from './webhook.store.js';
import { WebhookHealthStore } from './webhook-health.store.js';

describe.each([embedded, ...servers])('destinations in memory, on $name', ({ open }) => {
  let ground: Ground;
  let feed: SettingsFeed;
  let cache: DestinationCache;
  let webhooks: WebhookStore;
  let accounts: AccountStore;

  beforeAll(async () => {
    ground = await open();
    feed = new SettingsFeed(ground.database, new InProcessSignals(), silent);
    await feed.read();
    cache = new DestinationCache({ database: ground.database, keyRing, feed, logger: silent });
    webhooks = new WebhookStore(ground.database, keyRing, feed);
    accounts = new AccountStore(ground.database, feed);
  });

  afterAll(async () => {
    await ground?.close();
  });

  async function anAccount(): Promise<AccountId> {
    const id = anId('acct') as AccountId;
    const owner = { email: `${id}@example.com`, name: 'Olive', passwordHash: null };
    await accounts.create({ id, name: id, locale: 'en-US', timeZone: 'UTC', labels: {}, owner }, 'test');
    return id;
  }

  async function aWebhook(accountId: AccountId): Promise<string> {
    const made = await webhooks.create(
      accountId,
      { name: 'ours', platform: 'webhook', config: { url: 'https://example.com/secret' } },
      'test',
    );
    return (made as { id: string }).id;
  }

  const key = (accountId: AccountId, destinationId: string, channel: DeliveryChannel = 'webhook') => ({
    accountId,
    channel,
    destinationId: destinationId as DestinationId,
  });
  const sql = (text: string, values: unknown[]) => ground.database.query(text, values);
  const queries = async <T>(work: () => Promise<T>): Promise<{ count: number; result: T }> => {
    let count = 0;
    const { database } = ground;
    const original = database.query.bind(database);
    database.query = ((...parameters: Parameters<typeof original>) => {
      count += 1;
      return original(...parameters);
    }) as typeof database.query;
    const result = await work().finally(() => {
      database.query = original as typeof database.query;
    });
    return { count, result };
  };

  it('25: a webhook is decrypted once, and asked for in batches', async () => {
    const account = await anAccount();
    const [one, other] = [await aWebhook(account), await aWebhook(account)];
    const { count, result } = await queries(async () => {
      const both = await Promise.all([
        cache.get(key(account, one)),
        cache.load([key(account, other), key(account, one)]),
      ]);
      await cache.get(key(account, one));
      return both;
    });
    expect(count).toBe(1);
    expect(result[0]).toEqual({
      state: 'usable',
      config: { url: 'https://example.com/secret' },
      locale: 'en-US',
      revision: 1,
      isOptedOut: false,
    });
    expect(cache.peek(key(account, other))).toMatchObject({ state: 'usable' });
  });

  it('25: what is gone, disabled or somebody else’s is unusable, with its reason', async () => {
    const [account, other] = [await anAccount(), await anAccount()];
    const id = await aWebhook(account);
    expect(await cache.get(key(other, id))).toEqual({ state: 'unusable', reason: 'DESTINATION_REMOVED' });
    expect(await cache.get(key(account, id))).toMatchObject({ state: 'usable' });
    await new WebhookHealthStore(ground.database, feed).disable(
      { accountId: account, webhookId: id as DestinationId, revision: 1 },
      '410',
    );
    expect(await cache.get(key(account, id))).toEqual({ state: 'unusable', reason: 'WEBHOOK_DISABLED' });
    await webhooks.remove(account, id, true, 'test');
    expect(await cache.get(key(account, id))).toEqual({ state: 'unusable', reason: 'DESTINATION_REMOVED' });
  });

  it('25: 410 disables only the revision that the attempt had loaded', async () => {
    const account = await anAccount();
    const id = (await aWebhook(account)) as DestinationId;
    const health = new WebhookHealthStore(ground.database, feed);
    expect(await health.disable({ accountId: account, webhookId: id, revision: 2 }, '410')).toBe(false);
    expect(await cache.get(key(account, id))).toMatchObject({ state: 'usable' });
    expect(await health.disable({ accountId: account, webhookId: id, revision: 1 }, '410')).toBe(true);
    expect(await health.disable({ accountId: account, webhookId: id, revision: 1 }, '410')).toBe(false);
  });

  it('24: since when a webhook fails is kept over all that isn’t a success', async () => {
    const account = await anAccount();
    const id = (await aWebhook(account)) as DestinationId;
    const health = new WebhookHealthStore(ground.database, feed);
    const webhook = { accountId: account, webhookId: id, revision: 1 };
    const report = (more: object) =>
      health.report([{ ...webhook, failures: 1, lastSuccessAt: null, works: false, refusedBecause: null, ...more }]);
    expect(await health.failingSince(webhook)).toBeNull();
    await report({});
    const since = await health.failingSince(webhook);
    expect(since).not.toBeNull();
    await report({ refusedBecause: 'REJECTED' });
    expect(await health.failingSince(webhook)).toEqual(since);
    expect((await webhooks.find(account, id))?.status).toBe('failing');
    await health.report([
      { ...webhook, revision: 7, failures: 0, lastSuccessAt: new Date(), works: true, refusedBecause: null },
    ]);
    expect(await health.failingSince(webhook)).toEqual(since);
    await report({ failures: 0, works: true, lastSuccessAt: new Date() });
    expect(await health.failingSince(webhook)).toBeNull();
    expect((await webhooks.find(account, id))?.status).toBe('enabled');
  });

  it('25: a webhook that can’t be decrypted holds up no other', async () => {
    const account = await anAccount();
    const [broken, good] = [await aWebhook(account), await aWebhook(account)];
    await sql(`update settings.webhook set config = 'nonsense' where id = $1`, [broken]);
    const found = await cache.load([key(account, broken), key(account, good)]);
    expect(found.get(broken as DestinationId)).toEqual({ state: 'unusable', reason: 'CHANNEL_UNAVAILABLE' });
    expect(found.get(good as DestinationId)).toMatchObject({ state: 'usable' });
    const stranger = new DestinationCache({
      database: ground.database,
      keyRing: new KeyRing(`k2:${Buffer.alloc(32, 1).toString('base64')}`),
      feed,
      logger: silent,
    });
    expect(await stranger.get(key(account, good))).toEqual({ state: 'unusable', reason: 'CHANNEL_UNAVAILABLE' });
  });

  it('25: an address exists while some recipient has it, verified and not opted out', async () => {
    const account = await anAccount();
    const address = 'shared@example.com';
    const id = emailDestinationId(account, address);
    const add = async (name: string, verified: boolean, optedOut: boolean) => {
      await sql(
        `insert into settings.recipient (account_id, name, title, email, destination_id, verified_at, opted_out)
         values ($1, $2, 'other', $3, $4, case when $5 then now() end, $6)`,
        [account, name, address, id, verified, optedOut],
      );
      await sql(`insert into settings.change (kind, account_id, key) values ('recipient', $1, $2)`, [account, id]);
      await feed.read();
    };
    const read = () => cache.get(key(account, id, 'email'));
    expect(await read()).toEqual({ state: 'unusable', reason: 'DESTINATION_REMOVED' });
    await add('Unverified', false, false);
    expect(await read()).toEqual({ state: 'unusable', reason: 'UNVERIFIED' });
    await add('Tired', true, true);
    expect(await read()).toMatchObject({ state: 'usable', isOptedOut: true });
    await add('Willing', true, false);
    expect(await read()).toMatchObject({
      state: 'usable',
      isOptedOut: false,
      config: { name: 'Willing', address },
      locale: 'en-US',
    });
    await add('Another', true, false);
    expect(await read()).toMatchObject({ config: { name: 'Willing' } });
  });

  it('37: the account’s language is in force in its destinations', async () => {
    const account = await anAccount();
    const id = await aWebhook(account);
    expect(await cache.get(key(account, id))).toMatchObject({ locale: 'en-US' });
    await accounts.update(account, { locale: 'zh-CN' }, 'test');
    expect(await cache.get(key(account, id))).toMatchObject({ locale: 'zh-CN' });
  });
});
