/**
 * One member of a consumer group. kafkajs only fetches: offsets are resolved at once (its fetch position), records are
 * finished out of order, and the contiguous watermark is committed apart (semantics 16, 30, 31).
 *
 * A topic's budget is exact: what a fetch brought beyond it is held here, undelivered, until there is room.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { Logger } from '../log/logger.js';
import type { ConsumeOptions, Consumption, Offsets } from './bus.js';
import { Intake, type Position, type RawRecord } from './intake.js';
import { assignByPartition } from './kafka-assigner.js';
import { leaveGroup } from './kafka-group.js';
import { Watchdog } from './watchdog.js';
import { settledWithin } from './within.js';

const TICK_EVERY_MS = 250;
/** An idle fetch waits so long at the broker; a record ends the wait at once. Pausing takes effect with the next one. */
const FETCH_WAITS_MS = 250;
/** Between fetches that bring something: each costs broker and stage about as much for one record as for fifty. */
const GATHER_MS = 4;
/** Fetching goes on when so few records are held: no stage runs dry while a fetch waits. */
const HELD_AT_LEAST = 512;
const REVOKE_WITHIN_MS = 5_000;
const DEAD_AFTER_MS = 90_000;
const LEAVE_WITHIN_MS = 5_000;
const LEAVE_AGAIN_MS = 500;
const COMMITS_AT_THE_END = 4;

export interface KafkaConsumptionParts {
  /** Of its own: kafkajs shares what is known of a group's offsets among all consumers of a client. */
  readonly kafka: Kafka;
  readonly prefix: string;
  readonly logger: Logger;
  readonly sessionTimeoutMs: number;
  readonly beginOffsets: (topic: string) => Promise<Offsets>;
  readonly endOffsets: (topic: string) => Promise<Offsets>;
  readonly committedOffsets: (group: string, topic: string) => Promise<Offsets>;
  readonly check: () => Promise<void>;
}

interface Held {
  readonly partition: number;
  records: readonly RawRecord[];
}

type Commit = EachBatchPayload['commitOffsetsIfNecessary'];

export class KafkaConsumption implements Consumption {
  missed = 0;
  private readonly consumer: Consumer;
  private readonly intake: Intake;
  private readonly watchdog: Watchdog;
  /** Fetched beyond the budget, per topic. */
  private readonly held = new Map<string, Held[]>();
  private readonly behind = new Map<string, number>();
  private assigned = new Set<string>();
  /** Where fetching stood when the group changed: a batch from there was asked for before it did. */
  private stale = new Map<string, number>();
  /** Records that expired before they were read, per partition, as found before joining. */
  private expiredAtStart: ReadonlyMap<string, number> | undefined;
  private memberId: string | undefined;
  private commitNow: Commit | undefined;
  private committing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private lastHeartbeat = performance.now();
  private askedAt = 0;
  private hasGivenUp = false;
  private isSuspended = false;
  private isStopping = false;
  private isFlushing = false;
  private whenIdle: (() => void) | undefined;

  constructor(
    private readonly parts: KafkaConsumptionParts,
    readonly options: ConsumeOptions,
  ) {
    this.intake = new Intake({
      unfinishedAtMost: options.unfinishedAtMost,
      onFull: (topic) => this.setPaused(topic, true),
      onRoom: () => this.flushSoon(),
      onFinished: () => {
        if (this.isStopping && this.intake.unfinished === 0) this.whenIdle?.();
      },
    });
    this.watchdog = new Watchdog(
      {
        group: options.group,
        unfinished: () => this.intake.unfinished,
        lag: () => this.askLag(),
        onStuck: options.onFatal,
      },
      performance.now(),
    );
    this.consumer = parts.kafka.consumer({
      groupId: parts.prefix + options.group,
      partitionAssigners: [assignByPartition],
      sessionTimeout: parts.sessionTimeoutMs,
      heartbeatInterval: parts.sessionTimeoutMs / 10,
      rebalanceTimeout: 60_000,
      maxWaitTimeInMs: FETCH_WAITS_MS,
      minBytes: 1,
      maxBytes: 5 * 1024 * 1024,
      maxBytesPerPartition: 256 * 1024,
      allowAutoTopicCreation: false,
      retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 3_000 },
    });
  }

  get unfinished(): number {
    return this.intake.unfinished;
  }

  unfinishedOf(topic: string): number {
    return this.intake.unfinishedOf(topic);
  }

  /** Behind the end of the log as last seen, over the partitions of a topic that this member reads. */
  lagOf(topic: string): number {
    let sum = 0;
    for (const [key, lag] of this.behind) if (key.startsWith(`${topic}/`)) sum += lag;
    for (const { records } of this.held.get(topic) ?? []) sum += records.length;
    return sum + this.unfinishedOf(topic);
  }

  setWaiting(waiting: boolean): void {
    this.watchdog.isWaiting = waiting;
  }

  async start(): Promise<void> {
    const { consumer, options, parts } = this;
    const { events } = consumer;
    consumer.on(events.HEARTBEAT, () => this.heartbeatAnswered());
    consumer.on(events.REBALANCING, () => void this.giveUp());
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      this.memberId = payload.memberId;
      this.joined(payload.memberAssignment);
    });
    consumer.on(events.CRASH, ({ payload }) => {
      parts.logger.warn({ group: options.group, error: payload.error, restart: payload.restart }, 'consumer crashed');
      if (this.isStopping) return;
      // It has left the group: others own its partitions already.
      void this.giveUp();
      if (!payload.restart) options.onFatal(payload.error);
      else if (this.memberId) void this.leave(this.memberId);
      this.memberId = undefined;
    });
    try {
      await consumer.connect();
      this.expiredAtStart = await this.findExpired();
      await consumer.subscribe({ topics: options.topics.map((topic) => parts.prefix + topic), fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 64,
        eachBatch: async (payload) => {
          this.fetched(payload);
          // The next fetch waits for this: what comes meanwhile comes together.
          await sleep(options.gatherMs ?? GATHER_MS);
        },
      });
    } catch (error) {
      void consumer.disconnect().catch(() => {});
      throw error;
    }
    this.timer = setInterval(() => this.tick(), TICK_EVERY_MS);
  }

  async drain(timeoutMs: number): Promise<void> {
    this.isStopping = true;
    this.held.clear();
    for (const topic of this.options.topics) this.setPaused(topic, true);
    if (this.intake.unfinished > 0) {
      const idle = new Promise<void>((resolve) => {
        this.whenIdle = resolve;
      });
      await settledWithin(timeoutMs, idle);
    }
    clearInterval(this.timer);
    await this.committing;
    for (let tries = 0; tries < COMMITS_AT_THE_END && this.intake.uncommitted().length > 0; tries += 1) {
      if (tries > 0) await sleep(TICK_EVERY_MS);
      await this.commit();
    }
    await settledWithin(
      LEAVE_WITHIN_MS,
      this.consumer.disconnect().catch(() => {}),
    );
    this.intake.revokeAll();
  }

  private fetched({ batch, resolveOffset, isRunning, isStale, commitOffsetsIfNecessary }: EachBatchPayload): void {
    if (!isRunning() || isStale() || this.isStopping || this.isSuspended) return;
    const last = batch.messages.at(-1);
    if (!last) return;
    const topic = batch.topic.slice(this.parts.prefix.length);
    const { partition } = batch;
    const key = `${topic}/${partition}`;
    const from = Number(batch.messages[0]!.offset);
    if (!this.assigned.has(key) || this.isFromBefore(key, from)) return;
    resolveOffset(last.offset);
    // Sends at once and once, under the generation that is current then: kafkajs' own `commitOffsets` repeats for
    // seconds, and would commit positions of a partition that has moved under the generation that follows.
    this.commitNow = commitOffsetsIfNecessary;
    const expected = this.nextOf(topic, partition);
    if (expected !== undefined && from > expected) this.tellMissed(topic, partition, from - expected);
    this.behind.set(key, Number(batch.highWatermark) - Number(last.offset) - 1);
    const records = batch.messages.map(({ offset, key, value }) => ({
      offset: Number(offset),
      key: key?.toString('utf8') ?? '',
      value: value?.toString('utf8') ?? '',
      bytes: value?.length ?? 0,
    }));
    const held = this.held.get(topic);
    if (held && held.length > 0) held.push({ partition, records });
    else {
      const rest = this.deliver(topic, partition, records);
      if (rest.length > 0) this.held.set(topic, [{ partition, records: rest }]);
    }
  }

  /** The offset that follows what was fetched of a partition since the group last changed. */
  private nextOf(topic: string, partition: number): number | undefined {
    const last = this.held
      .get(topic)
      ?.findLast((part) => part.partition === partition)
      ?.records.at(-1);
    return last ? last.offset + 1 : this.intake.endOf(topic, partition);
  }

  /** Answers what there was no room for. */
  private deliver(topic: string, partition: number, records: readonly RawRecord[]): readonly RawRecord[] {
    const room = Math.max(this.intake.room(topic), 0);
    // Given up: what is held is read again, by whoever has the partition then (semantics 16).
    if (room === 0 || this.hasGivenUp || this.isSuspended) return records;
    const now = records.length > room ? records.slice(0, room) : records;
    try {
      this.options.receive(this.intake.accept(topic, partition, now));
    } catch (error) {
      // A bug in a receiver never stops a consumer silently.
      this.options.onFatal(error as Error);
    }
    return records.slice(room);
  }

  /** A turn of the loop later: `finish` never calls a receiver. */
  private flushSoon(): void {
    if (this.isFlushing) return;
    this.isFlushing = true;
    setImmediate(() => {
      this.isFlushing = false;
      for (const topic of this.options.topics) {
        if (this.isStopping || this.intake.room(topic) <= 0) continue;
        const parts = this.held.get(topic) ?? [];
        while (parts.length > 0) {
          const [part] = parts;
          part!.records = this.deliver(topic, part!.partition, part!.records);
          if (part!.records.length > 0) break;
          parts.shift();
        }
        const held = parts.reduce((sum, { records }) => sum + records.length, 0);
        if (held < HELD_AT_LEAST) this.setPaused(topic, false);
      }
    });
  }

  /** Fetched by another fetcher under the old assignment: what lies before it has to be read again first. */
  private isFromBefore(key: string, from: number): boolean {
    const stoodAt = this.stale.get(key);
    this.stale.delete(key);
    return stoodAt === from;
  }

  private joined(assignment: Record<string, readonly number[]>): void {
    const { prefix } = this.parts;
    // Without a word before (expelled, or after a crash): what is in flight still has to be made durable.
    if (!this.hasGivenUp && this.assigned.size > 0) void this.giveUp();
    this.hasGivenUp = false;
    this.lastHeartbeat = performance.now();
    this.isSuspended = false;
    const before = this.assigned;
    this.assigned = new Set(
      Object.entries(assignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => `${topic.slice(prefix.length)}/${partition}`),
      ),
    );
    const open = this.giveBack().filter(({ offset, next }) => offset < next);
    this.stale = new Map(open.map(({ topic, partition, next }) => [`${topic}/${partition}`, next]));
    this.behind.clear();
    const tell = (expired: ReadonlyMap<string, number>) => {
      for (const [key, lost] of expired) {
        const at = key.lastIndexOf('/');
        if (this.assigned.has(key) && !before.has(key)) this.tellMissed(key.slice(0, at), +key.slice(at + 1), lost);
      }
    };
    if (this.expiredAtStart) tell(this.expiredAtStart);
    else if ([...this.assigned].some((key) => !before.has(key))) void this.findExpired().then(tell, () => {});
    this.expiredAtStart = undefined;
  }

  private tick(): void {
    void this.commit();
    const now = performance.now();
    if (this.isStopping) return;
    void this.watchdog.tick(this.intake.takeProgress(), now);
    const silentMs = now - this.lastHeartbeat;
    if (silentMs > DEAD_AFTER_MS && now - this.askedAt > DEAD_AFTER_MS / 10) void this.tellIfDead(now);
    if (this.isSuspended || silentMs <= this.parts.sessionTimeoutMs / 3) return;
    this.isSuspended = true;
    const { logger } = this.parts;
    logger.warn({ group: this.options.group, silentMs }, 'no heartbeat is answered: starting nothing more');
    void this.giveUp();
  }

  /** The broker answers others and this member has not been heard for longer than any rebalance takes. */
  private async tellIfDead(now: number): Promise<void> {
    this.askedAt = now;
    const isThere = await this.parts.check().then(
      () => true,
      () => false,
    );
    if (!isThere || this.isStopping || now - this.lastHeartbeat <= DEAD_AFTER_MS) return;
    this.askedAt = Number.POSITIVE_INFINITY;
    this.options.onFatal(
      new Error(`group ${this.options.group} has not been heard for 90 s, and Kafka answers others`),
    );
  }

  /** Back after a silence without having been expelled: read again what was not committed. */
  private heartbeatAnswered(): void {
    this.lastHeartbeat = performance.now();
    if (!this.isSuspended) return;
    this.isSuspended = false;
    this.hasGivenUp = false;
    for (const { topic, partition, offset } of this.giveBack()) {
      this.consumer.seek({ topic: this.parts.prefix + topic, partition, offset: String(offset) });
    }
  }

  /** Nothing that was received or fetched counts any more. Answers where each partition has to be read again from. */
  private giveBack(): (Position & { next: number })[] {
    const held = [...this.held].flatMap(([topic, parts]) => parts.map((part) => ({ topic, ...part })));
    this.held.clear();
    const positions = new Map(
      this.intake.revokeAll().map((revoked) => [`${revoked.topic}/${revoked.partition}`, revoked]),
    );
    for (const { topic, partition, records } of held) {
      const offset = positions.get(`${topic}/${partition}`)?.offset ?? records[0]!.offset;
      positions.set(`${topic}/${partition}`, { topic, partition, offset, next: records.at(-1)!.offset + 1 });
    }
    return [...positions.values()];
  }

  /** Of the member that crashed: as soon as the broker answers, at the latest when its session has ended anyway. */
  private async leave(memberId: string): Promise<void> {
    const { kafka, prefix, sessionTimeoutMs } = this.parts;
    const until = performance.now() + 2 * sessionTimeoutMs;
    while (!this.isStopping && performance.now() < until) {
      try {
        return await leaveGroup(kafka, prefix + this.options.group, memberId);
      } catch (error) {
        if ((error as { type?: string }).type === 'UNKNOWN_MEMBER_ID') return;
        await sleep(LEAVE_AGAIN_MS);
      }
    }
  }

  private async giveUp(): Promise<void> {
    this.hasGivenUp = true;
    await settledWithin(
      REVOKE_WITHIN_MS,
      Promise.resolve(this.options.onRevoking?.()).catch(() => {}),
    );
    await this.commit();
  }

  /** Between a crash and the restart there is nothing to pause, and what restarts is not paused. */
  private setPaused(topic: string, paused: boolean): void {
    const topics = [{ topic: this.parts.prefix + topic }];
    try {
      if (paused) this.consumer.pause(topics);
      else this.consumer.resume(topics);
    } catch (error) {
      this.parts.logger.debug({ group: this.options.group, error }, 'not running: nothing to pause');
    }
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
    if (moved.length === 0 || !this.commitNow) return;
    const topics = new Map<string, { partition: number; offset: string }[]>();
    for (const { topic, partition, offset } of moved) {
      const partitions = topics.get(topic) ?? [];
      topics.set(topic, [...partitions, { partition, offset: String(offset) }]);
    }
    try {
      await this.commitNow({
        topics: [...topics].map(([topic, partitions]) => ({ topic: this.parts.prefix + topic, partitions })),
      });
      this.intake.committed(moved);
    } catch (error) {
      this.parts.logger.debug({ group: this.options.group, error }, 'positions not committed yet');
    }
  }

  private tellMissed(topic: string, partition: number, lost: number): void {
    this.missed += lost;
    this.parts.logger.error(
      { group: this.options.group, topic, partition, lost },
      'records expired before they were read: the reconciler re-drives them from the database',
    );
  }

  /** Partitions whose log begins after what the group has committed. */
  private async findExpired(): Promise<Map<string, number>> {
    const expired = new Map<string, number>();
    await Promise.all(
      this.options.topics.map(async (topic) => {
        const [committed, begin] = await Promise.all([
          this.parts.committedOffsets(this.options.group, topic),
          this.parts.beginOffsets(topic),
        ]);
        for (const [partition, position] of committed.entries()) {
          const lost = position >= 0 ? (begin[partition] ?? 0) - position : 0;
          if (lost > 0) expired.set(`${topic}/${partition}`, lost);
        }
      }),
    );
    return expired;
  }

  /** Over the partitions of this member, from the broker's own numbers. */
  private async askLag(): Promise<number> {
    let lag = 0;
    for (const topic of this.options.topics) {
      const [committed, begin, end] = await Promise.all([
        this.parts.committedOffsets(this.options.group, topic),
        this.parts.beginOffsets(topic),
        this.parts.endOffsets(topic),
      ]);
      for (const [partition, last] of end.entries()) {
        if (!this.assigned.has(`${topic}/${partition}`)) continue;
        lag += last - Math.max(committed[partition] ?? -1, begin[partition] ?? 0);
      }
    }
    return lag;
  }
}
