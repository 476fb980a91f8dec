import { readFileSync } from 'node:fs';
import { anOutboundMessage, describeChannel, seeLines, seeMarkdown } from '@herald/testing';
import { describe, expect, it } from '@jest/globals';
import { bytesOf } from '../text.js';
import { withoutEgress } from './classify.js';
import { makeWecomChannel } from './wecom.channel.js';

const key = '693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa'.replace(/[^0-9a-f-]/g, '7');
const url = `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${key}`;
const replies = JSON.parse(readFileSync(new URL('../../fixtures/wecom/replies.json', import.meta.url), 'utf8'));

describe('WeCom', () => {
  describeChannel({
    make: (origin) => makeWecomChannel({ allow: [], origins: { wecom: origin } }),
    configs: () => ({ markdown: { url }, text: { url, format: 'text' } }),
    secretFields: ['url'],
    planted: [url, key],
    see: (payload) =>
      payload.msgtype === 'text' ? seeLines(payload.text.content) : seeMarkdown(payload.markdown.content),
    measure: (payload) =>
      payload.msgtype === 'text'
        ? [{ what: 'whole', size: bytesOf(payload.text.content), atMost: 2_048 }]
        : [{ what: 'whole', size: bytesOf(payload.markdown.content), atMost: 4_096 }],
    replies: { markdown: replies },
  });

  const channel = makeWecomChannel({ allow: [], origins: {} });

  it('takes the bare key, as people paste it', () => {
    expect(channel.config.parse({ url: ` ${key} ` }).url).toBe(url);
  });

  it('keeps our own address and the hint for their support to itself', () => {
    const text =
      'invalid webhook url, hint: [1755605200056773468916791], from ip: 172.212.167.87, more info at https://x';
    expect(withoutEgress(text)).toBe('invalid webhook url, more info at https://x');
  });

  it.each([
    ['info', 'info'],
    ['warning', 'warning'],
    ['critical', 'warning'],
  ] as const)('shows %s in the colour %s', (severity, colour) => {
    const { payload } = channel.render(anOutboundMessage({}, { severity }), channel.config.parse({ url }));
    expect(payload).toMatchObject({ markdown: { content: expect.stringContaining(`<font color="${colour}">`) } });
  });

  it('keeps to 18 messages a minute for a robot', () => {
    expect(channel.limits(channel.config.parse({ url }))).toMatchObject([{ capacity: 18, perMs: 60_000 }]);
  });
});
