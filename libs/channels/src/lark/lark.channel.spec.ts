import { readFileSync } from 'node:fs';
import {
  anOutboundMessage,
  describeChannel,
  seeLines,
  seeLinks,
  seeMarkdown,
  seePlain,
  together,
} from '@herald/testing';
import { describe, expect, it } from '@jest/globals';
import { escapeLark } from '../markups.js';
import { bytesOf } from '../text.js';
import { type LarkPayload, makeLarkChannel, signature } from './lark.channel.js';

const fixture = (name: string) => JSON.parse(readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), 'utf8'));
const token = 'plantedaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const url = `https://open.feishu.cn/open-apis/bot/v2/hook/${token}`;
const secret = 'plantedLarkSecret0123';

interface Element {
  readonly tag: string;
  readonly content?: string;
  readonly text?: { readonly content: string };
  readonly behaviors?: readonly { readonly default_url: string }[];
}
interface Card {
  readonly header: Readonly<Record<'title' | 'subtitle', { readonly content: string }>>;
  readonly body: { readonly elements: readonly Element[] };
}
interface Post {
  readonly title: string;
  readonly content: readonly (readonly { readonly text: string; readonly href?: string }[])[];
}

function see(payload: LarkPayload) {
  if (payload.msg_type === 'text') return seeLines((payload['content'] as { text: string }).text);
  if (payload.msg_type === 'post') {
    const [post] = Object.values((payload['content'] as { post: Record<string, Post> }).post) as [Post];
    const nodes = post.content.flat();
    return together(
      seePlain(post.title),
      ...nodes.map(({ text }) => seePlain(text)),
      seeLinks(nodes.flatMap(({ href }) => href ?? [])),
    );
  }
  const { header, body } = payload['card'] as Card;
  // A plain_text element is text whatever it holds.
  const plain = (text: string) => ({ ...seePlain(text), mentions: [] });
  return together(
    plain(header.title.content),
    plain(header.subtitle.content),
    ...body.elements.map(({ content, text, behaviors }) =>
      content === undefined
        ? together(plain(text!.content), seeLinks(behaviors!.map(({ default_url }) => default_url)))
        : seeMarkdown(content, /<\/?at\b[^>]*>/gi),
    ),
  );
}

describe('Lark', () => {
  describeChannel({
    make: (origin) => makeLarkChannel({ allow: [], origins: { lark: origin } }),
    configs: () => ({
      interactive: { url, secret },
      post: { url, secret, format: 'post' },
      text: { url, secret, format: 'text' },
      'one with keywords': { url, keywords: ['alert-keyword'] },
    }),
    secretFields: ['url', 'secret'],
    planted: [url, token, secret],
    see,
    // The signature comes on top.
    measure: (payload) => [
      {
        what: 'whole',
        size: bytesOf(JSON.stringify({ ...signature(secret, new Date()), ...payload })),
        atMost: 20_000,
      },
    ],
    replies: { interactive: fixture('lark/replies.json') },
  });

  interface Vector {
    readonly timestamp_s: number;
    readonly secret: string;
    readonly sign: string;
    readonly body: { readonly timestamp: string; readonly sign: string };
  }
  const { lark, lark_markdown_escape } = fixture('channel-vectors.json') as {
    lark: { vectors: Vector[] };
    lark_markdown_escape: { table: Record<string, string>; vectors: { input: string; expected: string }[] };
  };

  it.each(lark.vectors)('signs as the public vector for $timestamp_s', (vector) => {
    const signed = signature(vector.secret, new Date(vector.timestamp_s * 1_000 + 999));
    expect(signed).toEqual({ timestamp: vector.body.timestamp, sign: vector.body.sign });
    expect(signed.sign).toBe(vector.sign);
  });

  it('signs nothing without a secret', () => {
    expect(signature(undefined, new Date())).toEqual({});
  });

  it.each(lark_markdown_escape.vectors)('escapes $input', ({ input, expected }) => {
    expect(escapeLark(input)).toBe(expected);
  });

  it.each(Object.entries(lark_markdown_escape.table))('escapes %s as the vendor’s table says', (character, entity) => {
    expect(escapeLark(character)).toBe(entity);
  });

  const channel = makeLarkChannel({ allow: [], origins: {} });

  it.each(['interactive', 'post', 'text'])('adds a keyword to a %s that has none, unescaped', (format) => {
    const config = channel.config.parse({ url, keywords: ['[运维] #1', 'other'], format });
    const shown = (content: object) => JSON.stringify(channel.render(anOutboundMessage(content), config).payload);
    expect(shown({})).toContain('[运维] #1');
    expect(shown({ title: 'another other' })).not.toContain('[运维] #1');
  });

  it('puts what a button can’t open into the text', () => {
    const links = [{ label: 'Mail us', href: 'mailto:ops@example.com' }];
    const { payload } = channel.render(anOutboundMessage({ links }), channel.config.parse({ url }));
    expect(see(payload).links).toContain('mailto:ops@example.com');
  });

  it('takes Feishu’s addresses and Lark’s', () => {
    expect(channel.config.safeParse({ url }).success).toBe(true);
    expect(channel.config.safeParse({ url: url.replace('feishu.cn', 'larksuite.com') }).success).toBe(true);
    expect(channel.config.safeParse({ url: url.replace('/v2', '') }).success).toBe(false);
  });

  it('keeps to 4 a second and 90 a minute', () => {
    const limits = channel.limits(channel.config.parse({ url }));
    expect(limits).toMatchObject([
      { capacity: 4, perMs: 1_000 },
      { capacity: 90, perMs: 60_000 },
    ]);
  });
});
