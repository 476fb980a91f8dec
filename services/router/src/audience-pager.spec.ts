/** Big audiences, page by page, on the real stores; the process dies where a test lets it. */
import { type EventId, eventAcceptedSchema } from '@herald/contracts';
import { BusUnavailable, DatabaseClock, InProcessSignals } from '@herald/platform';
import { AudiencePageStore, EventStore, SettingsFeed, SettingsSnapshot } from '@herald/subscriptions';
import { embedded, type Ground, MemoryBus, servers, silent } from '@herald/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AudiencePager } from './audience-pager.js';

const ACCOUNTS = 1_203;
const PRODUCER = '0b7a0f7e-52a1-4c7b-9d0e-6c1f0f1f2a3b';
let serial = 0;

describe.each([embedded, ...servers])('the pager, on $name', ({ open }) => {
  let ground: Ground;
  let events: EventStore;
  let pages: AudiencePageStore;
  let pager: AudiencePager;
  const clock = new DatabaseClock();
  const bus = new MemoryBus();

  beforeAll(async () => {
    ground = await open();
    const { database } = ground;
    await clock.start(database);
    // Many in one microsecond, as an import makes them.
    await database.query(
      `insert into settings.account (id, name, locale, time_zone, created_at)
       select 'a-' || n, 'A', 'en-US', 'UTC', now() - interval '1 hour' + (n / 400) * interval '1 microsecond' from generate_series(1, $1::int) n`,
      [ACCOUNTS],
    );
    const feed = new SettingsFeed(database, new InProcessSignals(), silent);
    await feed.read();
    events = new EventStore(database);
    pages = new AudiencePageStore(database);
    const snapshot = new SettingsSnapshot(database, feed);
    pager = new AudiencePager({ bus, clock, events, pages, snapshot, logger: silent });
  });

  afterAll(async () => {
    clock.stop();
    await ground?.close();
  });

  beforeEach(async () => {
    bus.published.length = 0;
    bus.onPublish = () => {};
    await ground.database.query('delete from routing.audience_page');
  });

  async function anAudience(more: Record<string, unknown> = {}): Promise<EventId> {
    serial += 1;
    const event = eventAcceptedSchema.parse({
      v: 1,
      eventId: `6f0b7f2c-9c3e-5f6e-8b1a-${serial.toString(16).padStart(12, '0')}`,
      producerId: PRODUCER,
      acceptedAt: new Date().toISOString(),
      fingerprint: 'print',
      audience: { all: true },
      category: 'service',
      subtype: 'svc_bill',
      severity: 'info',
      lane: 'normal',
      content: { locale: 'en-US', title: 'Bill', body: 'Ready' },
      occurredAt: '2026-01-01T00:00:00.000Z',
      expiresAt: null,
      ...more,
    });
    await events.insert([
      { event, position: { topic: 't', partition: 0, offset: serial }, expected: 0, isPaged: true },
    ]);
    return event.eventId;
  }

  const accountsOf = (eventId: EventId) =>
    bus
      .of('message.routed')
      .filter((message) => message.eventId === eventId)
      .map(({ accountId }) => accountId as string);
  const cursor = async (eventId: EventId) =>
    (
      await ground.database.query<{ cursor_id: string; fence: number }>(
        'select * from routing.audience_page where event_id = $1',
        [eventId],
      )
    ).rows[0]!;
  const progress = (eventId: EventId) => events.progress(eventId, PRODUCER as never);
  const becomeDue = () =>
    ground.database.query(`update routing.audience_page set due_at = now() - interval '1 second'`);
  const leaseRunsOut = () =>
    ground.database.query(`update routing.audience_page set lease_until = now() - interval '1 second'`);
  const runAll = async () => {
    while (await pager.step());
  };

  it('11: gives every account its message once, page by page', async () => {
    const eventId = await anAudience();
    expect(await pager.step()).toBe(true);
    expect(accountsOf(eventId)).toHaveLength(500);
    expect(await progress(eventId)).toMatchObject({ isPaging: true, expected: 500 });
    await runAll();
    const told = accountsOf(eventId);
    expect(told).toHaveLength(ACCOUNTS);
    expect(new Set(told).size).toBe(ACCOUNTS);
    expect(await progress(eventId)).toMatchObject({ isPaging: false, expected: ACCOUNTS });
  });

  it('11: the cursor moves only after the bus acknowledged', async () => {
    const eventId = await anAudience();
    bus.onPublish = async () => {
      expect((await cursor(eventId)).cursor_id).toBe('');
      throw new BusUnavailable('away');
    };
    await expect(pager.step()).rejects.toBeInstanceOf(BusUnavailable);
    expect((await cursor(eventId)).cursor_id).toBe('');
    expect(await pager.step()).toBe(false);
    bus.onPublish = () => {};
    await becomeDue();
    await runAll();
    expect(new Set(accountsOf(eventId)).size).toBe(ACCOUNTS);
    expect(accountsOf(eventId)).toHaveLength(ACCOUNTS);
  });

  it('11: killed between pages it goes on where the cursor stands; killed before the cursor moved it repeats the page', async () => {
    const eventId = await anAudience();
    await pager.step();
    const first = accountsOf(eventId);
    // Claimed, published, dead.
    const lost = await pages.claim();
    const members = await pages.accountsAfter(lost!, null, 500);
    expect(await pager.step()).toBe(false);
    await leaseRunsOut();
    await pager.step();
    expect(accountsOf(eventId).slice(500)).toEqual(members.map(({ id }) => id));
    expect(accountsOf(eventId).some((id, index) => index >= 500 && first.includes(id))).toBe(false);
    // It lives after all, but its lease went to somebody else.
    expect(await pages.advance(lost!, members.at(-1)!, 500)).toBe(false);
    await runAll();
    expect(await progress(eventId)).toMatchObject({ expected: ACCOUNTS, isPaging: false });
  });

  it('11: who lost the lease neither gives it back nor finishes it', async () => {
    await anAudience();
    const lost = (await pages.claim())!;
    await leaseRunsOut();
    const owner = (await pages.claim())!;
    expect(owner.fence).toBeGreaterThan(lost.fence);
    await pages.giveBack(lost);
    await pages.finish(lost);
    expect(await pages.claim()).toBeNull();
    expect(Number((await cursor(owner.eventId)).fence)).toBe(owner.fence);
  });

  it('11: accounts created later are not included', async () => {
    const eventId = await anAudience({ acceptedAt: new Date(Date.now() - 60_000).toISOString() });
    await pager.step();
    await ground.database.query(
      `insert into settings.account (id, name, locale, time_zone) values ('later', 'L', 'en-US', 'UTC')`,
    );
    await runAll();
    expect(accountsOf(eventId)).toHaveLength(ACCOUNTS);
    expect(accountsOf(eventId)).not.toContain('later');
    await ground.database.query(`delete from settings.account where id = 'later'`);
  });

  it('11: of a list those on it, however young they are, and nobody who is gone', async () => {
    await ground.database.query(
      `insert into settings.account (id, name, locale, time_zone, created_at) values ('young', 'Y', 'en-US', 'UTC', now() + interval '5 milliseconds')`,
    );
    const accountIds = [...Array.from({ length: 700 }, (_, n) => `a-${n + 1}`), 'young', 'vanished'];
    const eventId = await anAudience({ audience: { accountIds } });
    await runAll();
    expect(new Set(accountsOf(eventId))).toEqual(new Set(accountIds.filter((id) => id !== 'vanished')));
    expect(await progress(eventId)).toMatchObject({ expected: 701 });
    await ground.database.query(`delete from settings.account where id = 'young'`);
  });

  it('11: the more urgent audience goes first', async () => {
    const bulk = await anAudience({ lane: 'bulk' });
    await pager.step();
    const urgent = await anAudience({ lane: 'urgent' });
    await pager.step();
    expect(accountsOf(urgent)).toHaveLength(500);
    expect(accountsOf(bulk)).toHaveLength(500);
    expect(bus.published.filter(({ topic }) => topic === 'message.routed.urgent.v1')).toHaveLength(500);
  });

  it('11: runs by itself, and ends when it is told to', async () => {
    const eventId = await anAudience();
    const running = new AudiencePager({
      bus,
      clock,
      events,
      pages,
      snapshot: new SettingsSnapshot(
        ground.database,
        new SettingsFeed(ground.database, new InProcessSignals(), silent),
      ),
      logger: silent,
    });
    let onLast: (() => void) | undefined;
    const done = new Promise<void>((resolve) => (onLast = resolve));
    let told = 0;
    bus.onPublish = (records) => {
      told += records.filter(({ topic }) => topic.startsWith('message')).length;
      if (told >= ACCOUNTS) onLast?.();
    };
    running.start();
    await done;
    await running.stop();
    expect(accountsOf(eventId)).toHaveLength(ACCOUNTS);
  });
});
