/** The inbox through HTTP: who may, in which language, and what is refused. */
import { type AccountId, type MessageRouted, messageId } from '@herald/contracts';
import { InProcessSignals } from '@herald/platform';
import { AccountStore, SettingsFeed } from '@herald/subscriptions';
import { embedded, type Ground, type HostedService, hostService, MemoryBus, silent } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InboxModule } from './inbox.module.js';
import { MessageStore } from './message.store.js';

const OPERATOR = 'operator-token-of-the-test';

describe('the inbox, through HTTP', () => {
  let ground: Ground;
  let inbox: HostedService;
  let serial = 0;

  beforeAll(async () => {
    ground = await embedded.open();
    const accounts = new AccountStore(
      ground.database,
      new SettingsFeed(ground.database, new InProcessSignals(), silent),
    );
    for (const [id, locale] of [
      ['acct-1', 'en-US'],
      ['acct-2', 'zh-CN'],
      ['acct-3', 'zh-CN'],
    ] as const) {
      const owner = { email: `${id}@example.com`, name: 'Olive Owner', passwordHash: null };
      await accounts.create({ id, name: id, locale, timeZone: 'UTC', labels: {}, owner }, 'test');
    }
    inbox = await hostService(InboxModule, {
      database: ground.database,
      bus: new MemoryBus(),
      environment: { HERALD_BOOTSTRAP_OPERATOR_TOKEN: OPERATOR },
    });
  });

  afterAll(async () => {
    await inbox?.close();
    await ground?.close();
  });

  async function call(
    path: string,
    options: { account?: string; token?: string | null; body?: unknown; language?: string } = {},
  ) {
    const { account = 'acct-1', token = OPERATOR, body, language } = options;
    const answer = await fetch(`${inbox.url}/v1/messages${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        'x-herald-account': account,
        ...(language ? { 'accept-language': language } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as any };
  }

  async function arrive(account: string, more: Partial<MessageRouted> = {}): Promise<string> {
    serial += 1;
    const eventId = `6f0b7f2c-9c3e-5f6e-8b1a-${serial.toString(16).padStart(12, '0')}` as MessageRouted['eventId'];
    const now = new Date().toISOString();
    const content = {
      locale: 'en-US',
      title: `Bill ${serial}`,
      body: 'It is **ready**.',
      translations: { 'zh-CN': { title: `账单 ${serial}`, body: '已出账' } },
      links: [],
      product: null,
      region: null,
      resourceIds: ['r-1'],
      labels: { tier: 'gold' },
      dedupKey: null,
    };
    await ground.database.query(
      `insert into routing.event (event_id, accepted_at, producer_id, fingerprint, audience, category, subtype, severity, lane, content,
         occurred_at, expected, topic, partition, record_offset)
       values ($1, $2, gen_random_uuid(), '', '{}', 'service', 'svc_bill', 'info', 'normal', $3, $2, 1, 't', 0, 0)`,
      [eventId, now, JSON.stringify(content)],
    );
    const id = messageId(eventId, account as AccountId);
    await inbox.get(MessageStore).store([
      {
        v: 1,
        messageId: id,
        eventId,
        accountId: account as AccountId,
        acceptedAt: now,
        routedAt: now,
        category: 'service',
        subtype: 'svc_bill',
        severity: 'info',
        lane: 'normal',
        product: null,
        hidden: false,
        decisions: [
          { channel: 'inbox', destinationId: null, label: '', decision: 'send', reason: null },
          { channel: 'email', destinationId: null, label: '', decision: 'skip', reason: 'NO_RECIPIENT' },
        ],
        ...more,
      },
    ]);
    return id;
  }

  const pathsOf = ({ body }: { body: any }) => body.errors.map(({ path }: { path: string }) => path);

  it('lists, shows, counts and explains a message', async () => {
    const id = await arrive('acct-1');
    const { body: list } = await call('');
    expect(list.items[0]).toMatchObject({
      id,
      accountId: 'acct-1',
      category: 'service',
      title: `Bill ${serial}`,
      text: 'It is ready.',
      resourceIds: ['r-1'],
      labels: { tier: 'gold' },
      readAt: null,
      occurrences: 1,
    });
    expect(list.items[0]).not.toHaveProperty('html');
    expect((await call(`/${id}`)).body.html).toContain('<strong>ready</strong>');
    expect((await call('/unread-counts')).body).toEqual({
      total: list.items.length,
      byCategory: { service: list.items.length },
    });
    expect((await call(`/${id}/timeline`)).body.destinations).toEqual([
      { channel: 'inbox', id: null, label: '', status: 'delivered', attempts: [] },
      { channel: 'email', id: null, label: '', status: 'suppressed', reason: 'NO_RECIPIENT', attempts: [] },
    ]);
  });

  it('34: pages by cursor', async () => {
    const ids = [];
    for (let n = 0; n < 5; n += 1) ids.unshift(await arrive('acct-2'));
    const first = (await call('?limit=2', { account: 'acct-2' })).body;
    await arrive('acct-2');
    const second = (await call(`?limit=2&cursor=${first.nextCursor}`, { account: 'acct-2' })).body;
    const third = (await call(`?limit=2&cursor=${second.nextCursor}`, { account: 'acct-2' })).body;
    expect([...first.items, ...second.items, ...third.items].map(({ id }: { id: string }) => id)).toEqual(ids);
    expect(third.nextCursor).toBeNull();
  });

  it.each([
    ['?locale=en-US', 'zh', 'acct-3', 'en-US'],
    ['', 'en;q=0.2, zh;q=0.9', 'acct-1', 'zh-CN'],
    ['', 'fr', 'acct-3', 'zh-CN'],
    ['', 'fr', 'acct-1', 'en-US'],
    ['', undefined, 'acct-3', 'zh-CN'],
  ])('answers %s, Accept-Language %s, of %s in %s', async (query, language, account, locale) => {
    const id = await arrive(account);
    const options = { account, ...(language ? { language } : {}) };
    expect((await call(query, options)).body.items[0].locale).toBe(locale);
    expect((await call(`/${id}${query}`, options)).body.locale).toBe(locale);
  });

  it('changes by ids and by filter up to the watermark', async () => {
    const [a, b, c] = [await arrive('acct-3'), await arrive('acct-3'), await arrive('acct-3')];
    const options = { account: 'acct-3' };
    expect((await call('/mark-read', { ...options, body: { ids: [a] } })).body).toEqual({ changed: 1 });
    await call('/mark-read', { ...options, body: { filter: {}, before: c } });
    expect(
      (await call('/mark-unread', { ...options, body: { filter: { status: 'read' }, before: b } })).body.changed,
    ).toBeGreaterThanOrEqual(2);
    expect((await call('?status=read', options)).body.items.map(({ id }: { id: string }) => id)).toEqual([c]);
    expect((await call('/delete', { ...options, body: { ids: [b, c] } })).body).toEqual({ changed: 2 });
    expect((await call(`/${b}`, options)).status).toBe(404);
    expect((await call('/mark-read', { ...options, body: { filter: {}, before: c } })).status).toBe(200);
  });

  it('is nobody else’s', async () => {
    const id = await arrive('acct-1');
    for (const path of [`/${id}`, `/${id}/timeline`])
      expect((await call(path, { account: 'acct-2' })).status).toBe(404);
    expect((await call('/mark-read', { account: 'acct-2', body: { ids: [id] } })).body).toEqual({ changed: 0 });
    const foreign = await call('/delete', { account: 'acct-2', body: { filter: {}, before: id } });
    expect(foreign.status).toBe(422);
    expect(pathsOf(foreign)).toEqual(['/before']);
    expect((await call('', { token: null })).status).toBe(401);
    expect((await call('', { token: 'nonsense' })).status).toBe(401);
    expect((await call('', { account: 'nobody' })).status).toBe(404);
  });

  it('doesn’t show what is hidden', async () => {
    const id = await arrive('acct-1', { hidden: true });
    expect((await call(`/${id}`)).status).toBe(404);
    expect((await call('')).body.items.some((item: { id: string }) => item.id === id)).toBe(false);
  });

  it.each([
    ['?colour=red', '/colour'],
    ['?limit=0', '/limit'],
    ['?limit=101', '/limit'],
    ['?status=open', '/status'],
    ['?severity=huge', '/severity'],
    ['?locale=de-DE', '/locale'],
    ['?after=yesterday', '/after'],
    ['?cursor=nonsense', '/cursor'],
    [`?cursor=${Buffer.from('["x"]').toString('base64url')}`, '/cursor'],
    [`?cursor=${Buffer.from('[1.5]').toString('base64url')}`, '/cursor'],
    ['/nonsense', '/id'],
  ])('refuses %s', async (query, path) => {
    const answer = await call(query);
    expect(answer.status).toBe(422);
    expect(pathsOf(answer)).toEqual([path]);
  });

  it.each<[string, unknown]>([
    ['nothing', {}],
    ['no ids', { ids: [] }],
    [
      'over 1,000 ids',
      { ids: Array.from({ length: 1_001 }, (_, n) => `6f0b7f2c-9c3e-5f6e-8b1a-${n.toString(16).padStart(12, '0')}`) },
    ],
    ['an id that is none', { ids: ['x'] }],
    ['a filter without a watermark', { filter: {} }],
    ['an unknown field of the filter', { filter: { colour: 'red' }, before: '6f0b7f2c-9c3e-5f6e-8b1a-000000000001' }],
    [
      'ids and a filter',
      { ids: ['6f0b7f2c-9c3e-5f6e-8b1a-000000000001'], filter: {}, before: '6f0b7f2c-9c3e-5f6e-8b1a-000000000001' },
    ],
  ])('refuses a change with %s', async (_, body) => {
    expect((await call('/mark-read', { body })).status).toBe(422);
  });
});
