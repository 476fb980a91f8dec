/** Recipients, webhooks, subscriptions and the account through HTTP, on every database that their stores must work on. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { adviceIn } from '@herald/channels';
import { publicSubtypes } from '@herald/contracts';
import { VerificationStore } from '@herald/subscriptions';
import { anId, embedded, servers } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { type AccountOnGround, type Answer, ConsoleGround } from '../test/console-ground.js';

const pathsOf = ({ body }: Answer): string[] => (body.errors ?? []).map(({ path }: { path: string }) => path);

describe.each([embedded, ...servers])('settings on $name', ({ open }) => {
  let ground: ConsoleGround;
  beforeAll(async () => {
    ground = await ConsoleGround.open(open, { environment: { HERALD_ATTEMPT_TIMEOUT: '500ms' } });
  }, 180_000);
  afterAll(() => ground?.close());

  describe('recipients', () => {
    async function secretsOf(recipientId: string): Promise<{ id: string; token: string; code: string }> {
      const { rows } = await ground.database.query<{ id: string }>(
        'select id from settings.verification where recipient_id = $1 order by created_at desc limit 1',
        [recipientId],
      );
      const { token, code } = (await ground.service.get(VerificationStore).mail(rows[0]!.id))!;
      return { id: rows[0]!.id, token, code };
    }
    const sendMail = (account: AccountOnGround, id: string) =>
      account.call(`/v1/recipients/${id}/send-verification`, { method: 'POST' });
    const verify = (body: object) => ground.call('/v1/recipients/verify', { body });
    async function verified(account: AccountOnGround, email = `${anId('Ops')}@example.com`): Promise<any> {
      const recipient = await account.recipient({ email });
      await sendMail(account, recipient.id);
      const { code } = await secretsOf(recipient.id);
      expect((await verify({ recipientId: recipient.id, code })).status).toBe(200);
      return account.ok(`/v1/recipients/${recipient.id}`);
    }
    const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

    it('begin unverified, and are so again with another address', async () => {
      const account = await ground.account();
      const recipient = await verified(account);
      expect(recipient.verifiedAt).not.toBeNull();
      const change = (body: object) => account.ok(`/v1/recipients/${recipient.id}`, { method: 'PATCH', body });
      expect(await change({ name: 'Other', timeZone: 'Asia/Shanghai' })).toMatchObject({
        name: 'Other',
        timeZone: 'Asia/Shanghai',
        verifiedAt: recipient.verifiedAt,
      });
      expect(await change({ email: recipient.email.toLowerCase() })).toMatchObject({
        verifiedAt: recipient.verifiedAt,
      });
      expect(await change({ email: 'another@example.com' })).toMatchObject({ verifiedAt: null });
      expect(await change({ timeZone: null })).toMatchObject({ timeZone: null });
    });

    it('are sent a mail that is due with its proof, and whose secrets stand nowhere in the clear', async () => {
      const account = await ground.account();
      const recipient = await account.recipient();
      expect(await sendMail(account, recipient.id)).toMatchObject({ status: 202, body: { status: 'sent' } });
      const { id, token, code } = await secretsOf(recipient.id);
      const { rows } = await ground.database.query(
        `select o.channel, o.state, o.lane, o.due_at <= now() as due, d.event_id, d.label from delivery.own_mail m
         join delivery.open o on o.delivery_id = m.delivery_id
         join delivery.delivery d on d.delivery_id = m.delivery_id and d.accepted_at = m.accepted_at
         where m.reference = $1`,
        [id],
      );
      expect(rows).toEqual([
        { channel: 'email', state: 'scheduled', lane: 0, due: true, event_id: null, label: recipient.name },
      ]);
      for (const table of ['settings.verification', 'settings.history', 'delivery.delivery', 'delivery.own_mail']) {
        const { rows: all } = await ground.database.query(`select * from ${table}`);
        expect(JSON.stringify(all)).not.toContain(token);
        expect(JSON.stringify(all)).not.toContain(`"${code}"`);
      }
    });

    it('are verified by the code, of five tries at most, right ones among them', async () => {
      const account = await ground.account();
      const recipient = await account.recipient();
      await sendMail(account, recipient.id);
      const { code } = await secretsOf(recipient.id);
      for (let tries = 0; tries < 5; tries += 1) {
        const answer = await verify({ recipientId: recipient.id, code: wrong(code) });
        expect([answer.status, pathsOf(answer)]).toEqual([422, ['/code']]);
      }
      expect((await verify({ recipientId: recipient.id, code })).status).toBe(422);
      await sendMail(account, recipient.id);
      const second = await secretsOf(recipient.id);
      const answer = await verify({ recipientId: recipient.id, code: second.code });
      expect(answer).toMatchObject({ status: 200, body: { recipientId: recipient.id } });
      expect((await account.ok(`/v1/recipients/${recipient.id}`)).verifiedAt).toBe(answer.body.verifiedAt);
      expect((await account.history()).items[0]).toMatchObject({ action: 'recipient.verified', by: 'recipient' });
    });

    it('are not verified by a code that has run out, nor by that of an older mail', async () => {
      const account = await ground.account();
      const recipient = await account.recipient();
      await sendMail(account, recipient.id);
      const first = await secretsOf(recipient.id);
      await sendMail(account, recipient.id);
      const { id, code } = await secretsOf(recipient.id);
      if (first.code !== code) expect((await verify({ recipientId: recipient.id, code: first.code })).status).toBe(422);
      await ground.database.query('update settings.verification set code_expires_at = now() where id = $1', [id]);
      expect((await verify({ recipientId: recipient.id, code })).status).toBe(422);
    });

    it('are verified by the link, as often as it is opened, until it has run out or the address is another', async () => {
      const account = await ground.account();
      const recipient = await account.recipient();
      await sendMail(account, recipient.id);
      const { id, token } = await secretsOf(recipient.id);
      const first = await verify({ token });
      expect(first.status).toBe(200);
      expect(await verify({ token })).toMatchObject({ status: 200, body: first.body });
      await ground.database.query('update settings.verification set token_expires_at = now() where id = $1', [id]);
      const late = await verify({ token });
      expect([late.status, pathsOf(late)]).toEqual([422, ['/token']]);
      await sendMail(account, recipient.id);
      const second = await secretsOf(recipient.id);
      const change = { method: 'PATCH', body: { email: `${anId('new')}@example.com` } };
      await account.ok(`/v1/recipients/${recipient.id}`, change);
      expect((await verify({ token: second.token })).status).toBe(422);
      expect((await account.ok(`/v1/recipients/${recipient.id}`)).verifiedAt).toBeNull();
    });

    it('get at most 10 mails a minute at one address, over all accounts, and an account sends 100 a day', async () => {
      const [one, two] = [await ground.account(), await ground.account()];
      const email = `${anId('busy')}@example.com`;
      const [first, second] = [await one.recipient({ email }), await two.recipient({ email })];
      for (let mails = 0; mails < 10; mails += 1) expect((await sendMail(one, first.id)).status).toBe(202);
      const refused = await sendMail(two, second.id);
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60']);
      await ground.database.query(
        `insert into settings.verification (account_id, recipient_id, email, destination_id, token_hash, sealed, created_at, code_expires_at,
           token_expires_at)
         select account_id, id, 'x' || n, destination_id, sha256((id || ' ' || n)::bytea), '', now() - interval '2 hours', now(), now()
         from settings.recipient, generate_series(1, 90) n where id = $1`,
        [first.id],
      );
      const other = await one.recipient();
      const spent = await sendMail(one, other.id);
      expect([spent.status, spent.headers.get('retry-after')]).toEqual([429, '3600']);
    });

    it('in use are removed by force only, and out of what used them', async () => {
      const account = await ground.account();
      const recipient = await account.recipient();
      await account.put('svc_bill', { recipientIds: [recipient.id] });
      const refused = await account.call(`/v1/recipients/${recipient.id}`, { method: 'DELETE' });
      expect([refused.status, pathsOf(refused)]).toEqual([409, ['/subscriptions/svc_bill']]);
      expect(refused.body.detail).toContain('svc_bill');
      expect((await account.call(`/v1/recipients/${recipient.id}?force=false`, { method: 'DELETE' })).status).toBe(409);
      const removed = await account.call(`/v1/recipients/${recipient.id}?force=true`, { method: 'DELETE' });
      expect([removed.status, removed.body]).toEqual([204, '']);
      expect(await account.ok('/v1/subscriptions/svc_bill')).toMatchObject({ recipientIds: [], revision: 2 });
      expect((await account.call(`/v1/recipients/${recipient.id}`)).status).toBe(404);
    });

    it('that are the default one are in use, and another can become it', async () => {
      const account = await ground.account();
      const [owner] = (await account.ok('/v1/recipients')).items;
      expect(owner).toMatchObject({ email: account.ownerEmail, isDefault: true });
      expect(owner.verifiedAt).not.toBeNull();
      expect((await account.call(`/v1/recipients/${owner.id}`, { method: 'DELETE' })).status).toBe(409);
      const other = await account.recipient();
      const body = { defaultRecipientId: other.id };
      expect(await account.ok('/v1/account', { method: 'PATCH', body })).toMatchObject(body);
      expect((await account.call(`/v1/recipients/${owner.id}`, { method: 'DELETE' })).status).toBe(204);
      const foreign = await (await ground.account()).recipient();
      const refused = await account.call('/v1/account', { method: 'PATCH', body: { defaultRecipientId: foreign.id } });
      expect([refused.status, pathsOf(refused)]).toEqual([422, ['/defaultRecipientId']]);
    });

    it('are 50 at most, and are listed in pages that survive a removal', async () => {
      const account = await ground.account();
      const made = [(await account.ok('/v1/recipients')).items[0]];
      for (let count = 1; count < 50; count += 1) made.push(await account.recipient());
      const body = { name: 'One more', title: 'other', email: 'more@example.com' };
      expect((await account.call('/v1/recipients', { body })).status).toBe(422);
      const first = await account.ok('/v1/recipients?limit=20');
      await account.ok(`/v1/recipients/${first.items.at(-1).id}`, { method: 'DELETE' });
      const second = await account.ok(`/v1/recipients?limit=30&cursor=${first.nextCursor}`);
      expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(made.map(({ id }) => id));
      expect(second.nextCursor).toBeNull();
    }, 60_000);
  });

  describe('webhooks', () => {
    let receiver: Server;
    let address: string;
    let answer: (response: ServerResponse) => void;
    const received: { headers: IncomingHttpHeaders; body: string }[] = [];
    const ok = (response: ServerResponse) => response.writeHead(200).end('fine');
    const status =
      (code: number, headers: Record<string, string> = {}) =>
      (response: ServerResponse) =>
        response.writeHead(code, headers).end('no');

    beforeAll(async () => {
      receiver = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk) => chunks.push(chunk));
        request.on('end', () => {
          received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
          answer(response);
        });
      });
      await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
      address = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    });
    afterAll(() => {
      receiver?.closeAllConnections();
      receiver?.close();
    });

    const test = (account: AccountOnGround, id: string, headers: Record<string, string> = {}) =>
      account.ok(`/v1/webhooks/${id}/test`, { method: 'POST', headers });
    const dingtalk = 'https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdefPLANTED1';

    it('show their secret once, and their address masked', async () => {
      const account = await ground.account();
      const created = await account.webhook({ url: 'https://example.com/hooks/PLANTED0/abcd' });
      expect(created).toEqual({
        id: expect.any(String),
        name: 'ours',
        platform: 'webhook',
        url: 'https://example.com/…abcd',
        channel: null,
        hasSecret: true,
        keywords: [],
        status: 'enabled',
        statusReason: null,
        consecutiveFailures: 0,
        lastSuccessAt: null,
        createdAt: expect.any(String),
        secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
      });
      const { secret: _, ...shown } = created;
      expect(await account.ok(`/v1/webhooks/${created.id}`)).toEqual(shown);
      expect((await account.ok('/v1/webhooks')).items).toEqual([shown]);
    });

    it('keep no secret in an answer, in the history, or plain in the database', async () => {
      const account = await ground.account();
      const ding = await account.webhook({
        platform: 'dingtalk',
        url: dingtalk,
        secret: 'SECPLANTED2',
        keywords: ['Herald'],
      });
      const slack = await account.webhook({
        platform: 'slack',
        url: undefined,
        botToken: 'xoxb-PLANTED3',
        channel: '#ops',
      });
      const custom = await account.webhook({ url: `${address}/PLANTED4/x` });
      expect(ding).toMatchObject({ hasSecret: true, keywords: ['Herald'] });
      expect(slack).toMatchObject({ hasSecret: true, url: null, channel: '#ops' });
      await account.ok(`/v1/webhooks/${ding.id}`, { method: 'PATCH', body: { secret: 'SECPLANTED5' } });
      const { secret } = await account.ok(`/v1/webhooks/${custom.id}/rotate-secret`, { method: 'POST' });
      const shown = [ding, slack, { ...custom, secret: '' }, await account.ok('/v1/webhooks'), await account.history()];
      for (const table of ['settings.webhook', 'settings.history', 'settings.change']) {
        shown.push((await ground.database.query(`select * from ${table}`)).rows);
      }
      const text = JSON.stringify(shown);
      for (const planted of ['PLANTED', secret, custom.secret]) expect(text).not.toContain(planted);
    });

    it('say what is wrong with what was entered, where it was entered', async () => {
      const account = await ground.account();
      for (const [body, path] of [
        [{ platform: 'dingtalk', url: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1' }, '/url'],
        [{ platform: 'webhook', url: 'https://user:pass@example.com/x' }, '/url'],
        [{ platform: 'webhook', url: 'https://192.168.0.1/x' }, '/url'],
        [{ platform: 'webhook', url: 'ftp://example.com/x' }, '/url'],
        [{ platform: 'telegram', url: 'https://example.com/x' }, '/platform'],
        [{ platform: 'wecom', url: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1', secret: 'x' }, '/secret'],
      ] as const) {
        const refused = await account.call('/v1/webhooks', { body: { name: 'bad', ...body } });
        expect([body, refused.status, pathsOf(refused)]).toEqual([body, 422, [path]]);
      }
      const { id } = await account.webhook();
      const refused = await account.call(`/v1/webhooks/${id}`, {
        method: 'PATCH',
        body: { url: 'http://example.com/' },
      });
      expect([refused.status, pathsOf(refused)]).toEqual([422, ['/url']]);
      expect((await account.ok(`/v1/webhooks/${id}`)).url).toMatch(/^https:/);
    });

    it('25: begin a new revision with a new address and when switched on, not with a new name', async () => {
      const account = await ground.account();
      const { id } = await account.webhook();
      const revision = async () =>
        (await ground.database.query<{ revision: number }>('select revision from settings.webhook where id = $1', [id]))
          .rows[0]!.revision;
      const change = (body: object) => account.ok(`/v1/webhooks/${id}`, { method: 'PATCH', body });
      expect(await change({ name: 'Other' })).toMatchObject({ name: 'Other', status: 'enabled' });
      expect(await revision()).toBe(1);
      await ground.database.query(
        `update settings.webhook set status = 'failing', status_reason = 'why', consecutive_failures = 7, failing_since = now() where id = $1`,
        [id],
      );
      expect(await change({ url: 'https://example.com/other/address' })).toMatchObject({
        status: 'enabled',
        statusReason: null,
        consecutiveFailures: 0,
      });
      expect(await revision()).toBe(2);
      expect(await change({ status: 'disabled' })).toMatchObject({ status: 'disabled' });
      expect(await change({ url: 'https://example.com/third' })).toMatchObject({ status: 'disabled' });
      expect(await change({ status: 'enabled' })).toMatchObject({ status: 'enabled', statusReason: null });
      expect(await revision()).toBe(4);
    });

    it('in use are removed by force only', async () => {
      const account = await ground.account();
      const { id } = await account.webhook();
      await account.put('svc_bill', { channels: { webhook: 1 }, webhookIds: [id] });
      const refused = await account.call(`/v1/webhooks/${id}`, { method: 'DELETE' });
      expect([refused.status, pathsOf(refused)]).toEqual([409, ['/subscriptions/svc_bill']]);
      expect((await account.call(`/v1/webhooks/${id}?force=true`, { method: 'DELETE' })).status).toBe(204);
      expect((await account.ok('/v1/subscriptions/svc_bill')).webhookIds).toEqual([]);
    });

    it('are tested with a real message, signed as any other', async () => {
      answer = ok;
      const account = await ground.account();
      const webhook = await account.webhook({ name: 'ours *and* `theirs`', url: `${address}/fine` });
      const result = await test(account, webhook.id);
      expect(result).toEqual({
        delivered: true,
        providerCode: 'HTTP 200',
        providerMessage: 'fine',
        durationMs: expect.any(Number),
      });
      const { headers, body } = received.at(-1)!;
      const message = new StandardWebhook(webhook.secret).verify(body, headers as Record<string, string>) as any;
      expect(message.data).toMatchObject({ test: true, accountId: account.id, content: { locale: 'en-US' } });
      expect(message.data.content.text).toContain('ours *and* `theirs`');
    });

    it.each([
      [503, 'HTTP 503', undefined],
      [404, 'HTTP 404', 'endpoint-not-found'],
      [410, 'HTTP 410', 'endpoint-gone'],
      [302, 'HTTP 302', 'endpoint-redirects'],
    ])(
      'show what a provider answered (%d), and what to do about it in the caller’s language',
      async (code, providerCode, advice) => {
        answer = status(code, code === 302 ? { location: 'https://example.com/' } : {});
        const account = await ground.account();
        const { id } = await account.webhook({ url: `${address}/SECRETPATH` });
        const result = await test(account, id, { 'accept-language': 'fr, zh-CN;q=0.8, en;q=0.5' });
        expect(result).toMatchObject({ delivered: false, providerCode });
        expect(result.advice).toBe(adviceIn('zh-CN', advice));
        expect(JSON.stringify(result)).not.toContain('SECRETPATH');
        expect(JSON.parse(received.at(-1)!.body).data.content).toMatchObject({ locale: 'zh-CN', title: '测试消息' });
      },
    );

    it('do not keep the caller waiting for an endpoint that hangs', async () => {
      answer = () => {};
      const account = await ground.account();
      const { id } = await account.webhook({ url: `${address}/hangs` });
      const result = await test(account, id);
      expect(result).toMatchObject({ delivered: false, providerCode: 'TIMEOUT' });
    });

    it('are tested ten times a minute at most, which the answer says', async () => {
      answer = ok;
      const account = await ground.account();
      const { id } = await account.webhook({ url: `${address}/often` });
      const results = [];
      for (let tries = 0; tries < 12; tries += 1) results.push(await test(account, id));
      expect(results.filter(({ delivered }) => delivered).length).toBeGreaterThanOrEqual(10);
      const throttled = results.find(({ delivered }) => !delivered);
      expect(throttled).toMatchObject({ providerCode: 'THROTTLED', durationMs: 0 });
      expect(throttled.providerMessage).toMatch(/Try again in \d+ s/);
    });

    it('sign with the former secret too while it is being replaced', async () => {
      answer = ok;
      const account = await ground.account();
      const webhook = await account.webhook({ url: `${address}/rotates` });
      const { secret } = await account.ok(`/v1/webhooks/${webhook.id}/rotate-secret`, { method: 'POST' });
      expect(secret).not.toBe(webhook.secret);
      await test(account, webhook.id);
      const { headers, body } = received.at(-1)!;
      for (const one of [secret, webhook.secret]) {
        expect(() => new StandardWebhook(one).verify(body, headers as Record<string, string>)).not.toThrow();
      }
      const ding = await account.webhook({ platform: 'dingtalk', url: dingtalk });
      expect((await account.call(`/v1/webhooks/${ding.id}/rotate-secret`, { method: 'POST' })).status).toBe(422);
    });
  });

  describe('subscriptions', () => {
    it('are one per message type, resolved', async () => {
      const account = await ground.account();
      const { items, nextCursor } = await account.ok('/v1/subscriptions');
      expect(nextCursor).toBeNull();
      expect(items.map(({ scope }: any) => scope)).toEqual(publicSubtypes.map(({ code }) => code));
      expect(items).toHaveLength(34);
      expect(await account.ok('/v1/subscriptions/sec_account_security')).toEqual({
        scope: 'sec_account_security',
        category: 'security',
        inherited: true,
        policy: { inbox: -1, email: -1, webhook: 0 },
        channels: { inbox: -1, email: -1, webhook: 0 },
        recipientIds: null,
        webhookIds: [],
        rules: { minimumSeverity: 'info', includeKeywords: [], excludeKeywords: [] },
        revision: 0,
        updatedAt: null,
        updatedBy: null,
      });
    });

    it('copy what is inherited with the first change, then go their own way, and back', async () => {
      const account = await ground.account();
      const recipient = await account.recipient();
      const webhook = await account.webhook();
      const category = await account.put('service', {
        channels: { webhook: 1 },
        recipientIds: [recipient.id],
        webhookIds: [webhook.id],
      });
      expect(category).toMatchObject({ status: 200, body: { scope: 'service', inherited: false, revision: 1 } });
      const inherited = await account.ok('/v1/subscriptions/svc_bill');
      expect(inherited).toMatchObject({
        inherited: true,
        channels: { inbox: -1, email: 1, webhook: 1 },
        recipientIds: [recipient.id],
      });
      const own = await account.put('svc_bill', { rules: { minimumSeverity: 'warning' } });
      expect(own.body).toMatchObject({
        inherited: false,
        revision: 1,
        channels: { inbox: -1, email: 1, webhook: 1 },
        recipientIds: [recipient.id],
        webhookIds: [webhook.id],
        rules: { minimumSeverity: 'warning', includeKeywords: [], excludeKeywords: [] },
        updatedBy: 'bootstrap',
      });
      await account.put('service', { channels: { webhook: 0 } });
      expect((await account.ok('/v1/subscriptions/svc_bill')).channels.webhook).toBe(1);
      expect((await account.ok('/v1/subscriptions/svc_invoice')).channels.webhook).toBe(0);
      expect((await account.call('/v1/subscriptions/svc_bill', { method: 'DELETE' })).status).toBe(204);
      expect(await account.ok('/v1/subscriptions/svc_bill')).toMatchObject({
        inherited: true,
        revision: 0,
        channels: { webhook: 0 },
      });
      const [entry] = (await account.ok('/v1/history?scope=svc_bill')).items;
      expect(entry).toMatchObject({
        action: 'subscription.reset',
        before: { inherited: false, rules: { minimumSeverity: 'warning' } },
        after: { inherited: true, channels: { webhook: 0 } },
      });
    });

    it('refuse a change of what somebody else has changed', async () => {
      const account = await ground.account();
      const put = (revision: number) =>
        account.call('/v1/subscriptions/svc_bill', { method: 'PUT', body: { revision, channels: { webhook: 1 } } });
      expect((await put(1)).status).toBe(409);
      const both = await Promise.all([put(0), put(0)]);
      expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
      expect(both.find(({ status }) => status === 409)!.body.detail).toContain('revision is 1');
      expect((await put(1)).body.revision).toBe(2);
    });

    it.each([
      ['sec_account_security', { email: 0 }, ['/channels/email']],
      ['sec_account_security', { inbox: 0, email: 1 }, ['/channels/inbox', '/channels/email']],
      ['act_promotion', { webhook: 1 }, ['/channels/webhook']],
      ['act_promotion', { webhook: -1 }, ['/channels/webhook']],
      ['svc_bill', { webhook: -1 }, ['/channels/webhook']],
      ['svc_bill', { email: -2 }, ['/channels/email']],
    ])('refuse %s %j', async (scope, channels, paths) => {
      const answer = await (await ground.account()).put(scope, { channels });
      expect([answer.status, pathsOf(answer)]).toEqual([422, paths]);
    });

    it('take back an unchanged -1 or -2', async () => {
      const account = await ground.account();
      expect(
        (await account.put('sec_account_security', { channels: { inbox: -1, email: -1, webhook: 1 } })).status,
      ).toBe(200);
      expect((await account.put('act_promotion', { channels: { webhook: -2, email: 1 } })).status).toBe(200);
    });

    it('leave REQUIRED and BANNED message types as they are when their category is set', async () => {
      const account = await ground.account();
      expect((await account.put('service', { channels: { email: 0, webhook: 1 } })).status).toBe(200);
      const channelsOf = async (scope: string) => (await account.ok(`/v1/subscriptions/${scope}`)).channels;
      expect(await channelsOf('svc_bill')).toEqual({ inbox: -1, email: 0, webhook: 1 });
      expect(await channelsOf('svc_terms_legal')).toEqual({ inbox: -1, email: -1, webhook: -2 });
    });

    it('take only recipients and webhooks of the account', async () => {
      const account = await ground.account();
      const foreign = await ground.account();
      const [recipient, webhook] = [await foreign.recipient(), await foreign.webhook()];
      const answer = await account.put('svc_bill', { recipientIds: [recipient.id], webhookIds: [webhook.id] });
      expect([answer.status, pathsOf(answer)]).toEqual([422, ['/recipientIds/0', '/webhookIds/0']]);
    });

    it('know the catalogue’s message types and categories alone, and not Herald’s own', async () => {
      const account = await ground.account();
      for (const scope of ['nonsense', 'herald_destination_failing', '__proto__']) {
        expect((await account.call(`/v1/subscriptions/${scope}`)).status).toBe(404);
        expect(
          (await account.call(`/v1/subscriptions/${scope}`, { method: 'PUT', body: { revision: 0 } })).status,
        ).toBe(404);
        expect((await account.call(`/v1/subscriptions/${scope}`, { method: 'DELETE' })).status).toBe(404);
      }
    });

    it('change together, or not at all', async () => {
      const account = await ground.account();
      const put = (...changes: object[]) => account.call('/v1/subscriptions', { method: 'PUT', body: { changes } });
      const bill = { scope: 'svc_bill', revision: 0, channels: { webhook: 1 } };
      const bad = await put(bill, { scope: 'sec_violation', revision: 0, channels: { email: 0 } });
      expect([bad.status, pathsOf(bad)]).toEqual([422, ['/changes/1/channels/email']]);
      const stale = await put(bill, { scope: 'svc_invoice', revision: 3 });
      expect([stale.status, stale.body.detail]).toEqual([409, expect.stringContaining('svc_invoice')]);
      const unknown = await put(bill, { scope: 'nonsense', revision: 0 }, bill);
      expect(pathsOf(unknown)).toEqual(['/changes/1/scope', '/changes/2/scope']);
      expect((await account.ok('/v1/subscriptions/svc_bill')).inherited).toBe(true);
      const good = await put(bill, { scope: 'svc_invoice', revision: 0, recipientIds: [] });
      expect(good.body.items).toMatchObject([
        { scope: 'svc_bill', channels: { webhook: 1 } },
        { scope: 'svc_invoice', recipientIds: [] },
      ]);
    });
  });

  describe('the history', () => {
    it('tells nothing of a change that changes nothing', async () => {
      const account = await ground.account();
      const [recipient, webhook] = [await account.recipient(), await account.webhook()];
      for (const [path, body] of [
        ['/v1/account', {}],
        ['/v1/account', { locale: 'en-US' }],
        [`/v1/recipients/${recipient.id}`, { name: recipient.name, email: recipient.email }],
        [`/v1/webhooks/${webhook.id}`, { name: webhook.name, status: 'enabled' }],
      ] as const) {
        await account.ok(path, { method: 'PATCH', body });
      }
      const actions = (await account.history()).items.map(({ action }) => action);
      expect(actions).toEqual(['webhook.created', 'recipient.created', 'account.created']);
    });

    it('says who changed what from what to what, newest first, in pages', async () => {
      const account = await ground.account();
      const owner = await account.owner();
      const recipient = await account.ok('/v1/recipients', {
        as: owner,
        body: { name: 'Ops', title: 'security', email: 'ops@example.com' },
      });
      await account.ok(`/v1/recipients/${recipient.id}`, { as: owner, method: 'PATCH', body: { name: 'Night' } });
      await account.ok('/v1/subscriptions/svc_bill', {
        as: owner,
        method: 'PUT',
        body: { revision: 0, channels: { email: 0 } },
      });
      const { items } = await account.history();
      expect(items.map(({ action }) => action)).toEqual([
        'subscription.updated',
        'recipient.updated',
        'recipient.created',
        'account.created',
      ]);
      expect(items[0]).toMatchObject({
        by: account.ownerEmail,
        scope: 'svc_bill',
        before: { inherited: true, channels: { email: 1 } },
        after: { inherited: false, channels: { email: 0 } },
      });
      expect(items[1]).toMatchObject({
        scope: `recipients/${recipient.id}`,
        before: { name: 'Ops' },
        after: { name: 'Night' },
      });
      expect(items[3]).toMatchObject({ by: 'bootstrap', before: null, after: { id: account.id } });
      const first = await account.ok('/v1/history?limit=3');
      const rest = await account.ok(`/v1/history?limit=3&cursor=${first.nextCursor}`);
      expect([...first.items, ...rest.items]).toEqual(items);
      expect((await account.ok('/v1/history?scope=svc_bill')).items).toHaveLength(1);
    });
  });

  describe('bad input', () => {
    let account: AccountOnGround;
    let id: string;
    beforeAll(async () => {
      account = await ground.account();
      ({ id } = await account.recipient());
    });
    const recipient = { name: 'Ops', title: 'other', email: 'ops@example.com' };

    it.each([
      ['an unknown field', { ...recipient, surprise: 1 }, ['/surprise']],
      ['a missing one', { name: 'Ops', title: 'other' }, ['/email']],
      ['a name of one character', { ...recipient, name: 'x' }, ['/name']],
      ['a name of 65', { ...recipient, name: '字'.repeat(65) }, ['/name']],
      ['a name of two lines', { ...recipient, name: 'two\nlines' }, ['/name']],
      ['a title that is none', { ...recipient, title: 'king' }, ['/title']],
      ['no address', { ...recipient, email: 'nobody' }, ['/email']],
      ['an address with a line break', { ...recipient, email: 'a@example.com\r\nBcc: b@example.com' }, ['/email']],
      ['a language that is not spoken', { ...recipient, locale: 'fr-FR' }, ['/locale']],
      ['a time zone that is none', { ...recipient, timeZone: 'Mars/Olympus' }, ['/timeZone']],
      ['NUL', { ...recipient, name: 'Op\u0000s' }, ['/name']],
      ['a lone surrogate', { ...recipient, name: 'Op\ud800s' }, ['/name']],
      ['every fault at once', { name: 'x', title: 'king', email: 'nobody' }, ['/name', '/title', '/email']],
      ['a list', [recipient], ['']],
      ['nothing', undefined, ['']],
    ])('%s is 422', async (_what, body, paths) => {
      const answer = await account.call('/v1/recipients', body === undefined ? { method: 'POST' } : { body });
      expect([answer.status, pathsOf(answer)]).toEqual([422, paths]);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.headers.get('x-request-id')).toBeTruthy();
    });

    it('a name of 64 characters outside the first plane is fine', async () => {
      const name = '💥'.repeat(64);
      expect((await account.recipient({ name })).name).toBe(name);
    });

    it.each([
      ['POST', '/v1/recipients', { raw: '{' }, 400],
      ['POST', '/v1/recipients', { raw: '{"__proto__": {}}' }, 400],
      ['POST', '/v1/recipients', { raw: 'x', headers: { 'content-type': 'text/plain' } }, 415],
      ['POST', '/v1/recipients', { raw: JSON.stringify({ name: 'x'.repeat(300_000) }) }, 413],
      ['GET', '/v1/recipients?surprise=1', {}, 422],
      ['GET', '/v1/recipients?limit=0', {}, 422],
      ['GET', '/v1/recipients?limit=101', {}, 422],
      ['GET', '/v1/recipients?cursor=nonsense', {}, 422],
      ['GET', `/v1/recipients?cursor=${Buffer.from('["x","y"]').toString('base64url')}`, {}, 422],
      ['GET', `/v1/history?cursor=${Buffer.from('["1; drop"]').toString('base64url')}`, {}, 422],
      ['GET', '/v1/recipients/not-an-id', {}, 422],
      ['PATCH', '/v1/recipients/:id', { body: { verifiedAt: '2026-01-01T00:00:00Z' } }, 422],
      ['DELETE', '/v1/recipients/:id?force=maybe', {}, 422],
      ['PUT', '/v1/subscriptions/svc_bill', { body: { channels: { email: 0 } } }, 422],
      [
        'PUT',
        '/v1/subscriptions/svc_bill',
        { body: { revision: 0, rules: { includeKeywords: ['x'.repeat(65)] } } },
        422,
      ],
      [
        'PUT',
        '/v1/subscriptions/svc_bill',
        { body: { revision: 0, rules: { includeKeywords: Array(21).fill('x') } } },
        422,
      ],
      ['PUT', '/v1/subscriptions', { body: { changes: [] } }, 422],
      ['PATCH', '/v1/account', { body: { labels: {} } }, 422],
      ['GET', '/v1/nowhere', {}, 404],
    ] as const)('%s %s is %j: %d', async (method, path, options, status) => {
      const answer = await account.call(path.replace(':id', id), { method, ...options });
      expect(answer.status).toBe(status);
      expect(answer.body).toMatchObject({ type: 'about:blank', status, title: expect.any(String) });
    });
  });
});
