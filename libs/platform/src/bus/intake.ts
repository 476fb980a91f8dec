/**
 * The receiving half of a consumer, the same on both grounds: a watermark per partition, a budget per topic, and an
 * epoch, so that a record of a partition that was taken away can't be finished any more.
 */
import type { IncomingRecord } from './bus.js';
import { Watermark } from './watermark.js';

interface Partition {
  readonly topic: string;
  readonly partition: number;
  readonly watermark: Watermark;
  committed: number;
  isRevoked: boolean;
}

export interface RawRecord {
  readonly offset: number;
  readonly key: string;
  readonly value: string;
  readonly bytes: number;
}

export interface IntakeOptions {
  readonly unfinishedAtMost: number;
  readonly onFull: (topic: string) => void;
  readonly onRoom: (topic: string) => void;
  readonly onFinished: () => void;
}

export class Intake {
  private partitions = new Map<string, Partition>();
  private readonly perTopic = new Map<string, number>();
  private readonly full = new Set<string>();
  private progressed = 0;

  constructor(private readonly options: IntakeOptions) {}

  accept(topic: string, partition: number, records: readonly RawRecord[]): IncomingRecord[] {
    const first = records[0];
    if (!first) return [];
    const key = `${topic}/${partition}`;
    let target = this.partitions.get(key);
    if (!target) {
      target = { topic, partition, watermark: new Watermark(first.offset), committed: first.offset, isRevoked: false };
      this.partitions.set(key, target);
    }
    const owner = target;
    const incoming = records.map((record) => {
      owner.watermark.receive(record.offset);
      return new Received(topic, partition, record, owner, this.finished);
    });
    this.add(topic, incoming.length);
    return incoming;
  }

  /** Positions that moved since they were last committed. */
  uncommitted(): { topic: string; partition: number; offset: number }[] {
    const moved = [];
    for (const { topic, partition, watermark, committed } of this.partitions.values()) {
      if (watermark.position > committed) moved.push({ topic, partition, offset: watermark.position });
    }
    return moved;
  }

  committed(positions: readonly { topic: string; partition: number; offset: number }[]): void {
    for (const { topic, partition, offset } of positions) {
      const target = this.partitions.get(`${topic}/${partition}`);
      if (target) target.committed = Math.max(target.committed, offset);
    }
  }

  /** Everything received so far belongs to somebody else now, or will be read again. */
  revokeAll(): { topic: string; partition: number; offset: number }[] {
    const positions = [];
    for (const partition of this.partitions.values()) {
      partition.isRevoked = true;
      positions.push({ topic: partition.topic, partition: partition.partition, offset: partition.watermark.position });
    }
    this.partitions = new Map();
    this.perTopic.clear();
    for (const topic of this.full) this.options.onRoom(topic);
    this.full.clear();
    return positions;
  }

  get unfinished(): number {
    let sum = 0;
    for (const count of this.perTopic.values()) sum += count;
    return sum;
  }

  isFull(topic: string): boolean {
    return this.full.has(topic);
  }

  /** Finished records since the last call: the watchdog's sign of life. */
  takeProgress(): number {
    const count = this.progressed;
    this.progressed = 0;
    return count;
  }

  private readonly finished = (partition: Partition, offset: number): void => {
    partition.watermark.finish(offset);
    this.progressed += 1;
    this.add(partition.topic, -1);
    this.options.onFinished();
  };

  private add(topic: string, count: number): void {
    const unfinished = (this.perTopic.get(topic) ?? 0) + count;
    this.perTopic.set(topic, unfinished);
    if (unfinished >= this.options.unfinishedAtMost) {
      if (!this.full.has(topic)) {
        this.full.add(topic);
        this.options.onFull(topic);
      }
    } else if (this.full.has(topic) && unfinished <= this.options.unfinishedAtMost / 2) {
      this.full.delete(topic);
      this.options.onRoom(topic);
    }
  }
}

class Received implements IncomingRecord {
  readonly offset: number;
  readonly key: string;
  readonly value: string;
  readonly bytes: number;
  private isFinished = false;

  constructor(
    readonly topic: string,
    readonly partition: number,
    record: RawRecord,
    private readonly owner: Partition,
    private readonly finished: (partition: Partition, offset: number) => void,
  ) {
    this.offset = record.offset;
    this.key = record.key;
    this.value = record.value;
    this.bytes = record.bytes;
  }

  get isRevoked(): boolean {
    return this.owner.isRevoked;
  }

  finish(): void {
    if (this.isFinished || this.owner.isRevoked) return;
    this.isFinished = true;
    this.finished(this.owner, this.offset);
  }
}
