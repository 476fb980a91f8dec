/**
 * Many publishers, few requests: while requests are in flight the next one collects. Always keyed, partition chosen by
 * us (kafkajs runs its partitioner again on every retry), acks=-1, not idempotent, with a deadline of our own.
 */
import { CompressionTypes, type Kafka, Partitioners, type Producer } from 'kafkajs';
import { BusUnavailable, MAX_RECORD_BYTES, type OutgoingRecord, RecordTooLarge } from './bus.js';
import { partitionOf } from './partitioner.js';

const ACKNOWLEDGED_WITHIN_MS = 5_000;
const RECORDS_PER_REQUEST = 500;
const BYTES_PER_REQUEST = 512 * 1024;
const REQUESTS_IN_FLIGHT = 2;

interface Waiting {
  readonly records: readonly OutgoingRecord[];
  readonly bytes: number;
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class KafkaProducer {
  private readonly producer: Producer;
  private readonly waiting: Waiting[] = [];
  private inFlight = 0;
  private isScheduled = false;
  private connecting: Promise<void> | undefined;

  constructor(
    kafka: Kafka,
    private readonly partitions: number,
    private readonly prefix: string,
  ) {
    this.producer = kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 3, initialRetryTime: 50, maxRetryTime: 1_000 },
    });
    this.producer.on(this.producer.events.DISCONNECT, () => {
      this.connecting = undefined;
    });
  }

  async publish(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return;
    let bytes = 0;
    for (const { topic, value } of records) {
      const size = Buffer.byteLength(value);
      if (size > MAX_RECORD_BYTES) throw new RecordTooLarge(`a record of ${topic} is larger than 2 MiB`);
      bytes += size;
    }
    await new Promise<void>((resolve, reject) => {
      this.waiting.push({ records, bytes, since: performance.now(), resolve, reject });
      this.schedule();
    });
  }

  async close(): Promise<void> {
    await this.producer.disconnect();
  }

  private schedule(): void {
    if (this.isScheduled || this.inFlight >= REQUESTS_IN_FLIGHT || this.waiting.length === 0) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      const batch = this.takeBatch();
      if (batch.length === 0) return;
      this.inFlight += 1;
      void this.sendBatch(batch).finally(() => {
        this.inFlight -= 1;
        this.schedule();
      });
      this.schedule();
    });
  }

  /** Callers that waited too long for their turn are told so instead of being sent. */
  private takeBatch(): Waiting[] {
    const batch: Waiting[] = [];
    let count = 0;
    let bytes = 0;
    while (this.waiting.length > 0) {
      const next = this.waiting[0]!;
      if (performance.now() - next.since > ACKNOWLEDGED_WITHIN_MS) {
        this.waiting.shift();
        next.reject(new BusUnavailable('Kafka has not acknowledged in time'));
        continue;
      }
      if (
        batch.length > 0 &&
        (count + next.records.length > RECORDS_PER_REQUEST || bytes + next.bytes > BYTES_PER_REQUEST)
      )
        break;
      batch.push(this.waiting.shift()!);
      count += next.records.length;
      bytes += next.bytes;
    }
    return batch;
  }

  private async sendBatch(batch: readonly Waiting[]): Promise<void> {
    const perTopic = new Map<string, { key: string; value: string; partition: number }[]>();
    for (const { records } of batch) {
      for (const { topic, key, value } of records) {
        let messages = perTopic.get(topic);
        if (!messages) perTopic.set(topic, (messages = []));
        messages.push({ key, value, partition: partitionOf(key, this.partitions) });
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
          late = setTimeout(() => reject(new Error('no acknowledgement in time')), ACKNOWLEDGED_WITHIN_MS);
        }),
      ]);
      for (const { resolve } of batch) resolve();
    } catch (error) {
      const unavailable = new BusUnavailable('Kafka has not acknowledged', { cause: error });
      for (const { reject } of batch) reject(unavailable);
    } finally {
      clearTimeout(late);
    }
  }

  private connect(): Promise<void> {
    this.connecting ??= this.producer.connect().catch((error) => {
      this.connecting = undefined;
      throw error;
    });
    return this.connecting;
  }
}
