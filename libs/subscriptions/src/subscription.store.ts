/**
 * What an account wants to hear, per subtype or category. A setting is a whole row: the first change of an inherited
 * scope copies what was inherited, then takes the given keys. Several changes are one: all or nothing.
 */
import {
  type AccountId,
  BANNED,
  type ChannelState,
  OFF,
  ON,
  policyChannels,
  publicSubtypes,
  REQUIRED,
  type Subscription,
  type SubscriptionChange,
} from '@herald/contracts';
import type { Database, FieldError, Sql } from '@herald/platform';
import { lockAccount } from './account.store.js';
import { recordHistory } from './history.store.js';
import { recordChange, type SettingsFeed } from './settings-feed.js';
import {
  categoryOf,
  policyOf,
  type SubscriptionRow,
  subscriptionColumns,
  subscriptionView,
} from './subscription-view.js';

export interface ScopedChange {
  /** A known one: see `categoryOf`. */
  readonly scope: string;
  readonly change: SubscriptionChange;
}

export type SubscriptionResult =
  | { readonly kind: 'changed'; readonly subscriptions: Subscription[] }
  /** Somebody else changed it: what stands now. */
  | { readonly kind: 'stale'; readonly current: Subscription }
  /** Paths are relative to the change. */
  | { readonly kind: 'invalid'; readonly index: number; readonly errors: FieldError[] };

/** Leaves the transaction, so that nothing of it stands. */
class Refused extends Error {
  constructor(readonly result: SubscriptionResult) {
    super(result.kind);
  }
}

export class SubscriptionStore {
  constructor(
    private readonly database: Database,
    private readonly feed: SettingsFeed,
  ) {}

  /** One per subtype that people can set, in the catalogue's order. */
  async list(accountId: AccountId): Promise<Subscription[]> {
    const rows = await rowsOf(this.database, accountId);
    return publicSubtypes.map(({ code }) => subscriptionView(code, rows));
  }

  /** Null for an unknown scope. */
  async find(accountId: AccountId, scope: string): Promise<Subscription | null> {
    if (categoryOf(scope) === null) return null;
    return subscriptionView(scope, await rowsOf(this.database, accountId));
  }

  async put(accountId: AccountId, changes: readonly ScopedChange[], by: string): Promise<SubscriptionResult> {
    try {
      const subscriptions = await this.database.transaction(async (tx) => {
        await lockAccount(tx, accountId);
        const targets = await targetsOf(tx, accountId);
        const done: Subscription[] = [];
        for (const [index, { scope, change }] of changes.entries()) {
          const rows = await rowsOf(tx, accountId);
          const current = subscriptionView(scope, rows);
          if (change.revision !== current.revision) throw new Refused({ kind: 'stale', current });
          const errors = faultsOf(scope, change, targets);
          if (errors.length > 0) throw new Refused({ kind: 'invalid', index, errors });
          done.push(await write(tx, accountId, current, change, by));
        }
        await recordChange(tx, 'subscription', accountId, [...new Set(changes.map(({ scope }) => scope))]);
        return done;
      });
      await this.feed.announce();
      return { kind: 'changed', subscriptions };
    } catch (error) {
      if (error instanceof Refused) return error.result;
      throw error;
    }
  }

  /** Back to what is inherited. */
  async reset(accountId: AccountId, scope: string, by: string): Promise<void> {
    const isChanged = await this.database.transaction(async (tx) => {
      await lockAccount(tx, accountId);
      const rows = await rowsOf(tx, accountId);
      const before = subscriptionView(scope, rows);
      if (before.inherited) return false;
      await tx.query('delete from settings.subscription where account_id = $1 and scope = $2', [accountId, scope]);
      const after = subscriptionView(
        scope,
        rows.filter((row) => row.scope !== scope),
      );
      await recordHistory(tx, accountId, { by, action: 'subscription.reset', scope, before, after });
      await recordChange(tx, 'subscription', accountId, [scope]);
      return true;
    });
    if (isChanged) await this.feed.announce();
  }
}

async function rowsOf(sql: Sql, accountId: AccountId): Promise<SubscriptionRow[]> {
  const { rows } = await sql.query<SubscriptionRow>(
    `select ${subscriptionColumns} from settings.subscription where account_id = $1`,
    [accountId],
  );
  return rows;
}

interface Targets {
  readonly recipients: ReadonlySet<string>;
  readonly webhooks: ReadonlySet<string>;
}

async function targetsOf(tx: Sql, accountId: AccountId): Promise<Targets> {
  const { rows } = await tx.query<{ recipients: string[]; webhooks: string[] }>(
    `select array(select id::text from settings.recipient where account_id = $1) as recipients,
       array(select id::text from settings.webhook where account_id = $1) as webhooks`,
    [accountId],
  );
  return { recipients: new Set(rows[0]!.recipients), webhooks: new Set(rows[0]!.webhooks) };
}

/** Everything that is wrong with a change, at once. */
function faultsOf(scope: string, change: SubscriptionChange, targets: Targets): FieldError[] {
  const errors: FieldError[] = [];
  const policy = policyOf(scope);
  for (const channel of policyChannels) {
    const wanted = change.channels?.[channel];
    if (wanted === undefined || wanted === policy[channel]) continue;
    const message = refusal(policy[channel], wanted);
    if (message) errors.push({ path: `/channels/${channel}`, message });
  }
  const unknown = (
    path: string,
    ids: readonly string[] | null | undefined,
    known: ReadonlySet<string>,
    noun: string,
  ) => {
    for (const [index, id] of (ids ?? []).entries()) {
      if (!known.has(id.toLowerCase()))
        errors.push({ path: `${path}/${index}`, message: `is not a ${noun} of this account` });
    }
  };
  unknown('/recipientIds', change.recipientIds, targets.recipients, 'recipient');
  unknown('/webhookIds', change.webhookIds, targets.webhooks, 'webhook');
  return errors;
}

function refusal(policy: ChannelState, wanted: ChannelState): string | null {
  if (policy === REQUIRED) return 'is required here: it can’t be switched off';
  if (policy === BANNED) return 'is not offered here';
  return wanted === ON || wanted === OFF ? null : 'expected 1 (on) or 0 (off)';
}

async function write(
  tx: Sql,
  accountId: AccountId,
  current: Subscription,
  change: SubscriptionChange,
  by: string,
): Promise<Subscription> {
  const { rows } = await tx.query<SubscriptionRow>(
    `insert into settings.subscription
       (account_id, scope, channels, recipient_ids, webhook_ids, rules, revision, updated_by)
     values ($1, $2, $3, $4, $5, $6, 1, $7)
     on conflict (account_id, scope) do update set channels = excluded.channels, recipient_ids = excluded.recipient_ids,
       webhook_ids = excluded.webhook_ids, rules = excluded.rules, revision = subscription.revision + 1,
       updated_at = now(), updated_by = excluded.updated_by
     returning ${subscriptionColumns}`,
    [
      accountId,
      current.scope,
      JSON.stringify({ ...current.channels, ...change.channels }),
      once(change.recipientIds === undefined ? current.recipientIds : change.recipientIds),
      once(change.webhookIds ?? current.webhookIds),
      JSON.stringify({ ...current.rules, ...change.rules }),
      by,
    ],
  );
  const after = subscriptionView(current.scope, rows);
  await recordHistory(tx, accountId, {
    by,
    action: 'subscription.updated',
    scope: current.scope,
    before: current,
    after,
  });
  return after;
}

function once(ids: readonly string[] | null): string[] | null {
  return ids && [...new Set(ids.map((id) => id.toLowerCase()))];
}
