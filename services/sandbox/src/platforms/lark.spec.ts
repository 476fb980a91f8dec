import { describe, expect, it } from '@jest/globals';
import { recordedAnswers } from '../recorded-answers.js';
import { Asker, noon, vectors } from './ask.js';
import { lark, larkSign } from './lark.js';

const hook = (token: string) => `/open-apis/bot/v2/hook/${token}`;
const url = hook('plain');
const text = { msg_type: 'text', content: { text: 'Disk alert' } };
const header = { title: { tag: 'plain_text', content: 'Disk alert' }, template: 'red' };
const markdown = { tag: 'markdown', content: '**host** db-1' };
const button = {
  tag: 'button',
  text: { tag: 'plain_text', content: 'Open' },
  behaviors: [{ type: 'open_url', default_url: 'https://example.com' }],
};
const oldCard = (elements: unknown[]) => ({ msg_type: 'interactive', card: { header, elements } });
const newCard = (elements: unknown[]) => ({
  msg_type: 'interactive',
  card: { schema: '2.0', header, body: { elements } },
});
const post = (...spans: unknown[]) => ({
  msg_type: 'post',
  content: { post: { zh_cn: { title: 'Alert', content: [spans] } } },
});
const robots = [
  { token: 'plain' },
  { token: 'signed', secret: 'kZ3xT0pSecret0000000000' },
  { token: 'keyword', keywords: ['告警'] },
  { token: 'walled', allowedAddresses: ['10.0.0.1'] },
];
const ask = (asked: Parameters<Asker['ask']>[0]) => new Asker(lark, robots).ask(asked);
const signed = (timestamp: unknown, sign = larkSign(String(timestamp), 'kZ3xT0pSecret0000000000')) => ({
  timestamp,
  sign,
  ...text,
});

describe('Lark', () => {
  it.each(vectors.lark.vectors)('signs as the public vector for $timestamp_s', (vector) => {
    expect(larkSign(String(vector.timestamp_s), vector.secret)).toBe(vector.sign);
  });

  it.each([
    ['text', text],
    [
      'a post',
      post(
        { tag: 'text', text: 'host: ' },
        { tag: 'a', text: 'open', href: 'https://example.com' },
        { tag: 'at', user_id: 'all' },
      ),
    ],
    [
      'a card 1.0',
      oldCard([
        { tag: 'div', text: { tag: 'lark_md', content: '**x**' } },
        { tag: 'hr' },
        { tag: 'action', actions: [{ tag: 'button', text: button.text, url: 'https://e.com' }] },
      ]),
    ],
    ['a card 2.0', newCard([markdown, { tag: 'hr' }, button])],
    ['a card that mentions everybody', newCard([{ tag: 'markdown', content: '<at id=all></at>' }])],
    ['columns', newCard([{ tag: 'column_set', columns: [{ tag: 'column', elements: [markdown] }] }])],
  ])('takes %s', (_name, body) => {
    expect(ask({ url, body })).toMatchObject({ status: 200, body: recordedAnswers['lark ok'].body, accepted: true });
  });

  it.each([
    ['an unknown token', { url: hook('no'), body: text }, 'lark token'],
    ['a form', { url, body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 'lark bad'],
    ['no JSON', { url, body: '{' }, 'lark bad'],
    ['no type', { url, body: { content: {} } }, 'lark type'],
    ['an unknown type', { url, body: { msg_type: 'markdown' } }, 'lark bad'],
    ['text without text', { url, body: { msg_type: 'text', content: {} } }, 'lark bad'],
    [
      'a post that is one paragraph',
      { url, body: { msg_type: 'post', content: { post: { zh_cn: { content: [{ tag: 'text', text: 'x' }] } } } } },
      'lark bad',
    ],
    ['a link that is none', { url, body: post({ tag: 'a', text: 'x', href: 'javascript:alert(1)' }) }, 'lark bad'],
    [
      'a missing keyword',
      { url: hook('keyword'), body: post({ tag: 'a', text: 'x', href: 'https://example.com/告警' }) },
      'lark keyword',
    ],
    ['a foreign address', { url: hook('walled'), body: text }, 'lark ip'],
  ] as const)('refuses %s as the platform does', (_name, asked, answer) => {
    expect(ask(asked)).toMatchObject({ status: 200, body: recordedAnswers[answer].body, accepted: false });
  });

  it.each([
    [
      'elements beside schema 2.0',
      { msg_type: 'interactive', card: { schema: '2.0', header, elements: [] } },
      /^ErrCode: 200621; ErrMsg: parse card json err/,
    ],
    [
      'an unknown tag',
      newCard([{ tag: 'divider' }]),
      /^ErrCode: 11310; ErrMsg: unsupported type of block; ErrorValue: divider/,
    ],
    ['an old tag in a new card', newCard([{ tag: 'note', elements: [] }]), /ErrorValue: note/],
    [
      'an action in a column',
      oldCard([{ tag: 'column_set', columns: [{ tag: 'column', elements: [{ tag: 'action', actions: [] }] }] }]),
      new RegExp(`^${recordedAnswers['lark card'].body.msg}$`),
    ],
    [
      'a mention of nobody',
      newCard([{ tag: 'markdown', content: '<at id=tom></at>' }]),
      /^ErrCode: 11310; ErrMsg: invalid user resource/,
    ],
  ])('refuses a card with %s', (_name, body, msg) => {
    expect(ask({ url, body })).toMatchObject({
      status: 200,
      body: { code: 11246, msg: expect.stringMatching(msg) },
      accepted: false,
    });
  });

  it('finds a keyword in what people read', () => {
    expect(ask({ url: hook('keyword'), body: newCard([{ tag: 'markdown', content: '磁盘告警' }]) }).accepted).toBe(
      true,
    );
  });

  it('takes 20,000 bytes and no more', () => {
    const frame = Buffer.byteLength(JSON.stringify({ msg_type: 'text', content: { text: '' } }));
    const of = (bytes: number) => ({ msg_type: 'text', content: { text: 'x'.repeat(bytes - frame) } });
    expect(ask({ url, body: of(20_000) }).accepted).toBe(true);
    expect(ask({ url, body: of(20_001) }).body).toEqual(recordedAnswers['lark bad'].body);
  });

  it.each([
    ['the right signature', signed(String(noon / 1000)), 'lark ok'],
    ['one that is an hour old', signed(String(noon / 1000 - 3_600)), 'lark ok'],
    ['one that is older', signed(String(noon / 1000 - 3_601)), 'lark sign'],
    ['one from the future', signed(String(noon / 1000 + 3_601)), 'lark sign'],
    ['milliseconds', signed(String(noon)), 'lark sign'],
    ['a number as timestamp', signed(noon / 1000), 'lark sign'],
    ['another signature', signed(String(noon / 1000), larkSign(String(noon / 1000), 'other')), 'lark sign'],
    ['none', text, 'lark sign'],
  ] as const)('answers %s as the platform does', (_name, body, answer) => {
    expect(ask({ url: hook('signed'), body }).body).toEqual(recordedAnswers[answer].body);
  });

  it('takes 5 a second and 100 a minute', () => {
    const asker = new Asker(lark, robots);
    for (let i = 0; i < 100; i += 1) {
      asker.now = noon + Math.floor(i / 5) * 1_000;
      expect(asker.ask({ url, body: text }).accepted).toBe(true);
      if (i % 5 === 4) expect(asker.ask({ url, body: text }).body).toEqual(recordedAnswers['lark fast'].body);
    }
    asker.now = noon + 59_999;
    expect(asker.ask({ url, body: text }).body).toEqual(recordedAnswers['lark fast'].body);
    asker.now = noon + 60_000;
    expect(asker.ask({ url, body: text }).accepted).toBe(true);
  });
});
