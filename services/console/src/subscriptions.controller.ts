/** What an account wants to hear, per message type or category. */
import {
  deleteSubscription,
  getSubscription,
  type InputOf,
  listSubscriptions,
  putSubscription,
  putSubscriptions,
  type Subscription,
} from '@herald/contracts';
import { CallerOf, type FieldError, Handles, Input, notFound, type PersonCaller, Problem } from '@herald/platform';
import { categoryOf, type ScopedChange, SubscriptionStore } from '@herald/subscriptions';
import { Controller } from '@nestjs/common';
import { authorOf } from './author.js';

@Controller()
export class SubscriptionsController {
  constructor(private readonly subscriptions: SubscriptionStore) {}

  @Handles(listSubscriptions)
  async list(@CallerOf() caller: PersonCaller) {
    return { items: await this.subscriptions.list(caller.accountId!), nextCursor: null };
  }

  @Handles(putSubscriptions)
  async putMany(@Input() { body }: InputOf<typeof putSubscriptions>, @CallerOf() caller: PersonCaller) {
    const errors = faultyScopes(body.changes.map(({ scope }) => scope));
    if (errors.length > 0) throw new Problem(422, 'What was sent is not valid.', { errors });
    const changes = body.changes.map(({ scope, ...change }) => ({ scope, change }));
    return { items: await this.put(caller, changes, (index) => `/changes/${index}`) };
  }

  @Handles(getSubscription)
  async one(@Input() { params }: InputOf<typeof getSubscription>, @CallerOf() caller: PersonCaller) {
    const subscription = await this.subscriptions.find(caller.accountId!, params.scope);
    if (!subscription) throw notFound();
    return subscription;
  }

  @Handles(putSubscription)
  async putOne(@Input() { params, body }: InputOf<typeof putSubscription>, @CallerOf() caller: PersonCaller) {
    if (categoryOf(params.scope) === null) throw notFound();
    const [subscription] = await this.put(caller, [{ scope: params.scope, change: body }], () => '');
    return subscription;
  }

  @Handles(deleteSubscription)
  async reset(@Input() { params }: InputOf<typeof deleteSubscription>, @CallerOf() caller: PersonCaller) {
    if (categoryOf(params.scope) === null) throw notFound();
    await this.subscriptions.reset(caller.accountId!, params.scope, authorOf(caller));
  }

  private async put(
    caller: PersonCaller,
    changes: readonly ScopedChange[],
    at: (index: number) => string,
  ): Promise<Subscription[]> {
    const result = await this.subscriptions.put(caller.accountId!, changes, authorOf(caller));
    if (result.kind === 'changed') return result.subscriptions;
    if (result.kind === 'stale') {
      const { scope, revision } = result.current;
      throw new Problem(409, `${scope} was changed meanwhile: its revision is ${revision} now. Read it again.`);
    }
    const errors = result.errors.map((error) => ({ ...error, path: at(result.index) + error.path }));
    throw new Problem(422, 'What was sent is not valid.', { errors });
  }
}

function faultyScopes(scopes: readonly string[]): FieldError[] {
  return scopes.flatMap((scope, index) => {
    const path = `/changes/${index}/scope`;
    if (categoryOf(scope) === null) return [{ path, message: 'is neither a message type nor a category' }];
    return scopes.indexOf(scope) < index ? [{ path, message: 'is named twice' }] : [];
  });
}
