import { describe, expect, it } from '@jest/globals';
import { makeBatchWriter } from './batch-writer.js';

const dataFault = () => Object.assign(new Error('invalid'), { code: '22P02' });

describe('the batch writer', () => {
  it('writes one item at once, and what arrives meanwhile as the next batch', async () => {
    const batches: number[][] = [];
    let release = () => {};
    const writer = makeBatchWriter<number, number>({
      write: async (items) => {
        batches.push([...items]);
        if (batches.length === 1) await new Promise<void>((resolve) => (release = resolve));
        return items.map((item) => item * 10);
      },
    });
    const first = writer.add(1);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const others = [2, 3, 4].map((item) => writer.add(item));
    expect(batches).toEqual([[1]]);
    expect(writer.size).toBe(4);
    release();
    expect(await Promise.all([first, ...others])).toEqual([10, 20, 30, 40]);
    expect(batches).toEqual([[1], [2, 3, 4]]);
    await writer.idle();
    expect(writer.size).toBe(0);
  });

  it('bounds a batch by number and by weight; what is heavier goes alone', async () => {
    const batches: number[][] = [];
    const writer = makeBatchWriter<number>({
      write: async (items) => {
        batches.push([...items]);
        return [];
      },
      itemsAtMost: 3,
      weigh: (item) => item,
      weightAtMost: 10,
    });
    await Promise.all([1, 1, 1, 1, 50, 4, 6, 1].map((item) => writer.add(item)));
    expect(batches).toEqual([[1, 1, 1], [1], [50], [4, 6], [1]]);
  });

  it('lingers for more, but not once a batch is full', async () => {
    const batches: number[] = [];
    const writer = makeBatchWriter<number>({
      write: async (items) => {
        batches.push(items.length);
        return [];
      },
      itemsAtMost: 4,
      lingerMs: 60_000,
    });
    const first = writer.add(1);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(batches).toEqual([]);
    await Promise.all([first, writer.add(2), writer.add(3), writer.add(4)]);
    expect(batches).toEqual([4]);
  });

  it('29: halves a batch that is refused for its data until the guilty item stands alone', async () => {
    const batches: number[] = [];
    const writer = makeBatchWriter<number, string>({
      write: async (items) => {
        batches.push(items.length);
        if (items.includes(7)) throw dataFault();
        return items.map((item) => `kept ${item}`);
      },
    });
    const written = await Promise.allSettled(Array.from({ length: 16 }, (_, item) => writer.add(item)));
    expect(written.map(({ status }) => status === 'rejected')).toEqual(written.map((_, item) => item === 7));
    expect(written[8]).toEqual({ status: 'fulfilled', value: 'kept 8' });
    expect(batches).toEqual([16, 8, 4, 4, 2, 2, 1, 1, 8]);
  });

  it('any other refusal is everybody’s, and the next batch is written', async () => {
    let isAway = true;
    const writer = makeBatchWriter<number>({
      write: async () => {
        if (isAway) throw Object.assign(new Error('away'), { code: '57P01' });
        return [];
      },
    });
    const refused = await Promise.allSettled([1, 2, 3].map((item) => writer.add(item)));
    expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    isAway = false;
    await writer.add(4);
    await writer.idle();
  });
});
