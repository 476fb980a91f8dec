import { DeadRecordStore } from '@herald/platform';
import { embedded, type Ground, servers } from '@herald/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LedgerStore } from './ledger.store.js';

describe.each([embedded, ...servers])('the ledger on $name', ({ open }) => {
  let ground: Ground;
  let ledger: LedgerStore;
  beforeAll(async () => {
    ground = await open();
    ledger = new LedgerStore(ground.database);
  }, 60_000);
  afterAll(() => ground.close());
  beforeEach(async () => {
    for (const table of [
      'routing.ledger',
      'delivery.ledger',
      'bus.dead_record',
      'delivery.open',
      'delivery.own_mail',
      'routing.event',
      'delivery.reconciliation',
    ])
      await ground.database.query(`delete from ${table}`);
  });

  const events = (kind: string, count: number, hoursAgo = 0) =>
    ground.database.query(
      `insert into routing.ledger values (date_trunc('hour', now()) - make_interval(hours => $3), $1, $2)`,
      [kind, count, hoursAgo],
    );
  const deliveries = (stored: number, ended: number, hoursAgo = 0) =>
    ground.database.query(
      `insert into delivery.ledger values (date_trunc('hour', now()) - make_interval(hours => $3), $1, $2)`,
      [stored, ended, hoursAgo],
    );
  const open_ = (count: number) =>
    ground.database.query(
      `insert into delivery.open (delivery_id, accepted_at, account_id, channel, destination_id, lane, state, due_at, fence, pass, spent, was_ambiguous, last_at, last_reason)
       select gen_random_uuid(), '2026-01-01T00:00:00Z', 'a', 'email', gen_random_uuid(), 0, 'scheduled', now(), 1, 1, 0, false, now(), 'RETRIES_EXHAUSTED'
       from generate_series(1, $1)`,
      [count],
    );
  const dead = (topic: string, offset: number, reason: 'UNREADABLE' | 'CONFLICTING_KEY' | 'BUG') =>
    new DeadRecordStore(ground.database).keep(
      { topic, partition: 0, offset, key: 'k', value: 'v', bytes: 1, finish: () => {}, isRevoked: false },
      reason,
      'test',
    );

  it('32: is empty before anything was accepted', async () => {
    expect(await ledger.read()).toEqual({
      events: { accepted: 0, routed: 0, unreadable: 0, conflicting: 0, unrouted: 0 },
      deliveries: { decided: 0, ended: 0, scheduled: 0, inFlight: 0 },
      gap: 0,
      oldestOpenAt: null,
    });
  });

  it('32: everything accepted is routed, unreadable, conflicting or unrouted', async () => {
    await events('accepted', 10);
    await events('expected', 10);
    await events('messages', 7);
    await dead('event.accepted.normal.v1', 1, 'UNREADABLE');
    await dead('event.accepted.urgent.v1', 2, 'BUG');
    await dead('event.accepted.bulk.v1', 3, 'CONFLICTING_KEY');
    expect((await ledger.read()).events).toEqual({
      accepted: 13,
      routed: 7,
      unreadable: 2,
      conflicting: 1,
      unrouted: 3,
    });
    await ground.database.query('update bus.dead_record set redriven_at = now()');
    expect((await ledger.read()).events).toEqual({
      accepted: 10,
      routed: 7,
      unreadable: 0,
      conflicting: 0,
      unrouted: 3,
    });
  });

  it('32: a record that ended as dead after its event was stored is one position', async () => {
    await ground.database.query(
      `insert into routing.event values (gen_random_uuid(), now(), gen_random_uuid(), 'f', '{"accountId":"a"}', 'service', 'svc_bill', 'info', 'normal', '{}', now(), null,
         1, false, 'event.accepted.normal.v1', 0, 7)`,
    );
    await events('accepted', 1);
    await events('expected', 1);
    await dead('event.accepted.normal.v1', 7, 'BUG');
    expect((await ledger.read()).events).toEqual({
      accepted: 1,
      routed: 0,
      unreadable: 1,
      conflicting: 0,
      unrouted: 0,
    });
  });

  it('32: decided deliveries have ended, are scheduled or in flight; Herald’s own mails are not among them', async () => {
    await events('decided', 10);
    await deliveries(8, 5);
    await open_(4);
    await ground.database.query(
      `insert into delivery.own_mail select delivery_id, accepted_at, 'verification', 'r' from delivery.open limit 1`,
    );
    expect(await ledger.read()).toMatchObject({
      deliveries: { decided: 10, ended: 5, scheduled: 3, inFlight: 2 },
      oldestOpenAt: '2026-01-01T00:00:00.000Z',
    });
  });

  it('10, 32: a delivery that no stored decision names counts by itself', async () => {
    await events('decided', 2);
    await deliveries(3, 3);
    await events('decided', 5, 1);
    await deliveries(4, 4, 1);
    expect((await ledger.read()).deliveries).toEqual({ decided: 8, ended: 7, scheduled: 0, inFlight: 1 });
  });

  it('32: the gap is what the reconciler found missing', async () => {
    await events('decided', 5);
    await deliveries(2, 2);
    await ground.database.query('insert into delivery.reconciliation values (true, now(), 1, 2, 3, now())');
    expect(await ledger.read()).toMatchObject({ gap: 6, deliveries: { decided: 5, ended: 2, inFlight: 0 } });
  });

  it('32: folding changes no sum, joins each hour’s deltas, and what is older than the horizon', async () => {
    for (let n = 0; n < 5; n += 1) {
      await events('accepted', 2);
      await events('expected', 2, 1);
      await events('messages', 1, 24 * 20 + n);
      await deliveries(2, 1, 24 * 30 + n);
    }
    await deliveries(3, 1);
    await deliveries(0, -1);
    const before = await ledger.read();
    await ledger.fold();
    expect(await ledger.read()).toEqual(before);
    await ledger.fold();
    const count = async (table: string) =>
      (await ground.database.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]!.n;
    expect([await count('routing.ledger'), await count('delivery.ledger')]).toEqual([3, 2]);
    expect(await ledger.fold()).toBe(0);
  });

  it('32: is exact while several processes fold and others write', async () => {
    const others = [ground.database, ground.another(), ground.another()];
    const seen: number[] = [];
    const write = async () => {
      for (let n = 0; n < 60; n += 1) await events('accepted', 1);
    };
    const fold = async (store: LedgerStore) => {
      for (let n = 0; n < 25; n += 1) await store.fold();
    };
    const read = async () => {
      for (let n = 0; n < 30; n += 1) seen.push((await ledger.read()).events.accepted);
    };
    await Promise.all([write(), ...others.map((database) => fold(new LedgerStore(database))), read()]);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect((await ledger.read()).events.accepted).toBe(60);
  }, 60_000);
});
