/**
 * What was accepted lately, so that a repeat gets the same answer (semantics 3): in Redis for 24 h; PostgreSQL is asked
 * only where Redis can't know. With both away a repeat is accepted again, which derived ids make harmless.
 */
import type { EventId, ProducerId } from '@herald/contracts';
import { answeredWithin, type BatchWriter, type Cache, makeBatchWriter } from '@herald/platform';
import type { EventStore } from '@herald/subscriptions';

/** What has a key may come again. */
const REPEATABLE_SECONDS = 24 * 60 * 60;
/** What has none is only asked for, until the router has written it. */
const ASKED_FOR_SECONDS = 60 * 60;
const EPOCH_CHECKED_EVERY_MS = 5_000;
/** A post doesn't wait longer for PostgreSQL; where that was too short, the next second's posts don't wait at all. */
const STORED_WITHIN_MS = 1_000;
const AWAY_FOR_MS = 1_000;

export interface Remembered {
  readonly fingerprint: string;
  /** Null where only the stored row is known. */
  readonly producerId: ProducerId | null;
  readonly acceptedAt: string | null;
}

interface Entry {
  readonly id: EventId;
  readonly remembered: Remembered;
  readonly isRepeatable: boolean;
}

export class RememberedEvents {
  /** On their way to Redis: known here at once. */
  private readonly fresh = new Map<EventId, Remembered>();
  private readonly writer: BatchWriter<Entry, undefined>;
  private waiting = new Map<EventId, ((known: Remembered | null) => void)[]>();
  private isScheduled = false;
  private epoch: { readonly since: Date | null; readonly at: number } = { since: null, at: -Infinity };
  private askStoreAt = -Infinity;

  constructor(
    private readonly cache: Cache,
    private readonly events: Pick<EventStore, 'fingerprints'>,
  ) {
    this.writer = makeBatchWriter({ write: (entries) => this.write(entries), inFlight: 4 });
  }

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

  /** This process knows it at once, the others when it resolves. Never rejects. */
  remember(id: EventId, remembered: Remembered, isRepeatable: boolean): Promise<unknown> {
    this.fresh.set(id, remembered);
    return this.writer.add({ id, remembered, isRepeatable });
  }

  private async write(entries: readonly Entry[]): Promise<readonly undefined[]> {
    await Promise.all([
      this.set(
        entries.filter(({ isRepeatable }) => isRepeatable),
        REPEATABLE_SECONDS,
      ),
      this.set(
        entries.filter(({ isRepeatable }) => !isRepeatable),
        ASKED_FOR_SECONDS,
      ),
    ]);
    for (const { id, remembered } of entries) if (this.fresh.get(id) === remembered) this.fresh.delete(id);
    return [];
  }

  private async set(entries: readonly Entry[], seconds: number): Promise<void> {
    if (entries.length === 0) return;
    const values = entries.map(({ id, remembered }) => ({ key: keyOf(id), value: JSON.stringify(remembered) }));
    await this.cache.set(values, seconds).catch(() => {});
  }

  private async look(): Promise<void> {
    const asked = this.waiting;
    this.waiting = new Map();
    this.isScheduled = false;
    const found = await this.known([...asked.keys()]);
    for (const [id, callers] of asked) for (const resolve of callers) resolve(found.get(id) ?? null);
  }

  private async known(ids: readonly EventId[]): Promise<Map<EventId, Remembered>> {
    const found = new Map<EventId, Remembered>();
    const values = await this.cache.get(ids.map(keyOf)).catch(() => ids.map(() => null));
    for (const [index, id] of ids.entries()) {
      const known = this.fresh.get(id) ?? parsed(values[index] ?? null);
      if (known) found.set(id, known);
    }
    const missing = ids.filter((id) => !found.has(id));
    if (missing.length === 0 || (await this.remembersADay())) return found;
    for (const [id, fingerprint] of await this.stored(missing)) {
      found.set(id, { fingerprint, producerId: null, acceptedAt: null });
    }
    return found;
  }

  private async stored(ids: readonly EventId[]): Promise<ReadonlyMap<EventId, string>> {
    if (performance.now() < this.askStoreAt) return new Map();
    try {
      return await answeredWithin(STORED_WITHIN_MS, this.events.fingerprints(ids));
    } catch {
      this.askStoreAt = performance.now() + AWAY_FOR_MS;
      return new Map();
    }
  }

  private async remembersADay(): Promise<boolean> {
    if (performance.now() - this.epoch.at > EPOCH_CHECKED_EVERY_MS) {
      this.epoch = { since: await this.cache.rememberingSince().catch(() => null), at: performance.now() };
    }
    const { since } = this.epoch;
    return since !== null && Date.now() - since.getTime() > REPEATABLE_SECONDS * 1_000;
  }
}

function keyOf(id: EventId): string {
  return `event:${id}`;
}

/** Null for what isn't ours: then it isn't known. */
function parsed(value: string | null): Remembered | null {
  if (value === null) return null;
  try {
    const remembered = JSON.parse(value);
    return typeof remembered?.fingerprint === 'string' ? remembered : null;
  } catch {
    return null;
  }
}
