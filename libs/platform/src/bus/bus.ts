/**
 * The bus port: durable, partitioned, at-least-once. Two implementations pass one conformance suite: `KafkaBus`
 * (production) and `EmbeddedBus` (a log in the embedded database).
 *
 * A consumer may finish records in any order; what is committed is the contiguous watermark of what is finished.
 */

export interface OutgoingRecord {
  readonly topic: string;
  /** Always given: keyless records may change their partition on a retry and arrive twice. */
  readonly key: string;
  readonly value: string;
}

export interface IncomingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  /** UTF-8 JSON as published; hostile until parsed. */
  readonly value: string;
  /** Size of `value` in bytes. */
  readonly bytes: number;
  /**
   * The record is durable elsewhere (or kept as a dead record): its offset may be committed. Idempotent. After the
   * partition was taken away it does nothing.
   */
  finish(): void;
  /** True once the partition was taken away from this member: start nothing more for this record. */
  readonly isRevoked: boolean;
}

export interface ConsumeOptions {
  readonly group: string;
  readonly topics: readonly string[];
  /**
   * A member that was not heard for so long is expelled, and its partitions go to others: longer than anything it may have in
   * flight that must not happen twice. 30 s unless told.
   */
  readonly sessionTimeoutMs?: number;
  /** On Kafka, how long what arrives is gathered before it is fetched: fewer, larger batches for so much latency. 4 ms unless told. */
  readonly gatherMs?: number;
  /** Unfinished records per topic (lane) at which fetching of that topic pauses, so that lanes have budgets of their own. */
  readonly unfinishedAtMost: number;
  /**
   * Called with what was fetched, of one partition, in offset order. Must return at once (never await a provider in
   * it): the records are finished later, in any order.
   */
  receive(records: readonly IncomingRecord[]): void;
  /**
   * Partitions are being taken away, or no heartbeat was answered for 10 s (semantics 16): start nothing more, make
   * what is in flight durable. Awaited for at most 5 s.
   */
  onRevoking?(): Promise<void>;
  /** The consumer died and will not restart by itself, or made no progress for 60 s with lag: drain and exit 1 (semantics 31). */
  onFatal(error: Error): void;
}

export interface Consumption {
  /** Stop fetching, wait until everything received is finished (at most `timeoutMs`), commit, leave the group. */
  drain(timeoutMs: number): Promise<void>;
  /**
   * While a handler says "not now" (our own database or bus is away), lack of progress is not a fault: the watchdog
   * of semantics 31 waits.
   */
  setWaiting(waiting: boolean): void;
  /** Records received and not finished, over all partitions. */
  readonly unfinished: number;
  /** Committed position is lost because the log begins later: how many records were missed (semantics 30). */
  readonly missed: number;
}

/** Offsets per partition, index = partition. */
export type Offsets = readonly number[];

export interface Bus {
  /**
   * Resolves when every record is acknowledged by the bus (acks=-1), rejects with `BusUnavailable` otherwise: then
   * any of them may or may not have been stored. Concurrent calls share requests (linger at most a few ms).
   */
  publish(records: readonly OutgoingRecord[]): Promise<void>;
  consume(options: ConsumeOptions): Promise<Consumption>;
  /** Creates missing topics with the configured partitions, retention and size limit; refuses another partition count. */
  ensureTopics(topics: readonly string[]): Promise<void>;
  /** Next offset to be written, per partition. */
  endOffsets(topic: string): Promise<Offsets>;
  /** Earliest offset still kept, per partition. */
  beginOffsets(topic: string): Promise<Offsets>;
  /** Everything below is finished by the group, per partition; -1 where nothing was committed yet. */
  committedOffsets(group: string, topic: string): Promise<Offsets>;
  /** Rejects where the bus can't be reached within 2 s. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** The bus didn't acknowledge: "not now", never the record's own fault. */
export class BusUnavailable extends Error {
  override readonly name = 'BusUnavailable';
}

/** Larger than the bus takes (2 MiB): the record's own fault. */
export class RecordTooLarge extends Error {
  override readonly name = 'RecordTooLarge';
}

export const MAX_RECORD_BYTES = 2 * 1024 * 1024;

/** The partition a key belongs to, on both grounds, now and for ever: murmur2 as Kafka's default partitioner. */
export const BUS = Symbol('Bus');
