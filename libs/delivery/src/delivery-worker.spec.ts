import { randomUUID } from 'node:crypto';
import { failure } from '@herald/channels';
import type { AccountId, DestinationId } from '@herald/contracts';
import { DatabaseClock } from '@herald/platform';
import { embedded, type Ground, servers } from '@herald/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  aDelivery,
  content,
  down,
  FakeRecord,
  ok,
  type Row,
  rowOf,
  type Scripted,
  script,
  until,
} from '../test/worker-ground.js';
import { type Delivery, firstPass } from './delivery.js';
import { OutcomeStore } from './outcome.store.js';

const never = new Promise<never>(() => {});
const throttledFor = (seconds: number) =>
  failure('throttled', 'HTTP 429', { status: 429, retryAfterSeconds: seconds, retryAfterStated: true });

describe.each([embedded, ...servers])('the delivery path on $name', ({ open }) => {
  let ground: Ground;
  const running: Scripted[] = [];

  beforeAll(async () => {
    ground = await open();
  }, 60_000);
  afterAll(async () => {
    await ground.close();
  });
  beforeEach(async () => {
    await ground.database.query('truncate delivery.delivery, delivery.open, delivery.queue, delivery.ledger');
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map(({ worker }) => worker.stop(0)));
  });

  const begin = async (options?: Parameters<typeof script>[1]): Promise<Scripted> => {
    const scripted = await script(ground, options);
    running.push(scripted);
    scripted.worker.start();
    return scripted;
  };
  const rowThat = (what: string, delivery: Delivery, test: (row: Row) => boolean, ms?: number): Promise<Row> =>
    until(
      `${what} (${delivery.deliveryId})`,
      async () => {
        const row = await rowOf(ground, delivery);
        return row && test(row) ? row : undefined;
      },
      ms,
    );
  const ended = (status: string, delivery: Delivery, ms?: number): Promise<Row> =>
    rowThat(status, delivery, (row) => row.status === status, ms);
  const finished = (records: FakeRecord[], ms?: number) =>
    until('all records finished', () => records.every(({ isFinished }) => isFinished), ms);

  it('writes one row for a delivery that succeeds at once, and finishes its record after that', async () => {
    const { receive, calls, health } = await begin();
    const delivery = aDelivery();
    const [record] = receive(delivery);
    await finished([record!]);
    expect(await rowOf(ground, delivery)).toMatchObject({
      status: 'delivered',
      attempt_count: 1,
      state: null,
      pass: 1,
    });
    expect(calls).toHaveLength(1);
    expect(health).toEqual(['succeeded']);
  });

  it('13: does not attempt a delivery that has a row, whatever its state', async () => {
    const first = await begin({ waits: '60000ms' });
    first.answer = () => throttledFor(600);
    const delivery = aDelivery();
    await finished(first.receive(delivery));
    await first.worker.stop(1_000);
    const second = await begin();
    const again = second.receive(delivery);
    await finished(again);
    expect(second.calls).toHaveLength(0);
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'scheduled', attempt_count: 1 });
  });

  it('14: starts the same delivery once, also twice in one batch; the second record waits for the first’s outcome', async () => {
    let answer: (value: typeof ok) => void = () => {};
    const scripted = await begin();
    scripted.answer = () => new Promise((resolve) => (answer = resolve));
    const delivery = aDelivery();
    const records = scripted.receive(delivery, delivery);
    await until('the call', () => scripted.calls.length === 1);
    records.push(...scripted.receive(delivery));
    expect(records.some(({ isFinished }) => isFinished)).toBe(false);
    answer(ok);
    await finished(records);
    expect(scripted.calls).toHaveLength(1);
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'delivered', attempt_count: 1 });
  });

  it('16: gives what is in flight a leased row when its partitions are taken away, and does not start the rest', async () => {
    let answer: (value: typeof ok) => void = () => {};
    const old = await begin();
    old.answer = () => new Promise((resolve) => (answer = resolve));
    const [inFlight, other] = [aDelivery(), aDelivery({ channel: 'slack' })];
    old.receive(inFlight);
    await until('the call', () => old.calls.length === 1);
    const notStarted = aDelivery();
    const [unread] = old.receive(notStarted);
    await old.worker.revoking('webhook');
    expect(await rowOf(ground, inFlight)).toMatchObject({ status: 'scheduled', state: 'leased' });
    const owner = await begin();
    const records = owner.receive(inFlight, notStarted);
    await finished(records);
    expect(owner.calls.map(({ deliveryId }) => deliveryId)).toEqual([notStarted.deliveryId]);
    expect(unread!.isFinished).toBe(false);
    answer(ok);
    await ended('delivered', inFlight);
    old.answer = () => ok;
    await finished(old.receive(other));
    expect(await rowOf(ground, inFlight)).toMatchObject({ attempt_count: 1, state: null });
  });

  it('17, 18: ends an attempt whose promise never settles, and marks it ambiguous', async () => {
    const scripted = await begin({ waits: '60000ms' });
    scripted.answer = () => never;
    const delivery = aDelivery();
    const started = performance.now();
    scripted.receive(delivery);
    const row = await rowThat('an attempt', delivery, ({ attempt_count }) => attempt_count === 1, 25_000);
    expect(performance.now() - started).toBeGreaterThan(14_500);
    expect(row.attempts[0]).toMatchObject({ error: 'timeout', ambiguous: true });
  }, 40_000);

  it('17, 18: at the limit the channel’s own word counts: what was never written is not ambiguous', async () => {
    const scripted = await begin({ waits: '60000ms' });
    scripted.answer = (call) =>
      new Promise((resolve) => {
        call.signal.addEventListener('abort', () =>
          setTimeout(() => resolve(failure('timeout', 'TIMEOUT', { ambiguous: false })), 5),
        );
      });
    const robot = aDelivery({ channel: 'slack' });
    scripted.receive(robot);
    const row = await rowThat('an attempt', robot, ({ attempt_count }) => attempt_count === 1, 25_000);
    expect(row.attempts[0]!.ambiguous).toBeUndefined();
  }, 40_000);

  it('18: tries a chat robot once more after an ambiguous attempt, then leaves it unconfirmed', async () => {
    const scripted = await begin();
    scripted.answer = () => failure('timeout', 'TIMEOUT', { ambiguous: true });
    const robot = aDelivery({ channel: 'dingtalk' });
    scripted.receive(robot);
    expect(await ended('dead', robot)).toMatchObject({ reason: 'UNCONFIRMED', attempt_count: 2 });
  });

  it('tries again by the channel’s waits, until it works, under the same id', async () => {
    const scripted = await begin();
    scripted.answer = (_call, count) => (count < 3 ? down : ok);
    const delivery = aDelivery();
    await finished(scripted.receive(delivery));
    const row = await ended('delivered', delivery);
    expect(row.attempts.map(({ by }) => by)).toEqual(['event', 'retry', 'retry']);
    expect(new Set(scripted.calls.map(({ deliveryId }) => deliveryId)).size).toBe(1);
  });

  it('gives up when the waits are spent', async () => {
    const scripted = await begin({ waits: '50ms,50ms' });
    scripted.answer = () => down;
    const delivery = aDelivery();
    scripted.receive(delivery);
    expect(await ended('dead', delivery)).toMatchObject({ reason: 'RETRIES_EXHAUSTED', attempt_count: 3 });
  });

  it('20: waits in memory where its destination is full but quick, and parks nothing', async () => {
    const scripted = await begin();
    scripted.answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return ok;
    };
    const destinationId = randomUUID() as DestinationId;
    const deliveries = Array.from({ length: 300 }, () => aDelivery({ destinationId }));
    await finished(scripted.receive(...deliveries));
    const { rows } = await ground.database.query<{ n: number }>('select count(*)::int as n from delivery.queue');
    expect(rows[0]!.n).toBe(0);
    expect(scripted.calls).toHaveLength(300);
  });

  it('20, 21: parks what a hanging destination would hold up, and others go on', async () => {
    const scripted = await begin();
    const [hanging, fine] = [randomUUID() as DestinationId, randomUUID() as DestinationId];
    scripted.answer = ({ destinationId }) => (destinationId === hanging ? never : ok);
    const stuck = Array.from({ length: 100 }, () => aDelivery({ destinationId: hanging }));
    const records = scripted.receive(...stuck);
    await until('64 calls', () => scripted.calls.length === 64);
    await until('the rest parked', () => records.filter(({ isFinished }) => isFinished).length === 36);
    await finished(scripted.receive(aDelivery({ destinationId: fine })), 1_000);
    const { rows } = await ground.database.query<{ n: number }>(
      `select count(*)::int as n from delivery.open where destination_id = $1 and state = 'parked'`,
      [hanging],
    );
    expect(rows[0]!.n).toBe(36);
  }, 20_000);

  it('20: pulls what was parked when room frees, and takes the queue away when it is empty', async () => {
    const scripted = await begin();
    const destinationId = randomUUID() as DestinationId;
    const open: ((value: typeof ok) => void)[] = [];
    scripted.answer = () => new Promise((resolve) => open.push(resolve));
    const deliveries = Array.from({ length: 100 }, () => aDelivery({ destinationId }));
    const records = scripted.receive(...deliveries);
    await until('the rest parked', () => records.filter(({ isFinished }) => isFinished).length === 36);
    scripted.answer = () => ok;
    for (const resolve of open) resolve(ok);
    for (const delivery of deliveries) await ended('delivered', delivery);
    expect(scripted.calls).toHaveLength(100);
    await until('no queue', async () => (await ground.database.query('select 1 from delivery.queue')).rowCount === 0);
  }, 20_000);

  it('21: an account holds at most 128 in flight, whatever its destinations', async () => {
    const scripted = await begin();
    scripted.answer = () => never;
    const accountId = 'greedy' as AccountId;
    scripted.receive(...Array.from({ length: 200 }, () => aDelivery({ accountId })));
    await until('128 calls', () => scripted.calls.length >= 128);
    await finished(
      scripted.receive(aDelivery({ accountId: 'modest' as AccountId, lane: 'urgent' })).map((record) => record),
      100,
    ).catch(() => {});
    expect(scripted.calls.filter(({ deliveryId }) => deliveryId).length).toBe(129);
  });

  it('20: what is due for one destination goes out as it answers, not one claim’s worth each second', async () => {
    const destinationId = randomUUID() as DestinationId;
    const due = Array.from({ length: 640 }, () => aDelivery({ destinationId }));
    await new OutcomeStore(ground.database, randomUUID()).settleFirst(
      due.map((delivery) => ({
        pass: firstPass(delivery, content, 3_600_000),
        outcome: { status: 'scheduled', dueAtMs: Date.now() - 1_000, spent: 1, wasAmbiguous: false, attempt: null },
      })),
    );
    const scripted = await begin();
    // Ten claims' worth: a claim each second would take nine.
    await until('all called', () => scripted.calls.length === 640, 7_000);
  }, 20_000);

  it('21: what is pulled from many queues of one account stays within the account’s limit', async () => {
    const scripted = await begin();
    const destinations = Array.from({ length: 6 }, () => randomUUID() as DestinationId);
    const held: ((value: typeof ok) => void)[] = [];
    scripted.answer = () => new Promise((resolve) => held.push(resolve));
    const deliveries = Array.from({ length: 300 }, (_, index) =>
      aDelivery({ destinationId: destinations[index % 6]! }),
    );
    const records = scripted.receive(...deliveries);
    await until('the rest parked', () => records.filter(({ isFinished }) => isFinished).length === 172);
    let inFlight = 0;
    let most = 0;
    scripted.answer = async () => {
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setTimeout(resolve, 50));
      inFlight -= 1;
      return ok;
    };
    for (const resolve of held) resolve(ok);
    await until('all called', () => scripted.calls.length === 300);
    expect(most).toBeLessThanOrEqual(128);
  }, 30_000);

  it('22: opens after 10 failures in a row, parks without spending attempts, probes, and lets all out when it works', async () => {
    const scripted = await begin({ waits: '100ms,100ms,100ms,100ms,100ms,100ms,100ms' });
    const destinationId = randomUUID() as DestinationId;
    let isUp = false;
    scripted.answer = () => (isUp ? ok : down);
    const failing = Array.from({ length: 10 }, () => aDelivery({ destinationId }));
    await finished(scripted.receive(...failing));
    const opened = scripted.calls.length;
    const parked = Array.from({ length: 20 }, () => aDelivery({ destinationId }));
    await finished(scripted.receive(...parked));
    expect(await rowOf(ground, parked[0]!)).toMatchObject({
      status: 'scheduled',
      state: 'parked',
      attempt_count: 0,
      spent: 0,
    });
    await until('a probe', () => scripted.calls.length > opened);
    isUp = true;
    for (const delivery of [...failing, ...parked]) await ended('delivered', delivery, 15_000);
    await until('a closed breaker', async () => {
      const { rowCount } = await ground.database.query(`select 1 from delivery.queue where breaker = 'open'`);
      return rowCount === 0;
    });
  }, 40_000);

  it('22, 25: new settings start with a closed breaker', async () => {
    const scripted = await begin({ waits: '60000ms' });
    const destinationId = randomUUID() as DestinationId;
    let revision = 1;
    scripted.destination = () => ({ state: 'usable', config: { id: destinationId }, locale: 'en-US', revision });
    scripted.answer = () => down;
    await finished(scripted.receive(...Array.from({ length: 10 }, () => aDelivery({ destinationId }))));
    revision = 2;
    scripted.answer = () => ok;
    const delivery = aDelivery({ destinationId });
    scripted.receive(delivery);
    await ended('delivered', delivery, 1_500);
  });

  it('23: is due at Retry-After, never sooner, and costs no attempt', async () => {
    const scripted = await begin();
    scripted.answer = (_call, count) => (count === 1 ? throttledFor(2) : ok);
    const delivery = aDelivery();
    await finished(scripted.receive(delivery));
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'scheduled', spent: 0 });
    await ended('delivered', delivery);
    const [first, second] = scripted.calls;
    expect(second!.atMs - first!.atMs).toBeGreaterThanOrEqual(2_000);
    expect(second!.atMs - first!.atMs).toBeLessThan(3_000);
  });

  it('25: a silence that former settings asked for does not hold for new ones', async () => {
    const scripted = await begin();
    const destinationId = randomUUID() as DestinationId;
    let revision = 1;
    scripted.destination = () => ({ state: 'usable', config: { id: destinationId }, locale: 'en-US', revision });
    scripted.answer = () => throttledFor(3_600);
    await finished(scripted.receive(aDelivery({ destinationId })));
    const waiting = aDelivery({ destinationId });
    await finished(scripted.receive(waiting));
    expect(await rowOf(ground, waiting)).toMatchObject({ state: 'parked' });
    revision = 2;
    scripted.answer = () => ok;
    const next = aDelivery({ destinationId });
    await finished(scripted.receive(next));
    expect(await rowOf(ground, next)).toMatchObject({ status: 'delivered' });
    await ended('delivered', waiting);
  });

  it('22, 24: what a dead worker had leased joins the queue of a destination that does not answer, and ends in time', async () => {
    const scripted = await begin({ waits: '60000ms' });
    const destinationId = randomUUID() as DestinationId;
    scripted.answer = () => down;
    const lost = aDelivery({ destinationId, expiresAt: new Date(Date.now() + 6_000) });
    await finished(scripted.receive(lost, ...Array.from({ length: 10 }, () => aDelivery({ destinationId }))));
    await ground.database.query(
      `update delivery.open set state = 'leased', due_at = now() - interval '1 second' where delivery_id = $1`,
      [lost.deliveryId],
    );
    await rowThat('parked again', lost, ({ state, fence }) => state === 'parked' && fence! > 1);
    expect(await ended('suppressed', lost)).toMatchObject({ reason: 'EXPIRED' });
  }, 20_000);

  it('23: leaves a throttled destination in peace meanwhile, and parks what comes for it', async () => {
    const scripted = await begin();
    const destinationId = randomUUID() as DestinationId;
    scripted.answer = (_call, count) => (scripted.calls.length === 1 && count === 1 ? throttledFor(1) : ok);
    await finished(scripted.receive(aDelivery({ destinationId })));
    const next = aDelivery({ destinationId });
    await finished(scripted.receive(next));
    expect(scripted.calls).toHaveLength(1);
    expect(await rowOf(ground, next)).toMatchObject({ state: 'parked', attempt_count: 0 });
    await ended('delivered', next);
    expect(scripted.calls[1]!.atMs - scripted.calls[0]!.atMs).toBeGreaterThanOrEqual(1_000);
  });

  it('respects a provider’s limit before it bites, and a throttled pass costs no attempt', async () => {
    const limits = () => [{ key: 'robot', capacity: 5, perMs: 1_000 }];
    const scripted = await begin({ limits });
    const destinationId = randomUUID() as DestinationId;
    const deliveries = Array.from({ length: 12 }, () => aDelivery({ destinationId, channel: 'lark' }));
    const started = performance.now();
    await finished(scripted.receive(...deliveries));
    for (const delivery of deliveries) {
      expect(await ended('delivered', delivery)).toMatchObject({ attempt_count: 1 });
    }
    expect(performance.now() - started).toBeGreaterThan(1_300);
    expect(scripted.calls.filter(({ atMs }) => atMs - started < 900).length).toBeLessThanOrEqual(10);
  }, 20_000);

  it('24: a pass that is throttled for ever ends at its last time', async () => {
    const scripted = await begin();
    scripted.answer = () => throttledFor(1);
    const delivery = aDelivery({ expiresAt: new Date(Date.now() + 2_500) });
    scripted.receive(delivery);
    expect(await ended('suppressed', delivery)).toMatchObject({ reason: 'EXPIRED', state: null });
  });

  it('24: a due time beyond the last time is set to it, and the row then ends without a call', async () => {
    const scripted = await begin();
    scripted.answer = () => throttledFor(3_600);
    const delivery = aDelivery({ expiresAt: new Date(Date.now() + 1_500) });
    scripted.receive(delivery);
    expect(await ended('suppressed', delivery)).toMatchObject({ reason: 'EXPIRED', attempt_count: 1 });
    expect(scripted.calls).toHaveLength(1);
  });

  it('24: what is parked at a destination that never answers ends at its last time', async () => {
    const scripted = await begin({ waits: '60000ms' });
    const destinationId = randomUUID() as DestinationId;
    scripted.answer = () => down;
    await finished(scripted.receive(...Array.from({ length: 10 }, () => aDelivery({ destinationId }))));
    const delivery = aDelivery({ destinationId, expiresAt: new Date(Date.now() + 1_500) });
    await finished(scripted.receive(delivery));
    const row = await ended('suppressed', delivery);
    expect(row).toMatchObject({ reason: 'EXPIRED', state: null });
    expect(row.attempts.filter(({ by }) => by !== 'probe')).toEqual([]);
  });

  it('24, 27: expires nothing because this machine’s clock is an hour off', async () => {
    const clock = new DatabaseClock();
    const hourAhead = { query: async () => ({ rows: [{ ms: Date.now() }], rowCount: 1 }) };
    await clock.start(hourAhead as never);
    clock.stop();
    const scripted = await begin({ clock });
    const real = Date.now;
    Date.now = () => real() + 3_600_000;
    try {
      const delivery = aDelivery({ acceptedAt: new Date(real()), expiresAt: new Date(real() + 60_000) });
      await finished(scripted.receive(delivery));
      expect(await rowOf(ground, delivery)).toMatchObject({ status: 'delivered' });
    } finally {
      Date.now = real;
    }
  });

  it('25: a destination that may not be sent to is an end with its reason, never an error', async () => {
    const scripted = await begin();
    scripted.destination = () => ({ state: 'unusable', reason: 'DESTINATION_REMOVED' });
    const delivery = aDelivery();
    await finished(scripted.receive(delivery));
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'suppressed', reason: 'DESTINATION_REMOVED' });
    expect(scripted.calls).toHaveLength(0);
  });

  it('25: says that a destination is gone before it records the outcome', async () => {
    const scripted = await begin();
    scripted.answer = () => failure('bad-destination', 'HTTP 410', { status: 410, gone: true });
    const delivery = aDelivery();
    await finished(scripted.receive(delivery));
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'dead', reason: 'REJECTED' });
    expect(scripted.health).toEqual(['gone']);
  });

  it('29: writes an outcome whose provider text PostgreSQL refuses', async () => {
    const scripted = await begin();
    scripted.answer = () => ({ status: 200, providerCode: 'HTTP 200', providerMessage: 'bad \u0000 and \uD800 text' });
    const delivery = aDelivery();
    await finished(scripted.receive(delivery));
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'delivered' });
  });

  it('29: one poisoned record among 500 is kept with its reason, the others are delivered', async () => {
    const scripted = await begin();
    const poisoned = aDelivery({ deliveryId: 'not a uuid' as Delivery['deliveryId'] });
    const unwritable = aDelivery({ label: 'NUL \u0000' });
    const good = Array.from({ length: 498 }, () => aDelivery());
    const records = scripted.receive(...good.slice(0, 250), poisoned, unwritable, ...good.slice(250));
    await finished(records, 20_000);
    expect(records.flatMap(({ condemned }, index) => (condemned ? [[index, condemned]] : []))).toEqual([
      [250, 'DATA'],
      [251, 'DATA'],
    ]);
    const { rows } = await ground.database.query<{ n: number }>(
      `select count(*)::int as n from delivery.delivery where status = 'delivered'`,
    );
    expect(rows[0]!.n).toBe(498);
  }, 30_000);

  it('8: chooses the partition by acceptance alone, and makes one that is missing', async () => {
    const scripted = await begin({ waits: `${3 * 86_400_000}ms` });
    const acceptedAt = new Date(Date.now() - 3 * 86_400_000);
    const delivery = aDelivery({ acceptedAt, occurredAt: new Date('2019-01-01') });
    await finished(scripted.receive(delivery, aDelivery()));
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'delivered' });
  });

  it('15: delivered is recorded though somebody else has claimed the row meanwhile', async () => {
    const scripted = await begin();
    const delivery = aDelivery();
    let answer: (value: typeof ok) => void = () => {};
    scripted.answer = (_call, count) => (count === 1 ? down : new Promise((resolve) => (answer = resolve)));
    await finished(scripted.receive(delivery));
    await until('the second call', () => scripted.calls.length === 2);
    // Somebody else's claim after the lease has run out raises the fence.
    await ground.database.query('update delivery.open set fence = fence + 1 where delivery_id = $1', [
      delivery.deliveryId,
    ]);
    answer({ ...ok });
    const row = await ended('delivered', delivery);
    // Delivered wins under any number of its pass (15).
    expect(row.state).toBeNull();
  });

  it('reads what an event says where the record does not carry it', async () => {
    const scripted = await begin();
    const record = new FakeRecord();
    const delivery = aDelivery();
    scripted.worker.receive([{ record, delivery, content: null }]);
    await finished([record]);
    expect(await rowOf(ground, delivery)).toMatchObject({ status: 'delivered' });
    scripted.stored = null;
    const [lost, gone] = [new FakeRecord(), aDelivery()];
    scripted.worker.receive([{ record: lost, delivery: gone, content: null }]);
    await finished([lost]);
    expect(await rowOf(ground, gone)).toMatchObject({ status: 'suppressed' });
    expect(content.title).toBe('Title');
  });

  it('sums what it stored and what ended, per hour, in the statements that write the rows', async () => {
    const scripted = await begin({ waits: '50ms' });
    scripted.answer = () => down;
    const [one, two] = [aDelivery(), aDelivery()];
    await finished(scripted.receive(one, two));
    await ended('dead', one);
    await ended('dead', two);
    const { rows } = await ground.database.query<{ stored: number; ended: number }>(
      'select sum(stored)::int as stored, sum(ended)::int as ended from delivery.ledger',
    );
    expect(rows[0]).toEqual({ stored: 2, ended: 2 });
  });
});
