import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Watermark } from './watermark.js';

describe('Watermark', () => {
  it('A6: never passes an unfinished record, and reaches the end when all are finished, in any order', () => {
    const steps = fc.array(fc.record({ gap: fc.integer({ min: 1, max: 3 }), finishNow: fc.nat() }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.nat(1_000_000), steps, fc.infiniteStream(fc.nat()), (start, received, choices) => {
        const watermark = new Watermark(start);
        const open: number[] = [];
        let next = start;
        let last = watermark.position;
        const check = () => {
          expect(watermark.position).toBe(open.length > 0 ? Math.min(...open) : next);
          expect(watermark.position).toBeGreaterThanOrEqual(last);
          expect(watermark.unfinished).toBe(open.length);
          last = watermark.position;
        };
        const finishOne = (choice: number) => {
          const [offset] = open.splice(choice % open.length, 1);
          watermark.finish(offset!);
        };
        let isFirst = true;
        for (const { gap, finishNow } of received) {
          const offset = isFirst ? next : next + gap - 1;
          isFirst = false;
          if (open.length === 0) last = offset;
          watermark.receive(offset);
          open.push(offset);
          next = offset + 1;
          if (finishNow % 2 === 0) finishOne(finishNow);
          check();
        }
        while (open.length > 0) {
          finishOne(choices.next().value);
          check();
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('forgets what it has passed', () => {
    const watermark = new Watermark(0);
    for (let offset = 0; offset < 100_000; offset += 1) {
      watermark.receive(offset);
      watermark.finish(offset);
    }
    expect((watermark as unknown as { offsets: number[] }).offsets.length).toBeLessThan(3_000);
    expect(watermark.position).toBe(100_000);
  });
});
