import type { AccountId } from '@herald/contracts';
import { LedgerStore } from '@herald/delivery';
import { InProcessSignals } from '@herald/platform';
import { AccountStore, SettingsFeed } from '@herald/subscriptions';
import { anId, embedded, type Ground, servers, silent } from '@herald/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  always,
  daysAgo,
  forgetAll,
  send,
  storeDelivery,
  storeEvent,
  storeMessage,
} from '../../test/scheduler-ground.js';
import { DeliveryPartitions } from './delivery-partitions.js';
import { DeliveryRetentionStore } from './delivery-retention.store.js';
import { Leftovers } from './leftovers.js';
import { LeftoverStore } from './leftovers.store.js';
import { MessageRetentionStore } from './message-retention.store.js';
import { MessageRetention } from './messages.js';
import { dayOf } from './partitions.js';
import { ProviderTexts } from './provider-texts.js';

describe.each([embedded, ...servers])('what is kept, on $name', ({ open }) => {
  let ground: Ground;
  const clock = { now: () => new Date() };

  beforeAll(async () => {
    ground = await open();
  }, 60_000);
  afterAll(() => ground.close());
  beforeEach(() => forgetAll(ground.database));

  const store = () => new DeliveryRetentionStore(ground.database);
  const partitions = () => new DeliveryPartitions(store(), clock).run(always);
  const one = async <Value>(text: string, values: unknown[] = []): Promise<Value> =>
    Object.values((await ground.database.query<Record<string, Value>>(text, values)).rows[0] ?? {})[0] as Value;

  async function account(retentionDays: number): Promise<string> {
    const id = anId('acct');
    const owner = { email: `${id}@example.com`, name: 'Olive Owner', passwordHash: null };
    const feed = new SettingsFeed(ground.database, new InProcessSignals(), silent);
    await new AccountStore(ground.database, feed).create(
      { id, name: id, locale: 'en-US', timeZone: 'UTC', labels: {}, owner },
      'test',
    );
    await ground.database.query('update settings.account set retention_days = $2 where id = $1', [id, retentionDays]);
    return id;
  }

  async function delivery(days: number, options: Parameters<typeof storeDelivery>[4] = {}) {
    const decision = send();
    const event = await storeEvent(ground.database, {
      audience: { accountId: 'acct-a' as AccountId },
      acceptedAt: daysAgo(days),
    });
    await storeMessage(ground.database, event, 'acct-a', [decision]);
    return storeDelivery(ground.database, event, 'acct-a', decision.destinationId!, options);
  }

  it('8: makes partitions of deliveries 14 days ahead, and makes nothing twice', async () => {
    const day = dayOf(new Date(Date.now() + 14 * 86_400_000));
    await ground.database.query(`drop table delivery.delivery_${day.replaceAll('-', '')}`);
    expect((await partitions()).did).toMatchObject({ made: 1 });
    expect(await store().days()).toContain(day);
    expect((await partitions()).did).toBeNull();
  });

  it('8, 24, 33: before a partition of 90 days is dropped, what is open in it ends as EXPIRED, and the sums with it', async () => {
    await delivery(92, { status: 'scheduled' });
    await delivery(92);
    const kept = await delivery(88, { status: 'scheduled' });
    await ground.database.query(
      `insert into delivery.open (delivery_id, accepted_at, account_id, channel, destination_id, lane, state, due_at, fence, pass, spent, was_ambiguous, last_at,
         last_reason) values (gen_random_uuid(), $1, 'a', 'email', gen_random_uuid(), 0, 'scheduled', now(), 1, 1, 0, false, now(), 'RETRIES_EXHAUSTED')`,
      [daysAgo(92)],
    );
    await ground.database.query(
      'insert into delivery.own_mail select delivery_id, accepted_at, $1, $1 from delivery.open where account_id = $2',
      ['verification', 'a'],
    );
    const ledger = new LedgerStore(ground.database);
    expect((await ledger.read()).deliveries).toEqual({ decided: 3, ended: 1, scheduled: 2, inFlight: 0 });
    expect(await store().expireOpenBefore(dayOf(daysAgo(90)))).toBe(2);
    expect(
      await one(
        `select count(*) from delivery.delivery where status = 'suppressed' and reason = 'EXPIRED' and ended_at is not null`,
      ),
    ).toBe(1);
    expect((await partitions()).did).toMatchObject({ dropped: 1 });
    expect(await store().days()).not.toContain(dayOf(daysAgo(92)));
    expect((await ledger.read()).deliveries).toEqual({ decided: 3, ended: 2, scheduled: 1, inFlight: 0 });
    expect((await ground.database.query('select delivery_id as id from delivery.open')).rows).toEqual([{ id: kept }]);
  });

  it('33: does not drop a day in which something is open again', async () => {
    await delivery(93, { status: 'scheduled' });
    expect(await store().drop(dayOf(daysAgo(93)))).toBe(false);
    expect(await store().days()).toContain(dayOf(daysAgo(93)));
    await partitions();
    expect(await store().days()).not.toContain(dayOf(daysAgo(93)));
  });

  it('8: takes providers’ texts out of attempts after 30 days, and nothing else', async () => {
    const attempts = [
      { at: 'x', ms: 3, by: 'event', http: 500, code: 'HTTP 500', text: 'oops', error: 'provider-down' },
      { at: 'y', ms: 4, by: 'retry', http: 200, text: 'fine' },
    ];
    const old = await delivery(32, { attempts });
    const young = await delivery(28, { attempts });
    expect((await new ProviderTexts(store(), clock).run(always)).did).toEqual({ removed: 1 });
    const of = (id: string) => one<object[]>('select attempts from delivery.delivery where delivery_id = $1', [id]);
    expect(await of(old)).toEqual(attempts.map(({ text: _, ...rest }) => rest));
    expect(await of(young)).toEqual(attempts);
    expect((await new ProviderTexts(store(), clock).run(always)).did).toBeNull();
  });

  it('8, 36: empties inboxes as long as each account keeps messages, and counts stay exact', async () => {
    const [short, long] = [await account(30), await account(400)];
    const arrive = async (id: string, days: number, more: { hidden?: boolean; read?: boolean } = {}) => {
      const event = await storeEvent(ground.database, {
        audience: { accountId: id as AccountId },
        acceptedAt: daysAgo(days),
      });
      const message = await storeMessage(ground.database, event, id, [], more);
      await ground.database.query(
        'update inbox.message set received_at = $2, read_at = case when $3 then now() end where message_id = $1',
        [message, daysAgo(days), more.read ?? false],
      );
      if (more.read) await ground.database.query(`insert into inbox.unread_delta values ($1, '{"service": -1}')`, [id]);
      return message;
    };
    await arrive(short, 40);
    await arrive(short, 39, { read: true });
    await arrive(short, 38, { hidden: true });
    const kept = [await arrive(short, 29), await arrive(short, 1, { hidden: true }), await arrive(long, 300)];
    expect((await new MessageRetention(new MessageRetentionStore(ground.database)).run(always)).did).toEqual({
      messages: 3,
      tombstones: 0,
    });
    const left = await ground.database.query<{ id: string }>('select message_id as id from inbox.message');
    expect(left.rows.map(({ id }) => id).sort()).toEqual(kept.sort());
    const unread = (id: string) =>
      one<number>(
        `select sum((unread ->> 'service')::int) from (select unread from inbox.account where account_id = $1
           union all select unread from inbox.unread_delta where account_id = $1) parts`,
        [id],
      );
    expect(await unread(short)).toBe(1);
    expect(await unread(long)).toBe(1);
    expect((await new MessageRetention(new MessageRetentionStore(ground.database)).run(always)).did).toBeNull();
  });

  it('35: a tombstone stands for 10 days', async () => {
    const id = await account(365);
    for (const days of [9, 11]) {
      const event = await storeEvent(ground.database, {
        audience: { accountId: id as AccountId },
        acceptedAt: daysAgo(20),
      });
      const message = await storeMessage(ground.database, event, id);
      await ground.database.query('update inbox.message set deleted_at = $2 where message_id = $1', [
        message,
        daysAgo(days),
      ]);
    }
    expect((await new MessageRetention(new MessageRetentionStore(ground.database)).run(always)).did).toEqual({
      messages: 0,
      tombstones: 1,
    });
  });

  it('35: nothing within the horizon is emptied, whatever an account says: it would be routed again', async () => {
    const id = await account(1);
    const event = await storeEvent(ground.database, {
      audience: { accountId: id as AccountId },
      acceptedAt: daysAgo(9),
    });
    const message = await storeMessage(ground.database, event, id);
    await ground.database.query('update inbox.message set received_at = $2 where message_id = $1', [
      message,
      daysAgo(9),
    ]);
    expect((await new MessageRetention(new MessageRetentionStore(ground.database)).run(always)).did).toBeNull();
  });

  it('8: events live as long as the longest retention in force, and longer than their messages', async () => {
    await ground.database.query('update settings.account set retention_days = 30');
    await account(200);
    await storeEvent(ground.database, { acceptedAt: daysAgo(205) });
    const gone = await storeEvent(ground.database, { acceptedAt: daysAgo(211) });
    const verifications = { removeExpired: async () => 0 };
    expect((await new Leftovers(new LeftoverStore(ground.database), verifications).run(always)).did).toEqual({
      events: 1,
    });
    expect(await one('select count(*) from routing.event where event_id = $1', [gone.eventId])).toBe(0);
    await ground.database.query('update settings.account set retention_days = 30');
    await storeEvent(ground.database, { acceptedAt: daysAgo(95) });
    await new Leftovers(new LeftoverStore(ground.database), verifications).run(always);
    expect(await one('select count(*) from routing.event')).toBe(1);
  });

  it('takes away what has lost its use, and leaves what has not', async () => {
    const { database } = ground;
    await database.query(`insert into bus.dead_record (topic, partition, record_offset, key, value, reason, detail, redriven_at)
      values ('t', 0, 1, 'k', 'v', 'BUG', 'd', now() - interval '31 days'), ('t', 0, 2, 'k', 'v', 'BUG', 'd', now() - interval '29 days'), ('t', 0, 3, 'k', 'v', 'BUG', 'd', null)`);
    await database.query(
      `insert into routing.repeat select 't', 0, n, gen_random_uuid(), now() - interval '20 days' * n from generate_series(1, 2) n`,
    );
    const parked = await delivery(1, { status: 'scheduled' });
    await database.query(`update delivery.open set state = 'parked' where delivery_id = $1`, [parked]);
    const destination = await one<string>('select destination_id from delivery.open');
    await database.query(
      `insert into delivery.queue (destination_id, account_id, channel, pulled_until)
       values ($1, 'a', 'webhook', now() - interval '1 hour'), (gen_random_uuid(), 'a', 'webhook', now() - interval '1 hour'), (gen_random_uuid(), 'a', 'webhook', now())`,
      [destination],
    );
    await database.query(
      `insert into delivery.own_mail select gen_random_uuid(), now() - interval '20 days' * n, 'verification', 'r' from generate_series(1, 2) n`,
    );
    const { did } = await new Leftovers(new LeftoverStore(database), { removeExpired: async () => 4 }).run(always);
    expect(did).toEqual({ repeats: 1, deadRecords: 1, queues: 1, ownMails: 1, verifications: 4 });
  });
});
