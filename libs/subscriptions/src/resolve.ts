/**
 * Who gets what: one decision per destination, sent or not, with its reason. Pure; the router and the dry run call this
 * very function. Whether a destination can be reached now is the worker's question, not this one's.
 */
import {
  BANNED,
  type ChannelState,
  type Content,
  type Decision,
  OFF,
  REQUIRED,
  type Reason,
  type Severity,
  type Subtype,
} from '@herald/contracts';
import type { AccountSettings, KnownRecipient } from './account-settings.js';
import { heldBack, searchableText, settingFor } from './rules.js';

export interface Resolution {
  /** The inbox channel is off: stored for its decisions, shown to nobody. */
  readonly hidden: boolean;
  /** The inbox first. */
  readonly decisions: readonly Decision[];
}

export interface Subject {
  readonly subtype: Subtype;
  readonly severity: Severity;
  readonly content: Content;
}

export function resolve(subject: Subject, account: AccountSettings): Resolution {
  const setting = settingFor(account, subject.subtype.code);
  let text: string | undefined;
  const held = heldBack(setting.rules, subject.severity, () => (text ??= searchableText(subject.content)));
  /** Rules never apply to what is REQUIRED. */
  const reasonFor = (state: ChannelState): Reason | null => closed(state) ?? (state === REQUIRED ? null : held);

  const inboxReason = closed(setting.channels.inbox);
  const decisions: Decision[] = [
    { channel: 'inbox', destinationId: null, label: '', decision: inboxReason ? 'skip' : 'send', reason: inboxReason },
    ...emailDecisions(account, setting.recipientIds, setting.channels.email, reasonFor(setting.channels.email)),
    ...webhookDecisions(account, setting.webhookIds, reasonFor(setting.channels.webhook)),
  ];
  return { hidden: inboxReason !== null, decisions };
}

function closed(state: ChannelState): Reason | null {
  if (state === BANNED) return 'CHANNEL_BANNED';
  return state === OFF ? 'CHANNEL_OFF' : null;
}

function emailDecisions(
  account: AccountSettings,
  chosen: readonly string[] | null,
  state: ChannelState,
  reason: Reason | null,
): Decision[] {
  const defaults = known([account.defaultRecipientId], account.recipients);
  const listed = chosen === null ? defaults : known(chosen, account.recipients);
  // What is REQUIRED has somebody to go to, whoever was taken off the list.
  const recipients = listed.length === 0 && state === REQUIRED ? defaults : listed;
  if (recipients.length === 0) return [nobody('email', reason ?? 'NO_RECIPIENT')];
  const perAddress = new Map<string, Decision>();
  for (const recipient of recipients) {
    const why = reason ?? unreachable(recipient, state);
    const decision: Decision = {
      channel: 'email',
      destinationId: recipient.destinationId,
      label: recipient.name,
      decision: why ? 'skip' : 'send',
      reason: why,
    };
    // The same address twice is one delivery: the first of the two that may be sent to is enough.
    const former = perAddress.get(recipient.destinationId);
    if (!former || (former.decision === 'skip' && why === null)) perAddress.set(recipient.destinationId, decision);
  }
  return [...perAddress.values()];
}

/** Opting out does not reach what is REQUIRED. */
function unreachable(recipient: KnownRecipient, state: ChannelState): Reason | null {
  if (!recipient.isVerified) return 'UNVERIFIED';
  return recipient.isOptedOut && state !== REQUIRED ? 'OPTED_OUT' : null;
}

function webhookDecisions(account: AccountSettings, chosen: readonly string[], reason: Reason | null): Decision[] {
  const webhooks = known(chosen, account.webhooks);
  if (webhooks.length === 0) return [nobody('webhook', reason ?? 'NO_RECIPIENT')];
  return webhooks.map(({ id, platform, name, isDisabled }) => {
    const why = reason ?? (isDisabled ? 'WEBHOOK_DISABLED' : null);
    return { channel: platform, destinationId: id, label: name, decision: why ? 'skip' : 'send', reason: why };
  });
}

/** In the order of the list, each once. */
function known<Target extends { readonly id: string }>(
  ids: readonly (string | null)[],
  all: readonly Target[],
): Target[] {
  return [...new Set(ids)].flatMap((id) => all.find((target) => target.id === id) ?? []);
}

function nobody(channel: 'email' | 'webhook', reason: Reason): Decision {
  return { channel, destinationId: null, label: '', decision: 'skip', reason };
}
