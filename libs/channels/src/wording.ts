/** What a message says to people: its own words, cleaned, and the few of Herald's in both languages. */
import { type Link, type Locale, textIn } from '@herald/contracts';
import type { OutboundMessage } from './channel.js';
import { isSafeHref } from './markdown.js';
import { cleaned, oneLine } from './text.js';

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
  /** One line, never empty. Hostile, like everything but the last four. */
  readonly title: string;
  /** Markdown. */
  readonly body: string;
  /** Https, http and mailto only; labels are one line. */
  readonly links: readonly Link[];
  /** `Security Messages · Account security · Critical` */
  readonly subtitle: string;
  readonly severity: string;
  readonly open: string;
  readonly cut: string;
}

export function wordingOf(message: OutboundMessage): Wording {
  const { title, body } = textIn(message.content, message.locale);
  const own = wordsIn(message.locale);
  const severity = own.severity[message.severity];
  const line = oneLine(title) || message.subtypeName;
  return {
    title: message.test ? `[${own.test}] ${line}` : line,
    body: cleaned(body),
    links: message.content.links
      .filter(({ href }) => isSafeHref(href))
      .map(({ label, href }) => ({ label: oneLine(label) || href, href: new URL(href).href })),
    subtitle: [message.categoryName, message.subtypeName, severity].filter(Boolean).join(' · '),
    severity,
    open: own.open,
    cut: own.cut,
  };
}

/** The keyword to add for a robot that demands one, where the text has none of them. */
export function missingKeyword(keywords: readonly string[], text: string): string | null {
  return keywords.some((keyword) => text.includes(keyword)) ? null : (keywords[0] ?? null);
}

export function isWebHref({ href }: Link): boolean {
  return /^https?:/i.test(href);
}
