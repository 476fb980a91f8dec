/** E-mail: one SMTP transaction per attempt over the process's pool. "Delivered" means that the relay has taken it. */
import { emailAddress } from '@herald/contracts';
import { z } from 'zod';
import type { Channel, MailMessage, OutboundMessage, Rendered } from '../channel.js';
import { fail, failure, safeText } from '../failures.js';
import { escapeHtml, toHtml, toPlainText } from '../markdown.js';
import { asIs, cutEscaped, oneLine, unitsOf } from '../text.js';
import { wordingOf, wordsIn } from '../wording.js';
import { mailFailure } from './classify.js';

const BODY_AT_MOST = 200_000;
const colours = { info: '#1f6feb', warning: '#b35900', critical: '#c62828' } as const;

const schema = z.object({ name: z.string().transform(oneLine), address: emailAddress });
type Config = z.infer<typeof schema>;

type Payload = Omit<MailMessage, 'from' | 'to' | 'messageId'>;

export interface MailSender {
  readonly name: string;
  readonly address: string;
}

/** `Herald <herald@example.com>` or a bare address. */
export function parseSender(text: string): MailSender {
  const match = /^\s*(.*?)\s*<([^<>]+)>\s*$/.exec(text);
  return match
    ? { name: match[1]!.replace(/^"|"$/g, '') || 'Herald', address: match[2]! }
    : { name: 'Herald', address: text.trim() };
}

export const makeEmailChannel = (from: MailSender): Channel<Config, Payload> => ({
  id: 'email',
  config: schema,
  render,
  async send(payload, config, io, message) {
    if (!io.mail) fail(failure('bad-credentials', 'NO_MAIL_SERVER'));
    const domain = from.address.split('@').at(-1) ?? 'localhost';
    try {
      // The same id on every attempt, so that a mailbox can tell a repeat.
      const messageId = `<${message.deliveryId}@${domain}>`;
      const { response } = await io.mail.send({ ...payload, from, to: config, messageId }, io.signal);
      return {
        status: Number(response.slice(0, 3)) || 250,
        providerCode: response.slice(0, 3),
        providerMessage: safeText(response),
      };
    } catch (error) {
      throw mailFailure(error);
    }
  },
  limits: () => [],
});

function render(message: OutboundMessage): Rendered<Payload> {
  const words = wordingOf(message);
  const { text: body, isCut } = cutEscaped(words.body, BODY_AT_MOST, asIs, unitsOf);
  const cutText = isCut ? [`${words.cut} ${message.messageUrl}`] : [];
  const text = [
    words.title,
    words.subtitle,
    '',
    toPlainText(body),
    '',
    ...words.links.map(({ label, href }) => `${label}: ${href}`),
    ...cutText,
    `${words.open}: ${message.messageUrl}`,
  ].join('\n');
  const { unsubscribeUrl } = message;
  return {
    cut: isCut,
    payload: {
      subject: words.title,
      text,
      html: page(message, words, body, isCut),
      headers: {
        'Auto-Submitted': 'auto-generated',
        'X-Auto-Response-Suppress': 'All',
        ...(unsubscribeUrl ? { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' } : {}),
      },
      ...(unsubscribeUrl ? { listUnsubscribe: unsubscribeUrl } : {}),
    },
  };
}

function page(message: OutboundMessage, words: ReturnType<typeof wordingOf>, body: string, isCut: boolean): string {
  const font = `font-family:-apple-system,'Segoe UI','PingFang SC','Microsoft YaHei',sans-serif`;
  const link = (href: string, label: string) =>
    `<a href="${escapeHtml(href)}" style="color:#1f6feb;text-decoration:none;margin-right:16px">${escapeHtml(label)}</a>`;
  return [
    `<!doctype html><html lang="${message.locale}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">`,
    `<meta name="color-scheme" content="light dark"></head><body style="margin:0;padding:24px;${font};line-height:1.6">`,
    `<div style="max-width:600px;margin:0 auto">`,
    `<div style="border-left:4px solid ${colours[message.severity]};padding-left:16px">`,
    `<h1 style="font-size:20px;margin:0">${escapeHtml(words.title)}</h1>`,
    `<p style="margin:4px 0 0;opacity:.7;font-size:13px">${escapeHtml(words.subtitle)}</p></div>`,
    `<div style="margin:24px 0">${toHtml(body)}</div>`,
    isCut ? `<p>${escapeHtml(words.cut)} ${link(message.messageUrl, words.open)}</p>` : '',
    `<p>${words.links.map(({ label, href }) => link(href, label)).join('')}${link(message.messageUrl, words.open)}</p>`,
    message.unsubscribeUrl
      ? `<p style="font-size:12px">${link(message.unsubscribeUrl, wordsIn(message.locale).unsubscribe)}</p>`
      : '',
    `</div></body></html>`,
  ].join('');
}
