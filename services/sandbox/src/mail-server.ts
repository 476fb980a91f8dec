/** A mail server that takes any mail and any credentials, keeps what it got, and misbehaves on command. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type AddressObject, type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import type { MailFault, MailStage } from './faults.js';
import type { SandboxState } from './sandbox-state.js';

const MAX_MAIL_BYTES = 10 * 1024 * 1024;

export interface MailBody {
  /** The addresses of the headers. */
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  readonly messageId: string;
  /** As sent, unfolded; several of one name are joined by a line feed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  readonly fromName: string;
  readonly attachments: readonly { readonly filename: string; readonly contentType: string; readonly bytes: number }[];
}

export class MailServer {
  private readonly server: SMTPServer;
  private readonly pauses = new Set<NodeJS.Timeout>();

  constructor(private readonly state: SandboxState) {
    this.server = new SMTPServer({
      name: 'sandbox.herald.example',
      banner: 'Herald sandbox',
      size: MAX_MAIL_BYTES,
      rejectOversized: true,
      authOptional: true,
      allowInsecureAuth: true,
      disabledCommands: ['STARTTLS'],
      disableReverseLookup: true,
      closeTimeout: 100,
      onConnect: (session, callback) => this.meet('connect', session, callback),
      onAuth: ({ username }, session, callback) => {
        this.meet('auth', session, (error) => callback(error ?? null, { user: username ?? 'anonymous' }));
      },
      onMailFrom: ({ address }, session, callback) => this.meet('mail', session, callback, { from: address, to: [] }),
      onRcptTo: ({ address }, session, callback) => {
        this.meet('rcpt', session, callback, { from: senderOf(session), to: [address] });
      },
      onData: (stream, session, callback) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          void this.receive(Buffer.concat(chunks), session, stream.sizeExceeded, callback).catch(callback);
        });
      },
    });
    this.server.on('error', () => undefined);
  }

  async start(port: number, host: string): Promise<number> {
    const listening = once(this.server.server, 'listening');
    const failed = once(this.server.server, 'error').then(([error]) => Promise.reject(error));
    this.server.listen(port, host);
    await Promise.race([listening, failed]);
    failed.catch(() => undefined);
    return (this.server.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const timer of this.pauses) clearTimeout(timer);
    if (this.server.server.listening) await new Promise<void>((resolve) => this.server.close(resolve));
  }

  private async receive(
    raw: Buffer,
    session: SMTPServerSession,
    isOversized: boolean,
    callback: (error?: Error | null, message?: string) => void,
  ): Promise<void> {
    const envelope = { from: senderOf(session), to: session.envelope.rcptTo.map(({ address }) => address) };
    if (isOversized) {
      this.record({ ...nothing, envelope }, 552, 'message exceeds fixed maximum message size', { accepted: false });
      return callback(null);
    }
    const body = bodyOf(await simpleParser(raw), envelope);
    const fault = this.state.faults.takeForMail('data', envelope.to);
    if (!fault || fault.kind === 'slow') {
      const item = this.record(body, 250, '2.0.0 Ok: queued', { accepted: true, fault });
      const done = () => callback(null, `2.0.0 Ok: queued as ${item.id}`);
      return fault ? this.later(fault.delayMs ?? 3_000, done) : done();
    }
    const reply = replyOf(fault);
    this.record(body, fault.kind === 'smtp' ? reply.code : null, reply.text, {
      accepted: fault.accepted === true,
      fault,
    });
    this.play(fault, session, callback);
  }

  /** A stage before the message: it passes, or a fault is played and kept with what is known of the mail. */
  private meet(
    stage: MailStage,
    session: SMTPServerSession,
    callback: (error?: Error | null) => void,
    envelope: { from: string; to: string[] } = { from: '', to: [] },
  ): void {
    const fault = this.state.faults.takeForMail(stage, envelope.to);
    if (!fault || fault.kind === 'slow') {
      if (fault) this.later(fault.delayMs ?? 3_000, callback);
      else callback();
      return;
    }
    const reply = replyOf(fault);
    this.record({ ...nothing, envelope }, fault.kind === 'smtp' ? reply.code : null, reply.text, {
      accepted: false,
      fault,
    });
    this.play(fault, session, callback);
  }

  private play(fault: MailFault, session: SMTPServerSession, callback: (error: Error) => void): void {
    if (fault.kind === 'hang') return;
    if (fault.kind === 'reset') {
      for (const connection of this.server.connections) if (connection.id === session.id) connection.close();
      return;
    }
    const { code, text } = replyOf(fault);
    callback(Object.assign(new Error(text), { responseCode: code }));
  }

  private later(delayMs: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.pauses.delete(timer);
      then();
    }, delayMs);
    this.pauses.add(timer);
  }

  private record(
    body: MailBody,
    code: number | null,
    text: string,
    { accepted, fault }: { accepted: boolean; fault?: MailFault },
  ) {
    return this.state.received.add(
      {
        platform: 'mail',
        at: new Date(this.state.clock.now()).toISOString(),
        path: body.envelope.to.join(','),
        headers: body.headers,
        body,
        answer: code === null ? null : { status: code, body: `${code} ${text}` },
        accepted,
        robot: null,
        fault: fault?.kind ?? null,
      },
      body.text.length + (body.html?.length ?? 0) + 4_000,
    );
  }
}

const nothing: Omit<MailBody, 'envelope'> = {
  from: '',
  to: [],
  subject: '',
  text: '',
  html: null,
  messageId: '',
  headers: {},
  fromName: '',
  attachments: [],
};

const defaultReplies: Record<MailStage, { code: number; text: string }> = {
  connect: { code: 421, text: '4.3.2 Service not available' },
  auth: { code: 535, text: '5.7.8 Authentication credentials invalid' },
  mail: { code: 451, text: '4.3.0 Try again later' },
  rcpt: { code: 550, text: '5.1.1 No such user here' },
  data: { code: 451, text: '4.3.0 Try again later' },
};

function replyOf(fault: MailFault): { code: number; text: string } {
  const usual = defaultReplies[fault.stage ?? 'data'];
  return { code: fault.code ?? usual.code, text: fault.text ?? (fault.code === undefined ? usual.text : 'Refused') };
}

function senderOf(session: SMTPServerSession): string {
  return session.envelope.mailFrom ? session.envelope.mailFrom.address : '';
}

function bodyOf(mail: ParsedMail, envelope: MailBody['envelope']): MailBody {
  return {
    from: mail.from?.value[0]?.address ?? '',
    to: addressesOf(mail.to),
    subject: mail.subject ?? '',
    text: mail.text ?? '',
    html: mail.html || null,
    messageId: mail.messageId ?? '',
    headers: headersOf(mail),
    envelope,
    fromName: mail.from?.value[0]?.name ?? '',
    attachments: mail.attachments.map(({ filename, contentType, size }) => ({
      filename: filename || 'unnamed',
      contentType,
      bytes: size,
    })),
  };
}

function addressesOf(header: AddressObject | AddressObject[] | undefined): string[] {
  const objects = header === undefined ? [] : [header].flat();
  return objects.flatMap(({ value }) => value.map(({ address }) => address ?? '')).filter((address) => address !== '');
}

function headersOf(mail: ParsedMail): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { key, line } of mail.headerLines) {
    const value = line
      .slice(line.indexOf(':') + 1)
      .replace(/\r?\n[ \t]+/g, ' ')
      .trim();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}\n${value}`;
  }
  return headers;
}
