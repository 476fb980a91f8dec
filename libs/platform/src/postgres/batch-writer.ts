/**
 * Many small writes become few big ones, without waiting: whatever arrives while a batch is being written is the next
 * batch. Alone, an item is written at once; under load batches grow by themselves.
 */
import { isDataFault } from './faults.js';

export interface BatchWriterOptions<Item, Result> {
  /** One statement for all. Answers a result per item, in order. */
  write(items: readonly Item[]): Promise<readonly Result[]>;
  readonly itemsAtMost?: number;
  /** Waited before a batch that isn't full, for larger batches at the cost of latency. */
  readonly lingerMs?: number;
  /** Batches written at the same time. */
  readonly inFlight?: number;
}

export interface BatchWriter<Item, Result> {
  /**
   * Resolves when the item is committed. A batch that PostgreSQL refuses for its data is split in halves until the
   * guilty item stands alone, and only that one rejects (semantics 29); any other error rejects the whole batch.
   */
  add(item: Item): Promise<Result>;
  /** Resolves when nothing is waiting or being written. */
  idle(): Promise<void>;
  readonly size: number;
}

interface Entry<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export function makeBatchWriter<Item, Result = void>(
  options: BatchWriterOptions<Item, Result>,
): BatchWriter<Item, Result> {
  const { itemsAtMost = 500, lingerMs = 0, inFlight = 1 } = options;
  const waiting: Entry<Item, Result>[] = [];
  let writing = 0;
  let unfinished = 0;
  let isScheduled = false;
  const idlers: (() => void)[] = [];

  const schedule = () => {
    if (isScheduled || writing >= inFlight || waiting.length === 0) return;
    isScheduled = true;
    const begin = () => {
      isScheduled = false;
      const batch = waiting.splice(0, itemsAtMost);
      if (batch.length === 0) return;
      writing += 1;
      void writeAll(batch).finally(() => {
        writing -= 1;
        unfinished -= batch.length;
        schedule();
        if (unfinished === 0) for (const done of idlers.splice(0)) done();
      });
      schedule();
    };
    if (lingerMs > 0 && waiting.length < itemsAtMost) setTimeout(begin, lingerMs);
    else setImmediate(begin);
  };

  const writeAll = async (batch: Entry<Item, Result>[]): Promise<void> => {
    try {
      const results = await options.write(batch.map(({ item }) => item));
      for (const [index, entry] of batch.entries()) entry.resolve(results[index] as Result);
    } catch (error) {
      if (!isDataFault(error) || batch.length === 1) {
        for (const entry of batch) entry.reject(error);
        return;
      }
      const middle = batch.length >> 1;
      await writeAll(batch.slice(0, middle));
      await writeAll(batch.slice(middle));
    }
  };

  return {
    add(item) {
      unfinished += 1;
      return new Promise<Result>((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        schedule();
      });
    },
    idle() {
      if (unfinished === 0) return Promise.resolve();
      return new Promise((resolve) => idlers.push(resolve));
    },
    get size() {
      return unfinished;
    },
  };
}
