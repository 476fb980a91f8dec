/** The account that is acted on, and the history of its settings. */
import { type AccountView, getAccount, type InputOf, listHistory, updateOwnAccount } from '@herald/contracts';
import { CallerOf, Handles, Input, notFound, type PersonCaller, Problem, pageFrom } from '@herald/platform';
import { AccountStore, HistoryStore } from '@herald/subscriptions';
import { Controller } from '@nestjs/common';
import { authorOf } from './author.js';
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
    return shown(account);
  }

  @Handles(updateOwnAccount)
  async update(@Input() { body }: InputOf<typeof updateOwnAccount>, @CallerOf() caller: PersonCaller) {
    const account = await this.accounts.update(caller.accountId!, body, authorOf(caller));
    if (account === null) throw notFound();
    if (account !== 'unknown recipient') return shown(account);
    throw new Problem(422, 'What was sent is not valid.', {
      errors: [{ path: '/defaultRecipientId', message: 'is not a recipient of this account' }],
    });
  }

  @Handles(listHistory)
  async list(@Input() { query }: InputOf<typeof listHistory>, @CallerOf() caller: PersonCaller) {
    const { limit, cursor, ...filter } = query;
    const rows = await this.history.list(caller.accountId!, filter, limit, numberCursor(cursor));
    const { items, nextCursor } = pageFrom(rows, limit, ({ id }) => [id]);
    return { items: items.map(({ id: _, ...entry }) => entry), nextCursor };
  }
}

function shown({ createdAt: _, ...account }: AccountView) {
  return account;
}
