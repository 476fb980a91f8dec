import { anId, type BusGround, describeBus, describeWithServers, silent } from '@herald/testing';
import { Kafka, logLevel } from 'kafkajs';
import { Config } from '../config/config.js';
import { platformConfig } from '../config/platform.config.js';
import { KafkaBus, type KafkaBusOptions } from './kafka-bus.js';

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
});
