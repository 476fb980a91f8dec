/** Empties inboxes of what their accounts don't keep any longer, and takes tombstones away (semantics 8, 35). */
import { counted, type Done, type Duty, type Turn } from '../duty.js';
import type { MessageRetentionStore } from './message-retention.store.js';

export class MessageRetention implements Duty {
  readonly name = 'message-retention';
  readonly everyMs = 10 * 60_000;

  constructor(private readonly store: MessageRetentionStore) {}

  async run(turn: Turn): Promise<Done> {
    let messages = 0;
    let tombstones = 0;
    while (await turn.goesOn()) {
      const removed = await this.store.removeTombstones();
      tombstones += removed;
      if (removed === 0) break;
    }
    for (let after: string | null = ''; after !== null; ) {
      if (!(await turn.goesOn())) break;
      const page: { readonly accounts: string[]; readonly next: string | null } =
        await this.store.accountsToEmpty(after);
      for (const account of page.accounts) {
        while (await turn.goesOn()) {
          const removed = await this.store.empty(account);
          messages += removed;
          if (removed === 0) break;
        }
      }
      after = page.next;
    }
    return counted({ messages, tombstones });
  }
}
