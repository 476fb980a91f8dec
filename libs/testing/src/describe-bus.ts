/** What every bus promises (libs/platform/src/bus/bus.ts): one suite, run by both implementations. */

import {
  type Bus,
  type ConsumeOptions,
  type Consumption,
  type IncomingRecord,
  MAX_RECORD_BYTES,
  type OutgoingRecord,
  partitionOf,
  RecordTooLarge,
} from '@herald/platform';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { anId } from './database-ground.js';
import { until } from './until.js';

export interface BusGround {
  readonly partitions: number;
  /** A bus as a process has it, on the same log every time. Where only one process may use the log, the last one ends. */
  open(partitions?: number): Promise<Bus>;
  /** Records of a partition below an offset are no longer kept. */
  expire(topic: string, partition: number, below: number): Promise<void>;
  close(): Promise<void>;
}

/** A receiver that keeps what it gets, and the consumption it belongs to. */
export class Reader {
  readonly received: IncomingRecord[] = [];
  readonly fatal: Error[] = [];
  revocations = 0;
  /** Set it to finish records as they come. */
  finishes = false;
  private consumption: Consumption | undefined;

  async begin(bus: Bus, options: Pick<ConsumeOptions, 'group' | 'topics'> & Partial<ConsumeOptions>): Promise<this> {
    this.consumption = await bus.consume({
      unfinishedAtMost: 1_000,
      receive: (records) => {
        this.received.push(...records);
        if (this.finishes) for (const record of records) record.finish();
      },
      onRevoking: async () => {
        this.revocations += 1;
      },
      onFatal: (error) => this.fatal.push(error),
      ...options,
    });
    return this;
  }

  get values(): string[] {
    return this.received.map(({ value }) => value);
  }

  get unfinished(): number {
    return this.consumption!.unfinished;
  }

  get missed(): number {
    return this.consumption!.missed;
  }

  async untilReceived(count: number): Promise<void> {
    await until(
      () => this.received.length >= count,
      () => `${count} records, ${this.received.length} came`,
    );
  }

  finishAll(): void {
    for (const record of this.received) record.finish();
  }

  async end(timeoutMs = 5_000): Promise<void> {
    await this.consumption?.drain(timeoutMs);
    this.consumption = undefined;
  }
}

const numbered = (topic: string, key: string, count: number, from = 0): OutgoingRecord[] =>
  Array.from({ length: count }, (_, index) => ({ topic, key, value: `${key}#${from + index}` }));

const sum = (offsets: readonly number[]) => offsets.reduce((total, offset) => total + offset, 0);

export function describeBus(name: string, openGround: () => Promise<BusGround>): void {
  describe(name, () => {
    let ground: BusGround;
    let bus: Bus;
    const readers: Reader[] = [];

    beforeAll(async () => {
      ground = await openGround();
      bus = await ground.open();
    }, 120_000);
    afterEach(async () => {
      for (const reader of readers.splice(0)) await reader.end(0);
    });
    afterAll(() => ground?.close());

    const aTopic = async (): Promise<string> => {
      const topic = anId('topic');
      await bus.ensureTopics([topic]);
      return topic;
    };
    const begin = async (options: Pick<ConsumeOptions, 'group' | 'topics'> & Partial<ConsumeOptions>) => {
      const reader = new Reader();
      readers.push(reader);
      return reader.begin(bus, options);
    };

    it('has a record in the log when it has acknowledged it', async () => {
      const topic = await aTopic();
      await bus.publish(numbered(topic, 'a', 3));
      expect(sum(await bus.endOffsets(topic))).toBe(3);
      bus = await ground.open();
      const reader = await begin({ group: anId('group'), topics: [topic] });
      await reader.untilReceived(3);
      expect(reader.values).toEqual(['a#0', 'a#1', 'a#2']);
    });

    it('keeps the order of a key, and puts it where murmur2 says', async () => {
      const topic = await aTopic();
      const keys = Array.from({ length: 20 }, (_, index) => `key-${index}-é`);
      const reader = await begin({ group: anId('group'), topics: [topic] });
      for (let round = 0; round < 10; round += 1) {
        await Promise.all(keys.map((key) => bus.publish(numbered(topic, key, 5, round * 5))));
      }
      await reader.untilReceived(1_000);
      for (const key of keys) {
        const mine = reader.received.filter((record) => record.key === key);
        expect(mine.map(({ value }) => value)).toEqual(numbered(topic, key, 50).map(({ value }) => value));
        expect(new Set(mine.map(({ partition }) => partition))).toEqual(new Set([partitionOf(key, ground.partitions)]));
      }
      expect(new Set(reader.received.map(({ partition }) => partition)).size).toBe(ground.partitions);
    });

    it('commits what is finished without a gap, in whatever order it was finished', async () => {
      const topic = await aTopic();
      const group = anId('group');
      const partition = partitionOf('a', ground.partitions);
      await bus.publish(numbered(topic, 'a', 10));
      const reader = await begin({ group, topics: [topic] });
      await reader.untilReceived(10);
      const committed = async () => (await bus.committedOffsets(group, topic))[partition];
      for (const index of [9, 0, 7, 2, 1, 8]) reader.received[index]!.finish();
      await until(async () => (await committed()) === 3, 'the position 3');
      for (const index of [5, 4, 6]) reader.received[index]!.finish();
      reader.received[3]!.finish();
      await until(async () => (await committed()) === 10, 'the position 10');
      expect(reader.unfinished).toBe(0);
    });

    it('reads again what was handled and not finished before the consumer ended', async () => {
      const topic = await aTopic();
      const group = anId('group');
      await bus.publish(numbered(topic, 'a', 6));
      const first = await begin({ group, topics: [topic] });
      await first.untilReceived(6);
      for (const index of [0, 1, 4]) first.received[index]!.finish();
      await first.end(0);
      bus = await ground.open();
      const second = await begin({ group, topics: [topic] });
      await second.untilReceived(4);
      expect(second.values).toEqual(['a#2', 'a#3', 'a#4', 'a#5']);
    });

    it('delivers equal records as often as they were published, and counts a record finished once', async () => {
      const topic = await aTopic();
      const record = { topic, key: 'a', value: 'the same' };
      await bus.publish([record, record]);
      const reader = await begin({ group: anId('group'), topics: [topic] });
      await reader.untilReceived(2);
      expect(reader.received.map(({ offset }) => offset)).toEqual([0, 1]);
      reader.received[0]!.finish();
      reader.received[0]!.finish();
      expect(reader.unfinished).toBe(1);
    });

    it('passes on what nobody can parse as it came', async () => {
      const topic = await aTopic();
      const values = ['', '{"half":', '\u001b[31m', '寿司🍣', '{"__proto__":1}'];
      await bus.publish(values.map((value) => ({ topic, key: 'a', value })));
      const reader = await begin({ group: anId('group'), topics: [topic] });
      await reader.untilReceived(values.length);
      expect(reader.values).toEqual(values);
      expect(reader.received.map(({ bytes }) => bytes)).toEqual(values.map((value) => Buffer.byteLength(value)));
    });

    it('refuses a record of 5 MB and everything that came with it, and takes one of 2 MiB', async () => {
      const topic = await aTopic();
      const tooLarge = { topic, key: 'a', value: 'x'.repeat(5_000_000) };
      await expect(bus.publish([...numbered(topic, 'a', 2), tooLarge])).rejects.toThrow(RecordTooLarge);
      expect(sum(await bus.endOffsets(topic))).toBe(0);
      // Two bytes each: the limit is one of bytes.
      await expect(bus.publish([{ topic, key: 'a', value: 'é'.repeat(1_500_000) }])).rejects.toThrow(RecordTooLarge);
      const value = 'y'.repeat(MAX_RECORD_BYTES);
      await bus.publish([{ topic, key: 'a', value }]);
      const reader = await begin({ group: anId('group'), topics: [topic] });
      await reader.untilReceived(1);
      expect(reader.values[0] === value).toBe(true);
      expect(reader.received[0]!.bytes).toBe(MAX_RECORD_BYTES);
    });

    it('takes a call of any size, in order', async () => {
      const topic = await aTopic();
      const records = numbered(topic, 'a', 3_000).map((record, index) => ({
        ...record,
        value: `${index}:${'z'.repeat(2_000)}`,
      }));
      await bus.publish(records);
      const reader = await begin({ group: anId('group'), topics: [topic], unfinishedAtMost: 10_000 });
      await reader.untilReceived(3_000);
      expect(reader.values.map((value) => Number(value.split(':')[0]))).toEqual(records.map((_, index) => index));
    });

    it('answers many calls at once', async () => {
      const topic = await aTopic();
      await Promise.all(
        Array.from({ length: 500 }, (_, index) => bus.publish(numbered(topic, `key-${index % 50}`, 1, index))),
      );
      expect(sum(await bus.endOffsets(topic))).toBe(500);
      await bus.publish([]);
    });

    it('30: begins a group at the earliest record, and goes on as records come', async () => {
      const topic = await aTopic();
      await bus.publish(numbered(topic, 'a', 2));
      const reader = await begin({ group: anId('group'), topics: [topic] });
      await reader.untilReceived(2);
      await bus.publish(numbered(topic, 'a', 2, 2));
      await reader.untilReceived(4);
      expect(reader.values).toEqual(['a#0', 'a#1', 'a#2', 'a#3']);
      expect(reader.missed).toBe(0);
    });

    it('30: counts what expired before it was read, and reads on from what is left', async () => {
      const topic = await aTopic();
      const group = anId('group');
      const partition = partitionOf('a', ground.partitions);
      await bus.publish(numbered(topic, 'a', 2));
      const first = await begin({ group, topics: [topic] });
      await first.untilReceived(2);
      first.finishAll();
      await first.end();
      await bus.publish(numbered(topic, 'a', 6, 2));
      await ground.expire(topic, partition, 5);
      expect((await bus.beginOffsets(topic))[partition]).toBe(5);
      const second = await begin({ group, topics: [topic] });
      await second.untilReceived(3);
      expect(second.values).toEqual(['a#5', 'a#6', 'a#7']);
      expect(second.missed).toBe(3);
      second.finishAll();
      await until(async () => (await bus.committedOffsets(group, topic))[partition] === 8, 'the position 8');
    });

    it('20: stops reading a topic at its budget, goes on as room frees, and lets other topics pass', async () => {
      const [urgent, bulk] = [await aTopic(), await aTopic()];
      const keys = Array.from({ length: 10 }, (_, index) => `key-${index}`);
      await bus.publish(keys.flatMap((key) => numbered(bulk, key, 30)));
      let mostOpen = 0;
      let open = 0;
      const bulky: IncomingRecord[] = [];
      const pressing: IncomingRecord[] = [];
      await begin({
        group: anId('group'),
        topics: [urgent, bulk],
        unfinishedAtMost: 16,
        receive: (records) => {
          if (records[0]!.topic === urgent) pressing.push(...records);
          else {
            bulky.push(...records);
            open += records.length;
            mostOpen = Math.max(mostOpen, open);
          }
        },
      });
      await until(() => bulky.length === 16, 'a full budget');
      await bus.publish(numbered(urgent, 'a', 3));
      await until(() => pressing.length === 3, 'the urgent lane');
      expect(bulky).toHaveLength(16);
      for (let finished = 0; finished < 300; finished += 1) {
        await until(
          () => bulky.length > finished,
          () => `record ${finished} of 300`,
        );
        open -= 1;
        bulky[finished]!.finish();
      }
      expect(mostOpen).toBe(16);
      for (const key of keys) {
        const mine = bulky.filter((record) => record.key === key).map(({ value }) => value);
        expect(mine).toEqual(numbered(bulk, key, 30).map(({ value }) => value));
      }
    });

    it('lets a slow record block neither its partition nor what comes later', async () => {
      const topic = await aTopic();
      const group = anId('group');
      const partition = partitionOf('a', ground.partitions);
      await bus.publish(numbered(topic, 'a', 1));
      const reader = await begin({ group, topics: [topic] });
      await reader.untilReceived(1);
      for (let round = 1; round <= 3; round += 1) {
        await bus.publish(numbered(topic, 'a', 100, round * 100));
        await reader.untilReceived(round * 100 + 1);
        for (const record of reader.received.slice(1)) record.finish();
      }
      expect(reader.unfinished).toBe(1);
      expect((await bus.committedOffsets(group, topic))[partition]).toBeLessThanOrEqual(0);
      reader.received[0]!.finish();
      await until(async () => (await bus.committedOffsets(group, topic))[partition] === 301, 'the position 301');
    });

    it('A11: drains: finishes what is in flight, commits it, and takes nothing new', async () => {
      const topic = await aTopic();
      const group = anId('group');
      const partition = partitionOf('a', ground.partitions);
      await bus.publish(numbered(topic, 'a', 5));
      const reader = await begin({ group, topics: [topic] });
      await reader.untilReceived(5);
      let hasEnded = false;
      const ending = reader.end().then(() => {
        hasEnded = true;
      });
      await bus.publish(numbered(topic, 'a', 1, 5));
      expect(hasEnded).toBe(false);
      expect(reader.received[0]!.isRevoked).toBe(false);
      reader.finishAll();
      await ending;
      expect(reader.received).toHaveLength(5);
      expect((await bus.committedOffsets(group, topic))[partition]).toBe(5);
      const next = await begin({ group, topics: [topic] });
      await next.untilReceived(1);
      expect(next.values).toEqual(['a#5']);
    });

    it('A11: drains no longer than it may; then its records can’t be finished any more', async () => {
      const topic = await aTopic();
      const group = anId('group');
      await bus.publish(numbered(topic, 'a', 2));
      const reader = await begin({ group, topics: [topic] });
      await reader.untilReceived(2);
      await reader.end(50);
      expect(reader.received.map(({ isRevoked }) => isRevoked)).toEqual([true, true]);
      reader.finishAll();
      const next = await begin({ group, topics: [topic] });
      await next.untilReceived(2);
      expect(next.values).toEqual(['a#0', 'a#1']);
    });

    it('tells a receiver’s bug instead of going silent', async () => {
      const topic = await aTopic();
      const reader = await begin({
        group: anId('group'),
        topics: [topic],
        receive: () => {
          throw new TypeError('a bug');
        },
      });
      await bus.publish(numbered(topic, 'a', 1));
      await until(() => reader.fatal.length > 0, 'the bug to be told');
      expect(reader.fatal[0]!.message).toBe('a bug');
    });

    it('knows nothing committed by a group that never was', async () => {
      const topic = await aTopic();
      expect(await bus.committedOffsets(anId('group'), topic)).toEqual(Array(ground.partitions).fill(-1));
    });

    it('12: makes topics once, and refuses another number of partitions', async () => {
      const topic = await aTopic();
      await Promise.all([bus.ensureTopics([topic, 'another']), bus.ensureTopics([topic, 'another'])]);
      bus = await ground.open();
      await bus.ensureTopics([topic]);
      const other = await ground.open(ground.partitions + 1);
      await expect(other.ensureTopics([topic])).rejects.toThrow(/HERALD_KAFKA_PARTITIONS/);
      bus = await ground.open();
      await bus.check();
    });
  });
}
