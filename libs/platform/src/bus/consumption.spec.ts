import { silent, until } from '@herald/testing';
import { describe, expect, it } from '@jest/globals';
import { type Bus, BusUnavailable, type ConsumeOptions, type IncomingRecord } from './bus.js';
import { type Item, readBatches, readRecords } from './consumption.js';
import type { DeadReason } from './dead-record.store.js';
import { Intake } from './intake.js';

const dataFault = () => Object.assign(new Error('invalid input'), { code: '22P02' });
const away = () => Object.assign(new Error('the database is restarting'), { code: '57P01' });

interface Dead {
  readonly value: string;
  readonly reason: DeadReason;
  readonly detail: string;
}

/** A bus of which the test is the log, with the real bookkeeping. */
function setUp() {
  const state = { waiting: false, fatal: [] as Error[], dead: [] as Dead[], isDeadAway: false };
  const intake = new Intake({ unfinishedAtMost: 10_000, onFull: () => {}, onRoom: () => {}, onFinished: () => {} });
  let options: ConsumeOptions | undefined;
  let next = 0;
  const bus = {
    consume: async (given: ConsumeOptions) => {
      options = given;
      return {
        drain: async () => {},
        setWaiting: (waiting: boolean) => {
          state.waiting = waiting;
        },
        unfinished: 0,
        missed: 0,
      };
    },
  } as unknown as Bus;
  return {
    state,
    intake,
    push(values: readonly string[], topic = 't') {
      const raw = values.map((value) => ({ offset: next++, key: 'k', value, bytes: value.length }));
      options!.receive(intake.accept(topic, 0, raw));
    },
    parts: {
      bus,
      group: 'g',
      topics: ['t', 'u'],
      parse: (value: string) => JSON.parse(value) as number,
      deadRecords: {
        async keep(record: IncomingRecord, reason: DeadReason, detail: string) {
          if (state.isDeadAway) throw away();
          state.dead.push({ value: record.value, reason, detail });
        },
      },
      logger: silent,
      onFatal: (error: Error) => void state.fatal.push(error),
    },
  };
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => String(from + index));
const valuesOf = (batch: readonly Item<number>[]) => batch.map(({ value }) => value);

describe('readBatches', () => {
  it('handles what arrives together as one batch, and finishes it when it is durable', async () => {
    const { parts, push, intake } = setUp();
    const batches: number[][] = [];
    let release = () => {};
    await readBatches({
      ...parts,
      batchAtMost: 4,
      handle: async (batch) => {
        batches.push(valuesOf(batch));
        if (batches.length === 1)
          await new Promise<void>((resolve) => {
            release = resolve;
          });
      },
    });
    push(numbers(2));
    push(numbers(1, 2));
    await until(() => batches.length === 1, 'the first batch');
    push(numbers(5, 3));
    expect(intake.unfinished).toBe(8);
    release();
    await until(() => intake.unfinished === 0, 'all to be finished');
    expect(batches).toEqual([[0, 1, 2], [3, 4, 5, 6], [7]]);
  });

  it('8: a lane that hangs lets the others pass', async () => {
    const { parts, push } = setUp();
    const handled: number[] = [];
    await readBatches({
      ...parts,
      handle: async (batch) => {
        if (batch[0]!.record.topic === 't') await new Promise(() => {});
        handled.push(...valuesOf(batch));
      },
    });
    push(['1'], 't');
    push(['2'], 'u');
    await until(() => handled.length > 0, 'the other lane');
    expect(handled).toEqual([2]);
  });

  it('29: one poisoned record among 500 is kept with its reason; the 499 are handled', async () => {
    const { parts, push, state, intake } = setUp();
    const handled = new Set<number>();
    await readBatches({
      ...parts,
      handle: async (batch) => {
        if (valuesOf(batch).includes(123)) throw dataFault();
        for (const value of valuesOf(batch)) handled.add(value);
      },
    });
    push(numbers(500));
    await until(() => intake.unfinished === 0, 'all to be finished');
    expect(handled.size).toBe(499);
    expect(state.dead).toEqual([{ value: '123', reason: 'DATA', detail: 'Error: invalid input' }]);
    expect(state.fatal).toEqual([]);
  });

  it('29: what can’t be parsed is kept as it came, and the rest of the batch is handled', async () => {
    const { parts, push, state, intake } = setUp();
    const handled: number[] = [];
    await readBatches({ ...parts, handle: async (batch) => void handled.push(...valuesOf(batch)) });
    push(['1', '{', '2']);
    await until(() => intake.unfinished === 0, 'all to be finished');
    expect(handled).toEqual([1, 2]);
    expect(state.dead).toMatchObject([{ value: '{', reason: 'UNREADABLE' }]);
    expect(state.dead[0]!.detail).toMatch(/^SyntaxError/);
  });

  it('29: a bug is given three tries on its record alone', async () => {
    const { parts, push, state, intake } = setUp();
    let alone = 0;
    await readBatches({
      ...parts,
      handle: async (batch) => {
        if (!valuesOf(batch).includes(1)) return;
        if (batch.length === 1) alone += 1;
        throw new TypeError('a bug');
      },
    });
    push(numbers(4));
    await until(() => intake.unfinished === 0, 'all to be finished');
    expect(alone).toBe(3);
    expect(state.dead).toEqual([{ value: '1', reason: 'BUG', detail: 'TypeError: a bug' }]);
  });

  it.each([
    ['PostgreSQL', away],
    ['the bus', () => new BusUnavailable('Kafka does not answer')],
  ])('28: while %s is away it waits, tells the watchdog, and never counts it as a try', async (_, fault) => {
    const { parts, push, state, intake } = setUp();
    let calls = 0;
    await readBatches({
      ...parts,
      handle: async () => {
        calls += 1;
        if (calls <= 4) throw fault();
      },
    });
    push(numbers(3));
    await until(() => state.waiting, 'it to be told');
    expect(intake.unfinished).toBe(3);
    await until(() => intake.unfinished === 0, 'all to be finished');
    expect(state.waiting).toBe(false);
    expect(state.dead).toEqual([]);
    expect(calls).toBe(5);
  });

  it('28: after ten condemned in a row, none good between, it waits and alarms instead', async () => {
    const { parts, push, state, intake } = setUp();
    let isMended = false;
    await readBatches({
      ...parts,
      batchAtMost: 1,
      handle: async () => {
        if (!isMended) throw dataFault();
      },
    });
    push(numbers(30));
    await until(() => state.waiting, 'it to wait');
    expect(state.dead).toHaveLength(10);
    expect(intake.unfinished).toBe(20);
    isMended = true;
    await until(() => intake.unfinished === 0, 'all to be finished');
    expect(state.dead).toHaveLength(10);
    expect(state.waiting).toBe(false);
  });

  it('28: a good one between starts the count anew', async () => {
    const { parts, push, state, intake } = setUp();
    await readBatches({
      ...parts,
      batchAtMost: 1,
      handle: async ([item]) => {
        if (item!.value % 5 !== 0) throw dataFault();
      },
    });
    push(numbers(50));
    await until(() => intake.unfinished === 0, 'all to be finished');
    expect(state.dead).toHaveLength(40);
    expect(state.waiting).toBe(false);
  });

  it('keeps a record open until it is kept as dead', async () => {
    const { parts, push, state, intake } = setUp();
    state.isDeadAway = true;
    await readBatches({ ...parts, handle: async () => {} });
    push(['{']);
    await until(() => state.waiting, 'it to wait');
    expect(intake.unfinished).toBe(1);
    state.isDeadAway = false;
    await until(() => intake.unfinished === 0, 'it to be kept');
    expect(state.dead).toHaveLength(1);
    await until(() => !state.waiting, 'the wait to end');
  });

  it('16: leaves what was taken away, also while it waits', async () => {
    const { parts, push, state, intake } = setUp();
    let calls = 0;
    await readBatches({
      ...parts,
      handle: async () => {
        calls += 1;
        throw away();
      },
    });
    push(numbers(3));
    await until(() => calls > 0, 'a try');
    intake.revokeAll();
    await until(() => !state.waiting, 'the wait to end');
    const before = calls;
    push(numbers(1, 3));
    await until(() => calls > before, 'the next one');
    expect(state.fatal).toEqual([]);
    intake.revokeAll();
  });
});

describe('readRecords', () => {
  it('passes on what it can read, and keeps what nobody can', async () => {
    const { parts, push, state, intake } = setUp();
    const items: Item<number>[] = [];
    await readRecords({ ...parts, receive: (received) => void items.push(...received) });
    push(['1', 'nope', '2']);
    await until(() => state.dead.length === 1, 'the dead one');
    expect(valuesOf(items)).toEqual([1, 2]);
    expect(intake.unfinished).toBe(2);
    for (const { record } of items) record.finish();
    expect(intake.unfinished).toBe(0);
  });
});
