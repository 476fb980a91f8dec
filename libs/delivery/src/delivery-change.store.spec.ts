import type { DeliveryId, DeliverySelection } from '@herald/contracts';
import { embedded, type Ground, servers } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aDelivery, anAttempt, content, rowOf } from '../test/worker-ground.js';
import { type Delivery, firstPass, type Outcome, type Pass } from './delivery.js';
import { DeliveryChangeStore } from './delivery-change.store.js';
import { DueStore } from './due.store.js';
import { OutcomeStore } from './outcome.store.js';
import { OwnMailStore } from './own-mail.store.js';
import { retryDelays } from './retry-delays.js';

const HOUR = 3_600_000;
const refusal = { error: 'unknown', httpStatus: 400, providerCode: 'HTTP 400' };
const outcomes = {
  delivered: (): Outcome => ({ status: 'delivered', attempt: anAttempt() }),
  dead: (): Outcome => ({ status: 'dead', reason: 'REJECTED', attempt: anAttempt(refusal) }),
  suppressed: (): Outcome => ({ status: 'suppressed', reason: 'WEBHOOK_DISABLED' }),
  scheduled: (): Outcome => ({
    status: 'scheduled',
    dueAtMs: Date.now() + HOUR,
    spent: 2,
    wasAmbiguous: true,
    attempt: anAttempt(refusal),
  }),
  parked: (): Outcome => ({
    status: 'parked',
    why: 'breaker',
    resumeInMs: null,
    revision: 0,
    spent: 1,
    wasAmbiguous: false,
    attempt: null,
  }),
};

describe.each([embedded, ...servers])('replay and cancel on $name', ({ open }) => {
  let ground: Ground;
  let store: OutcomeStore;
  let changes: DeliveryChangeStore;
  beforeAll(async () => {
    ground = await open();
    store = new OutcomeStore(ground.database, '00000000-0000-4000-8000-000000000001');
    changes = new DeliveryChangeStore(ground.database, retryDelays({}));
  }, 60_000);
  afterAll(() => ground.close());

  const pass = (delivery: Delivery, fence = 0, number = 1): Pass => ({
    ...firstPass(delivery, content, HOUR),
    fence,
    number,
  });
  async function stored(how: keyof typeof outcomes, more: Partial<Delivery> = {}): Promise<Delivery> {
    const delivery = aDelivery(more);
    await store.settleFirst([{ pass: pass(delivery), outcome: outcomes[how]() }]);
    return delivery;
  }
  async function leased(more: Partial<Delivery> = {}): Promise<Delivery> {
    const delivery = aDelivery(more);
    await store.lease([pass(delivery)], 30_000);
    return delivery;
  }
  const ids = (...deliveries: Delivery[]): DeliverySelection => ({
    ids: deliveries.map(({ deliveryId }) => deliveryId),
  });
  const openRow = async ({ deliveryId }: Delivery) => {
    const { rows } = await ground.database.query<any>(
      `select *, due_at <= now() as "isDue", extract(epoch from last_at - now())::float8 as "lastIn" from delivery.open where delivery_id = $1`,
      [deliveryId],
    );
    return rows[0];
  };
  const ended = async () => {
    const { rows } = await ground.database.query<{ ended: number }>(
      'select coalesce(sum(ended), 0)::int as ended from delivery.ledger',
    );
    return rows[0]!.ended;
  };

  it.each(['delivered', 'dead', 'suppressed'] as const)(
    '15: a replay is a new pass of a delivery that is %s, due at once and with nothing spent',
    async (how) => {
      const delivery = await stored(how);
      const before = await ended();
      expect(await changes.replay(ids(delivery))).toEqual({ matched: 1, changed: 1 });
      expect(await rowOf(ground, delivery)).toMatchObject({ status: 'scheduled', reason: null });
      const row = await openRow(delivery);
      expect(row).toMatchObject({ state: 'scheduled', isDue: true, pass: 2, spent: 0, was_ambiguous: false });
      expect(await ended()).toBe(before - 1);
    },
  );

  it('24: a replay has a span of its own, of its channel, and ignores when its event expires', async () => {
    for (const [channel, hours] of [
      ['webhook', 92],
      ['slack', 8],
    ] as const) {
      const delivery = await stored('dead', { channel, expiresAt: new Date(Date.now() - HOUR) });
      await changes.replay(ids(delivery));
      const row = await openRow(delivery);
      expect(row.last_reason).toBe('RETRIES_EXHAUSTED');
      expect(Math.round(row.lastIn / 3_600)).toBe(hours);
    }
  });

  it('26: a replay of what waits begins at once, under a number above the former', async () => {
    for (const how of ['scheduled', 'parked'] as const) {
      const delivery = await stored(how);
      const before = await ended();
      await changes.replay(ids(delivery));
      expect(await openRow(delivery)).toMatchObject({
        state: 'scheduled',
        isDue: true,
        pass: 2,
        spent: 0,
        was_ambiguous: false,
        fence: 2,
      });
      expect(await ended()).toBe(before);
    }
  });

  it('26: a replay of a leased row begins when its lease ends', async () => {
    const delivery = await leased();
    const before = await openRow(delivery);
    await changes.replay(ids(delivery));
    expect(await openRow(delivery)).toMatchObject({
      state: 'leased',
      due_at: before.due_at,
      pass: 2,
      fence: before.fence + 1,
    });
    await ground.database.query(`update delivery.open set due_at = now() where delivery_id = $1`, [
      delivery.deliveryId,
    ]);
    const room = { lanes: { urgent: 9, normal: 9, bulk: 9 }, accounts: [], destinations: [] };
    const { passes } = await new DueStore(ground.database, 60_000).claim(['webhook'], room);
    const mine = passes.find((claimed) => claimed.delivery.deliveryId === delivery.deliveryId);
    expect(mine).toMatchObject({ number: 2, trigger: 'replay', spent: 0 });
  });

  it('15: an outcome of the pass before a replay is added to the attempts and changes no state', async () => {
    const delivery = await leased();
    await changes.replay(ids(delivery));
    await store.settleLater([{ pass: pass(delivery, 1, 1), outcome: outcomes.delivered() }]);
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'scheduled', attempt_count: 1 });
    expect(await openRow(delivery)).toMatchObject({ state: 'leased', pass: 2 });
  });

  it('15: cancelled is left by a replay', async () => {
    const delivery = await stored('scheduled');
    await changes.cancel(ids(delivery));
    await changes.replay(ids(delivery));
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'scheduled', reason: null });
    expect(await openRow(delivery)).toMatchObject({ isDue: true, pass: 2 });
  });

  it.each(['scheduled', 'parked'] as const)('26: a cancel ends what is %s, and it is claimed no more', async (how) => {
    const delivery = await stored(how);
    const before = await ended();
    expect(await changes.cancel(ids(delivery))).toEqual({ matched: 1, changed: 1 });
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'cancelled', reason: 'CANCELLED' });
    expect(await openRow(delivery)).toBeUndefined();
    expect(await ended()).toBe(before + 1);
  });

  it('26: after a cancel only delivered of its pass may still be recorded', async () => {
    const [one, other] = [await leased(), await leased()];
    await changes.cancel(ids(one, other));
    await store.settleLater([{ pass: pass(one, 1), outcome: outcomes.dead() }]);
    await store.settleLater([{ pass: pass(other, 1), outcome: outcomes.delivered() }]);
    expect(await rowOf(ground, one)).toMatchObject({ status: 'cancelled', reason: 'CANCELLED', attempt_count: 1 });
    expect(await rowOf(ground, other)).toMatchObject({ status: 'delivered', reason: null });
  });

  it('26: a delivered of the cancelled pass does not undo a replay after it', async () => {
    const delivery = await leased();
    await changes.cancel(ids(delivery));
    await changes.replay(ids(delivery));
    await store.settleLater([{ pass: pass(delivery, 1), outcome: outcomes.delivered() }]);
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'scheduled' });
  });

  it('leaves what has ended when it is cancelled, and counts it as matched', async () => {
    const deliveries = [await stored('delivered'), await stored('dead'), await stored('scheduled')];
    expect(await changes.cancel(ids(...deliveries))).toEqual({ matched: 3, changed: 1 });
    expect(await rowOf(ground, deliveries[0]!)).toMatchObject({ status: 'delivered' });
    expect(await rowOf(ground, deliveries[1]!)).toMatchObject({ status: 'dead', reason: 'REJECTED' });
  });

  it('does not match what does not exist', async () => {
    const nobody = aDelivery();
    expect(await changes.replay(ids(nobody))).toEqual({ matched: 0, changed: 0 });
  });

  it('changes nothing in a dry run, by ids and by filter', async () => {
    const accountId = `dry-${Math.random()}` as Delivery['accountId'];
    const delivery = await stored('dead', { accountId });
    expect(await changes.replay({ ...ids(delivery), dryRun: true } as DeliverySelection)).toEqual({
      matched: 1,
      changed: 0,
    });
    expect(await changes.replay({ filter: { accountId }, dryRun: true })).toEqual({ matched: 1, changed: 0 });
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'dead' });
  });

  it('replays by filter over many days and chunks, each once and nobody else’s', async () => {
    const accountId = `many-${Math.random()}` as Delivery['accountId'];
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
    const mine = Array.from({ length: 1_203 }, (_, index) => aDelivery({ accountId, acceptedAt: daysAgo(index % 7) }));
    const foreign = await stored('dead');
    const good = await stored('delivered', { accountId });
    for (let start = 0; start < mine.length; start += 300) {
      const part = mine.slice(start, start + 300);
      await store.settleFirst(part.map((delivery) => ({ pass: pass(delivery), outcome: outcomes.dead() })));
    }
    const filter = { accountId, status: 'dead' as const };
    expect(await changes.replay({ filter, dryRun: true })).toEqual({ matched: 1_203, changed: 0 });
    expect(await changes.replay({ filter })).toEqual({ matched: 1_203, changed: 1_203 });
    const { rows } = await ground.database.query<{ count: number }>(
      `select count(*)::int as count from delivery.delivery where account_id = $1 and status = 'scheduled' and pass = 2`,
      [accountId],
    );
    expect(rows[0]!.count).toBe(1_203);
    expect(await rowOf(ground, foreign)).toMatchObject({ status: 'dead' });
    expect(await rowOf(ground, good)).toMatchObject({ status: 'delivered' });
    expect(await changes.cancel({ filter: { accountId, after: daysAgo(2.5).toISOString() } })).toEqual({
      matched: 517,
      changed: 516,
    });
  }, 60_000);

  it('does not replay twice what two people replay by one filter', async () => {
    const accountId = `twice-${Math.random()}` as Delivery['accountId'];
    const deliveries = [await stored('dead', { accountId }), await stored('dead', { accountId })];
    const filter = { accountId, status: 'dead' as const };
    const other = new DeliveryChangeStore(ground.another(), retryDelays({}));
    const results = await Promise.all([changes.replay({ filter }), other.replay({ filter })]);
    expect(results[0].changed + results[1].changed).toBe(2);
    for (const delivery of deliveries) expect(await openRow(delivery)).toMatchObject({ pass: 2 });
  });

  it('replays Herald’s own mails, which the ledger does not count', async () => {
    const mails = new OwnMailStore(ground.database, retryDelays({})('email'));
    const { destinationId, accountId } = aDelivery();
    const id: DeliveryId = await ground.database.transaction((tx) =>
      mails.enqueue(tx, {
        kind: 'verification',
        reference: `v-${Math.random()}`,
        accountId,
        destinationId,
        label: 'Ops',
      }),
    );
    const before = await ended();
    expect(await changes.cancel({ ids: [id] })).toEqual({ matched: 1, changed: 1 });
    expect(await changes.replay({ ids: [id] })).toEqual({ matched: 1, changed: 1 });
    expect(await ended()).toBe(before);
    const room = { lanes: { urgent: 9, normal: 9, bulk: 9 }, accounts: [], destinations: [] };
    const { passes } = await new DueStore(ground.database, 60_000).claim(['email'], room);
    expect(passes.find(({ delivery }) => delivery.deliveryId === id)).toMatchObject({ number: 2, trigger: 'replay' });
  });
});
