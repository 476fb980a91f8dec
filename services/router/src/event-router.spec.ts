/** Routing on the real stores: what is stored, what is published, and in which order. */
import { type AccountId, type EventAccepted, type EventId, eventAcceptedSchema, messageId } from '@herald/contracts';
import {
  BusUnavailable,
  DatabaseClock,
  DeadRecordStore,
  type IncomingRecord,
  InProcessSignals,
  type Item,
} from '@herald/platform';
import {
  AccountStore,
  EventStore,
  SettingsFeed,
  SettingsSnapshot,
  SubscriptionStore,
  WebhookStore,
} from '@herald/subscriptions';
import { embedded, type Ground, keyRing, MemoryBus, servers, silent } from '@herald/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EventRouter, parseEventAccepted } from './event-router.js';

const PRODUCER = '0b7a0f7e-52a1-4c7b-9d0e-6c1f0f1f2a3b';
const DAY_MS = 24 * 60 * 60_000;
let serial = 0;

/** An accepted event for `acct-1`, with an id of its own. */
function anEvent(more: Record<string, unknown> = {}): EventAccepted {
  serial += 1;
  return eventAcceptedSchema.parse({
    v: 1,
    eventId: `6f0b7f2c-9c3e-5f6e-8b1a-${serial.toString(16).padStart(12, '0')}`,
    producerId: PRODUCER,
    acceptedAt: new Date().toISOString(),
    fingerprint: 'print',
    audience: { accountId: 'acct-1' },
    category: 'service',
    subtype: 'svc_bill',
    severity: 'info',
    lane: 'normal',
    content: { locale: 'en-US', title: 'Bill', body: 'Ready' },
    occurredAt: '2026-01-01T00:00:00.000Z',
    expiresAt: null,
    ...more,
  });
}

/** A record of it, at a position of its own. */
function item(value: EventAccepted, offset = ++serial): Item<EventAccepted> {
  const record: IncomingRecord = {
    topic: `event.accepted.${value.lane}.v1`,
    partition: 0,
    offset,
    key: 'acct-1',
    value: JSON.stringify(value),
    bytes: 0,
    finish: () => {},
    isRevoked: false,
  };
  return { record, value };
}

describe.each([embedded, ...servers])('the router, on $name', ({ open }) => {
  let ground: Ground;
  let router: EventRouter;
  let events: EventStore;
  let subscriptions: SubscriptionStore;
  let feed: SettingsFeed;
  let webhookId: string;
  let snapshot: SettingsSnapshot;
  const clock = new DatabaseClock();
  const bus = new MemoryBus();

  beforeAll(async () => {
    ground = await open();
    const { database } = ground;
    await clock.start(database);
    feed = new SettingsFeed(database, new InProcessSignals(), silent);
    snapshot = new SettingsSnapshot(database, feed);
    await feed.read();
    events = new EventStore(database);
    subscriptions = new SubscriptionStore(database, feed);
    const accounts = new AccountStore(database, feed);
    for (const id of ['acct-1', 'acct-2', 'acct-3']) {
      const owner = { email: `${id}@example.com`, name: 'Olive Owner', passwordHash: null };
      await accounts.create({ id, name: id, locale: 'en-US', timeZone: 'UTC', labels: {}, owner }, 'test');
    }
    const webhook = await new WebhookStore(database, keyRing, feed).create(
      'acct-1' as AccountId,
      { name: 'ours', platform: 'webhook', config: { url: 'https://example.com/hook', secret: 'whsec_x' } },
      'test',
    );
    webhookId = (webhook as { id: string }).id;
    await subscribe({ webhook: 1, email: 0 });
    router = new EventRouter({
      bus,
      clock,
      events,
      snapshot,
      deadRecords: new DeadRecordStore(database),
      logger: silent,
    });
  });

  afterAll(async () => {
    clock.stop();
    await ground?.close();
  });

  beforeEach(() => {
    bus.published.length = 0;
    bus.onPublish = () => {};
  });

  async function subscribe(channels: Record<string, number>): Promise<void> {
    const revision = await ground.database
      .query<{ revision: number }>(`select revision from settings.subscription where scope = 'svc_bill'`)
      .then(({ rows }) => rows[0]?.revision ?? 0);
    const change = { channels, webhookIds: [webhookId], revision };
    const result = await subscriptions.put('acct-1' as AccountId, [{ scope: 'svc_bill', change }], 'test');
    expect(result).toHaveProperty('subscriptions');
  }

  const rows = async (table: string, eventId: EventId) =>
    (await ground.database.query(`select * from ${table} where event_id = $1`, [eventId])).rows;
  const deadRecords = async (position: Item<EventAccepted>) =>
    (await ground.database.query('select * from bus.dead_record where record_offset = $1', [position.record.offset]))
      .rows;
  const messages = () => bus.of('message.routed');

  it('7, 12: publishes the message with all decisions and a request per destination', async () => {
    const event = anEvent();
    await router.route([item(event)]);
    const id = messageId(event.eventId, 'acct-1' as AccountId);
    expect(bus.published.map(({ topic, key }) => `${topic} ${key}`)).toEqual([
      'message.routed.normal.v1 acct-1',
      `delivery.requested.webhook.normal.v1 ${webhookId}`,
    ]);
    expect(messages()[0]).toMatchObject({
      messageId: id,
      eventId: event.eventId,
      hidden: false,
      acceptedAt: event.acceptedAt,
    });
    expect(
      messages()[0].decisions.map(({ channel, decision, reason }: Record<string, unknown>) => [
        channel,
        decision,
        reason,
      ]),
    ).toEqual([
      ['inbox', 'send', null],
      ['email', 'skip', 'CHANNEL_OFF'],
      ['webhook', 'send', null],
    ]);
    expect(bus.of('delivery.requested')[0]).toMatchObject({
      messageId: id,
      destinationId: webhookId,
      content: event.content,
    });
  });

  it('9: the row is committed before anything is published, and everything is published in one go', async () => {
    const batch = [anEvent(), anEvent()];
    const calls: number[] = [];
    bus.onPublish = async (records) => {
      calls.push(records.length);
      for (const { eventId } of batch) expect(await rows('routing.event', eventId)).toHaveLength(1);
    };
    await router.route(batch.map((event) => item(event)));
    expect(calls).toEqual([4]);
  });

  it('9: killed before the bus acknowledged, it is read again and routed, and stored once', async () => {
    const record = item(anEvent());
    bus.onPublish = () => {
      throw new BusUnavailable('away');
    };
    await expect(router.route([record])).rejects.toBeInstanceOf(BusUnavailable);
    bus.onPublish = () => {};
    await router.route([record]);
    expect(messages()).toHaveLength(1);
    const { eventId } = record.value;
    expect(await rows('routing.event', eventId)).toHaveLength(1);
    expect(await rows('routing.repeat', eventId)).toHaveLength(0);
  });

  it('6: routes from the stored row, whatever a repeat’s record says', async () => {
    const first = anEvent();
    await router.route([item(first)]);
    bus.published.length = 0;
    await router.route([
      item({ ...first, content: { ...first.content, title: 'Defaults of another version' }, severity: 'warning' }),
    ]);
    expect(bus.of('delivery.requested')[0]).toMatchObject({ severity: 'info', content: { title: 'Bill' } });
    expect(await rows('routing.repeat', first.eventId)).toHaveLength(1);
  });

  it('6: a key repeated across midnight is one event, accepted when the first was', async () => {
    const yesterday = anEvent({ acceptedAt: new Date(Date.now() - DAY_MS).toISOString() });
    await router.route([item(yesterday)]);
    await router.route([item({ ...yesterday, acceptedAt: new Date().toISOString() })]);
    expect(new Set(messages().map(({ messageId: id, acceptedAt }) => `${id} ${acceptedAt}`)).size).toBe(1);
    expect(messages()[0].acceptedAt).toBe(yesterday.acceptedAt);
  });

  it('6: another body under the key ends as a dead record, and the others of its batch are routed', async () => {
    const first = anEvent();
    await router.route([item(first)]);
    bus.published.length = 0;
    const conflicting = item({ ...first, fingerprint: 'other', audience: { accountId: 'acct-2' as AccountId } });
    const good = anEvent();
    await router.route([conflicting, item(good)]);
    expect(await deadRecords(conflicting)).toMatchObject([{ reason: 'CONFLICTING_KEY' }]);
    expect(messages().map(({ eventId }) => eventId)).toEqual([good.eventId]);
    expect(await rows('routing.repeat', first.eventId)).toHaveLength(0);
    await router.route([conflicting]);
    expect(await deadRecords(conflicting)).toHaveLength(1);
  });

  it('6: two bodies under one key in one batch: the first wins', async () => {
    const first = anEvent();
    const second = item({ ...first, fingerprint: 'other', content: { ...first.content, title: 'Other' } });
    await router.route([item(first), second]);
    expect(messages()).toHaveLength(1);
    expect(bus.of('delivery.requested')[0].content.title).toBe('Bill');
    expect(await deadRecords(second)).toHaveLength(1);
  });

  it('32: the same event twice in one batch is published once, the second record is a repeat', async () => {
    const event = anEvent();
    const second = item(event);
    await router.route([item(event), second]);
    expect(messages()).toHaveLength(1);
    expect(await rows('routing.repeat', event.eventId)).toMatchObject([{ record_offset: second.record.offset }]);
  });

  it('32: what is accepted is summed once per event, whatever is repeated', async () => {
    const sum = async () =>
      Number(
        (
          await ground.database.query<{ sum: number }>(
            `select coalesce(sum(count), 0) as sum from routing.ledger where kind = 'accepted'`,
          )
        ).rows[0]!.sum,
      );
    const before = await sum();
    const event = anEvent();
    await router.route([item(event), item(event)]);
    await router.route([item(event)]);
    expect(await sum()).toBe(before + 1);
  });

  it('35: a repeat of an event older than the horizon isn’t routed; its own record is', async () => {
    const old = anEvent({ acceptedAt: new Date(Date.now() - 11 * DAY_MS).toISOString() });
    const own = item(old);
    await router.route([own]);
    expect(messages()).toHaveLength(1);
    await router.route([item(old)]);
    expect(messages()).toHaveLength(1);
    expect(await rows('routing.repeat', old.eventId)).toHaveLength(1);
    await router.route([own]);
    expect(messages()).toHaveLength(2);
    const younger = anEvent({ acceptedAt: new Date(Date.now() - 9 * DAY_MS).toISOString() });
    await router.route([item(younger)]);
    await router.route([item(younger)]);
    expect(messages()).toHaveLength(4);
  });

  it('10: a second routing decides anew, but changes no row', async () => {
    const record = item(anEvent());
    await router.route([record]);
    const [stored] = await rows('routing.event', record.value.eventId);
    await subscribe({ webhook: 0 });
    await router.route([record]);
    expect(await rows('routing.event', record.value.eventId)).toEqual([stored]);
    expect(messages()[1].messageId).toBe(messages()[0].messageId);
    await subscribe({ webhook: 1 });
  });

  it('a list of accounts gives each its message, and refers to the content', async () => {
    const event = anEvent({ audience: { accountIds: ['acct-1', 'acct-2', 'acct-1'] } });
    await router.route([item(event)]);
    expect(messages().map(({ accountId }) => accountId)).toEqual(['acct-1', 'acct-2']);
    expect(bus.of('delivery.requested').every(({ content }) => content === null)).toBe(true);
    expect(await rows('routing.event', event.eventId)).toMatchObject([{ expected: 2 }]);
  });

  it('refers to content that is large', async () => {
    const event = anEvent({ content: { locale: 'en-US', title: 'Bill', body: '账'.repeat(1_500) } });
    await router.route([item(event)]);
    expect(bus.of('delivery.requested')[0].content).toBeNull();
  });

  it('9: publishes a batch of long lists in slices, each small enough to be acknowledged in time', async () => {
    const slices: number[] = [];
    bus.onPublish = (records) => void slices.push(records.length);
    const accountIds = Array.from({ length: 500 }, (_, index) => `gone-${index}`) as AccountId[];
    await router.route(Array.from({ length: 12 }, () => item(anEvent({ audience: { accountIds } }))));
    expect(slices.reduce((sum, size) => sum + size, 0)).toBe(6_000);
    expect(Math.max(...slices)).toBeLessThanOrEqual(5_000);
  });

  it('an account that vanished after acceptance holds nobody up, and its event ends', async () => {
    const event = anEvent({ audience: { accountIds: ['acct-1', 'vanished'] } });
    const other = anEvent();
    await router.route([item(event), item(other)]);
    const ofVanished = messages().find(({ accountId }) => accountId === 'vanished');
    expect(ofVanished).toMatchObject({
      hidden: true,
      decisions: [{ channel: 'inbox', decision: 'skip', reason: 'DESTINATION_REMOVED' }],
    });
    expect(messages()).toHaveLength(3);
  });

  it('11: big audiences are stored with a cursor, and nothing of them is published yet', async () => {
    const all = anEvent({ audience: { all: true } });
    const list = anEvent({ audience: { accountIds: Array.from({ length: 501 }, (_, n) => `list-${n}`) } });
    const small = anEvent({ audience: { accountIds: Array.from({ length: 600 }, () => 'acct-1') } });
    await router.route([item(all), item(list), item(small)]);
    for (const { eventId } of [all, list]) {
      expect(await rows('routing.audience_page', eventId)).toHaveLength(1);
      expect(await rows('routing.event', eventId)).toMatchObject([{ expected: 0, is_paged: true }]);
    }
    expect(messages().map(({ eventId }) => eventId)).toEqual([small.eventId]);
    await router.route([item(all)]);
    expect(await rows('routing.audience_page', all.eventId)).toHaveLength(1);
    expect(messages()).toHaveLength(1);
  });

  it('what became of an event is read from its rows, by its own producer', async () => {
    const event = anEvent();
    await router.route([item(event)]);
    expect(await events.progress(event.eventId, PRODUCER as never)).toMatchObject({
      expected: 1,
      messages: 0,
      isPaging: false,
    });
    expect(await events.progress(event.eventId, '1b7a0f7e-52a1-4c7b-9d0e-6c1f0f1f2a3b' as never)).toBeNull();
  });
});

describe('an accepted event’s record', () => {
  it('29: is unreadable where its type is not known, before anything is stored', () => {
    const event = anEvent();
    expect(parseEventAccepted(JSON.stringify(event))).toEqual(event);
    expect(() => parseEventAccepted(JSON.stringify({ ...event, subtype: 'svc_of_tomorrow' }))).toThrow(
      'svc_of_tomorrow',
    );
    expect(() => parseEventAccepted('{')).toThrow();
    expect(() => parseEventAccepted(JSON.stringify({ ...event, v: 2 }))).toThrow();
  });
});
