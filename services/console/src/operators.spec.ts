/** The operators' calls through HTTP; replay and cancel themselves are held to their rules in libs/delivery. */
import { randomUUID } from 'node:crypto';
import { BusUnavailable } from '@herald/platform';
import { anId, embedded, until } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, ConsoleGround } from '../test/console-ground.js';

const pathsOf = ({ body }: Answer): string[] => (body.errors ?? []).map(({ path }: { path: string }) => path);

describe('operators', () => {
  let ground: ConsoleGround;
  beforeAll(async () => {
    ground = await ConsoleGround.open(embedded.open);
  }, 180_000);
  afterAll(() => ground?.close());

  describe('accounts', () => {
    const owner = { email: 'owner@example.com', name: 'Olive' };

    it('begin with their owner, who is the default recipient and verified', async () => {
      const id = anId('acct');
      const labels = { tier: 'gold' };
      const created = await ground.ok('/v1/ops/accounts', { body: { id, name: 'Ours', labels, owner } });
      expect(created).toEqual({
        id,
        name: 'Ours',
        locale: 'zh-CN',
        timeZone: 'Asia/Shanghai',
        labels,
        defaultRecipientId: expect.any(String),
        createdAt: expect.any(String),
      });
      const { items } = await ground.ok('/v1/recipients', { account: id });
      expect(items).toMatchObject([{ id: created.defaultRecipientId, email: owner.email, isDefault: true }]);
      expect(items[0].verifiedAt).not.toBeNull();
      expect(await ground.ok(`/v1/ops/accounts/${id}`)).toEqual(created);
    });

    it('have an id once', async () => {
      const body = { id: anId('acct'), name: 'Ours', owner };
      await ground.ok('/v1/ops/accounts', { body });
      const again = await ground.call('/v1/ops/accounts', { body });
      expect([again.status, pathsOf(again)]).toEqual([409, ['/id']]);
    });

    it.each([
      [{ id: 'with space' }, '/id'],
      [{ id: 'x'.repeat(65) }, '/id'],
      [{ owner: { ...owner, password: 'short' } }, '/owner/password'],
      [{ owner: { ...owner, isOperator: true } }, '/owner/isOperator'],
      [{ timeZone: 'Nowhere' }, '/timeZone'],
    ])('refuse %j', async (more, path) => {
      const answer = await ground.call('/v1/ops/accounts', {
        body: { id: anId('acct'), name: 'Ours', owner, ...more },
      });
      expect([answer.status, pathsOf(answer)]).toEqual([422, [path]]);
    });

    it('change, keeping what is not given', async () => {
      const { id } = await ground.account({ labels: { tier: 'gold' } });
      const change = { name: 'Renamed', timeZone: 'Asia/Shanghai' };
      expect(await ground.ok(`/v1/ops/accounts/${id}`, { method: 'PATCH', body: change })).toMatchObject({
        ...change,
        locale: 'en-US',
        labels: { tier: 'gold' },
        defaultRecipientId: expect.any(String),
      });
      expect((await ground.call('/v1/ops/accounts/nobody', { method: 'PATCH', body: change })).status).toBe(404);
    });

    it('are listed in pages, each once', async () => {
      const made = [];
      for (let count = 0; count < 5; count += 1) made.push((await ground.account()).id as string);
      const listed: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const page: any = await ground.ok(`/v1/ops/accounts?limit=2${cursor && `&cursor=${cursor}`}`);
        listed.push(...page.items.map(({ id }: { id: string }) => id));
        cursor = page.nextCursor;
      }
      expect(new Set(listed).size).toBe(listed.length);
      expect(listed).toEqual(expect.arrayContaining(made));
    });
  });

  describe('producers', () => {
    it('get keys that are shown once, good until they are revoked', async () => {
      const producer = await ground.ok('/v1/ops/producers', { body: { name: 'billing', categories: ['service'] } });
      expect(producer).toMatchObject({ name: 'billing', categories: ['service'], ratePerSecond: null, keys: [] });
      const keys = `/v1/ops/producers/${producer.id}/keys`;
      const created = await ground.call(keys, { method: 'POST' });
      expect([created.status, Object.keys(created.body).sort()]).toEqual([201, ['id', 'key']]);
      const { id, key } = created.body;
      const as = { headers: { authorization: `Bearer ${key}` } };
      // A good key is known, and may not make a person's call; a bad one is nobody.
      expect((await ground.call('/v1/session', { as })).status).toBe(403);
      const listed = JSON.stringify(await ground.ok('/v1/ops/producers?limit=100'));
      expect(listed).toContain(id);
      expect(listed).not.toContain(key);
      const { rows } = await ground.database.query('select * from settings.api_key');
      expect(JSON.stringify(rows)).not.toContain(key);
      expect((await ground.call(`${keys}/${id}`, { method: 'DELETE' })).status).toBe(204);
      await until(async () => (await ground.call('/v1/session', { as })).status === 401, 'the key to be refused');
      expect((await ground.call(`${keys}/${id}`, { method: 'DELETE' })).status).toBe(404);
    });

    it('refuse what is no category, no rate, no time to come', async () => {
      const make = (body: object) =>
        ground.call('/v1/ops/producers', { body: { name: 'x', categories: ['*'], ...body } });
      expect(pathsOf(await make({ categories: ['service', 'nonsense'] }))).toEqual(['/categories/1']);
      expect(pathsOf(await make({ ratePerSecond: 0 }))).toEqual(['/ratePerSecond']);
      const { id } = (await make({ ratePerSecond: 50 })).body;
      const expired = await ground.call(`/v1/ops/producers/${id}/keys`, {
        body: { expiresAt: '2020-01-01T00:00:00Z' },
      });
      expect([expired.status, pathsOf(expired)]).toEqual([422, ['/expiresAt']]);
      expect((await ground.call(`/v1/ops/producers/${randomUUID()}/keys`, { body: {} })).status).toBe(404);
    });
  });

  describe('deliveries', () => {
    it('are found, read, replayed and cancelled', async () => {
      const accountId = anId('acct');
      const acceptedAt = new Date();
      const ids = [];
      for (const status of ['dead', 'dead', 'scheduled'])
        ids.push(await ground.delivery({ accountId, status, acceptedAt }));
      const list = (query: string) => ground.ok(`/v1/ops/deliveries?accountId=${accountId}${query}`);
      expect((await list('')).items.map(({ id }: { id: string }) => id).sort()).toEqual([...ids].sort());
      const first = await list('&limit=2');
      const rest = await list(`&limit=2&cursor=${first.nextCursor}`);
      expect([...first.items, ...rest.items].map(({ id }) => id).sort()).toEqual([...ids].sort());
      expect(rest.nextCursor).toBeNull();
      expect((await list('&status=scheduled&channel=webhook&category=service')).items).toMatchObject([{ id: ids[2] }]);

      expect(await ground.ok(`/v1/ops/deliveries/${ids[0]}`)).toMatchObject({
        id: ids[0],
        accountId,
        status: 'dead',
        reason: 'REJECTED',
        attempts: [{ number: 1, httpStatus: 400, providerCode: 'HTTP 400', error: 'unknown', trigger: 'event' }],
      });
      expect((await ground.call(`/v1/ops/deliveries/${randomUUID()}`)).status).toBe(404);

      const filter = { accountId, status: 'dead' };
      const replay = (body: object) => ground.ok('/v1/ops/deliveries/replay', { body });
      expect(await replay({ filter, dryRun: true })).toEqual({ matched: 2, changed: 0 });
      expect(await replay({ filter })).toEqual({ matched: 2, changed: 2 });
      expect((await ground.ok(`/v1/ops/deliveries/${ids[0]}`)).nextAttemptAt).not.toBeNull();
      const cancel = (body: object) => ground.ok('/v1/ops/deliveries/cancel', { body });
      expect(await cancel({ ids })).toEqual({ matched: 3, changed: 3 });
      expect(await cancel({ ids })).toEqual({ matched: 3, changed: 0 });
    });

    it.each([
      ['replay', {}, 422],
      ['replay', { filter: {} }, 422],
      ['replay', { ids: [] }, 422],
      ['cancel', { ids: [randomUUID()], filter: { status: 'dead' } }, 422],
      ['cancel', { ids: ['nonsense'] }, 422],
      ['cancel', { filter: { surprise: 1 } }, 422],
    ])('refuse to %s %j', async (what, body, status) => {
      expect((await ground.call(`/v1/ops/deliveries/${what}`, { body })).status).toBe(status);
    });

    it.each(['status=lost', 'eventId=1', 'after=yesterday', 'cursor=abc', 'limit=1000', 'providercode=1'])(
      'refuse to search for %s',
      async (query) => {
        expect((await ground.call(`/v1/ops/deliveries?${query}`)).status).toBe(422);
      },
    );
  });

  it('read the ledger', async () => {
    expect(await ground.ok('/v1/ops/ledger')).toMatchObject({
      events: { accepted: expect.any(Number), routed: expect.any(Number), unreadable: expect.any(Number) },
      deliveries: { decided: expect.any(Number), ended: expect.any(Number) },
      gap: expect.any(Number),
    });
  });

  describe('dead records', () => {
    async function keep(offset: number): Promise<string> {
      const { rows } = await ground.database.query<{ id: string }>(
        `insert into bus.dead_record (topic, partition, record_offset, key, value, reason, detail)
         values ('event.accepted.urgent.v1', 3, $1, 'acct-9', '{"v":1,"secret":"content"}', 'UNREADABLE', 'v: expected 1') returning id`,
        [offset],
      );
      return rows[0]!.id;
    }

    it('are listed newest first, without what they hold, and published again with their key', async () => {
      const ids = [await keep(1), await keep(2), await keep(3)].reverse();
      const first = await ground.ok('/v1/ops/dead-records?limit=2');
      const rest = await ground.ok(`/v1/ops/dead-records?limit=2&cursor=${first.nextCursor}`);
      const items = [...first.items, ...rest.items];
      expect(items.map(({ id }) => id)).toEqual(ids);
      expect(items[2]).toEqual({
        id: ids[2],
        topic: 'event.accepted.urgent.v1',
        partition: 3,
        offset: 1,
        reason: 'UNREADABLE',
        detail: 'v: expected 1',
        at: expect.any(String),
        redrivenAt: null,
      });
      ground.bus.published.length = 0;
      const redriven = await ground.ok(`/v1/ops/dead-records/${ids[2]}/redrive`, { method: 'POST' });
      expect(redriven.redrivenAt).not.toBeNull();
      expect(ground.bus.published).toEqual([
        { topic: 'event.accepted.urgent.v1', key: 'acct-9', value: '{"v":1,"secret":"content"}' },
      ]);
      expect((await ground.call(`/v1/ops/dead-records/${randomUUID()}/redrive`, { method: 'POST' })).status).toBe(404);
    });

    it('28: stay as they are while the bus is away', async () => {
      const id = await keep(4);
      ground.bus.onPublish = () => {
        throw new BusUnavailable('away');
      };
      const answer = await ground.call(`/v1/ops/dead-records/${id}/redrive`, { method: 'POST' });
      ground.bus.onPublish = () => {};
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
      const { items } = await ground.ok('/v1/ops/dead-records');
      expect(items.find((item: { id: string }) => item.id === id).redrivenAt).toBeNull();
    });
  });

  describe('destinations', () => {
    it('that fail, do not answer or are disabled are listed, enabled, and called again', async () => {
      const account = await ground.account();
      const [fine, failing, disabled, tripped] = [
        await account.webhook(),
        await account.webhook(),
        await account.webhook(),
        await account.webhook(),
      ];
      const set = (id: string, status: string) =>
        ground.database.query(
          `update settings.webhook set status = $2, status_reason = 'endpoint-gone', consecutive_failures = 3, failing_since = now() where id = $1`,
          [id, status],
        );
      await set(failing.id, 'failing');
      await set(disabled.id, 'disabled');
      await ground.database.query(
        `insert into delivery.queue (destination_id, account_id, channel, breaker, opened_at, revision, pulled_by, pulled_until)
         values ($1, $2, 'webhook', 'open', now(), 1, gen_random_uuid(), now() + interval '15 seconds')`,
        [tripped.id, account.id],
      );
      const list = async (query = '') => {
        const { items } = await ground.ok(`/v1/ops/destinations?limit=100${query}`);
        const mine = items.filter(({ accountId }: any) => accountId === account.id);
        return new Map(mine.map(({ id, status }: any) => [id, status]));
      };
      const all = await list();
      expect(Object.fromEntries(all)).toEqual({
        [failing.id]: 'failing',
        [disabled.id]: 'disabled',
        [tripped.id]: 'tripped',
      });
      expect(all.has(fine.id)).toBe(false);
      expect([...(await list('&status=tripped')).keys()]).toEqual([tripped.id]);
      expect([...(await list('&status=disabled')).keys()]).toEqual([disabled.id]);

      const post = (id: string, what: string) => ground.ok(`/v1/ops/destinations/${id}/${what}`, { method: 'POST' });
      expect(await post(disabled.id, 'enable')).toMatchObject({
        status: 'enabled',
        statusReason: null,
        failingSince: null,
      });
      expect((await account.history()).items[0]).toMatchObject({ action: 'webhook.updated', by: 'bootstrap' });

      const before = await post(tripped.id, 'reset-breaker');
      expect(before).toMatchObject({ status: 'enabled', trippedAt: null });
      const { rows } = await ground.database.query(
        `select w.revision, q.breaker, q.pulled_by, q.pulled_until <= now() as free, q.resume_at <= now() as due
         from settings.webhook w join delivery.queue q on q.destination_id = w.id where w.id = $1`,
        [tripped.id],
      );
      expect(rows).toEqual([{ revision: 2, breaker: 'closed', pulled_by: null, free: true, due: true }]);
      expect((await ground.call(`/v1/ops/destinations/${randomUUID()}/enable`, { method: 'POST' })).status).toBe(404);
    });
  });
});
