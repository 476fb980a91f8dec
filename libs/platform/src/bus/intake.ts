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

export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface Revoked extends Position {
  /** The offset after the last record that was received. */
  readonly next: number;
}

export interface IntakeOptions {
  readonly unfinishedAtMost: number;
  readonly onFull: (topic: string) => void;
  /** A topic that was full has half its room again. Called from within `finish`: do nothing long in it. */
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
  uncommitted(): Position[] {
    const moved = [];
    for (const { topic, partition, watermark, committed } of this.partitions.values()) {
      if (watermark.position > committed) moved.push({ topic, partition, offset: watermark.position });
    }
    return moved;
  }

  committed(positions: readonly Position[]): void {
    for (const { topic, partition, offset } of positions) {
      const target = this.partitions.get(`${topic}/${partition}`);
      if (target) target.committed = Math.max(target.committed, offset);
    }
  }

  /** Everything received so far belongs to somebody else now, or will be read again. Answers where each stood. */
  revokeAll(): Revoked[] {
    const revoked = [];
    for (const target of this.partitions.values()) {
      target.isRevoked = true;
      const { topic, partition, watermark } = target;
      revoked.push({ topic, partition, offset: watermark.position, next: watermark.end });
    }
    this.partitions = new Map();
    this.perTopic.clear();
    const full = [...this.full];
    this.full.clear();
    for (const topic of full) this.options.onRoom(topic);
    return revoked;
  }

  /** The offset after the last one that was received of a partition in this epoch. */
  endOf(topic: string, partition: number): number | undefined {
    return this.partitions.get(`${topic}/${partition}`)?.watermark.end;
  }

  /** How many more records of a topic may be received now. */
  room(topic: string): number {
    return this.full.has(topic) ? 0 : this.options.unfinishedAtMost - this.unfinishedOf(topic);
  }

  unfinishedOf(topic: string): number {
    return this.perTopic.get(topic) ?? 0;
  }

  get unfinished(): number {
    let sum = 0;
    for (const count of this.perTopic.values()) sum += count;
    return sum;
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
    const unfinished = this.unfinishedOf(topic) + count;
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
