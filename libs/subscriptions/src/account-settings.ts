/** What routing knows of an account, whole and compact: the resolver's only input besides the event. */
import type {
  AccountId,
  ChannelState,
  DestinationId,
  Locale,
  PolicyChannel,
  Severity,
  WebhookPlatform,
} from '@herald/contracts';
import { LRUCache } from 'lru-cache';

export interface KnownRecipient {
  readonly id: string;
  readonly destinationId: DestinationId;
  readonly name: string;
  readonly isVerified: boolean;
  readonly isOptedOut: boolean;
}

export interface KnownWebhook {
  readonly id: DestinationId;
  readonly name: string;
  readonly platform: WebhookPlatform;
  readonly isDisabled: boolean;
}

export interface SubscriptionRules {
  readonly minimumSeverity: Severity;
  readonly includeKeywords: readonly string[];
  readonly excludeKeywords: readonly string[];
}

export interface Setting {
  readonly channels: Readonly<Record<PolicyChannel, ChannelState>>;
  /** Null: the account's default recipient. */
  readonly recipientIds: readonly string[] | null;
  readonly webhookIds: readonly string[];
  readonly rules: SubscriptionRules;
}

export interface AccountSettings {
  readonly id: AccountId;
  readonly name: string;
  readonly locale: Locale;
  readonly createdAt: Date;
  readonly defaultRecipientId: string | null;
  readonly recipients: readonly KnownRecipient[];
  readonly webhooks: readonly KnownWebhook[];
  /** By scope: a subtype's or a category's code. */
  readonly settings: Readonly<Record<string, Setting>>;
}

export const defaultRules: SubscriptionRules = { minimumSeverity: 'info', includeKeywords: [], excludeKeywords: [] };

/** Channels and rules that many accounts have alike are kept once. */
const alike = new LRUCache<string, object>({ max: 10_000 });

function shared<Value extends object>(value: Value): Value {
  const text = JSON.stringify(value);
  const known = alike.get(text);
  if (known) return known as Value;
  alike.set(text, Object.freeze(value));
  return value;
}

export function compact(account: AccountSettings): AccountSettings {
  const settings = Object.entries(account.settings).map(([scope, setting]): [string, Setting] => [
    scope,
    { ...setting, channels: shared(setting.channels), rules: shared(setting.rules) },
  ]);
  return { ...account, settings: Object.fromEntries(settings) };
}
