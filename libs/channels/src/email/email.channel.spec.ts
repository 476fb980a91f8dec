import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { anOutboundMessage, describeChannel, noon, seeHtml, seePlain, together } from '@herald/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { simpleParser } from 'mailparser';
import { AddressGuard } from '../address-guard.js';
import { type Failure, type MailMessage, ProviderError } from '../channel.js';
import { makeMailClient } from '../mail-io.js';
import { makeEmailChannel, parseSender } from './email.channel.js';

const from = { name: 'Herald', address: 'herald@example.com' };
const to = { name: 'Ann', address: 'ann@example.com' };
const channel = makeEmailChannel(from);
const unsubscribeUrl = 'https://herald.example.com/v1/unsubscribe/token';

interface Reply {
  readonly name: string;
  readonly at: 'greeting' | 'ehlo' | 'auth' | 'from' | 'rcpt' | 'data' | 'end';
  readonly reply: string;
  readonly means: 'delivered' | Partial<Failure>;
}
const replies: readonly Reply[] = JSON.parse(
  readFileSync(new URL('../../fixtures/email/replies.json', import.meta.url), 'utf8'),
);

type Step = Reply['at'];
/** What the server does at a step instead of agreeing: a reply, silence, or hanging up. */
type Script = Partial<Record<Step, string | 'silence' | 'hang-up'>>;

const usual: Record<Step, string> = {
  greeting: '220 mail.test ESMTP',
  ehlo: '250-mail.test\r\n250-AUTH PLAIN LOGIN\r\n250 ENHANCEDSTATUSCODES',
  auth: '235 2.7.0 ok',
  from: '250 2.1.0 ok',
  rcpt: '250 2.1.5 ok',
  data: '354 go on',
  end: '250 2.0.0 OK queued',
};

class ScriptedServer {
  readonly mails: string[] = [];
  readonly commands: string[] = [];
  connections = 0;
  reachedEnd = () => {};
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly script: Script = {}) {
    this.server = createServer((socket) => this.converse(socket));
  }

  async start(): Promise<string> {
    await new Promise<void>((listening) => this.server.listen(0, '127.0.0.1', listening));
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private converse(socket: Socket): void {
    this.connections += 1;
    this.sockets.add(socket);
    socket.on('error', () => {});
    let text = '';
    let isData = false;
    const answer = (step: Step): boolean => {
      const reply = this.script[step] ?? usual[step];
      if (step === 'end') this.reachedEnd();
      if (reply === 'hang-up') socket.destroy();
      else if (reply !== 'silence') socket.write(`${reply}\r\n`);
      return reply === usual[step];
    };
    answer('greeting');
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      for (;;) {
        const end = isData ? text.indexOf('\r\n.\r\n') : text.indexOf('\r\n');
        if (end === -1) return;
        const line = text.slice(0, end);
        text = text.slice(end + (isData ? 5 : 2));
        if (isData) {
          isData = false;
          this.mails.push(line);
          answer('end');
          continue;
        }
        this.commands.push(line);
        const step = steps.find(([pattern]) => pattern.test(line))?.[1];
        if (step === 'data') isData = answer('data');
        else if (step) answer(step);
        else socket.write(/^STARTTLS/.test(line) ? '502 5.5.1 not here\r\n' : '250 ok\r\n');
      }
    });
  }
}

const steps: readonly (readonly [RegExp, Step])[] = [
  [/^EHLO/i, 'ehlo'],
  [/^AUTH/i, 'auth'],
  [/^MAIL/i, 'from'],
  [/^RCPT/i, 'rcpt'],
  [/^DATA/i, 'data'],
];

describe('e-mail', () => {
  describeChannel({
    make: () => channel,
    configs: () => ({ mail: to }),
    secretFields: [],
    planted: [],
    see: ({ subject, text, html }) =>
      together(...[seePlain(subject), seePlain(text), seeHtml(html)].map((seen) => ({ ...seen, mentions: [] }))),
    measure: ({ subject, text, html }) => [
      { what: 'subject', size: subject.length, atMost: 450 },
      { what: 'text', size: text.length, atMost: 1_000_000 },
      { what: 'html', size: html.length, atMost: 3_000_000 },
    ],
    cutAbove: 250_000,
  });

  const opened: { close(): void }[] = [];
  afterEach(() => {
    for (const one of opened.splice(0)) one.close();
  });

  const attempt = async (
    script: Script,
    {
      message = anOutboundMessage(),
      signal = new AbortController().signal,
      auth = 'user:pl%40nted@',
      timeoutMs = 5_000,
    } = {},
    given = channel,
    config: unknown = to,
  ) => {
    const server = new ScriptedServer(script);
    const url = `smtp://${auth}${await server.start()}`;
    const mail = makeMailClient({ url, guard: new AddressGuard([]), attemptTimeoutMs: timeoutMs });
    opened.push(mail, { close: () => server.stop() });
    const parsed = given.config.parse(config);
    const io = { http: null as never, mail, now: () => noon, signal };
    const result = await given
      .send(given.render(message, parsed).payload, parsed, io, message)
      .catch((error: unknown) => error);
    return { result, server, mail };
  };
  const failureOf = (result: unknown): Failure => {
    expect(result).toBeInstanceOf(ProviderError);
    expect(JSON.stringify((result as ProviderError).failure)).not.toContain('pl@nted');
    return (result as ProviderError).failure;
  };

  it.each(replies.map((reply) => [reply.name, reply] as const))('means what the table says: %s', async (_, reply) => {
    const { result, server } = await attempt({ [reply.at]: reply.reply });
    if (reply.means === 'delivered') expect(result).toMatchObject({ status: 250, providerCode: '250' });
    else expect(failureOf(result)).toMatchObject({ ambiguous: false, ...reply.means });
    expect(server.connections).toBe(1);
  });

  it('is ambiguous only where the text was sent and no reply came', async () => {
    expect(failureOf((await attempt({ end: 'hang-up' })).result)).toMatchObject({
      kind: 'provider-down',
      ambiguous: true,
    });
    const timeoutMs = 100;
    expect(failureOf((await attempt({ end: 'silence' }, { timeoutMs })).result)).toMatchObject({
      kind: 'timeout',
      ambiguous: true,
    });
    for (const step of ['greeting', 'ehlo', 'from', 'rcpt', 'data'] as const) {
      expect(failureOf((await attempt({ [step]: 'silence' }, { timeoutMs })).result)).toMatchObject({
        ambiguous: false,
      });
    }
    for (const step of ['from', 'rcpt', 'data'] as const) {
      expect(failureOf((await attempt({ [step]: 'hang-up' })).result)).toMatchObject({
        kind: 'provider-down',
        ambiguous: false,
      });
    }
  });

  it('gives up at the signal', async () => {
    const aborter = new AbortController();
    setTimeout(() => aborter.abort(), 50);
    expect(failureOf((await attempt({ from: 'silence' }, { signal: aborter.signal })).result)).toMatchObject({
      kind: 'timeout',
      ambiguous: false,
    });
    const { result, server } = await attempt({}, { signal: AbortSignal.abort() });
    expect(failureOf(result)).toMatchObject({ kind: 'timeout', ambiguous: false });
    expect(server.mails).toEqual([]);
  });

  it('sends text and HTML, with the same Message-ID on every attempt, and one-click unsubscription', async () => {
    const message = anOutboundMessage({ body: 'The **body** &amp; more 磁盘' }, { unsubscribeUrl });
    const first = await attempt({}, { message });
    const second = await attempt({}, { message });
    const parsed = await simpleParser(Buffer.from(first.server.mails[0]!, 'latin1'));
    expect(parsed.messageId).toBe(`<${message.deliveryId}@example.com>`);
    expect((await simpleParser(second.server.mails[0]!)).messageId).toBe(parsed.messageId);
    expect(parsed.subject).toBe('Unusual sign-in');
    expect(parsed.text).toContain('The body & more 磁盘');
    expect(parsed.html).toContain('<strong>body</strong>');
    expect(parsed.headers.get('auto-submitted')).toBe('auto-generated');
    const lines = first.server.mails[0]!.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
    expect(lines.filter((line) => /^list-unsubscribe:/i.test(line))).toEqual([`List-Unsubscribe: <${unsubscribeUrl}>`]);
    expect(lines.filter((line) => /^list-unsubscribe-post:/i.test(line))).toEqual([
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
    ]);
    expect((await attempt({})).server.mails[0]).not.toMatch(/list-unsubscribe/i);
  });

  it.each([
    'a\r\nBcc: evil@example.com',
    'a\nX-Evil: 1',
    'a\rX-Evil: 1',
    'a\r\n\r\n<b>body</b>',
    'a\u2028X-Evil: 1',
    '=?utf-8?B?DQpCY2M6IGV2aWxAZXhhbXBsZS5jb20=?=',
    'a\u0000b',
    `${'x'.repeat(190)}\r\nBcc: e@x.io`,
    '",evil@example.com,"',
    '<evil@example.com>',
  ])('lets no header in through %j', async (hostile) => {
    const message = anOutboundMessage({
      title: hostile,
      body: hostile,
      links: [{ label: hostile, href: 'https://example.com/' }],
    });
    const { server } = await attempt({}, { message }, makeEmailChannel({ name: hostile, address: from.address }), {
      name: hostile,
      address: to.address,
    });
    const parsed = await simpleParser(Buffer.from(server.mails[0]!, 'latin1'));
    const known = [
      'from',
      'to',
      'subject',
      'message-id',
      'date',
      'mime-version',
      'content-type',
      'auto-submitted',
      'x-auto-response-suppress',
    ];
    expect([...parsed.headers.keys()].filter((name) => !known.includes(name))).toEqual([]);
    expect(server.commands.filter((line) => /^RCPT/i.test(line))).toEqual(['RCPT TO:<ann@example.com>']);
    expect([parsed.to].flat().flatMap((field) => field!.value.map(({ address }) => address))).toEqual([
      'ann@example.com',
    ]);
    expect(parsed.from!.value.map(({ address }) => address)).toEqual(['herald@example.com']);
  });

  it.each([
    'ann@example.com, evil@example.com',
    'ann@example.com\r\nRCPT TO:<e@x.io>',
    '"a@x y"@example.com',
    'ann',
    '@example.com',
    'ann@',
    '磁@example.com',
    `${'a'.repeat(65)}@example.com`,
    'a b@example.com',
    'ann(x)@example.com',
  ])('takes no address such as %j', (address) => {
    expect(channel.config.safeParse({ name: 'x', address }).success).toBe(false);
  });

  it.each([
    ['Herald <herald@example.com>', { name: 'Herald', address: 'herald@example.com' }],
    ['"Herald, Inc." <h@example.com>', { name: 'Herald, Inc.', address: 'h@example.com' }],
    ['h@example.com', { name: 'Herald', address: 'h@example.com' }],
    ['<h@example.com>', { name: 'Herald', address: 'h@example.com' }],
  ])('reads the sender %s', (text, sender) => {
    expect(parseSender(text)).toEqual(sender);
  });

  it('has no mail server: says so', async () => {
    const io = { http: null as never, mail: null, now: () => noon, signal: new AbortController().signal };
    const message = anOutboundMessage();
    const attempted = channel
      .send(channel.render(message, to).payload, to, io, message)
      .catch((error: unknown) => error);
    expect(failureOf(await attempted)).toMatchObject({ kind: 'bad-credentials', providerCode: 'NO_MAIL_SERVER' });
  });
});

describe('the mail server', () => {
  const mail: MailMessage = { from, to, subject: 's', text: 't', html: 'h', messageId: '<1@example.com>', headers: {} };
  const never = new AbortController().signal;

  it.each(['10.0.0.1', '192.168.1.1', '169.254.169.254', '[fd00::1]', '[::ffff:10.0.0.1]'])(
    'is not called at %s, which the operator has not allowed',
    async (host) => {
      const client = makeMailClient({ url: `smtp://${host}:25`, guard: new AddressGuard([]), attemptTimeoutMs: 1_000 });
      await expect(client.send(mail, never)).rejects.toMatchObject({ code: 'ADDRESS_BLOCKED', isWritten: false });
      client.close();
    },
  );

  it('is spoken to in plain on this machine, and keeps its connection', async () => {
    const server = new ScriptedServer({ ehlo: '250-mail.test\r\n250-STARTTLS\r\n250 AUTH PLAIN' });
    const client = makeMailClient({
      url: `smtp://u:p@${await server.start()}`,
      guard: new AddressGuard([]),
      attemptTimeoutMs: 5_000,
    });
    for (let i = 0; i < 3; i += 1) expect((await client.send(mail, never)).response).toBe('250 2.0.0 OK queued');
    client.close();
    server.stop();
    expect(server.connections).toBe(1);
    expect(server.commands).not.toContain('STARTTLS');
  });

  it('is not told anything anywhere else before STARTTLS', async () => {
    const server = new ScriptedServer();
    const at = await server.start();
    // A name that leads to this machine is judged as it would be at a public address.
    const guard = new AddressGuard([], (_, __, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]));
    const client = makeMailClient({
      url: `smtp://u:p@mail.example.com:${at.split(':')[1]}`,
      guard,
      attemptTimeoutMs: 5_000,
      isThisMachine: () => false,
    });
    guard.isReachable = () => true;
    await expect(client.send(mail, never)).rejects.toMatchObject({
      code: 'ETLS',
    });
    client.close();
    server.stop();
    expect(server.commands.filter((line) => /^(AUTH|MAIL)/i.test(line))).toEqual([]);
    expect(server.commands).toContain('STARTTLS');
  });
});
