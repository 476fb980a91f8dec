import { describe, expect, it } from '@jest/globals';
import { Watchdog } from './watchdog.js';

describe('31: Watchdog', () => {
  /** Ticks four times a second from `from` to `to`, in seconds. */
  const setUp = () => {
    const told: Error[] = [];
    const state = { unfinished: 0, lag: 0, isAway: false };
    const dog = new Watchdog(
      {
        group: 'g',
        unfinished: () => state.unfinished,
        lag: async () => {
          if (state.isAway) throw new Error('away');
          return state.lag;
        },
        onStuck: (error) => told.push(error),
      },
      0,
    );
    const run = async (from: number, to: number, finished = 0) => {
      for (let at = from * 1_000; at <= to * 1_000; at += 250) await dog.tick(finished, at);
    };
    return { told, state, dog, run };
  };

  it('barks once when nothing was finished for 60 s with records open', async () => {
    const { told, state, run } = setUp();
    state.unfinished = 3;
    await run(0, 59);
    expect(told).toHaveLength(0);
    await run(60, 200);
    expect(told).toHaveLength(1);
  });

  it('is quiet as long as something is finished now and then', async () => {
    const { told, state, run } = setUp();
    state.unfinished = 3;
    for (let at = 0; at < 600; at += 50) {
      await run(at, at + 49);
      await run(at + 49, at + 50, 1);
    }
    expect(told).toHaveLength(0);
  });

  it('is quiet while a stage waits for our own database or bus', async () => {
    const { told, state, dog, run } = setUp();
    state.unfinished = 3;
    dog.isWaiting = true;
    await run(0, 600);
    dog.isWaiting = false;
    await run(600, 659);
    expect(told).toHaveLength(0);
  });

  it('is quiet while there is nothing to read', async () => {
    const { told, run } = setUp();
    await run(0, 600);
    expect(told).toHaveLength(0);
  });

  it('barks when records lie unread for 60 s: a consumer can die without a word', async () => {
    const { told, state, run } = setUp();
    await run(0, 300);
    state.lag = 5;
    await run(300, 350);
    expect(told).toHaveLength(0);
    await run(350, 400);
    expect(told).toHaveLength(1);
  });

  it('is quiet where records came only just now, after a long idle time', async () => {
    const { told, state, run } = setUp();
    await run(0, 300);
    state.lag = 1;
    await run(300, 315);
    state.lag = 0;
    await run(315, 340, 1);
    await run(340, 500);
    expect(told).toHaveLength(0);
  });

  it('is quiet where records were taken away instead of finished', async () => {
    const { told, state, run } = setUp();
    state.unfinished = 3;
    await run(0, 50);
    state.unfinished = 0;
    await run(50, 200);
    expect(told).toHaveLength(0);
  });

  it('is quiet while the bus can’t be asked', async () => {
    const { told, state, run } = setUp();
    state.lag = 5;
    state.isAway = true;
    await run(0, 600);
    expect(told).toHaveLength(0);
  });
});
