/** The bus on Kafka through kafkajs. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, ISocketFactory, Kafka } from 'kafkajs';
import type { PlatformConfig } from '../config/platform.config.js';
import type { Logger } from '../log/logger.js';
import type { Metrics } from '../metrics/metrics.js';
import { StartFault } from '../start-fault.js';
import {
  type Bus,
  BusUnavailable,
  type ConsumeOptions,
  type Consumption,
  MAX_RECORD_BYTES,
  type Offsets,
  type OutgoingRecord,
} from './bus.js';
import { watchConsumers } from './consumer-metrics.js';
import { makeKafka } from './kafka-client.js';
import { KafkaConsumption } from './kafka-consumption.js';
import { KafkaProducer } from './kafka-producer.js';

/** Of topics that Herald creates; what compares with the log must reach further back (semantics 33). */
export const BUS_RETENTION_MS = 7 * 24 * 60 * 60_000;
const CHECK_WITHIN_MS = 2_000;
const ANSWER_WITHIN_MS = 10_000;
const TOPICS_WITHIN_MS = 40_000;
const RETIRED_FOR_MS = 15_000;

export interface KafkaBusOptions {
  /** Gauges of what is open and behind, per group and topic. */
  readonly metrics?: Metrics;
  /** How connections are made, for tests that cut them. */
  readonly socketFactory?: ISocketFactory;
  /** After so long without a heartbeat the group gives a member's partitions away. */
  readonly sessionTimeoutMs?: number;
}

export class KafkaBus implements Bus {
  private readonly kafka: Kafka;
  private readonly producer: KafkaProducer;
  private readonly prefix: string;
  private readonly consumptions = new Set<KafkaConsumption>();
  private admin: Promise<Admin> | undefined;
  private readonly retired = new Set<Promise<Admin>>();

  constructor(
    private readonly service: string,
    private readonly config: PlatformConfig,
    private readonly logger: Logger,
    private readonly options: KafkaBusOptions = {},
  ) {
    this.prefix = config.HERALD_KAFKA_PREFIX;
    this.kafka = this.makeClient();
    if (options.metrics) watchConsumers(options.metrics, this.consumptions);
    this.producer = new KafkaProducer(this.kafka, config.HERALD_KAFKA_PARTITIONS, this.prefix);
  }

  publish(records: readonly OutgoingRecord[]): Promise<void> {
    return this.producer.publish(records);
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const consumption = new KafkaConsumption(
      {
        kafka: this.makeClient(),
        prefix: this.prefix,
        logger: this.logger,
        sessionTimeoutMs: this.options.sessionTimeoutMs ?? options.sessionTimeoutMs ?? 30_000,
        beginOffsets: (topic) => this.beginOffsets(topic),
        endOffsets: (topic) => this.endOffsets(topic),
        committedOffsets: (group, topic) => this.committedOffsets(group, topic),
        check: () => this.check(),
      },
      options,
    );
    try {
      await consumption.start();
    } catch (error) {
      throw new BusUnavailable(`Kafka does not let ${options.group} join`, { cause: error });
    }
    this.consumptions.add(consumption);
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
              { name: 'retention.ms', value: String(BUS_RETENTION_MS) },
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
    }, TOPICS_WITHIN_MS);
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
      return inOrder(found?.partitions ?? [], ({ offset }) => offset).map((offset) => Math.max(offset, -1));
    });
  }

  async check(): Promise<void> {
    await this.withAdmin((admin) => admin.describeCluster(), CHECK_WITHIN_MS);
  }

  async close(): Promise<void> {
    const admins = [...this.retired, ...(this.admin ? [this.admin] : [])];
    await Promise.allSettled([
      this.producer.close(),
      ...admins.map((connecting) => connecting.then((admin) => admin.disconnect())),
    ]);
  }

  private makeClient(): Kafka {
    return makeKafka(this.service, this.config, this.logger, this.options.socketFactory);
  }

  /** What the broker says of itself as passing (a leader that moves) is asked again. */
  private async withAdmin<T>(work: (admin: Admin) => Promise<T>, withinMs = ANSWER_WITHIN_MS): Promise<T> {
    const deadline = performance.now() + withinMs;
    for (let tries = 1; ; tries += 1) {
      this.admin ??= this.connectAdmin();
      const connecting = this.admin;
      try {
        return await before(deadline, connecting.then(work));
      } catch (error) {
        if (error instanceof WrongPartitions) throw error;
        this.retire(connecting);
        if (!isPassing(error) || performance.now() > deadline) {
          throw new BusUnavailable('Kafka does not answer', { cause: error });
        }
        await sleep(Math.min(100 * tries, 1_000));
      }
    }
  }

  /** A client that failed is not used again, but other calls may still be under way on it. */
  private retire(connecting: Promise<Admin>): void {
    if (this.admin !== connecting) return;
    this.admin = undefined;
    this.retired.add(connecting);
    setTimeout(() => {
      this.retired.delete(connecting);
      void connecting.then((admin) => admin.disconnect()).catch(() => {});
    }, RETIRED_FOR_MS).unref();
  }

  private async connectAdmin(): Promise<Admin> {
    const admin = this.kafka.admin();
    await admin.connect();
    return admin;
  }
}

/** Keys would move to other partitions: a fault of the configuration, nothing to wait for. */
export class WrongPartitions extends StartFault {
  override readonly name = 'WrongPartitions';
}

async function before<T>(deadline: number, work: Promise<T>): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error('no answer in time')), deadline - performance.now());
  });
  return Promise.race([work, silence]).finally(() => clearTimeout(late));
}

function isPassing(error: unknown): boolean {
  const { name, retriable } = error as { name?: string; retriable?: boolean };
  return name === 'KafkaJSProtocolError' && retriable === true;
}

function inOrder<P extends { partition: number }>(partitions: readonly P[], offset: (partition: P) => string): Offsets {
  return [...partitions].sort((a, b) => a.partition - b.partition).map((partition) => Number(offset(partition)));
}
