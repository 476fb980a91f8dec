/** Every channel, one line each. */
import type { DeliveryChannel } from '@herald/contracts';
import type { Channel } from './channel.js';
import { makeDingtalkChannel } from './dingtalk/dingtalk.channel.js';
import { type MailSender, makeEmailChannel } from './email/email.channel.js';
import { makeLarkChannel } from './lark/lark.channel.js';
import type { UrlRules } from './provider-url.js';
import { makeSlackChannel } from './slack/slack.channel.js';
import { makeWebhookChannel } from './webhook/webhook.channel.js';
import { makeWecomChannel } from './wecom/wecom.channel.js';

export interface RegistryOptions extends UrlRules {
  readonly mailFrom: MailSender;
}

export type Registry = Readonly<Record<DeliveryChannel, Channel<any, any>>>;

export function makeRegistry(options: RegistryOptions): Registry {
  return {
    email: makeEmailChannel(options.mailFrom),
    dingtalk: makeDingtalkChannel(options),
    wecom: makeWecomChannel(options),
    lark: makeLarkChannel(options),
    slack: makeSlackChannel(options),
    webhook: makeWebhookChannel(options),
  };
}
