/**
 * What every channel must do, whatever its platform: hostile text stays text, limits hold in bytes, rendering is pure, an
 * attempt is one call, each recorded answer means what the channel's table says, and no credential is in an error.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import {
  type Channel,
  type ChannelIo,
  type Failure,
  makeHttpClients,
  type OutboundMessage,
  ProviderError,
} from '@herald/channels';
import type { Content } from '@herald/contracts';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';

/** What the platform would make of a payload: read by a parser of its markup, not by looking for our own escapes. */
export interface Seen {
  /** All that people read, with what is invisible left out. */
  readonly text: string;
  readonly links: readonly string[];
  /** Mentions that would be carried out. */
  readonly mentions: readonly string[];
  /** Constructs of markup: emphasis, headings, quotes, tags; how many of each. */
  readonly marks: Readonly<Record<string, number>>;
}

export interface Measured {
  readonly what: string;
  readonly size: number;
  readonly atMost: number;
}

export interface ChannelSuite<Payload> {
  /** `origin`: where the platform is imitated, whose calls are allowed. */
  readonly make: (origin: string) => Channel<any, Payload>;
  /** Settings as people enter them, one for each form of message. */
  readonly configs: (origin: string) => Readonly<Record<string, object>>;
  /** Fields of the settings that are credentials. */
  readonly secretFields: readonly string[];
  /** Credentials planted in the settings: they must be in no error. */
  readonly planted: readonly string[];
  readonly see: (payload: Payload) => Seen;
  /** Sizes that the provider limits. */
  readonly measure: (payload: Payload) => readonly Measured[];
  /** Bodies of more UTF-16 units are cut; that of the suite's own suffices unless told. */
  readonly cutAbove?: number;
  /** True where a payload is data for a program: then text is passed on as it came, and nothing is cut. */
  readonly isData?: boolean;
  /** Recorded answers by the name of the settings they belong to; absent where the channel doesn't speak HTTP. */
  readonly replies?: Readonly<Record<string, readonly RecordedReply[]>>;
}

export interface RecordedReply {
  readonly name: string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly means: 'delivered' | Partial<Failure>;
}

export const noon = new Date('2026-11-18T12:00:00.000Z');

export function anOutboundMessage(
  content: Partial<Content> = {},
  more: Partial<OutboundMessage> = {},
): OutboundMessage {
  return {
    deliveryId: '0b7b2f4e-6f0a-5d4e-9c55-0a1b2c3d4e5f',
    messageId: '1c8c3f5e-7f1b-5e5f-8d66-1b2c3d4e5f60',
    eventId: '2d9d4f6e-8f2c-5f60-9e77-2c3d4e5f6071',
    accountId: '1234567890',
    category: 'security',
    subtype: 'sec_account_security',
    categoryName: 'Security Messages',
    subtypeName: 'Account security',
    severity: 'critical',
    locale: 'en-US',
    content: {
      locale: 'en-US',
      title: 'Unusual sign-in',
      body: 'Somebody signed in from a new place.',
      translations: {},
      links: [],
      product: 'ram',
      region: 'cn-hangzhou',
      resourceIds: ['i-1'],
      labels: {},
      dedupKey: null,
      ...content,
    },
    occurredAt: noon,
    occurrences: 1,
    test: false,
    messageUrl: 'https://herald.example.com/messages/1c8c3f5e',
    ...more,
  } as OutboundMessage;
}

/** Text that is something else to some platform. */
export const hostileTexts: readonly string[] = [
  '<at id=all></at>',
  '<at user_id="all">everyone</at>',
  '<AT ID=ALL>',
  '@all',
  '@所有人',
  'dear @all, read this',
  '中文@all',
  '<@all>',
  '<@U123>',
  '<@wangqing>',
  '<!channel>',
  '<!here>',
  '<!everyone|x>',
  '<!subteam^S1>',
  '<!date^1392734382^{date}^https://evil.example|x>',
  '<#C123>',
  '<https://evil.example|bank>',
  '<https://evil.example>',
  '*a*',
  '**a**',
  '***a***',
  '_a_',
  '__a__',
  'a _b_ c',
  '~a~',
  '~~a~~',
  '`a`',
  '```a```',
  '](http://x)',
  '[x](http://evil.example)',
  '[x][y]',
  '![x](http://evil.example/pixel.png)',
  '[x](javascript:alert(1))',
  '# a',
  '## a',
  '> a',
  '- a',
  '+ a',
  '* a',
  '1. a',
  '1) a',
  '---',
  '===',
  '***',
  '| a | b |',
  '&lt;@all&gt;',
  '&#42;a&#42;',
  '&amp;',
  '\\*a\\*',
  '<b>a</b>',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<font color="red">a</font>',
  '<a href="http://evil.example">a</a>',
  '<link url="http://evil.example">a</link>',
  '<!-- a',
  '"><b>a',
  "' onmouseover='a",
  '{{title}} <%= title %>',
  'a\nb',
  'a\r\nBcc: evil@example.com',
  'a\u2028b',
  '\u202Eevil\u202C',
  '\u2066a\u2069',
  'a\u0007b\u001B[31mc',
  'zero\u200Bwidth',
  '👩‍👩‍👧 family',
  'https://example.com/a_b_(c)?d=e&f=g#h',
  'ops_team@example.com',
  '/var/log/*_*.log',
  'i-bp1_abc_def',
];

const FAMILY = '👩‍👩‍👧';

/** Bodies far over every chat's limit. */
const longBodies: Readonly<Record<string, string>> = {
  'one byte a character': 'abcdefghi '.repeat(6_000),
  'three bytes a character': '磁盘告警'.repeat(10_000),
  'characters of many code points': FAMILY.repeat(8_000),
  'nothing but what must be escaped': '*<&_'.repeat(15_000),
  'quotes and backslashes': '"\\'.repeat(25_000),
  'one long code block': `\`\`\`\n${'select * from t; '.repeat(4_000)}\n\`\`\``,
  'many paragraphs': 'A **bold** word, `code` and [a link](https://example.com/x).\n\n'.repeat(1_000),
  'one bold paragraph': `**${'bold words '.repeat(6_000)}**`,
  'a long list': '- item with *emphasis*\n'.repeat(3_000),
  'links without end': '[a](https://example.com/very/long/address/indeed) '.repeat(1_500),
};

const manyLinks = Array.from({ length: 10 }, (_, index) => ({
  label: `Label ${index} [x](http://evil.example) ${'磁'.repeat(60)}`,
  href: `https://example.com/${index}/(a)|b?${'q'.repeat(1_900)}`,
}));

export function describeChannel<Payload>(suite: ChannelSuite<Payload>): void {
  const anywhere = 'http://127.0.0.1:1';
  const channel = suite.make(anywhere);
  const forms = Object.keys(suite.configs(anywhere));
  const configOf = (form: string) => channel.config.parse(suite.configs(anywhere)[form]);
  const renderOf = (form: string, message: OutboundMessage) => channel.render(message, configOf(form));
  const visible = (text: string) => text.replace(/\s+/g, ' ').trim();

  describe('its settings', () => {
    it('say which fields are secret', () => {
      expect(secretFieldsOf(channel.config).sort()).toEqual([...suite.secretFields].sort());
    });

    it('limits are named without a credential', () => {
      for (const form of forms) {
        const named = JSON.stringify(channel.limits(configOf(form)));
        for (const secret of suite.planted) expect(named).not.toContain(secret);
      }
    });
  });

  describe.each(forms)('a message as %s', (form) => {
    it('is rendered the same each time, and changes nothing', () => {
      const message = deepFrozen(
        anOutboundMessage({
          body: '**a** [b](https://example.com)',
          links: [{ label: 'l', href: 'https://example.com/l' }],
        }),
      );
      const config = deepFrozen(configOf(form));
      expect(channel.render(message, config)).toEqual(channel.render(message, config));
      expect(channel.render(message, config).cut).toBe(false);
    });

    it('shows title, body and links, and that it is a test', () => {
      const content = {
        title: 'The title',
        body: 'The *body*.',
        links: [{ label: 'Console', href: 'https://example.com/c' }],
      };
      const seen = suite.see(renderOf(form, anOutboundMessage(content, { test: true })).payload);
      for (const part of ['The title', 'body', 'Console']) expect(seen.text).toContain(part);
      expect(seen.text).toMatch(/test/i);
      expect(seen.links).toContain('https://example.com/c');
    });

    it('is in the reader’s language where there is a translation', () => {
      const translations = { 'zh-CN': { title: '异常登录', body: '有人登录。' } };
      const read = (more: Partial<OutboundMessage>) =>
        suite.see(renderOf(form, anOutboundMessage({ translations }, more)).payload).text;
      expect(read({ locale: 'zh-CN' })).toContain('有人登录');
      expect(read({})).toContain('signed in');
    });

    it.each(hostileTexts)('keeps the title %j text', (title) => {
      const harmless = suite.see(renderOf(form, anOutboundMessage({ title: 'harmless' })).payload);
      const seen = suite.see(renderOf(form, anOutboundMessage({ title })).payload);
      expect(seen.mentions).toEqual([]);
      expect(seen.links).toEqual(harmless.links);
      expect(seen.marks).toEqual(harmless.marks);
      expect(visible(seen.text)).toContain(suite.isData ? visible(title) : visible(withoutInvisible(title)));
    });

    it.each(hostileTexts)('carries nothing out from the body %j', (text) => {
      for (const body of [
        text,
        `a ${text} b`,
        `**${text}**`,
        `> ${text}`,
        `- ${text}`,
        `[${text}](https://example.com/)`,
      ]) {
        const seen = suite.see(renderOf(form, anOutboundMessage({ body })).payload);
        expect(seen.mentions).toEqual([]);
        for (const href of seen.links) expect(href).toMatch(/^(https?:\/\/|mailto:)/);
      }
    });

    it.each(hostileTexts)('keeps the label %j text', (label) => {
      const links = (given: string) => [{ label: given, href: 'https://example.com/' }];
      const harmless = suite.see(renderOf(form, anOutboundMessage({ links: links('harmless') })).payload);
      const seen = suite.see(renderOf(form, anOutboundMessage({ links: links(label) })).payload);
      expect({ ...seen, text: '' }).toEqual({ ...harmless, text: '' });
    });

    it('links nowhere but to https, http and mailto', () => {
      const schemes = [
        'javascript:alert(1)',
        'data:text/html,x',
        'dingtalk://x',
        'file:///etc/passwd',
        'vbscript:x',
        '//x',
      ];
      const body = schemes.map((href) => `[a](${href}) ![b](${href}) <${href}>`).join('\n\n');
      const links = schemes.map((href) => ({ label: 'a', href }));
      const seen = suite.see(renderOf(form, anOutboundMessage({ body, links })).payload);
      const own = suite.see(renderOf(form, anOutboundMessage({ body: 'a' })).payload).links;
      if (!suite.isData) expect(seen.links).toEqual(own);
    });

    it('keeps the brackets of an address out of its markup', () => {
      const href = 'https://example.com/a)](http://evil.example)|x>';
      const seen = suite.see(
        renderOf(form, anOutboundMessage({ links: [{ label: 'l', href }], body: `[b](<${href}>)` })).payload,
      );
      expect(seen.links.filter((link) => new URL(link).hostname === 'evil.example')).toEqual([]);
      expect(seen.mentions).toEqual([]);
    });

    if (suite.isData) return;

    it.each(Object.keys(longBodies))('fits, and says that it was cut: %s', (name) => {
      const long = longBodies[name]!;
      const message = anOutboundMessage({ body: long.repeat(Math.ceil((suite.cutAbove ?? 0) / long.length) || 1) });
      const { payload, cut } = renderOf(form, message);
      expectToFit(payload);
      expect(cut).toBe(true);
      const seen = suite.see(payload);
      expect(seen.links).toContain(message.messageUrl);
      expect(seen.text).toContain('The message was cut');
      expect(seen.mentions).toEqual([]);
      expect(JSON.stringify(payload)).not.toMatch(/\\ud[89a-f]/i);
      // Neither an escape nor a character of several code points was cut in half.
      expect(seen.text).not.toMatch(/&(#\d*|[a-z]+)…/);
      expect(seen.text.replaceAll(FAMILY, '')).not.toMatch(/[\u{1F469}\u{1F467}\u200D]/u);
    });

    it('uses the room it has', () => {
      const { payload } = renderOf(form, anOutboundMessage({ body: 'abcdefghi '.repeat(60_000) }));
      for (const { size, atMost, what } of suite.measure(payload)) {
        if (what === 'whole') expect(size).toBeGreaterThan(atMost * 0.8);
      }
    });

    it('cuts nothing that fits, and fits whatever it cuts', () => {
      for (let length = 100; length < 25_000; length = Math.ceil(length * 1.07)) {
        const body = '磁a&'.repeat(length / 3);
        const { payload, cut } = renderOf(form, anOutboundMessage({ body }));
        expectToFit(payload);
        if (!cut) expect(suite.see(payload).text).toContain('磁a&磁a&');
        expect(cut).toBe(!suite.see(payload).text.replace(/\s/g, '').includes(body));
      }
    });

    it('fits with the longest title and ten of the longest links', () => {
      for (const title of ['*'.repeat(200), '💥'.repeat(200), '"'.repeat(200), '<&>'.repeat(66)]) {
        const { payload } = renderOf(form, anOutboundMessage({ title, links: manyLinks, body: 'short' }));
        expectToFit(payload);
        expect(suite.see(payload).text).toContain('short');
        expectToFit(
          renderOf(form, anOutboundMessage({ title, links: manyLinks, body: '磁盘告警'.repeat(9_000) })).payload,
        );
      }
    });

    it('is never empty', () => {
      const { payload } = renderOf(form, anOutboundMessage({ title: '\u0007', body: '---' }));
      expect(suite.see(payload).text).toContain('Account security');
    });

    function expectToFit(payload: Payload): void {
      for (const { what, size, atMost } of suite.measure(payload)) {
        expect({ what, fits: size <= atMost, size: Math.max(size, 0) }).toEqual({ what, fits: true, size });
      }
    }
  });

  if (suite.replies) describeSending(suite, suite.replies);
}

function describeSending<Payload>(
  suite: ChannelSuite<Payload>,
  replies: Readonly<Record<string, readonly RecordedReply[]>>,
): void {
  type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;
  let server: Server;
  let origin: string;
  let calls = 0;
  let answer: Answer = (_, response) => response.end();
  let called = () => {};

  beforeAll(async () => {
    server = createServer((request, response) => {
      calls += 1;
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        called();
        answer(request, response, body);
      });
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  async function attempt(form: string, played: Answer, signal = new AbortController().signal) {
    const channel = suite.make(origin);
    const clients = makeHttpClients({
      allow: ['127.0.0.0/8'],
      origins: { [channel.id]: origin },
      attemptTimeoutMs: 10_000,
    });
    const io: ChannelIo = { http: clients.for(channel.id), mail: null, now: () => noon, signal };
    const config = channel.config.parse(suite.configs(origin)[form]);
    const message = anOutboundMessage();
    calls = 0;
    answer = played;
    try {
      return await channel.send(channel.render(message, config).payload, config, io, message);
    } catch (error) {
      expectNoSecret(error, suite.planted);
      return error;
    } finally {
      await clients.close();
    }
  }

  const failureOf = (result: unknown): Failure => {
    expect(result).toBeInstanceOf(ProviderError);
    return (result as ProviderError).failure;
  };

  for (const form of Object.keys(replies)) {
    describe(`an answer to ${form}`, () => {
      it.each(replies[form]!.map((reply) => [reply.name, reply] as const))(
        'means what the table says: %s',
        async (_, reply) => {
          const result = await attempt(form, play(reply));
          expect(calls).toBe(1);
          if (reply.means === 'delivered') {
            expect(result).toMatchObject({ status: reply.status, providerCode: expect.stringMatching(/./) });
          } else {
            const failure = failureOf(result);
            expect(failure).toMatchObject({ ambiguous: false, ...reply.means });
            expect(failure.providerCode).not.toBe('');
          }
        },
      );

      it('that quotes the call is freed of credentials', async () => {
        for (const status of [200, 400, 500]) {
          await attempt(form, (request, response, body) => {
            response.writeHead(status, { 'content-type': 'text/plain' });
            response.end(`${request.url}\n${JSON.stringify(request.headers)}\n${body}`);
          });
        }
      });

      it('that never comes is waited for until the signal, and ambiguous', async () => {
        const aborter = new AbortController();
        called = () => setImmediate(() => aborter.abort());
        const failure = failureOf(await attempt(form, () => {}, aborter.signal));
        called = () => {};
        expect(failure).toMatchObject({ kind: 'timeout', ambiguous: true });
        expect(calls).toBe(1);
      });

      it('is not asked for when the signal came first', async () => {
        const failure = failureOf(await attempt(form, () => {}, AbortSignal.abort()));
        expect(failure).toMatchObject({ kind: 'timeout', ambiguous: false });
        expect(calls).toBe(0);
      });

      it('that breaks off is ambiguous', async () => {
        const failure = failureOf(await attempt(form, (request) => request.socket.destroy()));
        expect(failure).toMatchObject({ kind: 'provider-down', ambiguous: true });
      });

      it('is not followed elsewhere', async () => {
        let reached = 0;
        const elsewhere = createServer((_, response) => {
          reached += 1;
          response.end('ok');
        });
        await new Promise<void>((listening) => elsewhere.listen(0, '127.0.0.1', listening));
        const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
        for (const status of [301, 302, 303, 307, 308]) {
          const result = await attempt(form, (_, response) => response.writeHead(status, { location }).end());
          expect(failureOf(result).advice).toBe('endpoint-redirects');
        }
        elsewhere.closeAllConnections();
        elsewhere.close();
        expect(reached).toBe(0);
      });
    });
  }
}

function play({ status, headers, body }: RecordedReply) {
  return (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, {
      date: noon.toUTCString(),
      'content-type': typeof body === 'string' ? 'text/plain' : 'application/json',
      ...headers,
    });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** In the whole error: message, stack, own and hidden fields, causes. */
export function expectNoSecret(error: unknown, secrets: readonly string[]): void {
  const parts = [inspect(error, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null })];
  for (let found: unknown = error; found instanceof Error; found = found.cause) {
    parts.push(
      String(found),
      found.stack ?? '',
      JSON.stringify(found),
      JSON.stringify(Object.getOwnPropertyDescriptors(found)),
    );
  }
  for (const secret of secrets) {
    for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
      expect(parts.some((part) => part.includes(form))).toBe(false);
    }
  }
}

/** The names of all fields that carry `meta({ secret: true })`. */
export function secretFieldsOf(schema: z.ZodType): string[] {
  const found = new Set<string>();
  const walk = (node: unknown, name: string): void => {
    if (node === null || typeof node !== 'object') return;
    if ((node as { secret?: unknown }).secret === true) found.add(name);
    for (const [key, value] of Object.entries(node)) {
      if (key === 'properties') for (const [field, inner] of Object.entries(value as object)) walk(inner, field);
      else walk(value, name);
    }
  };
  walk(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), '');
  return [...found];
}

function withoutInvisible(text: string): string {
  return text.replace(/[\u200B\u202A-\u202E\u2066-\u2069]|(?![\n\r\t])\p{Cc}/gu, '');
}

function deepFrozen<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !(value instanceof Date)) {
    Object.values(value).forEach(deepFrozen);
    Object.freeze(value);
  }
  return value;
}
