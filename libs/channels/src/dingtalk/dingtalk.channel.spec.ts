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
import { bytesOf } from '../text.js';
import { type DingtalkPayload, makeDingtalkChannel, signedUrl } from './dingtalk.channel.js';

const fixture = (name: string) => JSON.parse(readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), 'utf8'));
const rules = { allow: [], origins: {} };
const url = 'https://oapi.dingtalk.com/robot/send?access_token=0011223344556677plantedtoken8899';
const secret = 'SECplanted0secret1of2the3robot4';

interface Vector {
  readonly webhook: string;
  readonly secret: string;
  readonly timestamp_ms: number;
  readonly signed_url: string;
  readonly sign_base64: string;
  readonly sign_urlencoded: string;
}

function see({ msgtype, ...payload }: DingtalkPayload) {
  const inner = payload[msgtype] as Record<string, string>;
  if (msgtype === 'text') {
    return seeLines(inner['content']!);
  }
  return together(
    seePlain(inner['title']!),
    seeMarkdown(inner['text']!),
    seePlain(inner['singleTitle'] ?? ''),
    seeLinks(inner['singleURL'] ? [inner['singleURL']] : []),
  );
}

describe('DingTalk', () => {
  describeChannel({
    make: (origin) => makeDingtalkChannel({ allow: [], origins: { dingtalk: origin } }),
    configs: () => ({
      actionCard: { url, secret },
      markdown: { url, secret, format: 'markdown' },
      text: { url, secret, format: 'text' },
      'one with keywords': { url, keywords: ['alert-keyword', 'other'] },
    }),
    secretFields: ['url', 'secret'],
    planted: [url, '0011223344556677plantedtoken8899', secret],
    see,
    measure: (payload) => [{ what: 'whole', size: bytesOf(JSON.stringify(payload)), atMost: 20_000 }],
    replies: { actionCard: fixture('dingtalk/replies.json') },
  });

  const { vectors } = fixture('channel-vectors.json').dingtalk;
  it.each(vectors as Vector[])('signs as the public vector for $timestamp_ms', (vector) => {
    const signed = signedUrl(vector.webhook, vector.secret, new Date(vector.timestamp_ms));
    expect(signed).toBe(vector.signed_url);
    expect(new URL(signed).searchParams.get('sign')).toBe(vector.sign_base64);
    expect(signed.endsWith(`&sign=${vector.sign_urlencoded}`)).toBe(true);
  });

  it('signs nothing without a secret, and signs anew what was pasted with an old signature', () => {
    expect(signedUrl(url, undefined, new Date(0))).toBe(url);
    const pasted = new URL(signedUrl(`${url}&timestamp=1&sign=old`, secret, new Date(1_700_000_000_000)));
    expect(pasted.searchParams.getAll('timestamp')).toEqual(['1700000000000']);
    expect(pasted.searchParams.getAll('sign')).not.toContain('old');
  });

  describe('a keyword', () => {
    const channel = makeDingtalkChannel(rules);
    const textOf = (keywords: string[], content: object, format = 'markdown') => {
      const config = channel.config.parse({ url, keywords, format });
      const { payload } = channel.render(anOutboundMessage(content), config);
      const inner = payload[payload.msgtype] as Record<string, string>;
      return inner['text'] ?? inner['content']!;
    };

    it.each(['actionCard', 'markdown', 'text'])('is added to a %s that has none', (format) => {
      expect(textOf(['告警', 'alert'], {}, format).endsWith('\n告警')).toBe(true);
    });

    it('is not added where any of them is there', () => {
      expect(textOf(['告警', 'sign-in'], {})).not.toContain('告警');
    });

    it('is added where what is there was broken to keep it text', () => {
      expect(textOf(['[ALERT]'], { title: '[ALERT] disk' }).endsWith('\n[ALERT]')).toBe(true);
    });

    it('is added where what is there was cut', () => {
      expect(textOf(['needle'], { body: `${'x'.repeat(30_000)} needle` }).endsWith('\nneedle')).toBe(true);
    });
  });

  it('mentions nobody', () => {
    const channel = makeDingtalkChannel(rules);
    for (const format of ['markdown', 'text']) {
      const { payload } = channel.render(anOutboundMessage(), channel.config.parse({ url, format }));
      expect(payload['at']).toEqual({ isAtAll: false });
    }
  });

  it('keeps to 18 messages a minute for a robot, whatever its address looks like', () => {
    const channel = makeDingtalkChannel(rules);
    const keyOf = (text: string) => channel.limits(channel.config.parse({ url: text }))[0];
    expect(keyOf(url)).toMatchObject({ capacity: 18, perMs: 60_000 });
    expect(keyOf(`${url}&x=1`)).toEqual(keyOf(url));
    expect(keyOf(url.replace('0011', '0012'))).not.toEqual(keyOf(url));
  });
});
