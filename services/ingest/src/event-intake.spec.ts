/** What the intake does when one of its parts is away; everything it says to well and badly formed posts is in events.controller.spec.ts. */
import type { AccountId, ProducerId } from '@herald/contracts';
import {
  DatabaseClock,
  DatabaseSilent,
  InProcessBuckets,
  InProcessCache,
  Problem,
  type ProducerCaller,
} from '@herald/platform';
import type { AccountDirectory } from '@herald/subscriptions';
import { MemoryBus } from '@herald/testing';
import { describe, expect, it } from '@jest/globals';
import { EventIntake, type Post } from './event-intake.js';
import { RememberedEvents } from './remembered-events.js';

const producer: ProducerCaller = {
  kind: 'producer',
  producerId: '0b7a0f7e-52a1-4c7b-9d0e-6c1f0f1f2a3b' as ProducerId,
  categories: ['*'],
  ratePerSecond: null,
};
const bill = { accountId: 'cached', subtype: 'svc_bill', title: 'Bill', body: 'Ready' };
const post = (body: object, more: Partial<Post> = {}): Post => ({
  body,
  identity: null,
  requestId: null,
  hasEscapes: false,
  ...more,
});

function make() {
  const bus = new MemoryBus();
  /** The database is away: only what is cached is known. */
  const accounts = {
    isKnown: (id: AccountId) => id === 'cached',
    unknownOf: async (ids: readonly AccountId[]) => {
      if (ids.some((id) => id !== 'cached')) throw new DatabaseSilent('away');
      return [];
    },
  } as unknown as AccountDirectory;
  const remembered = new RememberedEvents(new InProcessCache(), {
    fingerprints: async () => {
      throw new DatabaseSilent('away');
    },
  });
  return {
    bus,
    intake: new EventIntake({ bus, buckets: new InProcessBuckets(), clock: new DatabaseClock(), accounts, remembered }),
  };
}

describe('the intake, with PostgreSQL away', () => {
  it('4: accepts for accounts that are cached', async () => {
    const { bus, intake } = make();
    expect(await intake.accept(producer, post(bill))).toMatchObject({ isReplay: false });
    expect(await intake.accept(producer, post({ ...bill, id: 'k' }))).toMatchObject({ isReplay: false });
    expect(await intake.accept(producer, post({ ...bill, id: 'k' }))).toMatchObject({ isReplay: true });
    expect(bus.published).toHaveLength(2);
  });

  it('4: says "not now" of accounts that aren’t, never "unknown"', async () => {
    const { bus, intake } = make();
    await expect(intake.accept(producer, post({ ...bill, accountId: 'other' }))).rejects.toBeInstanceOf(DatabaseSilent);
    const outcomes = await intake.acceptAll(producer, [post(bill), post({ ...bill, accountId: 'other' })]);
    expect(outcomes[0]).toMatchObject({ isReplay: false });
    expect(outcomes[1]).toMatchObject({ status: 503 });
    expect(bus.published).toHaveLength(1);
  });

  it('names what is wrong anyway', async () => {
    const { intake } = make();
    await expect(intake.accept(producer, post({ ...bill, accountId: 'other', title: '' }))).rejects.toMatchObject({
      status: 422,
    });
  });
});

describe('the intake, overloaded', () => {
  it('refuses what comes above its limit, and takes again when it falls', async () => {
    const { bus, intake } = make();
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    bus.onPublish = () => held;
    const posts = Array.from({ length: 1_000 }, () => post(bill));
    const batches = Array.from({ length: 10 }, () => intake.acceptAll(producer, posts));
    await expect(intake.accept(producer, post(bill))).rejects.toMatchObject({ status: 503 });
    await expect(intake.acceptAll(producer, posts)).rejects.toBeInstanceOf(Problem);
    release?.();
    await Promise.all(batches);
    expect(await intake.accept(producer, post(bill))).toMatchObject({ isReplay: false });
  });
});
