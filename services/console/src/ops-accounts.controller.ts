/** Accounts, as operators make and change them. */
import {
  type AccountId,
  createAccount,
  getOpsAccount,
  type InputOf,
  listAccounts,
  updateAccount,
} from '@herald/contracts';
import { CallerOf, Handles, Input, notFound, type PersonCaller, Problem, pageFrom } from '@herald/platform';
import { AccountStore } from '@herald/subscriptions';
import { Controller } from '@nestjs/common';
import { authorOf } from './author.js';
import { textCursor } from './list-cursor.js';
import { hashPassword } from './passwords.js';

@Controller()
export class OpsAccountsController {
  constructor(private readonly accounts: AccountStore) {}

  @Handles(listAccounts)
  async list(@Input() { query }: InputOf<typeof listAccounts>) {
    const rows = await this.accounts.list(query.limit, textCursor(query.cursor));
    return pageFrom(rows, query.limit, ({ id }) => [id]);
  }

  @Handles(createAccount)
  async create(@Input() { body }: InputOf<typeof createAccount>, @CallerOf() caller: PersonCaller) {
    const { password, ...owner } = body.owner;
    const passwordHash = password === undefined ? null : await hashPassword(password);
    const created = await this.accounts.create({ ...body, owner: { ...owner, passwordHash } }, authorOf(caller));
    if (created) return created;
    throw new Problem(409, `There is an account ${body.id} already.`, {
      errors: [{ path: '/id', message: 'is taken' }],
    });
  }

  @Handles(getOpsAccount)
  async one(@Input() { params }: InputOf<typeof getOpsAccount>) {
    const account = await this.accounts.find(params.id as AccountId);
    if (!account) throw notFound();
    return account;
  }

  @Handles(updateAccount)
  async update(@Input() { params, body }: InputOf<typeof updateAccount>, @CallerOf() caller: PersonCaller) {
    const account = await this.accounts.update(params.id as AccountId, body, authorOf(caller));
    if (account === null || account === 'unknown recipient') throw notFound();
    return account;
  }
}
