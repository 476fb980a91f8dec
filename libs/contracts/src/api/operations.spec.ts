import { describe, expect, it } from '@jest/globals';
import { allTopics, groups } from '../topics.js';
import { eventSchema } from './events.js';
import { operations } from './index.js';

describe('every operation', () => {
  const permissions = ['public', 'producer', 'signed-in', 'read', 'full', 'owner', 'operator'];

  it('has an id, a permission, a summary and its answer', () => {
    for (const { id, permission, summary, tag, status, answers } of operations) {
      expect({ id, known: permissions.includes(permission) }).toEqual({ id, known: true });
      expect(id).toMatch(/^[a-z][A-Za-z]+$/);
      expect(summary).not.toBe('');
      expect(tag).not.toBe('');
      expect({ id, hasAnswer: status in answers }).toEqual({ id, hasAnswer: true });
    }
  });

  it('has an id, and a method with a path, of its own', () => {
    const ids = operations.map(({ id }) => id);
    const places = operations.map(({ method, path }) => `${method} ${path.replace(/:\w+/g, ':')}`);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(places).size).toBe(places.length);
  });

  it('names its parameters', () => {
    for (const { path, params } of operations) {
      const named = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
      const values = Object.fromEntries(named.map((name) => [name, '0b7b2f4e-6f0a-5d4e-9c55-0a1b2c3d4e5f']));
      expect({ path, taken: params.safeParse(values).success }).toEqual({ path, taken: true });
      expect({ path, taken: params.safeParse({ ...values, other: 'x' }).success }).toEqual({ path, taken: false });
    }
  });

  it('keeps operators’ calls under /v1/ops, and only those', () => {
    for (const { path, permission } of operations) {
      expect({ path, isOps: path.startsWith('/v1/ops/') }).toEqual({ path, isOps: permission === 'operator' });
    }
  });
});

describe('an event', () => {
  const good = { accountId: '1234567890', subtype: 'sec_account_security', title: 'Title', body: 'Body' };
  const faultsOf = (given: object) => {
    const result = eventSchema.safeParse({ ...good, ...given });
    return result.success ? [] : result.error.issues.map(({ path }) => path.join('/'));
  };

  it.each([
    ['the least', {}],
    [
      'everything',
      {
        id: 'x'.repeat(255),
        severity: 'critical',
        locale: 'zh-CN',
        translations: { 'en-US': { title: 'T', body: 'B' } },
        links: [
          { label: 'L', href: 'https://example.com/' },
          { label: 'M', href: 'mailto:a@example.com' },
        ],
        product: 'ram',
        region: 'cn-hangzhou',
        resourceIds: ['i-1'],
        dedupKey: 'd',
        occurredAt: '2026-11-18T12:00:00+08:00',
        expiresAt: '2030-01-01T00:00:00Z',
        labels: { k: 'v' },
      },
    ],
    ['a title of 200 characters of two units', { title: '💥'.repeat(200) }],
    ['a list', { accountId: undefined, audience: { accountIds: ['1', '2'] } }],
    ['everyone', { accountId: undefined, audience: { all: true } }],
  ])('may be %s', (_, given) => {
    expect(faultsOf(given)).toEqual([]);
  });

  it.each([
    ['an unknown field', { other: 1 }, ''],
    ['no title', { title: undefined }, 'title'],
    ['an empty title', { title: '' }, 'title'],
    ['a title of 201 characters', { title: '磁'.repeat(201) }, 'title'],
    ['a title of 201 characters of two units', { title: '💥'.repeat(201) }, 'title'],
    ['no body', { body: undefined }, 'body'],
    ['an empty body', { body: '' }, 'body'],
    ['a body that is no text', { body: 1 }, 'body'],
    ['no subtype', { subtype: undefined }, 'subtype'],
    ['neither account nor audience', { accountId: undefined }, 'accountId'],
    ['account and audience', { audience: { all: true } }, 'accountId'],
    ['an account with a slash', { accountId: 'a/b' }, 'accountId'],
    ['an account of 65 characters', { accountId: 'a'.repeat(65) }, 'accountId'],
    ['an audience of nobody', { accountId: undefined, audience: { accountIds: [] } }, 'audience'],
    ['an audience of 10,001', { accountId: undefined, audience: { accountIds: Array(10_001).fill('a') } }, 'audience'],
    ['an audience by labels, which is not there yet', { accountId: undefined, audience: { labels: {} } }, 'audience'],
    ['an audience of all and some', { accountId: undefined, audience: { all: true, accountIds: ['1'] } }, 'audience'],
    ['an audience that is not all', { accountId: undefined, audience: { all: false } }, 'audience'],
    ['a wrong severity', { severity: 'fatal' }, 'severity'],
    ['a wrong locale', { locale: 'fr-FR' }, 'locale'],
    ['a translation into a wrong locale', { translations: { 'fr-FR': { title: 'T', body: 'B' } } }, 'translations'],
    ['a translation without a body', { translations: { 'zh-CN': { title: 'T' } } }, 'translations'],
    ['a script as a link', { links: [{ label: 'L', href: 'javascript:alert(1)' }] }, 'links'],
    ['a data link', { links: [{ label: 'L', href: 'data:text/html,x' }] }, 'links'],
    ['a link to nowhere', { links: [{ label: 'L', href: 'https://' }] }, 'links'],
    ['a link without a label', { links: [{ href: 'https://example.com' }] }, 'links'],
    ['11 links', { links: Array(11).fill({ label: 'L', href: 'https://example.com' }) }, 'links'],
    ['a day that is not in the calendar', { occurredAt: '2026-02-30T00:00:00Z' }, 'occurredAt'],
    ['a time without a zone', { occurredAt: '2026-02-03T00:00:00' }, 'occurredAt'],
    ['a number for a time', { expiresAt: 1_700_000_000 }, 'expiresAt'],
    ['an id of 256 characters', { id: 'x'.repeat(256) }, 'id'],
    ['an empty id', { id: '' }, 'id'],
    ['a label that is no text', { labels: { k: 1 } }, 'labels'],
    ['51 labels', { labels: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v'])) }, 'labels'],
    ['a template, which is not there yet', { template: 'x', data: {} }, ''],
  ])('may not be %s', (_, given, path) => {
    const faults = faultsOf(given);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.some((fault) => fault === path || fault.startsWith(`${path}/`))).toBe(true);
  });

  it('is told every fault at once', () => {
    expect(faultsOf({ title: '', body: '', locale: 'x', severity: 'y', other: 1 }).sort()).toEqual([
      '',
      'body',
      'locale',
      'severity',
      'title',
    ]);
  });
});

describe('the topics', () => {
  it('12: are one for each stage, channel and lane', () => {
    expect(allTopics).toHaveLength(3 + 3 + 6 * 3);
    expect(new Set(allTopics).size).toBe(allTopics.length);
    expect(allTopics).toContain('event.accepted.urgent.v1');
    expect(allTopics).toContain('message.routed.bulk.v1');
    expect(allTopics).toContain('delivery.requested.webhook.normal.v1');
    for (const topic of allTopics) expect(topic).toMatch(/^[a-z]+(\.[a-z]+)+\.v1$/);
  });

  it('have consumer groups whose names are positions in the log', () => {
    expect([groups.router, groups.inbox, groups.channel('email')]).toEqual([
      'herald-router',
      'herald-inbox',
      'herald-channel-email',
    ]);
  });
});
