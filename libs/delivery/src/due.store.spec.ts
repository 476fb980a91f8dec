import { randomUUID } from 'node:crypto';
import type { AccountId, DestinationId, Lane } from '@herald/contracts';
import { embedded, type Ground, servers } from '@herald/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { aDelivery, content, rowOf } from '../test/worker-ground.js';
import { type Delivery, firstPass } from './delivery.js';
import { DueStore, firstTurn, type Room } from './due.store.js';
import { OutcomeStore } from './outcome.store.js';

const open = (lanes: Partial<Record<Lane, number>> = {}): Room => ({
  lanes: { urgent: 512, normal: 384, bulk: 256, ...lanes },
  accounts: [],
  destinations: [],
});

describe.each([embedded, ...servers])('claims on $name', ({ open: openGround }) => {
  let ground: Ground;
  let outcomes: OutcomeStore;
  let due: DueStore;
  beforeAll(async () => {
    ground = await openGround();
    outcomes = new OutcomeStore(ground.database, randomUUID());
    due = new DueStore(ground.database, 60_000);
  }, 60_000);
  afterAll(() => ground.close());
  beforeEach(async () => {
    await ground.database.query('truncate delivery.delivery, delivery.open, delivery.queue');
  });

  async function makeDue(count: number, more: Partial<Delivery>): Promise<Delivery[]> {
    const deliveries = Array.from({ length: count }, () => aDelivery(more));
    await outcomes.settleFirst(
      deliveries.map((delivery) => ({
        pass: firstPass(delivery, content, 3_600_000),
        outcome: { status: 'scheduled', dueAtMs: Date.now() - 1_000, spent: 1, wasAmbiguous: false, attempt: null },
      })),
    );
    return deliveries;
  }
  const tally = <Key>(keys: readonly Key[]) => {
    const counts = new Map<Key, number>();
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    return counts;
  };

  it('19: claims of a destination what it has room for, and of the others too', async () => {
    const slow = randomUUID() as DestinationId;
    await makeDue(300, { destinationId: slow });
    const [other] = await makeDue(1, {});
    const { passes } = await due.claim(['webhook'], open());
    const perDestination = tally(passes.map(({ delivery }) => delivery.destinationId));
    expect(perDestination.get(slow)).toBe(64);
    expect(perDestination.get(other!.destinationId)).toBe(1);
    const full: Room = { ...open(), destinations: [[slow, 0]] };
    expect((await due.claim(['webhook'], full)).passes).toHaveLength(0);
  });

  it('19: one tenant’s due rows do not take every claim', async () => {
    for (let index = 0; index < 4; index += 1) {
      await makeDue(60, { accountId: 'greedy' as AccountId, destinationId: randomUUID() as DestinationId });
    }
    await makeDue(1, { accountId: 'modest' as AccountId });
    const { passes } = await due.claim(['webhook'], open());
    const perAccount = tally(passes.map(({ delivery }) => delivery.accountId as string));
    expect(perAccount.get('greedy')).toBe(128);
    expect(perAccount.get('modest')).toBe(1);
  });

  it('19: urgent first, and each lane within its own budget', async () => {
    await makeDue(20, { lane: 'bulk' });
    await makeDue(20, { lane: 'urgent' });
    const { passes } = await due.claim(['webhook'], open({ urgent: 20, bulk: 5 }));
    expect(tally(passes.map(({ delivery }) => delivery.lane as string))).toEqual(
      new Map([
        ['urgent', 20],
        ['bulk', 5],
      ]),
    );
  });

  it('19: leases what it claims, raises the number, and lets go what could not start', async () => {
    const [delivery] = await makeDue(1, {});
    const { passes } = await due.claim(['webhook'], open());
    expect(passes[0]).toMatchObject({ fence: 2, spent: 1, trigger: 'retry' });
    expect(await rowOf(ground, delivery!)).toMatchObject({ state: 'leased', fence: 2 });
    expect((await due.claim(['webhook'], open())).passes).toHaveLength(0);
    await due.letGo(passes);
    expect((await due.claim(['webhook'], open())).passes[0]).toMatchObject({ fence: 3 });
  });

  it('19: somebody else’s claim after the lease has run out makes the former’s letting go void', async () => {
    const [delivery] = await makeDue(1, {});
    const { passes } = await due.claim(['webhook'], open());
    await ground.database.query(`update delivery.open set due_at = now() - interval '1 second'`);
    await due.claim(['webhook'], open());
    await due.letGo(passes);
    expect(await rowOf(ground, delivery!)).toMatchObject({ state: 'leased', fence: 3 });
  });

  it('22: leaves alone what waits for a breaker, but for what has come to its last time', async () => {
    const [waiting] = await makeDue(1, {});
    await ground.database.query(
      `insert into delivery.queue (destination_id, account_id, channel, breaker) values ($1, 'account-1', 'webhook', 'open')`,
      [waiting!.destinationId],
    );
    expect((await due.claim(['webhook'], open())).passes).toHaveLength(0);
    await ground.database.query('update delivery.open set last_at = due_at');
    expect((await due.claim(['webhook'], open())).passes).toHaveLength(1);
  });

  it('19: by turns, finds every destination behind a window full of rows that can’t start', async () => {
    const slow = randomUUID() as DestinationId;
    await makeDue(300, { destinationId: slow, accountId: 'aaa' as AccountId });
    const others = await makeDue(5, { accountId: 'zzz' as AccountId });
    const room: Room = { ...open(), destinations: [[slow, 0]] };
    const { passes } = await due.claimByTurns('webhook', 'normal', firstTurn, room);
    expect(new Set(passes.map(({ delivery }) => delivery.deliveryId))).toEqual(
      new Set(others.map(({ deliveryId }) => deliveryId)),
    );
  });

  it('claims of two processes never meet', async () => {
    await makeDue(50, {});
    const [one, other] = await Promise.all([
      due.claim(['webhook'], open()),
      new DueStore(ground.another(), 60_000).claim(['webhook'], open()),
    ]);
    const ids = [...one.passes, ...other.passes].map(({ delivery }) => delivery.deliveryId);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
