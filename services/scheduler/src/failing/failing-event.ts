/** The event that tells an account of its webhook: an ordinary one, from acceptance to the inbox. Never the URL. Pure. */
import { createHash } from 'node:crypto';
import { adviceIn } from '@herald/channels';
import {
  type AccountId,
  DESTINATION_FAILING,
  type EventAccepted,
  eventAccepted,
  eventId,
  findCategory,
  findSubtype,
  type Locale,
  laneFor,
  type ProducerId,
} from '@herald/contracts';
import type { OutgoingRecord } from '@herald/platform';
import { KEPT_FAILING, type News } from './telling.js';

/** Herald itself: no producer has this id, so no key can post in its name. */
const HERALD = '00000000-0000-0000-0000-000000000000' as ProducerId;
const DAY_MS = 24 * 60 * 60_000;

const platforms: Record<string, Record<Locale, string>> = {
  dingtalk: { 'en-US': 'DingTalk robot', 'zh-CN': '钉钉机器人' },
  wecom: { 'en-US': 'WeCom robot', 'zh-CN': '企业微信机器人' },
  lark: { 'en-US': 'Lark robot', 'zh-CN': '飞书机器人' },
  slack: { 'en-US': 'Slack webhook', 'zh-CN': 'Slack Webhook' },
  webhook: { 'en-US': 'webhook', 'zh-CN': 'Webhook' },
};

export interface FailingNews {
  readonly news: News;
  readonly webhookId: string;
  readonly accountId: AccountId;
  readonly name: string;
  readonly platform: string;
  readonly statusReason: string | null;
  readonly failingSince: Date;
  readonly revision: number;
}

/**
 * The same news of the same day have the same id and fingerprint, whatever else has changed: told twice, it is one message.
 */
export function failingEvent(told: FailingNews, now: Date): OutgoingRecord {
  const { news, webhookId, accountId } = told;
  const key = JSON.stringify([news, webhookId, ...occasionOf(told, now)]);
  const subtype = findSubtype(DESTINATION_FAILING)!;
  const lane = laneFor(findCategory(subtype.category)!.lane, subtype.severity);
  const english = textOf(told, 'en-US');
  const event: EventAccepted = {
    v: 1,
    eventId: eventId(HERALD, { kind: 'key', key }),
    producerId: HERALD,
    acceptedAt: now.toISOString(),
    fingerprint: createHash('sha256').update(key).digest('hex'),
    audience: { accountId },
    category: subtype.category,
    subtype: subtype.code,
    severity: subtype.severity,
    lane,
    content: {
      locale: 'en-US',
      ...english,
      translations: { 'zh-CN': textOf(told, 'zh-CN') },
      links: [],
      product: null,
      region: null,
      resourceIds: [],
      labels: { webhookId },
      dedupKey: null,
    },
    occurredAt: now.toISOString(),
    expiresAt: null,
    requestId: null,
  };
  return { topic: eventAccepted(lane), key: accountId, value: JSON.stringify(event) };
}

/** What makes it other news than the last. A webhook that is switched off may never have failed before. */
function occasionOf({ news, failingSince, revision }: FailingNews, now: Date): (string | number)[] {
  if (news === 'disabled') return [revision];
  const since = failingSince.toISOString();
  return news === 'works' ? [since] : [since, Math.floor((now.getTime() - failingSince.getTime()) / DAY_MS)];
}

function textOf(
  { news, name, platform, statusReason, failingSince }: FailingNews,
  locale: Locale,
): { title: string; body: string } {
  const what = platforms[platform]?.[locale] ?? platform;
  const since = `${failingSince.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  // That it kept failing is what the message says already.
  const advice = statusReason === KEPT_FAILING ? undefined : adviceIn(locale, statusReason ?? undefined);
  const shown = escapeMarkdown(name);
  const paragraphs: Record<News, Record<Locale, [title: string, ...body: (string | undefined)[]]>> = {
    failing: {
      'en-US': [
        `“${name}” is failing`,
        `The ${what} **${shown}** has not taken a message since ${since}. Herald keeps trying; after 120 hours without a success it switches it off.`,
        advice ?? 'Check that its address and its secret are right and that it can be reached.',
      ],
      'zh-CN': [
        `“${name}”持续失败`,
        `${what} **${shown}** 自 ${since} 起未成功接收消息。Herald 会继续重试；持续 120 小时未成功将自动停用。`,
        advice ?? '请检查其地址与密钥是否正确，以及是否可以访问。',
      ],
    },
    disabled: {
      'en-US': [
        `“${name}” was switched off`,
        statusReason === KEPT_FAILING
          ? `The ${what} **${shown}** has failed for 120 hours, since ${since}, so Herald switched it off. Nothing is sent to it any more.`
          : `The ${what} **${shown}** refused a message for good, so Herald switched it off. Nothing is sent to it any more.`,
        advice ?? 'Put it in order, then enable it in the settings. What was not delivered can be read in the inbox.',
      ],
      'zh-CN': [
        `“${name}”已被停用`,
        statusReason === KEPT_FAILING
          ? `${what} **${shown}** 自 ${since} 起已持续失败 120 小时，Herald 已将其停用，不再向其发送消息。`
          : `${what} **${shown}** 已永久拒绝消息，Herald 已将其停用，不再向其发送消息。`,
        advice ?? '请修复后在设置中重新启用。未送达的消息可在消息中心查看。',
      ],
    },
    works: {
      'en-US': [
        `“${name}” works again`,
        `The ${what} **${shown}**, which had been failing since ${since}, takes messages again.`,
      ],
      'zh-CN': [`“${name}”已恢复`, `${what} **${shown}** 自 ${since} 起持续失败，现已恢复接收消息。`],
    },
  };
  const [title, ...body] = paragraphs[news][locale];
  return { title, body: body.filter((paragraph) => paragraph !== undefined).join('\n\n') };
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!<>|~]/g, '\\$&');
}
