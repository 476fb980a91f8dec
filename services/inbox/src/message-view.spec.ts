import type { Content } from '@herald/contracts';
import { describe, expect, it } from '@jest/globals';
import type { MessageRow } from './message.store.js';
import { fullMessage, listedMessage } from './message-view.js';

const at = new Date('2026-01-01T00:00:00Z');
const row = (content: Partial<Content>): MessageRow =>
  ({
    id: 'm',
    seq: 1,
    eventId: 'e',
    accountId: 'a',
    category: 'service',
    subtype: 'svc_bill',
    severity: 'info',
    content: {
      locale: 'en-US',
      title: 'Bill',
      body: 'Ready',
      translations: {},
      links: [],
      product: null,
      region: null,
      resourceIds: [],
      labels: {},
      dedupKey: null,
      ...content,
    },
    occurredAt: at,
    acceptedAt: at,
    routedAt: at,
    receivedAt: at,
    readAt: null,
    decisions: [],
  }) as unknown as MessageRow;

describe('a message as its reader sees it', () => {
  const translations = { 'zh-CN': { title: '账单', body: '**已**出账' } };

  it('is in the reader’s language where it was told in it, else in its own', () => {
    expect(fullMessage(row({ translations }), 'zh-CN')).toMatchObject({
      title: '账单',
      text: '已出账',
      locale: 'zh-CN',
    });
    expect(fullMessage(row({ translations }), 'en-US')).toMatchObject({
      title: 'Bill',
      text: 'Ready',
      locale: 'en-US',
    });
    expect(fullMessage(row({}), 'zh-CN')).toMatchObject({ title: 'Bill', locale: 'en-US' });
  });

  it('has its Markdown as text, and as HTML only where it stands alone', () => {
    const message = row({ body: 'It is **ready**: [see](https://example.com/a)' });
    expect(listedMessage(message, 'en-US')).not.toHaveProperty('html');
    expect(listedMessage(message, 'en-US').text).toContain('It is ready');
    expect(fullMessage(message, 'en-US').html).toContain('<strong>ready</strong>');
    expect(fullMessage(message, 'en-US').html).toContain('href="https://example.com/a"');
  });

  it.each([
    ['a script', '<script>alert(1)</script>'],
    ['a handler', '<img src=x onerror=alert(1)>'],
    ['a link to a script', '[x](javascript:alert(1))'],
    ['a hidden link to a script', '[x](java\nscript:alert(1))'],
    ['an entity that spells a script', '[x](&#106;avascript:alert(1))'],
    ['data', '[x](data:text/html;base64,PHNjcmlwdD4=)'],
    ['an automatic link', '<javascript:alert(1)>'],
    ['an image', '![x](https://example.com/pixel.png)'],
    ['a frame', '<iframe src="https://example.com"></iframe>'],
    ['an attribute that breaks out', '[x](https://example.com/"onmouseover="alert(1))'],
    ['a title that breaks out', '[x](https://example.com "a\\" onmouseover=alert(1) b")'],
    ['a reference', '[x][1]\n\n[1]: javascript:alert(1)'],
  ])('shows %s as harmless text', (_, body) => {
    const { html } = fullMessage(row({ body }), 'en-US');
    expect(html).not.toMatch(/<(script|img|iframe|svg|style|object)/i);
    expect(html).not.toMatch(/href="(?!https?:|mailto:)/i);
    expect(html).not.toMatch(/<[^>]*\son\w+=/i);
  });
});
