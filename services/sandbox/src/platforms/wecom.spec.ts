import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { recordedAnswers } from '../recorded-answers.js';
import { Asker, noon } from './ask.js';
import { wecom } from './wecom.js';

const url = '/cgi-bin/webhook/send?key=known';
const text = { msgtype: 'text', text: { content: 'Disk alert' } };
const card = {
  card_type: 'text_notice',
  main_title: { title: 'Disk alert' },
  card_action: { type: 1, url: 'https://example.com' },
};
const file = Buffer.from('not really a picture');
const image = (md5: string) => ({ msgtype: 'image', image: { base64: file.toString('base64'), md5 } });
const article = { title: 't', url: 'https://example.com' };
const ask = (asked: Parameters<Asker['ask']>[0]) => new Asker(wecom, [{ token: 'known' }]).ask(asked);

describe('WeCom', () => {
  it.each([
    ['text with mentions', { msgtype: 'text', text: { content: 'x', mentioned_list: ['@all'] } }],
    ['markdown', { msgtype: 'markdown', markdown: { content: '**x**' } }],
    ['markdown_v2', { msgtype: 'markdown_v2', markdown_v2: { content: '# x' } }],
    ['an image', image(createHash('md5').update(file).digest('hex'))],
    ['news', { msgtype: 'news', news: { articles: [article] } }],
    ['a card', { msgtype: 'template_card', template_card: card }],
    ['text whose type says nothing of JSON', text, 'text/plain'],
  ])('takes %s', (_name, body, type = 'application/json') => {
    expect(ask({ url, body, headers: { 'content-type': type } })).toMatchObject({
      status: 200,
      body: recordedAnswers['wecom ok'].body,
      accepted: true,
    });
  });

  it.each([
    ['an unknown key', { url: '/cgi-bin/webhook/send?key=no', body: text }, 93000],
    ['no key', { url: '/cgi-bin/webhook/send', body: text }, 93000],
    ['a form', { url, body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 40008],
    ['an unknown type', { url, body: { msgtype: 'post' } }, 40008],
    ['the name of an inherited property', { url, body: { msgtype: 'toString' } }, 40008],
    ['no content', { url, body: { msgtype: 'text', text: { content: '' } } }, 44004],
    ['an image with another md5', { url, body: image('0'.repeat(32)) }, 301019],
    ['nine articles', { url, body: { msgtype: 'news', news: { articles: Array(9).fill(article) } } }, 40058],
    ['a file that was never uploaded', { url, body: { msgtype: 'file', file: { media_id: 'x' } } }, 40007],
    [
      'a card that leads nowhere',
      { url, body: { msgtype: 'template_card', template_card: { ...card, card_action: undefined } } },
      40058,
    ],
    [
      'a card with seven rows',
      {
        url,
        body: { msgtype: 'template_card', template_card: { ...card, horizontal_content_list: Array(7).fill({}) } },
      },
      40058,
    ],
  ])('refuses %s with HTTP 200 and its code', (_name, asked, errcode) => {
    expect(ask(asked)).toMatchObject({ status: 200, body: { errcode }, accepted: false });
  });

  it.each([
    ['text', 2048],
    ['markdown', 4096],
    ['markdown_v2', 4096],
  ])('takes %s of %i bytes and no more', (type, max) => {
    const of = (content: string) => ask({ url, body: { msgtype: type, [type]: { content } } });
    const chinese = `${'磁'.repeat(Math.floor(max / 3))}${'x'.repeat(max % 3)}`;
    expect(of(chinese).accepted).toBe(true);
    expect(of(`${chinese}x`).body).toEqual({
      errcode: 40058,
      errmsg: expect.stringMatching(
        new RegExp(
          `^${type}\\.content exceed max length ${max}\\. invalid Request Parameter, hint: \\[\\d{25}\\], from ip: 127\\.0\\.0\\.1, more info at https://open\\.work\\.weixin\\.qq\\.com/devtool/query\\?e=40058$`,
        ),
      ),
    });
  });

  it('warns of wrong types and shows nothing', () => {
    const body = { msgtype: 'text', text: { content: 'x', mentioned_list: '@all' } };
    expect(ask({ url, body })).toMatchObject({ body: recordedAnswers['wecom warning'].body, accepted: false });
  });

  it('takes 20 a minute, and the next when the first is a minute old', () => {
    const asker = new Asker(wecom, [{ token: 'known' }]);
    for (let i = 0; i < 20; i += 1) expect(asker.ask({ url, body: text }).accepted).toBe(true);
    asker.now = noon + 59_999;
    expect(asker.ask({ url, body: text }).body).toMatchObject({ errcode: 45009 });
    asker.now = noon + 60_000;
    expect(asker.ask({ url, body: text }).accepted).toBe(true);
  });
});
