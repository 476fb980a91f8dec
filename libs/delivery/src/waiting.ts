/** Deliveries that wait in memory for room, by lane and destination, each destination in turn. Pure bookkeeping. */
import { type AccountId, type DestinationId, type Lane, lanes } from '@herald/contracts';
import type { Place } from './in-flight.js';

export class Waiting<Item extends { readonly place: Place }> {
  private readonly perLane: Readonly<Record<Lane, Map<DestinationId, Item[]>>> = {
    urgent: new Map(),
    normal: new Map(),
    bulk: new Map(),
  };
  private readonly perDestination = new Map<DestinationId, number>();
  private readonly perAccount = new Map<AccountId, number>();
  private total = 0;

  get size(): number {
    return this.total;
  }

  behind(what: 'account' | 'destination', { accountId, destinationId }: Place): number {
    return (what === 'account' ? this.perAccount.get(accountId) : this.perDestination.get(destinationId)) ?? 0;
  }

  add(item: Item): void {
    const { lane, destinationId } = item.place;
    const items = this.perLane[lane].get(destinationId);
    if (items) items.push(item);
    else this.perLane[lane].set(destinationId, [item]);
    this.count(item.place, 1);
  }

  /**
   * Takes out all that `accepts`, urgent lane first, one of each destination in turn. A destination whose first isn't accepted is
   * left for this time; `isLaneClosed` ends a lane early.
   */
  take(accepts: (item: Item) => boolean, isLaneClosed: (lane: Lane) => boolean = () => false): void {
    for (const lane of lanes) {
      const destinations = this.perLane[lane];
      for (let open = [...destinations.keys()]; open.length > 0; ) {
        const next: DestinationId[] = [];
        for (const id of open) {
          if (isLaneClosed(lane)) break;
          const items = destinations.get(id)!;
          if (!accepts(items[0]!)) continue;
          this.count(items.shift()!.place, -1);
          // To the end of the line: the next turn begins with another.
          destinations.delete(id);
          if (items.length > 0) {
            destinations.set(id, items);
            next.push(id);
          }
        }
        if (isLaneClosed(lane)) break;
        open = next;
      }
    }
  }

  /** Takes out all for which `leaves` says so; `before` is how many of its destination and lane stand before an item. */
  remove(leaves: (item: Item, before: number) => boolean): Item[] {
    const removed: Item[] = [];
    for (const lane of lanes) {
      for (const [id, items] of [...this.perLane[lane]]) {
        const kept = items.filter((item, before) => {
          if (!leaves(item, before)) return true;
          removed.push(item);
          return false;
        });
        if (kept.length === items.length) continue;
        if (kept.length === 0) this.perLane[lane].delete(id);
        else this.perLane[lane].set(id, kept);
      }
    }
    for (const { place } of removed) this.count(place, -1);
    return removed;
  }

  private count({ accountId, destinationId }: Place, by: number): void {
    this.total += by;
    bump(this.perAccount, accountId, by);
    bump(this.perDestination, destinationId, by);
  }
}

function bump<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
