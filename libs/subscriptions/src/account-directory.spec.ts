import type { AccountId } from '@herald/contracts';
import type { Database } from '@herald/platform';
import { describe, expect, it } from '@jest/globals';
import { AccountDirectory } from './account-directory.js';

const a = 'a' as AccountId;
const b = 'b' as AccountId;
const c = 'c' as AccountId;

/** Answers as the directory asks: which of these exist. */
class FakeDatabase {
  asked: string[][] = [];
  isAway = false;
  constructor(readonly existing: Set<string>) {}

  async query(_: unknown, [ids]: [string[]]) {
    this.asked.push(ids);
    if (this.isAway) throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    return { rows: ids.filter((id) => this.existing.has(id)).map((id) => ({ id })), rowCount: 0 };
  }
}

function make(existing: string[], atMost?: number) {
  const database = new FakeDatabase(new Set(existing));
  return { database, directory: new AccountDirectory(database as unknown as Database, atMost) };
}

describe('known accounts', () => {
  it('4: are asked for once, in batches', async () => {
    const { database, directory } = make(['a', 'b']);
    const answers = await Promise.all([
      directory.unknownOf([a]),
      directory.unknownOf([b, c]),
      directory.unknownOf([a, c]),
    ]);
    expect(answers).toEqual([[], [c], [c]]);
    expect(database.asked).toEqual([['a', 'b', 'c']]);
    expect(await directory.unknownOf([a, b])).toEqual([]);
    expect(database.asked).toHaveLength(1);
    expect(directory.isKnown(a)).toBe(true);
    expect(directory.isKnown(c)).toBe(false);
  });

  it('4: an unknown one is asked for again after a second', async () => {
    const { database, directory } = make([]);
    expect(await directory.unknownOf([a])).toEqual([a]);
    expect(await directory.unknownOf([a])).toEqual([a]);
    expect(database.asked).toHaveLength(1);
    database.existing.add('a');
    const end = performance.now() + 1_500;
    while ((await directory.unknownOf([a])).length > 0 && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await directory.unknownOf([a])).toEqual([]);
    expect(database.asked).toHaveLength(2);
  });

  it('4: what isn’t cached can’t be told while PostgreSQL is away; what is cached can', async () => {
    const { database, directory } = make(['a', 'b']);
    await directory.unknownOf([a]);
    database.isAway = true;
    expect(await directory.unknownOf([a])).toEqual([]);
    await expect(directory.unknownOf([a, b])).rejects.toThrow('connect');
    database.isAway = false;
    expect(await directory.unknownOf([b])).toEqual([]);
  });

  it('answers rightly for more than it can keep', async () => {
    const many = Array.from({ length: 100 }, (_, n) => `account-${n}` as AccountId);
    const { directory } = make(many.slice(0, 99), 10);
    expect(await directory.unknownOf(many)).toEqual([many[99]]);
  });
});
