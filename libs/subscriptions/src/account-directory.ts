/** Which accounts exist: all that ingest needs to know (semantics 4). Known ones stay known; an unknown one at most 1 s. */
import type { AccountId } from '@herald/contracts';
import type { Database } from '@herald/platform';
import { LRUCache } from 'lru-cache';

export class AccountDirectory {
  private readonly known = new LRUCache<AccountId, true>({ max: 1_000_000 });
  private readonly unknown = new LRUCache<AccountId, true>({ max: 10_000, ttl: 1_000 });
  private waiting = new Set<AccountId>();
  private loading: Promise<void> | undefined;

  constructor(private readonly database: Database) {}

  isKnown(id: AccountId): boolean {
    return this.known.has(id);
  }

  /** The ids that don't exist. Rejects where that can't be told now. Callers of one moment share a query. */
  async unknownOf(ids: readonly AccountId[]): Promise<AccountId[]> {
    const open = ids.filter((id) => !this.known.has(id) && !this.unknown.has(id));
    if (open.length > 0) {
      for (const id of open) this.waiting.add(id);
      this.loading ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.load());
      await this.loading;
    }
    return ids.filter((id) => !this.known.has(id));
  }

  private async load(): Promise<void> {
    const ids = [...this.waiting];
    this.waiting = new Set();
    this.loading = undefined;
    const { rows } = await this.database.query<{ id: AccountId }>(
      { name: 'account-known', text: 'select id from settings.account where id = any($1)' },
      [ids],
    );
    for (const { id } of rows) this.known.set(id, true);
    for (const id of ids) if (!this.known.has(id)) this.unknown.set(id, true);
  }
}
