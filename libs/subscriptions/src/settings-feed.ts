/**
 * Makes a change of settings known in every process within 2 s (semantics 37). Each second it reads all changes at or
 * above the last snapshot's xmin and skips those already applied; a signal through Redis only wakes it earlier.
 */
import type { Database, Logger, Signals, Sql } from '@herald/platform';

export interface Change {
  readonly seq: number;
  readonly kind: 'account' | 'producer' | 'recipient' | 'webhook' | 'subscription';
  readonly accountId: string | null;
  readonly key: string;
}

const SIGNAL = 'settings';
const POLL_EVERY_MS = 1_000;
const STALE_AFTER_MS = 60_000;

/** Written in the transaction that makes the change. */
export async function recordChange(tx: Sql, kind: Change['kind'], accountId: string | null, keys: readonly string[]): Promise<void> {
  await tx.query('insert into settings.change (kind, account_id, key) select $1, $2, unnest($3::text[])', [kind, accountId, keys]);
}

export class SettingsFeed {
  private readonly listeners = new Set<(changes: readonly Change[]) => void>();
  private readonly applied = new Set<number>();
  private xmin: string | null = null;
  private readAt = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private reading: Promise<void> | undefined;
  private users = 0;
  private unsubscribe: (() => void) | undefined;

  constructor(
    private readonly database: Database,
    private readonly signals: Signals,
    private readonly logger: Logger,
  ) {}

  /** Called with what changed before anything newer is answered from a cache. Returns the unsubscriber. */
  onChange(listener: (changes: readonly Change[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Told after a commit, so that others look at once. */
  announce(): void {
    this.signals.send(SIGNAL, '');
    void this.read().catch(() => {});
  }

  /** Unread for 60 s: caches are to be loaded again before use. */
  get isStale(): boolean {
    return performance.now() - this.readAt > STALE_AFTER_MS;
  }

  /** Several services of one process share the feed: it runs while any of them does. */
  async start(): Promise<void> {
    this.users += 1;
    if (this.users > 1) return;
    await this.read();
    this.unsubscribe = this.signals.on(SIGNAL, () => void this.read().catch(() => {}));
    this.timer = setInterval(() => {
      this.read().catch((error) => this.logger.warn({ error }, 'changes of settings can’t be read now'));
    }, POLL_EVERY_MS);
  }

  stop(): void {
    this.users -= 1;
    if (this.users > 0) return;
    clearInterval(this.timer);
    this.unsubscribe?.();
  }

  /** A read asked for while one runs is made after it: the running one may have looked too early. */
  async read(): Promise<void> {
    if (this.reading) {
      await this.reading.catch(() => {});
      if (this.reading) return this.reading;
    }
    this.reading = this.readOnce().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  private async readOnce(): Promise<void> {
    const startedAt = performance.now();
    const { rows } = await this.database.query<{ xmin: string; changes: (Change & { xid: string })[] | null }>(
      {
        name: 'settings-feed',
        text: `select pg_snapshot_xmin(pg_current_snapshot())::text as xmin,
                 (select json_agg(json_build_object('seq', seq, 'kind', kind, 'accountId', account_id, 'key', key) order by seq)
                  from settings.change where xid >= $1::xid8) as changes`,
      },
      [this.xmin ?? '18446744073709551615'],
    );
    const { xmin, changes } = rows[0]!;
    const known = changes ?? [];
    const fresh = known.filter(({ seq }) => !this.applied.has(seq));
    this.applied.clear();
    for (const { seq } of known) this.applied.add(seq);
    this.xmin = xmin;
    if (fresh.length > 0) for (const listener of this.listeners) listener(fresh);
    this.readAt = startedAt;
  }
}
