import { connect as connectTo } from 'node:net';
import {
  anId,
  type BusGround,
  describeBus,
  describeWithServers,
  Reader,
  silent,
  TcpProxy,
  until,
} from '@herald/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type ISocketFactory, Kafka, logLevel } from 'kafkajs';
import { Config } from '../config/config.js';
import { platformConfig } from '../config/platform.config.js';
import { BusUnavailable, type OutgoingRecord } from './bus.js';
import { KafkaBus, type KafkaBusOptions } from './kafka-bus.js';
import { partitionOf } from './partitioner.js';

const PARTITIONS = 4;

describeWithServers('Kafka', ({ kafka }) => {
  const prefix = `${anId('test')}.`;
  const settings = (partitions = PARTITIONS) =>
    Config.read([platformConfig], {
      HERALD_KAFKA_BROKERS: kafka,
      HERALD_KAFKA_PREFIX: prefix,
      HERALD_KAFKA_PARTITIONS: String(partitions),
    }).get(platformConfig);
  const connect = (options: KafkaBusOptions = {}, partitions = PARTITIONS) =>
    new KafkaBus('test', settings(partitions), silent, options);

  const expire = async (topic: string, partition: number, below: number) => {
    const admin = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.fetchTopicMetadata({ topics: [prefix + topic] });
    await admin.fetchTopicOffsets(prefix + topic);
    await admin.deleteTopicRecords({ topic: prefix + topic, partitions: [{ partition, offset: String(below) }] });
    await admin.disconnect();
  };

  async function openGround(): Promise<BusGround> {
    const opened: KafkaBus[] = [];
    return {
      partitions: PARTITIONS,
      async open(partitions) {
        opened.push(connect({}, partitions));
        return opened.at(-1)!;
      },
      expire,
      async close() {
        for (const bus of opened) await bus.close();
      },
    };
  }

  describeBus('KafkaBus', openGround);

  describe('KafkaBus among others', () => {
    const closers: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close();
    });

    const open = (options: KafkaBusOptions = {}) => {
      const bus = connect(options);
      closers.push(() => bus.close());
      return bus;
    };
    /** Kafka names its own address to its clients: they are led through the proxy whatever it says. */
    const through = async (): Promise<{ proxy: TcpProxy; socketFactory: ISocketFactory }> => {
      const proxy = await TcpProxy.before(kafka);
      closers.push(() => proxy.close());
      const socketFactory: ISocketFactory = ({ onConnect }) => connectTo(proxy.port, proxy.host, onConnect);
      return { proxy, socketFactory };
    };
    const join = async (bus: KafkaBus, group: string, topics: readonly string[], finishes = false) => {
      const reader = new Reader();
      reader.finishes = finishes;
      closers.push(() => reader.end(0));
      return reader.begin(bus, { group, topics });
    };
    const someTopics = async (bus: KafkaBus, count: number) => {
      const topics = Array.from({ length: count }, () => anId('topic'));
      await bus.ensureTopics(topics);
      return topics;
    };
    /** A key of every partition. */
    const keys = Array.from({ length: PARTITIONS }, (_, partition) => {
      let key = 0;
      while (partitionOf(`k${key}`, PARTITIONS) !== partition) key += 1;
      return `k${key}`;
    });
    const oneEach = (topics: readonly string[], value: string): OutgoingRecord[] =>
      topics.flatMap((topic) => keys.map((key) => ({ topic, key, value })));
    const places = (reader: Reader, value: string) =>
      new Map(reader.received.filter((record) => record.value === value).map((r) => [`${r.topic}/${r.partition}`, r]));

    it('16: gives partition p of all lanes to one member, and its open records to the next owner', async () => {
      const [bus, other] = [open(), open()];
      const topics = await someTopics(bus, 3);
      const group = anId('group');
      const first = await join(bus, group, topics);
      await bus.publish(oneEach(topics, 'before'));
      await first.untilReceived(topics.length * PARTITIONS);
      const second = await join(other, group, topics);
      await until(() => first.revocations > 0, 'the first member to be told');
      await until(() => first.received.every(({ isRevoked }) => isRevoked), 'its records to be taken away');
      first.finishAll();
      const readAgain = () => places(first, 'before').size + places(second, 'before').size;
      await until(() => second.received.length >= (topics.length * PARTITIONS) / 2, 'the second member’s half');
      await until(() => first.received.length >= topics.length * PARTITIONS * 1.5, 'the first member’s half again');
      expect(readAgain()).toBe(topics.length * PARTITIONS * 1.5);

      await bus.publish(oneEach(topics, 'after'));
      await until(
        () => places(first, 'after').size + places(second, 'after').size === topics.length * PARTITIONS,
        'one record of each partition',
      );
      for (let partition = 0; partition < PARTITIONS; partition += 1) {
        const owners = topics.map((topic) => places(first, 'after').has(`${topic}/${partition}`));
        expect(new Set(owners).size).toBe(1);
      }
      for (const topic of topics) expect(await bus.committedOffsets(group, topic)).toEqual([-1, -1, -1, -1]);
      first.finishAll();
      second.finishAll();
      for (const topic of topics) {
        await until(async () => (await bus.committedOffsets(group, topic)).join() === '2,2,2,2', 'all to be committed');
      }
    });

    it('16: a member that leaves hands over what it had not finished, and nothing that it had', async () => {
      const [bus, other] = [open(), open()];
      const topics = await someTopics(bus, 1);
      const group = anId('group');
      const first = await join(bus, group, topics);
      const second = await join(other, group, topics);
      await until(() => first.revocations > 0, 'two members');
      await bus.publish(oneEach(topics, 'one'));
      await until(() => first.received.length + second.received.length === PARTITIONS, 'one record of each partition');
      first.received[0]!.finish();
      const left = first.received.length - 1;
      const had = second.received.length;
      second.finishAll();
      await until(
        async () => (await bus.committedOffsets(group, topics[0]!)).filter((offset) => offset === 1).length === had + 1,
        'the finished ones to be committed',
      );
      await first.end(0);
      await until(() => second.received.length === had + left, 'what was left');
      await bus.publish(oneEach(topics, 'two'));
      await until(() => places(second, 'two').size === PARTITIONS, 'all partitions at one member');
      expect(second.received).toHaveLength(had + left + PARTITIONS);
    });

    it('a member that is cut off between handling and commit can finish nothing; another reads it again', async () => {
      const { proxy, socketFactory } = await through();
      const [bus, cutOff] = [open(), open({ socketFactory, sessionTimeoutMs: 6_000 })];
      const topics = await someTopics(bus, 1);
      const group = anId('group');
      const first = await join(cutOff, group, topics);
      await bus.publish(oneEach(topics, 'one'));
      await first.untilReceived(PARTITIONS);
      proxy.silence();
      first.received[0]!.finish();
      const second = await join(bus, group, topics, true);
      await until(() => places(second, 'one').size === PARTITIONS, 'the records at the other member', 25_000);
      await until(() => first.revocations > 0, 'the silence to be noticed', 15_000);
      proxy.mend();
      await until(() => first.received.every(({ isRevoked }) => isRevoked), 'the first member to be back', 25_000);
      first.finishAll();
      await bus.publish(oneEach(topics, 'two'));
      await until(() => places(first, 'two').size + places(second, 'two').size === PARTITIONS, 'the next records');
      expect(places(first, 'two').size).toBe(PARTITIONS / 2);
      expect([...first.fatal, ...second.fatal]).toEqual([]);
    }, 90_000);

    it('keeps its place in the group while nothing is finished for longer than a session', async () => {
      const bus = open({ sessionTimeoutMs: 6_000 });
      const topics = await someTopics(bus, 1);
      const reader = new Reader();
      closers.push(() => reader.end(0));
      // The budget is full, so nothing is fetched either.
      await reader.begin(bus, { group: anId('group'), topics, unfinishedAtMost: 1 });
      await bus.publish(oneEach(topics, 'one'));
      await reader.untilReceived(1);
      const since = performance.now();
      await until(() => performance.now() - since > 8_000, 'more than a session');
      expect(reader.received).toHaveLength(1);
      expect(reader.received[0]!.isRevoked).toBe(false);
      expect(reader.revocations).toBe(0);
      for (let finished = 0; finished < PARTITIONS; finished += 1) {
        await reader.untilReceived(finished + 1);
        reader.received[finished]!.finish();
      }
    }, 30_000);

    it.each(['cut', 'silence'] as const)(
      '1, 31: with the broker away (%s) a publish is refused in time; all goes on when it is back',
      async (fault) => {
        const { proxy, socketFactory } = await through();
        const bus = open({ socketFactory });
        const topics = await someTopics(bus, 1);
        const reader = await join(bus, anId('group'), topics, true);
        await bus.publish(oneEach(topics, 'before'));
        await reader.untilReceived(PARTITIONS);
        proxy[fault]();
        const since = performance.now();
        const refusals = await Promise.allSettled(
          Array.from({ length: 50 }, () => bus.publish(oneEach(topics, 'lost?'))),
        );
        expect(performance.now() - since).toBeLessThan(6_000);
        for (const refusal of refusals) {
          expect((refusal as PromiseRejectedResult).reason).toBeInstanceOf(BusUnavailable);
        }
        const asked = performance.now();
        await expect(bus.check()).rejects.toThrow(BusUnavailable);
        expect(performance.now() - asked).toBeLessThan(2_500);
        proxy.mend();
        await until(
          () =>
            bus.publish(oneEach(topics, 'after')).then(
              () => true,
              () => false,
            ),
          'the bus to take records again',
          30_000,
        );
        await until(() => places(reader, 'after').size === PARTITIONS, 'records to come again', 30_000);
        await bus.check();
        expect(reader.fatal).toEqual([]);
      },
      90_000,
    );

    it('a publish that finds the broker silent waits neither for ever nor behind others', async () => {
      const { proxy, socketFactory } = await through();
      const bus = open({ socketFactory });
      const topics = await someTopics(bus, 1);
      await bus.publish(oneEach(topics, 'before'));
      proxy.silence();
      const inFlight = bus.publish(oneEach(topics, 'in flight'));
      inFlight.catch(() => {});
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      const since = performance.now();
      await expect(bus.publish(oneEach(topics, 'behind'))).rejects.toThrow(BusUnavailable);
      expect(performance.now() - since).toBeLessThan(2_500);
      await expect(inFlight).rejects.toThrow(BusUnavailable);
      expect(performance.now() - since).toBeLessThan(5_500);
    }, 20_000);

    it('30: counts what expires while it reads', async () => {
      const bus = open();
      const topics = await someTopics(bus, 1);
      const [topic] = topics as [string];
      const group = anId('group');
      const reader = new Reader();
      closers.push(() => reader.end(0));
      await reader.begin(bus, { group, topics, unfinishedAtMost: 1 });
      await bus.publish([{ topic, key: keys[0]!, value: 'first' }]);
      await reader.untilReceived(1);
      await bus.publish(Array.from({ length: 4 }, (_, n) => ({ topic, key: keys[0]!, value: `later ${n}` })));
      await expire(topic, 0, 4);
      reader.finishAll();
      await reader.untilReceived(2);
      expect(reader.values).toEqual(['first', 'later 3']);
      expect(reader.missed).toBe(3);
      expect(reader.fatal).toEqual([]);
    });
  });
});
