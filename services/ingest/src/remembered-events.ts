/**
 * What was accepted lately, so that a repeat gets the same answer (semantics 3): in Redis for 24 h; PostgreSQL is asked
 * only where Redis can't know. With both away a repeat is accepted again, which derived ids make harmless.
 */
import type { EventId, ProducerId } from '@herald/contracts';
import type { Cache } from '@herald/platform';
import type { EventStore } from '@herald/subscriptions';

const REMEMBERED_SECONDS = 24 * 60 * 60;
const EPOCH_CHECKED_EVERY_MS = 5_000;

export interface Remembered {
  readonly fingerprint: string;
  readonly producerId: ProducerId | null;
  readonly acceptedAt: string | null;
}

export class RememberedEvents {
  private waiting = new Map<EventId, ((known: Remembered | null) => void)[]>();
  private isScheduled = false;
  private epoch: { readonly since: Date | null; readonly at: number } = { since: null, at: -Infinity };

  constructor(
    private readonly cache: Cache,
    private readonly events: EventStore,
  ) {}

  /** Callers of one moment share one look-up. Never rejects: what can't be known is taken for new. */
  find(id: EventId): Promise<Remembered | null> {
    return new Promise((resolve) => {
      const others = this.waiting.get(id);
      if (others) others.push(resolve);
      else this.waiting.set(id, [resolve]);
      if (this.isScheduled) return;
      this.isScheduled = true;
      setImmediate(() => void this.look());
    });
  }

  async remember(id: EventId, remembered: Remembered): Promise<void> {
    await this.cache.set([{ key: keyOf(id), value: JSON.stringify(remembered) }], REMEMBERED_SECONDS).catch(() => {});
  }

  private async look(): Promise<void> {
    const asked = this.waiting;
    this.waiting = new Map();
    this.isScheduled = false;
    const ids = [...asked.keys()];
    const found = new Map<EventId, Remembered>();
    const values = await this.cache.get(ids.map(keyOf)).catch(() => ids.map(() => null));
    for (const [index, id] of ids.entries()) if (values[index]) found.set(id, JSON.parse(values[index]!));
    const missing = ids.filter((id) => !found.has(id));
    if (missing.length > 0 && !(await this.remembersADay())) {
      const stored = await this.events.fingerprints(missing).catch(() => new Map<EventId, string>());
      for (const [id, fingerprint] of stored) found.set(id, { fingerprint, producerId: null, acceptedAt: null });
    }
    for (const [id, callers] of asked) for (const resolve of callers) resolve(found.get(id) ?? null);
  }

  private async remembersADay(): Promise<boolean> {
    if (performance.now() - this.epoch.at > EPOCH_CHECKED_EVERY_MS) {
      this.epoch = { since: await this.cache.rememberingSince(), at: performance.now() };
    }
    const { since } = this.epoch;
    return since !== null && Date.now() - since.getTime() > REMEMBERED_SECONDS * 1_000;
  }
}

function keyOf(id: EventId): string {
  return `event:${id}`;
}
