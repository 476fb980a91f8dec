import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { anOutboundMessage, describeChannel, noon, seeLinks, seePlain, seeSlack, together } from '@herald/testing';
import { describe, expect, it, jest } from '@jest/globals';
import { makeHttpClients } from '../http-io.js';
import { escapeSlack } from '../markups.js';
import { makeSlackChannel, type SlackPayload } from './slack.channel.js';

const fixture = (name: string) => JSON.parse(readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), 'utf8'));
const token = 'T00PLANTED/B00PLANTED/plantedXXXXXXXXXXXXXXXX';
const url = `https://hooks.slack.com/services/${token}`;
const botToken = 'xoxb-planted-0123456789-abcdef';

interface Block {
  readonly type: string;
  readonly text?: { readonly type: string; readonly text: string };
  readonly elements?: readonly { readonly text: string | { readonly text: string }; readonly url?: string }[];
}

function textsOf(blocks: readonly Block[]): string[] {
  return blocks.flatMap(({ text, elements = [] }) => [
    text?.text ?? '',
    ...elements.map((element) => (typeof element.text === 'string' ? element.text : element.text.text)),
  ]);
}

function see({ text, blocks }: SlackPayload) {
  const plain = (shown: string) => ({ ...seePlain(shown), mentions: [] });
  const shown = (blocks as unknown as readonly Block[]).map((block) => {
    if (block.text) return block.text.type === 'mrkdwn' ? seeSlack(block.text.text) : plain(block.text.text);
    return together(
      ...block.elements!.map((element) => plain(typeof element.text === 'string' ? element.text : element.text.text)),
      seeLinks(block.elements!.flatMap((element) => element.url ?? [])),
    );
  });
  return together(...shown, seeSlack(text));
}

describe('Slack', () => {
  describeChannel({
    make: (origin) => makeSlackChannel({ allow: [], origins: { slack: origin } }),
    configs: () => ({ webhook: { url }, bot: { botToken, channel: 'C0123' } }),
    secretFields: ['url', 'botToken'],
    planted: [url, token, 'plantedXXXXXXXXXXXXXXXX', botToken],
    see,
    measure: ({ text, blocks }) => [
      { what: 'fallback', size: text.length, atMost: 4_000 },
      { what: 'blocks', size: blocks.length, atMost: 50 },
      { what: 'all blocks', size: textsOf(blocks as unknown as readonly Block[]).join('').length, atMost: 13_000 },
      ...(blocks as unknown as readonly Block[]).flatMap(({ type, text: shown, elements = [] }) => [
        { what: type, size: shown?.text.length ?? 0, atMost: type === 'header' ? 150 : 3_000 },
        { what: 'elements', size: elements.length, atMost: type === 'actions' ? 25 : 10 },
        ...elements.flatMap((element) => [
          { what: 'label', size: typeof element.text === 'string' ? 0 : element.text.text.length, atMost: 75 },
          { what: 'url', size: element.url?.length ?? 0, atMost: 3_000 },
        ]),
      ]),
    ],
    replies: { webhook: fixture('slack/replies.json'), bot: fixture('slack-api/replies.json') },
  });

  it.each(fixture('channel-vectors.json').slack_escape.vectors as { input: string; expected: string }[])(
    'escapes $input',
    ({ input, expected }) => {
      expect(escapeSlack(input)).toBe(expected);
    },
  );

  const channel = makeSlackChannel({ allow: [], origins: {} });

  it('calls the bot’s method once, with the token in a header, and prints nothing', async () => {
    const calls: { url: string; authorization: string; body: string }[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      calls.push({
        url: request.url!,
        authorization: request.headers.authorization!,
        body: String(Buffer.concat(chunks)),
      });
      response.end(
        JSON.stringify({
          ok: true,
          ts: '1.2',
          warning: 'w',
          response_metadata: { warnings: ['w'], messages: ['[ERROR] x'] },
        }),
      );
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const clients = makeHttpClients({ allow: [], origins: { slack: origin }, attemptTimeoutMs: 5_000 });
    const printed = jest.spyOn(console, 'warn');
    const message = anOutboundMessage();
    const config = channel.config.parse({ botToken, channel: 'C0123' });
    const io = { http: clients.for('slack'), mail: null, now: () => noon, signal: new AbortController().signal };
    const receipt = await channel.send(channel.render(message, config).payload, config, io, message);
    await clients.close();
    server.close();
    expect(receipt).toEqual({ status: 200, providerCode: 'ok', providerMessage: '1.2' });
    expect(calls).toMatchObject([{ url: '/api/chat.postMessage', authorization: `Bearer ${botToken}` }]);
    expect(new URLSearchParams(calls[0]!.body).get('channel')).toBe('C0123');
    expect(printed).not.toHaveBeenCalled();
    printed.mockRestore();
  });

  it('shows links that no button can open, and those too many, in the text', () => {
    const links = [
      { label: 'Mail', href: 'mailto:ops@example.com' },
      ...Array.from({ length: 6 }, (_, index) => ({ label: `L${index}`, href: `https://example.com/${index}` })),
    ];
    const { payload, cut } = channel.render(anOutboundMessage({ links }), channel.config.parse({ url }));
    for (const { href } of links) expect(see(payload).links).toContain(href);
    expect(cut).toBe(false);
  });

  it('divides a long body into sections at its paragraphs', () => {
    const body = Array.from({ length: 10 }, (_, index) => `${index} ${'x'.repeat(700)}`).join('\n\n');
    const { payload } = channel.render(anOutboundMessage({ body }), channel.config.parse({ url }));
    const sections = (payload.blocks as unknown as Block[]).filter(({ type }) => type === 'section');
    expect(sections.map(({ text }) => text!.text[0])).toEqual(['0', '4', '8']);
  });

  it.each(['https://hooks.slack.com/triggers/T1/1/x', 'https://hooks.slack.com/workflows/T1/A1/1/x'])(
    'refuses %s: another product',
    (other) => {
      expect(channel.config.safeParse({ url: other }).success).toBe(false);
    },
  );

  it('keeps to one a second in each channel', () => {
    const keyOf = (config: object) => channel.limits(channel.config.parse(config))[0]!.key;
    expect(channel.limits(channel.config.parse({ url }))).toMatchObject([{ capacity: 3, perMs: 3_000 }]);
    expect(keyOf({ botToken, channel: 'C1' })).not.toBe(keyOf({ botToken, channel: 'C2' }));
  });
});
