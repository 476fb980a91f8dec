/** The bus on Kafka through kafkajs. */
import type { Admin, Kafka } from 'kafkajs';
import type { PlatformConfig } from '../config/platform.config.js';
import type { Logger } from '../log/logger.js';
import {
  type Bus,
  BusUnavailable,
  type ConsumeOptions,
  type Consumption,
  MAX_RECORD_BYTES,
  type Offsets,
  type OutgoingRecord,
} from './bus.js';
import { makeKafka } from './kafka-client.js';
import { KafkaConsumption } from './kafka-consumption.js';
import { KafkaProducer } from './kafka-producer.js';

const RETENTION_MS = 7 * 24 * 60 * 60_000;

export class KafkaBus implements Bus {
  private readonly kafka: Kafka;
  private readonly producer: KafkaProducer;
  private readonly prefix: string;
  private admin: Promise<Admin> | undefined;

  constructor(
    service: string,
    private readonly config: PlatformConfig,
    private readonly logger: Logger,
  ) {
    this.prefix = config.HERALD_KAFKA_PREFIX;
    this.kafka = makeKafka(service, config, logger);
    this.producer = new KafkaProducer(this.kafka, config.HERALD_KAFKA_PARTITIONS, this.prefix);
  }

  publish(records: readonly OutgoingRecord[]): Promise<void> {
    return this.producer.publish(records);
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const consumption = new KafkaConsumption(
      {
        kafka: this.kafka,
        prefix: this.prefix,
        logger: this.logger,
        beginOffsets: (topic) => this.beginOffsets(topic),
        committedOffsets: (group, topic) => this.committedOffsets(group, topic),
      },
      options,
    );
    await consumption.start();
    return consumption;
  }

  async ensureTopics(topics: readonly string[]): Promise<void> {
    const { HERALD_KAFKA_PARTITIONS: numPartitions, HERALD_KAFKA_REPLICATION: replicationFactor } = this.config;
    await this.withAdmin(async (admin) => {
      const existing = new Set(await admin.listTopics());
      const missing = topics.filter((topic) => !existing.has(this.prefix + topic));
      if (missing.length > 0) {
        await admin.createTopics({
          waitForLeaders: true,
          timeout: 30_000,
          topics: missing.map((topic) => ({
            topic: this.prefix + topic,
            numPartitions,
            replicationFactor,
            configEntries: [
              { name: 'retention.ms', value: String(RETENTION_MS) },
              { name: 'max.message.bytes', value: String(MAX_RECORD_BYTES + 64 * 1024) },
              { name: 'min.insync.replicas', value: String(Math.min(2, replicationFactor)) },
              { name: 'unclean.leader.election.enable', value: 'false' },
            ],
          })),
        });
      }
      const { topics: found } = await admin.fetchTopicMetadata({ topics: topics.map((topic) => this.prefix + topic) });
      for (const { name, partitions } of found) {
        if (partitions.length === numPartitions) continue;
        throw new WrongPartitions(
          `topic ${name} has ${partitions.length} partitions, HERALD_KAFKA_PARTITIONS says ${numPartitions}: set it to ${partitions.length}, keys would move otherwise`,
        );
      }
    });
  }

  endOffsets(topic: string): Promise<Offsets> {
    return this.withAdmin(async (admin) =>
      inOrder(await admin.fetchTopicOffsets(this.prefix + topic), ({ high }) => high),
    );
  }

  beginOffsets(topic: string): Promise<Offsets> {
    return this.withAdmin(async (admin) =>
      inOrder(await admin.fetchTopicOffsets(this.prefix + topic), ({ low }) => low),
    );
  }

  committedOffsets(group: string, topic: string): Promise<Offsets> {
    return this.withAdmin(async (admin) => {
      const [found] = await admin.fetchOffsets({ groupId: this.prefix + group, topics: [this.prefix + topic] });
      return inOrder(found?.partitions ?? [], ({ offset }) => offset);
    });
  }

  async check(): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    await Promise.race([
      this.withAdmin((admin) => admin.describeCluster()),
      new Promise((_, reject) => {
        late = setTimeout(() => reject(new BusUnavailable('Kafka does not answer')), 2_000);
      }),
    ]).finally(() => clearTimeout(late));
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.producer.close(), this.admin?.then((admin) => admin.disconnect())]);
  }

  private async withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    this.admin ??= this.connectAdmin().catch((error) => {
      this.admin = undefined;
      throw error;
    });
    try {
      return await work(await this.admin);
    } catch (error) {
      if (error instanceof WrongPartitions) throw error;
      throw new BusUnavailable('Kafka does not answer', { cause: error });
    }
  }

  private async connectAdmin(): Promise<Admin> {
    const admin = this.kafka.admin();
    await admin.connect();
    return admin;
  }
}

/** Keys would move to other partitions: a fault of the configuration, nothing to wait for. */
export class WrongPartitions extends Error {
  override readonly name = 'WrongPartitions';
}

function inOrder<P extends { partition: number }>(partitions: readonly P[], offset: (partition: P) => string): Offsets {
  return [...partitions].sort((a, b) => a.partition - b.partition).map((partition) => Number(offset(partition)));
}
