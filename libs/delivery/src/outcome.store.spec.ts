import { embedded, type Ground, servers } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aDelivery, anAttempt, content, rowOf } from '../test/worker-ground.js';
import { type Delivery, firstPass, type Outcome, type Pass } from './delivery.js';
import { OutcomeStore } from './outcome.store.js';

const delivered = (): Outcome => ({ status: 'delivered', attempt: anAttempt() });
const dead = (): Outcome => ({
  status: 'dead',
  reason: 'REJECTED',
  attempt: anAttempt({ error: 'unknown', httpStatus: 400 }),
});
const scheduled = (): Outcome => ({
  status: 'scheduled',
  dueAtMs: Date.now() + 60_000,
  spent: 1,
  wasAmbiguous: false,
  attempt: anAttempt({ error: 'provider-down', httpStatus: 503 }),
});

describe.each([embedded, ...servers])('outcomes on $name', ({ open }) => {
  let ground: Ground;
  let store: OutcomeStore;
  beforeAll(async () => {
    ground = await open();
    store = new OutcomeStore(ground.database, '00000000-0000-4000-8000-000000000001');
  }, 60_000);
  afterAll(() => ground.close());

  const first = (delivery: Delivery): Pass => firstPass(delivery, content, 3_600_000);
  const under = (delivery: Delivery, fence: number, number = 1): Pass => ({ ...first(delivery), fence, number });
  const stored = async (outcome: Outcome): Promise<Delivery> => {
    const delivery = aDelivery();
    await store.settleFirst([{ pass: first(delivery), outcome }]);
    return delivery;
  };

  it('15: the first outcome stands, a second first one changes no state and adds its attempt', async () => {
    const delivery = await stored(delivered());
    await store.settleFirst([{ pass: first(delivery), outcome: dead() }]);
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'delivered', attempt_count: 2 });
  });

  it('15: the same statement twice, its answer lost, counts its attempt once', async () => {
    const delivery = aDelivery();
    const settlement = { pass: first(delivery), outcome: delivered() };
    await store.settleFirst([settlement]);
    await store.settleFirst([settlement]);
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'delivered', attempt_count: 1 });
  });

  it.each([
    ['under its own number', 1, 'dead'],
    ['under another one', 0, 'scheduled'],
  ])('15: a later outcome is written %s: %s', async (_how, fence, status) => {
    const delivery = await stored(scheduled());
    await store.settleLater([{ pass: under(delivery, fence), outcome: dead() }]);
    expect(await rowOf(ground, delivery)).toMatchObject({ status, attempt_count: 2 });
  });

  it('15: delivered wins over every other state of its pass, under any number', async () => {
    for (const before of [scheduled(), dead()]) {
      const delivery = await stored(before);
      await store.settleLater([{ pass: under(delivery, 0), outcome: delivered() }]);
      expect(await rowOf(ground, delivery)).toMatchObject({ status: 'delivered', state: null, reason: null });
    }
  });

  it('15: an outcome of an earlier pass is added to the attempts and changes no state', async () => {
    const delivery = await stored(scheduled());
    await ground.database.query('update delivery.delivery set pass = 2 where delivery_id = $1', [delivery.deliveryId]);
    await store.settleLater([{ pass: under(delivery, 1), outcome: delivered() }]);
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'scheduled', attempt_count: 2 });
  });

  it('26: a late delivered of its pass is recorded over cancelled, nothing else is', async () => {
    const cancelled = async () => {
      const delivery = await stored(scheduled());
      await ground.database.query(`update delivery.delivery set status = 'cancelled' where delivery_id = $1`, [
        delivery.deliveryId,
      ]);
      await ground.database.query('delete from delivery.open where delivery_id = $1', [delivery.deliveryId]);
      return delivery;
    };
    const [one, other] = [await cancelled(), await cancelled()];
    await store.settleLater([{ pass: under(one, 1), outcome: dead() }]);
    await store.settleLater([{ pass: under(other, 1), outcome: delivered() }]);
    expect(await rowOf(ground, one)).toMatchObject({ status: 'cancelled' });
    expect(await rowOf(ground, other)).toMatchObject({ status: 'delivered' });
  });

  it('16: a lease makes a row that the new owner sees, and its outcome is settled under the lease’s number', async () => {
    const delivery = aDelivery();
    const pass = first(delivery);
    await store.lease([pass], 20_000);
    expect(pass.fence).toBe(1);
    expect((await store.known([delivery], [])).deliveries.has(delivery.deliveryId)).toBe(true);
    await store.settleLater([{ pass, outcome: dead() }]);
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'dead', state: null });
  });

  it('29: one row that PostgreSQL refuses does not take the others’ answers', async () => {
    const good = aDelivery();
    const bad = { ...aDelivery(), label: 'with \u0000' };
    await expect(
      store.settleFirst([
        { pass: first(good), outcome: delivered() },
        { pass: first(bad), outcome: delivered() },
      ]),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^22/) });
    expect(await rowOf(ground, good)).toBeUndefined();
  });

  it('tells the open breakers of destinations that were asked about', async () => {
    const delivery = aDelivery();
    await ground.database.query(
      `insert into delivery.queue (destination_id, account_id, channel, breaker, opened_at, revision)
       values ($1, 'account-1', 'webhook', 'open', now() - interval '10 seconds', 3)`,
      [delivery.destinationId],
    );
    const { openBreakers } = await store.known([delivery], [delivery.destinationId]);
    expect(openBreakers.get(delivery.destinationId)).toMatchObject({ revision: 3 });
    expect(openBreakers.get(delivery.destinationId)!.openForMs).toBeGreaterThanOrEqual(10_000);
  });
});
