/**
 * A record on the bus has three endings: done, kept as a dead record, or "not now" (our database or bus is away: wait and
 * repeat, never counted as a try). This is where a stage gets them (walk.md; semantics 28, 29).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log/logger.js';
import { isDataFault, isNotNow } from '../postgres/faults.js';
import type { Bus, ConsumeOptions, Consumption, IncomingRecord } from './bus.js';
import type { DeadReason, DeadRecords } from './dead-record.store.js';

const JOINED_WITHIN_MS = 60_000;
const TRIES_OF_A_BUG = 3;
/** A batch may be handled twice without harm: who dies is replaced soon. */
const SESSION_MS = 10_000;
const CONDEMNED_IN_A_ROW = 10;
const WAIT_AT_LEAST_MS = 200;
const WAIT_AT_MOST_MS = 10_000;

export interface Item<Value> {
  readonly record: IncomingRecord;
  readonly value: Value;
}

interface StageOptions<Value> {
  readonly bus: Bus;
  readonly group: string;
  /** Most urgent first: a lane's loop yields to the ones before it. */
  readonly topics: readonly string[];
  /** Throws where the record can't be read. */
  readonly parse: (value: string) => Value;
  readonly unfinishedAtMost?: number;
  /** See `ConsumeOptions`. */
  readonly gatherMs?: number;
  readonly deadRecords: DeadRecords;
  readonly logger: Logger;
  readonly onFatal: (error: Error) => void;
}

export interface BatchStageOptions<Value> extends StageOptions<Value> {
  /** Resolves when everything of the batch is durable elsewhere. Must be safe to repeat, whole or in parts. */
  readonly handle: (batch: readonly Item<Value>[]) => Promise<void>;
  readonly batchAtMost?: number;
}

export interface RecordStageOptions<Value> extends StageOptions<Value> {
  /** Must return at once; the receiver finishes each record when it is durable elsewhere. */
  readonly receive: (items: readonly Item<Value>[]) => void;
  readonly onRevoking?: () => Promise<void>;
}

/** A stage that handles batches, one after the other per topic, so that lanes never wait for each other. */
export async function readBatches<Value>(options: BatchStageOptions<Value>): Promise<Consumption> {
  const { batchAtMost = 500 } = options;
  const condemning = new Condemning();
  let consumption: Consumption | undefined;
  /** Lanes wait by themselves: the watchdog looks again when none does. */
  let waiting = 0;
  const wait = async (ms: number) => {
    waiting += 1;
    consumption?.setWaiting(true);
    await sleep(ms);
    waiting -= 1;
    if (waiting === 0) consumption?.setWaiting(false);
  };

  class Queue {
    private readonly waiting: IncomingRecord[] = [];
    private isRunning = false;

    push(records: readonly IncomingRecord[]): void {
      for (const record of records) this.waiting.push(record);
      if (!this.isRunning) {
        this.isRunning = true;
        // A turn of the loop later: what arrives together is handled together.
        setImmediate(() => void this.run().catch(options.onFatal));
      }
    }

    private async run(): Promise<void> {
      while (this.waiting.length > 0) {
        const records = this.waiting.splice(0, batchAtMost).filter((record) => !record.isRevoked);
        const items: Item<Value>[] = [];
        for (const record of records) {
          const value = parsed(options.parse, record);
          if ('error' in value) await condemn(record, 'UNREADABLE', value.error);
          else items.push({ record, value: value.value });
        }
        if (items.length > 0) await settle(items);
      }
      this.isRunning = false;
    }
  }
  const queues = new Map(options.topics.map((topic) => [topic, new Queue()]));

  /** Returns when each record has an ending, or was taken away. */
  async function settle(items: readonly Item<Value>[]): Promise<void> {
    for (let bugs = 0, waits = 0; ; ) {
      const open = items.filter(({ record }) => !record.isRevoked);
      if (open.length === 0) return;
      try {
        await options.handle(open);
        condemning.good();
        for (const { record } of open) record.finish();
        return;
      } catch (error) {
        if (isNotNow(error)) {
          options.logger.warn(
            { group: options.group, error, records: open.length },
            'not now: waiting for our own database or bus',
          );
          await wait(backoff(waits++));
          continue;
        }
        if (open.length > 1) {
          const middle = open.length >> 1;
          await settle(open.slice(0, middle));
          await settle(open.slice(middle));
          return;
        }
        bugs += 1;
        if (!isDataFault(error) && bugs < TRIES_OF_A_BUG) continue;
        const [{ record }] = open as [Item<Value>];
        if (condemning.isSuspicious) {
          options.logger.fatal(
            { group: options.group, topic: record.topic, error, inARow: CONDEMNED_IN_A_ROW },
            'record after record would be condemned: waiting, this is likely a fault of this version',
          );
          await wait(backoff(4 + waits++));
          continue;
        }
        options.logger.error({ group: options.group, topic: record.topic, error }, 'a record is kept as dead');
        await condemn(record, isDataFault(error) ? 'DATA' : 'BUG', describe(error));
        condemning.condemned();
        return;
      }
    }
  }

  async function condemn(record: IncomingRecord, reason: DeadReason, detail: string): Promise<void> {
    await keepDead(options, record, reason, detail, wait);
    record.finish();
  }

  consumption = await join(options, {
    group: options.group,
    topics: options.topics,
    sessionTimeoutMs: SESSION_MS,
    ...(options.gatherMs === undefined ? {} : { gatherMs: options.gatherMs }),
    unfinishedAtMost: options.unfinishedAtMost ?? batchAtMost * 4,
    onFatal: options.onFatal,
    receive: (records) => {
      const topic = records[0]?.topic;
      if (topic !== undefined) queues.get(topic)?.push(records);
    },
  });
  return consumption;
}

/** A stage whose records finish one by one, in any order. */
export async function readRecords<Value>(options: RecordStageOptions<Value>): Promise<Consumption> {
  return join(options, {
    group: options.group,
    topics: options.topics,
    unfinishedAtMost: options.unfinishedAtMost ?? 512,
    onFatal: options.onFatal,
    ...(options.onRevoking ? { onRevoking: options.onRevoking } : {}),
    receive: (records) => {
      const items: Item<Value>[] = [];
      for (const record of records) {
        const value = parsed(options.parse, record);
        if ('error' in value) {
          void keepDead(options, record, 'UNREADABLE', value.error).then(() => record.finish());
        } else items.push({ record, value: value.value });
      }
      if (items.length > 0) options.receive(items);
    },
  });
}

/** While servers start together a group may not be there yet: waited for here, since starting anew would only load them more. */
async function join<Value>({ bus, logger }: StageOptions<Value>, options: ConsumeOptions): Promise<Consumption> {
  const until = performance.now() + JOINED_WITHIN_MS;
  for (let waits = 0; ; waits += 1) {
    try {
      return await bus.consume(options);
    } catch (error) {
      if (!isNotNow(error) || performance.now() > until) throw error;
      logger.warn({ group: options.group, error }, 'waiting to join the group');
      await sleep(backoff(Math.min(waits, 4)));
    }
  }
}

function parsed<Value>(parse: (value: string) => Value, record: IncomingRecord): { value: Value } | { error: string } {
  try {
    return { value: parse(record.value) };
  } catch (error) {
    return { error: describe(error) };
  }
}

/** Never gives up, as long as the record is ours: it may only be committed once it is kept. */
async function keepDead<Value>(
  options: StageOptions<Value>,
  record: IncomingRecord,
  reason: DeadReason,
  detail: string,
  wait: (ms: number) => Promise<void> = sleep,
): Promise<void> {
  for (let waits = 0; !record.isRevoked; waits += 1) {
    try {
      await options.deadRecords.keep(record, reason, detail);
      return;
    } catch (error) {
      options.logger.warn({ group: options.group, error }, 'a dead record could not be kept yet');
      await wait(backoff(waits));
    }
  }
}

/** Ten in a row, none good between: that is not the records' fault (semantics 28). */
class Condemning {
  private inARow = 0;

  good(): void {
    this.inARow = 0;
  }

  condemned(): void {
    this.inARow += 1;
  }

  get isSuspicious(): boolean {
    return this.inARow >= CONDEMNED_IN_A_ROW;
  }
}

function backoff(waits: number): number {
  return Math.min(WAIT_AT_LEAST_MS * 2 ** Math.min(waits, 10), WAIT_AT_MOST_MS);
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
