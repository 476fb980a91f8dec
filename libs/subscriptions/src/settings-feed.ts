/**
 * Makes a change of settings known in every process within 2 s (semantics 37). Each second it reads all changes at or
 * above the last snapshot's xmin and skips those already applied; a signal through Redis only wakes it earlier.
 */
import type { Database, Logger, Signals, Sql } from '@herald/platform';

export type ChangeKind = 'account' | 'producer' | 'recipient' | 'webhook' | 'subscription';

export interface Change {
  readonly seq: number;
  readonly kind: ChangeKind;
  readonly accountId: string | null;
  /** The id of the account, producer or webhook; of a recipient its destination; the scope of a subscription. */
  readonly key: string;
}

const SIGNAL = 'settings';
const POLL_EVERY_MS = 1_000;
const STALE_AFTER_MS = 60_000;
const TRIM_EVERY_MS = 10 * 60_000;
/** Rows are kept longer than anybody may go on without starting from nothing. */
const KEPT_FOR = '1 day';
const RESET_AFTER_MS = 12 * 3_600_000;

/** Written in the transaction that makes the change. */
export async function recordChange(
  tx: Sql,
  kind: ChangeKind,
  accountId: string | null,
  keys: readonly string[],
): Promise<void> {
  await tx.query('insert into settings.change (kind, account_id, key) select $1, $2, unnest($3::text[])', [
    kind,
    accountId,
    keys,
  ]);
}

export class SettingsFeed {
  private readonly listeners = new Set<(changes: readonly Change[]) => void>();
  private readonly resetListeners = new Set<() => void>();
  private readonly applied = new Set<number>();
  private xmin: string | null = null;
  private databaseMs = 0;
  private readAt = Number.NEGATIVE_INFINITY;
  private trimmedAt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private starting: Promise<void> | undefined;
  private reading: Promise<void> | undefined;
  private next: Promise<void> | undefined;
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

  /** Called where it can't be known what changed: everything is to be forgotten. */
  onReset(listener: () => void): () => void {
    this.resetListeners.add(listener);
    return () => this.resetListeners.delete(listener);
  }

  /** Told after a commit, so that others look at once; this process has looked when it resolves. Never rejects. */
  async announce(): Promise<void> {
    this.signals.send(SIGNAL, '');
    await this.read().catch(() => {});
  }

  /** Unread for 60 s: caches are to be loaded again before use. */
  get isStale(): boolean {
    return performance.now() - this.readAt > STALE_AFTER_MS;
  }

  /** Several services of one process share the feed: it runs while any of them does. */
  async start(): Promise<void> {
    this.users += 1;
    this.starting ??= this.begin();
    await this.starting;
  }

  stop(): void {
    this.users -= 1;
    if (this.users > 0) return;
    clearInterval(this.timer);
    this.unsubscribe?.();
    this.starting = undefined;
  }

  /** A read asked for while one runs is made after it: the running one may have looked too early. */
  read(): Promise<void> {
    if (!this.reading) {
      this.reading = this.readOnce().finally(() => {
        this.reading = undefined;
      });
      return this.reading;
    }
    this.next ??= this.reading
      .catch(() => {})
      .then(() => {
        this.next = undefined;
        return this.read();
      });
    return this.next;
  }

  private async begin(): Promise<void> {
    this.unsubscribe = this.signals.on(SIGNAL, () => void this.read().catch(() => {}));
    this.timer = setInterval(() => {
      this.read()
        .then(() => this.trim())
        .catch((error) => this.logger.warn({ error }, 'changes of settings can’t be read now'));
    }, POLL_EVERY_MS);
    await this.read();
  }

  private async readOnce(): Promise<void> {
    const startedAt = performance.now();
    const { rows } = await this.database.query<{ xmin: string; nowMs: number; changes: Change[] | null }>(
      {
        name: 'settings-feed',
        text: `select pg_snapshot_xmin(pg_current_snapshot())::text as xmin,
                 (extract(epoch from now()) * 1000)::float8 as "nowMs",
                 (select json_agg(json_build_object('seq', seq, 'kind', kind, 'accountId', account_id, 'key', key) order by seq)
                  from settings.change where xid >= coalesce($1::xid8, pg_snapshot_xmin(pg_current_snapshot()))) as changes`,
      },
      [this.xmin],
    );
    const { xmin, nowMs } = rows[0]!;
    const seen = rows[0]!.changes ?? [];
    // The first read only learns what is not news to it.
    const isLost =
      this.xmin === null || BigInt(xmin) < BigInt(this.xmin) || Math.abs(nowMs - this.databaseMs) > RESET_AFTER_MS;
    const fresh = isLost ? [] : seen.filter(({ seq }) => !this.applied.has(seq));
    this.applied.clear();
    for (const { seq } of seen) this.applied.add(seq);
    this.xmin = xmin;
    this.databaseMs = nowMs;
    if (isLost) for (const listener of this.resetListeners) listener();
    if (fresh.length > 0) for (const listener of this.listeners) listener(fresh);
    this.readAt = startedAt;
  }

  /** Every process does, now and then; it is the same little statement. */
  private async trim(): Promise<void> {
    if (performance.now() - this.trimmedAt < TRIM_EVERY_MS) return;
    this.trimmedAt = performance.now();
    await this.database.query(`delete from settings.change where at < now() - interval '${KEPT_FOR}'`);
  }
}
