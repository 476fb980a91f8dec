import { readFileSync } from 'node:fs';
import { anOutboundMessage, describeChannel, type Seen } from '@herald/testing';
import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { makeWebhookChannel, signatures } from './webhook.channel.js';

const fixture = (name: string) => JSON.parse(readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), 'utf8'));
const secret = `whsec_${Buffer.from('planted-secret-0123456789abcdef').toString('base64')}`;
const older = `whsec_${Buffer.from('planted-older-secret-9876543210').toString('base64')}`;
const path = '/hooks/PLANTED-path-0123456789?token=planted-query-0123456789';

function see(payload: string): Seen {
  const { content, test } = JSON.parse(payload).data;
  const links = content.links as { label: string; href: string }[];
  const text = [content.title, content.text, ...links.map(({ label }) => label), test ? 'test' : ''].join('\n');
  return {
    text,
    links: links.map(({ href }) => href).filter((href) => /^(https?|mailto):/.test(href)),
    mentions: [],
    marks: {},
  };
}

describe('a custom webhook', () => {
  describeChannel({
    make: (origin) => makeWebhookChannel({ allow: ['127.0.0.0/8'], origins: { never: origin } }),
    configs: (origin) => ({ json: { url: `${origin}${path}`, secrets: [secret, older] } }),
    secretFields: ['url', 'secrets', 'retiring'],
    planted: [path, 'PLANTED-path-0123456789', 'planted-query-0123456789', secret, older],
    see,
    measure: () => [],
    isData: true,
    replies: { json: fixture('webhook/replies.json') },
  });

  const channel = makeWebhookChannel({ allow: ['127.0.0.0/8'], origins: {} });
  const config = channel.config.parse({ url: 'http://127.0.0.1/x', secrets: [secret] });

  it('sends exactly the body of the HTTP API’s contract', () => {
    const message = anOutboundMessage({
      body: 'The **body**, with [a link](https://example.com/).',
      links: [{ label: 'Console', href: 'https://example.com/c' }],
      labels: { tier: 'gold' },
      dedupKey: 'd-1',
    });
    expect(JSON.parse(channel.render(message, config).payload)).toEqual({
      type: 'message',
      timestamp: '2026-11-18T12:00:00.000Z',
      data: {
        messageId: message.messageId,
        eventId: message.eventId,
        accountId: '1234567890',
        category: 'security',
        subtype: 'sec_account_security',
        severity: 'critical',
        product: 'ram',
        region: 'cn-hangzhou',
        resourceIds: ['i-1'],
        occurredAt: '2026-11-18T12:00:00.000Z',
        dedupKey: 'd-1',
        occurrences: 1,
        test: false,
        content: {
          locale: 'en-US',
          title: 'Unusual sign-in',
          text: 'The body, with a link (https://example.com/).',
          markdown: 'The **body**, with [a link](https://example.com/).',
          links: [{ label: 'Console', href: 'https://example.com/c' }],
        },
        labels: { tier: 'gold' },
      },
    });
  });

  it('names the language of the text it sends', () => {
    const translations = { 'zh-CN': { title: '标题', body: '正文' } };
    const contentOf = (locale: 'zh-CN' | 'en-US') =>
      JSON.parse(channel.render(anOutboundMessage({ translations }, { locale }), config).payload).data.content;
    expect(contentOf('zh-CN')).toMatchObject({ locale: 'zh-CN', title: '标题', text: '正文', markdown: '正文' });
    expect(contentOf('en-US')).toMatchObject({ locale: 'en-US', title: 'Unusual sign-in' });
    const foreign = channel.render(anOutboundMessage({}, { locale: 'zh-CN' }), config);
    expect(JSON.parse(foreign.payload).data.content.locale).toBe('en-US');
  });

  interface Vector {
    readonly note: string;
    readonly secrets: string[];
    readonly 'webhook-id': string;
    readonly 'webhook-timestamp': string;
    readonly 'webhook-signature': string;
    readonly body: string;
    readonly body_utf8_hex: string;
    readonly signed_content: string;
  }
  const { vectors, negative } = fixture('channel-vectors.json').standard_webhooks as {
    vectors: [Vector, Vector, Vector];
    negative: { note: string; expect: string }[];
  };

  it.each(vectors)('signs as published: $note', (vector) => {
    const { secrets, body } = vector;
    expect(Buffer.from(body).toString('hex')).toBe(vector.body_utf8_hex);
    expect(`${vector['webhook-id']}.${vector['webhook-timestamp']}.${body}`).toBe(vector.signed_content);
    expect(signatures(secrets, vector['webhook-id'], vector['webhook-timestamp'], body)).toBe(
      vector['webhook-signature'],
    );
  });

  describe('to the reference verifier', () => {
    const id = '0b7b2f4e-6f0a-5d4e-9c55-0a1b2c3d4e5f';
    const body = '{"type":"message","data":{"title":"磁盘告警 💥"}}';
    const nowSeconds = () => Math.floor(Date.now() / 1_000);
    const headersFor = (secrets: string[], timestamp = String(nowSeconds())) => ({
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signatures(secrets, id, timestamp, body),
    });
    const accepts = (given: string, payload: string | Buffer, headers: Record<string, string>) => {
      try {
        new Webhook(given).verify(payload, headers);
        return true;
      } catch {
        return false;
      }
    };

    it('is signed by each live secret while they rotate', () => {
      const headers = headersFor([secret, older]);
      expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
      expect(accepts(secret, body, headers)).toBe(true);
      expect(accepts(older, body, headers)).toBe(true);
      expect(accepts(`whsec_${Buffer.alloc(24, 1).toString('base64')}`, body, headers)).toBe(false);
      expect(accepts(older, body, headersFor([secret]))).toBe(false);
    });

    it('is refused with any bit of the body changed', () => {
      const headers = headersFor([secret, older]);
      const bytes = Buffer.from(body);
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const changed = Buffer.from(bytes);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(accepts(secret, changed, headers)).toBe(false);
      }
    });

    it('is refused with any bit of the signature, the id or the time changed', () => {
      const headers = headersFor([secret]);
      const signature = Buffer.from(headers['webhook-signature'].slice(3), 'base64');
      for (let bit = 0; bit < signature.length * 8; bit += 1) {
        const changed = Buffer.from(signature);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(accepts(secret, body, { ...headers, 'webhook-signature': `v1,${changed.toString('base64')}` })).toBe(
          false,
        );
      }
      for (const name of ['webhook-id', 'webhook-timestamp'] as const) {
        for (let bit = 0; bit < headers[name].length * 8; bit += 1) {
          const changed = Buffer.from(headers[name]);
          changed[bit >> 3]! ^= 1 << (bit & 7);
          expect(accepts(secret, body, { ...headers, [name]: changed.toString('latin1') })).toBe(false);
        }
      }
    });

    const changedBy: Record<string, () => boolean> = {
      'one byte of the body changed': () => accepts(secret, `${body} `, headersFor([secret])),
      'timestamp 301 s old': () => accepts(secret, body, headersFor([secret], String(nowSeconds() - 301))),
      'timestamp 301 s ahead': () => accepts(secret, body, headersFor([secret], String(nowSeconds() + 302))),
      'only a v2, entry present': () => {
        const headers = headersFor([secret]);
        return accepts(secret, body, {
          ...headers,
          'webhook-signature': headers['webhook-signature'].replace('v1,', 'v2,'),
        });
      },
      "empty signature 'v1,'": () => accepts(secret, body, { ...headersFor([secret]), 'webhook-signature': 'v1,' }),
    };
    it.each(negative)('is refused: $note', ({ note }) => {
      expect(changedBy[note]!()).toBe(false);
    });

    it('is taken up to 299 s old: each attempt is signed anew', () => {
      expect(accepts(secret, body, headersFor([secret], String(nowSeconds() - 299)))).toBe(true);
    });
  });

  it.each([
    ['secrets of 24 bytes and more', { url: 'https://example.com/x', secrets: ['whsec_c2hvcnQ='] }],
    ['at least one secret', { url: 'https://example.com/x', secrets: [] }],
    ['secrets that begin with whsec_', { url: 'https://example.com/x', secrets: ['c2VjcmV0'] }],
    ['https', { url: 'http://example.com/x', secrets: [secret] }],
  ])('wants %s', (_, given) => {
    expect(channel.config.safeParse(given).success).toBe(false);
  });

  it('has no rate of its own', () => {
    expect(channel.limits(config)).toEqual([]);
  });
});
