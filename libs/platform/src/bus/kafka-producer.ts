/**
 * Many publishers, few requests: while a request is in flight the next one collects. Always keyed, partition chosen by
 * us (kafkajs runs its partitioner again on every retry), acks=-1, not idempotent, one request in flight so that a retry
 * never overtakes, with a deadline of our own.
 */
import { CompressionTypes, type Kafka, type Message, Partitioners, type Producer } from 'kafkajs';
import { BusUnavailable, MAX_RECORD_BYTES, type OutgoingRecord, RecordTooLarge } from './bus.js';
import { partitionOf } from './partitioner.js';

const ACKNOWLEDGED_WITHIN_MS = 5_000;
/** Of that, what a record may wait for its turn: the rest is the request's. */
const TURN_WITHIN_MS = 2_000;
/** A partition's share of a request is one batch to the broker, which takes 2 MiB of it: far below that. */
const RECORDS_PER_REQUEST = 1_000;
const BYTES_PER_REQUEST = 768 * 1024;
/** What a record costs besides key and value, at most. */
const OVERHEAD_BYTES = 70;
const RENEW_AFTER_MS = 15_000;

/** One call of `publish`, which may take several requests. */
interface Call {
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Not acknowledged yet; 0 once the call has its answer. */
  open: number;
}

interface Part {
  readonly call: Call;
  readonly records: readonly OutgoingRecord[];
  readonly bytes: number;
}

export class KafkaProducer {
  private producer: Producer;
  private waiting: Part[] = [];
  private head = 0;
  private isSending = false;
  private isScheduled = false;
  private isClosed = false;
  private connecting: Promise<void> | undefined;
  private failingSince: number | null = null;
  private patience: NodeJS.Timeout | undefined;

  constructor(
    private readonly kafka: Kafka,
    private readonly partitions: number,
    private readonly prefix: string,
  ) {
    this.producer = this.makeProducer();
  }

  async publish(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return;
    const parts: Omit<Part, 'call'>[] = [];
    let from = 0;
    let bytes = 0;
    for (const [index, { topic, key, value }] of records.entries()) {
      const size = Buffer.byteLength(value);
      if (size > MAX_RECORD_BYTES) throw new RecordTooLarge(`a record of ${topic} is larger than 2 MiB`);
      const weight = size + key.length * 3 + OVERHEAD_BYTES;
      if (index > from && (bytes + weight > BYTES_PER_REQUEST || index - from >= RECORDS_PER_REQUEST)) {
        parts.push({ records: records.slice(from, index), bytes });
        from = index;
        bytes = 0;
      }
      bytes += weight;
    }
    parts.push({ records: from === 0 ? records : records.slice(from), bytes });
    await new Promise<void>((resolve, reject) => {
      if (this.isClosed) return reject(new BusUnavailable('this process is ending'));
      const call: Call = { since: performance.now(), resolve, reject, open: parts.length };
      for (const part of parts) this.waiting.push({ call, ...part });
      this.schedule();
    });
  }

  /** What waits is refused; what is in flight has its time. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.patience);
    for (const { call } of this.waiting.splice(this.head)) refuse(call, new BusUnavailable('this process is ending'));
    await this.producer.disconnect();
  }

  private schedule(): void {
    if (this.isSending) this.watchPatience();
    if (this.isSending || this.isScheduled || this.head === this.waiting.length) return;
    this.isScheduled = true;
    // A turn of the loop later: what arrives together is sent together.
    setImmediate(() => {
      this.isScheduled = false;
      const batch = this.takeBatch();
      if (batch.length === 0) return;
      this.isSending = true;
      this.watchPatience();
      void this.send(batch).finally(() => {
        this.isSending = false;
        this.schedule();
      });
    });
  }

  private takeBatch(): Part[] {
    this.refuseLate();
    const batch: Part[] = [];
    let count = 0;
    let bytes = 0;
    for (; this.head < this.waiting.length; this.head += 1) {
      const next = this.waiting[this.head]!;
      // An earlier part of the call has failed already.
      if (next.call.open === 0) continue;
      const isFull = count + next.records.length > RECORDS_PER_REQUEST || bytes + next.bytes > BYTES_PER_REQUEST;
      if (isFull && batch.length > 0) break;
      batch.push(next);
      count += next.records.length;
      bytes += next.bytes;
    }
    this.forgetTaken();
    return batch;
  }

  /** Callers that waited too long for their turn are told so instead of being sent. */
  private refuseLate(): void {
    const since = performance.now() - TURN_WITHIN_MS;
    while (this.head < this.waiting.length && this.waiting[this.head]!.call.since <= since) {
      refuse(this.waiting[this.head]!.call, new BusUnavailable('Kafka has not acknowledged in time'));
      this.head += 1;
    }
    this.forgetTaken();
  }

  private forgetTaken(): void {
    if (this.head < this.waiting.length && this.head < 1_024) return;
    this.waiting = this.waiting.slice(this.head);
    this.head = 0;
  }

  /** One timer for all: while a request hangs, nobody behind it waits longer than promised. */
  private watchPatience(): void {
    if (this.patience !== undefined || this.head === this.waiting.length) return;
    const left = this.waiting[this.head]!.call.since + TURN_WITHIN_MS - performance.now();
    this.patience = setTimeout(() => {
      this.patience = undefined;
      this.refuseLate();
      this.schedule();
    }, left + 1).unref();
  }

  private async send(batch: readonly Part[]): Promise<void> {
    const perTopic = new Map<string, Message[]>();
    for (const { records } of batch) {
      for (const { topic, key, value } of records) {
        const message = { key, value, partition: partitionOf(key, this.partitions) };
        const messages = perTopic.get(topic);
        if (messages) messages.push(message);
        else perTopic.set(topic, [message]);
      }
    }
    let late: NodeJS.Timeout | undefined;
    try {
      await Promise.race([
        this.connect().then(() =>
          this.producer.sendBatch({
            acks: -1,
            timeout: 4_000,
            compression: CompressionTypes.None,
            topicMessages: [...perTopic].map(([topic, messages]) => ({ topic: this.prefix + topic, messages })),
          }),
        ),
        new Promise((_, reject) => {
          const left = batch[0]!.call.since + ACKNOWLEDGED_WITHIN_MS - performance.now();
          late = setTimeout(() => reject(new Error('no acknowledgement in time')), left);
        }),
      ]);
      this.failingSince = null;
      for (const { call } of batch) {
        if (call.open === 0) continue;
        call.open -= 1;
        if (call.open === 0) call.resolve();
      }
    } catch (error) {
      const unavailable = new BusUnavailable('Kafka has not acknowledged', { cause: error });
      for (const { call } of batch) refuse(call, unavailable);
      this.renewIfDead();
    } finally {
      clearTimeout(late);
    }
  }

  /** A client that has failed for long is replaced: some of its states don't mend (docs/decisions/0003-kafkajs.md). */
  private renewIfDead(): void {
    const now = performance.now();
    this.failingSince ??= now;
    if (now - this.failingSince < RENEW_AFTER_MS || this.isClosed) return;
    this.failingSince = null;
    this.connecting = undefined;
    const dead = this.producer;
    this.producer = this.makeProducer();
    void dead.disconnect().catch(() => {});
  }

  private connect(): Promise<void> {
    if (!this.connecting) {
      const connecting = this.producer.connect();
      this.connecting = connecting;
      connecting.catch(() => {
        if (this.connecting === connecting) this.connecting = undefined;
      });
    }
    return this.connecting;
  }

  private makeProducer(): Producer {
    return this.kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 3, initialRetryTime: 50, maxRetryTime: 1_000 },
    });
  }
}

function refuse(call: Call, error: BusUnavailable): void {
  call.open = 0;
  call.reject(error);
}
