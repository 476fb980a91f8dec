/**
 * From absent to missing (semantics 33). After something was seen absent, the end offsets of the stages before it are read;
 * only when every partition of each has been finished past them, and it is still absent, is it missing. So a lane that lags
 * is waited for, not flooded.
 */
import type { Bus, Offsets } from '@herald/platform';

export interface Stage {
  readonly group: string;
  readonly topics: readonly string[];
}

/** The rest is found by a later lap. */
const ITEMS_AT_MOST = 10_000;

export class Wave<Item> {
  private readonly waiting: Item[] = [];
  private stage = 0;
  private ends: readonly Offsets[] | undefined;
  private readonly since = performance.now();

  /** `stages` in the order in which a record passes them: the later one's ends are read when the earlier one is past its own. */
  constructor(private readonly stages: readonly Stage[]) {}

  get items(): readonly Item[] {
    return this.waiting;
  }

  /** Seen absent. As long as nothing was read yet: it may have been written later than the ends that were. */
  add(items: readonly Item[]): void {
    if (this.stage > 0 || this.ends) return;
    for (const item of items.slice(0, ITEMS_AT_MOST - this.waiting.length)) this.waiting.push(item);
  }

  get ageMs(): number {
    return performance.now() - this.since;
  }

  /** True once whatever was on its way when the items were seen absent has arrived. */
  async hasPassed(bus: Bus): Promise<boolean> {
    for (let stage = this.stages[this.stage]; stage; stage = this.stages[this.stage]) {
      this.ends ??= await Promise.all(stage.topics.map((topic) => bus.endOffsets(topic)));
      for (const [index, topic] of stage.topics.entries()) {
        const [begin, committed] = await Promise.all([
          bus.beginOffsets(topic),
          bus.committedOffsets(stage.group, topic),
        ]);
        if (!isPast(this.ends[index]!, begin, committed)) return false;
      }
      this.stage += 1;
      this.ends = undefined;
    }
    return true;
  }
}

/** A partition without anything to read has nothing to commit. */
export function isPast(ends: Offsets, begin: Offsets, committed: Offsets): boolean {
  return ends.every((end, partition) => (committed[partition] ?? -1) >= end || end <= (begin[partition] ?? 0));
}
