/** The account that is acted on, and the history of its settings. */
import { getAccount, type InputOf, listHistory } from '@herald/contracts';
import { CallerOf, Handles, Input, notFound, type PersonCaller, pageFrom } from '@herald/platform';
import { AccountStore, HistoryStore } from '@herald/subscriptions';
import { Controller } from '@nestjs/common';
import { numberCursor } from './list-cursor.js';

@Controller()
export class AccountController {
  constructor(
    private readonly accounts: AccountStore,
    private readonly history: HistoryStore,
  ) {}

  @Handles(getAccount)
  async account(@CallerOf() caller: PersonCaller) {
    const account = await this.accounts.find(caller.accountId!);
    if (!account) throw notFound();
    const { createdAt: _, ...shown } = account;
    return shown;
  }

  @Handles(listHistory)
  async list(@Input() { query }: InputOf<typeof listHistory>, @CallerOf() caller: PersonCaller) {
    const { limit, cursor, ...filter } = query;
    const rows = await this.history.list(caller.accountId!, filter, limit, numberCursor(cursor));
    const { items, nextCursor } = pageFrom(rows, limit, ({ id }) => [id]);
    return { items: items.map(({ id: _, ...entry }) => entry), nextCursor };
  }
}
