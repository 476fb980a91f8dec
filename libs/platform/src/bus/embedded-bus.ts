/**
 * The bus inside one process: a durable log in the embedded database. Records reach consumers from memory once they are
 * committed; a consumer that is behind reads them from the table. Only one process may use it, and a group has one
 * member.
 */
import type { Metrics } from '../metrics/metrics.js';
import { type BatchWriter, makeBatchWriter } from '../postgres/batch-writer.js';
import type { Database } from '../postgres/database.js';
import { isDataFault } from '../postgres/faults.js';
import { StartFault } from '../start-fault.js';
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
import { watchConsumers } from './consumer-metrics.js';
import { EmbeddedConsumption } from './embedded-consumption.js';
import type { RawRecord } from './intake.js';
import { partitionOf } from './partitioner.js';

const CLEAN_EVERY_MS = 30_000;
const CLEAN_AT_ONCE = 5_000;
/** Records that every group has finished are kept a little longer, for whoever looks after a fault. */
const KEEP_FINISHED_MS = 10 * 60_000;
/** And no record longer than this, as on Kafka. */
const KEEP_AT_MOST_MS = 7 * 24 * 60 * 60_000;
const RECORDS_PER_STATEMENT = 1_000;
const BYTES_PER_STATEMENT = 1024 * 1024;
/** Of the youngest records, over all partitions: consumers that keep up find them in memory. */
const TAILS_BYTES_AT_MOST = 32 * 1024 * 1024;

export interface EmbeddedPartition {
  /** The next offset, of what is committed. */
  end: number;
  /** The youngest records up to `end`, without gaps; what every consumer has read is dropped. */
  tail: RawRecord[];
}

interface Sized {
  readonly record: OutgoingRecord;
  readonly bytes: number;
}

export class EmbeddedBus implements Bus {
  private readonly topics = new Map<string, EmbeddedPartition[]>();
  private readonly consumers = new Set<EmbeddedConsumption>();
  private readonly writer: BatchWriter<readonly Sized[], undefined>;
  private readonly cleaner: NodeJS.Timeout;
  private tailsBytes = 0;
  /** A statement failed without an answer: what it wrote may stand, so the ends are asked for again. */
  private isUnsure = false;

  constructor(
    private readonly database: Database,
    private readonly partitions: number,
    metrics?: Metrics,
  ) {
    this.writer = makeBatchWriter({
      write: (chunks) => this.append(chunks.flat()),
      weigh: (chunk) => chunk.reduce((sum, { bytes }) => sum + bytes, 0),
      weightAtMost: BYTES_PER_STATEMENT,
      itemsAtMost: 400,
    });
    this.cleaner = setInterval(() => void this.clean().catch(() => {}), CLEAN_EVERY_MS).unref();
    if (metrics) watchConsumers(metrics, this.consumers);
  }

  async ensureTopics(topics: readonly string[]): Promise<void> {
    const missing = topics.filter((topic) => !this.topics.has(topic));
    if (missing.length === 0) return;
    await this.database.query(
      `insert into bus.topic (name, partitions) select name, $2 from unnest($1::text[]) name on conflict do nothing`,
      [missing, this.partitions],
    );
    await this.readEnds(missing);
  }

  async publish(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return;
    const chunks: Sized[][] = [];
    let last: Sized[] = [];
    let weight = 0;
    for (const record of records) {
      const bytes = Buffer.byteLength(record.value);
      if (bytes > MAX_RECORD_BYTES) throw new RecordTooLarge(`a record of ${record.topic} is larger than 2 MiB`);
      if (last.length === 0 || last.length >= RECORDS_PER_STATEMENT || weight + bytes > BYTES_PER_STATEMENT) {
        last = [];
        chunks.push(last);
        weight = 0;
      }
      last.push({ record, bytes });
      weight += bytes;
    }
    try {
      await Promise.all(chunks.map((chunk) => this.writer.add(chunk)));
    } catch (error) {
      if (isDataFault(error)) throw error;
      throw new BusUnavailable('the embedded log could not be written', { cause: error });
    }
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    await this.ensureTopics(options.topics);
    if ([...this.consumers].some((consumer) => consumer.options.group === options.group)) {
      throw new Error(`the group ${options.group} is read already: on the embedded ground it has one member`);
    }
    const consumption = new EmbeddedConsumption(this, this.database, options);
    this.consumers.add(consumption);
    try {
      await consumption.begin();
    } catch (error) {
      this.consumers.delete(consumption);
      throw error;
    }
    consumption.wake();
    return consumption;
  }

  partitionsOf(topic: string): readonly EmbeddedPartition[] {
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
    const { rows } = await this.database.query<{ partition: number; first: number | null }>(
      `select partition, (select min(record_offset) from bus.record r where r.topic = $1 and r.partition = p.partition) as first
       from generate_series(0, $2::int - 1) as p(partition)`,
      [topic, this.partitions],
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

  /** Every consumer of the topic has read this far: what lies below needs no memory. */
  dropRead(topic: string, partition: number): void {
    const target = this.partitionsOf(topic)[partition]!;
    const first = target.tail[0];
    if (!first) return;
    let low = target.end;
    for (const consumer of this.consumers) low = Math.min(low, consumer.positionOf(topic, partition) ?? low);
    if (low > first.offset) this.dropTail(target, low - first.offset);
  }

  /** One statement at a time: the writer has one batch in flight. */
  private async append(records: readonly Sized[]): Promise<undefined[]> {
    await this.ensureTopics([...new Set(records.map(({ record }) => record.topic))]);
    if (this.isUnsure) {
      await this.readEnds([...this.topics.keys()]);
      this.isUnsure = false;
    }
    const next = new Map<EmbeddedPartition, number>();
    const placed = records.map(({ record: { topic, key, value }, bytes }) => {
      const partition = partitionOf(key, this.partitions);
      const target = this.topics.get(topic)![partition]!;
      const offset = next.get(target) ?? target.end;
      next.set(target, offset + 1);
      const raw: RawRecord = { offset, key, value, bytes };
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
      if (!isDataFault(error)) this.isUnsure = true;
      throw error;
    }
    const written = new Set(placed.map(({ topic }) => topic));
    const readers = [...this.consumers].filter(({ options }) => options.topics.some((topic) => written.has(topic)));
    const read = new Set(readers.flatMap(({ options }) => options.topics));
    for (const { topic, target, raw } of placed) {
      target.end = raw.offset + 1;
      if (read.has(topic)) {
        target.tail.push(raw);
        this.tailsBytes += raw.bytes;
      } else if (target.tail.length > 0) this.dropTail(target, target.tail.length);
    }
    if (this.tailsBytes > TAILS_BYTES_AT_MOST) this.shortenTails();
    for (const reader of readers) reader.wake();
    return [];
  }

  private async readEnds(topics: readonly string[]): Promise<void> {
    const { rows } = await this.database.query<{ name: string; partitions: number; ends: number[] }>(
      `select t.name, t.partitions, (
         select json_agg(greatest(
           (select max(record_offset) + 1 from bus.record r where r.topic = t.name and r.partition = p.partition),
           (select max(next_offset) from bus.position b where b.topic = t.name and b.partition = p.partition),
           0) order by p.partition)
         from generate_series(0, t.partitions - 1) as p(partition)) as ends
       from bus.topic t where t.name = any($1)`,
      [topics],
    );
    for (const { name, partitions, ends } of rows) {
      if (partitions !== this.partitions) {
        throw new StartFault(
          `topic ${name} has ${partitions} partitions, HERALD_KAFKA_PARTITIONS says ${this.partitions}: set it back, keys would move`,
        );
      }
      const known = this.topics.get(name);
      if (!known)
        this.topics.set(
          name,
          ends.map((end) => ({ end, tail: [] })),
        );
      for (const [index, target] of known?.entries() ?? []) {
        if (ends[index]! <= target.end) continue;
        this.dropTail(target, target.tail.length);
        target.end = ends[index]!;
      }
    }
  }

  private dropTail(target: EmbeddedPartition, count: number): void {
    const dropped = count >= target.tail.length ? target.tail : target.tail.slice(0, count);
    target.tail = dropped === target.tail ? [] : target.tail.slice(count);
    for (const { bytes } of dropped) this.tailsBytes -= bytes;
  }

  private shortenTails(): void {
    for (const partitions of this.topics.values()) {
      for (const target of partitions) this.dropTail(target, Math.ceil(target.tail.length / 2));
    }
  }

  /** From the oldest on, a slice at a time: a partition's records are as old as their offsets. */
  private async clean(): Promise<void> {
    const { rowCount } = await this.database.query(
      `delete from bus.record where (topic, partition, record_offset) in (
         select r.topic, r.partition, r.record_offset
         from bus.topic t
         cross join generate_series(0, t.partitions - 1) as p(partition)
         left join lateral (
           select min(next_offset) as low from bus.position b where b.topic = t.name and b.partition = p.partition
         ) finished on true
         cross join lateral (
           select * from bus.record r where r.topic = t.name and r.partition = p.partition
           order by record_offset limit 1000
         ) r
         where r.published_at < now() - make_interval(secs => $2)
            or (r.record_offset < finished.low and r.published_at < now() - make_interval(secs => $1))
         limit ${CLEAN_AT_ONCE})`,
      [KEEP_FINISHED_MS / 1_000, KEEP_AT_MOST_MS / 1_000],
    );
    if (rowCount === CLEAN_AT_ONCE) setTimeout(() => void this.clean().catch(() => {}), 1_000).unref();
  }
}
