/** A subscription as people see it: resolved from its own row, its category's, or the catalogue. Pure. */
import {
  type ChannelState,
  categoryPolicy,
  findCategory,
  findSubtype,
  type PolicyChannel,
  type Rules,
  type Subscription,
} from '@herald/contracts';
import type { Setting } from './account-settings.js';
import { settingFor } from './rules.js';

export interface SubscriptionRow {
  readonly scope: string;
  readonly channels: Record<PolicyChannel, ChannelState>;
  readonly recipientIds: string[] | null;
  readonly webhookIds: string[];
  readonly rules: Rules;
  readonly revision: number;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

export const subscriptionColumns = `scope, channels, recipient_ids as "recipientIds", webhook_ids as "webhookIds", rules, revision,
  updated_at as "updatedAt", updated_by as "updatedBy"`;

/** A subtype's or a category's code, or null where it is neither or is Herald's own. */
export function categoryOf(scope: string): string | null {
  const subtype = findSubtype(scope);
  if (subtype) return subtype.hidden ? null : subtype.category;
  return findCategory(scope)?.code ?? null;
}

export function policyOf(scope: string): Readonly<Record<PolicyChannel, ChannelState>> {
  return findSubtype(scope)?.policy ?? categoryPolicy(scope);
}

/** `rows` hold at least the scope's own and its category's, where there are such. */
export function subscriptionView(scope: string, rows: readonly SubscriptionRow[]): Subscription {
  const own = rows.find((row) => row.scope === scope);
  const settings: Record<string, Setting> = Object.fromEntries(rows.map((row) => [row.scope, row]));
  const { channels, recipientIds, webhookIds, rules } = settingFor({ settings }, scope);
  return {
    scope,
    category: categoryOf(scope)!,
    inherited: own === undefined,
    policy: { ...policyOf(scope) },
    channels: { ...channels },
    recipientIds: recipientIds && [...recipientIds],
    webhookIds: [...webhookIds],
    rules: {
      minimumSeverity: rules.minimumSeverity,
      includeKeywords: [...rules.includeKeywords],
      excludeKeywords: [...rules.excludeKeywords],
    },
    revision: own?.revision ?? 0,
    updatedAt: own?.updatedAt.toISOString() ?? null,
    updatedBy: own?.updatedBy ?? null,
  };
}

export function ownView(row: SubscriptionRow): Subscription {
  return subscriptionView(row.scope, [row]);
}
