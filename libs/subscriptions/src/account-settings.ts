/** What routing knows of an account, whole and compact: the resolver's only input besides the event. */
import type { AccountId, ChannelState, DestinationId, Locale, PolicyChannel, Severity, WebhookPlatform } from '@herald/contracts';

export interface KnownRecipient {
  readonly id: string;
  readonly destinationId: DestinationId;
  readonly name: string;
  readonly email: string;
  readonly isVerified: boolean;
  readonly isOptedOut: boolean;
}

export interface KnownWebhook {
  readonly id: DestinationId;
  readonly name: string;
  readonly platform: WebhookPlatform;
  readonly status: 'enabled' | 'disabled' | 'failing' | 'tripped';
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
