/**
 * Compares positions of event.accepted with the rows they must have left (semantics 32), in order, once each. A position that
 * the router has finished, or that the log has lost before it was read (semantics 30), and that has no row, is missing: no
 * database knows what it said, so it is counted and alarmed until it has a row.
 */
import { eventAccepted, groups, lanes } from '@herald/contracts';
import type { Bus, Logger } from '@herald/platform';
import type { PositionRange, PositionStore } from './position.store.js';

const POSITIONS_AT_ONCE = 20_000;
const GAPS_AT_ONCE = 100;
const topics: readonly string[] = lanes.map(eventAccepted);

export interface PositionCheckParts {
  readonly bus: Bus;
  readonly store: PositionStore;
  readonly logger: Logger;
}

export class PositionCheck {
  /** Where the log began when it was last looked at. */
  private begins = new Map<string, number>();

  constructor(private readonly parts: PositionCheckParts) {}

  /** One slice of each partition. `hasMore`: there is another one to compare. */
  async step(): Promise<{ readonly missing: number; readonly hasMore: boolean }> {
    const { store, logger } = this.parts;
    await this.lookAgain();
    const compared = await store.compared(topics);
    const ranges = (await Promise.all(topics.map((topic) => this.rangesOf(topic, compared)))).flat();
    const due = ranges.filter(({ from, to }) => to > from);
    const gaps: PositionRange[] = [];
    if (due.length > 0) {
      const present = await store.countRows(due);
      for (const [index, range] of due.entries()) {
        if (present[index]! < range.to - range.from) gaps.push(...(await store.withoutRow(range)));
      }
      for (const { topic, partition, from, to } of gaps) {
        logger.error(
          { topic, partition, from, to },
          'accepted events are missing: their positions were finished, or lost, without a row',
        );
      }
    }
    // Where nothing is due yet, the place to begin at is kept.
    const moved = ranges.filter(({ topic, partition, to }) => compared.get(`${topic}/${partition}`) !== to);
    if (moved.length > 0) await store.advance(moved, gaps);
    return { missing: await store.missing(), hasMore: due.some(({ from, to }) => to - from === POSITIONS_AT_ONCE) };
  }

  private async rangesOf(topic: string, compared: ReadonlyMap<string, number>): Promise<PositionRange[]> {
    const { bus, logger } = this.parts;
    const begins = await bus.beginOffsets(topic);
    // Committed before the rows are read: what was finished has its row by then.
    const committed = await bus.committedOffsets(groups.router, topic);
    let ends: readonly number[] | undefined;
    const ranges: PositionRange[] = [];
    for (const [partition, begin] of begins.entries()) {
      const key = `${topic}/${partition}`;
      const known = compared.get(key);
      // Twice in a row, so that a begin that was read while the log moved loses nothing.
      const lost = Math.min(begin, this.begins.get(key) ?? begin, this.begins.has(key) ? begin : 0);
      this.begins.set(key, begin);
      const done = committed[partition] ?? -1;
      let from = known ?? (done < 0 ? begin : Math.min(begin, done));
      if (known !== undefined && done < known) {
        ends ??= await bus.endOffsets(topic);
        if ((ends[partition] ?? 0) < known) {
          logger.warn(
            { topic, partition, known, end: ends[partition] },
            'the log is shorter than it was: comparing from its beginning',
          );
          from = begin;
        }
      }
      const finished = Math.max(done, lost, from);
      ranges.push({ topic, partition, from, to: Math.min(finished, from + POSITIONS_AT_ONCE) });
    }
    return ranges;
  }

  /** Of what was missing, some may have got its row since. */
  private async lookAgain(): Promise<void> {
    const { store } = this.parts;
    for (const gap of await store.gaps(GAPS_AT_ONCE)) {
      const left: PositionRange[] = [];
      for (let from = gap.from; from < gap.to; from += POSITIONS_AT_ONCE) {
        left.push(...(await store.withoutRow({ ...gap, from, to: Math.min(gap.to, from + POSITIONS_AT_ONCE) })));
      }
      if (left.length !== 1 || left[0]!.from !== gap.from || left[0]!.to !== gap.to) await store.replaceGap(gap, left);
    }
  }
}
