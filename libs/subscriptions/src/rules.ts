/** The rules of a subscription, one decision each (domain.md, Keyword rule and Delivery defaults). */
import {
  atLeast,
  BANNED,
  type ChannelState,
  type Content,
  categoryPolicy,
  findSubtype,
  type PolicyChannel,
  policyChannels,
  REQUIRED,
  type Reason,
  type Severity,
  type Subtype,
} from '@herald/contracts';
import { type AccountSettings, defaultRules, type Setting, type SubscriptionRules } from './account-settings.js';

/** Everything a keyword may stand in, in every language, in lower case. */
export function searchableText(content: Content): string {
  const texts = [content, ...Object.values(content.translations)];
  return texts
    .map((text) => `${text?.title}\n${text?.body}`)
    .join('\n')
    .toLowerCase();
}

/** Why the rules keep it from a channel that may be kept from, or null. The blacklist wins. */
export function heldBack(rules: SubscriptionRules, severity: Severity, text: () => string): Reason | null {
  if (!atLeast(severity, rules.minimumSeverity)) return 'BELOW_SEVERITY';
  const holds = (keyword: string) => text().includes(keyword.toLowerCase());
  if (rules.excludeKeywords.some(holds)) return 'KEYWORD_BLACKLIST';
  if (rules.includeKeywords.length > 0 && !rules.includeKeywords.some(holds)) return 'KEYWORD_NOT_WHITELISTED';
  return null;
}

/** What holds for a scope: its own setting, else its category's, else the catalogue's. REQUIRED and BANNED always stand. */
export function settingFor(
  account: Pick<AccountSettings, 'settings'>,
  scope: string,
): Setting & { readonly inherited: boolean } {
  const subtype = findSubtype(scope);
  const own = account.settings[scope];
  const inherited = own ?? (subtype ? account.settings[subtype.category] : undefined);
  const policy = subtype?.policy ?? categoryPolicy(scope);
  if (!inherited) {
    return { channels: policy, recipientIds: null, webhookIds: [], rules: defaultRules, inherited: true };
  }
  return { ...inherited, channels: withinPolicy(policy, inherited.channels), inherited: own === undefined };
}

export function withinPolicy(
  policy: Subtype['policy'],
  wanted: Readonly<Record<PolicyChannel, ChannelState>>,
): Record<PolicyChannel, ChannelState> {
  const channels = { ...wanted };
  for (const channel of policyChannels) {
    const fixed = policy[channel];
    if (fixed === REQUIRED || fixed === BANNED) channels[channel] = fixed;
    // A category's -1 or -2 does not carry over to a subtype that leaves the choice open.
    else if (channels[channel] === REQUIRED) channels[channel] = 1;
    else if (channels[channel] === BANNED) channels[channel] = 0;
  }
  return channels;
}
