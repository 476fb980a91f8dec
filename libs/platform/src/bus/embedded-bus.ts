/**
 * The bus inside one process: a durable log in the embedded database. Records reach consumers from memory once they are
 * committed; a consumer that is behind reads them from the table. Only one process may use it.
 */

import { type BatchWriter, makeBatchWriter } from '../postgres/batch-writer.js';
import type { Database } from '../postgres/database.js';
import {
  type Bus,
  BusUnavailable,
  type ConsumeOptions,
  type Consumption,
  MAX_RECORD_BYTES,
  type Offsets,
  type OutgoingRecord,
  RecordTooLarge,
} from './bus.js';
import { Intake, type RawRecord } from './intake.js';
import { partitionOf } from './partitioner.js';

const COMMIT_EVERY_MS = 200;
const CLEAN_EVERY_MS = 30_000;
const KEEP_FINISHED_MS = 60 * 60_000;
const PAGE = 500;
/** Records kept in memory per partition for consumers that keep up. */
const TAIL_AT_MOST = 2_000;

interface Partition {
  end: number;
  /** The youngest records, `tail[0].offset` ascending without gaps up to `end`. */
  readonly tail: RawRecord[];
}

export class EmbeddedBus implements Bus {
  private readonly topics = new Map<string, Partition[]>();
  private readonly consumers = new Set<EmbeddedConsumption>();
  private readonly writer: BatchWriter<readonly OutgoingRecord[], void>;
  private readonly cleaner: NodeJS.Timeout;

  constructor(
    private readonly database: Database,
    private readonly partitions: number,
  ) {
    this.writer = makeBatchWriter({ write: (calls) => this.append(calls.flat()), itemsAtMost: 400 });
    this.cleaner = setInterval(() => void this.clean().catch(() => {}), CLEAN_EVERY_MS).unref();
  }

  async ensureTopics(topics: readonly string[]): Promise<void> {
    const missing = topics.filter((topic) => !this.topics.has(topic));
    if (missing.length === 0) return;
    await this.database.query(
      `insert into bus.topic (name, partitions) select name, $2 from unnest($1::text[]) name on conflict do nothing`,
      [missing, this.partitions],
    );
    const { rows } = await this.database.query<{
      name: string;
      partitions: number;
      ends: Record<string, number> | null;
    }>(
      `select t.name, t.partitions, (
         select json_object_agg(partition, next) from (
           select partition, max(next) as next from (
             select partition, max(record_offset) + 1 as next from bus.record r where r.topic = t.name group by partition
             union all
             select partition, max(next_offset) from bus.position p where p.topic = t.name group by partition
           ) known group by partition
         ) ends) as ends
       from bus.topic t where t.name = any($1)`,
      [missing],
    );
    for (const { name, partitions, ends } of rows) {
      if (partitions !== this.partitions) {
        throw new Error(
          `topic ${name} has ${partitions} partitions, HERALD_KAFKA_PARTITIONS says ${this.partitions}: set it back, keys would move`,
        );
      }
      this.topics.set(
        name,
        Array.from({ length: partitions }, (_, index) => ({ end: ends?.[index] ?? 0, tail: [] })),
      );
    }
  }

  async publish(records: readonly OutgoingRecord[]): Promise<void> {
    for (const { topic, value } of records) {
      if (Buffer.byteLength(value) > MAX_RECORD_BYTES)
        throw new RecordTooLarge(`a record of ${topic} is larger than 2 MiB`);
    }
    if (records.length === 0) return;
    try {
      await this.writer.add(records);
    } catch (error) {
      throw new BusUnavailable('the embedded log could not be written', { cause: error });
    }
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    await this.ensureTopics(options.topics);
    const consumption = new EmbeddedConsumption(this, this.database, options);
    await consumption.begin();
    this.consumers.add(consumption);
    consumption.wake();
    return consumption;
  }

  partitionsOf(topic: string): readonly Partition[] {
    const partitions = this.topics.get(topic);
    if (!partitions) throw new Error(`unknown topic ${topic}`);
    return partitions;
  }

  remove(consumption: EmbeddedConsumption): void {
    this.consumers.delete(consumption);
  }

  async endOffsets(topic: string): Promise<Offsets> {
    await this.ensureTopics([topic]);
    return this.partitionsOf(topic).map(({ end }) => end);
  }

  async beginOffsets(topic: string): Promise<Offsets> {
    await this.ensureTopics([topic]);
    const { rows } = await this.database.query<{ partition: number; first: number }>(
      'select partition, min(record_offset) as first from bus.record where topic = $1 group by partition',
      [topic],
    );
    const first = new Map(rows.map((row) => [row.partition, row.first]));
    return this.partitionsOf(topic).map(({ end }, index) => first.get(index) ?? end);
  }

  async committedOffsets(group: string, topic: string): Promise<Offsets> {
    await this.ensureTopics([topic]);
    const { rows } = await this.database.query<{ partition: number; next_offset: number }>(
      'select partition, next_offset from bus.position where grp = $1 and topic = $2',
      [group, topic],
    );
    const positions = new Map(rows.map((row) => [row.partition, row.next_offset]));
    return this.partitionsOf(topic).map((_, index) => positions.get(index) ?? -1);
  }

  async check(): Promise<void> {
    await this.database.check();
  }

  async close(): Promise<void> {
    clearInterval(this.cleaner);
    await this.writer.idle();
  }

  /** Offsets are given before the insert and taken back if it fails: one writer at a time makes that safe. */
  private async append(records: readonly OutgoingRecord[]): Promise<void[]> {
    await this.ensureTopics([...new Set(records.map(({ topic }) => topic))]);
    const placed = records.map(({ topic, key, value }) => {
      const partition = partitionOf(key, this.partitions);
      const target = this.topics.get(topic)![partition]!;
      const raw: RawRecord = { offset: target.end, key, value, bytes: value.length };
      target.end += 1;
      return { topic, partition, target, raw };
    });
    try {
      await this.database.query(
        {
          name: 'bus-append',
          text: `insert into bus.record (topic, partition, record_offset, key, value)
                 select * from unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::text[])`,
        },
        [
          placed.map(({ topic }) => topic),
          placed.map(({ partition }) => partition),
          placed.map(({ raw }) => raw.offset),
          placed.map(({ raw }) => raw.key),
          placed.map(({ raw }) => raw.value),
        ],
      );
    } catch (error) {
      for (const { target } of placed) target.end -= 1;
      throw error;
    }
    for (const { target, raw } of placed) {
      target.tail.push(raw);
      if (target.tail.length > TAIL_AT_MOST * 2) target.tail.splice(0, TAIL_AT_MOST);
    }
    for (const consumer of this.consumers) consumer.wake();
    return [];
  }

  /** Records that every group has finished are dropped after a while, in slices. */
  private async clean(): Promise<void> {
    await this.database.query(
      `delete from bus.record where ctid in (
         select r.ctid from bus.record r
         join (select topic, partition, min(next_offset) as low from bus.position group by topic, partition) p
           on p.topic = r.topic and p.partition = r.partition and r.record_offset < p.low
         where r.published_at < now() - make_interval(secs => $1) limit 5000)`,
      [KEEP_FINISHED_MS / 1_000],
    );
  }
}

class EmbeddedConsumption implements Consumption {
  readonly missed = 0;
  private readonly intake: Intake;
  private readonly positions = new Map<string, number>();
  private readonly committer: NodeJS.Timeout;
  private isPumping = false;
  private isWakened = false;
  private isStopped = false;
  private whenIdle: (() => void) | undefined;

  constructor(
    private readonly bus: EmbeddedBus,
    private readonly database: Database,
    private readonly options: ConsumeOptions,
  ) {
    this.intake = new Intake({
      unfinishedAtMost: options.unfinishedAtMost,
      onFull: () => {},
      onRoom: () => this.wake(),
      onFinished: () => {
        if (this.isStopped && this.intake.unfinished === 0) this.whenIdle?.();
      },
    });
    this.committer = setInterval(() => void this.commit().catch(() => {}), COMMIT_EVERY_MS);
  }

  get unfinished(): number {
    return this.intake.unfinished;
  }

  async begin(): Promise<void> {
    for (const topic of this.options.topics) {
      const committed = await this.bus.committedOffsets(this.options.group, topic);
      for (const [partition, offset] of committed.entries())
        this.positions.set(`${topic}/${partition}`, Math.max(offset, 0));
    }
    // Known to the cleaner from now on, even where it never finishes anything.
    await this.save(
      this.options.topics.flatMap((topic) =>
        this.bus.partitionsOf(topic).map((_, partition) => ({ topic, partition, offset: 0 })),
      ),
    );
  }

  wake(): void {
    this.isWakened = true;
    if (this.isPumping || this.isStopped) return;
    this.isPumping = true;
    setImmediate(() => {
      void this.pump()
        .catch(this.options.onFatal)
        .finally(() => {
          this.isPumping = false;
          if (this.isWakened && !this.isStopped) this.wake();
        });
    });
  }

  setWaiting(): void {}

  async drain(timeoutMs: number): Promise<void> {
    this.isStopped = true;
    if (this.intake.unfinished > 0) {
      await Promise.race([
        new Promise<void>((resolve) => {
          this.whenIdle = resolve;
        }),
        new Promise((resolve) => setTimeout(resolve, timeoutMs).unref()),
      ]);
    }
    clearInterval(this.committer);
    await this.commit().catch(() => {});
    this.intake.revokeAll();
    this.bus.remove(this);
  }

  private async pump(): Promise<void> {
    this.isWakened = false;
    for (const topic of this.options.topics) {
      for (const [partition, { end, tail }] of this.bus.partitionsOf(topic).entries()) {
        const key = `${topic}/${partition}`;
        let position = this.positions.get(key) ?? 0;
        while (position < end && !this.intake.isFull(topic) && !this.isStopped) {
          const first = tail[0]?.offset ?? end;
          const records =
            position >= first
              ? tail.slice(position - first, position - first + PAGE)
              : await this.page(topic, partition, position, first);
          position = (records.at(-1)?.offset ?? end - 1) + 1;
          this.positions.set(key, position);
          if (records.length > 0) this.options.receive(this.intake.accept(topic, partition, records));
        }
      }
    }
  }

  private async page(topic: string, partition: number, from: number, before: number): Promise<RawRecord[]> {
    const { rows } = await this.database.query<RawRecord>(
      `select record_offset as "offset", key, value, length(value) as bytes from bus.record
       where topic = $1 and partition = $2 and record_offset >= $3 and record_offset < $4
       order by record_offset limit ${PAGE}`,
      [topic, partition, from, before],
    );
    return rows;
  }

  private async commit(): Promise<void> {
    const moved = this.intake.uncommitted();
    if (moved.length === 0) return;
    await this.save(moved);
    this.intake.committed(moved);
  }

  private async save(positions: readonly { topic: string; partition: number; offset: number }[]): Promise<void> {
    await this.database.query(
      {
        name: 'bus-commit',
        text: `insert into bus.position (grp, topic, partition, next_offset)
               select $1, * from unnest($2::text[], $3::int[], $4::bigint[])
               on conflict (grp, topic, partition) do update set next_offset = greatest(bus.position.next_offset, excluded.next_offset)`,
      },
      [
        this.options.group,
        positions.map(({ topic }) => topic),
        positions.map(({ partition }) => partition),
        positions.map(({ offset }) => offset),
      ],
    );
  }
}
