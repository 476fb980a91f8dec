/**
 * Many small writes become few big ones, without waiting: whatever arrives while a batch is being written is the next
 * batch. Alone, an item is written at once; under load batches grow by themselves.
 */
import { isDataFault } from './faults.js';

export interface BatchWriterOptions<Item, Result> {
  /** One statement for all. Answers a result per item, in order. */
  write(items: readonly Item[]): Promise<readonly Result[]>;
  readonly itemsAtMost?: number;
  /** With `weightAtMost`: a batch ends before the item that would make it heavier; a heavier item goes alone. */
  readonly weigh?: (item: Item) => number;
  readonly weightAtMost?: number;
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

function countWithin<Item>(
  entries: readonly { readonly item: Item }[],
  itemsAtMost: number,
  weigh: (item: Item) => number,
  weightAtMost: number,
): number {
  let weight = 0;
  let count = 0;
  for (; count < entries.length && count < itemsAtMost; count += 1) {
    weight += weigh(entries[count]!.item);
    if (weight > weightAtMost && count > 0) break;
  }
  return count;
}

export function makeBatchWriter<Item, Result = void>(
  options: BatchWriterOptions<Item, Result>,
): BatchWriter<Item, Result> {
  const { itemsAtMost = 500, lingerMs = 0, inFlight = 1, weigh, weightAtMost = Number.POSITIVE_INFINITY } = options;
  let waiting: Entry<Item, Result>[] = [];
  let writing = 0;
  let unfinished = 0;
  let isScheduled = false;
  let lingering: NodeJS.Timeout | undefined;
  const idlers: (() => void)[] = [];

  const schedule = () => {
    if (writing >= inFlight || waiting.length === 0) return;
    const isDue = lingerMs === 0 || waiting.length >= itemsAtMost;
    if (isScheduled && !(isDue && lingering)) return;
    clearTimeout(lingering);
    lingering = undefined;
    isScheduled = true;
    if (isDue) setImmediate(begin);
    else lingering = setTimeout(begin, lingerMs);
  };

  const begin = () => {
    isScheduled = false;
    lingering = undefined;
    const batch = takeBatch();
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

  const takeBatch = () => {
    const count = weigh ? countWithin(waiting, itemsAtMost, weigh, weightAtMost) : itemsAtMost;
    const batch = waiting.length <= count ? waiting : waiting.slice(0, count);
    waiting = batch === waiting ? [] : waiting.slice(count);
    return batch;
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
