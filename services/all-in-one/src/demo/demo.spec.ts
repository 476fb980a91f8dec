import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '@herald/platform';
import { DatabaseClock, InProcessSignals } from '@herald/platform';
import { SandboxServer } from '@herald/sandbox';
import {
  AccountStore,
  ProducerKeys,
  ProducerStore,
  RecipientStore,
  SettingsFeed,
  SubscriptionStore,
  WebhookStore,
} from '@herald/subscriptions';
import { embeddedGround, type Ground, keyRing, silent } from '@herald/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DEMO_KEY_FILE, Demo } from './demo.js';
import { DEMO_ACCOUNT } from './demo-content.js';

describe('Demo', () => {
  let ground: Ground;
  let sandbox: SandboxServer;
  let dataDir: string;

  beforeAll(async () => {
    ground = await embeddedGround();
    sandbox = new SandboxServer();
    await sandbox.start({ port: 0 });
  }, 120_000);
  afterAll(async () => {
    await sandbox.stop();
    await ground.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'herald-demo-'));
    sandbox.state.robots.clear();
    await ground.database.query('truncate settings.account, settings.producer, settings.person cascade');
  });

  function storesOn(database: Database) {
    const feed = new SettingsFeed(database, new InProcessSignals(), silent);
    return {
      accounts: new AccountStore(database, feed),
      recipients: new RecipientStore(database, feed),
      webhooks: new WebhookStore(database, keyRing, feed),
      subscriptions: new SubscriptionStore(database, feed),
      producers: new ProducerStore(database, feed),
      keys: new ProducerKeys(database, feed),
    };
  }

  function demoOn(database: Database, more: { HERALD_DEMO?: boolean; HERALD_DATABASE_URL?: string } = {}) {
    const settings = {
      HERALD_DATA_DIR: dataDir,
      HERALD_DATABASE_URL: undefined,
      HERALD_DEMO: undefined,
      HERALD_OUTBOUND_ALLOW: ['127.0.0.1/32'],
      HERALD_PROVIDER_ORIGINS: {},
      ...more,
    };
    return new Demo(storesOn(database), settings, sandbox);
  }

  async function expectComplete(apiKey: string | null) {
    const stores = storesOn(ground.database);
    const webhooks = await stores.webhooks.list(DEMO_ACCOUNT, 100, null);
    expect(webhooks.map(({ platform }) => platform).sort()).toEqual(['dingtalk', 'lark', 'slack', 'webhook', 'wecom']);
    const recipients = await stores.recipients.list(DEMO_ACCOUNT, 100, null);
    expect(recipients).toHaveLength(3);
    expect(recipients.every(({ verifiedAt }) => verifiedAt !== null)).toBe(true);
    const subscription = await stores.subscriptions.find(DEMO_ACCOUNT, 'sec_account_security');
    expect(subscription).toMatchObject({ channels: { inbox: -1, email: -1, webhook: 1 } });
    expect(subscription?.webhookIds).toHaveLength(5);
    expect(subscription?.recipientIds).toHaveLength(2);
    expect(await stores.producers.list(100, null)).toHaveLength(1);
    expect(await stores.keys.find(apiKey ?? '', new DatabaseClock().now())).toMatchObject({ categories: ['*'] });
    expect(sandbox.state.robots.all()).toHaveLength(5);
  }

  it('is made where nothing is yet, with a key that its owner alone can read', async () => {
    const demo = demoOn(ground.database);
    await demo.prepare();
    await expectComplete(demo.apiKey);
    const file = join(dataDir, DEMO_KEY_FILE);
    expect(readFileSync(file, 'utf8').trim()).toBe(demo.apiKey);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('keeps its key and robots over starts, and tells them to a sandbox that forgot', async () => {
    const first = demoOn(ground.database);
    await first.prepare();
    const tokens = sandbox.state.robots.all().map(({ token, secret }) => `${token} ${secret}`);
    sandbox.state.robots.clear();
    const second = demoOn(ground.database);
    await second.prepare();
    expect(second.apiKey).toBe(first.apiKey);
    await expectComplete(second.apiKey);
    expect(sandbox.state.robots.all().map(({ token, secret }) => `${token} ${secret}`)).toEqual(tokens);
  });

  it('leaves what people changed as they made it', async () => {
    await demoOn(ground.database).prepare();
    const { webhooks } = storesOn(ground.database);
    const [gone] = await webhooks.list(DEMO_ACCOUNT, 100, null);
    await webhooks.remove(DEMO_ACCOUNT, gone!.id, true, 'somebody');
    await demoOn(ground.database).prepare();
    expect(await webhooks.list(DEMO_ACCOUNT, 100, null)).toHaveLength(4);
  });

  it('goes on where an earlier start was cut off, whichever step it had reached', async () => {
    for (let steps = 0; ; steps += 1) {
      await ground.database.query('truncate settings.account, settings.producer, settings.person cascade');
      sandbox.state.robots.clear();
      rmSync(join(dataDir, DEMO_KEY_FILE), { force: true });
      const isCut = await demoOn(failingAfter(steps, ground.database))
        .prepare()
        .then(
          () => false,
          () => true,
        );
      const next = demoOn(ground.database);
      await next.prepare();
      await expectComplete(next.apiKey);
      if (!isCut) {
        expect(steps).toBeGreaterThan(10);
        return;
      }
    }
  }, 120_000);

  it.each([
    ['others have accounts here already', {}, true],
    ['it is switched off', { HERALD_DEMO: false }, false],
    ['the data is on servers', { HERALD_DATABASE_URL: 'postgres://db/herald' }, false],
  ])('is not made where %s', async (_name, settings, hasOthers) => {
    const { accounts } = storesOn(ground.database);
    const owner = { email: 'o@example.com', name: 'O', passwordHash: null };
    if (hasOthers) {
      await accounts.create(
        { id: 'others', name: 'Others', locale: 'en-US', timeZone: 'UTC', labels: {}, owner },
        'test',
      );
    }
    const demo = demoOn(ground.database, settings);
    await demo.prepare();
    expect(demo.apiKey).toBeNull();
    expect(await accounts.find(DEMO_ACCOUNT)).toBeNull();
  });

  it('gets a new key where the kept one is no longer good', async () => {
    const first = demoOn(ground.database);
    await first.prepare();
    await ground.database.query('truncate settings.account, settings.producer, settings.person cascade');
    sandbox.state.robots.clear();
    const second = demoOn(ground.database);
    await second.prepare();
    expect(second.apiKey).not.toBe(first.apiKey);
    await expectComplete(second.apiKey);
  });
});

/** The process dies after so many statements and transactions that write settings. */
function failingAfter(steps: number, database: Database): Database {
  let left = steps;
  const spend = () => {
    left -= 1;
    if (left < 0) throw new Error('cut off');
  };
  return new Proxy(database, {
    get(target, name) {
      if (name === 'transaction') {
        return async (work: never) => {
          spend();
          return target.transaction(work);
        };
      }
      if (name === 'query') {
        return async (text: string | { text: string }, values: never) => {
          if (/^\s*(insert|update)/.test(typeof text === 'string' ? text : text.text)) spend();
          return target.query(text as never, values);
        };
      }
      return Reflect.get(target, name);
    },
  });
}
