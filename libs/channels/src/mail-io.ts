/** The mail server: one pool of SMTP connections for the process, with limits a worker can live with. */
import { connect, type Socket } from 'node:net';
import nodemailer from 'nodemailer';
import { AddressBlocked, type AddressGuard, isLoopback, literalAddress, NOT_PUBLIC } from './address-guard.js';
import type { MailIo } from './channel.js';

const CONNECT_WITHIN_MS = 3_000;
const CONNECTIONS_AT_MOST = 5;
const MESSAGES_PER_CONNECTION = 100;

export interface MailIoOptions {
  /** `smtps://user:password@host` is TLS from the start, `smtp://host:587` upgrades by STARTTLS. */
  readonly url: string;
  readonly guard: AddressGuard;
  readonly attemptTimeoutMs: number;
  /** Tells addresses of this machine; loopback unless told. */
  readonly isThisMachine?: (address: string) => boolean;
}

export interface MailClient extends MailIo {
  close(): void;
}

/** Set on a message while it is sent: the stream tells whether a byte of it was read. */
interface Sending {
  stream?: { readonly readableDidRead: boolean };
}

/**
 * The server's name is resolved and judged like any other address: a private one must be in HERALD_OUTBOUND_ALLOW; this
 * machine needs no permission. STARTTLS is demanded of every public address. What is allowed, or is this machine, may speak
 * plain: there STARTTLS is used where a password would travel and the server offers it, and not on this machine.
 */
export function makeMailClient({
  url,
  guard,
  attemptTimeoutMs,
  isThisMachine = isLoopback,
}: MailIoOptions): MailClient {
  const { protocol, hostname, port, username, password } = new URL(url);
  const secure = protocol === 'smtps:';
  const host = literalAddress(hostname) ?? hostname;
  const accepts = (address: string) => isThisMachine(address) || guard.isReachable(address);
  const tlsRules = (address: string) => {
    const isTrusted = isThisMachine(address) || guard.isAllowed(address);
    return {
      requireTLS: !secure && !isTrusted,
      ignoreTLS: !secure && (isThisMachine(address) || (isTrusted && !username)),
    };
  };
  const dial = async () => {
    const socket = await dialed(host, port ? Number(port) : secure ? 465 : 587, guard, accepts);
    return { connection: socket, ...tlsRules(socket.remoteAddress ?? '') };
  };
  const transport = nodemailer.createTransport({
    host,
    secure,
    // Until the address is known.
    requireTLS: !secure,
    ...(username ? { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } } : {}),
    pool: true,
    maxConnections: CONNECTIONS_AT_MOST,
    maxMessages: MESSAGES_PER_CONNECTION,
    greetingTimeout: attemptTimeoutMs,
    socketTimeout: attemptTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    getSocket: (_: unknown, callback: (error: Error | null, options?: object) => void) => {
      dial().then((options) => callback(null, options), callback);
    },
  } as never);
  transport.use('stream', (mail, done) => {
    const { message } = mail;
    const { sending } = mail.data as unknown as { sending: Sending };
    const original = message.createReadStream.bind(message);
    message.createReadStream = (options) => {
      const stream = original(options);
      sending.stream = stream;
      return stream;
    };
    done();
  });
  return {
    async send(message, signal) {
      const { from, to, subject, text, html, messageId, headers, listUnsubscribe } = message;
      const sending: Sending = {};
      const mail = {
        from,
        to,
        subject,
        text,
        html,
        messageId,
        headers,
        ...(listUnsubscribe ? { list: { unsubscribe: [[listUnsubscribe]] } } : {}),
        signal,
        sending,
      };
      try {
        const info = (await transport.sendMail(mail as never)) as { readonly response?: string };
        return { response: info.response ?? '250' };
      } catch (error) {
        throw Object.assign(error as Error, { isWritten: sending.stream?.readableDidRead ?? false });
      }
    },
    close: () => transport.close(),
  };
}

function dialed(
  host: string,
  port: number,
  guard: AddressGuard,
  accepts: (address: string) => boolean,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const literal = literalAddress(host);
    if (literal !== null && !accepts(literal)) return reject(new AddressBlocked(NOT_PUBLIC));
    const socket = connect({ host, port, lookup: guard.lookup(accepts, NOT_PUBLIC), noDelay: true });
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(CONNECT_WITHIN_MS, () => fail(Object.assign(new Error('no connection'), { code: 'ETIMEDOUT' })));
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      socket.removeListener('error', fail);
      resolve(socket);
    });
  });
}
