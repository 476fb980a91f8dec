import { randomUUID } from 'node:crypto';
import { type AccountId, DESTINATION_FAILING, eventAcceptedSchema } from '@herald/contracts';
import { InProcessSignals } from '@herald/platform';
import { AccountStore, SettingsFeed, WebhookHealthStore, WebhookStore } from '@herald/subscriptions';
import { anId, embedded, type Ground, keyRing, MemoryBus, servers, silent } from '@herald/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { always, forgetAll } from '../../test/scheduler-ground.js';
import { FailingStore } from './failing.store.js';
import { FailingDestinations } from './failing-destinations.js';
import { failingEvent } from './failing-event.js';

describe.each([embedded, ...servers])('failing webhooks on $name', ({ open }) => {
  let ground: Ground;
  let bus: MemoryBus;
  let feed: SettingsFeed;
  const accountId = anId('acct') as AccountId;

  beforeAll(async () => {
    ground = await open();
    feed = new SettingsFeed(ground.database, new InProcessSignals(), silent);
    const owner = { email: `${accountId}@example.com`, name: 'Olive Owner', passwordHash: null };
    await new AccountStore(ground.database, feed).create(
      { id: accountId, name: 'Account', locale: 'en-US', timeZone: 'UTC', labels: {}, owner },
      'test',
    );
  }, 60_000);
  afterAll(() => ground.close());
  beforeEach(async () => {
    await forgetAll(ground.database);
    await ground.database.query('delete from settings.webhook');
    bus = new MemoryBus();
  });

  const duty = () =>
    new FailingDestinations({
      bus,
      store: new FailingStore(ground.database),
      webhooks: new WebhookHealthStore(ground.database, feed),
      clock: { now: () => new Date() },
      logger: silent,
    });
  const run = async () => (await duty().run(always)).did;
  async function webhook(name = 'Night shift'): Promise<string> {
    const store = new WebhookStore(ground.database, keyRing, feed);
    const made = await store.create(
      accountId,
      { name, platform: 'dingtalk', config: { url: 'https://oapi.dingtalk.com/robot/send?access_token=planted' } },
      'test',
    );
    return (made as { id: string }).id;
  }
  const failFor = (id: string, hours: number, status = 'enabled', reason: string | null = null) =>
    ground.database.query(
      `update settings.webhook set failing_since = now() - make_interval(secs => $2), status = $3, status_reason = $4 where id = $1`,
      [id, hours * 3_600, status, reason],
    );
  const taken = () => bus.published.splice(0).map(({ value }) => eventAcceptedSchema.parse(JSON.parse(value)));

  it('tells the account in its inbox, in both languages, naming webhook and advice, never the address', async () => {
    const id = await webhook('Night *shift*');
    await failFor(id, 2, 'failing', 'robot-removed');
    expect(await run()).toEqual({ told: 1, disabled: 0 });
    const [record] = bus.published;
    expect(record).toMatchObject({ topic: 'event.accepted.normal.v1', key: accountId });
    expect(record!.value).not.toContain('planted');
    expect(record!.value).not.toContain('oapi.dingtalk.com');
    const [event] = taken();
    expect(event).toMatchObject({
      subtype: DESTINATION_FAILING,
      category: 'service',
      severity: 'warning',
      audience: { accountId },
    });
    expect(event!.content.title).toBe('“Night *shift*” is failing');
    expect(event!.content.body).toContain('**Night \\*shift\\***');
    expect(event!.content.body).toContain('The robot does not exist any more.');
    expect(event!.content.translations['zh-CN']?.body).toContain('机器人已不存在');
  });

  it('tells it once a day, and a telling that was repeated after a crash is the same event', async () => {
    const id = await webhook();
    await failFor(id, 30);
    await run();
    expect(await run()).toBeNull();
    await ground.database.query('delete from delivery.failure_told');
    await run();
    const [first, again, ...others] = taken();
    expect(others).toEqual([]);
    expect(again!.eventId).toBe(first!.eventId);
    expect(again!.fingerprint).toBe(first!.fingerprint);
    await ground.database.query(`update delivery.failure_told set told_at = now() - interval '25 hours'`);
    await failFor(id, 55);
    await run();
    expect(taken()[0]!.eventId).not.toBe(first!.eventId);
  });

  it('24: switches off what has failed for 120 h, with a history entry, and says so once', async () => {
    const id = await webhook();
    await failFor(id, 121);
    expect(await run()).toEqual({ told: 0, disabled: 1 });
    const { rows } = await ground.database.query('select status, status_reason from settings.webhook where id = $1', [
      id,
    ]);
    expect(rows).toEqual([{ status: 'disabled', status_reason: 'kept-failing' }]);
    const history = await ground.database.query(
      `select by, action from settings.history where scope = $1 order by id desc limit 1`,
      [`webhooks/${id}`],
    );
    expect(history.rows).toEqual([{ by: 'herald', action: 'webhook.disabled' }]);
    expect(await run()).toEqual({ told: 1, disabled: 0 });
    expect(taken()[0]!.content.title).toBe('“Night shift” was switched off');
    expect(await run()).toBeNull();
  });

  it('25: does not switch off settings that have been replaced meanwhile', async () => {
    const id = await webhook();
    await failFor(id, 121);
    const store = new FailingStore(ground.database);
    const candidates = store.candidates.bind(store);
    store.candidates = async (after, limit) => {
      const found = await candidates(after, limit);
      await ground.database.query(
        'update settings.webhook set revision = revision + 1, failing_since = null where id = $1',
        [id],
      );
      return found;
    };
    const webhooks = new WebhookHealthStore(ground.database, feed);
    await new FailingDestinations({ bus, store, webhooks, clock: { now: () => new Date() }, logger: silent }).run(
      always,
    );
    expect((await ground.database.query('select status from settings.webhook where id = $1', [id])).rows).toEqual([
      { status: 'enabled' },
    ]);
  });

  it('says when it works again, and forgets one that was removed', async () => {
    const [works, removed] = [await webhook('Works'), await webhook('Removed')];
    await failFor(works, 3);
    await failFor(removed, 3);
    expect(await run()).toEqual({ told: 2, disabled: 0 });
    taken();
    await ground.database.query(
      'update settings.webhook set failing_since = null, last_success_at = now() where id = $1',
      [works],
    );
    await ground.database.query('delete from settings.webhook where id = $1', [removed]);
    expect(await run()).toEqual({ told: 1, disabled: 0 });
    expect(taken().map(({ content }) => content.title)).toEqual(['“Works” works again']);
    expect((await ground.database.query('select destination_id as id, kind from delivery.failure_told')).rows).toEqual([
      { id: works, kind: 'works' },
    ]);
    expect(await run()).toBeNull();
  });

  it('is told again after the bus was away', async () => {
    await failFor(await webhook(), 3);
    bus.onPublish = () => {
      throw new Error('away');
    };
    await expect(run()).rejects.toThrow('away');
    bus.onPublish = () => {};
    expect(await run()).toEqual({ told: 1, disabled: 0 });
  });
});

it('has a title that fits for the longest name', () => {
  const news = {
    news: 'disabled',
    webhookId: randomUUID(),
    accountId: 'a' as AccountId,
    name: 'n'.repeat(64),
    platform: 'lark',
    statusReason: null,
  } as const;
  const { value } = failingEvent({ ...news, failingSince: new Date(), revision: 1 }, new Date());
  expect([...JSON.parse(value).content.title].length).toBeLessThanOrEqual(200);
});
