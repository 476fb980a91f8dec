import { randomUUID } from 'node:crypto';
import { embedded, type Ground, servers, silent } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Done, type Duty, DutyLoop, nothing, type Turn } from './duty.js';
import { LeaseStore } from './lease.store.js';

describe.each([embedded, ...servers])('duties on $name', ({ open }) => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await open();
  }, 60_000);
  afterAll(() => ground.close());

  const lease = () => new LeaseStore(ground.database, randomUUID());
  const duty = (run: (turn: Turn) => Promise<Done> | Done, more: Partial<Duty> = {}): Duty => ({
    name: randomUUID(),
    everyMs: 50,
    run: async (turn) => run(turn),
    ...more,
  });

  it('one process at a time has a duty; another takes it when it is released', async () => {
    let runs = 0;
    const work = duty(() => {
      runs += 1;
      return nothing;
    });
    const [first, second] = [lease(), lease()];
    await new DutyLoop(work, first, silent).once();
    await new DutyLoop(work, second, silent).once();
    expect(runs).toBe(1);
    await first.releaseAll();
    await new DutyLoop(work, second, silent).once();
    expect(runs).toBe(2);
  });

  it('everybody shows what everybody shows', async () => {
    let runs = 0;
    const work = duty(
      () => {
        runs += 1;
        return nothing;
      },
      { isEverybodys: true },
    );
    for (let n = 0; n < 2; n += 1) await new DutyLoop(work, lease(), silent).once();
    expect(runs).toBe(2);
  });

  it('a failure is tried again, later each time, and never ends the process', async () => {
    const loop = new DutyLoop(
      duty(() => {
        throw new TypeError('a bug');
      }),
      lease(),
      silent,
    );
    const waits: number[] = [];
    for (let n = 0; n < 8; n += 1) waits.push(await loop.once());
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('stops between two steps', async () => {
    let steps = 0;
    let begun: () => void;
    const isUnderWay = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const loop = new DutyLoop(
      duty(async (turn) => {
        while (await turn.goesOn()) {
          steps += 1;
          begun();
          await new Promise(setImmediate);
        }
        return nothing;
      }),
      lease(),
      silent,
    );
    loop.start();
    await isUnderWay;
    await loop.stop();
    const stoppedAt = steps;
    await new Promise(setImmediate);
    expect(steps).toBe(stoppedAt);
  });
});
