/** The few words of Herald's own in a message, in both languages. */
import type { Locale, Severity } from '@herald/contracts';
import { textIn } from '@herald/contracts';
import type { OutboundMessage } from './channel.js';

const words = {
  'en-US': {
    severity: { info: 'Info', warning: 'Warning', critical: 'Critical' },
    open: 'Open message',
    cut: 'The message was cut. Read all of it:',
    test: 'Test',
    unsubscribe: 'Unsubscribe',
  },
  'zh-CN': {
    severity: { info: '通知', warning: '警告', critical: '严重' },
    open: '查看消息',
    cut: '消息过长，已截断。查看全文：',
    test: '测试',
    unsubscribe: '退订',
  },
} as const satisfies Record<Locale, unknown>;

export function wordsIn(locale: Locale): (typeof words)[Locale] {
  return words[locale];
}

export interface Wording {
  readonly title: string;
  readonly body: string;
  /** `Security Messages · Account security · Critical` */
  readonly subtitle: string;
  readonly severity: string;
  readonly open: string;
  readonly cut: string;
}

export function wordingOf(message: OutboundMessage): Wording {
  const { title, body } = textIn(message.content, message.locale);
  const own = wordsIn(message.locale);
  const severity = own.severity[message.severity as Severity];
  return {
    title: message.test ? `[${own.test}] ${title}` : title,
    body,
    subtitle: [message.categoryName, message.subtypeName, severity].filter(Boolean).join(' · '),
    severity,
    open: own.open,
    cut: own.cut,
  };
}
