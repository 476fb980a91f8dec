/** A bus that keeps what is published, and fails or hangs on command. Nobody consumes from it. */
import type { Bus, Consumption, Offsets, OutgoingRecord } from '@herald/platform';

export class MemoryBus implements Bus {
  readonly published: OutgoingRecord[] = [];
  /** Told before anything is kept; may throw, or never resolve. */
  onPublish: (records: readonly OutgoingRecord[]) => Promise<void> | void = () => {};

  async publish(records: readonly OutgoingRecord[]): Promise<void> {
    await this.onPublish(records);
    this.published.push(...records);
  }

  /** Parsed records of a topic, in order. */
  of<Value = any>(topic: string): Value[] {
    return this.published.filter((record) => record.topic.startsWith(topic)).map(({ value }) => JSON.parse(value));
  }

  async consume(): Promise<Consumption> {
    return { drain: async () => {}, setWaiting: () => {}, unfinished: 0, missed: 0 };
  }

  async ensureTopics(): Promise<void> {}
  async endOffsets(_topic: string): Promise<Offsets> {
    return [];
  }
  async beginOffsets(_topic: string): Promise<Offsets> {
    return [];
  }
  async committedOffsets(_group: string, _topic: string): Promise<Offsets> {
    return [];
  }
  async check(): Promise<void> {}
  async close(): Promise<void> {}
}
