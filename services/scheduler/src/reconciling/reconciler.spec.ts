import { type AccountId, type EventAccepted, eventAccepted, groups, messageRouted } from '@herald/contracts';
import { LedgerStore } from '@herald/delivery';
import { DeadRecordStore } from '@herald/platform';
import { EventStore } from '@herald/subscriptions';
import { embedded, type Ground, servers, silent } from '@herald/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  always,
  daysAgo,
  finishPositions,
  forgetAll,
  hoursAgo,
  SteeredBus,
  send,
  storeDelivery,
  storeEvent,
  storeMessage,
} from '../../test/scheduler-ground.js';
import { PositionStore } from './position.store.js';
import { PositionCheck } from './position-check.js';
import { Reconciler } from './reconciler.js';
import { ReconciliationStore } from './reconciliation.store.js';

const accepted = eventAccepted('normal');
const routed = messageRouted('normal');
const requested = 'delivery.requested.webhook.normal.v1';

describe.each([embedded, ...servers])('the reconciler on $name', ({ open }) => {
  let ground: Ground;
  let bus: SteeredBus;
  let reconciler: Reconciler;

  beforeAll(async () => {
    ground = await open();
  }, 60_000);
  afterAll(() => ground.close());
  beforeEach(async () => {
    await forgetAll(ground.database);
    bus = new SteeredBus();
    reconciler = make();
  });

  function make(): Reconciler {
    const { database } = ground;
    const positions = new PositionCheck({ bus, store: new PositionStore(database), logger: silent });
    return new Reconciler({
      bus,
      store: new ReconciliationStore(database),
      events: new EventStore(database),
      positions,
      logger: silent,
    });
  }
  const ledger = () => new LedgerStore(ground.database).read();
  const run = () => reconciler.run(always);
  const routerIsThrough = () => bus.finishAll(groups.router, accepted);
  const inboxIsThrough = () => bus.finishAll(groups.inbox, routed);
  const workersAreThrough = () => bus.finishAll(groups.channel('webhook'), requested);

  it('33: an event without its message is routed again, once, and the gap returns to 0 when it has arrived', async () => {
    const event = await storeEvent(ground.database, { audience: { accountId: 'acct-a' as AccountId } });
    await run();
    expect(bus.take()).toEqual([]);
    await run();
    const [record, ...others] = bus.take();
    expect(others).toEqual([]);
    expect(record).toMatchObject({ topic: accepted, key: 'acct-a' });
    const { requestId: _, acceptedAtDate: __, ...same } = event;
    expect(JSON.parse(record!.value)).toEqual({ ...same, requestId: null });
    expect((await ledger()).gap).toBe(1);
    await run();
    expect(bus.take()).toEqual([]);
    await storeMessage(ground.database, event, 'acct-a');
    await run();
    expect(await ledger()).toMatchObject({
      gap: 0,
      oldestOpenAt: null,
      events: { accepted: 1, routed: 1, unrouted: 0 },
    });
  });

  it('33: waits for a lagging lane: nothing is missing before the router, and then the inbox, are past what was there', async () => {
    await finishPositions(ground.database, bus, accepted, 1, 10);
    bus.setEnd(routed, 2, 5);
    bus.finish(groups.router, accepted, 1, 9);
    const event = await storeEvent(ground.database);
    for (let n = 0; n < 3; n += 1) await run();
    routerIsThrough();
    bus.finish(groups.inbox, routed, 2, 4);
    for (let n = 0; n < 3; n += 1) await run();
    expect(bus.take()).toEqual([]);
    expect((await ledger()).gap).toBe(0);
    expect((await ledger()).oldestOpenAt).toBe(event.acceptedAt);
    inboxIsThrough();
    await run();
    expect(bus.take()).toHaveLength(1);
  });

  it('33: what arrives while it is waited for was never missing', async () => {
    await finishPositions(ground.database, bus, accepted, 1, 10);
    const event = await storeEvent(ground.database, { audience: { accountId: 'acct-b' as AccountId } });
    await run();
    await storeMessage(ground.database, event, 'acct-b');
    routerIsThrough();
    await run();
    expect(bus.take()).toEqual([]);
    expect((await ledger()).gap).toBe(0);
  });

  it('10, 33: a decision without a delivery is published from the stored decision, never resolved again', async () => {
    const event = await storeEvent(ground.database, { audience: { accountId: 'acct-c' as AccountId } });
    const [there, absent] = [send(), send()];
    const messageId = await storeMessage(ground.database, event, 'acct-c', [
      there,
      absent,
      { ...send(), decision: 'skip', reason: 'CHANNEL_OFF' },
      { ...send(), channel: 'inbox' },
    ]);
    await storeDelivery(ground.database, event, 'acct-c', there.destinationId!);
    await run();
    await run();
    const published = bus.take();
    expect(published).toHaveLength(1);
    expect(published[0]).toMatchObject({ topic: requested, key: absent.destinationId });
    expect(JSON.parse(published[0]!.value)).toEqual({
      v: 1,
      deliveryId: expect.any(String),
      messageId,
      eventId: event.eventId,
      accountId: 'acct-c',
      channel: 'webhook',
      destinationId: absent.destinationId,
      label: 'Robot',
      lane: 'normal',
      category: 'service',
      subtype: 'svc_bill',
      severity: 'info',
      acceptedAt: event.acceptedAt,
      occurredAt: event.occurredAt,
      expiresAt: null,
      content: null,
    });
    expect(await ledger()).toMatchObject({ gap: 1, deliveries: { decided: 2, ended: 1, scheduled: 0, inFlight: 0 } });
    expect(JSON.parse(published[0]!.value).deliveryId).toBe(
      await storeDelivery(ground.database, event, 'acct-c', absent.destinationId!),
    );
    await run();
    expect(await ledger()).toMatchObject({ gap: 0, deliveries: { decided: 2, ended: 2 } });
  });

  it('33: a decision whose channel lags is in flight, not missing', async () => {
    bus.setEnd(requested, 0, 7);
    bus.finish(groups.channel('webhook'), requested, 0, 6);
    const event = await storeEvent(ground.database, { audience: { accountId: 'acct-d' as AccountId } });
    await storeMessage(ground.database, event, 'acct-d', [send()]);
    for (let n = 0; n < 3; n += 1) await run();
    expect(bus.take()).toEqual([]);
    expect(await ledger()).toMatchObject({ gap: 0, deliveries: { decided: 1, inFlight: 1 } });
    workersAreThrough();
    await run();
    expect(bus.take()).toHaveLength(1);
  });

  it('33: publishes nothing again outside its horizon, but counts it', async () => {
    const event = await storeEvent(ground.database, {
      audience: { accountId: 'acct-e' as AccountId },
      acceptedAt: daysAgo(10.1),
    });
    await storeMessage(ground.database, event, 'acct-e', [send()]);
    await storeEvent(ground.database, { acceptedAt: daysAgo(12) });
    for (let n = 0; n < 3; n += 1) await run();
    expect(bus.take()).toEqual([]);
    expect((await ledger()).gap).toBe(2);
  });

  it('33: a dropped partition is not sent again, even where its hour never balanced', async () => {
    const event = await storeEvent(ground.database, {
      audience: { accountId: 'acct-f' as AccountId },
      acceptedAt: daysAgo(91),
    });
    const [sent, lost] = [send(), send()];
    await storeMessage(ground.database, event, 'acct-f', [sent, lost]);
    await storeDelivery(ground.database, event, 'acct-f', sent.destinationId!);
    await ground.database.query(`drop table delivery.delivery_${event.acceptedAt.slice(0, 10).replaceAll('-', '')}`);
    for (let n = 0; n < 3; n += 1) await run();
    expect(bus.take()).toEqual([]);
    expect((await ledger()).gap).toBe(1);
  });

  it('32: a dead record is an end until it is redriven', async () => {
    const deadRecords = new DeadRecordStore(ground.database);
    const event = await storeEvent(ground.database, { audience: { accountId: 'acct-g' as AccountId } });
    const decision = send();
    const other = await storeEvent(ground.database, { audience: { accountId: 'acct-h' as AccountId } });
    const messageId = await storeMessage(ground.database, other, 'acct-h', [decision]);
    const probe = make();
    await probe.run(always);
    await probe.run(always);
    routerIsThrough();
    await probe.run(always);
    const delivery = bus.take().find(({ topic }) => topic === requested)!;
    expect(JSON.parse(delivery.value).messageId).toBe(messageId);
    await ground.database.query('delete from scheduler.redriven');
    const keep = (topic: string, value: string) =>
      deadRecords.keep(
        { topic, partition: 0, offset: 5, key: 'k', value, bytes: 1, finish: () => {}, isRevoked: false },
        'BUG',
        'test',
      );
    await keep(routed, JSON.stringify({ v: 1, messageId: 'm', eventId: event.eventId }));
    await keep(requested, delivery.value);
    for (let n = 0; n < 3; n += 1) await run();
    expect(bus.take()).toEqual([]);
    expect(await ledger()).toMatchObject({ deliveries: { decided: 1, ended: 1, inFlight: 0 } });
    const { rows } = await ground.database.query(
      'select missing_messages, missing_deliveries from delivery.reconciliation',
    );
    expect(rows).toEqual([{ missing_messages: 0, missing_deliveries: 0 }]);
    await ground.database.query('update bus.dead_record set redriven_at = now()');
    reconciler = make();
    for (let n = 0; n < 2; n += 1) await run();
    routerIsThrough();
    workersAreThrough();
    await run();
    expect(bus.take()).toHaveLength(2);
  });

  it('32: another body under a key that ended as a dead record hides no event', async () => {
    const event = await storeEvent(ground.database);
    await new DeadRecordStore(ground.database).keep(
      {
        topic: accepted,
        partition: 0,
        offset: 5,
        key: 'k',
        value: JSON.stringify({ v: 1, eventId: event.eventId }),
        bytes: 1,
        finish: () => {},
        isRevoked: false,
      },
      'CONFLICTING_KEY',
      'test',
    );
    await run();
    await run();
    expect(bus.take()).toHaveLength(1);
  });

  it('11, 33: a paged audience begins again from its first account, and its sums with it', async () => {
    const event = await storeEvent(ground.database, { audience: { all: true }, isPaged: true });
    await ground.database.query('delete from routing.audience_page');
    await ground.database.query('update routing.event set expected = 2');
    await ground.database.query(
      `insert into routing.ledger values (date_trunc('hour', $1::timestamptz), 'expected', 2)`,
      [event.acceptedAt],
    );
    await storeMessage(ground.database, event, 'acct-1');
    await run();
    await run();
    expect(bus.take()).toEqual([]);
    const pages = await ground.database.query<{ id: string; cursor: string }>(
      'select event_id as id, cursor_id as cursor from routing.audience_page',
    );
    expect(pages.rows).toEqual([{ id: event.eventId, cursor: '' }]);
    expect((await ground.database.query('select expected from routing.event')).rows).toEqual([{ expected: 0 }]);
    expect(await ledger()).toMatchObject({ events: { accepted: 1, routed: 0, unrouted: 1 } });
    await run();
    expect((await ledger()).gap).toBe(0);
  });

  it('11: an audience whose pages are still coming lacks nothing', async () => {
    const event = await storeEvent(ground.database, { audience: { all: true }, isPaged: true });
    await ground.database.query('update routing.event set expected = 2');
    await ground.database.query(
      `insert into routing.ledger values (date_trunc('hour', $1::timestamptz), 'expected', 2)`,
      [event.acceptedAt],
    );
    for (let n = 0; n < 3; n += 1) await run();
    expect(bus.take()).toEqual([]);
    expect((await ledger()).gap).toBe(0);
  });

  it('33: what never arrives is not published without end', async () => {
    await storeEvent(ground.database);
    for (let n = 0; n < 3; n += 1) await run();
    expect(bus.take()).toHaveLength(1);
    routerIsThrough();
    reconciler = make();
    for (let n = 0; n < 3; n += 1) await run();
    expect(bus.take()).toEqual([]);
    await ground.database.query(`update scheduler.redriven set at = now() - interval '2 minutes'`);
    reconciler = make();
    for (let n = 0; n < 3; n += 1) await run();
    expect(bus.take()).toHaveLength(1);
  });

  it('32: compares only hours that do not balance', async () => {
    const whole = await storeEvent(ground.database, {
      audience: { accountId: 'acct-i' as AccountId },
      acceptedAt: hoursAgo(3),
    });
    await storeMessage(ground.database, whole, 'acct-i');
    const looked: Date[] = [];
    const store = new ReconciliationStore(ground.database);
    const events = store.events.bind(store);
    store.events = (hour, after, limit) => {
      looked.push(hour);
      return events(hour, after, limit);
    };
    const positions = new PositionCheck({ bus, store: new PositionStore(ground.database), logger: silent });
    const watched = new Reconciler({ bus, store, events: new EventStore(ground.database), positions, logger: silent });
    await watched.run(always);
    expect(looked).toEqual([]);
    const lacking = await storeEvent(ground.database, { acceptedAt: hoursAgo(5) });
    await watched.run(always);
    expect(looked.map((hour) => hour.toISOString())).toEqual([`${lacking.acceptedAt.slice(0, 13)}:00:00.000Z`]);
  });

  it('33: compares many events and one large event in slices, and finds what each lacks', async () => {
    const events: EventAccepted[] = [];
    for (let n = 0; n < 30; n += 1)
      events.push(await storeEvent(ground.database, { audience: { accountId: `many-${n}` as AccountId } }));
    const large = await storeEvent(ground.database, { audience: { all: true }, isPaged: true });
    await ground.database.query('delete from routing.audience_page');
    await ground.database.query('update routing.event set expected = 6000 where event_id = $1', [large.eventId]);
    await ground.database.query(
      `insert into routing.ledger values (date_trunc('hour', $1::timestamptz), 'expected', 6000)`,
      [large.acceptedAt],
    );
    const robot = send();
    await ground.database.query(
      `select inbox.store(array_agg(gen_random_uuid()), array_agg('large-' || n), array_agg($1::uuid), array_agg('service'::text), array_agg('svc_bill'::text),
         array_agg('info'::text), array_agg('normal'::text), array_agg(null::text), array_agg($2::timestamptz), array_agg(now()), array_agg(false),
         array_agg(case when n = 5999 then $3 else '[]' end), array_agg(case when n = 5999 then 1 else 0 end))
       from generate_series(1, 6000) n`,
      [large.eventId, large.acceptedAt, JSON.stringify([robot])],
    );
    for (const [n, event] of events.entries())
      await storeMessage(ground.database, event, `many-${n}`, n === 17 ? [send()] : []);
    for (let n = 0; n < 3; n += 1) await run();
    const published = bus.take().map(({ value }) => JSON.parse(value));
    expect(published.map(({ accountId }) => accountId).sort()).toEqual(['large-5999', 'many-17']);
  });
});
