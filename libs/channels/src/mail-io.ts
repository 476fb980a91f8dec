/** The mail server: one pool of SMTP connections for the process, with limits a worker can live with. */
import { isIP } from 'node:net';
import nodemailer from 'nodemailer';
import type { MailIo } from './channel.js';

export interface MailIoOptions {
  /** `smtps://user:password@host`, `smtp://host:587`. */
  readonly url: string;
  /** Plain `smtp` without TLS is spoken to these alone; everywhere else STARTTLS is required. */
  readonly isAllowed: (address: string) => boolean;
}

export interface MailClient extends MailIo {
  close(): void;
}

export function makeMailClient({ url, isAllowed }: MailIoOptions): MailClient {
  const { protocol, hostname, port, username, password } = new URL(url);
  const secure = protocol === 'smtps:';
  const host = hostname.replace(/^\[|\]$/g, '');
  const isLocal = host === 'localhost' || (isIP(host) !== 0 && (isAllowed(host) || host === '127.0.0.1' || host === '::1'));
  const transport = nodemailer.createTransport({
    host,
    port: port ? Number(port) : secure ? 465 : 587,
    secure,
    requireTLS: !secure && !isLocal,
    ignoreTLS: !secure && isLocal,
    ...(username ? { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } } : {}),
    pool: true,
    maxConnections: 5,
    maxMessages: 1_000,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 30_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as never);
  return {
    async send(message, signal) {
      const { from, to, subject, text, html, messageId, headers, listUnsubscribe } = message;
      const info = await transport.sendMail({
        from,
        to,
        subject,
        text,
        html,
        messageId,
        headers: headers as Record<string, string>,
        ...(listUnsubscribe ? { list: { unsubscribe: [[listUnsubscribe]] } } : {}),
        signal,
      } as never);
      return { response: (info as { response?: string }).response ?? '250' };
    },
    close: () => transport.close(),
  };
}
