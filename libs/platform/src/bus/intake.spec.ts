import { describe, expect, it } from '@jest/globals';
import { Intake, type RawRecord } from './intake.js';

describe('Intake', () => {
  const setUp = (unfinishedAtMost = 4) => {
    const told: string[] = [];
    const intake = new Intake({
      unfinishedAtMost,
      onFull: (topic) => told.push(`full ${topic}`),
      onRoom: (topic) => told.push(`room ${topic}`),
      onFinished: () => {},
    });
    return { intake, told };
  };
  const raw = (from: number, count: number): RawRecord[] =>
    Array.from({ length: count }, (_, index) => ({ offset: from + index, key: 'k', value: 'v', bytes: 1 }));

  it('16: a record of an earlier epoch can’t be finished, and moves no position of the later one', () => {
    const { intake } = setUp();
    const [before] = intake.accept('t', 0, raw(0, 1));
    expect(intake.revokeAll()).toEqual([{ topic: 't', partition: 0, offset: 0, next: 1 }]);
    const [after] = intake.accept('t', 0, raw(0, 1));
    before!.finish();
    expect([before!.isRevoked, after!.isRevoked]).toEqual([true, false]);
    expect(intake.uncommitted()).toEqual([]);
    expect(intake.unfinished).toBe(1);
    after!.finish();
    expect(intake.uncommitted()).toEqual([{ topic: 't', partition: 0, offset: 1 }]);
  });

  it('asks to commit what moved, until it is told that it is committed', () => {
    const { intake } = setUp(100);
    const records = intake.accept('t', 3, raw(10, 3));
    records[1]!.finish();
    expect(intake.uncommitted()).toEqual([]);
    records[0]!.finish();
    const moved = intake.uncommitted();
    expect(moved).toEqual([{ topic: 't', partition: 3, offset: 12 }]);
    records[2]!.finish();
    intake.committed(moved);
    expect(intake.uncommitted()).toEqual([{ topic: 't', partition: 3, offset: 13 }]);
    expect(intake.takeProgress()).toBe(3);
    expect(intake.takeProgress()).toBe(0);
  });

  it('20: says when a topic is full and when it has half its room again, each topic for itself', () => {
    const { intake, told } = setUp(4);
    const a = intake.accept('a', 0, raw(0, 2));
    a.push(...intake.accept('a', 1, raw(0, 2)));
    intake.accept('b', 0, raw(0, 1));
    expect(told).toEqual(['full a']);
    expect([intake.room('a'), intake.room('b')]).toEqual([0, 3]);
    a[0]!.finish();
    expect([told.length, intake.room('a')]).toEqual([1, 0]);
    a[3]!.finish();
    expect(told).toEqual(['full a', 'room a']);
    expect(intake.room('a')).toBe(2);
  });

  it('has room again when everything was taken away', () => {
    const { intake, told } = setUp(2);
    intake.accept('a', 0, raw(0, 2));
    intake.revokeAll();
    expect(told).toEqual(['full a', 'room a']);
    expect([intake.room('a'), intake.unfinished]).toEqual([2, 0]);
  });
});
