/**
 * One member of a consumer group. kafkajs only fetches: offsets are resolved at once (its fetch position), records are
 * finished out of order, and the contiguous watermark is committed apart (semantics 16, 30, 31).
 */
import type { Consumer, Kafka } from 'kafkajs';
import type { Logger } from '../log/logger.js';
import type { ConsumeOptions, Consumption, Offsets } from './bus.js';
import { Intake } from './intake.js';
import { assignByPartition } from './kafka-assigner.js';

const COMMIT_EVERY_MS = 250;
const SUSPECT_AFTER_MS = 10_000;
const STUCK_AFTER_MS = 60_000;
const REVOKE_WITHIN_MS = 5_000;

export interface KafkaConsumptionParts {
  readonly kafka: Kafka;
  readonly prefix: string;
  readonly logger: Logger;
  readonly beginOffsets: (topic: string) => Promise<Offsets>;
  readonly committedOffsets: (group: string, topic: string) => Promise<Offsets>;
}

export class KafkaConsumption implements Consumption {
  missed = 0;
  private readonly consumer: Consumer;
  private readonly intake: Intake;
  private timer: NodeJS.Timeout | undefined;
  private committing: Promise<void> | undefined;
  private lastHeartbeat = performance.now();
  private isSuspended = false;
  private isWaiting = false;
  private isStopping = false;
  private stuckSince = performance.now();
  private whenIdle: (() => void) | undefined;

  constructor(
    private readonly parts: KafkaConsumptionParts,
    private readonly options: ConsumeOptions,
  ) {
    this.intake = new Intake({
      unfinishedAtMost: options.unfinishedAtMost,
      onFull: (topic) => this.consumer.pause([{ topic: parts.prefix + topic }]),
      onRoom: (topic) => this.resume(topic),
      onFinished: () => {
        if (this.isStopping && this.intake.unfinished === 0) this.whenIdle?.();
      },
    });
    this.consumer = parts.kafka.consumer({
      groupId: parts.prefix + options.group,
      partitionAssigners: [assignByPartition],
      sessionTimeout: 30_000,
      heartbeatInterval: 3_000,
      rebalanceTimeout: 60_000,
      maxWaitTimeInMs: 100,
      minBytes: 1,
      maxBytes: 5 * 1024 * 1024,
      maxBytesPerPartition: 512 * 1024,
      allowAutoTopicCreation: false,
      retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 3_000 },
    });
  }

  get unfinished(): number {
    return this.intake.unfinished;
  }

  setWaiting(waiting: boolean): void {
    this.isWaiting = waiting;
  }

  async start(): Promise<void> {
    const { consumer, options, parts } = this;
    const { events } = consumer;
    consumer.on(events.HEARTBEAT, () => this.heartbeatAnswered());
    consumer.on(events.REBALANCING, () => void this.giveUp());
    consumer.on(events.GROUP_JOIN, () => {
      this.lastHeartbeat = performance.now();
      this.isSuspended = false;
      this.intake.revokeAll();
    });
    consumer.on(events.CRASH, ({ payload }) => {
      parts.logger.warn({ group: options.group, error: payload.error, restart: payload.restart }, 'consumer crashed');
      if (!payload.restart && !this.isStopping) options.onFatal(payload.error);
    });
    await consumer.connect();
    await this.countMissed();
    await consumer.subscribe({ topics: options.topics.map((topic) => parts.prefix + topic), fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 64,
      eachBatch: async ({ batch, resolveOffset, isRunning, isStale }) => {
        if (!isRunning() || isStale() || this.isStopping || this.isSuspended) return;
        const last = batch.messages.at(-1);
        if (!last) return;
        resolveOffset(last.offset);
        const records = batch.messages.map(({ offset, key, value }) => ({
          offset: Number(offset),
          key: key?.toString('utf8') ?? '',
          value: value?.toString('utf8') ?? '',
          bytes: value?.length ?? 0,
        }));
        options.receive(this.intake.accept(batch.topic.slice(parts.prefix.length), batch.partition, records));
      },
    });
    this.timer = setInterval(() => this.tick(), COMMIT_EVERY_MS);
  }

  async drain(timeoutMs: number): Promise<void> {
    this.isStopping = true;
    this.consumer.pause(this.options.topics.map((topic) => ({ topic: this.parts.prefix + topic })));
    if (this.intake.unfinished > 0) {
      await Promise.race([
        new Promise<void>((resolve) => {
          this.whenIdle = resolve;
        }),
        new Promise((resolve) => setTimeout(resolve, timeoutMs).unref()),
      ]);
    }
    clearInterval(this.timer);
    await this.commit();
    await Promise.race([this.consumer.disconnect(), new Promise((resolve) => setTimeout(resolve, 5_000).unref())]);
    this.intake.revokeAll();
  }

  private tick(): void {
    void this.commit();
    const now = performance.now();
    if (this.intake.takeProgress() > 0 || this.intake.unfinished === 0 || this.isWaiting) this.stuckSince = now;
    if (now - this.stuckSince > STUCK_AFTER_MS && !this.isStopping) {
      this.options.onFatal(
        new Error(
          `group ${this.options.group} has made no progress for 60 s with ${this.intake.unfinished} records open`,
        ),
      );
    }
    if (!this.isSuspended && !this.isStopping && now - this.lastHeartbeat > SUSPECT_AFTER_MS) {
      this.isSuspended = true;
      this.parts.logger.warn(
        { group: this.options.group },
        'no heartbeat was answered for 10 s: starting nothing more',
      );
      void this.giveUp();
    }
  }

  /** Back after a silence without having been expelled: read again what was not committed. */
  private heartbeatAnswered(): void {
    this.lastHeartbeat = performance.now();
    if (!this.isSuspended) return;
    this.isSuspended = false;
    for (const { topic, partition, offset } of this.intake.revokeAll()) {
      this.consumer.seek({ topic: this.parts.prefix + topic, partition, offset: String(offset) });
    }
  }

  private async giveUp(): Promise<void> {
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, REVOKE_WITHIN_MS).unref());
    await Promise.race([this.options.onRevoking?.().catch(() => {}), deadline]);
    await this.commit();
  }

  private resume(topic: string): void {
    if (!this.isStopping) this.consumer.resume([{ topic: this.parts.prefix + topic }]);
  }

  private commit(): Promise<void> {
    this.committing ??= this.commitOnce().finally(() => {
      this.committing = undefined;
    });
    return this.committing;
  }

  /** A commit that fails is made again with the next: the positions only grow. */
  private async commitOnce(): Promise<void> {
    const moved = this.intake.uncommitted();
    if (moved.length === 0) return;
    const { prefix, logger } = this.parts;
    try {
      await this.consumer.commitOffsets(
        moved.map(({ topic, partition, offset }) => ({ topic: prefix + topic, partition, offset: String(offset) })),
      );
      this.intake.committed(moved);
    } catch (error) {
      logger.debug({ group: this.options.group, error }, 'positions not committed yet');
    }
  }

  private async countMissed(): Promise<void> {
    for (const topic of this.options.topics) {
      const [begin, committed] = await Promise.all([
        this.parts.beginOffsets(topic),
        this.parts.committedOffsets(this.options.group, topic),
      ]);
      for (const [partition, position] of committed.entries()) {
        const lost = position >= 0 ? (begin[partition] ?? 0) - position : 0;
        if (lost <= 0) continue;
        this.missed += lost;
        this.parts.logger.error(
          { group: this.options.group, topic, partition, lost },
          'records expired before they were read: the reconciler re-drives them from the database',
        );
      }
    }
  }
}
