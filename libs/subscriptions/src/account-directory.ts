/** Which accounts exist: all that ingest needs to know (semantics 4). Known ones stay known; an unknown one at most 1 s. */
import type { AccountId } from '@herald/contracts';
import { answeredWithin, type Database } from '@herald/platform';
import { LRUCache } from 'lru-cache';

const KNOWN_AT_MOST = 100_000;
const UNKNOWN_FOR_MS = 1_000;
/** A producer waits for it. */
const TOLD_WITHIN_MS = 5_000;

export class AccountDirectory {
  private readonly known: LRUCache<AccountId, true>;
  private readonly unknown = new LRUCache<AccountId, true>({ max: 10_000, ttl: UNKNOWN_FOR_MS });
  private waiting = new Set<AccountId>();
  private loading: Promise<ReadonlySet<AccountId>> | undefined;

  constructor(
    private readonly database: Database,
    knownAtMost = KNOWN_AT_MOST,
  ) {
    this.known = new LRUCache({ max: knownAtMost });
  }

  isKnown(id: AccountId): boolean {
    return this.known.has(id);
  }

  /** The ids that don't exist. Rejects where that can't be told now. Callers of one moment share a query. */
  async unknownOf(ids: readonly AccountId[]): Promise<AccountId[]> {
    const open = ids.filter((id) => this.known.get(id) === undefined);
    const asked = open.filter((id) => !this.unknown.has(id));
    if (asked.length === 0) return open;
    for (const id of asked) this.waiting.add(id);
    this.loading ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.load());
    // Not from the caches: they may have forgotten by now, being bounded.
    const found = await this.loading;
    return open.filter((id) => !found.has(id));
  }

  private async load(): Promise<ReadonlySet<AccountId>> {
    const ids = [...this.waiting];
    this.waiting = new Set();
    this.loading = undefined;
    const { rows } = await answeredWithin(
      TOLD_WITHIN_MS,
      this.database.query<{ id: AccountId }>(
        { name: 'account-known', text: 'select id from settings.account where id = any($1)' },
        [ids],
      ),
    );
    const found = new Set(rows.map(({ id }) => id));
    for (const id of ids) {
      if (found.has(id)) this.known.set(id, true);
      else this.unknown.set(id, true);
    }
    return found;
  }
}
