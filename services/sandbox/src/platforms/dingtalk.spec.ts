import { describe, expect, it } from '@jest/globals';
import { recordedAnswers } from '../recorded-answers.js';
import { Asker, noon, vectors } from './ask.js';
import { dingtalk, dingtalkSign } from './dingtalk.js';

const url = '/robot/send?access_token=plain';
const text = { msgtype: 'text', text: { content: 'Disk alert' } };
const markdown = { msgtype: 'markdown', markdown: { title: 'Disk', text: '#### Disk alert' } };
const robots = [
  { token: 'plain' },
  { token: 'signed', secret: 'SEC0123456789abcdef' },
  { token: 'keyword', keywords: ['alert', '告警'] },
  { token: 'walled', allowedAddresses: ['10.0.0.1'] },
];
const ask = (asked: Parameters<Asker['ask']>[0]) => new Asker(dingtalk, robots).ask(asked);

function signed(timestamp: number, secret: string, encode: (sign: string) => string = encodeURIComponent): string {
  return `/robot/send?access_token=signed&timestamp=${timestamp}&sign=${encode(dingtalkSign(String(timestamp), secret))}`;
}

describe('DingTalk', () => {
  it.each(vectors.dingtalk.vectors)('signs as the public vector for $timestamp_ms', (vector) => {
    expect(dingtalkSign(String(vector.timestamp_ms), vector.secret)).toBe(vector.sign_base64);
  });

  it.each([
    ['text', text],
    ['link', { msgtype: 'link', link: { title: 't', text: 'x', messageUrl: 'https://example.com' } }],
    ['markdown', markdown],
    [
      'a card with one button',
      { msgtype: 'actionCard', actionCard: { title: 't', text: 'x', singleTitle: 'o', singleURL: 'https://e.com' } },
    ],
    [
      'a card with buttons',
      {
        msgtype: 'actionCard',
        actionCard: { title: 't', text: 'x', btns: [{ title: 'y', actionURL: 'https://e.com' }] },
      },
    ],
    [
      'a feed',
      {
        msgtype: 'feedCard',
        feedCard: { links: [{ title: 't', messageURL: 'https://e.com', picURL: 'https://e.com/p.png' }] },
      },
    ],
  ])('takes %s', (_name, body) => {
    expect(ask({ url, body })).toMatchObject({
      status: 200,
      body: recordedAnswers['dingtalk ok'].body,
      accepted: true,
    });
  });

  it.each([
    ['GET', { url, method: 'GET' }, 43002],
    ['a form', { url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b' }, 43004],
    ['no token', { url: '/robot/send', body: text }, 40035],
    ['an unknown token', { url: '/robot/send?access_token=no', body: text }, 300005],
    ['no JSON', { url, body: '{' }, 40035],
    ['bytes that are not UTF-8', { url, body: Buffer.from([0x22, 0xff, 0x22]) }, 40035],
    ['no type', { url, body: {} }, 40035],
    ['an unknown type', { url, body: { msgtype: 'image', image: {} } }, 400105],
    ['the name of an inherited property', { url, body: { msgtype: 'constructor' } }, 400105],
    ['markdown without a title', { url, body: { msgtype: 'markdown', markdown: { text: 'x' } } }, 40035],
    ['a card without buttons', { url, body: { msgtype: 'actionCard', actionCard: { title: 't', text: 'x' } } }, 40035],
    ['a feed with a gap', { url, body: { msgtype: 'feedCard', feedCard: { links: [{ title: 't' }] } } }, 40035],
  ])('refuses %s with HTTP 200 and its code', (_name, asked, errcode) => {
    expect(ask(asked)).toMatchObject({ status: 200, body: { errcode }, accepted: false });
  });

  it('counts bytes, not characters', () => {
    const of = (length: number) => {
      const frame = Buffer.byteLength(JSON.stringify({ ...text, text: { content: '' } }));
      return { msgtype: 'text', text: { content: 'x'.repeat(length - frame) } };
    };
    expect(ask({ url, body: of(20_000) }).accepted).toBe(true);
    expect(ask({ url, body: of(20_001) }).body).toEqual(recordedAnswers['dingtalk size'].body);
    expect(ask({ url, body: { msgtype: 'text', text: { content: '磁'.repeat(6_700) } } }).body).toMatchObject({
      errcode: 460101,
    });
  });

  it.each([
    ['the right signature', signed(noon, 'SEC0123456789abcdef'), 'dingtalk ok'],
    ['one that is an hour old', signed(noon - 3_600_000, 'SEC0123456789abcdef'), 'dingtalk ok'],
    ['one that is older', signed(noon - 3_600_001, 'SEC0123456789abcdef'), 'dingtalk clock'],
    ['one from the future', signed(noon + 3_600_001, 'SEC0123456789abcdef'), 'dingtalk clock'],
    ['seconds instead of milliseconds', signed(noon / 1000, 'SEC0123456789abcdef'), 'dingtalk clock'],
    ['another secret', signed(noon, 'SECother'), 'dingtalk sign'],
    ['no signature', '/robot/send?access_token=signed', 'dingtalk sign'],
    [
      'one encoded twice',
      signed(noon, 'SEC0123456789abcdef', (it) => encodeURIComponent(encodeURIComponent(it))),
      'dingtalk sign',
    ],
  ] as const)('answers %s as the platform does', (_name, to, answer) => {
    expect(ask({ url: to, body: text }).body).toEqual(recordedAnswers[answer].body);
  });

  it('a raw plus in the signature is a space, and wrong', () => {
    const secret = 'SECd3adb33f00112233445566778899aabbccddeeff00112233445566778899aabb';
    const at = (encode: (sign: string) => string) => {
      const asker = new Asker(dingtalk, [{ token: 'signed', secret }]);
      asker.now = 1700000000002;
      return asker.ask({ url: signed(1700000000002, secret, encode), body: text }).accepted;
    };
    expect(at(encodeURIComponent)).toBe(true);
    expect(at((sign) => sign)).toBe(false);
  });

  it('wants a keyword in the body, not in the title alone', () => {
    const to = '/robot/send?access_token=keyword';
    const inTitle = { msgtype: 'markdown', markdown: { title: 'alert', text: 'nothing' } };
    expect(ask({ url: to, body: markdown }).accepted).toBe(true);
    expect(ask({ url: to, body: inTitle }).body).toEqual(recordedAnswers['dingtalk keyword'].body);
  });

  it('names the caller that is not on the list', () => {
    const asked = { url: '/robot/send?access_token=walled', body: text, from: '1.2.3.4' };
    expect(ask(asked).body).toEqual(recordedAnswers['dingtalk ip'].body);
    expect(ask({ ...asked, from: '10.0.0.1' }).accepted).toBe(true);
  });

  it('takes 20 a minute, and nothing for 10 minutes after the one too many', () => {
    const asker = new Asker(dingtalk, robots);
    for (let i = 0; i < 20; i += 1) expect(asker.ask({ url, body: text }).accepted).toBe(true);
    asker.now = noon + 59_999;
    expect(asker.ask({ url, body: text }).body).toEqual(recordedAnswers['dingtalk fast'].body);
    asker.now = noon + 59_999 + 599_999;
    expect(asker.ask({ url, body: text }).accepted).toBe(false);
    asker.now += 1;
    expect(asker.ask({ url, body: text }).accepted).toBe(true);
  });

  it('takes 20 in every minute without a break', () => {
    const asker = new Asker(dingtalk, robots);
    for (let i = 0; i < 200; i += 1) {
      asker.now = noon + i * 3_000;
      expect(asker.ask({ url, body: text }).accepted).toBe(true);
    }
  });

  it('bans an address that calls 10,000 times in 20 s, whatever robot it calls', () => {
    const asker = new Asker(dingtalk, robots);
    for (let i = 0; i < 10_000; i += 1) asker.ask({ url: '/robot/send?access_token=no', body: text });
    expect(asker.ask({ url, body: text }).body).toEqual(recordedAnswers['dingtalk ip ban'].body);
    expect(asker.ask({ url, body: text, from: '10.9.9.9' }).accepted).toBe(true);
    asker.now = noon + 300_000;
    expect(asker.ask({ url, body: text }).accepted).toBe(true);
  });
});
