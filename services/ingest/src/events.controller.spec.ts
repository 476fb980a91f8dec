/** Producers' calls through HTTP, as api.md has them, on the embedded database and a bus that fails on command. */
import { request as httpRequest } from 'node:http';
import { BusUnavailable, InProcessSignals, RecordTooLarge } from '@herald/platform';
import { AccountStore, ProducerStore, SettingsFeed } from '@herald/subscriptions';
import { anId, embeddedGround, type Ground, type HostedService, hostService, MemoryBus, silent } from '@herald/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EventIntake } from './event-intake.js';
import { IngestModule } from './ingest.module.js';

const bill = { accountId: 'acct-1', subtype: 'svc_bill', title: 'Bill', body: 'It is **ready**.', locale: 'en-US' };

describe('ingest', () => {
  let ground: Ground;
  let ingest: HostedService;
  let producers: ProducerStore;
  let key: string;
  let narrowKey: string;
  const bus = new MemoryBus();

  beforeAll(async () => {
    ground = await embeddedGround();
    const feed = new SettingsFeed(ground.database, new InProcessSignals(), silent);
    const accounts = new AccountStore(ground.database, feed);
    producers = new ProducerStore(ground.database, feed);
    for (const id of ['acct-1', 'acct-2']) {
      const owner = { email: `${id}@example.com`, name: 'Olive Owner', passwordHash: null };
      await accounts.create({ id, name: id, locale: 'en-US', timeZone: 'UTC', labels: {}, owner }, 'test');
    }
    key = await keyFor(['*'], null);
    narrowKey = await keyFor(['security'], null);
    ingest = await hostService(IngestModule, { database: ground.database, bus });
  });

  afterAll(async () => {
    await ingest?.close();
    await ground?.close();
  });

  beforeEach(() => {
    bus.published.length = 0;
    bus.onPublish = () => {};
  });

  async function keyFor(categories: string[], ratePerSecond: number | null): Promise<string> {
    const { id } = await producers.create(anId('producer'), categories, ratePerSecond);
    return (await producers.createKey(id, null))!.key;
  }

  interface Options {
    path?: string;
    key?: string | null;
    raw?: string;
    headers?: Record<string, string>;
    method?: string;
  }

  async function call(body: unknown, options: Options = {}) {
    const bearer = options.key === undefined ? key : options.key;
    const answer = await fetch(ingest.url + (options.path ?? '/v1/events'), {
      method: options.method ?? 'POST',
      headers: {
        'content-type': 'application/json',
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
        ...options.headers,
      },
      body: options.method === 'GET' ? null : (options.raw ?? JSON.stringify(body)),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as any };
  }

  const pathsOf = ({ body }: { body: any }) => body.errors.map(({ path }: { path: string }) => path).sort();

  describe('one event', () => {
    it('1: is on the bus, keyed by its account, when it is answered', async () => {
      const answer = await call({ ...bill, severity: 'warning', product: 'ecs' });
      expect(answer).toMatchObject({ status: 202, body: { status: 'accepted' } });
      expect(answer.headers.get('x-request-id')).toBeTruthy();
      expect(bus.published).toHaveLength(1);
      const [record] = bus.published;
      expect(record).toMatchObject({ topic: 'event.accepted.normal.v1', key: 'acct-1' });
      expect(JSON.parse(record!.value)).toMatchObject({
        v: 1,
        eventId: answer.body.eventId,
        audience: { accountId: 'acct-1' },
        category: 'service',
        subtype: 'svc_bill',
        severity: 'warning',
        lane: 'normal',
        content: {
          title: 'Bill',
          body: 'It is **ready**.',
          locale: 'en-US',
          product: 'ecs',
          links: [],
          dedupKey: null,
        },
        expiresAt: null,
        requestId: answer.headers.get('x-request-id'),
      });
    });

    it.each([
      ['svc_bill', undefined, 'info', 'normal'],
      ['svc_bill', 'critical', 'critical', 'urgent'],
      ['sec_violation', 'info', 'critical', 'urgent'],
      ['sec_cloud_security', undefined, 'warning', 'urgent'],
      ['act_promotion', undefined, 'info', 'bulk'],
    ])('12: %s sent as %s is %s, in the %s lane', async (subtype, severity, effective, lane) => {
      expect((await call({ ...bill, subtype, severity })).status).toBe(202);
      expect(bus.published[0]!.topic).toBe(`event.accepted.${lane}.v1`);
      expect(JSON.parse(bus.published[0]!.value).severity).toBe(effective);
    });

    it('12: for an audience is keyed by the event', async () => {
      for (const audience of [{ all: true }, { accountIds: ['acct-1', 'acct-2'] }]) {
        const { accountId: _, ...rest } = bill;
        const { status, body } = await call({ ...rest, audience });
        expect(status).toBe(202);
        expect(bus.published.at(-1)).toMatchObject({ key: body.eventId });
        expect(JSON.parse(bus.published.at(-1)!.value).audience).toEqual(audience);
      }
    });

    it('8: keeps the time of acceptance apart from when it occurred', async () => {
      await call({ ...bill, occurredAt: '2019-02-03T04:05:06+08:00' });
      const event = JSON.parse(bus.published[0]!.value);
      expect(event.occurredAt).toBe('2019-02-02T20:05:06.000Z');
      expect(Math.abs(Date.parse(event.acceptedAt) - Date.now())).toBeLessThan(5_000);
    });
  });

  describe('identity', () => {
    it('2: the header and the body’s id are one namespace', async () => {
      const id = anId('key');
      const first = await call({ ...bill, id });
      const second = await call(bill, { headers: { 'idempotency-key': id } });
      const both = await call({ ...bill, id }, { headers: { 'idempotency-key': id } });
      expect([first.status, second.status, both.status]).toEqual([202, 202, 202]);
      expect(new Set([first, second, both].map(({ body }) => body.eventId)).size).toBe(1);
      expect([first, second, both].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([
        null,
        'true',
        'true',
      ]);
      expect(bus.published).toHaveLength(1);
    });

    it('2: both given and different is refused', async () => {
      const answer = await call({ ...bill, id: 'one' }, { headers: { 'idempotency-key': 'two' } });
      expect(answer.status).toBe(422);
      expect(pathsOf(answer)).toEqual(['/id']);
    });

    it('2: another body under the same key is refused, the same in another order is not', async () => {
      const id = anId('key');
      await call({ ...bill, id });
      const other = await call({ ...bill, id, title: 'Another' });
      expect(other.status).toBe(422);
      expect(pathsOf(other)).toEqual(['/id']);
      const defaulted = await call({ ...bill, id, severity: 'info' });
      expect(defaulted.status).toBe(422);
      const reordered = Object.fromEntries(Object.entries({ ...bill, id }).reverse());
      expect((await call(reordered)).status).toBe(202);
      expect(bus.published).toHaveLength(1);
    });

    it('2: without a key every post is a new event', async () => {
      const answers = await Promise.all([call(bill), call(bill)]);
      expect(new Set(answers.map(({ body }) => body.eventId)).size).toBe(2);
      expect(bus.published).toHaveLength(2);
    });

    it('2: a key belongs to its producer', async () => {
      const id = anId('key');
      const other = await keyFor(['*'], null);
      const answers = [await call({ ...bill, id }), await call({ ...bill, id }, { key: other })];
      expect(new Set(answers.map(({ body }) => body.eventId)).size).toBe(2);
    });

    it('2: concurrent equal posts are all accepted, as one event', async () => {
      const id = anId('race');
      const answers = await Promise.all(Array.from({ length: 20 }, () => call({ ...bill, id })));
      expect(new Set(answers.map(({ status, body }) => `${status} ${body.eventId}`)).size).toBe(1);
      expect(answers[0]!.status).toBe(202);
    });

    it.each([
      ['', 422],
      ['x'.repeat(255), 202],
      ['x'.repeat(256), 422],
    ])('takes a key of 1 to 255 characters', async (id, status) => {
      expect((await call(bill, { headers: { 'idempotency-key': id } })).status).toBe(status);
      expect((await call({ ...bill, id })).status).toBe(status);
    });

    it('counts code points', async () => {
      expect((await call({ ...bill, title: '😀'.repeat(200) })).status).toBe(202);
      expect((await call({ ...bill, id: '😀'.repeat(255) })).status).toBe(202);
      expect(pathsOf(await call({ ...bill, title: '😀'.repeat(201) }))).toEqual(['/title']);
    });
  });

  describe('the bus', () => {
    it('1: that doesn’t acknowledge is 503 with Retry-After, and the post is not remembered', async () => {
      const id = anId('key');
      bus.onPublish = () => {
        throw new BusUnavailable('away');
      };
      const answer = await call({ ...bill, id });
      expect(answer).toMatchObject({ status: 503, body: { status: 503 } });
      expect(answer.headers.get('content-type')).toMatch('application/problem+json');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      bus.onPublish = () => {};
      const again = await call({ ...bill, id });
      expect(again.status).toBe(202);
      expect(again.headers.get('idempotent-replayed')).toBeNull();
      expect(bus.published).toHaveLength(1);
    });

    it('1: that hangs leaves the post unanswered', async () => {
      let release: (() => void) | undefined;
      bus.onPublish = () => new Promise((resolve) => (release = resolve));
      let isAnswered = false;
      const answer = call(bill).finally(() => (isAnswered = true));
      while (!release) await turn();
      for (let turns = 0; turns < 50; turns += 1) await turn();
      expect(isAnswered).toBe(false);
      release();
      expect((await answer).status).toBe(202);
    });

    it.each([
      ['a record it never takes', () => new RecordTooLarge('too large'), 413],
      ['a bug', () => new TypeError('bug'), 500],
    ])('1: that answers %s is never accepted', async (_, error, status) => {
      bus.onPublish = () => {
        throw error();
      };
      expect((await call(bill)).status).toBe(status);
    });
  });

  describe('bad input', () => {
    it.each([
      ['no key', null],
      ['a wrong key', 'hrld_nonsense'],
      ['a well-formed key of nobody', 'hrld_0000000000000000000000000000000000000000000000'],
    ])('%s is 401', async (_, wrong) => {
      expect((await call(bill, { key: wrong })).status).toBe(401);
    });

    it('a revoked key is 401', async () => {
      const { id } = await producers.create('revoked', ['*'], null);
      const made = (await producers.createKey(id, null))!;
      expect((await call(bill, { key: made.key })).status).toBe(202);
      await producers.revokeKey(id, made.id);
      // In force within 2 s (semantics 37).
      const end = Date.now() + 2_500;
      let status = 202;
      while (status === 202 && Date.now() < end) ({ status } = await call(bill, { key: made.key }));
      expect(status).toBe(401);
    });

    it('a key that may not emit the category is 403', async () => {
      expect((await call(bill, { key: narrowKey })).status).toBe(403);
      expect((await call({ ...bill, subtype: 'sec_violation' }, { key: narrowKey })).status).toBe(202);
    });

    // biome-ignore format: a table
    const bad: [string, unknown, string[]][] = [
      ['nothing', {}, ['/accountId', '/body', '/subtype', '/title']],
      ['null', null, ['/accountId', '/body', '/subtype', '/title']],
      ['a list', [], ['']],
      ['a string', 'event', ['']],
      ['an unknown account', { ...bill, accountId: 'nobody' }, ['/accountId']],
      ['an account that can’t be one', { ...bill, accountId: 'no body' }, ['/accountId']],
      ['an unknown subtype', { ...bill, subtype: 'nonsense' }, ['/subtype']],
      ['a subtype of Herald’s own', { ...bill, subtype: 'herald_destination_failing' }, ['/subtype']],
      ['an unknown field', { ...bill, colour: 'red' }, ['/colour']],
      ['fields that come later', { ...bill, template: 't', data: {} }, ['/data', '/template']],
      ['no title', { ...bill, title: undefined }, ['/title']],
      ['an empty body', { ...bill, body: '' }, ['/body']],
      ['a title of 201 characters', { ...bill, title: 'x'.repeat(201) }, ['/title']],
      ['a wrong locale', { ...bill, locale: 'de-DE' }, ['/locale']],
      ['a wrong translation', { ...bill, translations: { 'zh-CN': { title: 'x' } } }, ['/translations/zh-CN/body']],
      ['a wrong severity', { ...bill, severity: 'huge' }, ['/severity']],
      ['a time that has passed', { ...bill, expiresAt: '2020-01-01T00:00:00Z' }, ['/expiresAt']],
      ['no time', { ...bill, occurredAt: 'yesterday', expiresAt: '2026-13-01T00:00:00Z' }, ['/expiresAt', '/occurredAt']],
      ['a time PostgreSQL has not', { ...bill, occurredAt: '0000-01-01T00:00:00Z' }, ['/occurredAt']],
      ['a time that leaves its years', { ...bill, expiresAt: '9999-12-31T23:59:59-10:00' }, ['/expiresAt']],
      ['a link to a script', { ...bill, links: [{ label: 'x', href: 'javascript:alert(1)' }] }, ['/links/0/href']],
      ['labels that are no text', { ...bill, labels: { a: 1 } }, ['/labels/a']],
      ['account and audience', { ...bill, audience: { all: true } }, ['/accountId']],
      ['an empty list', { ...bill, accountId: undefined, audience: { accountIds: [] } }, ['/audience/accountIds']],
      ['labels as an audience', { ...bill, accountId: undefined, audience: { labels: { a: 'b' } } }, ['/audience/accountIds', '/audience/labels']],
      ['several at once', { ...bill, accountId: 'nobody', subtype: 'x', title: 'a\u0000', colour: 1, expiresAt: '2020-01-01T00:00:00Z' },
        ['/accountId', '/colour', '/expiresAt', '/subtype', '/title']],
    ];
    it.each(bad)('%s is 422, naming every fault', async (_, body, paths) => {
      const answer = await call(body);
      expect(answer.status).toBe(422);
      expect(new Set(pathsOf(answer))).toEqual(new Set(paths));
      expect(bus.published).toHaveLength(0);
    });

    it('4: an unknown account is named', async () => {
      expect((await call({ ...bill, accountId: 'nobody' })).body.errors[0].message).toContain('nobody');
      const audience = { accountIds: ['acct-1', 'ghost', 'acct-2', 'phantom'] };
      const answer = await call({ ...bill, accountId: undefined, audience });
      expect(answer.status).toBe(422);
      expect(answer.body.errors).toEqual([
        { path: '/audience/accountIds/1', message: 'is not a known account: ghost' },
        { path: '/audience/accountIds/3', message: 'is not a known account: phantom' },
      ]);
    });

    it.each([
      ['a NUL', '{"title":"a\\u0000b"}', '/title'],
      ['a lone high surrogate', '{"body":"a\\ud800b"}', '/body'],
      ['a lone low surrogate', '{"body":"\\udc00"}', '/body'],
      ['a NUL in a key', '{"labels":{"a\\u0000":"b"}}', '/labels/a\u0000'],
      ['a lone surrogate in a key', '{"labels":{"\\ud83d":"b"}}', '/labels/\ud83d'],
      ['a NUL deep inside', '{"links":[{"label":"\\u0000","href":"https://example.com"}]}', '/links/0/label'],
      ['a NUL in the id', '{"id":"\\u0000"}', '/id'],
    ])('5: %s is 422', async (_, json, path) => {
      const answer = await call(null, { raw: JSON.stringify(bill).replace(/}$/, `,${json.slice(1)}`) });
      expect(answer.status).toBe(422);
      expect(pathsOf(answer)).toContain(path);
    });

    it('5: a pair of surrogates, as escapes or raw, is text', async () => {
      const raw = JSON.stringify({ ...bill, title: 'X' }).replace('"X"', '"\\ud83d\\ude00 😀"');
      expect((await call(null, { raw })).status).toBe(202);
      expect(JSON.parse(bus.published[0]!.value).content.title).toBe('😀 😀');
    });

    it.each(['{', 'nonsense', '{"a":1,}', '"a\u0000b"', '{"__proto__":{}}'])(
      'what is not JSON is 400: %j',
      async (raw) => {
        expect((await call(null, { raw })).status).toBe(400);
      },
    );

    it('an empty body counts as absent, whatever its type', async () => {
      for (const type of ['application/json', 'text/plain', 'application/cloudevents+json']) {
        expect((await call(null, { raw: '', headers: { 'content-type': type } })).status).toBe(422);
      }
    });

    it('another content type is 415', async () => {
      for (const type of [
        'text/plain',
        'application/xml',
        'application/x-www-form-urlencoded',
        'application/cloudevents+json',
      ]) {
        expect((await call(null, { raw: JSON.stringify(bill), headers: { 'content-type': type } })).status).toBe(415);
      }
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      for (const path of ['/v1/events/batch', '/v1/cloudevents']) {
        expect((await call(null, { path, raw: '{"events":[]}', headers: form })).status).toBe(415);
      }
      expect((await call(bill, { headers: { 'content-type': 'Application/JSON; charset=utf-8' } })).status).toBe(202);
    });

    it('unknown query parameters are 422, all named', async () => {
      expect(pathsOf(await call(bill, { path: '/v1/events?a=1&accountId=x' }))).toEqual(['/a', '/accountId']);
    });

    it('over 256 KB is 413, but for a list of accounts up to 1 MB', async () => {
      const large = 'x'.repeat(256 * 1024);
      expect((await call({ ...bill, body: large })).status).toBe(413);
      const audience = { accountIds: ['acct-1', 'acct-2'] };
      expect((await call({ ...bill, accountId: undefined, audience, body: large })).status).toBe(202);
      expect((await call({ ...bill, accountId: undefined, audience, body: large.repeat(4) })).status).toBe(413);
      expect((await call({ ...bill, body: large.slice(0, -500) })).status).toBe(202);
    });

    it('over 256 KB sent in chunks is 413', async () => {
      const status = await new Promise((resolve, reject) => {
        const request = httpRequest(
          `${ingest.url}/v1/events`,
          { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } },
          (response) => response.resume().on('end', () => resolve(response.statusCode)),
        );
        request.on('error', reject);
        const body = JSON.stringify({ ...bill, body: 'x'.repeat(300_000) });
        request.write(body.slice(0, 1_000));
        request.end(body.slice(1_000));
      });
      expect(status).toBe(413);
    });

    it('a list of 10,000 is taken, a larger one is not', async () => {
      const accountIds = Array.from({ length: 10_000 }, (_, index) => (index % 2 ? 'acct-1' : 'acct-2'));
      expect((await call({ ...bill, accountId: undefined, audience: { accountIds } })).status).toBe(202);
      const answer = await call({ ...bill, accountId: undefined, audience: { accountIds: [...accountIds, 'acct-1'] } });
      expect(answer.status).toBe(422);
      expect(pathsOf(answer)).toEqual(['/audience/accountIds']);
    });

    it('over the producer’s rate is 429 with Retry-After', async () => {
      const slow = await keyFor(['*'], 2);
      const answers = [];
      for (let n = 0; n < 4; n += 1) answers.push(await call(bill, { key: slow }));
      expect(answers.map(({ status }) => status)).toContain(429);
      const refused = answers.find(({ status }) => status === 429)!;
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      const slower = await keyFor(['*'], 0.5);
      expect((await call(bill, { key: slower })).status).toBe(202);
      expect(Number((await call(bill, { key: slower })).headers.get('retry-after'))).toBe(2);
    });
  });

  describe('a batch', () => {
    const batch = (events: unknown, options: Options = {}) =>
      call({ events }, { path: '/v1/events/batch', ...options });

    it('takes the good and names the faults of the bad, in order', async () => {
      const id = anId('key');
      const { status, body } = await batch([
        bill,
        { ...bill, subtype: 'x' },
        7,
        { ...bill, id },
        { ...bill, accountId: 'nobody' },
        { ...bill, id },
      ]);
      expect(status).toBe(202);
      expect(body.results.map(({ index, status }: any) => `${index} ${status}`)).toEqual([
        '0 accepted',
        '1 rejected',
        '2 rejected',
        '3 accepted',
        '4 rejected',
        '5 accepted',
      ]);
      expect(body.results[1].error).toMatchObject({ status: 422, errors: [{ path: '/subtype' }] });
      expect(body.results[4].error.errors[0].path).toBe('/accountId');
      expect(body.results[5].eventId).toBe(body.results[3].eventId);
    });

    it('5: one item that can’t be stored doesn’t sink the others', async () => {
      const raw = `{"events":[${JSON.stringify(bill)},${JSON.stringify({ ...bill, title: 'X' }).replace('"X"', '"\\u0000"')}]}`;
      const { status, body } = await batch(null, { raw });
      expect(status).toBe(202);
      expect(body.results.map((result: any) => result.status)).toEqual(['accepted', 'rejected']);
      expect(body.results[1].error.errors[0].path).toBe('/title');
    });

    it('whose events are all bad is 422, naming each', async () => {
      const answer = await batch([{}, { ...bill, subtype: 'x' }]);
      expect(answer.status).toBe(422);
      expect(pathsOf(answer)).toEqual([
        '/events/0/accountId',
        '/events/0/body',
        '/events/0/subtype',
        '/events/0/title',
        '/events/1/subtype',
      ]);
    });

    it('1: is 503 where the bus takes none, and tells apart where it takes some', async () => {
      bus.onPublish = () => {
        throw new BusUnavailable('away');
      };
      const none = await batch([bill, {}]);
      expect(none.status).toBe(503);
      expect(none.headers.get('retry-after')).toBeTruthy();
      let calls = 0;
      bus.onPublish = () => {
        calls += 1;
        if (calls === 2) throw new BusUnavailable('away');
      };
      const { status, body } = await batch([bill, bill, bill]);
      expect(status).toBe(202);
      const statuses = body.results.map((result: any) => result.error?.status ?? result.status);
      expect(statuses.sort()).toEqual([503, 'accepted', 'accepted']);
      expect(bus.published).toHaveLength(2);
    });

    it('is 429 where the producer’s rate takes none', async () => {
      const slow = await keyFor(['*'], 1);
      expect((await batch([bill], { key: slow })).status).toBe(202);
      const answer = await batch([bill, bill], { key: slow });
      expect(answer.status).toBe(429);
      expect(answer.headers.get('retry-after')).toBe('1');
    });

    it('takes no Idempotency-Key', async () => {
      expect((await batch([bill], { headers: { 'idempotency-key': 'x' } })).status).toBe(422);
    });

    it.each<[string, unknown]>([
      ['no list', {}],
      ['no list but an object', { events: {} }],
      ['an empty list', { events: [] }],
      ['something else', { events: [bill], more: 1 }],
    ])('with %s is 422', async (_, body) => {
      expect((await call(body, { path: '/v1/events/batch' })).status).toBe(422);
    });

    it('takes 1,000 events and 4 MB, no more', async () => {
      const { status, body } = await batch(Array.from({ length: 1_000 }, () => bill));
      expect(status).toBe(202);
      expect(body.results).toHaveLength(1_000);
      expect((await batch(Array.from({ length: 1_001 }, () => bill))).status).toBe(413);
      const large = { ...bill, body: 'x'.repeat(250_000) };
      expect((await batch(Array.from({ length: 16 }, () => large))).status).toBe(202);
      expect((await batch(Array.from({ length: 17 }, () => large))).status).toBe(413);
    });

    it('refuses an item over 256 KB alone', async () => {
      const { status, body } = await batch([bill, { ...bill, body: '账'.repeat(90_000) }]);
      expect(status).toBe(202);
      expect(body.results[1].error.status).toBe(413);
    });
  });

  describe('CloudEvents', () => {
    const attributes = () => ({
      specversion: '1.0',
      id: anId('ce'),
      source: '/billing',
      type: 'svc_bill',
      subject: 'acct-1',
      time: '2026-01-01T00:00:00Z',
    });
    const data = { title: 'Bill', body: 'Ready', locale: 'en-US' };
    const path = '/v1/cloudevents';
    const structured = (event: unknown) =>
      call(event, { path, headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' } });
    const batched = (events: unknown) =>
      call(events, { path, headers: { 'content-type': 'application/cloudevents-batch+json' } });
    const binary = (event: Record<string, string>, body: unknown) =>
      call(body, {
        path,
        headers: Object.fromEntries(
          Object.entries(event).map(([name, value]) => [`ce-${name}`, encodeURIComponent(value)]),
        ),
      });

    it('2: in three modes are one event', async () => {
      const event = attributes();
      const answers = [
        await structured({ ...event, data }),
        await batched([{ ...event, data }]),
        await binary(event, data),
      ];
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
      const ids = [answers[0]!.body.eventId, answers[1]!.body.results[0].eventId, answers[2]!.body.eventId];
      expect(new Set(ids).size).toBe(1);
      expect(answers[2]!.headers.get('idempotent-replayed')).toBe('true');
      expect(bus.published).toHaveLength(1);
      expect(JSON.parse(bus.published[0]!.value)).toMatchObject({
        occurredAt: '2026-01-01T00:00:00.000Z',
        audience: { accountId: 'acct-1' },
      });
    });

    it('2: are told from a key of the same text', async () => {
      const event = attributes();
      const answers = [await structured({ ...event, data }), await call({ ...bill, id: event.id })];
      expect(answers.map(({ status }) => status)).toEqual([202, 202]);
      expect(answers[0]!.body.eventId).not.toBe(answers[1]!.body.eventId);
    });

    it('with faults name the places where they stand', async () => {
      const faults = await structured({
        ...attributes(),
        subject: 'nobody',
        type: 'x',
        time: 'noon',
        data: { ...data, locale: 'xx' },
      });
      expect(faults.status).toBe(422);
      expect(pathsOf(faults)).toEqual(['/data/locale', '/subject', '/time', '/type']);
      expect(pathsOf(await binary({ specversion: '1.0' }, data))).toEqual(['/id', '/source', '/subject', '/type']);
      expect(pathsOf(await call(undefined, { path, raw: '', headers: { 'ce-specversion': '1.0' } }))).toContain(
        '/data',
      );
    });

    it('that can’t be read don’t sink the others of a batch', async () => {
      const { status, body } = await batched([
        null,
        { ...attributes(), data },
        { ...attributes(), specversion: '2.0', data },
      ]);
      expect(status).toBe(202);
      expect(body.results.map((result: any) => result.status)).toEqual(['rejected', 'accepted', 'rejected']);
      expect(body.results[2].error.errors[0].path).toBe('/specversion');
      const none = await batched([{ ...attributes(), subject: '' }]);
      expect(none.status).toBe(422);
      expect(pathsOf(none)).toEqual(['/0/data', '/0/subject']);
    });

    it('in a batch that is no list, or an empty body, are 422', async () => {
      expect((await batched({})).status).toBe(422);
      expect((await call(undefined, { path, raw: '' })).status).toBe(422);
    });

    it('over 256 KB are 413', async () => {
      expect((await structured({ ...attributes(), data: { ...data, body: 'x'.repeat(270_000) } })).status).toBe(413);
    });
  });

  describe('what became of an event', () => {
    const read = (eventId: string, by = key) => call(null, { path: `/v1/events/${eventId}`, method: 'GET', key: by });

    it('is known from acceptance on', async () => {
      const { body } = await call(bill);
      expect(await read(body.eventId)).toMatchObject({
        status: 200,
        body: {
          eventId: body.eventId,
          accounts: 0,
          messages: 0,
          state: 'accepted',
          deliveries: { queued: 0, delivered: 0 },
        },
      });
    });

    it('is nobody else’s, and unknown ones are 404 with Retry-After', async () => {
      const { body } = await call(bill);
      expect((await read(body.eventId, narrowKey)).status).toBe(404);
      const unknown = await read('6f0b7f2c-9c3e-5f6e-8b1a-1f2e3d4c5b6a');
      expect(unknown.status).toBe(404);
      expect(unknown.headers.get('retry-after')).toBe('1');
      expect((await read('nonsense')).status).toBe(422);
    });
  });

  it('answers 503 with Retry-After while it drains', async () => {
    const intake = ingest.get(EventIntake);
    intake.drain();
    const answer = await call(bill);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(bus.published).toHaveLength(0);
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
