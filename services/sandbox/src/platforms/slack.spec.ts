import { describe, expect, it } from '@jest/globals';
import { recordedAnswers } from '../recorded-answers.js';
import { Asker, noon } from './ask.js';
import { slackApi } from './slack-api.js';
import { slackWebhook } from './slack-webhook.js';

const robots = [{ token: 'T1/B1/secret' }, { token: 'xoxb-1', channels: ['C0123456789'] }];
const url = '/services/T1/B1/secret';
const text = { text: 'Disk alert' };
const section = { type: 'section', text: { type: 'mrkdwn', text: '*host* db-1' } };
const message = {
  ...text,
  blocks: [
    { type: 'header', text: { type: 'plain_text', text: 'Disk alert' } },
    section,
    { type: 'section', fields: [{ type: 'mrkdwn', text: '*Severity*\nhigh' }] },
    {
      type: 'actions',
      elements: [{ type: 'button', text: { type: 'plain_text', text: 'Open' }, url: 'https://example.com' }],
    },
    { type: 'context', elements: [{ type: 'mrkdwn', text: 'sent by Herald' }] },
    { type: 'divider' },
  ],
  attachments: [{ color: '#cc0000', fallback: 'Disk alert', blocks: [] }],
};
const blocks = (...list: unknown[]) => ({ ...text, blocks: list });

describe('Slack webhook', () => {
  const ask = (asked: Parameters<Asker['ask']>[0]) => new Asker(slackWebhook, robots).ask(asked);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  it.each([
    ['text', { url, body: text }],
    ['blocks', { url, body: message }],
    ['a form', { url, headers: form, body: `payload=${encodeURIComponent(JSON.stringify(message))}` }],
  ])('answers "ok" to %s', (_name, asked) => {
    expect(ask(asked)).toEqual({ ...recordedAnswers['slack ok'], accepted: true });
  });

  it.each([
    ['another team', { url: '/services/T9/B1/secret', body: text }, 'slack team'],
    ['another service', { url: '/services/T1/B9/secret', body: text }, 'slack service'],
    ['another secret', { url: '/services/T1/B1/wrong', body: text }, 'slack token'],
    ['a path that is too short', { url: '/services/T1', body: text }, 'slack team'],
    ['GET', { url, method: 'GET' }, 'slack payload'],
    ['no JSON', { url, body: '{' }, 'slack payload'],
    ['another type', { url, body: text, headers: { 'content-type': 'text/plain' } }, 'slack payload'],
    ['nothing to say', { url, body: {} }, 'slack text'],
    ['101 attachments', { url, body: { attachments: Array(101).fill({}) } }, 'slack attachments'],
    ['51 blocks', { url, body: blocks(...Array(51).fill({ type: 'divider' })) }, 'slack blocks'],
    ['an unknown block', { url, body: blocks({ type: 'card' }) }, 'slack blocks'],
    ['the name of an inherited property', { url, body: blocks({ type: 'valueOf' }) }, 'slack blocks'],
    [
      'a section of 3,001 characters',
      { url, body: blocks({ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(3_001) } }) },
      'slack blocks',
    ],
    [
      'a header in mrkdwn',
      { url, body: blocks({ type: 'header', text: { type: 'mrkdwn', text: 'x' } }) },
      'slack blocks',
    ],
    ['an empty text', { url, body: blocks({ type: 'section', text: { type: 'mrkdwn', text: '' } }) }, 'slack blocks'],
    [
      'a button that leads nowhere',
      {
        url,
        body: blocks({
          type: 'actions',
          elements: [{ type: 'button', text: { type: 'plain_text', text: 'x' }, url: 'x' }],
        }),
      },
      'slack blocks',
    ],
    [
      '13,500 characters of blocks',
      { url, body: blocks(...Array(5).fill({ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(2_700) } })) },
      'slack blocks',
    ],
  ] as const)('refuses %s as the platform does', (_name, asked, answer) => {
    expect(ask(asked)).toEqual({ ...recordedAnswers[answer], accepted: false });
  });

  it('takes one a second after a short burst, and says when to come back', () => {
    const asker = new Asker(slackWebhook, robots);
    for (let i = 0; i < 5; i += 1) expect(asker.ask({ url, body: text }).accepted).toBe(true);
    expect(asker.ask({ url, body: text })).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    asker.now = noon + 1_000;
    expect(asker.ask({ url, body: text }).accepted).toBe(true);
    expect(asker.ask({ url, body: text }).accepted).toBe(false);
  });
});

describe('chat.postMessage', () => {
  const api = '/api/chat.postMessage';
  const headers = { authorization: 'Bearer xoxb-1' };
  const ask = (asked: Parameters<Asker['ask']>[0]) => new Asker(slackApi, robots).ask(asked);
  const formOf = (fields: Record<string, unknown>) =>
    Object.entries(fields)
      .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const)
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join('&');

  it('answers with the channel and a timestamp', () => {
    expect(ask({ url: api, headers, body: { channel: 'C0123456789', ...message } })).toMatchObject({
      status: 200,
      accepted: true,
      body: { ok: true, channel: 'C0123456789', ts: '1795003200.000000' },
    });
  });

  it('takes a form, as Slack’s own client sends it', () => {
    const body = formOf({ channel: 'C0123456789', ...message });
    const asked = { url: api, headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' }, body };
    expect(ask(asked)).toMatchObject({ accepted: true, body: { message: { blocks: message.blocks } } });
  });

  it.each([
    ['no token', { url: api, body: text }, 'not_authed'],
    ['an unknown token', { url: api, headers: { authorization: 'Bearer xoxb-2' }, body: text }, 'invalid_auth'],
    ['another method', { url: '/api/chat.delete', headers, body: text }, 'unknown_method'],
    ['no channel', { url: api, headers, body: text }, 'channel_not_found'],
    [
      'a channel it is not in',
      { url: api, headers, body: { channel: 'C9', ...text } },
      recordedAnswers['slack api'].body.error,
    ],
    ['no text', { url: api, headers, body: { channel: 'C0123456789' } }, 'no_text'],
    ['no JSON', { url: api, headers, body: '{' }, 'invalid_json'],
    [
      'long blocks',
      {
        url: api,
        headers,
        body: {
          channel: 'C0123456789',
          ...blocks(...Array(5).fill({ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(2_700) } })),
        },
      },
      'msg_blocks_too_long',
    ],
  ])('refuses %s with HTTP 200', (_name, asked, error) => {
    expect(ask(asked)).toMatchObject({ status: 200, accepted: false, body: { ok: false, error } });
  });

  it('says where a block is wrong', () => {
    const asked = { url: api, headers, body: { channel: 'C0123456789', ...blocks(section, { type: 'section' }) } };
    expect(ask(asked).body).toMatchObject({
      error: 'invalid_blocks',
      response_metadata: { messages: ['[ERROR] missing required field: text [json-pointer:/blocks/1]'] },
    });
  });

  it('limits each channel, with HTTP 429', () => {
    const asker = new Asker(slackApi, robots);
    const asked = { url: api, headers, body: { channel: 'C0123456789', ...text } };
    for (let i = 0; i < 5; i += 1) expect(asker.ask(asked).accepted).toBe(true);
    expect(asker.ask(asked)).toEqual({
      status: 429,
      headers: { 'retry-after': '1' },
      body: { ok: false, error: 'ratelimited' },
      accepted: false,
    });
  });
});
